"""What an examination of the program and its surroundings finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """Whether something is as it should be; neutral is neither."""

    GOOD = "good"
    BAD = "bad"
    NEUTRAL = "neutral"


GLYPHS = {Verdict.GOOD: "✓", Verdict.BAD: "✗", Verdict.NEUTRAL: "·"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of an examination.

    `hint` says what to do; `lines` are to be added to a file as they are, as tmux settings; `data` holds the same facts
    as numbers and lists, for JSON.
    """

    verdict: Verdict
    subject: str
    text: str
    hint: str = ""
    lines: tuple[str, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def glyph(self) -> str:
        """The sign of the verdict."""
        return GLYPHS[self.verdict]
