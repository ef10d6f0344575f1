"""Joint models on servers: the machine-learning container of Immich (https://immich.app) makes the vectors.

The container answers `GET /ping` with "pong", and `POST /predict` with a form: `entries`, which names task, type and
model in JSON, and `image` (a file) or `text`. Its answer holds the vector as a text in JSON, not normalised. Facts from
machine-learning/immich_ml/main.py and server/src/repositories/machine-learning.repository.ts of Immich.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from vuemantics_tui.analyzers import failures
from vuemantics_tui.analyzers.base import ServerState
from vuemantics_tui.analyzers.failures import Peer, Purpose, Request
from vuemantics_tui.analyzers.hosts import Address, Host, Lanes, base_url, parse_addresses, slots
from vuemantics_tui.analyzers.remote import LOOK_SECONDS, mean_vector, unit_vector
from vuemantics_tui.analyzers.wire import Form, RemoteServer, TimeLimits
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, MediaError, ServerDownError, UsageError

if TYPE_CHECKING:
    from vuemantics_tui.analyzers.base import Vector
    from vuemantics_tui.analyzers.joint.served import ServedName, ServedSettings

PORT = 3003
# The container closes connections after 2 seconds without a request (MACHINE_LEARNING_HTTP_KEEPALIVE_TIMEOUT_S).
_IDLE_SECONDS = 1.0
# At its first request a container downloads the model.
_FIRST_SECONDS = 300.0
# After some idle minutes it loads the model again.
_PICTURE_SECONDS = 60.0
# Somebody waits for a query.
_TEXT_SECONDS = 30.0
# Hosts with the same model differ in the last digits: one computes with 16 bits.
_SAME = 0.98
_WHERE = "Use the address of the machine-learning container. Its port is 3003; 2283 is that of Immich itself."
# While one picture is computed the next one arrives.
_AT_ONCE = 2
_TEXTS_AT_ONCE = 4


def parse_immich_hosts(text: str) -> tuple[Address, ...]:
    """Return the addresses of containers, separated by commas, with their options. Raises UsageError."""
    return parse_addresses(text, "immich_host", lambda host: base_url(host, PORT, "Immich"))


class ServedModel:
    """A joint model of one or more containers. Raises UsageError for invalid addresses, or none."""

    def __init__(self, served: ServedName, settings: ServedSettings) -> None:
        hosts = served.hosts or settings.immich_host
        if not hosts.strip():
            raise UsageError(
                f"The model {served.model} needs to know where Immich's machine learning is",
                "Set immich_host, for example to gpu:3003.",
            )
        self.model = served.model
        self.addresses = parse_immich_hosts(hosts)
        limits = TimeLimits(settings.connect_seconds, _FIRST_SECONDS, _FIRST_SECONDS)
        places = [
            Host(RemoteServer(_peer(address.url), limits, _IDLE_SECONDS), address.limit or _AT_ONCE, address.weight)
            for address in self.addresses
        ]
        self._lanes = Lanes(places, 0, 0, _ping)
        self._dimension = 0
        self._text_seconds = math.inf

    @property
    def at_once(self) -> int:
        """Return how many pictures keep all hosts busy."""
        return slots(self.addresses, _AT_ONCE)

    async def close(self) -> None:
        """Close all connections without waiting for running calls."""
        await self._lanes.close()

    async def picture(self, jpeg: bytes) -> Vector:
        """Return the vector of a picture, of length 1. Raises MediaError if only this one fails, and AnalyzerError."""
        try:
            vector = await self._lanes.describe.run(lambda server: self._of_picture(server, jpeg))
        except AnalyzerError as error:
            if error.kind is not ErrorKind.TRANSIENT or isinstance(error, ServerDownError):
                raise
            # What fails there for whatever reason is 500: another picture tells whether it is this one.
            try:
                await self._lanes.describe.run(lambda server: self._of_picture(server, _any_jpeg()))
            except AnalyzerError:
                raise error from None
            raise MediaError(f"Immich cannot read this picture: {error.message}", error.hint) from error
        self._dimension = vector.size
        return vector

    async def text(self, text: str, *, urgent: bool = True) -> Vector:
        """Return the vector of a text as it is, of length 1. Raises AnalyzerError."""
        began = time.monotonic()
        vector = await self._lanes.embed.run(lambda server: self._of_text(server, text), urgent=urgent)
        self._text_seconds = time.monotonic() - began
        return vector

    async def query(self, text: str, seconds: float) -> Vector:
        """Return the mean of as many captions of a query as can be embedded in so many seconds, at least of one."""
        from vuemantics_tui.analyzers.joint.towers import query_texts

        captions = query_texts(text)
        if self._text_seconds > seconds:
            captions = captions[:1]
        return mean_vector(await self.texts(captions))

    async def texts(self, texts: Sequence[str], *, urgent: bool = True) -> list[Vector]:
        """Return the vectors of texts as they are. Raises AnalyzerError, and then leaves nothing running."""
        room = asyncio.Semaphore(_TEXTS_AT_ONCE * len(self.addresses))

        async def one(text: str) -> Vector:
            async with room:
                return await self.text(text, urgent=urgent)

        tasks = [asyncio.create_task(one(text)) for text in texts]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def dimension(self) -> int:
        """Try the model on each host that answers; returns the dimension of its vectors.

        Raises AnalyzerError if a host fails, if their vectors differ, and if none answers.
        """
        tried = await asyncio.gather(*(self._try(server) for server in self._lanes.servers), return_exceptions=True)
        found: list[tuple[str, Vector]] = []
        downs: list[ServerDownError] = []
        for server, result in zip(self._lanes.servers, tried, strict=True):
            if isinstance(result, ServerDownError):
                downs.append(result)
            elif isinstance(result, BaseException):
                raise result
            else:
                found.append((server.peer.name, result))
        if not found:
            raise downs[0]
        (first, vector), *others = found
        for name, other in others:
            if other.shape != vector.shape or float(np.dot(vector, other)) < _SAME:
                raise AnalyzerError(
                    f"{name} and {first} make different vectors with {self.model}",
                    "Have both containers use the same version of the model.",
                )
        return int(vector.size)

    async def states(self) -> list[ServerState]:
        """Ask each host for the vectors of a tiny picture and a text."""
        return self._lanes.loaded(await asyncio.gather(*(self._state(server) for server in self._lanes.servers)))

    async def _state(self, server: RemoteServer) -> ServerState:
        began = time.monotonic()
        try:
            await _ping(server)
            pinged = time.monotonic() - began
            await self._of_text(server, "a photo")
            texted = time.monotonic()
            await self._of_picture(server, _any_jpeg())
            seen = time.monotonic()
        except AnalyzerError as error:
            return ServerState(server.peer.name, False, error.message, error.hint, seconds=time.monotonic() - began)
        words = f"text in {texted - began - pinged:.2f} s, picture in {seen - texted:.2f} s"
        return ServerState(server.peer.name, True, words, models=(self.model,), seconds=pinged)

    async def _try(self, server: RemoteServer) -> Vector:
        await _ping(server)
        try:
            picture = await self._of_picture(server, _any_jpeg(), _FIRST_SECONDS)
            text = await self._of_text(server, "a photo", _FIRST_SECONDS)
        except ServerDownError:
            raise
        except AnalyzerError as error:
            # A container that does not know the model says only that something is wrong.
            hint = error.hint or f"Check that Immich offers a model called {self.model}, and the container's log."
            raise AnalyzerError(error.message, hint, error.kind) from error
        if picture.shape != text.shape:
            raise AnalyzerError(
                f"{server.peer.name}: {self.model} makes vectors of {picture.size} and {text.size} dimensions",
                "Choose a model that is made for pictures and texts.",
            )
        return picture

    async def _of_picture(self, server: RemoteServer, jpeg: bytes, seconds: float = 0.0) -> Vector:
        files = {"image": ("picture.jpg", jpeg, "image/jpeg")}
        return await self._predict(server, "visual", Form({"entries": ""}, files), seconds or _PICTURE_SECONDS)

    async def _of_text(self, server: RemoteServer, text: str, seconds: float = _TEXT_SECONDS) -> Vector:
        return await self._predict(server, "textual", Form({"entries": "", "text": text}), seconds)

    async def _predict(self, server: RemoteServer, kind: str, form: Form, seconds: float) -> Vector:
        request = Request(server.peer, self.model, Purpose.EMBED)
        entries = json.dumps({"clip": {kind: {"modelName": self.model}}})
        answer = await server.post("/predict", request, Form({**form.texts, "entries": entries}, form.files), seconds)
        values = answer.get("clip") if isinstance(answer, dict) else None
        if isinstance(values, str):
            try:
                values = json.loads(values)
            except ValueError as error:
                raise failures.malformed(request, "its vector is not a list of numbers", values) from error
        if not isinstance(values, list):
            raise failures.malformed(request, "its answer contains no vector")
        vector = unit_vector(request, values)
        if self._dimension and vector.size != self._dimension:
            raise failures.malformed(request, f"its vector has {vector.size} dimensions, not {self._dimension}")
        return vector


def _peer(url: str) -> Peer:
    return Peer(
        f"Immich at {url}",
        url,
        down_hint="Start Immich's machine-learning container there, and publish its port 3003.",
        missing_hint="Choose a model that Immich offers: {model}",
        denied_hint="A proxy in front of this container asks for a login. Use an address that needs none.",
    )


async def _ping(server: RemoteServer) -> None:
    """Raise AnalyzerError if a server is not a container that works."""
    request = Request(server.peer)
    try:
        said = await server.text("/ping", request, LOOK_SECONDS)
    except ServerDownError:
        raise
    except AnalyzerError as error:
        raise AnalyzerError(error.message, _WHERE, error.kind) from error
    if said.strip().strip('"') != "pong":
        raise AnalyzerError(f"{server.peer.name}: it is not Immich's machine-learning container", _WHERE)


@cache
def _any_jpeg() -> bytes:
    """Return a picture that every server can read."""
    from PIL import Image

    # Of colours: to a grey one a model may have nothing to say.
    shade = Image.linear_gradient("L").resize((64, 64))
    stream = BytesIO()
    Image.merge("RGB", (shade, shade.rotate(90), shade.rotate(180))).save(stream, "JPEG")
    return stream.getvalue()
