"""A library in numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.library.analyzer import LibraryAnalyzer
from vuemantics_tui.search.vectors import IndexState, VectorIndex
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.statistics import StatisticsStore, StoredStatistics


@dataclass(frozen=True, slots=True)
class Space:
    """The disk space of a library, in bytes. `trash` is what emptying it frees."""

    originals: int
    thumbnails: int
    database: int
    vectors: int
    trash: int

    @property
    def total(self) -> int:
        """Return the sum."""
        return self.originals + self.thumbnails + self.database + self.vectors + self.trash


@dataclass(frozen=True, slots=True)
class Statistics:
    """A library in numbers. Of its described uploads `stale` lack a vector of the embedding model in use."""

    counts: StoredStatistics
    space: Space
    embedding_model: str
    described: int
    stale: int
    index: IndexState

    @property
    def embedded(self) -> int:
        """Return how many described uploads have a vector of the embedding model in use."""
        return self.described - self.stale


class LibraryStatistics:
    """Counts and sizes. `store` reads those of the database."""

    def __init__(
        self, root: Path, database: Database, analyzer: LibraryAnalyzer, vectors: Callable[[], Awaitable[VectorIndex]]
    ) -> None:
        self.store = StatisticsStore(database)
        self._root = root
        self._embeddings = EmbeddingStore(database)
        self._analyzer = analyzer
        self._vectors = vectors

    async def read(self) -> Statistics:
        """Return all numbers. Looks at the size of each thumbnail, which takes a second for 100,000."""
        counts = await self.store.read()
        try:
            model = (await self._analyzer.get()).embedding_model
            index = await (await self._vectors()).state()
        except UsageError:
            # Without an analyzer there is no model whose vectors could be counted. All else is counted all the same.
            model, index = "", IndexState(0, None, 0)
        stale, described = await self._embeddings.stale(model)
        thumbnails = await self.store.thumbnails()
        space = Space(
            counts.originals_bytes,
            await asyncio.to_thread(_bytes_of, [self._root / path for path in thumbnails]),
            (await self.store.size()).database,
            index.file_bytes,
            counts.trashed_bytes,
        )
        return Statistics(counts, space, model, described, stale, index)


def _bytes_of(files: Iterable[Path]) -> int:
    """Return the size of those files that exist."""
    total = 0
    for file in files:
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            continue
    return total
