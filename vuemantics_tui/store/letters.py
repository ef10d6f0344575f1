"""Letters as they are compared: folded names and tags, and the full text, written at the end of each transaction.

SQL folds ASCII alone. So the triggers of the schema, which any program's changes set off, only note what has changed,
and the next transaction of ours writes what is found by: the schema needs no function that other programs lack.
"""

from __future__ import annotations

import aiosqlite

from vuemantics_tui.domain.text import caseless, folded, natural_order, segmented

COLUMNS = ("filename", "description", "tags", "read_text", "own_tags")
"""The columns of the full text, which the view `searchable` has, too."""

_CHANGED = """
    SELECT EXISTS (SELECT 1 FROM uploads INDEXED BY uploads_unfolded WHERE folded_name IS NULL),
           EXISTS (SELECT 1 FROM tags WHERE folded IS NULL), EXISTS (SELECT 1 FROM unindexed)
"""
# An upload is found by its name as soon as it is there, and so are those that were never described.
_NOTE_NEW = """
    INSERT OR IGNORE INTO unindexed SELECT number FROM uploads INDEXED BY uploads_unfolded WHERE folded_name IS NULL
"""
_WRITE_TEXTS = f"""
    INSERT INTO fulltext (rowid, {", ".join(COLUMNS)})
    SELECT number, {", ".join(f"segmented({column})" for column in COLUMNS)} FROM searchable
    WHERE number IN (SELECT upload FROM unindexed)
"""


async def teach(connection: aiosqlite.Connection) -> None:
    """Give a connection the functions of SQL that fold what is searched for."""
    for function in (caseless, folded, natural_order, segmented):
        await connection.create_function(
            function.__name__, 1, lambda text, function=function: None if text is None else function(str(text)),
            deterministic=True,
        )  # fmt: skip


async def has_unwritten_letters(connection: aiosqlite.Connection) -> bool:
    """Tell whether any names, tags or texts still lack the folded form that search compares."""
    ((names, tags, texts),) = await connection.execute_fetchall(_CHANGED)
    return bool(names or tags or texts)


async def write_letters(connection: aiosqlite.Connection) -> None:
    """Write what has changed of names, tags and texts into what they are found by, inside a transaction."""
    ((names, tags, texts),) = await connection.execute_fetchall(_CHANGED)
    if names:
        await connection.execute(_NOTE_NEW)
        await connection.execute(
            "UPDATE uploads SET folded_name = folded(filename), name_order = natural_order(filename)"
            " WHERE folded_name IS NULL"
        )
    if tags:
        await connection.execute(
            "UPDATE OR IGNORE tags SET key = caseless(trim(name)), folded = folded(trim(name)) WHERE folded IS NULL"
        )
        for number, key in await connection.execute_fetchall(
            "SELECT number, caseless(trim(name)) FROM tags WHERE folded IS NULL"
        ):
            await _join_tag(connection, number, key)
    if names or texts:
        await connection.execute("DELETE FROM fulltext WHERE rowid IN (SELECT upload FROM unindexed)")
        await connection.execute(_WRITE_TEXTS)
        await connection.execute("DELETE FROM unindexed")


async def _join_tag(connection: aiosqlite.Connection, number: int, key: str) -> None:
    """Give what a tag has to the tag that has its key already, and remove it."""
    for statement in (
        "UPDATE OR IGNORE tagged SET tag = (SELECT number FROM tags WHERE key = :key) WHERE tag = :number",
        "DELETE FROM tagged WHERE tag = :number",
        "UPDATE OR IGNORE untagged SET tag = (SELECT number FROM tags WHERE key = :key) WHERE tag = :number",
        "DELETE FROM untagged WHERE tag = :number",
        "UPDATE tags SET album = 1 WHERE key = :key AND (SELECT album FROM tags WHERE number = :number) = 1",
        "DELETE FROM tags WHERE number = :number",
    ):
        await connection.execute(statement, {"number": number, "key": key})
