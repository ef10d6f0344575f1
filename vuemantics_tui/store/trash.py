"""The trash: uploads that a person deleted, until it is emptied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.store.database import Database, escaped_like, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.duplicates import leave_groups
from vuemantics_tui.store.embeddings import renew_vectors
from vuemantics_tui.store.history import record_events
from vuemantics_tui.store.runs import EndedRun
from vuemantics_tui.store.stacks import settle
from vuemantics_tui.store.undo import Change, Facet, StepKind, Wanted, record_step
from vuemantics_tui.store.uploads import HAS_SOUND_IDS, SELECT_UPLOAD, DeletedUpload, bury, forget_tombstones, upload_of

# How many rows are deleted in one transaction: each has a history, vectors and descriptions.
PURGE_BATCH = 100


@dataclass(frozen=True, slots=True)
class TrashedUpload:
    """An upload in the trash, and when it was deleted (ISO 8601 UTC)."""

    upload: Upload
    deleted_at: str


class TrashStore:
    """Moves uploads to the trash and back, and deletes them there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def trash(self, upload_ids: Sequence[str]) -> list[EndedRun]:
        """Move uploads to the trash; returns those that moved.

        One that runs loses its claim, so that its run can write no more, and waits when it comes back.
        """
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                """
                SELECT number, id, claim_token FROM uploads
                WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL
                """,
                (json_list(upload_ids),),
            )
            numbers = [row["number"] for row in rows]
            await _trash(connection, numbers)
            await record_step(
                connection, StepKind.TRASH, [Change(Facet.TRASHED, number, "", False, True) for number in numbers]
            )
        return [EndedRun(row["id"], row["claim_token"]) for row in rows]

    async def restore(self, upload_ids: Sequence[str]) -> list[str]:
        """Restore uploads; returns the IDs of those that were restored."""
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                """
                SELECT number, id FROM uploads
                WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NOT NULL
                """,
                (json_list(upload_ids),),
            )
            numbers = [row["number"] for row in rows]
            await _restore(connection, numbers)
            await record_step(
                connection, StepKind.RESTORE, [Change(Facet.TRASHED, number, "", True, False) for number in numbers]
            )
        return [row["id"] for row in rows]

    async def together(self, upload_ids: Sequence[str]) -> list[str]:
        """Return these and what went to the trash at the same moment out of the same stacks."""
        rows = await self._database.fetch(
            """
            SELECT other.id FROM uploads one JOIN uploads other
            ON other.number = one.number OR (other.stack = one.stack AND other.deleted_at = one.deleted_at)
            WHERE one.id IN (SELECT value FROM json_each(?)) AND one.deleted_at IS NOT NULL
            """,
            (json_list(upload_ids),),
        )
        return list(dict.fromkeys(row[0] for row in rows))

    async def contents(self, limit: int | None = None) -> list[TrashedUpload]:
        """Return the uploads in the trash, the latest first."""
        rows = await self._database.fetch(
            f"{SELECT_UPLOAD} WHERE u.deleted_at IS NOT NULL ORDER BY u.deleted_at DESC, u.number DESC LIMIT ?",
            (-1 if limit is None else limit,),
        )
        return [TrashedUpload(upload_of(row), row["deleted_at"]) for row in rows]

    async def by_prefix(self, prefix: str, limit: int = 10) -> list[TrashedUpload]:
        """Return the uploads in the trash whose ID begins with this prefix, the latest first."""
        rows = await self._database.fetch(
            f"""
            {SELECT_UPLOAD} WHERE u.id LIKE :pattern ESCAPE '\\' AND u.deleted_at IS NOT NULL
            ORDER BY u.deleted_at DESC, u.number DESC LIMIT :limit
            """,
            {"pattern": f"{escaped_like(prefix.lower())}%", "limit": limit},
        )
        return [TrashedUpload(upload_of(row), row["deleted_at"]) for row in rows]

    async def latest(self) -> list[TrashedUpload]:
        """Return what was moved to the trash last, all of what went at that moment."""
        rows = await self._database.fetch(
            f"{SELECT_UPLOAD} WHERE u.deleted_at = (SELECT max(deleted_at) FROM uploads WHERE deleted_at IS NOT NULL)"
            " ORDER BY u.number DESC"
        )
        return [TrashedUpload(upload_of(row), row["deleted_at"]) for row in rows]

    async def expired(self, before: float, unseen: float) -> list[str]:
        """Return the IDs of what was in the trash before a moment, in seconds since the epoch.

        `unseen` are the seconds that nobody saw passing until now: those since it was deleted do not count.
        """
        rows = await self._database.fetch(
            """
            SELECT id FROM uploads WHERE deleted_at IS NOT NULL
            AND strftime('%s', deleted_at) + :unseen - trashed_unseen < :before ORDER BY deleted_at
            """,
            {"before": before, "unseen": unseen},
        )
        return [row["id"] for row in rows]

    async def count(self) -> tuple[int, int]:
        """Return how many uploads are in the trash, and how many bytes their copies in the library take."""
        row = await self._database.fetch_one(
            "SELECT count(*), coalesce(sum(iif(source IS NULL, file_size, 0)), 0) FROM uploads"
            " WHERE deleted_at IS NOT NULL"
        )
        assert row is not None
        return int(row[0]), int(row[1])

    async def purge(self, before: str | None, upload_ids: Sequence[str] | None = None) -> list[DeletedUpload]:
        """Delete some of what is in the trash, where given since before a moment, or of these; empty when none is left.

        What was restored meanwhile stays.
        """
        deleted: list[DeletedUpload] = []
        ids = None if upload_ids is None else json_list(upload_ids)
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                f"""
                SELECT number, id, user_id FROM uploads WHERE deleted_at IS NOT NULL AND {HAS_SOUND_IDS}
                AND (:before IS NULL OR deleted_at < :before)
                AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
                ORDER BY deleted_at LIMIT {PURGE_BATCH}
                """,
                {"before": before, "ids": ids},
            )
            for number, upload_id, user_id in rows:
                await bury(connection, number, upload_id)
                deleted.append(DeletedUpload(number, upload_id, user_id))
            await forget_tombstones(connection)
        return deleted


async def put_back_trashed(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Move uploads to the trash or restore them, inside a transaction, as far as they are not; returns which moved."""
    rows = await rows_of(
        connection,
        "SELECT number, deleted_at IS NOT NULL FROM uploads WHERE number IN (SELECT value FROM json_each(?))",
        (json_list(each.upload for each in wanted),),
    )
    is_trashed = {row[0]: bool(row[1]) for row in rows}
    moved = [each for each in wanted if is_trashed.get(each.upload) == each.expected]
    await _trash(connection, [each.upload for each in moved if each.wanted])
    await _restore(connection, [each.upload for each in moved if not each.wanted])
    return moved


async def _trash(connection: aiosqlite.Connection, numbers: Sequence[int]) -> None:
    if not numbers:
        return
    await connection.execute(
        """
        UPDATE uploads SET deleted_at = :now, updated_at = :now, revision = :revision,
               trashed_unseen = (SELECT unseen_seconds FROM library),
               processing_status = iif(claim_token IS NULL, processing_status, 'pending'),
               stage = iif(claim_token IS NULL, stage, 'queued'),
               progress_percent = iif(claim_token IS NULL, progress_percent, 0),
               attempts = iif(claim_token IS NULL, attempts, max(0, attempts - 1)),
               claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL
        WHERE number IN (SELECT value FROM json_each(:numbers))
        """,
        {"now": now_iso(), "revision": await next_revision(connection), "numbers": json_list(numbers)},
    )
    await leave_groups(connection, numbers)
    await settle(connection, numbers)
    await record_events(connection, numbers, "trashed")


async def _restore(connection: aiosqlite.Connection, numbers: Sequence[int]) -> None:
    if not numbers:
        return
    revision = await next_revision(connection)
    await connection.execute(
        """
        UPDATE uploads SET deleted_at = NULL, updated_at = :now, revision = :revision
        WHERE number IN (SELECT value FROM json_each(:numbers))
        """,
        {"now": now_iso(), "revision": revision, "numbers": json_list(numbers)},
    )
    await renew_vectors(connection, numbers, revision)
    await settle(connection, numbers)
    await record_events(connection, numbers, "restored")
