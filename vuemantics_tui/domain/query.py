"""What someone searches for, read from one line of text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_WORD = re.compile(r"\w+")

# Words that nearly every request holds and that tell no picture from another.
_EMPTY_WORDS = frozenset(
    """a an and any are as at be by for from has have i image images in is it its me my of on or our photo photograph
    photographs photos picture pictures pic pics show some that the there this to video videos was were where which with
    """.split()
)


@dataclass(frozen=True, slots=True)
class Query:
    """A search: `text` as it was typed, `words` lower case, without those that say nothing."""

    text: str
    words: tuple[str, ...]


def parse_query(text: str) -> Query:
    """Read a search line. Any text is a valid one; where all words are empty ones they count after all."""
    normal = unicodedata.normalize("NFKC", text).strip()
    words = tuple(dict.fromkeys(_WORD.findall(normal.lower())))
    telling = tuple(word for word in words if word not in _EMPTY_WORDS)
    return Query(normal, telling or words)
