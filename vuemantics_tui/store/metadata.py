"""The metadata of files, and the dates that follow from it or that a person set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

import aiosqlite

from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.domain.moment import (
    DateEdit,
    DateSource,
    fixed_zone,
    localised,
    name_moment,
)
from vuemantics_tui.store.database import Database, Row, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.places import save_place_of_file
from vuemantics_tui.store.tags import save_words
from vuemantics_tui.store.undo import Change, Facet, StepKind, Wanted, current, record_step

# Pictures of the same camera within so many hours were taken by the same local clock, unless somebody travelled far.
NEIGHBOUR_HOURS = 24.0
# A moment that another program has in UTC is at most so many hours from the local clock; what is more was put right.
_MOST_HOURS_APART = 26
# Where a file itself does not say when it was taken.
_UNSURE = (None, DateSource.NAME, DateSource.FILE)
_TO_SECONDS = len("2024-06-03T10:11:12")
# When a file was taken in UTC, as a Julian day, where its camera's offset is known.
_UTC_DAYS = f"(julianday(substr(file_taken_at, 1, {_TO_SECONDS})) - taken_offset / 1440.0)"


async def save_metadata(connection: aiosqlite.Connection, number: int, metadata: MediaMetadata) -> None:
    """Write what a file says of itself, inside a transaction. It replaces what the file said before.

    What a person set by hand stays: a date, a place, a rating, and that a keyword was taken away. So does what was
    imported from other programs.
    """
    await connection.execute(
        """
        UPDATE uploads SET width = coalesce(:width, width), height = coalesce(:height, height), duration = :duration,
               video_codec = :video_codec,
               metadata = iif(json_extract(:metadata, '$.latitude') IS NULL, json_patch(coalesce((
                   SELECT json_extract(said, '$.point') FROM imported WHERE upload = :number
               ), '{}'), :metadata), :metadata)
        WHERE number = :number
        """,
        {
            "width": metadata.width,
            "height": metadata.height,
            "duration": metadata.duration,
            "video_codec": metadata.video_codec,
            "metadata": json.dumps(metadata.extra or {}),
            "number": number,
        },
    )
    await save_date(connection, number, metadata)
    await save_words(connection, number, metadata.words)
    await save_place_of_file(connection, number, metadata.place)


async def save_date(connection: aiosqlite.Connection, number: int, metadata: MediaMetadata) -> None:
    """Write the date of a file, inside a transaction: what it says, else what its name says, else its own time."""
    (row,) = await rows_of(connection, "SELECT filename, modified_at, camera FROM uploads WHERE number = ?", (number,))
    found: tuple[str | None, DateSource | None]
    if metadata.taken_at:
        found = metadata.taken_at, metadata.taken_from
    elif named := name_moment(row["filename"]):
        found = named, DateSource.NAME
    else:
        found = row["modified_at"], DateSource.FILE if row["modified_at"] else None
    offset = metadata.taken_offset if metadata.taken_offset is not None else _offset_of_place(metadata)
    await connection.execute(
        "UPDATE uploads SET file_taken_at = ?, file_taken_from = ?, taken_offset = ? WHERE number = ?",
        (*found, offset, number),
    )
    await use_date_of_file(connection, [number])
    if row["camera"] and offset is not None:
        await use_date_of_file(connection, await _clips_near(connection, number))


def first_date(filename: str, modified_at: str | None) -> dict[str, str | None]:
    """Return the columns of the date of a file that was not read yet: from its name, or else its own time."""
    named = name_moment(filename)
    moment = named or modified_at
    source = DateSource.NAME if named else DateSource.FILE if modified_at else None
    taken = localised(moment, None) if moment and moment.endswith("Z") else moment
    return {"file_taken_at": moment, "file_taken_from": source, "taken_at": taken, "taken_from": source}


async def use_date_of_file(connection: aiosqlite.Connection, numbers: Sequence[int]) -> list[int]:
    """Make the date of its file, by the local clock, the date of each upload that has none by hand.

    What another program said counts where the file itself does not know, or where somebody must have put it right.
    Returns the numbers of those whose date changed.
    """
    rows = await rows_of(
        connection,
        """
        SELECT number, camera, taken_at, taken_from, file_taken_at, file_taken_from,
               json_extract(metadata, '$.time_zone') AS time_zone,
               (SELECT json_extract(said, '$.taken') FROM imported WHERE upload = number) AS imported
        FROM uploads WHERE number IN (SELECT value FROM json_each(?)) AND taken_from IS NOT 'hand'
        """,
        (json_list(numbers),),
    )
    changes = []
    for row in rows:
        moment, source = row["file_taken_at"], row["file_taken_from"]
        if row["imported"] and (source in _UNSURE or _is_other_day(moment, row["imported"])):
            moment, source = row["imported"], DateSource.IMPORT
        if moment and moment.endswith("Z"):
            is_shot = source != DateSource.FILE
            offset = await _neighbours_offset(connection, row["camera"], moment) if is_shot else None
            zone = fixed_zone(offset) if offset is not None else _zone(row["time_zone"]) if is_shot else None
            moment = localised(moment, zone)
        if (moment, source) != (row["taken_at"], row["taken_from"]):
            changes.append((moment, source, row["number"]))
    if changes:
        revision = await next_revision(connection)
        await connection.executemany(
            "UPDATE uploads SET taken_at = ?, taken_from = ?, revision = ? WHERE number = ?",
            [(moment, source, revision, number) for moment, source, number in changes],
        )
    return [number for _, _, number in changes]


def _is_other_day(moment: str, other: str) -> bool:
    """Tell whether two moments differ by more than clocks of two time zones do."""
    one, two = (datetime.fromisoformat(each[:_TO_SECONDS]) for each in (moment, other))
    return abs((one - two).total_seconds()) > _MOST_HOURS_APART * 3600


async def _neighbours_offset(connection: aiosqlite.Connection, camera: str | None, moment: str) -> int | None:
    """Return the offset of the picture by the same camera that is nearest to a moment in UTC, in minutes."""
    if camera is None:
        return None
    rows = await rows_of(
        connection,
        f"""
        SELECT taken_offset, abs({_UTC_DAYS} - julianday(:moment)) * 24 AS hours FROM uploads
        WHERE camera = :camera AND file_taken_at BETWEEN date(:moment, '-2 days') AND date(:moment, '+3 days')
          AND taken_offset IS NOT NULL AND deleted_at IS NULL AND hours <= :most
        ORDER BY hours, number LIMIT 1
        """,
        {"camera": camera, "moment": moment[:_TO_SECONDS], "most": NEIGHBOUR_HOURS},
    )
    return rows[0][0] if rows else None


async def _clips_near(connection: aiosqlite.Connection, number: int) -> list[int]:
    """Return the uploads by the camera of a picture, taken near it, that have another offset and only know UTC."""
    rows = await rows_of(
        connection,
        f"""
        WITH picture AS (SELECT camera, taken_offset, {_UTC_DAYS} AS at FROM uploads WHERE number = :number)
        SELECT number FROM picture JOIN uploads USING (camera)
        WHERE file_taken_at BETWEEN strftime('%Y-%m-%dT%H:%M:%S', at - :most / 24)
              AND strftime('%Y-%m-%dT%H:%M:%SZ', at + :most / 24)
          AND file_taken_at LIKE '%Z' AND file_taken_from <> 'file'
          AND substr(taken_at, -6) <> printf('%s%02d:%02d', iif(picture.taken_offset < 0, '-', '+'),
                                             abs(picture.taken_offset) / 60, abs(picture.taken_offset) % 60)
        """,
        {"number": number, "most": NEIGHBOUR_HOURS},
    )
    return [row[0] for row in rows]


def _offset_of_place(metadata: MediaMetadata) -> int | None:
    """Return the offset in minutes of clocks where and when a picture was taken, or None if that is not known."""
    moment, zone = metadata.taken_at or "", _zone((metadata.extra or {}).get("time_zone"))
    if zone is None or "T" not in moment or moment.endswith("Z"):
        return None
    offset = zone.utcoffset(datetime.fromisoformat(moment[:_TO_SECONDS]))
    return None if offset is None else int(offset.total_seconds() // 60)


def _zone(name: object) -> tzinfo | None:
    """Return a zone by its name, or None if there is no such zone on this machine."""
    if not isinstance(name, str):
        return None
    # It takes some milliseconds to load, and few uploads have a place.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


class DateStore:
    """Sets the dates of uploads by hand."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def edit(self, upload_ids: Sequence[str], edit: DateEdit) -> dict[str, str | None]:
        """Change the dates of uploads by hand; return the date by hand that each had before.

        None stands for the date of the file. Those that stay as they are, are left out. Raises UsageError if a date
        cannot be changed so; then none is.
        """
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                """
                SELECT id, number, taken_at, taken_from FROM uploads
                WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL
                """,
                (json_list(upload_ids),),
            )
            before = {row["number"]: _by_hand(row) for row in rows}
            wanted = {row["number"]: edit.applied(row["taken_at"]) for row in rows}
            changed = await _set_dates(connection, wanted)
            await record_step(
                connection,
                StepKind.DATE,
                [Change(Facet.DATE, number, "", before[number], wanted[number]) for number in changed],
            )
        return {row["id"]: before[row["number"]] for row in rows if row["number"] in changed}


async def put_back_dates(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Put back dates by hand, or those of the files, inside a transaction; returns those of which uploads."""
    rows = await current(connection, "taken_at, taken_from", wanted)
    found = {row["number"]: _by_hand(row) for row in rows}
    as_expected = [each for each in wanted if each.upload in found and found[each.upload] == each.expected]
    changed = await _set_dates(connection, {each.upload: each.wanted for each in as_expected})
    return [each for each in as_expected if each.upload in changed]


def _by_hand(row: Row) -> str | None:
    """Return the date that a person set, or None."""
    return row["taken_at"] if row["taken_from"] == DateSource.HAND else None


async def _set_dates(connection: aiosqlite.Connection, moments: Mapping[int, str | None]) -> set[int]:
    """Set the dates of uploads by their numbers, None being that of the file; returns which changed."""
    revision, now = await next_revision(connection), now_iso()
    changed = set()
    for number, moment in moments.items():
        rows = await rows_of(
            connection,
            """
            UPDATE uploads SET taken_at = :moment, taken_from = :source, updated_at = :now, revision = :revision
            WHERE number = :number AND deleted_at IS NULL AND (
                iif(:moment IS NULL, taken_from = 'hand', taken_from IS NOT 'hand' OR taken_at IS NOT :moment)
            )
            RETURNING number
            """,
            {
                "number": number,
                "moment": moment,
                "source": DateSource.HAND if moment else None,
                "now": now,
                "revision": revision,
            },
        )
        if rows:
            changed.add(number)
            if moment is None:
                await use_date_of_file(connection, [number])
    return changed
