"""The vectors of uploads, as bytes of little-endian float32."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from vuemantics_tui.store.database import Database, batches, placeholders
from vuemantics_tui.store.descriptions import queue_embedding

# Below everything that someone waits for.
REEMBED_PRIORITY = -1
# The current descriptions without a vector of a model.
_STALE = "NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.upload = d.upload AND e.model = ?)"


@dataclass(frozen=True, slots=True)
class StoredVector:
    """One upload's vector: `dimension` little-endian float32 values."""

    number: int
    dimension: int
    data: bytes


async def save_vector(connection: aiosqlite.Connection, number: int, model: str, dimension: int, data: bytes) -> None:
    """Put the vector of an upload in the place of an older one of the same model, inside a transaction."""
    await connection.execute("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?)", (number, model, dimension, data))


async def delete_vectors(connection: aiosqlite.Connection, number: int) -> None:
    """Delete the vectors of an upload, of every model, inside a transaction."""
    await connection.execute("DELETE FROM embeddings WHERE upload = ?", (number,))


class EmbeddingStore:
    """Reads vectors, and queues what has none of a model."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, model: str) -> list[StoredVector]:
        """Every vector of a model whose upload has a current description and is not hidden."""
        rows = await self._database.fetch(
            """
            SELECT e.upload, e.dimension, e.vector FROM embeddings e
            JOIN descriptions d ON d.upload = e.upload AND d.current = 1
            WHERE e.model = ? AND e.upload NOT IN (SELECT number FROM uploads WHERE hidden = 1)
            """,
            (model,),
        )
        return [StoredVector(*row) for row in rows]

    async def of(self, model: str, numbers: Sequence[int]) -> list[StoredVector]:
        """The vectors that these uploads have of a model; not of hidden ones or those without a current description."""
        result: list[StoredVector] = []
        for some in batches(numbers):
            rows = await self._database.fetch(
                f"""
                SELECT e.upload, e.dimension, e.vector FROM embeddings e
                JOIN descriptions d ON d.upload = e.upload AND d.current = 1
                WHERE e.model = ? AND e.upload IN ({placeholders(some)})
                AND e.upload NOT IN (SELECT number FROM uploads WHERE hidden = 1)
                """,
                (model, *some),
            )
            result.extend(StoredVector(*row) for row in rows)
        return result

    async def one(self, model: str, number: int) -> StoredVector | None:
        """The vector of a model that this upload has, hidden or not."""
        row = await self._database.fetch_one(
            "SELECT upload, dimension, vector FROM embeddings WHERE model = ? AND upload = ?", (model, number)
        )
        return StoredVector(*row) if row else None

    async def stale(self, model: str) -> tuple[int, int]:
        """How many uploads with a current description lack a vector of a model, and of how many.

        What is on its way to its first vector lacks none.
        """
        row = await self._database.fetch_one(
            f"""
            SELECT coalesce(sum({_STALE} AND (
                u.processing_status IN ('completed', 'failed')
                OR EXISTS (SELECT 1 FROM embeddings other WHERE other.upload = d.upload)
            )), 0), count(*)
            FROM descriptions d JOIN uploads u ON u.number = d.upload WHERE d.current = 1
            """,
            (model,),
        )
        assert row is not None
        return int(row[0]), int(row[1])

    async def queue_stale(self, model: str) -> int:
        """Put those that lack a vector of a model, and have ended, back to waiting for one; returns how many.

        In short transactions, so that other writers get their turn; stopped half-way, the next call does the rest.
        """
        numbers = await self._database.fetch_integers(
            f"""
            SELECT d.upload FROM descriptions d JOIN uploads u ON u.number = d.upload
            WHERE d.current = 1 AND u.processing_status IN ('completed', 'failed') AND {_STALE} ORDER BY d.upload
            """,
            (model,),
        )
        moved = 0
        for some in batches(numbers):
            began = time.monotonic()
            async with self._database.transaction() as connection:
                moved += await queue_embedding(connection, some, priority=REEMBED_PRIORITY)
            # A writer of another process only tries now and then: it must find the lock free half of the time.
            await asyncio.sleep(time.monotonic() - began)
        return moved
