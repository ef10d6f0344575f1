"""Full text and vectors, fused into one ranking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from vuemantics_tui.analyzers.base import Embedder
from vuemantics_tui.domain.query import parse_query
from vuemantics_tui.search.vectors import VectorIndex
from vuemantics_tui.store.fulltext import FullText

# The constant of reciprocal rank fusion, from Cormack, Clarke and Buettcher, SIGIR 2009.
RRF_K = 60
# How deep each ranking is read: bounds the cost of a word that is everywhere.
DEPTH = 200
# An upload that holds only some of several words says less than one that holds them all.
SOME_WORDS_WEIGHT = 0.4


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: the upload's number, and its score.

    Of a search, 1 is first by words and by meaning; of what is similar, the score is the cosine in -1..1.
    """

    number: int
    score: float


class Ranking:
    """Ranks what has a current description and is not hidden."""

    def __init__(self, fulltext: FullText, vectors: VectorIndex, embedder: Embedder) -> None:
        self._fulltext = fulltext
        self._vectors = vectors
        self._embedder = embedder

    async def search(self, text: str, limit: int) -> list[Hit]:
        """The best uploads for a line of text, best first. Raises AnalyzerError where it cannot be embedded."""
        query = parse_query(text)
        if not query.text:
            return []
        scores: defaultdict[int, float] = defaultdict(float)
        every = await self._fulltext.search(query.words, every=True, limit=DEPTH)
        for rank, number in enumerate(every, 1):
            scores[number] += 1 / (RRF_K + rank)
        if len(query.words) > 1:
            seen = set(every)
            some = await self._fulltext.search(query.words, every=False, limit=DEPTH)
            others = [number for number in some if number not in seen]
            for rank, number in enumerate(others, len(every) + 1):
                scores[number] += SOME_WORDS_WEIGHT / (RRF_K + rank)
        vector = await self._embedder.embed_query(query.text)
        for rank, (number, _) in enumerate(await self._vectors.nearest(vector, max(limit, DEPTH)), 1):
            scores[number] += 1 / (RRF_K + rank)
        best = sorted(scores.items(), key=lambda item: (-item[1], -item[0]))[:limit]
        perfect = 2 / (RRF_K + 1)
        return [Hit(number, round(score / perfect, 4)) for number, score in best]

    async def matched(self, text: str, numbers: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Which words of a line of text each of these uploads holds, by the stem, in the order of the line."""
        found: defaultdict[int, tuple[str, ...]] = defaultdict(tuple)
        if not numbers:
            return found
        for word in parse_query(text).words:
            for number in await self._fulltext.holding(word, numbers):
                found[number] += (word,)
        return found

    async def similar(self, number: int, limit: int) -> list[Hit]:
        """The uploads nearest to this one by their stored vectors, without itself; none where it has no vector."""
        nearest = await self._vectors.nearest_to(number, limit)
        return [Hit(other, round(cosine, 4)) for other, cosine in nearest]
