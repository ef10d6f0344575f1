"""The columns of the table of uploads, shared by its heading and its lines."""

from __future__ import annotations

from dataclasses import dataclass

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
        """The columns of a line that is `total` cells wide, in a window of `window` cells."""
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
