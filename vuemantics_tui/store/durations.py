"""How long uploads took, and what waits: what an estimate of the time left is made of."""

from __future__ import annotations

from statistics import median

from vuemantics_tui.domain.media import FileType
from vuemantics_tui.store.database import Database

# Enough for a steady median, few enough that a machine which got slower is soon believed.
LATEST = 100


class DurationStore:
    """Reads durations of runs from the history of uploads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self) -> dict[FileType, int]:
        """How many uploads of each type wait to be described; types of which none waits are left out."""
        rows = await self._database.fetch(
            """
            SELECT file_type, sum(how_many) FROM (
                SELECT file_type, count(*) AS how_many FROM uploads WHERE processing_status = 'pending'
                AND deleted_at IS NULL GROUP BY file_type
                UNION ALL
                SELECT file_type, -count(*) FROM uploads INDEXED BY uploads_resuming
                WHERE processing_status = 'pending' AND resume_description IS NOT NULL AND deleted_at IS NULL
                GROUP BY file_type
            )
            GROUP BY file_type HAVING sum(how_many) > 0
            """
        )
        return {FileType(row[0]): int(row[1]) for row in rows}

    async def waiting_to_embed(self) -> int:
        """How many uploads wait with a description that only lacks its vector."""
        row = await self._database.fetch_one(
            "SELECT count(*) FROM uploads INDEXED BY uploads_resuming"
            " WHERE processing_status = 'pending' AND resume_description IS NOT NULL AND deleted_at IS NULL"
        )
        assert row is not None
        return int(row[0])

    async def embedding_median(self) -> float | None:
        """The median seconds of the latest embeddings; None where there were none."""
        rows = await self._database.fetch(
            "SELECT seconds FROM events WHERE kind = 'completed' AND seconds IS NOT NULL ORDER BY number DESC LIMIT ?",
            (LATEST,),
        )
        return median(float(row[0]) for row in rows) if rows else None

    async def medians(self) -> dict[FileType, float]:
        """The median seconds of the latest completed runs of each type, as far as there were any."""
        found = {}
        for file_type in FileType:
            # Of an upload that ran more than once only the last time of each stage counts.
            rows = await self._database.fetch(
                """
                SELECT sum(seconds) FROM (
                    SELECT upload, kind, seconds, max(number) FROM events
                    WHERE seconds IS NOT NULL AND upload IN (
                        SELECT number FROM uploads WHERE processing_status = 'completed' AND file_type = ?
                        ORDER BY completed_at DESC LIMIT ?
                    )
                    GROUP BY upload, kind
                )
                GROUP BY upload
                """,
                (file_type, LATEST),
            )
            if rows:
                found[file_type] = median(float(row[0]) for row in rows)
        return found
