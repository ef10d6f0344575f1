"""SearchLine: where one types what to find; beside it, in words, what the table shows just now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Label, Static

from vuemantics_tui.domain.query import pointed
from vuemantics_tui.library import SearchResults, Suggestion
from vuemantics_tui.ui.actions import FIND, action, hidden
from vuemantics_tui.ui.messages import SearchEntered, SearchLeft, SearchTyped
from vuemantics_tui.ui.widgets.line_input import LineInput
from vuemantics_tui.ui.widgets.words import Words

# Long enough to gather what a terminal sends in one go; an answer should be there 50 ms after the last key.
PAUSE_SECONDS = 0.002
# A slash may begin a path that a terminal types when a file is dropped: all of it should be there.
PATH_PAUSE_SECONDS = 0.25
BLOCKS = "▁▂▃▅▇"


class SearchInput(LineInput):
    """The field itself. Up and Down bring past searches."""

    HELP_TITLE = "The search line"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("take-suggestion", "tab", "take_suggestion", "complete", "Accept the first suggestion", FIND),
        action("leave-search", "escape", "leave_search", "back", "Leave the search", FIND),
        hidden("older-search", "up", "older_search", "older", "Previous search", FIND),
        hidden("newer-search", "down", "newer_search", "newer", "Next search", FIND),
    ]

    def __init__(self) -> None:
        super().__init__(
            id="search-input", compact=True, placeholder="search by words or meaning", select_on_focus=False
        )
        self.past: Sequence[str] = ()
        self._place = -1
        self.suggestion: Suggestion | None = None

    def action_leave_search(self) -> None:
        """Leave, and go back to where one was."""
        self.post_message(SearchLeft())

    def action_older_search(self) -> None:
        """The search before the one shown."""
        self._recall(self._place + 1)

    def action_newer_search(self) -> None:
        """The search after the one shown; in the end an empty line."""
        self._recall(self._place - 1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There must be something to take."""
        return action != "take_suggestion" or self.suggestion is not None

    def action_take_suggestion(self) -> None:
        """Go on with the first suggestion."""
        if (taken := self.suggestion) is not None:
            self.value = taken.line
            self.cursor_position = taken.cursor

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
        self._scored: SearchResults | None = None

    def compose(self) -> ComposeResult:
        """A slash, the field, the scores, the words."""
        yield Label("/", id="search-slash")
        yield SearchInput()
        yield Static(id="score-histogram", markup=False)
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

    def show_scores(self, results: SearchResults | None) -> None:
        """How the scores of what was found are distributed, those cut off dim; nothing where none are known."""
        if results is not self._scored:
            self._scored = results
            of = None if results is None else results.histogram
            words = "" if of is None else histogram_words(of.counts, of.low, of.high, of.cut)
            self.query_one("#score-histogram", Static).update(words)

    @property
    def typing(self) -> bool:
        """Whether the field has the focus."""
        return self.query_one(SearchInput).has_focus

    def offer(self, suggestion: Suggestion | None) -> None:
        """What Tab takes."""
        field = self.query_one(SearchInput)
        if suggestion != field.suggestion:
            field.suggestion = suggestion
            self.screen.refresh_bindings()

    def cell_of(self, place: int) -> int:
        """In which cell of this line the character at an index of the text stands."""
        field = self.query_one(SearchInput)
        place += len(field.value) - len(field.value.lstrip())
        before = len(pointed(field.value, place)[1]) - 1
        return max(0, field.region.x - self.region.x + before - round(field.scroll_x))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._stop_waiting()
        # A suggestion is a whole line, made from the one before this key.
        self.offer(None)
        self.post_message(SearchTyped(event.value, self.query_one(SearchInput).cursor_position))
        self._pause = self.set_timer(PATH_PAUSE_SECONDS if "/" in event.value else PAUSE_SECONDS, self._paused)

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


def histogram_words(counts: Sequence[int], low: float, high: float, cut: float) -> Content:
    """A block for each bin of equal width from `low` to `high`: those with something above the cut-off stand out."""
    most = max(counts, default=0)
    width = (high - low) / max(1, len(counts))
    parts: list[tuple[str, str]] = []
    for place, count in enumerate(counts):
        block = BLOCKS[-(-count * (len(BLOCKS) - 1) // most)] if most else BLOCKS[0]
        kept = low + (place + 1) * width >= cut
        parts.append((block, "$accent" if kept and count else "$dim"))
    return Content.assemble(*parts, "  ")
