"""Stand-ins for the slow parts: analyzers that answer as scripted, and a pool that is a thread."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from vuemantics_tui.analyzers.base import OnFrame, OnText, Picture, ServerState, Vector, ignore_text
from vuemantics_tui.domain.description import Description
from vuemantics_tui.domain.errors import ServerDownError
from vuemantics_tui.domain.media import LookSize

Result = TypeVar("Result")
GOOD_TEXT = "A tabby cat rests on a red sofa beside a window, and the light of the afternoon is warm."


class ThreadCompute:
    """Run calls in a thread; `broken` maps names of functions to the errors they raise instead.

    `at_once` is what it says of how many calls keep it busy.
    """

    def __init__(self, broken: Mapping[str, Exception] | None = None, at_once: int = 1) -> None:
        self.broken = dict(broken or {})
        self.at_once = at_once

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Await `function(*arguments)` in a thread."""
        if function.__name__ in self.broken:
            raise self.broken[function.__name__]
        return await asyncio.to_thread(function, *arguments)

    async def close(self) -> None:
        """Do nothing: nothing of its own is running."""


@dataclass
class ScriptedAnalyzer:
    """Describe everything with the same words, or raise as scripted; a gate may hold it.

    `texts` are given in turn, then `text`. `describe_errors` and `embed_errors` are raised by the call of that number,
    from 1. While it is `down` it refuses everything, as a server that is off.
    """

    text: str = GOOD_TEXT
    tags: tuple[str, ...] = ("cat", "sofa")
    texts: Sequence[str] = ()
    describe_error: Exception | None = None
    embed_error: Exception | None = None
    describe_errors: Mapping[int, Exception] = field(default_factory=dict)
    embed_errors: Mapping[int, Exception] = field(default_factory=dict)
    down: bool = False
    gate: asyncio.Event | None = None
    embed_gate: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    described: list[Picture] = field(default_factory=list)
    embedded: list[str] = field(default_factory=list)
    looked_at: int = 0
    name: str = "scripted"
    model: str = "scripted-vision"
    embedding_model: str = "scripted-text"
    deterministic: bool = True
    look_size: LookSize | None = None
    guesses: bool = False

    async def states(self) -> list[ServerState]:
        """Return one server, which answers unless it is down."""
        self.looked_at += 1
        return [ServerState(self.name, not self.down)]

    async def close(self) -> None:
        """Do nothing: it holds nothing."""

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        """Describe anything; report the first half of the text before the gate and all of it after."""
        self.described.append(picture)
        number = len(self.described)
        text = self.texts[number - 1] if number <= len(self.texts) else self.text
        self._refuse_if_down()
        on_text(text[: len(text) // 2])
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        self._refuse_if_down()
        if error := self.describe_errors.get(number) or self.describe_error:
            raise error
        on_text(text)
        return Description(text, self.name, self.model, self.tags, labels={"cat": 0.9}, guessed=self.guesses)

    async def describe_video(
        self, frames: Sequence[Picture], on_frame: OnFrame, on_text: OnText = ignore_text
    ) -> Description:
        """Describe the last frame, after looking at each."""
        for number in range(len(frames)):
            on_frame(number + 1, len(frames))
        return await self.describe_image(frames[-1], on_text)

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        """Return a vector that depends only on the text."""
        self.embedded.append(text)
        self._refuse_if_down()
        if self.embed_gate is not None:
            await self.embed_gate.wait()
        self._refuse_if_down()
        if error := self.embed_errors.get(len(self.embedded)) or self.embed_error:
            raise error
        return vector_of(text)

    async def embed_query(self, text: str) -> Vector:
        """Return a vector that depends only on the text."""
        self._refuse_if_down()
        return vector_of(text)

    def _refuse_if_down(self) -> None:
        if self.down:
            raise ServerDownError(self.name, f"{self.name} refuses the connection", "Start it.")


def vector_of(text: str) -> Vector:
    """Return a unit vector of 8 dimensions that depends only on the text."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
    vector = np.random.default_rng(seed).standard_normal(8).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
