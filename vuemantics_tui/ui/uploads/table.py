"""UploadTable: as many uploads as there are, of which only the lines on the screen are ever loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import ClassVar, get_args

from rich.segment import Segment
from rich.style import Style
from textual import work
from textual.geometry import Size
from textual.strip import Strip

from vuemantics_tui.domain.upload import UploadRow
from vuemantics_tui.ui.messages import CursorMoved, LoadFailed, MarksChanged
from vuemantics_tui.ui.uploads.columns import Columns
from vuemantics_tui.ui.uploads.line import Found, LineStyle, line_pieces
from vuemantics_tui.ui.uploads.listing import Listing
from vuemantics_tui.ui.uploads.marks import Marks
from vuemantics_tui.ui.uploads.row_cache import MOST_KEPT_ROWS, LoadRows, RowCache
from vuemantics_tui.ui.widgets.cursor_list import CursorList
from vuemantics_tui.ui.wording import age_words

WordOf = Callable[[UploadRow], str]


class UploadTable(CursorList[LineStyle]):
    """The uploads of a listing, one a line. Rows come from `load`, the word for a state from `word_of`."""

    STYLES = "upload-table"
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"upload-table--{name}" for name in (*get_args(LineStyle), "cursor")}

    def __init__(
        self, load: LoadRows, word_of: WordOf, clock: Callable[[], datetime], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._cache = RowCache(load)
        self._word_of = word_of
        self._clock = clock
        self._listing = Listing()
        self._found = Found()
        self._painted: dict[int, tuple[str, str]] = {}
        self._told_cursor: int | None = None
        self._loading = False
        self.marks = Marks()

    # What the screen tells it

    def show(
        self,
        listing: Listing,
        *,
        cursor: int | None = None,
        found: Found | None = None,
        rows: Iterable[UploadRow] = (),
    ) -> None:
        """Show this listing, with the cursor on the upload of that number, or else on the first.

        `found` are the scores and words of a search; `rows`, read just now, need not be read again.
        """
        self._cache.put(rows)
        line = 0 if cursor is None else listing.index_of(cursor) or 0
        on_screen = self._cursor - round(self.scroll_y) if cursor == self.cursor_number else self._height // 2
        self._listing = listing
        self._found = found or Found()
        self._cursor = line
        self._resized_list()
        self.scroll_to(y=max(0, line - on_screen) if cursor is not None else 0, animate=False, force=True)
        self._tell_cursor()

    def apply(self, changed: Iterable[int], deleted: Iterable[int], running: Iterable[int]) -> None:
        """Take in what moved in the store: new ones come in front, running ones on top, the cursor stays put."""
        gone = set(deleted)
        fresh = [number for number in changed if number not in gone]
        under_cursor = self.cursor_number
        top = round(self.scroll_y)
        before = self._on_screen()
        line_on_screen = self._cursor - top
        self._cache.outdate(fresh)
        self.marks.drop(gone)
        moved = [self._listing.insert_newest(fresh), self._listing.remove(gone), self._listing.pin(running)]
        if any(moved):
            if under_cursor is not None:
                index = self._listing.index_of(under_cursor)
                self._cursor = self._cursor if index is None else index
            self._cursor = max(0, min(self._cursor, len(self._listing) - 1))
            self.virtual_size = Size(0, len(self._listing))
            self._keep_in_sight(top, line_on_screen)
            self._tell_cursor()
            self._repaint_moved(before)
        self._reload()

    def _on_screen(self) -> list[tuple[int, bool]]:
        """Which upload stands on each line of the screen, and whether the cursor is on it."""
        return [(self._listing[index], index == self._cursor) for index in self._visible()]

    def _repaint_moved(self, before: list[tuple[int, bool]]) -> None:
        # Of a screen in which uploads are pinned and end ten times a second, most lines stay as they are.
        top = round(self.scroll_y)
        now = self._on_screen()
        for line in range(max(len(before), len(now))):
            if before[line : line + 1] != now[line : line + 1]:
                self.refresh_line(top + line)

    def _keep_in_sight(self, top: int, line_on_screen: int) -> None:
        # At the very top, new ones show above the cursor; further down, nothing moves under the eye.
        if top == 0 and self._cursor < self._height:
            return
        wanted = self._cursor - line_on_screen if top else self._cursor - self._height + 1
        self.scroll_to(y=max(0, wanted), animate=False)

    def repaint_outdated(self) -> None:
        """Repaint the lines whose words have changed by themselves: frames of a video, ages. Costs microseconds."""
        now = self._clock()
        for index in self._visible():
            number = self._listing[index]
            row = self._cache.get(number)
            if row is None:
                self._reload()
            elif self._painted.get(number) != (self._word_of(row), age_words(row.created_at, now)):
                self.refresh_line(index)

    @property
    def cursor_number(self) -> int | None:
        """The number of the upload under the cursor."""
        return self._listing[self._cursor] if self._cursor < len(self._listing) else None

    @property
    def cursor_row(self) -> UploadRow | None:
        """The upload under the cursor, once it is loaded."""
        number = self.cursor_number
        return None if number is None else self._cache.get(number)

    @property
    def cursor_line(self) -> int:
        """The line of the cursor, from 0."""
        return self._cursor

    def number_at(self, line: int) -> int:
        """The number of the upload on a line, from 0. Raises IndexError."""
        return self._listing[line]

    @property
    def line_count(self) -> int:
        """How many uploads it shows."""
        return len(self._listing)

    def lists(self, number: int) -> bool:
        """Whether it shows this upload, on the screen or off."""
        return number in self._listing

    @property
    def shows_scores(self) -> bool:
        """Whether the last column is the score of a search."""
        return bool(self._found.scores)

    @property
    def targets(self) -> list[int]:
        """The numbers of the uploads to act on: those marked, in the order shown, else the one under the cursor."""
        if len(self.marks):
            marked = self.marks.numbers
            return [number for number in self._listing if number in marked] or sorted(marked)
        return [] if self.cursor_number is None else [self.cursor_number]

    def _resized_list(self) -> None:
        self.virtual_size = Size(0, len(self._listing))
        self.refresh()
        self._reload()

    def _tell_cursor(self) -> None:
        if self.cursor_number != self._told_cursor:
            self._told_cursor = self.cursor_number
            self.post_message(CursorMoved(self.cursor_number))

    # Loading

    def _wanted(self) -> list[int]:
        """What must be read: lines on the screen first; when some are missing, a screen above and below with them."""
        if not self._cache.wanting(self._listing[index] for index in self._visible()):
            return []
        return self._cache.wanting(self._listing[index] for index in self._visible(self._height))

    def _reload(self) -> None:
        if not self._loading and self.is_mounted and self._wanted():
            self._loading = True
            self._load_wanted()

    @work(group="rows", exit_on_error=False)
    async def _load_wanted(self) -> None:
        try:
            while wanted := self._wanted():
                different, all_there = await self._cache.read(wanted)
                for number in different:
                    self._repaint(number)
                self._cache.keep_near(lambda: (self._listing[index] for index in self._visible(2 * self._height)))
                if len(self._painted) > MOST_KEPT_ROWS:
                    self._painted.clear()
                if not all_there:
                    break  # some were deleted a moment ago: the feed will say so
        except Exception as error:  # noqa: BLE001 - told on the screen; the next tick tries again
            self.post_message(LoadFailed(error))
        finally:
            self._loading = False

    def _repaint(self, number: int) -> None:
        index = self._listing.index_of(number)
        if index is not None and index in self._visible():
            self.refresh_line(index)

    # Painting

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.scrollable_content_region.width
        index = round(self.scroll_y) + y
        if index >= len(self._listing):
            return Strip.blank(width, self.rich_style)
        row = self._cache.get(self._listing[index])
        under_cursor = index == self._cursor
        blank = self._style("dim")
        if row is None:
            return Strip.blank(width, blank + self._cursor_style if under_cursor else blank)
        now, word = self._clock(), self._word_of(row)
        self._painted[row.number] = (word, age_words(row.created_at, now))
        columns = Columns.of(width, window=self.app.size.width, scores=bool(self._found.scores))
        segments = []
        for text, name in line_pieces(row, word, columns, now, marked=row.number in self.marks, found=self._found):
            style = self._style(name)
            if under_cursor:
                style += self._cursor_style
                if name == "name":
                    style += Style(bold=True)
            segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, blank).simplify()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Load what came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._reload()

    def on_resize(self) -> None:
        """Load what a larger window shows more."""
        self._reload()

    def cursor_moved(self, old: int) -> None:
        """Stretch the range of marks, and tell."""
        self._stretch_range()
        self._tell_cursor()

    # Marks

    def toggle_mark(self) -> None:
        """Mark the upload under the cursor, or take its mark away, and go one down."""
        if (number := self.cursor_number) is not None:
            self.marks.toggle(number)
            self._marks_moved()
            self.move_cursor(self._cursor + 1)

    def toggle_range(self) -> None:
        """Begin a range of marks at the cursor, or end the one that was begun."""
        if self.marks.anchor is not None:
            self.marks.end_range()
        elif (number := self.cursor_number) is not None:
            self.marks.begin_range(number)
        self._marks_moved()

    def mark_all(self) -> None:
        """Mark all that are listed, or, where they are already, none."""
        if all(number in self.marks for number in self._listing):
            self.marks.clear()
        else:
            self.marks.add(self._listing)
        self._marks_moved()

    def clear_marks(self) -> None:
        """Take all marks away."""
        self.marks.clear()
        self._marks_moved()

    def _stretch_range(self) -> None:
        anchor = self.marks.anchor
        line = None if anchor is None else self._listing.index_of(anchor)
        if line is not None:
            low, high = sorted((line, self._cursor))
            self.marks.stretch(self._listing[index] for index in range(low, high + 1))
            self._marks_moved()

    def _marks_moved(self) -> None:
        self.refresh()
        self.post_message(MarksChanged(len(self.marks)))
