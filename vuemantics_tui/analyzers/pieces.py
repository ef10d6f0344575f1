"""Text that is longer than a model takes: cut into pieces, whose vectors are averaged."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from vuemantics_tui.analyzers.base import Vector

# Where one sentence ends and the next begins; CJK writing puts no space between them.
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*\s+|[。！？]|\n+")
_WORD_END = re.compile(r"\s+")


def split_text(text: str, size: int) -> list[str]:
    """Pieces of at most `size` characters (1 or more), which put together are the text; [] for no text.

    The pieces are about equally long, because each has the same weight in the mean. They end where a sentence does,
    else where a word does, else anywhere.
    """
    if size < 1:
        raise ValueError("a piece has at least one character")
    pieces: list[str] = []
    rest = text
    while len(rest) > size:
        cut = _border(rest, size)
        pieces.append(rest[:cut])
        rest = rest[cut:]
    if rest:
        pieces.append(rest)
    return pieces


def first_half(text: str) -> str:
    """The first half of a text, to the end of a word; of one word, half of its letters."""
    text = text.strip()
    middle = (len(text) + 1) // 2
    return text[: _nearest(_WORD_END, text, 1, middle, middle) or middle].rstrip()


def mean_vector(vectors: Sequence[Vector]) -> Vector:
    """The mean of unit vectors (at least one), made a unit vector; where they cancel out, the first of them."""
    if len(vectors) == 1:
        return vectors[0]
    mean = np.mean(np.stack(vectors), axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length, np.float32) if length > 1e-6 else vectors[0]


def _border(text: str, size: int) -> int:
    """Where to cut a text that is longer than `size`: near the end of the first of equal shares."""
    count = -(-len(text) // size)
    share = -(-len(text) // count)
    first, last = max(1, share // 2), min(size, share + share // 4)
    for pattern in (_SENTENCE_END, _WORD_END):
        if found := _nearest(pattern, text, first, last, share):
            return found
    return share


def _nearest(pattern: re.Pattern[str], text: str, first: int, last: int, wanted: int) -> int:
    """The end of the match from `first` to `last` that is nearest to `wanted`, or 0."""
    ends = (match.end() for match in pattern.finditer(text, first, last) if match.end() <= last)
    return min(ends, key=lambda end: abs(end - wanted), default=0)
