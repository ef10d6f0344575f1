"""What is true of the library as a whole: its kept choice of an analyzer, its size, its health."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.store.database import Database, sqlite_errors
from vuemantics_tui.store.uninterrupted import uninterrupted

# What SQLite writes beside the database, and what it says when nothing is wrong.
_BESIDE = ("", "-wal", "-shm")
_FINE = "ok"
_MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class LibrarySize:
    """How large a library is on disk, in bytes: its database, and the originals by what the database says of them."""

    database: int
    originals: int


class LibraryStore:
    """Reads and writes the one row of the library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def kept(self) -> tuple[str, str] | None:
        """The names of the analyzer that describes and of the one that embeds; None until they are kept."""
        row = await self._database.fetch_one("SELECT analyzer, embedder FROM library")
        return None if row is None or row[0] is None else (str(row[0]), str(row[1]))

    async def keep(self, analyzer: str, embedder: str) -> None:
        """Keep these, whatever was kept."""
        async with self._database.transaction() as connection:
            await connection.execute("UPDATE library SET analyzer = ?, embedder = ?", (analyzer, embedder))

    async def keep_first(self, analyzer: str, embedder: str) -> tuple[str, str]:
        """Keep these unless another process was first; returns what is kept."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE library SET analyzer = ?, embedder = ? WHERE analyzer IS NULL", (analyzer, embedder)
            )
        return await self.kept() or (analyzer, embedder)

    async def size(self) -> LibrarySize:
        """How large the library is."""
        row = await self._database.fetch_one("SELECT coalesce(sum(file_size), 0) FROM uploads")
        assert row is not None
        return LibrarySize(await asyncio.to_thread(_database_bytes, self._database.path), int(row[0]))

    async def problems(self) -> list[str]:
        """What SQLite's quick check finds wrong, a few lines at most; empty where all is well. Raises LibraryError.

        On a connection of its own: on a large library it takes seconds, in which others go on reading. Cancelling ends
        it at once.
        """
        path = self._database.path
        with sqlite_errors(path):
            connection = await aiosqlite.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            try:
                rows = list(await connection.execute_fetchall(f"PRAGMA quick_check({_MOST_PROBLEMS})"))
            except asyncio.CancelledError:
                # The thread of the connection would go on, and closing would wait for it.
                await connection.interrupt()
                raise
            finally:
                await uninterrupted(connection.close())
        if not rows:
            raise LibraryError(f"SQLite says nothing of {path}", "Check the disk.")
        return [str(row[0]) for row in rows if row[0] != _FINE]


def _database_bytes(path: Path) -> int:
    total = 0
    for suffix in _BESIDE:
        with contextlib.suppress(FileNotFoundError):
            total += path.with_name(path.name + suffix).stat().st_size
    return total
