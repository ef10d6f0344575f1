"""What the program needs Textual's private parts for."""

from __future__ import annotations

from typing import Any

from textual.app import App, ComposeResult
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from tests.ui.screen_text import screen_text
from vuemantics_tui.ui.textual_private import SteadyScreen


class Tick(Message):
    """Something that a screen listens to."""


class Behind(SteadyScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static("before")


class Dialog(ModalScreen[None]):
    """Counts how often it is told to paint."""

    CSS = "Dialog { background: $background 60%; }"

    def __init__(self) -> None:
        super().__init__()
        self.told = 0

    def refresh(self, *regions: Any, **how: Any) -> Dialog:
        self.told += 1
        super().refresh(*regions, **how)
        return self


async def test_what_changes_behind_a_dialog_is_painted_once() -> None:
    app: App[None] = App()
    async with app.run_test(size=(40, 5)) as pilot:
        behind, dialog = Behind(), Dialog()
        await app.push_screen(behind)
        await app.push_screen(dialog)
        await pilot.pause()
        behind.query_one(Static).update("after")
        await pilot.pause(0.1)
        assert "after" in screen_text(app)
        told = dialog.told
        for _ in range(5):
            behind.post_message(Tick())
            await pilot.pause(0.05)
        assert dialog.told == told
