"""The filters of a search line as parts of its text: which it has, and the same line with one more or one less.

Whatever else stands in the line stays as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vuemantics_tui.domain.query.filters import (
    AnyFilter,
    NearFilter,
    OneValue,
    TextFilter,
)
from vuemantics_tui.domain.query.parser import placed_filters
from vuemantics_tui.domain.text import folded


@dataclass(frozen=True, slots=True)
class _Part:
    """One filter of a line, not negated, and from where to where it stands."""

    filter: AnyFilter | OneValue
    start: int
    end: int

    @property
    def values(self) -> tuple[OneValue, ...]:
        return self.filter.filters if isinstance(self.filter, AnyFilter) else (self.filter,)


def filters_of(text: str) -> list[OneValue]:
    """Return what a line demands: each value of its filters for itself, without what is negated."""
    return [value for part in _parts(text) for value in part.values]


def with_filter(text: str, added: OneValue, *, either: bool, instead_of: Sequence[OneValue] = ()) -> str:
    """Return a line with one more filter.

    With `either` it becomes a further value of the first filter of its field, of which an upload must meet one;
    else an upload must meet both. Those that it stands `instead_of` are left out.
    """
    for other in instead_of:
        text = without_filter(text, other)
    part = next((part for part in _parts(text) if either and part.values[0].field == added.field), None)
    if part is None:
        return f"{text.strip()} {_printed((added,))}".strip()
    # The part as it is typed; a comma at its end waits for a value.
    return f"{text[: part.end].rstrip(',')},{added.value}{text[part.end :]}"


def without_filter(text: str, dropped: OneValue) -> str:
    """Return a line without a filter; of several values the others stay."""
    while part := next((part for part in _parts(text) if any(same_filter(one, dropped) for one in part.values)), None):
        kept = tuple(one for one in part.values if not same_filter(one, dropped))
        text = f"{text[: part.start]}{_printed(kept)}{text[part.end :]}" if kept else _cut(text, part.start, part.end)
    return text


def with_part(text: str, part: str) -> str:
    """Return a line with a part of some words and filters behind it, unless it has it already."""
    return text if _place_of(part, text) is not None else f"{text.strip()} {part}".strip()


def without_part(text: str, part: str) -> str:
    """Return a line without a part of some words and filters."""
    place = _place_of(part, text)
    return text if place is None else _cut(text, place, place + len(part))


def without_fields(text: str, fields: Sequence[str]) -> str:
    """Return a line without the filters of some fields, unless they are negated."""
    for part in reversed(list(_parts(text))):
        if part.values[0].field in fields:
            text = _cut(text, part.start, part.end)
    return text


def _place_of(part: str, text: str) -> int | None:
    """Return where a part stands in a line, between blanks."""
    found = re.search(rf"(?<!\S){re.escape(part)}(?!\S)", text)
    return found.start() if found else None


def _cut(text: str, start: int, end: int) -> str:
    return f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()


def _parts(text: str) -> Iterator[_Part]:
    for found, start, end in placed_filters(text):
        if not isinstance(found, NearFilter) and not found.negated:
            yield _Part(found, start, end)


def _printed(values: Sequence[OneValue]) -> str:
    return str(AnyFilter(tuple(values)) if len(values) > 1 else values[0])


def same_filter(one: OneValue, other: OneValue) -> bool:
    """Whether two filters find the same, however their values are spelled."""
    if isinstance(one, TextFilter) and isinstance(other, TextFilter):
        return one.field is other.field and folded(one.text) == folded(other.text)
    return one == other
