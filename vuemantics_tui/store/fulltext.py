"""Full-text search over what has a current description."""

from __future__ import annotations

from collections.abc import Sequence

from vuemantics_tui.store.database import Database

# Weights of the columns filename, description, tags, read_text in bm25: a word read in the picture is what someone
# who types that word most likely remembers.
_WEIGHTS = "1.0, 2.0, 3.0, 4.0"


class FullText:
    """FTS5 with Porter stemming; accents do not count."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search(self, words: Sequence[str], *, every: bool, limit: int) -> list[int]:
        """The numbers of the uploads that hold every (or else any) of the words, best by bm25 first."""
        if not words:
            return []
        # Quoted, a word is only a word, whatever FTS5 would read into it.
        quoted = ['"' + word.replace('"', '""') + '"' for word in words]
        expression = (" AND " if every else " OR ").join(quoted)
        rows = await self._database.fetch(
            f"SELECT rowid FROM fulltext WHERE fulltext MATCH ? ORDER BY bm25(fulltext, {_WEIGHTS}), rowid LIMIT ?",
            (expression, limit),
        )
        return [row[0] for row in rows]
