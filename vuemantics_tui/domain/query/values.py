"""The values of filters: text after the colon to filter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches

from vuemantics_tui.domain.days import DAY_EXAMPLES, Day, read_day, read_day_of_year
from vuemantics_tui.domain.formats import BY_EXTENSION
from vuemantics_tui.domain.media import MOST_STARS, REJECTED
from vuemantics_tui.domain.query.filters import (
    CHOICES,
    TYPE_WORDS,
    AnyFilter,
    ChoiceField,
    ChoiceFilter,
    DateField,
    DateFilter,
    Filter,
    NearFilter,
    RangeField,
    RangeFilter,
    Relation,
    TextField,
    TextFilter,
    YearlyField,
    YearlyFilter,
)
from vuemantics_tui.domain.query.line import QueryError
from vuemantics_tui.domain.query.tree import Like, Sort

LIKE, SORT, NEAR = "like", "sort", "near"
YEARLY = YearlyField.DAY.value
_ALIASES = {"colour": "color", "on": "taken"}

_RANGE = re.compile(r"(>=|<=|>|<|=)?(.*)", re.DOTALL)
_NUMBER = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?)\s*([a-z]*)", re.IGNORECASE)
_SPAN = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9}(?:\.[0-9]{1,3})?)s?)?", re.IGNORECASE)
_DECIMAL = re.compile(r"[+-]?[0-9]{1,5}(?:\.[0-9]{1,6})?")
_ID = re.compile(r"[0-9a-f][0-9a-f-]{0,35}", re.IGNORECASE)

# As file managers count, and as sizes are shown here: 1 MB is a million bytes.
_BYTES = {
    **{"": 1, "b": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9},
    **{"t": 10**12, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40},
}
_HALF_OF_EARTH_KM = 20_040

# What each filter finds, and examples of it: for hints and help.
FILTERS: Mapping[str, tuple[str, str]] = {
    "type": (
        "image or photo, video, screenshot, animated, stack, or a format such as jpeg, raw or mp4",
        "type:video or type:jpeg",
    ),
    "status": ("waiting, running, completed, failed, cancelled, warning", "status:failed"),
    "is": (
        "hidden, failed, edited, duplicate, portrait, landscape, animated, stack, live, motion, burst, raw,"
        " missing, away, in-place, copied",
        "is:hidden",
    ),
    "tag": (r"a tag or an album; * for any characters, \* for a star", r'tag:cat, tag:ro* or tag:"5\* best"'),
    "name": ("part of the file name, or all of it with *", "name:holiday or name:img_*.jpg"),
    "camera": ("part of the camera's name", "camera:canon"),
    "place": ("part of a place: a town, a region or a country", 'place:rome, place:"new york" or place:"rome, italy"'),
    "country": ("a country, by its name or its code of two letters", "country:italy or country:it"),
    "color": ("one of the main colours", "color:blue"),
    "title": ("part of the title that the file brings", "title:holiday"),
    "creator": ("part of the creator's name that the file brings", "creator:anna"),
    "label": (r"the colour label, or another one; * for any characters", "label:red or label:*"),
    "source": ("part of the path of its source, or of the folders in it", "source:pictures or source:2024/*"),
    "error": ("part of the reason why an upload failed", 'error:"cannot be decoded"'),
    "rating": ("0 to 5 stars, or rejected", "rating:>=4, rating:5 or rating:2..3"),
    "after": ("taken, or else added, on that day or later", "after:2024-06 or after:7d"),
    "before": ("taken, or else added, before that day", "before:2024 or before:7d"),
    "taken": (
        "taken, or else added, on that day, in that month, year or season",
        'taken:yesterday, taken:2024-06-30, taken:"June 2019" or taken:"last summer"',
    ),
    YEARLY: ("taken on that day of any year", "day:28-nov or day:24-dec"),
    "dated": (
        "what its date comes from: hand, exif, xmp, iptc, gps, quicktime, avi, container, name, file, or no",
        "dated:name or dated:no",
    ),
    "size": ("file size", "size:>5MB, size:<=200KB or size:1MB..5MB"),
    "width": ("width in pixels", "width:>1920 or width:800..1200"),
    "height": ("height in pixels", "height:>1080 or height:800..1200"),
    "duration": ("length of a video", "duration:>30s, duration:2m or duration:30s..2m"),
    NEAR: ("where it was taken: latitude, longitude, kilometres", "near:52.52,13.4,5"),
    LIKE: ("what looks like an upload or a file", "like:3f2a or like:./file.jpg"),
    SORT: ("newest, oldest, largest, smallest, name, quality or score", "sort:oldest"),
}
FILTER_NAMES: tuple[str, ...] = tuple(FILTERS)
"""Every name that may precede a colon."""


def example_of(name: str) -> str:
    """Return an example of a filter, as a hint."""
    return f"For example: {FILTERS[name][1]}"


def known_name(name: str) -> str | None:
    """Return the filter that a name stands for, ignoring case, or None."""
    name = _ALIASES.get(name.lower(), name.lower())
    return name if name in FILTER_NAMES else None


def unknown_name(name: str, token: str, place: int) -> QueryError:
    """Return the error for an unknown filter."""
    near = get_close_matches(name.lower(), (*FILTER_NAMES, *_ALIASES), 1, 0.5)
    meant = f"Did you mean {near[0]}:? " if near else f"The filters are: {', '.join(FILTER_NAMES)}. "
    quoted = token.replace('"', "")
    return QueryError(f"There is no filter {name}:", place, f'{meant}To search for these words, quote them: "{quoted}"')


def read_filter(name: str, value: str, place: int, negated: bool) -> Filter:
    """Read the filter `name:value`, whose value starts at `place`. Raises QueryError."""
    if name in list(TextField):
        return TextFilter(TextField(name), " ".join(value.split()), negated)
    if name in list(ChoiceField):
        field = ChoiceField(name)
        if field is ChoiceField.TYPE:
            known = BY_EXTENSION.get(value.lower())
            value = known.alias if known else TYPE_WORDS.get(value.lower(), value)
        return ChoiceFilter(field, _choice(name, value, CHOICES[field], place), negated)
    if name in list(DateField):
        return DateFilter(DateField(name), _day(name, value, place), negated)
    if name == YEARLY:
        return _yearly(value, place, negated)
    if name in list(RangeField):
        return _range(RangeField(name), value, place, negated)
    return _near(value, place, negated)


def any_of(filters: Sequence[Filter], negated: bool) -> Filter:
    """Return what finds uploads that meet one of several filters of the same field, each of them once."""
    plain = tuple(
        dict.fromkeys(replace(one, negated=False) for one in filters if not isinstance(one, NearFilter | AnyFilter))
    )
    return AnyFilter(plain, negated) if len(plain) > 1 else filters[0]


def read_sort(value: str, place: int) -> Sort:
    """Read the value of `sort:`. Raises QueryError."""
    return Sort(_choice(SORT, value, [sort.value for sort in Sort], place))


def is_upload(value: str) -> bool:
    """Whether a value of `like:` is the beginning of an ID."""
    return _ID.fullmatch(value) is not None


def read_like(value: str, place: int) -> Like:
    """Read the value of `like:`. Raises QueryError."""
    if any(mark in value for mark in "/\\.~"):
        return Like(value, is_path=True)
    if is_upload(value):
        return Like(value.lower(), is_path=False)
    raise QueryError(f"{LIKE}: takes an upload ID or the path of a picture, not {value!r}", place, example_of(LIKE))


def _choice(name: str, value: str, choices: list[str] | tuple[str, ...], place: int) -> str:
    if value.lower() in choices:
        return value.lower()
    near = get_close_matches(value.lower(), choices, 1)
    meant = f"Did you mean {name}:{near[0]}? " if near else ""
    raise QueryError(f"{name}: cannot be {value!r}", place, f"{meant}Choose one of: {', '.join(choices)}.")


def _day(name: str, value: str, place: int) -> Day:
    try:
        day = read_day(value)
    except ValueError:
        raise QueryError(f"There is no such day: {value}", place, "Write a day as 2024-06-30 or 30 Jun 2024.") from None
    if day is None:
        hint = f'For example: {DAY_EXAMPLES}. Quote what has spaces: {name}:"last summer".'
        raise QueryError(f"{name}: needs a day, not {value!r}", place, hint)
    return day


def _yearly(value: str, place: int, negated: bool) -> YearlyFilter:
    found = read_day_of_year(value)
    if found is None:
        raise QueryError(f"{YEARLY}: needs a day and a month, not {value!r}", place, example_of(YEARLY))
    return YearlyFilter(*found, negated)


def _range(field: RangeField, value: str, place: int, negated: bool) -> RangeFilter:
    read = _READERS.get(field, _pixels)
    wrong = QueryError(f"{field.value}: cannot be {value!r}", place, example_of(field.value))
    if ".." in value:
        first, _, last = value.partition("..")
        low, high = _between(first, last, read, field)
        if low is None or high is None or low > high:
            raise wrong
        return RangeFilter(field, Relation.BETWEEN, low, high, negated)
    match = _RANGE.fullmatch(value)
    number = read(match[2].strip()) if match else None
    if match is None or number is None:
        raise wrong
    relation = Relation.EQUAL if match[1] in (None, "=") else Relation(match[1])
    return RangeFilter(field, relation, number, None, negated)


def _between(
    first: str, last: str, read: Callable[[str], int | None], field: RangeField
) -> tuple[int | None, int | None]:
    """Return both ends; in 1..5MB the unit applies to both."""
    if field is RangeField.SIZE and first.strip().replace(".", "", 1).isdigit():
        unit = _NUMBER.fullmatch(last.strip())
        first += unit[2] if unit else ""
    return read(first.strip()), read(last.strip())


def _bytes(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    unit = _BYTES.get(match[2].lower()) if match else None
    return int(Decimal(match[1]) * unit) if match and unit else None


def _pixels(text: str) -> int | None:
    text = text.lower().removesuffix("px")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def _milliseconds(text: str) -> int | None:
    match = _SPAN.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds = match.groups()
    return int((Decimal(hours or 0) * 3600 + Decimal(minutes or 0) * 60 + Decimal(seconds or 0)) * 1000)


def _stars(text: str) -> int | None:
    if text.lower() == "rejected":
        return REJECTED
    return int(text) if re.fullmatch(f"{REJECTED}|[0-{MOST_STARS}]", text) else None


_READERS = {RangeField.SIZE: _bytes, RangeField.DURATION: _milliseconds, RangeField.RATING: _stars}


def _near(value: str, place: int, negated: bool) -> NearFilter:
    parts = [part.strip() for part in value.split(",")]
    if len(parts) == 2:
        parts.append("1")
    if len(parts) == 3 and all(_DECIMAL.fullmatch(part) for part in parts):
        latitude, longitude, kilometres = (float(part) for part in parts)
        if abs(latitude) <= 90 and abs(longitude) <= 180 and 0 < kilometres <= _HALF_OF_EARTH_KM:
            return NearFilter(latitude, longitude, kilometres, negated)
    raise QueryError(
        f"{NEAR}: cannot be {value!r}",
        place,
        "Give latitude, longitude and kilometres: near:52.52,13.4,5",
    )
