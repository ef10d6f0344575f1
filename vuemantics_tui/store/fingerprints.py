"""What pictures look like, as far as it was read: perceptual hashes, sharpness, colours, groups of duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import aiosqlite

from vuemantics_tui.domain.duplicates import LookAlike, PictureTraits
from vuemantics_tui.store.database import Database, batches, next_revision, placeholders

_LOOK_ALIKE = """
    SELECT number, id, filename, file_type, file_size, width, height, taken_at, created_at, sharpness, thumbnail_path
    FROM uploads
"""


class HashedUpload(NamedTuple):
    """What is needed to find duplicates among many: the hash as a signed integer, the file's size in bytes."""

    number: int
    phash: int
    pixels: int
    sharpness: float
    file_size: int


async def save_traits(
    connection: aiosqlite.Connection, number: int, traits: PictureTraits | None, error: str | None = None
) -> None:
    """Write what an upload looks like, or why that cannot be told, inside a transaction."""
    await connection.execute(
        "UPDATE uploads SET phash = ?, sharpness = ?, traits_read = 1, traits_error = ? WHERE number = ?",
        (
            *((traits.phash, traits.sharpness) if traits else (None, None)),
            *(error, number),
        ),
    )
    await connection.execute("DELETE FROM colours WHERE upload = ?", (number,))
    if traits:
        await connection.executemany(
            "INSERT INTO colours (name, upload, share) VALUES (?, ?, ?)",
            [(name, number, share) for name, share in traits.colours.items()],
        )


class FingerprintStore:
    """Reads perceptual hashes, and keeps which uploads are duplicates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hashes(self) -> list[HashedUpload]:
        """What has a perceptual hash, in the order of adding; without what is hidden or in the trash."""
        rows = await self._database.fetch(
            """
            SELECT number, phash, coalesce(width * height, 0), coalesce(sharpness, 0), file_size FROM uploads
            WHERE phash IS NOT NULL AND deleted_at IS NULL AND hidden = 0 ORDER BY number
            """
        )
        return [HashedUpload(*row) for row in rows]

    async def look_alikes(self, numbers: Sequence[int]) -> dict[int, LookAlike]:
        """What a person compares of these uploads, by number."""
        found: dict[int, LookAlike] = {}
        for some in batches(numbers):
            rows = await self._database.fetch(
                f"{_LOOK_ALIKE} WHERE number IN ({placeholders(some)}) AND deleted_at IS NULL", some
            )
            found.update((row[0], LookAlike(*row)) for row in rows)
        return found

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
    rows = list(
        await connection.execute_fetchall(
            f"SELECT DISTINCT duplicate_group FROM uploads"
            f" WHERE number IN ({placeholders(numbers)}) AND duplicate_group IS NOT NULL",
            numbers,
        )
    )
    groups = [row[0] for row in rows]
    if not groups:
        return
    await connection.execute(
        f"UPDATE uploads SET duplicate_group = NULL WHERE number IN ({placeholders(numbers)})", numbers
    )
    await connection.execute(
        f"""
        UPDATE uploads SET duplicate_group = NULL WHERE duplicate_group IN (
            SELECT duplicate_group FROM uploads WHERE duplicate_group IN ({placeholders(groups)})
            GROUP BY duplicate_group HAVING count(*) = 1
        )
        """,
        groups,
    )
