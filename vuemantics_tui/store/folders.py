"""What the database says that the folders of uploads hold, and uploads that were found in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.store.database import Database, Row, json_list, now_iso, rows_of
from vuemantics_tui.store.uploads import HAS_SOUND_IDS, NewUpload, insert_new

# Rows read at once: the loop goes on in between.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """What should be on disk for one upload, in the trash or not. Sizes in bytes.

    `source` is the number of the source of an upload in place, None of a copied one, and `source_folder` its path.
    `is_unreachable` tells that its original is known to be missing or away, `is_due` that its file is going to be read
    in the background, which makes its thumbnail.
    """

    number: int
    id: str
    user_id: str
    filename: str
    file_path: str
    file_type: FileType
    source: int | None
    source_folder: str | None
    source_path: str | None
    sha256: str
    file_size: int
    created_at: str
    modified_at: str | None
    updated_at: str
    thumbnail_path: str | None
    is_unreachable: bool
    is_due: bool


_COLUMNS = """
    u.number, u.id, u.user_id, u.filename, u.file_path, u.file_type, u.source, s.path AS source_folder, u.source_path,
    u.sha256, u.file_size, u.created_at, u.modified_at, u.updated_at, u.thumbnail_path,
    u.missing_since IS NOT NULL OR s.away_since IS NOT NULL AS is_unreachable,
    u.traits_read = 0 OR u.processing_status NOT IN ('completed', 'failed') AS is_due
"""
_NAMES = tuple(field.name for field in fields(StoredFolder))


class FolderStore:
    """Reads what should be on disk, and takes in what was found there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self) -> int:
        """Return how many uploads there are, those in the trash among them."""
        row = await self._database.fetch_one("SELECT count(*) FROM uploads")
        return int(row[0]) if row else 0

    async def batches(self) -> AsyncIterator[list[StoredFolder]]:
        """Yield all uploads with sound identifiers, some at a time, in the order they were added."""
        last = 0
        while True:
            rows = await self._database.fetch(
                f"""
                SELECT {_COLUMNS} FROM uploads u LEFT JOIN sources s ON s.number = u.source
                WHERE u.number IN (
                    SELECT number FROM uploads WHERE number > ? AND {HAS_SOUND_IDS} ORDER BY number LIMIT {_BATCH}
                )
                ORDER BY u.number
                """,
                (last,),
            )
            if not rows:
                return
            last = rows[-1]["number"]
            yield [_folder_of(row) for row in rows]

    async def of(self, upload_ids: Sequence[str]) -> list[StoredFolder]:
        """Return what should be on disk for these uploads."""
        rows = await self._database.fetch(
            f"""
            SELECT {_COLUMNS} FROM uploads u LEFT JOIN sources s ON s.number = u.source
            WHERE u.id IN (SELECT value FROM json_each(?))
            """,
            (json_list(upload_ids),),
        )
        return [_folder_of(row) for row in rows]

    async def hashes(self) -> set[str]:
        """Return the SHA-256 of all uploads, those in the trash among them."""
        return {row[0] for row in await self._database.fetch("SELECT sha256 FROM uploads")}

    async def take(self, found: Sequence[NewUpload]) -> int:
        """Insert uploads that were found on disk, with their users; return how many were new."""
        taken = 0
        async with self._database.transaction() as connection:
            for user_id in dict.fromkeys(new.user_id for new in found):
                await connection.execute("INSERT OR IGNORE INTO users VALUES (?, ?)", (user_id, now_iso()))
            for new in found:
                taken += await insert_new(connection, new)
        return taken

    async def belong_to(self, user_id: str) -> None:
        """Give an empty library its owner, who was another one's before."""
        async with self._database.transaction() as connection:
            if not (await rows_of(connection, "SELECT count(*) FROM uploads"))[0][0]:
                await connection.execute("UPDATE users SET id = ?", (user_id,))

    async def read_thumbnails_again(self, numbers: Sequence[int]) -> None:
        """Have the thumbnails of these uploads made again in the background."""
        if not numbers:
            return
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE uploads SET traits_read = 0, traits_error = NULL"
                " WHERE number IN (SELECT value FROM json_each(?))",
                (json_list(numbers),),
            )


def _folder_of(row: Row) -> StoredFolder:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values["file_type"] = FileType(values["file_type"])
    values["is_unreachable"], values["is_due"] = bool(values["is_unreachable"]), bool(values["is_due"])
    return StoredFolder(**values)
