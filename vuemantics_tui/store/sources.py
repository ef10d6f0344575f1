"""Store sources, the files in them, and what a scan found."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import aiosqlite

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.sources import LocationState, RemovedFile, Source, real_path, stored_path
from vuemantics_tui.domain.text import size_words, storable
from vuemantics_tui.store.database import Database, Row, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.duplicates import leave_groups
from vuemantics_tui.store.embeddings import renew_vectors
from vuemantics_tui.store.history import record_each, record_events
from vuemantics_tui.store.metadata import first_date
from vuemantics_tui.store.originals import KNOWN, Known, follow_files, joined, mark_gone
from vuemantics_tui.store.pictures import forget_pictures
from vuemantics_tui.store.stacks import settle

ROWS_AT_ONCE = 2_000
"""So many files are written in one transaction: others get their turn, and little is lost by a crash."""
SAMPLE = 200
"""So many known files tell whether a disk is the one that it was."""

_SELECT = """
    SELECT number, path, chosen_only, excludes, watched, added_at, scanned_at, away_since, removed_at
    FROM sources
"""
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
    """A file that was read: what it is, or the `reason` why it is refused.

    `modified_at` is when it was last changed, as a moment in UTC.
    """

    seen: Seen
    reason: str = ""
    sha256: str = ""
    file_type: FileType = FileType.IMAGE
    mime_type: str = ""
    extension: str = ""
    width: int | None = None
    height: int | None = None
    modified_at: str | None = None


@dataclass(frozen=True, slots=True)
class SourceState:
    """What tells whether a source is there: its folder's device and inode, and what disks were mounted below it.

    `refusing` is by what rules files were refused when it was last scanned.
    """

    device: int | None
    inode: int | None
    mounts: tuple[str, ...]
    refusing: str


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


class SourceStore:
    """Reads and writes sources and the files in them. Each write is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_read_only(self) -> bool:
        """Whether the library is read-only."""
        return self._database.is_read_only

    # Sources

    async def at(self, path: Path) -> Source | None:
        """Return the source with exactly this path, in use or removed."""
        row = await self._database.fetch_one(f"{_SELECT} WHERE path = ?", (stored_path(str(path)),))
        return None if row is None else _source_of(row)

    async def all(self, *, removed: bool = False) -> list[Source]:
        """Return the sources in use, or those that were removed, in the order of their paths, without counts."""
        rows = await self._database.fetch(
            f"{_SELECT} WHERE (removed_at IS NOT NULL) = ? ORDER BY path", (int(removed),)
        )
        return [_source_of(row) for row in rows]

    async def counted(self) -> list[Source]:
        """Return the sources in use, with how many files each has."""
        rows = await self._database.fetch("SELECT source, state, count(*) FROM locations GROUP BY source, state")
        counts = {(row[0], row[1]): int(row[2]) for row in rows}
        found = await self._database.fetch(f"{_SELECT} WHERE removed_at IS NULL ORDER BY path")
        return [
            _source_of(
                row,
                files=counts.get((row["number"], LocationState.HERE), 0),
                missing=counts.get((row["number"], LocationState.MISSING), 0),
                refused=counts.get((row["number"], LocationState.REFUSED), 0),
            )
            for row in found
        ]

    async def get(self, number: int) -> Source | None:
        """Return a source, removed or not."""
        row = await self._database.fetch_one(f"{_SELECT} WHERE number = ?", (number,))
        return None if row is None else _source_of(row)

    async def add(
        self, path: Path, *, excludes: Sequence[str] = (), watched: bool = True, chosen_only: bool = False
    ) -> Source:
        """Add a source, or change one that is there already. One that was removed comes back with its uploads.

        What an outer source knows of the files in it becomes its own.
        """
        stored = stored_path(str(path))
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection, "SELECT number, chosen_only, removed_at FROM sources WHERE path = ?", (stored,)
            )
            if rows:
                number, was_chosen, removed_at = rows[0]
                await connection.execute(
                    "UPDATE sources SET excludes = ?, watched = ?, chosen_only = ?, removed_at = NULL WHERE number = ?",
                    (json.dumps(list(excludes)), int(watched), int(chosen_only and was_chosen), number),
                )
                if was_chosen and not chosen_only:
                    await _take_over(connection, number, stored)
                if removed_at:
                    await _bring_back(connection, number, removed_at)
            else:
                cursor = await connection.execute(
                    "INSERT INTO sources (path, excludes, watched, chosen_only, added_at) VALUES (?, ?, ?, ?, ?)",
                    (stored, json.dumps(list(excludes)), int(watched), int(chosen_only), now_iso()),
                )
                assert cursor.lastrowid is not None
                number = cursor.lastrowid
                if not chosen_only:
                    await _take_over(connection, number, stored)
        found = await self.get(number)
        assert found is not None
        return found

    async def state(self, number: int) -> SourceState:
        """Return by what a source is recognised."""
        row = await self._database.fetch_one(
            "SELECT device, inode, mounts, refusing FROM sources WHERE number = ?", (number,)
        )
        assert row is not None
        return SourceState(row["device"], row["inode"], tuple(json.loads(row["mounts"])), row["refusing"])

    async def set_state(self, number: int, state: SourceState, *, scanned: bool) -> None:
        """Note by what a source is recognised from now on, and with `scanned` that a whole scan has ended."""
        async with self._database.transaction() as connection:
            await connection.execute(
                """
                UPDATE sources SET device = :device, inode = :inode, mounts = :mounts, refusing = :refusing,
                       scanned_at = iif(:scanned, :now, scanned_at)
                WHERE number = :number
                """,
                {
                    "device": state.device,
                    "inode": state.inode,
                    "mounts": json_list(state.mounts),
                    "refusing": state.refusing,
                    "scanned": int(scanned),
                    "now": now_iso(),
                    "number": number,
                },
            )

    async def set_away(self, number: int, away: bool) -> None:
        """Note that the disk of a source is away, or is there. What waits in it is processed when it is there."""
        condition = "away_since IS NULL" if away else "away_since IS NOT NULL"
        query = f"SELECT 1 FROM sources WHERE number = ? AND {condition}"
        if await self._database.fetch_one(query, (number,)) is None:
            return
        async with self._database.transaction() as connection:
            await next_revision(connection)
            await connection.execute(
                f"UPDATE sources SET away_since = ? WHERE number = ? AND {condition}",
                (now_iso() if away else None, number),
            )

    async def relocate(self, moves: Mapping[int, Path], *, copied: bool = False) -> None:
        """Give sources other paths. Raises UsageError if one is taken.

        Files that were `copied` to another disk have other inodes: they are recognised by size and time.
        """
        async with self._database.transaction() as connection:
            for number, path in moves.items():
                stored = stored_path(str(path))
                taken = await rows_of(
                    connection, "SELECT number FROM sources WHERE path = ? AND number <> ?", (stored, number)
                )
                if taken:
                    raise UsageError(f"{path} is already a source", "To see them: vuemantics-tui source list")
                await connection.execute(
                    "UPDATE sources SET path = ?, device = NULL, inode = NULL, away_since = NULL WHERE number = ?",
                    (stored, number),
                )
                if copied:
                    await connection.execute("UPDATE locations SET inode = 0 WHERE source = ?", (number,))
                await connection.execute(
                    "UPDATE uploads SET revision = ? WHERE source = ?", (await next_revision(connection), number)
                )

    async def remove(self, number: int, *, keep: bool) -> list[str]:
        """Stop using a source; without `keep` its uploads go to the trash, but for those with a file elsewhere.

        What is in an outer source, too, is then that one's.
        Returns the IDs of what went to the trash.
        """
        async with self._database.transaction() as connection:
            moment = now_iso()
            if not keep and await _hand_back(connection, number):
                return []
            await connection.execute("UPDATE sources SET removed_at = ? WHERE number = ?", (moment, number))
            if keep:
                return []
            uploads = [
                row[0]
                for row in await rows_of(
                    connection,
                    "SELECT DISTINCT upload FROM locations WHERE source = ? AND upload IS NOT NULL",
                    (number,),
                )
            ]
            await follow_files(connection, uploads)
            rows = await rows_of(
                connection,
                """
                UPDATE uploads SET deleted_at = :now, updated_at = :now, revision = :revision,
                       trashed_unseen = (SELECT unseen_seconds FROM library),
                       processing_status = iif(claim_token IS NULL, processing_status, 'pending'),
                       stage = iif(claim_token IS NULL, stage, 'queued'),
                       progress_percent = iif(claim_token IS NULL, progress_percent, 0),
                       claim_token = NULL, claim_owner = NULL, claim_expires_at = NULL
                WHERE source = :source AND deleted_at IS NULL RETURNING number, id
                """,
                {"now": moment, "revision": await next_revision(connection), "source": number},
            )
            numbers = [row["number"] for row in rows]
            await leave_groups(connection, numbers)
            await settle(connection, numbers)
            await record_events(connection, numbers, "trashed", "its source was removed")
        return [row["id"] for row in rows]

    async def files_of(self, number: int) -> list[Path]:
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

    async def forget_files(self, number: int) -> None:
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

    async def put_aside(self, number: int, *, away: bool) -> None:
        """Note that the original of an upload in place is not there: with its disk `away`, or missing."""
        row = await self._database.fetch_one("SELECT source FROM uploads WHERE number = ?", (number,))
        if row is None or row[0] is None:
            return
        if away:
            await self.set_away(row[0], True)
            return
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                f"SELECT {KNOWN} FROM locations WHERE upload = :number AND source = :source AND {_IS_ORIGINAL}",
                {"number": number, "source": row[0]},
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


def _source_of(row: Row, **counts: int) -> Source:
    return Source(
        number=row["number"],
        path=Path(real_path(row["path"])),
        chosen_only=bool(row["chosen_only"]),
        excludes=tuple(json.loads(row["excludes"])),
        watched=bool(row["watched"]),
        added_at=row["added_at"],
        scanned_at=row["scanned_at"],
        away_since=row["away_since"],
        removed_at=row["removed_at"],
        **counts,
    )


# Inside a transaction


async def _bring_back(connection: aiosqlite.Connection, number: int, removed_at: str) -> None:
    """Restore the uploads that went to the trash with their source."""
    revision = await next_revision(connection)
    rows = await rows_of(
        connection,
        """
        UPDATE uploads SET deleted_at = NULL, updated_at = :now, revision = :revision
        WHERE source = :source AND deleted_at = :removed_at RETURNING number
        """,
        {"now": now_iso(), "revision": revision, "source": number, "removed_at": removed_at},
    )
    numbers = [row[0] for row in rows]
    await renew_vectors(connection, numbers, revision)
    await settle(connection, numbers)
    await record_events(connection, numbers, "restored", "its source was added again")


async def _hand_back(connection: aiosqlite.Connection, number: int) -> bool:
    """Give the files of a source to the one that it is in, and forget it; tells whether there is such."""
    rows = await rows_of(
        connection, "SELECT number, path, chosen_only FROM sources WHERE removed_at IS NULL ORDER BY length(path) DESC"
    )
    path = next(row["path"] for row in rows if row["number"] == number)
    for outer, outer_path, is_chosen in rows:
        prefix = f"{outer_path.rstrip('/')}/"
        if outer == number or is_chosen or not path.startswith(prefix):
            continue
        which = {"number": number, "outer": outer, "inside": path[len(prefix) :]}
        await connection.execute(
            """
            UPDATE locations SET source = :outer, folder = :inside || iif(folder = '', '', '/' || folder)
            WHERE source = :number
            """,
            which,
        )
        await connection.execute(
            """
            UPDATE uploads SET source = :outer, file_path = :inside || '/' || file_path, revision = :revision
            WHERE source = :number
            """,
            {**which, "revision": await next_revision(connection)},
        )
        await connection.execute("DELETE FROM sources WHERE number = ?", (number,))
        return True
    return False


async def _take_over(connection: aiosqlite.Connection, number: int, path: str) -> None:
    """Give an inner source what outer ones know of the files in it."""
    rows = await rows_of(connection, "SELECT number, path FROM sources WHERE number <> ?", (number,))
    # The innermost first: it has what the outer ones have handed over.
    for outer, outer_path in sorted(rows, key=lambda row: -len(row[1])):
        if not path.startswith(f"{outer_path.rstrip('/')}/"):
            continue
        inside = path[len(outer_path.rstrip("/")) + 1 :]
        uploads = await rows_of(
            connection,
            "SELECT DISTINCT upload FROM locations WHERE source = :outer AND upload IS NOT NULL"
            " AND (folder = :inside OR substr(folder, 1, length(:inside) + 1) = :inside || '/')",
            {"outer": outer, "inside": inside},
        )
        # A file that was chosen before is known there already.
        await connection.execute(
            """
            UPDATE OR IGNORE locations SET source = :number, folder = substr(folder, length(:inside) + 2)
            WHERE source = :outer AND (folder = :inside OR substr(folder, 1, length(:inside) + 1) = :inside || '/')
            """,
            {"number": number, "outer": outer, "inside": inside},
        )
        await connection.execute(
            """
            DELETE FROM locations
            WHERE source = :outer AND (folder = :inside OR substr(folder, 1, length(:inside) + 1) = :inside || '/')
            """,
            {"outer": outer, "inside": inside},
        )
        await connection.execute(
            """
            UPDATE uploads SET source = :number, file_path = substr(file_path, length(:inside) + 2)
            WHERE source = :outer AND substr(file_path, 1, length(:inside) + 1) = :inside || '/'
            """,
            {"number": number, "outer": outer, "inside": inside},
        )
        await follow_files(connection, [row[0] for row in uploads])


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
    """Decide what one file that was read is. See `SourceStore.take`."""
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
