"""Facets: what a search line can be narrowed by, how many uploads each would leave, and the narrowed line."""

from __future__ import annotations

from array import array
from calendar import month_name
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby
from typing import TypeAlias

from vuemantics_tui.domain.days import Day, DayKind
from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.fields import rating_words
from vuemantics_tui.domain.query import (
    ChoiceField,
    ChoiceFilter,
    DateField,
    DateFilter,
    RangeField,
    RangeFilter,
    Relation,
    TextField,
    TextFilter,
    parse_query,
)
from vuemantics_tui.domain.query.filters import TYPES_BY_LOOK, OneValue
from vuemantics_tui.domain.query.line import literal
from vuemantics_tui.domain.query.parts import (
    filters_of,
    same_filter,
    with_filter,
    with_part,
    without_fields,
    without_filter,
    without_part,
)
from vuemantics_tui.domain.text import folded
from vuemantics_tui.search.ranking import DEPTH, Ranking
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.facets import Chosen, FacetStore, PlaceCount
from vuemantics_tui.store.filters import FilterStore
from vuemantics_tui.store.search import SavedSearches

# Counting what a saved search leaves takes about as long as running it.
MOST_COUNTED = 20
_TYPES = {
    "image": "photos",
    "video": "videos",
    "screenshot": "screenshots",
    "animated": "animations",
    "raw": "RAW",
    "stack": "stacks",
}


class FacetSection(StrEnum):
    """A kind of facets, by its title."""

    PLACES = "Places"
    DATES = "Dates"
    TAGS = "Tags"
    ALBUMS = "Albums"
    CAMERAS = "Cameras"
    TYPES = "Types"
    RATINGS = "Ratings"
    SAVED = "Saved searches"

    @property
    def either(self) -> bool:
        """Whether several facets of it are alternatives: an upload has one place, but many tags."""
        return self in _FIELDS


# The fields whose filters are facets of a section of alternatives.
_FIELDS: Mapping[FacetSection, tuple[str, ...]] = {
    FacetSection.PLACES: (TextField.PLACE, TextField.COUNTRY),
    FacetSection.DATES: (DateField.ON,),
    FacetSection.CAMERAS: (TextField.CAMERA,),
    FacetSection.TYPES: (ChoiceField.TYPE,),
    FacetSection.RATINGS: (RangeField.RATING,),
}


@dataclass(frozen=True, slots=True)
class Facet:
    """One thing to narrow by.

    `forms` are the filters that may stand for it, the shortest first, or `query` is a saved search. `count` is how
    many uploads it leaves, None where that is not counted. `within` it are others, as months are within a year.
    `places` are the numbers of the places that it stands for.
    """

    name: str
    count: int | None
    forms: tuple[OneValue, ...] = ()
    query: str = ""
    chosen: bool = False
    within: tuple[Facet, ...] = ()
    places: tuple[int, ...] = ()


Facets: TypeAlias = Mapping[FacetSection, Sequence[Facet]]
"""The facets of each section that has any, in the order to show."""


class FacetSearch:
    """Finds the facets of a search line."""

    def __init__(self, database: Database, filters: FilterStore, ranking: Ranking) -> None:
        self._store = FacetStore(database)
        self._saved = SavedSearches(database)
        self._filters = filters
        self._ranking = ranking

    async def of(self, text: str, *, show_hidden: bool = False) -> Facets:
        """Return the facets of a line, which may be empty.

        A section of alternatives is counted without the line's own filters of that section: what each of them would
        find. What the line says and nothing has is there too, without a count, so that it can be taken away.
        """
        known: dict[str, Chosen] = {}

        async def among(line: str) -> Chosen:
            if line not in known:
                known[line] = await self._store.choose(await self._numbers(line, show_hidden))
            return known[line]

        async def without(section: FacetSection) -> Chosen:
            return await among(without_fields(text, _FIELDS[section]))

        found: dict[FacetSection, Sequence[Facet]] = {}
        found[FacetSection.PLACES] = _places(await self._store.places(await without(FacetSection.PLACES)))
        found[FacetSection.DATES] = _dates(await self._store.months(await without(FacetSection.DATES)))
        tags = await self._store.tags(await among(text))
        for section, is_album in ((FacetSection.TAGS, False), (FacetSection.ALBUMS, True)):
            found[section] = [
                Facet(tag.name, tag.uploads, (TextFilter.exactly(TextField.TAG, tag.name),))
                for tag in tags
                if tag.album is is_album
            ]
        found[FacetSection.CAMERAS] = _cameras(await self._store.cameras(await without(FacetSection.CAMERAS)))
        found[FacetSection.TYPES] = await self._types(await without(FacetSection.TYPES))
        ratings = await self._store.ratings(await without(FacetSection.RATINGS))
        found[FacetSection.RATINGS] = [
            Facet(rating_words(stars), count, (RangeFilter(RangeField.RATING, Relation.EQUAL, stars),))
            for stars, count in ratings.items()
        ]
        found[FacetSection.SAVED] = await self._saved_searches(text, show_hidden)
        demanded = filters_of(text)
        marked = {section: [_marked(facet, text, demanded) for facet in facets] for section, facets in found.items()}
        _add_others(marked, demanded)
        return {section: facets for section, facets in marked.items() if facets}

    async def get_ready(self) -> None:
        """Read into memory what makes later calls of `of` quick in a large library. Raises LibraryError."""
        await self._store.get_ready()

    async def toggled(self, text: str, section: FacetSection, facet: Facet, others: Iterable[Facet] = ()) -> str:
        """Return the line with a facet, or without it if it has it.

        Of the `others`, those that it is within, or that are within it, go.
        """
        if facet.query:
            return without_part(text, facet.query) if facet.chosen else with_part(text, facet.query)
        if facet.chosen:
            for form in facet.forms:
                text = without_filter(text, form)
            return text
        nested = [*facet.within, *(other for other in others if facet in other.within)]
        instead_of = [form for other in nested for form in other.forms]
        return with_filter(text, await self._exact(facet), either=section.either, instead_of=instead_of)

    async def _exact(self, facet: Facet) -> OneValue:
        """Return the shortest filter that finds this facet and no other one."""
        for form in facet.forms:
            if not isinstance(form, TextFilter) or form.field is not TextField.PLACE:
                return form
            if await self._filters.finds_only(form, facet.places):
                return form
        return facet.forms[-1]

    async def _numbers(self, text: str, show_hidden: bool) -> array[int]:
        query = parse_query(text, typing=True)
        if query.operands:
            try:
                ranked = await self._ranking.search(query, DEPTH, show_hidden=show_hidden, members=True)
            except VuemanticsError:
                return array("q")  # what the line names is not there: the list says so
            return array("q", ranked.numbers)
        return (await self._filters.matching(query, datetime.now(), show_hidden)).numbers

    async def _types(self, chosen: Chosen) -> list[Facet]:
        counts = await self._store.types(chosen)
        for choice in TYPES_BY_LOOK:
            if choice != "stack" or chosen.stacks:
                condition = await self._filters.condition_of(ChoiceFilter(ChoiceField.TYPE, choice))
                counts[choice] = await self._store.count(condition, chosen)
        return [
            Facet(name, counts[choice], (ChoiceFilter(ChoiceField.TYPE, choice),))
            for choice, name in _TYPES.items()
            if counts.get(choice)
        ]

    async def _saved_searches(self, text: str, show_hidden: bool) -> list[Facet]:
        facets = []
        for place, saved in enumerate(await self._saved.all()):
            count = None
            line = with_part(text, saved.query)
            if place < MOST_COUNTED and not parse_query(line, typing=True).operands:
                count = (await self._store.choose(await self._numbers(line, show_hidden))).total
            facets.append(Facet(saved.name, count, query=saved.query))
        return facets


def _marked(facet: Facet, text: str, demanded: Sequence[OneValue]) -> Facet:
    """Return a facet that says whether a line has it; `demanded` are the filters of the line."""
    if facet.query:
        chosen = with_part(text, facet.query) == text
    else:
        chosen = any(same_filter(value, form) for value in demanded for form in facet.forms)
    return replace(facet, chosen=chosen, within=tuple(_marked(each, text, demanded) for each in facet.within))


def _add_others(found: Mapping[FacetSection, list[Facet]], demanded: Sequence[OneValue]) -> None:
    """Add what a line demands and no upload has."""
    sections = {field: section for section, fields in _FIELDS.items() for field in fields}
    for value in demanded:
        section = FacetSection.TAGS if value.field is TextField.TAG else sections.get(value.field)
        if section is None:
            continue
        of_field = [*found[section], *(found[FacetSection.ALBUMS] if section is FacetSection.TAGS else ())]
        forms = (form for facet in of_field for each in (facet, *facet.within) for form in each.forms)
        if not any(same_filter(form, value) for form in forms):
            found[section].insert(0, Facet(_name_of(value), None, (value,), chosen=True))


def _name_of(value: OneValue) -> str:
    """Return what an entry is called that only the line has."""
    if isinstance(value, DateFilter) and value.day.kind is DayKind.MONTH and value.day.first:
        return f"{month_name[value.day.first.month]} {value.day.first.year}"
    return value.value.strip('"')


def _places(counts: Sequence[PlaceCount]) -> list[Facet]:
    """Return the countries, each with the places in it, the most frequent first."""
    countries: dict[str, dict[str, list[PlaceCount]]] = {}
    for place in counts:
        countries.setdefault(place.country, {}).setdefault(place.name, []).append(place)
    facets = [_country(country, named) for country, named in countries.items()]
    return sorted(facets, key=lambda facet: -(facet.count or 0))


def _country(country: str, named: Mapping[str, Sequence[PlaceCount]]) -> Facet:
    towns = []
    for name, places in named.items():
        regions = {place.region for place in places}
        lines = [name, f"{name}, {country}"]
        if len(regions) == 1 and places[0].region:
            lines.append(f"{name}, {places[0].region}, {country}")
        forms = tuple(_place_filter(line) for line in lines if country or "," not in line)
        towns.append(
            Facet(name, sum(place.uploads for place in places), forms, places=tuple(place.number for place in places))
        )
    towns.sort(key=lambda town: -(town.count or 0))
    numbers = tuple(number for town in towns for number in town.places)
    count = sum(town.count or 0 for town in towns)
    if not country:
        # Places without a country, as a person may write them: they stand for themselves.
        return Facet("elsewhere", count, within=tuple(towns), places=numbers)
    return Facet(
        country, count, (_place_filter(country), _place_filter(f"*, {country}")), "", False, tuple(towns), numbers
    )


def _place_filter(line: str) -> TextFilter:
    return TextFilter(TextField.PLACE, line.lower())


def _dates(months: Mapping[str, int]) -> list[Facet]:
    """Return the years, each with its months, the latest first."""
    facets = []
    for year, group in groupby(months.items(), key=lambda pair: pair[0][:4]):
        inside = [(month, count) for month, count in group]
        first = date(int(year), 1, 1)
        within = tuple(
            Facet(month_name[int(month[5:])], count, (_on(DayKind.MONTH, first.replace(month=int(month[5:]))),))
            for month, count in inside
        )
        total = sum(count for _, count in inside)
        facets.append(Facet(year, total, (_on(DayKind.YEAR, first),), within=within))
    return facets


def _on(kind: DayKind, first: date) -> DateFilter:
    return DateFilter(DateField.ON, Day(kind, first))


def _cameras(counts: Mapping[str, int]) -> list[Facet]:
    names = [folded(camera) for camera in counts]
    facets = []
    for camera, count in counts.items():
        # A part of a name finds the camera; where it is a part of another one's, too, it must end so.
        alone = sum(folded(camera) in name for name in names) == 1
        forms = tuple(TextFilter(TextField.CAMERA, text) for text in (literal(camera), f"*{literal(camera)}"))
        facets.append(Facet(camera, count, forms if alone else forms[::-1]))
    return facets
