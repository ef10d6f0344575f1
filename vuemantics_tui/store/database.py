"""The two connections to a library's SQLite file, transactions, and migrations."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from array import array
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Self, TypeVar

import aiosqlite
import numpy as np

from vuemantics_tui.domain.errors import LibraryError

APPLICATION_ID = 0x7655654D  # "vUeM": tells our file from any other SQLite database
BUSY_TIMEOUT_SECONDS = 10.0
# Opening may meet another process that is just switching the file to WAL, where SQLite does not wait by itself.
OPEN_PATIENCE_SECONDS = 10.0

# What SQLite's check says when nothing is wrong, and how many lines of what is.
_FINE = "ok"
_MOST_PROBLEMS = 5

# Old builds of SQLite take no more than 999 parameters in a statement.
BATCH = 500

Row = sqlite3.Row
Value = TypeVar("Value")
Result = TypeVar("Result")


def now_iso() -> str:
    """The present moment in ISO 8601, UTC, to the microsecond: text that sorts as time does."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Database:
    """One library's database: a writer behind a lock, and a reader that also notices other processes' commits."""

    def __init__(self, path: Path, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._write_lock = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the file, making or migrating it where needed. Raises LibraryError."""
        connections: list[aiosqlite.Connection] = []
        try:
            with sqlite_errors(path):
                writer = await _connect(path)
                connections.append(writer)
                await _prepare(writer, path)
                reader = await _connect(path)
                connections.append(reader)
                await reader.execute("PRAGMA query_only = ON")
        except BaseException:
            # An aiosqlite connection that stays open keeps its thread, and so the exit, hanging.
            for connection in connections:
                await uninterrupted(connection.close())
            raise
        return cls(path, writer, reader)

    async def close(self) -> None:
        """Close both connections; the last one out folds the write-ahead log back into the file."""
        async with self._write_lock:
            await uninterrupted(self._reader.close())
            await uninterrupted(self._writer.close())

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """One IMMEDIATE transaction: all of the body, or nothing of it, also when the body is cancelled.

        Raises LibraryError where SQLite says that the file is locked, full, read-only or damaged.
        """
        async with self._write_lock:
            with sqlite_errors(self.path):
                try:
                    await self._writer.execute("BEGIN IMMEDIATE")
                    yield self._writer
                except BaseException:
                    await uninterrupted(self._writer.rollback())
                    raise
                await uninterrupted(self._commit())

    async def _commit(self) -> None:
        try:
            await self._writer.commit()
        except sqlite3.Error:
            # A commit that failed (a full disk) leaves the transaction open, and the next BEGIN would fail for it.
            await self._writer.rollback()
            raise

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query, from the reader: what is committed, by whomever."""
        with sqlite_errors(self.path):
            return list(await self._reader.execute_fetchall(sql, parameters))

    async def fetch_integers(self, sql: str, parameters: Sequence[Any] = ()) -> array[int]:
        """The one column of a query, in its order: 100,000 of them in some 5 ms beyond what the query takes.

        SQLite hands them over as one text, since it takes longer to hand over a row than to find one. For
        `group_concat` it keeps the order of a subquery: it drops no ORDER BY that an aggregate may see.
        """
        with sqlite_errors(self.path):
            rows = await self._reader.execute_fetchall(
                f"WITH found (number) AS ({sql}) SELECT group_concat(number) FROM found", parameters
            )
        numbers = array("q")
        if text := next(iter(rows))[0]:
            numbers.frombytes(np.fromstring(text, np.int64, sep=",").tobytes())
        return numbers

    async def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row of a query, or None."""
        rows = await self.fetch(sql, parameters)
        return rows[0] if rows else None

    async def data_version(self) -> int:
        """A number that moves when anybody has committed since the last call. Costs microseconds."""
        row = await self.fetch_one("PRAGMA data_version")
        assert row is not None
        return int(row[0])

    async def problems(self) -> list[str]:
        """What SQLite's quick check finds wrong, a few lines at most; empty where all is well. Raises LibraryError.

        On a connection of its own: on a large library it takes seconds, in which others go on reading. Cancelling ends
        it at once.
        """
        with sqlite_errors(self.path):
            connection = await aiosqlite.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)
            try:
                rows = list(await connection.execute_fetchall(f"PRAGMA quick_check({_MOST_PROBLEMS})"))
            except asyncio.CancelledError:
                # The thread of the connection would go on, and closing would wait for it.
                await connection.interrupt()
                raise
            finally:
                await uninterrupted(connection.close())
        if not rows:
            raise LibraryError(f"SQLite says nothing of {self.path}", "Check the disk.")
        return [str(row[0]) for row in rows if row[0] != _FINE]


async def next_revision(connection: aiosqlite.Connection) -> int:
    """Take the next number of the library-wide revision counter, inside the transaction that uses it."""
    await connection.execute("UPDATE library SET revision = revision + 1")
    rows = list(await connection.execute_fetchall("SELECT revision FROM library"))
    return int(rows[0][0])


def batches(values: Sequence[Value]) -> Iterable[Sequence[Value]]:
    """The values in runs that are short enough for one statement."""
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))


def escaped_like(text: str) -> str:
    """A text as itself in the pattern of a LIKE that escapes with a backslash."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def placeholders(values: Iterable[object]) -> str:
    """As many question marks as there are values, for an IN list."""
    return ", ".join("?" for _ in values)


async def uninterrupted(work: Awaitable[Result]) -> Result:
    """Await to the end even while being cancelled, then let the cancellation through. Raises what `work` raises."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    result = task.result()
    if cancelled:
        raise asyncio.CancelledError
    return result


class sqlite_errors:  # noqa: N801 - reads as a statement: `with sqlite_errors(path):`
    """Turns what SQLite raises into a LibraryError that says what to do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.IntegrityError):
            return  # a rule of the schema was broken: the caller knows what that means, or it is a defect
        if isinstance(error, sqlite3.DatabaseError):
            raise _explained(error, self.path) from error


def _explained(error: sqlite3.DatabaseError, path: Path) -> BaseException:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    folder = path.parent
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LibraryError(
            f"The library is locked by another program: {path}",
            "Wait until it is done, or end it, and try again. On a network drive, copy the library to a local disk.",
        )
    if primary == sqlite3.SQLITE_FULL:
        return LibraryError(f"The disk is full: {folder}", "Free some space and try again. Nothing was lost.")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return LibraryError(
            f"The library cannot be written: {path} ({error})",
            f"Check who owns {folder} and what may be written there, or name another library with --library.",
        )
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return LibraryError(
            f"The library's database is damaged: {path} ({error})",
            "Bring it back from a backup, or name another folder with --library. The originals in its "
            "folder 'uploads' are untouched and can be added anew.",
        )
    if primary == sqlite3.SQLITE_IOERR:
        return LibraryError(f"The disk does not answer as it should: {path} ({error})", "Check the disk and try again.")
    return error


async def _connect(path: Path) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS)
    connection.row_factory = sqlite3.Row
    return connection


async def _prepare(connection: aiosqlite.Connection, path: Path) -> None:
    deadline = time.monotonic() + OPEN_PATIENCE_SECONDS
    while True:
        try:
            await connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
    # FULL: an upload that was reported as added is still there after a power cut.
    await connection.execute("PRAGMA synchronous = FULL")
    await connection.execute("PRAGMA foreign_keys = ON")
    await _migrate(connection, path)


def _migrations() -> list[tuple[int, str, str]]:
    folder = resources.files("vuemantics_tui.store") / "migrations"
    found = [(entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((int(name.split("_")[0]), name.removesuffix(".sql"), text) for name, text in found)


def _statements(script: str) -> list[str]:
    """The script's statements one by one; `executescript` would commit first and break the transaction."""
    statements, pending = [], ""
    for line in script.splitlines(keepends=True):
        if line.lstrip().startswith("--") and not pending.strip():
            continue
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    if pending.strip():
        raise ValueError(f"a migration ends in the middle of a statement: {pending.strip()[:80]}")
    return statements


async def _pragma(connection: aiosqlite.Connection, name: str) -> int:
    rows = list(await connection.execute_fetchall(f"PRAGMA {name}"))
    return int(rows[0][0])


async def _migrate(connection: aiosqlite.Connection, path: Path) -> None:
    migrations = await asyncio.to_thread(_migrations)
    newest = migrations[-1][0]
    if await _pragma(connection, "user_version") == newest:
        await _check_owner(connection, path)
        return
    for number, name, script in migrations:
        await connection.execute("BEGIN IMMEDIATE")
        try:
            await _check_owner(connection, path)
            version = await _pragma(connection, "user_version")
            if version > newest:
                raise LibraryError(
                    f"This library was made by a newer vuemantics-tui: {path} (it is at version {version}, "
                    f"this program knows {newest})",
                    "Update the program: pip install --upgrade vuemantics-tui",
                )
            if version < number:
                for statement in _statements(script):
                    await connection.execute(statement)
                await _record_migration(connection, number, name)
            await connection.commit()
        except BaseException:
            await uninterrupted(connection.rollback())
            raise


async def _check_owner(connection: aiosqlite.Connection, path: Path) -> None:
    application = await _pragma(connection, "application_id")
    tables = list(await connection.execute_fetchall("SELECT count(*) FROM sqlite_schema"))
    if application != APPLICATION_ID and tables[0][0]:
        raise LibraryError(
            f"This is another program's database, not a library: {path}",
            "Name another folder with --library.",
        )


async def _record_migration(connection: aiosqlite.Connection, number: int, name: str) -> None:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations"
        " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)"
    )
    await connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (number, name, now_iso()))
    if number == 1:
        # The library's owner is minted with it, so that a library that is moved or copied stays whole.
        await connection.execute("INSERT INTO users VALUES (?, ?)", (str(uuid.uuid4()), now_iso()))
        await connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    await connection.execute(f"PRAGMA user_version = {number}")
