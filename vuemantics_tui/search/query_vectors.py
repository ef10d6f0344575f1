"""The vector of a query: of its text, or the sum of its terms."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from vuemantics_tui.analyzers.base import Analyzer, Compute, Vector
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.formats import HEAD_BYTES, FileType, MediaFormat, recognise
from vuemantics_tui.domain.query import Like, Operand, Query, Text
from vuemantics_tui.media.jobs import extract_frames
from vuemantics_tui.search.vectors import vector_of
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.uploads import UploadStore

# How many vectors of texts and pictures are cached, so that repeating a query is instant.
_REMEMBERED = 256
# Below this length a sum has no direction: dog - dog.
_NOTHING = 1e-3


@dataclass(frozen=True, slots=True)
class Meaning:
    """A query's vector, if any, and the uploads it names, which are excluded from its results."""

    vector: Vector | None
    known: frozenset[int] = frozenset()
    note: str = ""


class Meanings:
    """Makes the vectors of queries. A video counts with at most `video_frames` frames, extracted through `compute`."""

    def __init__(
        self,
        analyzer: Analyzer,
        uploads: UploadStore,
        embeddings: EmbeddingStore,
        compute: Compute,
        video_frames: int,
    ) -> None:
        self._analyzer = analyzer
        self._compute = compute
        self._video_frames = video_frames
        self._uploads = uploads
        self._embeddings = embeddings
        self._remembered: OrderedDict[tuple[object, ...], Vector] = OrderedDict()

    async def of(self, query: Query, *, final: bool) -> Meaning:
        """Return the meaning of a query.

        Unless `final`, pictures are skipped and unknown uploads ignored. Raises UsageError for a missing upload or
        picture, MediaError for a broken one, and AnalyzerError.
        """
        parts: list[tuple[float, Vector]] = []
        known: set[int] = set()
        note = ""
        for operand in query.operands:
            meaning = operand.meaning
            if isinstance(meaning, Text):
                vector: Vector | None = await self._of_text(meaning.plain)
            elif meaning.is_path:
                vector = await self._of_picture(meaning.reference) if final else None
                note = "" if final else "Press Enter to search by picture."
            else:
                vector = await self._of_upload(meaning, known, final)
            if vector is not None:
                parts.append((operand.weight, vector))
        return Meaning(sum_of(parts, query.operands), frozenset(known), note)

    async def _of_text(self, text: str) -> Vector | None:
        if not text:
            return None
        return await self._remember(("text", text), lambda: self._analyzer.embed_query(text))

    async def _of_upload(self, like: Like, known: set[int], final: bool) -> Vector | None:
        found = await self._uploads.by_prefix(like.reference, 2)
        stored = (
            await self._embeddings.one(self._analyzer.embedding_model, found[0].number) if len(found) == 1 else None
        )
        if stored is not None:
            known.add(found[0].number)
            return await asyncio.to_thread(vector_of, stored.data)
        if not final:
            return None
        if not found:
            raise UsageError(
                f"No upload has an ID that begins with {like.reference!r}", "List the uploads with: vuemantics-tui list"
            )
        if len(found) > 1:
            raise UsageError(f"Several uploads have IDs that begin with {like.reference!r}", "Type more of it.")
        raise UsageError(f"{found[0].filename} has no description yet", "Wait until it is completed.")

    async def _of_picture(self, reference: str) -> Vector:
        path, changed = await asyncio.to_thread(_picture_at, reference)

        async def look() -> Vector:
            description = await self._described(path)
            return await self._analyzer.embed_document(description.full_text, description.labels)

        return await self._remember(("picture", path, changed), look)

    async def _described(self, path: Path) -> Description:
        found = await asyncio.to_thread(_format_of, path)
        if found is None or found.file_type is FileType.IMAGE:
            # For a file that is neither, the analyzer reports a broken picture.
            return await self._analyzer.describe_image(path)
        frames = await self._compute.run(extract_frames, path, self._video_frames)
        return await self._analyzer.describe_video(frames, lambda number, count: None)

    async def _remember(self, key: tuple[object, ...], make: Callable[[], Awaitable[Vector]]) -> Vector:
        key = (self._analyzer.embedding_model, *key)
        vector = self._remembered.pop(key, None)
        if vector is None:
            vector = await make()
        self._remembered[key] = vector
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return vector


def _picture_at(reference: str) -> tuple[Path, int]:
    """Return the path of a picture and when it last changed. Raises UsageError."""
    try:
        path = Path(reference).expanduser().absolute()
        changed, is_file = path.stat().st_mtime_ns, path.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "Check the path."
        if " " not in reference:
            hint += f' If it has spaces, quote it: like:"{reference} ..."'
        raise UsageError(f"{reference} cannot be read: {reason}", hint) from error
    if not is_file:
        raise UsageError(f"{reference} is not a picture", "Choose a picture file.")
    return path, changed


def _format_of(path: Path) -> MediaFormat | None:
    """Return the format of a file by its first bytes. Raises UsageError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return recognise(file.read(HEAD_BYTES))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "Check the path.") from error


def sum_of(parts: list[tuple[float, Vector]], operands: tuple[Operand, ...]) -> Vector | None:
    """Return the sum of weighted vectors, of length 1; None for none, and for a sum without a direction."""
    if not parts:
        return None
    if len(operands) == len(parts) == 1 and parts[0][0] > 0:
        return parts[0][1]
    # Where there are vectors it is loaded: who searches by words alone need not wait for it.
    import numpy as np

    total = np.sum([np.float32(weight) * vector for weight, vector in parts], axis=0, dtype=np.float32)
    length = float(np.linalg.norm(total))
    return np.asarray(total / length, np.float32) if length > _NOTHING else None
