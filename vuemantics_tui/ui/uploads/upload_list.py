"""What the table shows: a view of the library, or what a search found; and the way back from there."""

from __future__ import annotations

import time
from array import array
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted
from vuemantics_tui.domain.view import SortKey, View
from vuemantics_tui.library import Library, SearchHit, SearchResults
from vuemantics_tui.ui.uploads.line import Found
from vuemantics_tui.ui.uploads.listing import Listing
from vuemantics_tui.ui.uploads.pins import Pins
from vuemantics_tui.ui.uploads.table import UploadTable

MOST_RESULTS = 200
# What a window shows of what words alone find at each key; the rest comes with the meaning a moment later.
FIRST_RESULTS = 60

Search = Callable[[], Awaitable[Sequence[SearchHit]]]
"""Searches, again each time that it is called."""


class Showing:
    """Fills the table, and knows in words what is in it. Every method that reads raises VuemanticsError."""

    def __init__(self, library: Library, table: UploadTable, view: View) -> None:
        self._library = library
        self._table = table
        self._begun_with = view
        self.view = view
        self.results: str | None = None
        # Of a search line: what it found; else None.
        self.found: SearchResults | None = None
        self._hits: dict[int, SearchHit] = {}
        self._shown_hits: Sequence[SearchHit] = ()
        self._text = ""
        self._similar_to = ""
        self._again: Search | None = None
        self._return_to: int | None = None
        self._run = 0
        self._pins = Pins()

    @property
    def live(self) -> bool:
        """Whether new uploads join the table by themselves; else it has to be read again."""
        return self.results is None and replace(self.view, show_hidden=False).is_default

    @property
    def text(self) -> str:
        """The search line whose results are shown; empty where there is none."""
        return self._text if self.found is not None else ""

    def words(self, below_key: str = "") -> str:
        """What the table shows, in words; `below_key` is the key that shows what is below the cut-off."""
        parts = [self.results if self.results is not None else self.view.words()]
        if self.has_more_below and self.found is not None:
            key = f" ({below_key} shows them)" if below_key else ""
            parts = [f"{counted(self.found.total, 'result')}, {self.found.below:,} more below the cut-off{key}"]
        if len(self._table.marks):
            parts.insert(0, f"{len(self._table.marks):,} marked")
        if self.results is None and self.view != self._begun_with:
            parts.append("c clears")
        return " · ".join(parts)

    async def first_look(self, count: int) -> bool:
        """Show the first lines, before the long list behind them; tells whether there may be more."""
        newest = await self._library.uploads.newest(limit=count, show_hidden=self.view.show_hidden)
        self._table.show(Listing(array("q", (upload.number for upload in newest))))
        return len(newest) == count

    async def refresh(self) -> None:
        """Read the view, or search, again; the cursor stays on its upload."""
        run = self._run
        if self.results is None:
            listing = await self._view_listing()
            if run == self._run:
                # Asked only now: the cursor may have moved while the store was read.
                self._table.show(listing, cursor=self._table.cursor_number)
        elif self._again is not None:
            try:
                found = await self._again()
            except UsageError:
                return  # what the line names is gone: what it found stays until something else is asked for
            if run == self._run and not _is_same(found, self._shown_hits):
                self._show_hits(found, cursor=self._table.cursor_number)

    async def change(self, view: View) -> None:
        """Show another view; the cursor stays on its upload."""
        self._run += 1
        self.view = view
        await self.refresh()

    async def next_sort(self) -> None:
        """The next order."""
        keys = list(SortKey)
        key = keys[(keys.index(self.view.sort) + 1) % len(keys)]
        await self.change(replace(self.view, sort=key, descending=key not in (SortKey.NAME, SortKey.STATUS)))

    async def clear(self) -> None:
        """All uploads, newest first, as it began."""
        self._table.clear_marks()
        self.view = self._begun_with
        if self.results is None:
            await self.refresh()
        else:
            await self.leave_results()

    @property
    def has_more_below(self) -> bool:
        """Whether the search found more than is shown: what lies below the cut-off."""
        return self.found is not None and self.found.below > 0 and len(self.found) <= self.found.kept

    def hit(self, number: int) -> SearchHit | None:
        """What the search line found of an upload, where it is among its results."""
        return self._hits.get(number) if self.found is not None else None

    async def search_words(self, text: str) -> None:
        """Show what the words and filters of a line that is being typed find, at once."""
        search = self._library.search.words
        await self._search(text, lambda: search(text, FIRST_RESULTS, show_hidden=self.view.show_hidden))

    async def search(self, text: str, *, final: bool = True, below: bool = False) -> None:
        """Show what a line of text finds, with `below` also what is below the cut-off; an empty line leads back.

        Raises QueryError where it is `final` and makes no sense.
        """
        if not text:
            await self.leave_results()
            return
        search = self._library.search.run
        await self._search(
            text, lambda: search(text, MOST_RESULTS, final=final, all=below, show_hidden=self.view.show_hidden)
        )

    async def _search(self, text: str, search: Callable[[], Awaitable[SearchResults]]) -> None:
        self._run += 1
        run = self._run
        found = await search()
        if run != self._run:
            return  # something else was asked for meanwhile
        if not (found.query.operands or found.query.filters or found.query.excluded or found.query.sort):
            await self.leave_results()
            return
        self._again = search
        self._text = text
        self._show_hits(found)

    async def similar(self, number: int, name: str) -> None:
        """Show what is similar to an upload."""
        self._run += 1

        async def search() -> Sequence[SearchHit]:
            return await self._library.search.similar(number, MOST_RESULTS)

        run = self._run
        hits = await search()
        if run == self._run:
            self._again, self._similar_to = search, name
            self._show_hits(hits)

    async def leave_results(self) -> None:
        """Back to where one was before the search."""
        self._run += 1
        self.found = self._again = None
        if self.results is not None:
            self.results = None
            self._table.show(await self._view_listing(), cursor=self._return_to)

    def _show_hits(self, hits: Sequence[SearchHit], cursor: int | None = None) -> None:
        if self.results is None:
            self._return_to = self._table.cursor_number
        self.found = hits if isinstance(hits, SearchResults) else None
        self._shown_hits = hits
        self._hits = {hit.upload.number: hit for hit in hits}
        numbers = array("q", (hit.upload.number for hit in hits))
        found: Found | None = None
        if self.found is None:
            self.results = f"{counted(len(hits), 'upload')} similar to {self._similar_to}"
        else:
            count = len(hits) if len(hits) > self.found.kept else self.found.total
            self.results = f"{counted(count, 'result')} for {_asked(self.found)}"
        if self.found is not None and not self.found.query.operands:
            # What filters alone leave has no score, and may be the whole library.
            numbers = array("q", self.found.numbers)
        else:
            found = Found(
                {hit.upload.number: hit.score for hit in hits}, {hit.upload.number: hit.matched for hit in hits}
            )
        rows = [hit.upload.row() for hit in hits]
        self._table.show(Listing(numbers, newest_first=False), cursor=cursor, found=found, rows=rows)

    async def _view_listing(self) -> Listing:
        listing = Listing(await self._library.uploads.in_view(self.view), newest_first=self.live)
        listing.pin(await self.pinned())
        return listing

    async def pinned(self) -> list[int]:
        """What stands on top: what runs just now, but among the results of a search nothing."""
        if self.results is not None:
            return []
        return self._pins.update(await self._library.uploads.running(), time.monotonic())

    @property
    def pins_linger(self) -> bool:
        """Whether what is pinned will change although nothing changes in the library."""
        return self._pins.lingering and self.results is None


def _is_same(found: Sequence[SearchHit], shown: Sequence[SearchHit]) -> bool:
    """Whether two searches found the same, as far as it can be seen in the list."""
    if isinstance(found, SearchResults) and isinstance(shown, SearchResults):
        if (found.total, found.below, found.note) != (shown.total, shown.below, shown.note):
            return False
        if list(found.numbers) != list(shown.numbers):
            return False
    return [(hit.upload.number, hit.score, hit.matched) for hit in found] == [
        (hit.upload.number, hit.score, hit.matched) for hit in shown
    ]


def _asked(found: SearchResults) -> str:
    """What was searched for, in short."""
    return " ".join(found.query.words) or str(found.query)
