"""The trash, tags of one's own, saved searches, and the look at older uploads in the bar."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ui.conftest import NOW, Made, add, make_library, window_on
from vuemantics_tui.library import Queue, Tag
from vuemantics_tui.processing.backfill import BackfillProgress
from vuemantics_tui.ui.screens.ask import AskInput
from vuemantics_tui.ui.screens.saved import SavedScreen
from vuemantics_tui.ui.screens.trash import TrashScreen, left_words
from vuemantics_tui.ui.uploads.commands import TagChanges, tag_begun
from vuemantics_tui.ui.widgets.one_line import Words

Draw = Callable[..., Path]
ROWS = [Made("banana.png"), Made("Apple.png"), Made("cherry.png")]


async def test_what_is_deleted_is_in_the_trash_and_comes_back(root: Path) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("cherry.png")
        await window.press("d")
        await window.shows("Moved cherry.png to the trash. u undoes.", "2 uploads")
        await window.press("T")
        await window.shows("Trash  1 upload", "cherry.png", "2.4 MB · deleted just now · 30 days left")
        await window.press("enter")
        await window.shows("Restored cherry.png.", "The trash is empty.")
        assert "delete for ever" not in window.text()
        await window.press("escape")
        await window.shows("3 uploads", "cherry.png")


async def test_the_last_deletion_is_taken_back_whole(root: Path) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("cherry.png")
        await window.press("u")
        await window.shows("Nothing to undo.")
        await window.press("d")
        await window.shows("2 uploads")
        await window.press("*", "d")
        await window.shows("This library is empty")
        await window.press("u")
        await window.shows("Restored 2 uploads. U redoes.", "banana.png", "Apple.png")
        await window.press("u")
        await window.shows("Restored cherry.png. U redoes.", "3 uploads")
        await window.press("U")
        await window.shows("Moved cherry.png to the trash. u undoes.", "2 uploads")


async def test_the_trash_is_emptied_after_asking(root: Path) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("cherry.png")
        await window.press("*", "d")
        await window.shows("This library is empty")
        await window.press("T")
        await window.shows("Trash  3 uploads, 7.2 MB", "cherry.png")
        for key in ("x", "delete", "d"):
            await window.press(key)
            await window.shows("permanently?", "This cannot be undone.")
            await window.press("escape")
            await window.until(lambda: isinstance(window.app.screen, TrashScreen))
        assert (await window.library.trash.store.count())[0] == 3
        await window.press("d", "y")
        await window.shows("Trash  2 uploads")
        await window.press("X")
        await window.shows("Delete 2 uploads permanently?")
        await window.press("y")
        await window.shows("The trash is empty.")
        assert (await window.library.trash.store.count())[0] == 0


async def test_no_more_is_deleted_for_ever_than_was_asked_about(root: Path) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("cherry.png")
        cherry, apple, banana = await window.library.uploads.newest()
        await window.library.trash.put([cherry.id, apple.id])
        await window.press("T")
        await window.shows("Trash  2 uploads")
        await window.press("X")
        await window.shows("Delete 2 uploads permanently?")
        await window.library.trash.restore([cherry.id])
        await window.library.trash.put([banana.id])
        await window.press("y")
        await window.shows("Deleted 1 upload.", "banana.png")
        assert [entry.upload.id for entry in await window.library.trash.store.contents()] == [banana.id]
        assert await window.library.uploads.get(cherry.id) is not None


async def test_the_cursor_moves_in_the_trash(root: Path) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("cherry.png")
        await window.press("*", "d")
        await window.shows("This library is empty")
        await window.press("T")
        await window.shows("Trash  3 uploads")
        list_ = window.app.screen.query_one("#list")
        await window.until(lambda: list_.has_focus)
        for key, place in [("end", 2), ("up", 1), ("k", 0), ("j", 1), ("down", 2), ("home", 0), ("pagedown", 2)]:
            await window.press(key)
            assert list_.highlighted == place  # type: ignore[attr-defined]
        await window.press("r")
        await window.shows("Trash  2 uploads")
        await window.press("q")
        await window.until(lambda: not isinstance(window.app.screen, TrashScreen))


@pytest.mark.parametrize(
    ("age", "days", "words"),
    [
        (timedelta(0), 30, "30 days left"),
        (timedelta(days=29, hours=1), 30, "1 day left"),
        (timedelta(days=31), 30, "removed at the next start"),
        (timedelta(days=400), 0, "kept until you empty the trash"),
    ],
)
def test_how_long_it_is_still_kept(age: timedelta, days: int, words: str) -> None:
    assert left_words((NOW - age).isoformat(), days, NOW) == words


# Tags


async def test_tags_are_given_completed_and_taken_away(root: Path, draw: Draw) -> None:
    await make_library(root)
    async with window_on(root, size=(120, 30), process=True) as window:
        await add(window.library, draw("one.png"), draw("two.png"))
        await window.shows("2 completed")
        await window.press("*", "t")
        await window.shows("Tag 2 uploads")
        await window.press(*"rome, album:trip", "enter")
        await window.shows("Tagged 2 uploads.", "▤ trip", " rome")
        assert {tag.name: (tag.count, tag.album) for tag in await window.library.tags.own()} == {
            "rome": (2, False),
            "trip": (2, True),
        }
        await window.lists("two.png", "one.png")
        assert "2 marked" in window.text(), "for the next thing to do to them"
        await window.press("escape", "home", "t")
        await window.shows("Tag two.png", "Your tags: ")
        await window.press(*"-ro")
        await window.shows("-rome")
        await window.press("tab")
        await window.press("enter")
        await window.shows("Removed tags from two.png. u undoes.")
        await window.until(lambda: " rome" not in window.text())
        newest = (await window.library.uploads.newest())[0]
        assert newest.own_tags == ("trip",)


async def test_a_second_enter_neither_repeats_nor_stops_what_is_being_done(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 24)) as window:
        change, go_on, begun = window.library.tags.change, asyncio.Event(), 0

        async def late(*arguments: Any, **options: Any) -> int:
            nonlocal begun
            begun += 1
            await go_on.wait()
            return await change(*arguments, **options)

        monkeypatch.setattr(window.library.tags, "change", late)
        await window.shows("cherry.png")
        await window.press("t", *"rome", "enter", "enter", "enter")
        go_on.set()
        await window.shows("Tagged cherry.png. u undoes.")
        assert begun == 1


async def test_a_completion_of_another_line_is_not_taken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("cherry.png")
        await window.library.tags.add([(await window.library.uploads.newest())[0].id], ["rome"])
        beginning, go_on = window.library.tags.beginning, asyncio.Event()

        async def late(prefix: str, limit: int = 8) -> list[Tag]:
            if prefix == "rox":
                await go_on.wait()
            return await beginning(prefix, limit)

        monkeypatch.setattr(window.library.tags, "beginning", late)
        await window.press("t", *"ro")
        message = window.app.screen.query_one("#ask-message", Words)
        await window.until(lambda: "rome" in str(message.render()))
        await window.press("x", "tab")
        assert window.app.screen.query_one(AskInput).value == "rox"
        go_on.set()


async def test_a_tag_without_a_name_is_refused_in_the_field(root: Path) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("cherry.png")
        await window.press("t")
        await window.shows("Tag cherry.png")
        await window.press("+", "enter")
        await window.shows("✗ A tag needs a name.")
        await window.press("escape")
        await window.shows("newest first")
        assert await window.library.tags.own() == []


async def test_the_place_of_many_uploads_is_set_at_once(root: Path) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(120, 24)) as window:
        await window.shows("cherry.png")
        await window.press("space", "space", "P")
        await window.shows("Place of 2 uploads", "No place is known. Type one.")
        await window.press("enter")
        await window.shows("A place needs a name.")
        await window.press(*"Roma, IT", "enter")
        await window.shows("Changed the place of 2 uploads.")
        found = {each.filename: each.place_words for each in await window.library.uploads.newest()}
        assert found == {"cherry.png": "Rome, Lazio, Italy", "Apple.png": "Rome, Lazio, Italy", "banana.png": ""}
        await window.press("escape", "P", *"rom")
        await window.shows("Place of banana.png", "Rome, Lazio, Italy")
        await window.press("tab", "enter")
        await window.shows("Changed the place of banana.png.", "Rome, Lazio, Italy")
        await window.press("u")
        await window.shows("Restored the place of banana.png. U redoes.")
        assert [each.place for each in await window.library.uploads.newest()] == ["Rome", "Rome", None]


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("rome", TagChanges(("rome",), (), ())),
        (
            "new york, +rome -blue, album:Rome 2024",
            TagChanges(("new york", "rome", "Rome 2024"), ("Rome 2024",), ("blue",)),
        ),
        ("-album:x, well-known", TagChanges(("well-known",), (), ("x",))),
        (" , ", TagChanges((), (), ())),
    ],
)
def test_what_a_line_of_tags_says(text: str, changes: TagChanges) -> None:
    assert TagChanges.of(text) == changes


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("ro", ("", "", "ro")),
        ("a, -ro", ("a, ", "-", "ro")),
        ("+a -new y", ("+a ", "-", "new y")),
        ("album:Ro", ("", "album:", "Ro")),
    ],
)
def test_which_tag_is_being_typed(text: str, begun: tuple[str, str, str]) -> None:
    assert tag_begun(text) == begun


# Saved searches


@pytest.mark.parametrize("width", [80, 120])
async def test_a_search_is_saved_counted_run_and_forgotten(root: Path, width: int) -> None:
    await make_library(root, [*ROWS, Made("clip.mp4", file_type="video")])
    async with window_on(root, size=(width, 24)) as window:
        await window.shows("clip.mp4")
        await window.press("B")
        await window.shows("No saved searches or albums yet", "run it and press S.", "mark and press @.")
        await window.press("escape", "S")
        await window.until(lambda: not isinstance(window.app.screen, SavedScreen))
        await window.press("/", *"type:image", "enter")
        await window.shows("3 results for type:image")
        await window.press("S")
        await window.shows("Save this search as")
        await window.press("enter")
        await window.shows("✗ A saved search needs a name.")
        await window.press(*"stills", "enter")
        await window.shows("Saved. B shows saved searches.")
        await window.press("escape")
        await window.shows("clip.mp4")
        await window.press("B")
        await window.shows("stills  3", "type:image")
        await window.press("home", "end", "up", "down", "pageup", "pagedown", "enter")
        await window.shows("3 results for type:image")
        assert window.search_input.value == "type:image"
        await window.press("B")
        for key in ("x", "delete", "d"):
            await window.shows("stills  3")
            await window.press(key)
            await window.shows("Removed stills. u undoes.", "No saved searches or albums yet")
            assert await window.library.search.saved.all() == []
            await window.press("u")
        await window.shows("stills  3")
        await window.press("q")
        await window.until(lambda: not isinstance(window.app.screen, SavedScreen))


async def test_albums_stand_with_the_saved_searches(root: Path) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("cherry.png")
        ids = [upload.id for upload in await window.library.uploads.newest()]
        await window.library.tags.add(ids[:2], ["Rome 2024"], album=True)
        await window.library.tags.add(ids[2:], ["mere tag"])
        await window.library.search.save("stills", "type:image")
        await window.press("B")
        await window.shows("stills  3", "▤ Rome 2024  2", "x remove")
        assert "mere tag" not in window.text()
        await window.press("end")
        await window.shows("x end album")
        await window.press("enter")
        await window.shows('2 results for tag:"Rome 2024"', "cherry.png", "Apple.png")
        await window.press("B", "end", "x")
        await window.shows("Rome 2024 is a plain tag. Its uploads keep it. u undoes.", "stills  3", "x remove")
        assert "▤" not in window.text()
        assert [(tag.name, tag.album) for tag in await window.library.tags.own()] == [
            ("mere tag", False),
            ("Rome 2024", False),
        ]


async def test_the_cursor_stays_on_its_saved_search_and_slow_counts_come(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("cherry.png")
        await window.library.search.save("stills", "type:image")
        counts, go_on = window.library.search.counts, asyncio.Event()

        async def late() -> dict[str, int | None]:
            await go_on.wait()
            return await counts()

        monkeypatch.setattr(window.library.search, "counts", late)
        await window.press("B")
        await window.shows("stills")
        await window.library.search.save("a first one", "type:video")
        go_on.set()
        await window.shows("stills  3", "a first one")
        await window.press("x")
        await window.shows("Removed stills.")
        assert [one.name for one in await window.library.search.saved.all()] == ["a first one"]


async def test_the_bar_says_how_far_the_look_at_older_uploads_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 24)) as window:
        progress: list[BackfillProgress | None] = [BackfillProgress(120, 5000)]
        monkeypatch.setattr(Queue, "backfill", property(lambda queue: progress[0]))
        await window.shows("reading 2% of 5,000")
        progress[0] = None
        await window.until(lambda: "reading" not in window.text())


async def test_dates_are_set_shifted_and_undone(root: Path) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(100, 30)) as window:
        await window.shows("cherry.png")
        await window.press("C")
        await window.shows("Date of cherry.png", "No date is known. Type one.")
        await window.press(*"24:10", "enter")
        await window.shows("'24:10' is not a date")
        await window.press(*["backspace"] * 5, *"2024-03-05 14:30", "enter")
        await window.shows("Changed the date of cherry.png. u undoes.")
        await window.press("*", "C")
        await window.shows("Date of 3 uploads", "Taken 5 Mar 2024 14:30.")
        await window.press(*"2024-03-06", "enter")
        await window.shows("Changed the date of 3 uploads. u undoes.")
        await window.press("escape", "C")
        await window.shows("Taken 6 Mar 2024, set by hand.")
        await window.press(*"-1d", "enter")
        await window.shows("Changed the date of cherry.png. u undoes.")
        await window.press("u")
        await window.shows("Restored the date of cherry.png.")
        await window.press("u")
        await window.shows("Marked 3 uploads again.")
        await window.press("u")
        await window.shows("Restored the date of 3 uploads.")
        (cherry,) = [each for each in await window.library.uploads.newest() if each.filename == "cherry.png"]
        assert (cherry.taken_at, cherry.taken_from) == ("2024-03-05T14:30:00", "hand")
        await window.press("C", *"file", "enter", "C")
        await window.shows("No date is known. Type one.")


async def test_an_album_takes_three_keys_and_is_undone_in_another_session(root: Path) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(120, 24)) as window:
        await window.shows("cherry.png")
        await window.press("at", "R", "enter")
        await window.shows("Made the album R with cherry.png. u undoes.")
        await window.press("down", "at", "r")
        await window.shows("Your albums: R")
        await window.press("tab", "enter")
        await window.shows("Added Apple.png to R. u undoes.")
    async with window_on(root, size=(120, 24)) as window:
        await window.shows("cherry.png")
        await window.press("u")
        await window.shows("Removed the tag R from Apple.png. U redoes.")
        await window.press("u")
        await window.shows("Removed the tag R from cherry.png. U redoes.")
        assert await window.library.tags.own() == []
        await window.press("U")
        await window.shows("Added the tag R to cherry.png. u undoes.")


async def test_escape_goes_back_one_step_and_marks_come_back(root: Path) -> None:
    await make_library(root, ROWS)
    async with window_on(root, size=(120, 24)) as window:
        await window.shows("cherry.png")
        await window.press("space", "space")
        await window.shows("2 marked")
        await window.press("slash", *"name:a", "enter")
        await window.shows("2 results", "2 marked")
        await window.press("escape")
        await window.shows("newest first", "2 marked")
        await window.press("escape")
        await window.shows("Cleared 2 marks. u undoes.")
        await window.press("u")
        await window.shows("Marked 2 uploads again. U redoes.", "2 marked")
        await window.press("U")
        await window.shows("Cleared the marks.")
        await window.press("4")
        await window.shows("Rated")
        await window.press("u")
        await window.shows("Restored the rating")
        await window.press("u")
        await window.shows("Marked 2 uploads again.")
