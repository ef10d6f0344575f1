"""A model's answer while it is written: the description in it, and the tags."""

from __future__ import annotations

import re

from vuemantics_tui.analyzers.base import OnText

MOST_CHARACTERS = 200_000
MOST_TAGS = 12
_MOST_CHARACTERS_A_TAG = 40

_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_THOUGHT_END = "</think>"
_HALF_TAG = re.compile(r"<(?:/?|/?t|/?th|/?thi|/?thin|/?think)\Z")
# On a line of its own, or, as small models do it, after the last sentence.
_TAGS_LABEL = re.compile(r"(?:^[\s*_#>-]*|(?<=[.!?…\"”)])[ \t]+[*_]*)tags[\s*_]*:", re.IGNORECASE | re.MULTILINE)
_MOST_CHARACTERS_OF_TAGS = 800
_BETWEEN_TAGS = re.compile(r"[,;\n]")
_AROUND_A_TAG = " \t\r\n.*_#-\"'`[]()•"
# A last line that may yet become "Tags:".
_HALF_TAGS_LINE = re.compile(r"^[\s*_#>-]*(?:t|ta|tag|tags)?[\s*_]*\Z", re.IGNORECASE)


class GrowingAnswer:
    """Collects the pieces of an answer and reports the description so far each time it grows."""

    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self._whole = ""
        self._told = ""

    @property
    def whole(self) -> str:
        """Return everything the model wrote."""
        return self._whole

    def add(self, piece: str) -> None:
        """Add the next piece. Raises ValueError if the model does not stop."""
        if not piece:
            return
        self._whole += piece
        if len(self._whole) > MOST_CHARACTERS:
            raise ValueError("the model does not stop writing")
        so_far = description_so_far(self._whole)
        if so_far and so_far != self._told:
            self._told = so_far
            self._on_text(so_far)


def description_so_far(answer: str) -> str:
    """Return what to show of an unfinished answer: no thoughts, no tags, and nothing that may start them."""
    text, _ = _before_and_after_label(_HALF_TAG.sub("", without_thoughts(answer)))
    before, line_break, last = text.rpartition("\n")
    if line_break and _HALF_TAGS_LINE.match(last):
        text = before
    return text.strip()


def without_thoughts(answer: str) -> str:
    """Return the answer without `<think>...</think>`; a lone end tag ends a thought from the start."""
    text = _THOUGHT.sub("", answer)
    return text.rpartition(_THOUGHT_END)[2]


def description_and_tags(answer: str) -> tuple[str, tuple[str, ...]]:
    """Split a finished answer into description and tags: at most 12, lower case, each once."""
    text, line = _before_and_after_label(without_thoughts(answer))
    tags: dict[str, None] = {}
    for part in _BETWEEN_TAGS.split(line.partition("<|")[0]):
        tag = " ".join(part.strip(_AROUND_A_TAG).lower().split())
        if tag and len(tag) <= _MOST_CHARACTERS_A_TAG:
            tags[tag] = None
    return text.strip(), tuple(tags)[:MOST_TAGS]


def _before_and_after_label(text: str) -> tuple[str, str]:
    """Return the text before the last "Tags:" and after it; a long text after it is no list of tags."""
    labels = list(_TAGS_LABEL.finditer(text))
    if not labels or len(text) - labels[-1].end() > _MOST_CHARACTERS_OF_TAGS:
        return text, ""
    return text[: labels[-1].start()], text[labels[-1].end() :]
