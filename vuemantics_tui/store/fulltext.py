"""Full-text search over what has a current description."""

from __future__ import annotations

from collections.abc import Sequence

from vuemantics_tui.store.database import Database, batches, placeholders

# Weights of the columns filename, description, tags, read_text in bm25: a word read in the picture is what someone
# who types that word most likely remembers.
_WEIGHTS = "1.0, 2.0, 3.0, 8.0"


class FullText:
    """FTS5 with Porter stemming; accents do not count."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search(self, words: Sequence[str], *, every: bool, limit: int) -> list[int]:
        """The numbers of the uploads that hold every (or else any) of the words, best by bm25 first, none hidden."""
        return await self._search((" AND " if every else " OR ").join(map(_quoted, words)), limit) if words else []

    async def read(self, words: Sequence[str], limit: int) -> list[int]:
        """As `search` for every word, but only in the text that was read in the picture."""
        return await self._search(f"{{read_text}} : ({' AND '.join(map(_quoted, words))})", limit) if words else []

    async def _search(self, expression: str, limit: int) -> list[int]:
        rows = await self._database.fetch(
            f"""
            SELECT rowid FROM fulltext WHERE fulltext MATCH ?
            AND rowid NOT IN (SELECT number FROM uploads WHERE hidden = 1)
            ORDER BY bm25(fulltext, {_WEIGHTS}), rowid LIMIT ?
            """,
            (expression, limit),
        )
        return [row[0] for row in rows]

    async def holding(self, word: str, numbers: Sequence[int]) -> set[int]:
        """Which of these uploads hold the word, or another one of its stem."""
        found: set[int] = set()
        for some in batches(numbers):
            rows = await self._database.fetch(
                f"SELECT rowid FROM fulltext WHERE fulltext MATCH ? AND rowid IN ({placeholders(some)})",
                (_quoted(word), *some),
            )
            found.update(row[0] for row in rows)
        return found


def _quoted(word: str) -> str:
    """The word as FTS5 reads it: quoted it is only a word, whatever FTS5 would see in it."""
    return '"' + word.replace('"', '""') + '"'
