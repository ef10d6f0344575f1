"""The queue: what waits, runs and failed, who works on which upload, and what a person decides about it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

import aiosqlite

from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.sources import real_path
from vuemantics_tui.domain.upload import (
    FailedUpload,
    FailureGroup,
    ProcessingStage,
    ProcessingStatus,
    QueueCounts,
    failure_cause,
)
from vuemantics_tui.store.database import Database, Row, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.history import record_event, record_events
from vuemantics_tui.store.originals import IS_REACHABLE, SOURCE_OF
from vuemantics_tui.store.runs import Claim, Clock, EndedRun, Failure, mark_failed, put_back

LEASE_SECONDS = 60.0
# How often an upload is tried that fails each time with an error that may pass.
MAX_ATTEMPTS = 3
# An upload at work each time the program died is a suspect, and from then on runs alone. It is guilty when the program
# then dies as often again: a person who kills the program for other reasons hits it too. It waits in between, longer
# each time, so that a guilty one leaves time to use the program.
SUSPECT_AFTER = 2
GUILTY_AFTER = 3
ALONE_AGAIN_SECONDS = 10.0

CANCELLED = "Cancelled"
# A list of failures names so many of each kind; a search lists them all.
MOST_NAMED = 100

_FAILED = "processing_status = 'failed' AND error_kind <> 'cancelled' AND deleted_at IS NULL"

_WAITS = "processing_status = 'pending' AND claim_token IS NULL AND deleted_at IS NULL"
# Named, as SQLite would else rather read every waiting row than the index that has their order.
_DUE = f"""
    FROM uploads INDEXED BY uploads_waiting
    WHERE {_WAITS} AND (retry_at IS NULL OR retry_at <= :now) AND NOT (SELECT paused FROM library) AND {IS_REACHABLE}
"""
_NEXT = f"SELECT number {_DUE} AND suspicion < {SUSPECT_AFTER} ORDER BY priority DESC, number LIMIT 1"
_NEXT_SUSPECT = (
    f"SELECT number {_DUE} AND suspicion >= {SUSPECT_AFTER} ORDER BY suspicion, priority DESC, number LIMIT 1"
)


class Fate(StrEnum):
    """The fate of the process that holds a claim: it seems to run, died, or ended with its machine."""

    ALIVE = "alive"
    DIED = "died"
    RESTARTED = "restarted"


class ClaimStore:
    """Gives out claims and takes them back. `clock` gives seconds since the epoch."""

    def __init__(self, database: Database, owner: str, clock: Clock = time.time) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock
        # The query that brought the last claim, and so is likely to bring the next.
        self._fruitful = ""

    async def claim_next(self) -> Claim | None:
        """Claim the next waiting upload that is due, by priority, then age; None if there is none or it is paused.

        Suspects are left to `claim_suspect`.
        """
        return await self._claim_by(_NEXT)

    async def claim_suspect(self) -> Claim | None:
        """Claim the next suspect that is due, for a process that works on nothing else; None as `claim_next`."""
        return await self._claim_by(_NEXT_SUSPECT)

    async def _claim_by(self, next_one: str) -> Claim | None:
        if next_one != self._fruitful and await self._database.fetch_one(next_one, {"now": self._clock()}) is None:
            return None  # without taking the write lock, as an idle window asks this again and again

        async def write(connection: aiosqlite.Connection) -> Claim | None:
            rows = await rows_of(connection, next_one, {"now": self._clock()})
            return await self._take(connection, rows[0][0]) if rows else None

        # Claims end with their machine.
        claim = await self._database.write(write, flushed=False)
        self._fruitful = next_one if claim else ""
        return claim

    async def claim(self, upload_id: str) -> Claim | None:
        """Claim this upload if it waits and nobody has it, even if the queue is paused or it is not due."""

        async def write(connection: aiosqlite.Connection) -> Claim | None:
            rows = await rows_of(
                connection, f"SELECT number FROM uploads WHERE id = :id AND {_WAITS}", {"id": upload_id}
            )
            return await self._take(connection, rows[0][0]) if rows else None

        return await self._database.write(write, flushed=False)

    async def _take(self, connection: aiosqlite.Connection, number: int) -> Claim:
        token = str(uuid.uuid4())
        await connection.execute(
            """
            UPDATE uploads SET claim_token = :token, claim_owner = :owner, claim_expires_at = :expires_at,
                   attempts = attempts + 1, retry_at = NULL,
                   error_message = NULL, error_stage = NULL, error_kind = NULL, hint = NULL
            WHERE number = :number
            """,
            {
                "token": token,
                "owner": self._owner,
                "expires_at": self._clock() + LEASE_SECONDS,
                "number": number,
            },
        )
        (row,) = await rows_of(
            connection,
            f"""
            SELECT id, user_id, file_type, extension, attempts, resume_description, suspicion, file_path, {SOURCE_OF}
            FROM uploads WHERE number = :number
            """,
            {"number": number},
        )
        return Claim(
            token=token,
            number=number,
            upload_id=row["id"],
            user_id=row["user_id"],
            file_type=FileType(row["file_type"]),
            extension=row["extension"],
            attempts=row["attempts"],
            resume_description=row["resume_description"],
            is_suspect=row["suspicion"] >= SUSPECT_AFTER,
            file_path=real_path(row["file_path"]),
            source=real_path(row["source"]) if row["source"] is not None else None,
        )

    async def check(self) -> None:
        """Write nothing new, to see whether the library can be written. Raises LibraryError."""
        async with self._database.transaction() as connection:
            await connection.execute("UPDATE library SET revision = revision")

    async def renew(self, tokens: Sequence[str]) -> None:
        """Extend the leases of these claims."""
        if not tokens:
            return
        async with self._database.transaction() as connection:
            await connection.execute(
                """
                UPDATE uploads SET claim_expires_at = :expires_at
                WHERE claim_token IN (SELECT value FROM json_each(:tokens))
                """,
                {"expires_at": self._clock() + LEASE_SECONDS, "tokens": json_list(tokens)},
            )

    async def release(self, token: str) -> None:
        """Put what this claim holds back to waiting, as if it had never begun."""
        await self._release("claim_token = ?", token)

    async def release_all(self) -> None:
        """Put everything that this owner holds back to waiting."""
        await self._release("claim_token IS NOT NULL AND claim_owner = ?", self._owner)

    async def _release(self, condition: str, value: str) -> None:
        async with self._database.transaction() as connection:
            for row in await rows_of(connection, f"SELECT number FROM uploads WHERE {condition}", (value,)):
                await put_back(connection, row[0], ("stopped", ""), attempts_given_back=1)

    async def take_over(self, fate_of: Callable[[str], Fate], now: float | None = None) -> int:
        """Put back what dead owners hold, and what others hold past their lease; returns how many.

        `now` is the moment that leases are measured by: the machine may fall asleep in the middle of this.

        `fate_of` is asked once for each other owner. Whatever became of an owner costs its uploads no attempt. Those
        that it worked on when it died are noted, and one that it worked on alone too often becomes failed.
        """
        owners = await self._database.fetch(
            "SELECT DISTINCT claim_owner FROM uploads WHERE claim_token IS NOT NULL AND claim_owner <> :me",
            {"me": self._owner},
        )
        fates = {row[0]: fate for row in owners if (fate := fate_of(row[0])) is not Fate.ALIVE}
        left_behind = """
            SELECT number, stage, claim_owner, suspicion FROM uploads
            WHERE claim_token IS NOT NULL AND claim_owner <> :me
            AND (claim_expires_at < :now OR claim_owner IN (SELECT value FROM json_each(:dead)))
        """
        parameters = {"me": self._owner, "now": self._clock() if now is None else now, "dead": json_list(fates)}
        if not await self._database.fetch(f"{left_behind} LIMIT 1", parameters):
            return 0
        async with self._database.transaction() as connection:
            rows = await rows_of(connection, left_behind, parameters)
            for number, stage, owner, suspicion in rows:
                if fates.get(owner) is Fate.DIED and stage != ProcessingStage.QUEUED:
                    await self._suspect(connection, number, ProcessingStage(stage), suspicion + 1)
                else:
                    await put_back(connection, number, ("taken over", ""), attempts_given_back=1)
        return len(rows)

    async def _suspect(
        self, connection: aiosqlite.Connection, number: int, stage: ProcessingStage, suspicion: int
    ) -> None:
        """Put back what the program worked on when it died, or fail it where it did so alone too often."""
        await connection.execute(
            "UPDATE uploads SET suspicion = :suspicion WHERE number = :number",
            {"suspicion": suspicion, "number": number},
        )
        alone = suspicion - SUSPECT_AFTER
        if alone >= GUILTY_AFTER:
            await mark_failed(connection, number, _guilty(alone, stage))
            return
        retry_at = self._clock() + ALONE_AGAIN_SECONDS * 2 ** (alone - 1) if alone > 0 else None
        event = ("taken over", "the program died while it worked on this")
        await put_back(connection, number, event, attempts_given_back=1, retry_at=retry_at)


class QueueStore:
    """Reads the queue, and writes what a person decides about it. Each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counts(self) -> QueueCounts:
        """Return how many uploads have each status, how many are hidden, and whether the queue is paused."""
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
        """Pause or resume the queue for everyone using this library."""
        async with self._database.transaction() as connection:
            await next_revision(connection)
            await connection.execute("UPDATE library SET paused = ?", (int(paused),))

    async def requeue(self, upload_ids: Iterable[str], *, overwrite_edited: bool = False) -> list[str]:
        """Put failed and completed uploads back into the queue, and make due what waits for its next attempt.

        Returns the IDs that moved. A completed one is described again and counts as regenerated; it keeps its
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
        """Return the numbers of all uploads that are running, or waiting with an original that can be reached."""
        rows = await self._database.fetch(
            "SELECT number FROM uploads WHERE processing_status IN ('pending', 'analyzing', 'embedding')"
            f" AND deleted_at IS NULL AND {IS_REACHABLE}"
        )
        return {row[0] for row in rows}

    async def out_of_reach(self, numbers: Iterable[int]) -> set[int]:
        """Return which of these wait for an original that is missing, or on a disk that is away."""
        rows = await self._database.fetch(
            "SELECT number FROM uploads WHERE number IN (SELECT value FROM json_each(?))"
            f" AND processing_status = 'pending' AND NOT ({IS_REACHABLE})",
            (json_list(numbers),),
        )
        return {row[0] for row in rows}

    async def waiting(self) -> dict[FileType, int]:
        """Return how many uploads of each type are waiting to be described; types with none are left out."""
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
        """Return how many uploads are waiting only for the vector of a description."""
        row = await self._database.fetch_one(
            "SELECT count(*) FROM uploads INDEXED BY uploads_resuming"
            " WHERE processing_status = 'pending' AND resume_description IS NOT NULL AND deleted_at IS NULL"
        )
        assert row is not None
        return int(row[0])

    async def failure_groups(self) -> list[FailureGroup]:
        """Return the failed uploads in groups with the same cause, the largest group first, then the newest.

        Of those with the same message, the newest MOST_NAMED are named.
        """
        rows = await self._database.fetch(
            f"""
            SELECT * FROM (
                SELECT number, id, filename, coalesce(error_message, '') AS message, hint, error_kind, missing_model,
                       group_concat(number) OVER (PARTITION BY error_message) AS numbers,
                       row_number() OVER (PARTITION BY error_message ORDER BY number DESC) AS place
                FROM uploads WHERE {_FAILED}
            )
            WHERE place <= {MOST_NAMED} ORDER BY number DESC
            """
        )
        return await asyncio.to_thread(_grouped, rows)

    async def failed_for(self, cause: str) -> list[FailedUpload]:
        """Return the uploads that failed for this cause, oldest first."""
        rows = await self._database.fetch(
            f"SELECT number, id, filename, coalesce(error_message, '') FROM uploads WHERE {_FAILED} ORDER BY number"
        )
        return [FailedUpload(*row) for row in rows if failure_cause(row[3]) == cause]

    async def cancel(self, upload_ids: Sequence[str]) -> list[EndedRun]:
        """Cancel what is waiting or running. A run loses its claim, so it can write no more."""
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                """
                SELECT number, id, claim_token FROM uploads WHERE id IN (SELECT value FROM json_each(?))
                AND processing_status IN ('pending', 'analyzing', 'embedding') AND deleted_at IS NULL
                """,
                (json_list(upload_ids),),
            )
            numbers = [row["number"] for row in rows]
            await connection.execute(
                """
                UPDATE uploads SET processing_status = 'failed', error_stage = stage, stage = 'failed',
                       error_message = :message, error_kind = 'cancelled', hint = NULL, retry_at = NULL,
                       claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL,
                       updated_at = :now, revision = :revision
                WHERE number IN (SELECT value FROM json_each(:numbers))
                """,
                {
                    "message": CANCELLED,
                    "now": now_iso(),
                    "revision": await next_revision(connection),
                    "numbers": json_list(numbers),
                },
            )
            await record_events(connection, numbers, "cancelled")
        return [EndedRun(row["id"], row["claim_token"]) for row in rows]

    async def run_next(self, upload_ids: Sequence[str]) -> int:
        """Make what waits of these due, with a higher priority than anything else that waits; returns how many."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                f"""
                UPDATE uploads SET priority = (SELECT coalesce(max(priority), 0) + 1 FROM uploads WHERE {_WAITS}),
                       retry_at = NULL, updated_at = :now, revision = :revision
                WHERE id IN (SELECT value FROM json_each(:ids)) AND {_WAITS}
                """,
                {"now": now_iso(), "revision": await next_revision(connection), "ids": json_list(upload_ids)},
            )
        return cursor.rowcount


def _grouped(rows: Sequence[Row]) -> list[FailureGroup]:
    """Return the groups of failed uploads, which come newest first."""
    by_cause: dict[str, list[Row]] = {}
    for row in rows:
        by_cause.setdefault(failure_cause(row["message"]), []).append(row)
    groups = []
    for cause, members in by_cause.items():
        newest = members[0]
        groups.append(
            FailureGroup(
                cause=cause,
                message=newest["message"],
                hint=newest["hint"] or "",
                kind=ErrorKind(newest["error_kind"]),
                missing_model=newest["missing_model"] or "",
                numbers=_numbers(row["numbers"] for row in members if row["place"] == 1),
                uploads=tuple(
                    FailedUpload(row["number"], row["id"], row["filename"], row["message"])
                    for row in members[:MOST_NAMED]
                ),
            )
        )
    return sorted(groups, key=lambda group: -group.count)


def _numbers(lists: Iterable[str]) -> tuple[int, ...]:
    """Return the numbers of lists with commas, the highest first."""
    return tuple(sorted((int(number) for each in lists for number in each.split(",")), reverse=True))


async def _requeue_one(connection: aiosqlite.Connection, upload_id: str, overwrite_edited: bool) -> bool:
    rows = await rows_of(
        connection,
        """
        SELECT number, processing_status FROM uploads
        WHERE id = :id AND deleted_at IS NULL AND (
            processing_status = 'failed'
            OR (processing_status = 'pending' AND claim_token IS NULL AND retry_at IS NOT NULL)
            OR (processing_status = 'completed' AND (:overwrite_edited OR number NOT IN (
                SELECT upload FROM descriptions WHERE current = 1 AND edited = 1 AND upload = uploads.number)))
        )
        """,
        {"id": upload_id, "overwrite_edited": int(overwrite_edited)},
    )
    if not rows:
        return False
    number, status = rows[0]
    again = status == ProcessingStatus.COMPLETED
    # `resume_description` is NULL in what is completed: only what failed on its way to a vector has one, and keeps it.
    await connection.execute(
        f"""
        UPDATE uploads SET processing_status = 'pending', stage = 'queued', progress_percent = 0, attempts = 0,
               priority = 0, retry_at = NULL, suspicion = min(suspicion, {SUSPECT_AFTER}),
               error_message = NULL, error_stage = NULL, error_kind = NULL, hint = NULL, missing_model = NULL,
               warning = iif(resume_description IS NULL, NULL, warning),
               claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL, completed_at = NULL,
               regeneration_count = regeneration_count + :again,
               last_regenerated_at = iif(:again, :now, last_regenerated_at),
               updated_at = :now, revision = :revision
        WHERE number = :number
        """,
        {
            "again": int(again),
            "now": now_iso(),
            "revision": await next_revision(connection),
            "number": number,
        },
    )
    await record_event(connection, number, "regenerate" if again else "retried")
    return True


def _guilty(times: int, stage: ProcessingStage) -> Failure:
    return Failure(
        f"Processing failed: the program died {times} times while it worked on this upload alone",
        ErrorKind.PERMANENT,
        stage,
        "The file may be damaged. Check the log, then retry it or move it to the trash.",
    )
