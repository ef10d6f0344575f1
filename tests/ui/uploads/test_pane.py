"""The pane: what it shows of an upload in each state, when it reads, and how it looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.conftest import NOW
from tests.ui.uploads.pane_stage import (
    COMPLETED,
    FAILED,
    RUNNING,
    WAITING,
    PaneApp,
    change,
    describe,
    in_utc,
    make_pane_library,
    pane_on,
)
from vuemantics_tui.domain.upload import Upload, UploadEvent
from vuemantics_tui.ui.uploads import pane as upload_pane

__all__ = ["in_utc"]
pytestmark = pytest.mark.usefixtures("in_utc")


@pytest.fixture
async def root(tmp_path: Path) -> Path:
    await make_pane_library(tmp_path / "library")
    return tmp_path / "library"


async def test_a_completed_upload_shows_all_that_was_found(root: Path) -> None:
    async with pane_on(root, COMPLETED) as (app, pilot):
        await app.shows(
            pilot,
            "cat [b]on[/b] the sofa.png",
            "451 × 300 · 221 KB · PNG",
            "added 2 min ago",
            "taken 1 May 2026 09:30 · Canon EOS 1000D",
            "a [red]soft[/red]",
            "Calm mood.",
            " cat   natural landscape   portrait",
            "quality 100   described by",
        )
        assert "▀" in app.text()
        assert "History" not in app.text()


async def test_a_failure_stands_above_all_else_with_what_to_do(root: Path) -> None:
    async with pane_on(root, FAILED) as (app, pilot):
        await app.shows(pilot, "✗ Failed while describing", "History")
        text = " ".join(app.text().split())
        assert "✗ Failed while describing model 'qwen2.5vl:3b' not found on localhost:11434" in text
        assert "AI processing failed" not in text
        assert "Try Run: ollama pull qwen2.5vl:3b" in text
        assert "11:58:00 added 11:58:02 thumbnail, 22 ms 11:58:03 failed, will not be retried" in text
        places = [text.index(part) for part in ("harbour.jpg", "✗ Failed", "Try", "History")]
        assert places == sorted(places)


async def test_a_failure_without_a_hint_names_the_key_that_retries(root: Path) -> None:
    change(root, ("UPDATE uploads SET hint = NULL WHERE number = ?", (FAILED,)))
    async with pane_on(root, FAILED) as (app, pilot):
        await app.shows(pilot, "Try  Press r to retry.")


async def test_a_waiting_upload_says_what_it_waits_for(root: Path) -> None:
    async with pane_on(root, WAITING) as (app, pilot):
        await app.shows(pilot, "no thumbnail yet", "· waiting", "It is processed when its turn comes.")
        app.pane.paused = True
        await app.shows(pilot, "The queue is paused.")
        assert "Press" not in app.text()  # as no key of this screen lets it go on


async def test_a_running_upload_shows_the_stage_it_is_in(root: Path) -> None:
    async with pane_on(root, RUNNING) as (app, pilot):
        await app.shows(pilot, "◐ describing", "━ 20 %", "thumbnail, 0.1 s")
        app.library.queue.frames[app.pane.upload.id] = (4, 10)  # type: ignore[union-attr]
        app.pane.repaint_outdated()
        await app.shows(pilot, "◐ frame 4 of 10")


async def test_what_is_tried_again_says_when_and_counts_down(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(
        root,
        (
            "UPDATE uploads SET retry_at = ?, error_message = 'AI processing failed: Ollama is busy' WHERE number = ?",
            (NOW.timestamp() + 12, WAITING),
        ),
    )
    async with pane_on(root, WAITING) as (app, pilot):
        await app.shows(pilot, "· waiting, retries in 12 s", "Ollama is busy")
        app.clock = lambda: NOW + timedelta(seconds=5)
        app.pane.repaint_outdated()
        await app.shows(pilot, "· waiting, retries in 7 s")


async def test_a_weak_description_is_warned_of(root: Path) -> None:
    change(root, ("UPDATE uploads SET warning = 'quality 40: too short' WHERE number = ?", (COMPLETED,)))
    async with pane_on(root, COMPLETED) as (app, pilot):
        await app.shows(pilot, "! quality 40: too short")


async def test_nothing_under_the_cursor_is_nothing_in_the_pane(root: Path) -> None:
    async with pane_on(root, COMPLETED) as (app, pilot):
        await app.shows(pilot, "cat [b]on")
        app.pane.show(None)
        await app.until(pilot, lambda: not app.text().strip())
        app.pane.show(99)
        await app.until(pilot, lambda: not app.pane.is_reading)
        assert not app.text().strip()


async def test_only_where_the_cursor_rests_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pane_on(root, None) as (app, pilot):
        await app.until(pilot, lambda: not app.pane.is_reading)
        asked: list[int] = []
        real = app.library.uploads.by_number

        async def counting(number: int) -> Upload | None:
            asked.append(number)
            return await real(number)

        monkeypatch.setattr(app.library.uploads, "by_number", counting)
        now = [1000.0]
        monkeypatch.setattr(upload_pane, "monotonic", lambda: now[0])
        for number in (COMPLETED, FAILED, WAITING, FAILED, RUNNING):
            app.pane.show(number)
            await pilot.pause(upload_pane.BLINK_SECONDS)
            now[0] += upload_pane.BLINK_SECONDS * 0.9
        assert asked == []
        now[0] += upload_pane.BLINK_SECONDS * 0.2
        await app.shows(pilot, "cockatoo.mp4")
        assert asked == [RUNNING]


async def test_it_follows_what_changes_and_paints_nothing_else_again(root: Path) -> None:
    async with pane_on(root, RUNNING) as (app, pilot):
        await app.shows(pilot, "◐ describing")
        updated: list[str | None] = []
        for part in app.pane.query("PaneText"):
            real = part.update  # type: ignore[attr-defined]

            def counting(*arguments: Any, part: Any = part, real: Any = real) -> None:
                updated.append(part.id)
                real(*arguments)

            part.update = counting  # type: ignore[attr-defined]
        change(
            root,
            (
                "UPDATE uploads SET processing_status = 'embedding', stage = 'embedding_generation',"
                " progress_percent = 60 WHERE number = ?",
                (RUNNING,),
            ),
        )
        await app.until(pilot, lambda: not app.pane.is_reading)
        app.pane.refresh_if([COMPLETED, FAILED])
        assert not app.pane.is_reading
        app.pane.refresh_if([COMPLETED, RUNNING])
        await app.shows(pilot, "◐ embedding", "━ 60 %")
        assert updated == ["pane-state"]


async def test_the_age_goes_on_without_reading(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pane_on(root, COMPLETED) as (app, pilot):
        await app.shows(pilot, "2 min ago")
        app.clock = lambda: NOW + timedelta(minutes=3)
        app.pane.repaint_outdated()
        await app.shows(pilot, "5 min ago")


async def test_what_could_not_be_read_is_told_and_read_later(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pane_on(root, None) as (app, pilot):
        real = app.library.history.of

        async def broken(number: int) -> list[UploadEvent]:
            raise OSError("the disk is gone")

        monkeypatch.setattr(app.library.history, "of", broken)
        told: list[object] = []
        monkeypatch.setattr(app.notices, "tell_error", told.append)
        app.pane.show(COMPLETED)
        await app.until(pilot, lambda: bool(told))
        monkeypatch.undo()
        monkeypatch.setattr(app.library.history, "of", real)
        await app.until(pilot, lambda: not app.pane.is_reading)
        app.pane.repaint_outdated()
        await app.shows(pilot, "451 × 300")


async def test_a_hidden_pane_reads_nothing_until_it_is_shown(root: Path) -> None:
    async with pane_on(root, COMPLETED) as (app, pilot):
        await app.shows(pilot, "cat [b]on")
        app.pane.display = False
        await app.until(pilot, lambda: not app.pane.is_seen and not app.pane.is_reading)
        app.pane.show(FAILED)
        assert not app.pane.is_reading
        app.pane.display = True
        await app.shows(pilot, "✗ Failed while describing")


async def test_a_long_description_scrolls(root: Path) -> None:
    change(root, describe(RUNNING, "word " * 2000))
    async with pane_on(root, RUNNING) as (app, pilot):
        await app.shows(pilot, "word word")
        await app.until(pilot, lambda: app.pane.max_scroll_y > 100)
        assert app.pane.scroll_y == 0


async def test_control_characters_never_reach_the_terminal(root: Path) -> None:
    change(
        root,
        ("UPDATE uploads SET filename = ? WHERE number = ?", ("a\x1b[31m\u202egpj.exe", COMPLETED)),
        ("UPDATE descriptions SET text = ?, tags = ?", ("line\x1b]0;x\x07", '["ta\\u001bg"]')),
    )
    async with pane_on(root, COMPLETED) as (app, pilot):
        await app.shows(pilot, r"a\x1b[31m\u202egpj.exe", r"line\x1b]0;x\x07", r"ta\x1bg")
        assert "\x1b" not in app.text() and "\u202e" not in app.text()


# How it looks


@pytest.mark.parametrize("number", [COMPLETED, FAILED, WAITING], ids=["completed", "failed", "waiting"])
def test_looks(snap_compare: Callable[..., bool], tmp_path: Path, number: int) -> None:
    asyncio.run(make_pane_library(tmp_path / "library"))
    app = PaneApp(tmp_path / "library", number)

    async def before(pilot: Pilot[None]) -> None:
        await app.until(pilot, lambda: app.pane.upload is not None and " KB" in app.text())

    assert snap_compare(app, terminal_size=(120, 36), run_before=before)
