"""What a person decides about uploads: cancel them, run them next, hide them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vuemantics_tui.store.database import Database, batches, next_revision, now_iso, placeholders
from vuemantics_tui.store.fingerprints import leave_groups

CANCELLED = "Cancelled"


@dataclass(frozen=True, slots=True)
class CancelledUpload:
    """One that was ended, and the claim that its run had, if it ran."""

    upload_id: str
    token: str | None


class DecisionStore:
    """Writes what a person decides. Each call is one transaction and takes one revision for all that it moves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def cancel(self, upload_ids: Sequence[str]) -> list[CancelledUpload]:
        """End what waits or runs as failed, and take its claim away, so that its run can write no more."""
        ended: list[CancelledUpload] = []
        async with self._database.transaction() as connection:
            revision, moment = await next_revision(connection), now_iso()
            for some in batches(list(dict.fromkeys(upload_ids))):
                rows = list(
                    await connection.execute_fetchall(
                        f"""
                        SELECT number, id, claim_token FROM uploads WHERE id IN ({placeholders(some)})
                        AND processing_status IN ('pending', 'analyzing', 'embedding') AND deleted_at IS NULL
                        """,
                        some,
                    )
                )
                numbers = [row[0] for row in rows]
                await connection.execute(
                    f"""
                    UPDATE uploads SET processing_status = 'failed', error_stage = stage, stage = 'failed',
                           error_message = ?, error_kind = 'cancelled', hint = NULL, retry_at = NULL,
                           claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL,
                           updated_at = ?, revision = ?
                    WHERE number IN ({placeholders(numbers)})
                    """,
                    (CANCELLED, moment, revision, *numbers),
                )
                await connection.executemany(
                    "INSERT INTO events (upload, at, kind) VALUES (?, ?, 'cancelled')",
                    [(number, moment) for number in numbers],
                )
                ended.extend(CancelledUpload(row[1], row[2]) for row in rows)
        return ended

    async def run_next(self, upload_ids: Sequence[str]) -> int:
        """Make what waits of these due, with a higher priority than anything else that waits; returns how many."""
        moved = 0
        async with self._database.transaction() as connection:
            revision = await next_revision(connection)
            waiting = "processing_status = 'pending' AND claim_token IS NULL AND deleted_at IS NULL"
            rows = list(
                await connection.execute_fetchall(f"SELECT coalesce(max(priority), 0) + 1 FROM uploads WHERE {waiting}")
            )
            priority = rows[0][0]
            for some in batches(list(dict.fromkeys(upload_ids))):
                cursor = await connection.execute(
                    f"""
                    UPDATE uploads SET priority = ?, retry_at = NULL, updated_at = ?, revision = ?
                    WHERE id IN ({placeholders(some)}) AND {waiting}
                    """,
                    (priority, now_iso(), revision, *some),
                )
                moved += cursor.rowcount
        return moved

    async def set_hidden(self, upload_ids: Sequence[str], hidden: bool) -> int:
        """Hide uploads or show them again; returns how many changed."""
        moved = 0
        async with self._database.transaction() as connection:
            revision = await next_revision(connection)
            for some in batches(list(dict.fromkeys(upload_ids))):
                rows = await connection.execute_fetchall(
                    f"""
                    UPDATE uploads SET hidden = ?, updated_at = ?, revision = ?
                    WHERE id IN ({placeholders(some)}) AND hidden <> ? AND deleted_at IS NULL RETURNING number
                    """,
                    (int(hidden), now_iso(), revision, *some, int(hidden)),
                )
                numbers = [row[0] for row in rows]
                if hidden:
                    await leave_groups(connection, numbers)
                moved += len(numbers)
        return moved
