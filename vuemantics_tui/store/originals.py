"""Where the originals of uploads in place are: kept in step with the files that are known in their sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import aiosqlite

from vuemantics_tui.domain.sources import LocationState, real_path
from vuemantics_tui.domain.text import storable
from vuemantics_tui.store.database import Row, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.history import record_each
from vuemantics_tui.store.stacks import restack

IS_REACHABLE = """
    missing_since IS NULL
    AND (source IS NULL OR source NOT IN (SELECT number FROM sources WHERE away_since IS NOT NULL))
"""
"""True of an upload whose original is not known to be missing or on a disk that is away."""
SOURCE_OF = "(SELECT path FROM sources WHERE sources.number = uploads.source) AS source"
"""The folder of the source of an upload in place, as it is stored; NULL of a copied one."""
KNOWN = "number, folder, name, size, changed, inode, sidecars, state, upload"
"""The columns of `Known`."""


class Known(NamedTuple):
    """What is stored of one file. Times in nanoseconds, `folder` and `name` as `stored_path` writes them."""

    number: int
    folder: str
    name: str
    size: int
    changed: int
    inode: int
    sidecars: int
    state: int
    upload: int | None


def joined(folder: str, name: str) -> str:
    """Return the path of a file below its source."""
    return f"{folder}/{name}" if folder else name


# Inside a transaction


async def mark_gone(connection: aiosqlite.Connection, gone: Sequence[Known]) -> None:
    """Mark files as missing, or forget them where their bytes are elsewhere, or were of no use."""
    moment = now_iso()
    for known in gone:
        if known.state == LocationState.REFUSED or (known.upload is None and known.state != LocationState.REMOVED):
            await connection.execute("DELETE FROM locations WHERE number = ?", (known.number,))
    here = [known for known in gone if known.state == LocationState.HERE and known.upload is not None]
    await connection.executemany(
        "UPDATE locations SET state = 1, since = ? WHERE number = ?", [(moment, known.number) for known in here]
    )
    # A copy that is gone is not missing: the library or another location has the bytes.
    await connection.execute(
        """
        DELETE FROM locations WHERE number IN (SELECT value FROM json_each(?)) AND (
            EXISTS (SELECT 1 FROM locations other WHERE other.upload = locations.upload AND other.state = 0)
            OR (SELECT source FROM uploads WHERE uploads.number = upload) IS NULL
        )
        """,
        (json_list(known.number for known in here),),
    )


async def follow_files(connection: aiosqlite.Connection, numbers: Iterable[int | None]) -> None:
    """Have uploads in place follow their files: where the original is, or since when it is missing."""
    chosen = json_list(sorted({number for number in numbers if number is not None}))
    rows = await rows_of(
        connection,
        """
        SELECT u.number, u.filename, u.source, u.file_path, u.missing_since, u.deleted_at,
               l.source AS at, l.folder, l.name, l.state, l.since,
               s.away_since IS NOT NULL OR s.removed_at IS NOT NULL AS is_away
        FROM uploads u LEFT JOIN locations l ON l.upload = u.number AND l.state < 2
        LEFT JOIN sources s ON s.number = l.source
        WHERE u.number IN (SELECT value FROM json_each(?)) AND u.source IS NOT NULL
        """,
        (chosen,),
    )
    by_upload = defaultdict[int, list[Row]](list)
    for row in rows:
        by_upload[row["number"]].append(row)
    moment = now_iso()
    placed: list[tuple[int, str, int]] = []
    named: list[tuple[str, int]] = []
    marked: list[tuple[str | None, int]] = []
    events = defaultdict[str, list[tuple[int, str]]](list)
    for number, some in by_upload.items():
        upload = some[0]
        best = min((row for row in some if row["at"] is not None), key=_preference, default=None)
        if best is None or best["state"] == LocationState.MISSING:
            if upload["missing_since"] is None:
                marked.append((moment if best is None else best["since"] or moment, number))
                events["missing"].append((number, ""))
            continue
        if upload["missing_since"] is not None:
            marked.append((None, number))
            events["found again"].append((number, ""))
        path = joined(best["folder"], best["name"])
        if (best["at"], path) != (upload["source"], upload["file_path"]):
            placed.append((best["at"], path, number))
            shown = (storable(real_path(one)) for one in (upload["file_path"], path))
            events["moved"].append((number, " → ".join(shown)))
            name = storable(real_path(best["name"]))
            # A name that a person gave stays.
            if name != upload["filename"] == storable(real_path(upload["file_path"].rpartition("/")[2])):
                named.append((name, number))
    revision = await next_revision(connection)
    await connection.executemany("UPDATE uploads SET source = ?, file_path = ? WHERE number = ?", placed)
    await connection.executemany("UPDATE uploads SET filename = ? WHERE number = ?", named)
    await connection.executemany("UPDATE uploads SET missing_since = ? WHERE number = ?", marked)
    await connection.executemany(
        "UPDATE uploads SET updated_at = ?, revision = ? WHERE number = ?",
        [(moment, revision, number) for number in {*(one[-1] for one in (*placed, *named, *marked))}],
    )
    for kind, some_events in events.items():
        await record_each(connection, some_events, kind)
    if placed:
        await restack(connection, [one[-1] for one in placed])


def _preference(row: Row) -> tuple[object, ...]:
    """Return what a file is preferred by as an original: it is there, it was the original before, it is first."""
    is_current = (row["at"], joined(row["folder"], row["name"])) == (row["source"], row["file_path"])
    return row["state"], row["is_away"], not is_current, row["at"], row["folder"], row["name"]
