"""The tags that a joint model sees in pictures: which descriptions lack them, and the way back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from vuemantics_tui.domain.description import Told
from vuemantics_tui.store.database import Database, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.tags import tag_key

_CURRENT = "descriptions.current = 1 AND edited = 0"
# Two ranges of the index, not all of it: a large library is asked every few seconds.
_OTHERWISE = "(seen_by IS NULL OR seen_by < :basis OR seen_by > :basis)"
_WITH_VECTOR = "EXISTS (SELECT 1 FROM picture_vectors v WHERE v.upload = descriptions.upload AND v.model = :model)"


@dataclass(frozen=True, slots=True)
class Untagged:
    """A description without the tags of a model: text and tags as the analyzer made them, and what the model saw."""

    number: int
    upload: int
    text: str
    tags: tuple[str, ...]
    read_text: str
    guessed: bool
    frames: tuple[bytes, ...]


class PictureTagStore:
    """Reads and writes the tags that joint models see. A description that a person wrote keeps its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def revision(self) -> int:
        """Return the number of the latest change of the library."""
        row = await self._database.fetch_one("SELECT revision FROM library")
        assert row is not None
        return int(row[0])

    async def seen(self, model: str) -> int:
        """Return how many uploads a model saw."""
        row = await self._database.fetch_one("SELECT count(*) FROM picture_vectors WHERE model = ?", (model,))
        assert row is not None
        return int(row[0])

    async def sample(self, model: str, limit: int) -> list[bytes]:
        """Return the vectors of so many uploads from all over the library, the same ones each time."""
        rows = await self._database.fetch(
            # Knuth's multiplicative hash, which spreads numbers that follow each other.
            "SELECT vector FROM picture_vectors WHERE model = ? ORDER BY upload * 2654435761 % 4294967296 LIMIT ?",
            (model, limit),
        )
        return [bytes(row[0]) for row in rows]

    async def next(self, model: str, basis: str, limit: int) -> list[Untagged]:
        """Return current descriptions of pictures that a model saw, whose tags do not come from this basis."""
        rows = await self._database.fetch(
            f"""
            SELECT descriptions.number, upload, coalesce(json_extract(before_seen, '$.text'), text) AS text,
                   coalesce(json_extract(before_seen, '$.tags'), tags) AS tags, read_text, guessed
            FROM descriptions JOIN uploads ON uploads.number = upload
            WHERE {_CURRENT} AND {_OTHERWISE} AND {_WITH_VECTOR} AND deleted_at IS NULL LIMIT :limit
            """,
            {"model": model, "basis": basis, "limit": limit},
        )
        return [
            Untagged(
                row["number"],
                row["upload"],
                row["text"],
                tuple(json.loads(row["tags"])),
                row["read_text"],
                bool(row["guessed"]),
                await self._frames(row["upload"], model),
            )
            for row in rows
        ]

    async def _frames(self, upload: int, model: str) -> tuple[bytes, ...]:
        rows = await self._database.fetch(
            "SELECT vector FROM picture_vectors"
            " WHERE upload = :upload AND (model = :model OR (model >= :first AND model < :last))",
            {"upload": upload, "model": model, "first": f"{model}#", "last": f"{model}$"},
        )
        return tuple(bytes(row[0]) for row in rows)

    async def save(self, basis: str, told: Sequence[tuple[Untagged, Told]]) -> None:
        """Give descriptions their tags, and the text that goes with them, unless they changed meanwhile."""
        async with self._database.transaction() as connection:
            changed = []
            for before, after in told:
                original = json.dumps({"text": before.text, "tags": before.tags})
                tags = json.dumps(unique_tags(after.tags))
                cursor = await connection.execute(
                    """
                    UPDATE descriptions SET text = :text, tags = :tags, before_seen = coalesce(before_seen, :original)
                    WHERE number = :number AND current = 1 AND edited = 0 AND (text <> :text OR tags <> :tags)
                    """,
                    {"text": after.text, "tags": tags, "original": original, "number": before.number},
                )
                if cursor.rowcount:
                    changed.append(before.upload)
            # What says the same as before is not indexed again.
            await connection.execute(
                "UPDATE descriptions SET seen_by = ? WHERE number IN (SELECT value FROM json_each(?))",
                (basis, json_list(before.number for before, _ in told)),
            )
            await _touch(connection, changed)

    async def take_back(self, limit: int, model: str | None = None) -> int:
        """Put back what analyzers said, of so many descriptions that one model, or any, gave tags; returns how many."""
        condition, parameters = "before_seen IS NOT NULL", {"limit": limit, "first": "", "last": ""}
        if model is not None:
            condition += " AND seen_by >= :first AND seen_by < :last"
            parameters |= {"first": f"{model} ", "last": f"{model}!"}
        find = f"SELECT number, upload FROM descriptions WHERE {condition} LIMIT :limit"
        if not await self._database.fetch(find, parameters):
            return 0
        async with self._database.transaction() as connection:
            rows = await rows_of(connection, find, parameters)
            await connection.execute(
                """
                UPDATE descriptions SET text = json_extract(before_seen, '$.text'),
                       tags = json_extract(before_seen, '$.tags'), seen_by = NULL, before_seen = NULL
                WHERE number IN (SELECT value FROM json_each(?))
                """,
                (json_list(row[0] for row in rows),),
            )
            await _touch(connection, [row[1] for row in rows])
        return len(rows)


def unique_tags(tags: Sequence[str]) -> list[str]:
    """Return each tag once, whatever its case, as it is written first."""
    return list({tag_key(tag): tag for tag in reversed(tags)}.values())[::-1]


async def _touch(connection: aiosqlite.Connection, uploads: Sequence[int]) -> None:
    """Notify the listeners of the store."""
    if uploads:
        await connection.execute(
            "UPDATE uploads SET updated_at = ?, revision = ? WHERE number IN (SELECT value FROM json_each(?))",
            (now_iso(), await next_revision(connection), json_list(uploads)),
        )
