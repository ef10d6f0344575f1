"""Full text and vectors, fused into one ranking."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vuemantics_tui.analyzers.base import Embedder, Vector
from vuemantics_tui.domain.errors import AnalyzerError
from vuemantics_tui.domain.query import parse_query
from vuemantics_tui.search.vectors import VectorIndex
from vuemantics_tui.store.fulltext import FullText

# The constant of reciprocal rank fusion, from Cormack, Clarke and Buettcher, SIGIR 2009.
RRF_K = 60
# How deep each ranking is read: bounds the cost of a word that is everywhere.
DEPTH = 200
# An upload that holds only some of several words says less than one that holds them all.
SOME_WORDS_WEIGHT = 0.4
# What words and meaning give together at the most. Added to what was read in the picture, it puts that first: who types
# the words of a sign looks for the sign, and not for what the sign is about.
READ_BONUS = 2 / (RRF_K + 1)
# Someone waits for the answer; words alone are there at once.
QUERY_SECONDS = 20.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: the upload's number, and its score.

    Of a search, 1 is first by words and by meaning; of what is similar, the score is the cosine in -1..1.
    """

    number: int
    score: float


class Hits(list[Hit]):
    """Results, best first. `note` says what the ranking had to do without, and is mostly empty."""

    def __init__(self, hits: Iterable[Hit] = (), note: str = "") -> None:
        super().__init__(hits)
        self.note = note


class Ranking:
    """Ranks what has a current description and is not hidden."""

    def __init__(self, fulltext: FullText, vectors: VectorIndex, embedder: Embedder) -> None:
        self._fulltext = fulltext
        self._vectors = vectors
        self._embedder = embedder

    async def search(self, text: str, limit: int) -> Hits:
        """The best uploads for a line of text, best first.

        Where the embedder cannot embed it just now, the ranking is that of the words alone, and says so in its note.
        """
        query = parse_query(text)
        if not query.text:
            return Hits()
        # Begun first: a server answers while the words are looked up.
        embedding = asyncio.ensure_future(self._embed(query.text))
        try:
            scores = await self._scores_by_words(query.words)
            vector, note = await embedding
        finally:
            embedding.cancel()
        if vector is not None:
            for rank, (number, _) in enumerate(await self._vectors.nearest(vector, max(limit, DEPTH)), 1):
                scores[number] += 1 / (RRF_K + rank)
        best = sorted(scores.items(), key=lambda item: (-item[1], -item[0]))[:limit]
        perfect = (2 if vector is not None else 1) / (RRF_K + 1)
        return Hits((Hit(number, round(min(score / perfect, 1), 4)) for number, score in best), note)

    async def _scores_by_words(self, words: Sequence[str]) -> defaultdict[int, float]:
        scores: defaultdict[int, float] = defaultdict(float)
        every = await self._fulltext.search(words, every=True, limit=DEPTH)
        for rank, number in enumerate(every, 1):
            scores[number] += 1 / (RRF_K + rank)
        if len(words) > 1:
            seen = set(every)
            some = await self._fulltext.search(words, every=False, limit=DEPTH)
            others = [number for number in some if number not in seen]
            for rank, number in enumerate(others, len(every) + 1):
                scores[number] += SOME_WORDS_WEIGHT / (RRF_K + rank)
        for number in await self._fulltext.read(words, DEPTH):
            scores[number] += READ_BONUS
        return scores

    async def _embed(self, text: str) -> tuple[Vector | None, str]:
        """The vector of a query, or else why there is none."""
        try:
            async with asyncio.timeout(QUERY_SECONDS):
                return await self._embedder.embed_query(text), ""
        except TimeoutError:
            reason = f"no vector of the query within {QUERY_SECONDS:.0f} seconds"
        except AnalyzerError as error:
            reason = f"{error.message}. {error.hint}".strip()
        log.warning("found by words alone: %s", reason)
        return None, f"Found by words alone: {reason}"

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
