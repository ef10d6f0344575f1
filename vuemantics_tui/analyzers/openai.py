"""Servers with the OpenAI API: llama.cpp, vLLM, LM Studio, a cloud."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import time
from contextlib import aclosing
from dataclasses import dataclass, field

import numpy as np

from vuemantics_tui.analyzers import failures
from vuemantics_tui.analyzers.base import Compute, ServerState
from vuemantics_tui.analyzers.failures import Peer, Purpose, RefusedError, Request, Secret, read_key
from vuemantics_tui.analyzers.hosts import Address, Host, Lanes, parse_addresses
from vuemantics_tui.analyzers.registry import AnalyzerContext
from vuemantics_tui.analyzers.remote import (
    LOOK_SECONDS,
    GrowingAnswer,
    Question,
    RemoteAnalyzer,
    RemoteOptions,
    grow,
    shared_options,
)
from vuemantics_tui.analyzers.wire import EventReader, RemoteServer, parse_json
from vuemantics_tui.domain.errors import AnalyzerError, UsageError

KEY_HINT = "Set OPENAI_API_KEY, or write the key into the file that openai_key_file names."

_URL = re.compile(r"https?://(\[[0-9a-f:.]+\]|[\w.-]+)(:\d{1,5})?(/[^\s?#\\]*)?", re.IGNORECASE)
_VERSION = re.compile(r"/v\d+[a-z0-9]*(/|$)")
_END = "[DONE]"
_ENDPOINTS = ("/chat/completions", "/embeddings", "/models", "/completions")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIOptions(RemoteOptions):
    """The options of OpenAI-compatible servers: `base_url` of each with or without /v1, separated by commas.

    Without a `key`, none is sent; every server gets the same.
    """

    base_url: str
    key: Secret = field(default_factory=Secret)


class OpenAIAnalyzer(RemoteAnalyzer):
    """An Analyzer that uses one or more OpenAI-compatible servers. Raises UsageError for an invalid address."""

    name = "openai"

    def __init__(self, options: OpenAIOptions, compute: Compute, max_pixels: int) -> None:
        super().__init__(options, compute, max_pixels)
        hosts = [
            Host(RemoteServer(_peer(address.url, options.key), options.time_limits), address.limit, address.weight)
            for address in parse_base_urls(options.base_url)
        ]
        self._lanes = Lanes(hosts, options.describe_limit, options.embed_limit, _look)
        # Parameters that a server rejected: OpenAI's newer models need other names and no temperature.
        self._unwanted: dict[str, set[str]] = {host.server.peer.url: set() for host in hosts}

    async def states(self) -> list[ServerState]:
        """Check all hosts at once: available and missing models."""
        return self._lanes.loaded(await asyncio.gather(*(self._state(server) for server in self._lanes.servers)))

    async def _state(self, server: RemoteServer) -> ServerState:
        peer = server.peer
        begun = time.monotonic()
        try:
            answer = await server.get("/models", Request(peer), LOOK_SECONDS)
        except AnalyzerError as error:
            return ServerState(peer.name, False, error.message, error.hint, seconds=time.monotonic() - begun)
        seconds = time.monotonic() - begun
        models = answer.get("data") if isinstance(answer, dict) else None
        models = [model for model in models if isinstance(model, dict)] if isinstance(models, list) else []
        names = tuple(str(model["id"]) for model in models if "id" in model)
        owners = {str(model.get("owned_by", "")) for model in models}
        wanted = dict.fromkeys(model for model in (self.model, self.embedding_model) if model)
        # A llama.cpp server with one model uses it whatever model name is requested.
        takes_any = len(names) == 1 and owners == {"llamacpp"}
        missing = () if takes_any else tuple(model for model in wanted if model not in names)
        owner = ", ".join(sorted(owners - {""}))
        return ServerState(peer.name, True, owner, models=names, missing=missing, seconds=seconds)

    async def close(self) -> None:
        """Close all connections without waiting for running calls."""
        await self._lanes.close()

    async def _ask(self, question: Question, answer: GrowingAnswer) -> None:
        content: str | list[dict[str, object]] = question.prompt
        if question.pictures:
            content = [{"type": "text", "text": question.prompt}, *map(_image_part, question.pictures)]

        async def ask(server: RemoteServer) -> None:
            unwanted = self._unwanted[server.peer.url]
            while True:
                body: dict[str, object] = {
                    "model": self.model,
                    "messages": [{"role": "user", "content": content}],
                    "stream": True,
                    "max_completion_tokens" if "max_tokens" in unwanted else "max_tokens": question.most_tokens,
                }
                if "temperature" not in unwanted:
                    body["temperature"] = self._options.temperature
                try:
                    return await self._chat(server, body, answer)
                except RefusedError as error:
                    refused = {name for name in ("max_tokens", "temperature") if name in error.said} - unwanted
                    if not refused:
                        raise
                    unwanted |= refused

        await self._lanes.describe.run(ask, lambda: bool(answer.whole))

    async def _chat(self, server: RemoteServer, body: dict[str, object], answer: GrowingAnswer) -> None:
        request = Request(server.peer, self.model, Purpose.DESCRIBE)
        reader = EventReader()
        async with aclosing(server.lines("/chat/completions", request, body)) as lines:
            async for line in lines:
                try:
                    events = reader.feed(line)
                except ValueError as error:
                    raise failures.malformed(request, f"it sent {error}") from error
                if _took_last(events, answer, request):
                    return
        rest = reader.end()
        if not _took_last(rest, answer, request):
            if rest and not reader.is_stream:
                raise failures.malformed(request, "its answer contains no text", rest[0])
            raise failures.down(server.peer, "dropped the connection in the middle of an answer")

    async def _embedding(self, text: str, *, urgent: bool) -> tuple[Request, object]:
        body = {"model": self.embedding_model, "input": text, "encoding_format": "float"}

        async def embed(server: RemoteServer) -> tuple[Request, object]:
            request = Request(server.peer, self.embedding_model, Purpose.EMBED)
            answer = await server.post("/embeddings", request, body)
            data = answer.get("data") if isinstance(answer, dict) else None
            if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
                raise failures.malformed(request, "its answer contains no embedding")
            values: object = data[0].get("embedding")
            if isinstance(values, str):
                # Some servers always send little-endian float32 in base64.
                try:
                    values = np.frombuffer(base64.b64decode(values, validate=True), "<f4")
                except (binascii.Error, ValueError) as error:
                    raise failures.malformed(request, "its embedding is not a list of numbers") from error
            return request, values

        return await self._lanes.embed.run(embed, urgent=urgent)


def make(context: AnalyzerContext) -> OpenAIAnalyzer:
    """Make an analyzer that uses the server in the settings; reads the key file. Raises UsageError."""
    settings = context.settings
    if not settings.openai_base_url:
        raise UsageError(
            "The analyzer openai needs to know where its server is",
            "Set openai_base_url, as http://127.0.0.1:8080/v1, with openai_vision_model and openai_embedding_model; "
            "or change with: vuemantics-tui analyzer builtin",
        )
    options = OpenAIOptions(
        **shared_options(settings),
        base_url=settings.openai_base_url,
        vision_model=settings.openai_vision_model if context.describes else "",
        embedding_model=settings.openai_embedding_model if context.embeds else "",
        key=read_key(settings.openai_key_file),
    )
    return OpenAIAnalyzer(options, context.compute, settings.limits.max_pixels)


def _peer(url: str, key: Secret) -> Peer:
    return Peer(
        f"OpenAI API at {url}",
        url,
        down_hint="Start the server there, or correct openai_base_url in the settings.",
        missing_hint="Choose a model that the server has, or load this one there: {model}",
        denied_hint=KEY_HINT,
        secret=key,
    )


async def _look(server: RemoteServer) -> None:
    """Raise AnalyzerError if a server does not answer."""
    await server.get("/models", Request(server.peer), LOOK_SECONDS)


def parse_base_urls(text: str) -> tuple[Address, ...]:
    """Return the addresses of one or more servers, separated by commas, with their options. Raises UsageError."""
    return (
        parse_addresses(text, "openai_base_url", parse_base_url) if text.strip() else (Address(parse_base_url(text)),)
    )


def parse_base_url(text: str) -> str:
    """Return the address with its version, such as `http://127.0.0.1:8080/v1`, without a trailing slash.

    Adds /v1 if the path names no version, and cuts off the path of an endpoint. Raises UsageError unless it is an http
    or https address.
    """
    url = text.strip().rstrip("/")
    if "@" in url:
        # Not shown: the text before the @ is often a password.
        raise UsageError(
            "The address of the OpenAI API contains a user name or password", f"Write it without. {KEY_HINT}"
        )
    port = re.search(r":(\d+)(/|$)", url)
    if not _URL.fullmatch(url) or (port and not 0 < int(port[1]) <= 65535):
        raise UsageError(
            f"The address of the OpenAI API is {text!r}", "Write it as http://127.0.0.1:8080/v1 or https://host/v1."
        )
    for endpoint in _ENDPOINTS:
        url = url.removesuffix(endpoint)
    path = url.partition("://")[2].partition("/")[2]
    return url if _VERSION.search(f"/{path}") else f"{url}/v1"


def _image_part(picture: bytes) -> dict[str, object]:
    data = base64.b64encode(picture).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}


def _objects(request: Request, data: str) -> list[dict[str, object]]:
    """Return the JSON of an event, or of several if a server forgets the empty line between them."""
    try:
        json.loads(data)
        texts = [data]
    except ValueError:
        texts = [line for line in data.split("\n") if line.strip() not in ("", _END)]
    values = [parse_json(request, text) for text in texts]
    objects = [value for value in values if isinstance(value, dict)]
    if len(objects) < len(values):
        raise failures.malformed(request, "its answer is not a JSON object", data)
    return objects


def _took_last(events: list[str], answer: GrowingAnswer, request: Request) -> bool:
    """Add events to an answer; return whether the last relevant one was among them. Raises AnalyzerError."""
    for data in events:
        ended = _END in data.split("\n")
        if any(_take(part, answer, request) for part in _objects(request, data)) or ended:
            return True
    return False


def _take(part: dict[str, object], answer: GrowingAnswer, request: Request) -> bool:
    """Add a part of an answer, or a whole one; return whether it was the last relevant one."""
    choices = part.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return False
    choice = choices[0]
    whole = choice.get("message")
    said = whole if isinstance(whole, dict) else choice.get("delta")
    content = said.get("content") if isinstance(said, dict) else choice.get("text")
    if isinstance(content, str):
        grow(answer, content, request)
    return isinstance(whole, dict) or choice.get("finish_reason") is not None
