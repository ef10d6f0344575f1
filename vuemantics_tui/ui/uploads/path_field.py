"""PathField: one line to type or paste paths into, and one that says what was wrong with them."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label, Static

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.text import visible
from vuemantics_tui.library import Candidate
from vuemantics_tui.ui.actions import ANSWER, action
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.typed_paths import explain_missing, typed_paths
from vuemantics_tui.ui.uploads.intake import Intake
from vuemantics_tui.ui.widgets.line_input import LineInput

HELP = "A file, or a folder with everything in it."


@dataclass
class FilesNamed(Message):
    """Paths were typed or pasted, and these files are behind them."""

    candidates: list[Candidate]


@dataclass
class PathFieldLeft(Message):
    """The field was left without adding."""


class PathInput(LineInput):
    """The field itself."""

    HELP_TITLE = "The field for paths"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("submit-paths", "enter", "submit", "add", "Add what you typed", ANSWER),
        action("close-field", "escape", "close_field", "close", "Leave without adding", ANSWER),
    ]

    def action_close_field(self) -> None:
        """Leave without adding."""
        self.post_message(PathFieldLeft())


class PathField(Vertical):
    """Hidden until it is opened. Posts FilesNamed and PathFieldLeft."""

    def __init__(self, intake: Intake, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._intake = intake

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
        self._say(HELP)
        self.display = True
        # At once: `focus()` comes later, and keys pressed meanwhile would go to the table.
        self.screen.set_focus(field)

    def close(self) -> None:
        """Hide the field and forget what was in it."""
        self.query_one(Input).value = ""
        self.display = False

    def _say(self, text: str) -> None:
        message = self.query_one("#path-message", Static)
        message.remove_class("error")
        message.update(text)

    def _complain(self, words: str) -> None:
        """Say what was wrong and what to do; what was typed stays."""
        message = self.query_one("#path-message", Static)
        message.add_class("error")
        message.update(f"✗ {words}")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self._say("Looking…")
            self._look_up(event.value)
        else:
            self.post_message(PathFieldLeft())

    @on(Input.Changed)
    def _changed(self) -> None:
        if self.query_one("#path-message").has_class("error"):
            self._say(HELP)

    @work(group="looking", exclusive=True, exit_on_error=False)
    async def _look_up(self, text: str) -> None:
        with Notices.of(self).errors_told():
            paths, wrong = await asyncio.to_thread(_paths_in, text)
            if wrong:
                self._complain(wrong)
                return
            try:
                candidates = await self._intake.look(paths)
            except VuemanticsError as error:
                self._complain(visible(f"{error.message}. {error.hint}"))
            else:
                self.post_message(FilesNamed(candidates))


def _paths_in(text: str) -> tuple[list[Path], str]:
    """Return the paths that were typed, and why the first that is missing may not be there. Looks at the disk."""
    paths = typed_paths(text)
    missing = next((path for path in paths if not os.path.lexists(path)), None)
    return paths, "" if missing is None else explain_missing(missing, os.environ)
