"""What every analyzer is: something that describes pictures, something that embeds text, or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from vuemantics_tui.domain.description import Description

if TYPE_CHECKING:
    # Whoever only looks at servers or lists uploads has no use for NumPy, which takes long to import.
    import numpy as np
    from numpy.typing import NDArray

Vector: TypeAlias = "NDArray[np.float32]"
"""One embedding: shape (dimension,), float32, length 1."""

Picture = Path | bytes
"""A picture file, or the bytes of one (a frame of a video as JPEG)."""

OnFrame = Callable[[int, int], None]
"""Told (number, of how many), from 1, before each frame is looked at."""

OnText = Callable[[str], None]
"""Told the description so far, whole, each time that it grows; it begins anew with each attempt and each frame."""

OnPulled = Callable[[str, int, int], None]
"""Told (status, bytes so far, bytes in all) while a model is fetched; both 0 where that is not known."""

Result = TypeVar("Result")


def ignore_text(so_far: str) -> None:
    """An OnText for those who wait for the end."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """How one server of an analyzer, or the analyzer itself where it needs none, is found to be.

    `server` as a person knows it: "Ollama at http://gpu:11434"; `detail` is its version, or why it does not answer.
    `models` are those it has, `loaded` those in memory, `missing` those that are wanted and not there; `seconds` that
    the answer took.
    """

    server: str
    answers: bool
    detail: str = ""
    hint: str = ""
    models: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    seconds: float = 0.0


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

    @property
    def deterministic(self) -> bool:
        """Whether the same picture gives the same description, so that another attempt makes no sense."""
        ...

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        """Describe one picture."""
        ...

    async def describe_video(
        self, frames: Sequence[Picture], on_frame: OnFrame, on_text: OnText = ignore_text
    ) -> Description:
        """Describe a clip from its frames (at least one), in the order of time, as one text."""
        ...

    async def states(self) -> list[ServerState]:
        """Look at what it depends on, now: a state a server, or one for itself. Never raises AnalyzerError."""
        ...

    async def close(self) -> None:
        """Let go of connections. What runs is not waited for."""
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

    async def states(self) -> list[ServerState]:
        """As Describer.states."""
        ...

    async def close(self) -> None:
        """As Describer.close."""
        ...


class Analyzer(Describer, Embedder, Protocol):
    """One that does both."""
