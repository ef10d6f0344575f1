"""What a person does on the screen of uploads, and what comes of it in the library."""

from __future__ import annotations

import asyncio
import functools
import sqlite3
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.ui.conftest import NOW, Made, add, make_library, make_rows, open_library_at, window_on
from vuemantics_tui import paths
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.domain.upload import ProcessingStatus, QueueCounts, UploadRow
from vuemantics_tui.ui import feed
from vuemantics_tui.ui.feed import LibraryChanged
from vuemantics_tui.ui.screens.ask import DeleteScreen
from vuemantics_tui.ui.uploads.intake import PathInput
from vuemantics_tui.ui.uploads.lines import MOST_KEPT_ROWS

Draw = Callable[..., Path]


async def test_an_empty_library_says_how_to_begin(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows(
            "This library is empty", "Press a to add", "vuemantics-tui add --in-place ~/Pictures", "0 uploads"
        )
        assert "retry" not in window.text(), "what is done to uploads needs one"
        assert "search" not in window.text(), "there is nothing to find, and no line to type it in"
        await window.press("J", "^", "/")
        assert len(window.app.screen_stack) == 1, "no date to ask for"
        assert "This library is empty" in window.text(), "nothing was searched for"
        await window.press("#")
        await window.shows("Nothing to count yet.")


async def test_what_another_window_adds_appears(root: Path, draw: Draw) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        other = await open_library_at(root)
        try:
            await add(other, draw("from-elsewhere.png"))
            await window.shows("from-elsewhere.png", "waiting", "1 upload")
            await other.trash.put([row.id for row in await other.uploads.newest()])
            await window.shows("This library is empty")
        finally:
            await other.close()


async def test_the_table_has_the_keys_as_soon_as_there_is_something_in_it(root: Path, draw: Draw) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await add(window.library, draw("1.png"), draw("2.png"))
        await window.until(lambda: window.table.has_focus and len(window.uploads) == 2)
        await window.press("home")
        top = window.uploads.cursor_number
        await window.press("j")
        assert window.uploads.cursor_number != top


async def test_the_cursor_stays_on_its_upload_when_rows_arrive_above_it(root: Path) -> None:
    await make_library(root, [Made(f"old-{number:03}.png") for number in range(100)])
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("old-099.png")
        await window.press("down", "down")
        before = window.uploads.cursor_row
        assert before is not None and before.filename == "old-097.png"
        make_rows(root, [Made(f"new-{number:03}.png") for number in range(50)])
        await window.until(lambda: len(window.uploads) == 150)
        assert window.uploads.cursor_number == before.number
        await window.shows("old-097.png", "new-000.png")


async def test_further_down_nothing_moves_under_the_eye(root: Path) -> None:
    await make_library(root, [Made(f"old-{number:03}.png") for number in range(100)])
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("old-099.png")
        await window.press("end", "up")
        await window.shows("old-000.png")
        line = [line for line in window.text().splitlines() if "old-001" in line]
        position = window.text().splitlines().index(line[0])
        make_rows(root, [Made(f"new-{number:03}.png") for number in range(7)])
        await window.until(lambda: len(window.uploads) == 107)
        await window.pilot.pause()
        assert "old-001" in window.text().splitlines()[position]


async def test_the_cursor_goes_to_the_next_one_when_its_upload_is_deleted(root: Path) -> None:
    await make_library(root, [Made("c.png"), Made("b.png"), Made("a.png")])
    async with window_on(root) as window:
        await window.shows("a.png")
        await window.press("down")
        row = window.uploads.cursor_row
        assert row is not None
        await window.library.trash.put([row.id])
        await window.until(lambda: len(window.uploads) == 2)
        assert window.uploads.cursor_row is not None and window.uploads.cursor_row.filename == "c.png"


async def test_keys_and_mouse_move_the_cursor(root: Path) -> None:
    await make_library(root, [Made(f"{number:03}.png") for number in range(100)])
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("099.png")
        moves = [("j", 2), ("down", 3), ("k", 2), ("up", 1), ("pagedown", 19), ("pageup", 1), ("end", 100), ("home", 1)]
        numbers = []
        for key, _ in moves:
            await window.press(key)
            number = window.uploads.cursor_number
            assert number is not None
            numbers.append(101 - number)
        assert numbers == [2, 3, 2, 1, 19, 1, 100, 1]
        await window.pilot.click("#uploads", offset=(10, 6))
        assert window.uploads.cursor_number == 100 - 6


async def test_a_hundred_thousand_rows_open_and_jump_at_once(root: Path) -> None:
    await make_library(root, [Made(f"{number:06}.png") for number in range(100_000)])
    async with window_on(root, size=(80, 24)) as window:
        await window.until(lambda: len(window.uploads) == 100_000)
        await window.press("end")
        await window.shows("000000.png")
        for _ in range(80):
            await window.pilot.press("pageup")
        await window.press("home")
        await window.shows("099999.png")
        assert len(window.uploads.rows) <= MOST_KEPT_ROWS + 100, "memory does not grow with what was looked at"


async def test_hostile_names_never_reach_the_terminal(root: Path) -> None:
    names = [
        "a\x1b]0;owned\x07.png",
        "b\nc\r.png",
        "gpj\u202ecod.exe",
        "[red]d[/red].png",
        "\x9b31m.png",
        "日本語👨‍👩‍👧.png",
    ]
    await make_library(root, [Made(name, error="\x1b[2J boom", status="failed", stage="failed") for name in names])
    async with window_on(root, size=(120, 24)) as window:
        await window.shows("a\\x1b]0;owned\\x07.png", "gpj\\u202ecod.exe", "[red]d[/red].png", "\\x1b[2J boom")
        assert all(line.isprintable() for line in window.text().splitlines())
        for _ in names:
            await window.press("r")
            await window.shows("Retrying")
            assert all(line.isprintable() for line in window.text().splitlines())
            await window.press("down")
        await window.shows("6 waiting")
        await window.press("d")
        await window.shows("to the trash")
        assert all(line.isprintable() for line in window.text().splitlines())


async def test_a_failed_upload_shows_why_and_is_retried(root: Path) -> None:
    await make_library(root, [Made("x.png", "failed", "failed", 20, error="Processing failed: it is torn")])
    async with window_on(root) as window:
        await window.shows("✗ x.png", "failed  it is torn", "1 failed")
        await window.press("r")
        await window.shows("· x.png", "1 waiting", "Retrying x.png.")
        await window.press("r")
        await window.shows("x.png is already waiting.")


async def test_a_completed_upload_is_described_anew(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root) as window:
        await window.shows("x.png")
        await window.press("r")
        await window.shows("· x.png", "Describing x.png again.")


async def test_pause_holds_for_all_and_is_told(root: Path) -> None:
    await make_library(root, [Made("x.png", "pending", "queued", 0)])
    async with window_on(root) as window:
        await window.shows("1 waiting", "p pause")
        await window.press("p")
        await window.shows("paused", "p resume", "for everyone using this library")
        other = await open_library_at(root)
        try:
            assert (await other.queue.store.counts()).paused
            await other.queue.set_paused(False)
        finally:
            await other.close()
        await window.shows("p pause")


async def test_delete_moves_to_the_trash_at_once(root: Path, draw: Draw) -> None:
    original = draw("x.png")
    async with window_on(root) as window:
        [upload_id] = await add(window.library, original)
        await window.shows("x.png")
        await window.press("d")
        await window.shows("This library is empty", "Moved x.png to the trash. u undoes.")
        assert await window.library.uploads.get(upload_id) is None
        assert original.exists()


async def test_paths_are_added_from_the_field(root: Path, draw: Draw, tmp_path: Path) -> None:
    folder = draw("one.png").parent
    draw("two.png")
    (folder / "notes.txt").write_text("no picture")
    async with window_on(root, size=(120, 30)) as window:
        await window.shows("This library is empty")
        await window.press("A")
        window.app.screen.query_one(PathInput).value = str(folder)
        await window.press("enter")
        await window.shows("2 added, 1 skipped: notes.txt (", "one.png", "two.png")
        await window.until(lambda: window.table.has_focus)
        await window.press("A")
        window.app.screen.query_one(PathInput).value = f"'{folder / 'one.png'}'"
        await window.press("enter")
        await window.shows("1 already in the library")


async def test_a_wrong_path_is_told_in_the_field(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("A", *"/nope")
        await window.press("enter")
        await window.shows("✗ There is no /nope", "Check the spelling")
        assert window.app.screen.query_one(PathInput).value == "/nope"
        await window.press("x")
        await window.until(lambda: "✗" not in window.text(), "typing on takes the error away")
        await window.press("escape")
        await window.until(lambda: "Esc cancel" not in window.text())


async def test_a_dropped_file_opens_the_field_with_its_path(root: Path, draw: Draw) -> None:
    from textual.events import Paste

    path = draw("dropped.png")
    async with window_on(root) as window:
        await window.shows("This library is empty")
        window.app.post_message(Paste(f"{path}\n"))
        await window.until(lambda: window.app.screen.query_one(PathInput).value == str(path))
        await window.press("enter")
        await window.shows("dropped.png", "1 added")


async def test_what_is_being_copied_is_counted(root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [draw(f"{number}.png") for number in range(3)]
    async with window_on(root) as window:
        begin, gate = asyncio.Event(), asyncio.Event()
        honest = window.library.add

        async def slow(candidates, on_bytes=None):  # type: ignore[no-untyped-def]
            await begin.wait()
            async for result in honest(candidates, on_bytes):
                yield result
                await gate.wait()

        monkeypatch.setattr(window.library, "add", slow)
        window.app.screen_stack[0].add_paths(files)  # type: ignore[attr-defined]
        await window.until(lambda: window.app.screen_stack[0].intake.is_copying)  # type: ignore[attr-defined]
        await window.press("q")
        await window.shows("Quit?", "Files are still being copied.", "y quit ")
        assert "resume next time" not in window.text(), "nothing is in the queue"
        await window.press("enter")
        begin.set()
        await window.shows("copying 1 of 3")
        await window.press("q")
        await window.shows("Quit?", "Files are still being copied.", "y quit, resume next time")
        await window.press("enter")
        gate.set()
        await window.shows("3 added")
        await window.until(lambda: "copying" not in window.text())


async def test_a_store_that_refuses_is_told_once_and_the_screen_goes_on(
    root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        refused = 0

        async def refuse() -> QueueCounts:
            nonlocal refused
            refused += 1
            raise LibraryError("The library is locked by another program", "Wait until it is done.")

        honest = window.library.queue.store.counts
        monkeypatch.setattr(window.library.queue.store, "counts", refuse)
        for number in range(3):
            await add(window.library, draw(f"{number}.png"))
            await window.until(lambda seen=number: refused > seen)  # type: ignore[misc]
        await window.shows("The library is locked", "Wait until it is done.")
        assert window.text().count("is locked") == 1
        monkeypatch.setattr(window.library.queue.store, "counts", honest)
        await add(window.library, draw("last.png"))
        await window.shows("last.png", "4 uploads")


async def test_rows_that_cannot_be_read_are_told_and_read_later(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_library(root, [Made(f"{number:03}.png") for number in range(200)])
    async with window_on(root, errors=True) as window:
        await window.shows("199.png")
        await window.until(lambda: len(window.uploads) == 200)
        honest, failing = window.library.uploads.rows, True

        async def refuse(numbers: Sequence[int]) -> list[UploadRow]:
            if failing:
                raise RuntimeError("a defect")
            return await honest(numbers)

        monkeypatch.setattr(window.library.uploads, "rows", refuse)
        await window.press("end")
        await window.shows("Something went wrong", "a defect")
        failing = False
        await window.shows("000.png")


async def test_the_list_is_read_again_where_too_much_was_missed(root: Path) -> None:
    await make_library(root, [Made("gone.png"), Made("here.png")])
    async with window_on(root) as window:
        await window.shows("gone.png", "here.png")
        connection = sqlite3.connect(paths.database_file(root))
        with connection:
            # With nothing left that would say so, as when what was deleted long ago is no longer noted.
            connection.execute("DELETE FROM uploads WHERE filename = 'gone.png'")
        connection.close()
        window.app.screen.post_message(
            LibraryChanged(frozenset(), frozenset(), QueueCounts(completed=1), is_reset=True)
        )
        await window.until(lambda: "gone.png" not in window.text() and "here.png" in window.text())


async def test_ages_grow_while_one_looks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "AGE_SECONDS", 0.1)
    await make_library(root, [Made("x.png", age=timedelta(seconds=50))])
    moment = NOW
    async with window_on(root, size=(120, 30), clock=lambda: moment) as window:
        await window.shows("x.png", "now")
        moment = NOW + timedelta(minutes=5)
        await window.shows("5 min")


@pytest.mark.parametrize("size", [(39, 20), (60, 7)])
async def test_a_small_window_says_so_and_a_larger_one_goes_on(root: Path, size: tuple[int, int]) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root, size=size) as window:
        await window.shows(f"The window is too small: {size[0]}×{size[1]}", "It needs 40×8.")
        assert "x.png" not in window.text()
        await window.pilot.resize_terminal(40, 8)
        await window.shows("x.png")


async def test_a_narrow_window_shows_the_details_in_place_of_the_pane(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root, size=(99, 20), clock=lambda: NOW) as window:
        await window.shows("x.png", "1 completed")
        assert "26 Apr 2026 12:00" not in window.text(), "the pane gives way"
        await window.press("v")
        await window.shows("x.png  details", "26 Apr 2026 12:00")
        await window.press("escape")
        await window.shows("1 completed")
        await window.pilot.resize_terminal(100, 20)
        await window.shows("x.png", "2.4 MB", "1 completed", "26 Apr 2026 12:00")
        assert window.text().count("completed") == 1, "the normal case is not repeated on every line"


async def test_a_key_may_be_clicked(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty", "a add")
        await window.pilot.click("#keys", offset=(2, 0))
        await window.shows("add files", "filter by name")


async def test_an_upload_that_is_processed_by_another_shows_its_stage(root: Path) -> None:
    await make_library(root, [Made("x.mp4", "analyzing", "vision_analysis", 20, file_type="video")])
    async with window_on(root) as window:
        await window.shows("◐ x.mp4", "━━━━━━ describing", "1 running")
        connection = sqlite3.connect(paths.database_file(root))
        with connection:
            connection.execute("UPDATE library SET revision = revision + 1")
            connection.execute(
                "UPDATE uploads SET processing_status = 'completed', stage = 'completed', warning = 'no thumbnail',"
                " revision = (SELECT revision FROM library)"
            )
        connection.close()
        await window.shows("! x.mp4", "no thumbnail", "1 completed")
        row = window.uploads.cursor_row
        assert row is not None and row.status is ProcessingStatus.COMPLETED


async def test_a_path_of_the_machine_in_front_of_one_is_explained_over_ssh(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 50000 10.0.0.2 22")
    monkeypatch.setenv("USER", "anna")
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("A", *"/Users/anna/cat.jpg")
        await window.press("enter")
        await window.shows("is a path of a Mac", "anna@10.0.0.2:")


def are_there(files: Sequence[Path], count: int) -> bool:
    return sum(file.exists() for file in files) == count


async def test_delete_asks_whether_a_file_in_place_is_deleted_too(root: Path, draw: Draw, tmp_path: Path) -> None:
    files = [draw(name, "photos") for name in ("x.png", "y.png")]
    async with window_on(root) as window:
        source = await window.library.sources.add(tmp_path / "photos")
        await window.library.sources.scan(source)
        await window.shows("x.png", "y.png")
        for answer, there in (("escape", 2), ("y", 2), ("f", 1)):
            await window.press("d")
            await window.shows("f delete the file too")
            await window.press(answer)
            await window.until(lambda: not isinstance(window.app.screen, DeleteScreen))
            await window.until(functools.partial(are_there, files, there))
        await window.shows("This library is empty")
        await window.library.sources.scan(source)
        assert (await window.library.queue.store.counts()).total == 0


async def test_the_line_of_keys_says_the_next_step(root: Path) -> None:
    rows = [Made("clip.mp4", file_type="video"), Made("bad.png", "failed", "failed", 0), Made("x.png")]
    await make_library(root, rows)
    async with window_on(root, size=(120, 24)) as window:
        await window.shows("x.png", "Enter view  Space mark  a add  / search  b browse  t tag  0-5 rate")
        assert "r retry" not in window.text(), "it would describe again"
        await window.press("down")
        await window.shows("r retry  i details  F failures")
        await window.press("down")
        await window.shows("e play  Enter view")
        await window.press("home", "space", "space")
        await window.shows("Space mark  t tag 2  @ album 2  d delete 2  Esc clear marks  0-5 rate 2", "? help")
        await window.press("escape", "slash", *"name:x")
        await window.shows("1 result")
        await window.shows("Esc back", "↓ results")
        assert "@ album" not in window.text(), "in a field that is text"
        await window.press("down", "space")
        await window.shows("1 marked", "d delete 1", "Esc back")
        await window.press("slash")
        assert window.search_input.has_focus
        assert window.search_input.value == "name:x"


async def test_a_window_that_is_too_small_leaves_a_field_the_focus_and_what_was_typed(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("x.png")
        await window.press("A", *"/tm")
        await window.pilot.resize_terminal(36, 6)
        await window.shows("too small")
        await window.press("p", "d")
        await window.pilot.resize_terminal(80, 24)
        await window.shows("/tmpd", "x.png")
        assert window.path_input.has_focus
        assert (await window.library.trash.store.count())[0] == 0
