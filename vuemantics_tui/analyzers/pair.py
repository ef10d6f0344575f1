"""A pair of analyzers: one describes, the other embeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vuemantics_tui.analyzers.base import (
    Describer,
    Embedder,
    OnFrame,
    OnText,
    Picture,
    ServerState,
    Vector,
    ignore_text,
)
from vuemantics_tui.domain.description import Description


class PairedAnalyzer:
    """An Analyzer made of a Describer and an Embedder, both of which it closes."""

    def __init__(self, describer: Describer, embedder: Embedder) -> None:
        self.describer = describer
        self.embedder = embedder

    @property
    def name(self) -> str:
        """Return the describer's name."""
        return self.describer.name

    @property
    def model(self) -> str:
        """Return the vision model."""
        return self.describer.model

    @property
    def embedding_model(self) -> str:
        """Return the embedding model."""
        return self.embedder.embedding_model

    @property
    def deterministic(self) -> bool:
        """Whether the same picture gives the same description."""
        return self.describer.deterministic

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        """Describe one picture. Raises as the Describer does."""
        return await self.describer.describe_image(picture, on_text)

    async def describe_video(
        self, frames: Sequence[Picture], on_frame: OnFrame, on_text: OnText = ignore_text
    ) -> Description:
        """Describe a clip. Raises as the Describer does."""
        return await self.describer.describe_video(frames, on_frame, on_text)

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        """Return the vector of an upload's text. Raises as the Embedder does."""
        return await self.embedder.embed_document(text, labels)

    async def embed_query(self, text: str) -> Vector:
        """Return the vector of a search text. Raises as the Embedder does."""
        return await self.embedder.embed_query(text)

    async def states(self) -> list[ServerState]:
        """Return the states of both."""
        return [*await self.describer.states(), *await self.embedder.states()]

    async def close(self) -> None:
        """Close both, even if one fails."""
        try:
            await self.describer.close()
        finally:
            await self.embedder.close()
