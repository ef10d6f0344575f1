"""One line of the picker's list, as pieces of text with the name of the style that each has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from rich.cells import cell_len

from vuemantics_tui.domain.text import size_words, visible
from vuemantics_tui.ui.fitting import fit, fit_name
from vuemantics_tui.ui.picker.counting import Tally
from vuemantics_tui.ui.picker.listing import Entry, Kind
from vuemantics_tui.ui.wording import age_words

LineStyle = Literal["name", "folder", "other", "dim", "mark", "warning"]
Piece = tuple[str, LineStyle]

GAP = "  "
MARK = "●"
LEAD = 3  # a blank, the mark, a blank
TYPE = 6
SIZE = 7
AGE = 9
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
        """The columns of a line that is `total` cells wide."""
        type_width = TYPE if total >= WIDE_FOR_TYPE else 0
        size = SIZE if total >= WIDE_FOR_SIZE else 0
        age = AGE if total >= WIDE_FOR_AGE else 0
        shown = [width for width in (type_width, size, age) if width]
        return cls(max(0, total - LEAD - 1 - sum(shown) - len(GAP) * len(shown)), type_width, size, age)

    def heading(self) -> str:
        """The names of the columns."""
        line = " " * LEAD + fit("Name", self.name)
        line += GAP + "Type".ljust(self.type) if self.type else ""
        line += GAP + "Size".rjust(self.size) if self.size else ""
        return line + (GAP + "Changed".rjust(self.age) if self.age else "")


def line_pieces(
    entry: Entry, columns: Columns, now: datetime, *, marked: bool, tally: Callable[[Entry], Tally | None]
) -> list[Piece]:
    """The line of one entry. The size of a folder is that of its pictures and videos, once they are counted."""
    pieces: list[Piece] = [(f" {MARK} ", "mark") if marked else (" " * LEAD, "dim"), *_name_pieces(entry, columns.name)]
    rest = GAP + fit(_type_cell(entry), columns.type) if columns.type else ""
    if columns.size:
        rest += GAP + _size_cell(entry, tally(entry)).rjust(columns.size)
    if columns.age:
        rest += GAP + age_cell(entry, now).rjust(columns.age)
    pieces.append((rest + " ", "dim"))
    return pieces


def age_cell(entry: Entry, now: datetime) -> str:
    """How long ago an entry was changed; nothing where that cannot be a date."""
    try:
        changed = datetime.fromtimestamp(entry.modified, UTC)
    except (OverflowError, OSError, ValueError):
        return ""
    return age_words(changed.isoformat(), now) if entry.modified > 0 else ""


def _name_pieces(entry: Entry, width: int) -> list[Piece]:
    name = visible(entry.name) + ("/" if entry.is_folder else "")
    style = _name_style(entry)
    used = cell_len(name)
    if entry.target is None:
        return [(fit_name(name, width), style)]
    arrow = " → "
    if used + len(arrow) + NARROWEST_TARGET > width:
        # The arrow alone says that it is a link.
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
