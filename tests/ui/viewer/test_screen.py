"""The viewer: looking at one upload after the other, zooming, and acting on what is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from textual.events import MouseScrollUp

from tests.ui.conftest import Made, Window, add, make_rows, open_library_at, window_on
from vuemantics_tui.ui.uploads.screen import UploadsScreen
from vuemantics_tui.ui.viewer.screen import ViewerScreen
from vuemantics_tui.ui.viewer.stage import Stage

SIZE = (120, 36)
NAMES = ("first.png", "second.png", "third.png")


@pytest.fixture
async def photos(root: Path, tmp_path: Path) -> Path:
    """A library with three photos of 900 x 600, all completed; first.png is the newest."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        down, across = np.mgrid[0:600, 0:900]
        pixels = np.stack([across % 256, down % 256, np.full_like(down, 80 * number)], axis=-1).astype(np.uint8)
        Image.fromarray(pixels).save(folder / name)
    library = await open_library_at(root)
    for name in reversed(NAMES):
        await add(library, folder / name)
    await library.queue.start()
    while (await library.queue.store.counts()).completed < len(NAMES):
        await library.uploads.newest(limit=1)
    await library.close()
    return root


def header(window: Window) -> str:
    return window.text().splitlines()[0]


async def look(window: Window) -> ViewerScreen:
    await window.shows(*NAMES)
    await window.press("enter")
    await window.until(lambda: isinstance(window.app.screen, ViewerScreen), "the viewer is open")
    await window.until(lambda: "1 of 3" in header(window), "the header says where")
    screen = window.app.screen
    assert isinstance(screen, ViewerScreen)
    return screen


async def test_one_key_goes_to_the_next_and_the_list_follows(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        await look(window)
        assert "first.png" in header(window)
        await window.press("right")
        await window.until(lambda: "second.png · 2 of 3" in header(window))
        await window.press("space", "space")
        await window.until(lambda: "third.png · 3 of 3" in header(window))
        await window.press("left")
        await window.until(lambda: "second.png" in header(window))
        await window.until(lambda: any(block in window.text() for block in "▀▄█▌"), "a picture")
        await window.press("escape")
        await window.until(lambda: isinstance(window.app.screen, UploadsScreen))
        assert window.uploads.cursor_line == 1


async def test_zooming_says_how_near_and_escape_goes_back_one_step(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        await look(window)
        await window.press("plus")
        await window.until(lambda: " %" in header(window))
        await window.press("right")
        await window.until(lambda: "first.png" in header(window), "right pans while zoomed")
        await window.press("escape")
        await window.until(lambda: "fit" in header(window))
        assert isinstance(window.app.screen, ViewerScreen)
        await window.press("plus", "space")
        await window.until(lambda: "second.png" in header(window))
        await window.press("escape")
        await window.until(lambda: isinstance(window.app.screen, UploadsScreen))


async def test_deleting_shows_the_next(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        await look(window)
        await window.press("d")
        await window.until(lambda: "second.png · 1 of 2" in header(window))
        await window.press("u")
        await window.until(lambda: "of 3" in header(window), "undone")


async def test_when_the_last_is_deleted_the_list_is_there_again(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        await look(window)
        for left in (2, 1, 0):
            await window.press("d")
            await window.until(lambda left=left: len(window.uploads) == left)  # type: ignore[misc]
        await window.until(lambda: isinstance(window.app.screen, UploadsScreen))


async def test_hiding_shows_the_next_in_whatever_order(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        await look(window)
        await window.press("escape", "O")
        await window.shows("oldest first")
        await window.press("home", "down", "enter")
        await window.until(lambda: "second.png · 2 of 3" in header(window))
        await window.press("H")
        await window.until(lambda: "first.png · 2 of 2" in header(window))


async def test_another_half_of_a_stack_is_one_key_away(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        await window.shows(*NAMES)
        await window.library.stacks.make(window.uploads.numbers((0, 1)))
        await window.until(lambda: len(window.uploads) == 2)
        await window.press("enter")
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))
        await window.until(lambda: "1 of 2" in header(window) and "part 1 of 2" in header(window))
        shown = header(window).split()[0]
        await window.press("tab")
        await window.until(lambda: "part 2 of 2" in header(window) and header(window).split()[0] != shown)
        await window.press("4")
        await window.until(lambda: "★★★★☆" in header(window), "the rating of the half that is shown")
        await window.press("tab")
        await window.until(lambda: "part 1 of 2" in header(window) and "★" not in header(window))
        await window.press("right")
        await window.until(lambda: "third.png · 2 of 2" in header(window))
        assert "Tab" not in window.text().splitlines()[-1]


async def test_the_mouse_zooms_and_drags(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        screen = await look(window)
        stage = screen.query_one(Stage)
        await window.until(lambda: "fit" in header(window))
        # The pilot has no wheel.
        for _ in range(3):
            stage.post_message(MouseScrollUp(stage, 30, 18, 0, 0, 0, False, False, False))
        await window.until(lambda: stage.view is not None and stage.view.zoom > 3)
        before = stage.view
        await window.pilot.mouse_down(stage, offset=(60, 18))
        await window.pilot.hover(stage, offset=(50, 18))
        await window.pilot.mouse_up(stage, offset=(50, 18))
        await window.until(
            lambda: stage.view is not None and before is not None and stage.view.crop[0] > before.crop[0]
        )


async def test_a_missing_original_is_named_and_its_thumbnail_shown(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        await window.shows(*NAMES)
        upload = await window.library.uploads.by_number(window.uploads[0])
        assert upload is not None
        window.library.original(upload).unlink()
        await window.press("enter")
        await window.until(lambda: "original missing" in header(window))
        assert any(block in window.text() for block in "▀▄█▌")


async def test_details_lead_to_the_list_of_similar_uploads(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        await look(window)
        await window.press("I")
        await window.shows("sha256")
        await window.press("4")
        await window.shows("★★★★☆")
        await window.press("s")
        await window.until(lambda: isinstance(window.app.screen, UploadsScreen))
        await window.until(lambda: window.uploads.results is not None)


async def test_rating_and_tags_are_those_of_the_shown_upload(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        await look(window)
        await window.press("right", "4")
        await window.until(lambda: "★★★★☆" in header(window))
        await window.press("t")
        await window.shows("Tag second.png")
        await window.press(*"rome", "enter")
        await window.shows("Tagged ")
        second = await window.library.uploads.by_number(window.uploads[1])
        assert second is not None and (second.rating, second.own_tags) == (4, ("rome",))


async def test_the_details_stand_beside_the_picture(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        await look(window)
        await window.press("i")
        await window.shows("A red square", "900 × 600 ·")
        await window.press("right")
        await window.until(lambda: "second.png" in window.text().split("900 × 600 ·")[0].splitlines()[-2])
        await window.press("i")
        await window.until(lambda: "900 × 600 ·" not in window.text())


async def test_the_slide_show_goes_on_by_itself_and_stops_at_the_end(photos: Path) -> None:
    async with window_on(photos, size=SIZE, slide_seconds=0.5) as window:
        await look(window)
        await window.press("S")
        await window.until(lambda: "slide show" in header(window))
        await window.until(lambda: "3 of 3" in header(window))
        await window.until(lambda: "slide show" not in header(window))


async def test_any_key_stops_the_slide_show_and_escape_does_no_more(photos: Path) -> None:
    async with window_on(photos, size=SIZE, slide_seconds=60) as window:
        await look(window)
        await window.press("S")
        await window.until(lambda: "slide show, any key stops" in header(window))
        await window.press("escape")
        await window.until(lambda: "slide show" not in header(window))
        assert isinstance(window.app.screen, ViewerScreen)
        await window.press("S", "space")
        await window.until(lambda: "second.png" in header(window) and "slide show" not in header(window))


async def test_similar_uploads_are_listed_in_the_table(photos: Path) -> None:
    async with window_on(photos, size=SIZE) as window:
        await look(window)
        await window.press("s")
        await window.until(lambda: isinstance(window.app.screen, UploadsScreen))
        await window.until(lambda: window.uploads.results is not None)


async def test_an_upload_without_a_picture_is_shown_in_words(root: Path) -> None:
    await (await open_library_at(root)).close()
    make_rows(root, [Made("broken.jpg", "failed", "failed", error="Processing failed: torn", kind="permanent")])
    async with window_on(root, size=SIZE) as window:
        await window.shows("broken.jpg")
        await window.press("enter")
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))
        await window.shows("broken.jpg · 1 of 1", "torn", "r retry")


@pytest.mark.parametrize("size", [(40, 8), (60, 20), (200, 60)])
async def test_it_fits_every_window(photos: Path, size: tuple[int, int]) -> None:
    async with window_on(photos, size=size) as window:
        await window.shows("first.png")
        await window.press("enter")
        await window.until(lambda: isinstance(window.app.screen, ViewerScreen))
        await window.until(lambda: "first.png" in header(window))
        await window.press("i", "plus", "escape")
        await window.until(lambda: any(block in window.text() for block in "▀▄█▌"), "a picture")
