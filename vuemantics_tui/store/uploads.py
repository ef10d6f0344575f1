"""The rows of uploads: insert, read, list in order, hide, delete."""

from __future__ import annotations

import re
import sqlite3
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import PurePath

import aiosqlite

from vuemantics_tui.domain.days import ADDED_DAY, DAY_OF_NUMBER
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.fields import FIELDS, Source, UploadField
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.domain.upload import (
    ProcessingStatus,
    Upload,
    UploadRow,
)
from vuemantics_tui.domain.view import SortKey, StatusFilter, View
from vuemantics_tui.store.database import Database, Row, escaped_like, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.duplicates import leave_groups
from vuemantics_tui.store.history import record_event
from vuemantics_tui.store.metadata import save_date
from vuemantics_tui.store.stacks import COVERS, beside, settle
from vuemantics_tui.store.undo import Change, Facet, StepKind, Wanted, current, record_step

# A listener that missed more deletions than this reads everything again.
TOMBSTONES_KEPT = 10_000

# The alias of each table in what follows.
_ALIASES = {Source.UPLOADS: "u", Source.DESCRIPTIONS: "d", Source.PLACES: "p", Source.SOURCES: "s"}
_TAGS = """
    (
        SELECT json_group_array(name) FROM (
            SELECT name FROM tagged JOIN tags ON tags.number = tag WHERE upload = u.number AND own = {own}
            ORDER BY folded, key
        )
    )
"""
# Fields put together from several rows, by name.
_PUT_TOGETHER = {
    "placement": "iif(u.source IS NULL, 'copied', 'in-place')",
    "source_path": "iif(u.source IS NULL, u.source_path, s.path || '/' || u.file_path)",
    "own_tags": _TAGS.format(own=1),
    "keywords": _TAGS.format(own=2),
    "stack_cover": "(SELECT id FROM uploads cover WHERE cover.number = u.stack AND cover.stack_count > 1)",
    "stack_members": """
        iif(u.stack IS NULL, NULL, (
            SELECT json_group_array(json_object(
                'id', id, 'filename', filename, 'role', stack_role, 'file_size', file_size
            )) FROM (
                SELECT * FROM uploads other WHERE other.stack = u.stack AND other.deleted_at IS NULL
                ORDER BY other.number <> other.stack, other.taken_at, other.filename, other.number
            )
        ))
    """,
}
_ROW_NAMES = frozenset(field.name for field in fields(UploadRow))
_ROW_FIELDS = tuple(field for field in FIELDS if field.name in _ROW_NAMES)


def _selected(some: Iterable[UploadField]) -> str:
    """Return these fields as columns with their names."""
    columns = (_PUT_TOGETHER.get(field.name) or f"{_ALIASES[field.source]}.{field.stored_in}" for field in some)
    return ", ".join(f"{column} AS {field.name}" for column, field in zip(columns, some, strict=True))


_TABLES = """
    FROM uploads u LEFT JOIN descriptions d ON d.upload = u.number AND d.current = 1
        LEFT JOIN places p ON p.number = u.place LEFT JOIN sources s ON s.number = u.source
"""
# Readers add the conditions; without one on `deleted_at` it includes the trash.
SELECT_UPLOAD = f"SELECT {_selected(FIELDS)}, u.deleted_at {_TABLES}"
# For each key: the index that has its order, and what it orders by.
_ORDERS: dict[SortKey, tuple[str, str]] = {
    SortKey.ADDED: ("uploads_view_added", "number"),
    SortKey.NAME: ("uploads_view_name", "name_order"),
    SortKey.SIZE: ("uploads_view_size", "file_size"),
    SortKey.TAKEN: ("uploads_view_taken", "taken_at"),
    SortKey.STATUS: (
        "uploads_by_status",
        "CASE processing_status WHEN 'completed' THEN 3 WHEN 'failed' THEN 2 WHEN 'pending' THEN 1 ELSE 0 END",
    ),
    SortKey.RATING: ("uploads_view_rating", "rating"),
    SortKey.QUALITY: ("uploads_view_quality", "quality"),
    SortKey.DURATION: ("uploads_view_duration", "duration"),
}
# Each reads one small index to its end instead of a row of the table for every number. Nearly all uploads are
# completed, so those are found by excluding the others.
_STATUSES: dict[StatusFilter, str] = {
    StatusFilter.WAITING: "IN (SELECT number FROM uploads WHERE processing_status = 'pending')",
    StatusFilter.RUNNING: "IN (SELECT number FROM uploads WHERE processing_status IN ('analyzing', 'embedding'))",
    StatusFilter.COMPLETED: (
        "NOT IN (SELECT number FROM uploads WHERE processing_status IN ('pending', 'analyzing', 'embedding', 'failed'))"
    ),
    StatusFilter.FAILED: "IN (SELECT number FROM uploads WHERE processing_status = 'failed')",
    StatusFilter.WARNING: (
        "IN (SELECT number FROM uploads INDEXED BY uploads_with_warning"
        " WHERE processing_status = 'completed' AND warning IS NOT NULL)"
    ),
}


_ID_PATTERN = "-".join("[0-9a-f]" * length for length in (8, 4, 4, 4, 12))
HAS_SOUND_IDS = f"id GLOB '{_ID_PATTERN}' AND user_id GLOB '{_ID_PATTERN}'"
"""True of a row whose identifiers are UUIDs. Anything else must not become part of a path: it could lead anywhere."""


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What intake knows of a file that it has copied. `file_path` is relative to the library, sizes in bytes.

    `modified_at` is when the file was last changed, as a moment in UTC; `created_at` when it was added, in the form of
    `now_iso`.
    """

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
    modified_at: str | None = None
    created_at: str = field(default_factory=now_iso)


@dataclass(frozen=True, slots=True)
class DeletedUpload:
    """A row that was deleted, and where its files are."""

    number: int
    id: str
    user_id: str


class UploadStore:
    """Reads and writes the table `uploads`, except for what a run writes about its upload (see `runs`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owner_id(self) -> str:
        """Return the user that was created with the library."""
        row = await self._database.fetch_one("SELECT id FROM users ORDER BY created_at LIMIT 1")
        assert row is not None, "a library is made with its user"
        return str(row["id"])

    async def insert(self, new: NewUpload) -> Upload | None:
        """Insert a waiting upload and return it, or None if its content is there already."""

        async def write(connection: aiosqlite.Connection) -> Row | None:
            if not await insert_new(connection, new):
                return None
            (added,) = await rows_of(connection, f"{SELECT_UPLOAD} WHERE u.id = ?", (new.id,))
            return added

        added = await self._database.write(write)
        return upload_of(added) if added else None

    async def has_size(self, file_size: int) -> bool:
        """Tell whether any upload, trashed or not, has exactly this many bytes. Only then can a file be a duplicate."""
        row = await self._database.fetch_one("SELECT 1 FROM uploads WHERE file_size = ? LIMIT 1", (file_size,))
        return row is not None

    async def by_content(self, user_id: str, sha256: str) -> Upload | None:
        """Return the upload with this content, also from the trash."""
        row = await self._database.fetch_one(f"{SELECT_UPLOAD} WHERE u.user_id = ? AND u.sha256 = ?", (user_id, sha256))
        return upload_of(row) if row else None

    async def get(self, upload_id: str) -> Upload | None:
        """Return the upload with this ID, unless it is in the trash."""
        row = await self._database.fetch_one(f"{SELECT_UPLOAD} WHERE u.id = ? AND u.deleted_at IS NULL", (upload_id,))
        return upload_of(row) if row else None

    async def exists(self, upload_id: str) -> bool:
        """Tell whether there is an upload with this ID, trashed or not."""
        return await self._database.fetch_one("SELECT 1 FROM uploads WHERE id = ?", (upload_id,)) is not None

    async def by_prefix(self, prefix: str, limit: int = 10) -> list[Upload]:
        """Return the uploads whose ID begins with this prefix."""
        rows = await self._database.fetch(
            f"{SELECT_UPLOAD} WHERE u.id LIKE ? ESCAPE '\\' AND u.deleted_at IS NULL ORDER BY u.number LIMIT ?",
            (f"{escaped_like(prefix.lower())}%", limit),
        )
        return [upload_of(row) for row in rows]

    async def find(self, prefix: str) -> Upload:
        """Return the one upload whose ID begins with `prefix`. Raises UsageError if there is none, or several."""
        found = await self.by_prefix(prefix) if prefix else []
        if not found:
            raise UsageError(f"No upload has an ID that begins with {prefix!r}", "See: vuemantics-tui list")
        if len(found) > 1:
            some = ", ".join(upload.id[:13] for upload in found[:3])
            raise UsageError(
                f"{len(found)} uploads have IDs that begin with {prefix!r}: {some}", "Type more of the ID."
            )
        return found[0]

    async def even_trashed(self, number: int) -> Upload | None:
        """Return the upload with this number, also from the trash."""
        row = await self._database.fetch_one(f"{SELECT_UPLOAD} WHERE u.number = ?", (number,))
        return upload_of(row) if row else None

    async def by_number(self, number: int) -> Upload | None:
        """Return the upload with this number, if it is there."""
        found = await self.by_numbers([number])
        return found[0] if found else None

    async def by_numbers(self, numbers: Sequence[int]) -> list[Upload]:
        """Return the uploads with these numbers, in the order given, leaving out those that are gone."""
        rows = await self._database.fetch(
            f"{SELECT_UPLOAD} WHERE u.number IN (SELECT value FROM json_each(?)) AND u.deleted_at IS NULL",
            (json_list(numbers),),
        )
        found = {row["number"]: upload_of(row) for row in rows}
        return [found[number] for number in numbers if number in found]

    async def rows(self, numbers: Sequence[int]) -> list[UploadRow]:
        """Return only the table columns of the uploads with these numbers, in no order."""
        rows = await self._database.fetch(
            f"SELECT {_selected(_ROW_FIELDS)} {_TABLES}"
            " WHERE u.number IN (SELECT value FROM json_each(?)) AND u.deleted_at IS NULL",
            (json_list(numbers),),
        )
        return [_upload_row_of(row) for row in rows]

    async def newest(
        self,
        *,
        status: ProcessingStatus | None = None,
        file_type: FileType | None = None,
        limit: int | None = None,
        show_hidden: bool = False,
        covers_only: bool = False,
    ) -> list[Upload]:
        """Return uploads of a status and type, newest first, and the hidden ones only with `show_hidden`.

        With `covers_only` without those inside a stack.
        """
        rows = await self._database.fetch(
            f"""{SELECT_UPLOAD}
            WHERE (:status IS NULL OR u.processing_status = :status)
              AND (:file_type IS NULL OR u.file_type = :file_type)
              AND (:show_hidden OR NOT u.hidden) AND u.deleted_at IS NULL
              AND (NOT :covers_only OR u.stack IS NULL OR u.stack = u.number)
            ORDER BY u.number DESC LIMIT :limit
            """,
            {
                "status": status,
                "file_type": file_type,
                "show_hidden": show_hidden,
                "covers_only": covers_only,
                "limit": -1 if limit is None else limit,
            },
        )
        return [upload_of(row) for row in rows]

    async def ids_with_status(self, status: ProcessingStatus) -> list[str]:
        """Return the IDs of all uploads with a status, oldest first."""
        rows = await self._database.fetch(
            "SELECT id FROM uploads WHERE processing_status = ? AND deleted_at IS NULL ORDER BY number", (status,)
        )
        return [row["id"] for row in rows]

    async def existing_ids(self) -> set[str]:
        """Return the IDs of all uploads, including those in the trash."""
        return {row["id"] for row in await self._database.fetch("SELECT id FROM uploads")}

    async def running(self) -> array[int]:
        """Return the numbers of the running uploads, hidden or not, newest first."""
        return await self._database.fetch_integers(
            """
            SELECT number FROM uploads INDEXED BY uploads_by_status
            WHERE processing_status IN ('analyzing', 'embedding') ORDER BY number DESC
            """,
            (),
        )

    async def in_view(self, view: View, among: Sequence[int] | None = None) -> array[int]:
        """Return the numbers of the uploads in a view, in its order, of a stack the one that stands for it.

        With `among` only those of these, which a search found: whether they may be hidden or inside a stack was its
        question. Those without a date, rating, quality or duration come last. Names are compared without case and
        accents, and the numbers in them by what they count.
        """
        index, key = _ORDERS[view.sort]
        conditions = ["deleted_at IS NULL"]
        parameters = []
        if among is not None:
            conditions.append("+number IN (SELECT value FROM json_each(?))")
            parameters.append(json_list(among))
        else:
            conditions.append(COVERS)
            if not view.show_hidden:
                conditions.append("hidden = 0")
        if view.file_type is not None:
            conditions.append("file_type = ?")
            parameters.append(view.file_type.value)
        if view.status is not None:
            # The plus keeps SQLite from looking up each number of the set and sorting them.
            conditions.append(f"+number {_STATUSES[view.status]}")
        for is_wanted, numbers in (
            (view.rated, "IN (SELECT number FROM uploads WHERE rating > 0)"),
            (view.untagged, "NOT IN (SELECT upload FROM tagged WHERE own > 0)"),
            (
                view.with_text,
                "IN (SELECT upload FROM descriptions INDEXED BY descriptions_with_text"
                " WHERE current = 1 AND read_text <> '')",
            ),
        ):
            if is_wanted:
                conditions.append(f"+number {numbers}")
        direction = "DESC" if view.descending else "ASC"
        last = "" if view.sort is SortKey.ADDED else ", number DESC"
        return await self._database.fetch_integers(
            f"""
            SELECT number FROM uploads INDEXED BY {index} WHERE {" AND ".join(conditions)}
            ORDER BY {key} {direction} NULLS LAST{last}
            """,
            parameters,
        )

    async def days(self, numbers: Sequence[int] | None = None) -> array[int]:
        """Return the days on which these uploads were taken, or all uploads, each packed into one integer with its
        number (see `domain.days`). Those in the trash are among them.
        """
        # Of all, an index holds what is asked for.
        some = "INDEXED BY uploads_facts" if numbers is None else "WHERE number IN (SELECT value FROM json_each(?))"
        return await self._database.fetch_integers(
            f"""
            SELECT number * {DAY_OF_NUMBER} + iif(taken_at IS NULL, {ADDED_DAY}, 0)
                + CAST(replace(substr(coalesce(taken_at, created_at), 1, 10), '-', '') AS INTEGER)
            FROM uploads {some}
            """,
            () if numbers is None else (json_list(numbers),),
        )

    async def all_numbers(self, *, include_hidden: bool) -> array[int]:
        """Return the numbers of all uploads outside the trash, in the order they were added."""
        return await self._database.fetch_integers(
            "SELECT number FROM uploads WHERE deleted_at IS NULL AND (? OR hidden = 0) ORDER BY number",
            (int(include_hidden),),
        )

    async def set_hidden(self, upload_ids: Sequence[str], hidden: bool) -> int:
        """Hide uploads or show them again; returns how many changed."""
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                "SELECT number FROM uploads WHERE id IN (SELECT value FROM json_each(?))",
                (json_list(upload_ids),),
            )
            changed = await _set_hidden(connection, [row[0] for row in rows], hidden)
            await record_step(
                connection,
                StepKind.HIDE if hidden else StepKind.SHOW,
                [Change(Facet.HIDDEN, number, "", not hidden, hidden) for number in changed],
            )
        return len(changed)

    async def rename(self, upload_id: str, name: str) -> str | None:
        """Show an upload under another file name, and return the one it had; None if nothing changed.

        The file keeps its own. Raises UsageError for what cannot be the name of a file.
        """
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                "SELECT number, filename FROM uploads WHERE id = ? AND deleted_at IS NULL",
                (upload_id,),
            )
            if not rows:
                return None
            number, before = rows[0]["number"], str(rows[0]["filename"])
            after = _file_name(name, before)
            if after == before:
                return None
            await _set_names(connection, {number: after})
            await record_event(connection, number, "renamed", f"{before} → {after}")
            await record_step(connection, StepKind.NAME, [Change(Facet.NAME, number, "", before, after)])
        return before

    async def misplaced(self) -> int:
        """Return how many uploads have invalid identifiers, as in a damaged library or one made to harm."""
        row = await self._database.fetch_one(f"SELECT count(*) FROM uploads WHERE NOT ({HAS_SOUND_IDS})")
        assert row is not None
        return int(row[0])

    async def delete(self, upload_ids: Iterable[str]) -> list[DeletedUpload]:
        """Delete rows, trashed or not, with all that hangs on them, leaving tombstones; returns what was there."""
        deleted: list[DeletedUpload] = []
        async with self._database.transaction() as connection:
            left: list[int] = []
            for upload_id in upload_ids:
                rows = await rows_of(
                    connection, f"SELECT number, user_id FROM uploads WHERE id = ? AND {HAS_SOUND_IDS}", (upload_id,)
                )
                if not rows:
                    continue
                number, user_id = rows[0]
                await leave_groups(connection, [number])
                left += await beside(connection, number)
                await bury(connection, number, upload_id)
                deleted.append(DeletedUpload(number, upload_id, user_id))
            await settle(connection, left)
            await forget_tombstones(connection)
        return deleted


async def insert_new(connection: aiosqlite.Connection, new: NewUpload) -> bool:
    """Insert a waiting upload, inside a transaction; False if its content is there already."""
    row = {**asdict(new), "updated_at": now_iso(), "revision": await next_revision(connection)}
    try:
        cursor = await connection.execute(
            f"INSERT INTO uploads ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})", row
        )
    except sqlite3.IntegrityError as error:
        if "sha256" in str(error):
            return False
        raise
    number = cursor.lastrowid
    assert number is not None
    # What the file says of itself is not read yet.
    await save_date(connection, number, MediaMetadata())
    await record_event(connection, number, "added", new.source_path)
    return True


async def put_back_hidden(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Hide uploads or show them again, inside a transaction; returns which of them changed."""
    changed: set[int] = set()
    for hidden in (False, True):
        numbers = [each.upload for each in wanted if each.wanted == hidden]
        changed.update(await _set_hidden(connection, numbers, hidden))
    return [each for each in wanted if each.upload in changed]


async def _set_hidden(connection: aiosqlite.Connection, numbers: Sequence[int], hidden: bool) -> list[int]:
    rows = await rows_of(
        connection,
        """
        UPDATE uploads SET hidden = :hidden, updated_at = :now, revision = :revision
        WHERE number IN (SELECT value FROM json_each(:numbers)) AND hidden <> :hidden AND deleted_at IS NULL
        RETURNING number
        """,
        {
            "hidden": int(hidden),
            "now": now_iso(),
            "revision": await next_revision(connection),
            "numbers": json_list(numbers),
        },
    )
    changed = [row[0] for row in rows]
    if hidden:
        await leave_groups(connection, changed)
    await settle(connection, changed)
    return changed


async def forget_tombstones(connection: aiosqlite.Connection) -> None:
    """Remove all but the latest tombstones, inside a transaction, and note up to where they are gone."""
    rows = await rows_of(
        connection,
        "SELECT revision FROM tombstones ORDER BY revision DESC LIMIT 1 OFFSET :kept",
        {"kept": TOMBSTONES_KEPT},
    )
    if rows:
        revision = {"revision": rows[0][0]}
        await connection.execute("DELETE FROM tombstones WHERE revision <= :revision", revision)
        await connection.execute("UPDATE library SET forgotten = :revision", revision)


async def bury(connection: aiosqlite.Connection, number: int, upload_id: str) -> None:
    """Delete a row with all that hangs on it, leaving a tombstone, inside a transaction."""
    await connection.execute("DELETE FROM uploads WHERE number = ?", (number,))
    await connection.execute(
        "INSERT INTO tombstones VALUES (?, ?, ?)", (number, upload_id, await next_revision(connection))
    )


def upload_of(row: Row) -> Upload:
    """Return the upload in a row of SELECT_UPLOAD."""
    return Upload(**{field.name: field.load(row[field.name]) for field in FIELDS})


def _upload_row_of(row: Row) -> UploadRow:
    return UploadRow(**{field.name: field.load(row[field.name]) for field in _ROW_FIELDS})


async def put_back_names(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Put back file names, inside a transaction; returns those of which uploads."""
    found = {row["number"]: row["filename"] for row in await current(connection, "filename", wanted)}
    as_expected = [each for each in wanted if found.get(each.upload) == each.expected]
    await _set_names(connection, {each.upload: each.wanted for each in as_expected})
    return as_expected


async def _set_names(connection: aiosqlite.Connection, names: Mapping[int, str]) -> None:
    revision, now = await next_revision(connection), now_iso()
    await connection.executemany(
        "UPDATE uploads SET filename = ?, updated_at = ?, revision = ? WHERE number = ?",
        [(name, now, revision, number) for number, name in names.items()],
    )


# What no file system allows in a name, and the longest that most of them take, in bytes.
_NO_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")
_LONGEST_NAME = 255


def _file_name(text: str, before: str) -> str:
    """Return a name with the ending of the one before, unless it has one. Raises UsageError."""
    name = text.strip()
    if name and not PurePath(name).suffix:
        name += PurePath(before).suffix
    if not name.strip(". ") or _NO_NAME.search(name):
        raise UsageError("This cannot be the name of a file", "Use any characters but slashes.")
    if len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        raise UsageError("The name is too long", f"At most {_LONGEST_NAME} bytes are allowed.")
    return name
