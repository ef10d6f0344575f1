"""Results: what a search line found, and how to look again."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from vuemantics_tui.domain.text import counted, visible

if TYPE_CHECKING:
    from vuemantics_tui.library import SearchHit, SearchResults

FEW_RESULTS = 5

Search: TypeAlias = "Callable[[], Awaitable[SearchResults]]"
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
    """The hits of a search line with their scores; `text` is the line."""

    def __init__(self, hits: SearchResults, again: Search, text: str) -> None:
        self.hits = hits
        self.again = again
        self.text = text
        self._found: dict[int, Found] = {}
        self._by_number = {hit.upload.number: hit for hit in hits}

    @property
    def numbers(self) -> array[int]:
        """The numbers of the uploads that were found, in order."""
        if not self.has_scores:
            # What filters alone leave may be the whole library.
            return array("q", self.hits.numbers)
        return array("q", (hit.upload.number for hit in self.hits))

    @property
    def count(self) -> int:
        """How many uploads were found, as `numbers` has them."""
        return len(self.hits) if self.has_scores else len(self.hits.numbers)

    @property
    def has_scores(self) -> bool:
        """Whether the uploads have scores: filters alone give none."""
        return bool(self.hits.query.operands)

    @property
    def similar_alone(self) -> str:
        """The name of the upload that all of them are similar to, if nothing else was asked for."""
        like = self.hits.similar_to
        return like if like and " " not in self.text and self.text.startswith("like:") else ""

    @property
    def is_by_date(self) -> bool:
        """Whether they are listed in the order in which they were taken."""
        sort = self.hits.query.sort
        return not self.has_scores if sort in (None, "score") else sort in ("newest", "oldest")

    @property
    def is_poor(self) -> bool:
        """Whether words found few uploads, or none that has one of them."""
        if not self.hits.query.words:
            return False
        return len(self.hits) < FEW_RESULTS or not any(hit.matched for hit in self.hits)

    @property
    def has_more_below(self) -> bool:
        """Whether more was found than is listed: what lies below the cut-off."""
        return self.hits.below > 0 and len(self.hits) <= self.hits.kept

    def found(self, number: int) -> Found:
        """Return what a line of the table shows of why an upload was found."""
        hit = self._by_number.get(number) if self.has_scores else None
        if hit is None:
            return Found()
        if number not in self._found:
            self._found[number] = Found(hit.score, hit.matched, hit.sentence)
        return self._found[number]

    def hit(self, number: int) -> SearchHit | None:
        """Return what the search line found of an upload."""
        return self._by_number.get(number)

    def look_like(self, hits: SearchResults) -> bool:
        """Tell whether these hits would look the same in the list."""
        now, before = hits, self.hits
        if (now.total, now.below, now.note) != (before.total, before.below, before.note):
            return False
        if list(now.numbers) != list(before.numbers):
            return False
        return [_looks(hit) for hit in hits] == [_looks(hit) for hit in self.hits]

    def words(self, below_key: str = "", *, for_what: bool = True) -> str:
        """Return what was found in words; `below_key` shows what is below the cut-off.

        Without `for_what`, what was searched for is left out.
        """
        found, like = self.hits, self.hits.similar_to
        count = len(found) if len(found) > found.kept else found.total
        if like:
            similar = counted(count, "upload") if count else "No uploads"
            told = f"{similar} similar to {visible(like)}" if for_what else similar
        else:
            told = _results(count)
        if self.has_more_below:
            return f"{told}, {below_key} shows {found.below:,} more" if below_key else f"{told}, {found.below:,} more"
        return told if like or not for_what else f"{told} for {' '.join(found.query.words) or found.query}"


def _results(count: int) -> str:
    return counted(count, "result") if count else "No results"


def _looks(hit: SearchHit) -> tuple[int, float, tuple[str, ...]]:
    return hit.upload.number, hit.score, hit.matched
