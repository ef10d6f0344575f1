"""What a library holds, in numbers."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from vuemantics_tui.domain.colours import COLOUR_NAMES
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.upload import ProcessingStatus
from vuemantics_tui.store.database import Database, json_list

# How many durations of a stage are read, the latest ones.
LATEST = 2_000
MOST_COLOURS = 12
# The files that SQLite keeps beside the database.
_BESIDE = ("", "-wal", "-shm")
_STAGES = {"thumbnail": "thumbnail", "described": "describing", "completed": "embedding"}


@dataclass(frozen=True, slots=True)
class StageTime:
    """How long a stage took over so many runs: the median and the 90th percentile, in seconds."""

    stage: str
    median: float
    p90: float
    runs: int


@dataclass(frozen=True, slots=True)
class Month:
    """How many uploads are from a month such as 2024-06: when they were taken, or else added, by the local clock."""

    month: str
    uploads: int


@dataclass(frozen=True, slots=True)
class StoredStatistics:
    """What the database knows. `tags` and `colours` with the number of their uploads, the most frequent first.

    The colours that an analyzer gave as tags count among the colours alone.
    """

    by_status: dict[ProcessingStatus, int]
    by_type: dict[FileType, int]
    months: tuple[Month, ...]
    originals_bytes: int
    trashed: int
    trashed_bytes: int
    hidden: int
    duplicates: int
    tags: tuple[tuple[str, int], ...]
    colours: tuple[tuple[str, int], ...]
    stages: tuple[StageTime, ...]


@dataclass(frozen=True, slots=True)
class LibrarySize:
    """How large a library is on disk, in bytes: its database, and the originals as the database lists them."""

    database: int
    originals: int


class StatisticsStore:
    """Counts. What is in the trash counts as such and nowhere else; hidden uploads count."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, most_tags: int = 20) -> StoredStatistics:
        """Return all counts, with the `most_tags` most used tags. Raises LibraryError."""
        statuses = await self._pairs(
            "SELECT processing_status, count(*) FROM uploads WHERE deleted_at IS NULL GROUP BY processing_status"
        )
        types = await self._pairs("SELECT file_type, count(*) FROM uploads WHERE deleted_at IS NULL GROUP BY file_type")
        months = await self._pairs(
            "SELECT coalesce(substr(taken_at, 1, 7), strftime('%Y-%m', created_at, 'localtime')), count(*)"
            " FROM uploads WHERE deleted_at IS NULL GROUP BY 1 ORDER BY 1"
        )
        tags = await self._pairs(
            """
            SELECT tags.name, count(DISTINCT upload) FROM tagged JOIN tags ON tags.number = tag
            WHERE upload NOT IN (SELECT number FROM uploads WHERE deleted_at IS NOT NULL)
                  AND tags.folded NOT IN (SELECT value FROM json_each(?))
            GROUP BY tag ORDER BY 2 DESC, 1 LIMIT ?
            """,
            json_list(COLOUR_NAMES),
            most_tags,
        )
        colours = await self._pairs(
            """
            SELECT name, count(*) FROM colours
            WHERE upload NOT IN (SELECT number FROM uploads WHERE deleted_at IS NOT NULL)
            GROUP BY name ORDER BY 2 DESC, 1 LIMIT ?
            """,
            MOST_COLOURS,
        )
        sums = await self._database.fetch_one(
            """
            SELECT coalesce(sum(iif(deleted_at IS NULL AND source IS NULL, file_size, 0)), 0), count(deleted_at),
                   coalesce(sum(iif(deleted_at IS NULL OR source IS NOT NULL, 0, file_size)), 0),
                   coalesce(sum(hidden AND deleted_at IS NULL), 0),
                   (SELECT count(*) FROM uploads WHERE duplicate_group IS NOT NULL AND deleted_at IS NULL)
            FROM uploads
            """
        )
        assert sums is not None
        return StoredStatistics(
            by_status={status: statuses.get(status, 0) for status in ProcessingStatus},
            by_type={file_type: types.get(file_type, 0) for file_type in FileType},
            months=tuple(Month(month, count) for month, count in months.items()),
            originals_bytes=sums[0],
            trashed=sums[1],
            trashed_bytes=sums[2],
            hidden=sums[3],
            duplicates=sums[4],
            tags=tuple(tags.items()),
            colours=tuple(colours.items()),
            stages=tuple([time for kind in _STAGES if (time := await self._stage(kind))]),
        )

    async def size(self) -> LibrarySize:
        """Return how large the library is."""
        row = await self._database.fetch_one("SELECT coalesce(sum(file_size), 0) FROM uploads WHERE source IS NULL")
        assert row is not None
        return LibrarySize(await asyncio.to_thread(_database_bytes, self._database.path), int(row[0]))

    async def thumbnails(self) -> list[str]:
        """Return the paths of all thumbnails, relative to the library."""
        rows = await self._database.fetch("SELECT thumbnail_path FROM uploads WHERE thumbnail_path IS NOT NULL")
        return [row[0] for row in rows]

    async def _pairs(self, sql: str, *parameters: object) -> dict[str, int]:
        return {row[0]: int(row[1]) for row in await self._database.fetch(sql, parameters)}

    async def _stage(self, kind: str) -> StageTime | None:
        rows = await self._database.fetch(
            "SELECT seconds FROM events WHERE kind = ? AND seconds IS NOT NULL ORDER BY number DESC LIMIT ?",
            (kind, LATEST),
        )
        if not rows:
            return None
        seconds = sorted(float(row[0]) for row in rows)
        return StageTime(_STAGES[kind], _percentile(seconds, 0.5), _percentile(seconds, 0.9), len(seconds))


def _database_bytes(path: Path) -> int:
    total = 0
    for suffix in _BESIDE:
        with contextlib.suppress(FileNotFoundError):
            total += path.with_name(path.name + suffix).stat().st_size
    return total


def _percentile(values: list[float], share: float) -> float:
    """Return the value at a share (0..1) of sorted values, interpolated between two of them."""
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)
