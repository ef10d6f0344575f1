"""The failures by their reason, and what helps: to retry, or to pull the model that is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.analyzers.asking import ollama
from tests.servers import FakeOllama
from tests.ui.conftest import Made, Window, add, make_library, make_rows, window_on
from vuemantics_tui.domain.errors import AnalyzerError
from vuemantics_tui.library.analyzer import LibraryAnalyzer
from vuemantics_tui.ui.screens.failures import FailuresScreen

Draw = Callable[..., Path]
TORN = "Processing failed: it is torn"
NOT_FOUND = "AI processing failed: model 'qwen2.5vl:3b' not found"
FAILED = [
    *(Made(f"torn-{number}.png", "failed", "failed", 5, error=TORN, kind="permanent") for number in range(2)),
    *(Made(f"no-{number}.png", "failed", "failed", 20, error=NOT_FOUND, kind="permanent") for number in range(3)),
    Made("mine.png", "failed", "failed", 20, error="cancelled", kind="cancelled"),
    Made("good.png"),
]


async def test_failures_stand_in_groups_the_largest_first(root: Path) -> None:
    await make_library(root, FAILED)
    async with window_on(root, size=(80, 24)) as window:
        await window.shows("6 failed (F)")
        await window.press("F")
        await window.shows("5 failures, 2 reasons", "3 × model 'qwen2.5vl:3b' not found", "2 × it is torn")
        assert "cancelled" not in window.text()
        assert window.text().index("3 ×") < window.text().index("2 ×")
        assert "Enter retry" in window.text()


@pytest.mark.parametrize("key", ["enter", "r"])
async def test_one_key_retries_a_group(root: Path, key: str) -> None:
    await make_library(root, FAILED)
    async with window_on(root) as window:
        await window.shows("6 failed")
        await window.press("F")
        await window.shows("2 × it is torn")
        await window.press("down", key)
        await window.shows("Retrying 2 uploads.", "3 failures, 1 reason")
        assert "it is torn" not in window.text()
        waiting = [upload.filename for upload in await window.library.uploads.newest() if upload.word == "waiting"]
        assert sorted(waiting) == ["torn-0.png", "torn-1.png"]
        await window.press("escape")
        await window.shows("2 waiting")


async def test_the_list_follows_and_says_where_it_is_empty(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("F")
        await window.shows("No failures.")
        assert "retry" not in window.text()
        make_rows(root, FAILED)
        await window.shows("2 × it is torn", "3 × model")
        await window.until(lambda: window.app.screen.query_one("#failures").has_focus)
        for key, place in [
            ("end", 1),
            ("up", 0),
            ("j", 1),
            ("k", 0),
            ("down", 1),
            ("home", 0),
            ("pagedown", 1),
            ("pageup", 0),
        ]:
            await window.press(key)
            assert window.app.screen.query_one("#failures").highlighted == place  # type: ignore[attr-defined]
        await window.press("q")
        await window.until(lambda: not isinstance(window.app.screen, FailuresScreen))


@asynccontextmanager
async def window_without_model(
    root: Path, draw: Draw, server: FakeOllama, *, offers: str = "Enter download and retry"
) -> AsyncIterator[Window]:
    """On the failures of two uploads for which the server lacks the model."""
    async with server, window_on(root, process=True, own_analyzer=ollama(server)) as window:
        await add(window.library, draw("1.png"), draw("2.png"))
        await window.shows("2 failed (F)", "! ollama, qwen2.5vl:3b missing")
        await window.press("F")
        await window.shows("2 × ", offers)
        yield window


async def test_a_missing_model_is_pulled_and_its_group_retried(root: Path, draw: Draw) -> None:
    server = FakeOllama(models=["bge-m3:latest"])
    async with window_without_model(root, draw, server) as window:
        server.stepwise = True
        await window.press("enter")
        await window.until(lambda: server.count("/api/pull") == 1)
        server.release(3)
        await window.shows("Downloading qwen2.5vl:3b", "━", "33 %", "1 KB of 3 KB", "Esc cancel the download")
        await window.press("enter")
        await window.shows("A model is already being downloaded.")
        server.release(1)
        await window.shows("67 %")
        server.stepwise = False
        server.release(20)
        await window.shows("Retrying 2 uploads.", "No failures.")
        await window.press("escape")
        await window.shows("2 completed")


async def test_a_pull_can_be_cancelled_and_begun_again(root: Path, draw: Draw) -> None:
    server = FakeOllama(models=["bge-m3:latest"])
    async with window_without_model(root, draw, server) as window:
        server.stepwise = True
        await window.press("enter")
        await window.until(lambda: server.count("/api/pull") == 1)
        server.release(2)
        await window.shows("Downloading qwen2.5vl:3b")
        await window.press("escape")
        await server.wait_for(lambda server: server.left >= 1)
        await window.shows("Cancelled the download.", "Enter download and retry", "Esc back")
        assert "Downloading" not in window.text()
        assert isinstance(window.app.screen, FailuresScreen)
        server.stepwise = False
        server.release(20)
        await window.press("enter")
        await window.shows("No failures.")
        await window.press("escape")
        await window.shows("2 completed")


async def test_a_pull_that_fails_is_told_and_may_be_tried_again(
    root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = FakeOllama(models=["bge-m3:latest"], library=())
    async with window_without_model(root, draw, server) as window:
        await window.press("enter")
        await window.shows("model manifest: file does not exist")
        await window.until(lambda: "Downloading" not in window.text())
        assert "2 × " in window.text()
        server.library = ("qwen2.5vl:3b",)
        await window.press("enter")
        await window.shows("No failures.")


async def test_a_group_that_cannot_be_retried_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_library(root, FAILED)
    async with window_on(root) as window:
        await window.shows("6 failed")

        async def refuse(message: str) -> list[str]:
            raise AnalyzerError("Not now", "Later.")

        monkeypatch.setattr(window.library.queue, "retry_group", refuse)
        await window.press("F")
        await window.shows("2 × it is torn")
        await window.press("enter")
        await window.shows("Not now", "Later.")

        async def nothing(message: str) -> list[str]:
            return []

        monkeypatch.setattr(window.library.queue, "retry_group", nothing)
        await window.press("enter")
        await window.shows("These have changed in the meantime.")


async def test_an_analyzer_that_pulls_nothing_offers_only_to_retry(
    root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LibraryAnalyzer, "can_pull", False)
    server = FakeOllama(models=["bge-m3:latest"])
    async with window_without_model(root, draw, server, offers="Enter retry"):
        assert server.count("/api/pull") == 0
