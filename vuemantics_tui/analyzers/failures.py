"""What a server that refuses, fails or falls silent means, as the errors that the rest of the program knows."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path

from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, ServerDownError, UsageError

KEY_VARIABLE = "OPENAI_API_KEY"
# A key is a line; anything larger is another file.
MOST_KEY_BYTES = 4096
_HIDDEN = "***"
# Shorter ones may be ordinary words, as in "no-key", and would tear holes into what a server says.
_SHORTEST_REDACTED = 6


class Secret:
    """Holds a key and shows it only through `reveal`. Empty means that there is none.

    Raises UsageError for a key that is invalid in an HTTP header, without quoting it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value.strip()
        if not (self._value.isascii() and self._value.isprintable()) or " " in self._value:
            raise UsageError(
                "The API key contains invalid characters",
                "Copy it again. It must be one word of ASCII characters.",
            )

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN if self._value else ''})"

    def __str__(self) -> str:
        return _HIDDEN if self._value else ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        raise TypeError("a secret is not written anywhere")

    def reveal(self) -> str:
        """Return the key, for the one header that needs it."""
        return self._value

    def redact(self, text: str) -> str:
        """Return the text without the key, which some servers repeat in their errors."""
        return text.replace(self._value, _HIDDEN) if len(self._value) >= _SHORTEST_REDACTED else text


def read_key(key_file: str, environment: Mapping[str, str] = os.environ) -> Secret:
    """Return the key for the OpenAI API from the environment, else from the key file, else none.

    Raises UsageError for a file that cannot be read, that other users can read, or that contains no key.
    """
    if key := environment.get(KEY_VARIABLE):
        return Secret(key)
    if not key_file:
        return Secret()
    file = Path(key_file).expanduser()
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
                raise UsageError(f"Other users can read the key file {file}", f"Run: chmod 600 {file}")
            data = opened.read(MOST_KEY_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"The key file {file} cannot be read: {error.strerror}", "Correct openai_key_file in the settings."
        ) from error
    if len(data) > MOST_KEY_BYTES or not data.strip():
        raise UsageError(f"The key file {file} contains no key", "Put the key into it, and nothing else.")
    return Secret(data.decode("utf-8", "replace"))


MOST_SAID = 300
"""How many characters of a server's message are shown."""

_TRANSIENT_STATUSES = {408, 425, 429, *range(500, 600)} - {501, 505}

# What Ollama, llama.cpp, vLLM, LM Studio and the text-embeddings server of Hugging Face say of too long a text.
_TOO_LONG = re.compile(
    r"context[ _](length|size|window)|exceed_context|too large to process|physical batch size"
    r"|maximum (input|sequence|model) length|must have less than \d+ tokens|(input|prompt|text) is too long",
    re.IGNORECASE,
)
_NO_PICTURES = re.compile(
    r"(image|vision|multimodal|multi-modal)\w*( \w+){0,2} (is|are) not supported"
    r"|not support (\w+ )?(image|vision|multimodal|multi-modal)|is not a multimodal model"
    r"|missing data required for image input|image_url.{0,40}(not|only) (supported|allowed)"
    r"|unknown variant .?image_url",
    re.IGNORECASE,
)
_NO_EMBEDDINGS = re.compile(r"not support (\w+ )?embedding|embeddings? (is|are) not supported", re.IGNORECASE)
_NO_MODEL = re.compile(
    r"model\b.{0,200}(not found|not exist)|model_not_found|invalid model (name|identifier)"
    r"|no models? (is |are )?loaded",
    re.IGNORECASE | re.DOTALL,
)
_NOT_A_NUMBER = re.compile(r"\bNaN\b|unsupported value: [+-]?Inf")
_LOADING = re.compile(r"loading model", re.IGNORECASE)
_NO_SUCH_PATH = re.compile(r"unexpected endpoint", re.IGNORECASE)
_NO_CREDIT = re.compile(r"insufficient_quota|billing", re.IGNORECASE)
_NO_MEMORY = re.compile(r"requires more (system )?memory|out of memory", re.IGNORECASE)
_TAG = re.compile(r"<(script|style).*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)


class Purpose(StrEnum):
    """What a server is asked for."""

    DESCRIBE = "describe"
    EMBED = "embed"
    PULL = "pull"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Peer:
    """A server as a person knows it, and what to advise when it fails. `missing_hint` may hold `{model}`."""

    name: str
    url: str
    down_hint: str
    missing_hint: str
    denied_hint: str
    can_pull: bool = False
    secret: Secret = field(default_factory=Secret)


@dataclass(frozen=True, slots=True)
class Request:
    """What a failure is about: the server, the model that was asked for (or ""), and what for."""

    peer: Peer
    model: str = ""
    purpose: Purpose = Purpose.OTHER

    @property
    def subject(self) -> str:
        """ "Ollama at http://gpu:11434, model bge-m3"."""
        return f"{self.peer.name}, model {self.model}" if self.model else self.peer.name


class RefusedError(AnalyzerError):
    """The server does not take the request as it is; `said` tells why. Permanent."""

    said = ""


class ModelMissingError(AnalyzerError):
    """The server does not have the model. Permanent, unless another server has it."""


class TextTooLongError(AnalyzerError):
    """The text has more tokens than the model takes. Permanent, for this text as a whole."""


class NotANumberError(AnalyzerError):
    """The embedding holds values that are no numbers, or only zeros. Permanent, for this text."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the body of an error says: `code` where it names a status of its own, else 0; `kind` its name for it."""

    message: str
    code: int = 0
    kind: str = ""


def said_by(body: object) -> Said | None:
    """What an error's body says, or None if it is none.

    Understood are `{"error": "..."}` (Ollama, LM Studio), `{"error": {"message", "code", "type"}}` (OpenAI,
    llama.cpp, vLLM), `{"object": "error", "message", "code"}` (older vLLM), and `{"detail": ...}` (FastAPI).
    """
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, dict):
        return _said(error)
    if isinstance(error, str) and error:
        try:
            nested = said_by(json.loads(error))
        except ValueError:
            nested = None
        return nested or Said(error, _code(body.get("status")), str(body.get("type") or ""))
    if body.get("object") == "error":
        return _said(body)
    if detail := body.get("detail"):
        return Said(detail if isinstance(detail, str) else json.dumps(detail))
    return None


def refusal(request: Request, status: int, headers: Mapping[str, str], body: str) -> AnalyzerError:
    """The error for an answer that is not 2xx, from its headers (in lower case) and what could be read of its body."""
    try:
        parsed: object = json.loads(body)
    except ValueError:
        parsed = None
    said = said_by(parsed)
    if said is None and isinstance(parsed, dict) and isinstance(parsed.get("message"), str):
        said = Said(parsed["message"])
    if said is None:
        said = Said(_TAG.sub(" ", body))
    if 300 <= status < 400:
        return AnalyzerError(
            f"{request.subject}: redirects to {shown(request, headers.get('location', 'another address'))}",
            "Use that address in the settings.",
        )
    return failure(request, said, status, retry_after(headers.get("retry-after", "")))


def failure(request: Request, said: Said, status: int = 0, wait: float | None = None) -> AnalyzerError:
    """The error for what a server said; `status` 0 where it came in an answer that began as a good one."""
    if status < 400:
        status = said.code if 400 <= said.code < 600 else 0
    told = f"{said.kind} {said.message}"
    code = f" (HTTP {status})" if status else ""
    message = f"{request.subject}: {shown(request, said.message) or 'no reason given'}{code}"
    return (
        _of_the_text(request, told, status, message)
        or _of_the_model(request, told, status, message)
        or _of_the_status(request, said, told, status, message, wait)
    )


def _of_the_text(request: Request, told: str, status: int, message: str) -> AnalyzerError | None:
    """An error that this text or prompt brings about, whatever status it came with."""
    if request.purpose is Purpose.EMBED and _NOT_A_NUMBER.search(told):
        return not_a_number(request)
    if status not in (401, 403, 429, 503) and (status == 413 or _TOO_LONG.search(told)):
        if request.purpose is Purpose.EMBED:
            return TextTooLongError(message, "Choose an embedding model with a longer context.")
        return AnalyzerError(message, "Raise the model's context length, or choose smaller pictures.")
    return None


def _of_the_model(request: Request, told: str, status: int, message: str) -> AnalyzerError | None:
    """An error that this model brings about: it is not there, or cannot do what it is asked."""
    if request.purpose is Purpose.DESCRIBE and _NO_PICTURES.search(told):
        return AnalyzerError(message, "Choose a vision model that sees pictures, such as qwen2.5vl:3b.")
    if request.purpose is Purpose.EMBED and _NO_EMBEDDINGS.search(told):
        return AnalyzerError(message, "Choose a model that embeds text, such as bge-m3, on a server that supports it.")
    if request.model and status in (0, 400, 404, 422) and _NO_MODEL.search(told):
        if request.purpose is Purpose.PULL:
            return AnalyzerError(message, "Check the model's name: https://ollama.com/library")
        hint = request.peer.missing_hint.format(model=request.model)
        return ModelMissingError(message, hint, missing_model=request.model if request.peer.can_pull else "")
    return None


def _of_the_status(
    request: Request, said: Said, told: str, status: int, message: str, wait: float | None
) -> AnalyzerError:
    if status in (401, 403):
        return AnalyzerError(message, request.peer.denied_hint)
    if status in (404, 405) or _NO_SUCH_PATH.search(told):
        return AnalyzerError(message, f"Check the address in the settings: {request.peer.url}")
    if status == 429 and _NO_CREDIT.search(told):
        return AnalyzerError(message, "Check the plan and the credit of the key's account.")
    if status == 0 or status in _TRANSIENT_STATUSES:
        hint = ""
        if _LOADING.search(told):
            hint = "The server is still loading its model."
        elif _NO_MEMORY.search(told):
            hint = "Choose a smaller model, or free memory on that machine."
        return AnalyzerError(message, hint, ErrorKind.TRANSIENT, wait)
    refused = RefusedError(message, "Check the model names and the prompts in the settings.")
    refused.said = told
    return refused


def down(peer: Peer, what: str) -> ServerDownError:
    """The error for a server that cannot be reached or went away; `what` goes after its name."""
    return ServerDownError(peer.name, f"{peer.name} {what}", peer.down_hint)


def too_slow(request: Request, seconds: float) -> AnalyzerError:
    """The error for a server that took the request and then said nothing for `seconds`."""
    return AnalyzerError(
        f"{request.subject}: no answer for {seconds:g} seconds",
        "The server may be busy or out of memory. Check its log.",
        ErrorKind.TRANSIENT,
    )


def malformed(request: Request, what: str, body: str = "") -> AnalyzerError:
    """The error for an answer that makes no sense; `what` is wrong with it."""
    said = shown(request, body)
    return AnalyzerError(
        f"{request.subject}: {what}" + (f": {said}" if said else ""),
        "Check the address in the settings and the server's log.",
        ErrorKind.TRANSIENT,
    )


def not_a_number(request: Request) -> NotANumberError:
    """The error for an embedding that is none."""
    return NotANumberError(
        f"{request.subject}: the embedding of this text is not a number (NaN)",
        "Edit the description by hand, or choose another embedding model.",
    )


def retry_after(value: str) -> float | None:
    """Seconds from a Retry-After header: a number of them, or an HTTP date (RFC 9110, 10.2.3); None without one."""
    value = value.strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _said(error: Mapping[str, object]) -> Said:
    message = error.get("message")
    names = [str(error[key]) for key in ("type", "code") if isinstance(error.get(key), str)]
    text = message if isinstance(message, str) else json.dumps(error)
    return Said(text, _code(error.get("code")), " ".join(names))


def _code(value: object) -> int:
    """A status as a number, or as the digits of one."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def shown(request: Request, text: str) -> str:
    """Foreign words on one line, without control characters and the key, at most MOST_SAID characters."""
    plain = "".join(character if character.isprintable() else " " for character in text[: 20 * MOST_SAID])
    plain = request.peer.secret.redact(" ".join(plain.split()))
    return plain if len(plain) <= MOST_SAID else plain[: MOST_SAID - 1] + "…"
