"""The built-in analyzer: describes and embeds with models shipped in wheels.

The functions at the end run in worker processes: their arguments pickle, their results have a plain form, and the
models are loaded at a worker's first call and kept. Their imports are local, so that the main process loads neither
Pillow nor ONNX Runtime.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from vuemantics_tui import plain
from vuemantics_tui.analyzers.base import Compute, OnFrame, OnText, Picture, ServerState, Vector, ignore_text
from vuemantics_tui.analyzers.builtin import ANALYZER_NAME, EMBEDDING_MODEL_NAME, IMAGE_MODEL_NAME
from vuemantics_tui.analyzers.builtin.vision import COARSE, DETAILED, VisionPart, vision_parts
from vuemantics_tui.analyzers.registry import AnalyzerContext
from vuemantics_tui.domain.description import Description, Told
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.media import LookSize

log = logging.getLogger(__name__)

Faults = tuple[str, ...]
"""Problems with parts of the extra `vision`, as sentences for the log."""


class BuiltinAnalyzer:
    """An Analyzer that needs no server and no download.

    The models run through `compute`; `cache_dir` keeps what is slow to build (19 MB) and may be emptied. With the extra
    `vision` it finds text and faces in pictures; a broken part of the extra is logged once.
    """

    def __init__(self, compute: Compute, cache_dir: Path) -> None:
        self._compute = compute
        self._cache_dir = cache_dir
        self._logged: set[str] = set()

    @property
    def name(self) -> str:
        """Return "builtin"."""
        return ANALYZER_NAME

    @property
    def model(self) -> str:
        """Return the vision model."""
        return IMAGE_MODEL_NAME

    @property
    def embedding_model(self) -> str:
        """Return the text model and the version of its recipe."""
        return EMBEDDING_MODEL_NAME

    @property
    def deterministic(self) -> bool:
        """Return True: the same picture gives the same description."""
        return True

    @property
    def look_size(self) -> LookSize:
        """Return the size of the pixels that its models look at: a larger one where text or faces are looked for."""
        return DETAILED if any(part.installed for part in vision_parts()) else COARSE

    async def states(self) -> list[ServerState]:
        """Return one state: always available, with the models in use as detail."""
        parts = [f"{part.name} ({part.package} {part.version})" for part in vision_parts() if part.installed]
        detail = " + ".join([self.model, self.embedding_model, *parts])
        return [ServerState("built-in models", True, detail)]

    async def close(self) -> None:
        """Do nothing: the code that made `compute` closes it."""

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        """Describe one picture. Raises MediaError for the picture, AnalyzerError for the models."""
        return self._without_faults(await self._compute.run(describe_picture, picture, self._cache_dir))

    async def describe_video(
        self, frames: Sequence[Picture], on_frame: OnFrame, on_text: OnText = ignore_text
    ) -> Description:
        """Describe a video by its frames: the mean of their labels, the text of all, the most faces in one.

        Raises MediaError, also without any frame, and AnalyzerError.
        """
        if not frames:
            raise MediaError("The video has no frame that can be read", "Check that other programs can play it.")
        sights: list[bytes] = []
        for number, frame in enumerate(frames, 1):
            on_frame(number, len(frames))
            sights.append(await self._compute.run(look_at_frame, frame, self._cache_dir))
        return self._without_faults(await self._compute.run(describe_clip, sights))

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        """Return the vector of a description, drawn towards its `labels` if they are this analyzer's own.

        Shape (384,), length 1. Raises AnalyzerError.
        """
        return await self._compute.run(embed_described, text, dict(labels))

    async def embed_query(self, text: str) -> Vector:
        """Return the vector of a search text: shape (384,), length 1. Raises AnalyzerError."""
        return await self._compute.run(embed_search, text)

    def _without_faults(self, described: tuple[Description, Faults]) -> Description:
        # Logged here, not where they are met: a process of the pool has no log, and would write over the screen.
        description, faults = described
        for fault in faults:
            if fault not in self._logged:
                self._logged.add(fault)
                log.warning("%s", fault)
        return description


def make(context: AnalyzerContext) -> BuiltinAnalyzer:
    """Make the built-in analyzer."""
    return BuiltinAnalyzer(context.compute, context.cache_dir)


def describe_picture(picture: Picture, cache_dir: Path) -> tuple[Description, Faults]:
    """Describe one picture. Raises MediaError for the picture, AnalyzerError for the models."""
    from vuemantics_tui.analyzers.builtin.sight import look
    from vuemantics_tui.analyzers.builtin.words import Medium, describe_sight

    sight = look(picture, cache_dir)
    return describe_sight(sight, Medium.PHOTO), sight.faults


def look_at_frame(picture: Picture, cache_dir: Path) -> bytes:
    """Look at one frame of a video, and return what was seen, packed. Raises MediaError and AnalyzerError."""
    from vuemantics_tui.analyzers.builtin.sight import look

    return plain.pack(look(picture, cache_dir))


def describe_clip(sights: Sequence[bytes]) -> tuple[Description, Faults]:
    """Describe a video from what `look_at_frame` returned for its frames (at least one)."""
    from vuemantics_tui.analyzers.builtin.sight import Sight, blend_sights
    from vuemantics_tui.analyzers.builtin.words import Medium, describe_sight

    sight = blend_sights([plain.unpack(Sight, data) for data in sights])
    return describe_sight(sight, Medium.CLIP), sight.faults


def embed_search(text: str) -> Vector:
    """Return the vector of a search text: shape (384,), length 1. Raises AnalyzerError."""
    from vuemantics_tui.analyzers.builtin.vectors import query_vector

    return query_vector(text)


def embed_described(text: str, labels: Mapping[str, float]) -> Vector:
    """Return the vector of an upload's text and labels: shape (384,), length 1. Raises AnalyzerError."""
    from vuemantics_tui.analyzers.builtin.vectors import document_vector

    return document_vector(text, labels)


def try_vision() -> list[VisionPart]:
    """Load the extra `vision` and return for each part whether it works, or why not."""
    from vuemantics_tui.analyzers.builtin.vision import tried_vision_parts

    return tried_vision_parts()


def retell(descriptions: Sequence[tuple[Description, Sequence[str], Sequence[str]]]) -> list[Told]:
    """Replace the guesses in descriptions by what another model sees: for each, its phrases and tags."""
    from vuemantics_tui.analyzers.builtin.words import retold

    return [
        retold(described.text, described.tags, described.read_text, phrases, tags)
        for described, phrases, tags in descriptions
    ]
