"""Who works on which upload, and all that a running upload writes: each write guarded by its claim."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiosqlite

from vuemantics_tui.domain.audit import AuditResult
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.media import FileType, MediaMetadata
from vuemantics_tui.domain.upload import (
    LEGAL_MOVES,
    STAGE_PERCENT,
    STAGE_STATUS,
    ProcessingStage,
    ProcessingStatus,
)
from vuemantics_tui.store.database import Database, next_revision, now_iso, placeholders
from vuemantics_tui.store.descriptions import make_current, save_description
from vuemantics_tui.store.embeddings import save_vector
from vuemantics_tui.store.events import record_event

LEASE_SECONDS = 60.0
# An upload that takes the whole program down with it must not do so for ever.
MAX_ATTEMPTS = 3

Clock = Callable[[], float]


class ClaimLostError(Exception):
    """The upload is no longer this run's: deleted, cancelled, taken over, or at its end already."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to process one upload, until the lease ends."""

    token: str
    number: int
    upload_id: str
    user_id: str
    file_type: FileType
    extension: str


@dataclass(frozen=True, slots=True)
class Failure:
    """How a run failed, for the record and for the person who reads it."""

    message: str
    kind: ErrorKind
    stage: ProcessingStage
    hint: str = ""


class ClaimStore:
    """Claims, leases, and the guarded writes of a run. `clock` gives seconds since the epoch."""

    def __init__(self, database: Database, owner: str, clock: Clock = time.time) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock

    async def claim_next(self) -> Claim | None:
        """Claim the next waiting upload by priority, then age; None if there is none or the queue is paused."""
        row = await self._database.fetch_one(
            "SELECT 1 FROM uploads WHERE processing_status = 'pending' AND claim_token IS NULL LIMIT 1"
        )
        if row is None:
            return None  # without taking the write lock, as an idle window asks this again and again
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(
                    """
                    SELECT number FROM uploads
                    WHERE processing_status = 'pending' AND claim_token IS NULL AND NOT (SELECT paused FROM library)
                    ORDER BY priority DESC, number LIMIT 1
                    """
                )
            )
            return await self._take(connection, rows[0][0]) if rows else None

    async def claim(self, upload_id: str) -> Claim | None:
        """Claim this very upload if it waits and nobody has it, paused or not."""
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(
                    "SELECT number FROM uploads WHERE id = ? AND processing_status = 'pending' AND claim_token IS NULL",
                    (upload_id,),
                )
            )
            return await self._take(connection, rows[0][0]) if rows else None

    async def _take(self, connection: aiosqlite.Connection, number: int) -> Claim:
        token = str(uuid.uuid4())
        await connection.execute(
            """
            UPDATE uploads SET claim_token = ?, claim_owner = ?, claim_expires_at = ?, attempts = attempts + 1
            WHERE number = ?
            """,
            (token, self._owner, self._clock() + LEASE_SECONDS, number),
        )
        rows = list(
            await connection.execute_fetchall(
                "SELECT id, user_id, file_type, extension FROM uploads WHERE number = ?", (number,)
            )
        )
        upload_id, user_id, file_type, extension = rows[0]
        return Claim(token, number, upload_id, user_id, FileType(file_type), extension)

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
                await self._put_back(connection, row[0], "stopped", attempts_given_back=1)

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
                    await self._give_up(connection, number, attempts, ProcessingStage(stage))
                else:
                    await self._put_back(connection, number, "taken over", attempts_given_back=0)
        return len(rows)

    async def _put_back(
        self, connection: aiosqlite.Connection, number: int, event: str, attempts_given_back: int
    ) -> None:
        await connection.execute(
            """
            UPDATE uploads SET processing_status = 'pending', stage = 'queued', progress_percent = 0,
                   claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL, attempts = attempts - ?,
                   updated_at = ?, revision = ?
            WHERE number = ?
            """,
            (attempts_given_back, now_iso(), await next_revision(connection), number),
        )
        await record_event(connection, number, event)

    async def _give_up(
        self, connection: aiosqlite.Connection, number: int, attempts: int, stage: ProcessingStage
    ) -> None:
        message = f"Processing failed: the program ended {attempts} times in the middle of this upload"
        await self._mark_failed(
            connection,
            number,
            Failure(message, ErrorKind.PERMANENT, stage, "Look at the log file, then retry it by itself."),
        )

    # What a run writes. Each begins with a guarded UPDATE and raises ClaimLostError where that matches no row.

    async def advance(self, claim: Claim, stage: ProcessingStage) -> None:
        """Begin a stage."""
        async with self._database.transaction() as connection:
            await self._move(connection, claim, stage)

    async def finish_thumbnail(
        self,
        claim: Claim,
        next_stage: ProcessingStage,
        *,
        thumbnail_path: str | None,
        warning: str | None,
        metadata: MediaMetadata,
        seconds: float,
    ) -> None:
        """Record the thumbnail (or the warning that there is none) and what the file says of itself."""
        async with self._database.transaction() as connection:
            await self._move(connection, claim, next_stage)
            await connection.execute(
                """
                UPDATE uploads SET thumbnail_path = coalesce(?, thumbnail_path), warning = ?,
                       width = coalesce(?, width), height = coalesce(?, height), duration = ?, taken_at = ?,
                       video_codec = ?, metadata = ?
                WHERE number = ?
                """,
                (
                    *(thumbnail_path, warning, metadata.width, metadata.height, metadata.duration),
                    *(
                        metadata.taken_at,
                        metadata.video_codec,
                        json.dumps(metadata.extra or {}),
                        claim.number,
                    ),
                ),
            )
            await record_event(connection, claim.number, "thumbnail", warning or "", seconds)

    async def finish_description(
        self, claim: Claim, description: Description, audit: AuditResult, seconds: float
    ) -> int:
        """Record a description and go on to the embedding; returns the description's number.

        It becomes current at once where there was none, else only with its vector: what was findable stays so.
        """
        async with self._database.transaction() as connection:
            await self._move(connection, claim, ProcessingStage.EMBEDDING_GENERATION)
            number = await save_description(connection, claim.number, description, audit, seconds)
            message = f"{description.analyzer} {description.model}, quality {audit.score}"
            await record_event(connection, claim.number, "described", message, seconds)
        return number

    async def complete(
        self, claim: Claim, description_number: int, model: str, vector: bytes, dimension: int, seconds: float
    ) -> None:
        """Make the description current, store its vector, and end the run as completed."""
        async with self._database.transaction() as connection:
            await self._move(connection, claim, ProcessingStage.COMPLETED)
            await make_current(connection, claim.number, description_number)
            await save_vector(connection, claim.number, model, dimension, vector)
            await self._drop_claim(connection, claim.number, completed_at=now_iso())
            await record_event(connection, claim.number, "completed", f"embedded by {model}", seconds)

    async def fail(self, claim: Claim, failure: Failure) -> None:
        """End the run as failed, unless the upload is completed or failed already."""
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(
                f"""
                SELECT number FROM uploads WHERE number = ? AND claim_token = ?
                AND processing_status NOT IN ('{ProcessingStatus.COMPLETED}', '{ProcessingStatus.FAILED}')
                """,
                (claim.number, claim.token),
            )
            if not list(rows):
                raise ClaimLostError(claim.upload_id)
            await self._mark_failed(connection, claim.number, failure)

    async def _mark_failed(self, connection: aiosqlite.Connection, number: int, failure: Failure) -> None:
        await connection.execute(
            """
            UPDATE uploads SET processing_status = 'failed', stage = 'failed', error_message = ?, error_stage = ?,
                   error_kind = ?, hint = ?, updated_at = ?, revision = ?
            WHERE number = ?
            """,
            (
                *(failure.message, failure.stage, failure.kind, failure.hint or None),
                *(now_iso(), await next_revision(connection), number),
            ),
        )
        await self._drop_claim(connection, number)
        await record_event(connection, number, "failed", f"{failure.message} ({failure.kind}, in {failure.stage})")

    async def _move(self, connection: aiosqlite.Connection, claim: Claim, stage: ProcessingStage) -> None:
        status = STAGE_STATUS[stage]
        allowed: list[Any] = [source for source, targets in LEGAL_MOVES.items() if status in targets]
        cursor = await connection.execute(
            f"""
            UPDATE uploads SET processing_status = ?, stage = ?, progress_percent = ?, updated_at = ?, revision = ?
            WHERE number = ? AND claim_token = ? AND processing_status IN ({placeholders(allowed)})
            """,
            (
                *(status, stage, STAGE_PERCENT[stage], now_iso(), await next_revision(connection)),
                *(claim.number, claim.token, *allowed),
            ),
        )
        if cursor.rowcount == 0:
            raise ClaimLostError(claim.upload_id)

    @staticmethod
    async def _drop_claim(connection: aiosqlite.Connection, number: int, completed_at: str | None = None) -> None:
        await connection.execute(
            "UPDATE uploads SET claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL,"
            " completed_at = coalesce(?, completed_at) WHERE number = ?",
            (completed_at, number),
        )
