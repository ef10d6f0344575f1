"""Results: what a search line or a likeness found, and how to look again."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from vuemantics_tui.domain.text import counted

if TYPE_CHECKING:
    from vuemantics_tui.library import SearchHit, SearchResults

Search: TypeAlias = "Callable[[], Awaitable[Sequence[SearchHit]]]"
"""Searches, again each time that it is called."""


@dataclass(frozen=True, slots=True)
class Why:
    """What a search line found of an upload, the sentence of it that is nearest, if any, and the line."""

    hit: SearchHit
    sentence: str
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a line shows of why it was found: the score, the words that matched, the sentence that has them, if any."""

    score: float | None = None
    matched: tuple[str, ...] = ()
    sentence: str = ""


class Results:
    """The hits of a search with their scores. `of_line` is what a search line found, None for a likeness."""

    def __init__(self, hits: Sequence[SearchHit], again: Search, *, text: str = "", similar_to: str = "") -> None:
        self.hits = hits
        self.again = again
        self.of_line = _of_line(hits)
        # The search line; empty for a likeness.
        self.text = text
        self.similar_to = similar_to
        self._found: dict[int, Found] = {}
        self._by_number = {hit.upload.number: hit for hit in hits}

    @property
    def numbers(self) -> array[int]:
        """The numbers of the uploads that were found, in order."""
        if self.of_line is not None and not self.has_scores:
            # What filters alone leave may be the whole library.
            return array("q", self.of_line.numbers)
        return array("q", (hit.upload.number for hit in self.hits))

    @property
    def has_scores(self) -> bool:
        """Whether the uploads have scores: filters alone give none."""
        return self.of_line is None or bool(self.of_line.query.operands)

    @property
    def is_by_date(self) -> bool:
        """Whether they are listed in the order in which they were taken."""
        if self.of_line is None:
            return False
        sort = self.of_line.query.sort
        return not self.has_scores if sort in (None, "score") else sort in ("newest", "oldest")

    @property
    def has_more_below(self) -> bool:
        """Whether more was found than is listed: what lies below the cut-off."""
        of_line = self.of_line
        return of_line is not None and of_line.below > 0 and len(of_line) <= of_line.kept

    def found(self, number: int) -> Found:
        """Return what a line of the table shows of why an upload was found."""
        hit = self._by_number.get(number) if self.has_scores else None
        if hit is None:
            return Found()
        if number not in self._found:
            self._found[number] = Found(hit.score, hit.matched, hit.sentence)
        return self._found[number]

    def hit(self, number: int) -> SearchHit | None:
        """Return what a search line found of an upload; None for a likeness."""
        return self._by_number.get(number) if self.of_line is not None else None

    def look_like(self, hits: Sequence[SearchHit]) -> bool:
        """Tell whether these hits would look the same in the list."""
        if self.of_line is not None and (now := _of_line(hits)) is not None:
            if (now.total, now.below, now.note) != (self.of_line.total, self.of_line.below, self.of_line.note):
                return False
            if list(now.numbers) != list(self.of_line.numbers):
                return False
        return [_looks(hit) for hit in hits] == [_looks(hit) for hit in self.hits]

    def words(self, below_key: str = "") -> str:
        """Return what was found in words; `below_key` shows what is below the cut-off."""
        if self.of_line is None:
            found = counted(len(self.hits), "upload") if self.hits else "No uploads"
            return f"{found} similar to {self.similar_to}"
        if self.has_more_below:
            key = f" ({below_key} shows them)" if below_key else ""
            return f"{_results(self.of_line.total)}, {self.of_line.below:,} more below the cut-off{key}"
        count = len(self.hits) if len(self.hits) > self.of_line.kept else self.of_line.total
        asked = " ".join(self.of_line.query.words) or str(self.of_line.query)
        return f"{_results(count)} for {asked}"


def _results(count: int) -> str:
    return counted(count, "result") if count else "No results"


def _looks(hit: SearchHit) -> tuple[int, float, tuple[str, ...]]:
    return hit.upload.number, hit.score, hit.matched


def _of_line(hits: Sequence[SearchHit]) -> SearchResults | None:
    """Return the hits if a search line found them. What searches is loaded by then."""
    from vuemantics_tui.library import SearchResults

    return hits if isinstance(hits, SearchResults) else None
