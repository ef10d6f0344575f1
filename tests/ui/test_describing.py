"""Descriptions as they are written, side by side, and in a person's own words."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.screen import Screen
from textual.widgets import TextArea

from tests.analyzers.asking import ollama
from tests.servers import FakeOllama
from tests.ui.conftest import Made, Window, add, make_library, open_library_at, window_on
from tests.ui.uploads.pane_stage import RUNNING, make_pane_library, pane_on
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.upload import ProcessingStatus
from vuemantics_tui.library import StoredDescription
from vuemantics_tui.ui.screens.ask import ConfirmScreen, OverwriteScreen
from vuemantics_tui.ui.screens.edit import EditScreen, edited_text, editor_command
from vuemantics_tui.ui.uploads.pane import LINES_AT_ONCE, WritingText
from vuemantics_tui.ui.widgets.one_line import Words

Draw = Callable[..., Path]


async def described(window: Window, *files: Path) -> list[str]:
    """Add these and wait until they are completed; returns their IDs."""
    ids = await add(window.library, *files)
    await window.shows(f"{len(files)} completed")
    return ids


async def stored(window: Window, upload_id: str) -> list[StoredDescription]:
    """All descriptions, newest first."""
    upload = await window.library.uploads.get(upload_id)
    assert upload is not None
    return await window.library.descriptions.of(upload.number)


async def current_is(window: Window, upload_id: str, text: str) -> None:
    """Wait until this is the current description of a completed upload."""

    async def so() -> bool:
        upload = await window.library.uploads.get(upload_id)
        return upload is not None and upload.status is ProcessingStatus.COMPLETED and upload.description == text

    await window.until(so, f"the description is {text}")


# As it is written


async def test_a_description_is_seen_word_by_word_while_it_is_written(root: Path, draw: Draw) -> None:
    async with FakeOllama(text="A tabby cat rests on a red sofa beside a window.\nTags: cat") as server:
        server.stepwise = True
        async with window_on(root, size=(120, 30), process=True, own_analyzer=ollama(server)) as window:
            await add(window.library, draw("cat.png"))
            await window.until(lambda: server.running == 1)
            server.release(2)
            await window.shows("◐ being written", "A tabby▌")
            assert "cat rests" not in window.text()
            server.release(2)
            await window.shows("A tabby cat rests▌")
            await window.press("enter", "i")
            await window.shows("Esc back", "being written", "A tabby cat rests▌")
            server.release(1)
            await window.shows("A tabby cat rests on▌")
            await window.press("escape")
            server.release(100)
            await window.shows("cat.png", "A tabby cat rests on a red sofa", "quality")
            assert "being written" not in window.text() and "▌" not in window.text()


async def test_most_pieces_of_a_text_lay_nothing_out(tmp_path: Path) -> None:
    await make_pane_library(tmp_path / "library")
    async with pane_on(tmp_path / "library", RUNNING) as (app, pilot):
        await app.shows(pilot, "◐ describing")
        assert app.pane.upload is not None
        texts = app.library.queue.texts
        texts[app.pane.upload.id] = "word"
        app.pane.repaint_outdated()
        await app.shows(pilot, "word▌")
        laid_out = 0

        def count(_: Screen[None]) -> None:
            nonlocal laid_out
            laid_out += 1

        app.screen.screen_layout_refresh_signal.subscribe(app.pane, count, immediate=True)
        for number in range(40):
            texts[app.pane.upload.id] += f" w{number}"
            app.pane.repaint_outdated()
            await app.shows(pilot, f"w{number}▌")
        writing = app.pane.query_one(WritingText)
        assert writing.size.height > LINES_AT_ONCE
        assert laid_out <= writing.size.height // LINES_AT_ONCE
        before = laid_out
        for _ in range(5):
            app.pane.repaint_outdated()
            await pilot.pause()
        assert laid_out == before


async def test_what_is_written_of_one_upload_is_not_shown_for_another(tmp_path: Path) -> None:
    await make_pane_library(tmp_path / "library")
    async with pane_on(tmp_path / "library", RUNNING) as (app, pilot):
        await app.shows(pilot, "◐ describing")
        assert app.pane.upload is not None
        app.library.queue.texts[app.pane.upload.id] = "a cockatoo"
        app.pane.repaint_outdated()
        await app.shows(pilot, "a cockatoo▌")
        app.pane.show(1)
        await app.shows(pilot, "cat [b]on")
        assert "cockatoo" not in app.text()


# Anew


async def edited_library(root: Path, draw: Draw, *names: str) -> None:
    """Completed uploads; those with a name that begins with an e were edited by hand."""
    async with window_on(root, process=True) as window:
        ids = await described(window, *(draw(name) for name in names))
        for upload_id, name in zip(ids, names, strict=True):
            if name.startswith("e"):
                await window.library.descriptions.edit(upload_id, f"My own words about {name}.")
                await current_is(window, upload_id, f"My own words about {name}.")


@pytest.mark.parametrize(
    ("key", "waiting"), [("y", {"e1.png", "e2.png", "x.png"}), ("o", {"x.png"}), ("n", set()), ("escape", set())]
)
async def test_to_describe_anew_asks_where_some_were_edited_by_hand(
    root: Path, draw: Draw, key: str, waiting: set[str]
) -> None:
    await edited_library(root, draw, "e1.png", "x.png", "e2.png")
    async with window_on(root) as window:
        await window.shows("3 completed")
        await window.press("*", "r")
        await window.shows("2 were edited by hand. Describe them again?", "o only the others")
        await window.press(key)
        await window.until(lambda: not isinstance(window.app.screen, OverwriteScreen))
        if waiting:
            await window.shows(f"{len(waiting)} waiting")
        uploads = await window.library.uploads.newest()
        assert {upload.filename for upload in uploads if upload.status is ProcessingStatus.PENDING} == waiting


@pytest.mark.parametrize(("key", "moves"), [("y", True), ("enter", False)])
async def test_to_describe_one_anew_that_was_edited_by_hand_asks(root: Path, draw: Draw, key: str, moves: bool) -> None:
    await edited_library(root, draw, "e.png")
    async with window_on(root) as window:
        await window.shows("1 completed")
        await window.press("r")
        await window.shows("e.png was edited by hand. Describe again?")
        await window.press(key)
        await window.until(lambda: not isinstance(window.app.screen, ConfirmScreen))
        if moves:
            await window.shows("1 waiting", "Describing e.png again.")
        assert (await window.library.queue.store.counts()).waiting == moves


# Side by side


async def test_all_descriptions_stand_side_by_side_and_one_is_made_current(root: Path, draw: Draw) -> None:
    async with window_on(root, size=(120, 30), process=True) as window:
        [upload_id] = await described(window, draw("x.png"))
        await window.library.descriptions.edit(upload_id, "In my own words, which are not the analyzer's.")
        await current_is(window, upload_id, "In my own words, which are not the analyzer's.")
        await window.press("D")
        await window.shows("x.png  2 descriptions", "● edited by hand", "still eyes-1", "quality")
        await window.press("down")
        await window.shows("Current  edited by hand", "Selected  still eyes-1")
        [line] = [line for line in window.text().splitlines() if "In my own words" in line]
        assert "A red square" in line, "the two stand in the same line"
        await window.press("enter")
        await window.shows("becomes current once it is embedded", "● still eyes-1")
        await current_is(window, upload_id, "A red square on a plain ground, evenly lit.")
        await window.press("enter")
        await window.shows("This is already the current description.")
        await window.press("escape")
        await window.shows("newest first")


async def test_in_a_narrow_window_they_stand_one_above_the_other(root: Path, draw: Draw) -> None:
    async with window_on(root, size=(80, 24), process=True) as window:
        [upload_id] = await described(window, draw("x.png"))
        await window.library.descriptions.edit(upload_id, "My words. " * 200)
        await current_is(window, upload_id, ("My words. " * 200).strip())
        await window.press("D", "down")
        await window.shows("Current", "Selected", "A red square on a plain ground, evenly lit.")
        lines = window.text().splitlines()
        [current], [selected] = (
            [at for at, line in enumerate(lines) if line.strip().startswith(head)] for head in ("Current", "Selected")
        )
        assert current < selected
        page = window.app.screen.query_one("#current-page")
        await window.press("space")
        await window.until(lambda: page.scroll_y > 0)
        await window.press("h")
        await window.until(lambda: page.scroll_y == 0)
        for key, place in [("up", 0), ("end", 1), ("home", 0), ("j", 1), ("k", 0), ("pagedown", 1), ("pageup", 0)]:
            await window.press(key)
            assert window.app.screen.query_one("#descriptions").highlighted == place  # type: ignore[attr-defined]


async def test_an_upload_without_a_description_says_so_and_a_deleted_one_leads_back(root: Path) -> None:
    await make_library(root, [Made("x.png", "pending", "queued", 0)])
    async with window_on(root) as window:
        await window.shows("· x.png")
        await window.press("D")
        await window.shows("x.png  no description", "No description yet.")
        assert "use this one" not in window.text(), "there is none to use"
        await window.library.trash.put([(await window.library.uploads.newest())[0].id])
        await window.shows("This upload was moved to the trash.", "This library is empty")


async def test_what_another_window_adds_is_among_them(root: Path, draw: Draw) -> None:
    async with window_on(root, process=True) as window:
        [upload_id] = await described(window, draw("x.png"))
        await window.press("D")
        await window.shows("x.png  1 description")
        other = await open_library_at(root)
        try:
            await other.descriptions.edit(upload_id, "From elsewhere.")
        finally:
            await other.close()
        await window.shows("x.png  2 descriptions", "From elsewhere.")


async def test_a_choice_that_cannot_be_had_is_told(root: Path, draw: Draw) -> None:
    async with window_on(root, process=True) as window:
        [upload_id] = await described(window, draw("x.png"))
        await window.library.descriptions.edit(upload_id, "My words.")
        await current_is(window, upload_id, "My words.")
        window.analyzer.gate.clear()
        await window.library.queue.retry([upload_id], overwrite_edited=True)
        await window.until(lambda: window.analyzer.begun == 2)
        await window.press("D")
        await window.shows("2 descriptions")
        await window.press("end", "enter")
        await window.shows("x.png is being processed", "Wait until it is done")


# In a person's own words


@pytest.mark.parametrize("key", ["f2", "ctrl+s"])
async def test_a_description_is_edited_and_found_by_its_new_words(root: Path, draw: Draw, key: str) -> None:
    async with window_on(root, process=True) as window:
        [upload_id] = await described(window, draw("x.png"))
        await window.press("E")
        await window.shows("Description of x.png", "A red square on a plain ground", "F2 save")
        await window.press(*"Grandma's q? ", key)
        await window.shows("Saved.")
        await current_is(window, upload_id, "Grandma's q? A red square on a plain ground, evenly lit.")
        newest, *_ = await stored(window, upload_id)
        assert newest.edited
        await window.press("/", *"grandma", "enter")
        await window.shows("1 result for grandma")


async def test_an_empty_description_is_refused_in_the_field(root: Path, draw: Draw) -> None:
    async with window_on(root, process=True) as window:
        [upload_id] = await described(window, draw("x.png"))
        await window.press("E")
        await window.shows("Description of x.png")
        window.app.screen.query_one(TextArea).text = "  \n "
        await window.press("f2")
        await window.shows("✗ A description needs at least a word. Nothing was changed.")
        await window.press("x")
        await window.until(lambda: "✗" not in window.text(), "typing on takes the error away")
        assert len(await stored(window, upload_id)) == 1


async def test_what_was_not_changed_is_said_and_left_without_a_question(root: Path, draw: Draw) -> None:
    async with window_on(root, process=True) as window:
        await described(window, draw("x.png"))
        await window.press("E")
        await window.shows("Description of x.png")
        await window.press("f2")
        await window.shows("Nothing changed.")
        await window.press("E")
        await window.shows("Description of x.png")
        await window.press("escape")
        await window.until(lambda: window.app.screen is window.app.screen_stack[0])


async def test_to_leave_a_change_asks(root: Path, draw: Draw) -> None:
    async with window_on(root, process=True) as window:
        [upload_id] = await described(window, draw("x.png"))
        await window.press("E")
        await window.shows("Description of x.png")
        await window.press("X", "escape")
        await window.shows("Leave without saving?", "will be lost")
        await window.press("n")
        await window.until(lambda: isinstance(window.app.screen, EditScreen))
        await window.press("ctrl+q")
        await window.shows("Quit?", "The description you are editing is not saved.")
        await window.press("n")
        await window.until(lambda: isinstance(window.app.screen, EditScreen))
        await window.press("escape")
        await window.shows("Leave without saving?")
        await window.press("y")
        await window.until(lambda: window.app.screen is window.app.screen_stack[0])
        assert len(await stored(window, upload_id)) == 1


# In an editor


@pytest.fixture
def editor(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a program that is an editor: a line of shell, with the file as $1."""

    def made(line: str) -> Path:
        path = tmp_path / "bin" / "my-editor"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return made


def said(window: Window) -> str:
    """What is wrong, in the words of the field."""
    return str(window.app.screen.query_one("#edit-message", Words).render())


def suspendable(window: Window, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the app step aside, as the driver of the tests cannot; returns what happened."""
    happened: list[str] = []

    @contextmanager
    def suspend() -> Iterator[None]:
        happened.append("suspended")
        yield
        happened.append("resumed")

    monkeypatch.setattr(window.app, "suspend", suspend)
    return happened


async def test_the_editor_of_the_terminal_may_write_it(
    root: Path, draw: Draw, editor: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = editor('test -s "$2" && echo größer > "$2"')
    monkeypatch.setenv("VISUAL", f"{program} --wait")
    async with window_on(root, process=True) as window:
        [upload_id] = await described(window, draw("x.png"))
        happened = suspendable(window, monkeypatch)
        await window.press("E")
        await window.shows("Description of x.png", "F4 editor")
        await window.press("f4")
        await window.shows("größer")
        assert happened == ["suspended", "resumed"]
        assert len(await stored(window, upload_id)) == 1, "not yet saved"
        await window.press("f2")
        await current_is(window, upload_id, "größer")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("exit 3", "my-editor ended with exit code 3. The text is unchanged."),
        ('rm "$1"', "could not be read: [Errno 2]"),
        ("", "No editor is set. Set $VISUAL or $EDITOR"),
    ],
)
async def test_an_editor_that_fails_changes_nothing(
    root: Path,
    draw: Draw,
    editor: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    told: str,
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(editor(line)) if line else "")
    async with window_on(root, size=(160, 30), process=True) as window:
        await described(window, draw("x.png"))
        suspendable(window, monkeypatch)
        await window.press("E")
        await window.shows("Description of x.png")
        await window.press("f4")
        await window.until(lambda: told in " ".join(said(window).split()))
        assert window.app.screen.query_one(TextArea).text == "A red square on a plain ground, evenly lit."


async def test_where_the_app_cannot_step_aside_it_says_so(
    root: Path, draw: Draw, editor: Callable[[str], Path]
) -> None:
    async with window_on(root) as window:
        with pytest.raises(UsageError, match="No editor can be opened here"):
            await edited_text(window.app, "x", [str(editor("true"))])


async def test_what_is_processed_goes_on_beside_the_editor(
    root: Path, draw: Draw, editor: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = tmp_path / "go-on"
    os.mkfifo(waits)
    async with window_on(root, process=True) as window:
        suspendable(window, monkeypatch)
        command = [str(editor(f'read line < "{waits}"; echo done > "$1"'))]
        editing = asyncio.ensure_future(edited_text(window.app, "x", command))
        await add(window.library, draw("x.png"))

        async def completed() -> bool:
            return (await window.library.queue.store.counts()).completed == 1

        await window.until(completed, "processed while the editor is open")
        assert not editing.done()
        await asyncio.to_thread(waits.write_text, "\n")
        assert await editing == "done"


def test_visual_goes_before_editor_and_may_have_words() -> None:
    assert editor_command({"VISUAL": "code --wait", "EDITOR": "vi"}) == ["code", "--wait"]
    assert editor_command({"VISUAL": " ", "EDITOR": "vi"}) == ["vi"]
    with pytest.raises(UsageError, match="cannot be read"):
        editor_command({"VISUAL": "vi '"})
