"""A search line as text: its words, its escapes, and the place of an error."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import split_words, visible

AS_IS = "="
"""A line that begins with it is taken as it is: no phrase of it is made a filter."""

# Words that nearly every request holds and that tell no picture from another.
_EMPTY_WORDS = frozenset(
    """a an and any are as at be by for from has have i image images in is it its me my of on or our photo photograph
    photographs photos picture pictures pic pics show some that the there this to video videos was were where which with
    """.split()
)


def content_words(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct words without stop words; if all are stop words, return them."""
    words = tuple(dict.fromkeys(word for text in texts for word in split_words(text)))
    return tuple(word for word in words if word not in _EMPTY_WORDS) or words


def only_empty_words(text: str) -> bool:
    """Whether a text says nothing: it is empty, or has stop words only."""
    return all(word in _EMPTY_WORDS for word in split_words(text))


_PATTERN_PART = re.compile(r"\\[\\*]|.", re.DOTALL)


def pattern_pieces(text: str) -> tuple[str, ...]:
    r"""Split the value of a text filter at each `*`; `\*` and `\\` stand for the characters themselves."""
    pieces = [""]
    for part in _PATTERN_PART.findall(text):
        if part == "*":
            pieces.append("")
        else:
            pieces[-1] += part[-1]
    return tuple(pieces)


def literal(text: str) -> str:
    """Write a text so that in a text filter it means itself, even with a `*` in it."""
    return text.replace("\\", "\\\\").replace("*", "\\*")


class QueryError(UsageError):
    """A search line with an error; `place` is the index of the character where it starts."""

    def __init__(self, message: str, place: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.place = place
        self.args = (message, place, hint)


def pointed(text: str, place: int) -> tuple[str, str]:
    """Return two lines to print: the text, made safe to show, and a caret under the character at `place`."""
    return visible(text), " " * _cells(visible(text[:place])) + "^"


def _cells(text: str) -> int:
    """Return the width of the text in terminal cells."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
