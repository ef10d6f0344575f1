"""The detail screen: the pane on the whole screen, the page of all facts, the way back, following."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

from tests.doubles import ThreadCompute
from tests.ui.conftest import StillAnalyzer, settings_for
from tests.ui.uploads.pane_stage import COMPLETED, FAILED, RUNNING, PaneApp, change, describe, in_utc, make_pane_library
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.domain.upload import QueueCounts, Upload, UploadEvent
from vuemantics_tui.domain.view import View
from vuemantics_tui.library import Library
from vuemantics_tui.ui.clipboard import copy
from vuemantics_tui.ui.screens.detail import DetailScreen, FactsPage
from vuemantics_tui.ui.uploads.upload_list import UploadList

__all__ = ["in_utc"]
pytestmark = pytest.mark.usefixtures("in_utc")


class DetailApp(PaneApp):
    """A detail screen on top of an empty one."""

    def get_default_screen(self) -> Screen[None]:
        return Screen()

    def on_ready(self) -> None:
        assert self.number is not None
        self.push_screen(DetailScreen(self.library, self.number, UploadList(self.library, View()), self.clock))


@asynccontextmanager
async def detail_on(
    root: Path, number: int, *, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[DetailApp, Pilot[None]]]:
    app = DetailApp(root, number)
    app.library = await Library.open(settings_for(root), analyzer=StillAnalyzer(), compute=ThreadCompute())
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            yield app, pilot
    finally:
        await app.library.close()


@pytest.fixture
async def root(tmp_path: Path) -> Path:
    await make_pane_library(tmp_path / "library")
    return tmp_path / "library"


@pytest.mark.parametrize("key", ["escape", "q", "enter", "i"])
async def test_it_leads_back(root: Path, key: str) -> None:
    async with detail_on(root, COMPLETED) as (app, pilot):
        await app.shows(pilot, "cat [b]on[/b] the sofa.png  details", "221,000 bytes", "t tag", "Esc back")
        assert "r retry" not in app.text(), "it did not fail"
        await pilot.press(key)
        await app.until(pilot, lambda: not isinstance(app.screen, DetailScreen))


async def test_the_page_of_facts_holds_everything(root: Path) -> None:
    async with detail_on(root, COMPLETED, size=(120, 60)) as (app, pilot):
        await app.shows(pilot, "History")
        text = " ".join(app.text().split())
        upload = await app.library.uploads.by_number(COMPLETED)
        assert upload is not None
        for part in (
            "name cat [b]on[/b] the sofa.png",
            "type image/png, photo",
            "dimensions 451 × 300",
            "taken 1 May 2026 09:30",
            f"sha256 {upload.sha256}",
            f"original {root / upload.file_path}",
            "description A close portrait",
            "tags cat, natural landscape, portrait, brown",
            "quality 100",
            "analyzer builtin model efficientnet-lite0 took 0.1 s",
            "camera make Canon camera model Canon EOS 1000D iso 100",
            "status completed, 100 %",
            f"revision {upload.revision} id {upload.id} number 1",
            "4 May 2026 11:58:00 added /home/me/cat.png",
            "4 May 2026 11:58:01 described builtin efficientnet-lite0, quality 100 (0.1 s)",
        ):
            assert part in text, part


async def test_the_keys_scroll(root: Path) -> None:
    change(root, describe(RUNNING, "word " * 900))
    async with detail_on(root, RUNNING) as (app, pilot):
        page = app.screen.query_one(FactsPage)
        await app.until(pilot, lambda: page.max_scroll_y > 40)
        for key, place in [
            ("j", 1), ("down", 2), ("k", 1), ("up", 0), ("pagedown", 21), ("space", 42), ("pageup", 21), ("home", 0),
        ]:  # fmt: skip
            await pilot.press(key)
            await app.until(pilot, lambda place=place: page.scroll_y == place)  # type: ignore[misc]
        await pilot.press("end")
        await app.until(pilot, lambda: page.scroll_y == page.max_scroll_y)


async def test_it_follows_its_upload(root: Path) -> None:
    async with detail_on(root, RUNNING) as (app, pilot):
        await app.shows(pilot, "describing, 20 %")
        change(
            root,
            describe(RUNNING, "A white cockatoo on a branch."),
            (
                "UPDATE uploads SET processing_status = 'completed', stage = 'completed', progress_percent = 100"
                " WHERE number = ?",
                (RUNNING,),
            ),
        )
        await app.shows(pilot, "A white cockatoo on a branch.", "completed, 100 %")


async def test_it_leaves_when_its_upload_is_deleted(root: Path) -> None:
    async with detail_on(root, RUNNING) as (app, pilot):
        await app.shows(pilot, "describing, 20 %")
        upload = await app.library.uploads.by_number(RUNNING)
        assert upload is not None
        await app.library.trash.put([upload.id])
        await app.until(pilot, lambda: not isinstance(app.screen, DetailScreen))
        await app.shows(pilot, "This upload was moved to the trash.")


async def test_a_store_that_refuses_is_told_and_followed_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with detail_on(root, RUNNING) as (app, pilot):
        await app.shows(pilot, "describing, 20 %")

        async def refusing() -> QueueCounts:
            raise LibraryError("The library is locked", "Wait a little.")

        monkeypatch.setattr(app.library.queue.store, "counts", refusing)
        change(root, ("UPDATE uploads SET file_size = 1 WHERE number = ?", (RUNNING,)))
        await app.shows(pilot, "The library is locked", "Wait a little.")
        monkeypatch.undo()
        change(root, ("UPDATE uploads SET file_size = 5000 WHERE number = ?", (RUNNING,)))
        await app.shows(pilot, "5 KB")


async def test_what_cannot_be_read_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with detail_on(root, RUNNING) as (app, pilot):
        await app.shows(pilot, "describing, 20 %")

        async def refusing(upload: Upload) -> list[UploadEvent]:
            raise LibraryError("The history is torn", "Restore it.")

        monkeypatch.setattr(app.library.history, "of", refusing)
        change(root, ("UPDATE uploads SET file_size = 1 WHERE number = ?", (RUNNING,)))
        await app.shows(pilot, "The history is torn", "Restore it.")


# IDs and paths of a test's library are never the same, so the words stand for a picture.
@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("number", [COMPLETED, FAILED], ids=["completed", "failed"])
async def test_each_size_begins_with_the_file_and_fits(root: Path, size: tuple[int, int], number: int) -> None:
    async with detail_on(root, number, size=size) as (app, pilot):
        await app.shows(pilot, "File", "name", "size", "original", "Esc back")
        lines = app.text().splitlines()
        assert len(lines) <= size[1]
        assert all(len(line) <= size[0] for line in lines)
        await pilot.press("end")
        await app.shows(pilot, "History")


# The clipboard


class Driverless(App[None]):
    """Remembers what was copied."""

    copied = ""

    def copy_to_clipboard(self, text: str) -> None:
        self.copied = text


@pytest.fixture
def tmux(tmp_path: Path) -> Callable[[int], dict[str, str]]:
    """An environment inside a tmux that writes down what it was asked and given, and answers with a number."""

    def made(answer: int) -> dict[str, str]:
        program = tmp_path / "bin" / "tmux"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/asked"\ncat > "{tmp_path}/given"\nexit {answer}\n')
        program.chmod(0o755)
        return {"TMUX": "/tmp/tmux-0/default,1,0", "PATH": f"{program.parent}:/usr/bin:/bin"}

    return made


async def test_outside_tmux_the_terminal_is_asked() -> None:
    app = Driverless()
    await copy(app, "a path", {"PATH": "/usr/bin"})
    assert app.copied == "a path"


async def test_inside_tmux_its_own_command_copies(tmp_path: Path, tmux: Callable[[int], dict[str, str]]) -> None:
    app = Driverless()
    await copy(app, "größer\n$HOME", tmux(0))
    assert (tmp_path / "asked").read_text() == "load-buffer -w -\n"
    assert (tmp_path / "given").read_text(encoding="utf-8") == "größer\n$HOME"
    assert app.copied == ""


async def test_a_tmux_that_refuses_leaves_it_to_the_terminal(tmux: Callable[[int], dict[str, str]]) -> None:
    app = Driverless()
    await copy(app, "text", tmux(1))
    assert app.copied == "text"
    await copy(app, "other", {"TMUX": "x", "PATH": "/nowhere"})
    assert app.copied == "other"
