"""The queue: what waits, runs and failed, who works on which upload, and what a person decides about it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import aiosqlite

from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.upload import FailureGroup, ProcessingStage, ProcessingStatus, QueueCounts
from vuemantics_tui.store.database import Database, batches, next_revision, now_iso, placeholders
from vuemantics_tui.store.history import record_event, record_events
from vuemantics_tui.store.runs import Claim, Clock, Failure, mark_failed, put_back

LEASE_SECONDS = 60.0
# How often an upload is begun: whether it takes the whole program down with it or only fails each time.
MAX_ATTEMPTS = 3

CANCELLED = "Cancelled"

_FAILED = "processing_status = 'failed' AND error_kind <> 'cancelled' AND deleted_at IS NULL"

# Named, as SQLite would else rather read every waiting row than the index that has their order.
_NEXT = """
    FROM uploads INDEXED BY uploads_waiting
    WHERE processing_status = 'pending' AND claim_token IS NULL AND deleted_at IS NULL
    AND (retry_at IS NULL OR retry_at <= ?)
    AND NOT (SELECT paused FROM library)
"""


@dataclass(frozen=True, slots=True)
class CancelledUpload:
    """One that was ended, and the claim that its run had, if it ran."""

    upload_id: str
    token: str | None


class ClaimStore:
    """Gives out claims and takes them back. `clock` gives seconds since the epoch."""

    def __init__(self, database: Database, owner: str, clock: Clock = time.time) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock

    async def claim_next(self) -> Claim | None:
        """Claim the next waiting upload that is due, by priority, then age; None if there is none or it is paused."""
        now = self._clock()
        if await self._database.fetch_one(f"SELECT 1 {_NEXT} LIMIT 1", (now,)) is None:
            return None  # without taking the write lock, as an idle window asks this again and again
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(
                    f"SELECT number {_NEXT} ORDER BY priority DESC, number LIMIT 1", (now,)
                )
            )
            return await self._take(connection, rows[0][0]) if rows else None

    async def claim(self, upload_id: str) -> Claim | None:
        """Claim this very upload if it waits and nobody has it, paused or not, due or not."""
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(
                    "SELECT number FROM uploads WHERE id = ? AND processing_status = 'pending' AND claim_token IS NULL"
                    " AND deleted_at IS NULL",
                    (upload_id,),
                )
            )
            return await self._take(connection, rows[0][0]) if rows else None

    async def _take(self, connection: aiosqlite.Connection, number: int) -> Claim:
        token = str(uuid.uuid4())
        await connection.execute(
            """
            UPDATE uploads SET claim_token = ?, claim_owner = ?, claim_expires_at = ?, attempts = attempts + 1,
                   retry_at = NULL, error_message = NULL, error_stage = NULL, error_kind = NULL, hint = NULL
            WHERE number = ?
            """,
            (token, self._owner, self._clock() + LEASE_SECONDS, number),
        )
        rows = list(
            await connection.execute_fetchall(
                "SELECT id, user_id, file_type, extension, attempts, resume_description FROM uploads WHERE number = ?",
                (number,),
            )
        )
        upload_id, user_id, file_type, extension, attempts, resume = rows[0]
        return Claim(token, number, upload_id, user_id, FileType(file_type), extension, attempts, resume)

    async def renew(self, tokens: Sequence[str]) -> None:
        """Prolong the leases of these claims."""
        if not tokens:
            return
        async with self._database.transaction() as connection:
            await connection.execute(
                f"UPDATE uploads SET claim_expires_at = ? WHERE claim_token IN ({placeholders(tokens)})",
                (self._clock() + LEASE_SECONDS, *tokens),
            )

    async def release(self, token: str) -> None:
        """Put what this claim holds back to waiting, as if it had never begun."""
        await self._release("claim_token = ?", token)

    async def release_all(self) -> None:
        """Put everything that this owner holds back to waiting."""
        await self._release("claim_owner = ?", self._owner)

    async def _release(self, condition: str, value: str) -> None:
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(f"SELECT number FROM uploads WHERE {condition}", (value,))
            for row in list(rows):
                await put_back(connection, row[0], ("stopped", ""), attempts_given_back=1)

    async def take_over(self, is_dead: Callable[[str], bool]) -> int:
        """Put back what dead owners hold, and what anyone holds past its lease; returns how many.

        `is_dead` is asked once for each owner; what has been begun MAX_ATTEMPTS times becomes failed instead.
        """
        owners = await self._database.fetch(
            "SELECT DISTINCT claim_owner FROM uploads WHERE claim_token IS NOT NULL AND claim_owner <> ?",
            (self._owner,),
        )
        dead = [row[0] for row in owners if is_dead(row[0])]
        expired = await self._database.fetch_one(
            "SELECT 1 FROM uploads WHERE claim_token IS NOT NULL AND claim_expires_at < ? LIMIT 1",
            (self._clock(),),
        )
        if not dead and expired is None:
            return 0
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(
                    f"""
                    SELECT number, attempts, stage FROM uploads WHERE claim_token IS NOT NULL
                    AND (claim_owner IN ({placeholders(dead)}) OR claim_expires_at < ?)
                    """,
                    (*dead, self._clock()),
                )
            )
            for number, attempts, stage in rows:
                if attempts >= MAX_ATTEMPTS:
                    await mark_failed(connection, number, _gave_up(attempts, ProcessingStage(stage)))
                else:
                    await put_back(connection, number, ("taken over", ""))
        return len(rows)


class QueueStore:
    """Reads the queue, and writes what a person decides about it. Each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counts(self) -> QueueCounts:
        """How many uploads are in each state, how many are hidden, and whether the queue is paused."""
        rows = await self._database.fetch(
            "SELECT processing_status, count(*) FROM uploads WHERE deleted_at IS NULL GROUP BY processing_status"
            " UNION ALL SELECT 'paused', paused FROM library"
            " UNION ALL SELECT 'hidden', count(*) FROM uploads INDEXED BY uploads_hidden"
            " WHERE hidden = 1 AND deleted_at IS NULL"
        )
        by_status = {row[0]: int(row[1]) for row in rows}
        return QueueCounts(
            running=by_status.get("analyzing", 0) + by_status.get("embedding", 0),
            waiting=by_status.get("pending", 0),
            failed=by_status.get("failed", 0),
            completed=by_status.get("completed", 0),
            paused=bool(by_status["paused"]),
            hidden=by_status["hidden"],
        )

    async def set_paused(self, paused: bool) -> None:
        """Pause or resume the queue for all who share the library."""
        async with self._database.transaction() as connection:
            await next_revision(connection)
            await connection.execute("UPDATE library SET paused = ?", (int(paused),))

    async def requeue(self, upload_ids: Iterable[str], *, overwrite_edited: bool = False) -> list[str]:
        """Put failed and completed uploads back into the queue, and make due what waits for its next attempt.

        Returns the IDs that moved. A completed one is described anew and counts as regenerated; it keeps its
        description and vector until the new ones are there, and is passed over where a person wrote that description,
        unless told to `overwrite_edited`. One that failed after it was described goes on from there.
        """
        moved: list[str] = []
        async with self._database.transaction() as connection:
            for upload_id in upload_ids:
                if await _requeue_one(connection, upload_id, overwrite_edited):
                    moved.append(upload_id)
        return moved

    async def unfinished(self) -> set[int]:
        """The numbers of all uploads that wait or run."""
        rows = await self._database.fetch(
            "SELECT number FROM uploads WHERE processing_status IN ('pending', 'analyzing', 'embedding')"
            " AND deleted_at IS NULL"
        )
        return {row[0] for row in rows}

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

    async def failure_groups(self) -> list[FailureGroup]:
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

    async def failed_with(self, message: str) -> list[str]:
        """The IDs of the uploads that failed with this message, oldest first."""
        rows = await self._database.fetch(
            f"SELECT id FROM uploads WHERE {_FAILED} AND coalesce(error_message, '') = ? ORDER BY number", (message,)
        )
        return [row[0] for row in rows]

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
                await record_events(connection, numbers, "cancelled")
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


async def _requeue_one(connection: aiosqlite.Connection, upload_id: str, overwrite_edited: bool) -> bool:
    rows = list(
        await connection.execute_fetchall(
            """
            SELECT number, processing_status FROM uploads
            WHERE id = ?1 AND deleted_at IS NULL AND (
                processing_status = 'failed'
                OR (processing_status = 'pending' AND claim_token IS NULL AND retry_at IS NOT NULL)
                OR (processing_status = 'completed' AND (?2 OR number NOT IN (
                    SELECT upload FROM descriptions WHERE current = 1 AND edited = 1 AND upload = uploads.number)))
            )
            """,
            (upload_id, int(overwrite_edited)),
        )
    )
    if not rows:
        return False
    number, status = rows[0]
    moment = now_iso()
    again = status == ProcessingStatus.COMPLETED
    # `resume_description` is NULL in what is completed: only what failed on its way to a vector has one, and keeps it.
    await connection.execute(
        """
        UPDATE uploads SET processing_status = 'pending', stage = 'queued', progress_percent = 0, attempts = 0,
               priority = 0, retry_at = NULL,
               error_message = NULL, error_stage = NULL, error_kind = NULL, hint = NULL, missing_model = NULL,
               warning = iif(resume_description IS NULL, NULL, warning),
               claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL, completed_at = NULL,
               regeneration_count = regeneration_count + ?, last_regenerated_at = iif(?, ?, last_regenerated_at),
               updated_at = ?, revision = ?
        WHERE number = ?
        """,
        (int(again), again, moment, moment, await next_revision(connection), number),
    )
    await record_event(connection, number, "regenerate" if again else "retried")
    return True


def _gave_up(attempts: int, stage: ProcessingStage) -> Failure:
    return Failure(
        f"Processing failed: the program ended {attempts} times in the middle of this upload",
        ErrorKind.PERMANENT,
        stage,
        "Look at the log file, then retry it by itself.",
    )
