"""One HTTP server: requests, streams split into lines and events, timeouts, and all errors as AnalyzerError."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import ssl
from collections.abc import AsyncGenerator, Awaitable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx

from vuemantics_tui.analyzers import failures
from vuemantics_tui.analyzers.base import Result
from vuemantics_tui.analyzers.failures import Peer, Request
from vuemantics_tui.domain.errors import AnalyzerError

MOST_BYTES_OF_AN_ERROR = 64 * 1024
# The largest embedding takes some 100 KB. JSON of empty lists takes 20 times its length once it is read.
MOST_BYTES_OF_AN_ANSWER = 4 * 1024**2
# What a model writes comes in pieces of some 300 bytes a token.
MOST_BYTES_OF_A_STREAM = 16 * 1024**2

# How h11 and httpcore report a connection that ended too early, among their errors for invalid HTTP.
_DROPPED = re.compile(r"disconnected|peer closed|connection (closed|terminated)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Timeouts in seconds: to connect, until an answer starts, and between its pieces."""

    connect: float
    first: float
    piece: float


@dataclass(frozen=True, slots=True)
class Form:
    """A body as multipart/form-data (RFC 7578): texts, and files as (name, content, MIME type), by their fields."""

    texts: Mapping[str, str]
    files: Mapping[str, tuple[str, bytes, str]] = field(default_factory=dict)


Body = Mapping[str, object] | Form
"""What is sent: an object as JSON, or a form."""


class RemoteServer:
    """One server and its connections. Cancelling a call closes its connection at once.

    A connection is kept for `idle_seconds` without a request: less than the server keeps it, which would else close it
    while the next request is on its way.
    """

    def __init__(self, peer: Peer, limits: TimeLimits, idle_seconds: float = 5.0) -> None:
        self.peer = peer
        self._limits = limits
        self._idle_seconds = idle_seconds
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close all connections; running calls end with an error."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def get(self, path: str, request: Request, seconds: float | None = None) -> object:
        """Return the JSON at `path` within `seconds` in total. Raises AnalyzerError."""
        return parse_json(request, await self.text(path, request, seconds))

    async def text(self, path: str, request: Request, seconds: float | None = None) -> str:
        """Return the text at `path` within `seconds` in total. Raises AnalyzerError."""
        return await self._text("GET", path, request, None, seconds)

    async def post(self, path: str, request: Request, body: Body, seconds: float | None = None) -> object:
        """Return the JSON that answers `body`, within `seconds` in total. Raises AnalyzerError."""
        return parse_json(request, await self._text("POST", path, request, body, seconds))

    async def lines(
        self,
        path: str,
        request: Request,
        body: Mapping[str, object],
        piece_seconds: float | None = None,
        most_bytes: float = MOST_BYTES_OF_A_STREAM,
    ) -> AsyncGenerator[str, None]:
        """Yield the lines that answer `body`, as they arrive. Close it (`aclosing`). Raises AnalyzerError.

        `piece_seconds` may be other than the time limit between two pieces that the server has otherwise.
        """
        splitter = LineSplitter()
        size = 0
        async with aclosing(self._chunks("POST", path, request, body, piece_seconds)) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > most_bytes:
                    raise failures.malformed(request, "its answer does not end")
                try:
                    lines = splitter.feed(chunk)
                except ValueError as error:
                    raise failures.malformed(request, f"it sent {error}") from error
                for line in lines:
                    yield line
        for line in splitter.end():
            yield line

    async def _text(self, method: str, path: str, request: Request, body: Body | None, seconds: float | None) -> str:
        parts: list[bytes] = []
        size = 0
        try:
            async with (
                asyncio.timeout(seconds),
                aclosing(self._chunks(method, path, request, body)) as chunks,
            ):
                async for chunk in chunks:
                    parts.append(chunk)
                    size += len(chunk)
                    if size > MOST_BYTES_OF_AN_ANSWER:
                        raise failures.malformed(request, "its answer does not end")
        except TimeoutError as error:
            raise failures.too_slow(request, seconds or 0) from error
        return b"".join(parts).decode("utf-8", "replace")

    async def _chunks(
        self,
        method: str,
        path: str,
        request: Request,
        body: Body | None,
        piece_seconds: float | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the body of a good answer as it arrives. Raises AnalyzerError, also for a body that is compressed."""
        response: httpx.Response | None = None
        seconds = self._limits.first
        with _as_analyzer_errors(request):
            try:
                client = await self._connected()
                content: dict[str, Any] = {"files": _parts(body)} if isinstance(body, Form) else {"json": body}
                message = client.build_request(method, f"{self.peer.url}{path}", headers=self._headers(), **content)
                response = await _within(seconds, request, client.send(message, stream=True))
                # httpx says only AsyncIterator; closing it here leaves nothing to the garbage collector.
                stream = cast(AsyncGenerator[bytes, None], response.aiter_raw())
                async with aclosing(stream):
                    if not response.is_success:
                        raise await self._refusal(request, response, stream)
                    if encoding := _encoding_of(response):
                        raise failures.malformed(
                            request, f"its answer is compressed ({encoding}), which was not requested"
                        )
                    while chunk := await _within(seconds, request, anext(stream, b"")):
                        seconds = piece_seconds or self._limits.piece
                        yield chunk
            finally:
                if response is not None:
                    await response.aclose()

    async def _refusal(
        self, request: Request, response: httpx.Response, stream: AsyncGenerator[bytes, None]
    ) -> AnalyzerError:
        said = b""
        while len(said) < MOST_BYTES_OF_AN_ERROR and not _encoding_of(response):
            chunk = await _within(self._limits.piece, request, anext(stream, b""))
            if not chunk:
                break
            said += chunk
        text = said[:MOST_BYTES_OF_AN_ERROR].decode("utf-8", "replace")
        return failures.refusal(request, response.status_code, response.headers, text)

    def _headers(self) -> dict[str, str]:
        secret = self.peer.secret
        # A few kilobytes can unpack to gigabytes, so nothing is unpacked.
        headers = {"Accept-Encoding": "identity"}
        return {**headers, "Authorization": f"Bearer {secret.reveal()}"} if secret else headers

    async def _connected(self) -> httpx.AsyncClient:
        """Return the client, made at the first request: reading the certificates takes tens of milliseconds."""
        if self._client is None:
            secure = self.peer.url.startswith("https:")
            # Without certificates, as here for plain HTTP, it would trust nobody.
            trust = (
                await asyncio.to_thread(httpx.create_ssl_context) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            )
            # Another request may have come first while this one waited.
            self._client = self._client or httpx.AsyncClient(
                verify=trust,
                timeout=httpx.Timeout(None, connect=self._limits.connect),
                limits=httpx.Limits(max_connections=None, keepalive_expiry=self._idle_seconds),
                # A proxy from the environment cannot know what runs on this machine.
                trust_env=not _is_loopback(httpx.URL(self.peer.url).host),
            )
        return self._client


def _parts(form: Form) -> list[tuple[str, tuple[str | None, str | bytes, str] | tuple[None, str]]]:
    """Return the parts of a form for httpx, which sends a form without files in another way than as multipart."""
    texts: list[tuple[str, tuple[None, str]]] = [(name, (None, text)) for name, text in form.texts.items()]
    return [*texts, *form.files.items()]


def parse_json(request: Request, text: str) -> object:
    """Parse a JSON text. Raises AnalyzerError, also for a body that reports an error."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise failures.malformed(request, "its answer is not JSON", text) from error
    said = failures.said_by(value)
    if said is not None:
        raise failures.failure(request, said)
    return value


def _encoding_of(response: httpx.Response) -> str:
    """Return how the body is compressed, or "" for one that is not."""
    encoding: str = response.headers.get("content-encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding[:50]


async def _within(seconds: float, request: Request, awaitable: Awaitable[Result]) -> Result:
    try:
        async with asyncio.timeout(seconds):
            return await awaitable
    except TimeoutError as error:
        raise failures.too_slow(request, seconds) from error


@contextmanager
def _as_analyzer_errors(request: Request) -> Iterator[None]:
    peer = request.peer
    try:
        yield
    except httpx.HTTPError as error:
        raise _network_failure(request, error) from error
    except httpx.InvalidURL as error:
        raise AnalyzerError(f"{peer.name}: {error}", f"Check the address in the settings: {peer.url}") from error


def _network_failure(request: Request, error: httpx.HTTPError) -> AnalyzerError:
    peer = request.peer
    reason = failures.shown(request, str(error)) or type(error).__name__
    if isinstance(error, httpx.ConnectTimeout):
        return failures.down(peer, "does not answer")
    if _is_about_certificates(error):
        return AnalyzerError(
            f"{peer.name}: no secure connection: {reason}",
            "Use http:// if the server has no certificate. For your own certificate, set SSL_CERT_FILE.",
        )
    if isinstance(error, httpx.ConnectError):
        return failures.down(peer, f"cannot be reached: {reason}")
    if isinstance(error, httpx.ProxyError):
        return failures.down(peer, f"cannot be reached through the proxy: {reason}")
    if isinstance(error, httpx.RemoteProtocolError) and not _DROPPED.search(reason):
        return failures.malformed(request, f"it does not speak HTTP: {reason}")
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        return failures.down(peer, f"dropped the connection: {reason}")
    if isinstance(error, httpx.DecodingError):
        return failures.malformed(request, f"its answer cannot be read: {reason}")
    return AnalyzerError(f"{request.subject}: {reason}", f"Check the address in the settings: {peer.url}")


def _is_about_certificates(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


MOST_BYTES_A_LINE = 4 * 1024**2

# A return at the very end may be the first half of a line break.
_LINE_BREAK = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)
_FIELD = re.compile(r"(data|event|id|retry|error)?:")


class LineSplitter:
    """Splits bytes into lines that end in LF, CRLF or CR, and nothing else.

    `str.splitlines` and httpx also split at U+2028 and others, which may occur inside a JSON string.
    """

    def __init__(self) -> None:
        self._open: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that `chunk` completes. Raises ValueError for a line of more than 4 MiB."""
        self._open.append(chunk)
        self._size += len(chunk)
        if self._size > MOST_BYTES_A_LINE:
            raise ValueError("a line without an end")
        if b"\n" not in chunk and b"\r" not in chunk and not self._ends_in_return():
            return []
        *lines, rest = _LINE_BREAK.split(b"".join(self._open))
        self._open = [rest]
        self._size = len(rest)
        return [_text(line) for line in lines]

    def end(self) -> list[str]:
        """Return the rest without a line break."""
        rest = b"".join(self._open).removesuffix(b"\r")
        self._open = []
        self._size = 0
        return [_text(rest)] if rest else []

    def _ends_in_return(self) -> bool:
        return len(self._open) > 1 and self._open[-2].endswith(b"\r")


class EventReader:
    """Takes the lines of a stream of server-sent events (HTML standard, 9.2.6) and gives the data of each event.

    The lines of an event's data are joined by LF; comments, names and ids are left out. A field named `error`, which
    older llama.cpp sends, is taken as data. If the first line belongs to no event, all lines are one text: servers that
    ignore the request to stream answer that way.
    """

    def __init__(self) -> None:
        self._data: list[str] = []
        self._size = 0
        self._is_stream: bool | None = None

    @property
    def is_stream(self) -> bool:
        """Whether the lines so far are events."""
        return bool(self._is_stream)

    def feed(self, line: str) -> list[str]:
        """Return the data that `line` completes: of no event or of one.

        Raises ValueError for an event, or a text that is no stream, of more than 4 MiB.
        """
        if self._is_stream is None and line.strip():
            self._is_stream = _FIELD.match(line) is not None
        if not self._is_stream:
            self._keep(line)
            return []
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        if name in ("data", "error"):
            self._keep(value.removeprefix(" "))
        return []

    def end(self) -> list[str]:
        """Return the rest: an event without its empty line, or a text that is no stream."""
        return self._complete()

    def _keep(self, line: str) -> None:
        self._data.append(line)
        # An empty line takes room, too.
        self._size += len(line) + 64
        if self._size > MOST_BYTES_A_LINE:
            raise ValueError("an event without an end")

    def _complete(self) -> list[str]:
        self._size = 0
        data, self._data = "\n".join(self._data).strip("\n"), []
        return [data] if data else []


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").removeprefix("\ufeff")
