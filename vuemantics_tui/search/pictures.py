"""The picture space of a joint model: what a query looks like, and which uploads look like that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vuemantics_tui.analyzers.base import Vector
from vuemantics_tui.domain.query import Like, Query, Text
from vuemantics_tui.search.cutoff import Chance
from vuemantics_tui.search.query_vectors import sum_of
from vuemantics_tui.search.vectors import VectorIndex, vector_of
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database, uninterrupted
from vuemantics_tui.store.embeddings import EmbeddingStore, Vectors
from vuemantics_tui.store.pictures import PictureStore, part_of
from vuemantics_tui.store.uploads import UploadStore

if TYPE_CHECKING:
    from vuemantics_tui.search.vector_table import VectorTable


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
        self._feed = ChangeFeed(database)
        self._lock = asyncio.Lock()
        # Of the vectors that are in step with the store; 0 if none are.
        self._dimension = 0

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
        async with self._lock:
            await self._sync(vector.shape[0])
            tables = [index.table for index in self._indexes]
            # All in one thread, which cannot be stopped: nothing may change the tables under it.
            best, chance = await uninterrupted(
                asyncio.to_thread(_best, tables, vector, limit + len(known), allowed, show_hidden)
            )
            for index in self._indexes:
                index.rest()
        order = sorted(best.keys() - known, key=lambda number: -best[number][0])[:limit]
        seconds = await self._store.seconds(self.model, {number: best[number][1] for number in order[:_TIMED]})
        return Looks({number: best[number][0] for number in order}, seconds, chance)

    async def _sync(self, dimension: int) -> None:
        """Bring all tables in step with the store, if anything changed."""
        if self._dimension == dimension and await self._feed.poll() is None:
            return
        self._dimension = 0
        await self._feed.skip_to_now()
        for place in range(len(self._indexes), await self._store.parts(self.model)):
            name = part_of(self.model, place)
            self._indexes.append(VectorIndex(self._vectors, ChangeFeed(self._database), name, self._folder))
        for index in self._indexes:
            await index.synced(dimension)
        self._dimension = dimension


def _best(
    tables: Sequence[VectorTable | None],
    vector: Vector,
    limit: int,
    allowed: Collection[int] | None,
    show_hidden: bool,
) -> tuple[dict[int, tuple[float, int]], Chance]:
    """Return the best cosine of each upload and the place of the frame that has it, and what chance would give."""
    from vuemantics_tui.search.vector_table import as_numbers

    chosen = None if allowed is None else as_numbers(allowed)
    best: dict[int, tuple[float, int]] = {}
    for place, table in enumerate(tables):
        if table is None or table.dimension != vector.shape[0]:
            continue
        for number, cosine in table.nearest(vector, limit, chosen, show_hidden):
            if number not in best or cosine > best[number][0]:
                best[number] = cosine, place
    first = tables[0] if tables else None
    has_chance = first is not None and len(first) and first.dimension == vector.shape[0]
    return best, first.chance(vector) if first is not None and has_chance else Chance()


# Of so many results it is told at which second of a clip they are: of more nobody asks.
_TIMED = 100
