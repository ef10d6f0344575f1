"""Count uploads by place, month, tag, camera, type and rating: the entries of the side list."""

from __future__ import annotations

import asyncio
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vuemantics_tui.domain.colours import COLOUR_NAMES
from vuemantics_tui.domain.formats import mime_types
from vuemantics_tui.domain.text import folded
from vuemantics_tui.store.database import Database, json_list
from vuemantics_tui.store.filters import Condition

# Of the tags that analyzers gave there are thousands.
MOST_TAGS = 200


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


class FacetStore:
    """Counts uploads by what they share. A stack counts once, as lists show it once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def choose(self, numbers: array[int]) -> Chosen:
        """Return these uploads for the other methods to count. Their numbers ascend or not."""
        rows = await self._database.fetch(
            "SELECT number, stack FROM uploads INDEXED BY uploads_stacked WHERE stack > 0"
        )
        all_ = await self._database.fetch_one("SELECT count(*) FROM uploads INDEXED BY uploads_view_added")
        assert all_ is not None
        is_all = len(numbers) == all_[0] and not rows
        return await asyncio.to_thread(_chosen, numbers, {row[0]: row[1] for row in rows}, is_all)

    async def places(self, chosen: Chosen) -> list[PlaceCount]:
        """Return the places, the most frequent first."""
        found = await self._tally("place", "uploads INDEXED BY uploads_in_place WHERE place IS NOT NULL", chosen)
        rows = await self._database.fetch(
            "SELECT number, name, region, country FROM places WHERE number IN (SELECT value FROM json_each(?))",
            (json_list(found),),
        )
        counts = [PlaceCount(row[0], row[1], row[2], row[3], found[row[0]]) for row in rows]
        return sorted(counts, key=lambda place: (-place.uploads, place.name, place.country))

    async def months(self, chosen: Chosen) -> dict[str, int]:
        """Return the months such as 2024-06 in which uploads were taken, or else added, the latest first."""
        taken = await self._tally(
            "substr(taken_at, 1, 7)", "uploads INDEXED BY uploads_by_month WHERE taken_at IS NOT NULL", chosen
        )
        added = await self._tally(
            "strftime('%Y-%m', created_at, 'localtime')",
            "uploads INDEXED BY uploads_facts WHERE taken_at IS NULL",
            chosen,
        )
        return dict(sorted((taken + added).items(), reverse=True))

    async def cameras(self, chosen: Chosen) -> dict[str, int]:
        """Return the cameras, the most used first."""
        found = await self._tally("camera", "uploads INDEXED BY uploads_by_camera WHERE camera IS NOT NULL", chosen)
        return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))

    async def ratings(self, chosen: Chosen) -> dict[int, int]:
        """Return the ratings, the best first."""
        found = await self._tally("rating", "uploads INDEXED BY uploads_by_rating WHERE rating IS NOT NULL", chosen)
        return dict(sorted(found.items(), reverse=True))

    async def tags(self, chosen: Chosen) -> list[TagCount]:
        """Return the tags and albums, those given by a person or a file first, then the most frequent first.

        Of tags that only analyzers gave, return the MOST_TAGS most frequent, without colours: nearly every picture
        has some.
        """
        counts = await self._tally("tag", "tagged WHERE own >= 0", chosen, number="upload")
        # An upload counts once, whoever gave it the tag; to count it so at once takes twice as long.
        counts -= await self._tally(
            "tag",
            """
            tagged AS again INDEXED BY tagged_own WHERE own > 0 AND EXISTS (
                SELECT 1 FROM tagged WHERE tag = again.tag AND upload = again.upload AND own < again.own
            )
            """,
            replace(chosen, stacks={}),
            number="upload",
        )
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

        source = "uploads INDEXED BY uploads_by_mime_type WHERE mime_type > ''"
        return dict(await self._tally("mime_type", source, chosen, names=choices))

    async def count(self, condition: Condition, chosen: Chosen) -> int:
        """Return how many of those chosen meet a condition that few uploads meet."""
        alone = "1" if chosen.is_all else "substr(?, number + 1, 1) = x'01'"
        row = await self._database.fetch_one(
            f"SELECT count(*) FROM uploads WHERE ({condition.sql}) AND {alone}",
            condition.parameters if chosen.is_all else (*condition.parameters, chosen.mask),
        )
        count = int(row[0]) if row else 0
        if chosen.stacks:
            row = await self._database.fetch_one(
                "SELECT count(DISTINCT stack) FROM uploads"
                f" WHERE number IN (SELECT value FROM json_each(?)) AND ({condition.sql})",
                (json_list(chosen.stacks), *condition.parameters),
            )
            count += int(row[0]) if row else 0
        return count

    async def _tally(
        self,
        key: str,
        source: str,
        chosen: Chosen,
        number: str = "number",
        names: Callable[[Any], tuple[Any, ...]] = lambda key: (key,),
    ) -> Counter[Any]:
        """Return how many of those chosen have each key, by the names of the keys.

        The source has its rows by key, or grouping takes longer.
        """
        found = f" AND substr(:mask, {number} + 1, 1)"
        # Where all are chosen, which is what a list shows first, none need be looked up.
        alone = "" if chosen.is_all else f"{found} = x'01'"
        rows = await self._database.fetch(
            f"SELECT {key}, count(*) FROM {source}{alone} GROUP BY 1", {} if chosen.is_all else {"mask": chosen.mask}
        )
        counts: Counter[Any] = Counter()
        for row in rows:
            counts.update(dict.fromkeys(names(row[0]), row[1]))
        if chosen.stacks:
            rows = await self._database.fetch(
                f"SELECT {key}, {number} FROM {source}{found} = x'02'", {"mask": chosen.mask}
            )
            counts.update(await asyncio.to_thread(_by_stack, rows, chosen.stacks, names))
        return counts


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
