"""The names of places: from coordinates to the populated place, its region, its country and its time zone, offline.

`places.zip` beside this module has the places of GeoNames with 500 people and more, and the borders of countries;
`tools/places_table.py` makes it.
"""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.domain.media import Place
from vuemantics_tui.domain.text import folded

# A place further away than this does not say where a picture was taken; the country does, on land.
MOST_KM, MOST_KM_AT_SEA = 50.0, 20.0
# The clocks of a whole country rarely differ, so its nearest place tells the time from further away.
MOST_KM_FOR_ZONE = 1000.0

KM_A_DEGREE = 111.195
# The radius in km of a town of one person: a city of 1 million is 5 km wide to each side, as its dense part is.
_RADIUS = 0.005
_LARGEST_RADIUS = 12.0

_TABLE = Path(__file__).with_name("places.zip")
# As tools/places_table.py writes them.
_PLACE_UNITS, _BORDER_UNITS, _LAND_CELLS_A_DEGREE, _PEOPLE_A_DOUBLING = 1000, 10_000, 4, 8
# Places lie in rows from west to east, a row 28 km high: so those around a point are few slices of a table.
_ROWS_A_DEGREE = 4
_NEAR_KM = 16.0
# This near to a place that lies across the border of its country, the border is taken to be wrong.
_STRADDLING_KM = 1.0

# A city has this many people, on the scale of the table, and is known without its country if it is so many times as
# large as any other of its name.
_CITY, _RIVALLED = round(_PEOPLE_A_DOUBLING * math.log2(100_000)), 5

_Floats = NDArray[np.float64]
_Integers = NDArray[np.int64]


def locate(latitude: float, longitude: float) -> tuple[Place | None, str | None]:
    """Return the place at these coordinates, in degrees north and east, and the name of its time zone.

    A place is never in another country than the one whose borders surround the point. Where nobody lives within 50 km,
    only the country is named, and at sea, far from any town, nothing. Either is None where it is not known.
    """
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None, None
    return _located(round(latitude, 4), round(longitude, 4))


def read_place(text: str) -> Place:
    """Return the place that a person names as `Rome`, `Rome, Italy` or `Rome, Lazio, Italy`.

    Where the country is named, by its code or one of its names, and has such a town, what else is known of the town is
    added; without a country, if it is a city that no other rivals. Otherwise the names are taken as they are.
    """
    parts = [" ".join(part.split()) for part in text.split(",")]
    names = [part for part in parts if part]
    if not names:
        return Place()
    table = _table()
    country = table.country_named(names[-1])
    if country is None:
        city = table.city_named(names[0]) if len(names) == 1 else None
        return Place(names[0], ", ".join(names[1:])) if city is None else table.place(city)
    whole = table.country(country)
    name, region = (names[0], ", ".join(names[1:-1])) if len(names) > 1 else (names[-1], "")
    town = table.town_named(name, region, country)
    if town is not None:
        return table.place(town)
    return replace(whole, name=name, region=region) if len(names) > 1 else whole


@lru_cache(maxsize=4096)
def _located(latitude: float, longitude: float) -> tuple[Place | None, str | None]:
    table = _table()
    country, is_land = table.country_at(latitude, longitude), table.is_land(latitude, longitude)
    found = table.nearest(latitude, longitude, country, MOST_KM if is_land else MOST_KM_AT_SEA)
    if found is not None:
        return table.place(found), table.zone(found)
    if country is None or not is_land:
        return None, None
    far = table.nearest(latitude, longitude, country, MOST_KM_FOR_ZONE)
    return table.country(country), None if far is None else table.zone(far)


@cache
def _table() -> _Table:
    with zipfile.ZipFile(_TABLE) as archive:
        return _Table.read({name: archive.read(name) for name in archive.namelist()})


@dataclass(slots=True)
class _Table:
    """The table in memory.

    `towns` has a row for each place, sorted by `keys`: degrees east and north, the radius in km, and the number of the
    country it is found in. `order` has their numbers; `people` is by number, in eighths of a doubling. `straddling` are
    the places that their country's border leaves out, by the country that they seem to be in, with degrees north and
    east.
    """

    countries: list[tuple[str, str, tuple[str, ...]]]
    regions: list[str]
    zones: list[str]
    groups: NDArray[np.uint16]
    group_of: NDArray[np.uint16]
    names: bytes
    ends: NDArray[np.int32]
    others: dict[int, str]
    keys: _Floats
    order: NDArray[np.int32]
    people: NDArray[np.uint8]
    towns: NDArray[np.float32]
    straddling: dict[int | None, list[tuple[int, float, float]]]
    edges: list[tuple[_Floats, _Floats, _Floats, _Floats, _Integers]]
    area_country: list[int]
    land: NDArray[np.uint8]

    @classmethod
    def read(cls, members: dict[str, bytes]) -> _Table:
        """Build the table from the members of its file."""
        index = json.loads(members["index.json"])
        groups = np.frombuffer(members["groups"], "<u2").reshape(-1, 4)
        group_of = np.repeat(np.arange(len(groups), dtype=np.uint16), groups[:, 3])
        north, east = (_sums(members[name]) / _PLACE_UNITS for name in ("latitudes", "longitudes"))
        keys = _key(np.floor(north * _ROWS_A_DEGREE), east)
        order = np.argsort(keys, kind="stable").astype(np.int32)
        people = np.frombuffer(members["people"], np.uint8)
        radii = np.minimum(_RADIUS * np.sqrt(2 ** (people / _PEOPLE_A_DOUBLING) - 1), _LARGEST_RADIUS)
        countries = groups[:, 0][group_of]
        for place, country in index["disputed"]:
            countries[place] = country
        straddling: dict[int | None, list[tuple[int, float, float]]] = {}
        for place, country in index["straddling"]:
            straddling.setdefault(country, []).append((place, float(north[place]), float(east[place])))
        towns = np.stack((east, north, radii, countries), axis=1).astype(np.float32)
        others = (line.partition("|") for line in members["others"].decode().split("\n"))
        return cls(
            countries=[(code, name, tuple(more)) for code, name, more in index["countries"]],
            regions=index["regions"],
            zones=index["zones"],
            groups=groups,
            group_of=group_of,
            names=members["names"],
            ends=np.flatnonzero(np.frombuffer(members["names"] + b"\n", np.uint8) == ord("\n")).astype(np.int32),
            others={int(number): names for number, _, names in others},
            keys=keys[order],
            order=order,
            people=people,
            towns=towns[order],
            straddling=straddling,
            edges=_edges(index["rings"], members),
            area_country=[country for country, *_ in index["rings"]],
            land=np.frombuffer(members["land"], np.uint8),
        )

    def country_at(self, latitude: float, longitude: float) -> int | None:
        """Return the number of the country whose borders surround a point, by the even-odd rule."""
        x1, y1, x2, y2, areas = self.edges[min(179, int(latitude + 90))]
        crossed = (y1 > latitude) != (y2 > latitude)
        x1, y1, x2, y2, areas = x1[crossed], y1[crossed], x2[crossed], y2[crossed], areas[crossed]
        east = x1 + (latitude - y1) * (x2 - x1) / (y2 - y1) > longitude
        crossings = np.bincount(areas[east])
        inside = np.flatnonzero(crossings & 1)
        return self.area_country[inside[0]] if len(inside) else None

    def nearest(self, latitude: float, longitude: float, country: int | None, most_km: float) -> int | None:
        """Return the number of the place that is nearest to a point, measured from where its town ends."""
        for number, north, east in self.straddling.get(country, ()):
            # A border is not exact to the last street, and here it is known to be wrong.
            if _km(latitude, longitude, north, east) < _STRADDLING_KM:
                return number
        near = min(_NEAR_KM, most_km)
        found = self._nearest(latitude, longitude, country, near)
        # What is beyond the circle is at least as far as its rim, less the radius of the largest city.
        if found is None or found[1] > near - _LARGEST_RADIUS:
            found = self._nearest(latitude, longitude, country, most_km)
        return None if found is None else found[0]

    def _nearest(
        self, latitude: float, longitude: float, country: int | None, most_km: float
    ) -> tuple[int, float] | None:
        height = most_km / KM_A_DEGREE
        width = height / math.cos(math.radians(min(89.0, abs(latitude) + height)))
        first, last = (math.floor((latitude + way) * _ROWS_A_DEGREE) for way in (-height, height))
        ends = []
        for turn in (-360, 0, 360):
            west, east = max(-180.0, longitude + turn - width), min(180.0, longitude + turn + width)
            if west <= east:
                ends += [_key(row, at) for row in range(first, last + 1) for at in (west, east)]
        at = np.searchsorted(self.keys, ends).tolist()
        spans = [(start, end) for start, end in zip(at[::2], at[1::2], strict=True) if start < end]
        if not spans:
            return None
        east_of, north_of, radius, side = np.concatenate([self.towns[start:end] for start, end in spans]).T
        east_of = east_of - longitude
        if abs(longitude) + width > 180:
            east_of = (east_of + 180) % 360 - 180
        # Flat around the point, which is right to a percent, and only the order counts.
        km = np.hypot(east_of * math.cos(math.radians(latitude)), north_of - latitude) * KM_A_DEGREE
        scores = km - radius
        scores[km > most_km] = math.inf
        if country is not None:
            scores[side != country] = math.inf
        best = int(scores.argmin())
        score = float(scores[best])
        if score == math.inf:
            return None
        for start, end in spans:
            if best < end - start:
                return int(self.order[start + best]), score
            best -= end - start
        raise AssertionError("the best is in one of the spans")

    def is_land(self, latitude: float, longitude: float) -> bool:
        """Tell whether a point is on land, to about 20 km."""
        row = min(180 * _LAND_CELLS_A_DEGREE - 1, int((90 - latitude) * _LAND_CELLS_A_DEGREE))
        column = int((longitude + 180) * _LAND_CELLS_A_DEGREE) % (360 * _LAND_CELLS_A_DEGREE)
        byte, bit = divmod(row * 360 * _LAND_CELLS_A_DEGREE + column, 8)
        return bool(self.land[byte] >> (7 - bit) & 1)

    def place(self, number: int) -> Place:
        """Return a place by its number."""
        country, region, _, _ = self.groups[self.group_of[number]]
        code, name, country_names = self.countries[country]
        common, rest = self.other_names(number)
        return Place(self.name(number), self.regions[region], name, code, common, rest, country_names)

    def name(self, number: int) -> str:
        """Return the main name of a place by its number."""
        start = int(self.ends[number - 1]) + 1 if number else 0
        return self.names[start : int(self.ends[number])].decode()

    def other_names(self, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the other names of a place: the common ones, and the rest."""
        # An empty name stands between them.
        common, _, rest = f"|{self.others.get(number, '')}|".partition("||")
        return tuple(filter(None, common.split("|"))), tuple(filter(None, rest.split("|")))

    def country(self, number: int) -> Place:
        """Return a country as a place without a name."""
        code, name, country_names = self.countries[number]
        return Place("", "", name, code, country_names=country_names)

    def country_named(self, text: str) -> int | None:
        """Return the number of the country with this code or name."""
        wanted = folded(text)
        for number, (code, name, names) in enumerate(self.countries):
            if wanted in (code.lower(), folded(name), *map(folded, names)):
                return number
        return None

    def city_named(self, text: str) -> int | None:
        """Return the number of the city with this name, if it is several times as large as any other of that name."""
        wanted = folded(text)
        people = [
            (2 ** (int(self.people[number]) / _PEOPLE_A_DOUBLING), number)
            for number in np.flatnonzero(self.people >= _CITY).tolist()
            if self.has_name(number, wanted)
        ]
        people.sort(reverse=True)
        if not people or (len(people) > 1 and people[0][0] < _RIVALLED * people[1][0]):
            return None
        return people[0][1]

    def has_name(self, number: int, wanted: str) -> bool:
        """Tell whether a place has a name, which is folded."""
        common, rest = self.other_names(number)
        names = (self.name(number), *common, *rest)
        return any(_initial(name[0]) == wanted[:1] and folded(name) == wanted for name in names)

    def town_named(self, text: str, region: str, country: int) -> int | None:
        """Return the number of the largest town of a country with this name, in this region if that is given."""
        wanted, region_wanted = folded(text), folded(region)
        found = []
        # The places of a country follow each other.
        for number in np.flatnonzero(self.groups[:, 0][self.group_of] == country).tolist():
            if self.has_name(number, wanted) and (
                not region or folded(self.regions[self.groups[self.group_of[number]][1]]) == region_wanted
            ):
                found.append(number)
        return max(found, key=lambda number: int(self.people[number]), default=None)

    def zone(self, number: int) -> str:
        """Return the time zone of a place by its number."""
        _, _, zone, _ = self.groups[self.group_of[number]]
        return self.zones[int(zone)]


@cache
def _initial(letter: str) -> str:
    """Return what a name that begins with this letter begins with when it is folded."""
    return folded(letter)[:1]


def _key(row: Any, east: Any) -> Any:
    """Return what sorts numbers of rows, and in each row degrees east."""
    return row * 1000.0 + east


def _km(latitude: float, longitude: float, north: float, east: float) -> float:
    """Return how far two points are that are near to each other."""
    return math.hypot((east - longitude) * math.cos(math.radians(latitude)), north - latitude) * KM_A_DEGREE


def _sums(planes: bytes) -> _Integers:
    """Return the numbers that `_deltas` of tools/places_table.py packed."""
    low, middle, high = np.frombuffer(planes, np.uint8).reshape(3, -1).astype(np.int64)
    folded = low | middle << 8 | high << 16
    return np.cumsum(np.where(folded & 1, -(folded >> 1) - 1, folded >> 1))


def _edges(
    rings: list[list[int]], members: dict[str, bytes]
) -> list[tuple[_Floats, _Floats, _Floats, _Floats, _Integers]]:
    """Return the edges of the borders by the degree of latitude that they touch: both ends, and the area's number."""
    x, y = _sums(members["border-longitudes"]) / _BORDER_UNITS, _sums(members["border-latitudes"]) / _BORDER_UNITS
    lengths = [length for _, *ring_lengths in rings for length in ring_lengths]
    area_of_ring = [area for area, (_, *ring_lengths) in enumerate(rings) for _ in ring_lengths]
    area = np.repeat(area_of_ring, lengths)
    # Between the last point of a ring and the first of the next one there is no edge.
    starts = np.delete(np.arange(len(x)), np.cumsum(lengths) - 1)
    starts = starts[y[starts] != y[starts + 1]]
    x1, y1, x2, y2, area = x[starts], y[starts], x[starts + 1], y[starts + 1], area[starts]
    lowest, highest = np.minimum(y1, y2), np.maximum(y1, y2)
    bands = []
    for degree in range(-90, 90):
        touching = (lowest <= degree + 1) & (highest >= degree)
        bands.append((x1[touching], y1[touching], x2[touching], y2[touching], area[touching]))
    return bands
