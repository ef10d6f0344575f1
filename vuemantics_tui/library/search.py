"""Search: what a line finds, saved searches, and the history of what was searched for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import Compute
from vuemantics_tui.analyzers.builtin import EMBEDDING_MODEL_NAME
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import AnalyzerError, UsageError
from vuemantics_tui.domain.query import Like, Query, parse_query
from vuemantics_tui.domain.query.sentence import Chip, KnownTag, Sentence, Vocabulary, understand
from vuemantics_tui.domain.text import folded, word_places
from vuemantics_tui.domain.upload import SHORT_ID, Upload
from vuemantics_tui.library.analyzer import LibraryAnalyzer
from vuemantics_tui.library.facets import FacetSearch
from vuemantics_tui.library.models import Models
from vuemantics_tui.search.cutoff import Histogram
from vuemantics_tui.search.pictures import PictureSpace
from vuemantics_tui.search.query_vectors import Meanings
from vuemantics_tui.search.ranking import (
    Hit,
    Ranked,
    Ranking,
    Semantics,
    nearest_by_words,
    sentences,
)
from vuemantics_tui.search.suggestions import Suggester
from vuemantics_tui.search.vectors import VectorIndex
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.facets import FacetStore, Names
from vuemantics_tui.store.filters import FilterStore, wants_hidden
from vuemantics_tui.store.places import PlaceStore
from vuemantics_tui.store.search import FullText, SavedSearches, SearchHistory
from vuemantics_tui.store.tags import TagStore
from vuemantics_tui.store.uploads import UploadStore


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A result: the upload, its score in 0..1 (for similar uploads, the cosine), and the query's words in it.

    `matched` holds words of the query, lower case, as they were typed: `cats` also where the upload says `cat`.
    `cosine` is None without a vector, `look_cosine` is that of the picture itself, and `second` where in a clip that
    is; the shares of words, meaning and looks in the score add up to 1. `found_in` is the
    upload that was found, where another one stands for its stack.
    """

    upload: Upload
    score: float
    matched: tuple[str, ...] = ()
    cosine: float | None = None
    words_share: float = 0.0
    meaning_share: float = 0.0
    found_in: Upload | None = None
    looks_share: float = 0.0
    look_cosine: float | None = None
    second: float | None = None

    @property
    def sentence(self) -> str:
        """The sentence of its description or read text that holds the most of the matched words; empty if none does."""
        return nearest_by_words(_sentences(self.found_in or self.upload), self.matched) if self.matched else ""


@dataclass(frozen=True, slots=True)
class Fruitless:
    """A chip because of which nothing is found: no upload matches it `alone`, or none that the other chips leave."""

    chip: Chip
    alone: bool


class SearchResults(list[SearchHit]):
    """The results in order, and what to say about them.

    `similar_to` is the name of the upload whose like was asked for, empty without one. `total` is how many were found
    above the cut-off, and `below` how many below it, both as far as the rankings were read; `kept` of the hits here are
    above it. `note` says why meaning is missing; `numbers` are those of all that was found, in order, for what filters
    alone leave may be the whole library.
    """

    def __init__(self, hits: Iterable[SearchHit], query: Query, ranked: Ranked, kept: int) -> None:
        super().__init__(hits)
        self.query = query
        self.kept = kept
        self.total = ranked.kept
        self.below = max(0, len(ranked.hits) - ranked.kept)
        self.note = ranked.note
        self.histogram: Histogram | None = ranked.histogram
        self.numbers = ranked.numbers
        self.similar_to = ""

    @property
    def hits(self) -> list[SearchHit]:
        """Return the results as a list."""
        return list(self)


class Search:
    """Finds uploads. `saved` are the saved searches, `history` what was searched for, `suggester` completes a line, and
    `facets` narrow it.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        analyzer: LibraryAnalyzer,
        compute: Callable[[], Compute],
        models: Models,
    ) -> None:
        self.saved = SavedSearches(database)
        self.history = SearchHistory(database)
        filters = FilterStore(database)
        self.suggester = Suggester(TagStore(database), PlaceStore(database), filters, self.history)
        self._settings = settings
        self._database = database
        self._analyzer = analyzer
        self._compute = compute
        self._uploads = UploadStore(database)
        self._ranking = Ranking(FullText(database), filters, self._make_semantics, self.pictures)
        self.facets = FacetSearch(database, filters, self._ranking)
        self._making = asyncio.Lock()
        self._semantics: Semantics | None = None
        self._models = models
        self._space: PictureSpace | None = None
        self._filters = filters
        self._names = FacetStore(database)
        self._vocabulary: Vocabulary | None = None
        self._vocabulary_version = -1

    async def vectors(self) -> VectorIndex:
        """Return the vectors of the model in use. Raises UsageError for settings with which there is no analyzer."""
        return (await self._make_semantics()).vectors

    async def close(self) -> None:
        """Wait until the vectors are written, if they are being written."""
        if self._semantics is not None:
            await self._semantics.vectors.close()
        if self._space is not None:
            await self._space.close()
        await self._models.close()

    async def _make_semantics(self) -> Semantics:
        async with self._making:
            if self._semantics is None:
                analyzer = await self._analyzer.get()
                model, embeddings = analyzer.embedding_model, EmbeddingStore(self._database)
                folder = self._settings.library / paths.VECTORS_NAME
                frames = self._settings.video_frames
                self._semantics = Semantics(
                    VectorIndex(embeddings, ChangeFeed(self._database), model, folder),
                    Meanings(analyzer, self._uploads, embeddings, self._compute(), frames),
                )
        return self._semantics

    async def pictures(self) -> PictureSpace | None:
        """Return the picture space of the model that is searched; None without one on this machine."""
        model = await self._models.store.searched()
        if model is None:
            return None
        if self._space is None or self._space.model != model:
            folder = await asyncio.to_thread(self._models.folder_of, model)
            if folder is None:
                return None
            self._space = PictureSpace(
                self._database,
                model,
                self._settings.library / paths.VECTORS_NAME,
                partial(self._models.embed_query, folder),
                partial(self._models.embed_picture, folder),
            )
        return self._space

    async def vocabulary(self) -> Vocabulary:
        """Return the names of tags, albums, places and years that the library has. Kept until the library changes."""
        version = await self._database.data_version()
        if self._vocabulary is None or version != self._vocabulary_version:
            names = await self._names.names()
            self._vocabulary = await asyncio.to_thread(_vocabulary, names)
            self._vocabulary_version = version
        return self._vocabulary

    async def understand(self, text: str) -> Sentence:
        """Return which phrases of a line are filters: dates, places, types, tags and people in plain words."""
        return understand(text, await self.vocabulary(), datetime.now().date())

    async def fruitless(self, sentence: Sentence, *, show_hidden: bool = False) -> Fruitless | None:
        """Return the chip because of which a line finds nothing; None where all chips together leave something."""

        async def leave(chips: Sequence[Chip]) -> bool:
            query = parse_query(" ".join(chip.line for chip in chips), typing=True)
            return bool((await self._filters.matching(query, datetime.now(), show_hidden)).numbers)

        if not sentence.chips or await leave(sentence.chips):
            return None
        for chip in reversed(sentence.chips):
            if not await leave((chip,)):
                return Fruitless(chip, alone=True)
        for chip in reversed(sentence.chips):
            if await leave([other for other in sentence.chips if other is not chip]):
                return Fruitless(chip, alone=False)
        return Fruitless(sentence.chips[-1], alone=False)

    async def prepare(self) -> None:
        """Load what the next query needs and takes long to load: the text network of the joint model in use."""
        await self._models.load_texts()

    async def run(
        self,
        text: str,
        limit: int = 20,
        *,
        final: bool = True,
        all: bool = False,
        show_hidden: bool = False,
        members: bool = False,
    ) -> SearchResults:
        """Return what a search line finds by keywords and meaning, best first; with `all` also below the cut-off.

        Unless it is `final` the line is still being typed: nothing in it is an error, its last word may be half a
        word, and pictures are not looked at. Hidden uploads are found with `show_hidden`, or where the line says
        `is:hidden`. A stack is found as a whole, unless its `members` are wanted. Raises QueryError, UsageError for an
        upload or picture in it that is not there, and MediaError.
        """
        query = parse_query(text, typing=not final)
        half_typed = not final and _half_typed(text, query)
        ranked = await self._ranking.search(
            query, limit, final=final, half_typed=half_typed, show_hidden=show_hidden, members=members
        )
        shown = ranked.hits[: limit if all else min(limit, ranked.kept)]
        return await self._results(query, ranked, shown, half_typed, show_hidden)

    async def words(self, text: str, limit: int = 20, *, show_hidden: bool = False) -> SearchResults:
        """Return at once what a line that is being typed finds by keywords and filters alone."""
        query = parse_query(text, typing=True)
        half_typed = _half_typed(text, query)
        ranked = await self._ranking.search(
            query, limit, final=False, half_typed=half_typed, show_hidden=show_hidden, meaning=False
        )
        return await self._results(query, ranked, ranked.hits[: min(limit, ranked.kept)], half_typed, show_hidden)

    async def like(self, number: int) -> str:
        """Return the search line for what is similar to an upload. Raises UsageError if it is gone."""
        rows = await self._uploads.rows([number])
        if not rows:
            raise UsageError("This upload was deleted", "Restore it from the trash, or choose another one.")
        short = rows[0].id[:SHORT_ID]
        alone = len(await self._uploads.by_prefix(short, 2)) == 1
        return str(Like(short if alone else rows[0].id, is_path=False))

    async def sentence(self, text: str, upload: Upload) -> str:
        """Return the sentence of an upload's description that is closest to a search line.

        By meaning with the built-in model, which takes milliseconds; else by keywords.
        """
        query = parse_query(text, typing=True)
        found = _sentences(upload)
        embedder = self._analyzer.made
        if embedder and embedder.embedding_model == EMBEDDING_MODEL_NAME and query.text and len(found) > 1:
            try:
                wanted = await embedder.embed_query(query.text)
                cosines = [float(await embedder.embed_query(one) @ wanted) for one in found]
                return found[cosines.index(max(cosines))]
            except AnalyzerError:
                return nearest_by_words(found, query.words)
        return nearest_by_words(found, query.words)

    async def save(self, name: str, text: str) -> None:
        """Save a search under a name, replacing an older one. Raises UsageError without a name, and QueryError."""
        name = " ".join(name.split())
        if not name:
            raise UsageError("A saved search needs a name", "Type one and save again.")
        query = str(parse_query(text))
        if not query:
            raise UsageError("There is nothing to save", "Search for something first.")
        await self.saved.save(name, query)

    async def rename(self, name: str, wanted: str) -> None:
        """Give a saved search another name. Raises UsageError without one, and for one that is taken."""
        wanted = " ".join(wanted.split())
        if not wanted:
            raise UsageError("A saved search needs a name", "Type one, or press Esc.")
        if not await self.saved.rename(name, wanted):
            raise UsageError(f"There is a saved search {wanted!r} already", "Choose another name.")

    async def counts(self) -> dict[str, int | None]:
        """Return how many uploads each saved search finds, by its name: the exact number if it has only filters.

        Others count what is above the cut-off, up to some 200. None if it names an upload that is gone, or a picture,
        which would have to be described each time.
        """
        found: dict[str, int | None] = {}
        for saved in await self.saved.all():
            query = parse_query(saved.query, typing=True)
            try:
                found[saved.name] = None if query.pictures else await self._ranking.count(query)
            except UsageError:
                found[saved.name] = None
        return found

    async def remember(self, text: str) -> None:
        """Keep a search in the history, unless the settings say that searches are not remembered."""
        if self._settings.remember_searches:
            await self.history.add(text)

    async def _results(
        self, query: Query, ranked: Ranked, shown: Sequence[Hit], half_typed: bool, show_hidden: bool
    ) -> SearchResults:
        # A half-typed last word is not in the full text index yet, so it is looked for in the results.
        whole, half = (query.words[:-1], query.words[-1]) if half_typed else (query.words, "")
        matched = await self._ranking.matched(whole, [hit.found_in or hit.number for hit in shown])
        hits = await self._with_uploads(shown, matched, half)
        if not (show_hidden or wants_hidden(query)):
            # One may have been hidden since the ranking was made.
            hits = [hit for hit in hits if not hit.upload.hidden]
        results = SearchResults(hits, query, ranked, min(ranked.kept, len(hits)))
        meanings = [operand.meaning for operand in query.operands if operand.weight > 0]
        if len(query.operands) == 1 and meanings and isinstance(meanings[0], Like) and not meanings[0].is_path:
            named = await self._uploads.by_prefix(meanings[0].reference, 2)
            results.similar_to = named[0].filename if len(named) == 1 else ""
        return results

    async def _with_uploads(
        self, hits: Iterable[Hit], matched: Mapping[int, tuple[str, ...]], half: str = ""
    ) -> list[SearchHit]:
        hits = list(hits)
        wanted = dict.fromkeys(number for hit in hits for number in (hit.number, hit.found_in) if number is not None)
        # One may have been deleted since the ranking was made.
        uploads = {upload.number: upload for upload in await self._uploads.by_numbers(list(wanted))}
        return [_found(hit, uploads, matched, half) for hit in hits if hit.number in uploads]


def _found(hit: Hit, uploads: Mapping[int, Upload], matched: Mapping[int, tuple[str, ...]], half: str) -> SearchHit:
    upload = uploads[hit.number]
    found_in = None if hit.found_in is None else uploads.get(hit.found_in)
    holder = found_in or upload
    words = (*matched.get(holder.number, ()), *_begun(half, holder))
    return SearchHit(
        upload,
        hit.score,
        words,
        hit.cosine,
        hit.words_share,
        hit.meaning_share,
        found_in,
        hit.looks_share,
        hit.look_cosine,
        hit.second,
    )


def _begun(half: str, upload: Upload) -> tuple[str, ...]:
    """The half-typed word, where a word of the upload begins so."""
    brought = (upload.title, upload.caption, upload.creator, upload.description, upload.read_text)
    texts = (
        upload.filename,
        upload.place_words,
        *filter(None, brought),
        *upload.tags,
        *upload.own_tags,
        *upload.keywords,
    )
    return (half,) if half and word_places(" ".join(texts), (half,)) else ()


def _sentences(upload: Upload) -> list[str]:
    return sentences(f"{upload.description or ''}\n{upload.read_text or ''}")


def _vocabulary(names: Names) -> Vocabulary:
    tags = (KnownTag(name, own, album, seen) for name, album, own, seen in names.tags)
    return Vocabulary(tags, names.places, names.years)


def _half_typed(text: str, query: Query) -> bool:
    """Whether the line ends in a word that may go on."""
    return bool(query.words) and folded(text).endswith(folded(query.words[-1]))
