"""How the screens about analyzers, failures and descriptions look, in a small and in a larger window."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from textual.pilot import Pilot

from tests.ui.conftest import NOW, PATIENCE_SECONDS, make_rows
from tests.ui.screen_text import screen_text
from tests.ui.test_doctor_screen import FINDINGS
from tests.ui.test_failures import FAILED as FAILURES
from tests.ui.uploads.pane_stage import COMPLETED, RUNNING, change, in_utc, make_pane_library
from tests.ui.uploads.test_servers import outage
from tests.ui.uploads.test_snapshots import SIZES, OwnLibraryApp
from vuemantics_tui import paths
from vuemantics_tui.domain.findings import Finding
from vuemantics_tui.library.analyzer import LibraryAnalyzer
from vuemantics_tui.processing.circuit import Circuit
from vuemantics_tui.ui.uploads.pane import UploadPane
from vuemantics_tui.ui.uploads.screen import UploadsScreen
from vuemantics_tui.ui.widgets.cursor_list import ChoiceList

__all__ = ["in_utc"]
pytestmark = [
    pytest.mark.usefixtures("in_utc"),
    pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}"),
]

Compare = Callable[..., bool]
PROSE = (
    "A tabby cat with green eyes lies on a red sofa beside a window. The light of the afternoon falls on its fur,"
    " and behind it a garden can be seen, out of focus. The mood is calm."
)


async def found() -> Sequence[Finding]:
    return FINDINGS


class LooksApp(OwnLibraryApp):
    """The app on a library of its own, with a doctor."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._examine = found
        # Not what the terminal of the tests can show.
        self.console = Console(color_system="truecolor", force_terminal=True)

    def text(self) -> str:
        return screen_text(self)

    async def until(self, pilot: Pilot[None], condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await pilot.pause(0.02)


def old_description(age: timedelta, text: str, **facts: Any) -> tuple[str, tuple[Any, ...]]:
    """Another description of the completed upload."""
    given = {"analyzer": "ollama", "model": "qwen2.5vl:3b", "score": 90, "findings": "[]", "edited": 0, **facts}
    return (
        "INSERT INTO descriptions (upload, text, tags, audit_score, audit_findings, analyzer, model, seconds,"
        " created_at, current, edited) VALUES (?, ?, '[\"cat\"]', ?, ?, ?, ?, 3.4, ?, 0, ?)",
        (
            *(COMPLETED, text, given["score"], given["findings"], given["analyzer"], given["model"]),
            *((NOW - age).isoformat(), given["edited"]),
        ),
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """With three descriptions of the first upload, and failures of two kinds, one with a model to pull."""
    root = tmp_path / "library"
    asyncio.run(make_pane_library(root))
    make_rows(root, FAILURES)
    change(
        root,
        old_description(timedelta(days=9), PROSE),
        old_description(
            timedelta(days=3), "A cat.", model="llava:7b", score=40, findings='["shorter than 50 characters"]'
        ),
        (
            "UPDATE uploads SET missing_model = 'qwen2.5vl:3b', hint = 'Run: ollama pull qwen2.5vl:3b'"
            " WHERE error_message LIKE '%not found'",
            (),
        ),
    )
    return root


def shown_number(pane: UploadPane) -> int | None:
    """Which upload the pane shows."""
    return None if pane.upload is None else pane.upload.number


def press(app: LooksApp, *keys: str, shows: str = "", cursor_on: int = COMPLETED) -> Callable[..., Awaitable[None]]:
    """Put the cursor on an upload, press keys, wait for a text."""

    async def run(pilot: Pilot[None]) -> None:
        await app.until(pilot, lambda: bool(app.screen.query(UploadPane)) and " uploads" in app.text())
        screen, pane = app.screen, app.screen.query_one(UploadPane)
        assert isinstance(screen, UploadsScreen)
        uploads = screen.uploads
        await app.until(pilot, lambda: len(uploads) == 11)
        line = uploads.line_of(cursor_on)
        assert line is not None
        uploads.move_to(line)
        await app.until(pilot, lambda: uploads.cursor_row is not None)
        await app.until(pilot, lambda: not pane.size.width or shown_number(pane) == cursor_on)
        await pilot.press(*keys[:1])
        # What a list holds comes from the store, and a key before that would find nothing.
        if keys[:1] in (("F",), ("D",)):
            await app.until(pilot, lambda: any(each.highlighted is not None for each in app.screen.query(ChoiceList)))
        await pilot.press(*keys[1:])
        await app.until(pilot, lambda: shows in app.text())
        await pilot.pause(0.1)

    return run


@pytest.mark.parametrize(
    ("keys", "shows"),
    [
        pytest.param(("F",), "3 ×", id="failures"),
        pytest.param(("D", "down"), "Selected", id="descriptions"),
        pytest.param(("E",), "Description of cat", id="edit"),
        pytest.param(("exclamation_mark",), "12 uploads, 30 MB", id="doctor"),
        pytest.param(("R",), "Re-embed", id="reembed"),
    ],
)
def test_looks(snap_compare: Compare, root: Path, size: tuple[int, int], keys: tuple[str, ...], shows: str) -> None:
    app = LooksApp(root)
    assert snap_compare(app, terminal_size=size, run_before=press(app, *keys, shows=shows))


def test_looks_while_a_model_is_pulled(
    snap_compare: Compare, root: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pull(analyzer: LibraryAnalyzer, model: str, on_pulled: Callable[[str, int, int], None]) -> None:
        on_pulled("pulling 5ee4f07cdb9b", 1_300_000_000, 3_200_000_000)
        await asyncio.Event().wait()

    monkeypatch.setattr(LibraryAnalyzer, "can_pull", True)
    monkeypatch.setattr(LibraryAnalyzer, "pull", pull)
    app = LooksApp(root)
    assert snap_compare(app, terminal_size=size, run_before=press(app, "F", "r", shows="41 %"))


def test_looks_at_models(snap_compare: Compare, root: Path, size: tuple[int, int]) -> None:
    app = LooksApp(root)
    assert snap_compare(app, terminal_size=size, run_before=press(app, "ampersand", shows="not downloaded"))


def test_looks_without_failures(snap_compare: Compare, root: Path, size: tuple[int, int]) -> None:
    change(root, ("DELETE FROM uploads WHERE processing_status = 'failed' AND number > 4", ()))
    change(root, ("UPDATE uploads SET error_kind = 'cancelled' WHERE processing_status = 'failed'", ()))
    app = LooksApp(root)

    async def run(pilot: Pilot[None]) -> None:
        await app.until(pilot, lambda: bool(app.screen.query(UploadPane)) and " uploads" in app.text())
        await pilot.press("F")
        await app.until(pilot, lambda: "No failures." in app.text())

    assert snap_compare(app, terminal_size=size, run_before=run)


def test_looks_when_it_asks_about_edited_ones(snap_compare: Compare, root: Path, size: tuple[int, int]) -> None:
    change(root, ("UPDATE descriptions SET edited = 1, analyzer = 'edited by hand', model = '' WHERE current = 1", ()))
    app = LooksApp(root)
    assert snap_compare(app, terminal_size=size, run_before=press(app, "asterisk", "r", shows="1 was edited by hand"))


def test_looks_while_a_server_is_away(
    snap_compare: Compare, root: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Circuit, "outage", property(lambda circuit: outage()))
    app = LooksApp(root)
    assert snap_compare(app, terminal_size=size, run_before=press(app, shows="Waiting for Ollama"))


@pytest.mark.parametrize("keys", [(), ("enter",)], ids=["pane", "detail"])
def test_looks_while_a_description_is_written(
    snap_compare: Compare, root: Path, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    app = LooksApp(root)
    connection = sqlite3.connect(paths.database_file(root))
    (upload_id,) = connection.execute("SELECT id FROM uploads WHERE number = ?", (RUNNING,)).fetchone()
    connection.close()

    async def run(pilot: Pilot[None]) -> None:
        await app.until(pilot, lambda: app.library is not None)
        app.library.queue.texts[upload_id] = PROSE[:130]
        wide = size[0] >= 100 or bool(keys)
        await press(app, *keys, shows="being written" if wide else "", cursor_on=RUNNING)(pilot)

    assert snap_compare(app, terminal_size=size, run_before=run)
