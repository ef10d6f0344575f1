"""Stacks: which uploads belong together, who stands for them in lists, and what a person decided about that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import aiosqlite

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.stacks import (
    APART,
    StackFacts,
    are_tied,
    cover_of,
    is_photo,
    is_raw,
    joining_keys,
    joins,
    looked_up_keys,
    pairing_keys,
    roles_of,
)
from vuemantics_tui.store.database import Database, Row, json_list, next_revision, rows_of
from vuemantics_tui.store.undo import Change, Facet, StepKind, Wanted, record_step

_FACTS = """
    SELECT number, filename, file_type, mime_type, camera, duration,
           iif(source IS NULL, source_path, '//' || source || '/' || file_path) AS source_path,
           iif(file_taken_from IN ('name', 'file'), NULL, file_taken_at) AS taken_at,
           json_extract(metadata, '$.content_identifier') AS content_identifier,
           json_extract(metadata, '$.burst_id') AS burst_id,
           coalesce(width * height, 0) AS pixels, coalesce(sharpness, 0) AS sharpness, sha256, hidden, deleted_at,
           stacked_by_hand, stack_chosen, stack, stack_role, stack_count
    FROM uploads WHERE number IN (SELECT value FROM json_each(?))
"""
COVERS = "(stack IS NULL OR stack = number)"
"""True of a row that stands for itself or for its stack; the others are listed inside of that."""


@dataclass(frozen=True, slots=True)
class StackChange:
    """The uploads that are or were in the stacks that a person made, broke or gave another cover."""

    numbers: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """Return how many uploads changed, for the notice."""
        return len(self.numbers)


class StackStore:
    """Reads stacks, and writes what a person decides about them. Each write is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def whole(self, numbers: Sequence[int]) -> list[int]:
        """Return these uploads, each that stands for a stack followed by all of that, none twice."""
        rows = await self._database.fetch(
            """
            SELECT stack, number FROM uploads
            WHERE stack IN (SELECT value FROM json_each(?)) AND number <> stack AND deleted_at IS NULL
            ORDER BY taken_at, filename, number
            """,
            (json_list(numbers),),
        )
        inside = defaultdict[int, list[int]](list)
        for stack, number in rows:
            inside[stack].append(number)
        return list(dict.fromkeys(one for number in numbers for one in (number, *inside[number])))

    async def members(self, number: int) -> list[int]:
        """Return the stack that an upload is in, the one that stands for it first; only itself where it is in none."""
        row = await self._database.fetch_one(
            "SELECT coalesce(stack, number) FROM uploads WHERE number = ? AND deleted_at IS NULL", (number,)
        )
        return [] if row is None else await self.whole([row[0]])

    async def all(self) -> list[int]:
        """Return the numbers of all that stand for a stack, the newest first."""
        rows = await self._database.fetch_integers(
            "SELECT number FROM uploads INDEXED BY uploads_stacks"
            " WHERE stack_count > 1 AND deleted_at IS NULL ORDER BY number DESC"
        )
        return list(rows)

    async def make(self, numbers: Sequence[int]) -> StackChange:
        """Make one stack of these uploads and of all that they stand for; nothing where they are one already."""
        whole = await self.whole(numbers)
        row = await self._database.fetch_one(
            "SELECT count(DISTINCT coalesce(stack, number)) FROM uploads"
            " WHERE number IN (SELECT value FROM json_each(?))",
            (json_list(whole),),
        )
        return StackChange() if row is None or row[0] < 2 else await self._decide(whole, joined=True)

    async def break_up(self, numbers: Sequence[int], *, alone: bool = False) -> StackChange:
        """Take the stacks of these uploads apart, or with `alone` only these uploads out of theirs.

        Nothing but a person stacks them again.
        """
        taken: list[int] = []
        for number in numbers:
            members = await self.members(number)
            if len(members) > 1:
                taken += [number] if alone else members
        return await self._decide(list(dict.fromkeys(taken)), joined=False)

    async def choose(self, number: int) -> StackChange:
        """Let an upload stand for its stack; nothing where it is in none."""
        members = await self.members(number)
        if len(members) < 2:
            return StackChange()
        async with self._database.transaction() as connection:
            before = await _decided(connection, members)
            await connection.executemany(
                "UPDATE uploads SET stack_chosen = ? WHERE number = ?", [(int(one == number), one) for one in members]
            )
            await settle(connection, members)
            await _record(connection, before)
        return StackChange(tuple(members))

    async def _decide(self, numbers: Sequence[int], *, joined: bool) -> StackChange:
        if len(numbers) < 1 + joined:
            return StackChange()
        async with self._database.transaction() as connection:
            before = await _decided(connection, numbers)
            # The revision is a number that no other stack has.
            hand = await next_revision(connection) if joined else APART
            await connection.execute(
                "UPDATE uploads SET stacked_by_hand = ?, stack_chosen = 0"
                " WHERE number IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL",
                (hand, json_list(numbers)),
            )
            await restack(connection, numbers)
            await _record(connection, before)
        return StackChange(tuple(numbers))


async def put_back_stacks(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Put back what a person decided about stacks, inside a transaction; returns about which uploads."""
    numbers = [each.upload for each in wanted]
    found = await _decided(connection, numbers)
    changed = [each for each in wanted if found.get(each.upload) == each.expected]
    await connection.executemany(
        "UPDATE uploads SET stacked_by_hand = ?, stack_chosen = ? WHERE number = ?",
        [(*each.wanted, each.upload) for each in changed],
    )
    if changed:
        await restack(connection, [each.upload for each in changed])
    return changed


async def _decided(connection: aiosqlite.Connection, numbers: Sequence[int]) -> dict[int, tuple[int | None, bool]]:
    """Return what a person decided about uploads: which stack they are in, and whether they stand for it."""
    rows = await rows_of(
        connection,
        "SELECT number, stacked_by_hand, stack_chosen FROM uploads WHERE number IN (SELECT value FROM json_each(?))",
        (json_list(numbers),),
    )
    return {row[0]: (row[1], bool(row[2])) for row in rows}


async def _record(connection: aiosqlite.Connection, before: Mapping[int, tuple[int | None, bool]]) -> None:
    after = await _decided(connection, list(before))
    changes = [Change(Facet.STACK, number, "", decided, after[number]) for number, decided in before.items()]
    await record_step(connection, StepKind.STACK, changes)


# Inside a transaction


async def restack(connection: aiosqlite.Connection, numbers: Sequence[int]) -> None:
    """Find the stacks of these uploads, whose facts changed, and of all that are or were in a stack with them."""
    beside = await rows_of(
        connection,
        """
        SELECT number FROM uploads WHERE stack IN (
            SELECT stack FROM uploads WHERE number IN (SELECT value FROM json_each(?)) AND stack IS NOT NULL
        )
        """,
        (json_list(numbers),),
    )
    begun = dict.fromkeys([*numbers, *(row[0] for row in beside)])
    known = await _read(connection, begun)
    await _save_keys(connection, [known[number].facts for number in numbers if number in known])
    ties = _Ties(known)
    frontier = list(known)
    while frontier:
        wanted = {key for number in frontier for key in _lookups(known[number].facts)}
        rows = await rows_of(
            connection,
            "SELECT key, upload FROM stack_keys WHERE key IN (SELECT value FROM json_each(?))",
            (json_list(sorted(wanted)),),
        )
        fresh = await _read(connection, {row[1] for row in rows} - known.keys())
        known |= fresh
        reached = ties.follow(frontier, rows)
        frontier = [number for number in reached if number in fresh]
    for members in ties.components(begun):
        await _settle(connection, [known[number] for number in members])


async def beside(connection: aiosqlite.Connection, number: int) -> list[int]:
    """Return the others of the stack that an upload is in, also from the trash."""
    rows = await rows_of(
        connection,
        "SELECT number FROM uploads WHERE stack = (SELECT stack FROM uploads WHERE number = ?) AND number <> ?",
        (number, number),
    )
    return [row[0] for row in rows]


async def settle(connection: aiosqlite.Connection, numbers: Sequence[int]) -> None:
    """Find again who stands for the stacks of these uploads: some were trashed, restored, hidden or read again."""
    rows = await rows_of(
        connection,
        """
        SELECT number, stack FROM uploads WHERE stack IN (
            SELECT stack FROM uploads WHERE number IN (SELECT value FROM json_each(?)) AND stack IS NOT NULL
        )
        """,
        (json_list(numbers),),
    )
    if not rows:
        return
    known = await _read(connection, [row[0] for row in rows])
    by_stack = defaultdict[int, list[_Stacked]](list)
    for number, stack in rows:
        by_stack[stack].append(known[number])
    for members in by_stack.values():
        await _settle(connection, members)


@dataclass(frozen=True, slots=True)
class _Stacked:
    """The facts of an upload, and what its row says of its stack."""

    facts: StackFacts
    stack: int | None
    role: str | None
    count: int

    @property
    def written(self) -> tuple[int | None, str | None, int]:
        """Return its stack, its role in it and the number of its members, as its row has them."""
        return self.stack, self.role, self.count


class _Ties:
    """Which of the known uploads are tied to which. `known` grows while it is followed."""

    def __init__(self, known: Mapping[int, _Stacked]) -> None:
        self._known = known
        self._parents: dict[int, int] = {}

    def follow(self, frontier: Sequence[int], rows: Sequence[Row]) -> list[int]:
        """Tie those that share a key (rows of key and number); returns the numbers that the frontier led to."""
        by_key = defaultdict[str, list[int]](list)
        for key, number in rows:
            by_key[key].append(number)
        reached: dict[int, None] = {}
        for number in frontier:
            facts = self._known[number].facts
            for key in joining_keys(facts):
                sharing = by_key.pop(key, [])
                if joins([self._known[other].facts for other in sharing], key):
                    reached.update(dict.fromkeys(sharing))
                    for other in sharing:
                        self._join(number, other)
        for number in frontier:
            facts = self._known[number].facts
            for key in looked_up_keys(facts):
                for other in by_key.get(key, ()):
                    if other != number and are_tied(facts, self._known[other].facts):
                        reached[other] = None
                        self._join(number, other)
        return list(reached)

    def components(self, begun: Iterable[int]) -> list[list[int]]:
        """Return what is tied together, as far as that holds any of these."""
        found = defaultdict[int, list[int]](list)
        for number in self._known:
            found[self._root(number)].append(number)
        return [found[root] for root in dict.fromkeys(self._root(number) for number in begun if number in self._known)]

    def _root(self, number: int) -> int:
        while (parent := self._parents.setdefault(number, number)) != number:
            self._parents[number] = self._parents[parent]
            number = parent
        return number

    def _join(self, one: int, other: int) -> None:
        self._parents[self._root(one)] = self._root(other)


def _lookups(facts: StackFacts) -> list[str]:
    return [*joining_keys(facts), *looked_up_keys(facts)]


async def _read(connection: aiosqlite.Connection, numbers: Iterable[int]) -> dict[int, _Stacked]:
    numbers = list(numbers)
    if not numbers:
        return {}
    rows = await rows_of(connection, _FACTS, (json_list(numbers),))
    return {row["number"]: _stacked_of(row) for row in rows}


def _stacked_of(row: Row) -> _Stacked:
    raw = is_raw(row["filename"], row["mime_type"])
    facts = StackFacts(
        number=row["number"],
        filename=row["filename"],
        folder=str(PurePath(row["source_path"] or "").parent),
        file_type=FileType(row["file_type"]),
        taken_at=row["taken_at"] or "",
        camera=row["camera"] or "",
        duration=row["duration"],
        content_identifier=str(row["content_identifier"] or ""),
        burst_id=str(row["burst_id"] or ""),
        pixels=row["pixels"],
        sharpness=row["sharpness"],
        sha256=row["sha256"],
        is_hidden=bool(row["hidden"]),
        is_trashed=row["deleted_at"] is not None,
        is_chosen=bool(row["stack_chosen"]),
        by_hand=row["stacked_by_hand"],
        is_raw=raw,
        is_photo=is_photo(row["mime_type"], raw),
    )
    return _Stacked(facts, row["stack"], row["stack_role"], row["stack_count"])


async def _save_keys(connection: aiosqlite.Connection, some: Iterable[StackFacts]) -> None:
    keys = {facts.number: dict.fromkeys((*joining_keys(facts), *pairing_keys(facts))) for facts in some}
    await connection.executemany("DELETE FROM stack_keys WHERE upload = ?", [(number,) for number in keys])
    await connection.executemany(
        "INSERT INTO stack_keys (key, upload) VALUES (?, ?)", [(key, number) for number in keys for key in keys[number]]
    )


async def _settle(connection: aiosqlite.Connection, members: Sequence[_Stacked]) -> None:
    """Write who stands for these, which belong together, and the role of each, where a row says otherwise."""
    facts = [one.facts for one in members]
    here = sum(not one.is_trashed for one in facts)
    cover = cover_of(facts).number if len(facts) > 1 else None
    roles = roles_of(facts) if here > 1 else {}
    wanted = {
        one.number: (
            cover,
            str(roles[one.number]) if roles else None,
            here if one.number == cover and here > 1 else 0,
        )
        for one in facts
    }
    changed = [one.facts.number for one in members if one.written != wanted[one.facts.number]]
    if changed:
        revision = await next_revision(connection)
        await connection.executemany(
            "UPDATE uploads SET stack = ?, stack_role = ?, stack_count = ?, revision = ? WHERE number = ?",
            [(*wanted[number], revision, number) for number in changed],
        )
