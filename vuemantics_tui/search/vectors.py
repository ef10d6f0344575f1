"""Nearest neighbours: exact, one matrix product, kept up with the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.analyzers.base import Vector
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.embeddings import EmbeddingStore, StoredVector

_SMALLEST = 256


class VectorIndex:
    """The vectors of one model in memory, but for hidden uploads: loaded at the first search, then only what changed.

    The matrix has shape (capacity, dimension), float32, rows of length 1, of which the first `len(numbers)` count.
    """

    def __init__(self, embeddings: EmbeddingStore, feed: ChangeFeed, model: str) -> None:
        self._embeddings = embeddings
        self._feed = feed
        self._model = model
        self._lock = asyncio.Lock()
        self._loaded = False
        self._matrix: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._numbers: list[int] = []
        self._position: dict[int, int] = {}

    async def nearest(self, vector: Vector, limit: int) -> list[tuple[int, float]]:
        """The uploads whose vectors are nearest to this one: (number, cosine in -1..1), best first."""
        async with self._lock:
            await self._catch_up()
            if not self._numbers:
                return []
            return await asyncio.to_thread(self._rank, vector, limit)

    async def nearest_to(self, number: int, limit: int) -> list[tuple[int, float]]:
        """The other uploads nearest to this one, as `nearest`; none where it has no vector. It may itself be hidden."""
        stored = await self._embeddings.one(self._model, number)
        if stored is None:
            return []
        found = await self.nearest(np.frombuffer(stored.data, "<f4"), limit + 1)
        return [(other, cosine) for other, cosine in found if other != number][:limit]

    async def _catch_up(self) -> None:
        if not self._loaded:
            await self._feed.skip_to_now()
            self._put(await self._embeddings.all(self._model))
            self._loaded = True
            return
        changes = await self._feed.poll()
        if changes is None:
            return
        moved = await self._embeddings.of(self._model, changes.changed)
        without = set(changes.changed) - {stored.number for stored in moved}
        for number in (*changes.deleted, *without):
            self._drop(number)
        self._put(moved)

    def _put(self, vectors: Sequence[StoredVector]) -> None:
        for stored in vectors:
            row = np.frombuffer(stored.data, "<f4")
            position = self._position.get(stored.number)
            if position is None:
                position = len(self._numbers)
                self._make_room(position + 1, stored.dimension)
                self._numbers.append(stored.number)
                self._position[stored.number] = position
            self._matrix[position] = row

    def _make_room(self, rows: int, dimension: int) -> None:
        if rows <= len(self._matrix):
            return
        larger = np.zeros((max(_SMALLEST, 2 * len(self._matrix), rows), dimension), np.float32)
        larger[: len(self._matrix)] = self._matrix if len(self._matrix) else larger[:0]
        self._matrix = larger

    def _drop(self, number: int) -> None:
        position = self._position.pop(number, None)
        if position is None:
            return
        last = len(self._numbers) - 1
        if position != last:
            self._numbers[position] = self._numbers[last]
            self._matrix[position] = self._matrix[last]
            self._position[self._numbers[position]] = position
        self._numbers.pop()

    def _rank(self, vector: Vector, limit: int) -> list[tuple[int, float]]:
        scores = self._matrix[: len(self._numbers)] @ vector
        count = min(limit, len(scores))
        best = np.argpartition(-scores, count - 1)[:count]
        best = best[np.argsort(-scores[best], kind="stable")]
        return [(self._numbers[int(index)], float(scores[index])) for index in best]
