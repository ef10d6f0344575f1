"""The description of a picture or video, and the audit that checks whether it reads like one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby

PASSING_SCORE = 60
CONTROL_TOKENS = ("<|", "|>")
MIN_CHARACTERS = 50
MAX_CHARACTERS = 5000
MIN_UNIQUE_SHARE = 0.20
MAX_RUN_OF_ONE_WORD = 3
MAX_SYMBOL_SHARE = 0.30

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Description:
    """An analyzer's description of one upload.

    `text` is prose, `read_text` the text visible in the picture, `tags` short, lower case and best first.
    `labels` maps the analyzer's own classes to probabilities in 0..1, for embedders that can use them. `guessed` says
    that it is made of guesses at classes, not written by a language model: how well it reads says nothing then.
    """

    text: str
    analyzer: str
    model: str
    tags: tuple[str, ...] = ()
    read_text: str = ""
    labels: Mapping[str, float] = field(default_factory=dict)
    guessed: bool = False

    @property
    def full_text(self) -> str:
        """Return the text to embed: prose and text in the picture. The audit looks at `text` only."""
        return full_text(self.text, self.read_text)


@dataclass(frozen=True, slots=True)
class Told:
    """The text and the tags of a description."""

    text: str
    tags: tuple[str, ...]


def full_text(text: str, read_text: str) -> str:
    """Join the prose and the text in the picture into one text to embed."""
    if not read_text:
        return text
    return f"{text} Text in the picture: {' '.join(read_text.split())}"


@dataclass(frozen=True, slots=True)
class AuditResult:
    """A score from 0 to 100, and the findings in words."""

    score: int
    findings: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the text is good enough to keep without a second attempt."""
        return self.score >= PASSING_SCORE


def _is_mark(character: str) -> bool:
    """Whether it is part of a letter, as the vowels of Thai and Hindi are."""
    return unicodedata.category(character)[0] == "M"


def audit_description(text: str) -> AuditResult:
    """Score a description with the rules and penalties of the vuemantics web app.

    Starts at 100 and subtracts: 50 for each kind of control token, 30 under 50 characters, 20 over 5000, 40 under
    20 % unique words, 35 for one word four times in a row, 25 over 30 % characters that are neither letter nor space.
    """
    stripped = text.strip()
    if not stripped:
        return AuditResult(0, ("the description is empty",))
    penalties = [(50, f"contains the control token {token!r}") for token in CONTROL_TOKENS if token in stripped]
    if len(stripped) < MIN_CHARACTERS:
        penalties.append((30, f"shorter than {MIN_CHARACTERS} characters"))
    if len(stripped) > MAX_CHARACTERS:
        penalties.append((20, f"longer than {MAX_CHARACTERS} characters"))
    words = [word.lower() for word in _WORD.findall(stripped)]
    if len(set(words)) / len(words) < MIN_UNIQUE_SHARE:
        penalties.append((40, f"fewer than {MIN_UNIQUE_SHARE:.0%} distinct words"))
    if any(len(list(run)) > MAX_RUN_OF_ONE_WORD for _, run in groupby(words)):
        penalties.append((35, "repeats a word four times in a row"))
    symbols = sum(not (character.isalpha() or character.isspace() or _is_mark(character)) for character in stripped)
    if symbols / len(stripped) > MAX_SYMBOL_SHARE:
        penalties.append((25, f"more than {MAX_SYMBOL_SHARE:.0%} symbols and digits"))
    score = max(0, 100 - sum(points for points, _ in penalties))
    return AuditResult(score, tuple(finding for _, finding in penalties))
