"""Ollama, on this machine or others: https://docs.ollama.com/api."""

from __future__ import annotations

import asyncio
import base64
import math
import time
from contextlib import aclosing
from dataclasses import dataclass

from vuemantics_tui.analyzers import failures
from vuemantics_tui.analyzers.base import Compute, OnPulled, ServerState
from vuemantics_tui.analyzers.failures import Peer, Purpose, RefusedError, Request
from vuemantics_tui.analyzers.hosts import Host, Lanes, parse_hosts
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
from vuemantics_tui.analyzers.wire import RemoteServer, parse_json
from vuemantics_tui.domain.errors import AnalyzerError, ServerDownError

DEFAULT_HOST = "127.0.0.1:11434"
VISION_MODEL = "qwen2.5vl:3b"
EMBEDDING_MODEL = "bge-m3"

# Checking the sum of a model of many gigabytes takes minutes, in which Ollama says nothing.
PULL_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OllamaOptions(RemoteOptions):
    """The options of Ollama: `hosts` like OLLAMA_HOST, several separated by commas.

    `num_ctx` is the context length in tokens, `keep_alive` how long a model stays in memory: "5m", "300" (seconds),
    "-1" (always), "" (the server's default).
    """

    vision_model: str = VISION_MODEL
    embedding_model: str = EMBEDDING_MODEL
    hosts: str = DEFAULT_HOST
    num_ctx: int = 8192
    keep_alive: str = ""


class OllamaAnalyzer(RemoteAnalyzer):
    """An Analyzer that uses one or more Ollama servers. Raises UsageError for an invalid host."""

    name = "ollama"

    def __init__(self, options: OllamaOptions, compute: Compute, max_pixels: int) -> None:
        super().__init__(options, compute, max_pixels)
        self._ollama = options
        hosts = [
            Host(RemoteServer(_peer(address.url), options.time_limits), address.limit, address.weight)
            for address in parse_hosts(options.hosts)
        ]
        self._lanes = Lanes(hosts, options.describe_limit, options.embed_limit, _look)
        # The models that do not even take `think: false`.
        self._thinking_unknown: set[str] = set()

    @property
    def embedding_model(self) -> str:
        """The model that embeds, without the tag `latest`, which every name has that has no other."""
        return self._options.embedding_model.removesuffix(":latest")

    async def states(self) -> list[ServerState]:
        """Check all hosts at once: version, models, loaded and missing models."""
        return self._lanes.loaded(await asyncio.gather(*(self._state(server) for server in self._lanes.servers)))

    async def close(self) -> None:
        """Close all connections without waiting for running calls."""
        await self._lanes.close()

    async def pull(self, model: str, on_pulled: OnPulled) -> None:
        """Download `model` on every host that answers and lacks it, one after the other.

        Cancelling stops Ollama; what it has is kept for the next time. Raises AnalyzerError, ServerDownError if no host
        answers.
        """
        downs: list[ServerDownError] = []
        for server in self._lanes.servers:
            request = Request(server.peer, model, Purpose.PULL)
            try:
                present = _names(await server.get("/api/tags", request, LOOK_SECONDS))
            except ServerDownError as error:
                downs.append(error)
                continue
            if not _holds(present, model):
                await self._pull(server, request, on_pulled)
        if len(downs) == len(self._lanes.servers):
            raise downs[0]

    async def _pull(self, server: RemoteServer, request: Request, on_pulled: OnPulled) -> None:
        status = ""
        # `name` is what it was called before Ollama 0.4.
        body = {"model": request.model, "name": request.model, "stream": True}
        # The progress stream can last very long; none of it is kept.
        async with aclosing(server.lines("/api/pull", request, body, PULL_SECONDS, math.inf)) as lines:
            async for line in lines:
                if not line.strip():
                    continue
                part = _object(request, line)
                status = str(part.get("status") or "")
                on_pulled(status, _whole(part.get("completed")), _whole(part.get("total")))
        if status != "success":
            raise failures.down(server.peer, "dropped the connection while it fetched the model")

    async def _state(self, server: RemoteServer) -> ServerState:
        request = Request(server.peer)
        begun = time.monotonic()
        try:
            names = _names(await server.get("/api/tags", request, LOOK_SECONDS))
        except AnalyzerError as error:
            seconds = time.monotonic() - begun
            return ServerState(server.peer.name, False, error.message, error.hint, seconds=seconds)
        seconds = time.monotonic() - begun
        version, loaded = await asyncio.gather(_optional(server, "/api/version"), _optional(server, "/api/ps"))
        wanted = dict.fromkeys(model for model in (self.model, self._options.embedding_model) if model)
        number = version.get("version") if isinstance(version, dict) else None
        return ServerState(
            server.peer.name,
            True,
            f"version {number}" if number else "",
            models=names,
            loaded=_names(loaded),
            missing=tuple(model for model in wanted if not _holds(names, model)),
            seconds=seconds,
        )

    async def _ask(self, question: Question, answer: GrowingAnswer) -> None:
        message: dict[str, object] = {"role": "user", "content": question.prompt}
        if question.pictures:
            message["images"] = [base64.b64encode(picture).decode("ascii") for picture in question.pictures]
        body: dict[str, object] = {
            "model": self.model,
            "messages": [message],
            "stream": True,
            "options": {**self._model_options(), "num_predict": question.most_tokens},
            **self._kept_alive(),
        }
        # Ollama before 0.9 ignores unknown fields, and most models that never think accept this one.
        if self.model not in self._thinking_unknown:
            try:
                await self._chat({**body, "think": False}, answer)
            except RefusedError as error:
                if "think" not in error.said.lower():
                    raise
                self._thinking_unknown.add(self.model)
            else:
                return
        await self._chat(body, answer)

    async def _chat(self, body: dict[str, object], answer: GrowingAnswer) -> None:
        async def chat(server: RemoteServer) -> None:
            request = Request(server.peer, self.model, Purpose.DESCRIBE)
            async with aclosing(server.lines("/api/chat", request, body)) as lines:
                async for line in lines:
                    if not line.strip():
                        continue
                    part = _object(request, line)
                    message = part.get("message")
                    content = message.get("content") if isinstance(message, dict) else None
                    if isinstance(content, str):
                        grow(answer, content, request)
                    if part.get("done") is True:
                        return
            raise failures.down(server.peer, "dropped the connection in the middle of an answer")

        await self._lanes.describe.run(chat, lambda: bool(answer.whole))

    async def _embedding(self, text: str, *, urgent: bool) -> tuple[Request, object]:
        # Have the server refuse a text that is too long: by default it silently drops the end.
        body: dict[str, object] = {
            "model": self._options.embedding_model,
            "input": text,
            "truncate": False,
            "options": {"num_ctx": self._ollama.num_ctx},
            **self._kept_alive(),
        }

        async def embed(server: RemoteServer) -> tuple[Request, object]:
            request = Request(server.peer, self._options.embedding_model, Purpose.EMBED)
            answer = await server.post("/api/embed", request, body)
            vectors = answer.get("embeddings") if isinstance(answer, dict) else None
            if not isinstance(vectors, list) or len(vectors) != 1:
                raise failures.malformed(request, "its answer contains no embedding")
            return request, vectors[0]

        return await self._lanes.embed.run(embed, urgent=urgent)

    def _model_options(self) -> dict[str, object]:
        return {"temperature": self._options.temperature, "num_ctx": self._ollama.num_ctx}

    def _kept_alive(self) -> dict[str, object]:
        value = self._ollama.keep_alive.strip()
        if not value:
            return {}
        # A number in quotes has no unit, which Ollama refuses; as a number it is seconds.
        return {"keep_alive": int(value) if value.removeprefix("-").isdecimal() else value}


def make(context: AnalyzerContext, hosts: str = "") -> OllamaAnalyzer:
    """Make an analyzer that uses Ollama on these hosts, or on those in the settings. Raises UsageError."""
    settings = context.settings
    options = OllamaOptions(
        **shared_options(settings),
        hosts=hosts or settings.ollama_host,
        vision_model=settings.ollama_vision_model if context.describes else "",
        embedding_model=settings.ollama_embedding_model if context.embeds else "",
        num_ctx=settings.num_ctx,
        keep_alive=settings.keep_alive,
    )
    return OllamaAnalyzer(options, context.compute, settings.limits.max_pixels)


def _peer(url: str) -> Peer:
    return Peer(
        f"Ollama at {url}",
        url,
        down_hint="Start it with: ollama serve",
        missing_hint="Run: ollama pull {model}",
        denied_hint="A proxy in front of this Ollama asks for a login. Use an address that needs none.",
        can_pull=True,
    )


async def _look(server: RemoteServer) -> None:
    """Raise AnalyzerError if a server does not answer."""
    await server.get("/api/tags", Request(server.peer), LOOK_SECONDS)


def _object(request: Request, line: str) -> dict[str, object]:
    value = parse_json(request, line)
    if not isinstance(value, dict):
        raise failures.malformed(request, "its answer is not a JSON object", line)
    return value


async def _optional(server: RemoteServer, path: str) -> object:
    """Return the answer at `path`, which old versions lack, or None."""
    try:
        return await server.get(path, Request(server.peer), LOOK_SECONDS)
    except AnalyzerError:
        return None


def _names(answer: object) -> tuple[str, ...]:
    models = answer.get("models") if isinstance(answer, dict) else None
    if not isinstance(models, list):
        return ()
    return tuple(str(model["name"]) for model in models if isinstance(model, dict) and "name" in model)


def _holds(names: tuple[str, ...], model: str) -> bool:
    return _full(model) in map(_full, names)


def _full(model: str) -> str:
    """Return a model's name with its tag, in lower case, as Ollama compares them."""
    last = model.rpartition("/")[2]
    return (model if ":" in last else f"{model}:latest").lower()


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
