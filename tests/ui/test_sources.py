"""The screen of sources, and the question whether a folder is used in place."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.ui.conftest import PICTURE_SIZE, Window, make_library, open_library_at, window_on
from tests.ui.uploads.test_snapshots import OwnLibraryApp, before
from vuemantics_tui.config import Settings
from vuemantics_tui.ui.screens.sources import RemovedScreen, SourcesScreen


async def add_folder(window: Window, folder: Path) -> None:
    """Add a folder on the screen of sources, by typing its path."""
    await window.press("a")
    await window.shows("Add a source")
    window.app.screen.query_one(Input).value = str(folder)
    await window.press("enter")
    await window.until(lambda: isinstance(window.app.screen, SourcesScreen))


async def test_a_source_is_added_watched_scanned_and_removed(root: Path, draw: Callable[..., Path]) -> None:
    folder = draw("one.png").parent
    async with window_on(root, size=(80, 24), process=True) as window:
        await window.shows("This library is empty")
        await window.press("Q")
        await window.shows("You have no sources.")
        await add_folder(window, folder)
        await window.shows("1 source, 1 file", "1 file · scanned just now · watched")
        # Nobody presses a key: the file is noticed.
        draw("two.png")
        await window.shows("1 source, 2 files")
        await window.press("w")
        await window.shows("not watched")
        draw("three.png")
        await window.press("s")
        await window.shows("1 source, 3 files", "1 new")
        await window.press("enter")
        await window.shows("1 source", "one.png", "two.png", "three.png", "3 results")
        await window.press("escape", "Q")
        await window.shows("1 source, 3 files")
        assert "r deleted" not in window.text(), "no upload was"
        for key in ("x", "delete", "d"):
            await window.press(key)
            await window.shows("Remove", "keep uploads")
            await window.press("escape")
            await window.until(lambda: isinstance(window.app.screen, SourcesScreen))
        await window.press("d", "y")
        await window.shows("Moved 3 uploads to the trash", "You have no sources.")
        assert {path.name for path in folder.iterdir()} == {"one.png", "two.png", "three.png"}


async def test_a_folder_that_is_none_is_refused_where_it_was_typed(root: Path, tmp_path: Path) -> None:
    async with window_on(root) as window:
        await window.press("Q", "a")
        await window.shows("Add a source")
        window.app.screen.query_one(Input).value = str(tmp_path / "nope")
        await window.press("enter")
        await window.says("is not there. Check the spelling, and whether its disk is connected.")
        window.app.screen.query_one(Input).value = "~nobody-of-that-name/photos"
        await window.press("enter")
        await window.says("~nobody-of-that-name/photos is not there.")


async def test_a_source_that_is_away_and_one_with_missing_files_say_so(
    root: Path, draw: Callable[..., Path], tmp_path: Path
) -> None:
    folder, other = draw("one.png", "disk/photos").parent, draw("two.png", "here").parent
    library = await open_library_at(root)
    for each in (folder, other):
        await library.sources.scan(await library.sources.add(each, watched=False))
    shutil.move(folder, tmp_path / "elsewhere")
    (other / "two.png").unlink()
    await library.close()
    async with window_on(root, size=(60, 20)) as window:
        await window.press("Q")
        await window.shows("2 sources", "Away: connect or mount its disk.")
        await window.press("end", "s")
        await window.shows("1 missing")


async def test_a_deleted_file_can_be_restored(root: Path, draw: Callable[..., Path]) -> None:
    folder = draw("one.png").parent
    library = await open_library_at(root)
    await library.sources.scan(await library.sources.add(folder, watched=False))
    await library.trash.put([upload.id for upload in await library.uploads.newest()])
    await library.close()
    async with window_on(root) as window:
        await window.press("Q")
        await window.shows("r deleted")
        await window.press("r")
        await window.until(lambda: isinstance(window.app.screen, RemovedScreen))
        await window.shows("one.png", "in the trash")
        await window.press("enter")
        await window.shows("Restored one.png.", "Nothing here.")
        await window.press("escape")
        await window.until(lambda: "1 source" in window.text() and "r deleted" not in window.text())
        await window.press("escape")
        await window.lists("one.png")


@pytest.mark.parametrize(("key", "copies", "placement"), [("i", 0, "in-place"), ("c", 1, "copy")])
async def test_the_picker_asks_once_whether_a_folder_is_copied(
    root: Path,
    draw: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    copies: int,
    placement: str,
) -> None:
    draw("one.png", "holidays")
    draw("two.png", "winter")
    (tmp_path / "pick").mkdir()
    for name in ("holidays", "winter"):
        (tmp_path / name).rename(tmp_path / "pick" / name)
    monkeypatch.chdir(tmp_path / "pick")
    async with window_on(root) as window:
        await window.press("a")
        await window.shows("holidays", "winter")
        await window.press("space")
        await window.shows("1 file")
        await window.press("A", "A")
        await window.shows("Use the files in place, or copy them?")
        await window.press("escape")
        await window.shows("1 folder marked, not added.")
        await window.press("a")
        await window.shows("will be added")
        await window.press("A", "A")
        await window.shows("Use the files in place, or copy them?")
        await window.press(key)
        await window.lists("one.png")
        assert len(list(root.rglob("original.*"))) == copies
        await window.until(lambda: Settings.load().placement == placement)
        await window.press("a")
        await window.shows("winter")
        await window.press("end", "space")
        await window.shows("will be added")
        await window.press("A", "A")
        await window.lists("two.png", "one.png")
        assert len(list(root.rglob("original.*"))) == 2 * copies


async def test_the_menu_of_places_to_go_has_the_sources(root: Path) -> None:
    async with window_on(root) as window:
        await window.press("G", "Q")
        await window.shows("You have no sources.")
        await window.press("Q")
        await window.shows("This library is empty")


class SourcesApp(OwnLibraryApp):
    """The app with sources that are nowhere, so that their paths are those of no machine."""

    async def on_load(self) -> None:
        """Add the sources first."""
        store = self.library.sources.store
        for path, watched in (("/media/camera", True), ("/photos/2024", True), ("/photos/scans", False)):
            await store.add(Path(path), watched=watched)
        await super().on_load()


def test_what_sources_look_like(snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    asyncio.run(make_library(tmp_path / "library"))
    app = SourcesApp(tmp_path / "library")
    look = before(0, "Q", shows="3 sources")
    assert snap_compare(app, terminal_size=PICTURE_SIZE, run_before=look)
