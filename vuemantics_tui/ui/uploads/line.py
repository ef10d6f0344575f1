"""One line of the table of uploads, as pieces of text with the name of the style that each has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from rich.cells import cell_len

from vuemantics_tui.domain.text import size_words, visible, word_places
from vuemantics_tui.domain.upload import RUNNING, ProcessingStatus, UploadRow
from vuemantics_tui.ui.fitting import fit, fit_name
from vuemantics_tui.ui.uploads.columns import BAR, GAP, Columns
from vuemantics_tui.ui.wording import age_words, glyph_of, reason_of

LineStyle = Literal["name", "match", "mark", "dim", "done", "running", "rest", "warning", "error"]
Piece = tuple[str, LineStyle]

_GLYPH_STYLES: dict[str, LineStyle] = {"✓": "done", "◐": "running", "✗": "error", "!": "warning", "·": "dim"}
MARK = "▌"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found of each upload, by number: its score, and the words of the query that it holds."""

    scores: Mapping[int, float] = field(default_factory=dict)
    matched: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def line_pieces(
    row: UploadRow, word: str, columns: Columns, now: datetime, *, marked: bool = False, found: Found | None = None
) -> list[Piece]:
    """The line of one upload: mark, glyph, name, size, status, age or score. `word` is what its status is called."""
    found = found or Found()
    glyph = glyph_of(row)
    name = fit_name(visible(row.filename), columns.name)
    pieces: list[Piece] = [(MARK if marked else " ", "mark"), (f"{glyph} ", glyph_style(glyph))]
    pieces += lit(name, found.matched.get(row.number, ()), "dim" if glyph == "·" else "name")
    size = GAP + size_words(row.file_size).rjust(columns.size) if columns.size else ""
    pieces.append((size + GAP, "dim"))
    pieces.extend(_status_pieces(row, word, columns.status))
    score = found.scores.get(row.number)
    last = age_words(row.created_at, now) if score is None else f"{score:.2f}"
    pieces.append(((GAP + last.rjust(columns.age) if columns.age else "") + " ", "dim"))
    return _without_blank_ones(pieces)


def _without_blank_ones(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces with blank ones joined to what follows, or to what stands before: each piece costs some 40 bytes."""
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
    """The style of a sign of a state."""
    return _GLYPH_STYLES[glyph]


def lit(text: str, words: Iterable[str], style: LineStyle) -> list[Piece]:
    """The text with these words, wherever they begin a word of it, in the style of a match."""
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
    room = width - cell_len(word) - len(GAP)
    if not reason or room < len(GAP):
        return [(fit(word, width), style)]
    return [(word, style), (GAP + fit(reason, room), "dim")]
