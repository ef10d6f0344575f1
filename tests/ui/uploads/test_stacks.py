"""Stacks in the app: one line with a sign, opened and closed, acted on as a whole, made and taken apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.ui.conftest import Made, Window, add, make_library, window_on

Draw = Callable[..., Path]
FEW = [Made("one.png"), Made("two.png"), Made("three.png"), Made("four.png")]


def names(window: Window) -> list[str]:
    """The names of the uploads as they stand on the screen, from top to bottom, with the sign of a stack."""
    signs = [(name, re.search(r"❐ (\d+)", line)) for name, line in window.rows()]
    return [f"{name} ❐{sign[1]}" if sign else name for name, sign in signs]


async def shown(window: Window, *expected: str) -> None:
    """Wait for these rows, in this order."""
    await window.until(lambda: names(window) == list(expected), f"rows {expected}, are {names(window)}")


async def stack(window: Window, *filenames: str) -> None:
    """Stack the uploads with these names."""
    numbers = {upload.filename: upload.number for upload in await window.library.uploads.newest()}
    await window.library.stacks.make([numbers[filename] for filename in filenames])


async def test_what_is_added_goes_into_its_stack(root: Path, draw: Draw) -> None:
    await make_library(root)
    async with window_on(root, size=(100, 24), process=True) as window:
        await add(window.library, draw("beach.png"), draw("other.png"), draw("beach-edited.png"))
        await shown(window, "beach-edited.png ❐2", "other.png")
        await window.shows("3 uploads", "3 completed")


async def test_the_pane_lists_what_is_inside(root: Path, draw: Draw) -> None:
    await make_library(root)
    async with window_on(root, size=(120, 36), process=True) as window:
        await add(window.library, draw("beach.png"), draw("beach-edited.png"))
        await window.shows("❐ 2 · edited", "▸ beach-edited.png (edited)", "beach.png (original)")
        await window.press("L")
        await window.shows("a stack of 2 uploads")
        await window.press("end")
        await window.shows("▸ beach.png (original)")


async def test_a_stack_is_opened_and_closed(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await shown(window, "four.png", "three.png", "two.png", "one.png")
        await window.press("L")
        await window.shows("This upload is not in a stack.")
        await stack(window, "three.png", "one.png")
        await window.until(lambda: len(names(window)) == 3 and "❐" in window.text(), "one line for two, with its sign")
        covers = names(window)
        await window.press("space", "home", *["down"] * covers.index(next(name for name in covers if "❐" in name)))
        await window.press("L")
        await window.shows("a stack of 2 uploads · Esc goes back")
        assert {name.split()[0] for name in names(window)} == {"one.png", "three.png"}
        assert "marked" not in window.text()
        await window.press("escape")
        await shown(window, *covers)
        await window.shows("1 marked")
        assert window.uploads.cursor_row is not None
        assert window.uploads.cursor_row.stack_count == 2


async def test_the_trash_takes_the_whole_unless_it_is_opened(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await stack(window, "three.png", "two.png", "one.png")
        await window.until(lambda: len(names(window)) == 2, "one line for three")
        await window.press("end", "d")
        await shown(window, "four.png")
        await window.press("u")
        await window.shows("Restored 3 uploads.")
        await window.until(lambda: len(names(window)) == 2, "one line for three")
        await window.press("end", "L")
        await window.shows("a stack of 3 uploads")
        (cover, *others) = names(window)
        await window.press("home", "d")
        await window.shows(f"Moved {cover.split()[0]} to the trash.")
        # Another one takes its place.
        await window.shows("a stack of 2 uploads")
        await window.press("escape")
        await window.until(lambda: any(f"{name} ❐2" in names(window) for name in others), "another cover")


async def test_stacks_are_made_and_taken_apart_and_both_is_undone(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await shown(window, "four.png", "three.png", "two.png", "one.png")
        await window.press("M")
        await window.shows("Mark the uploads that belong together first.")
        await window.press("space", "space", "M")
        await window.shows("Stacked 2 uploads. u undoes.")
        await window.until(lambda: len(names(window)) == 3, "one line for two")
        await window.press("u")
        await shown(window, "four.png", "three.png", "two.png", "one.png")
        await window.press("*", "M")
        await window.until(lambda: len(names(window)) == 1, "one line for all")
        await window.press("L")
        await window.shows("a stack of 4 uploads")
        await window.press("end", "N")
        await window.shows("is the cover of its stack. u undoes.")
        await window.press("end", "X")
        await window.shows("out of its stack. u undoes.", "a stack of 3 uploads")
        await window.press("escape")
        await window.until(lambda: len(names(window)) == 2, "one was taken out")
        await window.press("u")
        await window.until(lambda: len(names(window)) == 1, "one line for all again")
        await window.press("X")
        await shown(window, "four.png", "three.png", "two.png", "one.png")


async def test_the_gallery_shows_the_sign(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await stack(window, "four.png", "one.png")
        await window.until(lambda: len(names(window)) == 3, "one line for two")
        await window.press("g")
        await window.shows("❐ 2")


async def test_a_search_shows_the_cover_and_leaves_an_opened_stack(root: Path, draw: Draw) -> None:
    await make_library(root)
    async with window_on(root, size=(100, 24), process=True) as window:
        await add(window.library, draw("beach.png"), draw("other.png"), draw("beach-edited.png"))
        await shown(window, "beach-edited.png ❐2", "other.png")
        await window.press("home", "L")
        await window.shows("a stack of 2 uploads")
        await window.press("/", *"is:stack", "enter")
        await window.shows("1 result for is:stack")
        await shown(window, "beach-edited.png ❐2")
        await window.press("L")
        await window.shows("a stack of 2 uploads")
        await window.press("escape")
        await window.shows("1 result for is:stack")
        await window.press("escape")
        await shown(window, "beach-edited.png ❐2", "other.png")


async def test_the_viewer_deletes_the_whole_unless_it_is_opened(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await stack(window, "two.png", "one.png")
        await window.until(lambda: len(names(window)) == 3, "one line for two")
        await window.press("end", "enter", "d")
        await window.shows("Moved 2 uploads to the trash.")
        await window.press("u", "escape")
        await window.until(lambda: len(names(window)) == 3, "back in the list")
        await window.press("end", "L")
        await window.shows("a stack of 2 uploads")
        await window.press("enter", "d")
        await window.shows(".png to the trash.")


async def test_the_mark_of_a_stack_that_is_deleted_from_inside_goes_with_it(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await shown(window, "four.png", "three.png", "two.png", "one.png")
        await stack(window, "four.png", "three.png")
        await window.until(lambda: names(window)[1:] == ["two.png", "one.png"], "one line for two")
        await window.press("space", "home", "L")
        await window.shows("a stack of 2 uploads")
        await window.press("*", "d")
        await shown(window, "two.png", "one.png")
        await window.until(lambda: not window.uploads.opened)
        assert len(window.uploads.marks) == 0
