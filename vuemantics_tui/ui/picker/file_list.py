"""FileList: the entries of a folder, one a line; only those on the screen are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Literal, get_args

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from vuemantics_tui.domain.text import age_words, size_words, visible
from vuemantics_tui.ui.picker.folder import Entry, Kind
from vuemantics_tui.ui.picker.marks import Marks, Tallies, Tally
from vuemantics_tui.ui.widgets.cursor_list import LAST_BY_LETTER, CursorList
from vuemantics_tui.ui.widgets.one_line import fit, fit_name


@dataclass
class EntryHighlighted(Message):
    """Another entry is under the cursor, or none; `moved` if the cursor came to it, not it to the cursor."""

    entry: Entry | None
    moved: bool


@dataclass
class EntryOpened(Message):
    """Someone clicked an entry twice."""


@dataclass
class MarkClicked(Message):
    """Someone clicked where the mark of the entry under the cursor stands."""


LineStyle = Literal["name", "folder", "other", "dim", "mark", "warning"]
Piece = tuple[str, LineStyle]

GAP = "  "
MARK = "●"
LEAD = 3  # a blank, the mark, a blank
TYPE = 6
SIZE = 7
AGE = 11
# The narrowest lines that have room for the size, the age, the type beside the name.
WIDE_FOR_SIZE, WIDE_FOR_AGE, WIDE_FOR_TYPE = 30, 44, 56
NARROWEST_TARGET = 8


@dataclass(frozen=True, slots=True)
class Columns:
    """How many cells each column has; 0 means that it is not shown."""

    name: int
    type: int
    size: int
    age: int

    @classmethod
    def of(cls, total: int) -> Columns:
        """Return the columns of a line that is `total` cells wide."""
        type_width = TYPE if total >= WIDE_FOR_TYPE else 0
        size = SIZE if total >= WIDE_FOR_SIZE else 0
        age = AGE if total >= WIDE_FOR_AGE else 0
        shown = [width for width in (type_width, size, age) if width]
        return cls(max(0, total - LEAD - 1 - sum(shown) - len(GAP) * len(shown)), type_width, size, age)

    def heading(self) -> str:
        """Return the names of the columns."""
        line = " " * LEAD + fit("Name", self.name)
        line += GAP + "Type".ljust(self.type) if self.type else ""
        line += GAP + "Size".rjust(self.size) if self.size else ""
        return line + (GAP + "Changed".rjust(self.age) if self.age else "")


def line_pieces(
    entry: Entry, columns: Columns, now: datetime, *, marked: bool, tally: Callable[[Entry], Tally | None]
) -> list[Piece]:
    """Return the line of one entry. The size of a folder is that of its pictures and videos, once they are counted."""
    pieces: list[Piece] = [(f" {MARK} ", "mark") if marked else (" " * LEAD, "dim"), *_name_pieces(entry, columns.name)]
    rest = GAP + fit(_type_cell(entry), columns.type) if columns.type else ""
    if columns.size:
        rest += GAP + _size_cell(entry, tally(entry)).rjust(columns.size)
    if columns.age:
        rest += GAP + age_cell(entry, now).rjust(columns.age)
    pieces.append((rest + " ", "dim"))
    return pieces


def age_cell(entry: Entry, now: datetime) -> str:
    """Return when an entry was changed, under a day as an age; nothing where that cannot be a date."""
    try:
        changed = datetime.fromtimestamp(entry.modified, UTC)
    except (OverflowError, OSError, ValueError):
        return ""
    return age_words(changed.isoformat(), now, day_only=True) if entry.modified > 0 else ""


def _name_pieces(entry: Entry, width: int) -> list[Piece]:
    name = visible(entry.name) + ("/" if entry.is_folder else "")
    style = _name_style(entry)
    used = cell_len(name)
    if entry.target is None:
        return [(fit_name(name, width), style)]
    arrow = " → "
    if used + len(arrow) + NARROWEST_TARGET > width:
        # The arrow shows that it is a link.
        return [(fit_name(name, width - 2), style), (" →"[: max(0, width)], "dim")]
    return [(name, style), (arrow + fit(visible(entry.target), width - used - len(arrow)), "dim")]


def _name_style(entry: Entry) -> LineStyle:
    if entry.is_folder:
        return "folder"
    if entry.kind is Kind.BROKEN:
        return "warning"
    return "name" if entry.is_media else "other"


def _type_cell(entry: Entry) -> str:
    return "broken" if entry.kind is Kind.BROKEN else entry.type_words


def _size_cell(entry: Entry, tally: Tally | None) -> str:
    if entry.is_folder:
        return size_words(tally.size) if tally is not None and tally.done else ""
    return "" if entry.kind is Kind.BROKEN else size_words(entry.size)


class FileHeading(Widget):
    """The names of the columns, above the list."""

    # The list keeps this many cells for its scrollbar.
    SCROLLBAR = 1

    def render(self) -> Content:
        """Return the names."""
        return Content(Columns.of(self.size.width - self.SCROLLBAR).heading())


class FileList(CursorList[LineStyle]):
    """The entries of a folder in the order given. Posts EntryHighlighted, EntryOpened and MarkClicked."""

    BINDINGS: ClassVar[list[BindingType]] = [LAST_BY_LETTER]
    STYLES = "file-list"
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"file-list--{name}" for name in (*get_args(LineStyle), "cursor", "hover")}

    def __init__(self, marks: Marks, tallies: Tallies, clock: Callable[[], datetime], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marks = marks
        self._tallies = tallies
        self._clock = clock
        self._entries: Sequence[Entry] = ()

    def show(self, entries: Sequence[Entry], cursor_on: Path | None = None) -> None:
        """Show these entries, with the cursor on the given one if it is among them, else on the first."""
        self._entries = entries
        self._cursor = 0 if cursor_on is None else self._index_of(cursor_on, otherwise=0)
        self.virtual_size = Size(0, len(entries))
        self.scroll_to(y=max(0, self._cursor - self._height // 2), animate=False)
        self.refresh()
        self.post_message(EntryHighlighted(self.cursor_entry, moved=False))

    @property
    def line_count(self) -> int:
        """Return how many entries it shows."""
        return len(self._entries)

    @property
    def entries(self) -> Sequence[Entry]:
        """Return the entries shown."""
        return self._entries

    @property
    def cursor_entry(self) -> Entry | None:
        """Return the entry under the cursor."""
        return self._entries[self._cursor] if self._entries else None

    def since(self, anchor: Path) -> Sequence[Entry]:
        """Return the entries from this one to the cursor, both included; without it, the one under the cursor."""
        start = self._index_of(anchor, otherwise=self._cursor)
        return self._entries[min(start, self._cursor) : max(start, self._cursor) + 1]

    def _index_of(self, path: Path, *, otherwise: int) -> int:
        folder, name = path.parent, path.name
        found = (at for at, each in enumerate(self._entries) if each.name == name and each.folder == folder)
        return next(found, otherwise)

    # Painting

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        width = self.scrollable_content_region.width
        index = round(self.scroll_y) + y
        if index >= len(self._entries):
            return Strip.blank(width, self.rich_style)
        entry = self._entries[index]
        segments = []
        for text, name in line_pieces(
            entry,
            Columns.of(width),
            self._clock(),
            marked=entry.path in self._marks,
            tally=lambda each: self._tallies[each.path],
        ):
            style = self._style_on(index, name)
            if index == self._cursor and name in ("name", "folder", "other"):
                style += Style(bold=True)
            segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, self._style("dim")).simplify()

    def cursor_moved(self, old: int) -> None:
        """Stretch the range of marks, and tell."""
        if self._marks.anchor is not None:
            self._marks.stretch(self.since(self._marks.anchor))
            if abs(old - self._cursor) > 1:
                self.refresh()
        self.post_message(EntryHighlighted(self.cursor_entry, moved=True))

    def line_clicked(self, event: events.Click) -> None:
        """Toggle the mark on a click there; open on a double click."""
        if event.x < LEAD:
            self.post_message(MarkClicked())
        elif event.chain == 2:
            self.post_message(EntryOpened())
