"""Why an upload was found: what the pane lights up, and the line that says how much words and meaning count."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from textual.content import Content

from vuemantics_tui.domain.text import visible
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.library import SearchHit
from vuemantics_tui.ui.uploads.line import lit
from vuemantics_tui.ui.uploads.pane_words import lines_of

MATCH = "underline $accent"
NEAREST = "on $panel"


@dataclass(frozen=True, slots=True)
class Why:
    """What a search line found of an upload, the sentence of it that is nearest, if any, and the line."""

    hit: SearchHit
    sentence: str
    text: str


class Explainer(Protocol):
    """Knows why uploads are shown."""

    def why(self, upload: Upload) -> Why | None:
        """Why it is shown, as far as that is known at once; None where no search line found it."""
        ...

    async def nearest_sentence(self, upload: Upload, text: str) -> str:
        """The sentence of it that is nearest to a search line, which may take a while; empty where there is none.

        Raises VuemanticsError.
        """
        ...


def lit_words(text: str, words: Iterable[str]) -> Content:
    """A text with these words in it lit."""
    return Content.assemble(*((piece, MATCH if style == "match" else "") for piece, style in lit(text, words, "name")))


def lit_lines(text: str, why: Why | None) -> Content | str:
    """A text of several lines with the words lit and the nearest sentence marked."""
    shown = lines_of(text)
    if why is None:
        return shown
    content = lit_words(shown, why.hit.matched)
    if place := _place_of(why.sentence, shown):
        content = content.stylize(NEAREST, *place)
    return content


def why_words(hit: SearchHit) -> Content:
    """How much words and meaning count in the score; nothing where filters alone found it."""
    parts = []
    if hit.words_share or hit.meaning_share:
        words = round(100 * hit.words_share)
        parts = [f"words {words} %", f"meaning {100 - words} %"]
    if hit.cosine is not None:
        parts.append(f"cosine {hit.cosine:.2f}")
    return Content.styled(" · ".join(parts), "$dim")


def _place_of(sentence: str, shown: str) -> tuple[int, int] | None:
    """Where the sentence stands in the text, whatever blanks are between its words."""
    words = visible(sentence).split()
    found = re.search(r"\s+".join(re.escape(word) for word in words), shown) if words else None
    return found.span() if found else None
