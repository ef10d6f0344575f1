"""What the doctor finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """Good, bad, or neither."""

    GOOD = "good"
    BAD = "bad"
    NEUTRAL = "neutral"


GLYPHS = {Verdict.GOOD: "✓", Verdict.BAD: "✗", Verdict.NEUTRAL: "·"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    `hint` says what to do, `lines` can be copied into a file as they are (tmux settings), and `data` holds the same
    facts as numbers and lists, for JSON.
    """

    verdict: Verdict
    subject: str
    text: str
    hint: str = ""
    lines: tuple[str, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_problem(self) -> bool:
        """Whether something is wrong."""
        return self.verdict is Verdict.BAD

    @property
    def glyph(self) -> str:
        """Return the sign of the verdict."""
        return GLYPHS[self.verdict]
