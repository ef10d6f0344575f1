"""SearchBar: the search line with a summary of the list beside it, and suggestions or an error below."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.highlighter import Highlighter
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import folded, visible
from vuemantics_tui.ui.actions import FIND, action, hidden, key_of
from vuemantics_tui.ui.choices import SettingChosen
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.typed_paths import typed_paths
from vuemantics_tui.ui.uploads.results import Results
from vuemantics_tui.ui.uploads.upload_list import Change, UploadList
from vuemantics_tui.ui.widgets.one_line import LineInput, Words, fit

if TYPE_CHECKING:
    from vuemantics_tui.domain.query.sentence import Chip, Sentence, Vocabulary
    from vuemantics_tui.library import Library, Suggestion

# Long enough to gather what a terminal sends in one go; an answer should be there 50 ms after the last key.
PAUSE_SECONDS = 0.002
# A slash may begin a path that a terminal types when a file is dropped: all of it should be there.
PATH_PAUSE_SECONDS = 0.25
# What words find goes before: one connection reads for both.
SUGGEST_AFTER_SECONDS = 0.04
# While files are added, the names that the library has change all the time.
READ_NAMES_SECONDS = 3.0
# In a smaller library a look through it finds everything.
LEAST_UPLOADS = 20
# Slash, gaps and the scores beside the field.
AROUND_FIELD = 12
BLOCKS = "▁▂▃▅▇"
CARET = "^"
BACKSPACE = "⌫"


@dataclass
class SearchLeft(Message):
    """The search line was left without a search."""


@dataclass
class SearchClosed(Message):
    """A search was made, and the keys belong to the list again."""


@dataclass
class FruitlessFound(Message):
    """A search found nothing, and which of its chips is to blame."""


@dataclass
class PathTyped(Message):
    """A path was typed into the search line: some terminals type it when a file is dropped, and its slash opened it."""

    path: str


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


class SearchBar(Vertical):
    """Lists in an UploadList what is typed. Posts SearchLeft, SearchClosed and PathTyped."""

    def __init__(self, library: Library, uploads: UploadList, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._library = library
        self._uploads = uploads
        self._pause: Timer | None = None
        # The line that was searched for last, and which of the past searches it is.
        self._searched = ""
        self._past_place = -1
        # The names that the library has; None until they are read.
        self._vocabulary: Vocabulary | None = None
        # What is in the field with its chips; the keys of those that are words again; a line that is taken as it is.
        self._sentence: Sentence | None = None
        self._kept: frozenset[str] = frozenset()
        self._as_is: str | None = None
        # For lines that were searched for: what was typed, and what was kept as words.
        self._typed: dict[str, tuple[str, frozenset[str]]] = {}
        # Of the results: the chip that finds nothing.
        self.fruitless: Chip | None = None
        self._shown: Results | None = None
        self._may_suggest = library.settings.suggest_models

    def compose(self) -> ComposeResult:
        """Yield a slash, the field, the scores, the words, and the hint."""
        with Horizontal(id="search-line"):
            yield Label("/", id="search-slash")
            yield SearchInput()
            yield Static(id="score-histogram", markup=False)
            yield Words(id="view-words")
        yield SearchHint(id="search-hint")

    def on_mount(self) -> None:
        """Follow the list and the library."""
        self._uploads.listeners.append(self._list_changed)
        self._names = Reader(self, self._read_names, rest=READ_NAMES_SECONDS)
        Feed.of(self).follow(self)

    @on(LibraryChanged)
    def _library_changed(self) -> None:
        if self._vocabulary is not None and self.query_one(SearchInput).has_focus:
            self._names.want()

    async def _read_names(self) -> None:
        before, self._vocabulary = self._vocabulary, await self._library.search.vocabulary()
        if before is None:
            # Keys came before the names were there.
            self._understand()
            self._paused()

    def _list_changed(self, change: Change) -> None:
        if not self.is_attached or change in (Change.CURSOR, Change.ROWS):
            return
        self._say_view()
        results = self._uploads.results
        if results is not self._shown:
            before, self._shown = self._shown, results
            text = self._uploads.text
            moved = text not in (before.text if before is not None else "", self.line)
            if moved and not self.query_one(SearchInput).has_focus:
                # It was searched for from elsewhere: what is similar, or the search before that.
                self.put(text)
            found = results.hits if results is not None else None
            bins = found.histogram if found is not None else None
            scores = "" if bins is None else histogram_words(bins.counts, bins.low, bins.high, bins.cut)
            self.query_one("#score-histogram", Static).update(scores)
            self.query_one(SearchHint).note(found.note if found is not None else "")

    def _say_view(self) -> None:
        """Say what is listed; what was searched for stands in the field, and is left out where that has no room."""
        below, clear = key_of(self, "show-below"), key_of(self, "clear-view")
        words = self._uploads.words(below_key=below, clear_key=clear)
        chips = self._sentence is not None and self._sentence.chips
        if chips or cell_len(self._uploads.text) + cell_len(words) + AROUND_FIELD > self.size.width:
            words = self._uploads.words(below_key=below, clear_key=clear, for_what=False)
        self.query_one("#view-words", Words).say(words)

    def on_resize(self) -> None:
        """Say as much as there is room for."""
        self._say_view()

    # Typing

    @property
    def text(self) -> str:
        """What is in the field."""
        return self.query_one(SearchInput).value.strip()

    @property
    def line(self) -> str:
        """The line that is searched for: what is in the field, with filters in place of its chips."""
        return self.text if self._sentence is None else self._sentence.line.strip()

    def open(self) -> None:
        """Begin to type, with what was there selected."""
        field = self.query_one(SearchInput)
        # At once: `focus()` comes later, and keys pressed meanwhile would go to the table.
        self.screen.set_focus(field)
        field.action_select_all()
        self.query_one(SearchHint).suggest((), typing=True)
        self._read_history()
        self._prepare()
        self._names.want()

    def put(self, line: str) -> None:
        """Show a line that is searched for, without running it; as it was typed, where it was."""
        text, self._kept = self._typed.get(line, (line, frozenset()))
        self._as_is = None if line in self._typed else line
        with self.prevent(Input.Changed):
            self.query_one(SearchInput).value = text
        self._sentence = None
        self._understand(final=True)
        self._searched = self.line
        self._stop_waiting()

    # Phrases that are filters

    def _understand(self, *, final: bool = False) -> None:
        """Find the phrases in the field that are filters, and draw them; those that were found before stay."""
        # The rules are loaded with the first search, not before the first paint.
        from vuemantics_tui.domain.query.sentence import Sentence, understand

        field = self.query_one(SearchInput)
        value, known = field.value, self._vocabulary
        settled = [chip.key for chip in self._sentence.chips] if self._sentence is not None else []
        if not value.strip():
            self._as_is = None
        # Another line may be typed over the one that had them.
        words = folded(value)
        self._kept = frozenset(key for key in self._kept if key in words)
        if self._as_is is not None and self._as_is != value and known is not None:
            # What was taken as it is stays so while more is typed.
            found = understand(self._as_is, known, date.today()).chips
            self._kept, self._as_is = frozenset(chip.key for chip in found), None
        if known is None or self._as_is is not None:
            sentence = Sentence(value, (), value)
        else:
            sentence = understand(value, known, date.today(), kept=self._kept, settled=settled, typing=not final)
        self._sentence = sentence
        self.fruitless = None
        self.query_one(SearchHint).offer("")
        field.show(sentence)
        self._show_chips()

    def _show_chips(self) -> None:
        """Say under the line what the chips mean."""
        chips = self._sentence.chips if self._sentence is not None else ()
        field = self.query_one(SearchInput)
        behind = field.chip_behind if field.has_focus else None
        self.query_one(SearchHint).understand([(chip.line, chip == behind) for chip in chips])

    @on(CursorMoved)
    def _cursor_moved(self, message: CursorMoved) -> None:
        message.stop()
        self._show_chips()

    @on(ChipTakenBack)
    def _take_back(self, message: ChipTakenBack) -> None:
        message.stop()
        self._keep(message.chip)
        self._paused()

    def _keep(self, chip: Chip) -> None:
        self._kept |= {chip.key}
        self._understand()

    def fruitless_to_words(self) -> None:
        """Turn the chip because of which nothing was found into words, and search again."""
        if (chip := self.fruitless) is None:
            Notices.of(self).tell("No filter of the search line is to blame.")
        else:
            self._keep(chip)
            self._search(self.text, final=True)

    async def _look_for_fruitless(self, *, final: bool) -> None:
        """Say which chip finds nothing, if that is why nothing was found."""
        sentence, results = self._sentence, self._uploads.results
        if sentence is None or results is None or len(results.hits) or results.text != sentence.line.strip():
            return
        found = await self._library.search.fruitless(sentence, show_hidden=self._uploads.view.show_hidden)
        if found is None or sentence is not self._sentence:
            return
        chip = self.fruitless = found.chip
        field = self.query_one(SearchInput)
        field.show(sentence, chip)
        told = f'{"Nothing matches" if found.alone else "No results with"} "{chip.words}".'
        if final or chip == field.chip_behind:
            told += f" {key_of(self, 'fruitless-to-words')} makes it words."
        self.query_one(SearchHint).offer(told)
        self.post_message(FruitlessFound())

    def clear(self) -> None:
        """Empty the line, and drop what is being searched for."""
        self.workers.cancel_node(self)
        self._stop_waiting()
        self._end_hints()
        self.put("")

    @work(group="asking", exit_on_error=False)
    async def _read_history(self) -> None:
        with Notices.of(self).errors_told():
            self.query_one(SearchInput).begin(await self._library.search.history.newest())

    @work(group="preparing", exit_on_error=False)
    async def _prepare(self) -> None:
        with Notices.of(self).errors_told():
            await self._library.search.prepare()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._stop_waiting()
        field = self.query_one(SearchInput)
        # A suggestion is a whole line, made from the one before this key.
        field.offer(None)
        self.query_one(SearchHint).complain("")
        if is_whole := field.recalled == event.value:
            self._kept, self._sentence = frozenset(), None
        field.recalled = None
        self._understand(final=is_whole)
        self._suggest(event.value, field.cursor_position)
        self._pause = self.set_timer(PATH_PAUSE_SECONDS if "/" in event.value else PAUSE_SECONDS, self._paused)

    @work(group="suggesting", exclusive=True, exit_on_error=False)
    async def _suggest(self, text: str, cursor: int) -> None:
        await asyncio.sleep(SUGGEST_AFTER_SECONDS)
        with Notices.of(self).errors_told():
            found = await self._library.search.suggester.suggest(text, cursor) if text else []
            field = self.query_one(SearchInput)
            if field.has_focus:
                field.offer(found[0] if found else None)
                self.query_one(SearchHint).suggest(found, typing=True)

    def _paused(self) -> None:
        if self.line != self._searched:
            self._searched = self.line
            self._search_unless_dropped(self.text, final=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._stop_waiting()
        self._search_unless_dropped(self.text, final=True)

    def _stop_waiting(self) -> None:
        if self._pause is not None:
            self._pause.stop()
            self._pause = None

    def _end_hints(self) -> None:
        self.workers.cancel_group(self, "suggesting")
        self.query_one(SearchInput).offer(None)
        hint = self.query_one(SearchHint)
        hint.complain("")
        hint.suggest((), typing=False)

    # Searching

    def run(self, line: str, *, below: bool = False) -> None:
        """Show a line, and list what it finds, with `below` also what is below the cut-off.

        It is taken as it is: phrases stay words, unless it was typed before.
        """
        self.put(line)
        self._list(line, below=below)

    def show_below(self) -> None:
        """List also what the search found below the cut-off."""
        results = self._uploads.results
        if results is not None and results.has_more_below:
            self.run(results.text, below=True)
        else:
            Notices.of(self).tell("No results are left below the cut-off.")

    @work(group="asking", exit_on_error=False)
    async def recall(self) -> None:
        """List what the previous search found, each time one further back."""
        with Notices.of(self).errors_told():
            past = await self._library.search.history.newest()
            if not past:
                Notices.of(self).tell("No past searches yet.")
                return
            self._past_place = (self._past_place + 1) % len(past)
            self.put(past[self._past_place])
            self._as_is = None
            await self._understand_all()
            self._list(self.line)

    @work(group="asking", exit_on_error=False)
    async def save(self) -> None:
        """Save the search under a name."""
        from vuemantics_tui.ui.screens.ask import AskScreen

        text = self._uploads.text
        if not text:
            Notices.of(self).tell("There is no search to save.", "Search for something first.")
            return

        async def save_as(name: str) -> str:
            await self._library.search.save(name, text)
            return f"Saved. {key_of(self, 'show-saved')} shows saved searches."

        told = await self.app.push_screen_wait(AskScreen("Save this search as", text, save_as, placeholder="a name"))
        if told is not None:
            Notices.of(self).tell(told)

    @on(SearchLeft)
    def leave(self) -> None:
        """Go back to the search before, or to where you were before the first."""
        self.clear()
        self._step_back()

    @work(group="searching", exclusive=True, exit_on_error=False)
    async def _step_back(self) -> None:
        with Notices.of(self).errors_told():
            await self._uploads.step_back()
            self.put(self._uploads.text)

    def _search_unless_dropped(self, text: str, *, final: bool) -> None:
        if "/" in text:
            self._look_for_path(text, final=final)
        else:
            self._search(text, final=final)

    @work(group="looking", exclusive=True, exit_on_error=False)
    async def _look_for_path(self, text: str, *, final: bool) -> None:
        path = f"/{text}"
        there = await asyncio.to_thread(_is_there, path)
        if not final and self.text != text:
            return  # more was typed in the meantime and would be lost
        if there:
            # Its beginning may have been searched for.
            self.leave()
            self.post_message(PathTyped(path))
        else:
            self._search(text, final=final)

    def _search(self, text: str, *, final: bool) -> None:
        if not final:
            self._list_while_typing(self.line)
            return
        # The language of searches is loaded with the first one, not before the first paint.
        from vuemantics_tui.domain.query import QueryError, parse_query

        try:
            parse_query(text)
        except QueryError as error:
            self._complain(error)
            return
        self._past_place = 0
        self._end_hints()
        self.post_message(SearchClosed())
        self._list_typed(text)

    async def _understand_all(self) -> None:
        """Find the phrases of the whole line, with the names that the library has by now."""
        self._vocabulary = await self._library.search.vocabulary()
        self._understand(final=True)
        self._typed[self.line] = self.query_one(SearchInput).value, self._kept
        self._searched = self.line

    @work(group="searching", exclusive=True, exit_on_error=False)
    async def _list_typed(self, text: str) -> None:
        with Notices.of(self).errors_told():
            await self._understand_all()
            if text:
                self._remember(self._remembered(text))
            await self._list_now(self.line)

    def _remembered(self, text: str) -> str:
        """Return the text to remember: as it was typed, where that is understood in the same way again."""
        from vuemantics_tui.domain.query.line import AS_IS
        from vuemantics_tui.domain.query.sentence import understand

        assert self._vocabulary is not None
        if understand(text, self._vocabulary, date.today()).line == self.line:
            return text
        has_chips = self._sentence is not None and self._sentence.chips
        return self.line if has_chips else f"{AS_IS}{text}"

    @work(group="searching", exclusive=True, exit_on_error=False)
    async def _list_while_typing(self, text: str) -> None:
        with Notices.of(self).errors_told():
            # Words answer at once; the meaning joins as soon as the embedder has answered.
            if text:
                await self._uploads.search_words(text)
            await self._uploads.search(text, final=False)
            await self._look_for_fruitless(final=False)

    @work(group="searching", exclusive=True, exit_on_error=False)
    async def _list(self, text: str, *, below: bool = False) -> None:
        with Notices.of(self).errors_told():
            await self._list_now(text, below=below)

    async def _list_now(self, text: str, *, below: bool = False) -> None:
        try:
            await self._uploads.search(text, below=below)
        except UsageError as error:
            self._complain(error)  # the file or upload that it names is missing
        else:
            await self._look_for_fruitless(final=True)
            await self._suggest_model()

    async def _suggest_model(self) -> None:
        """Say what a model would add, once and for all, where a search found little and the library is not tiny."""
        results = self._uploads.results
        if not self._may_suggest or results is None or not results.is_poor or results.hits.note:
            return
        many = (await self._library.queue.store.counts()).total >= LEAST_UPLOADS
        if many and await self._library.models.store.in_use() is None and self._may_suggest:
            self._may_suggest = False
            key = key_of(self, "show-models")
            self.query_one(SearchHint).note(f"A model that sees pictures would find more: {key} gets one.")
            self.post_message(SettingChosen("suggest_models", False))

    @work(group="asking", exit_on_error=False)
    async def _remember(self, text: str) -> None:
        with Notices.of(self).errors_told():
            await self._library.search.remember(text)

    def _complain(self, error: UsageError) -> None:
        from vuemantics_tui.domain.query import QueryError

        cell = self._cell_of(error.place) - 1 if isinstance(error, QueryError) else None
        self.query_one(SearchHint).complain(f"{error.message}. {error.hint}".strip(), cell)

    def _cell_of(self, place: int) -> int:
        """Return in which cell of the line the character at an index of the text stands."""
        from vuemantics_tui.domain.query import pointed

        field = self.query_one(SearchInput)
        place += len(field.value) - len(field.value.lstrip())
        before = len(pointed(field.value, place)[1]) - 1
        return max(0, field.region.x - self.region.x + before - round(field.scroll_x))


class SearchHint(Widget):
    """One line, hidden if empty. An error takes precedence over suggestions, and those over a note."""

    DEFAULT_CSS = """
    SearchHint {
        height: 1;
        padding: 0 1;
        background: $panel;

        &.-blank {
            display: none;
        }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="-blank")
        self._error = ""
        self._cell: int | None = None
        self._suggestions: tuple[Suggestion, ...] = ()
        self._chips: tuple[tuple[str, bool], ...] = ()
        self._note = self._offer = ""
        self._open = False

    def complain(self, message: str, cell: int | None = None) -> None:
        """Say what is wrong, with a caret under its place in the line above if that is known; empty ends it."""
        self._change(_error=visible(message), _cell=cell)

    def suggest(self, suggestions: Sequence[Suggestion], *, typing: bool) -> None:
        """Show suggestions; while you are `typing` the line stays, so that nothing below it jumps."""
        self._change(_suggestions=tuple(suggestions), _open=typing)

    def understand(self, chips: Sequence[tuple[str, bool]]) -> None:
        """Say what the chips of the line mean while it is typed, and of which of them Backspace makes words."""
        self._change(_chips=tuple(chips))

    def offer(self, offer: str) -> None:
        """Offer to take a chip as words that finds nothing; it goes before what the chips mean."""
        self._change(_offer=visible(offer))

    def note(self, note: str) -> None:
        """Show a note if there is neither an error nor a suggestion."""
        self._change(_note=visible(note))

    @property
    def complains(self) -> bool:
        """Whether it shows an error."""
        return bool(self._error)

    def _change(self, **values: object) -> None:
        if any(getattr(self, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(self, name, value)
            self.set_class(not (self._error or self._offer or self._suggestions or self._note or self._open), "-blank")
            self.refresh()

    def render(self) -> Content:
        """Return the line."""
        width = self.content_size.width
        if self._error:
            return Content.assemble(*error_parts(self._error, self._cell, width))
        if self._offer:
            return Content.styled(fit(self._offer, width).rstrip(), "$warning")
        if self._open and (self._chips or self._suggestions):
            parts = list(_chip_parts(self._chips, width)) if self._chips else []
            room = width - sum(cell_len(text) for text, _ in parts)
            return Content.assemble(*parts, *_suggestion_parts(self._suggestions, room))
        return Content.styled(fit(self._note, width).rstrip(), "$warning")


def error_parts(message: str, cell: int | None, width: int) -> list[tuple[str, str]]:
    """Return the caret in its cell, with the message behind it, or before it where it fits only there."""
    if cell is None:
        return [(fit(f"✗ {message}", width).rstrip(), "$error")]
    cell = min(cell, width - 1)
    room_behind, room_before = width - cell - 2, cell - 1
    if cell_len(message) > room_behind and room_before > room_behind:
        told = fit(message, room_before).rstrip()
        return [(" " * (room_before - cell_len(told)) + told + " ", "$error"), (CARET, "bold $error")]
    told = fit(message, room_behind).rstrip() if room_behind > 0 else ""
    return [(" " * cell, ""), (CARET, "bold $error"), (f" {told}", "$error")]


def _chip_parts(chips: Sequence[tuple[str, bool]], width: int) -> Iterator[tuple[str, str]]:
    """Yield what the chips mean, the last ones where there is no room for all, and what Backspace does."""
    back = f"  {BACKSPACE} words" if any(behind for _, behind in chips) else ""
    room = width - cell_len(back) - 2
    shown: list[tuple[str, str]] = []
    for line, behind in reversed(chips):
        label = visible(line)
        if cell_len(label) + 2 > room:
            shown.append(("…  ", "$dim"))
            break
        shown.append((f"{label}  ", "bold $foreground" if behind else "$foreground"))
        room -= cell_len(label) + 2
    yield ("= ", "bold $accent")
    yield from reversed(shown)
    if back:
        yield (f"{BACKSPACE} ", "bold $accent")
        yield ("words  ", "$dim")


def _suggestion_parts(suggestions: Sequence[Suggestion], width: int) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = [("Tab ", "bold $accent")]
    room = width - 4
    for place, suggestion in enumerate(suggestions):
        count = "" if suggestion.count is None else f" {suggestion.count:,}"
        label = visible(suggestion.label)
        needed = cell_len(label) + cell_len(count) + 2
        if needed > room:
            break
        parts += [(label, "$foreground" if place == 0 else "$dim"), (f"{count}  ", "$dim")]
        room -= needed
    return parts if len(parts) > 1 else []


def histogram_words(counts: Sequence[int], low: float, high: float, cut: float) -> Content:
    """Return a block for each bin of equal width from `low` to `high`; bins above the cut-off stand out."""
    most = max(counts, default=0)
    width = (high - low) / max(1, len(counts))
    parts: list[tuple[str, str]] = []
    for place, count in enumerate(counts):
        block = BLOCKS[-(-count * (len(BLOCKS) - 1) // most)] if most else BLOCKS[0]
        kept = low + (place + 1) * width >= cut
        parts.append((block, "$accent" if kept and count else "$dim"))
    return Content.assemble(*parts, "  ")


def _is_there(text: str) -> bool:
    """Tell whether the text is one or more paths that exist. Looks at the disk."""
    paths = typed_paths(text)
    return bool(paths) and all(path.is_absolute() and path.exists() for path in paths)
