"""What is true of a library as a whole: whose it is, and its kept choice of an analyzer."""

from __future__ import annotations

from vuemantics_tui.store.database import Database


class LibraryStore:
    """Reads and writes the one row of the library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be kept."""
        return self._database.is_read_only

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
