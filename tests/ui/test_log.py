"""The log of the session: what is kept of it, and the screen that shows it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.ui.conftest import NOW, PATIENCE_SECONDS, make_library, window_on
from tests.ui.screen_text import screen_text
from tests.ui.uploads.test_snapshots import MIXED, SIZES, Compare, OwnLibraryApp, before
from vuemantics_tui.ui.notices import MOST_RECORDS, RecentLog
from vuemantics_tui.ui.screens.log import LogScreen


def note(recent: RecentLog, level: int, message: str, *, seconds: float = 0, error: Exception | None = None) -> None:
    """Put a record of a known time into the log."""
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("vuemantics_tui.part", level, __file__, 1, message, None, info)
    record.created = NOW.timestamp() + seconds
    recent.handle(record)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock on the wall is Greenwich's."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# The records


def test_only_the_last_records_are_kept() -> None:
    recent = RecentLog()
    for number in range(MOST_RECORDS + 5):
        note(recent, logging.INFO, f"record {number}")
    entries = recent.entries()
    assert len(entries) == MOST_RECORDS == 1000
    assert (entries[0].message, entries[-1].message) == ("record 5", "record 1004")


def test_records_come_from_any_thread_and_less_than_information_is_left_out() -> None:
    recent, logger = RecentLog(), logging.Logger("a logger")
    logger.addHandler(recent)

    def note_often() -> None:
        for _ in range(50):
            logger.info("noted")

    threads = [threading.Thread(target=note_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logger.debug("too small")
    assert [entry.message for entry in recent.entries()] == ["noted"] * 200


async def test_the_app_keeps_what_is_logged_while_it_runs_and_no_longer(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        logging.getLogger("anywhere").warning("the disk is slow")
        recent = window.app.recent_log
        assert "the disk is slow" in [entry.message for entry in recent.entries()]
    assert recent not in logging.getLogger().handlers


# The screen


async def test_the_log_shows_levels_in_words_and_where_errors_came_from(root: Path, utc: None) -> None:
    async with window_on(root, errors=True) as window:
        recent = window.app.recent_log
        note(recent, logging.INFO, "begun")
        note(recent, logging.WARNING, "slow", seconds=1)
        try:
            raise ValueError("evil\x1b[31m")
        except ValueError as error:
            note(recent, logging.ERROR, "torn \x1b]0;title\x07", seconds=2, error=error)
        await window.press("f12")
        await window.shows("12:00:00 info    begun", "12:00:01 warning slow", r"12:00:02 error   torn \x1b]0;title\x07")
        await window.shows("test_log.py", r"ValueError: evil\x1b[31m")
        await window.press("e")
        await window.until(lambda: "begun" not in window.text() and "slow" not in window.text())
        await window.shows("error   torn", "e everything")
        await window.press("e")
        await window.shows("begun")
        await window.press("escape")
        assert not isinstance(window.app.screen, LogScreen)


async def test_the_log_follows_its_end_unless_one_reads_further_up(root: Path) -> None:
    async with window_on(root, size=(80, 20)) as window:
        recent = window.app.recent_log
        for number in range(100):
            note(recent, logging.INFO, f"record {number}")
        await window.press("f12")
        await window.shows("record 99")
        note(recent, logging.INFO, "one more")
        await window.shows("one more")
        await window.press("home")
        await window.shows("record 0 ")
        note(recent, logging.INFO, "and another")
        screen = window.app.screen
        assert isinstance(screen, LogScreen)
        await window.until(lambda: "and another" in str(screen.query_one("#log-text", Static).content))
        await window.shows("record 0 ")
        assert "and another" not in window.text()


async def test_long_records_wrap(root: Path) -> None:
    async with window_on(root, size=(60, 20)) as window:
        note(window.app.recent_log, logging.INFO, " ".join(["word"] * 30) + " end")
        await window.press("f12")
        await window.shows("word end")


async def test_an_empty_log_says_so(root: Path) -> None:
    async with window_on(root) as window:
        await window.press("f12")
        await window.press("e")
        await window.shows("No errors.")
        await window.press("q")
        assert window.app.is_running


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_looks(snap_compare: Compare, tmp_path: Path, utc: None, size: tuple[int, int]) -> None:
    asyncio.run(make_library(tmp_path / "library", MIXED))
    app = OwnLibraryApp(tmp_path / "library")

    async def open_log(pilot: Pilot[None]) -> None:
        await before(len(MIXED))(pilot)
        for seconds, level, message in (
            (0, logging.INFO, "the library was opened"),
            (61, logging.WARNING, "keys: there is no action delete-uplod; did you mean delete-upload?"),
            (62, logging.INFO, "a long line " * 12),
        ):
            note(app.recent_log, level, message, seconds=seconds)
        note(app.recent_log, logging.ERROR, "an error became a notice", seconds=63)
        await pilot.press("f12")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "became a notice" not in screen_text(app):
                await pilot.pause(0.02)

    assert snap_compare(app, terminal_size=size, run_before=open_log)
