"""A library with an upload in each state, and an app that shows the pane of one."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.pilot import Pilot
from textual.screen import Screen

from tests.doubles import ThreadCompute
from tests.ui.conftest import NOW, PATIENCE_SECONDS, Made, StillAnalyzer, make_library, settings_for
from tests.ui.screen_text import screen_text
from vuemantics_tui import paths
from vuemantics_tui.library import Library
from vuemantics_tui.ui.app import VuemanticsApp
from vuemantics_tui.ui.uploads.pane import UploadPane

FAILURE = "AI processing failed: model 'qwen2.5vl:3b' not found on localhost:11434"
MINUTES = timedelta(minutes=2)
COMPLETED, FAILED, WAITING, RUNNING = 1, 2, 3, 4


def change(root: Path, *statements: tuple[str, tuple[Any, ...]]) -> None:
    """Change the store as another program would, with a new revision."""
    connection = sqlite3.connect(paths.database_file(root))
    try:
        for statement, values in statements:
            connection.execute(statement, values)
        connection.execute("UPDATE library SET revision = revision + 1")
        connection.execute("UPDATE uploads SET revision = (SELECT revision FROM library)")
        connection.commit()
    finally:
        connection.close()


def describe(
    number: int, text: str, *, score: int = 100, findings: str = "[]", tags: str = "[]"
) -> tuple[str, tuple[Any, ...]]:
    values = (number, text, tags, score, findings, NOW.isoformat())
    return (
        "INSERT INTO descriptions (upload, text, tags, audit_score, audit_findings, analyzer, model, seconds,"
        " created_at, current) VALUES (?, ?, ?, ?, ?, 'builtin', 'efficientnet-lite0', 0.12, ?, 1)",
        values,
    )


def event(
    number: int, second: int, kind: str, message: str = "", took: float | None = None
) -> tuple[str, tuple[Any, ...]]:
    at = (NOW - MINUTES + timedelta(seconds=second)).isoformat()
    return "INSERT INTO events (upload, at, kind, message, seconds) VALUES (?, ?, ?, ?, ?)", (
        number,
        at,
        kind,
        message,
        took,
    )


def picture() -> Image.Image:
    """Draw a sky, a hill and a sun in whole numbers, so that it is the same everywhere."""
    y, x = np.mgrid[0:80, 0:120]
    pixels = np.stack([70 + y, 120 + y, 220 - y // 2], axis=-1).astype(np.uint8)
    pixels[(x - 85) ** 2 + (y - 22) ** 2 < 150] = (250, 220, 120)
    pixels[y > 55 + (x - 40) ** 2 // 160] = (60, 110, 50)
    return Image.fromarray(pixels)


async def make_pane_library(root: Path) -> None:
    """Make a library with a completed, a failed, a waiting and a running upload."""
    made = [
        Made("cat [b]on[/b] the sofa.png", size=221_000, age=MINUTES),
        Made("Nikon E900 harbour.jpg", "failed", "failed", 20, MINUTES, 264_000, error=FAILURE, kind="permanent"),
        Made("kodim03.png", "pending", "queued", 0, timedelta(0), 503_000),
        Made("cockatoo.mp4", "analyzing", "vision_analysis", 20, timedelta(0), 729_000, "video"),
    ]
    await make_library(root, made)
    thumbnail = root / "thumb.png"
    picture().save(thumbnail)
    text = "A close portrait of a tabby cat with green eyes, resting on a [red]soft[/red] surface.\nCalm mood."
    change(
        root,
        (
            "UPDATE uploads SET width = 451, height = 300, thumbnail_path = ?, taken_at = '2026-05-01T09:30:00+02:00',"
            " metadata = ? WHERE number = ?",
            (thumbnail.name, '{"camera_make": "Canon", "camera_model": "Canon EOS 1000D", "iso": 100}', COMPLETED),
        ),
        describe(COMPLETED, text, tags='["cat", "natural landscape", "portrait", "brown"]'),
        event(COMPLETED, 0, "added", "/home/me/cat.png"),
        event(COMPLETED, 1, "described", "builtin efficientnet-lite0, quality 100", 0.12),
        (
            "UPDATE uploads SET width = 1280, height = 960, error_stage = 'vision_analysis', hint = ?,"
            " thumbnail_path = ? WHERE number = ?",
            ("Run: ollama pull qwen2.5vl:3b", thumbnail.name, FAILED),
        ),
        event(FAILED, 0, "added", "/home/me/harbour.jpg"),
        event(FAILED, 2, "thumbnail", "", 0.022),
        event(FAILED, 3, "failed", f"{FAILURE} (permanent, in vision_analysis)"),
        event(WAITING, 0, "added", "/home/me/kodim03.png"),
        event(RUNNING, 0, "added", "/home/me/cockatoo.mp4"),
        event(RUNNING, 1, "thumbnail", "", 0.15),
    )


class PaneScreen(Screen[None]):
    """A screen with the pane at the right, as on the main screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "retry_upload", "retry", id="retry-upload")]
    CSS = "#pane { dock: right; width: 45; height: 100%; }"

    def __init__(self, library: Library, clock: Callable[[], datetime], number: int | None) -> None:
        super().__init__()
        self.pane = UploadPane(library, clock, id="pane")
        self.pane.show(number)

    def compose(self) -> ComposeResult:
        yield self.pane

    def action_retry_upload(self) -> None:
        pass


class PaneApp(VuemanticsApp):
    """An app with a pane; it opens the library in its own loop."""

    def __init__(self, root: Path, number: int | None = None, clock: Callable[[], datetime] = lambda: NOW) -> None:
        super().__init__(None, process=False, clock=clock)  # type: ignore[arg-type]
        self.root = root
        self.number = number
        self.clock = clock
        # Not what the terminal of the tests can show.
        self.console = Console(color_system="truecolor", force_terminal=True)

    def now(self) -> datetime:
        """What the pane takes for the present: `clock` may be another one later."""
        return self.clock()

    def get_default_screen(self) -> Screen[None]:
        return PaneScreen(self.library, self.now, self.number)

    @property
    def pane(self) -> UploadPane:
        screen = self.screen_stack[0]
        assert isinstance(screen, PaneScreen)
        return screen.pane

    async def run_async(self, **options: Any) -> Any:
        self.library = await Library.open(settings_for(self.root), analyzer=StillAnalyzer(), compute=ThreadCompute())
        try:
            return await super().run_async(**options)
        finally:
            await self.library.close()

    def text(self) -> str:
        return screen_text(self)

    async def until(self, pilot: Pilot[None], condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await pilot.pause(0.01)

    async def shows(self, pilot: Pilot[None], *texts: str) -> None:
        try:
            await self.until(pilot, lambda: all(text in self.text() for text in texts))
        except TimeoutError:
            pytest.fail(f"not on the screen: {texts}\n{self.text()}")


@asynccontextmanager
async def pane_on(
    root: Path, number: int | None, size: tuple[int, int] = (45, 34)
) -> AsyncIterator[tuple[PaneApp, Pilot[None]]]:
    app = PaneApp(root, number)
    app.library = await Library.open(settings_for(root), analyzer=StillAnalyzer(), compute=ThreadCompute())
    try:
        async with app.run_test(size=size) as pilot:
            yield app, pilot
    finally:
        await app.library.close()


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
