"""What holds for both protocols: streaming, clips, long texts, cancelling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.analyzers.asking import TEXT, analyzer_for, ollama, openai, picture
from tests.servers import FakeOllama, FakeOpenAI, FakeServer, Raw, Stall
from vuemantics_tui.analyzers.base import Analyzer
from vuemantics_tui.analyzers.ollama import OllamaOptions
from vuemantics_tui.analyzers.remote import RemoteAnalyzer
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, MediaError, UsageError
from vuemantics_tui.domain.prompts import Prompts

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


def test_it_is_an_analyzer() -> None:
    for made in (ollama("gpu"), openai("http://gpu")):
        whole: Analyzer = made
        assert whole.name in ("ollama", "openai")
        assert not whole.deterministic
    assert ollama("gpu", temperature=0).deterministic


async def test_a_picture_is_described(analyzer: RemoteAnalyzer, photos: Path) -> None:
    description = await analyzer.describe_image(photos / "chelsea.png")
    assert description.text == TEXT
    assert description.tags == ("cat", "sofa", "window")
    assert (description.analyzer, description.model) == (analyzer.name, analyzer.model)


async def test_the_text_arrives_piece_by_piece(server: FakeServer) -> None:
    server.stepwise = True
    server.text = "A cat <|sleeps|> here.\nTags: cat"
    analyzer = analyzer_for(server)
    texts: asyncio.Queue[str] = asyncio.Queue()
    describing = asyncio.ensure_future(analyzer.describe_image(picture(), texts.put_nowait))
    if server.generating.startswith("/v1"):
        server.release()  # The part that only says who speaks.
    for so_far in ("A", "A cat", "A cat <|sleeps|>", "A cat <|sleeps|> here."):
        assert texts.empty()
        server.release()
        assert await asyncio.wait_for(texts.get(), 60) == so_far
    assert not describing.done()
    server.release(9)
    description = await describing
    assert texts.empty()
    assert (description.text, description.tags) == ("A cat <|sleeps|> here.", ("cat",))
    await analyzer.close()


async def test_thoughts_are_no_description(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.answers.extend(["<think>A dog? No.</think> A cat.", "<think>I think for ever"])
    seen: list[str] = []
    assert (await analyzer.describe_image(picture(), seen.append)).text == "A cat."
    assert seen[-1] == "A cat."
    with pytest.raises(AnalyzerError, match="returned no description") as raised:
        await analyzer.describe_image(picture())
    assert "thinks" in raised.value.hint


async def test_a_clip_is_summed_up_from_its_frames(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.answers.extend(["It sleeps.", "It wakes. Tags: cat", "It looks out."])
    frames: list[tuple[int, int]] = []
    texts: list[str] = []

    def on_frame(number: int, count: int) -> None:
        frames.append((number, count))
        texts.append(f"-- {number}")

    clip = await analyzer.describe_video([picture()] * 3, on_frame, texts.append)
    assert frames == [(1, 3), (2, 3), (3, 3)]
    assert clip.text == "A cat sleeps on a sofa, wakes and looks out of the window into the garden."
    assert clip.tags == ("cat", "sofa", "waking")
    assert texts[:3] == ["-- 1", "It", "It sleeps."]
    assert texts[-1] == clip.text
    *asked, summary = [str(request.body) for request in server.requests]
    assert all(f"frame {number} of 3" in body for number, body in enumerate(asked, 1))
    assert all(f"Frame {number}: {text}" in summary for number, text in enumerate(("It sleeps.", "It wakes."), 1))
    assert "Frame 3: It looks out." in summary
    assert "image_url" not in summary
    assert "images" not in summary


async def test_a_single_frame_needs_no_summary(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    frames: list[tuple[int, int]] = []
    clip = await analyzer.describe_video([picture()], lambda *frame: frames.append(frame))
    assert frames == [(1, 1)]
    assert (clip.text, clip.tags[0]) == (TEXT, "cat")
    assert len(server.requests) == 1


async def test_a_clip_without_frames_is_a_media_error(analyzer: RemoteAnalyzer) -> None:
    with pytest.raises(MediaError, match="no frame"):
        await analyzer.describe_video([], lambda *_: None)


async def test_a_broken_picture_is_a_media_error(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    with pytest.raises(MediaError):
        await analyzer.describe_image(b"\xff\xd8\xff\xe0 nothing")
    assert not server.requests


async def test_the_prompt_is_the_setting(server: FakeServer) -> None:
    analyzer = analyzer_for(server, prompts=Prompts(image="Was ist das?", language="German"))
    await analyzer.describe_image(picture())
    assert "Was ist das?\\n\\nWrite in German." in str(server.requests[0].body)
    await analyzer.close()


async def test_vectors_have_length_one(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    vector = await analyzer.embed_document("a cat on a sofa", {"ignored": 1.0})
    assert vector.shape == (8,)
    assert vector.dtype == np.dtype(np.float32)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert np.linalg.norm(server.vector_of("a cat on a sofa")) > 1.5
    np.testing.assert_array_equal(vector, await analyzer.embed_query("a cat on a sofa"))


async def test_a_long_text_is_embedded_in_pieces(server: FakeServer) -> None:
    analyzer = analyzer_for(server, max_text_characters=200)
    text = (SENTENCE * 10).strip()
    vector = await analyzer.embed_document(text, {})
    pieces = [request.body["input"] for request in server.requests]
    assert "".join(pieces) == text
    assert len(pieces) == 3
    mean = np.mean([unit(server, piece) for piece in pieces], axis=0)
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-6)
    await analyzer.close()


async def test_a_text_over_the_models_context_is_halved(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.context = 600
    text = (SENTENCE * 50).strip()
    vector = await analyzer.embed_document(text, {})
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    taken = [body["input"] for body in server.bodies("") if len(body["input"]) <= 600]
    assert "".join(taken) == text


async def test_a_text_that_is_too_long_however_short_is_given_up(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.context = 10
    with pytest.raises(AnalyzerError) as raised:
        await analyzer.embed_document(SENTENCE * 50, {})
    assert raised.value.kind is ErrorKind.PERMANENT
    assert "longer context" in raised.value.hint
    assert len(server.requests) < 10


async def test_not_a_number_is_tried_once_with_half_of_the_text(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.bad_words = ("poison",)
    vector = await analyzer.embed_document("a good text and then poison", {})
    np.testing.assert_allclose(vector, unit(server, "a good text"), atol=1e-6)
    assert [body["input"] for body in server.bodies("")] == ["a good text and then poison", "a good text"]
    with pytest.raises(AnalyzerError, match="NaN") as raised:
        await analyzer.embed_document("poison at the beginning and the end", {})
    assert raised.value.kind is ErrorKind.PERMANENT
    assert "by hand" in raised.value.hint
    assert len(server.requests) == 4


async def test_zeros_and_infinities_are_not_numbers_either(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    for values in ("[0.0, 0.0]", "[NaN, 1.0]", "[Infinity, 1.0]", "[null, 1.0]"):
        body = f'{{"embeddings": [{values}], "data": [{{"embedding": {values}}}]}}'
        server.fail_next(Raw((body.encode(),)), times=2)
        with pytest.raises(AnalyzerError, match="NaN") as raised:
            await analyzer.embed_query("two words")
        assert raised.value.kind is ErrorKind.PERMANENT
    assert len(server.requests) == 8


async def test_no_text_is_not_sent(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    with pytest.raises(AnalyzerError, match="no text"):
        await analyzer.embed_query("  ")
    assert not server.requests


async def test_without_a_model_a_setting_is_named() -> None:
    analyzer = openai("http://gpu", vision_model="", embedding_model="")
    with pytest.raises(AnalyzerError) as raised:
        await analyzer.describe_image(picture())
    assert raised.value.hint == "Set openai_vision_model."
    with pytest.raises(AnalyzerError) as raised:
        await analyzer.embed_query("cat")
    assert raised.value.hint == "Set openai_embedding_model."


@pytest.mark.parametrize(
    "wrong", [{"num_predict": 0}, {"temperature": 3}, {"long_side": 20}, {"max_text_characters": 0}]
)
def test_a_setting_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        ollama("gpu", **wrong)


async def test_a_proxy_is_not_asked_for_what_runs_here(
    server: FakeServer, analyzer: RemoteAnalyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert (await analyzer.embed_query("cat")).shape == (8,)


async def test_cancelling_closes_the_connection_at_once(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    for after, path in ((None, ""), (2, ""), (None, "embed")):
        server.fail_next(Stall(after))
        left = server.left
        begun = len(server.requests)
        call = analyzer.embed_query("cat") if path else analyzer.describe_image(picture())
        task = asyncio.ensure_future(call)
        await server.wait_for(lambda server, begun=begun: len(server.requests) > begun)  # type: ignore[misc]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.wait_for(lambda server, left=left: server.left == left + 1)  # type: ignore[misc]
        assert server.running == 0
    assert (await analyzer.describe_image(picture())).text == TEXT


async def test_a_callers_error_ends_the_request(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    server.fail_next(Stall(after=2))

    def fail(text: str) -> None:
        raise LookupError(text)

    with pytest.raises(LookupError, match="A"):
        await analyzer.describe_image(picture(), fail)
    await server.wait_for(lambda server: server.left == 1)


async def test_connections_are_used_again(server: FakeServer, analyzer: RemoteAnalyzer) -> None:
    for _ in range(3):
        await analyzer.embed_query("cat")
    assert len(server.connections) == 1


def unit(server: FakeServer, text: str) -> NDArray[np.float64]:
    vector = np.asarray(server.vector_of(text), np.float64)
    return np.asarray(vector / np.linalg.norm(vector), np.float64)


@pytest.mark.parametrize(
    ("model", "multiple"),
    [
        ("qwen2.5vl:3b", 28),
        ("Qwen/Qwen2.5-VL-7B-Instruct", 28),
        ("hf.co/unsloth/Qwen2.5-VL-7B-Instruct-GGUF:Q4_K_M", 28),
        ("qwen2-vl", 28),
        ("qwen3-vl:8b", 32),
        ("mistral-small3.1", 28),
        ("mistralai/Pixtral-12B-2409", 16),
        ("llava:13b", 1),
        ("gemma3:4b", 1),
        ("", 1),
    ],
)
def test_the_family_of_a_model_decides_the_sides_of_its_pictures(model: str, multiple: int) -> None:
    assert OllamaOptions(vision_model=model).multiple == multiple
    assert OllamaOptions(vision_model=model, multiple=14).multiple == 14
