"""The built-in analyzer: describes and embeds with models that come inside wheels.

The functions at its end run in a process of the pool: their arguments pickle, their results have a plain form, and the
models are loaded at a process's first call and kept for its life. Imports stand inside of them, so that the program
itself, which only names them, loads neither Pillow nor ONNX Runtime.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui import plain
from vuemantics_tui.analyzers.base import Compute, OnFrame, OnText, Picture, ServerState, Vector, ignore_text
from vuemantics_tui.analyzers.builtin import ANALYZER_NAME, EMBEDDING_MODEL_NAME, IMAGE_MODEL_NAME
from vuemantics_tui.analyzers.builtin.vision import VisionPart, vision_parts
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.errors import MediaError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


log = logging.getLogger(__name__)

Faults = tuple[str, ...]
"""What is wrong with parts of the extra `vision`, as sentences for the log."""


class BuiltinAnalyzer:
    """An Analyzer that needs no server and no download.

    The models run through `compute`; `cache_dir` keeps what is slow to make (19 MB): it may be emptied. Text in
    pictures and faces are found where the extra `vision` is installed; a broken part of it is logged once.
    """

    def __init__(self, compute: Compute, cache_dir: Path) -> None:
        self._compute = compute
        self._cache_dir = cache_dir
        self._logged: set[str] = set()

    @property
    def name(self) -> str:
        """ "builtin"."""
        return ANALYZER_NAME

    @property
    def model(self) -> str:
        """The model that looks at pictures."""
        return IMAGE_MODEL_NAME

    @property
    def embedding_model(self) -> str:
        """The text model and the recipe of the vectors."""
        return EMBEDDING_MODEL_NAME

    @property
    def deterministic(self) -> bool:
        """True: the same picture gives the same description."""
        return True

    async def states(self) -> list[ServerState]:
        """Always there; the detail names what is in use."""
        parts = [f"{part.name} ({part.package} {part.version})" for part in vision_parts() if part.installed]
        detail = " + ".join([self.model, self.embedding_model, *parts])
        return [ServerState("built-in models", True, detail)]

    async def close(self) -> None:
        """Nothing to let go of: whoever made `compute` closes it."""

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        """Describe one picture. Raises MediaError for the picture, AnalyzerError for the models."""
        return self._without_faults(await self._compute.run(describe_picture, picture, self._cache_dir))

    async def describe_video(
        self, frames: Sequence[Picture], on_frame: OnFrame, on_text: OnText = ignore_text
    ) -> Description:
        """Describe a clip by what its frames show: the mean of their labels, the text of all, the most faces of one.

        Raises MediaError, also where there is no frame, and AnalyzerError.
        """
        if not frames:
            raise MediaError("The clip has no frame to look at.", "Check that other programs can play it.")
        sights: list[bytes] = []
        for number, frame in enumerate(frames, 1):
            on_frame(number, len(frames))
            sights.append(await self._compute.run(look_at_frame, frame, self._cache_dir))
        return self._without_faults(await self._compute.run(describe_clip, sights))

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        """The vector of a description's text, drawn towards `labels` where they are this analyzer's own.

        Shape (384,), length 1. Raises AnalyzerError.
        """
        return await self._compute.run(embed_described, text, dict(labels))

    async def embed_query(self, text: str) -> Vector:
        """The vector of a search: shape (384,), length 1. Raises AnalyzerError."""
        vectors = await self._compute.run(embed_texts, [text])
        vector: Vector = vectors[0]
        return vector

    def _without_faults(self, described: tuple[Description, Faults]) -> Description:
        # Logged here, not where they are met: a process of the pool has no log, and would write over the screen.
        description, faults = described
        for fault in faults:
            if fault not in self._logged:
                self._logged.add(fault)
                log.warning("%s", fault)
        return description


def describe_picture(picture: Picture, cache_dir: Path) -> tuple[Description, Faults]:
    """Describe one picture. Raises MediaError for the picture, AnalyzerError for the models."""
    from vuemantics_tui.analyzers.builtin.sight import look
    from vuemantics_tui.analyzers.builtin.words import Medium, describe_sight

    sight = look(picture, cache_dir)
    return describe_sight(sight, Medium.PHOTO), sight.faults


def look_at_frame(picture: Picture, cache_dir: Path) -> bytes:
    """See one frame of a clip, and return that, packed, for `describe_clip`. Raises MediaError and AnalyzerError."""
    from vuemantics_tui.analyzers.builtin.sight import look

    return plain.pack(look(picture, cache_dir))


def describe_clip(sights: Sequence[bytes]) -> tuple[Description, Faults]:
    """Describe a clip from what `look_at_frame` saw in its frames, at least one."""
    from vuemantics_tui.analyzers.builtin.sight import Sight, blend_sights
    from vuemantics_tui.analyzers.builtin.words import Medium, describe_sight

    sight = blend_sights([plain.unpack(Sight, data) for data in sights])
    return describe_sight(sight, Medium.CLIP), sight.faults


def embed_texts(texts: Sequence[str]) -> NDArray[np.float32]:
    """One vector of length 1 a text: shape (texts, 384). Raises AnalyzerError."""
    from vuemantics_tui.analyzers.builtin import vectors

    return vectors.embed_texts(texts)


def embed_described(text: str, labels: Mapping[str, float]) -> Vector:
    """The vector of an upload's text and labels: shape (384,), length 1. Raises AnalyzerError."""
    from vuemantics_tui.analyzers.builtin.vectors import document_vector

    return document_vector(text, labels)


def try_vision() -> list[VisionPart]:
    """Load what the extra `vision` adds, and say of each part whether it works, or why not."""
    from vuemantics_tui.analyzers.builtin.vision import tried_vision_parts

    return tried_vision_parts()
