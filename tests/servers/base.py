"""The HTTP of the fake servers, and their scripted faults."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 503: "Service Unavailable"}
_TLS_HANDSHAKE = b"\x16"
_LOST = (ConnectionError, asyncio.IncompleteReadError)


@dataclass(frozen=True)
class Status:
    """Answer with this status, body (an object is sent as JSON) and headers, instead of the right answer."""

    code: int
    body: object = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Drop:
    """Close the connection after so many pieces; None: before any byte of the answer."""

    after: int | None = None


@dataclass(frozen=True)
class Stall:
    """Send nothing more after so many pieces (None: nothing at all) until the client goes away."""

    after: int | None = None


@dataclass(frozen=True)
class ErrorLine:
    """Report an error after so many good pieces of an answer."""

    message: str = "an error was encountered while running the model"
    after: int = 1


@dataclass(frozen=True)
class Stop:
    """End the answer cleanly after so many pieces, but without the final piece."""

    after: int = 1


@dataclass(frozen=True)
class Delay:
    """Wait so many seconds, then give the right answer."""

    seconds: float


@dataclass(frozen=True)
class Raw:
    """A body with status 200 in these chunks, whatever they hold."""

    chunks: tuple[bytes, ...]
    content_type: str = "application/json"


Script = Status | Drop | Stall | ErrorLine | Stop | Delay | Raw


@dataclass(frozen=True)
class Received:
    """A request as it arrived: `headers` in lower case, `body` parsed from JSON, `raw` any other body."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes = b""


class RefusalError(Exception):
    """An answer that is an error by the rules of the protocol."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.code)
        self.status = status


@dataclass
class FakeServer:
    """A server on 127.0.0.1. Subclasses say what it answers; `fail_next` says what goes wrong first.

    `text` is what it says of pictures, `summary` of prompts without any; a function gets the request's body. `answers`
    go first, each once. With `stepwise`, each piece of an answer waits for a `release()`; `pace` are seconds between
    pieces. `context` is the number of characters that the embedding model takes, `dimension` that of its vectors.
    """

    port: int = 0
    text: str | Callable[[dict[str, Any]], str] = (
        "A tabby cat rests on a red sofa beside a window, and the light of the afternoon is warm.\n"
        "Tags: cat, sofa, window"
    )
    summary: str = "A cat sleeps on a sofa, wakes and looks out of the window into the garden.\nTags: cat, sofa, waking"
    models: list[str] = field(default_factory=lambda: ["qwen2.5vl:3b", "bge-m3:latest"])
    blind: frozenset[str] = frozenset()
    context: int = 100_000
    dimension: int = 8
    pace: float = 0.0
    stepwise: bool = False
    bad_words: tuple[str, ...] = ()
    answers: deque[str] = field(default_factory=deque)
    requests: list[Received] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    left: int = 0
    connections: list[tuple[str, int]] = field(default_factory=list)

    generating = ""

    def __post_init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._place: socket.socket | None = None
        self._script: list[tuple[str, Script]] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._steps = asyncio.Semaphore(0)
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        self.leave()

    @property
    def url(self) -> str:
        """Return its URL, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, first on any free port, later on the same one."""
        if self._place is None:
            # Bound, and never listening: while this server is stopped, no other that begins meanwhile gets its port.
            self._place = socket.socket()
            self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._place.bind(("127.0.0.1", self.port))
            self.port = self._place.getsockname()[1]
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=2**26)

    async def stop(self) -> None:
        """Refuse connections and drop open ones, like a killed process."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def leave(self) -> None:
        """Free the port, once it is stopped for good."""
        if self._place is not None:
            self._place.close()
            self._place = None

    def fail_next(self, *scripts: Script, times: int = 1, path: str = "") -> None:
        """Fail in these ways, one per request, in order, `times` over; only if the path ends in `path`."""
        self._script.extend((path, script) for _ in range(times) for script in scripts)

    def release(self, pieces: int = 1) -> None:
        """With `stepwise`, send so many pieces of the answers."""
        for _ in range(pieces):
            self._steps.release()

    def count(self, path: str) -> int:
        """Return how many requests had a path with this end."""
        return sum(request.path.endswith(path) for request in self.requests)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """Return the bodies of the requests whose path has this end."""
        return [request.body for request in self.requests if request.path.endswith(path)]

    async def wait_for(self, condition: Callable[[Self], bool]) -> None:
        """Wait until something is true of the server; checked at each request and each client that leaves."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: condition(self))

    async def respond(self, request: Received) -> Status | AsyncIterator[bytes]:
        """Return the right answer, whole or in pieces. Raises RefusalError. For subclasses."""
        raise NotImplementedError

    def error_piece(self, message: str) -> bytes:
        """Return an error for the middle of a stream. For subclasses."""
        raise NotImplementedError

    def answer_to(self, body: dict[str, Any], pictures: int) -> list[str]:
        """Return its answer as words, each with the space before it."""
        if self.answers:
            said = self.answers.popleft()
        elif not pictures:
            said = self.summary
        else:
            said = self.text(body) if callable(self.text) else self.text
        words = said.split(" ")
        return [words[0], *(f" {word}" for word in words[1:])]

    def vector_of(self, text: str) -> list[float]:
        """Return a vector that depends only on the words of a text: texts that share words are close."""
        vector = np.zeros(self.dimension)
        for word in text.lower().split():
            seed = int.from_bytes(word.encode()[:8].ljust(8, b"\0"), "little")
            vector += np.random.default_rng(seed).standard_normal(self.dimension)
        if any(word in text for word in self.bad_words):
            vector[0] = np.nan
        return [float(value) for value in vector]

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections.append(writer.get_extra_info("peername"))
        try:
            with suppress(*_LOST):
                while (request := await _read(reader)) is not None:
                    if request.method == "TLS":
                        await _send(writer, Status(400, "Client sent an HTTPS request to an HTTP server"))
                        break
                    self.requests.append(request)
                    await self._tell()
                    if not await self._answer(request, reader, writer):
                        break
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request; return whether the connection may be used again. Ends when the client leaves."""
        generating = bool(self.generating) and request.path.endswith(self.generating)
        self.running += generating
        self.most_running = max(self.most_running, self.running)
        answering = asyncio.ensure_future(self._say(request, writer))
        leaving = asyncio.ensure_future(_left(reader))
        try:
            done, _ = await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if answering not in done:
                self.left += 1
                return False
            return answering.result()
        finally:
            self.running -= generating
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
            await self._tell()

    async def _say(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        script = self._next_script(request.path)
        match script:
            case Status():
                return await _send(writer, script)
            case Drop(after=None):
                return False
            case Stall(after=None):
                await asyncio.Event().wait()
            case Delay(seconds=seconds):
                await asyncio.sleep(seconds)
            case Raw():
                await _begin(writer, script.content_type)
                for chunk in script.chunks:
                    await _chunk(writer, chunk)
                await _chunk(writer, b"")
                return True
        try:
            answer = await self.respond(request)
        except RefusalError as refusal:
            return await _send(writer, refusal.status)
        if isinstance(answer, Status):
            return await _send(writer, answer)
        return await self._stream(answer, script, writer)

    async def _stream(self, pieces: AsyncIterator[bytes], script: Script | None, writer: asyncio.StreamWriter) -> bool:
        await _begin(writer, "text/event-stream" if self.generating.startswith("/v1") else "application/x-ndjson")
        number = 0
        async for piece in pieces:
            match script:
                case Drop(after=after) if number == after:
                    return False
                case Stall(after=after) if number == after:
                    await asyncio.Event().wait()
                case ErrorLine(message=message, after=after) if number == after:
                    await _chunk(writer, self.error_piece(message))
                    await _chunk(writer, b"")
                    return True
                case Stop(after=after) if number == after:
                    await _chunk(writer, b"")
                    return True
            if self.stepwise:
                await self._steps.acquire()
            if self.pace:
                await asyncio.sleep(self.pace)
            await _chunk(writer, piece)
            number += 1
        await _chunk(writer, b"")
        return True

    def _next_script(self, path: str) -> Script | None:
        for number, (wanted, script) in enumerate(self._script):
            if path.endswith(wanted):
                del self._script[number]
                return script
        return None


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        first_byte = await reader.readexactly(1)
        if first_byte == _TLS_HANDSHAKE:
            return Received("TLS", "", {}, {})
        head = (first_byte + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    if body and not headers.get("content-type", "").startswith("application/json"):
        return Received(method, path, headers, {}, body)
    return Received(method, path, headers, json.loads(body) if body else {})


async def _left(reader: asyncio.StreamReader) -> None:
    """Wait until the client closes the connection; it sends nothing before it has its answer."""
    with suppress(ConnectionError):
        await reader.read(1)


async def _begin(writer: asyncio.StreamWriter, content_type: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


async def _send(writer: asyncio.StreamWriter, status: Status) -> bool:
    body = status.body if isinstance(status.body, str | bytes) else json.dumps(status.body)
    data = body if isinstance(body, bytes) else body.encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(data)), **dict(status.headers)}
    head = f"HTTP/1.1 {status.code} {_REASONS.get(status.code, 'Other')}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(head.encode() + b"\r\n" + data)
    await writer.drain()
    return True
