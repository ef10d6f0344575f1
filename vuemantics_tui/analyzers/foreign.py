"""The analyzer of another package, checked against the Analyzer protocol; every error names the package."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping, Sequence

from vuemantics_tui.analyzers.base import (
    Analyzer,
    OnFrame,
    OnText,
    Picture,
    Result,
    ServerState,
    Vector,
    ignore_text,
)
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.errors import AnalyzerError, VuemanticsError

log = logging.getLogger(__name__)

# What the rest of the program asks of an analyzer.
MEMBERS = (
    *("name", "model", "embedding_model", "deterministic", "describe_image", "describe_video"),
    *("embed_document", "embed_query", "states", "close"),
)


class ForeignAnalyzer:
    """An Analyzer of a package that this program knows nothing about.

    Its own VuemanticsErrors pass. Any other exception, and any result of the wrong kind, becomes an AnalyzerError that
    names the package, so that no upload fails without saying whose fault it is.
    """

    def __init__(self, analyzer: Analyzer, name: str, package: str) -> None:
        self._analyzer = analyzer
        self._package = package
        self.name = name
        self.model = str(analyzer.model)
        self.embedding_model = str(analyzer.embedding_model)
        self.deterministic = bool(analyzer.deterministic)
        # It reads the files itself: what else it might be given is no part of what a package has to know.
        self.look_size = None

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        """Describe one picture. Raises MediaError and AnalyzerError."""
        return self._described(await self._guarded(self._analyzer.describe_image(picture, on_text)))

    async def describe_video(
        self, frames: Sequence[Picture], on_frame: OnFrame, on_text: OnText = ignore_text
    ) -> Description:
        """Describe a video from its frames. Raises MediaError and AnalyzerError."""
        return self._described(await self._guarded(self._analyzer.describe_video(frames, on_frame, on_text)))

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        """Return the vector of an upload's text, of length 1. Raises AnalyzerError."""
        return self._embedded(await self._guarded(self._analyzer.embed_document(text, labels)))

    async def embed_query(self, text: str) -> Vector:
        """Return the vector of a search text, of length 1. Raises AnalyzerError."""
        return self._embedded(await self._guarded(self._analyzer.embed_query(text)))

    async def states(self) -> list[ServerState]:
        """Return the states of its servers, or one that says why they cannot be known."""
        try:
            return list(await self._guarded(self._analyzer.states()))
        except VuemanticsError as error:
            return [ServerState(self.name, False, error.message, error.hint)]

    async def close(self) -> None:
        """Close its connections; a failure is only logged."""
        try:
            await self._guarded(self._analyzer.close())
        except VuemanticsError as error:
            log.warning("%s", error)

    async def _guarded(self, call: Awaitable[Result]) -> Result:
        try:
            return await call
        except VuemanticsError:
            raise
        except Exception as error:
            # A foreign package can raise anything, and that must not look like a bug of this program.
            raise self._failed(f"{type(error).__name__}: {error}") from error

    def _described(self, found: object) -> Description:
        if not isinstance(found, Description):
            raise self._failed(f"it returned {type(found).__name__} instead of a Description")
        return found

    def _embedded(self, found: object) -> Vector:
        import numpy as np

        try:
            vector = np.asarray(found, np.float32)
        except (TypeError, ValueError, OverflowError) as error:
            raise self._failed(f"it returned {type(found).__name__} instead of a vector") from error
        length = float(np.linalg.norm(vector)) if vector.ndim == 1 else 0.0
        if not (np.isfinite(length) and length > 0):
            raise self._failed("it returned an invalid vector (zero, infinite or not a number)")
        return np.asarray(vector / length, np.float32)

    def _failed(self, reason: str) -> AnalyzerError:
        return AnalyzerError(
            f"The analyzer {self.name} of the package {self._package} failed: {reason}", update_hint(self._package)
        )


def update_hint(package: str) -> str:
    """Return what to do about a package, given with its version, that brings a broken analyzer."""
    name = package.partition(" ")[0]
    return (
        f"Update it with: python -m pip install --upgrade {name}; or choose another analyzer with: "
        "vuemantics-tui analyzer builtin"
    )
