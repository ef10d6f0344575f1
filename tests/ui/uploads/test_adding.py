"""The picker as the app opens it: what it shows of a file, and where it begins."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from textual import events
from textual.widgets import Input

from tests.media.test_takeout import record
from tests.ui.conftest import Window, add, window_on
from tests.ui.drawn_cells import cells
from vuemantics_tui.ui.picker.file_list import FileList
from vuemantics_tui.ui.picker.preview import PreviewPicture
from vuemantics_tui.ui.picker.screen import PickerScreen

WIDE = (120, 36)


def _picker(app: object) -> PickerScreen:
    screen = getattr(app, "screen", None)
    assert isinstance(screen, PickerScreen)
    return screen


async def test_the_file_under_the_cursor_is_shown_as_a_picture(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    halves = Image.new("L", (600, 400), 0)
    halves.paste(255, (300, 0, 600, 400))
    halves.save(folder / "a.jpg")
    (folder / "b.jpg").write_text("no picture at all")
    monkeypatch.chdir(folder)
    async with window_on(root, size=WIDE) as window:
        await window.press("a")
        await window.until(lambda: isinstance(window.app.screen, PickerScreen))
        picture = _picker(window.app).query_one(PreviewPicture)
        await window.until(lambda: picture.display and picture.size.height > 5, "a picture")
        # Black to the left, white to the right.
        drawn = cells(picture.render_line(2))
        (_, _, left), (_, _, right) = drawn[5], drawn[-5]
        assert left is not None and max(left) < 40
        assert right is not None and min(right) > 215
        await window.press("down")
        await window.until(lambda: not picture.display, "no picture of what is none")
        assert "b.jpg" in window.text()


async def test_the_folder_added_from_last_is_among_the_places(
    root: Path, draw: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photo = draw("one.png", "holidays")
    async with window_on(root, size=WIDE) as window:
        await add(window.library, photo)
        await window.shows("one.png")
        await window.press("a")
        await window.shows("Last used")
        assert _picker(window.app).folder == tmp_path
        await window.press("p", "enter")
        await window.until(lambda: _picker(window.app).folder == photo.parent)
        assert _picker(window.app).query_one(FileList).entries[0].name == "one.png"


async def test_what_is_marked_in_the_picker_outlives_escape_and_is_asked_about(
    root: Path, draw: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(draw("one.png", "holidays").parent)
    draw("two.png", "holidays")
    async with window_on(root, size=WIDE) as window:
        await window.press("a")
        await window.shows("one.png", "two.png")
        await window.press("space", "space")
        await window.shows("2 files marked")
        await window.press("escape")
        await window.shows("2 files marked, not added. a shows them again.")
        await window.press("q")
        await window.shows("Quit?", "2 files marked, not added yet.", "y quit ")
        assert "next time" not in window.text(), "nothing resumes"
        await window.press("escape", "a")
        await window.shows("2 files marked", "will be added")
        await window.press("A")
        await window.shows("2 uploads")
        await window.press("q")
        await window.until(lambda: not window.app.is_running, "nothing is left to lose")


async def test_the_cursor_on_top_stays_on_top_and_elsewhere_on_its_upload(
    root: Path, draw: Callable[..., Path]
) -> None:
    async with window_on(root, size=WIDE) as window:
        await add(window.library, draw("one.png"))
        await window.lists("one.png")
        await add(window.library, draw("two.png"))
        await window.lists("two.png", "one.png")
        assert window.uploads.cursor_line == 0
        await window.press("down")
        await add(window.library, draw("three.png"))
        await window.lists("three.png", "two.png", "one.png")
        assert window.uploads.cursor_line == 2


async def test_many_pasted_paths_are_told_as_their_number(root: Path, draw: Callable[..., Path]) -> None:
    paths = [draw(f"{number}.png") for number in range(9)]
    async with window_on(root) as window:
        await window.shows("This library is empty")
        window.app.post_message(events.Paste(" ".join(map(str, paths))))
        await window.until(lambda: window.path_input.value == f"9 files in {paths[0].parent}")
        await window.press("enter")
        await window.shows("9 added")


async def test_what_another_program_knows_is_imported_and_taken_back(
    root: Path, draw: Callable[..., Path], tmp_path: Path
) -> None:
    picture = draw("cat.png")
    takeout = tmp_path / "Takeout"
    record(takeout, "cat.png.json", "cat.png", description="On the roof", favorited=True)
    record(takeout, "gone.jpg.json", "gone.jpg")
    shutil.copy(picture, takeout)
    async with window_on(root) as window:
        await add(window.library, picture)
        await window.shows("cat.png", "1 waiting")
        await window.press("~", "t")
        await window.says("Import from Google Photos", "Add your photos first.")
        window.app.screen.query_one(Input).value = str(tmp_path / "nowhere")
        await window.press("enter")
        await window.says("is not a folder. Check the spelling.")
        window.app.screen.query_one(Input).value = str(takeout)
        await window.press("enter")
        await window.shows("changed 1 upload", "captions for 1", "u undoes.", "1 file skipped.")
        (upload,) = await window.library.uploads.newest()
        assert (upload.caption, upload.own_tags) == ("On the roof", ("favorite",))
        await window.press("u")
        await window.until(lambda: caption_is(window, None))


async def caption_is(window: Window, caption: str | None) -> bool:
    (upload,) = await window.library.uploads.newest()
    return upload.caption == caption


async def test_tab_completes_the_path_that_is_typed(
    root: Path, draw: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw("beach one.png", "holidays in Nice")
    draw("beach two.png", "holidays in Nice")
    async with window_on(root, size=WIDE) as window:
        await window.press("A", *"holi", "tab")
        field = window.app.screen.query_one("#path-input", Input)
        await window.until(lambda: field.value == "holidays in Nice/")
        await window.press("b", "tab")
        await window.until(lambda: field.value == "holidays in Nice/beach ")
        await window.shows("beach one.png  beach two.png", "Tab complete")
        await window.press("o", "tab")
        await window.until(lambda: field.value == "holidays in Nice/beach one.png")
        assert field.has_focus
        await window.press("enter")
        await window.shows("1 added")
