"""The picture space of a joint model: what a query looks like, and which uploads look like that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from vuemantics_tui.analyzers.base import Vector
from vuemantics_tui.domain.query import Like, Query, Text
from vuemantics_tui.search.cutoff import Chance
from vuemantics_tui.search.query_vectors import sum_of
from vuemantics_tui.search.vectors import VectorIndex, vector_of
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.embeddings import EmbeddingStore, Vectors
from vuemantics_tui.store.pictures import PictureStore, part_of
from vuemantics_tui.store.uploads import UploadStore


class EmbedText(Protocol):
    """Returns the vector of a text, sooner unless it is `final`. Raises AnalyzerError."""

    def __call__(self, text: str, *, final: bool) -> Awaitable[Vector]: ...


EmbedPicture = Callable[[Path], Awaitable[Vector]]


@dataclass(frozen=True, slots=True)
class Looks:
    """What looks like a query: the cosines by upload, best first, the second of a clip, and what chance would give.

    `note` says why nothing was compared.
    """

    cosines: Mapping[int, float] = field(default_factory=dict)
    seconds: Mapping[int, float] = field(default_factory=dict)
    chance: Chance = field(default_factory=Chance)
    note: str = ""


class PictureSpace:
    """The vectors of one joint model. A clip has several, one for each frame that was looked at."""

    def __init__(
        self, database: Database, model: str, folder: Path, embed_text: EmbedText, embed_picture: EmbedPicture
    ) -> None:
        self.model = model
        self._database = database
        self._folder = folder
        self._embed_text = embed_text
        self._embed_picture = embed_picture
        self._store = PictureStore(database)
        self._vectors = EmbeddingStore(database, Vectors.PICTURES)
        self._uploads = UploadStore(database)
        # By the place of the frame: the first has every upload, the others have clips alone.
        self._indexes: list[VectorIndex] = []

    async def looks(
        self, query: Query, limit: int, allowed: Collection[int] | None, *, final: bool, show_hidden: bool
    ) -> Looks:
        """Return what looks like a query; nothing where it has no words and no picture. Raises AnalyzerError."""
        parts: list[tuple[float, Vector]] = []
        known: set[int] = set()
        for operand in query.operands:
            vector = await self._of(operand.meaning, known, final)
            if vector is not None:
                parts.append((operand.weight, vector))
        whole = await asyncio.to_thread(sum_of, parts, query.operands)
        # Half of a sum would mean something else.
        if whole is None or len(parts) < len(query.operands):
            return Looks()
        return await self._nearest(whole, limit, allowed, show_hidden, known)

    async def close(self) -> None:
        """Wait until the vectors are written, if they are being written."""
        for index in self._indexes:
            await index.close()

    async def _of(self, meaning: Text | Like, known: set[int], final: bool) -> Vector | None:
        if isinstance(meaning, Text):
            return await self._embed_text(meaning.plain, final=final) if meaning.plain else None
        if meaning.is_path:
            # "~" is resolved where the file is opened, off the loop.
            return await self._embed_picture(Path(meaning.reference)) if final else None
        found = await self._uploads.by_prefix(meaning.reference, 2)
        stored = await self._vectors.one(self.model, found[0].number) if len(found) == 1 else None
        if stored is None:
            return None
        known.add(found[0].number)
        return await asyncio.to_thread(vector_of, stored.data)

    async def _nearest(
        self, vector: Vector, limit: int, allowed: Collection[int] | None, show_hidden: bool, known: set[int]
    ) -> Looks:
        parts = await self._store.parts(self.model)
        while len(self._indexes) < parts:
            name = part_of(self.model, len(self._indexes))
            self._indexes.append(VectorIndex(self._vectors, ChangeFeed(self._database), name, self._folder))
        best: dict[int, tuple[float, int]] = {}
        for place, index in enumerate(self._indexes[:parts]):
            for number, cosine in await index.nearest(vector, limit + len(known), allowed, show_hidden):
                if number not in known and (number not in best or cosine > best[number][0]):
                    best[number] = cosine, place
        order = sorted(best, key=lambda number: -best[number][0])[:limit]
        seconds = await self._store.seconds(self.model, {number: best[number][1] for number in order[:_TIMED]})
        chance = await self._indexes[0].chance(vector)
        return Looks({number: best[number][0] for number in order}, seconds, chance)


# For how many results the best second of a clip is looked up: nobody looks further down.
_TIMED = 100
