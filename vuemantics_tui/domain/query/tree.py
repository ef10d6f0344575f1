"""The parsed query."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from vuemantics_tui.domain.query.filters import Filter
from vuemantics_tui.domain.query.line import content_words
from vuemantics_tui.domain.text import split_words


class Sort(StrEnum):
    """The order of the results."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"
    SMALLEST = "smallest"
    NAME = "name"
    QUALITY = "quality"
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class Term:
    """A word as typed, or a quoted phrase without its quotes and with single spaces."""

    text: str
    quoted: bool = False

    def __str__(self) -> str:
        return f'"{self.text}"' if self.quoted else self.text


@dataclass(frozen=True, slots=True)
class Text:
    """Words and phrases that belong together."""

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return " ".join(str(term) for term in self.terms)

    @property
    def plain(self) -> str:
        """Return the text to embed."""
        return unicodedata.normalize("NFKC", " ".join(term.text for term in self.terms)).strip()


@dataclass(frozen=True, slots=True)
class Like:
    """An example to search by: an upload (the start of its ID, lower case) or a file on disk (its path)."""

    reference: str
    is_path: bool

    def __str__(self) -> str:
        blank = any(character.isspace() for character in self.reference)
        return f'like:"{self.reference}"' if blank else f"like:{self.reference}"


@dataclass(frozen=True, slots=True)
class Operand:
    """One term of the sum: a meaning and its weight, which is negative if subtracted and never 0."""

    meaning: Text | Like
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """A query. `str` returns its canonical text, which parses to the same query."""

    operands: tuple[Operand, ...] = ()
    excluded: tuple[Term, ...] = ()
    filters: tuple[Filter, ...] = ()
    sort: Sort | None = None

    def __str__(self) -> str:
        parts: list[str] = []
        for operand in self.operands:
            if operand.weight < 0 or parts:
                parts.append("-" if operand.weight < 0 else "+")
            size = abs(operand.weight)
            parts.append(f"{'' if size == 1 else f'{size:g}:'}{operand.meaning}")
        parts.extend(f"-{term}" for term in self.excluded)
        parts.extend(str(one) for one in self.filters)
        if self.sort is not None:
            parts.append(f"sort:{self.sort.value}")
        return " ".join(parts)

    @property
    def text(self) -> str:
        """Return the wanted text, without what is subtracted or excluded: for display, and to embed plain queries."""
        return " ".join(meaning.plain for meaning in self._wanted)

    @property
    def words(self) -> tuple[str, ...]:
        """Return the distinct wanted words, lower case, without stop words."""
        return content_words(meaning.plain for meaning in self._wanted)

    @property
    def phrases(self) -> tuple[tuple[str, ...], ...]:
        """Return the words of each required phrase: none in arithmetic, where quotes only group words."""
        if not self.is_plain:
            return ()
        found = (split_words(term.text) for meaning in self._wanted for term in meaning.terms if term.quoted)
        return tuple(words for words in found if words)

    @property
    def excluded_phrases(self) -> tuple[tuple[str, ...], ...]:
        """Return the words of each excluded word or phrase."""
        return tuple(words for words in (split_words(term.text) for term in self.excluded) if words)

    @property
    def is_plain(self) -> bool:
        """Whether it is one text, searched by keyword and by meaning; else it is arithmetic or only filters."""
        return len(self.operands) == 1 and isinstance(self.operands[0].meaning, Text) and self.operands[0].weight > 0

    @property
    def pictures(self) -> tuple[str, ...]:
        """Return the paths of files on disk, as typed."""
        meanings = (operand.meaning for operand in self.operands)
        return tuple(meaning.reference for meaning in meanings if isinstance(meaning, Like) and meaning.is_path)

    @property
    def _wanted(self) -> list[Text]:
        meanings = (operand.meaning for operand in self.operands if operand.weight > 0)
        return [meaning for meaning in meanings if isinstance(meaning, Text)]
