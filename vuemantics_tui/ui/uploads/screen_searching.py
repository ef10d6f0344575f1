"""The part of the uploads screen that searches, sorts, filters and marks."""

from __future__ import annotations

import asyncio

from textual import on, work

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.query import QueryError, parse_query
from vuemantics_tui.ui.messages import SearchEntered, SearchLeft, SearchTyped
from vuemantics_tui.ui.screens.filter import FilterScreen
from vuemantics_tui.ui.typed_paths import typed_paths
from vuemantics_tui.ui.uploads.screen_adding import AddingPart
from vuemantics_tui.ui.uploads.search_bar import SearchLine
from vuemantics_tui.ui.uploads.search_hint import SearchHint

# What words find goes before: one connection reads for both.
SUGGEST_AFTER_SECONDS = 0.04


class SearchingPart(AddingPart):
    """Decides what the table shows."""

    _past_search = -1

    def action_sort_by(self) -> None:
        """The next order."""
        self.change_table(self.uploads.sort_by_next)

    def action_reverse_sort(self) -> None:
        """The same order the other way round."""
        self.change_table(lambda: self.uploads.change_view(self.uploads.view.reversed()))

    @work(group="asking", exit_on_error=False)
    async def action_filter_by(self) -> None:
        """Ask what to show."""
        view = await self.app.push_screen_wait(FilterScreen(self.uploads.view))
        if view is not None:
            self.change_table(lambda: self.uploads.change_view(view))

    def action_clear_view(self) -> None:
        """Everything, newest first, without marks."""
        self._end_hints()
        self.query_one(SearchLine).put("")
        self.change_table(self.uploads.clear)

    def action_toggle_gallery(self) -> None:
        """Thumbnails instead of the table, or back."""
        self.toggle_class("-gallery")
        # What is hidden cannot be focused, and has no size.
        self.call_after_refresh(self._show_in_front)

    def _show_in_front(self) -> None:
        self.in_front.focus()

    def action_toggle_pane(self) -> None:
        """Show or hide the pane."""
        self.toggle_class("-no-pane")

    def action_toggle_mark(self) -> None:
        """Mark the upload under the cursor."""
        self.uploads.toggle_mark()

    def action_mark_range(self) -> None:
        """Begin or end a range of marks."""
        self.uploads.toggle_range()

    def action_mark_all(self) -> None:
        """Mark all that are listed."""
        self.uploads.mark_all()

    @work(group="asking", exit_on_error=False)
    async def _read_history(self) -> None:
        with self.notices.errors_told():
            self.query_one(SearchLine).remember(await self.library.search.history.newest())

    def action_open_search(self) -> None:
        """Type what to find."""
        self.query_one(SearchLine).open()
        self.query_one(SearchHint).suggest((), typing=True)
        self._read_history()

    def action_find_similar(self) -> None:
        """What is similar to the upload under the cursor."""
        row = self.uploads.cursor_row
        if row is not None:
            self.change_table(lambda: self.uploads.similar(row.number, row.filename))

    @work(group="asking", exit_on_error=False)
    async def action_past_search(self) -> None:
        """The search before this one."""
        with self.notices.errors_told():
            past = await self.library.search.history.newest()
            if not past:
                self.notices.tell("Nothing was searched for yet.")
                return
            self._past_search = (self._past_search + 1) % len(past)
            text = past[self._past_search]
            self.query_one(SearchLine).put(text)
            self.change_table(lambda: self.search_now(text))

    @on(SearchEntered)
    def _search_entered(self, message: SearchEntered) -> None:
        if "/" in message.text:
            self._search_unless_dropped(message)
        else:
            self._search(message)

    @work(group="searching", exclusive=True, exit_on_error=False)
    async def _search_unless_dropped(self, message: SearchEntered) -> None:
        with self.notices.errors_told():
            # A path that some terminals type when a file is dropped: its first slash opened the search.
            path = f"/{message.text}"
            there = await asyncio.to_thread(_is_there, path)
            if not message.final and self.query_one(SearchLine).text != message.text:
                return  # more was typed meanwhile, and would be lost
            if there:
                self._end_hints()
                # Its beginning may have been searched for.
                self.change_table(self.uploads.leave_results)
                self.query_one(SearchLine).put("")
                self.open_field(path)
            else:
                self._search(message)

    def _search(self, message: SearchEntered) -> None:
        if not message.final:
            self.change_table(lambda: self._search_while_typing(message.text))
            return
        if not self._makes_sense(message.text):
            return
        self._past_search = 0
        self.set_focus(self.in_front)
        self._end_hints()
        if message.text:
            self._remember(message.text)
        self.change_table(lambda: self.search_now(message.text))

    def _makes_sense(self, text: str) -> bool:
        """Whether the line can be searched for; else it is said what is wrong with it, and the field stays in use."""
        try:
            parse_query(text)
        except QueryError as error:
            self._complain(error)
            return False
        return True

    def _complain(self, error: UsageError) -> None:
        line = self.query_one(SearchLine)
        cell = line.cell_of(error.place) - 1 if isinstance(error, QueryError) else None
        self.query_one(SearchHint).complain(f"{error.message}. {error.hint}".strip(), cell)

    async def _search_while_typing(self, text: str) -> None:
        # Words answer at once; the meaning joins as soon as the embedder has answered.
        if text:
            await self.uploads.search_words(text)
            self.say()
        await self.uploads.search(text, final=False)

    async def search_now(self, text: str, *, below: bool = False) -> None:
        """Show what a line finds; what it names and is not there is told under it."""
        try:
            await self.uploads.search(text, below=below)
        except UsageError as error:
            self._complain(error)

    def action_show_below(self) -> None:
        """What the search found below the cut-off, too."""
        if self.uploads.results is not None and self.uploads.results.has_more_below:
            text = self.uploads.text
            self.change_table(lambda: self.search_now(text, below=True))
        else:
            self.notices.tell("Nothing is left below the cut-off of a search.")

    @on(SearchTyped)
    def _typed(self, message: SearchTyped) -> None:
        self.query_one(SearchHint).complain("")
        self._suggest(message)

    @work(group="suggesting", exclusive=True, exit_on_error=False)
    async def _suggest(self, message: SearchTyped) -> None:
        await asyncio.sleep(SUGGEST_AFTER_SECONDS)
        with self.notices.errors_told():
            found = await self.library.search.suggester.suggest(message.text, message.cursor) if message.text else []
            line = self.query_one(SearchLine)
            if line.typing:
                line.offer(found[0] if found else None)
                self.query_one(SearchHint).suggest(found, typing=True)

    def _end_hints(self) -> None:
        self.workers.cancel_group(self, "suggesting")
        self.query_one(SearchLine).offer(None)
        hint = self.query_one(SearchHint)
        hint.complain("")
        hint.suggest((), typing=False)

    @work(group="asking", exit_on_error=False)
    async def _remember(self, text: str) -> None:
        with self.notices.errors_told():
            await self.library.search.remember(text)

    @on(SearchLeft)
    def _leave_search(self) -> None:
        self._end_hints()
        self.query_one(SearchLine).put("")
        self.set_focus(self.in_front)
        self.change_table(self.uploads.leave_results)

    def key_escape(self) -> None:
        """Back from a search, or from marking."""
        if self.uploads.results is not None:
            self._leave_search()
        elif len(self.uploads.marks):
            self.uploads.clear_marks()


def _is_there(text: str) -> bool:
    """Whether the text is one or more paths that exist. Looks at the disk."""
    paths = typed_paths(text)
    return bool(paths) and all(path.is_absolute() and path.exists() for path in paths)
