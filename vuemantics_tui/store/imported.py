"""What other programs said about uploads: kept beside what the files say, given once, and undone as one step."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.media import Place
from vuemantics_tui.domain.sources import real_path, stored_path
from vuemantics_tui.domain.text import natural_order
from vuemantics_tui.store.database import Database, Row, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.metadata import use_date_of_file
from vuemantics_tui.store.places import place_number
from vuemantics_tui.store.tags import give_tags, plain_name, tag_key, use_imported_words
from vuemantics_tui.store.undo import Change, Facet, StepKind, Wanted, record_step

# A name shared by more uploads than these does not tell which one is meant.
_MOST_NAMED = 20

_CANDIDATE = """
    SELECT u.number, u.sha256, u.filename, u.file_size, u.taken_at, u.deleted_at IS NOT NULL AS trashed,
           iif(u.source IS NULL, u.source_path, s.path || '/' || u.file_path) AS path
    FROM uploads u LEFT JOIN sources s ON s.number = u.source
"""


class Candidate(NamedTuple):
    """An upload that may be the one that another program says something about; sizes in bytes."""

    number: int
    sha256: str
    filename: str
    file_size: int
    taken_at: str | None
    trashed: bool
    path: str


@dataclass(frozen=True, slots=True)
class Said:
    """What another program said about one upload.

    `taken` is a moment; `point` has latitude, longitude, altitude_m and time_zone, as the metadata of an upload, and
    `place` is where that is.
    """

    title: str | None = None
    caption: str | None = None
    rating: int | None = None
    taken: str | None = None
    point: Mapping[str, str | float] = field(default_factory=dict)
    place: Place | None = None
    tags: Sequence[str] = ()
    albums: Sequence[str] = ()


class Given(NamedTuple):
    """What one import gave to an upload: "title", "caption", "rating", "date", "place", "tags" or "albums"."""

    upload: int
    what: str


class _NotWanted(Exception):  # noqa: N818 - rolls a trial back
    pass


class ImportStore:
    """Finds the uploads that other programs mean, and keeps what those say."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_size(self, size: int) -> list[Candidate]:
        """Return the uploads of so many bytes, also from the trash."""
        return _candidates(await self._database.fetch(f"{_CANDIDATE} WHERE u.file_size = ?", (size,)))

    async def named(self, name: str) -> list[Candidate]:
        """Return the uploads outside the trash with this name, or with any ending if it has none."""
        order = natural_order(name if Path(name).suffix else f"{name}.")
        condition = (
            "u.name_order = ?1" if Path(name).suffix else "u.name_order >= ?1 AND u.name_order < ?1 || char(1114111)"
        )
        rows = await self._database.fetch(
            f"{_CANDIDATE} WHERE {condition} AND u.deleted_at IS NULL LIMIT {_MOST_NAMED}", (order,)
        )
        return _candidates(rows)

    async def give(
        self, said: Sequence[tuple[int, Said]], step: int | None, *, dry_run: bool = False
    ) -> tuple[set[Given], int | None]:
        """Give uploads what another program said, as part of an undoable step; with `dry_run` only tell what that is.

        What was given before is not given again, whatever became of it, and what a person set stays. Returns what was
        given, and the step.
        """
        given: set[Given] = set()
        try:
            async with self._database.transaction() as connection:
                changes = await _give(connection, said, given)
                if dry_run:
                    raise _NotWanted
                step = await record_step(connection, StepKind.IMPORT, changes, step)
        except _NotWanted:
            pass
        return given, step


def _candidates(rows: Sequence[Any]) -> list[Candidate]:
    return [
        Candidate(
            row["number"],
            row["sha256"],
            row["filename"],
            row["file_size"],
            row["taken_at"],
            bool(row["trashed"]),
            real_path(row["path"] or ""),
        )
        for row in rows
    ]


async def _give(connection: aiosqlite.Connection, said: Sequence[tuple[int, Said]], given: set[Given]) -> list[Change]:
    numbers = list(dict.fromkeys(number for number, _ in said))
    rows = await rows_of(
        connection,
        """
        SELECT number, id, title, caption, rating, rated_by_hand, taken_at, taken_from, place, place_edited,
               json_extract(metadata, '$.latitude') AS latitude
        FROM uploads WHERE number IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL
        """,
        (json_list(numbers),),
    )
    uploads = {row["number"]: row for row in rows}
    before = await _said(connection, uploads)
    after: dict[int, dict[str, Any]] = {}
    wanted: defaultdict[int, dict[str, tuple[str, bool]]] = defaultdict(dict)
    for number, one in said:
        if number in uploads:
            known = after.setdefault(number, dict(before.get(number, {})))
            for name, value in (await _facts(connection, uploads[number], known, one)).items():
                known.setdefault(name, value)
            for key, tag in _new_tags(known, one).items():
                wanted[number][key] = (tag[0], tag[1] or wanted[number].get(key, tag)[1])
    for number, tags in wanted.items():
        after[number]["tags"] = sorted({*after[number].get("tags", ()), *tags})
    changed = {number: facts for number, facts in after.items() if facts != before.get(number, {})}
    await _write(connection, changed)
    changes = [
        Change(Facet.IMPORTED, number, "", _text(before.get(number)), _text(facts)) for number, facts in changed.items()
    ]
    for row in await rows_of(
        connection,
        "SELECT number, title, caption, rating, taken_at, taken_from, place FROM uploads"
        " WHERE number IN (SELECT value FROM json_each(?))",
        (json_list(changed),),
    ):
        was = uploads[row["number"]]
        for what, columns in (
            ("title", ("title",)), ("caption", ("caption",)), ("rating", ("rating",)), ("place", ("place",)),
            ("date", ("taken_at", "taken_from")),
        ):  # fmt: skip
            if any(row[column] != was[column] for column in columns):
                given.add(Given(row["number"], what))
    return changes + await _give_tags(connection, wanted, {number: row["id"] for number, row in uploads.items()}, given)


async def _facts(connection: aiosqlite.Connection, upload: Row, known: Mapping[str, Any], said: Said) -> dict[str, Any]:
    """Return what is said of an upload, but for tags. Coordinates of the file are not replaced."""
    facts: dict[str, Any] = {
        "title": said.title,
        "caption": said.caption,
        "rating": said.rating,
        "taken": said.taken,
        "place": await place_number(connection, said.place) if "place" not in known else None,
        "point": dict(said.point) if said.point and upload["latitude"] is None else None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _new_tags(known: Mapping[str, Any], said: Said) -> dict[str, tuple[str, bool]]:
    """Return the tags that were not given before, by their keys, each shown as an album or not."""
    told = set(known.get("tags", ()))
    found: dict[str, tuple[str, bool]] = {}
    for names, album in ((said.tags, False), (said.albums, True)):
        for tag in filter(None, map(plain_name, names)):
            if tag_key(tag) not in told:
                found[tag_key(tag)] = (tag, album)
    return found


async def _give_tags(
    connection: aiosqlite.Connection,
    wanted: Mapping[int, Mapping[str, tuple[str, bool]]],
    ids: Mapping[int, str],
    given: set[Given],
) -> list[Change]:
    """Give tags, except those that a person took away, and tell of those that uploads had not."""
    taken = {
        (row[0], row[1])
        for row in await rows_of(
            connection,
            "SELECT upload, key FROM untagged JOIN tags ON tags.number = tag"
            " WHERE upload IN (SELECT value FROM json_each(?))",
            (json_list(wanted),),
        )
    }
    alike: defaultdict[tuple[str, bool], list[str]] = defaultdict(list)
    for number, tags in wanted.items():
        for key, tag in tags.items():
            if (number, key) not in taken:
                alike[tag].append(ids[number])
    changes: list[Change] = []
    for (name, album), upload_ids in alike.items():
        got, some = await give_tags(connection, upload_ids, {name: album})
        changes += some
        given.update(Given(number, "albums" if album else "tags") for number in got)
    return changes


async def put_back_imported(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Put back what other programs said of uploads, inside a transaction; returns those of which uploads."""
    rows = await rows_of(
        connection,
        "SELECT number FROM uploads WHERE number IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL",
        (json_list(each.upload for each in wanted),),
    )
    here = {row[0] for row in rows}
    found = await _said(connection, here)
    changed = [each for each in wanted if each.upload in here and _text(found.get(each.upload)) == each.expected]
    await _write(connection, {each.upload: json.loads(each.wanted) if each.wanted else {} for each in changed})
    return changed


def _text(facts: Mapping[str, Any] | None) -> str | None:
    """Return facts as JSON, or None for none."""
    return json.dumps(facts, ensure_ascii=False, sort_keys=True) if facts else None


async def _said(connection: aiosqlite.Connection, numbers: Any) -> dict[int, dict[str, Any]]:
    rows = await rows_of(
        connection,
        "SELECT upload, said FROM imported WHERE said <> '{}' AND upload IN (SELECT value FROM json_each(?))",
        (json_list(numbers),),
    )
    return {row[0]: json.loads(row[1]) for row in rows}


async def _write(connection: aiosqlite.Connection, facts: Mapping[int, Mapping[str, Any]]) -> None:
    """Write what other programs said, and make it what the uploads have where no person and no file says otherwise."""
    if not facts:
        return
    numbers = list(facts)
    # Coordinates that an import brought go with it.
    await connection.execute(
        """
        UPDATE uploads SET metadata = json_remove(metadata, '$.latitude', '$.longitude', '$.altitude_m', '$.time_zone')
        FROM imported WHERE upload = number AND number IN (SELECT value FROM json_each(?)) AND file_place IS NULL
        AND json_extract(metadata, '$.latitude') = json_extract(said, '$.point.latitude')
        """,
        (json_list(numbers),),
    )
    await connection.executemany(
        """
        INSERT INTO imported (upload, said, file_title, file_caption, file_rating)
        SELECT number, :said, title, caption, iif(rated_by_hand, NULL, rating) FROM uploads WHERE number = :number
        ON CONFLICT (upload) DO UPDATE SET said = :said
        """,
        [{"number": number, "said": _text(said) or "{}"} for number, said in facts.items()],
    )
    await use_imported_words(connection, numbers)
    await connection.execute(
        """
        UPDATE uploads SET place = iif(place_edited, place, coalesce(file_place, json_extract(said, '$.place'))),
               metadata = iif(json_extract(metadata, '$.latitude') IS NULL,
                              json_patch(metadata, coalesce(json_extract(said, '$.point'), '{}')), metadata),
               updated_at = ?, revision = ?
        FROM imported WHERE upload = number AND number IN (SELECT value FROM json_each(?))
        """,
        (now_iso(), await next_revision(connection), json_list(numbers)),
    )
    await use_date_of_file(connection, numbers)


def same_path(candidate: Candidate, path: Path) -> bool:
    """Tell whether this is where an upload came from, or is."""
    return stored_path(candidate.path) == stored_path(str(path))


def files_of_rclip(database: Path) -> list[str]:
    """Return the paths of the files that rclip indexed and still knows. Raises UsageError if it is no database of it.

    Its table: https://github.com/yurijmikhalevich/rclip/blob/main/rclip/db.py
    """
    if not database.is_file():
        raise UsageError(f"There is no rclip database at {database}", "Give the path of its file db.sqlite3.")
    try:
        # Read-only, and without a lock: rclip may be at work.
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            return [
                row[0] for row in connection.execute("SELECT filepath FROM images WHERE deleted IS NULL OR NOT deleted")
            ]
    except sqlite3.Error as error:
        raise UsageError(f"{database} is not an rclip database", str(error)) from error
