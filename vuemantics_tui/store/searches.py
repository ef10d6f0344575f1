"""What was searched for."""

from __future__ import annotations

from vuemantics_tui.store.database import Database, escaped_like

# More than anyone leafs back through.
KEPT = 500


class SearchHistory:
    """The searches of a library, each once, whatever its case."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, text: str) -> None:
        """Remember a search as the newest one. One of spaces alone is none."""
        words = " ".join(text.split())
        if not words:
            return
        async with self._database.transaction() as connection:
            await connection.execute("INSERT OR REPLACE INTO searches (text) VALUES (?)", (words,))
            await connection.execute(
                "DELETE FROM searches WHERE number <="
                " (SELECT number FROM searches ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (KEPT,),
            )

    async def newest(self, limit: int) -> list[str]:
        """The latest searches, newest first."""
        rows = await self._database.fetch("SELECT text FROM searches ORDER BY number DESC LIMIT ?", (limit,))
        return [row["text"] for row in rows]

    async def beginning(self, prefix: str, limit: int) -> list[str]:
        """The latest searches that begin so, whatever the case, newest first."""
        pattern = f"{escaped_like(prefix)}%"
        rows = await self._database.fetch(
            "SELECT text FROM searches WHERE text LIKE ? ESCAPE '\\' ORDER BY number DESC LIMIT ?", (pattern, limit)
        )
        return [row["text"] for row in rows]
