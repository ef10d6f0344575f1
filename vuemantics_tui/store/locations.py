"""The files in sources: what a scan knows of each, and what becomes of those that it finds."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import aiosqlite

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.sources import LocationState, RemovedFile, real_path
from vuemantics_tui.domain.text import size_words, storable
from vuemantics_tui.store.database import Database, Row, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.duplicates import leave_groups
from vuemantics_tui.store.history import record_each
from vuemantics_tui.store.metadata import first_date
from vuemantics_tui.store.originals import KNOWN, Known, follow_files, joined, mark_gone
from vuemantics_tui.store.pictures import forget_pictures

ROWS_AT_ONCE = 2_000
"""So many files are written in one transaction: others get their turn, and little is lost by a crash."""
SAMPLE = 200
"""So many known files tell whether a disk is the one that it was."""

# Of the places of the upload `:number`, that of its original.
_IS_ORIGINAL = """
    state = 0
    AND iif(folder = '', name, folder || '/' || name) = (SELECT file_path FROM uploads WHERE number = :number)
"""


class Seen(NamedTuple):
    """What a walk sees of one file, in the words of `Known`."""

    folder: str
    name: str
    size: int
    changed: int
    inode: int
    sidecars: int


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that was read: what it is, or the `reason` why it is refused, with a `hint` at what to do.

    `modified_at` is when it was last changed, as a moment in UTC.
    """

    seen: Seen
    reason: str = ""
    hint: str = ""
    sha256: str = ""
    file_type: FileType = FileType.IMAGE
    mime_type: str = ""
    extension: str = ""
    width: int | None = None
    height: int | None = None
    modified_at: str | None = None


@dataclass(slots=True)
class Taken:
    """What became of files that were read: the numbers of uploads that are new, changed, moved, or came back.

    `copies` are how many have the bytes of another upload; `left` how many have those of what a person removed; `back`
    how many were missing and are there again as they were.
    """

    added: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    copies: int = 0
    refused: int = 0
    left: int = 0
    back: int = 0


class LocationStore:
    """Reads and writes the files in sources. Each write is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, number: int) -> list[Path]:
        """Return where the files of an upload are in its sources, as far as is known."""
        rows = await self._database.fetch(
            """
            SELECT path, folder, name FROM locations JOIN sources ON sources.number = source
            WHERE upload = ? AND state = 0 ORDER BY path, folder, name
            """,
            (number,),
        )
        return [Path(*map(real_path, row)) for row in rows]

    async def upload_at(self, source: int, seen: Seen) -> int | None:
        """Return the number of the upload that has this file."""
        row = await self._database.fetch_one(
            "SELECT upload FROM locations WHERE source = ? AND folder = ? AND name = ?",
            (source, seen.folder, seen.name),
        )
        return None if row is None else row[0]

    async def forget(self, number: int) -> None:
        """Note that a person deleted the files of an upload in place."""
        async with self._database.transaction() as connection:
            await connection.execute("DELETE FROM locations WHERE upload = ?", (number,))
            await follow_files(connection, [number])

    # What a scan reads

    async def known(self, source: int, folders: Sequence[str]) -> dict[str, dict[str, Row]]:
        """Return the files that are known in these folders, by folder and name, each in the columns of `Known`."""
        found: dict[str, dict[str, Row]] = {folder: {} for folder in folders}
        rows = await self._database.fetch(
            f"SELECT {KNOWN} FROM locations WHERE source = ? AND folder IN (SELECT value FROM json_each(?))",
            (source, json_list(folders)),
        )
        for row in rows:
            found[row[1]][row[2]] = row
        return found

    async def folders(self, source: int) -> list[str]:
        """Return the folders of a source in which files are known, wherever they are now."""
        rows = await self._database.fetch(
            """
            WITH RECURSIVE found (folder) AS (
                SELECT min(folder) FROM locations WHERE source = :source
                UNION ALL
                SELECT (SELECT min(folder) FROM locations WHERE source = :source AND folder > found.folder) FROM found
                WHERE found.folder IS NOT NULL
            )
            SELECT folder FROM found WHERE folder IS NOT NULL
            """,
            {"source": source},
        )
        return [row[0] for row in rows]

    async def sample(self, source: int) -> list[Known]:
        """Return some of the files that were there when a source was last scanned, spread over it."""
        some = """
            SELECT * FROM (
                SELECT number FROM locations WHERE source = :source AND state = {state}
                ORDER BY number {order} LIMIT :half
            )
        """
        parts = (some.format(state=state, order=order) for state in (0, 2, 3) for order in ("ASC", "DESC"))
        rows = await self._database.fetch(
            f"SELECT {KNOWN} FROM locations WHERE number IN ({' UNION '.join(parts)})",
            {"source": source, "half": SAMPLE // 2},
        )
        return [Known._make(row) for row in rows]

    # What a scan writes

    async def note(
        self,
        seen: Sequence[tuple[Known, Seen]] = (),
        gone: Sequence[Known] = (),
        moved: Sequence[tuple[Known, Seen]] = (),
        displaced: Sequence[Known] = (),
    ) -> int:
        """Write what needs no reading: files that are back or were only touched, that are gone, and that were moved.

        Those `displaced` have lost their path to one that was moved. Files that were refused and are gone are
        forgotten. Returns how many of those that are gone are missed: their bytes are nowhere else.
        """
        async with self._database.transaction() as connection:
            touched = {known.upload for known in (*gone, *displaced, *(known for known, _ in (*seen, *moved)))}
            await connection.executemany(
                "DELETE FROM locations WHERE number = ?", [(known.number,) for known in displaced]
            )
            # Move them out of the way first: files may have swapped names.
            await connection.executemany(
                "UPDATE locations SET folder = char(26) || number WHERE number = ?",
                [(known.number,) for known, _ in moved],
            )
            await connection.executemany(
                """
                UPDATE locations SET folder = ?, name = ?, size = ?, changed = ?, inode = ?, sidecars = ?,
                       state = iif(state = 1, 0, state), since = iif(state = 1, NULL, since)
                WHERE number = ?
                """,
                [(*now, known.number) for known, now in (*seen, *moved)],
            )
            reread = [
                known.upload
                for known, now in (*seen, *moved)
                if known.sidecars != now.sidecars and known.upload is not None
            ]
            await connection.execute(
                "UPDATE uploads SET traits_read = 0 WHERE number IN (SELECT value FROM json_each(?))",
                (json_list(reread),),
            )
            await mark_gone(connection, gone)
            await follow_files(connection, touched)
            ((missed,),) = await rows_of(
                connection,
                "SELECT count(*) FROM locations WHERE state = 1 AND number IN (SELECT value FROM json_each(?))",
                (json_list(known.number for known in gone if known.state == LocationState.HERE),),
            )
        return int(missed)

    async def take(
        self, source: int, user_id: str, files: Sequence[FoundFile], gone: set[int], again: bool = False
    ) -> Taken:
        """Write files that were read: as new uploads, changed ones, copies, or ones that moved here.

        `gone` are the numbers of locations whose files are gone but not marked yet; those that turn up here are taken
        out of it. With `again` what a person had removed is taken again.
        """
        taken = Taken()
        async with self._database.transaction() as connection:
            books = await _Books.read(connection, user_id, source, files)
            for one in files:
                await _take(connection, source, one, books, gone, taken, again)
            await books.insert(connection, source, taken)
            await follow_files(connection, books.touched)
        return taken

    # What a person decides

    async def missing_since(self, before: str, source: int | None = None) -> list[str]:
        """Return the IDs of the uploads that were missing before a moment, outside the trash."""
        rows = await self._database.fetch(
            """
            SELECT id FROM uploads WHERE missing_since IS NOT NULL AND missing_since <= :before AND deleted_at IS NULL
            AND (:source IS NULL OR source = :source) ORDER BY missing_since
            """,
            {"before": before, "source": source},
        )
        return [row[0] for row in rows]

    async def removed(self) -> list[RemovedFile]:
        """Return the files in sources whose uploads were deleted, the latest first."""
        rows = await self._database.fetch(
            """
            SELECT path, folder, name, since AS at, NULL AS id FROM locations INDEXED BY locations_by_state
            JOIN sources ON sources.number = source WHERE state = 2 AND sources.removed_at IS NULL
            AND source IN (SELECT number FROM sources)
            UNION ALL
            SELECT path, folder, name, deleted_at, uploads.id FROM uploads INDEXED BY uploads_trashed
            CROSS JOIN locations ON upload = uploads.number JOIN sources ON sources.number = locations.source
            WHERE deleted_at IS NOT NULL AND state = 0 AND sources.removed_at IS NULL
            ORDER BY at DESC, path, folder, name
            """
        )
        return [
            RemovedFile(
                Path(real_path(row["path"]), real_path(row["folder"]), real_path(row["name"])), row["at"], row["id"]
            )
            for row in rows
        ]

    async def forgive(self, paths: Iterable[Path]) -> int:
        """Let the next scan take these files again, which were deleted for good; returns how many there were."""
        wanted = {str(path) for path in paths}
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                """
                SELECT locations.number, path, folder, name, sha256 FROM locations
                JOIN sources ON sources.number = source WHERE state = 2
                """,
            )
            chosen = [
                row for row in rows if str(Path(*(real_path(row[key]) for key in ("path", "folder", "name")))) in wanted
            ]
            # Copies of the same bytes would have it left out again.
            hashes = json_list({row["sha256"] for row in chosen})
            await connection.execute(
                "DELETE FROM locations WHERE state = 2 AND sha256 IN (SELECT value FROM json_each(?))", (hashes,)
            )
        return len(chosen)

    async def mark_missing(self, number: int, source: int) -> None:
        """Note that the original of an upload is not where it was in a source."""
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                f"SELECT {KNOWN} FROM locations WHERE upload = :number AND source = :source AND {_IS_ORIGINAL}",
                {"number": number, "source": source},
            )
            await mark_gone(connection, [Known._make(one) for one in rows])
            await follow_files(connection, [number])

    async def sidecar_written(self, number: int, changed: int) -> None:
        """Note that we wrote a side-car beside an original in place, at a time in nanoseconds."""
        async with self._database.transaction() as connection:
            await connection.execute(
                f"UPDATE locations SET sidecars = :changed WHERE upload = :number AND {_IS_ORIGINAL}",
                {"number": number, "changed": changed},
            )


# Inside a transaction


@dataclass(slots=True)
class _Books:
    """What is known of the bytes of some files while these are taken, and what is to be inserted."""

    user_id: str
    uploads: dict[str, int]
    in_library: set[int]
    removed: set[str]
    at: dict[tuple[str, str], Known]
    first_new: int
    next_number: int
    touched: set[int] = field(default_factory=set)
    new_uploads: list[dict[str, object]] = field(default_factory=list)
    new_locations: list[tuple[object, ...]] = field(default_factory=list)

    @classmethod
    async def read(
        cls, connection: aiosqlite.Connection, user_id: str, source: int, files: Sequence[FoundFile]
    ) -> _Books:
        """Read what these files are known as, by their bytes and by their paths."""
        hashes = json_list({one.sha256 for one in files if one.sha256})
        at = await rows_of(
            connection,
            f"""
            SELECT {KNOWN} FROM locations WHERE source = ? AND folder IN (SELECT value FROM json_each(?))
            AND name IN (SELECT value FROM json_each(?))
            """,
            (source, json_list({one.seen.folder for one in files}), json_list({one.seen.name for one in files})),
        )
        rows = await rows_of(
            connection,
            "SELECT sha256, number, source FROM uploads"
            " WHERE user_id = ? AND sha256 IN (SELECT value FROM json_each(?))",
            (user_id, hashes),
        )
        removed = await rows_of(
            connection,
            "SELECT sha256 FROM locations WHERE state = 2 AND sha256 IN (SELECT value FROM json_each(?))",
            (hashes,),
        )
        ((last,),) = await rows_of(
            connection, "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'uploads'), 0)"
        )
        return cls(
            user_id,
            {row["sha256"]: row["number"] for row in rows},
            {row["number"] for row in rows if row["source"] is None},
            {row[0] for row in removed},
            {(row["folder"], row["name"]): Known._make(row) for row in at},
            int(last) + 1,
            int(last) + 1,
        )

    def new_upload(self, one: FoundFile, source: int) -> int:
        """Note a new upload; returns its number."""
        number = self.next_number
        self.next_number += 1
        self.uploads[one.sha256] = number
        filename = storable(real_path(one.seen.name))
        self.new_uploads.append(
            {
                "number": number,
                "id": str(uuid.uuid4()),
                "user_id": self.user_id,
                "filename": filename,
                "file_path": joined(one.seen.folder, one.seen.name),
                "source": source,
                "file_type": one.file_type,
                "file_size": one.seen.size,
                "mime_type": one.mime_type,
                "extension": one.extension,
                "sha256": one.sha256,
                "width": one.width,
                "height": one.height,
                "modified_at": one.modified_at,
                **first_date(filename, one.modified_at),
            }
        )
        return number

    def new_location(self, source: int, one: FoundFile, upload: int | None, state: LocationState) -> None:
        """Note a file whose path was not known."""
        reason = one.reason or None
        sha256 = one.sha256 if state is LocationState.REMOVED else None
        self.new_locations.append((source, *one.seen, state, upload, reason, sha256))

    async def insert(self, connection: aiosqlite.Connection, source: int, taken: Taken) -> None:
        """Insert the noted uploads and locations of a source, inside the transaction of `connection`."""
        moment, revision = now_iso(), await next_revision(connection)
        if self.new_uploads:
            rows = [
                {**row, "created_at": moment, "updated_at": moment, "revision": revision} for row in self.new_uploads
            ]
            names = list(rows[0])
            await connection.executemany(
                f"INSERT INTO uploads ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})", rows
            )
            ((root,),) = await rows_of(connection, "SELECT path FROM sources WHERE number = ?", (source,))
            await connection.executemany(
                "INSERT INTO events (upload, at, kind, message) VALUES (?, ?, 'added', ?)",
                [(row["number"], moment, storable(real_path(f"{root}/{row['file_path']}"))) for row in rows],
            )
            taken.added += [int(str(row["number"])) for row in rows]
        await connection.executemany(
            """
            INSERT INTO locations (source, folder, name, size, changed, inode, sidecars, state, upload, reason, sha256)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            self.new_locations,
        )


async def _take(
    connection: aiosqlite.Connection,
    source: int,
    one: FoundFile,
    books: _Books,
    gone: set[int],
    taken: Taken,
    again: bool,
) -> None:
    """Decide what one file that was read is. See `LocationStore.take`."""
    # Another program may have written since the walk.
    known, number = books.at.get((one.seen.folder, one.seen.name)), books.uploads.get(one.sha256)
    if known is not None and known.state == LocationState.REMOVED and not again:
        await _touch(connection, known, one)
        await connection.execute("UPDATE locations SET sha256 = ? WHERE number = ?", (one.sha256, known.number))
        taken.left += 1
        return
    if known is not None and one.reason:
        # It was a picture, and is damaged or something else now: its upload keeps what is known of it.
        state = LocationState.HERE if known.upload is not None else LocationState.REFUSED
        await _touch(connection, known, one)
        await connection.execute(
            "UPDATE locations SET state = ?, reason = ? WHERE number = ?", (state, one.reason, known.number)
        )
        taken.refused += known.state != LocationState.REFUSED
        return
    if one.reason:
        books.new_location(source, one, None, LocationState.REFUSED)
        taken.refused += 1
        return
    if known is not None and known.upload is not None:
        books.touched.add(known.upload)
        if number == known.upload:
            await _touch(connection, known, one)
            taken.back += known.state == LocationState.MISSING
            return
        if number is None and await _is_alone(connection, known):
            await _touch(connection, known, one)
            del_old = [sha for sha, upload in books.uploads.items() if upload == known.upload]
            for sha in del_old:
                del books.uploads[sha]
            books.uploads[one.sha256] = known.upload
            await _change(connection, known.upload, one)
            taken.changed.append(known.upload)
            return
    if known is not None:
        await connection.execute("DELETE FROM locations WHERE number = ?", (known.number,))
        gone.discard(known.number)
    if number is not None:
        await _take_again(connection, source, one, number, books, gone, taken)
    elif one.sha256 in books.removed and not again:
        books.new_location(source, one, None, LocationState.REMOVED)
        taken.left += 1
    else:
        books.new_location(source, one, books.new_upload(one, source), LocationState.HERE)


async def _take_again(
    connection: aiosqlite.Connection,
    source: int,
    one: FoundFile,
    number: int,
    books: _Books,
    gone: set[int],
    taken: Taken,
) -> None:
    """Record a file whose bytes are an upload already: it was moved here, or is a copy."""
    books.touched.add(number)
    rows = await rows_of(
        connection, "SELECT number, state FROM locations WHERE upload = ? ORDER BY state DESC, number", (number,)
    )
    left = next((row[0] for row in rows if row[1] == LocationState.MISSING or row[0] in gone), None)
    if left is None:
        books.new_location(source, one, number, LocationState.HERE)
        # An upload without any location had been lost, for example when another file took its name.
        if rows or number in books.in_library or number >= books.first_new:
            taken.copies += 1
        else:
            taken.moved.append(number)
        return
    gone.discard(left)
    await connection.execute(
        """
        UPDATE locations SET source = ?, folder = ?, name = ?, size = ?, changed = ?, inode = ?, sidecars = ?,
               state = 0, since = NULL, reason = NULL
        WHERE number = ?
        """,
        (source, *one.seen, left),
    )
    taken.moved.append(number)


async def _touch(connection: aiosqlite.Connection, known: Known, one: FoundFile) -> None:
    await connection.execute(
        """
        UPDATE locations SET size = ?, changed = ?, inode = ?, sidecars = ?, reason = NULL,
               state = iif(state = 1, 0, state), since = iif(state = 1, NULL, since)
        WHERE number = ?
        """,
        (*one.seen[2:], known.number),
    )


async def _is_alone(connection: aiosqlite.Connection, known: Known) -> bool:
    """Tell whether a file is all that its upload has: then it is the upload that changes with it."""
    rows = await rows_of(
        connection,
        """
        SELECT 1 FROM uploads WHERE number = :upload AND (
            source IS NULL OR EXISTS (
                SELECT 1 FROM locations WHERE upload = :upload AND state = 0 AND number <> :number
            )
        )
        """,
        {"upload": known.upload, "number": known.number},
    )
    return not rows


async def _change(connection: aiosqlite.Connection, number: int, one: FoundFile) -> None:
    """Give an upload the bytes that its file has now: it is described again, and keeps what a person said of it."""
    ((old_size,),) = await rows_of(connection, "SELECT file_size FROM uploads WHERE number = ?", (number,))
    await leave_groups(connection, [number])
    await connection.execute("DELETE FROM comparisons WHERE one = :number OR other = :number", {"number": number})
    await connection.execute("DELETE FROM clip_fingerprints WHERE upload = ?", (number,))
    # A description that a person wrote stays; the rest of the file is then read in the background.
    again = """
        processing_status IN ('completed', 'failed') AND NOT EXISTS (
            SELECT 1 FROM descriptions WHERE upload = uploads.number AND current = 1 AND edited = 1
        )
    """
    await connection.execute(
        f"""
        UPDATE uploads SET sha256 = :sha256, file_size = :file_size, mime_type = :mime_type, extension = :extension,
               file_type = :file_type, width = coalesce(:width, width), height = coalesce(:height, height),
               modified_at = :modified_at, traits_read = 0, traits_error = NULL, resume_description = NULL,
               regeneration_count = regeneration_count + (processing_status = 'completed' AND {again}),
               last_regenerated_at = iif(processing_status = 'completed' AND {again}, :now, last_regenerated_at),
               completed_at = iif({again}, NULL, completed_at),
               attempts = 0, retry_at = NULL, suspicion = 0, error_message = NULL, error_stage = NULL,
               error_kind = NULL, hint = NULL, missing_model = NULL,
               stage = iif({again} OR claim_token IS NOT NULL, 'queued', stage),
               progress_percent = iif({again} OR claim_token IS NOT NULL, 0, progress_percent),
               processing_status = iif({again} OR claim_token IS NOT NULL, 'pending', processing_status),
               claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL,
               updated_at = :now, revision = :revision
        WHERE number = :number
        """,
        {
            "sha256": one.sha256,
            "file_size": one.seen.size,
            "mime_type": one.mime_type,
            "extension": one.extension,
            "file_type": one.file_type,
            "width": one.width,
            "height": one.height,
            "modified_at": one.modified_at,
            "now": now_iso(),
            "revision": await next_revision(connection),
            "number": number,
        },
    )
    await forget_pictures(connection, number)
    message = f"the file was changed: {size_words(old_size)} → {size_words(one.seen.size)}"
    await record_each(connection, [(number, message)], "changed")
