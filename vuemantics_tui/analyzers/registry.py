"""The registry of analyzers: our own, and those that installed packages bring.

A package adds an analyzer with an entry point in the group `vuemantics_tui.analyzers`. The entry point's name is the
analyzer's name in the settings; it refers to a function that takes an AnalyzerContext and returns an
`analyzers.base.Analyzer`:

    [project.entry-points."vuemantics_tui.analyzers"]
    flags = "vuemantics_flags:make"

Nothing of an analyzer is imported before it is made.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vuemantics_tui.analyzers.base import OnFrame, OnText, Picture, Result, ServerState, Vector, ignore_text
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.errors import AnalyzerError, UsageError, VuemanticsError
from vuemantics_tui.domain.media import MediaLimits

if TYPE_CHECKING:
    from vuemantics_tui.analyzers.base import Analyzer, Compute

log = logging.getLogger(__name__)

GROUP = "vuemantics_tui.analyzers"
BUILTIN, OLLAMA, OPENAI = "builtin", "ollama", "openai"
# What the rest of the program asks of an analyzer.
MEMBERS = (
    *("name", "model", "embedding_model", "deterministic", "describe_image", "describe_video"),
    *("embed_document", "embed_query", "states", "close"),
)


class AnalyzerSettings(Protocol):
    """The settings an analyzer may read; `config.Settings` says what each means."""

    @property
    def limits(self) -> MediaLimits: ...
    @property
    def ollama_host(self) -> str: ...
    @property
    def ollama_vision_model(self) -> str: ...
    @property
    def ollama_embedding_model(self) -> str: ...
    @property
    def openai_base_url(self) -> str: ...
    @property
    def openai_vision_model(self) -> str: ...
    @property
    def openai_embedding_model(self) -> str: ...
    @property
    def openai_key_file(self) -> str: ...
    @property
    def keep_alive(self) -> str: ...
    @property
    def temperature(self) -> float: ...
    @property
    def num_ctx(self) -> int: ...
    @property
    def num_predict(self) -> int: ...
    @property
    def summary_num_predict(self) -> int: ...
    @property
    def image_long_side(self) -> int: ...
    @property
    def image_multiple(self) -> int: ...
    @property
    def image_prompt(self) -> str: ...
    @property
    def frame_prompt(self) -> str: ...
    @property
    def summary_prompt(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def describe_limit(self) -> int: ...
    @property
    def embed_limit(self) -> int: ...
    @property
    def connect_seconds(self) -> float: ...
    @property
    def answer_seconds(self) -> float: ...


@dataclass(frozen=True, slots=True)
class AnalyzerContext:
    """Everything an analyzer is made from.

    Heavy work goes through `compute`, as functions whose results are annotated and plain (text, numbers, bytes, tuples,
    dataclasses of these); `cache_dir` is for files that can be rebuilt. An analyzer made only to describe, or only to
    embed, does not need the other model.
    """

    settings: AnalyzerSettings
    compute: Compute
    cache_dir: Path
    describes: bool = True
    embeds: bool = True


@dataclass(frozen=True, slots=True)
class AnalyzerKind:
    """One analyzer that can be made.

    `target` is the module and the function that makes it, as "module:function"; `package` the distribution that brings
    it, with its version, empty for our own.
    `is_local` says that it uses this machine's processors: then as many uploads run at a time as there are workers,
    else as many as suit one server.
    """

    name: str
    target: str
    package: str = ""
    is_local: bool = False

    def factory(self) -> Callable[[AnalyzerContext], Analyzer]:
        """Import the function that makes it. Raises whatever the module raises."""
        module, _, attribute = self.target.partition(":")
        found: Callable[[AnalyzerContext], Analyzer] = attrgetter(attribute)(import_module(module))
        return found


OWN: tuple[AnalyzerKind, ...] = (
    AnalyzerKind(BUILTIN, "vuemantics_tui.analyzers.builtin.analyzer:make", is_local=True),
    AnalyzerKind(OLLAMA, "vuemantics_tui.analyzers.ollama:make"),
    AnalyzerKind(OPENAI, "vuemantics_tui.analyzers.openai:make"),
)
OWN_NAMES = tuple(kind.name for kind in OWN)


def names() -> tuple[str, ...]:
    """Return the names of all analyzers, our own first."""
    return (*OWN_NAMES, *other_names())


def other_names() -> tuple[str, ...]:
    """Return the names of the analyzers that other packages bring. Looks through all installed packages."""
    return tuple(_others(tuple(sys.path)))


def kind_of(name: str) -> AnalyzerKind:
    """Return the analyzer of a name. Raises UsageError if there is none."""
    for kind in OWN:
        if kind.name == name:
            return kind
    others = _others(tuple(sys.path))
    if name not in others:
        raise UsageError(f"There is no analyzer {name!r}", f"Available: {', '.join(names())}.")
    return others[name]


def make(name: str, context: AnalyzerContext) -> Analyzer:
    """Make the analyzer of a name. Imports what it needs and may read files, so call it off the event loop.

    Raises UsageError if there is none, or if the package that brings it is broken.
    """
    kind = kind_of(name)
    if not kind.package:
        return kind.factory()(context)
    try:
        analyzer = kind.factory()(context)
        missing = [member for member in MEMBERS if not hasattr(analyzer, member)]
        if missing:
            raise _broken(kind, f"the object that it creates has no {', '.join(missing)}")
        return ForeignAnalyzer(analyzer, name, kind.package)
    except VuemanticsError:
        raise
    except Exception as error:
        # A foreign package can raise anything, and that must not end the program.
        raise _broken(kind, f"{type(error).__name__}: {error}") from error


def _broken(kind: AnalyzerKind, reason: str) -> UsageError:
    return UsageError(
        f"The analyzer {kind.name} of the package {kind.package} does not work: {reason}", update_hint(kind.package)
    )


@lru_cache(maxsize=4)
def _others(path: tuple[str, ...]) -> dict[str, AnalyzerKind]:
    """Find the analyzers of all packages on this path. Our own names are reserved; of two packages the first wins."""
    # Takes tens of milliseconds, which most commands can do without.
    from importlib.metadata import entry_points

    found: dict[str, AnalyzerKind] = {}
    for point in entry_points(group=GROUP):
        package = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        known = found.get(point.name)
        if point.name not in OWN_NAMES and (known is None or package < known.package):
            found[point.name] = AnalyzerKind(point.name, point.value, package)
    return dict(sorted(found.items()))


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
