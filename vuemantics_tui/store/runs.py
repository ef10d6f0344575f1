"""What a run writes about its upload, each write guarded by its claim."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import aiosqlite

from vuemantics_tui.domain.description import PASSING_SCORE, AuditResult, Description
from vuemantics_tui.domain.duplicates import PictureTraits
from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.domain.upload import (
    LEGAL_MOVES,
    STAGE_PERCENT,
    STAGE_STATUS,
    ProcessingStage,
)
from vuemantics_tui.store.database import Database, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.descriptions import is_current, make_current, read_description, save_description
from vuemantics_tui.store.duplicates import save_traits
from vuemantics_tui.store.embeddings import delete_vectors, save_vector
from vuemantics_tui.store.history import record_event
from vuemantics_tui.store.metadata import save_metadata
from vuemantics_tui.store.stacks import restack

Clock = Callable[[], float]


class ClaimLostError(Exception):
    """The upload no longer belongs to this run: it was deleted, cancelled or taken over, or has ended."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to process one upload until the lease ends.

    `attempts` counts this run too. With `resume_description`, the number of a description, the run begins with its
    embedding. A suspect must run alone: the program died each time that it worked on this. `file_path` is relative to
    the library, or to the folder `source` of an upload in place.
    """

    token: str
    number: int
    upload_id: str
    user_id: str
    file_type: FileType
    extension: str
    attempts: int = 1
    resume_description: int | None = None
    is_suspect: bool = False
    file_path: str = ""
    source: str | None = None


@dataclass(frozen=True, slots=True)
class EndedRun:
    """An upload that was cancelled or trashed, and the token of the claim that its run lost, if it was running."""

    upload_id: str
    token: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """How a run failed, for the record and for the person who reads it."""

    message: str
    kind: ErrorKind
    stage: ProcessingStage
    hint: str = ""
    missing_model: str = ""


class RunStore:
    """The writes of runs. Each is one transaction, and raises ClaimLostError when the claim is lost.

    `clock` gives seconds since the epoch.
    """

    def __init__(self, database: Database, clock: Clock = time.time) -> None:
        self._database = database
        self._clock = clock

    async def advance(self, claim: Claim, stage: ProcessingStage) -> None:
        """Begin a stage; QUEUED means waiting for a slot of the next one."""
        # After a power cut the claim is of a dead process, and its upload waits again, whatever stage it was in.
        await self._database.write(lambda connection: _move(connection, claim, stage), flushed=False)

    async def finish_thumbnail(
        self,
        claim: Claim,
        next_stage: ProcessingStage,
        *,
        thumbnail_path: str | None,
        warning: str | None,
        metadata: MediaMetadata,
        traits: PictureTraits | None = None,
        traits_error: str | None = None,
        seconds: float,
    ) -> None:
        """Record the thumbnail (or the warning that there is none), the metadata, and the looks."""

        async def write(connection: aiosqlite.Connection) -> None:
            await _move(connection, claim, next_stage)
            await connection.execute(
                """
                UPDATE uploads SET thumbnail_path = coalesce(:thumbnail_path, thumbnail_path),
                       thumbnail_warning = :warning
                WHERE number = :number
                """,
                {"thumbnail_path": thumbnail_path, "warning": warning, "number": claim.number},
            )
            await save_metadata(connection, claim.number, metadata)
            if traits or traits_error:
                await save_traits(connection, claim.number, traits, traits_error)
            await restack(connection, [claim.number])
            await _say_warning(connection, claim.number)
            await record_event(connection, claim.number, "thumbnail", warning or "", seconds)

        # After a power cut it is soon made again, and a flush takes longer than all the rest of this.
        await self._database.write(write, flushed=False)

    async def put_aside(self, claim: Claim, reason: str) -> None:
        """Put an upload back to waiting, as if it had never begun: its original is not there."""
        async with self._database.transaction() as connection:
            await _require(connection, claim)
            await put_back(connection, claim.number, ("waiting", reason), attempts_given_back=1)

    async def describe_again(self, claim: Claim, stage: ProcessingStage, audit: AuditResult) -> None:
        """Go back to a stage for another description, because the first failed the audit."""
        async with self._database.transaction() as connection:
            await _move(connection, claim, ProcessingStage.DESCRIPTION_AUDIT, stage)
            message = f"quality {audit.score}: {audit.findings[0]}; describing again"
            await record_event(connection, claim.number, "checked", message)

    async def finish_description(
        self,
        claim: Claim,
        description: Description,
        audit: AuditResult,
        seconds: float,
        next_stage: ProcessingStage = ProcessingStage.EMBEDDING_GENERATION,
    ) -> int:
        """Record a description and begin the next stage; returns its number, from which a later run can resume.

        It becomes current at once where there was none, else only with its vector: what was findable stays so.
        """

        async def write(connection: aiosqlite.Connection) -> int:
            await _move(connection, claim, ProcessingStage.DESCRIPTION_AUDIT, next_stage)
            number = await save_description(connection, claim.number, description, audit, seconds)
            await connection.execute(
                "UPDATE uploads SET resume_description = ? WHERE number = ?", (number, claim.number)
            )
            await _say_warning(connection, claim.number)
            quality = "a guess" if description.guessed else f"quality {audit.score}"
            message = f"{description.analyzer} {description.model}, {quality}"
            await record_event(connection, claim.number, "described", message, seconds)
            return number

        return await self._database.write(write)

    async def resumed(self, claim: Claim) -> Description:
        """Return the description that the claim resumes from."""
        return await read_description(self._database, claim.number, claim.resume_description)

    async def complete(
        self, claim: Claim, description_number: int, model: str, vector: bytes, dimension: int, seconds: float
    ) -> None:
        """Make the description current, store its vector, and end the run as completed.

        The upload's vectors of other models are kept where they are of the same description: to switch back to such a
        model costs nothing then. They go with their description, or with the upload.
        """

        async def write(connection: aiosqlite.Connection) -> None:
            await _move(connection, claim, ProcessingStage.INDEXING, ProcessingStage.COMPLETED)
            if not await is_current(connection, description_number):
                await make_current(connection, claim.number, description_number)
                await delete_vectors(connection, claim.number)
            await save_vector(connection, claim.number, model, dimension, vector)
            await connection.execute(
                "UPDATE uploads SET claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL,"
                " resume_description = NULL, suspicion = 0, completed_at = ? WHERE number = ?",
                (now_iso(), claim.number),
            )
            await _say_warning(connection, claim.number)
            await record_event(connection, claim.number, "completed", f"embedded by {model}", seconds)

        await self._database.write(write)

    async def try_again(self, claim: Claim, failure: Failure, seconds: float) -> None:
        """Put the upload back to waiting, to be tried again after so many seconds; the attempt counts."""
        async with self._database.transaction() as connection:
            await _require(connection, claim)
            retry_at = self._clock() + seconds
            event = ("trying again", f"in {seconds:.0f} s: {failure.message}")
            await put_back(connection, claim.number, event, failure=failure, retry_at=retry_at)

    async def step_back(self, claim: Claim, reason: str) -> None:
        """Put the upload back to waiting for a reason that is not its own; the attempt does not count."""
        async with self._database.transaction() as connection:
            await _require(connection, claim)
            await put_back(connection, claim.number, ("put back", reason), attempts_given_back=1)

    async def fail(self, claim: Claim, failure: Failure) -> None:
        """End the run as failed, unless the upload is completed or failed already."""
        async with self._database.transaction() as connection:
            await _require(connection, claim)
            await mark_failed(connection, claim.number, failure)


async def put_back(
    connection: aiosqlite.Connection,
    number: int,
    event: tuple[str, str],
    *,
    attempts_given_back: int = 0,
    failure: Failure | None = None,
    retry_at: float | None = None,
) -> None:
    """Put an upload back to waiting and drop its claim, inside a transaction. `event` is its kind and message."""
    await connection.execute(
        """
        UPDATE uploads SET processing_status = 'pending', stage = 'queued', progress_percent = 0,
               claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL,
               attempts = max(0, attempts - :given_back), retry_at = :retry_at,
               error_message = :message, error_stage = :stage, error_kind = :kind, hint = :hint,
               updated_at = :now, revision = :revision
        WHERE number = :number
        """,
        {
            "given_back": attempts_given_back,
            "retry_at": retry_at,
            "message": failure.message if failure else None,
            "stage": failure.stage if failure else None,
            "kind": failure.kind if failure else None,
            "hint": failure.hint or None if failure else None,
            "now": now_iso(),
            "revision": await next_revision(connection),
            "number": number,
        },
    )
    await record_event(connection, number, *event)


async def mark_failed(connection: aiosqlite.Connection, number: int, failure: Failure) -> None:
    """End an upload as failed and drop its claim, inside a transaction."""
    await connection.execute(
        """
        UPDATE uploads SET processing_status = 'failed', stage = 'failed', error_message = :message,
               error_stage = :stage, error_kind = :kind, hint = :hint, missing_model = :missing_model,
               claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL,
               updated_at = :now, revision = :revision
        WHERE number = :number
        """,
        {
            "message": failure.message,
            "stage": failure.stage,
            "kind": failure.kind,
            "hint": failure.hint or None,
            "missing_model": failure.missing_model or None,
            "now": now_iso(),
            "revision": await next_revision(connection),
            "number": number,
        },
    )
    await record_event(connection, number, "failed", f"{failure.message} ({failure.kind}, in {failure.stage})")


async def _require(connection: aiosqlite.Connection, claim: Claim) -> None:
    rows = await rows_of(
        connection,
        """
        SELECT number FROM uploads WHERE number = :number AND claim_token = :token
        AND processing_status NOT IN ('completed', 'failed')
        """,
        {"number": claim.number, "token": claim.token},
    )
    if not rows:
        raise ClaimLostError(claim.upload_id)


async def _move(connection: aiosqlite.Connection, claim: Claim, *stages: ProcessingStage) -> None:
    """Move an upload through stages, inside a transaction: of those only the last can be seen."""
    now, revision = now_iso(), await next_revision(connection)
    for stage in stages:
        status = STAGE_STATUS[stage]
        cursor = await connection.execute(
            """
            UPDATE uploads SET processing_status = :status, stage = :stage, progress_percent = :percent,
                   updated_at = :now, revision = :revision
            WHERE number = :number AND claim_token = :token
            AND processing_status IN (SELECT value FROM json_each(:allowed))
            """,
            {
                "status": status,
                "stage": stage,
                "percent": STAGE_PERCENT[stage],
                "now": now,
                "revision": revision,
                "number": claim.number,
                "token": claim.token,
                "allowed": json_list(source for source, targets in LEGAL_MOVES.items() if status in targets),
            },
        )
        if cursor.rowcount == 0:
            raise ClaimLostError(claim.upload_id)


async def _say_warning(connection: aiosqlite.Connection, number: int) -> None:
    """Update the warning: about the thumbnail, and about a current description that failed the audit."""
    await connection.execute(
        """
        UPDATE uploads SET warning = (
            SELECT group_concat(part, '; ') FROM (
                SELECT thumbnail_warning AS part WHERE thumbnail_warning IS NOT NULL
                UNION ALL
                SELECT 'quality ' || audit_score || ': ' || json_extract(audit_findings, '$[0]') FROM descriptions
                WHERE upload = uploads.number AND current = 1 AND NOT edited AND NOT guessed AND audit_score < ?
            )
        )
        WHERE number = ?
        """,
        (PASSING_SCORE, number),
    )
