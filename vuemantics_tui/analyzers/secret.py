"""The API key: kept secret, and read from the environment or a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from vuemantics_tui.domain.errors import UsageError

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
