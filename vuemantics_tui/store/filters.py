"""Which uploads the filters of a query leave, and in what order."""

from __future__ import annotations

import asyncio
import json
import math
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from vuemantics_tui.domain.formats import ANIMATED, SCREENSHOT_NAMES, mime_types
from vuemantics_tui.domain.media import MOST_STARS, REJECTED, label_name
from vuemantics_tui.domain.query import (
    UNDATED,
    AnyFilter,
    ChoiceField,
    ChoiceFilter,
    DateField,
    DateFilter,
    Filter,
    NearFilter,
    Query,
    RangeField,
    RangeFilter,
    Relation,
    Sort,
    TextField,
    TextFilter,
    YearlyFilter,
)
from vuemantics_tui.domain.query.filters import TYPES_BY_LOOK, OneValue
from vuemantics_tui.domain.text import folded, natural_order
from vuemantics_tui.store.database import Database, Row, escaped_like, json_list
from vuemantics_tui.store.places import country_condition, place_condition
from vuemantics_tui.store.search import phrase_expression

EARTH_KM = 6371.0
KM_A_DEGREE = 111.0  # a little less than it is, so that the box around a circle is never too small
# A size or duration without a sign is meant roughly: 5 MB is what a list shows as that.
ROUGHLY = 0.1

# Each may hold the numbers of the whole library, 8 bytes each.
_REMEMBERED = 8

_COLUMNS = {
    RangeField.SIZE: "file_size",
    RangeField.WIDTH: "width",
    RangeField.HEIGHT: "height",
    RangeField.DURATION: "duration * 1000",
}
_STATUSES = {
    "waiting": "processing_status = 'pending'",
    "running": "processing_status IN ('analyzing', 'embedding')",
    "failed": "processing_status = 'failed'",
    "cancelled": "processing_status = 'failed' AND error_kind = 'cancelled'",
    "warning": "processing_status = 'completed' AND warning IS NOT NULL",
}
_MOMENT = "coalesce(taken_at, created_at)"
_ORDERS = {
    Sort.NEWEST: f"{_MOMENT} DESC, number DESC",
    Sort.OLDEST: f"{_MOMENT}, number",
    Sort.LARGEST: "file_size DESC, number DESC",
    Sort.SMALLEST: "file_size, number",
    Sort.NAME: "name_order, number DESC",
    # Uploads without one come last.
    Sort.QUALITY: "quality DESC, number DESC",
    # Without words there is no score.
    Sort.SCORE: f"{_MOMENT} DESC, number DESC",
}
# The index that has the order, or else all that is asked for of each upload: so that no row of the table is read.
_INDEXES = dict.fromkeys((Sort.NEWEST, Sort.OLDEST, Sort.SCORE), "uploads_by_moment") | {
    Sort.NAME: "uploads_view_name",
    Sort.QUALITY: "uploads_view_quality",
}
_FACTS = "uploads_facts"


@dataclass(frozen=True, slots=True)
class Condition:
    """What an upload must be: SQL over the columns of `uploads`, and its parameters.

    With `has_set` a set of numbers leads to the uploads, so that not all of them need be looked at.
    """

    sql: str
    parameters: tuple[Any, ...] = ()
    has_set: bool = False


def _having(role: str) -> str:
    """Return what is true of those in a stack that has an upload with this role."""
    return (
        f"stack IN (SELECT stack FROM uploads WHERE stack IS NOT NULL AND stack_role = '{role}' AND deleted_at IS NULL)"
    )


_KINDS = {
    "failed": Condition("number IN (SELECT number FROM uploads WHERE processing_status = 'failed')", has_set=True),
    "edited": Condition("number IN (SELECT upload FROM descriptions WHERE current = 1 AND edited = 1)", has_set=True),
    "duplicate": Condition("number IN (SELECT number FROM uploads WHERE duplicate_group IS NOT NULL)", has_set=True),
    "stack": Condition("stack IN (SELECT number FROM uploads WHERE stack_count > 1)"),
    "live": Condition(_having("clip")),
    "burst": Condition(_having("frame")),
    "raw": Condition(
        "number IN (SELECT number FROM uploads WHERE mime_type IN (SELECT value FROM json_each(?)))",
        (json_list(mime_types("raw")),),
        has_set=True,
    ),
    "motion": Condition("number IN (SELECT number FROM uploads WHERE motion_bytes IS NOT NULL)", has_set=True),
    "animated": Condition(
        "number IN (SELECT number FROM uploads WHERE mime_type IN ("
        + ", ".join(f"'{each.mime_type}'" for each in ANIMATED)
        + ") AND json_extract(metadata, '$.frames') > 1)",
        has_set=True,
    ),
    "missing": Condition("number IN (SELECT number FROM uploads WHERE missing_since IS NOT NULL)", has_set=True),
    "away": Condition(
        "number IN (SELECT uploads.number FROM sources JOIN uploads ON source = sources.number"
        " WHERE away_since IS NOT NULL)",
        has_set=True,
    ),
    "in-place": Condition("number IN (SELECT number FROM uploads WHERE source IS NOT NULL)", has_set=True),
    "copied": Condition("number NOT IN (SELECT number FROM uploads WHERE source IS NOT NULL)"),
    "screenshot": Condition(
        "number IN (SELECT number FROM uploads WHERE "
        + " OR ".join("(name_order >= ? AND name_order < ?)" for _ in SCREENSHOT_NAMES)
        + ")",
        tuple(end for name in SCREENSHOT_NAMES for end in (natural_order(name), natural_order(name) + "\U0010ffff")),
        has_set=True,
    ),
    "hidden": Condition("hidden = 1"),
    "portrait": Condition("height > width"),
    "landscape": Condition("width > height"),
}


@dataclass(frozen=True, slots=True)
class Matching:
    """The numbers of the uploads that a query's filters leave, ascending, and the condition that they meet."""

    numbers: array[int]
    condition: Condition


class FilterStore:
    """Reads which uploads meet a query's filters, hold its phrases, and nothing that it leaves out."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version: int | None = None
        self._remembered: dict[Condition, Matching] = {}

    async def condition(self, query: Query, now: datetime, show_hidden: bool = False, texts: bool = True) -> Condition:
        """Return the condition of a query's filters, and with `texts` also of its phrases and what it excludes.

        Days count from `now`, in its zone, or without one in that of this machine. What is hidden is wanted where
        `is:hidden` or `show_hidden` says so; what is in the trash never is.
        """
        parts = [await self._condition_of(one, now) for one in query.filters]
        if texts:
            parts.extend(_holding(words) for words in query.phrases)
        if texts and query.excluded_phrases:
            expression = " OR ".join(phrase_expression(words) for words in query.excluded_phrases)
            parts.append(Condition("number NOT IN (SELECT rowid FROM fulltext WHERE fulltext MATCH ?)", (expression,)))
        has_set = any(part.has_set for part in parts)
        if not (show_hidden or wants_hidden(query)):
            parts.append(Condition("hidden = 0"))
        # Of the few that a set leads to the row is read, in which this stands far behind; an index has it at hand.
        trashed = "number NOT IN (SELECT number FROM uploads WHERE deleted_at IS NOT NULL)"
        parts.append(Condition(trashed if has_set else "deleted_at IS NULL"))
        return Condition(
            " AND ".join(f"({part.sql})" for part in parts),
            tuple(parameter for part in parts for parameter in part.parameters),
            has_set,
        )

    async def matching(self, query: Query, now: datetime, show_hidden: bool = False, texts: bool = True) -> Matching:
        """Return the uploads that meet the condition of a query, remembered until the library changes.

        While the words behind a filter are typed, it is the same filter with every key.
        """
        version = await self._database.data_version()
        if version != self._version:
            self._version, self._remembered = version, {}
        condition = await self.condition(query, now, show_hidden, texts)
        if condition in self._remembered:
            return self._remembered[condition]
        # Without a set to go by, all are looked at, but of each only what the index holds.
        index = "" if condition.has_set else f"INDEXED BY {_FACTS}"
        numbers = await self._database.fetch_integers(
            f"SELECT number FROM uploads {index} WHERE {condition.sql} ORDER BY number", condition.parameters
        )
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        matching = self._remembered[condition] = Matching(numbers, condition)
        return matching

    async def listed(
        self, query: Query, now: datetime, show_hidden: bool = False, covers_only: bool = True
    ) -> array[int]:
        """Return the uploads that meet the condition of a query, in its order or else the newest first.

        The newest is what was taken last, or added, where the file does not say. With `covers_only` each stack is
        listed once, by the upload that stands for it.
        """
        condition = await self.condition(query, now, show_hidden)
        sort = query.sort or Sort.NEWEST
        index = "" if condition.has_set else f"INDEXED BY {_INDEXES.get(sort, _FACTS)}"
        number = "coalesce(stack, number)" if covers_only else "number"
        found = await self._database.fetch_integers(
            f"SELECT {number} FROM uploads {index} WHERE {condition.sql} ORDER BY {_ORDERS[sort]}", condition.parameters
        )
        return array("q", dict.fromkeys(found)) if covers_only else found

    async def condition_of(self, one: OneValue) -> Condition:
        """Return what a filter demands that names no day."""
        return await self._condition_of(one, datetime.now())

    async def finds_only(self, one: TextFilter, places: Sequence[int]) -> bool:
        """Tell whether a filter by place finds no uploads but those of the places of these numbers."""
        condition = _by_text(one)
        row = await self._database.fetch_one(
            f"SELECT 1 FROM uploads WHERE {condition.sql} AND place NOT IN (SELECT value FROM json_each(?)) LIMIT 1",
            (*condition.parameters, json_list(places)),
        )
        return row is None

    async def covers(self, numbers: Collection[int]) -> dict[int, int]:
        """Return who stands for each of these in lists, as far as that is another upload of its stack."""
        rows = await self._database.fetch(
            "SELECT number, stack FROM uploads WHERE number IN (SELECT value FROM json_each(?)) AND stack <> number",
            (json_list(numbers),),
        )
        return {row[0]: row[1] for row in rows}

    async def ordered(self, numbers: Collection[int], sort: Sort) -> list[int]:
        """These uploads in an order by what they are."""
        rows = await self._database.fetch_integers(
            f"SELECT number FROM uploads WHERE number IN (SELECT value FROM json_each(?)) ORDER BY {_ORDERS[sort]}",
            (json_list(numbers),),
        )
        return list(rows)

    async def cameras(self, part: str, limit: int) -> list[tuple[str, int]]:
        """Return the cameras with this part in their names and how many uploads each took, the most used first."""
        rows = await self._database.fetch(
            """
            SELECT camera, count(*) AS uses FROM uploads WHERE camera IS NOT NULL
            GROUP BY camera HAVING folded(camera) LIKE ? ESCAPE '\\' ORDER BY uses DESC, camera LIMIT ?
            """,
            (_pattern(("", part, "")), limit),
        )
        return [(row[0], row[1]) for row in rows]

    async def _condition_of(self, one: Filter, now: datetime) -> Condition:
        match one:
            case TextFilter():
                condition = _by_text(one)
            case ChoiceFilter():
                condition = _by_choice(one)
            case DateFilter():
                condition = _by_date(one, now)
            case YearlyFilter():
                condition = Condition("substr(taken_at, 5, 6) = ?", (f"-{one.month:02}-{one.day:02}",))
            case RangeFilter():
                condition = _by_range(one)
            case NearFilter():
                condition = await self._by_place(one)
            case AnyFilter():
                condition = _any_of([await self._condition_of(each, now) for each in one.filters])
        if not one.negated:
            return condition
        # What is not known is not so either.
        return Condition(f"({condition.sql}) IS NOT TRUE", condition.parameters)

    async def _by_place(self, near: NearFilter) -> Condition:
        """Few are in the box around the circle, and of these the distance is computed."""
        height = near.kilometres / KM_A_DEGREE
        narrowest = math.cos(math.radians(min(90.0, abs(near.latitude) + height)))
        width = height / narrowest if narrowest > 0.01 else 360.0
        west, east = near.longitude - width, near.longitude + width
        # Over the edge of the map the box would fall into two: then it goes all around.
        if west < -180 or east > 180:
            west, east = -180.0, 180.0
        rows = await self._database.fetch(
            "SELECT number, latitude, longitude FROM uploads INDEXED BY uploads_by_place"
            " WHERE latitude IS NOT NULL AND latitude BETWEEN ? AND ? AND longitude BETWEEN ? AND ?",
            (near.latitude - height, near.latitude + height, west, east),
        )
        numbers = await asyncio.to_thread(_numbers_near, near, rows)
        return Condition("number IN (SELECT value FROM json_each(?))", (numbers,), True)


def wants_hidden(query: Query) -> bool:
    """Tell whether a query asks for hidden uploads with a filter that is not negated."""
    asked = (each for one in query.filters if not one.negated for each in getattr(one, "filters", (one,)))
    return any(isinstance(one, ChoiceFilter) and one.choice == "hidden" for one in asked)


def _any_of(conditions: Sequence[Condition]) -> Condition:
    return Condition(
        " OR ".join(f"({one.sql})" for one in conditions),
        tuple(parameter for one in conditions for parameter in one.parameters),
        all(one.has_set for one in conditions),
    )


def _holding(words: Sequence[str]) -> Condition:
    expression = phrase_expression(words)
    return Condition("number IN (SELECT rowid FROM fulltext WHERE fulltext MATCH ?)", (expression,), True)


def _by_text(one: TextFilter) -> Condition:
    if one.field in (TextField.PLACE, TextField.COUNTRY):
        if one.field is TextField.COUNTRY:
            sql, parameters = country_condition(one.pieces)
        else:
            sql, parameters = place_condition(one.text)
        named = f"SELECT number FROM uploads WHERE place IN (SELECT number FROM places WHERE {sql})"
        return Condition(f"number IN ({named})", parameters, True)
    if one.field is TextField.SOURCE:
        return _by_source(one)
    if one.field is TextField.TAG:
        comparison = "= ?" if len(one.pieces) == 1 else "LIKE ? ESCAPE '\\'"
        sql = f"number IN (SELECT upload FROM tags JOIN tagged ON tag = tags.number WHERE folded {comparison})"
        return Condition(sql, (folded(one.pieces[0]) if len(one.pieces) == 1 else _pattern(one.pieces),), True)
    if one.field is TextField.LABEL:
        pieces = one.pieces if len(one.pieces) > 1 else (label_name(one.pieces[0]),)
    else:
        # Without a wildcard a part of the text is enough.
        pieces = one.pieces if len(one.pieces) > 1 else ("", *one.pieces, "")
    pattern = _pattern(pieces)
    if one.field is TextField.NAME:
        sql = "number IN (SELECT number FROM uploads INDEXED BY uploads_view_name WHERE folded_name LIKE ? ESCAPE '\\')"
        return Condition(sql, (pattern,), True)
    if one.field is TextField.COLOR:
        # From name to name through the index: there are few names and many rows.
        sql = """
            number IN (SELECT upload FROM colours WHERE name IN (
                WITH RECURSIVE names (name) AS (
                    SELECT min(name) FROM colours
                    UNION ALL
                    SELECT (SELECT min(name) FROM colours WHERE name > names.name) FROM names
                    WHERE names.name IS NOT NULL
                )
                SELECT name FROM names WHERE name LIKE ? ESCAPE '\\'
            ))
        """
        return Condition(sql, (pattern.replace("gray", "grey"),), True)
    if one.field is TextField.ERROR:
        sql = f"""
            number IN (SELECT number FROM uploads
            WHERE {_STATUSES["failed"]} AND folded(error_message) LIKE ? ESCAPE '\\')
        """
        return Condition(sql, (pattern,), True)
    # Each text is folded once, whatever number of uploads has it.
    column = one.field.value
    sql = f"""
        number IN (SELECT number FROM uploads WHERE {column} IN (
            SELECT {column} FROM uploads WHERE {column} IS NOT NULL
            GROUP BY {column} HAVING folded({column}) LIKE ? ESCAPE '\\'
        ))
    """
    return Condition(sql, (pattern,), True)


def _by_source(one: TextFilter) -> Condition:
    """Compare the path of the source, and of the folder in it: each folder is folded once."""
    pattern = _pattern(one.pieces if len(one.pieces) > 1 else ("", *one.pieces, ""))
    sql = """
        number IN (
            WITH RECURSIVE folders (at, inside) AS (
                SELECT number, (SELECT min(folder) FROM locations WHERE source = number) FROM sources
                UNION ALL
                SELECT at, (SELECT min(folder) FROM locations WHERE source = at AND folder > inside) FROM folders
                WHERE inside IS NOT NULL
            )
            SELECT upload FROM (
                SELECT at, inside FROM folders JOIN sources ON number = at
                WHERE folded(iif(inside = '', path, path || '/' || inside)) LIKE ? ESCAPE '\\'
            ) CROSS JOIN locations INDEXED BY locations_by_path ON source = at AND folder = inside
            WHERE upload IS NOT NULL AND state < 2
        )
    """
    return Condition(sql, (pattern,), True)


def _by_choice(one: ChoiceFilter) -> Condition:
    if one.field is ChoiceField.TYPE and one.choice in TYPES_BY_LOOK:
        return _KINDS[one.choice]
    if one.field is ChoiceField.TYPE:
        if types := mime_types(one.choice):
            sql = f"number IN (SELECT number FROM uploads WHERE mime_type IN ({', '.join('?' * len(types))}))"
            return Condition(sql, types, True)
        return Condition("file_type = ?", (one.choice,))
    if one.field is ChoiceField.IS:
        return _KINDS[one.choice]
    if one.field is ChoiceField.DATED:
        if one.choice == UNDATED:
            return Condition("taken_at IS NULL")
        return Condition("number IN (SELECT number FROM uploads WHERE taken_from = ?)", (one.choice,), True)
    if one.choice == "completed":
        # Selected by exclusion, because nearly all uploads are completed.
        others = "'pending', 'analyzing', 'embedding', 'failed'"
        return Condition(f"number NOT IN (SELECT number FROM uploads WHERE processing_status IN ({others}))")
    return Condition(f"number IN (SELECT number FROM uploads WHERE {_STATUSES[one.choice]})", has_set=True)


def _by_date(one: DateFilter, now: datetime) -> Condition:
    first, after = one.day.bounds(now.date())
    since = Condition("iif(taken_at IS NULL, created_at >= ?, taken_at >= ?)", (_utc(first, now), first.isoformat()))
    if one.field is DateField.AFTER:
        return since
    if one.field is DateField.BEFORE:
        return Condition(f"NOT {since.sql}", since.parameters)
    if after is None:
        return since
    return Condition(f"{since.sql} AND NOT {since.sql}", (*since.parameters, _utc(after, now), after.isoformat()))


def _utc(day: date, now: datetime) -> str:
    """The beginning of a day as the moments of adding are written."""
    if day.year <= 1970:
        return day.isoformat()  # before anything was added, and too far back to be converted everywhere
    return datetime.combine(day, time(), now.tzinfo).astimezone(UTC).isoformat(timespec="microseconds")


def _by_range(one: RangeFilter) -> Condition:
    if one.field is RangeField.RATING:
        return _by_rating(one)
    column = _COLUMNS[one.field]
    if one.high is not None:
        return Condition(f"{column} BETWEEN ? AND ?", (one.low, one.high))
    if one.relation is not Relation.EQUAL:
        return Condition(f"{column} {one.relation.value} ?", (one.low,))
    if one.field in (RangeField.SIZE, RangeField.DURATION):
        return Condition(f"{column} BETWEEN ? AND ?", (one.low * (1 - ROUGHLY), one.low * (1 + ROUGHLY)))
    return Condition(f"{column} = ?", (one.low,))


def _by_rating(one: RangeFilter) -> Condition:
    """Return what finds ratings; without one an upload counts as having no stars."""
    low, high = one.low, one.high
    if high is None:
        low = {Relation.LESS: REJECTED, Relation.AT_MOST: REJECTED, Relation.MORE: low + 1}.get(one.relation, low)
        high = {Relation.LESS: one.low - 1, Relation.AT_MOST: one.low, Relation.EQUAL: one.low}.get(
            one.relation, MOST_STARS
        )
    if low <= 0 <= high:
        sql = "number NOT IN (SELECT number FROM uploads WHERE rating IS NOT NULL AND rating NOT BETWEEN ? AND ?)"
        return Condition(sql, (low, high))
    sql = "number IN (SELECT number FROM uploads WHERE rating IS NOT NULL AND rating BETWEEN ? AND ?)"
    return Condition(sql, (low, high), True)


def _pattern(pieces: Sequence[str]) -> str:
    """The pattern of LIKE for these pieces, folded, with anything between them."""
    return "%".join(escaped_like(folded(piece)) for piece in pieces)


def _numbers_near(near: NearFilter, rows: Sequence[Row]) -> str:
    """Return the numbers of those rows (number, latitude, longitude) within the circle, as a list in JSON."""
    return json.dumps([row[0] for row in rows if distance(near, row[1], row[2]) <= near.kilometres])


def distance(near: NearFilter, latitude: float, longitude: float) -> float:
    """Kilometres along the surface, by the haversine formula."""
    here, there = math.radians(near.latitude), math.radians(latitude)
    turn = math.radians(longitude - near.longitude)
    half = math.sin((there - here) / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(turn / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))
