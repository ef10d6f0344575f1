"""What pictures look like: hashes, sharpness, colours and groups of duplicates, and which are not processed yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import aiosqlite

from vuemantics_tui.domain.duplicates import Fingerprint, Likeness, LookAlike, PictureTraits
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.domain.sources import real_path
from vuemantics_tui.store.database import Database, Row, batches, json_list, next_revision, rows_of
from vuemantics_tui.store.metadata import save_metadata
from vuemantics_tui.store.originals import IS_REACHABLE, SOURCE_OF
from vuemantics_tui.store.stacks import restack

_LOOK_ALIKE = f"""
    SELECT number, id, filename, file_type, file_size, width, height, taken_at, created_at, sharpness, thumbnail_path,
           file_path, {SOURCE_OF}
    FROM uploads
"""

# What runs or waits to be described gets its traits by that.
_LACKING_COLUMNS = f"number, id, file_path, {SOURCE_OF}, file_type, thumbnail_path, source_path, file_size, modified_at"
_LACKING = f"traits_read = 0 AND deleted_at IS NULL AND processing_status IN ('completed', 'failed') AND {IS_REACHABLE}"


# A clip has the hash of its thumbnail; what it is found by is its length and its frames.
_PRINTED = """
    SELECT number, file_type, coalesce(width * height, 0), file_size,
           coalesce(file_taken_from IN ('exif', 'xmp', 'quicktime'), 0) + (camera IS NOT NULL)
               + (latitude IS NOT NULL),
           json_extract(metadata, '$.audio_codec') IS NOT NULL, stack,
           iif(file_taken_from = 'exif', camera, NULL), file_taken_at, duration, phash, inner_hash, look, frames
    FROM uploads
    LEFT JOIN fingerprints ON fingerprints.upload = number
    LEFT JOIN clip_fingerprints ON clip_fingerprints.upload = number
    WHERE deleted_at IS NULL AND hidden = 0
    AND ((file_type = 'image' AND phash IS NOT NULL AND inner_hash IS NOT NULL)
         OR (file_type = 'video' AND duration IS NOT NULL AND traits_read = 1))
    ORDER BY number
"""


class PrintedUpload(NamedTuple):
    """What is known of an upload that may have duplicates.

    `pixels` is width times height, 0 if unknown; `file_size` in bytes; `facts` how much its file tells of when, how and
    where it was taken, 0 to 3; `camera` only where EXIF has the date; `duration` in seconds. A picture has a
    `fingerprint`, a clip the looks of its `frames`, None as long as they were not read.
    """

    number: int
    file_type: FileType
    pixels: int
    file_size: int
    facts: int
    has_sound: int
    stack: int | None
    camera: str | None
    taken_at: str | None
    duration: float | None
    fingerprint: Fingerprint | None
    frames: bytes | None


@dataclass(frozen=True, slots=True)
class Lacking:
    """An upload whose file must be read again. Paths are relative to the library, but for `source_path`.

    That of an original in place is relative to the folder `source`.
    `modified_at` is None for what was added before it was kept.
    """

    number: int
    id: str
    file_path: str
    source: str | None
    file_type: FileType
    thumbnail_path: str | None
    source_path: str | None
    file_size: int
    modified_at: str | None


async def save_traits(
    connection: aiosqlite.Connection, number: int, traits: PictureTraits | None, error: str | None = None
) -> None:
    """Write the looks of an upload, or the error that hid them, inside a transaction."""
    await connection.execute(
        """
        UPDATE uploads SET phash = :phash, sharpness = :sharpness, traits_read = 1, traits_error = :error
        WHERE number = :number
        """,
        {
            "phash": traits.phash if traits else None,
            "sharpness": traits.sharpness if traits else None,
            "error": error,
            "number": number,
        },
    )
    await connection.execute("DELETE FROM colours WHERE upload = ?", (number,))
    await connection.execute("DELETE FROM fingerprints WHERE upload = ?", (number,))
    if traits and traits.phash is not None:
        inner = traits.phash if traits.inner is None else traits.inner
        await connection.execute(
            "INSERT INTO fingerprints (upload, inner_hash, look) VALUES (?, ?, ?)", (number, inner, traits.look)
        )
    if traits:
        await connection.executemany(
            "INSERT INTO colours (name, upload, share) VALUES (?, ?, ?)",
            [(name, number, share) for name, share in traits.colours.items()],
        )


class FingerprintStore:
    """Keeps what uploads are recognised by, what was compared, and which are duplicates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def uploads(self) -> list[PrintedUpload]:
        """Return the uploads with a fingerprint, in the order they were added, but none hidden or in the trash."""
        return [
            PrintedUpload._make(
                (number, FileType(file_type), *facts, Fingerprint(phash, inner, look) if look else None, frames)
            )
            for number, file_type, *facts, phash, inner, look, frames in await self._database.fetch(_PRINTED)
        ]

    async def unread(self) -> int:
        """Return how many uploads have no fingerprint yet because the background pass has not read them."""
        row = await self._database.fetch_one(
            f"SELECT count(*) FROM uploads INDEXED BY uploads_lacking WHERE {_LACKING} AND hidden = 0"
        )
        assert row is not None
        return int(row[0])

    async def likenesses(self) -> dict[tuple[int, int], Likeness]:
        """Return what was compared: what the later of two uploads is to the earlier one, by their numbers."""
        rows = await self._database.fetch("SELECT one, other, likeness FROM comparisons")
        return {(row[0], row[1]): Likeness(row[2]) for row in rows}

    async def save_likenesses(self, found: Mapping[tuple[int, int], Likeness]) -> None:
        """Keep what was compared, except for uploads that are gone meanwhile."""
        async with self._database.transaction() as connection:
            await connection.executemany(
                """
                INSERT OR REPLACE INTO comparisons (one, other, likeness)
                SELECT :one, :other, :likeness WHERE (SELECT count(*) FROM uploads WHERE number IN (:one, :other)) = 2
                """,
                [{"one": one, "other": other, "likeness": likeness} for (one, other), likeness in found.items()],
            )

    async def save_frames(self, number: int, frames: bytes) -> None:
        """Keep what a clip is recognised by, unless it is gone meanwhile."""
        async with self._database.transaction() as connection:
            await connection.execute(
                """
                INSERT OR REPLACE INTO clip_fingerprints (upload, frames)
                SELECT number, ? FROM uploads WHERE number = ?
                """,
                (frames, number),
            )

    async def look_alikes(self, numbers: Sequence[int]) -> dict[int, LookAlike]:
        """Return what a person compares, by the number of the upload."""
        rows = await self._database.fetch(
            f"{_LOOK_ALIKE} WHERE number IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL",
            (json_list(numbers),),
        )
        return {row["number"]: LookAlike(**{**dict(row), **_located(row)}) for row in rows}

    async def save_groups(self, groups: Mapping[int, int]) -> int:
        """Make these the groups of duplicates: upload to the one to keep, itself among them; returns how many moved.

        Nothing is written where nothing changed.
        """
        rows = await self._database.fetch(
            "SELECT number, duplicate_group FROM uploads WHERE duplicate_group IS NOT NULL"
        )
        before = {row[0]: row[1] for row in rows}
        moved = [number for number in before.keys() | groups.keys() if before.get(number) != groups.get(number)]
        for some in batches(moved):
            async with self._database.transaction() as connection:
                revision = await next_revision(connection)
                await connection.executemany(
                    "UPDATE uploads SET duplicate_group = ?, revision = ? WHERE number = ? AND deleted_at IS NULL",
                    [(groups.get(number), revision, number) for number in some],
                )
        return len(moved)


async def leave_groups(connection: aiosqlite.Connection, numbers: Sequence[int]) -> None:
    """Take uploads out of their groups of duplicates; one that is left alone has no duplicate any more."""
    which = {"numbers": json_list(numbers)}
    rows = await rows_of(
        connection,
        """
        SELECT DISTINCT duplicate_group FROM uploads
        WHERE number IN (SELECT value FROM json_each(:numbers)) AND duplicate_group IS NOT NULL
        """,
        which,
    )
    if not rows:
        return
    await connection.execute(
        "UPDATE uploads SET duplicate_group = NULL WHERE number IN (SELECT value FROM json_each(:numbers))", which
    )
    await connection.execute(
        """
        UPDATE uploads SET duplicate_group = NULL WHERE duplicate_group IN (
            SELECT duplicate_group FROM uploads WHERE duplicate_group IN (SELECT value FROM json_each(:groups))
            GROUP BY duplicate_group HAVING count(*) = 1
        )
        """,
        {"groups": json_list(row[0] for row in rows)},
    )


class BackfillStore:
    """Finds uploads that lack traits, and writes them. The rows say what is left to do, so a crash loses nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def next(self) -> Lacking | None:
        """Return the newest upload that lacks something, unless the queue is paused."""
        row = await self._database.fetch_one(
            f"""
            SELECT {_LACKING_COLUMNS} FROM uploads INDEXED BY uploads_lacking WHERE {_LACKING}
            AND NOT (SELECT paused FROM library) ORDER BY number DESC LIMIT 1
            """
        )
        return _lacking_of(row) if row else None

    async def forget(self, number: int) -> Lacking | None:
        """Note that an upload must be read again, and return it unless it waits or runs."""
        async with self._database.transaction() as connection:
            await connection.execute("UPDATE uploads SET traits_read = 0 WHERE number = ?", (number,))
            rows = await rows_of(
                connection,
                f"SELECT {_LACKING_COLUMNS} FROM uploads WHERE number = ? AND {_LACKING}",
                (number,),
            )
        return _lacking_of(rows[0]) if rows else None

    async def left(self) -> int:
        """Return how many uploads lack something."""
        row = await self._database.fetch_one(
            f"SELECT count(*) FROM uploads INDEXED BY uploads_lacking WHERE {_LACKING}"
        )
        assert row is not None
        return int(row[0])

    async def save(
        self,
        number: int,
        traits: PictureTraits | None,
        metadata: MediaMetadata | None,
        error: str | None,
        modified_at: str | None = None,
    ) -> None:
        """Write what was found. Facts of the file replace what was known of it; what a person set by hand stays.

        Where the file cannot be read, what was known of it stays too. Only what lacked it is written, so two windows
        that read the same file at once do no harm.
        """
        found_nothing = traits is None and metadata is None
        async with self._database.transaction() as connection:
            if not await rows_of(connection, f"SELECT 1 FROM uploads WHERE number = ? AND {_LACKING}", (number,)):
                return
            if found_nothing:
                # Nothing visible changes: no window has to read its list again.
                await save_traits(connection, number, traits, error)
                await restack(connection, [number])
                return
            await connection.execute(
                "UPDATE uploads SET revision = ?, modified_at = coalesce(modified_at, ?) WHERE number = ?",
                (await next_revision(connection), modified_at, number),
            )
            if metadata is not None:
                await save_metadata(connection, number, metadata)
            await save_traits(connection, number, traits, error)
            await restack(connection, [number])


def _lacking_of(row: Row) -> Lacking:
    return Lacking(**{**dict(row), **_located(row), "file_type": FileType(row["file_type"])})


def _located(row: Row) -> dict[str, str | None]:
    return {"file_path": real_path(row["file_path"]), "source": row["source"] and real_path(row["source"])}
