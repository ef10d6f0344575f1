"""The interface of analyzers: describers of pictures, embedders of text, both, and a pair of the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.media import LookSize, SmallPicture

if TYPE_CHECKING:
    # Whoever only looks at servers or lists uploads has no use for NumPy, which takes long to import.
    import numpy as np
    from numpy.typing import NDArray

Vector: TypeAlias = "NDArray[np.float32]"
"""One embedding: shape (dimension,), float32, length 1."""

Picture = Path | bytes | SmallPicture
"""A picture file, the bytes of one (a frame of a video as JPEG), or pixels for those who have a `look_size`."""

OnFrame = Callable[[int, int], None]
"""Called with (number, count), counted from 1, before each frame is described."""

OnText = Callable[[str], None]
"""Called with the whole description so far each time it grows; it starts over with each attempt and frame."""

OnPulled = Callable[[str, int, int], None]
"""Called with (status, bytes so far, total bytes) while a model downloads; both 0 if unknown."""

Result = TypeVar("Result")


def ignore_text(so_far: str) -> None:
    """Ignore the text so far: an OnText for callers that wait for the end."""


@dataclass(frozen=True, slots=True)
class HostLoad:
    """What one of several servers does now: `limit` requests at a time, `answered` since the start.

    `seconds` is what a request takes it, as measured, 0 if it has answered none; `left_out` says why it gets none.
    """

    server: str
    running: int
    limit: int
    answered: int
    seconds: float
    left_out: str


@dataclass(frozen=True, slots=True)
class ServerState:
    """The state of one server of an analyzer, or of the analyzer itself if it needs none.

    `server` is its name as people know it: "Ollama at http://gpu:11434"; `detail` is its version, or why it does not
    answer. `models` are available, `loaded` in memory, `missing` wanted but not available; `seconds` is the time to
    answer; `load` is what one of several does.
    """

    server: str
    answers: bool
    detail: str = ""
    hint: str = ""
    models: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    seconds: float = 0.0
    load: HostLoad | None = None


class Compute(Protocol):
    """Runs a plain function outside the event loop.

    The function and its arguments must pickle. Raises what the function raises, and WorkerDiedError.
    """

    @property
    def at_once(self) -> int:
        """How many calls keep it busy now."""
        ...

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Run `function(*arguments)` elsewhere and return its result."""
        ...

    async def close(self) -> None:
        """End all running calls."""
        ...


class Describer(Protocol):
    """Describes pictures. Raises AnalyzerError for its own problems, MediaError for the picture's."""

    @property
    def name(self) -> str:
        """Return its name, as in the settings."""
        ...

    @property
    def model(self) -> str:
        """Return the vision model."""
        ...

    @property
    def deterministic(self) -> bool:
        """Whether the same picture always gives the same description, so that a retry is pointless."""
        ...

    @property
    def look_size(self) -> LookSize | None:
        """Return in which size it wants the pixels of pictures, or None if it reads the files itself."""
        ...

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        """Describe one picture."""
        ...

    async def describe_video(
        self, frames: Sequence[Picture], on_frame: OnFrame, on_text: OnText = ignore_text
    ) -> Description:
        """Describe a video from its frames (at least one, in chronological order) as one text."""
        ...

    async def states(self) -> list[ServerState]:
        """Check its servers now and return one state each, or one for itself. Never raises AnalyzerError."""
        ...

    async def close(self) -> None:
        """Close connections without waiting for running calls."""
        ...


class Embedder(Protocol):
    """Embeds text. Raises AnalyzerError. Vectors of different `embedding_model`s cannot be compared."""

    @property
    def embedding_model(self) -> str:
        """Return the name that every vector carries."""
        ...

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        """Return the vector of an upload's text; `labels` as in Description, ignored by models that cannot use them."""
        ...

    async def embed_query(self, text: str) -> Vector:
        """Return the vector of a search text."""
        ...

    async def states(self) -> list[ServerState]:
        """Check its servers, like Describer.states."""
        ...

    async def close(self) -> None:
        """Close connections, like Describer.close."""
        ...


class Analyzer(Describer, Embedder, Protocol):
    """An analyzer that describes and embeds."""


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

    @property
    def look_size(self) -> LookSize | None:
        """Return in which size the describer wants pixels."""
        return self.describer.look_size

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
