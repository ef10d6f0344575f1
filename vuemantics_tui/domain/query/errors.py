"""What is wrong with a search line, and where."""

from __future__ import annotations

import unicodedata

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import visible


class QueryError(UsageError):
    """A search line that makes no sense; `place` is the index in it of the character where it goes wrong."""

    def __init__(self, message: str, place: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.place = place
        self.args = (message, place, hint)


def pointed(text: str, place: int) -> tuple[str, str]:
    """Two lines to print: the text as it may safely be shown, and a caret under the character at `place`."""
    return visible(text), " " * _cells(visible(text[:place])) + "^"


def _cells(text: str) -> int:
    """How many cells of a terminal the text takes."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
