"""The columns of the table of uploads, shared by its heading and its lines."""

from __future__ import annotations

from dataclasses import dataclass

# Below this many columns of the window, size and age give way to name and status.
WIDE_ENOUGH = 100
GAP = "  "
LEAD = 3  # a blank, the glyph, a blank
SIZE = 7
AGE = 9
BAR = 6
NARROWEST_STATUS = BAR + 1 + len("frame 10 of 10")
STATUS_SHARE = 0.42
WIDE_STATUS_SHARE = 0.5
NARROWEST_NAME = 12


@dataclass(frozen=True, slots=True)
class Columns:
    """How many cells each column has; 0 means that it is not shown. `total` is the whole line."""

    name: int
    size: int
    status: int
    age: int
    total: int

    @classmethod
    def of(cls, total: int, *, wide: bool) -> Columns:
        """The columns of a line that is `total` cells wide."""
        gap = len(GAP)
        taken = LEAD + gap + 1 + (SIZE + gap + AGE + gap if wide else 0)
        rest = max(0, total - taken)
        status = min(
            max(NARROWEST_STATUS, int(rest * (WIDE_STATUS_SHARE if wide else STATUS_SHARE))),
            max(0, rest - NARROWEST_NAME),
        )
        return cls(rest - status, SIZE if wide else 0, status, AGE if wide else 0, total)
