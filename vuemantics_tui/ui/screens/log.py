"""LogScreen: the log of this session, the newest at the bottom."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from vuemantics_tui.domain.text import time_words, visible
from vuemantics_tui.ui.actions import MOVE, VIEW, action
from vuemantics_tui.ui.notices import LogEntry, RecentLog
from vuemantics_tui.ui.screens.page import READING, Reading
from vuemantics_tui.ui.textual_private import SteadyScreen
from vuemantics_tui.ui.widgets.keys_line import KeysLine

LOOK_SECONDS = 0.5
_LEVELS = ((logging.ERROR, "error", "bold $error"), (logging.WARNING, "warning", "$warning"), (0, "info", "$dim"))


def log_text(entries: Sequence[LogEntry]) -> Content:
    """Return the records: when, how grave, what; below an error, where it came from."""
    parts: list[tuple[str, str]] = []
    for entry in entries:
        word, style = next((word, style) for level, word, style in _LEVELS if entry.level >= level)
        at = time_words(datetime.fromtimestamp(entry.created))
        parts += [(f"{at} ", "$dim"), (f"{word:<8}", style)]
        message = "\n".join(visible(line) for line in entry.message.splitlines())
        parts += [(message, ""), (f"  {entry.name}\n", "$dim")]
        parts += [(f"    {visible(line)}\n", "$dim") for line in entry.trace.splitlines()]
    return Content.assemble(*parts)


class LogScreen(Reading, SteadyScreen[None]):
    """Shows the log and scrolls along while its end is in view."""

    HELP_TITLE = "Log"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("only-errors", "e", "toggle_errors", "only errors", "Show only errors, or everything", VIEW),
        *READING,
        action("log-back", "escape,q,f12", "go_back", "back", "Back", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")

    def __init__(self, recent_log: RecentLog) -> None:
        super().__init__()
        self._recent_log = recent_log
        self._level = logging.NOTSET
        self._shown: tuple[int, int] | None = None

    def compose(self) -> ComposeResult:
        """Yield a title, the records and the keys."""
        yield Static("Log of this session", id="log-title", markup=False)
        with VerticalScroll(id="log-page", can_focus=False):
            yield Static(id="log-text", markup=False)
        yield KeysLine(id="log-keys")

    def on_mount(self) -> None:
        """Start to follow the log."""
        self._look()
        self.set_interval(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        state = (self._recent_log.count, self._level)
        if state == self._shown:
            return
        at_end = self._shown is None or self._shown[1] != self._level or self.page.is_vertical_scroll_end
        self._shown = state
        entries = self._recent_log.entries(self._level)
        self.query_one("#log-text", Static).update(
            log_text(entries) if entries else "No errors." if self._level else "Nothing logged yet."
        )
        if at_end:
            self.call_after_refresh(self.page.scroll_end, animate=False)

    def action_toggle_errors(self) -> None:
        """Show only errors, or everything again."""
        self._level = logging.NOTSET if self._level else logging.ERROR
        self.query_one(KeysLine).rename("only-errors", "everything" if self._level else "only errors")
        self._look()

    def action_go_back(self) -> None:
        """Go back to the previous screen."""
        self.dismiss(None)
