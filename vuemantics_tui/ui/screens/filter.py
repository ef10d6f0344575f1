"""FilterScreen: which uploads the table shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.view import StatusFilter, View
from vuemantics_tui.ui.actions import ANSWER, action, key_of

_STATUSES: dict[str, tuple[str, StatusFilter | None]] = {
    "a": ("all", None),
    "w": ("waiting", StatusFilter.WAITING),
    "r": ("running", StatusFilter.RUNNING),
    "c": ("completed", StatusFilter.COMPLETED),
    "f": ("failed", StatusFilter.FAILED),
    "o": ("completed with a warning (!)", StatusFilter.WARNING),
}
_TYPES: dict[str, tuple[str, FileType | None]] = {
    "b": ("images and videos", None),
    "i": ("images", FileType.IMAGE),
    "v": ("videos", FileType.VIDEO),
}
_HIDDEN = "h"


class FilterScreen(ModalScreen[View | None]):
    """Asks what to show: one letter, and it is done. Dismisses with the new view, or None."""

    HELP_TITLE = "The choice of a filter"
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        action("leave-filter", "escape", "decline", "back", "Change nothing", ANSWER),
    ]

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        """The choices, the present ones with a dot."""
        with Vertical(classes="question"):
            yield Static("Show", classes="question-title", markup=False)
            yield Static(self._choices(), id="choices")
            yield Static(f"{key_of(self, 'leave-filter')} goes back", classes="question-keys", markup=False)

    def _choices(self) -> Content:
        view = self._view
        lines = [(key, words, view.status == status) for key, (words, status) in _STATUSES.items()]
        lines += [(key, words, view.file_type == kind) for key, (words, kind) in _TYPES.items()]
        lines.append((_HIDDEN, "include hidden", view.show_hidden))
        parts: list[tuple[str, str]] = []
        for key, words, chosen in lines:
            if key in ("b", _HIDDEN):
                parts.append(("\n", ""))
            parts += [(f"{key}", "bold $accent"), (f" {'●' if chosen else ' '} ", "$accent"), (f"{words}\n", "")]
        return Content.assemble(*parts)

    def on_key(self, event: events.Key) -> None:
        """A letter chooses."""
        view = None
        if event.key in _STATUSES:
            view = replace(self._view, status=_STATUSES[event.key][1])
        elif event.key in _TYPES:
            view = replace(self._view, file_type=_TYPES[event.key][1])
        elif event.key == _HIDDEN:
            view = replace(self._view, show_hidden=not self._view.show_hidden)
        if view is not None:
            event.stop()
            self.dismiss(view)

    def action_decline(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)
