"""The line that is typed to search: SearchLine, what it means, and SearchInput, the field that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual.binding import BindingType
from textual.message import Message

from vuemantics_tui.domain.text import folded
from vuemantics_tui.ui.actions import FIND, action, hidden
from vuemantics_tui.ui.widgets.one_line import LineInput

if TYPE_CHECKING:
    from vuemantics_tui.domain.query.sentence import Chip, Sentence, Vocabulary
    from vuemantics_tui.library import Suggestion


class SearchLine:
    """What is typed, and which of its phrases are filters: its chips. It knows no widget.

    A phrase that somebody made words again stays words for as long as it is in the line.
    """

    def __init__(self) -> None:
        # The names that the library has; None until they are read.
        self.vocabulary: Vocabulary | None = None
        self.sentence: Sentence | None = None
        # Of the results: the chip that finds nothing.
        self.fruitless: Chip | None = None
        # The keys of the chips that are words again; a line that is taken as it is.
        self._kept: frozenset[str] = frozenset()
        self._as_is: str | None = None
        # By queries that were searched for: what was typed, and what was kept as words.
        self._typed: dict[str, tuple[str, frozenset[str]]] = {}

    @property
    def chips(self) -> tuple[Chip, ...]:
        """The phrases that are filters."""
        return () if self.sentence is None else self.sentence.chips

    @property
    def query(self) -> str:
        """What is searched for: the line, with filters in place of its chips."""
        return "" if self.sentence is None else self.sentence.line.strip()

    def read(self, text: str, *, final: bool = False) -> Sentence:
        """Find the phrases of a line that are filters; those found before stay. Unless `final`, more is typed."""
        # The rules are loaded with the first search, not before the first paint.
        from vuemantics_tui.domain.query.sentence import Sentence, understand

        known, today = self.vocabulary, date.today()
        settled = [chip.key for chip in self.chips]
        if not text.strip():
            self._as_is = None
        # Another line may be typed over the one that had them.
        words = folded(text)
        self._kept = frozenset(key for key in self._kept if key in words)
        if self._as_is is not None and self._as_is != text and known is not None:
            # What was taken as it is stays so while more is typed.
            found = understand(self._as_is, known, today).chips
            self._kept, self._as_is = frozenset(chip.key for chip in found), None
        if known is None or self._as_is is not None:
            self.sentence = Sentence(text, (), text)
        else:
            self.sentence = understand(text, known, today, kept=self._kept, settled=settled, typing=not final)
        self.fruitless = None
        return self.sentence

    def take(self, query: str, *, as_is: bool) -> str:
        """Begin with a query; return the line that was typed for it, or else itself, `as_is` with its phrases as words.

        The line must then be read.
        """
        text, self._kept = self._typed.get(query, (query, frozenset()))
        self._as_is = query if as_is and query not in self._typed else None
        self.sentence = None
        return text

    def keep(self, chip: Chip) -> None:
        """Make a chip words again. The line must then be read."""
        self._kept |= {chip.key}

    def renew(self) -> None:
        """Forget what was found: another line, which is whole, is read next."""
        self._kept, self.sentence = frozenset(), None

    def note_typed(self) -> None:
        """Note the line as what was typed for its query."""
        if self.sentence is not None:
            self._typed[self.query] = self.sentence.text, self._kept

    def remembered(self, text: str) -> str:
        """Return the text to remember: as it was typed, where that is understood in the same way again."""
        from vuemantics_tui.domain.query.line import AS_IS
        from vuemantics_tui.domain.query.sentence import understand

        assert self.vocabulary is not None
        if understand(text, self.vocabulary, date.today()).line == self.query:
            return text
        return self.query if self.chips else f"{AS_IS}{text}"


@dataclass
class SearchLeft(Message):
    """The search line was left without a search."""


@dataclass
class ChipTakenBack(Message):
    """A phrase that is a filter shall be words."""

    chip: Chip


@dataclass
class CursorMoved(Message):
    """The cursor of the search line moved."""


class ChipPainter(Highlighter):
    """Draws the chips of a sentence in the text of a field."""

    def __init__(self, field: SearchInput) -> None:
        self._field = field

    def highlight(self, text: Text) -> None:
        """Style the phrases that are filters."""
        field = self._field
        if field.sentence is not None and field.sentence.text == text.plain:
            for chip in field.sentence.chips:
                name = "search-input--fruitless" if chip == field.fruitless else "search-input--chip"
                text.stylize(field.get_component_rich_style(name), chip.start, chip.end)


class SearchInput(LineInput):
    """The field itself. Up brings past searches, Down goes back from there, and then into the results.

    The phrases in it that are filters are drawn as `chips`; Backspace behind one asks for its words back.
    """

    HELP_TITLE = "The search line"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"search-input--chip", "search-input--fruitless"}
    BINDINGS: ClassVar[list[BindingType]] = [
        action("take-suggestion", "tab", "take_suggestion", "complete", "Accept the first suggestion", FIND),
        action("leave-search", "escape", "leave_search", "back", "Leave the search", FIND),
        hidden("older-search", "up", "older_search", "older", "Previous search", FIND),
        hidden(
            "chip-to-words", "backspace", "chip_to_words", "words", "Turn the filter before the cursor into words", FIND
        ),
        action("newer-search", "down", "newer_search", "results", "Next search, then into the results", FIND),
    ]

    def __init__(self) -> None:
        super().__init__(
            id="search-input", compact=True, placeholder="search by words or meaning", select_on_focus=False
        )
        self.past: Sequence[str] = ()
        self._place = -1
        self.suggestion: Suggestion | None = None
        self.sentence: Sentence | None = None
        self.fruitless: Chip | None = None
        # A line that was recalled, and is whole.
        self.recalled: str | None = None
        self.highlighter = ChipPainter(self)

    def show(self, sentence: Sentence, fruitless: Chip | None = None) -> None:
        """Draw the chips of what is in the field, and the one that finds nothing as such."""
        if (sentence, fruitless) != (self.sentence, self.fruitless):
            self.sentence, self.fruitless = sentence, fruitless
            self.refresh()

    def watch_selection(self) -> None:
        """Tell where the cursor stands."""
        self.post_message(CursorMoved())

    @property
    def chip_behind(self) -> Chip | None:
        """The chip that Backspace turns into words: the cursor stands behind it, and nothing is selected."""
        if self.sentence is None or self.sentence.text != self.value or not self.selection.is_empty:
            return None
        return self.sentence.chip_before(self.cursor_position)

    def action_chip_to_words(self) -> None:
        """Turn the chip before the cursor into words, or delete a character."""
        if (chip := self.chip_behind) is not None:
            self.post_message(ChipTakenBack(chip))
        else:
            self.action_delete_left()

    def action_leave_search(self) -> None:
        """Leave the search."""
        self.post_message(SearchLeft())

    def action_older_search(self) -> None:
        """Show the previous search."""
        self._recall(self._place + 1)

    async def action_newer_search(self) -> None:
        """Show the next search; from the last one, go into the results."""
        if self._place < 0:
            await self.action_submit()
        else:
            self._recall(self._place - 1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to complete only where there is a suggestion."""
        return action != "take_suggestion" or self.suggestion is not None

    def action_take_suggestion(self) -> None:
        """Accept the first suggestion."""
        if (taken := self.suggestion) is not None:
            self.value = taken.line
            self.cursor_position = taken.cursor

    def offer(self, suggestion: Suggestion | None) -> None:
        """Have Tab accept this suggestion."""
        if suggestion != self.suggestion:
            self.suggestion = suggestion
            self.screen.refresh_bindings()

    def begin(self, past: Sequence[str]) -> None:
        """Take the past searches, newest first; recalling begins with the newest."""
        self.past = past
        self._place = -1

    def _recall(self, place: int) -> None:
        if -1 <= place < len(self.past):
            self._place = place
            self.recalled = "" if place < 0 else self.past[place]
            self.value = self.recalled
            self.cursor_position = len(self.value)
