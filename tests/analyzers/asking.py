"""Shared by the tests of both remote analyzers."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image

from tests.doubles import ThreadCompute
from tests.servers import FakeOllama, FakeOpenAI, FakeServer
from vuemantics_tui.analyzers.failures import Secret
from vuemantics_tui.analyzers.ollama import OllamaAnalyzer, OllamaOptions
from vuemantics_tui.analyzers.openai import OpenAIAnalyzer, OpenAIOptions
from vuemantics_tui.analyzers.remote import RemoteAnalyzer

KEY = "sk-proj-0123456789abcdef"
MAX_PIXELS = 10**8
TEXT = "A tabby cat rests on a red sofa beside a window, and the light of the afternoon is warm."


def ollama(*servers: FakeOllama | str, **options: Any) -> OllamaAnalyzer:
    """Return an analyzer for these servers."""
    hosts = ",".join(server if isinstance(server, str) else server.url for server in servers)
    return OllamaAnalyzer(OllamaOptions(hosts=hosts, **options), ThreadCompute(), MAX_PIXELS)


def openai(server: FakeOpenAI | str, **options: Any) -> OpenAIAnalyzer:
    """Return an analyzer for this server, with KEY."""
    url = server if isinstance(server, str) else server.url
    chosen = {"vision_model": "qwen2.5-vl", "embedding_model": "bge-m3", "key": Secret(KEY), **options}
    return OpenAIAnalyzer(OpenAIOptions(base_url=url, **chosen), ThreadCompute(), MAX_PIXELS)


def analyzer_for(server: FakeServer, **options: Any) -> RemoteAnalyzer:
    """Return an analyzer of the server's kind."""
    if isinstance(server, FakeOllama):
        return ollama(server, **options)
    assert isinstance(server, FakeOpenAI)
    return openai(server, **options)


def picture(colour: tuple[int, int, int] = (200, 30, 30), size: tuple[int, int] = (300, 200)) -> bytes:
    """Return a PNG of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


def opened(data: str) -> Image.Image:
    """Open a picture given in base64."""
    return Image.open(io.BytesIO(base64.b64decode(data)))
