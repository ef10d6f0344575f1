"""How it looks: each state of the main screen as a picture, and in a small window in words."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from tests.doubles import ThreadCompute
from tests.ui.conftest import NOW, PATIENCE_SECONDS, Made, StillAnalyzer, make_library, settings_for, window_on
from tests.ui.screen_text import screen_text
from vuemantics_tui.library import Library
from vuemantics_tui.ui.app import VuemanticsApp
from vuemantics_tui.ui.uploads.pane import UploadPane
from vuemantics_tui.ui.uploads.screen import UploadsScreen

# One picture of each state; what a smaller window shows is held by its words.
SIZES = [(120, 36)]
SMALL = (80, 24)
MINUTES = timedelta(minutes=2)
NOTHING = timedelta(0)
FAILURE = "AI processing failed: model 'qwen2.5vl:3b' not found on localhost:11434"

MIXED = [
    *[Made(f"IMG_{number}.jpg", size=1_100_000 * (number % 5 + 2)) for number in range(1974, 1991)],
    Made("newtonscradle.gif", size=583_000, age=timedelta(days=3)),
    Made("with-gps.mov", size=439_000, age=timedelta(hours=30), warning="no thumbnail: the clip has no frames"),
    Made("日本語の写真 👨‍👩‍👧.jpg", size=1_800_000, age=timedelta(hours=30)),
    Made("evil\x1b[31m\u202egpj.exe", size=3_400_000, age=timedelta(hours=5)),
    Made("rommel.jpg", "pending", "queued", 0, NOTHING, 1_500_000),
    Made("kodim03.png", "pending", "queued", 0, NOTHING, 503_000),
    Made("Nikon E900 harbour.jpg", "failed", "failed", 20, NOTHING, 264_000, error=FAILURE, kind="permanent"),
    Made("astronaut.png", "embedding", "embedding_generation", 60, NOTHING, 792_000),
    Made("cockatoo.mp4", "analyzing", "extracting_frames", 10, NOTHING, 729_000, "video"),
    Made("coffee.png", "analyzing", "vision_analysis", 20, NOTHING, 451_000),
    Made("cat on the sofa.png", size=221_000, age=MINUTES),
    Made("IMG_2041 beach walk.jpg", size=3_100_000, age=MINUTES),
]


class OwnLibraryApp(VuemanticsApp):
    """The app with a library that is opened in the loop that the snapshot begins."""

    def __init__(self, root: Path) -> None:
        super().__init__(cast(Library, None), process=False, clock=lambda: NOW)
        self._root = root

    async def run_async(self, **options: Any) -> Any:
        """Open, run, close; what is returned is the picture."""
        self.library = await Library.open(settings_for(self._root), analyzer=StillAnalyzer(), compute=ThreadCompute())
        try:
            return await super().run_async(**options)
        finally:
            await self.library.close()


Compare = Callable[..., bool]
Before = Callable[[Pilot[None]], Awaitable[None]]


def before(rows: int, *keys: str, shows: str = "") -> Before:
    """Wait for the rows, press keys, wait for a text."""

    async def run(pilot: Pilot[None]) -> None:
        def text() -> str:
            return screen_text(pilot.app)

        async with asyncio.timeout(PATIENCE_SECONDS):
            while not pilot.app.screen.query(UploadPane):
                await pilot.pause(0.02)
            screen = pilot.app.screen
            assert isinstance(screen, UploadsScreen)
            uploads = screen.uploads
            pane = pilot.app.screen.query_one(UploadPane)
            while len(uploads) < rows or (rows and uploads.cursor_row is None) or " upload" not in text():
                await pilot.pause(0.02)
            await pilot.press(*keys)
            while shows not in text():
                await pilot.pause(0.02)
            # The pane waits a blink before it follows the cursor.
            while pane.size.width and rows and (pane.upload is None or pane.upload.number != uploads.cursor_number):
                await pilot.pause(0.02)
            await pilot.pause(0.1)

    return run


STATES = [
    pytest.param([], (), ("This library is empty", "Press a to add"), id="empty"),
    pytest.param(MIXED, ("down",), ("◐ coffee.png", "describing", "✗ Nikon E900 harbour.jpg"), id="mixed"),
    pytest.param(MIXED, ("down",) * 5, ("failed  model ",), id="failed"),
    pytest.param(MIXED, ("A", *"/nope", "enter"), ("✗ There is no /nope", "Esc cancel"), id="path-field-error"),
    pytest.param(MIXED, ("down", "d", "T", "x"), ("sofa.png permanently?", "y delete"), id="confirm-delete"),
]


@pytest.mark.parametrize(("rows", "keys", "shows"), STATES)
async def test_a_small_window_says_the_same(
    root: Path, rows: list[Made], keys: tuple[str, ...], shows: tuple[str, ...]
) -> None:
    await make_library(root, rows)
    async with window_on(root, size=SMALL, clock=lambda: NOW) as window:
        await window.until(lambda: len(window.uploads) == len(rows) and (not rows or bool(window.uploads.cursor_row)))
        await window.shows(f"{len(rows)} uploads")
        await window.press(*keys)
        await window.shows(*shows, "Esc cancel" if "A" in keys else "y delete" if "d" in keys else "q quit")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
# The last one stands over the trash, which says when something was deleted.
@pytest.mark.parametrize(("rows", "keys", "shows"), STATES[:-1])
def test_looks(
    snap_compare: Compare,
    tmp_path: Path,
    size: tuple[int, int],
    rows: list[Made],
    keys: tuple[str, ...],
    shows: tuple[str, ...],
) -> None:
    asyncio.run(make_library(tmp_path / "library", rows))
    app = OwnLibraryApp(tmp_path / "library")
    assert snap_compare(app, terminal_size=size, run_before=before(len(rows), *keys, shows=shows[0]))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_looks_when_it_asks_before_quitting(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    asyncio.run(make_library(tmp_path / "library", MIXED))
    app = OwnLibraryApp(tmp_path / "library")

    async def ask(pilot: Pilot[None]) -> None:
        await before(len(MIXED))(pilot)
        # Asked for as if it worked, but with nothing running, so that the picture is always the same.
        app._process = True
        await pilot.press("q")
        while "Quit?" not in screen_text(pilot.app):
            await pilot.pause(0.02)

    assert snap_compare(app, terminal_size=size, run_before=ask)


def test_every_picture_that_is_kept_belongs_to_a_test() -> None:
    # Syrupy looks for those that are left over itself, but not where several processes share the tests.
    here = Path(__file__).parents[1]
    kept = {
        f"{path.parents[2].relative_to(here) / path.parent.name}.py::{path.stem}"
        for path in here.rglob("__snapshots__/*/*.svg")
    }
    words = ["-m", "pytest", "--collect-only", "-q", "-n0", *sorted({name.partition("::")[0] for name in kept})]
    asked = subprocess.run([sys.executable, *words], cwd=here, capture_output=True, text=True, timeout=120)
    assert asked.returncode == 0, asked.stdout
    assert kept <= {line.removeprefix("tests/ui/") for line in asked.stdout.splitlines()}
