"""Which joint models are on servers, and calls about them answered there instead of in a process of this machine."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from vuemantics_tui.analyzers.base import Compute, Result
from vuemantics_tui.domain.errors import AnalyzerError, UsageError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.media import jobs

if TYPE_CHECKING:
    from vuemantics_tui.analyzers.base import Picture, Vector
    from vuemantics_tui.analyzers.joint.immich import ServedModel

PREFIX = "immich:"
MANIFEST = "model.json"
# The largest networks take 512 pixels, here of the short side of all but panoramas.
SERVED_SIDE = 512
_LONG_SIDE, _QUALITY = 2 * SERVED_SIDE, 95
_TOWERS = "vuemantics_tui.analyzers.joint.towers"


class ServedSettings(Protocol):
    """The settings that models on servers need."""

    @property
    def immich_host(self) -> str: ...
    @property
    def connect_seconds(self) -> float: ...


@dataclass(frozen=True, slots=True)
class ServedName:
    """A model on servers: its name there, and the addresses as a person wrote them; "" for those of the settings."""

    model: str
    hosts: str = ""


def parse_served(text: str) -> ServedName:
    """Read `immich:HOSTS#MODEL` or `immich:MODEL`. Raises UsageError."""
    hosts, separator, model = text.removeprefix(PREFIX).rpartition("#")
    model = model.strip()
    if not model or any(letter.isspace() for letter in model) or (separator and not hosts.strip()):
        raise UsageError(
            f"{text!r} is not a model of Immich",
            "Write it as immich:http://gpu:3003#ViT-B-32__openai, or, with immich_host set, immich:ViT-B-32__openai.",
        )
    if hosts:
        from vuemantics_tui.analyzers.joint.immich import parse_immich_hosts

        parse_immich_hosts(hosts)
    return ServedName(model, hosts.strip())


def served_in(folder: Path) -> ServedName | None:
    """Return what a model's folder says of its servers; None for a model that is in the folder itself."""
    try:
        facts = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(facts, dict) or not isinstance(facts.get("served"), str) or not facts["served"]:
        return None
    return ServedName(facts["served"], str(facts.get("hosts") or ""))


class ServedModels:
    """The models on servers whose folders are used, each opened when it is first needed."""

    def __init__(self, settings: ServedSettings) -> None:
        self._settings = settings
        self._open: dict[tuple[Path, ServedName], ServedModel] = {}

    async def of(self, folder: Path) -> ServedModel | None:
        """Return the model of a folder; None for one that is in the folder itself. Raises UsageError."""
        served = await asyncio.to_thread(served_in, folder)
        if served is None:
            return None
        if (folder, served) not in self._open:
            from vuemantics_tui.analyzers.joint.immich import ServedModel

            self._open[folder, served] = ServedModel(served, self._settings)
        return self._open[folder, served]

    async def dimension(self, served: ServedName) -> int:
        """Try a model on each of its hosts that answers; returns the dimension of its vectors.

        Raises UsageError and AnalyzerError.
        """
        from vuemantics_tui.analyzers.joint.immich import ServedModel

        model = ServedModel(served, self._settings)
        try:
            return await model.dimension()
        finally:
            await model.close()

    async def close(self) -> None:
        """Close all connections without waiting for running calls."""
        models, self._open = list(self._open.values()), {}
        for model in models:
            await model.close()


class ServedCompute:
    """A Compute whose calls about a model on servers are answered there; everything else runs as before.

    Such calls are the functions of `towers` whose first argument is the model's folder.
    """

    def __init__(self, compute: Compute, served: ServedModels) -> None:
        self._inner = compute
        self._served = served
        self._running: set[asyncio.Future[Any]] = set()

    @property
    def at_once(self) -> int:
        """How many calls keep busy what runs those that no server answers."""
        return self._inner.at_once

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Run a function, there or in a process. Raises what it raises, and WorkerDiedError."""
        # By name: the module of the networks takes long to import.
        answer = _ANSWERS.get(function.__name__) if function.__module__ == _TOWERS else None
        if answer is None or not arguments or not isinstance(arguments[0], Path):
            return await self._inner.run(function, *arguments)
        try:
            model = await self._served.of(arguments[0])
        except UsageError as error:
            raise AnalyzerError(error.message, error.hint) from error
        if model is None:
            return await self._inner.run(function, *arguments)
        running = asyncio.ensure_future(answer(self, model, *arguments[1:]))
        self._running.add(running)
        try:
            return cast(Result, await running)
        finally:
            running.cancel()
            self._running.discard(running)

    async def close(self) -> None:
        """End all running calls."""
        running = list(self._running)
        for call in running:
            call.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._inner.close()

    async def _load_texts(self, model: ServedModel) -> int:
        return int((await model.text("a photo")).size)

    async def _embed_query(self, model: ServedModel, text: str, seconds: float = math.inf) -> Vector:
        return await model.query(text, seconds)

    async def _embed_words(self, model: ServedModel, texts: Sequence[str]) -> Any:
        import numpy as np

        return np.stack(await model.texts(texts, urgent=False))

    async def _embed_pictures(self, model: ServedModel, pictures: Sequence[Picture]) -> Any:
        import numpy as np

        async def one(picture: Picture) -> Vector:
            small = self._inner.run(jobs.vision_jpeg, picture, _LONG_SIDE, 1, _QUALITY, MediaLimits().max_pixels)
            return await model.picture(await small)

        return np.stack([await one(picture) for picture in pictures])

    async def _see(self, model: ServedModel, source: Path, file_type: FileType, frames: int) -> Any:
        import numpy as np

        from vuemantics_tui.analyzers.joint.towers import Seen

        if file_type is FileType.IMAGE:
            return Seen(np.full(1, np.nan, np.float32), await self._embed_pictures(model, [source]))
        found, seconds = await self._inner.run(jobs.timed_frames, source, frames)
        return Seen(np.asarray(seconds, np.float32), await self._embed_pictures(model, found))


_ANSWERS: dict[str, Callable[..., Awaitable[Any]]] = {
    "load_texts": ServedCompute._load_texts,
    "embed_query": ServedCompute._embed_query,
    "embed_words": ServedCompute._embed_words,
    "embed_pictures": ServedCompute._embed_pictures,
    "see": ServedCompute._see,
}
