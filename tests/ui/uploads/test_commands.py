"""Acting on what is marked, or on the upload under the cursor: cancel, hide, copy, delete, from wherever."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.ui.conftest import Made, Window, add, make_library, window_on
from vuemantics_tui import paths
from vuemantics_tui.domain.media import FileWords
from vuemantics_tui.domain.upload import QueueCounts
from vuemantics_tui.store.database import next_revision
from vuemantics_tui.store.tags import save_words
from vuemantics_tui.ui.screens.detail import DetailScreen

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


async def test_marks_are_acted_on_together(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("banana.png")
        await window.press("space", "space")
        await window.shows("2 marked")
        await window.press("H")
        await window.shows("Hid 2 uploads from lists and search. u undoes.")
        await shown(window, "Apple.png", "banana.png")
        await window.press("f", "h")
        await window.shows("with hidden")
        await shown(window, "broken.png", "cherry.mp4", "Apple.png", "banana.png")


async def test_waiting_ones_are_cancelled_or_brought_to_the_front(root: Path, draw: Draw) -> None:
    await make_library(root)
    async with window_on(root, size=(100, 24)) as window:
        await add(window.library, draw("first.png"), draw("second.png"), draw("third.png"))
        await window.shows("third.png", "3 waiting")
        await window.press("home", ">")
        await window.shows("third.png moved to the front of the queue.")
        await window.press("down", "x")
        await window.shows("Cancelled second.png. r retries.", "✗ second.png", "cancelled")
        (urgent,) = [upload for upload in await window.library.uploads.newest() if upload.priority > 0]
        assert urgent.filename == "third.png"


async def test_a_file_dropped_as_keys_is_offered_for_adding(
    root: Path, draw: Draw, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Textual's pilot waits after each key: a short path, not that of a folder named after the test.
    path = draw("dropped.png").rename(tmp_path_factory.mktemp("d") / "dropped.png")
    await make_library(root, FEW)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("banana.png")
        await window.press(*["/" if key == "/" else key for key in str(path)])
        await window.until(lambda: window.path_input.value == str(path), "the path is in the field for paths")
        await window.press("enter")
        await window.shows("dropped.png", "1 added")


async def test_details_of_the_upload_under_the_cursor(root: Path, draw: Draw) -> None:
    await make_library(root)
    async with window_on(root, size=(80, 24), process=True) as window:
        await add(window.library, draw("one.png"))
        await window.shows("1 completed")
        await window.press("enter", "i")
        await window.shows("A red square on a plain ground")
        await window.press("I")
        await window.shows("sha256")
        await window.press("escape", "escape")
        await window.shows("newest first")


@pytest.mark.parametrize(("key", "copied"), [("y", "original.png"), ("Y", "A red square")])
async def test_copying(root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch, key: str, copied: str) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    await make_library(root)
    async with window_on(root, size=(80, 24), process=True) as window:
        await add(window.library, draw("one.png"))
        await window.shows("1 completed")
        await window.press(key)
        await window.shows("Copied the ")
        assert copied in window.app.clipboard


async def test_a_command_is_given_from_another_screen_just_as_well(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("broken.png")
        await window.press("i")
        await window.until(lambda: isinstance(window.app.screen, DetailScreen))
        await window.press("d")
        await window.until(lambda: window.app.screen is window.app.screen_stack[0], "the screen of what is gone closes")
        await window.press("u")
        await window.shows("Restored broken.png.", "✗ broken.png")


async def test_digits_rate_and_u_takes_it_back(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(100, 30)) as window:
        await window.shows("banana.png")

        async def ratings() -> dict[str, int | None]:
            return {row.filename: row.rating for row in await window.library.uploads.newest()}

        await window.press("space", "space", "4")
        await window.shows("Rated 2 uploads ★★★★☆. u undoes.")
        assert await ratings() == {"broken.png": 4, "cherry.mp4": 4, "Apple.png": None, "banana.png": None}
        await window.press("home", "i")
        await window.until(lambda: isinstance(window.app.screen, DetailScreen))
        await window.press("1")
        await window.shows("★☆☆☆☆", "Rated broken.png ★☆☆☆☆.")
        await window.press("0")
        await window.shows("Removed the rating of broken.png.")
        await window.press("u")
        await window.shows("Restored the rating of broken.png.", "★☆☆☆☆")
        await window.press("escape", "u", "u")
        await window.shows("Restored the rating of 2 uploads.")
        assert set((await ratings()).values()) == {None}


async def test_what_the_file_brings_is_in_the_pane(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(120, 36)) as window:
        await window.shows("broken.png")
        words = FileWords("Am Meer", "Käthe am Strand", "Anna", "blue", 2, ("Ostsee",))
        async with window.library.database.transaction() as connection:
            await save_words(connection, 4, words)
            await connection.execute(
                "UPDATE uploads SET revision = ? WHERE number = 4", (await next_revision(connection),)
            )
        await window.shows("★★☆☆☆   ● blue", "Am Meer", "Käthe am Strand", "by Anna", "Ostsee")


async def test_marked_uploads_are_copied_to_a_folder_that_is_made_or_exported_to_a_file(
    root: Path, draw: Draw, tmp_path: Path
) -> None:
    await make_library(root)
    async with window_on(root, size=(120, 30)) as window:

        async def answer(path: Path, key: str = "K") -> None:
            await window.press(*key)
            await window.shows("Copy 2 uploads")
            window.app.screen.query_one(Input).value = str(path)
            await window.press("enter")

        await add(window.library, draw("first.png"), draw("second.png"), draw("third.png"))
        await window.shows("third.png")
        await window.press("space", "space", "K")
        await window.shows("Copy 2 uploads", "A folder gets copies of the originals,")
        await answer(tmp_path / "chosen", key="")
        await window.shows("Copied 2 files to")
        assert sorted(path.name for path in (tmp_path / "chosen").iterdir()) == ["second.png", "third.png"]
        await answer(tmp_path / "nowhere" / "deep")
        await window.shows("cannot be created")
        await window.press("escape")
        await answer(tmp_path / "list.csv")
        await window.shows("Exported 2 uploads")
        assert len((tmp_path / "list.csv").read_text("utf-8-sig").splitlines()) == 3
        await answer(tmp_path / "side-cars" / "*.xmp")
        await window.shows("Wrote 2 side-cars to")
        names = sorted(path.name for path in (tmp_path / "side-cars").iterdir())
        assert names == ["second.png.xmp", "third.png.xmp"]


async def test_an_upload_is_renamed_found_under_its_name_and_named_back(root: Path) -> None:
    await make_library(root, FEW)
    async with window_on(root, size=(100, 24)) as window:
        await window.shows("banana.png")
        await window.press("end")
        await window.press("f2")
        await window.shows("Rename banana.png", "The file itself keeps its own.")
        await window.press("ctrl+u", *"a/b", "enter")
        await window.shows("This cannot be the name of a file")
        await window.press("ctrl+u", *"plantain", "enter")
        await window.shows("Renamed banana.png. u undoes.", "plantain.png")
        await window.press("u")
        await window.shows("Restored the name of banana.png.")
        await window.until(lambda: "banana.png" in names(window))


async def test_what_a_key_began_is_done_although_its_screen_is_left_meanwhile(root: Path) -> None:
    await make_library(root, [Made("1.png"), Made("2.png")])
    connection = sqlite3.connect(paths.database_file(root), isolation_level=None)
    async with window_on(root) as window:
        await window.shows("2.png")
        await window.press("enter")
        await window.shows("1 of 2")
        # Another program writes just now.
        connection.execute("BEGIN IMMEDIATE")
        await window.press("d", "escape")
        await window.shows("2 uploads")
        connection.execute("ROLLBACK")
        await window.shows("1 upload ", "Moved 2.png to the trash")
        await window.press("T")
        await window.shows("Trash  1 upload")
        connection.execute("BEGIN IMMEDIATE")
        await window.press("enter", "escape")
        await window.shows("1 upload ")
        connection.execute("ROLLBACK")
        await window.shows("2 uploads", "Restored 2.png")
    connection.close()
