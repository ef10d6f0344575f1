"""SearchBar: the search line with a summary of the list beside it, and a hint below. It runs the searches."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Label, Static

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.actions import key_of
from vuemantics_tui.ui.choices import SettingChosen
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.typed_paths import typed_paths
from vuemantics_tui.ui.uploads.results import Results
from vuemantics_tui.ui.uploads.search_hint import SearchHint
from vuemantics_tui.ui.uploads.search_line import ChipTakenBack, CursorMoved, SearchInput, SearchLeft, SearchLine
from vuemantics_tui.ui.uploads.upload_list import Change, UploadList
from vuemantics_tui.ui.widgets.one_line import Words

if TYPE_CHECKING:
    from vuemantics_tui.domain.query.sentence import Chip
    from vuemantics_tui.library import Library

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


class SearchBar(Vertical):
    """Lists in an UploadList what is typed. Posts SearchLeft, SearchClosed and PathTyped."""

    def __init__(self, library: Library, uploads: UploadList, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._library = library
        self._uploads = uploads
        self._pause: Timer | None = None
        self.line = SearchLine()
        # The query that was searched for last, and which of the past searches it is.
        self._searched = ""
        self._past_place = -1
        self._shown: Results | None = None
        self._may_suggest = library.settings.suggest_models

    def compose(self) -> ComposeResult:
        """Yield a slash, the field, what stands in its place, the scores, the words, and the hint."""
        with Horizontal(id="search-line"):
            yield Label("/", id="search-slash")
            yield SearchInput()
            yield Words(id="similar-words")
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
        if self.line.vocabulary is not None and self.query_one(SearchInput).has_focus:
            self._names.want()

    async def _read_names(self) -> None:
        before, self.line.vocabulary = self.line.vocabulary, await self._library.search.vocabulary()
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
            moved = text not in (before.text if before is not None else "", self.line.query)
            if moved and not self.query_one(SearchInput).has_focus:
                # It was searched for from elsewhere: what is similar, or the search before that.
                self.put(text)
            found = results.hits if results is not None else None
            bins = found.histogram if found is not None else None
            scores = "" if bins is None else histogram_words(bins.counts, bins.low, bins.high, bins.cut)
            self.query_one("#score-histogram", Static).update(scores)
            self.query_one(SearchHint).note(found.note if found is not None else "")

    def _say_view(self) -> None:
        """Say what is listed; what was searched for stands in the field, and is left out where that has no room.

        The ID of an upload says nothing: until the line is edited, the name stands in its place.
        """
        below, clear = key_of(self, "show-below"), key_of(self, "clear-view")
        results = self._uploads.results
        similar = results.similar_alone if results is not None else ""
        self.set_class(bool(similar) and not self.query_one(SearchInput).has_focus, "-similar")
        self.query_one("#similar-words", Words).say(f"similar to {visible(similar)}" if similar else "")
        words = self._uploads.words(below_key=below, clear_key=clear)
        is_long = cell_len(self._uploads.text) + cell_len(words) + AROUND_FIELD > self.size.width
        if similar or self.line.chips or (is_long and not (results is not None and results.hits.similar_to)):
            words = self._uploads.words(below_key=below, clear_key=clear, for_what=False)
        self.query_one("#view-words", Words).say(words)

    def on_resize(self) -> None:
        """Say as much as there is room for."""
        self._say_view()

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _begin_or_end_typing(self) -> None:
        self._say_view()

    @on(events.Click, "#similar-words")
    def _click_similar(self) -> None:
        self.open()

    # Typing

    @property
    def text(self) -> str:
        """What is in the field."""
        return self.query_one(SearchInput).value.strip()

    def open(self) -> None:
        """Begin to type, with what was there selected."""
        field = self.query_one(SearchInput)
        # At once: `focus()` comes later, and keys pressed meanwhile would go to the table.
        self.remove_class("-similar")
        self.screen.set_focus(field)
        field.action_select_all()
        self.query_one(SearchHint).suggest((), typing=True)
        self._read_history()
        self._prepare()
        self._names.want()

    def put(self, query: str, *, as_is: bool = True) -> None:
        """Show a query that is searched for, without running it: as it was typed, or else its phrases as words."""
        with self.prevent(Input.Changed):
            self.query_one(SearchInput).value = self.line.take(query, as_is=as_is)
        self._understand(final=True)
        self._searched = self.line.query
        self._stop_waiting()

    # Phrases that are filters

    def _understand(self, *, final: bool = False) -> None:
        """Find the phrases in the field that are filters, and draw them."""
        field = self.query_one(SearchInput)
        sentence = self.line.read(field.value, final=final)
        self.query_one(SearchHint).offer("")
        field.show(sentence)
        self._show_chips()

    def _show_chips(self) -> None:
        """Say under the line what the chips mean."""
        field = self.query_one(SearchInput)
        behind = field.chip_behind if field.has_focus else None
        self.query_one(SearchHint).understand([(chip.line, chip == behind) for chip in self.line.chips])

    @on(CursorMoved)
    def _cursor_moved(self, message: CursorMoved) -> None:
        message.stop()
        self._show_chips()

    @on(ChipTakenBack)
    def _take_back(self, message: ChipTakenBack) -> None:
        message.stop()
        self._make_words(message.chip)
        self._paused()

    def _make_words(self, chip: Chip) -> None:
        self.line.keep(chip)
        self._understand()

    def fruitless_to_words(self) -> None:
        """Turn the chip because of which nothing was found into words, and search again."""
        if (chip := self.line.fruitless) is None:
            Notices.of(self).tell("There is no filter to turn into words.")
        else:
            self._make_words(chip)
            self._search(self.text, final=True)

    async def _look_for_fruitless(self, *, final: bool) -> None:
        """Say which chip finds nothing, if that is why nothing was found."""
        sentence, results = self.line.sentence, self._uploads.results
        if sentence is None or results is None or len(results.hits) or results.text != sentence.line.strip():
            return
        found = await self._library.search.fruitless(sentence, show_hidden=self._uploads.view.show_hidden)
        if found is None or sentence is not self.line.sentence:
            return
        chip = self.line.fruitless = found.chip
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
            self.line.renew()
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
        if self.line.query != self._searched:
            self._searched = self.line.query
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

    def run(self, query: str, *, below: bool = False) -> None:
        """Show a query, and list what it finds, with `below` also what is below the cut-off.

        It is taken as it is: phrases stay words, unless it was typed before.
        """
        self.put(query)
        self._list(query, below=below)

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
            self.put(past[self._past_place], as_is=False)
            await self._understand_all()
            self._list(self.line.query)

    @work(group="asking", exit_on_error=False)
    async def save(self) -> None:
        """Save the search under a name."""
        from vuemantics_tui.ui.screens.ask import AskScreen, ask

        text = self._uploads.text
        if not text:
            Notices.of(self).tell("There is no search to save.", "Search for something first.")
            return

        async def save_as(name: str) -> str:
            await self._library.search.save(name, text)
            return f"Saved. {key_of(self, 'show-saved')} shows saved searches."

        await ask(self, AskScreen("Save this search as", text, save_as, placeholder="a name"))

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
            self._list_while_typing(self.line.query)
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
        self.line.vocabulary = await self._library.search.vocabulary()
        self._understand(final=True)
        self.line.note_typed()
        self._searched = self.line.query

    @work(group="searching", exclusive=True, exit_on_error=False)
    async def _list_typed(self, text: str) -> None:
        with Notices.of(self).errors_told():
            await self._understand_all()
            if text:
                self._remember(self.line.remembered(text))
            await self._list_now(self.line.query)

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
