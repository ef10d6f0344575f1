"""Which upload runs when: slots, stopping, pausing, taking over, other windows."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.conftest import DEADLINE_SECONDS, DrawPicture, OpenLibrary, add_all, being_described, settled, until
from tests.doubles import ScriptedAnalyzer
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.processing.scheduler import Running, fate_of, launch_task, this_process
from vuemantics_tui.store.queue import ClaimStore, Fate


async def test_no_more_run_than_there_are_workers(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await open_library(analyzer, workers=2)
    await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(5)))
    await library.queue.start()

    async def four_have_their_thumbnails() -> bool:
        thumbnails = [upload.thumbnail_path for upload in await library.uploads.newest()]
        return sum(path is not None for path in thumbnails) == 4

    await until(four_have_their_thumbnails)
    counts = await library.queue.store.counts()
    assert (counts.running, counts.waiting) == (2, 3)
    assert (len(analyzer.described), library.queue.in_flight) == (2, 4)
    assert analyzer.gate is not None
    analyzer.gate.set()
    await settled(library)
    assert (await library.queue.store.counts()).completed == 5


async def test_what_runs_when_it_stops_waits_again(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await open_library(analyzer)
    await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(4)))
    await library.queue.start()
    await being_described(library, analyzer)
    await library.queue.stop()
    counts = await library.queue.store.counts()
    assert (counts.waiting, counts.running) == (4, 0)
    assert {upload.attempts for upload in await library.uploads.newest()} == {0}


async def test_one_that_never_got_to_its_first_step_is_given_back_too(
    open_library: OpenLibrary, draw_picture: DrawPicture, caplog: pytest.LogCaptureFixture
) -> None:
    class Stillborn:
        def cancel(self) -> None:
            """Nothing runs."""

        async def wait(self) -> None:
            """Nothing ran."""
            raise RuntimeError("a defect of whatever launched it")

    launched: list[str] = []

    def launch(name: str, _work: Callable[[], Awaitable[None]]) -> Running:
        launched.append(name)
        return Stillborn()

    library = await open_library()
    await add_all(library, draw_picture())
    await library.queue.start(launch)

    async def is_launched() -> bool:
        return bool(launched)

    await until(is_launched)
    await library.queue.stop()
    assert "a defect of whatever launched it" in caplog.text
    await library.queue.start(launch_task)
    await settled(library)
    assert (await library.queue.store.counts()).completed == 1


async def test_paused_for_all_who_share_the_library(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    here, there = await open_library(), await open_library()
    await there.queue.set_paused(True)
    feed = here.changes()
    await feed.skip_to_now()
    (result,) = await add_all(here, draw_picture())
    assert result.upload is not None
    await here.queue.start()
    with pytest.raises(LibraryError, match="paused"):
        async for _ in here.queue.ended(feed, {result.upload.number}):
            pass
    await there.queue.set_paused(False)
    await settled(here)


async def test_what_another_window_adds_is_processed_and_seen_here(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    here, there = await open_library(), await open_library()
    await here.queue.start()
    (result,) = await add_all(there, draw_picture())
    assert result.upload is not None
    await settled(there)
    assert await here.search.run("tabby")
    await there.trash.put([result.upload.id])
    assert await here.search.run("tabby") == []


async def test_a_deleted_upload_gives_its_slot_free(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await open_library(analyzer, workers=1)
    results = await add_all(library, draw_picture("a.png", 1), draw_picture("b.png", 2))
    await library.queue.start()
    await being_described(library, analyzer)
    assert results[0].upload is not None
    await library.trash.put([results[0].upload.id])

    async def second_described() -> bool:
        return len(analyzer.described) == 2

    await until(second_described)


async def test_a_cancelled_run_ends_here_and_in_another_window_and_a_retry_is_whole(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    here, there = await open_library(analyzer, workers=1), await open_library()
    (result,) = await add_all(here, draw_picture())
    assert result.upload is not None
    await here.queue.start()
    await being_described(here, analyzer)
    assert await here.queue.cancel([result.upload.id]) == [result.upload.id]
    assert await here.queue.retry([result.upload.id]) == [result.upload.id]

    async def begun_again() -> bool:
        return len(analyzer.described) == 2

    await until(begun_again)
    assert await there.queue.cancel([result.upload.id]) == [result.upload.id]
    assert analyzer.gate is not None
    analyzer.gate.set()

    async def slot_is_free() -> bool:
        return here.queue.in_flight == 0

    await until(slot_is_free)
    upload = await here.uploads.get(result.upload.id)
    assert upload is not None
    assert (upload.word, upload.description) == ("cancelled", None)
    await here.queue.retry([upload.id])
    await settled(here)
    assert (await here.queue.store.counts()).completed == 1


async def test_the_time_left_comes_from_what_was_done_before(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library(workers=2)
    (first,) = await add_all(library, draw_picture("a.png", 1))
    assert await library.queue.seconds_left() is None, "nothing is known"
    await library.queue.start()
    await settled(library)
    assert await library.queue.seconds_left() is None, "nothing waits"
    assert first.upload is not None
    took = sum(event.seconds or 0 for event in await library.history.of(first.upload.number))
    await library.queue.stop()
    await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(2, 8)))
    assert await library.queue.seconds_left() == pytest.approx(6 * took / 2)


async def test_the_time_left_follows_from_what_each_stage_may_do_at_a_time(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library(workers=4, describe_limit=1)
    (first,) = await add_all(library, draw_picture("a.png", 1))
    await library.queue.start()
    await settled(library)
    assert first.upload is not None
    took = {event.kind: event.seconds or 0 for event in await library.history.of(first.upload.number)}
    await library.queue.stop()
    await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(2, 8)))
    one = took["thumbnail"] / 4 + took["described"] + took["completed"] / 4
    assert await library.queue.seconds_left() == pytest.approx(6 * one)


async def test_a_store_in_trouble_stops_nothing_for_good(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = await open_library()
    await add_all(library, draw_picture())
    whole = ClaimStore.claim_next
    refusals: list[int] = []

    async def refuse_once(self: ClaimStore) -> object:
        if not refusals:
            refusals.append(1)
            raise LibraryError("locked")
        return await whole(self)

    monkeypatch.setattr(ClaimStore, "claim_next", refuse_once)
    await library.queue.start()
    await settled(library)
    assert refusals


def test_who_is_dead() -> None:
    here = this_process()
    assert fate_of(here.encode(), here) is Fate.ALIVE
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        alive = replace(here, pid=child.pid, start=psutil.Process(child.pid).create_time())
        assert fate_of(alive.encode(), here) is Fate.ALIVE
    finally:
        child.kill()
        # Not waited for yet: the child is a zombie, which has its process id still but will never work again.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert fate_of(alive.encode(), here) is Fate.DIED
        child.communicate()
    assert fate_of(alive.encode(), here) is Fate.DIED
    assert fate_of(replace(here, start=here.start - 3600).encode(), here) is Fate.DIED, "the process id was used again"
    assert fate_of(replace(here, boot="another").encode(), here) is Fate.RESTARTED, "the machine was started anew"
    assert fate_of(replace(here, host="elsewhere", pid=1, boot="x").encode(), here) is Fate.ALIVE
    assert fate_of("of another version", here) is Fate.ALIVE


async def test_what_a_killed_process_left_is_finished(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await open_library()
    await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(3)))
    script = f"""
import asyncio, os, signal
from pathlib import Path
from tests.doubles import ScriptedAnalyzer, ThreadCompute
from vuemantics_tui.config import Settings
from vuemantics_tui.library import Library

async def main():
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await Library.open(
        Settings(library=Path({str(library.root)!r})), analyzer=analyzer, compute=ThreadCompute()
    )
    await library.queue.start()
    await analyzer.reached.wait()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], cwd=Path(__file__).parents[2], timeout=DEADLINE_SECONDS
    )
    assert ended.returncode == -9
    counts = await library.queue.store.counts()
    assert counts.running >= 1
    await library.queue.start()
    await settled(library)
    uploads = await library.uploads.newest()
    assert [upload.status for upload in uploads] == ["completed"] * 3
    for upload in uploads:
        kinds = [event.kind for event in await library.history.of(upload.number)]
        assert kinds.count("completed") == 1


def test_launching_by_name() -> None:
    async def main() -> str:
        names: list[str] = []

        async def work() -> None:
            task = asyncio.current_task()
            assert task is not None
            names.append(task.get_name())

        await launch_task("the upload", work).wait()
        return names[0]

    assert asyncio.run(main()) == "the upload"
