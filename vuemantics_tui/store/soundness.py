"""Whether what a database says of the same thing in several places agrees, and how to make it agree again."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.embeddings import Vectors
from vuemantics_tui.store.letters import COLUMNS

# Names alone are in it since they are added to it at once: older uploads that were never described may lack theirs.
_HAS_TEXT = "(s.description IS NOT NULL OR s.own_tags IS NOT NULL)"
_DIFFERS = " OR ".join(f"f.{column} IS NOT segmented(s.{column})" for column in COLUMNS)
# A vector is float32, so four bytes for each dimension.
_WRONG_VECTOR = "length(vector) <> 4 * dimension OR dimension < 1"


@dataclass(frozen=True, slots=True)
class Reference:
    """Rows of a table that belong to rows that are not there."""

    table: str
    rowids: tuple[int | None, ...]


class SoundnessStore:
    """Compares, and repairs what can be made again from something else in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def broken_references(self) -> list[Reference]:
        """Return the rows that belong to rows that are not there, by table."""
        found: dict[str, list[int | None]] = {}
        for row in await self._database.fetch("PRAGMA foreign_key_check"):
            found.setdefault(str(row[0]), []).append(row[1])
        return [Reference(table, tuple(dict.fromkeys(rowids))) for table, rowids in found.items()]

    async def drop_broken(self) -> None:
        """Delete the rows that belong to uploads, tags and the like that are not there; uploads themselves stay."""
        for reference in await self.broken_references():
            if reference.table == "uploads":
                continue
            async with self._database.transaction() as connection:
                for rowid in reference.rowids:
                    # A table without row numbers says nothing of them; what it holds is found by its upload.
                    if rowid is None:
                        await connection.execute(
                            f"DELETE FROM {reference.table} WHERE upload NOT IN (SELECT number FROM uploads)"
                        )
                    else:
                        await connection.execute(f"DELETE FROM {reference.table} WHERE rowid = ?", (rowid,))

    async def text_differences(self) -> int:
        """Return how many uploads the full text has wrongly, not at all, or though they should not be in it."""
        row = await self._database.fetch_one(
            f"""
            SELECT (
                SELECT count(*) FROM searchable s LEFT JOIN fulltext f ON f.rowid = s.number
                WHERE s.number NOT IN (SELECT upload FROM unindexed)
                AND iif(f.rowid IS NULL, {_HAS_TEXT}, {_DIFFERS})
            ) + (
                SELECT count(*) FROM fulltext_docsize WHERE id NOT IN (SELECT number FROM searchable)
                AND id NOT IN (SELECT upload FROM unindexed)
            )
            """
        )
        assert row is not None
        return int(row[0])

    async def has_sound_text_index(self) -> bool:
        """Tell whether the index of the full text agrees with its texts. Of a library that is only read: True."""
        if self._database.is_read_only:
            return True
        try:
            async with self._database.transaction() as connection:
                await connection.execute("INSERT INTO fulltext (fulltext) VALUES ('integrity-check')")
        except LibraryError as error:
            if isinstance(error.__cause__, sqlite3.DatabaseError):
                return False
            raise
        return True

    async def rebuild_text(self) -> None:
        """Write the full text of all uploads again."""
        async with self._database.transaction() as connection:
            await connection.execute("DELETE FROM fulltext_content")
            await connection.execute("INSERT INTO fulltext (fulltext) VALUES ('rebuild')")
            # The end of the transaction writes them.
            await connection.execute("INSERT OR IGNORE INTO unindexed SELECT number FROM uploads")

    async def rebuild_indexes(self) -> bool:
        """Make all indexes again; returns whether SQLite could."""
        try:
            async with self._database.transaction() as connection:
                await connection.execute("REINDEX")
        except (LibraryError, sqlite3.IntegrityError):
            return False
        return True

    async def wrong_vectors(self) -> int:
        """Return how many vectors have not as many numbers as they should."""
        counts = [
            await self._database.fetch_one(f"SELECT count(*) FROM {table.value} WHERE {_WRONG_VECTOR}")
            for table in Vectors
        ]
        return sum(int(row[0]) for row in counts if row is not None)

    async def drop_wrong_vectors(self) -> None:
        """Delete the vectors that have not as many numbers as they should: they are made again."""
        async with self._database.transaction() as connection:
            for table in Vectors:
                await connection.execute(f"DELETE FROM {table.value} WHERE {_WRONG_VECTOR}")
