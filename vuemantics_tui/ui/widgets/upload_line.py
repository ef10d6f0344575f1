"""One line of the table of uploads, as pieces of text with the name of the style that each has."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from rich.cells import cell_len

from vuemantics_tui.domain.text import size_words, visible
from vuemantics_tui.domain.upload import RUNNING, ProcessingStatus, UploadRow
from vuemantics_tui.ui.fitting import fit, fit_name
from vuemantics_tui.ui.widgets.columns import BAR, GAP, Columns
from vuemantics_tui.ui.wording import age_words, glyph_of, reason_of

LineStyle = Literal["name", "dim", "done", "running", "rest", "warning", "error"]
Piece = tuple[str, LineStyle]

_GLYPH_STYLES: dict[str, LineStyle] = {"✓": "done", "◐": "running", "✗": "error", "!": "warning", "·": "dim"}


def line_pieces(row: UploadRow, word: str, columns: Columns, now: datetime) -> list[Piece]:
    """The line of one upload: glyph, name, size, status, age. `word` is what its status is called."""
    glyph = glyph_of(row)
    pieces: list[Piece] = [
        (f" {glyph} ", _GLYPH_STYLES[glyph]),
        (fit_name(visible(row.filename), columns.name), "dim" if glyph == "·" else "name"),
    ]
    size = GAP + size_words(row.file_size).rjust(columns.size) if columns.size else ""
    pieces.append((size + GAP, "dim"))
    pieces.extend(_status_pieces(row, word, columns.status))
    age = GAP + age_words(row.created_at, now).rjust(columns.age) if columns.age else ""
    pieces.append((age + " ", "dim"))
    return pieces


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
