"""UploadTable: any number of uploads, one a line with its columns; only the lines on the screen are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, get_args

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import on, work
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from vuemantics_tui.domain.text import size_words, visible, word_places
from vuemantics_tui.domain.upload import RUNNING, ProcessingStatus, UploadRow, stack_sign
from vuemantics_tui.ui.feed import Feed, TimePassed, WorkProgressed
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.phrases import age_words, glyph_of, reason_of
from vuemantics_tui.ui.uploads.upload_list import Change, UploadList
from vuemantics_tui.ui.widgets.cursor_list import CursorList
from vuemantics_tui.ui.widgets.one_line import fit, fit_name

LineStyle = Literal["name", "match", "mark", "dim", "done", "running", "rest", "warning", "error"]
Piece = tuple[str, LineStyle]

_GLYPH_STYLES: dict[str, LineStyle] = {"✓": "done", "◐": "running", "✗": "error", "!": "warning", "·": "dim"}
MARK = "▌"

# Below this many columns of the window, size and age give way to name and status; so they do in a table that the pane
# leaves less than the second of these.
WIDE_ENOUGH = 100
WIDE_ENOUGH_TABLE = 70
GAP = "  "
LEAD = 3  # a blank, the glyph, a blank
SIZE = 7
AGE = 9
SCORE = 6
BAR = 6
NARROWEST_STATUS = BAR + 1 + len("frame 10 of 10")
STATUS_SHARE = 0.42
WIDE_STATUS_SHARE = 0.5
NARROWEST_NAME = 12


@dataclass(frozen=True, slots=True)
class Columns:
    """How many cells each column has; 0 means that it is not shown. `total` is the whole line.

    The scores of a search stand where else the age does, and stay in a narrow window.
    """

    name: int
    size: int
    status: int
    age: int
    total: int

    @classmethod
    def of(cls, total: int, *, window: int, scores: bool = False) -> Columns:
        """Return the columns of a line of `total` cells in a window of `window` cells."""
        gap = len(GAP)
        wide = window >= WIDE_ENOUGH and total >= WIDE_ENOUGH_TABLE
        last = SCORE if scores else AGE if wide else 0
        taken = LEAD + gap + 1 + (SIZE + gap if wide else 0) + (last + gap if last else 0)
        rest = max(0, total - taken)
        status = min(
            max(NARROWEST_STATUS, int(rest * (WIDE_STATUS_SHARE if wide else STATUS_SHARE))),
            max(0, rest - NARROWEST_NAME),
        )
        return cls(rest - status, SIZE if wide else 0, status, last, total)


def line_pieces(
    row: UploadRow,
    word: str,
    columns: Columns,
    now: datetime,
    *,
    marked: bool = False,
    score: float | None = None,
    matched: Sequence[str] = (),
) -> list[Piece]:
    """Return the line of one upload: mark, glyph, name, size, status, age or score. `word` names its status."""
    glyph = glyph_of(row)
    sign = stack_sign(row)
    sign_cells = cell_len(sign) + 1 if sign else 0
    name = fit_name(visible(row.filename), max(1, columns.name - sign_cells))
    pieces: list[Piece] = [(MARK if marked else " ", "mark"), (f"{glyph} ", glyph_style(glyph))]
    named = lit(name, matched, "dim" if glyph == "·" else "name")
    pieces += with_sign(named, sign, columns.name) if sign else named
    size = GAP + size_words(row.file_size).rjust(columns.size) if columns.size else ""
    pieces.append((size + GAP, "dim"))
    pieces.extend(_status_pieces(row, word, columns.status))
    last = age_words(row.created_at, now) if score is None else f"{score:.2f}"
    pieces.append(((GAP + last.rjust(columns.age) if columns.age else "") + " ", "dim"))
    return _without_blank_ones(pieces)


def with_sign(name: Sequence[Piece], sign: str, width: int) -> list[Piece]:
    """Return the pieces of a name with a sign right behind it, together so many cells wide."""
    *before, (text, style) = name
    text = text.rstrip()
    used = sum(cell_len(piece) for piece, _ in before) + cell_len(text)
    return [*before, (text, style), (" " + set_cell_size(sign, max(0, width - used - 1)), "mark")]


def _without_blank_ones(pieces: Iterable[Piece]) -> list[Piece]:
    """Join blank pieces to the piece after or before them: each piece costs some 40 bytes."""
    joined: list[Piece] = []
    before = ""
    for text, style in pieces:
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


def lit(text: str, words: Iterable[str], style: LineStyle) -> list[Piece]:
    """Return the text with these words, wherever they begin a word of it, in the style of a match."""
    pieces: list[Piece] = []
    end = 0
    for start, stop in word_places(text, words):
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
    if row.status is ProcessingStatus.COMPLETED and not reason:
        # The normal case: its sign says it, and a word on each line would hide the others.
        return [(" " * width, "dim")]
    room = width - cell_len(word) - len(GAP)
    if not reason or room < len(GAP):
        return [(fit(word, width), style)]
    return [(word, style), (GAP + fit(reason, room), "dim")]


# The table keeps this many cells for its scrollbar.
SCROLLBAR_CELLS = 1
# After rows that could not be read.
RETRY_SECONDS = 1.0


class TableHeading(Widget):
    """The names of the columns, over the table."""

    def __init__(self, uploads: UploadList, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._uploads = uploads

    def on_mount(self) -> None:
        """Follow the list: its scores have a column."""
        self._uploads.listeners.append(self._list_changed)

    def _list_changed(self, change: Change) -> None:
        if change is Change.REPLACED:
            self.refresh()

    def render(self) -> Content:
        """Return the names."""
        scores = self._uploads.has_scores
        columns = Columns.of(self.size.width - SCROLLBAR_CELLS, window=self.app.size.width, scores=scores)
        line = " " * LEAD + "Name".ljust(columns.name)
        line += GAP + "Size".rjust(columns.size) if columns.size else ""
        line += GAP + "Status".ljust(columns.status)
        line += GAP + ("Score" if scores else "Added").rjust(columns.age) if columns.age else ""
        return Content(line)


class UploadTable(CursorList[LineStyle]):
    """Draws an UploadList one upload a line, with its cursor."""

    STYLES = "upload-table"
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"upload-table--{name}" for name in (*get_args(LineStyle), "cursor")}

    def __init__(self, uploads: UploadList, clock: Callable[[], datetime], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._uploads = uploads
        self._clock = clock
        # What each line of the screen showed when it was painted last.
        self._painted: dict[int, tuple[object, ...]] = {}
        # Where the cursor was when the list last changed: on which upload, on which line.
        self._cursor_was: tuple[int | None, int] = (None, 0)
        self._loading = False

    def on_mount(self) -> None:
        """Follow the list, and what moves by itself."""
        Feed.of(self).follow(self)
        self._uploads.listeners.append(self._list_changed)
        self._list_changed(Change.REPLACED)

    @property
    def line_count(self) -> int:
        """How many lines there are."""
        return len(self._uploads)

    @property
    def cursor_line(self) -> int:
        """The line of the cursor, from 0."""
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
        """What must be read: lines on the screen first; when some are missing, a screen above and below with them."""
        rows = self._uploads.rows
        if not rows.wanting(self._uploads.numbers(self._visible())):
            return []
        return rows.wanting(self._uploads.numbers(self._visible(self._height)))

    def _load_later(self) -> None:
        if not self._loading and self.is_mounted and self._wanted():
            self._loading = True
            self._load_wanted()

    @work(group="rows", exit_on_error=False)
    async def _load_wanted(self) -> None:
        try:
            with Notices.of(self).errors_told():
                await self._load()
                return
            self.set_timer(RETRY_SECONDS, self._load_later)
        finally:
            self._loading = False

    async def _load(self) -> None:
        rows = self._uploads.rows
        while wanted := self._wanted():
            all_there = await rows.read(wanted)
            rows.keep_near(lambda: self._uploads.numbers(self._visible(2 * self._height)))
            self.repaint_outdated()
            if not all_there:
                return  # some were deleted a moment ago: the feed will say so

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
        for text, name in self._pieces(row, width, now):
            style = self._style(name)
            if under_cursor:
                style += self._cursor_style
                if name == "name":
                    style += Style(bold=True)
            segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, blank).simplify()

    def _pieces(self, row: UploadRow, width: int, now: datetime) -> list[tuple[str, LineStyle]]:
        results = self._uploads.results
        return line_pieces(
            row,
            self._uploads.word_of(row),
            Columns.of(width, window=self.app.size.width, scores=self._uploads.has_scores),
            now,
            marked=row.number in self._uploads.marks,
            score=results.score(row.number) if results is not None else None,
            matched=results.matched(row.number) if results is not None else (),
        )

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
