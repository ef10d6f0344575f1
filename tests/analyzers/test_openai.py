"""What is the OpenAI API's own: addresses, keys, events, and the dialects of its servers."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.analyzers.asking import KEY, TEXT, openai, opened, picture
from tests.servers import FakeOpenAI, Raw, Status
from vuemantics_tui.analyzers.failures import Secret
from vuemantics_tui.analyzers.openai import OpenAIAnalyzer, parse_base_url
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, ServerDownError, UsageError


@pytest.fixture
async def server() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI(key=KEY) as opened_server:
        yield opened_server


@pytest.fixture
async def analyzer(server: FakeOpenAI) -> AsyncIterator[OpenAIAnalyzer]:
    made = openai(server)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
        (" https://api.openai.com/v1 ", "https://api.openai.com/v1"),
        ("https://openrouter.ai/api", "https://openrouter.ai/api/v1"),
        ("https://host/v1/chat/completions", "https://host/v1"),
        ("https://host/v1beta/openai/", "https://host/v1beta/openai"),
        ("http://[::1]:8080", "http://[::1]:8080/v1"),
    ],
)
def test_addresses(text: str, url: str) -> None:
    assert parse_base_url(text) == url
    assert parse_base_url(url) == url


@pytest.mark.parametrize("text", ["", "host", "ftp://host", "http://", "http://host:0", "http://ho st", "http://h?q"])
def test_a_wrong_address_is_named(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        openai(text)
    assert repr(text) in raised.value.message
    assert "8080/v1" in raised.value.hint


def test_a_password_in_an_address_is_not_shown() -> None:
    with pytest.raises(UsageError) as raised:
        openai("https://me:hunter2@host")
    assert "hunter2" not in raised.value.message + raised.value.hint


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(f" {KEY}\n")
    assert secret
    assert not Secret()
    assert secret.reveal() == KEY
    assert KEY not in f"{secret} {secret!r} {[secret]} {secret!s:>40}"
    assert secret == Secret(KEY)
    assert len({secret, Secret(KEY)}) == 1
    assert secret.redact(f"wrong: {KEY}!") == "wrong: ***!"
    with pytest.raises(TypeError, match="not written"):
        pickle.dumps(secret)


@pytest.mark.parametrize("text", ["two words", "a\nb", "schlüssel", "\x00"])
def test_a_key_that_fits_no_header_is_refused_unseen(text: str) -> None:
    with pytest.raises(UsageError, match="API key") as raised:
        Secret(text)
    assert text not in raised.value.message + raised.value.hint


async def test_what_is_asked_of_a_picture(server: FakeOpenAI, analyzer: OpenAIAnalyzer) -> None:
    assert (await analyzer.describe_image(picture())).text == TEXT
    (body,) = server.bodies("/v1/chat/completions")
    (message,) = body.pop("messages")
    assert body == {"model": "qwen2.5-vl", "stream": True, "max_tokens": 512, "temperature": 0.3}
    words, image = message["content"]
    assert "English" in words["text"]
    shown = opened(image["image_url"]["url"].removeprefix("data:image/jpeg;base64,"))
    assert (shown.format, shown.size) == ("JPEG", (308, 196))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_without_a_key_none_is_sent() -> None:
    async with FakeOpenAI() as server:
        analyzer = openai(f"{server.url}/v1", key=Secret())
        await analyzer.embed_query("a cat")
        assert "authorization" not in server.requests[0].headers
        await analyzer.close()


async def test_a_wrong_key_hints_at_where_it_comes_from(server: FakeOpenAI) -> None:
    analyzer = openai(server, key=Secret("sk-another"))
    with pytest.raises(AnalyzerError, match="Invalid API Key") as raised:
        await analyzer.describe_image(picture())
    assert "OPENAI_API_KEY" in raised.value.hint
    (state,) = await analyzer.states()
    assert not state.answers
    assert "OPENAI_API_KEY" in state.hint
    await analyzer.close()


async def test_a_server_that_does_not_stream_is_understood(server: FakeOpenAI, analyzer: OpenAIAnalyzer) -> None:
    server.streams = False
    seen: list[str] = []
    description = await analyzer.describe_image(picture(), seen.append)
    assert (description.text, description.tags) == (TEXT, ("cat", "sofa", "window"))
    assert seen == [TEXT]
    whole = {"choices": [{"message": {"content": "A cat."}}], "error": None}
    server.fail_next(Raw((json.dumps(whole, indent=2).encode(),), "text/event-stream"))
    assert (await analyzer.describe_image(picture())).text == "A cat."


@pytest.mark.parametrize("as_base64", [True, False])
async def test_vectors_as_floats_and_in_base64(server: FakeOpenAI, analyzer: OpenAIAnalyzer, as_base64: bool) -> None:
    server.as_base64 = as_base64
    vector = await analyzer.embed_query("a cat")
    expected = np.asarray(server.vector_of("a cat"))
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-6)
    assert server.bodies("/v1/embeddings") == [{"model": "bge-m3", "input": "a cat", "encoding_format": "float"}]


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        ('data: {"choices":[{"delta":{"reasoning_content":"A dog?"}}]}\n\ndata: {"choices":[{"delta":{"content":'
         '"A cat."}}]}\n\ndata: [DONE]\n\n', "A cat."),
        ('data: {"choices":[{"delta":{"content":"A cat."},"finish_reason":"stop"}]}\n\n', "A cat."),
        ('data:{"choices":[{"delta":{"content":"A "}}]}\ndata:{"choices":[{"delta":{"content":"cat."}}]}\n'
         "data:[DONE]\n", "A cat."),
        (': hi\r\n\r\nevent: message\r\ndata: {"choices":[{"delta":{"content":"A cat.\u2028"}}]}\r\n\r\n'
         'data: {"choices":[],"usage":{}}\r\n\r\ndata: [DONE]\r\n\r\n', "A cat."),
        ('data: {"choices":[{"delta":{"content":"A <|x|> cat."}}]}\n\ndata: [DONE]', "A <|x|> cat."),
    ],
)  # fmt: skip
async def test_dialects_of_events(server: FakeOpenAI, analyzer: OpenAIAnalyzer, stream: str, text: str) -> None:
    data = stream.encode()
    for size in (1, 7, len(data)):
        chunks = tuple(data[start : start + size] for start in range(0, len(data), size))
        server.fail_next(Raw(chunks, "text/event-stream"))
        assert (await analyzer.describe_image(picture())).text == text


async def test_events_without_an_end_are_a_dropped_connection(server: FakeOpenAI, analyzer: OpenAIAnalyzer) -> None:
    server.fail_next(Raw((b'data: {"choices":[{"delta":{"content":"A cat"}}]}\n\n',), "text/event-stream"))
    with pytest.raises(ServerDownError, match="in the middle"):
        await analyzer.describe_image(picture())


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "The model `qwen2.5-vl` does not exist.", "type": "NotFoundError", "code": 404}},
        {"object": "error", "message": "The model `qwen2.5-vl` does not exist.", "type": "NotFoundError", "code": 404},
        {"error": {"message": "No models loaded. Please load a model.", "code": "model_not_found", "param": "model"}},
        {"error": "Model 'qwen2.5-vl' not found"},
        {"detail": "Model qwen2.5-vl not found"},
    ],
)
@pytest.mark.parametrize("code", [404, 400, 200])
async def test_words_for_a_missing_model(
    server: FakeOpenAI, analyzer: OpenAIAnalyzer, body: dict[str, object], code: int
) -> None:
    server.fail_next(Status(code, body))
    with pytest.raises(AnalyzerError, match=r"(?i)models? .*(exist|loaded|not found)") as raised:
        await analyzer.describe_image(picture())
    assert raised.value.kind is ErrorKind.PERMANENT
    assert "qwen2.5-vl" in raised.value.hint
    # Only Ollama can be told to fetch it.
    assert not raised.value.missing_model


async def test_lm_studio_says_200_to_a_wrong_path(server: FakeOpenAI, analyzer: OpenAIAnalyzer) -> None:
    error = "Unexpected endpoint or method. (POST /v1/v1/chat/completions)"
    server.fail_next(Status(200, {"error": error}), times=2)
    for call in (analyzer.describe_image(picture()), analyzer.embed_query("a cat")):
        with pytest.raises(AnalyzerError, match="Unexpected endpoint") as raised:
            await call
        assert raised.value.kind is ErrorKind.PERMANENT
        assert server.url in raised.value.hint


async def test_another_error_with_200_may_pass(server: FakeOpenAI, analyzer: OpenAIAnalyzer) -> None:
    server.fail_next(Status(200, {"error": "The model has crashed without additional information."}))
    with pytest.raises(AnalyzerError, match="crashed") as raised:
        await analyzer.describe_image(picture())
    assert raised.value.kind is ErrorKind.TRANSIENT


async def test_a_field_named_error_is_one(server: FakeOpenAI, analyzer: OpenAIAnalyzer) -> None:
    event = b'data: {"choices":[{"delta":{"content":"A"}}]}\n\nerror: {"error":{"code":500,"message":"boom"}}\n\n'
    server.fail_next(Raw((event,), "text/event-stream"))
    with pytest.raises(AnalyzerError, match=r"boom \(HTTP 500\)"):
        await analyzer.describe_image(picture())


async def test_a_used_up_account_is_permanent(server: FakeOpenAI, analyzer: OpenAIAnalyzer) -> None:
    error = {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}
    server.fail_next(Status(429, {"error": error}))
    with pytest.raises(AnalyzerError, match="quota") as raised:
        await analyzer.embed_query("a cat")
    assert raised.value.kind is ErrorKind.PERMANENT
    assert "account" in raised.value.hint


async def test_newer_models_get_the_names_they_want(server: FakeOpenAI, analyzer: OpenAIAnalyzer) -> None:
    server.fail_next(
        Status(400, {"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'."}}),
        Status(400, {"error": {"message": "Unsupported value: 'temperature' does not support 0.3"}}),
    )
    for _ in range(2):
        assert (await analyzer.describe_image(picture())).text == TEXT
    bodies = server.bodies("/v1/chat/completions")
    assert len(bodies) == 4
    for body in bodies[2:]:
        assert body["max_completion_tokens"] == 512
        assert not {"max_tokens", "temperature"} & set(body)


async def test_a_refused_value_is_not_asked_for_ever(server: FakeOpenAI, analyzer: OpenAIAnalyzer) -> None:
    server.fail_next(Status(400, {"error": {"message": "temperature and max_tokens are wrong"}}), times=2)
    with pytest.raises(AnalyzerError, match="are wrong"):
        await analyzer.describe_image(picture())
    assert len(server.requests) == 2


# The server's state.


async def test_the_state_of_a_server(server: FakeOpenAI) -> None:
    analyzer = openai(server, embedding_model="another")
    (state,) = await analyzer.states()
    assert state.answers
    assert state.server == f"OpenAI API at {server.url}/v1"
    assert state.models == ("qwen2.5-vl", "bge-m3")
    assert state.missing == ("another",)
    assert state.detail == "vllm"
    assert state.seconds > 0
    await analyzer.close()


async def test_a_llama_cpp_with_one_model_lacks_none(server: FakeOpenAI, analyzer: OpenAIAnalyzer) -> None:
    server.models[:] = ["/models/some.gguf"]
    server.owner = "llamacpp"
    (state,) = await analyzer.states()
    assert state.missing == ()


async def test_a_stopped_server_is_told_so(server: FakeOpenAI, analyzer: OpenAIAnalyzer) -> None:
    await server.stop()
    (state,) = await analyzer.states()
    assert not state.answers
    assert "openai_base_url" in state.hint


def test_the_prompts_and_secrets_load_no_httpx() -> None:
    """Settings need both, and `--help` needs the settings."""
    program = (
        "import sys\n"
        "import vuemantics_tui.domain.prompts, vuemantics_tui.analyzers.failures\n"
        "print({'httpx', 'PIL', 'numpy'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
