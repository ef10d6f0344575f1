"""The vectors of pictures: which joint model is in use, and what it has and has not seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.sources import real_path
from vuemantics_tui.store.database import Database, next_revision, rows_of
from vuemantics_tui.store.originals import IS_REACHABLE, SOURCE_OF

# Those that were described, or failed with a picture to show: what waits or runs is looked at when it has ended. Asked
# as lists, of which SQLite makes an index once: at 100,000 uploads, to look up each took 790 ms instead of 50.
_SEEABLE = """
    deleted_at IS NULL AND processing_status IN ('completed', 'failed') AND thumbnail_path IS NOT NULL
    AND number NOT IN (SELECT upload FROM picture_vectors INDEXED BY picture_vectors_by_revision WHERE model = :model)
    AND number NOT IN (SELECT upload FROM unseen WHERE model = :model)
"""


@dataclass(frozen=True, slots=True)
class Unseen:
    """An upload whose picture a model has not seen: where its original is, as the store writes paths."""

    number: int
    id: str
    file_type: FileType
    file_path: str
    source: str | None


@dataclass(frozen=True, slots=True)
class FrameVector:
    """What a model makes of one picture: the bytes of the vector, and of a clip's frame the second it shows."""

    data: bytes
    second: float | None = None


@dataclass(frozen=True, slots=True)
class PictureModelUse:
    """A model that this library used: its name with its fingerprint, and how many uploads it saw."""

    model: str
    dimension: int
    is_in_use: bool
    seen: int


def part_of(model: str, place: int) -> str:
    """Return the name that the vectors of a clip's frame have, by its place from 0."""
    return f"{model}#{place}" if place else model


class PictureStore:
    """Reads and writes what joint models make of pictures."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # At which revision two models were compared, and which of them is searched.
        self._compared: tuple[int, list[str], str] = (-1, [], "")

    async def in_use(self) -> str | None:
        """Return the model in use, by its name and fingerprint."""
        row = await self._database.fetch_one(
            "SELECT model FROM picture_models WHERE used > 0 ORDER BY used DESC LIMIT 1"
        )
        return str(row[0]) if row else None

    async def searched(self) -> str | None:
        """Return the model whose vectors are searched.

        That is the one in use once it has seen everything, and until then the one before, if that has seen more.
        """
        rows = await self._database.fetch("SELECT model FROM picture_models WHERE used > 0 ORDER BY used DESC LIMIT 2")
        models = [str(row[0]) for row in rows]
        if len(models) < 2:
            return models[0] if models else None
        # To count takes long in a large library: once for each of its revisions is enough.
        revision, _ = await self.moment()
        if self._compared[:2] != (revision, models):
            newest, before = [await self._seen(model) for model in models]
            is_behind = newest < before and bool(await self.left(models[0]))
            self._compared = revision, models, models[1] if is_behind else models[0]
        return self._compared[2]

    async def _seen(self, model: str) -> int:
        row = await self._database.fetch_one("SELECT count(*) FROM picture_vectors WHERE model = ?", (model,))
        assert row is not None
        return int(row[0])

    async def use(self, model: str, dimension: int) -> None:
        """Put a model to use. The vectors of others stay, so that going back costs nothing."""
        async with self._database.transaction() as connection:
            await connection.execute(
                """
                INSERT INTO picture_models (model, dimension, used)
                VALUES (:model, :dimension, (SELECT coalesce(max(used), 0) + 1 FROM picture_models))
                ON CONFLICT (model) DO UPDATE SET used = excluded.used
                """,
                {"model": model, "dimension": dimension},
            )
            await next_revision(connection)

    async def use_none(self) -> None:
        """Use no model. What was seen stays."""
        async with self._database.transaction() as connection:
            await connection.execute("UPDATE picture_models SET used = 0")
            await next_revision(connection)

    async def forget(self, model: str) -> None:
        """Remove a model and everything it saw."""
        async with self._database.transaction() as connection:
            parts = {"model": model, "first": f"{model}#", "last": f"{model}$"}
            await connection.execute(
                "DELETE FROM picture_vectors WHERE model = :model OR (model >= :first AND model < :last)", parts
            )
            await connection.execute("DELETE FROM unseen WHERE model = :model", parts)
            await connection.execute("DELETE FROM picture_models WHERE model = :model", parts)
            await next_revision(connection)

    async def models(self) -> list[PictureModelUse]:
        """Return the models that this library used, the one in use first."""
        rows = await self._database.fetch(
            """
            SELECT m.model, m.dimension, m.used > 0 AND m.used = (SELECT max(used) FROM picture_models) AS in_use,
                (SELECT count(*) FROM picture_vectors v WHERE v.model = m.model) AS seen
            FROM picture_models m ORDER BY m.used DESC, m.model
            """
        )
        return [PictureModelUse(row[0], row[1], bool(row[2]), row[3]) for row in rows]

    async def next(self, model: str, limit: int) -> list[Unseen]:
        """Return the newest uploads that a model has not seen, unless the queue is paused."""
        rows = await self._database.fetch(
            f"""
            SELECT number, id, file_type, file_path, {SOURCE_OF} FROM uploads
            WHERE {_SEEABLE} AND {IS_REACHABLE} AND NOT (SELECT paused FROM library)
            ORDER BY number DESC LIMIT :limit
            """,
            {"model": model, "limit": limit},
        )
        return [
            Unseen(
                row["number"],
                row["id"],
                FileType(row["file_type"]),
                real_path(row["file_path"]),
                row["source"] and real_path(row["source"]),
            )
            for row in rows
        ]

    async def has_seen(self, model: str, number: int) -> bool:
        """Return whether a model has seen an upload."""
        query = "SELECT 1 FROM picture_vectors WHERE upload = ? AND model = ?"
        return await self._database.fetch_one(query, (number, model)) is not None

    async def progress(self, model: str) -> tuple[int, int]:
        """Return how many uploads a model has looked at, and how many there are to look at, those among them."""
        left = await self.left(model)
        row = await self._database.fetch_one(
            """
            SELECT count(*) FROM uploads WHERE deleted_at IS NULL AND number IN (
                SELECT upload FROM picture_vectors INDEXED BY picture_vectors_by_revision WHERE model = :model
                UNION ALL SELECT upload FROM unseen WHERE model = :model
            )
            """,
            {"model": model},
        )
        assert row is not None
        return int(row[0]), int(row[0]) + left

    async def moment(self) -> tuple[int, bool]:
        """Return the revision of the library, and whether its queue is paused: what `next` depends on, cheaply."""
        row = await self._database.fetch_one("SELECT revision, paused FROM library")
        assert row is not None
        return int(row[0]), bool(row[1])

    async def left(self, model: str) -> int:
        """Return how many uploads a model has not seen yet."""
        row = await self._database.fetch_one(
            f"SELECT count(*) FROM uploads WHERE {_SEEABLE} AND {IS_REACHABLE}", {"model": model}
        )
        assert row is not None
        return int(row[0])

    async def save(self, number: int, model: str, dimension: int, frames: Sequence[FrameVector]) -> None:
        """Save what a model makes of an upload: one vector for a picture, one for each frame of a clip.

        Nothing is written for an upload that is gone.
        """

        async def write(connection: aiosqlite.Connection) -> None:
            if not await rows_of(connection, "SELECT 1 FROM uploads WHERE number = ?", (number,)):
                return
            await forget_pictures(connection, number, model)
            revision = await next_revision(connection)
            await connection.executemany(
                "INSERT INTO picture_vectors (upload, model, dimension, vector, revision, second)"
                " VALUES (:upload, :model, :dimension, :vector, :revision, :second)",
                [
                    {
                        "upload": number,
                        "model": part_of(model, place),
                        "dimension": dimension,
                        "vector": frame.data,
                        "revision": revision,
                        "second": frame.second,
                    }
                    for place, frame in enumerate(frames)
                ],
            )

        await self._database.write(write)

    async def fail(self, number: int, model: str, message: str) -> None:
        """Note that a model could not see an upload."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT OR REPLACE INTO unseen (upload, model, message) SELECT number, :model, :message FROM uploads"
                " WHERE number = :number",
                {"number": number, "model": model, "message": message},
            )

    async def parts(self, model: str) -> int:
        """Return how many frames the clip with the most of them has; at least 1."""
        rows = await self._database.fetch(
            "SELECT DISTINCT model FROM picture_vectors WHERE model >= :first AND model < :last",
            {"first": f"{model}#", "last": f"{model}$"},
        )
        return 1 + max((int(str(row[0]).rpartition("#")[2]) for row in rows), default=0)

    async def seconds(self, model: str, parts: dict[int, int]) -> dict[int, float]:
        """Return at which second the frame of a clip is, by upload, for the place of a frame in each."""
        names = {number: part_of(model, place) for number, place in parts.items()}
        rows = await self._database.fetch(
            """
            SELECT v.upload, v.second FROM json_each(?) j JOIN picture_vectors v
            ON v.upload = cast(j.key AS INTEGER) AND v.model = j.value WHERE v.second IS NOT NULL
            """,
            (json.dumps(names),),
        )
        return {int(row[0]): float(row[1]) for row in rows}


async def forget_pictures(connection: aiosqlite.Connection, number: int, model: str | None = None) -> None:
    """Delete what one model, or every model, saw in an upload, inside a transaction."""
    if model is None:
        await connection.execute("DELETE FROM picture_vectors WHERE upload = ?", (number,))
        await connection.execute("DELETE FROM unseen WHERE upload = ?", (number,))
        return
    parts = {"upload": number, "model": model, "first": f"{model}#", "last": f"{model}$"}
    await connection.execute(
        "DELETE FROM picture_vectors"
        " WHERE upload = :upload AND (model = :model OR (model >= :first AND model < :last))",
        parts,
    )
    await connection.execute("DELETE FROM unseen WHERE upload = :upload AND model = :model", parts)
