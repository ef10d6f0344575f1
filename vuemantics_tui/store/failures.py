"""What failed, in groups of one reason."""

from __future__ import annotations

from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.upload import FailureGroup
from vuemantics_tui.store.database import Database

_FAILED = "processing_status = 'failed' AND error_kind <> 'cancelled' AND deleted_at IS NULL"


class FailureStore:
    """Reads failures; what a person cancelled is none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def groups(self) -> list[FailureGroup]:
        """The failed uploads by their message, the largest group first, then the newest."""
        # Beside max(), SQLite takes the other columns from the row that has the maximum.
        rows = await self._database.fetch(
            f"""
            SELECT error_message, hint, error_kind, missing_model, count(*), max(number) FROM uploads
            WHERE {_FAILED} GROUP BY error_message ORDER BY 5 DESC, 6 DESC
            """
        )
        return [
            FailureGroup(row[0] or "", row[1] or "", ErrorKind(row[2]), row[3] or "", row[4], row[5]) for row in rows
        ]

    async def ids(self, message: str) -> list[str]:
        """The IDs of the uploads that failed with this message, oldest first."""
        rows = await self._database.fetch(
            f"SELECT id FROM uploads WHERE {_FAILED} AND coalesce(error_message, '') = ? ORDER BY number", (message,)
        )
        return [row[0] for row in rows]
