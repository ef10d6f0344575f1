"""One line of the table of uploads: its columns, and its pieces of text with the name of the style that each has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rich.cells import cell_len

from vuemantics_tui.domain.text import size_words, visible, word_places
from vuemantics_tui.domain.upload import RUNNING, ProcessingStatus, UploadRow
from vuemantics_tui.ui.phrases import age_words, glyph_of, reason_of
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
    name = fit_name(visible(row.filename), columns.name)
    pieces: list[Piece] = [(MARK if marked else " ", "mark"), (f"{glyph} ", glyph_style(glyph))]
    pieces += lit(name, matched, "dim" if glyph == "·" else "name")
    size = GAP + size_words(row.file_size).rjust(columns.size) if columns.size else ""
    pieces.append((size + GAP, "dim"))
    pieces.extend(_status_pieces(row, word, columns.status))
    last = age_words(row.created_at, now) if score is None else f"{score:.2f}"
    pieces.append(((GAP + last.rjust(columns.age) if columns.age else "") + " ", "dim"))
    return _without_blank_ones(pieces)


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
