"""The vectors of uploads, as bytes of little-endian float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from vuemantics_tui.store.database import Database, batches, placeholders


@dataclass(frozen=True, slots=True)
class StoredVector:
    """One upload's vector: `dimension` little-endian float32 values."""

    number: int
    dimension: int
    data: bytes


async def save_vector(connection: aiosqlite.Connection, number: int, model: str, dimension: int, data: bytes) -> None:
    """Put the vector of an upload in the place of an older one of the same model, inside a transaction."""
    await connection.execute("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?)", (number, model, dimension, data))


class EmbeddingStore:
    """Reads vectors."""

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
