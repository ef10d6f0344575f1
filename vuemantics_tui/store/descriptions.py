"""Every description ever made, and which one is current."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from vuemantics_tui.domain.description import AuditResult, Description, audit_description
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.upload import SHORT_ID, ProcessingStatus
from vuemantics_tui.store.database import Database, Row, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.history import record_event
from vuemantics_tui.store.undo import Change, Facet, StepKind, Wanted, record_step

EDITED_BY_HAND = "edited by hand"
"""The analyzer of a description that a person wrote."""

# What has ended, and what waits for nothing but the embedding of a description.
_AT_REST = """
    (processing_status IN ('completed', 'failed')
     OR (processing_status = 'pending' AND claim_token IS NULL AND resume_description IS NOT NULL))
"""


@dataclass(frozen=True, slots=True)
class StoredDescription:
    """One description of an upload: `seconds` it took, `created_at` in ISO 8601 UTC, `edited` by a person.

    One that is `guessed`, or that a person wrote, has no `audit_score`.
    """

    number: int
    text: str
    read_text: str
    tags: tuple[str, ...]
    analyzer: str
    model: str
    audit_score: int | None
    audit_findings: tuple[str, ...]
    seconds: float | None
    created_at: str
    current: bool
    edited: bool
    guessed: bool


async def save_description(
    connection: aiosqlite.Connection,
    upload: int,
    description: Description,
    audit: AuditResult,
    seconds: float | None,
    *,
    edited: bool = False,
) -> int:
    """Add a description inside a transaction, current if the upload has no other; returns its number."""
    cursor = await connection.execute(
        """
        INSERT INTO descriptions (upload, text, read_text, tags, labels, audit_score, audit_findings, analyzer, model,
                                  seconds, created_at, edited, guessed, current)
        VALUES (:upload, :text, :read_text, :tags, :labels, :audit_score, :audit_findings, :analyzer, :model,
                :seconds, :created_at, :edited, :guessed,
                NOT EXISTS (SELECT 1 FROM descriptions WHERE upload = :upload AND current = 1))
        """,
        {
            "upload": upload,
            "text": description.text,
            "read_text": description.read_text,
            "tags": json.dumps(description.tags),
            "labels": json.dumps(dict(description.labels)),
            "audit_score": audit.score,
            "audit_findings": json.dumps([] if description.guessed else audit.findings),
            "analyzer": description.analyzer,
            "model": description.model,
            "seconds": seconds,
            "created_at": now_iso(),
            "edited": int(edited),
            "guessed": int(description.guessed),
        },
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


async def read_description(database: Database, upload: int, number: int | None) -> Description:
    """Return one description of an upload. Raises LookupError if it has no such description."""
    row = await database.fetch_one("SELECT * FROM descriptions WHERE upload = ? AND number = ?", (upload, number))
    if row is None:
        raise LookupError(f"upload {upload} has no description {number}")
    return _description_of(row)


async def is_current(connection: aiosqlite.Connection, description: int) -> bool:
    """Tell whether this is its upload's current description, inside a transaction."""
    return bool(
        await rows_of(connection, "SELECT 1 FROM descriptions WHERE number = ? AND current = 1", (description,))
    )


async def make_current(connection: aiosqlite.Connection, upload: int, description: int) -> None:
    """Make this the upload's one current description, inside a transaction."""
    await connection.execute(
        "UPDATE descriptions SET current = 0 WHERE upload = ? AND current = 1 AND number <> ?",
        (upload, description),
    )
    await connection.execute("UPDATE descriptions SET current = 1 WHERE number = ?", (description,))


async def queue_embedding(
    connection: aiosqlite.Connection, numbers: Sequence[int], *, priority: int, description: int | None = None
) -> int:
    """Put uploads back to waiting at their embedding, inside a transaction; returns how many moved.

    The description that is embedded is the one given, else the one that was on its way, else the current one. Those
    that run, or wait to be described, stay as they are.
    """
    cursor = await connection.execute(
        f"""
        UPDATE uploads SET processing_status = 'pending', stage = 'queued', progress_percent = 0, attempts = 0,
               priority = :priority, retry_at = NULL, missing_model = NULL,
               error_message = NULL, error_stage = NULL, error_kind = NULL, hint = NULL,
               updated_at = :now, revision = :revision,
               resume_description = coalesce(:description, resume_description, (
                   SELECT number FROM descriptions WHERE upload = uploads.number AND current = 1
               ))
        WHERE number IN (SELECT value FROM json_each(:numbers)) AND deleted_at IS NULL AND {_AT_REST}
        """,
        {
            "priority": priority,
            "now": now_iso(),
            "revision": await next_revision(connection),
            "description": description,
            "numbers": json_list(numbers),
        },
    )
    return cursor.rowcount


class DescriptionStore:
    """Reads descriptions, and writes what a person decides about them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, upload_number: int) -> list[StoredDescription]:
        """Return every description of an upload, newest first."""
        rows = await self._database.fetch(
            "SELECT * FROM descriptions WHERE upload = ? ORDER BY number DESC", (upload_number,)
        )
        return [_stored_of(row) for row in rows]

    async def edited(self, upload_ids: Sequence[str]) -> list[str]:
        """Return those of these uploads whose current description was written by a person, in the order given."""
        found = {
            row[0]
            for row in await self._database.fetch(
                "SELECT id FROM uploads WHERE id IN (SELECT value FROM json_each(?)) AND number IN"
                " (SELECT upload FROM descriptions WHERE current = 1 AND edited = 1)",
                (json_list(upload_ids),),
            )
        }
        return [upload_id for upload_id in upload_ids if upload_id in found]

    async def choose(self, upload_id: str, description_number: int) -> bool:
        """Make a description the current one, as soon as it is embedded; False where it is that already.

        Raises UsageError for one that is not there, and while the upload is being processed.
        """
        async with self._database.transaction() as connection:
            upload = await _find(connection, upload_id)
            rows = await rows_of(
                connection,
                "SELECT * FROM descriptions WHERE upload = :upload AND number = :number",
                {"upload": upload["number"], "number": description_number},
            )
            if not rows:
                raise UsageError(
                    f"{upload['filename']} has no description {description_number}",
                    f"To list those it has: vuemantics-tui describe {upload_id[:SHORT_ID]}",
                )
            chosen = rows[0]
            if chosen["current"] and upload["processing_status"] == ProcessingStatus.COMPLETED:
                return False
            message = f"{chosen['analyzer']} {chosen['model']}".strip()
            await _resume(connection, upload, description_number, ("chosen", message))
        return True

    async def edit(self, upload_id: str, text: str, tags: Sequence[str] | None = None) -> bool:
        """Replace the current description by a person's own words, as soon as they are embedded.

        Without `tags` those of the current description stay. False where nothing changes. Raises UsageError for an
        empty text, and while the upload is being processed.
        """
        text = text.strip()
        if not text:
            raise UsageError("A description needs at least a word", "Nothing was changed.")
        async with self._database.transaction() as connection:
            upload = await _find(connection, upload_id)
            rows = await rows_of(
                connection, "SELECT * FROM descriptions WHERE upload = ? AND current = 1", (upload["number"],)
            )
            before = _description_of(rows[0]) if rows else Description("", "", "")
            # Without the labels: what the analyzer saw would draw the vector away from the person's words.
            edited = Description(
                text, EDITED_BY_HAND, "", before.tags if tags is None else tuple(tags), before.read_text
            )
            if (edited.text, edited.tags) == (before.text, before.tags):
                return False
            number = await save_description(
                connection, upload["number"], edited, audit_description(text), None, edited=True
            )
            await _resume(connection, upload, number, ("edited", ""))
        return True


async def _resume(connection: aiosqlite.Connection, upload: Row, description: int, event: tuple[str, str]) -> None:
    number = upload["number"]
    before = (await _decided(connection, [number]))[number]
    if not await queue_embedding(connection, [number], priority=0, description=description):
        raise UsageError(
            f"{upload['filename']} is being processed, which may replace its description",
            "Wait until it is done or cancel it, then try again.",
        )
    await record_event(connection, number, *event)
    await record_step(connection, StepKind.DESCRIBE, [Change(Facet.DESCRIPTION, number, "", before, description)])


async def _decided(connection: aiosqlite.Connection, numbers: Sequence[int]) -> dict[int, int | None]:
    """Return the description that each of these uploads has, or will have once it is embedded."""
    rows = await rows_of(
        connection,
        """
        SELECT number, coalesce(resume_description, (
            SELECT number FROM descriptions WHERE upload = uploads.number AND current = 1
        )) FROM uploads WHERE number IN (SELECT value FROM json_each(?))
        """,
        (json_list(numbers),),
    )
    return {row[0]: row[1] for row in rows}


async def put_back_descriptions(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Make earlier descriptions the current ones again, as soon as they are embedded; returns those of which uploads.

    An upload that is being processed, or that had none, keeps the one that it has.
    """
    found = await _decided(connection, [each.upload for each in wanted])
    changed = []
    for each in wanted:
        if each.wanted is None or found.get(each.upload) != each.expected:
            continue
        if await queue_embedding(connection, [each.upload], priority=0, description=each.wanted):
            await record_event(connection, each.upload, "chosen")
            changed.append(each)
    return changed


async def _find(connection: aiosqlite.Connection, upload_id: str) -> Row:
    rows = await rows_of(
        connection,
        "SELECT number, filename, processing_status FROM uploads WHERE id = ? AND deleted_at IS NULL",
        (upload_id,),
    )
    if not rows:
        raise UsageError(f"No upload has the ID {upload_id}", "See: vuemantics-tui list")
    return rows[0]


def _description_of(row: Row) -> Description:
    return Description(
        row["text"],
        row["analyzer"],
        row["model"],
        tuple(json.loads(row["tags"])),
        row["read_text"],
        json.loads(row["labels"]),
        bool(row["guessed"]),
    )


def _stored_of(row: Row) -> StoredDescription:
    return StoredDescription(
        number=row["number"],
        text=row["text"],
        read_text=row["read_text"],
        tags=tuple(json.loads(row["tags"])),
        analyzer=row["analyzer"],
        model=row["model"],
        audit_score=None if row["guessed"] or row["edited"] else row["audit_score"],
        audit_findings=tuple(json.loads(row["audit_findings"])),
        seconds=row["seconds"],
        created_at=row["created_at"],
        current=bool(row["current"]),
        edited=bool(row["edited"]),
        guessed=bool(row["guessed"]),
    )
