"""Words of a query, and the tags that say the same or nearly so in other words."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from vuemantics_tui.domain.text import caseless

# Words of a query that are looked up together: "hot air balloon".
_LONGEST = 3
# At 100,000 uploads so many of the most frequent tags cost 15 ms, 40 of them 24.
_MOST_TAGS = 16
# The endings of English plurals, what stands for them, and how long a word with such an ending is at least.
_PLURALS = (("ies", "y", 5), ("ches", "ch", 5), ("shes", "sh", 5), ("sses", "ss", 5), ("xes", "x", 4), ("s", "", 4))
_NO_PLURALS = ("ss", "us", "is")


@dataclass(frozen=True, slots=True)
class Term:
    """Words of a query that stand next to each other, and the tags that are related to them, nearest first."""

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()


def related_terms(words: Sequence[str]) -> list[Term]:
    """Return the words of a query in order, those together that mean something together, with related tags.

    The tags, in lower case, are synonyms first, then what the words are a general name of ("dog" for "canine"), then
    what they are kinds of ("dog" for "poodle"), by WordNet.
    """
    found, at = [], 0
    while at < len(words):
        for count in range(min(_LONGEST, len(words) - at), 0, -1):
            some = tuple(words[at : at + count])
            tags = _table().get(singular(caseless(" ".join(some))), ())
            if tags or count == 1:
                found.append(Term(some, tuple(tags)))
                at += count
                break
    return found


def narrowed(terms: Sequence[Term], tags: Collection[str]) -> list[Term]:
    """Return the terms with those of their related tags that are among `tags`; nothing if none has any."""
    kept = [Term(term.words, tuple(tag for tag in term.tags if tag in tags)[:_MOST_TAGS]) for term in terms]
    return kept if any(term.tags for term in kept) else []


def singular(word: str) -> str:
    """Return an English noun without the ending of its plural, as far as its letters tell."""
    for ending, put, least in _PLURALS:
        if word.endswith(ending) and len(word) >= least and not word.endswith(_NO_PLURALS):
            return word.removesuffix(ending) + put
    return word


@cache
def _table() -> dict[str, list[str]]:
    """The table that `python -m tools.related_words` makes from WordNet: by a noun in the singular, related tags."""
    content = (files("vuemantics_tui.search") / "data" / "related_words.json").read_text("utf-8")
    table: dict[str, list[str]] = json.loads(content)
    return table
