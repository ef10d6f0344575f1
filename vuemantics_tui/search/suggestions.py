"""Suggestions for a search line that is being typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vuemantics_tui.domain.colours import SEARCHED_NAMES
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import COLOUR_LABELS
from vuemantics_tui.domain.query import ChoiceField, DateField, RangeField, Sort, TextField, TextFilter
from vuemantics_tui.domain.query.filters import CHOICES
from vuemantics_tui.domain.query.line import literal, pattern_pieces
from vuemantics_tui.domain.query.values import FILTER_NAMES, known_name
from vuemantics_tui.domain.text import folded
from vuemantics_tui.store.filters import FilterStore
from vuemantics_tui.store.places import PlaceStore
from vuemantics_tui.store.search import SearchHistory
from vuemantics_tui.store.tags import TagStore

MOST = 8
_RATINGS = (">=4", "5", "4", "3", "2", "1", "0", "rejected")
_DAYS = ("today", "yesterday", "7d", "1m", "1y", "last month", "last summer", "last year")
_FILTER = re.compile(r"(-?)([A-Za-z]+):(\"?)(.*)", re.DOTALL)


class SuggestionKind(StrEnum):
    """What a suggestion completes the line with."""

    FILTER = "filter"
    VALUE = "value"
    TAG = "tag"
    CAMERA = "camera"
    PLACE = "place"
    PAST = "past query"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A completion: its label, the whole line once it is taken, and the cursor in it."""

    kind: SuggestionKind
    label: str
    line: str
    cursor: int
    count: int | None = None


class Suggester:
    """Suggests filter names, their values, tags, cameras, places and past queries."""

    def __init__(self, tags: TagStore, places: PlaceStore, filters: FilterStore, history: SearchHistory) -> None:
        self._tags = tags
        self._places = places
        self._filters = filters
        self._history = history

    async def suggest(self, text: str, cursor: int) -> list[Suggestion]:
        """Return at most 8 completions at `cursor`, an index into the text."""
        cursor = max(0, min(cursor, len(text)))
        start = _token_start(text, cursor)
        token, before, behind = text[start:cursor], text[:start], text[cursor:]
        found: list[Suggestion] = []

        def put(kind: SuggestionKind, label: str, written: str, count: int | None = None, *, ends: bool = True) -> None:
            line = before + written + (" " if ends and not behind.startswith(" ") else "")
            found.append(Suggestion(kind, label, line + behind, len(line), count))

        match = _FILTER.fullmatch(token)
        name = known_name(match[2]) if match else None
        if match and name:
            # Only the value behind the last comma is begun; in quotes a comma belongs to the value.
            known, comma, part = ("", "", match[4]) if match[3] else match[4].rpartition(",")
            head = f"{match[1]}{name}:{known}{comma}"
            for value, kind, count in await self._values(name, part.lstrip('"')):
                written = literal(value) if name in list(TextField) else value
                put(kind, value, head + _quoted(written), count)
        elif not match:
            minus, part = ("-", token[1:]) if token.startswith("-") else ("", token)
            if part:
                for known in FILTER_NAMES:
                    if known.startswith(part.lower()):
                        put(SuggestionKind.FILTER, f"{known}:", f"{minus}{known}:", ends=False)
                for tag in await self._tags.beginning(part.lstrip('"'), MOST):
                    label = f"{minus}{TextFilter.exactly(TextField.TAG, tag.name)}"
                    put(SuggestionKind.TAG, label, label, tag.count)
        if not behind.strip():
            found.extend(await self._past(text))
        return _mixed(found)

    async def _values(self, name: str, part: str) -> list[tuple[str, SuggestionKind, int | None]]:
        # Half typed, a star is rather the name's own than a wildcard.
        part = "*".join(pattern_pieces(part))
        if name == "tag":
            return [(tag.name, SuggestionKind.TAG, tag.count) for tag in await self._tags.beginning(part, MOST)]
        if name == "camera":
            cameras = await self._filters.cameras(part, MOST)
            return [(camera, SuggestionKind.CAMERA, count) for camera, count in cameras]
        if name in (TextField.PLACE, TextField.COUNTRY):
            names = self._places.beginning if name == TextField.PLACE else self._places.countries
            return [(place, SuggestionKind.PLACE, count) for place, count in await names(part, MOST)]
        choices: Sequence[str] = ()
        if name in list(ChoiceField):
            # The formats are many: they are offered once one of them is begun.
            choices = CHOICES[ChoiceField(name)] if part or name != ChoiceField.TYPE else tuple(FileType)
        elif name in list(DateField):
            choices = _DAYS
        elif name == "color":
            choices = SEARCHED_NAMES
        elif name == TextField.LABEL:
            choices = [label.name for label in COLOUR_LABELS]
        elif name == RangeField.RATING:
            choices = _RATINGS
        elif name == "sort":
            choices = [sort.value for sort in Sort]
        return [(one, SuggestionKind.VALUE, None) for one in choices if one.startswith(part.lower())]

    async def _past(self, text: str) -> list[Suggestion]:
        wanted = folded(text.strip())
        past = await self._history.beginning(text.strip(), MOST + 1)
        return [Suggestion(SuggestionKind.PAST, line, line, len(line)) for line in past if folded(line) != wanted]


def _mixed(found: list[Suggestion]) -> list[Suggestion]:
    """Return at most 8, with two places for past queries, because many filter names start alike."""
    past = [one for one in found if one.kind is SuggestionKind.PAST]
    others = [one for one in found if one.kind is not SuggestionKind.PAST]
    room = MOST - min(2, len(past))
    return [*others[:room], *past][:MOST]


def _token_start(text: str, cursor: int) -> int:
    """Return the start of the token at the cursor: spaces within quotes do not end it."""
    start, quoted = 0, False
    for place, character in enumerate(text[:cursor]):
        if character == '"':
            quoted = not quoted
        elif character.isspace() and not quoted:
            start = place + 1
    return start


def _quoted(value: str) -> str:
    return f'"{value}"' if any(character.isspace() for character in value) else value
