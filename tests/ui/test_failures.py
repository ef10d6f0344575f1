"""The failures by cause, and what helps: list, open, delete, retry, or download the model that is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.color import Color

from tests.analyzers.asking import ollama
from tests.servers import FakeOllama
from tests.ui.conftest import Made, Window, add, make_library, make_rows, open_library_at, window_on
from vuemantics_tui.library.analyzer import LibraryAnalyzer
from vuemantics_tui.store.queue import MOST_NAMED
from vuemantics_tui.ui.screens.failures import FailuresScreen, listing_of

Draw = Callable[..., Path]
TORN = "Processing failed: The picture cannot be decoded: {} bytes are missing"
NOT_FOUND = "AI processing failed: model 'qwen2.5vl:3b' not found"
FAILED = [
    *(
        Made(f"torn-{number}.png", "failed", "failed", 5, error=TORN.format(7 + number), kind="permanent")
        for number in range(2)
    ),
    *(Made(f"no-{number}.png", "failed", "failed", 20, error=NOT_FOUND, kind="permanent") for number in range(3)),
    Made("mine.png", "failed", "failed", 20, error="cancelled", kind="cancelled"),
    Made("good.png"),
]


async def in_the_queue(window: Window) -> list[str]:
    """Return the names of the uploads that are waiting."""
    return sorted(each.filename for each in await window.library.uploads.newest() if each.word == "waiting")


@asynccontextmanager
async def window_on_failures(root: Path, **options: Any) -> AsyncIterator[Window]:
    """On the failures of a library: the cursor is on the first cause."""
    await make_library(root, FAILED)
    async with window_on(root, **options) as window:
        await window.shows("6 failed (F)")
        await window.press("F")
        await window.shows("5 failures, 2 causes")
        yield window


async def test_a_cause_has_its_names_below_it_the_largest_group_first(root: Path) -> None:
    async with window_on_failures(root, size=(80, 24)) as window:
        text = window.text()
        expected = ["3 × model 'qwen2.5vl:3b' not found", "no-2.png", "no-0.png"]
        # The two lack different bytes: one cause, and beside each name what is special about it.
        expected += ["2 × The picture cannot be decoded", "torn-1.png", "8 bytes are missing", "torn-0.png"]
        places = [text.index(each) for each in expected]
        assert places == sorted(places)
        assert "mine.png" not in text
        for key in ("Enter list", "r retry all 3", "d delete all 3", "Esc back"):
            assert key in text
        assert "R retry all" not in text
        await window.press("down")
        await window.shows("Enter details", "r retry  ", "/ list all", "d delete  ")


async def test_a_group_is_retried_as_a_whole_from_its_cause(root: Path) -> None:
    async with window_on_failures(root) as window:
        await window.press("r")
        await window.shows("Retrying 3 uploads.", "2 failures, 1 cause")
        await window.press("r")
        await window.shows("Retrying 2 uploads.", "No failures.")
        assert "retry" not in window.text()
        assert await in_the_queue(window) == ["no-0.png", "no-1.png", "no-2.png", "torn-0.png", "torn-1.png"]
        await window.press("escape")
        await window.shows("5 waiting")


async def test_one_of_a_group_is_retried_alone(root: Path) -> None:
    async with window_on_failures(root) as window:
        await window.press("j", "r")
        await window.shows("Retrying no-2.png.", "4 failures, 2 causes", "2 × model")
        assert await in_the_queue(window) == ["no-2.png"]


async def test_failures_are_deleted_and_come_back(root: Path) -> None:
    async with window_on_failures(root) as window:
        await window.press("down", "d")
        await window.shows("Moved no-2.png to the trash", "4 failures, 2 causes")
        await window.press("up", "d")
        await window.shows("Moved 2 uploads to the trash", "2 failures, 1 cause")
        await window.press("u")
        await window.shows("Restored 2 uploads", "4 failures, 2 causes", "no-0.png")


async def test_a_name_opens_its_details_and_a_cause_its_list(root: Path) -> None:
    async with window_on_failures(root) as window:
        await window.press("end", "enter")
        await window.shows("torn-0.png", "7 bytes are missing", "permanent")
        await window.press("escape")
        await window.shows("5 failures, 2 causes")
        await window.press("home", "enter")
        await window.lists("no-2.png", "no-1.png", "no-0.png")
        assert "error:\"model 'qwen2.5vl:3b' not found\"" in window.text()


async def test_the_group_of_a_name_is_listed(root: Path) -> None:
    async with window_on_failures(root) as window:
        await window.press("end", "slash")
        await window.lists("torn-1.png", "torn-0.png")
        assert 'error:"The picture cannot be decoded"' in window.text()
        await window.press("escape")
        await window.shows("good.png", "mine.png")


@pytest.mark.parametrize(
    ("message", "search"),
    [
        ("Processing failed: The file has 5 MB, more than 3 MB", 'error:"*The file has * MB, more than * MB*"'),
        ('AI processing failed: no "eyes"', 'error:"*no *eyes**"'),
        ("AI processing failed: a * and a \\", r'error:"a \* and a \\"'),
    ],
)
async def test_a_cause_is_searched_by_what_its_messages_share(root: Path, message: str, search: str) -> None:
    await make_library(root, [Made("a.png", "failed", "failed", 5, error=message, kind="permanent"), Made("b.png")])
    library = await open_library_at(root)
    try:
        (group,) = await library.queue.store.failure_groups()
        assert listing_of(group) == search
        assert [hit.upload.filename for hit in await library.search.run(listing_of(group))] == ["a.png"]
    finally:
        await library.close()


async def test_the_line_and_the_key_under_the_mouse_are_shown(root: Path) -> None:
    async with window_on_failures(root) as window:
        list_, keys = window.app.screen.query_one("#list"), window.app.screen.query_one("#list-keys")

        def background(y: int) -> Color | None:
            return next(iter(list_.render_line(y))).style.bgcolor  # type: ignore[union-attr]

        before = background(2)
        await window.pilot.hover("#list", offset=(6, 2))
        await window.until(lambda: background(2) != before, "the line under the mouse")
        await window.pilot.hover("#list-keys", offset=(3, 0))
        await window.until(lambda: any(each.style.underline for each in keys.render_line(0) if each.style), "the key")
        await window.pilot.click("#list-keys", offset=(3, 0))
        await window.lists("no-2.png", "no-1.png", "no-0.png")


async def test_many_of_one_cause_are_counted(root: Path) -> None:
    names = [f"{number:04}.png" for number in range(MOST_NAMED + 20)]
    await make_library(
        root, [Made(name, "failed", "failed", 5, error=TORN.format(1), kind="permanent") for name in names]
    )
    async with window_on(root) as window:
        await window.press("F")
        await window.shows(f"{len(names)} failures, 1 cause")
        await window.press("end")
        await window.shows("and 20 more", f"r retry all {len(names)}")
        await window.press("enter")
        await window.shows(names[-1], f"{len(names)} results")


async def test_the_list_follows_and_says_where_it_is_empty(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("F")
        await window.shows("No failures.")
        assert "retry" not in window.text()
        make_rows(root, FAILED)
        await window.shows("2 × The picture", "3 × model")
        await window.until(lambda: window.app.screen.query_one("#list").has_focus)
        for key, place in [("end", 6), ("up", 5), ("j", 6), ("k", 5), ("home", 0), ("pagedown", 6), ("pageup", 0)]:
            await window.press(key)
            assert window.app.screen.query_one("#list").highlighted == place  # type: ignore[attr-defined]
        await window.press("q")
        await window.until(lambda: not isinstance(window.app.screen, FailuresScreen))


@asynccontextmanager
async def window_without_model(
    root: Path, draw: Draw, server: FakeOllama, *, offers: str = "r download and retry"
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
        await window.press("r")
        await window.until(lambda: server.count("/api/pull") == 1)
        server.release(3)
        await window.shows("Downloading qwen2.5vl:3b", "━", "33 %", "1 KB of 3 KB", "Esc cancel the download")
        await window.press("r")
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
        await window.press("r")
        await window.until(lambda: server.count("/api/pull") == 1)
        server.release(2)
        await window.shows("Downloading qwen2.5vl:3b")
        await window.press("escape")
        await server.wait_for(lambda server: server.left >= 1)
        await window.shows("Cancelled the download.", "r download and retry", "Esc back")
        assert "Downloading" not in window.text()
        assert isinstance(window.app.screen, FailuresScreen)
        server.stepwise = False
        server.release(20)
        await window.press("r")
        await window.shows("No failures.")
        await window.press("escape")
        await window.shows("2 completed")


async def test_a_pull_that_fails_is_told_and_may_be_tried_again(
    root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = FakeOllama(models=["bge-m3:latest"], library=())
    async with window_without_model(root, draw, server) as window:
        await window.press("r")
        await window.shows("model manifest: file does not exist")
        await window.until(lambda: "Downloading" not in window.text())
        assert "2 × " in window.text()
        server.library = ("qwen2.5vl:3b",)
        await window.press("r")
        await window.shows("No failures.")


async def test_an_analyzer_that_pulls_nothing_offers_only_to_retry(
    root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LibraryAnalyzer, "can_pull", False)
    server = FakeOllama(models=["bge-m3:latest"])
    async with window_without_model(root, draw, server, offers="r retry all 2"):
        assert server.count("/api/pull") == 0
