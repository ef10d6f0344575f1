"""What a server may send at most: nothing that is compressed, nothing without an end."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from tests.analyzers.asking import TEXT, analyzer_for, ollama, picture
from tests.servers import FakeOllama, FakeOpenAI, FakeServer, Raw, Status
from vuemantics_tui.analyzers.remote import RemoteAnalyzer
from vuemantics_tui.domain.errors import AnalyzerError

MIB = 1024**2
UNPACKED = 256 * MIB


@pytest.fixture(params=["ollama", "openai"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[FakeServer]:
    """A server of each kind."""
    kind = FakeOllama if request.param == "ollama" else FakeOpenAI
    async with kind() as opened:
        yield opened


@pytest.fixture
async def analyzer(server: FakeServer) -> AsyncIterator[RemoteAnalyzer]:
    """The analyzer that asks it."""
    made = analyzer_for(server)
    yield made
    await made.close()


@pytest.fixture
def few_bytes() -> Iterator[None]:
    """Fail a test in which the program takes much more memory at any moment than before it."""
    bomb()
    if not Path("/proc/self/clear_refs").exists():
        yield
        return
    # Linux then counts the most from now on (proc(5)).
    Path("/proc/self/clear_refs").write_text("5")
    before = most_memory()
    yield
    assert most_memory() - before < 64 * MIB


def most_memory() -> int:
    """The most bytes that this process had in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@cache
def bomb() -> bytes:
    """Some hundred bytes that unpack, twice, to a quarter of a gigabyte."""
    packing = zlib.compressobj(9, wbits=31)
    packed = b"".join(packing.compress(bytes(MIB)) for _ in range(UNPACKED // MIB)) + packing.flush()
    return gzip.compress(packed)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "GZIP", "deflate", "br", "zstd"])
@pytest.mark.parametrize("code", [200, 400, 503])
async def test_what_is_compressed_is_not_unpacked(
    server: FakeServer, analyzer: RemoteAnalyzer, code: int, encoding: str, few_bytes: None
) -> None:
    assert len(bomb()) < 10_000
    server.fail_next(Status(code, bomb(), (("Content-Encoding", encoding),)), times=2)
    said = "compressed" if code == 200 else str(code)
    with pytest.raises(AnalyzerError, match=said):
        await analyzer.embed_query("cat")
    with pytest.raises(AnalyzerError, match=said):
        await analyzer.describe_image(picture())
    assert (await analyzer.describe_image(picture())).text == TEXT


async def test_no_compression_is_asked_for(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    await analyzer.states()
    await analyzer.embed_query("cat")
    await analyzer.describe_image(picture())
    assert server.requests
    assert {request.headers["accept-encoding"] for request in server.requests} == {"identity"}


async def test_what_says_that_it_is_not_compressed_is_read(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.fail_next(Status(400, {"error": "no such thing"}, (("Content-Encoding", "identity"),)))
    with pytest.raises(AnalyzerError, match="no such thing"):
        await analyzer.embed_query("cat")


LINE = json.dumps({"message": {"content": ""}, "choices": [{"delta": {}}]}).encode() + b"\n"
LINES = LINE * (64 * 1024 // len(LINE))
EVENTS = b"".join(b"data: " + LINE + b"\n" for _ in range(1000))


@pytest.mark.parametrize(
    "piece",
    [LINES, EVENTS, b"data: 1\n" * 10_000, b"\n" * 100_000, b" " * MIB, b"[" * MIB, b"[{}," + b"{}," * 300_000],
    ids=["lines", "events", "event", "breaks", "spaces", "brackets", "objects"],
)
async def test_an_answer_that_does_not_end_is_cut(
    server: FakeServer, analyzer: RemoteAnalyzer, piece: bytes, few_bytes: None
) -> None:
    server.fail_next(Raw((piece,) * (100 * MIB // len(piece))), times=2)
    with pytest.raises(AnalyzerError):
        await analyzer.embed_query("cat")
    with pytest.raises(AnalyzerError):
        await analyzer.describe_image(picture())
    assert (await analyzer.describe_image(picture())).text == TEXT


async def test_an_error_that_does_not_end_is_cut() -> None:
    sent = 0

    def answer(listening: socket.socket) -> None:
        nonlocal sent
        connection, _ = listening.accept()
        with connection, suppress(ConnectionError):
            connection.recv(64 * 1024)
            connection.sendall(b"HTTP/1.1 500 Whatever\r\n\r\n")
            while sent < 500 * MIB:
                sent += connection.send(b"x" * MIB)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(target=answer, args=(listening,))
        answering.start()
        analyzer = ollama(f"127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(AnalyzerError, match="xxx"):
            await analyzer.embed_query("cat")
        await analyzer.close()
        await asyncio.to_thread(answering.join)
    assert sent < 64 * MIB, "what the network holds, and no more"
