"""The words of a text, as the full text has them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"\w+")

# Words that nearly every request holds and that tell no picture from another.
_EMPTY_WORDS = frozenset(
    """a an and any are as at be by for from has have i image images in is it its me my of on or our photo photograph
    photographs photos picture pictures pic pics show some that the there this to video videos was were where which with
    """.split()
)


def split_words(text: str) -> tuple[str, ...]:
    """All words, lower case, in their order."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).lower()))


def content_words(texts: Iterable[str]) -> tuple[str, ...]:
    """The words of some texts, each once, without those that say nothing; where all are such, they count after all."""
    words = tuple(dict.fromkeys(word for text in texts for word in split_words(text)))
    return tuple(word for word in words if word not in _EMPTY_WORDS) or words
