"""The gallery: the table's uploads as thumbnails, with the same cursor, marks and actions."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from textual.pilot import Pilot

from tests.ui.conftest import PATIENCE_SECONDS, Window, add, open_library_at, window_on
from tests.ui.uploads.test_snapshots import SMALL, OwnLibraryApp, before
from vuemantics_tui import paths
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.media import Place
from vuemantics_tui.domain.moment import DateEdit
from vuemantics_tui.ui.uploads.gallery import Gallery
from vuemantics_tui.ui.uploads.table import UploadTable
from vuemantics_tui.ui.uploads.tiles import SMALLEST, Grid, Layout
from vuemantics_tui.ui.viewer.screen import ViewerScreen

SIZE = (120, 36)
ANTIBES = Place("Antibes", "Provence-Alpes-Côte d'Azur", "France", "FR")
NICE = Place("Nice", "Provence-Alpes-Côte d'Azur", "France", "FR")
Compare = Callable[..., bool]


async def fill(root: Path, tmp_path: Path, count: int) -> None:
    """A library with so many photos, all completed, of colours that differ."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(count):
        colour = (250 - number * 7, 40 + number * 5, number * 9)
        halves = Image.new("RGB", (60, 40), colour)
        halves.paste((255, 255, 255), (30, 0, 60, 13))
        halves.save(folder / f"photo {number:02}.png")
    library = await open_library_at(root)
    await add(library, *sorted(folder.iterdir()))
    await library.queue.start()
    while (await library.queue.store.counts()).completed < count:
        await library.uploads.newest(limit=1)
    await library.close()


def right_half(window: Window) -> str:
    return "\n".join(line[len(line) // 2 :] for line in window.text().splitlines())


def name_under_cursor(window: Window) -> str:
    row = window.uploads.cursor_row
    return "" if row is None else row.filename


def gallery_of(window: Window) -> Gallery:
    return window.app.screen_stack[0].query_one(Gallery)


@pytest.mark.parametrize("width", [39, 59, 79, 119, 199])
@pytest.mark.parametrize("size", range(len(SMALLEST)))
def test_tiles_fill_the_width_without_a_margin_at_the_right(width: int, size: int) -> None:
    grid = Grid.of(width, 30, size)
    ends = [start + grid.width for start in grid.columns]
    assert grid.columns[0] == 1
    assert width - 2 - len(ends) < ends[-1] <= width - 1
    # There is room for a frame between them, and as little more as can be.
    gaps = {start - end for start, end in zip(grid.columns[1:], ends, strict=False)}
    assert all(1 <= gap <= 2 for gap in gaps)
    assert grid.row_height + 2 <= 30


def test_tiles_stand_in_their_groups_and_are_found_there() -> None:
    grid = Grid.of(79, 24, 3)  # three side by side
    layout = Layout(grid, (4, 1, 3), headed=True)
    places = [layout.spot(index) for index in range(8)]
    assert [(spot.group, spot.row, spot.column) for spot in places] == [
        *((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0)),
        *((1, 0, 0), (2, 0, 0), (2, 0, 1), (2, 0, 2)),
    ]
    for index in range(8):
        tile = layout.region(index)
        assert layout.at(tile.x, tile.y) == layout.at(tile.right - 1, tile.bottom - 1) == index
        assert layout.at(tile.x - 1, tile.y) != index != layout.at(tile.x, tile.y - 1)
    assert layout.at(40, layout.region(4).y) is None
    # Down and up keep to their column as far as a row has it.
    down = [2]
    for _ in range(4):
        down.append(layout.down(down[-1], 1, 2))
    assert down == [2, 3, 4, 7, 7]
    assert layout.down(7, -1, 2) == 4
    assert layout.down(7, -9, 2) == 2


async def test_the_gallery_shows_pictures_and_moves_the_tables_cursor(root: Path, tmp_path: Path) -> None:
    await fill(root, tmp_path, 23)
    async with window_on(root, size=SIZE, captions=True) as window:
        await window.shows("photo 22.png")
        await window.press("g")
        await window.until(lambda: window.app.focused is gallery_of(window), "the gallery has the keys")
        await window.until(lambda: any(block in window.text() for block in "▀▄█"), "pictures")
        table = window.table
        assert table.cursor_line == 0
        columns = 5
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
        assert window.text().count(" ✓ ") == 2
        await window.press("d")
        await window.until(lambda: len(window.uploads) == 1)
        await window.until(lambda: "photo 02.png" not in window.text())
        await window.press("enter")
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))


async def test_a_double_click_opens_what_is_under_the_mouse(root: Path, tmp_path: Path) -> None:
    await fill(root, tmp_path, 3)
    async with window_on(root, size=SIZE) as window:
        await window.shows("photo 02.png")
        await window.pilot.click(UploadTable, offset=(10, 2), times=2)
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))
        assert window.table.cursor_line == 2
        await window.press("escape", "home")
        await window.press("g")
        await window.until(lambda: window.app.focused is gallery_of(window))
        await window.pilot.click(Gallery, offset=(30, 5))
        assert window.table.cursor_line == 1
        await window.pilot.click(Gallery, offset=(30, 5), times=2)
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))


async def test_what_is_added_joins_the_gallery_and_a_search_fills_it(
    root: Path, tmp_path: Path, draw: Callable[..., Path]
) -> None:
    await fill(root, tmp_path, 2)
    async with window_on(root, size=SIZE, process=True, captions=True) as window:
        await window.shows("photo 01.png")
        await window.press("g")
        await window.until(lambda: window.app.focused is gallery_of(window))
        await add(window.library, draw("newer.png"))
        await window.shows("newer.png", "3 uploads")
        await window.press("slash", *"nothing like this", "enter")
        await window.until(lambda: window.app.focused is gallery_of(window))
        await window.press("escape")
        await window.shows("newest first", "photo 00.png")


async def test_a_small_window_has_fewer_columns(root: Path, tmp_path: Path) -> None:
    await fill(root, tmp_path, 7)
    async with window_on(root, size=SMALL, captions=True) as window:
        await window.shows("photo 06.png")
        await window.press("g")
        captions = ("photo 06.png", "photo 05.png", "photo 04.png")
        await window.until(lambda: any(all(name in line for name in captions) for line in window.text().splitlines()))
        assert not any("photo 04.png" in line and "photo 03.png" in line for line in window.text().splitlines())


async def fill_by_date(root: Path, tmp_path: Path) -> None:
    """Photos of three days, some of them with a place, a stack, one that is hidden and one that failed."""
    await fill(root, tmp_path, 14)
    library = await open_library_at(root)
    uploads = (await library.uploads.newest())[::-1]
    ids = [upload.id for upload in uploads]
    for moment, some in (("2024-05-30", ids[:5]), ("2024-06-02 09:12", ids[5:10]), ("2024-06-03", ids[10:13])):
        await library.dates.edit(some, DateEdit.of(moment))
    await library.places.set(ids[5:10], ANTIBES)
    await library.places.set(ids[10:13], NICE)
    await library.uploads.set_hidden(ids[6:7], True)
    await library.stacks.make([upload.number for upload in uploads[11:13]])
    await library.close()
    connection = sqlite3.connect(paths.database_file(root))
    with connection:
        connection.execute(
            "UPDATE uploads SET mime_type = 'video/mp4', file_type = 'video', duration = 12 WHERE number = 2"
        )
        connection.execute(
            "UPDATE uploads SET processing_status = 'failed', stage = 'failed', error_message = 'cut short',"
            " thumbnail_path = NULL WHERE number = 4"
        )
    connection.close()


def test_looks(snap_compare: Compare, tmp_path: Path) -> None:
    asyncio.run(fill_by_date(tmp_path / "library", tmp_path))

    async def show(pilot: Pilot[None]) -> None:
        await before(12, "g", "o", "t", "home", "down", "space", "space", shows="2 marked")(pilot)
        gallery = pilot.app.screen.query_one(Gallery)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while gallery.loading_tiles:
                await pilot.pause(0.02)
        await pilot.pause(0.1)

    assert snap_compare(OwnLibraryApp(tmp_path / "library"), terminal_size=SIZE, run_before=show)


async def test_a_jump_to_a_date_takes_three_keys_and_sorts_by_date(root: Path, tmp_path: Path) -> None:
    await fill_by_date(root, tmp_path)
    async with window_on(root, size=SIZE, clock=lambda: datetime(2025, 6, 3, 12, tzinfo=UTC)) as window:
        await window.shows("photo 13.png")
        await window.press("J")
        await window.shows("Jump to a date", "June 2024", "6 uploads")
        await window.press("down", "down", "enter")
        await window.until(lambda: window.uploads.is_by_date)
        await window.until(lambda: name_under_cursor(window) == "photo 11.png", "the latest of 2024")
        await window.shows("Sorted by the date taken")
        # A digit alone chooses, too; and what is typed is a date as in a search.
        await window.press("J", "1", "enter")
        await window.until(lambda: name_under_cursor(window) == "photo 13.png")
        await window.press("J", *"may 2024", "enter")
        await window.until(lambda: name_under_cursor(window) == "photo 04.png")
        await window.press("J", *"last summer", "enter")
        await window.until(lambda: name_under_cursor(window) == "photo 11.png")
        await window.press("J", *"1999", "enter")
        await window.shows("Nothing from 1999. The nearest is from Thu 30 May 2024.")
        await window.press("J", *"foo", "enter")
        await window.shows("'foo' is not a date. Try 2019, June 2019")
        await window.press("escape")
        assert window.uploads.results is None, "it filters nothing"


async def test_this_day_is_a_search_that_can_be_narrowed(root: Path, tmp_path: Path) -> None:
    await fill_by_date(root, tmp_path)
    async with window_on(root, size=SIZE, clock=lambda: datetime(2025, 6, 2, 12, tzinfo=UTC)) as window:
        await window.shows("photo 13.png")
        await window.press("^")
        await window.shows("day:2-jun before:2025")
        await window.until(lambda: len(window.uploads) == 4, "those of 2 June but for the hidden one")
        await window.press("g")
        await window.shows("Sun 2 June 2024", "Antibes, France · 4")


async def test_tiles_change_their_size_and_show_names_and_both_are_remembered(root: Path, tmp_path: Path) -> None:
    await fill(root, tmp_path, 7)
    async with window_on(root, size=SIZE) as window:
        await window.shows("photo 06.png")
        await window.press("g")
        await window.until(lambda: window.app.focused is gallery_of(window))
        await window.shows("photo 06.png · ")
        assert "photo 05.png" not in window.text()
        await window.press("z")
        await window.shows("photo 05.png", "photo 02.png")
        await window.press("minus")
        await window.press("down")
        await window.until(lambda: window.table.cursor_line in (0, 6), "all seven in a row, or nearly")
        await window.press("home", "plus", "plus", "plus", "down")
        await window.until(lambda: window.table.cursor_line == 3)
        await window.until(lambda: paths.settings_file().exists() and "captions" in paths.settings_file().read_text())
        settings = Settings.load(environment={})
        assert settings.captions
        assert settings.tile_size > 4


async def test_the_mouse_selects_marks_and_marks_up_to_there(root: Path, tmp_path: Path) -> None:
    await fill(root, tmp_path, 7)
    async with window_on(root, size=SIZE) as window:
        await window.shows("photo 06.png")
        await window.press("g")
        await window.until(lambda: window.app.focused is gallery_of(window))
        await window.pilot.click(Gallery, offset=(30, 5), control=True)
        assert window.uploads.marks.numbers == {window.uploads[1]}
        await window.pilot.click(Gallery, offset=(100, 5), shift=True)
        assert window.uploads.marks.numbers == {window.uploads[line] for line in (1, 2, 3, 4)}
        await window.pilot.click(Gallery, offset=(5, 5))
        assert window.table.cursor_line == 0
        assert len(window.uploads.marks) == 4


async def test_dragging_the_scrollbar_says_the_month(root: Path, tmp_path: Path) -> None:
    await fill_by_date(root, tmp_path)
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("photo 13.png")
        await window.press("g", "o", "t", "home")
        await window.shows("Mon 3 June 2024")
        bar = gallery_of(window).vertical_scrollbar
        await window.pilot.mouse_down(bar, offset=(0, 1))
        await window.pilot.hover(bar, offset=(0, 16))
        await window.until(
            lambda: any("May 2024" in line[60:] for line in window.text().splitlines()), "beside the thumb"
        )
        await window.pilot.mouse_up(bar, offset=(0, 16))
        await window.until(lambda: "May 2024" not in right_half(window))
