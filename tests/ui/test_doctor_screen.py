"""Doctor's screen: what it found, what to do, and lines to copy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.ui.conftest import window_on
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.domain.findings import Finding, Verdict
from vuemantics_tui.ui.palette import ActionsProvider
from vuemantics_tui.ui.screens.doctor import DoctorScreen, finding_lines

FINDINGS = (
    Finding(Verdict.GOOD, "terminal", "xterm-256color, true colour"),
    Finding(
        Verdict.BAD,
        "tmux",
        "pictures do not pass through",
        "Add these lines to ~/.tmux.conf:",
        ("set -g allow-passthrough on", "set -as terminal-features ',*:RGB'"),
    ),
    Finding(Verdict.NEUTRAL, "library", "12 uploads, 30 MB"),
)


async def found() -> Sequence[Finding]:
    return FINDINGS


async def test_it_shows_what_was_found_and_copies_the_lines(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    async with window_on(root, examine=found) as window:
        await window.shows("This library is empty")
        await window.press("!")
        await window.shows(
            "Doctor  1 problem",
            "✓ terminal  xterm-256color",
            "✗ tmux      pictures do not pass",
            "Add these lines",
            "set -g allow-passthrough on",
            "· library   12 uploads",
        )
        await window.press("y")
        await window.shows("Copied 2 lines.")
        assert window.app.clipboard == "set -g allow-passthrough on\nset -as terminal-features ',*:RGB'"
        await window.press("!")
        await window.until(lambda: not isinstance(window.app.screen, DoctorScreen))


async def test_it_says_that_it_looks_and_looks_again(root: Path) -> None:
    gate, looks = asyncio.Event(), 0

    async def examine() -> Sequence[Finding]:
        nonlocal looks
        looks += 1
        await gate.wait()
        return [Finding(Verdict.GOOD, "look", f"number {looks}")]

    async with window_on(root, examine=examine) as window:
        await window.press("!")
        await window.shows("Checking…")
        gate.set()
        await window.shows("No problems", "✓ look  number 1")
        await window.press("y")
        await window.shows("Nothing to copy.")
        gate.clear()
        await window.press("r")
        await window.shows("Checking…")
        gate.set()
        await window.shows("number 2")


async def test_an_examination_that_fails_is_told_and_may_be_tried_again(root: Path) -> None:
    broken = True

    async def examine() -> Sequence[Finding]:
        if broken:
            raise LibraryError("The library is locked", "Wait.")
        return FINDINGS

    async with window_on(root, examine=examine) as window:
        await window.press("!")
        await window.shows("The library is locked", "Wait.")
        broken = False
        await window.press("r")
        await window.shows("1 problem")


async def test_it_may_be_left_while_it_looks(root: Path) -> None:
    gate = asyncio.Event()

    async def examine() -> Sequence[Finding]:
        await gate.wait()
        return FINDINGS

    async with window_on(root, examine=examine) as window:
        await window.press("!")
        await window.shows("Checking…")
        await window.press("escape")
        gate.set()
        await window.shows("This library is empty")


async def test_a_long_examination_scrolls(root: Path) -> None:
    async def examine() -> Sequence[Finding]:
        return [Finding(Verdict.GOOD, f"subject {number}", "it is there " * 9) for number in range(40)]

    async with window_on(root, size=(60, 20), examine=examine) as window:
        await window.press("!")
        await window.shows("subject 0")
        page = window.app.screen.query_one("#doctor-page")
        for key, moved in [("j", 1), ("down", 2), ("k", 1), ("up", 0), ("pagedown", 17), ("pageup", 0), ("end", None)]:
            await window.press(key)
            await window.until(lambda moved=moved: page.scroll_y == (page.max_scroll_y if moved is None else moved))  # type: ignore[misc]
        await window.shows("subject 39")
        await window.press("home")
        await window.until(lambda: page.scroll_y == 0)


async def test_without_something_that_examines_there_is_none(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("!")
        assert window.app.screen is window.app.screen_stack[0]
        assert not [hit async for hit in ActionsProvider(window.app.screen).search("doctor")]


def test_long_texts_wrap_in_their_own_column_and_nothing_acts_on_the_terminal() -> None:
    lines = finding_lines([Finding(Verdict.BAD, "a\x1bb", "word " * 20, "do " * 15)], 40).plain.splitlines()
    assert lines[0].startswith(r"✗ a\x1bb  word")
    assert all(line.startswith(" " * 10) for line in lines[1:])
    assert all(len(line) <= 40 for line in lines)
