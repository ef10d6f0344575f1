"""The list of the main screen: order, filter, marks, searches, what runs on top; and what moves in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.ui.conftest import Made, Window, add, make_library, make_rows, open_library_at, window_on
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.domain.upload import QueueCounts, UploadRow
from vuemantics_tui.domain.view import View
from vuemantics_tui.library import Library
from vuemantics_tui.ui.uploads.upload_list import Change, UploadList

Draw = Callable[..., Path]

FEW = [
    Made("banana.png", size=300_000),
    Made("Apple.png", size=100_000),
    Made("cherry.mp4", size=200_000, file_type="video"),
    Made("broken.png", "failed", "failed", 20, error="Processing failed: on purpose", kind="permanent", size=50_000),
]


def names(window: Window) -> list[str]:
    """The names of the uploads as they stand on the screen, from top to bottom."""
    return [name for name, _ in window.rows()]


async def counts(window: Window) -> QueueCounts:
    """What the store says."""
    return await window.library.queue.store.counts()


async def shown(window: Window, *expected: str) -> None:
    """Wait for these rows, in this order."""
    await window.until(lambda: names(window) == list(expected), f"rows {expected}, are {names(window)}")


async def test_sorting_takes_two_keys_and_says_so(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await shown(window, "broken.png", "cherry.mp4", "Apple.png", "banana.png")
        await window.press("o")
        await window.shows("Sort by", "n   name", "again reverses the order", "Esc cancel")
        await window.press("n")
        await window.shows("name, a to z · c clears")
        await shown(window, "Apple.png", "banana.png", "broken.png", "cherry.mp4")
        await window.press("o", "s")
        await window.shows("largest first", "Name ")
        await shown(window, "banana.png", "cherry.mp4", "Apple.png", "broken.png")
        await window.press("o", "s")
        await window.shows("smallest first")
        await shown(window, "broken.png", "Apple.png", "cherry.mp4", "banana.png")
        await window.press("O")
        await window.shows("largest first")
        await window.press("o", "escape", "c")
        await window.shows("newest first")
        await shown(window, "broken.png", "cherry.mp4", "Apple.png", "banana.png")


async def test_a_filter_keeps_up_with_the_store_and_one_key_clears_it(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await shown(window, "broken.png", "cherry.mp4", "Apple.png", "banana.png")
        await window.press("f", "f")
        await window.shows("failed only")
        await shown(window, "broken.png")
        make_rows(root, [Made("later.png", "failed", "failed", 5, error="Processing failed: too", kind="permanent")])
        await shown(window, "later.png", "broken.png")
        await window.press("f", "w")
        await window.shows("No uploads: ", "waiting only · c clears")
        await window.press("c")
        await shown(window, "later.png", "broken.png", "cherry.mp4", "Apple.png", "banana.png")


async def test_a_list_of_nothing_but_hidden_ones_says_where_they_are(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("banana.png")
        await window.press("*", "H")
        await window.shows("All uploads are hidden. f, then h includes them.")
        await window.press("f", "h")
        await shown(window, "broken.png", "cherry.mp4", "Apple.png", "banana.png")


async def test_a_range_and_all_can_be_marked(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("banana.png")
        await window.press("V", "down", "down")
        await window.shows("3 marked")
        await window.press("up")
        await window.shows("2 marked")
        await window.press("V", "end")
        await window.shows("2 marked")
        await window.press("*")
        await window.shows("4 marked")
        await window.press("d")
        await window.shows("This library is empty")
        assert (await counts(window)).total == 0


async def test_going_back_twice_at_once_ends_where_going_back_once_does(root: Path) -> None:
    await make_library(root, FEW)
    library = await open_library_at(root)
    try:
        uploads = UploadList(library, View())
        await uploads.refresh()
        await uploads.search("name:none")
        assert len(uploads) == 0
        # A second Escape drops what the first one began.
        first = asyncio.create_task(uploads.leave_results())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await uploads.leave_results()
        assert len(uploads) == len(FEW)
    finally:
        await library.close()


async def test_a_search_shows_scores_and_leads_back_to_where_one_was(root: Path, draw: Draw) -> None:
    await make_library(root)
    async with window_on(root, size=(100, 24), process=True) as window:
        await add(window.library, *(draw(f"square-{number}.png") for number in range(3)))
        await window.shows("3 completed")
        await window.press("down")
        before = window.uploads.cursor_number
        await window.press("/", *"square", "enter")
        await window.shows("3 results for square", "Match", "0.9")
        await window.until(lambda: window.app.focused is window.table)
        await window.press("end", "escape")
        await window.shows("newest first", "Taken")
        await window.until(lambda: window.uploads.cursor_number == before, "the cursor is where it was")
        await window.press("n")
        await window.shows("3 results for square")


async def test_typing_finds_by_itself_and_up_brings_past_searches(root: Path, draw: Draw) -> None:
    await make_library(root)
    async with window_on(root, size=(100, 24), process=True) as window:
        await add(window.library, draw("one.png"))
        await window.shows("1 completed")
        await window.press("/", *"red")
        await window.shows("1 result for red")
        await window.press("enter", "escape", "/")
        await window.until(lambda: window.app.focused is not window.table)
        await window.until(lambda: bool(window.search_input.past))
        await window.press("up")
        assert window.search_input.value == "red"
        await window.press("escape")
        await window.shows("newest first")


async def test_what_is_similar_and_the_way_back(root: Path, draw: Draw) -> None:
    await make_library(root)
    async with window_on(root, size=(110, 24), process=True) as window:
        await add(window.library, draw("one.png"), draw("two.png"), draw("three.png"))
        await window.shows("3 completed")
        await window.lists("three.png", "two.png", "one.png")
        await window.press("/", *"red sort:name", "enter")
        await window.shows("3 results for red")
        await window.press("down", "s")
        await window.shows("/ similar to three.png", "2 uploads")
        assert "like:" not in window.text()
        await window.press("home", "s")
        await window.until(lambda: "similar to three.png" not in window.text() and "similar to" in window.text())
        await window.press("escape")
        await window.shows("/ similar to three.png")
        await window.press("escape")
        await window.shows("/ red sort:name", "3 results for red")
        row = window.uploads.cursor_row
        assert row is not None
        assert row.filename == "three.png", "the cursor is where it was"
        await window.press("escape")
        await window.shows("newest first")
        assert window.search_input.value == ""


async def test_a_search_for_what_is_similar_can_be_narrowed_and_saved(root: Path, draw: Draw) -> None:
    await make_library(root)
    async with window_on(root, size=(110, 24), process=True) as window:
        await add(window.library, draw("one.png"), draw("two.png"), draw("three.png"))
        await window.shows("3 completed")
        await window.lists("three.png", "two.png", "one.png")
        await window.press("home", "s")
        await window.shows("/ similar to three.png")
        await window.pilot.click("#similar-words")
        await window.shows("/ like:")
        await window.press("down")
        await window.shows("/ similar to three.png")
        await window.press("/")
        await window.shows("/ like:")
        await window.press("end", *" name:one", "enter")
        await window.shows("1 upload similar to three.png")
        await window.press("S", *"like three", "enter")
        await window.shows("Saved.")
        assert [saved.name for saved in await window.library.search.saved.all()] == ["like three"]


async def test_running_ones_are_on_top_and_go_back_to_their_place(root: Path, draw: Draw) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await shown(window, "broken.png", "cherry.mp4", "Apple.png", "banana.png")
        other = await open_library_at(root)
        try:
            await other.queue.retry([(await other.uploads.newest())[-1].id])
            await window.shows("· banana.png")
            await window.library.queue.start(window.app.launch_worker)
            await window.until(lambda: names(window)[0] != "banana.png" and "1 waiting" not in window.text())
        finally:
            await other.close()
        assert names(window)[-1] == "banana.png"


# Without a screen


async def listed(library: Library) -> UploadList:
    uploads = UploadList(library, View())
    await uploads.catch_up()
    return uploads


async def test_what_was_deleted_and_restored_before_it_was_taken_in_stays(root: Path) -> None:
    await make_library(root, FEW)
    library = await open_library_at(root)
    try:
        uploads = await listed(library)
        number = uploads[1]
        uploads.note(frozenset(), {number})
        uploads.note({number}, frozenset())
        await uploads.catch_up()
        assert number in uploads
        uploads.note({number}, frozenset())
        uploads.note(frozenset(), {number})
        await uploads.catch_up()
        assert number not in uploads and len(uploads) == len(FEW) - 1
    finally:
        await library.close()


async def test_what_could_not_be_taken_in_is_taken_in_the_next_time(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_library(root, FEW)
    library = await open_library_at(root)
    try:
        uploads = await listed(library)

        async def refuse(numbers: Sequence[int]) -> list[UploadRow]:
            raise LibraryError("The library is locked", "Wait a little.")

        make_rows(root, [Made("later.png")])
        uploads.note({len(FEW) + 1}, {uploads[0]})
        with monkeypatch.context() as patched:
            patched.setattr(library.uploads, "rows", refuse)
            with pytest.raises(LibraryError):
                await uploads.catch_up()
        await uploads.catch_up()
        assert [uploads[line] for line in range(len(uploads))] == [5, 3, 2, 1]
    finally:
        await library.close()


async def test_those_who_draw_it_hear_what_moved(root: Path) -> None:
    await make_library(root, FEW)
    library = await open_library_at(root)
    try:
        uploads = await listed(library)
        heard: list[Change] = []
        uploads.listeners.append(heard.append)
        uploads.move_to(2)
        uploads.move_to(2)
        assert (heard, uploads.cursor_number) == ([Change.CURSOR], 2)
        uploads.toggle_mark()
        assert (heard[1:], uploads.targets) == ([Change.MARKS, Change.CURSOR], [2])
        del heard[:]
        uploads.note(frozenset(), {2})
        await uploads.catch_up()
        assert heard == [Change.SHIFTED, Change.MARKS]
        assert (uploads.cursor_number, uploads.targets) == (1, [1])
    finally:
        await library.close()
