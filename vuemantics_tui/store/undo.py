"""Undo: the steps in which a person changed the library, and how to undo and redo them.

A step is recorded in the transaction of its change, so that it outlives a restart, and is one for all windows and
commands. It says of each thing it changed how that was before and after. Undoing changes only what still is as the
step left it, redoing only what is as the step found it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

import aiosqlite

from vuemantics_tui.store.database import Database, Row, json_list, now_iso, rows_of

# How many steps are kept, and with how many changes in all: one step may concern every upload.
MOST_STEPS = 1_000
MOST_CHANGES = 500_000


class StepKind(StrEnum):
    """What a person did in a step."""

    TRASH = "trash"
    RESTORE = "restore"
    HIDE = "hide"
    SHOW = "show"
    TAG = "tag"
    ALBUM = "album"
    RATE = "rate"
    DATE = "date"
    PLACE = "place"
    STACK = "stack"
    DESCRIBE = "describe"
    SAVE = "save"
    RENAME = "rename"
    FORGET = "forget"
    IMPORT = "import"
    NAME = "name"


class Facet(StrEnum):
    """What a change is about, and its values."""

    TRASHED = "trashed"  # true or false
    HIDDEN = "hidden"  # true or false
    TAGGED = "tagged"  # of a tag: whether a person gave it, whether it is a keyword, whether that was taken away
    ALBUM = "album"  # of a tag, without an upload: true or false
    RATING = "rating"  # the stars or null, and whether by hand
    DATE = "date"  # the date by hand, or null
    PLACE = "place"  # the number of the place or null, and whether by hand
    STACK = "stack"  # the number of the stack by hand or null, and whether it is chosen as cover
    DESCRIPTION = "description"  # the number of the current one, or of the one that will be, or null
    IMPORTED = "imported"  # what other programs said, as JSON in a text, or null
    NAME = "name"  # the file name that is shown
    SAVED = "saved"  # of a saved search, without an upload: its name and query, or null


class Change(NamedTuple):
    """One facet of an upload, or of what has a name: its values before and after, of what JSON knows."""

    facet: Facet
    upload: int | None
    name: str
    before: Any
    after: Any


class Wanted(NamedTuple):
    """One thing to change on the way back or forth, if it is as expected. Without an upload that is 0."""

    upload: int
    name: str
    expected: Any
    wanted: Any


PutBack: TypeAlias = "Callable[[aiosqlite.Connection, Sequence[Wanted]], Awaitable[list[Wanted]]]"
"""Changes one facet inside a transaction, as far as it is as expected; returns what it changed."""


@dataclass(frozen=True, slots=True)
class Undone:
    """A step that was undone or redone: all that it had changed, and the part of that which was changed now.

    `uploads` are the IDs of the uploads in that part, and their filenames.
    """

    kind: StepKind
    changes: tuple[Change, ...]
    done: tuple[Change, ...]
    uploads: Mapping[str, str]


async def record_step(
    connection: aiosqlite.Connection, kind: StepKind, changes: Iterable[Change], step: int | None = None
) -> int | None:
    """Record what a person changed, inside the transaction that changes it. Nothing can be redone after that.

    What takes several transactions is one step: `step` is what the first of them returned, and is added to as long as
    it is the newest. Returns the step, or None while there is none.
    """
    changed = [change for change in changes if change.before != change.after]
    if not changed:
        return step
    await connection.execute("DELETE FROM steps WHERE undone")
    cursor = await connection.execute(
        "UPDATE steps SET changes = changes + ? WHERE number = ? AND number = (SELECT max(number) FROM steps)",
        (len(changed), step),
    )
    if cursor.rowcount == 0:
        cursor = await connection.execute(
            "INSERT INTO steps (kind, at, changes) VALUES (?, ?, ?)", (kind, now_iso(), len(changed))
        )
        step = cursor.lastrowid
    await connection.executemany(
        "INSERT INTO step_changes (step, upload, facet, name, before, after) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (step, each.upload, each.facet, each.name, json.dumps(each.before), json.dumps(each.after))
            for each in changed
        ],
    )
    await connection.execute(
        """
        DELETE FROM steps WHERE number < :latest AND number IN (
            SELECT number FROM (
                SELECT number, row_number() OVER newest AS place, sum(changes) OVER newest AS so_far FROM steps
                WINDOW newest AS (ORDER BY number DESC)
            ) WHERE place > :most_steps OR so_far > :most_changes
        )
        """,
        {"latest": step, "most_steps": MOST_STEPS, "most_changes": MOST_CHANGES},
    )
    return step


class UndoStore:
    """Undoes and redoes steps; `facets` says how each facet is put back."""

    def __init__(self, database: Database, facets: Mapping[Facet, PutBack]) -> None:
        self._database = database
        self._facets = facets

    async def latest(self) -> str:
        """Return when the latest step that is not undone was made, in ISO 8601, UTC; an empty text for none."""
        row = await self._database.fetch_one("SELECT at FROM steps WHERE NOT undone ORDER BY number DESC LIMIT 1")
        return "" if row is None else str(row[0])

    async def undo(self) -> Undone | None:
        """Undo the latest step, as far as nothing else has changed the same since; None where there is none."""
        return await self._move(back=True)

    async def redo(self) -> Undone | None:
        """Redo the step that was undone last; None where there is none."""
        return await self._move(back=False)

    async def _move(self, *, back: bool) -> Undone | None:
        order = "DESC" if back else "ASC"
        async with self._database.transaction() as connection:
            # Permanently deleted uploads are removed from their steps.
            await connection.execute("DELETE FROM steps WHERE number NOT IN (SELECT step FROM step_changes)")
            rows = await rows_of(
                connection,
                f"SELECT number, kind FROM steps WHERE undone <> ? ORDER BY number {order} LIMIT 1",
                (int(back),),
            )
            if not rows:
                return None
            number, kind = rows[0]
            changes = await _changes_of(connection, number)
            done = await self._put_back(connection, changes, back=back)
            if done:
                await connection.execute("UPDATE steps SET undone = ? WHERE number = ?", (int(back), number))
            else:
                await connection.execute("DELETE FROM steps WHERE number = ?", (number,))
            named = await rows_of(
                connection,
                "SELECT id, filename FROM uploads WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number",
                (json_list({change.upload for change in done}),),
            )
        return Undone(StepKind(kind), changes, done, {row[0]: row[1] for row in named})

    async def _put_back(
        self, connection: aiosqlite.Connection, changes: Sequence[Change], *, back: bool
    ) -> tuple[Change, ...]:
        by_facet: defaultdict[Facet, dict[Wanted, Change]] = defaultdict(dict)
        for each in changes:
            ends = (_frozen(each.after), _frozen(each.before)) if back else (_frozen(each.before), _frozen(each.after))
            by_facet[each.facet][Wanted(each.upload or 0, each.name, *ends)] = each
        done: list[Change] = []
        for facet, wanted in by_facet.items():
            done += [wanted[each] for each in await self._facets[facet](connection, list(wanted))]
        return tuple(done)


async def _changes_of(connection: aiosqlite.Connection, step: int) -> tuple[Change, ...]:
    rows = await rows_of(
        connection,
        "SELECT facet, upload, name, before, after FROM step_changes WHERE step = ? ORDER BY number",
        (step,),
    )
    return tuple(Change(Facet(row[0]), row[1], row[2], json.loads(row[3]), json.loads(row[4])) for row in rows)


async def current(connection: aiosqlite.Connection, columns: str, wanted: Sequence[Wanted]) -> list[Row]:
    """Return the number and these columns of the uploads that a step is about, but for those in the trash."""
    return await rows_of(
        connection,
        f"""
        SELECT number, {columns} FROM uploads
        WHERE number IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL
        """,
        (json_list(each.upload for each in wanted),),
    )


def _frozen(value: Any) -> Any:
    """Return a value as what wrote it compares it: lists of JSON are tuples here."""
    return tuple(value) if isinstance(value, list) else value
