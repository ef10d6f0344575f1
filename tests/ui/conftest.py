"""A real library in a temporary folder, an analyzer that answers at once, and the app on both."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from tests.conftest import DEADLINE_SECONDS, put_library
from tests.doubles import ThreadCompute
from tests.ui.screen_text import check_text, screen_text
from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import Analyzer, OnFrame, OnText, Picture, ServerState, Vector, ignore_text
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.description import Description
from vuemantics_tui.library import Library
from vuemantics_tui.ui.app import VuemanticsApp
from vuemantics_tui.ui.screens.doctor import Examine
from vuemantics_tui.ui.uploads.intake import PathInput
from vuemantics_tui.ui.uploads.screen import UploadsScreen
from vuemantics_tui.ui.uploads.search_line import SearchInput
from vuemantics_tui.ui.uploads.table import UploadTable
from vuemantics_tui.ui.uploads.upload_list import UploadList

# A mark, the sign of a state, a name: what begins further right is a notice.
_ROW = re.compile(r"[ ▌][ ✗·◐!] (\S+\.\w{3,4})(?: |$)")
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
# Only ends what hangs: a machine with more to do than this takes its time.
PATIENCE_SECONDS = DEADLINE_SECONDS
PICTURE_SIZE = (120, 36)
RunBefore = Callable[[Pilot[None]], Awaitable[None]]


class StillAnalyzer:
    """Describe every picture alike; while `gate` is closed, wait without end."""

    name = "still"
    model = "eyes-1"
    embedding_model = "words-1"
    deterministic = True
    look_size = None

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = 0

    async def states(self) -> list[ServerState]:
        return [ServerState(self.name, True)]

    async def close(self) -> None:
        pass

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        self.begun += 1
        await self.gate.wait()
        return Description("A red square on a plain ground, evenly lit.", self.name, self.model)

    async def describe_video(
        self, frames: Sequence[Picture], on_frame: OnFrame, on_text: OnText = ignore_text
    ) -> Description:
        on_frame(1, len(frames))
        return await self.describe_image(frames[0])

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        return np.array([1, 0, 0], dtype=np.float32)

    async def embed_query(self, text: str) -> Vector:
        return np.array([1, 0, 0], dtype=np.float32)


@dataclass
class Window:
    """A running app and what tests need of it."""

    app: VuemanticsApp
    pilot: Pilot[None]
    library: Library
    analyzer: StillAnalyzer

    @property
    def table(self) -> UploadTable:
        return self.app.screen_stack[0].query_one(UploadTable)

    @property
    def uploads(self) -> UploadList:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, UploadsScreen)
        return screen.uploads

    @property
    def path_input(self) -> PathInput:
        return self.app.screen_stack[0].query_one(PathInput)

    @property
    def search_input(self) -> SearchInput:
        return self.app.screen_stack[0].query_one(SearchInput)

    def text(self) -> str:
        """Return the text on the screen."""
        return screen_text(self.app)

    def rows(self) -> list[tuple[str, str]]:
        """Return the name and the line of each upload in the table, from top to bottom."""
        found = ((_ROW.match(line), line) for line in self.text().splitlines())
        return [(match[1], line) for match, line in found if match]

    async def until(self, condition: Callable[[], bool | Awaitable[bool]], what: str = "") -> None:
        """Let the app go on until the condition holds; fail if that takes too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            met = condition()
            if not isinstance(met, bool):
                met = await met
            if met:
                return
            if time.monotonic() > deadline:
                pytest.fail(f"did not come true: {what}\n{self.text()}")
            await self.pilot.pause(0.02)

    async def shows(self, *texts: str) -> None:
        """Wait until the screen shows all of these."""
        await self.until(lambda: all(text in self.text() for text in texts), f"on the screen: {texts}")

    async def says(self, *sentences: str) -> None:
        """Wait until the screen shows these sentences, wherever their lines end: paths of tests differ in length."""

        def words() -> str:
            return " ".join(self.text().split())

        await self.until(lambda: all(sentence in words() for sentence in sentences), f"in words: {sentences}")

    async def lists(self, *names: str) -> None:
        """Wait until the table lists these in this order: an upload that just ran stays on top for a moment."""

        def listed() -> list[str]:
            starts = (f"{line[:30]} " for line in self.text().splitlines())
            return [name for start in starts for name in names if f" {name} " in start]

        await self.until(lambda: listed() == list(names), f"listed in this order: {names}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


def settings_for(root: Path) -> Settings:
    return Settings(library=root, workers=1, keep_free_mib=0)


async def open_library_at(root: Path) -> Library:
    """Open the library a second time, as another window does."""
    await put_library(root)
    return await Library.open(settings_for(root), analyzer=StillAnalyzer(), compute=ThreadCompute())


@pytest.fixture(autouse=True)
def steady_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop cursors from blinking: otherwise a snapshot would depend on its moment."""
    monkeypatch.setattr(Input, "cursor_blink", False)


@pytest.fixture
def snap_compare(snap_compare: Callable[..., bool]) -> Callable[..., bool]:
    """Compare the picture of one size with the one that is kept; in every other size, check the text alone."""

    def compare(app: App[None], *, terminal_size: tuple[int, int], run_before: RunBefore) -> bool:
        if terminal_size == PICTURE_SIZE:
            return snap_compare(app, terminal_size=terminal_size, run_before=run_before)
        return check_text(app, terminal_size, run_before)

    return compare


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that draws a different small picture each time."""
    drawn: Iterator[int] = iter(range(1_000_000))

    def draw_one(name: str, folder: str = "pictures") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        count = next(drawn)
        Image.new("RGB", (24, 16), (count % 256, count // 256 % 256, 90)).save(path, format="PNG")
        return path

    return draw_one


@asynccontextmanager
async def window_on(
    root: Path,
    *,
    size: tuple[int, int] = (100, 30),
    process: bool = False,
    gate: bool = True,
    named: Sequence[Path] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    errors: bool = False,
    own_analyzer: Analyzer | None = None,
    examine: Examine | None = None,
    **settings_changed: Any,
) -> AsyncIterator[Window]:
    """The app on a library, closed afterwards whatever happens; without `errors`, none may have been noted.

    With a setting `analyzer` that one is made, as in the program; else a double stands in for it. With a setting
    `cluster` heavy work goes there; else to a thread.
    """
    analyzer = StillAnalyzer()
    if not gate:
        analyzer.gate.clear()
    settings = replace(settings_for(root), **settings_changed)
    given = None if settings_changed.get("analyzer") else own_analyzer or analyzer
    compute = None if settings_changed.get("cluster") else ThreadCompute()
    await put_library(settings.library)
    library = await Library.open(settings, analyzer=given, compute=compute)
    try:
        app = VuemanticsApp(library, paths=named, process=process, clock=clock, examine=examine)
        async with app.run_test(size=size, notifications=True) as pilot:
            yield Window(app, pilot, library, analyzer)
            # What goes wrong inside becomes a notice and a line in the log, and would pass unseen here.
            noted = [f"{entry.message}\n{entry.trace}" for entry in app.recent_log.entries(logging.ERROR)]
            assert errors or not noted, "\n".join(noted)
    finally:
        await library.close()


async def add(library: Library, *files: Path) -> list[str]:
    """Add files, without a screen; return their IDs."""
    candidates = await library.gather(files, recursive=True)
    return [result.upload.id async for result in library.add(candidates) if result.upload]


@dataclass(frozen=True)
class Made:
    """A row to put into the store unchanged."""

    filename: str
    status: str = "completed"
    stage: str = "completed"
    percent: int = 100
    age: timedelta = timedelta(days=8)
    size: int = 2_400_000
    file_type: str = "image"
    error: str | None = None
    kind: str | None = None
    warning: str | None = None


def make_rows(root: Path, rows: Sequence[Made], now: datetime = NOW) -> None:
    """Put rows into the store in any state, the oldest first."""
    connection = sqlite3.connect(paths.database_file(root))
    try:
        (user,) = connection.execute("SELECT id FROM users").fetchone()
        (revision,) = connection.execute("SELECT revision FROM library").fetchone()
        values: list[tuple[Any, ...]] = []
        for row in rows:
            revision += 1
            at = (now - row.age).isoformat(timespec="microseconds")
            values.append(
                (
                    *(str(uuid.uuid4()), user, row.filename, "none", row.file_type, row.size, "image/png", "png"),
                    *(str(uuid.uuid4()), row.status, row.stage, row.percent, row.error, row.kind, row.warning),
                    *(at, at, revision),
                )
            )
        connection.executemany(
            """
            INSERT INTO uploads (id, user_id, filename, file_path, file_type, file_size, mime_type, extension, sha256,
                                 processing_status, stage, progress_percent, error_message, error_kind, warning,
                                 created_at, updated_at, revision)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            values,
        )
        connection.execute("UPDATE library SET revision = ?", (revision,))
        connection.commit()
    finally:
        connection.close()


async def make_library(root: Path, rows: Sequence[Made] = (), now: datetime = NOW) -> None:
    """Make a library on disk with these rows."""
    library = await open_library_at(root)
    await library.close()
    make_rows(root, rows, now)
