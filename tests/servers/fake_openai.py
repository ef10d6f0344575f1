"""A server that speaks the API of OpenAI, with the errors of llama.cpp."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.servers.base import FakeServer, Received, RefusalError, Status


@dataclass
class FakeOpenAI(FakeServer):
    """A server like OpenAI's that demands `key`, if any; `streams` and `as_base64` say how it answers any request."""

    models: list[str] = field(default_factory=lambda: ["qwen2.5-vl", "bge-m3"])
    key: str = ""
    streams: bool = True
    as_base64: bool = False
    embeds: bool = True
    owner: str = "vllm"
    prefix: str = "/v1"

    generating = "/v1/chat/completions"

    async def respond(self, request: Received) -> Status | AsyncIterator[bytes]:
        """Answer like such servers."""
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return llama_error(401, "Invalid API Key", "authentication_error")
        match request.method, request.path.removeprefix(self.prefix):
            case "GET", "/models":
                data = [{"id": name, "object": "model", "owned_by": self.owner} for name in self.models]
                return Status(200, {"object": "list", "data": data})
            case "POST", "/chat/completions":
                return self._chat(request.body)
            case "POST", "/embeddings":
                return self._embed(request.body)
        return llama_error(404, "File Not Found", "not_found_error")

    def error_piece(self, message: str) -> bytes:
        """Return an event with an error."""
        return _event({"error": {"code": 500, "message": message, "type": "server_error"}})

    def _check_model(self, name: str) -> None:
        if name not in self.models:
            message = f"The model `{name}` does not exist."
            raise RefusalError(
                Status(404, {"object": "error", "message": message, "type": "NotFoundError", "code": 404})
            )

    def _chat(self, body: dict[str, Any]) -> Status | AsyncIterator[bytes]:
        self._check_model(body["model"])
        (message,) = body["messages"]
        content = message["content"]
        parts = content if isinstance(content, list) else []
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        for url in urls:
            kind, _, data = url.partition(",")
            if kind != "data:image/jpeg;base64" or not base64.b64decode(data, validate=True).startswith(
                b"\xff\xd8\xff"
            ):
                raise RefusalError(llama_error(400, "Invalid image", "invalid_request_error"))
        if urls and body["model"] in self.blind:
            hint = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
            raise RefusalError(llama_error(500, hint, "server_error"))
        words = self.answer_to(body, len(urls))
        if not (self.streams and body.get("stream")):
            message = {"role": "assistant", "content": "".join(words)}
            return Status(
                200, {"object": "chat.completion", "choices": [{"message": message, "finish_reason": "stop"}]}
            )

        async def pieces() -> AsyncIterator[bytes]:
            yield b": keep alive\n\n" + _event(_part({"role": "assistant", "content": None}))
            for word in words:
                yield _event(_part({"content": word}))
            yield _event(_part({}, "stop"))
            yield b"data: [DONE]\n\n"

        return pieces()

    def _embed(self, body: dict[str, Any]) -> Status:
        if not self.embeds:
            message = "This server does not support embeddings. Start it with `--embeddings`"
            return llama_error(501, message, "not_supported_error")
        self._check_model(body["model"])
        text = body["input"]
        if len(text) > self.context:
            message = f"input ({len(text)} tokens) is too large to process. increase the physical batch size"
            return llama_error(500, message, "server_error")
        vector = self.vector_of(text)
        values: object = [None if np.isnan(value) else value for value in vector]
        if self.as_base64:
            values = base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()
        data = [{"object": "embedding", "index": 0, "embedding": values}]
        return Status(200, {"object": "list", "model": body["model"], "data": data})


def llama_error(code: int, message: str, kind: str) -> Status:
    """Return an error as llama.cpp writes it."""
    return Status(code, {"error": {"code": code, "message": message, "type": kind}})


def _part(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"
