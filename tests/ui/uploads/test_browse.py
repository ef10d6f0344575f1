"""The side list to narrow by."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.ui.conftest import PATIENCE_SECONDS, PICTURE_SIZE, Made, Window, make_library, open_library_at, window_on
from tests.ui.screen_text import screen_text
from tests.ui.uploads.test_snapshots import OwnLibraryApp
from vuemantics_tui import paths
from vuemantics_tui.ui.uploads.browse import Browse
from vuemantics_tui.ui.uploads.screen import UploadsScreen

TRIP = [
    Made("forum.jpg"),
    Made("castle.jpg"),
    Made("harbour.mp4", file_type="video"),
    Made("beach.jpg"),
]


async def trip(root: Path) -> None:
    """A library with two pictures and a clip from France, one of them of holidays, and a picture from Italy."""
    await make_library(root, TRIP)
    library = await open_library_at(root)
    try:
        ids = {each.filename: each.id for each in await library.uploads.newest()}
        for name, place in (("forum.jpg", "Rome, Italy"), ("castle.jpg", "Antibes, France")):
            await library.set_place([ids[name]], place)
        await library.set_place([ids["harbour.mp4"], ids["beach.jpg"]], "Nice, France")
        await library.tags.add([ids["beach.jpg"], ids["forum.jpg"]], ["holiday"])
        await library.ratings.rate([ids["castle.jpg"]], 4)
    finally:
        await library.close()
    with sqlite3.connect(paths.database_file(root)) as connection:
        connection.execute("UPDATE uploads SET mime_type = 'video/mp4' WHERE file_type = 'video'")
    connection.close()


async def cursor_on(window: Window, name: str) -> None:
    """Move the cursor down to an entry."""
    browse = window.app.screen.query_one(Browse)
    for _ in range(browse.line_count):
        entry = browse.cursor_entry
        if entry is not None and entry.path[-1] == name:
            return
        await window.press("j")
    pytest.fail(f"no entry {name}\n{window.text()}")


def count_of(browse: Browse, name: str) -> int | None:
    """The count of an entry, None where there is none."""
    found = [line.facet for line in browse.lines if line.facet is not None and line.facet.name == name]
    return found[0].count if found else None


async def test_three_keys_narrow_to_a_place(root: Path) -> None:
    await trip(root)
    async with window_on(root) as window:
        await window.press("b")
        await window.shows("Places", "France", "Nice", "Dates", "Tags", "holiday", "Types", "videos")
        await window.press("j", "enter")
        await window.shows("/ place:nice", "2 results for place:nice", "✓   Nice", "beach.jpg", "harbour.mp4")
        assert "castle.jpg" not in window.text()


async def test_entries_combine_and_are_removed_again(root: Path) -> None:
    await trip(root)
    async with window_on(root, size=(110, 40)) as window:
        await window.press("/", *"-name:old", "enter", "b")
        await window.shows("Nice")
        await cursor_on(window, "Nice")
        await window.press("space")
        await cursor_on(window, "Antibes")
        await window.press("space")
        await window.shows("/ -name:old place:nice,antibes", "3 results")
        await cursor_on(window, "holiday")
        await window.press("space")
        await window.shows("/ -name:old place:nice,antibes tag:holiday", "1 result")
        assert "castle.jpg" not in window.text()
        await window.press("space")
        await window.shows("3 results")
        await window.press("escape", "escape")
        await window.shows("newest first")
        assert window.search_input.value == ""


async def test_escape_leads_to_the_list_and_b_closes(root: Path) -> None:
    await trip(root)
    async with window_on(root) as window:
        browse = window.app.screen.query_one(Browse)
        await window.press("b")
        await window.until(lambda: browse.has_focus)
        await window.press("escape")
        await window.until(lambda: window.table.has_focus)
        assert browse.display
        await window.press("b")
        await window.until(lambda: not browse.display)
        assert window.table.has_focus


async def test_no_key_there_acts_on_the_uploads_beside_it(root: Path) -> None:
    await trip(root)
    async with window_on(root) as window:
        await window.press("b")
        await window.shows("France")
        await window.press("d", "H", "5", "r", "s", "V", "*")
        assert len(window.app.screen_stack) == 1
        assert not len(window.uploads.marks)
        assert len(await window.library.uploads.newest()) == 4
        assert "similar to" not in window.text()


async def test_years_and_countries_open_and_close_and_long_sections_show_more(root: Path) -> None:
    await trip(root)
    library = await open_library_at(root)
    (upload,) = [each for each in await library.uploads.newest() if each.filename == "beach.jpg"]
    await library.tags.add([upload.id], [f"tag {number}" for number in range(9)])
    await library.close()
    async with window_on(root, size=(110, 50)) as window:
        await window.press("b")
        await window.shows("▾ France", "Nice", "▸ Italy", "5 more")
        await window.press("left")
        await window.shows("▸ France")
        await window.until(lambda: not any(line.strip().startswith("Nice") for line in window.text().splitlines()))
        await cursor_on(window, "Italy")
        await window.press("l")
        await window.shows("Rome")
        await cursor_on(window, "more")
        await window.press("enter")
        await window.shows("tag 8", "fewer")


async def test_counts_follow_the_library_and_other_searches(root: Path) -> None:
    await trip(root)
    async with window_on(root, size=(110, 40)) as window:
        browse = window.app.screen.query_one(Browse)

        await window.press("b")
        await window.until(lambda: count_of(browse, "holiday") == 2)
        (castle,) = [each for each in await window.library.uploads.newest() if each.filename == "castle.jpg"]
        await window.library.tags.add([castle.id], ["holiday"])
        await window.until(lambda: count_of(browse, "holiday") == 3)
        await window.press("/", *"type:image place:france", "enter")
        await window.until(lambda: count_of(browse, "holiday") == 2)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_a_narrow_window_has_room_for_it(root: Path, size: tuple[int, int]) -> None:
    await trip(root)
    async with window_on(root, size=size) as window:
        browse = window.app.screen.query_one(Browse)
        await window.press("b")
        await window.shows("France")
        assert (browse.size.width > 50) == (size[0] == 60), "it takes all of a small window"
        await window.press("j", "enter")
        await window.shows("place:nice")
        await window.press("escape")
        await window.shows("beach.jpg")


async def test_a_search_shows_its_results_where_the_side_list_stood_in_their_place(root: Path) -> None:
    await trip(root)
    async with window_on(root, size=(60, 20)) as window:
        await window.press("b")
        await window.shows("France")
        await window.press("/", *"beach")
        await window.shows("1 result")
        await window.press("enter")
        await window.shows("beach.jpg", "Enter view")
        assert "Places" not in window.text()
        await window.press("b")
        await window.shows("Places")
        await window.press("|")
        await window.shows("✓ Taken")
        assert "✓ What it shows  no room" not in window.text(), "as wide as the list is going to be"
        await window.press("escape", "g", "|")
        await window.shows("✓ Taken")
        assert "✓ What it shows  no room" not in window.text(), "as wide as the table behind the gallery"


async def test_a_search_begun_at_once_is_not_left_for_the_side_list(root: Path) -> None:
    await trip(root)
    async with window_on(root) as window:
        await window.shows("beach.jpg")
        screen = window.app.screen
        assert isinstance(screen, UploadsScreen)
        # As two keys do that come before the screen is painted again.
        screen.action_toggle_browse()
        screen.action_open_search()
        await window.pilot.pause()
        await window.press(*"dog")
        await window.until(lambda: window.search_input.value == "dog")


async def test_the_mouse_presses_and_opens(root: Path) -> None:
    await trip(root)
    async with window_on(root, size=(110, 40)) as window:
        await window.press("b")
        await window.shows("▸ Italy", "Antibes")
        await window.pilot.click("#browse", offset=(10, 3))
        await window.shows("/ place:antibes", "1 result")
        await window.pilot.click("#browse", offset=(2, 4))
        await window.shows("Rome")


async def test_a_library_without_anything_to_narrow_by_says_so(root: Path) -> None:
    await make_library(root)
    async with window_on(root) as window:
        await window.press("b")
        assert not window.app.screen.query_one(Browse).display, "an empty library has nothing to browse"


def test_looks(root: Path, snap_compare: Callable[..., bool]) -> None:
    asyncio.run(trip(root))

    async def narrow(pilot: Pilot[None]) -> None:
        async def until(*texts: str) -> None:
            while not all(text in screen_text(pilot.app) for text in texts):
                await pilot.pause(0.02)

        async with asyncio.timeout(PATIENCE_SECONDS):
            await until("beach.jpg")
            await pilot.press("b")
            await until("Antibes")
            await pilot.press("j", "enter")
            await until("2 results for place:nice", "✓   Nice")
            while count_of(pilot.app.screen.query_one(Browse), "photos") != 1:
                await pilot.pause(0.02)

    assert snap_compare(OwnLibraryApp(root), terminal_size=PICTURE_SIZE, run_before=narrow)
