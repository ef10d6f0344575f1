"""What every analyzer is: something that describes pictures, something that embeds text, or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.domain.description import Description

Vector = NDArray[np.float32]
"""One embedding: shape (dimension,), float32, length 1."""

Picture = Path | bytes
"""A picture file, or the bytes of one (a frame of a video as JPEG)."""

OnFrame = Callable[[int, int], None]
"""Told (number, of how many), from 1, before each frame is looked at."""

Result = TypeVar("Result")


class Compute(Protocol):
    """Runs a plain function where it cannot hold up the event loop.

    The function and its arguments must pickle. Raises what the function raises, and WorkerDiedError.
    """

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Await `function(*arguments)`, run elsewhere."""
        ...

    async def close(self) -> None:
        """End all that runs."""
        ...


class Describer(Protocol):
    """Puts pictures into words. Raises AnalyzerError for what is wrong with itself, MediaError for the picture."""

    @property
    def name(self) -> str:
        """The analyzer's name, as in the settings."""
        ...

    @property
    def model(self) -> str:
        """The model that looks at pictures."""
        ...

    async def describe_image(self, picture: Picture) -> Description:
        """Describe one picture."""
        ...

    async def describe_video(self, frames: Sequence[Picture], on_frame: OnFrame) -> Description:
        """Describe a clip from its frames (at least one), in the order of time, as one text."""
        ...


class Embedder(Protocol):
    """Turns text into vectors. Raises AnalyzerError. Vectors of different `embedding_model`s cannot be compared."""

    @property
    def embedding_model(self) -> str:
        """The name that every vector carries."""
        ...

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        """The vector of an upload's text; `labels` as in Description, ignored where the model has no use for them."""
        ...

    async def embed_query(self, text: str) -> Vector:
        """The vector of what someone searches for."""
        ...


class Analyzer(Describer, Embedder, Protocol):
    """One that does both."""
