"""The one feed: whoever writes, those that follow are told once, and no more often than an eye can follow."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from textual.message import Message
from textual.widgets import Static

from tests.ui.conftest import Made, Window, make_library, open_library_at, window_on
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.ui import feed
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader, TimePassed


class Follower(Static):
    """Keeps what the feed told it."""

    def __init__(self) -> None:
        super().__init__("")
        self.told: list[LibraryChanged] = []
        self.aged = 0

    def on_mount(self) -> None:
        Feed.of(self).follow(self)

    def on_library_changed(self, message: LibraryChanged) -> None:
        self.told.append(message)

    def on_time_passed(self) -> None:
        self.aged += 1

    @property
    def changed(self) -> set[int]:
        return {number for message in self.told for number in message.changed}


async def following(window: Window) -> Follower:
    await window.shows("1.png")
    follower = Follower()
    await window.app.screen.mount(follower)
    return follower


async def test_what_another_program_changes_is_told_by_its_numbers_with_the_counts(root: Path) -> None:
    await make_library(root, [Made("1.png", "failed", "failed"), Made("2.png"), Made("3.png")])
    async with window_on(root) as window:
        follower = await following(window)
        other = await open_library_at(root)
        try:
            uploads = {upload.filename: upload for upload in await other.uploads.newest()}
            await other.queue.retry([uploads["1.png"].id])
            await other.trash.put([uploads["2.png"].id])
        finally:
            await other.close()
        await window.until(lambda: any(message.deleted for message in follower.told))
        assert follower.changed == {uploads["1.png"].number}
        assert follower.told[-1].deleted == {uploads["2.png"].number}
        counts = follower.told[-1].counts
        assert (counts.total, counts.waiting, counts.failed) == (2, 1, 0)
        assert Feed.of(follower).counts == counts


async def test_what_moves_no_upload_is_told_too(root: Path) -> None:
    await make_library(root, [Made("1.png")])
    async with window_on(root) as window:
        follower = await following(window)
        await window.library.search.save("stills", "type:image")
        await window.until(lambda: bool(follower.told))
        assert follower.told[-1].moved == frozenset()


async def test_many_changes_are_told_in_few_messages_and_none_is_lost(root: Path) -> None:
    await make_library(root, [Made(f"{number}.png") for number in range(1, 60)])
    async with window_on(root) as window:
        follower = await following(window)
        uploads = await window.library.uploads.newest()
        begun = time.monotonic()
        for upload in uploads:
            await window.library.uploads.set_hidden([upload.id], True)
        await window.until(lambda: follower.changed == {upload.number for upload in uploads})
        assert len(follower.told) <= (time.monotonic() - begun) / feed.LOOK_SECONDS + 1


async def test_where_nothing_happens_nothing_is_told_but_the_passing_of_time(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_library(root, [Made("1.png")])
    monkeypatch.setattr(feed, "AGE_SECONDS", 0.5)
    async with window_on(root) as window:
        follower = await following(window)
        await window.until(lambda: follower.aged >= 2)
        assert follower.told == []


async def test_a_follower_that_is_gone_is_told_nothing_and_a_store_that_refuses_for_a_while_is_followed_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_library(root, [Made("1.png")])
    async with window_on(root) as window:
        gone, follower = await following(window), await following(window)
        await gone.remove()
        counts = window.library.queue.store.counts

        async def refuse() -> object:
            raise LibraryError("The library is locked", "Wait.")

        monkeypatch.setattr(window.library.queue.store, "counts", refuse)
        await window.library.search.save("stills", "type:image")
        await window.shows("The library is locked")
        monkeypatch.setattr(window.library.queue.store, "counts", counts)
        await window.library.search.save("clips", "type:video")
        await window.until(lambda: bool(follower.told))
        assert gone.told == []


class Reading(Static):
    """Reads what takes a while."""

    def __init__(self) -> None:
        super().__init__("")
        self.moments: list[float] = []
        self.ended = 0
        self.go_on = asyncio.Event()
        self.failing = False

    def on_mount(self) -> None:
        self.reader = Reader(self, self.read, rest=0.0)

    @property
    def begun(self) -> int:
        return len(self.moments)

    async def read(self) -> None:
        self.moments.append(time.monotonic())
        if self.failing:
            raise LibraryError("The library is locked", "Wait.")
        await self.go_on.wait()
        self.ended += 1


async def test_a_reader_reads_once_at_a_time_and_again_for_what_was_wanted_meanwhile(root: Path) -> None:
    await make_library(root, [Made("1.png")])
    async with window_on(root) as window:
        await window.shows("1.png")
        reading = Reading()
        await window.app.screen.mount(reading)
        for _ in range(5):
            reading.reader.want()
        await window.until(lambda: reading.begun == 1)
        for _ in range(5):
            reading.reader.want()
        assert (reading.begun, reading.ended) == (1, 0)
        reading.go_on.set()
        await window.until(lambda: reading.ended == 2)
        reading.failing = True
        reading.reader.want()
        await window.shows("The library is locked")
        reading.failing = False
        await window.until(lambda: reading.ended == 3, "what failed is read again")
        assert reading.moments[3] - reading.moments[2] >= 0.9 * feed.RETRY_SECONDS, "but not without a rest"


def test_the_messages_of_the_feed_go_to_those_that_follow_alone() -> None:
    kinds: list[type[Message]] = [LibraryChanged, TimePassed, feed.WorkProgressed]
    assert not any(kind.bubble for kind in kinds)
