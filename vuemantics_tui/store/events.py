"""What happened to an upload, and when."""

from __future__ import annotations

import aiosqlite

from vuemantics_tui.domain.upload import UploadEvent
from vuemantics_tui.store.database import Database, now_iso


async def record_event(
    connection: aiosqlite.Connection, number: int, kind: str, message: str = "", seconds: float | None = None
) -> None:
    """Add an event inside the transaction of what it tells of."""
    await connection.execute(
        "INSERT INTO events (upload, at, kind, message, seconds) VALUES (?, ?, ?, ?, ?)",
        (number, now_iso(), kind, message, seconds),
    )


class EventStore:
    """Reads the history of uploads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, number: int) -> list[UploadEvent]:
        """Everything that happened to an upload, oldest first."""
        rows = await self._database.fetch(
            "SELECT at, kind, message, seconds FROM events WHERE upload = ? ORDER BY number", (number,)
        )
        return [UploadEvent(row["at"], row["kind"], row["message"], row["seconds"]) for row in rows]
