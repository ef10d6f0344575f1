"""Count uploads by place, month, tag, camera, type and rating: the entries of the side list."""

from __future__ import annotations

import asyncio
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vuemantics_tui.domain.colours import COLOUR_NAMES
from vuemantics_tui.domain.formats import mime_types
from vuemantics_tui.domain.text import folded
from vuemantics_tui.store.database import Database, json_list
from vuemantics_tui.store.filters import Condition

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of the tags that analyzers gave there are thousands.
MOST_TAGS = 200
# If more uploads than this have changed, their keys are not looked up one by one.
MOST_CHANGED = 2000


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some uploads, as SQL can look them up.

    `mask` has a byte for each number, 1 for those chosen, or 2 if they are in a stack. A byte of a blob is found in
    50 ns, whatever its length: a table of the same numbers takes longer to make, and a row of `uploads` longer to read.
    Measured at 100,000 uploads. `stacks` are the covers of those in stacks. With `is_all` they are all there are, and
    none is in a stack.
    """

    mask: bytes
    stacks: Mapping[int, int]
    total: int
    is_all: bool


@dataclass(frozen=True, slots=True)
class PlaceCount:
    """How many uploads are from a place of that number."""

    number: int
    name: str
    region: str
    country: str
    uploads: int


@dataclass(frozen=True, slots=True)
class TagCount:
    """How many uploads have a tag. `own` says that a person or a file gave it, not only an analyzer."""

    name: str
    album: bool
    own: bool
    uploads: int


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a library knows, for the rules that find them in a sentence.

    Of a tag its name, whether it is an album, whether a person or a file gave it, and whether an analyzer did; of a
    place its usual names, region and country, and its names in other languages; the years of the uploads.
    """

    tags: list[tuple[str, bool, bool, bool]]
    places: list[tuple[list[str], list[str]]]
    years: list[int]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the keys of uploads are: the SQL of a key and of the upload's number, and the index that has both by key.

    An upload may have several keys, as it has several tags, and one of them twice.
    """

    key: str
    condition: str
    index: str = ""
    table: str = "uploads"
    number: str = "number"

    @property
    def rows(self) -> str:
        """The rows by key, for SELECT: without that order, grouping takes longer."""
        return f"{self.table} {self.index and 'INDEXED BY '}{self.index} WHERE {self.condition}"


_PLACE = Source("place", "place IS NOT NULL", "uploads_in_place")
_TAKEN = Source("substr(taken_at, 1, 7)", "taken_at IS NOT NULL", "uploads_by_month")
# No clock is a day from UTC, so only the days at the ends of a month may belong to another one. To ask SQLite for the
# local time takes ten times as long as all the rest.
_ADDED = Source(
    "CASE WHEN substr(created_at, 9, 2) BETWEEN '02' AND '27' THEN substr(created_at, 1, 7)"
    " ELSE strftime('%Y-%m', created_at, 'localtime') END",
    "taken_at IS NULL",
    "uploads_facts",
)
_CAMERA = Source("camera", "camera IS NOT NULL", "uploads_by_camera")
_RATING = Source("rating", "rating IS NOT NULL", "uploads_by_rating")
_TYPE = Source("mime_type", "mime_type > ''", "uploads_by_mime_type")
_TAG = Source("tag", "own >= 0", "", "tagged", "upload")
_SOURCES = (_PLACE, _TAKEN, _ADDED, _CAMERA, _RATING, _TYPE, _TAG)


class KeyTable:
    """The keys of all uploads from one source in memory, 8 bytes for each: counting 600,000 takes 3 ms, not 50.

    `names` are the keys; `places` and `numbers` say which of them each upload has, and are of the same length.
    """

    def __init__(self, names: Sequence[Any], places: NDArray[Any], numbers: NDArray[Any]) -> None:
        self._names = list(names)
        self._places = places
        self._numbers = numbers

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> KeyTable:
        """Return the table of rows with a key and the numbers of its uploads between commas, in any order."""
        import numpy as np

        names, parts = [], []
        for name, text in rows:
            names.append(name)
            # An upload counts once, even if you and an analyzer both gave it the tag.
            parts.append(np.unique(np.fromstring(text, np.int32, sep=",")))
        numbers = np.concatenate(parts) if parts else np.empty(0, np.int32)
        return cls(names, np.repeat(np.arange(len(names), dtype=np.int32), [len(part) for part in parts]), numbers)

    def changed(self, numbers: Sequence[int], rows: Iterable[tuple[Any, int]]) -> KeyTable:
        """Return the table in which these uploads have the keys of `rows` and no other ones."""
        import numpy as np

        others = ~np.isin(self._numbers, np.array(numbers, np.int32))
        place_of = {name: place for place, name in enumerate(self._names)}
        new = {(place_of.setdefault(name, len(place_of)), number) for name, number in rows}
        places, of = np.array(sorted(new), np.int32).reshape(-1, 2).T
        return KeyTable(
            list(place_of),
            np.concatenate([self._places[others], places]),
            np.concatenate([self._numbers[others], of]),
        )

    def count(self, mask: bytes) -> tuple[dict[Any, int], list[tuple[Any, int]]]:
        """Return how many of those with a 1 in the mask have each key, and each key and number of those with a 2."""
        import numpy as np

        state = np.zeros(max(len(mask), int(self._numbers.max(initial=0)) + 1), np.uint8)
        state[: len(mask)] = np.frombuffer(mask, np.uint8)
        states = state[self._numbers]
        counts = np.bincount(self._places[states == 1], minlength=len(self._names))
        stacked = states == 2
        inside = zip(self._places[stacked].tolist(), self._numbers[stacked].tolist(), strict=True)
        found = {name: int(count) for name, count in zip(self._names, counts, strict=True) if count}
        return found, [(self._names[place], number) for place, number in inside]


class FacetStore:
    """Counts uploads by what they share. A stack counts once, as lists show it once.

    Without `get_ready`, SQLite counts: some 100 ms for all of 100,000 uploads. After it, arrays in memory do, in a
    tenth of that, and follow what changes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables: dict[Source, KeyTable] = {}
        # Up to which revision the tables know the library, and what says cheaply that it is still there.
        self._revision = 0
        self._version: int | None = None
        # The uploads that meet a condition.
        self._meeting: dict[Condition, array[int]] = {}

    async def get_ready(self) -> None:
        """Read all keys into memory, unless they are there. Takes 0.3 s for 100,000 uploads. Raises LibraryError."""
        await self._follow()
        if self._tables:
            return
        revision = await self._database.fetch_one("SELECT revision FROM library")
        tables = {}
        for source in _SOURCES:
            rows = await self._database.fetch(
                f"SELECT {source.key}, group_concat({source.number}) FROM {source.rows} GROUP BY 1"
            )
            tables[source] = await asyncio.to_thread(KeyTable.of, [(row[0], row[1]) for row in rows])
        # What was committed meanwhile is read again by its revision.
        self._tables, self._revision, self._version = tables, int(revision[0]) if revision else 0, None

    async def _follow(self) -> None:
        """Take in what changed since the last call; of many changes, forget the tables instead."""
        version = await self._database.data_version()
        if version == self._version:
            return
        self._version, self._meeting = version, {}
        if not self._tables:
            return
        tables, since = self._tables, self._revision
        row = await self._database.fetch_one("SELECT revision FROM library")
        rows = await self._database.fetch(
            "SELECT number FROM uploads WHERE revision > ? LIMIT ?", (since, MOST_CHANGED + 1)
        )
        numbers = [row[0] for row in rows]
        if len(numbers) > MOST_CHANGED:
            self._tables = {}
            return
        if numbers:
            tables = {source: await self._changed(source, table, numbers) for source, table in tables.items()}
        self._tables, self._revision = tables, int(row[0]) if row else since

    async def _changed(self, source: Source, table: KeyTable, numbers: Sequence[int]) -> KeyTable:
        rows = await self._database.fetch(
            f"SELECT {source.key}, {source.number} FROM {source.table}"
            f" WHERE {source.number} IN (SELECT value FROM json_each(?)) AND ({source.condition})",
            (json_list(numbers),),
        )
        return await asyncio.to_thread(table.changed, numbers, [(row[0], row[1]) for row in rows])

    async def choose(self, numbers: array[int]) -> Chosen:
        """Return these uploads for the other methods to count, by their numbers in any order."""
        await self._follow()
        rows = await self._database.fetch(
            "SELECT number, stack FROM uploads INDEXED BY uploads_stacked WHERE stack > 0"
        )
        all_ = await self._database.fetch_one("SELECT count(*) FROM uploads INDEXED BY uploads_view_added")
        assert all_ is not None
        is_all = len(numbers) == all_[0] and not rows
        return await asyncio.to_thread(_chosen, numbers, {row[0]: row[1] for row in rows}, is_all)

    async def names(self) -> Names:
        """Return the names of the tags, places and years that the library has."""
        tags = await self._database.fetch(
            """
            SELECT name, album, EXISTS (SELECT 1 FROM tagged WHERE tag = tags.number AND own > 0) AS own,
                   EXISTS (SELECT 1 FROM tagged WHERE tag = tags.number AND own = 0) AS seen
            FROM tags
            """
        )
        places = await self._database.fetch(
            """
            SELECT names, other_names FROM places
            WHERE EXISTS (SELECT 1 FROM uploads INDEXED BY uploads_in_place WHERE place = places.number)
            """
        )
        # From month to month through the index; what has no date counts with the years in which anything was added.
        taken = await self._database.fetch(
            """
            WITH RECURSIVE months (month) AS (
                SELECT min(substr(taken_at, 1, 7)) FROM uploads INDEXED BY uploads_by_month WHERE taken_at IS NOT NULL
                UNION ALL
                SELECT (
                    SELECT min(substr(taken_at, 1, 7)) FROM uploads INDEXED BY uploads_by_month
                    WHERE taken_at IS NOT NULL AND substr(taken_at, 1, 7) > month
                ) FROM months WHERE month IS NOT NULL
            )
            SELECT DISTINCT substr(month, 1, 4) FROM months WHERE month IS NOT NULL
            """
        )
        added = await self._database.fetch(
            "SELECT DISTINCT substr(created_at, 1, 4) FROM uploads INDEXED BY uploads_facts WHERE taken_at IS NULL"
        )
        return Names(
            [(row[0], bool(row[1]), bool(row[2]), bool(row[3])) for row in tags if row[1] or row[2] or row[3]],
            [(_names(row[0]), _names(row[1])) for row in places],
            [int(row[0]) for row in (*taken, *added) if row[0].isdecimal()],
        )

    async def places(self, chosen: Chosen) -> list[PlaceCount]:
        """Return the places, the most frequent first."""
        found = await self._tally(_PLACE, chosen)
        rows = await self._database.fetch(
            "SELECT number, name, region, country FROM places WHERE number IN (SELECT value FROM json_each(?))",
            (json_list(found),),
        )
        counts = [PlaceCount(row[0], row[1], row[2], row[3], found[row[0]]) for row in rows]
        return sorted(counts, key=lambda place: (-place.uploads, place.name, place.country))

    async def months(self, chosen: Chosen) -> dict[str, int]:
        """Return the months such as 2024-06 in which uploads were taken, or else added, the latest first."""
        taken = await self._tally(_TAKEN, chosen)
        added = await self._tally(_ADDED, chosen)
        return dict(sorted((taken + added).items(), reverse=True))

    async def cameras(self, chosen: Chosen) -> dict[str, int]:
        """Return the cameras, the most used first."""
        found = await self._tally(_CAMERA, chosen)
        return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))

    async def ratings(self, chosen: Chosen) -> dict[int, int]:
        """Return the ratings, the best first."""
        found = await self._tally(_RATING, chosen)
        return dict(sorted(found.items(), reverse=True))

    async def tags(self, chosen: Chosen) -> list[TagCount]:
        """Return the tags and albums, those given by a person or a file first, then the most frequent first.

        Of tags that only analyzers gave, return the MOST_TAGS most frequent, without colours: nearly every picture
        has some.
        """
        counts = await self._tally(_TAG, chosen)
        if _TAG not in self._tables:
            counts -= await self._given_twice(chosen)
        rows = await self._database.fetch(
            """
            SELECT number, name, album, EXISTS (SELECT 1 FROM tagged WHERE tag = tags.number AND own > 0) AS own
            FROM tags WHERE number IN (SELECT value FROM json_each(?))
            """,
            (json_list(counts),),
        )
        found = [TagCount(row[1], bool(row[2]), bool(row[3] or row[2]), counts[row[0]]) for row in rows]
        found.sort(key=lambda tag: (not tag.own, -tag.uploads, tag.name))
        shown = [tag for tag in found if tag.own or folded(tag.name) not in COLOUR_NAMES]
        return [tag for place, tag in enumerate(shown) if tag.own or place < MOST_TAGS]

    async def types(self, chosen: Chosen) -> dict[str, int]:
        """Return how many are of each file type, and how many are RAW photos, by their choices of `type:`."""
        raw = mime_types("raw")

        def choices(mime_type: str) -> tuple[str, ...]:
            return (mime_type.partition("/")[0], *(("raw",) if mime_type in raw else ()))

        return dict(await self._tally(_TYPE, chosen, names=choices))

    async def _given_twice(self, chosen: Chosen) -> Counter[Any]:
        """Return by tag how many have it from more than one giver. To count those once takes SQLite twice as long."""
        alone = "" if chosen.is_all else "AND substr(:mask, upload + 1, 1) = x'01'"
        rows = await self._database.fetch(
            f"""
            SELECT tag, count(*) FROM tagged AS again INDEXED BY tagged_own WHERE own > 0 AND EXISTS (
                SELECT 1 FROM tagged WHERE tag = again.tag AND upload = again.upload AND own < again.own
            ) {alone} GROUP BY 1
            """,
            {} if chosen.is_all else {"mask": chosen.mask},
        )
        return Counter({row[0]: row[1] for row in rows})

    async def count(self, condition: Condition, chosen: Chosen) -> int:
        """Return how many of those chosen meet a condition that few uploads meet."""
        if condition not in self._meeting:
            self._meeting[condition] = await self._database.fetch_integers(
                f"SELECT number FROM uploads WHERE {condition.sql}", condition.parameters
            )
        mask, stacks = chosen.mask, chosen.stacks
        inside = [number for number in self._meeting[condition] if number < len(mask) and mask[number]]
        return sum(mask[number] == 1 for number in inside) + len(
            {stacks[number] for number in inside if number in stacks}
        )

    async def _tally(
        self, source: Source, chosen: Chosen, names: Callable[[Any], tuple[Any, ...]] = lambda key: (key,)
    ) -> Counter[Any]:
        """Return how many of those chosen have each key, by the names of the keys."""
        if (table := self._tables.get(source)) is not None:
            found, inside = await asyncio.to_thread(table.count, chosen.mask)
        else:
            found, inside = await self._counted(source, chosen)
        counts: Counter[Any] = Counter()
        for key, count in found.items():
            counts.update(dict.fromkeys(names(key), count))
        counts.update(await asyncio.to_thread(_by_stack, inside, chosen.stacks, names))
        return counts

    async def _counted(self, source: Source, chosen: Chosen) -> tuple[dict[Any, int], list[tuple[Any, int]]]:
        """Return what a KeyTable counts, by SQL."""
        found = f" AND substr(:mask, {source.number} + 1, 1)"
        # Where all are chosen, which is what a list shows first, none need be looked up.
        alone = "" if chosen.is_all else f"{found} = x'01'"
        rows = await self._database.fetch(
            f"SELECT {source.key}, count(*) FROM {source.rows}{alone} GROUP BY 1",
            {} if chosen.is_all else {"mask": chosen.mask},
        )
        counts = {row[0]: row[1] for row in rows}
        if not chosen.stacks:
            return counts, []
        rows = await self._database.fetch(
            f"SELECT {source.key}, {source.number} FROM {source.rows}{found} = x'02'", {"mask": chosen.mask}
        )
        return counts, [(row[0], row[1]) for row in rows]


def _names(joined: str) -> list[str]:
    """Return the names of a place, each of which stands between blanks on a line of its own."""
    return [name for line in joined.split("\n") if (name := line.strip())]


def _chosen(numbers: array[int], stacks: Mapping[int, int], is_all: bool) -> Chosen:
    mask = bytearray(max(numbers, default=0) + 1)
    for number in numbers:
        mask[number] = 1
    inside = {number: stack for number, stack in stacks.items() if number < len(mask) and mask[number]}
    for number in inside:
        mask[number] = 2
    total = len(numbers) - len(inside) + len(set(inside.values()))
    return Chosen(bytes(mask), inside, total, is_all)


def _by_stack(rows: Iterable[Any], stacks: Mapping[int, int], names: Callable[[Any], tuple[Any, ...]]) -> Counter[Any]:
    return Counter(name for name, _ in {(name, stacks[row[1]]) for row in rows for name in names(row[0])})
