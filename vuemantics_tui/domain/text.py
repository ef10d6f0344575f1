"""Text as a person may safely see it."""

from __future__ import annotations

import unicodedata

# Cc: control characters, Cf: format characters such as those that turn the reading direction, Cs: halves of pairs,
# Zl and Zp: line ends of Unicode. In a file name they can rewrite the line that they stand in, or the whole terminal.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# These two hold together emoji and the scripts that need them, and move nothing.
_JOINERS = frozenset("\u200c\u200d")


def escaped(text: str) -> str:
    """The text with every character that could move or hide something shown as a backslash escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _UNSAFE and character not in _JOINERS
        else character
        for character in text
    )


def size_text(size: int) -> str:
    """A number of bytes as people read it, in decimal units: `451 KB`, `3.1 MB`."""
    value = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.1f} {unit}" if unit in ("MB", "GB") and value < 9.95 else f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
