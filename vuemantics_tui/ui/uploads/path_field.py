"""PathField: one line to type or paste paths into, and one that says what was wrong with them."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label, Static

from vuemantics_tui.ui.actions import ANSWER, action
from vuemantics_tui.ui.messages import PathFieldClosed, PathsEntered
from vuemantics_tui.ui.widgets.line_input import LineInput

HELP = "A file, or a folder with all that is in it."


class PathInput(LineInput):
    """The field itself."""

    HELP_TITLE = "The field for paths"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("submit-paths", "enter", "submit", "add", "Add what you typed", ANSWER),
        action("close-field", "escape", "close_field", "close", "Leave without adding", ANSWER),
    ]

    def action_close_field(self) -> None:
        """Leave without adding."""
        self.post_message(PathFieldClosed())


class PathField(Vertical):
    """Hidden until it is opened. Posts PathsEntered and PathFieldClosed."""

    def compose(self) -> ComposeResult:
        """The field and the line below it."""
        with Horizontal():
            yield Label("add", id="path-label")
            yield PathInput(id="path-input", compact=True, placeholder="~/Pictures", select_on_focus=False)
        yield Static(HELP, id="path-message", markup=False)

    def open(self, text: str = "") -> None:
        """Show the field, with this text in it, ready to type."""
        field = self.query_one(Input)
        if text:
            field.value = text
            field.cursor_position = len(text)
        self.say(HELP)
        self.display = True
        # At once: `focus()` comes later, and keys pressed meanwhile would go to the table.
        self.screen.set_focus(field)

    def close(self) -> None:
        """Hide the field and forget what was in it."""
        self.query_one(Input).value = ""
        self.display = False

    def say(self, text: str) -> None:
        """Say something below the field."""
        message = self.query_one("#path-message", Static)
        message.remove_class("error")
        message.update(text)

    def complain(self, words: str) -> None:
        """Say what was wrong and what to do; what was typed stays."""
        message = self.query_one("#path-message", Static)
        message.add_class("error")
        message.update(f"✗ {words}")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(PathsEntered(event.value) if event.value.strip() else PathFieldClosed())

    @on(Input.Changed)
    def _changed(self) -> None:
        if self.query_one("#path-message").has_class("error"):
            self.say(HELP)
