"""The gallery: the table's uploads as thumbnails, with the same cursor, marks and actions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from textual.pilot import Pilot

from tests.ui.conftest import PATIENCE_SECONDS, Window, add, open_library_at, window_on
from tests.ui.uploads.test_snapshots import SIZES, SMALL, OwnLibraryApp, before
from vuemantics_tui.ui.uploads.gallery import Gallery, Grid
from vuemantics_tui.ui.viewer.screen import ViewerScreen

SIZE = (120, 36)
Compare = Callable[..., bool]


async def fill(root: Path, tmp_path: Path, count: int) -> None:
    """A library with so many photos, all completed, of colours that differ."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(count):
        colour = (250 - number * 7, 40 + number * 5, number * 9)
        halves = Image.new("RGB", (60, 40), colour)
        halves.paste((255, 255, 255), (30, 0, 60, 40))
        halves.save(folder / f"photo {number:02}.png")
    library = await open_library_at(root)
    await add(library, *sorted(folder.iterdir()))
    await library.queue.start()
    while (await library.queue.store.counts()).completed < count:
        await library.uploads.newest(limit=1)
    await library.close()


def gallery_of(window: Window) -> Gallery:
    return window.app.screen_stack[0].query_one(Gallery)


def test_a_window_is_parted_into_columns() -> None:
    assert Grid.of(119).columns == 5
    assert Grid.of(79).columns == 3
    assert Grid.of(10).columns == 1
    assert Grid.of(119).rows(11) == 3


async def test_the_gallery_shows_pictures_and_moves_the_tables_cursor(root: Path, tmp_path: Path) -> None:
    await fill(root, tmp_path, 23)
    async with window_on(root, size=SIZE) as window:
        await window.shows("photo 22.png")
        await window.press("g")
        await window.until(lambda: window.app.focused is gallery_of(window), "the gallery has the keys")
        await window.until(lambda: any(block in window.text() for block in "▀▄█"), "pictures")
        table = window.table
        assert table.cursor_line == 0
        columns = Grid.of(gallery_of(window).scrollable_content_region.width).columns
        for key, line in (("right", 1), ("down", 1 + columns), ("left", columns), ("up", 0), ("up", 0), ("left", 0)):
            await window.press(key)
            assert table.cursor_line == line, key
        await window.press("end")
        assert table.cursor_line == 22
        await window.shows("photo 00.png")
        await window.press("pageup")
        assert table.cursor_line < 22
        await window.press("home")
        assert table.cursor_line == 0
        await window.press("pagedown")
        assert table.cursor_line >= columns
        at = table.cursor_line
        await window.press("g")
        await window.until(lambda: window.app.focused is table)
        assert table.cursor_line == at


async def test_marks_and_actions_work_in_the_gallery(root: Path, tmp_path: Path) -> None:
    await fill(root, tmp_path, 3)
    async with window_on(root, size=SIZE) as window:
        await window.shows("photo 02.png")
        await window.press("g")
        await window.until(lambda: window.app.focused is gallery_of(window))
        await window.press("space", "space")
        await window.shows("2 marked")
        assert "▌✓ photo 02.png" in window.text()
        await window.press("d")
        await window.until(lambda: len(window.uploads) == 1)
        await window.until(lambda: "photo 02.png" not in window.text())
        await window.press("enter")
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))


async def test_a_double_click_opens_what_is_under_the_mouse(root: Path, tmp_path: Path) -> None:
    await fill(root, tmp_path, 3)
    async with window_on(root, size=SIZE) as window:
        await window.shows("photo 02.png")
        await window.press("g")
        await window.until(lambda: window.app.focused is gallery_of(window))
        await window.pilot.click(Gallery, offset=(30, 4))
        assert window.table.cursor_line == 1
        await window.pilot.click(Gallery, offset=(30, 4), times=2)
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))


async def test_what_is_added_joins_the_gallery_and_a_search_fills_it(
    root: Path, tmp_path: Path, draw: Callable[..., Path]
) -> None:
    await fill(root, tmp_path, 2)
    async with window_on(root, size=SIZE, process=True) as window:
        await window.shows("photo 01.png")
        await window.press("g")
        await window.until(lambda: window.app.focused is gallery_of(window))
        await add(window.library, draw("newer.png"))
        await window.shows("newer.png", "3 completed")
        await window.press("slash", *"nothing like this", "enter")
        await window.until(lambda: window.app.focused is gallery_of(window))
        await window.press("escape")
        await window.shows("newest first", "photo 00.png")


async def test_a_small_window_has_fewer_columns(root: Path, tmp_path: Path) -> None:
    await fill(root, tmp_path, 7)
    async with window_on(root, size=SMALL) as window:
        await window.shows("photo 06.png")
        await window.press("g")
        captions = ("photo 06.png", "photo 05.png", "photo 04.png")
        await window.until(lambda: any(all(name in line for name in captions) for line in window.text().splitlines()))
        assert not any("photo 04.png" in line and "photo 03.png" in line for line in window.text().splitlines())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_looks(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    asyncio.run(fill(tmp_path / "library", tmp_path, 23))

    async def show(pilot: Pilot[None]) -> None:
        await before(23, "g", "right", shows="photo 22.png")(pilot)
        gallery = pilot.app.screen.query_one(Gallery)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while gallery.loading_tiles:
                await pilot.pause(0.02)
        await pilot.pause(0.1)

    assert snap_compare(OwnLibraryApp(tmp_path / "library"), terminal_size=size, run_before=show)
