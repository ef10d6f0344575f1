"""What goes wrong anywhere becomes a notice and a line in the log, and the app goes on."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.dom import DOMNode
from textual.geometry import Region
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Static
from textual.worker import Worker

from tests.ui.conftest import Made, Window, make_library, window_on
from vuemantics_tui.ui.screens.log import LogScreen

HINT = "Press F12 for the log."


async def told(window: Window, words: str) -> None:
    """The notice, the entry in the log, and an app that still takes keys."""
    await window.shows("Something went wrong", words, HINT)
    assert any(words in entry.trace for entry in window.app.recent_log.entries(logging.ERROR))
    await window.press("f12")
    assert isinstance(window.app.screen, LogScreen)
    await window.shows(words)
    await window.press("escape")
    assert window.app.return_code is None
    assert window.app.is_running


async def test_an_action_that_raises(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_library(root, [Made("1.png"), Made("2.png")])
    async with window_on(root, errors=True) as window:
        await window.shows("2.png")

        def fail() -> None:
            raise RuntimeError("a defect in an action")

        monkeypatch.setattr(window.table, "action_cursor_down", fail)
        await window.press("j")
        await told(window, "a defect in an action")
        number = window.uploads.cursor_number
        await window.press("end")
        assert window.uploads.cursor_number != number, "the table still takes keys"


class Prod(Message):
    """Makes a Fragile fail."""


class Fragile(Static):
    """Fails at whatever it is told to."""

    failing = ""
    prodded = 0

    def on_mount(self) -> None:
        self._fail("mount")

    def on_prod(self) -> None:
        self.prodded += 1
        self._fail("message")

    def render_lines(self, crop: Region) -> list[Strip]:
        self._fail("drawing")
        return super().render_lines(crop)

    def tick(self) -> None:
        self._fail("timer")

    def _fail(self, when: str) -> None:
        if self.failing == when:
            raise RuntimeError(f"a defect when {when}")


@pytest.mark.parametrize("when", ["mount", "message", "drawing", "timer"])
async def test_a_widget_that_raises_goes_on_living(root: Path, when: str) -> None:
    await make_library(root, [Made("1.png")])
    async with window_on(root, errors=True) as window:
        await window.shows("1.png")
        widget = Fragile("fragile")
        widget.failing = when
        await window.app.screen.mount(widget, before="#queue")
        widget.set_interval(0.01, widget.tick)
        widget.post_message(Prod())
        await told(window, f"a defect when {when}")
        widget.failing = ""
        before_that = widget.prodded
        widget.refresh()
        widget.post_message(Prod())
        await window.until(lambda: widget.prodded > before_that, "it takes messages again")
        await window.shows("fragile")


class FragileScreen(Screen[None]):
    """Cannot be composed."""

    def compose(self) -> ComposeResult:
        raise RuntimeError("a defect when composed")
        yield


async def test_a_screen_that_cannot_be_composed_does_not_end_the_app(root: Path) -> None:
    async with window_on(root, errors=True) as window:
        await window.shows("This library is empty")
        window.app.push_screen(FragileScreen())
        await window.shows("This library is empty", "a defect when")
        assert not isinstance(window.app.screen, FragileScreen)
        await window.press("f12")
        await window.shows("a defect when composed", "Esc back")


@pytest.mark.parametrize("exit_on_error", [False, True])
@pytest.mark.parametrize("on_app", [False, True])
async def test_a_worker_that_raises(root: Path, exit_on_error: bool, on_app: bool) -> None:
    async with window_on(root, errors=True) as window:
        await window.shows("This library is empty")

        async def fail() -> str:
            raise RuntimeError("a defect in a worker")

        node: DOMNode = window.app if on_app else window.app.screen
        worker: Worker[str] = node.run_worker(fail, exit_on_error=exit_on_error)
        await told(window, "a defect in a worker")
        assert worker.is_finished
        errors = window.app.recent_log.entries(logging.ERROR)
        assert len(errors) == 1, "once is enough"


async def test_a_task_that_nobody_waits_for(root: Path) -> None:
    async with window_on(root, errors=True) as window:
        await window.shows("This library is empty")

        def fail() -> None:
            raise RuntimeError("a torn call")

        asyncio.get_running_loop().call_soon(fail)
        await told(window, "a torn call")


async def test_an_error_that_says_too_much_is_shortened(root: Path) -> None:
    async with window_on(root, errors=True) as window:
        await window.shows("This library is empty")
        window.app.survive(RuntimeError("x" * 5000))
        await window.shows("x…", HINT)


async def test_an_app_that_only_fails_ends(root: Path) -> None:
    with pytest.raises(RuntimeError, match="again and again"):
        async with window_on(root, errors=True) as window:
            await window.shows("This library is empty")

            def fail() -> None:
                raise RuntimeError("again and again")

            window.app.set_interval(0.002, fail)
            await window.until(lambda: not window.app.is_running)
    assert window.app.return_code == 1
