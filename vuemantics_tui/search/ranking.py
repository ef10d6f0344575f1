"""The ranking: full text, the meaning of texts and the look of pictures, fused, and where their results end."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from vuemantics_tui.analyzers.base import Vector
from vuemantics_tui.domain.errors import AnalyzerError, UsageError, WorkerDiedError
from vuemantics_tui.domain.query import Query, Sort
from vuemantics_tui.domain.text import folded, split_words
from vuemantics_tui.search.cutoff import Histogram, cut_off, histogram
from vuemantics_tui.search.pictures import Looks, PictureSpace
from vuemantics_tui.search.query_vectors import Meanings
from vuemantics_tui.search.related_words import Term, narrowed, related_terms
from vuemantics_tui.search.vectors import VectorIndex
from vuemantics_tui.store.filters import FilterStore, Matching, wants_hidden
from vuemantics_tui.store.search import FullText

# The constant of reciprocal rank fusion, from Cormack, Clarke and Buettcher, SIGIR 2009.
RRF_K = 60
# How deep each ranking is read: bounds the cost of a word that is everywhere.
DEPTH = 200
# How deep they are read at most where what was found is mostly inside the same stacks.
DEEPEST = 3_200
# An upload with only some of the words may decide between two that are next to each other by meaning, and no more: with
# 0.1 the MRR of paraphrases in `benchmarks.retrieval` fell from .73 to .69.
SOME_WORDS_WEIGHT = 0.03
# One whose tags say it in other words, such as "dog" for "canine": recall of single words in that benchmark rose from
# .661 to .673 (without text and faces from .614 to .630); with 0.3 that of paraphrases fell by .004.
RELATED_WEIGHT = 0.1
# An upload with all words in the text of the picture comes before one that is first by words and by meaning:
# 2 / 61 + 1 / 62 > 2 / 61.
READ_WEIGHT = 2.0
# What a picture shows counts more than what somebody, or a guess, says of it.
LOOKS_WEIGHT = 2.0
# If filters leave no more than this, all are shown: a glance is enough to judge them.
FEW = 20
# Decimal places of a hit's cosine.
COSINE_DIGITS = 4
# Someone is waiting, and keywords alone are instant. A query by picture takes as long as a description.
QUERY_SECONDS = 20.0

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
# Endings that the stemmer of the full text takes away, as far as it matters for telling which sentence was meant.
_ENDINGS = ("ings", "ing", "edly", "ed", "es", "s")

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
"""Returns the current time; without a time zone it is in this machine's zone."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: the upload's number and its score.

    For a text, 1 means first in every ranking; for similar uploads and arithmetic, the score is the cosine.
    The shares of words, meaning and looks add up to 1, or are all 0 if only filters matched. `cosine` is None if the
    upload or the query has no vector; `look_cosine` is that of the picture, and `second` where in a clip it is.
    `found_in` is the number of what was found, where `number` only stands for its stack.
    """

    number: int
    score: float
    cosine: float | None = None
    words_share: float = 0.0
    meaning_share: float = 0.0
    found_in: int | None = None
    looks_share: float = 0.0
    look_cosine: float | None = None
    second: float | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """The hits in order: first the `kept` ones, then those below the cut-off. `note` says what is missing, and why.

    `numbers` are those of all that are kept: filters alone may match the whole library, while `hits` holds no more than
    the limit.
    """

    hits: tuple[Hit, ...] = ()
    kept: int = 0
    numbers: Sequence[int] = ()
    note: str = ""
    histogram: Histogram | None = None


@dataclass(frozen=True, slots=True)
class Semantics:
    """What search by meaning needs: a model's vectors, and what makes those of queries."""

    vectors: VectorIndex
    meanings: Meanings


FindPictures = Callable[[], Awaitable[PictureSpace | None]]
"""Gives the picture space of the joint model in use, or None without one."""
FindSemantics = Callable[[], Awaitable[Semantics]]
"""Gives the semantics, made at the first call. Raises UsageError for settings with which there are none."""


@dataclass(frozen=True, slots=True)
class _Words:
    """The keyword matches of a query: the score of each, and those that contain all words.

    `related` are those with a tag that says in other words what is missing, and what of their score that is. With
    `named`, some contain all words outside of the text in their picture: they are about that.
    """

    scores: dict[int, float]
    exact: frozenset[int]
    perfect: float
    related: Mapping[int, float] = field(default_factory=dict)
    named: bool = False


@dataclass(frozen=True, slots=True)
class _Near:
    """The uploads nearest to the meaning of a query: their cosines, best first, without those `known` from it."""

    vector: Vector | None = None
    cosines: dict[int, float] = field(default_factory=dict)
    note: str = ""
    semantics: Semantics | None = None
    known: frozenset[int] = frozenset()


async def _without_meaning() -> _Near:
    return _Near()


async def _without_looks() -> Looks:
    return Looks()


async def _without_pictures() -> PictureSpace | None:
    return None


class Ranking:
    """Ranks uploads that have a description or tags; hidden ones only on request."""

    def __init__(
        self,
        fulltext: FullText,
        filters: FilterStore,
        semantics: FindSemantics,
        pictures: FindPictures = _without_pictures,
        *,
        clock: Clock = datetime.now,
    ) -> None:
        self._fulltext = fulltext
        self._filters = filters
        self._semantics = semantics
        self._pictures = pictures
        self._clock = clock

    async def search(
        self,
        query: Query,
        limit: int = DEPTH,
        *,
        final: bool = True,
        half_typed: bool = False,
        show_hidden: bool = False,
        meaning: bool = True,
        members: bool = False,
    ) -> Ranked:
        """Return the uploads that a query finds, best first unless it sorts, followed by those below the cut-off.

        Each ranking is read to a depth of `limit`, at least 200. Without `meaning`, or if the query cannot be embedded,
        only keywords count. Filters alone list everything they match. Unless `final`, pictures are skipped. A stack is
        found once, with the score of the best in it, unless `members` are wanted each for itself. Raises UsageError
        and MediaError for uploads and pictures that the query names.
        """
        if not query.operands:
            return await self._listed(query, limit, show_hidden, members)
        show_hidden = show_hidden or wants_hidden(query)
        # The full text index is faster at phrases and exclusions; vectors need the list of what remains.
        narrowed = bool(query.filters or (meaning and (query.phrases or query.excluded_phrases)))
        matching = await self._filters.matching(query, self._clock(), show_hidden, texts=meaning) if narrowed else None
        if matching is not None and not matching.numbers:
            return Ranked()
        depth = max(limit, DEPTH)
        by_meaning = self._by_meaning(query, depth, final, matching, show_hidden) if meaning else _without_meaning()
        by_looks = self._by_looks(query, depth, final, matching, show_hidden) if meaning else _without_looks()
        if query.is_plain:
            # SQLite, NumPy and the model of pictures each have a thread or a process of their own.
            by_words = self._by_words(query, depth, half_typed, matching, show_hidden)
            words, near, looks = await asyncio.gather(by_words, by_meaning, by_looks)
        else:
            near, looks = await asyncio.gather(by_meaning, by_looks)
            words = _Words({}, frozenset(), 0.0)
            if near.vector is None:
                words = await self._by_words(query, depth, half_typed, matching, show_hidden)
        cosines = near.cosines
        cut = -1.0
        if near.vector is not None and near.semantics is not None:
            if matching is None or len(matching.numbers) > FEW:
                chance = await near.semantics.vectors.chance(near.vector)
                cut = cut_off(list(near.cosines.values()), chance, named=words.named)
            lacking = [number for number in words.scores if number not in cosines]
            cosines = {**cosines, **await near.semantics.vectors.cosines(near.vector, lacking)}
        if words.perfect or query.is_plain:
            hits = _fused(words, near.cosines, cosines, looks)
        else:
            hits = _ranked(looks) if looks.cosines else _by_cosine(cosines)
        look_cut = -1.0
        if looks.cosines and (matching is None or len(matching.numbers) > FEW):
            look_cut = round(cut_off(list(looks.cosines.values()), looks.chance, named=words.named), COSINE_DIGITS)
        # A hit's cosine is rounded, and one that is the cut-off itself must not fall below it by that.
        cut = round(cut, COSINE_DIGITS)
        # Without a meaning, or with a required phrase, the words alone decide.
        everything = (near.vector is None and not looks.cosines) or bool(query.phrases)
        kept = [
            hit
            for hit in hits
            if everything
            or hit.number in words.exact
            or hit.number in words.related
            or (hit.cosine is not None and hit.cosine >= cut)
            or (hit.look_cosine is not None and hit.look_cosine >= look_cut)
        ]
        numbers = {hit.number for hit in kept}
        below = [hit for hit in hits if hit.number not in numbers]
        if covers := {} if members else await self._filters.covers([*near.known, *(hit.number for hit in hits)]):
            if len(covers) > depth // 2 and depth < DEEPEST:
                # Large stacks fill the rankings, so read further.
                return await self.search(
                    query,
                    4 * depth,
                    final=final,
                    half_typed=half_typed,
                    show_hidden=show_hidden,
                    meaning=meaning,
                )
            # The stack of an example is no answer either.
            examples = {covers.get(number, number) for number in near.known}
            kept = _once(kept, covers, set(examples))
            below = _once(below, covers, examples | {hit.number for hit in kept})
        kept = await self._sorted(kept, query.sort)
        return Ranked(
            (*kept, *below),
            len(kept),
            [hit.number for hit in kept],
            "; ".join(filter(None, (near.note, looks.note))),
            histogram(list(cosines.values()), cut),
        )

    async def count(self, query: Query, show_hidden: bool = False) -> int:
        """Return how many uploads a query finds above the cut-off: at most 200 if it ranks them."""
        return (await self.search(query, final=True, show_hidden=show_hidden)).kept

    async def matched(self, words: Sequence[str], numbers: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Return which of the words each of these uploads contains, by stem, in order."""
        found: defaultdict[int, tuple[str, ...]] = defaultdict(tuple)
        if not numbers:
            return found
        for word in words:
            for number in await self._fulltext.holding(word, numbers):
                found[number] += (word,)
        return found

    async def _listed(self, query: Query, limit: int, show_hidden: bool, members: bool) -> Ranked:
        if not (query.filters or query.excluded_phrases or query.sort):
            return Ranked()
        numbers = await self._filters.listed(query, self._clock(), show_hidden, covers_only=not members)
        return Ranked(tuple(Hit(number, 1.0) for number in numbers[:limit]), len(numbers), numbers)

    async def _by_meaning(
        self, query: Query, depth: int, final: bool, matching: Matching | None, show_hidden: bool
    ) -> _Near:
        try:
            semantics = await self._semantics()
        except UsageError as error:
            return _Near(note=_unknown(query, f"{error.message}. {error.hint}".strip()))
        try:
            async with asyncio.timeout(None if final and query.pictures else QUERY_SECONDS):
                meaning = await semantics.meanings.of(query, final=final)
        except TimeoutError:
            why = f"the query could not be embedded within {QUERY_SECONDS:.0f} seconds. Try again, or run the doctor"
            return _Near(note=_unknown(query, why))
        except AnalyzerError as error:
            return _Near(note=_unknown(query, f"{error.message}. {error.hint}".strip()))
        if meaning.vector is None:
            return _Near(note=meaning.note)
        allowed = None if matching is None else matching.numbers
        count = depth + len(meaning.known)
        found = await semantics.vectors.nearest(meaning.vector, count, allowed, show_hidden)
        cosines = {number: cosine for number, cosine in found if number not in meaning.known}
        return _Near(meaning.vector, cosines, meaning.note, semantics, meaning.known)

    async def _by_looks(
        self, query: Query, depth: int, final: bool, matching: Matching | None, show_hidden: bool
    ) -> Looks:
        space = await self._pictures()
        if space is None:
            return Looks()
        allowed = None if matching is None else matching.numbers
        try:
            async with asyncio.timeout(None if final and query.pictures else QUERY_SECONDS):
                return await space.looks(query, depth, allowed, final=final, show_hidden=show_hidden)
        except TimeoutError:
            why = f"the model has not answered within {QUERY_SECONDS:.0f} seconds. Try again"
        except (AnalyzerError, WorkerDiedError) as error:
            why = f"{error.message}. {error.hint}".strip()
        log.warning("not compared with pictures: %s", why)
        return Looks(note=f"Not compared with the pictures themselves: {why}")

    async def _by_words(
        self, query: Query, depth: int, half_typed: bool, matching: Matching | None, show_hidden: bool
    ) -> _Words:
        scores: defaultdict[int, float] = defaultdict(float)

        async def found(every: bool, read: bool = False, terms: Sequence[Term] = ()) -> list[int]:
            return await self._fulltext.search(
                query.words,
                alternatives=[(term.words, term.tags) for term in terms],
                every=every,
                read=read,
                limit=depth,
                half_typed=half_typed,
                matching=matching,
                show_hidden=show_hidden,
                phrases=query.phrases,
                excluded=query.excluded_phrases,
            )

        read = await found(True, read=True)
        for rank, number in enumerate(read, 1):
            scores[number] += READ_WEIGHT / (RRF_K + rank)
        # Text in the picture counts as containing all words, even if it is not among the best of many.
        every = await found(True)
        for rank, number in enumerate(every, 1):
            scores[number] += 1 / (RRF_K + rank)
        exact = frozenset((*read, *every))
        related: dict[int, float] = {}
        if len(every) < depth and not half_typed and (terms := await self._related(query.words)):
            others = [number for number in await found(True, terms=terms) if number not in exact]
            related = {number: RELATED_WEIGHT / (RRF_K + rank) for rank, number in enumerate(others, len(every) + 1)}
            for number, score in related.items():
                scores[number] += score
        # An upload that must contain all words as a phrase cannot contain fewer.
        demanded = {word for phrase in query.phrases for word in phrase}
        if len(query.words) > 1 and len(every) < depth and not demanded.issuperset(query.words):
            others = [number for number in await found(False) if number not in exact and number not in related]
            for rank, number in enumerate(others, len(every) + 1):
                scores[number] += SOME_WORDS_WEIGHT / (RRF_K + rank)
        perfect = (1 + (READ_WEIGHT if read else 0)) / (RRF_K + 1)
        return _Words(dict(scores), exact, perfect, related, named=not exact.issubset(read))

    async def _related(self, words: Sequence[str]) -> list[Term]:
        """Return the words with the tags of this library that are related to them; nothing if there are none."""
        # The first time, this reads a table.
        terms = await asyncio.to_thread(related_terms, words)
        some = [tag for term in terms for tag in term.tags]
        return narrowed(terms, await self._fulltext.used_tags(some)) if some else []

    async def _sorted(self, hits: list[Hit], sort: Sort | None) -> list[Hit]:
        if sort in (None, Sort.SCORE):
            return hits
        by_number = {hit.number: hit for hit in hits}
        return [by_number[number] for number in await self._filters.ordered(by_number, sort) if number in by_number]


def _unknown(query: Query, why: str) -> str:
    """Return the note for a query without a vector."""
    return f"{'Found by keyword only' if query.words else 'Not searched by meaning'}: {why}"


def _fused(words: _Words, nearest: dict[int, float], cosines: dict[int, float], looks: Looks) -> list[Hit]:
    """Fuse the rankings; a perfect result scores 1."""
    meaning = {number: 1 / (RRF_K + rank) for rank, number in enumerate(nearest, 1)}
    look = _look_scores(looks)
    perfect = words.perfect + (bool(nearest) + LOOKS_WEIGHT * bool(look)) / (RRF_K + 1)
    hits: list[Hit] = []
    for number in words.scores.keys() | meaning.keys() | look.keys():
        by_words, by_meaning, by_look = words.scores.get(number, 0.0), meaning.get(number, 0.0), look.get(number, 0.0)
        total = by_words + by_meaning + by_look
        share, look_share = round(by_words / total, 4), round(by_look / total, 4)
        hits.append(
            Hit(
                number,
                round(total / perfect, 4),
                _rounded(cosines.get(number)),
                share,
                round(1 - share - look_share, 4),
                looks_share=look_share,
                look_cosine=_rounded(looks.cosines.get(number)),
                second=looks.seconds.get(number),
            )
        )
    return sorted(_below_exact(hits, words, perfect), key=lambda hit: (-hit.score, -hit.number))


def _below_exact(hits: Sequence[Hit], words: _Words, perfect: float) -> list[Hit]:
    """Let no tag in other words lift an upload over one that has the words themselves."""
    exact = sorted(hit.score for hit in hits if hit.number in words.exact)
    if not exact or not words.related:
        return list(hits)
    kept = []
    for hit in hits:
        if hit.number in words.related:
            alone = round(hit.score - words.related[hit.number] / perfect, 4)
            above = next((score for score in exact if score >= alone), hit.score + 1)
            kept.append(replace(hit, score=min(hit.score, round(above - 0.0001, 4))))
        else:
            kept.append(hit)
    return kept


def _look_scores(looks: Looks) -> dict[int, float]:
    """Return what the looks give each upload that looks more like the query than chance would have it.

    That is by rank, less the nearer its cosine is to chance.

    Ranks alone would make the second of two pictures, of which one alone shows what was asked for, nearly as good.
    """
    best = max(looks.cosines.values(), default=0.0)
    span = max(best - looks.chance.mean, 1e-6)
    return {
        number: LOOKS_WEIGHT / (RRF_K + rank) * (cosine - looks.chance.mean) / span
        for rank, (number, cosine) in enumerate(looks.cosines.items(), 1)
        if cosine > looks.chance.mean
    }


def _rounded(cosine: float | None) -> float | None:
    return None if cosine is None else round(cosine, COSINE_DIGITS)


def _ranked(looks: Looks) -> list[Hit]:
    return [
        Hit(
            number,
            round(max(0.0, cosine), 4),
            looks_share=1.0,
            look_cosine=round(cosine, COSINE_DIGITS),
            second=looks.seconds.get(number),
        )
        for number, cosine in looks.cosines.items()
    ]


def _once(hits: Sequence[Hit], covers: Mapping[int, int], known: set[int]) -> list[Hit]:
    """Return the first hit of each stack, for the upload that stands for it, without those `known`."""
    found: list[Hit] = []
    for hit in hits:
        cover = covers.get(hit.number, hit.number)
        if cover not in known:
            known.add(cover)
            found.append(hit if cover == hit.number else replace(hit, number=cover, found_in=hit.number))
    return found


def _by_cosine(nearest: dict[int, float]) -> list[Hit]:
    return [
        Hit(number, round(max(0.0, cosine), 4), round(cosine, COSINE_DIGITS), 0.0, 1.0)
        for number, cosine in nearest.items()
    ]


def sentences(text: str) -> list[str]:
    """Return the sentences, or lines, of a text."""
    return [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def nearest_by_words(texts: Sequence[str], words: Sequence[str]) -> str:
    """Return the first sentence that contains most of the words, or an empty string."""
    wanted = {folded(word) for word in words}
    best, most = "", 0
    for text in texts:
        plain = folded(text)
        stems = {_stem(word) for word in split_words(plain)}
        # Without blanks there are no words to compare, and only English has those endings.
        shared = sum(_stem(word) in stems or (not word.isascii() and word in plain) for word in wanted)
        if shared > most:
            best, most = text, shared
    return best


def _stem(word: str) -> str:
    ending = next((ending for ending in _ENDINGS if word.endswith(ending) and len(word) - len(ending) >= 3), "")
    return word.removesuffix(ending)
