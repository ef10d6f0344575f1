"""The sentence of an upload's text that is nearest to a query."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vuemantics_tui.domain.query import split_words

_END = re.compile(r"(?<=[.!?])\s+|\n+")
# Endings that the stemmer of the full text takes away, as far as it matters for telling which sentence was meant.
_ENDINGS = ("ings", "ing", "edly", "ed", "es", "s")


def sentences(text: str) -> list[str]:
    """The sentences, or lines, of a text."""
    return [sentence.strip() for sentence in _END.split(text) if sentence.strip()]


def nearest_by_words(texts: Sequence[str], words: Sequence[str]) -> str:
    """The first of the sentences that hold the most of the words; empty where none holds any."""
    wanted = {_stem(word) for word in words}
    best, most = "", 0
    for text in texts:
        shared = len(wanted & {_stem(word) for word in split_words(text)})
        if shared > most:
            best, most = text, shared
    return best


def _stem(word: str) -> str:
    ending = next((ending for ending in _ENDINGS if word.endswith(ending) and len(word) - len(ending) >= 3), "")
    return word.removesuffix(ending)
