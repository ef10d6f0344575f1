"""A server that speaks the protocol of Immich's machine-learning container (machine-learning/immich_ml/main.py)."""

from __future__ import annotations

import asyncio
import email.parser
import email.policy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import Image

from tests.servers.base import FakeServer, Received, RefusalError, Status

_BROKEN = Status(500, "Internal Server Error", (("Content-Type", "text/plain; charset=utf-8"),))

OfPicture = Callable[[Image.Image], Sequence[float]]
OfText = Callable[[str], Sequence[float]]


@dataclass
class FakeImmich(FakeServer):
    """A container with `models`, whose vectors `of_picture` and `of_text` make, after `pace` seconds.

    As the real one, it takes forms alone: the entries and a text in parts without a file name, an image in one with.
    A model that it does not know, and a picture that it cannot read, are both "Internal Server Error".
    """

    models: list[str] = field(default_factory=lambda: ["ViT-B-32__openai"])
    of_picture: OfPicture = lambda image: [1.0, 0.0]
    of_text: OfText = lambda text: [1.0, 0.0]
    pictures: list[tuple[int, int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    generating = "/predict"

    async def respond(self, request: Received) -> Status:
        """Answer like the container."""
        match request.method, request.path:
            case "GET", "/ping":
                return Status(200, "pong", (("Content-Type", "text/plain; charset=utf-8"),))
            case "GET", "/":
                return Status(200, {"message": "Immich ML"})
            case "POST", "/predict":
                await asyncio.sleep(self.pace)
                return Status(200, self._predict(_fields(request)))
        return Status(404, {"detail": "Not Found"})

    def _predict(self, fields: dict[str, str | bytes]) -> dict[str, Any]:
        entries = fields.get("entries")
        if not isinstance(entries, str):
            raise _invalid("entries")
        try:
            kinds = json.loads(entries)["clip"]
            ((kind, entry),) = kinds.items()
            name = entry["modelName"]
        except (KeyError, ValueError, AttributeError) as error:
            raise RefusalError(Status(422, {"detail": "Invalid request format."})) from error
        if name not in self.models:
            raise RefusalError(_BROKEN)
        image, text = fields.get("image"), fields.get("text")
        if isinstance(image, bytes):
            try:
                opened = Image.open(BytesIO(image)).convert("RGB")
            except OSError as error:
                raise RefusalError(_BROKEN) from error
            if kind != "visual":
                raise RefusalError(_BROKEN)
            self.pictures.append(opened.size)
            vector = _written(self.of_picture(opened))
            return {"clip": vector, "imageHeight": opened.height, "imageWidth": opened.width}
        if image is not None:
            raise _invalid("image")
        if not isinstance(text, str):
            raise RefusalError(Status(400, {"detail": "Either image or text must be provided"}))
        if kind != "textual":
            raise RefusalError(_BROKEN)
        self.texts.append(text)
        return {"clip": _written(self.of_text(text))}


def _invalid(name: str) -> RefusalError:
    detail = [{"type": "missing", "loc": ["body", name], "msg": "Field required", "input": None}]
    return RefusalError(Status(422, {"detail": detail}))


def _written(vector: Sequence[float]) -> str:
    return json.dumps([float(value) for value in vector], separators=(",", ":"))


def _fields(request: Received) -> dict[str, str | bytes]:
    """Return the parts of a form: text of those without a file name, bytes of files."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data; boundary="):
        raise _invalid("entries")
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.raw)
    if message.defects or not message.is_multipart():
        raise RefusalError(Status(400, {"detail": "There was an error parsing the body"}))
    found: dict[str, str | bytes] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(name, str)
        assert isinstance(content, bytes)
        found[name] = content if part.get_filename() else content.decode()
    return found
