"""SearchLine: where one types what to find; beside it, in words, what the table shows just now."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Input, Label

from vuemantics_tui.ui import bindings
from vuemantics_tui.ui.messages import SearchEntered, SearchLeft
from vuemantics_tui.ui.widgets.line_input import LineInput
from vuemantics_tui.ui.widgets.words import Words

# Long enough to finish a word, short enough to feel at once.
PAUSE_SECONDS = 0.25


class SearchInput(LineInput):
    """The field itself. Up and Down bring past searches."""

    BINDINGS = bindings.SEARCH_FIELD

    def __init__(self) -> None:
        super().__init__(
            id="search-input", compact=True, placeholder="search by words or meaning", select_on_focus=False
        )
        self.past: Sequence[str] = ()
        self._place = -1

    def action_leave_search(self) -> None:
        """Leave, and go back to where one was."""
        self.post_message(SearchLeft())

    def action_older_search(self) -> None:
        """The search before the one shown."""
        self._recall(self._place + 1)

    def action_newer_search(self) -> None:
        """The search after the one shown; in the end an empty line."""
        self._recall(self._place - 1)

    def begin(self, past: Sequence[str]) -> None:
        """Past searches, newest first; recalling begins with the newest."""
        self.past = past
        self._place = -1

    def _recall(self, place: int) -> None:
        if -1 <= place < len(self.past):
            self._place = place
            self.value = "" if place < 0 else self.past[place]
            self.cursor_position = len(self.value)


class SearchLine(Horizontal):
    """One line. Posts SearchEntered and SearchLeft."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pause: Timer | None = None
        self._told = ""

    def compose(self) -> ComposeResult:
        """A slash, the field, the words."""
        yield Label("/", id="search-slash")
        yield SearchInput()
        yield Words(id="view-words")

    @property
    def text(self) -> str:
        """What is in the field."""
        return self.query_one(SearchInput).value.strip()

    def open(self) -> None:
        """Ready to type, with what was there selected."""
        field = self.query_one(SearchInput)
        # At once: `focus()` comes later, and keys pressed meanwhile would go to the table.
        self.screen.set_focus(field)
        field.action_select_all()

    def remember(self, past: Sequence[str]) -> None:
        """Past searches, newest first, for Up and Down."""
        self.query_one(SearchInput).begin(past)

    def put(self, text: str) -> None:
        """Show this search, without running it."""
        self._told = text.strip()
        with self.prevent(Input.Changed):
            self.query_one(SearchInput).value = text
        self._stop_waiting()

    def say(self, words: str) -> None:
        """What the table shows, in words."""
        self.query_one("#view-words", Words).say(words)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._stop_waiting()
        self._pause = self.set_timer(PAUSE_SECONDS, self._paused)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._stop_waiting()
        self._told = self.text
        self.post_message(SearchEntered(self.text, final=True))

    def _paused(self) -> None:
        if self.text != self._told:
            self._told = self.text
            self.post_message(SearchEntered(self.text, final=False))

    def _stop_waiting(self) -> None:
        if self._pause is not None:
            self._pause.stop()
            self._pause = None
