"""A server that speaks the protocol of Ollama (https://docs.ollama.com/api)."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from tests.servers.base import FakeServer, Received, RefusalError, Status

_PULLED_BYTES = 3000


@dataclass
class FakeOllama(FakeServer):
    """A server like Ollama. `loaded`: models in memory; `library`: those it can pull; `blind`: those without vision."""

    version: str = "0.12.6"
    loaded: list[str] = field(default_factory=list)
    library: tuple[str, ...] = ("qwen2.5vl:3b", "bge-m3", "llava")

    generating = "/api/chat"

    async def respond(self, request: Received) -> Status | AsyncIterator[bytes]:
        """Answer like Ollama."""
        match request.method, request.path:
            case "GET", "/api/version":
                return Status(200, {"version": self.version})
            case "GET", "/api/tags":
                return Status(200, {"models": [{"name": name, "model": name} for name in self.models]})
            case "GET", "/api/ps":
                return Status(200, {"models": [{"name": name, "model": name} for name in self.loaded]})
            case "POST", "/api/chat":
                return self._chat(request.body)
            case "POST", "/api/embed":
                return self._embed(request.body)
            case "POST", "/api/pull":
                return self._pull(request.body["model"])
        return Status(404, "404 page not found")

    def error_piece(self, message: str) -> bytes:
        """Return a line with an error."""
        return _line({"error": message})

    def _load(self, name: str) -> None:
        if _full(name) not in map(_full, self.models):
            raise RefusalError(Status(404, {"error": f"model '{name}' not found"}))
        if _full(name) not in map(_full, self.loaded):
            self.loaded.append(_full(name))

    def _chat(self, body: dict[str, Any]) -> AsyncIterator[bytes]:
        model = body["model"]
        self._load(model)
        (message,) = body["messages"]
        pictures = [base64.b64decode(picture, validate=True) for picture in message.get("images", [])]
        if any(not picture.startswith(b"\xff\xd8\xff") for picture in pictures):
            raise RefusalError(Status(400, {"error": "invalid image data"}))
        if pictures and model in self.blind:
            raise RefusalError(Status(500, {"error": "this model is missing data required for image input"}))
        words = self.answer_to(body, len(pictures))

        async def pieces() -> AsyncIterator[bytes]:
            for word in words:
                yield _line({"model": model, "message": {"role": "assistant", "content": word}, "done": False})
            last = {"role": "assistant", "content": ""}
            yield _line({"model": model, "message": last, "done": True, "done_reason": "stop"})

        return pieces()

    def _embed(self, body: dict[str, Any]) -> Status:
        self._load(body["model"])
        text = body["input"]
        if len(text) > self.context:
            if body.get("truncate") is False:
                return Status(400, {"error": "the input length exceeds the context length"})
            text = text[: self.context]
        vector = self.vector_of(text)
        if any(map(math.isnan, vector)):
            return Status(500, {"error": "failed to encode response: json: unsupported value: NaN"})
        return Status(200, {"model": body["model"], "embeddings": [vector]})

    async def _pull(self, name: str) -> AsyncIterator[bytes]:
        yield _line({"status": "pulling manifest"})
        if _full(name) not in map(_full, self.library):
            yield _line({"error": "pull model manifest: file does not exist"})
            return
        for done in range(0, _PULLED_BYTES + 1, 1000):
            status = {"status": "pulling 5ee4f07cdb9b", "digest": "sha256:5ee4", "total": _PULLED_BYTES}
            yield _line({**status, "completed": done} if done else status)
        yield _line({"status": "verifying sha256 digest"})
        self.models.append(_full(name))
        yield _line({"status": "success"})


def _full(name: str) -> str:
    return name if ":" in name else f"{name}:latest"


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
