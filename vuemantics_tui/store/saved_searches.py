"""Searches that a person keeps by name."""

from __future__ import annotations

from dataclasses import dataclass

from vuemantics_tui.store.database import Database, next_revision


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search by its name, whose case does not count; `query` as text, in its canonical form."""

    name: str
    query: str


class SavedSearches:
    """Reads and writes saved searches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[SavedSearch]:
        """Every saved search, by name."""
        rows = await self._database.fetch("SELECT name, query FROM saved_searches ORDER BY name COLLATE NOCASE")
        return [SavedSearch(row["name"], row["query"]) for row in rows]

    async def save(self, name: str, query: str) -> None:
        """Keep a search, in the place of an older one of the same name."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO saved_searches (name, query) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET name = excluded.name, query = excluded.query",
                (name, query),
            )
            await next_revision(connection)

    async def forget(self, name: str) -> bool:
        """Forget a search; False where there is none of this name."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute("DELETE FROM saved_searches WHERE name = ? COLLATE NOCASE", (name,))
            await next_revision(connection)
            return cursor.rowcount > 0
