"""UploadTable: any number of uploads, one a line, in columns; only the lines on the screen are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, get_args

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from vuemantics_tui.domain.text import age_words, visible, word_places
from vuemantics_tui.domain.upload import RUNNING, ProcessingStatus, UploadRow, glyph_of, reason_of
from vuemantics_tui.domain.view import SortKey
from vuemantics_tui.ui.feed import Feed, Reader, TimePassed, WorkProgressed
from vuemantics_tui.ui.uploads.columns import (
    BY_LABEL,
    DESCRIPTION,
    GAP,
    LEAD,
    NAME,
    RATING,
    TAGS,
    Column,
    Layout,
    TableColumns,
    fitting_signs,
    shown_words,
    signs_of,
    tags_of,
)
from vuemantics_tui.ui.uploads.results import Found
from vuemantics_tui.ui.uploads.upload_list import Change, UploadList
from vuemantics_tui.ui.widgets.cursor_list import CursorList
from vuemantics_tui.ui.widgets.one_line import fit, fit_name

LineStyle = Literal["name", "shows", "match", "mark", "sign", "dim", "done", "running", "rest", "warning", "error"]
Piece = tuple[str, LineStyle]

_GLYPH_STYLES: dict[str, LineStyle] = {"✓": "done", "◐": "running", "✗": "error", "!": "warning", "·": "dim"}
MARK = "▌"
BAR = 6
# Cells before a match, so that it is read as part of its sentence.
_BEFORE_MATCH = 12


def line_pieces(
    row: UploadRow, word: str, layout: Layout, now: datetime, *, marked: bool = False, found: Found | None = None
) -> list[Piece]:
    """Return the line of one upload: mark, sign of its state, columns, signs, score. `word` names its status.

    A status other than "completed" replaces the description; without that column, it replaces everything after the
    name.
    """
    found = found or Found()
    glyph = glyph_of(row)
    pieces: list[Piece] = [(MARK if marked else " ", "mark")]
    pieces.append(("  ", "dim") if glyph == "✓" else (f"{glyph} ", glyph_style(glyph)))
    signs = fitting_signs(signs_of(row, rating=not layout.shows(RATING)), layout.signs)
    cells = list(_cells_of(row, layout))
    reaches_end = not signs and cells[-1][0] in ("", DESCRIPTION)
    if reaches_end:
        # A reason or a description needs all the room that there is.
        label, start, width = cells[-1]
        cells[-1] = label, start, width + len(GAP) + layout.signs
    at = LEAD
    for label, start, width in cells:
        pieces.append((" " * (start - at), "dim"))
        pieces += _cell_pieces(row, word, label, width, layout, now, found)
        at = start + width
    if not reaches_end:
        blanks = " " * (layout.signs - cell_len(signs))
        pieces += [(GAP, "dim"), (signs + blanks, "sign" if layout.colourful else "shows")]
    if layout.score:
        score = "" if found.score is None else f"{found.score:.2f}"
        pieces.append((GAP + score.rjust(layout.score), "dim" if layout.colourful else "shows"))
    return _without_blank_ones([*pieces, (" ", "dim")])


def _cells_of(row: UploadRow, layout: Layout) -> Iterator[tuple[str, int, int]]:
    """Yield the label, start and width of each cell of a line; the status has an empty label."""
    if row.status is ProcessingStatus.COMPLETED:
        yield from ((each.column.label, each.start, each.width) for each in layout.placed)
        return
    if layout.shows(DESCRIPTION):
        for each in layout.placed:
            yield "" if each.column.label == DESCRIPTION else each.column.label, each.start, each.width
        return
    last = layout.placed[-1]
    for each in layout.placed:
        yield each.column.label, each.start, each.width
        if each.column.label == NAME:
            start = each.start + each.width + len(GAP)
            if start < last.start + last.width:
                yield "", start, last.start + last.width - start
            return


def _cell_pieces(
    row: UploadRow, word: str, label: str, width: int, layout: Layout, now: datetime, found: Found
) -> list[Piece]:
    if not label:
        return _status_pieces(row, word, width)
    if label == NAME:
        return lit(fit_name(visible(row.filename), width), found.matched, "dim" if glyph_of(row) == "·" else "name")
    if label == DESCRIPTION and found.sentence:
        return _sentence_pieces(found, width, None if layout.colourful else 1)
    column = BY_LABEL[label]
    text = column.cell(row, now, layout.is_wide)
    text = " " * (width - cell_len(text)) + text if column.right else text
    return [(fit(text, width), "shows" if label == DESCRIPTION and not row.guessed else "dim")]


def _sentence_pieces(found: Found, width: int, most: int | None) -> list[Piece]:
    """Return the sentence that a search found, from a few words before its first match if that is far behind.

    So many matches are highlighted at most.
    """
    text = shown_words(found.sentence)
    places = word_places(text, found.matched)
    if places and places[0][1] > width - 1:
        start = text.find(" ", max(0, places[0][0] - _BEFORE_MATCH), places[0][0])
        text = "…" + text[start + 1 if start >= 0 else places[0][0] :]
    return lit(fit(text, width), found.matched, "shows", most)


def _without_blank_ones(pieces: Iterable[Piece]) -> list[Piece]:
    """Join blank pieces to the piece after or before them: each piece costs some 40 bytes."""
    joined: list[Piece] = []
    before = ""
    for text, style in pieces:
        if not text:
            continue
        if text.isspace() and style != "match":
            before += text
        elif style == "match" and before:
            # A match is underlined, which blanks would show.
            joined.append((before, "dim"))
            joined.append((text, style))
            before = ""
        else:
            joined.append((before + text, style))
            before = ""
    if before and joined:
        text, style = joined.pop()
        joined += [(text, style), (before, "dim")] if style == "match" else [(text + before, style)]
    return joined


def glyph_style(glyph: str) -> LineStyle:
    """Return the style of a status sign."""
    return _GLYPH_STYLES[glyph]


def lit(text: str, words: Iterable[str], style: LineStyle, most: int | None = None) -> list[Piece]:
    """Return the text with these words, wherever they begin a word of it, or `most` times, in the style of a match."""
    pieces: list[Piece] = []
    end = 0
    for start, stop in word_places(text, words)[:most]:
        pieces += [(text[end:start], style), (text[start:stop], "match")]
        end = stop
    return [piece for piece in (*pieces, (text[end:], style)) if piece[0]]


def _status_pieces(row: UploadRow, word: str, width: int) -> list[Piece]:
    if row.status in RUNNING:
        bar = "━" * max(1, min(BAR, round(row.progress_percent * BAR / 100)))
        return [
            (bar, "running"),
            ("━" * (BAR - len(bar)) + " ", "rest"),
            (fit(word, width - BAR - 1), "running"),
        ]
    style: LineStyle = "error" if row.status is ProcessingStatus.FAILED else "dim"
    reason = visible(reason_of(row))
    room = width - cell_len(word) - len(GAP)
    if not reason or room < len(GAP):
        return [(fit(word, width), style)]
    return [(word, style), (GAP + fit(reason, room), "dim")]


# The table keeps this many cells for its scrollbar.
SCROLLBAR_CELLS = 1


@dataclass
class HeadingClicked(Message):
    """The mouse was pressed on the heading of a column that the list can be sorted by."""

    sort: SortKey


@dataclass
class TagClicked(Message):
    """The mouse was pressed on a tag."""

    tag: str


class TableHeading(Widget):
    """The names of the columns, over the table. A click sorts by one."""

    def __init__(self, uploads: UploadList, columns: TableColumns, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._uploads = uploads
        self._columns = columns
        self._hovered: str | None = None

    def on_mount(self) -> None:
        """Follow the list, whose scores have a column, and the choice of columns."""
        self._uploads.listeners.append(self._list_changed)
        self._columns.listeners.append(self.refresh)

    def _list_changed(self, change: Change) -> None:
        if change is Change.REPLACED:
            self.refresh()

    @property
    def _layout_of_line(self) -> Layout:
        total, window = self.size.width - SCROLLBAR_CELLS, self.app.size.width
        return self._columns.layout(total, window=window, scores=self._uploads.has_scores)

    def render(self) -> Content:
        """Return the names, with the direction behind the one that the list is sorted by."""
        layout = self._layout_of_line
        parts: list[tuple[str, str]] = []
        at = 0
        for each in layout.placed:
            column = each.column
            sign = ""
            if column.sort is not None and column.sort is self._uploads.sorted_by:
                sign = " ▼" if self._uploads.view.descending else " ▲"
            name = fit(column.heading, min(cell_len(column.heading), max(0, each.width - len(sign)))) + sign
            before = each.start - at + (each.width - cell_len(name) if column.right else 0)
            parts.append((" " * before, ""))
            hovered = column.label == self._hovered
            parts.append((name, "$foreground on $panel underline" if hovered else "$accent" if sign else ""))
            at += before + cell_len(name)
        if layout.score:
            parts.append(("Match".rjust(layout.total - 1 - at), ""))
        return Content.assemble(*parts)

    def _sortable_at(self, x: int) -> Column | None:
        placed = self._layout_of_line.at(x)
        return placed.column if placed is not None and placed.column.sort is not None else None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show that the heading under the mouse can be clicked."""
        column = self._sortable_at(event.x)
        self._hover(None if column is None else column.label)

    def on_leave(self) -> None:
        """Show none as being under the mouse."""
        self._hover(None)

    def _hover(self, label: str | None) -> None:
        if label != self._hovered:
            self._hovered = label
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Sort by the column under the mouse; again, and the order is reversed."""
        column = self._sortable_at(event.x)
        if column is not None and column.sort is not None:
            self.post_message(HeadingClicked(column.sort))


class RowOpened(Message):
    """The upload under the cursor was asked for in full."""


class UploadTable(CursorList[LineStyle]):
    """Draws an UploadList one upload a line, with its cursor."""

    STYLES = "upload-table"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"upload-table--{name}" for name in (*get_args(LineStyle), "cursor", "hover")
    }

    def __init__(
        self, uploads: UploadList, columns: TableColumns, clock: Callable[[], datetime], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._uploads = uploads
        self._columns = columns
        self._clock = clock
        # What each line of the screen showed when it was painted last.
        self._painted: dict[int, tuple[object, ...]] = {}
        # Where the cursor was when the list last changed: on which upload, on which line.
        self._cursor_was: tuple[int | None, int] = (None, 0)
        self._reader = Reader(self, self._load, rest=0.0)

    def on_mount(self) -> None:
        """Follow the list, and what moves by itself."""
        Feed.of(self).follow(self)
        self._uploads.listeners.append(self._list_changed)
        self._columns.listeners.append(self.refresh)
        self._list_changed(Change.REPLACED)

    @property
    def line_count(self) -> int:
        """Return how many lines there are."""
        return len(self._uploads)

    @property
    def cursor_line(self) -> int:
        """Return the line of the cursor, from 0."""
        return self._uploads.cursor_line

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a line, counted from 0."""
        self._uploads.move_to(index)

    # Following the list

    def _list_changed(self, change: Change) -> None:
        if change is Change.REPLACED:
            self._show_replaced()
        elif change is Change.SHIFTED:
            self._keep_in_sight()
        elif change is Change.CURSOR:
            self.reveal_cursor()
        self._cursor_was = (self._uploads.cursor_number, self.cursor_line)
        self.repaint_outdated()

    def _show_replaced(self) -> None:
        number, line = self._cursor_was
        same = number is not None and number == self._uploads.cursor_number
        on_screen = line - round(self.scroll_y) if same else self._height // 2
        self.virtual_size = Size(0, len(self._uploads))
        self.refresh()
        self.scroll_to(y=max(0, self.cursor_line - on_screen), animate=False, force=True)

    def _keep_in_sight(self) -> None:
        top, on_screen = round(self.scroll_y), self._cursor_was[1] - round(self.scroll_y)
        self.virtual_size = Size(0, len(self._uploads))
        # At the very top, new ones show above the cursor; further down, nothing moves under the eye.
        if top or self.cursor_line >= self._height:
            wanted = self.cursor_line - on_screen if top else self.cursor_line - self._height + 1
            self.scroll_to(y=max(0, wanted), animate=False)

    @on(WorkProgressed)
    @on(TimePassed)
    def repaint_outdated(self) -> None:
        """Repaint the lines that differ from what was painted, also by a frame or an age, which no change reports.

        Of a screen in which uploads are pinned and end ten times a second, most lines stay as they are.
        """
        top, now = round(self.scroll_y), self._clock()
        for y in range(self._height):
            if y in self._painted and self._painted[y] != self._look(top + y, now):
                self.refresh_line(top + y)
        self._load_later()

    def _look(self, index: int, now: datetime) -> tuple[object, ...]:
        if index >= len(self._uploads):
            return ()
        number = self._uploads[index]
        row = self._uploads.rows.get(number)
        moving = () if row is None else (self._uploads.word_of(row), age_words(row.created_at, now))
        return number, row, index == self.cursor_line, number in self._uploads.marks, moving

    # Reading

    def _wanted(self) -> list[int]:
        """Return what must be read: if lines on the screen are missing, these and a screen above and below."""
        rows = self._uploads.rows
        if not rows.wanting(self._uploads.numbers(self._visible())):
            return []
        return rows.wanting(self._uploads.numbers(self._visible(self._height)))

    def _load_later(self) -> None:
        self._fit_names()
        if self.is_mounted and not self._reader.is_reading and self._wanted():
            self._reader.want()

    async def _load(self) -> None:
        rows = self._uploads.rows
        while wanted := self._wanted():
            all_there = await rows.read(wanted)
            rows.keep_near(lambda: self._uploads.numbers(self._visible(2 * self._height)))
            self.repaint_outdated()
            if not all_there:
                return  # some were deleted a moment ago: the feed will say so

    def _fit_names(self) -> None:
        seen = (self._uploads.rows.get(number) for number in self._uploads.numbers(self._visible()))
        self._columns.fit_names(row.filename for row in seen if row is not None)

    # Painting

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        width = self.scrollable_content_region.width
        index, now = round(self.scroll_y) + y, self._clock()
        self._painted[y] = self._look(index, now)
        if index >= len(self._uploads):
            return Strip.blank(width, self.rich_style)
        row = self._uploads.rows.get(self._uploads[index])
        under_cursor = index == self.cursor_line
        blank = self._style("dim")
        if row is None:
            return Strip.blank(width, blank + self._cursor_style if under_cursor else blank)
        segments = []
        for text, name in self._pieces(row, self.line_layout(), now):
            style = self._style_on(index, name)
            if under_cursor and name == "name":
                style += Style(bold=True)
            segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, blank).simplify()

    def line_layout(self) -> Layout:
        """Return where everything stands on a line."""
        total, window = self.scrollable_content_region.width, self.app.size.width
        return self._columns.layout(total, window=window, scores=self._uploads.has_scores)

    def _pieces(self, row: UploadRow, layout: Layout, now: datetime) -> list[Piece]:
        uploads = self._uploads
        marked, found = row.number in uploads.marks, uploads.found(row.number)
        return line_pieces(row, uploads.word_of(row), layout, now, marked=marked, found=found)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Read what came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._load_later()

    def on_resize(self) -> None:
        """Read what a larger window shows in addition."""
        self._load_later()

    def on_show(self) -> None:
        """Find the cursor, which moved while the table was hidden."""
        self.reveal_cursor()

    def line_clicked(self, event: events.Click) -> None:
        """Search for the tag under the mouse; elsewhere a double click opens the upload."""
        row = self._uploads.cursor_row
        placed = self.line_layout().at(event.x)
        if row is None or placed is None or placed.column.label != TAGS:
            if event.chain == 2:
                self.post_message(RowOpened())
            return
        at = placed.start
        for tag in tags_of(row):
            at += cell_len(visible(tag))
            if event.x < at:
                self.post_message(TagClicked(tag))
                return
            at += len(", ")
