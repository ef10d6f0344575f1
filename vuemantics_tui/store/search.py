"""Searches: the full text of uploads with a description or own tags, saved searches, and the latest ones."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiosqlite

from vuemantics_tui.domain.text import caseless, folded, segmented
from vuemantics_tui.store.database import Database, escaped_like, json_list, next_revision, rows_of
from vuemantics_tui.store.undo import Change, Facet, StepKind, Wanted, record_step

if TYPE_CHECKING:
    from vuemantics_tui.store.filters import Matching

# Weights of the columns filename, description, tags, read_text, own_tags in bm25: a word read in the picture is what
# someone who types that word most likely remembers, and next to it one that the person gave.
_WEIGHTS = "1.0, 2.0, 3.0, 4.0, 4.0"
# A word that is everywhere tells little: of so many uploads, the newest, the order by bm25 is computed. Measured at
# 100,000 uploads: 119 ms for a word in all of them without a bound, 6 ms with it.
BOUND = 4000
# Up to this many numbers FTS5 looks each up; above, it runs through the word's own list. Measured at 100,000:
# 3 ms against 6 for 200 of them, 94 against 8 for 5,000.
_LOOKED_UP = 300
# Left to itself SQLite reads a large index to its end here.
_SHOWN = "rowid NOT IN (SELECT number FROM uploads INDEXED BY uploads_hidden WHERE hidden = 1)"
# Up to so many numbers they are handed over; above, nearly every upload meets the condition, and is asked whether.
_HANDED_OVER = 20_000

# More searches than anyone will go back through.
KEPT = 500


class FullText:
    """FTS5 with Porter stemming of what `segmented` makes of the texts and words."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search(
        self,
        words: Sequence[str],
        *,
        every: bool,
        limit: int,
        read: bool = False,
        half_typed: bool = False,
        matching: Matching | None = None,
        show_hidden: bool = False,
        phrases: Sequence[Sequence[str]] = (),
        excluded: Sequence[Sequence[str]] = (),
        alternatives: Sequence[tuple[Sequence[str], Sequence[str]]] = (),
    ) -> list[int]:
        """Return the numbers of the uploads with every (or else any) of the words, best by bm25 first.

        With `read` only the text that was read in pictures counts, with `half_typed` the last word may be the
        beginning of one. Of `matching` where given; else all, the hidden ones only with `show_hidden`. They hold all
        `phrases` and none of `excluded`, each by its words. With `alternatives`, which part the words, each part is
        there if all its words are, or a tag that belongs to it.
        """
        if not words:
            return []
        terms = [_quoted(word) for word in words[:-1]] + [_term(words[-1], half_typed)]
        if alternatives:
            terms = [_with_tags(*each) for each in alternatives]
        expression = (" AND " if every else " OR ").join(terms)
        expression = f"{{read_text}} : ({expression})" if read else f"({expression})"
        for phrase in phrases:
            expression = f"{expression} AND {phrase_expression(phrase)}"
        if excluded:
            expression = f"({expression}) NOT ({' OR '.join(phrase_expression(each) for each in excluded)})"
        allowed, parameters = _allowed(matching, show_hidden, half_typed)
        rows = await self._database.fetch_integers(
            f"""
            SELECT number FROM (
                SELECT rowid AS number, bm25(fulltext, {_WEIGHTS}) AS badness FROM fulltext
                WHERE fulltext MATCH ? AND {allowed} ORDER BY rowid DESC LIMIT {BOUND}
            )
            ORDER BY badness, number DESC LIMIT ?
            """,
            (expression, *parameters, limit),
        )
        return list(rows)

    async def used_tags(self, names: Sequence[str]) -> set[str]:
        """Return those of these names, in lower case, that are tags of any upload."""
        rows = await self._database.fetch(
            "SELECT key FROM tags WHERE key IN (SELECT value FROM json_each(?))"
            " AND EXISTS (SELECT 1 FROM tagged WHERE tag = tags.number)",
            (json_list(names),),
        )
        return {row[0] for row in rows}

    async def holding(self, word: str, numbers: Sequence[int]) -> set[int]:
        """Return those of these uploads that contain the word, or another word with the same stem."""
        rows = await self._database.fetch(
            "SELECT rowid FROM fulltext WHERE fulltext MATCH ? AND rowid IN (SELECT value FROM json_each(?))",
            (_quoted(word), json_list(numbers)),
        )
        return {row[0] for row in rows}


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search with a name, which ignores case; `query` as text, in its canonical form."""

    name: str
    query: str


class SavedSearches:
    """Reads and writes saved searches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[SavedSearch]:
        """Return every saved search, by name."""
        rows = await self._database.fetch("SELECT name, query FROM saved_searches ORDER BY natural_order(name), name")
        return [SavedSearch(row["name"], row["query"]) for row in rows]

    async def save(self, name: str, query: str) -> None:
        """Save a search, replacing one with the same name."""
        async with self._database.transaction() as connection:
            before = await _saved(connection, name)
            await _write_saved(connection, name, (name, query))
            await record_step(
                connection, StepKind.SAVE, [Change(Facet.SAVED, None, caseless(name), before, (name, query))]
            )

    async def rename(self, name: str, wanted: str) -> bool:
        """Give a search another name; False if there is none with the first one, or another one with the second."""
        async with self._database.transaction() as connection:
            before, taken = await _saved(connection, name), await _saved(connection, wanted)
            is_same = caseless(name) == caseless(wanted)
            if before is None or (taken is not None and not is_same):
                return False
            after = (wanted, before[1])
            await _write_saved(connection, name, None)
            await _write_saved(connection, wanted, after)
            changes = [Change(Facet.SAVED, None, caseless(name), before, after if is_same else None)]
            if not is_same:
                changes.append(Change(Facet.SAVED, None, caseless(wanted), None, after))
            await record_step(connection, StepKind.RENAME, changes)
            return True

    async def forget(self, name: str) -> bool:
        """Delete a search; False if there is none with this name."""
        async with self._database.transaction() as connection:
            before = await _saved(connection, name)
            await _write_saved(connection, name, None)
            await record_step(connection, StepKind.FORGET, [Change(Facet.SAVED, None, caseless(name), before, None)])
            return before is not None


async def _saved(connection: aiosqlite.Connection, name: str) -> tuple[str, str] | None:
    """Return the name and the query of a saved search, whatever the case of its name; None if there is none."""
    rows = await rows_of(
        connection, "SELECT name, query FROM saved_searches WHERE caseless(name) = ?", (caseless(name),)
    )
    return (rows[0][0], rows[0][1]) if rows else None


async def _write_saved(connection: aiosqlite.Connection, name: str, saved: tuple[str, str] | None) -> None:
    """Write a saved search over the one of a name, None removes it."""
    await connection.execute("DELETE FROM saved_searches WHERE caseless(name) = ?", (caseless(name),))
    if saved is not None:
        await connection.execute("INSERT INTO saved_searches (name, query) VALUES (?, ?)", saved)
    await next_revision(connection)


async def put_back_saved(connection: aiosqlite.Connection, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Put saved searches back, inside a transaction; returns which of them changed."""
    changed = [each for each in wanted if await _saved(connection, each.name) == each.expected]
    for each in changed:
        await _write_saved(connection, each.name, each.wanted)
    return changed


class SearchHistory:
    """The searches of a library, each once, whatever its case."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, text: str) -> None:
        """Remember a search as the newest one, unless it is blank."""
        words = " ".join(text.split())
        if not words:
            return
        async with self._database.transaction() as connection:
            await connection.execute("DELETE FROM searches WHERE caseless(text) = ?", (caseless(words),))
            await connection.execute("INSERT INTO searches (text) VALUES (?)", (words,))
            await connection.execute(
                "DELETE FROM searches WHERE number <="
                " (SELECT number FROM searches ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (KEPT,),
            )

    async def newest(self, limit: int = 50) -> list[str]:
        """Return the latest searches, newest first."""
        rows = await self._database.fetch("SELECT text FROM searches ORDER BY number DESC LIMIT ?", (limit,))
        return [row["text"] for row in rows]

    async def beginning(self, prefix: str, limit: int) -> list[str]:
        """Return the latest searches that begin with a prefix, ignoring case and accents, newest first."""
        pattern = f"{escaped_like(folded(prefix))}%"
        rows = await self._database.fetch(
            "SELECT text FROM searches WHERE folded(text) LIKE ? ESCAPE '\\' ORDER BY number DESC LIMIT ?",
            (pattern, limit),
        )
        return [row["text"] for row in rows]


def phrase_expression(words: Sequence[str]) -> str:
    """Return what FTS5 reads as these words in a row."""
    return _quoted(" ".join(words))


def _allowed(matching: Matching | None, show_hidden: bool, half_typed: bool) -> tuple[str, tuple[object, ...]]:
    if matching is None:
        return ("1" if show_hidden else _SHOWN), ()
    if len(matching.numbers) > _HANDED_OVER:
        condition = matching.condition
        return f"EXISTS (SELECT 1 FROM uploads WHERE number = fulltext.rowid AND {condition.sql})", condition.parameters
    # To look up a beginning costs as much for one number as for all.
    plus = "+" if half_typed or len(matching.numbers) > _LOOKED_UP else ""
    return f"{plus}rowid IN (SELECT value FROM json_each(?))", (_json(matching.numbers),)


def _with_tags(words: Sequence[str], tags: Sequence[str]) -> str:
    """Return what FTS5 reads as all of these words, or one of these tags."""
    expression = f"({' AND '.join(map(_quoted, words))})"
    if not tags:
        return expression
    return f"({expression} OR {{tags own_tags}} : ({' OR '.join(map(_quoted, tags))}))"


def _term(word: str, half_typed: bool) -> str:
    # A single letter begins thousands of words and is not in the prefix index. In a solid run each is a word.
    open_ended = half_typed and len(word) > 1 and not segmented(word).endswith(" ")
    return f"{_quoted(word)} *" if open_ended else _quoted(word)


def _json(numbers: array[int]) -> str:
    return json.dumps(numbers.tolist())


def _quoted(word: str) -> str:
    """Return the word as the full text has it, quoted for FTS5, which would else read operators in it."""
    return '"' + segmented(word).replace('"', '""') + '"'
