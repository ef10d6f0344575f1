"""A text that must not be seen: an API key."""

from __future__ import annotations

from vuemantics_tui.domain.errors import UsageError

_HIDDEN = "***"
# Shorter ones may be ordinary words, as in "no-key", and would tear holes into what a server says.
_SHORTEST_REDACTED = 6


class Secret:
    """Holds a key and shows it to nobody but who calls `reveal`. Empty means that there is none.

    Raises UsageError for one that cannot stand in an HTTP header; the message does not hold it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value.strip()
        if not (self._value.isascii() and self._value.isprintable()) or " " in self._value:
            raise UsageError(
                "The API key holds characters that no key has",
                "Copy it again: it must be one word of plain letters, digits and signs.",
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
        """The key itself, for the one header that it is meant for."""
        return self._value

    def redact(self, text: str) -> str:
        """The text without the key in it: some servers send it back in their errors."""
        return text.replace(self._value, _HIDDEN) if len(self._value) >= _SHORTEST_REDACTED else text
