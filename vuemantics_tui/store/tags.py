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
        taken = json_list(tag_key(_clean(name)) for name in remove)
        ids = json_list(upload_ids)
        async with self._database.transaction() as connection:
            lost = await _take(connection, ids, taken)
            got = await _give(connection, ids, given)
            await _touch(connection, lost | got)
        return TagChange(len(lost | got), len(got), len(lost))

    async def set_album(self, name: str, album: bool) -> bool:
        """Show a tag as an album, creating it if needed, or as a plain tag again; tells whether the tag exists.

        Raises UsageError for an empty name.
        """
        name = _clean(name)
        async with self._database.transaction() as connection:
            if album:
                cursor = await connection.execute(
                    "INSERT INTO tags (key, name, album) VALUES (?, ?, 1) ON CONFLICT (key) DO UPDATE SET album = 1",
                    (tag_key(name), name),
                )
            else:
                cursor = await connection.execute("UPDATE tags SET album = 0 WHERE key = ?", (tag_key(name),))
            rows = await rows_of(
                connection,
                "SELECT upload FROM tagged JOIN tags ON tags.number = tag WHERE key = ?",
                (tag_key(name),),
            )
            await _touch(connection, {row[0] for row in rows})
            return cursor.rowcount > 0

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

    A rating that a person set stays, and keywords that a person took away stay away.
    """
    await connection.execute(
        """
        UPDATE uploads SET title = :title, caption = :caption, creator = :creator, label = :label,
               rating = iif(rated_by_hand, rating, :rating), keyword_paths = :paths
        WHERE number = :number
        """,
        {
            "title": words.title,
            "caption": words.caption,
            "creator": words.creator,
            "label": words.label,
            "rating": words.rating,
            "paths": json_list(words.keyword_paths),
            "number": number,
        },
    )
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


class RatingStore:
    """Writes the ratings that a person gives."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rate(self, upload_ids: Iterable[str], rating: int | None) -> dict[str, Rating]:
        """Rate uploads with 1 to 5, -1 for rejected, or None for no rating; returns how those were that changed."""
        return await self._write(dict.fromkeys(upload_ids, Rating(rating, True)))

    async def restore(self, ratings: Mapping[str, Rating]) -> int:
        """Put ratings back as they were; returns how many changed."""
        return len(await self._write(ratings))

    async def _write(self, ratings: Mapping[str, Rating]) -> dict[str, Rating]:
        async with self._database.transaction() as connection:
            rows = await rows_of(
                connection,
                """
                SELECT number, id, rating, rated_by_hand FROM uploads
                WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at IS NULL
                """,
                (json_list(ratings),),
            )
            before = {row[1]: Rating(row[2], bool(row[3])) for row in rows}
            changed = [(row[0], ratings[row[1]]) for row in rows if before[row[1]] != ratings[row[1]]]
            await connection.executemany(
                "UPDATE uploads SET rating = ?, rated_by_hand = ? WHERE number = ?",
                [(rating.stars, int(rating.by_hand), number) for number, rating in changed],
            )
            await _touch(connection, {number for number, _ in changed})
        return {upload_id: rating for upload_id, rating in before.items() if rating != ratings[upload_id]}


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
    """Tell those who follow the store."""
    await connection.execute(
        "UPDATE uploads SET updated_at = ?, revision = ? WHERE number IN (SELECT value FROM json_each(?))",
        (now_iso(), await next_revision(connection), json_list(sorted(numbers))),
    )
