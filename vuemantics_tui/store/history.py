"""The history of uploads, and how long they took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

import aiosqlite

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.upload import UploadEvent
from vuemantics_tui.store.database import Database, now_iso

# Enough for a steady median, few enough that the estimate soon follows when the machine gets slower.
LATEST = 100
# How many events of an upload are kept, besides how it was added.
EVENTS_KEPT = 100


async def record_event(
    connection: aiosqlite.Connection, number: int, kind: str, message: str = "", seconds: float | None = None
) -> None:
    """Add an event inside the transaction of what it tells of."""
    await record_events(connection, [number], kind, message, seconds)


async def record_events(
    connection: aiosqlite.Connection,
    numbers: Sequence[int],
    kind: str,
    message: str = "",
    seconds: float | None = None,
) -> None:
    """Add the same event to each of these uploads, inside a transaction; the oldest of a long history go."""
    await record_each(connection, [(number, message) for number in numbers], kind, seconds)


async def record_each(
    connection: aiosqlite.Connection, messages: Sequence[tuple[int, str]], kind: str, seconds: float | None = None
) -> None:
    """Add an event of the same kind to uploads, by number each with its message, as `record_events` does."""
    event = {"at": now_iso(), "kind": kind, "seconds": seconds}
    await connection.executemany(
        "INSERT INTO events (upload, at, kind, message, seconds) VALUES (:number, :at, :kind, :message, :seconds)",
        [{"number": number, "message": message, **event} for number, message in messages],
    )
    await connection.executemany(
        f"""
        DELETE FROM events WHERE upload = :number AND kind <> 'added' AND number <= (
            SELECT number FROM events WHERE upload = :number ORDER BY number DESC LIMIT 1 OFFSET {EVENTS_KEPT}
        )
        """,
        [{"number": number} for number, _ in messages],
    )


class HistoryStore:
    """Reads the history of uploads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, number: int) -> list[UploadEvent]:
        """Return everything that happened to an upload, oldest first."""
        rows = await self._database.fetch(
            "SELECT at, kind, message, seconds FROM events WHERE upload = ? ORDER BY number", (number,)
        )
        return [UploadEvent(row["at"], row["kind"], row["message"], row["seconds"]) for row in rows]

    async def newest(self) -> int:
        """Return the number of the newest event, 0 for none."""
        ((number,),) = await self._database.fetch("SELECT coalesce(max(number), 0) FROM events")
        return int(number)

    async def ended_after(self, event: int) -> tuple[set[int], int]:
        """Return the numbers of the uploads whose processing ended after an event, and the newest event by now."""
        newest = await self.newest()
        rows = await self._database.fetch(
            """
            SELECT upload FROM events WHERE number > ? AND number <= ? AND kind IN ('completed', 'failed', 'cancelled')
            """,
            (event, newest),
        )
        return {row[0] for row in rows}, newest

    async def embedding_median(self) -> float | None:
        """Return the median seconds of the latest embeddings, or None."""
        rows = await self._database.fetch(
            "SELECT seconds FROM events WHERE kind = 'completed' AND seconds IS NOT NULL ORDER BY number DESC LIMIT ?",
            (LATEST,),
        )
        return median(float(row[0]) for row in rows) if rows else None

    async def medians(self) -> dict[FileType, dict[str, float]]:
        """Return the median seconds of each stage in the latest completed runs of each type that has any.

        The stages are called by the events that end them: thumbnail, described, completed.
        """
        found: dict[FileType, dict[str, float]] = {}
        for file_type in FileType:
            # Of an upload that ran more than once only the last time of each stage counts.
            rows = await self._database.fetch(
                """
                SELECT kind, seconds, max(number) FROM events
                WHERE seconds IS NOT NULL AND kind IN ('thumbnail', 'described', 'completed') AND upload IN (
                    SELECT number FROM uploads WHERE processing_status = 'completed' AND file_type = ?
                    ORDER BY completed_at DESC LIMIT ?
                )
                GROUP BY upload, kind
                """,
                (file_type, LATEST),
            )
            seconds = defaultdict[str, list[float]](list)
            for row in rows:
                seconds[row["kind"]].append(float(row["seconds"]))
            if seconds:
                found[file_type] = {kind: median(some) for kind, some in seconds.items()}
        return found
