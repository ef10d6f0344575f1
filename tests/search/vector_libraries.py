"""Libraries that hold nothing but vectors, and a second process that searches one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.search.vectors import VectorIndex
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database, next_revision
from vuemantics_tui.store.embeddings import EmbeddingStore

MODEL = "vendor/model:latest"


def id_of(number: int) -> str:
    """Return the ID that `put_vectors` gives the upload with this number."""
    return f"00000000-0000-0000-0000-{number:012d}"


def unit(count: int, dimension: int = 64, seed: int = 0) -> NDArray[np.float32]:
    """Return this many unit vectors."""
    rows = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


async def put_vectors(database: Database, rows: NDArray[np.float32], model: str = MODEL) -> list[int]:
    """Add completed uploads with these vectors; return their numbers."""
    async with database.transaction() as connection:
        revision = await next_revision(connection)
        ((first,),) = await connection.execute_fetchall("SELECT coalesce(max(number), 0) + 1 FROM uploads")
        ((user,),) = await connection.execute_fetchall("SELECT id FROM users")
        numbers = list(range(first, first + len(rows)))
        await connection.executemany(
            """
            INSERT INTO uploads (number, id, user_id, filename, file_path, file_type, file_size, mime_type, extension,
                                 sha256, processing_status, stage, created_at, updated_at, revision)
            VALUES (:number, printf('00000000-0000-0000-0000-%012d', :number), :user, :number || '.jpg', :number,
                    'image', 1, 'image/jpeg',
                    'jpg', :number, 'completed', 'completed', '2026-01-01', '2026-01-01', :revision)
            """,
            [{"number": number, "user": user, "revision": revision} for number in numbers],
        )
        await connection.executemany(
            "INSERT INTO embeddings (upload, model, dimension, vector, revision) VALUES (?, ?, ?, ?, ?)",
            [
                (number, model, rows.shape[1], row.astype("<f4").tobytes(), revision)
                for number, row in zip(numbers, rows, strict=True)
            ],
        )
    return numbers


async def set_vector(database: Database, number: int, row: NDArray[np.float32], model: str = MODEL) -> None:
    """Replace the vector of an upload, as a run does."""
    async with database.transaction() as connection:
        revision = await next_revision(connection)
        await connection.execute("UPDATE uploads SET revision = ? WHERE number = ?", (revision, number))
        await connection.execute(
            "INSERT OR REPLACE INTO embeddings (upload, model, dimension, vector, revision) VALUES (?, ?, ?, ?, ?)",
            (number, model, len(row), row.astype("<f4").tobytes(), revision),
        )


def index_over(database: Database, folder: Path | None, **changes: int) -> VectorIndex:
    """Return a new index that writes its file from the first vector on."""
    parts = {"file_from": 1, **changes}
    return VectorIndex(EmbeddingStore(database), ChangeFeed(database), MODEL, folder, **parts)


def exact(rows: NDArray[np.float32], numbers: list[int], query: NDArray[np.float32], limit: int) -> list[int]:
    """Return the nearest numbers by the plain product."""
    return [numbers[row] for row in np.argsort(-(rows @ query), kind="stable")[:limit]]


async def _search(library: Path, rounds: int) -> None:
    database = await Database.open(library / "library.db")
    try:
        index = index_over(database, library / "vectors")
        query = unit(1, seed=99)[0]
        for _ in range(rounds):
            found = [number for number, _ in await index.nearest(query, 5)]
            sys.stdout.write(f"{found}\n")
            sys.stdout.flush()
        await index.close()
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(_search(Path(sys.argv[1]), int(sys.argv[2])))
