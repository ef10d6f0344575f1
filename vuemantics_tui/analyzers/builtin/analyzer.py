"""The built-in analyzer: describes and embeds with models that come inside wheels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui.analyzers.base import Compute, OnFrame, OnText, Picture, ServerState, Vector, ignore_text
from vuemantics_tui.analyzers.builtin import models
from vuemantics_tui.analyzers.builtin.names import ANALYZER_NAME, EMBEDDING_MODEL_NAME, IMAGE_MODEL_NAME
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.errors import MediaError

if TYPE_CHECKING:
    from vuemantics_tui.analyzers.builtin.sight import Sight


class BuiltinAnalyzer:
    """An Analyzer that needs no server and no download.

    The models run through `compute`; `cache_dir` keeps what is slow to make (19 MB): it may be emptied.
    """

    def __init__(self, compute: Compute, cache_dir: Path) -> None:
        self._compute = compute
        self._cache_dir = cache_dir

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
        """Always there."""
        return [ServerState("built-in models", True, f"{self.model} + {self.embedding_model}")]

    async def close(self) -> None:
        """Nothing to let go of: whoever made `compute` closes it."""

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        """Describe one picture. Raises MediaError for the picture, AnalyzerError for the models."""
        return await self._compute.run(models.describe_picture, picture, self._cache_dir)

    async def describe_video(
        self, frames: Sequence[Picture], on_frame: OnFrame, on_text: OnText = ignore_text
    ) -> Description:
        """Describe a clip by the mean of what its frames show.

        Raises MediaError, also where there is no frame, and AnalyzerError.
        """
        if not frames:
            raise MediaError("The clip has no frame to look at.", "Check that other programs can play it.")
        sights: list[Sight] = []
        for number, frame in enumerate(frames, 1):
            on_frame(number, len(frames))
            sights.append(await self._compute.run(models.look_at_frame, frame, self._cache_dir))
        return await self._compute.run(models.describe_clip, sights)

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        """The vector of a description's text, drawn towards `labels` where they are this analyzer's own.

        Shape (384,), length 1. Raises AnalyzerError.
        """
        return await self._compute.run(models.embed_document, text, dict(labels))

    async def embed_query(self, text: str) -> Vector:
        """The vector of a search: shape (384,), length 1. Raises AnalyzerError."""
        vectors = await self._compute.run(models.embed_texts, [text])
        vector: Vector = vectors[0]
        return vector
