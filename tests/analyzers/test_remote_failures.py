"""Every way in which a server can fail, in both protocols, and what is made of it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.analyzers.asking import KEY, TEXT, analyzer_for, ollama, openai, picture
from tests.servers import Delay, Drop, ErrorLine, FakeOllama, FakeOpenAI, FakeServer, Raw, Stall, Status, Stop
from vuemantics_tui.analyzers.remote import RemoteAnalyzer
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, ServerDownError

SENTENCE = "The quick brown fox jumps over the lazy dog. "


@pytest.fixture(params=["ollama", "openai"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[FakeServer]:
    kind = FakeOllama if request.param == "ollama" else FakeOpenAI
    async with kind() as opened:
        yield opened


@pytest.fixture
async def analyzer(server: FakeServer) -> AsyncIterator[RemoteAnalyzer]:
    made = analyzer_for(server)
    yield made
    await made.close()


async def test_a_server_killed_in_mid_stream_is_down(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.stepwise = True
    seen = asyncio.Event()
    describing = asyncio.ensure_future(analyzer.describe_image(picture(), lambda _: seen.set()))
    server.release(3)
    await asyncio.wait_for(seen.wait(), 60)
    await server.stop()
    with pytest.raises(ServerDownError, match="dropped the connection") as raised:
        await describing
    assert raised.value.server in raised.value.message
    assert server.url in raised.value.server
    assert raised.value.kind is ErrorKind.TRANSIENT
    assert raised.value.hint
    with pytest.raises(ServerDownError, match="cannot be reached"):
        await analyzer.embed_query("cat")
    server.stepwise = False
    await server.start()
    assert (await analyzer.describe_image(picture())).text == TEXT


@pytest.mark.parametrize("script", [Drop(), Drop(after=0), Drop(after=2), Stop(after=2)])
async def test_a_dropped_connection_is_down(server: FakeServer, analyzer: RemoteAnalyzer, script: Drop | Stop) -> None:
    server.fail_next(script)
    with pytest.raises(ServerDownError, match="dropped the connection"):
        await analyzer.describe_image(picture())
    assert (await analyzer.describe_image(picture())).text == TEXT


async def test_a_name_that_does_not_exist_is_down() -> None:
    for analyzer in (ollama("no-such-host.invalid"), openai("http://no-such-host.invalid")):
        with pytest.raises(ServerDownError, match="no-such-host"):
            await analyzer.embed_query("cat")
        (state,) = await analyzer.states()
        assert not state.answers
        assert "cannot be reached" in state.detail
        assert state.hint
        await analyzer.close()


async def test_a_server_that_takes_no_connection_is_down() -> None:
    """A full queue of a listening socket lets a connection hang, as a host does that is switched off."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(("127.0.0.1", port))
            analyzer = ollama(f"127.0.0.1:{port}", connect_seconds=0.2)
            with pytest.raises(ServerDownError, match="does not answer"):
                await analyzer.embed_query("cat")
            await analyzer.close()


async def test_a_server_that_speaks_no_http_is_not_called_down() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Closed with something unread, the connection would be reset.
        await reader.readuntil(b"}")
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listening:
        analyzer = ollama(f"127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        with pytest.raises(AnalyzerError, match="does not speak HTTP") as raised:
            await analyzer.embed_query("cat")
        assert not isinstance(raised.value, ServerDownError)
        await analyzer.close()


@pytest.mark.parametrize("after", [None, 0, 2])
async def test_a_server_that_falls_silent_is_transient(server: FakeServer, after: int | None) -> None:
    analyzer = analyzer_for(server, first_seconds=0.3, piece_seconds=0.3)
    server.fail_next(Stall(after))
    with pytest.raises(AnalyzerError, match=r"no answer for 0\.3 seconds") as raised:
        await analyzer.describe_image(picture())
    assert raised.value.kind is ErrorKind.TRANSIENT
    assert not isinstance(raised.value, ServerDownError)
    await server.wait_for(lambda server: server.left == 1)
    await analyzer.close()


async def test_a_slow_server_is_waited_for(server: FakeServer) -> None:
    """Slower in all than the limit between two pieces, and before the first piece."""
    analyzer = analyzer_for(server, first_seconds=20, piece_seconds=1)
    server.pace = 0.06
    server.fail_next(Delay(1.1))
    assert (await analyzer.describe_image(picture())).text == TEXT
    await analyzer.close()


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
async def test_a_busy_server_is_transient(server: FakeServer, analyzer: RemoteAnalyzer, code: int) -> None:
    server.fail_next(Status(code, {"error": "come back later"}), times=2)
    for call in (analyzer.describe_image(picture()), analyzer.embed_query("cat")):
        with pytest.raises(AnalyzerError, match=rf"come back later \(HTTP {code}\)") as raised:
            await call
        assert raised.value.kind is ErrorKind.TRANSIENT
        assert raised.value.retry_after is None
        assert server.url in raised.value.message
    assert "model bge-m3" in raised.value.message


async def test_retry_after_is_told(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    for value, low, high in (("7", 7, 7), ("1.5", 1.5, 1.5), (date, 80, 90)):
        server.fail_next(Status(429, "slow down", (("Retry-After", value),)))
        with pytest.raises(AnalyzerError, match="slow down") as raised:
            await analyzer.embed_query("cat")
        assert raised.value.retry_after is not None
        assert low <= raised.value.retry_after <= high
    for value, expected in (("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)):
        server.fail_next(Status(503, "", (("Retry-After", value),)))
        with pytest.raises(AnalyzerError, match="no reason given") as raised:
            await analyzer.embed_query("cat")
        assert raised.value.retry_after == expected


async def test_a_server_that_still_loads_is_transient(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.fail_next(Status(503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}))
    with pytest.raises(AnalyzerError, match="Loading model") as raised:
        await analyzer.describe_image(picture())
    assert raised.value.kind is ErrorKind.TRANSIENT
    assert "still loading" in raised.value.hint


async def test_an_error_in_mid_stream_is_transient(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.fail_next(ErrorLine("an error was encountered while running the model: CUDA error", after=2))
    with pytest.raises(AnalyzerError, match="CUDA error") as raised:
        await analyzer.describe_image(picture())
    assert raised.value.kind is ErrorKind.TRANSIENT
    assert not isinstance(raised.value, ServerDownError)


@pytest.mark.parametrize("body", [b"{not json", b"<html><b>It works!</b></html>", b"[1]\n", b'"text"', b"\xff\xfe"])
async def test_what_is_no_json_is_transient(server: FakeServer, analyzer: RemoteAnalyzer, body: bytes) -> None:
    server.fail_next(Raw((body,)), times=2)
    for call in (analyzer.describe_image(picture()), analyzer.embed_query("cat")):
        with pytest.raises(AnalyzerError, match=r"is not JSON|is not a JSON object|contains no embedding") as raised:
            await call
        assert raised.value.kind is ErrorKind.TRANSIENT
        assert not isinstance(raised.value, ServerDownError)
        assert raised.value.hint


@pytest.mark.parametrize("values", ["[]", '["a", "b"]', "[[1.0, 2.0]]", "{}", "null", "7", '"!!"'])
async def test_what_is_no_vector_is_transient(server: FakeServer, analyzer: RemoteAnalyzer, values: str) -> None:
    server.fail_next(Raw((f'{{"embeddings": [{values}], "data": [{{"embedding": {values}}}]}}'.encode(),)))
    with pytest.raises(AnalyzerError, match="not a list of numbers") as raised:
        await analyzer.embed_query("cat")
    assert raised.value.kind is ErrorKind.TRANSIENT


@pytest.mark.parametrize("code", [401, 403])
async def test_a_refused_login_is_permanent(server: FakeServer, analyzer: RemoteAnalyzer, code: int) -> None:
    server.fail_next(Status(code, {"error": f"Incorrect API key provided: {KEY}"}))
    with pytest.raises(AnalyzerError, match="Incorrect API key") as raised:
        await analyzer.embed_query("cat")
    assert raised.value.kind is ErrorKind.PERMANENT
    assert ("OPENAI_API_KEY" in raised.value.hint) == (analyzer.name == "openai")


async def test_a_model_without_eyes_is_permanent(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.blind = frozenset({analyzer.model})
    with pytest.raises(AnalyzerError, match=r"image input .*\(HTTP 500\)|for image input \(HTTP 500\)") as raised:
        await analyzer.describe_image(picture())
    assert raised.value.kind is ErrorKind.PERMANENT
    assert "vision model" in raised.value.hint
    assert not raised.value.missing_model


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (400, "llama3.2 does not support images"),
        (400, "Model does not support images. Please use a model that does."),
        (400, "At most 0 image(s) may be provided; phi is not a multimodal model"),
        (400, "Invalid content type. image_url is only supported by certain models."),
        (422, "unknown variant `image_url`, expected `text`"),
        (500, "Multimodal data provided, but model does not support multimodal requests."),
        (500, "image input is not supported - hint: you may need to provide the mmproj"),
    ],
)
async def test_words_for_no_pictures(server: FakeServer, analyzer: RemoteAnalyzer, code: int, message: str) -> None:
    server.fail_next(Status(code, {"error": {"code": code, "message": message}}))
    with pytest.raises(AnalyzerError) as raised:
        await analyzer.describe_image(picture())
    assert raised.value.kind is ErrorKind.PERMANENT
    assert "sees pictures" in raised.value.hint


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (501, "This server does not support embeddings. Start it with `--embeddings`"),
        (400, "The model does not support Embeddings API"),
        (400, '"qwen2.5vl:3b" does not support embeddings'),
    ],
)
async def test_words_for_no_embeddings(server: FakeServer, analyzer: RemoteAnalyzer, code: int, message: str) -> None:
    server.fail_next(Status(code, {"error": message}))
    with pytest.raises(AnalyzerError) as raised:
        await analyzer.embed_query("cat")
    assert raised.value.kind is ErrorKind.PERMANENT
    assert "embeds text" in raised.value.hint


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, "the input length exceeds the context length"),
        (500, "input length exceeds maximum context length"),
        (500, "input (2364 tokens) is too large to process. increase the physical batch size (current: 2048)"),
        (400, {"message": "it does not fit", "type": "exceed_context_size_error", "code": 400}),
        (400, "This model's maximum context length is 512 tokens, however you requested 900 tokens"),
        (400, {"message": "too many tokens", "code": "context_length_exceeded"}),
        (413, "Input validation error: `inputs` must have less than 512 tokens. Given: 900"),
        (413, "Payload Too Large"),
    ],
)
async def test_words_for_too_long(server: FakeServer, analyzer: RemoteAnalyzer, code: int, error: object) -> None:
    server.fail_next(Status(code, {"error": error}))
    await analyzer.embed_document(SENTENCE * 20, {})
    assert len(server.requests) == 3
    server.fail_next(Status(code, {"error": error}))
    with pytest.raises(AnalyzerError) as raised:
        await analyzer.describe_image(picture())
    assert raised.value.kind is ErrorKind.PERMANENT
    assert "context length" in raised.value.hint


@pytest.mark.parametrize("code", [400, 402, 409, 422, 505])
async def test_other_refusals_are_permanent(server: FakeServer, analyzer: RemoteAnalyzer, code: int) -> None:
    server.fail_next(Status(code, {"error": "no"}), times=2)
    for call in (analyzer.describe_image(picture()), analyzer.embed_query("cat")):
        with pytest.raises(AnalyzerError, match=rf"no \(HTTP {code}\)") as raised:
            await call
        assert raised.value.kind is ErrorKind.PERMANENT
        assert raised.value.hint


async def test_a_wrong_path_hints_at_the_address(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.fail_next(Status(404, "<html><head><style>b {}</style></head><body><h1>404</h1> page not found</body>"))
    with pytest.raises(AnalyzerError, match=r"model \S+: 404 page not found \(HTTP 404\)") as raised:
        await analyzer.embed_query("cat")
    assert raised.value.kind is ErrorKind.PERMANENT
    assert server.url in raised.value.hint
    assert not raised.value.missing_model


async def test_being_sent_on_is_permanent(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.fail_next(Status(308, "", (("Location", "https://elsewhere/v1/embeddings"),)))
    with pytest.raises(AnalyzerError, match="https://elsewhere/v1/embeddings") as raised:
        await analyzer.embed_query("cat")
    assert raised.value.kind is ErrorKind.PERMANENT


async def test_a_long_message_is_cut_and_cleaned(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.fail_next(Status(500, {"error": "bad \x1b[31mred\x00\n\n" + "word " * 5000}))
    with pytest.raises(AnalyzerError) as raised:
        await analyzer.embed_query("cat")
    assert raised.value.message.isprintable()
    assert "bad [31mred word word" in raised.value.message
    assert len(raised.value.message) < 400


async def test_https_to_a_plain_server_is_permanent(server: FakeServer) -> None:
    address = server.url.replace("http:", "https:")
    analyzer = ollama(address) if isinstance(server, FakeOllama) else openai(address)
    with pytest.raises(AnalyzerError, match="no secure connection") as raised:
        await analyzer.embed_query("cat")
    assert raised.value.kind is ErrorKind.PERMANENT
    assert "http://" in raised.value.hint
    await analyzer.close()


async def test_the_key_is_seen_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FakeOpenAI(key=KEY) as server:
        analyzer = openai(server)
        await analyzer.describe_image(picture())
        assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"
        server.fail_next(Status(401, f"wrong key: {KEY}"), Status(500, {"error": KEY}), Raw((KEY.encode(),)))
        errors: list[AnalyzerError] = []
        for _ in range(3):
            with pytest.raises(AnalyzerError) as raised:
                await analyzer.embed_query("cat")
            errors.append(raised.value)
        assert "***" in errors[0].message
        shown = [*map(repr, errors), *(str(error) + error.hint for error in errors)]
        shown += [repr(analyzer), repr(vars(analyzer)), repr(analyzer._options), repr(await analyzer.states())]
        await analyzer.close()
    assert KEY not in "".join(shown) + caplog.text
