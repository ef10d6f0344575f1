"""Where uploads were taken, from their files or set by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import aiosqlite

from vuemantics_tui.domain.media import Place
from vuemantics_tui.domain.text import folded
from vuemantics_tui.store.database import Database, Row, escaped_like, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.undo import Change, Facet, StepKind, Wanted, current, record_step

# A shorter text is a country code or a whole name such as UK, because too many names begin with any two letters.
_LEAST_BEGINNING = 3
_IMPORTED = "(SELECT json_extract(said, '$.place') FROM imported WHERE upload = uploads.number)"

Placing = Mapping[str, tuple[int | None, bool]]
"""By upload ID: the number of its place, and whether a person set it."""


async def save_place_of_file(connection: aiosqlite.Connection, number: int, place: Place | None) -> None:
    """Write where a file says that it was taken, inside a transaction. A place that a person set stays.

    Where the file says nothing, what another program said counts.
    """
    await connection.execute(
        f"""
        UPDATE uploads SET file_place = :place, place = iif(place_edited, place, coalesce(:place, {_IMPORTED}))
        WHERE number = :number
        """,
        {"place": await place_number(connection, place), "number": number},
    )


class PlaceStore:
    """Sets the places of uploads by hand."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, upload_ids: Sequence[str], place: Place | None) -> Placing:
        """Set the place of uploads by hand; None is no place. Returns what those had that changed."""
        async with self._database.transaction() as connection:
            number = await place_number(connection, place)
            return await _place_by_hand(connection, dict.fromkeys(upload_ids, (number, True)))

    async def use_file(self, upload_ids: Sequence[str]) -> Placing:
        """Make the place that its file names that of each upload again. Returns what those had that changed."""
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                f"""
                SELECT id, coalesce(file_place, {_IMPORTED}) FROM uploads
                WHERE id IN (SELECT value FROM json_each(?))
                """,
                (json_list(upload_ids),),
            )
            return await _place_by_hand(connection, {row[0]: (row[1], False) for row in rows})

    async def beginning(self, part: str, limit: int) -> list[tuple[str, int]]:
        """Return the towns, regions and countries with a word that begins so, with how many uploads have them, the most
        used first. A town is also found by its other names.
        """
        begun = f" {folded(part)}"
        counts: Counter[str] = Counter()
        for *names, count in await self._counted("p.name, p.region, p.country", "names", part):
            named = [name for name in dict.fromkeys(names) if begun in f" {folded(name)}"]
            for name in named or names[:1]:
                counts[name] += count
        return [(name, count) for name, count in counts.most_common() if name][:limit]

    async def lines(self, text: str, limit: int) -> list[str]:
        """Return the places that are in use and begin so, each as a line such as `Rome, Lazio, Italy`, the most used
        first.
        """
        begun = folded(" ".join(text.split()))
        rows = await self._counted("p.name, p.region, p.country", "names", begun.partition(",")[0])
        found = (", ".join(dict.fromkeys(filter(None, row[:3]))) for row in rows)
        return [line for line in found if folded(line).startswith(begun)][:limit]

    async def countries(self, part: str, limit: int) -> list[tuple[str, int]]:
        """Return the countries with a word that begins so, with how many uploads each has, the most used first."""
        return [(row[0], row[1]) for row in await self._counted("p.country", "country_names", part)][:limit]

    async def of_uploads(self, numbers: Sequence[int]) -> list[tuple[str, str]]:
        """Return the names and countries of the places where these uploads were taken, the most used first."""
        rows = await self._database.fetch(
            """
            SELECT p.name, p.country FROM uploads u JOIN places p ON p.number = u.place
            WHERE u.number IN (SELECT value FROM json_each(?))
            GROUP BY p.name, p.country ORDER BY count(*) DESC, p.name
            """,
            (json_list(numbers),),
        )
        return [(row[0], row[1]) for row in rows]

    async def _counted(self, columns: str, searched: str, part: str) -> list[Row]:
        return await self._database.fetch(
            f"""
            SELECT {columns}, count(*) AS uploads FROM places p JOIN uploads u ON u.place = p.number
            WHERE p.{searched} LIKE ? ESCAPE '\\' AND u.deleted_at IS NULL
            GROUP BY {columns} ORDER BY uploads DESC, {columns}
            """,
            (f"% {escaped_like(folded(part))}%",),
        )


async def _place_by_hand(connection: aiosqlite.Connection, wanted: Placing) -> Placing:
    """Give uploads their places, inside a transaction; return what those had that changed."""
    rows = await rows_of(
        connection,
        """
        SELECT id, number, place, place_edited FROM uploads
        WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL
        """,
        (json_list(wanted),),
    )
    before = {row["id"]: (row["place"], bool(row["place_edited"])) for row in rows}
    changes = [
        Change(Facet.PLACE, row["number"], "", before[row["id"]], wanted[row["id"]])
        for row in rows
        if before[row["id"]] != wanted[row["id"]]
    ]
    await _write(connection, {change.upload: change.after for change in changes})
    await record_step(connection, StepKind.PLACE, changes)
    return {upload_id: place for upload_id, place in before.items() if place != wanted[upload_id]}


async def put_back_places(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Put places back, inside a transaction; returns those of which uploads."""
    rows = await current(connection, "place, place_edited", wanted)
    found = {row[0]: (row[1], bool(row[2])) for row in rows}
    changed = [each for each in wanted if found.get(each.upload) == each.expected]
    await _write(connection, {each.upload: each.wanted for each in changed})
    return changed


async def _write(connection: aiosqlite.Connection, places: Mapping[int | None, tuple[int | None, bool]]) -> None:
    if places:
        moment = (now_iso(), await next_revision(connection))
        await connection.executemany(
            "UPDATE uploads SET place = ?, place_edited = ?, updated_at = ?, revision = ? WHERE number = ?",
            [(*place, *moment, number) for number, place in places.items()],
        )


async def place_number(connection: aiosqlite.Connection, place: Place | None) -> int | None:
    """Return the number of a place, inside a transaction, which writes it if it is new; None for none."""
    if place is None:
        return None
    own = (place.name, *place.common_names)
    countries = (place.country, *place.country_names)
    row = {
        "name": place.name,
        "region": place.region,
        "country": place.country,
        "country_code": place.country_code,
        "names": _joined((*own, place.region, *countries)),
        "other_names": _joined(place.other_names),
        "country_names": _joined(countries),
        "words": "\n".join(filter(None, dict.fromkeys((*own, place.region, *countries)))),
    }
    # A newer table may know more names of a place.
    rows = await rows_of(
        connection,
        f"""
        INSERT INTO places ({", ".join(row)}) VALUES ({", ".join(f":{name}" for name in row)})
        ON CONFLICT (name, region, country, country_code) DO UPDATE SET
            names = iif(length(excluded.names) > length(names), excluded.names, names),
            other_names = iif(length(excluded.other_names) > length(other_names), excluded.other_names, other_names),
            words = iif(length(excluded.words) > length(words), excluded.words, words)
        RETURNING number
        """,
        row,
    )
    return int(rows[0][0])


def _joined(names: Iterable[str]) -> str:
    found = dict.fromkeys(" ".join(folded(name).split()) for name in names if name)
    return "".join(f"\n {name} \n" for name in found)


def place_condition(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the SQL over `places` of what a text names, and its parameters.

    A name, region or country with a word that begins so, or a whole name in any language. Of several between commas,
    as in `rome, italy`, each is a whole name. Between the pieces of a pattern there may be anything, and together they
    are a whole name.
    """
    # The search language is loaded after the first paint.
    from vuemantics_tui.domain.query.line import pattern_pieces

    if "," in text:
        wholes = [f"%\n {_pattern(pattern_pieces(name.strip()))} \n%" for name in text.split(",") if name.strip()]
        each = "(names LIKE ? ESCAPE '\\' OR other_names LIKE ? ESCAPE '\\')"
        return " AND ".join(each for _ in wholes) or "0", tuple(whole for whole in wholes for _ in range(2))
    pieces = pattern_pieces(text)
    part = _pattern(pieces)
    whole = f"%\n {part} \n%"
    # Chinese and others write no spaces between words, and have no cases.
    has_words = part[:1].isascii() or part[:1] != part[:1].upper()
    beginning = f"%{' ' if has_words else ''}{part}%" if len(pieces) == 1 else whole
    return "(names LIKE ? ESCAPE '\\' OR other_names LIKE ? ESCAPE '\\')", (beginning, whole)


def country_condition(pieces: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the SQL over `places` of what a text names as a country, and its parameters.

    Its code of two letters, or one of its names: the whole of it, or from three letters on the beginning.
    """
    part = _pattern(pieces)
    begins = len(pieces) == 1 and len(pieces[0]) >= _LEAST_BEGINNING
    names = f"%\n {part}%" if begins else f"%\n {part} \n%"
    return "(country_code = upper(?) OR country_names LIKE ? ESCAPE '\\')", (pieces[0], names)


def _pattern(pieces: Sequence[str]) -> str:
    return "%".join(escaped_like(folded(piece)) for piece in pieces)
