"""The rows of uploads: insert, read, list, delete, put back in the queue."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import aiosqlite

from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.media import FileType
from vuemantics_tui.domain.upload import (
    ProcessingStage,
    ProcessingStatus,
    QueueCounts,
    Upload,
    UploadRow,
)
from vuemantics_tui.store.database import Database, Row, batches, escaped_like, next_revision, now_iso, placeholders
from vuemantics_tui.store.events import record_event
from vuemantics_tui.store.fingerprints import leave_groups

_ROW_COLUMNS = """
    u.number, u.id, u.filename, u.file_type, u.file_size, u.processing_status, u.stage, u.progress_percent,
    u.error_message, u.error_kind, u.warning, u.created_at, u.hidden
"""
# What a reader adds the end of; it leaves to the reader what is in the trash.
SELECT_UPLOAD = """
    SELECT u.*, d.text AS description, d.read_text, d.tags, d.audit_score, d.audit_findings, d.analyzer, d.model,
           d.seconds, d.edited, (
               SELECT json_group_array(name) FROM (
                   SELECT name FROM tagged JOIN tags ON tags.number = tag
                   WHERE upload = u.number AND own = 1 ORDER BY key
               )
           ) AS own_tags
    FROM uploads u LEFT JOIN descriptions d ON d.upload = u.number AND d.current = 1
"""


_ID_PATTERN = "-".join("[0-9a-f]" * length for length in (8, 4, 4, 4, 12))
HAS_SOUND_IDS = f"id GLOB '{_ID_PATTERN}' AND user_id GLOB '{_ID_PATTERN}'"
"""True of a row whose identifiers are UUIDs. What is not must not become part of a path: it could lead anywhere."""


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What intake knows of a file that it has copied. `file_path` is relative to the library, sizes in bytes."""

    id: str
    user_id: str
    filename: str
    file_path: str
    file_type: FileType
    file_size: int
    mime_type: str
    extension: str
    sha256: str
    width: int | None
    height: int | None
    source_path: str


@dataclass(frozen=True, slots=True)
class DeletedUpload:
    """What is needed to clear up behind a deleted row."""

    number: int
    id: str
    user_id: str


class UploadStore:
    """Reads and writes the table `uploads`, but for what a running upload writes of itself (see `claims`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owner_id(self) -> str:
        """The user that was minted with the library."""
        row = await self._database.fetch_one("SELECT id FROM users ORDER BY created_at LIMIT 1")
        assert row is not None, "a library is made with its user"
        return str(row["id"])

    async def insert(self, new: NewUpload) -> Upload | None:
        """Insert a waiting upload and return it, or None if its content is there already."""
        async with self._database.transaction() as connection:
            moment = now_iso()
            try:
                cursor = await connection.execute(
                    """
                    INSERT INTO uploads (id, user_id, filename, file_path, file_type, file_size, mime_type, extension,
                                         sha256, width, height, source_path, created_at, updated_at, revision)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                    (
                        *(new.id, new.user_id, new.filename, new.file_path, new.file_type, new.file_size),
                        *(new.mime_type, new.extension, new.sha256, new.width, new.height, new.source_path),
                        *(moment, moment, await next_revision(connection)),
                    ),
                )
            except sqlite3.IntegrityError as error:
                if "sha256" in str(error):
                    return None
                raise
            number = cursor.lastrowid
            assert number is not None
            await record_event(connection, number, "added", new.source_path)
        # Another window may have put it in the trash by now: it is an upload all the same.
        row = await self._database.fetch_one(f"{SELECT_UPLOAD} WHERE u.id = ?", (new.id,))
        return upload_of(row) if row else None

    async def has_size(self, file_size: int) -> bool:
        """Whether any upload, trashed or not, has exactly this many bytes: only then can a file be a duplicate."""
        row = await self._database.fetch_one("SELECT 1 FROM uploads WHERE file_size = ? LIMIT 1", (file_size,))
        return row is not None

    async def by_content(self, user_id: str, sha256: str) -> Upload | None:
        """The upload that holds this very content, be it in the trash."""
        row = await self._database.fetch_one(f"{SELECT_UPLOAD} WHERE u.user_id = ? AND u.sha256 = ?", (user_id, sha256))
        return upload_of(row) if row else None

    async def get(self, upload_id: str) -> Upload | None:
        """The upload of this ID."""
        row = await self._database.fetch_one(f"{SELECT_UPLOAD} WHERE u.id = ? AND u.deleted_at IS NULL", (upload_id,))
        return upload_of(row) if row else None

    async def exists(self, upload_id: str) -> bool:
        """Whether there is an upload of this ID, trashed or not."""
        return await self._database.fetch_one("SELECT 1 FROM uploads WHERE id = ?", (upload_id,)) is not None

    async def by_prefix(self, prefix: str, limit: int = 10) -> list[Upload]:
        """The uploads whose ID begins so."""
        rows = await self._database.fetch(
            f"{SELECT_UPLOAD} WHERE u.id LIKE ? ESCAPE '\\' AND u.deleted_at IS NULL ORDER BY u.number LIMIT ?",
            (f"{escaped_like(prefix.lower())}%", limit),
        )
        return [upload_of(row) for row in rows]

    async def by_numbers(self, numbers: Sequence[int]) -> list[Upload]:
        """The uploads with these numbers that are there, in the order of the numbers given."""
        found: dict[int, Upload] = {}
        for some in batches(numbers):
            rows = await self._database.fetch(
                f"{SELECT_UPLOAD} WHERE u.number IN ({placeholders(some)}) AND u.deleted_at IS NULL", some
            )
            found.update((row["number"], upload_of(row)) for row in rows)
        return [found[number] for number in numbers if number in found]

    async def rows(self, numbers: Sequence[int]) -> list[UploadRow]:
        """The table's view of the uploads with these numbers that are there, in no order."""
        result: list[UploadRow] = []
        for some in batches(numbers):
            rows = await self._database.fetch(
                f"SELECT {_ROW_COLUMNS} FROM uploads u"
                f" WHERE u.number IN ({placeholders(some)}) AND u.deleted_at IS NULL",
                some,
            )
            result.extend(UploadRow(**_row_fields(row)) for row in rows)
        return result

    async def newest(
        self,
        *,
        status: ProcessingStatus | None = None,
        file_type: FileType | None = None,
        limit: int | None = None,
        show_hidden: bool = False,
    ) -> list[Upload]:
        """Uploads of a status and type, newest first, without the hidden ones unless they are asked for."""
        rows = await self._database.fetch(
            f"""{SELECT_UPLOAD}
            WHERE (?1 IS NULL OR u.processing_status = ?1) AND (?2 IS NULL OR u.file_type = ?2)
              AND (?3 OR NOT u.hidden) AND u.deleted_at IS NULL
            ORDER BY u.number DESC LIMIT ?4
            """,
            (status, file_type, show_hidden, -1 if limit is None else limit),
        )
        return [upload_of(row) for row in rows]

    async def unfinished(self) -> set[int]:
        """The numbers of all uploads that wait or run."""
        rows = await self._database.fetch(
            "SELECT number FROM uploads WHERE processing_status IN ('pending', 'analyzing', 'embedding')"
            " AND deleted_at IS NULL"
        )
        return {row[0] for row in rows}

    async def ids_with_status(self, status: ProcessingStatus) -> list[str]:
        """The IDs of all uploads of a status, oldest first."""
        rows = await self._database.fetch(
            "SELECT id FROM uploads WHERE processing_status = ? AND deleted_at IS NULL ORDER BY number", (status,)
        )
        return [row["id"] for row in rows]

    async def existing_ids(self) -> set[str]:
        """The IDs of all uploads, those in the trash among them."""
        return {row["id"] for row in await self._database.fetch("SELECT id FROM uploads")}

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

    async def misplaced(self) -> int:
        """Return how many uploads have identifiers that are none, as in a damaged library or one made to harm."""
        row = await self._database.fetch_one(f"SELECT count(*) FROM uploads WHERE NOT ({HAS_SOUND_IDS})")
        assert row is not None
        return int(row[0])

    async def delete(self, upload_ids: Iterable[str]) -> list[DeletedUpload]:
        """Delete rows, trashed or not, with all that hangs on them, leaving tombstones; returns what was there."""
        deleted: list[DeletedUpload] = []
        async with self._database.transaction() as connection:
            for upload_id in upload_ids:
                rows = list(
                    await connection.execute_fetchall(
                        f"SELECT number, user_id FROM uploads WHERE id = ? AND {HAS_SOUND_IDS}", (upload_id,)
                    )
                )
                if not rows:
                    continue
                number, user_id = rows[0]
                await leave_groups(connection, [number])
                await bury(connection, number, upload_id)
                deleted.append(DeletedUpload(number, upload_id, user_id))
        return deleted


async def bury(connection: aiosqlite.Connection, number: int, upload_id: str) -> None:
    """Delete a row with all that hangs on it, leaving a tombstone, inside a transaction."""
    await connection.execute("DELETE FROM uploads WHERE number = ?", (number,))
    await connection.execute(
        "INSERT INTO tombstones VALUES (?, ?, ?)", (number, upload_id, await next_revision(connection))
    )


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


def _row_fields(row: Row) -> dict[str, Any]:
    return {
        "number": row["number"],
        "id": row["id"],
        "filename": row["filename"],
        "file_type": FileType(row["file_type"]),
        "file_size": row["file_size"],
        "status": ProcessingStatus(row["processing_status"]),
        "stage": ProcessingStage(row["stage"]),
        "progress_percent": row["progress_percent"],
        "error_message": row["error_message"],
        "error_kind": ErrorKind(row["error_kind"]) if row["error_kind"] else None,
        "warning": row["warning"],
        "created_at": row["created_at"],
        "hidden": bool(row["hidden"]),
    }


_SAME_NAME = (
    *("user_id", "file_path", "mime_type", "extension", "sha256", "width", "height", "duration", "taken_at"),
    *("video_codec", "thumbnail_path", "source_path", "hint", "attempts", "priority", "regeneration_count"),
    *("last_regenerated_at", "completed_at", "updated_at", "revision", "description", "read_text", "analyzer"),
    *("model", "retry_at"),
)


def upload_of(row: Row) -> Upload:
    """The upload that a row of uploads, joined with its current description, stands for."""
    return Upload(
        **_row_fields(row),
        **{name: row[name] for name in _SAME_NAME},
        metadata=json.loads(row["metadata"]),
        error_stage=ProcessingStage(row["error_stage"]) if row["error_stage"] else None,
        tags=tuple(json.loads(row["tags"] or "[]")),
        own_tags=tuple(json.loads(row["own_tags"])),
        description_audit_score=row["audit_score"],
        description_audit_findings=tuple(json.loads(row["audit_findings"] or "[]")),
        description_seconds=row["seconds"],
        missing_model=row["missing_model"] or "",
        edited=bool(row["edited"]),
    )
