"""What older uploads lack, and what a second look at their files found."""

from __future__ import annotations

import json
from dataclasses import dataclass

from vuemantics_tui.domain.duplicates import PictureTraits
from vuemantics_tui.domain.media import FileType, MediaMetadata
from vuemantics_tui.store.database import Database, next_revision
from vuemantics_tui.store.fingerprints import save_traits

# What runs or waits to be described gets its traits by that.
_LACKING = "traits_read = 0 AND deleted_at IS NULL AND processing_status IN ('completed', 'failed')"


@dataclass(frozen=True, slots=True)
class Lacking:
    """An upload whose file is to be read again. Paths are relative to the library."""

    number: int
    id: str
    file_path: str
    file_type: FileType
    thumbnail_path: str | None


class BackfillStore:
    """Finds what lacks traits, and writes them. What is left to do is in the rows: nothing is lost by a crash."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def next(self) -> Lacking | None:
        """The newest upload that lacks something, unless the queue is paused; what people look at first."""
        row = await self._database.fetch_one(
            f"""
            SELECT number, id, file_path, file_type, thumbnail_path FROM uploads INDEXED BY uploads_lacking
            WHERE {_LACKING}
            AND NOT (SELECT paused FROM library) ORDER BY number DESC LIMIT 1
            """
        )
        return Lacking(row[0], row[1], row[2], FileType(row[3]), row[4]) if row else None

    async def left(self) -> int:
        """How many uploads lack something."""
        row = await self._database.fetch_one(
            f"SELECT count(*) FROM uploads INDEXED BY uploads_lacking WHERE {_LACKING}"
        )
        assert row is not None
        return int(row[0])

    async def save(
        self, number: int, traits: PictureTraits | None, metadata: MediaMetadata | None, error: str | None
    ) -> None:
        """Write what was found. What the row has already is kept where the file says nothing.

        Only what lacked it is written, so two windows that read the same file at once do no harm.
        """
        found_nothing = traits is None and metadata is None
        metadata = metadata or MediaMetadata()
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(f"SELECT 1 FROM uploads WHERE number = ? AND {_LACKING}", (number,))
            )
            if not rows:
                return
            if found_nothing:
                # Nothing that anybody sees is another: no window has to read its list anew.
                await save_traits(connection, number, traits, error)
                return
            await connection.execute(
                """
                UPDATE uploads SET width = coalesce(width, ?), height = coalesce(height, ?),
                       duration = coalesce(duration, ?), taken_at = coalesce(taken_at, ?),
                       video_codec = coalesce(video_codec, ?), metadata = json_patch(?, metadata), revision = ?
                WHERE number = ?
                """,
                (
                    *(metadata.width, metadata.height, metadata.duration, metadata.taken_at, metadata.video_codec),
                    *(json.dumps(metadata.extra or {}), await next_revision(connection), number),
                ),
            )
            await save_traits(connection, number, traits, error)
