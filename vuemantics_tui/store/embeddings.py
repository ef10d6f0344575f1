"""The vectors of uploads, as bytes of little-endian float32."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import aiosqlite

from vuemantics_tui.store.database import Database, batches, json_list
from vuemantics_tui.store.descriptions import queue_embedding

# Lower than anything that someone waits for.
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
    """Save the vector of an upload, replacing one from the same model, inside a transaction."""
    await connection.execute(
        "INSERT OR REPLACE INTO embeddings (upload, model, dimension, vector, revision)"
        " VALUES (:upload, :model, :dimension, :vector, (SELECT revision FROM library))",
        {"upload": number, "model": model, "dimension": dimension, "vector": data},
    )


async def delete_vectors(connection: aiosqlite.Connection, number: int) -> None:
    """Delete the vectors of an upload, of every model, inside a transaction."""
    await connection.execute("DELETE FROM embeddings WHERE upload = ?", (number,))


async def renew_vectors(connection: aiosqlite.Connection, numbers: Sequence[int], revision: int) -> None:
    """Make the vectors of these uploads new to caches, which let go of what is in the trash, inside a transaction."""
    for vectors in Vectors:
        await connection.execute(
            f"UPDATE {vectors.value} SET revision = ? WHERE upload IN (SELECT value FROM json_each(?))",
            (revision, json_list(numbers)),
        )


class Vectors(StrEnum):
    """Where vectors are: those of texts, and those of pictures."""

    TEXTS = "embeddings"
    PICTURES = "picture_vectors"


class EmbeddingStore:
    """Reads vectors, and queues what has none of a model."""

    def __init__(self, database: Database, vectors: Vectors = Vectors.TEXTS) -> None:
        self._database = database
        self._table = vectors.value

    async def library_id(self) -> str:
        """Return the ID of the library: that of its owner."""
        row = await self._database.fetch_one("SELECT id FROM users ORDER BY created_at LIMIT 1")
        assert row is not None, "a library is made with its user"
        return str(row[0])

    async def revision(self) -> int:
        """Return the current revision of the library."""
        row = await self._database.fetch_one("SELECT revision FROM library")
        assert row is not None
        return int(row[0])

    async def forgotten(self) -> int:
        """Return the revision up to which deletions are forgotten."""
        row = await self._database.fetch_one("SELECT forgotten FROM library")
        assert row is not None
        return int(row[0])

    async def dimension(self, model: str) -> int | None:
        """Return the dimension of the newest vector of a model, or None."""
        row = await self._database.fetch_one(
            f"SELECT dimension FROM {self._table} WHERE model = ? ORDER BY revision DESC LIMIT 1", (model,)
        )
        return int(row[0]) if row else None

    async def count(self, model: str) -> int:
        """Return how many vectors of a model there are, including those of uploads in the trash."""
        row = await self._database.fetch_one(f"SELECT count(*) FROM {self._table} WHERE model = ?", (model,))
        assert row is not None
        return int(row[0])

    async def after(self, model: str, number: int, limit: int) -> list[StoredVector]:
        """Return the vectors of the uploads after this number, in order, hidden or not, but none in the trash."""
        # The plus keeps SQLite from the index of revisions, which would have it sort all that are left, each time.
        rows = await self._database.fetch(
            f"""
            SELECT e.upload, e.dimension, e.vector FROM {self._table} e JOIN uploads u ON u.number = e.upload
            WHERE +e.model = ? AND e.upload > ? AND u.deleted_at IS NULL ORDER BY e.upload LIMIT ?
            """,
            (model, number, limit),
        )
        return [StoredVector(*row) for row in rows]

    async def newer(self, model: str, revision: int) -> list[StoredVector]:
        """Return the vectors written after a revision, hidden or not, but none in the trash."""
        rows = await self._database.fetch(
            f"""
            SELECT e.upload, e.dimension, e.vector FROM {self._table} e JOIN uploads u ON u.number = e.upload
            WHERE e.model = ? AND e.revision > ? AND u.deleted_at IS NULL ORDER BY e.upload
            """,
            (model, revision),
        )
        return [StoredVector(*row) for row in rows]

    async def count_newer(self, model: str, revision: int) -> int:
        """Return how many vectors were written after a revision."""
        row = await self._database.fetch_one(
            f"SELECT count(*) FROM {self._table} WHERE model = ? AND revision > ?", (model, revision)
        )
        assert row is not None
        return int(row[0])

    async def gone(self, model: str, revision: int) -> array[int]:
        """Return the uploads that changed after a revision and have no vector: deleted, trashed, described again."""
        return await self._database.fetch_integers(
            f"""
            SELECT upload FROM tombstones WHERE revision > :revision
            UNION ALL SELECT number FROM uploads WHERE revision > :revision AND (deleted_at IS NOT NULL
                OR NOT EXISTS (SELECT 1 FROM {self._table} e WHERE e.upload = number AND e.model = :model))
            """,
            {"revision": revision, "model": model},
        )

    async def hidden(self) -> array[int]:
        """Return the numbers of all hidden uploads, in order."""
        return await self._database.fetch_integers(
            "SELECT number FROM uploads INDEXED BY uploads_hidden"
            " WHERE hidden = 1 AND deleted_at IS NULL ORDER BY number"
        )

    async def of_before(self, model: str, numbers: Sequence[int], revision: int) -> dict[int, bytes | None]:
        """Return the vectors of these uploads from a model, as bytes, with None for one that is gone without a trace.

        Left out is what changed after the revision.
        """
        found: dict[int, bytes | None] = {}
        for number in numbers:
            row = await self._database.fetch_one(
                f"""
                SELECT (SELECT vector FROM {self._table} WHERE upload = :number AND model = :model)
                WHERE NOT EXISTS (
                    SELECT 1 FROM {self._table} WHERE upload = :number AND model = :model AND revision > :revision
                )
                AND NOT EXISTS (SELECT 1 FROM uploads WHERE number = :number AND revision > :revision)
                AND NOT EXISTS (SELECT 1 FROM tombstones WHERE upload = :number)
                """,
                {"number": number, "model": model, "revision": revision},
            )
            if row is not None:
                found[number] = row[0]
        return found

    async def one(self, model: str, number: int) -> StoredVector | None:
        """Return the vector of this upload from a model, hidden or not; None for one in the trash."""
        row = await self._database.fetch_one(
            f"""
            SELECT e.upload, e.dimension, e.vector FROM {self._table} e JOIN uploads u ON u.number = e.upload
            WHERE e.model = ? AND e.upload = ? AND u.deleted_at IS NULL
            """,
            (model, number),
        )
        return StoredVector(*row) if row else None

    async def stale(self, model: str) -> tuple[int, int]:
        """Return how many uploads with a current description lack a vector of a model, and how many have one.

        What is on its way to its first vector lacks none.
        """
        row = await self._database.fetch_one(
            f"""
            SELECT coalesce(sum({_STALE} AND (
                u.processing_status IN ('completed', 'failed')
                OR EXISTS (SELECT 1 FROM embeddings other WHERE other.upload = d.upload)
            )), 0), count(*)
            FROM descriptions d JOIN uploads u ON u.number = d.upload WHERE d.current = 1
            AND u.deleted_at IS NULL
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
            WHERE d.current = 1 AND u.processing_status IN ('completed', 'failed') AND u.deleted_at IS NULL
            AND {_STALE} ORDER BY d.upload
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
