"""What is Ollama's own: its requests, its models, pulling them, and several hosts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.analyzers.asking import TEXT, ollama, opened, picture
from tests.servers import Drop, ErrorLine, FakeOllama, Raw, Stall, Status
from vuemantics_tui.analyzers.base import ServerState
from vuemantics_tui.analyzers.ollama import OllamaAnalyzer, OllamaOptions
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, ServerDownError, UsageError


@pytest.fixture
async def server() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as opened_server:
        yield opened_server


@pytest.fixture
async def analyzer(server: FakeOllama) -> AsyncIterator[OllamaAnalyzer]:
    made = ollama(server)
    yield made
    await made.close()


def test_the_defaults_are_the_web_apps() -> None:
    options = OllamaOptions()
    assert (options.vision_model, options.embedding_model) == ("qwen2.5vl:3b", "bge-m3")
    assert (options.temperature, options.num_ctx, options.num_predict) == (0.3, 8192, 512)
    assert (options.summary_num_predict, options.max_text_characters) == (2048, 32_000)
    assert (options.long_side, options.multiple, options.jpeg_quality) == (1568, 28, 88)
    assert ollama("gpu").embedding_model == "bge-m3"
    assert ollama("gpu", embedding_model="bge-m3:latest").embedding_model == "bge-m3"


async def test_what_is_asked_of_a_picture(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    await analyzer.describe_image(picture(size=(2000, 1000)))
    (body,) = server.bodies("/api/chat")
    (message,) = body.pop("messages")
    assert body == {
        "model": "qwen2.5vl:3b",
        "stream": True,
        "think": False,
        "options": {"temperature": 0.3, "num_ctx": 8192, "num_predict": 512},
    }
    assert message["role"] == "user"
    assert "English" in message["content"]
    (image,) = [opened(data) for data in message["images"]]
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (1568, 784))


async def test_a_summary_may_be_longer(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    await analyzer.describe_video([picture()] * 2, lambda *_: None)
    assert [body["options"]["num_predict"] for body in server.bodies("/api/chat")] == [512, 512, 2048]


async def test_what_is_asked_of_a_text(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    await analyzer.embed_query("a cat")
    assert server.bodies("/api/embed") == [
        {"model": "bge-m3", "input": "a cat", "truncate": False, "options": {"num_ctx": 8192}}
    ]


@pytest.mark.parametrize(("setting", "sent"), [("10m", "10m"), ("300", 300), ("-1", -1), ("0", 0), (" 1h ", "1h")])
async def test_keep_alive_is_a_setting(server: FakeOllama, setting: str, sent: object) -> None:
    analyzer = ollama(server, keep_alive=setting)
    await analyzer.describe_image(picture())
    await analyzer.embed_query("a cat")
    assert [request.body["keep_alive"] for request in server.requests] == [sent, sent]
    await analyzer.close()


async def test_a_model_that_does_not_know_thinking_is_asked_without(
    server: FakeOllama, analyzer: OllamaAnalyzer
) -> None:
    server.fail_next(Status(400, {"error": '"qwen2.5vl:3b" does not support thinking'}))
    for _ in range(2):
        assert (await analyzer.describe_image(picture())).text == TEXT
    assert ["think" in body for body in server.bodies("/api/chat")] == [True, False, False]


async def test_thinking_apart_from_the_text_is_left_out(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    lines = (
        b'{"message": {"role": "assistant", "content": "", "thinking": "A dog?"}, "done": false}\n'
        b'{"message": {"role": "assistant", "content": "A c',
        'at\u2028sits."}, "done": true}\n'.encode(),
    )
    server.fail_next(Raw(lines))
    assert (await analyzer.describe_image(picture())).text == "A cat\u2028sits."


async def test_a_missing_model_is_named_with_the_remedy(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    server.models.clear()
    with pytest.raises(AnalyzerError, match=r"model 'qwen2\.5vl:3b' not found") as raised:
        await analyzer.describe_image(picture())
    assert raised.value.kind is ErrorKind.PERMANENT
    assert raised.value.missing_model == "qwen2.5vl:3b"
    assert raised.value.hint == "Run: ollama pull qwen2.5vl:3b"
    with pytest.raises(AnalyzerError) as raised:
        await analyzer.embed_query("a cat")
    assert raised.value.missing_model == "bge-m3"


async def test_no_memory_has_a_hint(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    server.fail_next(Status(500, {"error": "model requires more system memory (9 GiB) than is available (2 GiB)"}))
    with pytest.raises(AnalyzerError, match="9 GiB") as raised:
        await analyzer.describe_image(picture())
    assert "smaller model" in raised.value.hint


async def test_an_error_inside_of_an_error_is_understood(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    server.fail_next(Status(500, {"error": '{"error":{"code":500,"message":"image input is not supported"}}'}))
    with pytest.raises(AnalyzerError, match=r"3b: image input is not supported \(HTTP 500\)") as raised:
        await analyzer.describe_image(picture())
    assert raised.value.kind is ErrorKind.PERMANENT


# The servers' states.


async def test_the_state_of_a_server(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    server.loaded.append("bge-m3:latest")
    (state,) = await analyzer.states()
    assert state.answers
    assert state.server == f"Ollama at {server.url}"
    assert state.detail == "version 0.12.6"
    assert state.models == ("qwen2.5vl:3b", "bge-m3:latest")
    assert state.loaded == ("bge-m3:latest",)
    assert state.missing == ()
    assert 0 < state.seconds < 10


@pytest.mark.parametrize(
    ("present", "wanted", "missing"),
    [
        ("bge-m3:latest", "bge-m3", False),
        ("bge-m3", "bge-m3:latest", False),
        ("BGE-M3:latest", "bge-m3", False),
        ("hf.co/me/bge:latest", "hf.co/me/bge", False),
        ("bge-m3:567m", "bge-m3", True),
        ("bge-m3-large:latest", "bge-m3", True),
    ],
)
async def test_what_is_missing(server: FakeOllama, present: str, wanted: str, missing: bool) -> None:
    server.models[:] = ["qwen2.5vl:3b", present]
    analyzer = ollama(server, embedding_model=wanted)
    (state,) = await analyzer.states()
    assert state.missing == ((wanted,) if missing else ())
    await analyzer.close()


async def test_an_old_server_without_ps_and_version_answers(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    for path in ("/api/version", "/api/ps"):
        server.fail_next(Status(404, "404 page not found"), path=path)
    (state,) = await analyzer.states()
    assert (state.answers, state.detail, state.loaded) == (True, "", ())


async def test_a_server_that_is_no_ollama_is_told_so(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    server.fail_next(Status(404, "<html>Not Found</html>"))
    (state,) = await analyzer.states()
    assert not state.answers
    assert "Not Found" in state.detail
    assert server.url in state.hint


async def test_a_stopped_server_is_told_so(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    await server.stop()
    (state,) = await analyzer.states()
    assert not state.answers
    assert state.hint == "Start it with: ollama serve"


# Pulling.


async def test_pulling_tells_how_far_it_is(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    server.models.clear()
    told: list[tuple[str, int, int]] = []
    await analyzer.pull("bge-m3", lambda *part: told.append(part))
    assert told[0] == ("pulling manifest", 0, 0)
    assert [done for _, done, total in told if total] == [0, 1000, 2000, 3000]
    assert told[-1] == ("success", 0, 0)
    assert server.models == ["bge-m3:latest"]
    assert (await analyzer.embed_query("a cat")).shape == (8,)


async def test_what_is_there_is_not_pulled(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    await analyzer.pull("bge-m3", lambda *_: None)
    assert server.count("/api/pull") == 0


async def test_pulling_can_be_cancelled(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    server.models.clear()
    server.fail_next(Stall(after=3), path="/api/pull")
    third = asyncio.Event()
    pulling = asyncio.ensure_future(analyzer.pull("bge-m3", lambda _, done, __: third.set() if done else None))
    await asyncio.wait_for(third.wait(), 60)
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    await server.wait_for(lambda server: server.left == 1)
    assert not server.models


async def test_a_model_that_does_not_exist_cannot_be_pulled(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    with pytest.raises(AnalyzerError, match="file does not exist") as raised:
        await analyzer.pull("no-such-model", lambda *_: None)
    assert raised.value.kind is ErrorKind.PERMANENT
    assert "ollama.com/library" in raised.value.hint
    assert not raised.value.missing_model


async def test_an_error_while_pulling_is_told(server: FakeOllama, analyzer: OllamaAnalyzer) -> None:
    server.models.clear()
    server.fail_next(ErrorLine("max retries exceeded: no space left on device", after=2), path="/api/pull")
    with pytest.raises(AnalyzerError, match="no space left on device"):
        await analyzer.pull("bge-m3", lambda *_: None)
    server.fail_next(Drop(after=2), path="/api/pull")
    with pytest.raises(ServerDownError):
        await analyzer.pull("bge-m3", lambda *_: None)
    await server.stop()
    with pytest.raises(ServerDownError):
        await analyzer.pull("bge-m3", lambda *_: None)


# Several hosts.


async def test_work_is_spread_over_the_hosts() -> None:
    async with FakeOllama(stepwise=True) as one, FakeOllama(stepwise=True) as two:
        analyzer = ollama(f"{one.url} limit=2", f"{two.url} limit=2")
        describing = [asyncio.ensure_future(analyzer.describe_image(picture())) for _ in range(4)]
        for server in (one, two):
            await server.wait_for(lambda server: server.running == 2)
            server.release(1000)
        assert [description.text for description in await asyncio.gather(*describing)] == [TEXT] * 4
        assert one.most_running == two.most_running == 2
        await analyzer.close()


async def test_a_host_that_is_down_costs_nothing() -> None:
    async with FakeOllama() as one, FakeOllama() as two:
        analyzer = ollama(one, two)
        one.fail_next(Drop())
        assert (await analyzer.describe_image(picture())).text == TEXT
        await one.stop()
        assert (await analyzer.describe_image(picture())).text == TEXT
        states = await analyzer.states()
        assert [state.answers for state in states] == [False, True]
        assert two.count("/api/chat") == 2
        await two.stop()
        with pytest.raises(ServerDownError) as raised:
            await analyzer.describe_image(picture())
        assert one.url in raised.value.server
        assert two.url in raised.value.server
        await one.start()
        assert (await analyzer.describe_image(picture())).text == TEXT
        await analyzer.close()


async def test_a_text_that_has_begun_is_not_begun_elsewhere() -> None:
    async with FakeOllama() as one, FakeOllama() as two:
        analyzer = ollama(one, two)
        one.fail_next(Drop(after=2))
        with pytest.raises(ServerDownError):
            await analyzer.describe_image(picture())
        assert two.count("/api/chat") == 0
        await analyzer.close()


async def test_a_host_without_the_model_is_passed_over_and_pulls_it() -> None:
    async with FakeOllama(models=[]) as one, FakeOllama() as two:
        analyzer = ollama(one, two)
        assert (await analyzer.embed_query("a cat")).shape == (8,)
        assert two.count("/api/embed") == 1
        missing = [state.missing for state in await analyzer.states()]
        assert missing == [("qwen2.5vl:3b", "bge-m3"), ()]
        await analyzer.pull("bge-m3", lambda *_: None)
        assert (one.models, two.count("/api/pull")) == (["bge-m3:latest"], 0)
        await analyzer.close()


def test_a_wrong_host_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'gpu:port'"):
        ollama("good,gpu:port")


async def test_all_hosts_have_a_state() -> None:
    states: list[ServerState] = await ollama("127.0.0.1:9", "127.0.0.1:10").states()
    assert [(state.server, state.answers) for state in states] == [
        ("Ollama at http://127.0.0.1:9", False),
        ("Ollama at http://127.0.0.1:10", False),
    ]
