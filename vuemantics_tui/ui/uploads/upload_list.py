"""UploadList: which uploads are listed and in which order, with the cursor, the marks, the pins and the scores.

The one model behind table, gallery and pane: they draw it, and keep no list of their own. It knows no widget.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Awaitable, Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum, auto
from typing import TYPE_CHECKING

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted
from vuemantics_tui.domain.upload import Upload, UploadRow, status_word
from vuemantics_tui.domain.view import SortKey, View
from vuemantics_tui.ui.uploads.days import Days, Group
from vuemantics_tui.ui.uploads.lines import Listing, Marks, Pins, RowCache
from vuemantics_tui.ui.uploads.results import Found, Results, Why

if TYPE_CHECKING:
    from vuemantics_tui.library import Library, SearchResults

# The first lines are there before the long list behind them: a large library opens as fast as a small one.
FIRST_LOOK = 100
MOST_RESULTS = 200
# What a window shows of what words alone find at each key; the rest comes with the meaning a moment later.
FIRST_RESULTS = 60


class Change(Enum):
    """What changed in the list, for the widgets that draw it."""

    # Another list, and perhaps another upload under the cursor.
    REPLACED = auto()
    # Uploads came, went or were pinned; the cursor stayed on its upload.
    SHIFTED = auto()
    CURSOR = auto()
    MARKS = auto()
    # The store has moved on from rows that were read.
    ROWS = auto()
    # A change may have moved the lines of a sorted view, or of a search: it should be read again.
    OUTDATED = auto()


@dataclass(frozen=True, slots=True)
class _Step:
    """A search to go back to: what it found, whether in the order of the list, and the upload under the cursor."""

    results: Results
    is_sorted: bool
    cursor: int | None


class UploadList:
    """A view of the library, or what a search found, and the way back from there.

    Every method that reads raises VuemanticsError. `listeners` are called with what moved.
    """

    def __init__(self, library: Library, view: View, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.view = view
        # Of a search; None while the view is listed.
        self.results: Results | None = None
        # The stack that is opened: all in it, its cover first; empty while none is.
        self.opened: list[int] = []
        self.marks = Marks()
        self.rows = RowCache(library.uploads)
        self.days = Days(library.uploads)
        self.listeners: list[Callable[[Change], None]] = []
        self._library = library
        self._begun_with = view
        self._monotonic = monotonic
        self._listing = Listing()
        self._pins = Pins()
        self._cursor = 0
        self._return_to: int | None = None
        # Whether it is on its way back to the view, which is being read.
        self._returns = False
        # The searches to go back to from what is similar.
        self._steps: list[_Step] = []
        # Whether the results of a search were sorted by hand, by another key than how well they match.
        self._results_sorted = False
        self._is_read = False
        # The marks to go back to from an opened stack.
        self._marks_outside: Marks | None = None
        # What moved in the store and is not taken in yet.
        self._changed: set[int] = set()
        self._deleted: set[int] = set()
        # The latest request: answers to earlier ones are dropped.
        self._asked = 0

    # What is listed

    def __len__(self) -> int:
        return len(self._listing)

    def __getitem__(self, line: int) -> int:
        return self._listing[line]

    def __contains__(self, number: object) -> bool:
        return number in self._listing

    def line_of(self, number: int) -> int | None:
        """Return the line of an upload, from 0, or None."""
        return self._listing.index_of(number)

    def why(self, upload: Upload) -> Why | None:
        """Return why a search line found an upload, where one did."""
        hit = self.results.hit(upload.number) if self.results is not None else None
        return None if hit is None else Why(hit, hit.sentence, self.text)

    def found(self, number: int) -> Found:
        """Return what a line of the table shows of why an upload was found; nothing where no search listed it."""
        return Found() if self.results is None or self.opened else self.results.found(number)

    def numbers(self, lines: Iterable[int]) -> list[int]:
        """Return the numbers of the uploads on these lines, as far as there are any."""
        return [self._listing[line] for line in lines if 0 <= line < len(self._listing)]

    def word_of(self, row: UploadRow) -> str:
        """Return what the state of an upload is called, with the frame that this process is looking at."""
        return status_word(row.stage, error_kind=row.error_kind, frame=self._library.queue.frames.get(row.id))

    @property
    def live(self) -> bool:
        """Whether new uploads join the list by themselves; else it has to be read again."""
        is_default = replace(self.view, show_hidden=False).is_default
        return is_default and self.results is None and not self.opened

    @property
    def has_scores(self) -> bool:
        """Whether the uploads have the scores of a search."""
        return self.results is not None and self.results.has_scores and not self.opened

    @property
    def sorted_by(self) -> SortKey | None:
        """The key that the list is sorted by; None in an opened stack, and where a search has an order of its own."""
        in_own_order = self.opened or (self.results is not None and not self._sorts(self.results))
        return None if in_own_order else self.view.sort

    @property
    def is_by_date(self) -> bool:
        """Whether the uploads are listed in the order in which they were taken."""
        if self.results is None or self._sorts(self.results):
            return self.sorted_by is SortKey.TAKEN
        return self.results.is_by_date and not self.opened

    def groups(self, *, monthly: bool) -> list[Group]:
        """Return a list by date as groups by day or month; empty until `days` are read."""
        running, by_moment = self._listing.pinned_count, self.sorted_by is not SortKey.TAKEN
        return self.days.groups(self._listing.in_order(), monthly=monthly, running=running, by_moment=by_moment)

    async def days_listed(self) -> dict[int, int]:
        """Return how many of the uploads in the list were taken on each day (20240603), the latest first."""
        await self.days.read()
        return self.days.counts(self._listing.in_order())

    async def jump_to(self, first: date, last: date) -> int | None:
        """Put the cursor on the first upload taken from `first` to `last`, or else on one taken nearest to that.

        A list in another order is sorted by date before. Return the day (20240603), None if no upload has a date.
        """
        if not self.is_by_date and not self.opened:
            await self.sort_by(SortKey.TAKEN)
        await self.days.read()
        # Those on top stand there because they run, not because of their date.
        pinned = self._listing.pinned_count
        line = self.days.nearest(self._listing.in_order()[pinned:], first, last)
        if line is None:
            return None
        self.move_to(pinned + line)
        return self.days.of(self._listing[pinned + line])

    @property
    def text(self) -> str:
        """The search line whose results are listed; empty where there is none."""
        return self.results.text if self.results is not None else ""

    def words(self, *, below_key: str = "", clear_key: str = "", for_what: bool = True) -> str:
        """Return what is listed in words; the keys show what is below the cut-off, and clear the view.

        Without `for_what`, what was searched for is left out.
        """
        if self.opened:
            parts = [f"a stack of {counted(len(self), 'upload')}", "Esc goes back"]
        else:
            parts = [self.view.words() if self.results is None else self._result_words(below_key, for_what)]
        if len(self.marks):
            parts.insert(0, f"{len(self.marks):,} marked")
        if clear_key and not self.opened and self.results is None and self.view != self._begun_with:
            parts.append(f"{clear_key} clears")
        return " · ".join(parts)

    def _result_words(self, below_key: str, for_what: bool) -> str:
        assert self.results is not None
        order = self.view.order_words if self._sorts(self.results) else ""
        shown = self.results.words(below_key, for_what=for_what)
        if self.view.narrows and len(self) != self.results.count:
            shown = f"{len(self):,} of {shown}"
        return " · ".join(filter(None, (shown, order, self.view.filter_words)))

    # The cursor

    @property
    def cursor_line(self) -> int:
        """Return the line of the cursor, from 0."""
        return self._cursor

    @property
    def cursor_number(self) -> int | None:
        """The number of the upload under the cursor."""
        return self._listing[self._cursor] if self._cursor < len(self._listing) else None

    @property
    def cursor_row(self) -> UploadRow | None:
        """The upload under the cursor, once it is read."""
        number = self.cursor_number
        return None if number is None else self.rows.get(number)

    def move_to(self, line: int) -> None:
        """Put the cursor on a line, counted from 0, or on the nearest there is."""
        line = max(0, min(line, len(self._listing) - 1))
        if line != self._cursor:
            self._cursor = line
            self._stretch_range()
            self._tell(Change.CURSOR)

    # Marks

    @property
    def targets(self) -> list[int]:
        """The numbers of the uploads to act on: those marked, in the order listed, else the one under the cursor."""
        if len(self.marks):
            marked = self.marks.numbers
            return [number for number in self._listing if number in marked] or sorted(marked)
        return [] if self.cursor_number is None else [self.cursor_number]

    def toggle_mark(self) -> None:
        """Mark the upload under the cursor, or take its mark away, and go one down."""
        if (number := self.cursor_number) is not None:
            self.marks.toggle(number)
            self._tell(Change.MARKS)
            self.move_to(self._cursor + 1)

    def toggle_mark_at(self, line: int) -> None:
        """Mark the upload on a line, or take its mark away, and put the cursor there."""
        self.marks.toggle(self._listing[line])
        self.move_to(line)
        self._tell(Change.MARKS)

    def mark_through(self, line: int) -> None:
        """Mark everything from the cursor to a line, and put the cursor there."""
        low, high = sorted((self._cursor, line))
        self.marks.end_range()
        self.marks.add(self.numbers(range(low, high + 1)))
        self.move_to(line)
        self._tell(Change.MARKS)

    def toggle_range(self) -> None:
        """Begin a range of marks at the cursor, or end the one that was begun."""
        if self.marks.anchor is not None:
            self.marks.end_range()
        elif (number := self.cursor_number) is not None:
            self.marks.begin_range(number)
        self._tell(Change.MARKS)

    def mark_all(self) -> None:
        """Mark all that are listed, or, where they are already, none."""
        if all(number in self.marks for number in self._listing):
            self.clear_marks()
        else:
            self.marks.add(self._listing)
            self._tell(Change.MARKS)

    def clear_marks(self) -> int:
        """Take all marks away; returns how many there were. `mark_again` takes that back."""
        count = self.marks.clear()
        self._tell(Change.MARKS)
        return count

    def mark_again(self, since: str) -> int:
        """Mark what was marked before the marks were cleared, unless that was before `since`; returns how many.

        `since` is when the library was changed last, as far as that can be undone, in ISO 8601, UTC.
        """
        count = self.marks.put_back(since)
        self._tell(Change.MARKS)
        return count

    def unmark_again(self, since: str) -> bool:
        """Clear the marks that `mark_again` brought back, unless that was before `since`; tells whether it did."""
        has_cleared = self.marks.clear_again(since)
        self._tell(Change.MARKS)
        return has_cleared

    def unmark(self, numbers: Iterable[int]) -> None:
        """Take the marks of these away, which have left the list."""
        self.marks.drop(numbers)
        self._tell(Change.MARKS)

    def _stretch_range(self) -> None:
        anchor = self.marks.anchor
        line = None if anchor is None else self._listing.index_of(anchor)
        if line is not None:
            low, high = sorted((line, self._cursor))
            self.marks.stretch(self._listing[index] for index in range(low, high + 1))
            self._tell(Change.MARKS)

    # Following the library

    async def _open(self) -> None:
        """Read the view for the first time."""
        if self.live:
            newest = await self._library.uploads.newest(
                limit=FIRST_LOOK, show_hidden=self.view.show_hidden, covers_only=True
            )
            # With their rows, or the first paint would be an empty list.
            self.rows.put(upload.row() for upload in newest)
            self._list(Listing(array("q", (upload.number for upload in newest))))
            if len(newest) < FIRST_LOOK:
                return
        await self.refresh()

    def note(self, changed: Set[int], deleted: Set[int]) -> None:
        """Note what moved in the store, for `catch_up` to take in."""
        # One may be deleted and restored, or the other way round: what was said last holds.
        self._changed = (self._changed - deleted) | changed
        self.days.outdate(changed)
        self._deleted = (self._deleted - changed) | deleted

    async def catch_up(self) -> None:
        """Take in what moved in the store: new ones come in front, running ones on top, the cursor stays put."""
        if not self._is_read:
            await self._open()
            self._is_read = True
        changed, deleted = self._changed, self._deleted
        self._changed, self._deleted = set(), set()
        try:
            await self._take_in(sorted(changed), deleted)
        except BaseException:
            self._changed, self._deleted = self._changed | changed, self._deleted | deleted
            raise

    async def _take_in(self, changed: Sequence[int], gone: set[int]) -> None:
        if not changed and not gone:
            if self.pins_linger:
                self._shift((), set(), await self._pinned())
            return
        if not self.live:
            self._shift(changed, gone, await self._pinned())
            self._tell(Change.OUTDATED)
            return
        # Somebody may have hidden or unhidden it, and it may be inside a stack by now, or outside again.
        rows = await self._library.uploads.rows(changed)
        hidden = {row.number for row in rows if row.is_inside or (row.hidden and not self.view.show_hidden)}
        self._shift([row.number for row in rows], gone | hidden, await self._pinned())
        if any(row.number not in hidden and row.number not in self for row in rows):
            self._tell(Change.OUTDATED)

    @property
    def pins_linger(self) -> bool:
        """Whether something that has ended is still on top: `catch_up` takes it from there after LINGER_SECONDS."""
        return self._pins.lingering and self.results is None and not self.opened

    async def refresh(self, *, is_new_view: bool = False) -> None:
        """Read the view or the search again, and keep the cursor on its upload.

        If that upload is gone, the cursor stays on its line, or goes to the first line with `is_new_view`.
        """
        asked = self._asked
        if self.opened:
            inside = await self._read_stack()
            if asked == self._asked:
                await self._show_stack(inside)
            return
        if self.results is None:
            listing = await self._view_listing()
            if asked == self._asked:
                # Asked only now: the cursor may have moved while the store was read.
                self._list(listing, cursor=self.cursor_number, line=0 if is_new_view else self._cursor)
            return
        before = self.results
        try:
            hits = await before.again()
        except UsageError:
            return  # what the line names is gone: what it found stays until something else is asked for
        results = Results(hits, before.again, before.text)
        listing = await self._listing_of(results)
        if asked == self._asked and not (before.look_like(hits) and list(listing) == list(self._listing)):
            self._show(results, listing, cursor=self.cursor_number, line=0 if is_new_view else self._cursor)

    async def _pinned(self) -> list[int]:
        """Return what stands on top: what runs just now, but among the results of a search nothing."""
        if self.results is not None or self.opened:
            return []
        return self._pins.update(await self._library.uploads.running(), self._monotonic())

    async def _view_listing(self) -> Listing:
        listing = Listing(await self._library.uploads.in_view(self.view), newest_first=self.live)
        listing.pin(await self._pinned())
        return listing

    def _sorts(self, results: Results) -> bool:
        """Tell whether the order of the view counts for the results, and not how well they match.

        What filters alone leave has no scores, and follows an order that was chosen before.
        """
        if self._results_sorted or results.has_scores:
            return self._results_sorted
        return results.hits.query.sort is None and self.view.everything() != View()

    async def _listing_of(self, results: Results) -> Listing:
        """Return the results that meet the conditions of the view, in its order if that counts for them."""
        numbers = results.numbers
        sorts = self._sorts(results)
        if sorts or self.view.narrows:
            in_view = await self._library.uploads.in_view(self.view, among=numbers)
            if not sorts:
                kept = set(in_view)
                in_view = array("q", (number for number in numbers if number in kept))
            numbers = in_view
        return Listing(numbers, newest_first=False)

    def _shift(self, changed: Sequence[int], gone: set[int], pinned: Iterable[int]) -> None:
        fresh = [number for number in changed if number not in gone]
        under_cursor = self.cursor_number
        self.rows.outdate(fresh)
        marked = len(self.marks)
        for marks in (self.marks, self._marks_outside):
            if marks is not None:
                marks.drop(gone)
        is_on_top = self._cursor == 0
        added = self._listing.insert_newest(fresh)
        moved = [added, self._listing.remove(gone), self._listing.pin(pinned)]
        if any(moved):
            line = None if under_cursor is None else self._listing.index_of(under_cursor)
            if added and is_on_top:
                line = 0  # a view of the newest stays at the newest
            self._cursor = max(0, min(self._cursor if line is None else line, len(self._listing) - 1))
            self._tell(Change.SHIFTED)
        if marked != len(self.marks):
            self._tell(Change.MARKS)
        if fresh:
            self._tell(Change.ROWS)

    def _list(self, listing: Listing, *, cursor: int | None = None, line: int = 0) -> None:
        """List these, with the cursor on the upload of that number, or else on that line."""
        self._returns = False
        self._listing = listing
        found = None if cursor is None else listing.index_of(cursor)
        self._cursor = max(0, min(line, len(listing) - 1)) if found is None else found
        self._tell(Change.REPLACED)

    def _tell(self, change: Change) -> None:
        for listener in self.listeners:
            listener(change)

    # Views

    async def change_view(self, view: View) -> None:
        """List another view, of results those that meet its conditions; the cursor stays on its upload."""
        self._asked += 1
        asked = self._asked
        self._forget_stack()
        before, self.view = self.view, view
        results = self.results
        if results is None or before.show_hidden != view.show_hidden:
            await self.refresh(is_new_view=True)
            return
        listing = await self._listing_of(results)
        if asked == self._asked:
            self._list(listing, cursor=self.cursor_number)

    async def sort_by(self, key: SortKey) -> None:
        """Sort by a key, in its usual direction; by the same key again, in reverse order. The cursor goes on top."""
        again = key is self.sorted_by
        await self._take_order(self.view.reversed() if again else self.view.in_order_of(key))

    async def sort_by_match(self) -> None:
        """List the results of a search by how well they match again."""
        self._results_sorted = False
        await self.change_view(self.view)
        self.move_to(0)

    async def reverse(self) -> None:
        """Reverse the order."""
        await self._take_order(self.view.reversed())

    async def _take_order(self, view: View) -> None:
        self._results_sorted = self.results is not None
        await self.change_view(view)
        self.move_to(0)

    async def clear(self) -> None:
        """List all uploads, newest first, as at the beginning, without marks."""
        self._forget_stack()
        self.clear_marks()
        self.view = self._begun_with
        if self.results is None:
            await self.refresh()
        else:
            await self.leave_results()

    # Searches

    async def search_words(self, text: str) -> None:
        """List what the words and filters of a line that is being typed find, at once."""
        search = self._library.search.words
        await self._search(text, lambda: search(text, FIRST_RESULTS, show_hidden=self.view.show_hidden))

    async def search(self, text: str, *, final: bool = True, below: bool = False) -> None:
        """List what a line of text finds, with `below` also what is below the cut-off; an empty line leads back.

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
        self._asked += 1
        asked = self._asked
        found = await search()
        if asked != self._asked:
            return  # something else was asked for meanwhile
        if found.query.operands or found.query.filters or found.query.excluded or found.query.sort:
            results = Results(found, search, text)
            # A filter more or less leaves the order that was chosen.
            before = self.results.hits if self.results is not None else None
            if before is None or before.query.operands != found.query.operands or found.query.sort:
                self._results_sorted = False
            listing = await self._listing_of(results)
            if asked == self._asked:
                self._show(results, listing)
        else:
            await self.leave_results()

    async def similar(self, number: int) -> None:
        """List what is similar to an upload; `step_back` leads back to the search before.

        Raises UsageError for one that is gone or has no description yet.
        """
        before = _Step(self.results, self._results_sorted, self.cursor_number) if self.results is not None else None
        text = await self._library.search.like(number)
        await self.search(text)
        if before is not None and before.results.text != text and self.text == text:
            self._steps.append(before)

    async def step_back(self) -> None:
        """Go back to the search from which similar uploads were asked for, or else to the view."""
        if not self._steps:
            await self.leave_results()
            return
        self._asked += 1
        self._forget_stack()
        step = self._steps.pop()
        self.results, self._results_sorted = step.results, step.is_sorted
        self._list(await self._listing_of(step.results), cursor=step.cursor)
        # What was found then may have changed.
        self._tell(Change.OUTDATED)

    async def leave_results(self) -> None:
        """Go back to the view, with the cursor where it was before the search."""
        self._asked += 1
        self._steps.clear()
        was_open = self._forget_stack()
        if self.results is not None or was_open or self._returns:
            self.results = None
            self._results_sorted = False
            # Whoever presses Escape twice drops what the first one began.
            self._returns = True
            self._list(await self._view_listing(), cursor=self._return_to)

    # Stacks

    async def open_stack(self) -> bool:
        """List what is in the stack under the cursor; returns whether it is in one."""
        number = self.cursor_number
        if number is None or self.opened:
            return False
        inside = await self._library.stacks.members(number)
        if len(inside) < 2:
            return False
        # Drop whatever was requested in the meantime.
        self._asked += 1
        self._marks_outside, self.marks = self.marks, Marks()
        self.opened = inside
        self._list(Listing(array("q", inside), newest_first=False), cursor=number)
        self._tell(Change.MARKS)
        return True

    async def close_stack(self) -> None:
        """Go back to where the stack was opened, with the cursor on its cover."""
        inside = await self._read_stack()
        self._asked += 1
        await self._leave_stack(inside)

    async def whole(self, numbers: Sequence[int]) -> list[int]:
        """Return these with all that they stand for, or only these in an opened stack."""
        return list(numbers) if self.opened else await self._library.stacks.whole(numbers)

    async def _read_stack(self) -> list[int]:
        """Return what is in the opened stack by now; its cover may have gone meanwhile."""
        for number in self.opened:
            if inside := await self._library.stacks.members(number):
                return inside
        return []

    async def _show_stack(self, inside: list[int]) -> None:
        if len(inside) < 2:
            await self._leave_stack(inside)
        elif inside != self.opened:
            self.opened = inside
            self._list(Listing(array("q", inside), newest_first=False), cursor=self.cursor_number)

    async def _leave_stack(self, inside: Sequence[int]) -> None:
        cover = inside[0] if inside else None
        self._forget_stack()
        if self.results is None:
            self._list(await self._view_listing(), cursor=cover)
        else:
            self._list(await self._listing_of(self.results), cursor=cover)
            self._tell(Change.OUTDATED)
        self._tell(Change.MARKS)

    def _forget_stack(self) -> bool:
        """Take the marks outside of the opened stack again; returns whether one was open."""
        was_open = bool(self.opened)
        self.opened = []
        if self._marks_outside is not None:
            self.marks, self._marks_outside = self._marks_outside, None
        return was_open

    def _show(self, results: Results, listing: Listing, cursor: int | None = None, line: int = 0) -> None:
        if self.results is None:
            self._return_to = self.opened[0] if self.opened else self.cursor_number
        self._forget_stack()
        self.results = results
        self.rows.put(hit.upload.row() for hit in results.hits)
        self._list(listing, cursor=cursor, line=line)
