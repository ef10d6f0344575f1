"""Tags: those that a person gave, albums among them, those of descriptions, and the keywords of files.

`tagged.own` is 1 for a person's, 0 for those of the current description, 2 for keywords.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import aiosqlite

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.media import FileWords
from vuemantics_tui.domain.text import caseless, folded
from vuemantics_tui.store.database import Database, json_list, next_revision, now_iso, rows_of
from vuemantics_tui.store.undo import Change, Facet, StepKind, Wanted, current, record_step

# What is used so often is among the first of those that begin alike, however much more often it is.
_OFTEN = 1_000


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as it is shown, and how many uploads outside the trash have it.

    `album` says that it is shown as one; `own` that a person gave it, to whichever uploads.
    """

    name: str
    count: int
    album: bool = False
    own: bool = True


class TagChange(NamedTuple):
    """How many uploads changed, how many of them got a tag, and how many lost one."""

    changed: int
    given: int
    taken: int


class Rating(NamedTuple):
    """The rating of an upload: 1 to 5, -1 for rejected, or None; and whether a person said so."""

    stars: int | None
    by_hand: bool


class TagStore:
    """Reads and writes tags. Whatever the case, a tag is the same; it is shown as it was first written by a person.

    An album is a tag with a flag, so that whatever finds a tag finds an album; empty, it stays until it is taken away.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, upload_ids: Iterable[str], names: Sequence[str], *, album: bool = False) -> int:
        """Give tags to uploads; returns how many uploads had not all of them. Raises UsageError for an empty name."""
        return (await self.retag(upload_ids, **{"albums" if album else "add": names})).given

    async def change(
        self,
        upload_ids: Iterable[str],
        *,
        add: Sequence[str] = (),
        albums: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> int:
        """Retag uploads; returns how many changed."""
        return (await self.retag(upload_ids, add=add, albums=albums, remove=remove)).changed

    async def retag(
        self,
        upload_ids: Iterable[str],
        *,
        add: Sequence[str] = (),
        albums: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> TagChange:
        """Take tags and keywords away from uploads and give them tags, some shown as albums: all of it, or nothing.

        A keyword that is taken away stays away when the file is read again. What is in the trash does not change.
        Raises UsageError for an empty name.
        """
        given = [(_clean(name), album) for names, album in ((add, False), (albums, True)) for name in names]
        names = {tag_key(name): name for name in (*(_clean(name) for name in remove), *(name for name, _ in given))}
        taken = json_list(tag_key(_clean(name)) for name in remove)
        ids = json_list(upload_ids)
        async with self._database.transaction() as connection:
            lost, got, changes = await _retagged(connection, ids, given, names, taken)
            await record_step(connection, StepKind.TAG, changes)
        return TagChange(len(lost | got), len(got), len(lost))

    async def set_album(self, name: str, album: bool) -> bool:
        """Show a tag as an album, creating it if needed, or as a plain tag again; tells whether the tag exists.

        Raises UsageError for an empty name.
        """
        name = _clean(name)
        async with self._database.transaction() as connection:
            was_album = bool(await _albums(connection, [tag_key(name)]))
            is_there = await _set_album(connection, name, album)
            if is_there:
                await record_step(connection, StepKind.ALBUM, [Change(Facet.ALBUM, None, name, was_album, album)])
            return is_there

    async def own(self) -> list[Tag]:
        """Return every tag given by a person and every album, even empty ones: albums first, by name."""
        rows = await self._database.fetch(
            """
            SELECT name, album, (
                SELECT count(DISTINCT upload) FROM tagged JOIN uploads ON uploads.number = upload
                WHERE tag = tags.number AND deleted_at IS NULL
            ) AS uses FROM tags
            WHERE album = 1 OR number IN (SELECT tag FROM tagged WHERE own = 1)
            ORDER BY album DESC, folded, key
            """
        )
        return [Tag(row["name"], row["uses"], bool(row["album"])) for row in rows if row["uses"] or row["album"]]

    async def beginning(self, prefix: str, limit: int = 8) -> list[Tag]:
        """Return the tags of any origin that begin with a prefix: a person's own first, then the most used."""
        key = folded(prefix)
        # Chosen by about how often they are used, which for thousands that begin alike takes milliseconds; only those
        # that are chosen are counted.
        rows = await self._database.fetch(
            """
            SELECT name, album, own, (
                SELECT count(DISTINCT upload) FROM tagged WHERE tag = chosen.number
                AND upload NOT IN (SELECT number FROM uploads WHERE deleted_at IS NOT NULL)
            ) AS uses FROM (
                SELECT number, key, name, album,
                       (SELECT count(*) FROM (SELECT 1 FROM tagged WHERE tag = tags.number LIMIT :often)) AS about,
                       EXISTS (SELECT 1 FROM tagged WHERE tag = tags.number AND own = 1) AS own
                FROM tags WHERE folded >= :key AND folded < :key || char(1114111) AND about + album > 0
                ORDER BY max(own, album) DESC, about DESC, key LIMIT :limit
            ) AS chosen WHERE uses + album > 0 ORDER BY max(own, album) DESC, uses DESC, key
            """,
            {"key": key, "limit": limit, "often": _OFTEN},
        )
        return [Tag(row["name"], row["uses"], bool(row["album"]), bool(row["own"])) for row in rows]

    async def of(self, numbers: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Return the tags of these uploads, each once, those given by a person first, then keywords."""
        found: defaultdict[int, dict[str, None]] = defaultdict(dict)
        rows = await self._database.fetch(
            """
            SELECT upload, name FROM tagged JOIN tags ON tags.number = tag
            WHERE upload IN (SELECT value FROM json_each(?)) ORDER BY upload, own = 1 DESC, own DESC, tag
            """,
            (json_list(numbers),),
        )
        for upload, name in rows:
            found[upload][name] = None
        return {number: tuple(names) for number, names in found.items()}

    async def taken_from(self, numbers: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Return the keywords that a person took away from these uploads."""
        found: defaultdict[int, list[str]] = defaultdict(list)
        rows = await self._database.fetch(
            """
            SELECT upload, name FROM untagged JOIN tags ON tags.number = tag
            WHERE upload IN (SELECT value FROM json_each(?))
            """,
            (json_list(numbers),),
        )
        for upload, name in rows:
            found[upload].append(name)
        return {number: tuple(names) for number, names in found.items()}


async def _retagged(
    connection: aiosqlite.Connection,
    ids: str,
    given: Sequence[tuple[str, bool]],
    names: Mapping[str, str],
    taken: str,
) -> tuple[set[int], set[int], list[Change]]:
    """Take tags away and give tags, shown as albums or not; returns the numbers that lost and got any, and the changes.

    `names` has all of them by their keys; `ids` and `taken`, the keys of those to take away, are JSON.
    """
    rows = await rows_of(
        connection,
        "SELECT number FROM uploads WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL",
        (ids,),
    )
    numbers = json_list(row[0] for row in rows)
    before, were_albums = await _states(connection, numbers, names), await _albums(connection, names)
    lost = await _take(connection, ids, taken)
    got = await _give(connection, ids, given)
    await _touch(connection, lost | got)
    after, are_albums = await _states(connection, numbers, names), await _albums(connection, names)
    changes = [
        Change(Facet.TAGGED, upload, names[key], before.get((upload, key), _NONE), after.get((upload, key), _NONE))
        for upload, key in dict.fromkeys((*before, *after))
    ]
    changes += [Change(Facet.ALBUM, None, name, key in were_albums, key in are_albums) for key, name in names.items()]
    return lost, got, changes


async def give_tags(
    connection: aiosqlite.Connection, upload_ids: Iterable[str], tags: Mapping[str, bool]
) -> tuple[set[int], list[Change]]:
    """Give tags to uploads inside a transaction, by their names, each shown as an album or not.

    Returns the numbers of those that had not all of them, and what changed.
    """
    names = {tag_key(name): name for name in tags}
    _, got, changes = await _retagged(connection, json_list(upload_ids), list(tags.items()), names, "[]")
    return got, changes


# Not given by a person, no keyword of the file, and none that was taken away.
_NONE = (False, False, False)


async def _states(
    connection: aiosqlite.Connection, numbers: str, keys: Iterable[str]
) -> dict[tuple[int, str], tuple[bool, bool, bool]]:
    """Return what a person and the files say about tags, by the upload's number and the tag's key.

    That is whether a person gave it, whether it is a keyword, and whether a person took that away. What is none of
    that is left out. `numbers` is JSON.
    """
    rows = await rows_of(
        connection,
        """
        WITH named AS (SELECT number, key FROM tags WHERE key IN (SELECT value FROM json_each(:keys)))
        SELECT upload, key, max(said = 1), max(said = 2), max(said = 3) FROM (
            SELECT upload, key, own AS said FROM named CROSS JOIN tagged ON tag = named.number AND own > 0
            WHERE upload IN (SELECT value FROM json_each(:numbers))
            UNION ALL
            SELECT upload, key, 3 FROM named CROSS JOIN untagged ON tag = named.number
            WHERE upload IN (SELECT value FROM json_each(:numbers))
        ) GROUP BY upload, key
        """,
        {"numbers": numbers, "keys": json_list(keys)},
    )
    return {(row[0], row[1]): (bool(row[2]), bool(row[3]), bool(row[4])) for row in rows}


async def _albums(connection: aiosqlite.Connection, keys: Iterable[str]) -> set[str]:
    """Return which of these tags are albums."""
    rows = await rows_of(
        connection,
        "SELECT key FROM tags WHERE album = 1 AND key IN (SELECT value FROM json_each(?))",
        (json_list(keys),),
    )
    return {row[0] for row in rows}


async def _set_album(connection: aiosqlite.Connection, name: str, album: bool) -> bool:
    """Show a tag as an album, creating it if needed, or as a plain tag; tells whether it exists."""
    key = tag_key(name)
    if album:
        cursor = await connection.execute(
            "INSERT INTO tags (key, name, album) VALUES (?, ?, 1) ON CONFLICT (key) DO UPDATE SET album = 1",
            (key, name),
        )
    else:
        cursor = await connection.execute("UPDATE tags SET album = 0 WHERE key = ?", (key,))
    rows = await rows_of(connection, "SELECT upload FROM tagged JOIN tags ON tags.number = tag WHERE key = ?", (key,))
    await _touch(connection, {row[0] for row in rows})
    return cursor.rowcount > 0


async def put_back_albums(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Show tags as albums or as plain tags again, inside a transaction; returns which of them changed."""
    albums = await _albums(connection, (tag_key(each.name) for each in wanted))
    changed = [each for each in wanted if (tag_key(each.name) in albums) == each.expected]
    for each in changed:
        await _set_album(connection, each.name, each.wanted)
    return changed


async def put_back_tags(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Give tags to uploads and take them away, inside a transaction, as a step says; returns what changed."""
    names = {tag_key(each.name): each.name for each in wanted}
    await connection.executemany(
        "INSERT INTO tags (key, name) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", list(names.items())
    )
    numbers = json_list(dict.fromkeys(each.upload for each in wanted))
    found = await _states(connection, numbers, names)
    here = {
        row[0]
        for row in await rows_of(
            connection,
            "SELECT number FROM uploads WHERE number IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL",
            (numbers,),
        )
    }
    changed = [
        each
        for each in wanted
        if each.upload in here and found.get((each.upload, tag_key(each.name)), _NONE) == each.expected
    ]
    places = [{"upload": each.upload, "key": tag_key(each.name), "said": each.wanted} for each in changed]
    tag = "(SELECT number FROM tags WHERE key = :key)"
    await connection.executemany(f"DELETE FROM tagged WHERE upload = :upload AND own > 0 AND tag = {tag}", places)
    await connection.executemany(f"DELETE FROM untagged WHERE upload = :upload AND tag = {tag}", places)
    for own, table in (
        (1, "tagged (upload, tag, own)"),
        (2, "tagged (upload, tag, own)"),
        (3, "untagged (upload, tag)"),
    ):
        columns = f":upload, {tag}" if own == 3 else f":upload, {tag}, {own}"
        given = [place for place, each in zip(places, changed, strict=True) if each.wanted[own - 1]]
        await connection.executemany(f"INSERT INTO {table} VALUES ({columns})", given)
    await _touch(connection, {each.upload for each in changed})
    return changed


def tag_key(name: str) -> str:
    """Return the key of a tag, which ignores case, as the triggers on descriptions make it."""
    return caseless(name)


async def _give(connection: aiosqlite.Connection, ids: str, tags: Sequence[tuple[str, bool]]) -> set[int]:
    """Give tags, each shown as an album or not; returns the numbers of the uploads that had not all of them."""
    for name, album in tags:
        await connection.execute(
            """
            INSERT INTO tags (key, name, album) VALUES (:key, :name, :album)
            ON CONFLICT (key) DO UPDATE SET album = max(album, :album), name = iif(
                album OR EXISTS (SELECT 1 FROM tagged WHERE tag = tags.number AND own = 1), name, :name
            )
            """,
            {"key": tag_key(name), "name": name, "album": int(album)},
        )
    rows = await rows_of(
        connection,
        """
        SELECT uploads.number, tags.number FROM uploads, tags
        WHERE uploads.id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL
        AND tags.key IN (SELECT value FROM json_each(?))
        AND NOT EXISTS (SELECT 1 FROM tagged WHERE tag = tags.number AND upload = uploads.number AND own = 1)
        """,
        (ids, json_list(tag_key(name) for name, _ in tags)),
    )
    lacking = [(row[1], row[0]) for row in rows]
    await connection.executemany("INSERT INTO tagged (tag, upload, own) VALUES (?, ?, 1)", lacking)
    await connection.executemany("DELETE FROM untagged WHERE tag = ? AND upload = ?", lacking)
    return {upload for _, upload in lacking}


async def _take(connection: aiosqlite.Connection, ids: str, keys: str) -> set[int]:
    """Take a person's tags and keywords away; returns the numbers of the uploads that had any of them."""
    rows = await rows_of(
        connection,
        """
        SELECT tag, upload, own FROM tagged JOIN tags ON tags.number = tag
        JOIN uploads ON uploads.number = upload
        WHERE own > 0 AND key IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL
        AND uploads.id IN (SELECT value FROM json_each(?))
        """,
        (keys, ids),
    )
    await connection.executemany("DELETE FROM tagged WHERE tag = ? AND upload = ? AND own = ?", rows)
    keywords = [(row[0], row[1]) for row in rows if row[2] == 2]
    await connection.executemany("INSERT OR IGNORE INTO untagged (tag, upload) VALUES (?, ?)", keywords)
    return {row[1] for row in rows}


async def save_words(connection: aiosqlite.Connection, number: int, words: FileWords) -> None:
    """Write what a file says inside a transaction, over what it said before.

    A rating that a person set stays, keywords that a person took away stay away, and what was imported from other
    programs stays.
    """
    values = {
        "title": words.title,
        "caption": words.caption,
        "creator": words.creator,
        "label": words.label,
        "rating": words.rating,
        "paths": json_list(words.keyword_paths),
        "number": number,
    }
    await connection.execute(
        """
        UPDATE uploads SET title = :title, caption = :caption, creator = :creator, label = :label,
               rating = iif(rated_by_hand, rating, :rating), keyword_paths = :paths
        WHERE number = :number
        """,
        values,
    )
    cursor = await connection.execute(
        """
        UPDATE imported SET file_title = :title, file_caption = :caption, file_rating = :rating WHERE upload = :number
        """,
        values,
    )
    if cursor.rowcount:
        await use_imported_words(connection, [number])
    names = {tag_key(name): name for each in reversed(words.keywords) if (name := plain_name(each))}
    wanted = {"number": number, "keys": json_list(names)}
    await connection.execute(
        """
        DELETE FROM tagged WHERE upload = :number AND own = 2 AND tag NOT IN (
            SELECT number FROM tags WHERE key IN (SELECT value FROM json_each(:keys))
        )
        """,
        wanted,
    )
    if not names:
        return
    await connection.executemany(
        "INSERT INTO tags (key, name) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", list(names.items())
    )
    await connection.execute(
        """
        INSERT OR IGNORE INTO tagged (tag, upload, own)
        SELECT number, :number, 2 FROM tags WHERE key IN (SELECT value FROM json_each(:keys))
        AND number NOT IN (SELECT tag FROM untagged WHERE upload = :number)
        """,
        wanted,
    )


async def use_imported_words(connection: aiosqlite.Connection, numbers: Sequence[int]) -> None:
    """Make title, caption and rating what other programs said, else what the file says, inside a transaction.

    A rating of the file comes before theirs.
    """
    await connection.execute(
        """
        UPDATE uploads SET title = coalesce(json_extract(said, '$.title'), file_title),
               caption = coalesce(json_extract(said, '$.caption'), file_caption),
               rating = iif(rated_by_hand, rating, coalesce(file_rating, json_extract(said, '$.rating')))
        FROM imported WHERE upload = number AND number IN (SELECT value FROM json_each(?))
        """,
        (json_list(numbers),),
    )


class RatingStore:
    """Writes the ratings that a person gives."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rate(self, upload_ids: Iterable[str], rating: int | None) -> dict[str, Rating]:
        """Rate uploads with 1 to 5, -1 for rejected, or None for no rating; returns how those were that changed."""
        wanted = Rating(rating, True)
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                """
                SELECT id, number, rating, rated_by_hand FROM uploads
                WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL
                """,
                (json_list(upload_ids),),
            )
            before = {row["id"]: Rating(row["rating"], bool(row["rated_by_hand"])) for row in rows}
            changes = [
                Change(Facet.RATING, row["number"], "", before[row["id"]], wanted)
                for row in rows
                if before[row["id"]] != wanted
            ]
            await _rate(connection, {change.upload: wanted for change in changes if change.upload is not None})
            await record_step(connection, StepKind.RATE, changes)
        return {upload_id: rating for upload_id, rating in before.items() if rating != wanted}


async def put_back_ratings(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Put ratings back, inside a transaction; returns those of which uploads."""
    rows = await current(connection, "rating, rated_by_hand", wanted)
    found = {row[0]: (row[1], bool(row[2])) for row in rows}
    changed = [each for each in wanted if found.get(each.upload) == each.expected]
    await _rate(connection, {each.upload: Rating(*each.wanted) for each in changed})
    return changed


async def _rate(connection: aiosqlite.Connection, ratings: Mapping[int, Rating]) -> None:
    await connection.executemany(
        "UPDATE uploads SET rating = ?, rated_by_hand = ? WHERE number = ?",
        [(rating.stars, int(rating.by_hand), number) for number, rating in ratings.items()],
    )
    await _touch(connection, set(ratings))


def plain_name(name: str) -> str:
    """Return the name of a tag on one line and without quotes, which no search could quote."""
    return " ".join(name.replace('"', " ").split())


def _clean(name: str) -> str:
    """Return the name on one line and without quotes, which no search could quote. Raises UsageError if it is empty."""
    clean = plain_name(name)
    if not clean:
        raise UsageError("A tag needs a name", "Nothing was changed.")
    return clean


async def _touch(connection: aiosqlite.Connection, numbers: set[int]) -> None:
    """Notify the listeners of the store."""
    await connection.execute(
        "UPDATE uploads SET updated_at = ?, revision = ? WHERE number IN (SELECT value FROM json_each(?))",
        (now_iso(), await next_revision(connection), json_list(sorted(numbers))),
    )
