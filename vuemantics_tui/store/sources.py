"""Sources: folders whose files are used in place, how each is recognised, and what becomes of its files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.sources import LocationState, Source, real_path, stored_path
from vuemantics_tui.store.database import Database, Row, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.duplicates import leave_groups
from vuemantics_tui.store.embeddings import renew_vectors
from vuemantics_tui.store.history import record_events
from vuemantics_tui.store.locations import LocationStore
from vuemantics_tui.store.originals import follow_files
from vuemantics_tui.store.stacks import settle

_SELECT = """
    SELECT number, path, chosen_only, excludes, watched, added_at, scanned_at, away_since, removed_at
    FROM sources
"""


@dataclass(frozen=True, slots=True)
class SourceState:
    """What tells whether a source is there: its folder's device and inode, and what disks were mounted below it.

    `refusing` is by what rules files were refused when it was last scanned.
    """

    device: int | None
    inode: int | None
    mounts: tuple[str, ...]
    refusing: str


class SourceStore:
    """Reads and writes sources. Each write is one transaction. `files` has the files in them."""

    def __init__(self, database: Database) -> None:
        self.files = LocationStore(database)
        self._database = database

    @property
    def is_read_only(self) -> bool:
        """Whether the library is read-only."""
        return self._database.is_read_only

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
        """Return the sources in use, with how many files each has, and how many uploads miss theirs."""
        rows = await self._database.fetch("SELECT source, state, count(*) FROM locations GROUP BY source, state")
        counts = {(row[0], row[1]): int(row[2]) for row in rows}
        # By upload: what a person deleted with its file has no location, and the trash misses nothing.
        lacking = await self._database.fetch(
            "SELECT source, count(*) FROM uploads INDEXED BY uploads_missing"
            " WHERE missing_since IS NOT NULL AND deleted_at IS NULL GROUP BY source"
        )
        missing = {row[0]: int(row[1]) for row in lacking}
        found = await self._database.fetch(f"{_SELECT} WHERE removed_at IS NULL ORDER BY path")
        return [
            _source_of(
                row,
                files=counts.get((row["number"], LocationState.HERE), 0),
                missing=missing.get(row["number"], 0),
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

    async def put_aside(self, number: int, *, away: bool) -> None:
        """Note that the original of an upload in place is not there: with its disk `away`, or missing."""
        row = await self._database.fetch_one("SELECT source FROM uploads WHERE number = ?", (number,))
        if row is None or row[0] is None:
            return
        if away:
            await self.set_away(row[0], True)
        else:
            await self.files.mark_missing(number, row[0])


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
