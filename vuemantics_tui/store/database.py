"""The connections to a library's SQLite file: transactions, queries, migrations, and SQLite's errors explained."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import shutil
import sqlite3
import threading
import time
import uuid
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, Self, TypeVar

import aiosqlite

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import DamagedLibraryError, LibraryError
from vuemantics_tui.files import make_file
from vuemantics_tui.store.copies import (
    APPLICATION_ID,
    REPAIR,
    CopyKind,
    CopyState,
    OnPages,
    faults_in,
    forget_copies,
    has_foreign_log,
    new_copy,
    path_of_log,
    write_copy,
)
from vuemantics_tui.store.letters import has_unwritten_letters, teach, write_letters

BUSY_TIMEOUT_SECONDS = 10.0
# Opening may meet another process that is just switching the file to WAL, where SQLite does not wait.
OPEN_PATIENCE_SECONDS = 10.0

# The most lines of problems that SQLite's check may give.
_MOST_PROBLEMS = 5

# How a file is opened for reading. In a folder that may not be written SQLite can keep no log beside it, and
# reads the file only if it may assume that nobody changes it.
READ_ONLY, UNCHANGING = "ro", "ro&immutable=1"

# The most values written in one transaction, so that other writers get their turn.
BATCH = 500

# With less room than this on its disk, SQLite's "disk I/O error" is the lack of room: the log alone may need as much.
NO_ROOM_BYTES = 1024 * 1024
# How many rows a cursor brings that is read one by one.
_ROWS_AT_ONCE = 64
# From this length on, in characters, NumPy saves more time than importing it costs.
_LONG_TEXT = 500_000

Row = sqlite3.Row
Parameters = Sequence[Any] | Mapping[str, Any]
Value = TypeVar("Value")
Result = TypeVar("Result")


Work = Callable[[aiosqlite.Connection], Coroutine[Any, Any, Result]]
"""What is written in one transaction, on the connection that it is given."""


class Access(StrEnum):
    """What a library is opened for.

    CREATE makes it where there is none. READ never writes, and works where nothing may be written.
    """

    CREATE = "create"
    WRITE = "write"
    READ = "read"


class Connection(aiosqlite.Connection):
    """A connection that also does a whole transaction in its thread: each hop there and back takes 0.1 ms of CPU."""

    _inside: int | None = None

    async def at_once(self, work: Work[Result], flushed: bool) -> Result:
        """Do a transaction; see `Database.write`."""
        result: Result = await self._execute(self._run, work, flushed)
        return result

    def _run(self, work: Work[Result], flushed: bool) -> Result:
        whole = _whole(self, work, flushed)
        self._inside = threading.get_ident()
        try:
            whole.send(None)
        except StopIteration as ended:
            result: Result = ended.value
            return result
        finally:
            whole.close()
            self._inside = None
        raise RuntimeError("a transaction awaits something else than its statements")

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a function of SQLite's connection: all methods of aiosqlite come here."""
        if self._inside == threading.get_ident():
            return fn(*args, **kwargs)
        return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]


class Database:
    """One library's database: a writer behind a lock, and a reader that also notices other processes' commits."""

    def __init__(
        self, path: Path, writer: Connection | None, reader: aiosqlite.Connection, read_mode: str = READ_ONLY
    ) -> None:
        """Take `read_mode`, in which another connection can read."""
        self.path = path
        self._read_mode = read_mode
        self._writer = writer
        self._reader = reader
        self._write_lock = asyncio.Lock()
        # The reader does one query at a time anyway; the lock tells whose it is.
        self._read_lock = asyncio.Lock()
        self._next_commit = asyncio.Event()

    @classmethod
    async def open(cls, path: Path, access: Access = Access.CREATE) -> Self:
        """Open the file, and bring it up to the newest version where it may be written. Raises LibraryError.

        Only with `Access.CREATE` it is made where there is none.
        """
        await asyncio.to_thread(_check_or_make, path, access)
        if access is Access.READ:
            reader, mode = await _open_reader(path)
            return cls(path, None, reader, mode)
        async with contextlib.AsyncExitStack() as opened:
            with sqlite_errors(path):
                writer = await _connect(path, "rw", opened)
                await _prepare(writer, path)
                reader = await _connect(path, "rw", opened)
                await reader.execute("PRAGMA query_only = ON")
            opened.pop_all()
        return cls(path, writer, reader)

    @property
    def is_read_only(self) -> bool:
        """Whether it was opened for reading: every transaction is refused."""
        return self._writer is None

    @property
    def next_commit(self) -> asyncio.Event:
        """Set as soon as this connection commits next; there is a new one for each commit."""
        return self._next_commit

    async def close(self) -> None:
        """Close all connections; the last one out folds the write-ahead log back into the file."""
        async with self._write_lock:
            await uninterrupted(self._reader.close())
            if self._writer is not None:
                await uninterrupted(self._writer.close())

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """One IMMEDIATE transaction: all of the body, or nothing of it, also when the body is cancelled.

        Raises LibraryError when the library was opened for reading, and where SQLite says that the file is locked,
        full, read-only or damaged.
        """
        writer = self._writer
        if writer is None:
            raise self._refused()
        async with self._write_lock:
            with sqlite_errors(self.path):
                async with _all_or_nothing(writer):
                    yield writer
                    await write_letters(writer)
            self._next_commit.set()
            self._next_commit = asyncio.Event()

    async def write(self, work: Work[Result], *, flushed: bool = True) -> Result:
        """Do a transaction as `transaction` does, in one hop to the connection's thread: for what is written often.

        `work` awaits nothing but statements of the connection that it is given. Once it has begun, a cancellation waits
        for its end. Without `flushed` a power cut soon after undoes it: for what is found out again, or follows from
        that; everything else that may end a process does not. Raises what `work` raises, and LibraryError.
        """
        writer = self._writer
        if writer is None:
            raise self._refused()
        async with self._write_lock:
            with sqlite_errors(self.path):
                try:
                    return await uninterrupted(writer.at_once(work, flushed))
                finally:
                    self._next_commit.set()
                    self._next_commit = asyncio.Event()

    def _refused(self) -> LibraryError:
        return LibraryError(
            f"The library is open for reading only: {self.path}", "Nothing was changed. Use another command."
        )

    async def fetch(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Return all rows of a query, from the reader: what is committed, by any process.

        A query that nobody waits for any more is interrupted, or never begun: the next one need not wait for it.
        """
        async with self._read_lock:
            with sqlite_errors(self.path):
                try:
                    return await rows_of(self._reader, sql, parameters)
                except asyncio.CancelledError:
                    await self._reader.interrupt()
                    raise

    async def fetch_integers(self, sql: str, parameters: Parameters = ()) -> array[int]:
        """Return the one column of a query, in its order: 100,000 numbers in some 5 ms beyond what the query takes.

        SQLite hands them over as one text, since it takes longer to hand over a row than to find one. For
        `group_concat` it keeps the order of a subquery: it drops no ORDER BY that an aggregate may see.
        """
        row = await self.fetch_one(f"WITH found (number) AS ({sql}) SELECT group_concat(number) FROM found", parameters)
        text = row[0] if row else None
        if not text:
            return array("q")
        if len(text) < _LONG_TEXT:
            return array("q", json.loads(f"[{text}]"))
        import numpy as np

        numbers = array("q")
        numbers.frombytes(np.fromstring(text, np.int64, sep=",").tobytes())
        return numbers

    async def fetch_one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """Return the first row of a query, or None."""
        rows = await self.fetch(sql, parameters)
        return rows[0] if rows else None

    async def data_version(self) -> int:
        """Return a number that moves when anybody has committed since the last call. Costs microseconds."""
        row = await self.fetch_one("PRAGMA data_version")
        assert row is not None
        return int(row[0])

    async def problems(self, *, thorough: bool = False) -> list[str]:
        """Return what SQLite's check finds wrong, a few lines at most. Raises LibraryError.

        Only a `thorough` one compares the indexes with their tables, which takes several times as long. On a connection
        of its own: on a large library it takes seconds, in which others go on reading. Cancelling ends it at once.
        """
        check = "integrity_check" if thorough else "quick_check"
        async with contextlib.AsyncExitStack() as opened:
            with sqlite_errors(self.path):
                connection = await _connect(self.path, self._read_mode, opened)
                try:
                    rows = await rows_of(connection, f"PRAGMA {check}({_MOST_PROBLEMS})")
                except asyncio.CancelledError:
                    # Otherwise the check continues in the thread of the connection, and closing waits for it.
                    await connection.interrupt()
                    raise
        if not rows:
            raise LibraryError(f"SQLite says nothing of {self.path}", "Check the disk.")
        return faults_in(row[0] for row in rows)

    async def copy_to(self, target: Path, on_pages: OnPages | None = None) -> CopyState:
        """Write the database as it is at this moment into a file, while others go on reading and writing.

        When it fails, or is cancelled, nothing of the file remains. Raises LibraryError and OSError.
        """
        async with contextlib.AsyncExitStack() as opened:
            with sqlite_errors(self.path, target):
                connection = await _connect(self.path, self._read_mode, opened)
                return await write_copy(connection, target, on_pages)


async def rows_of(connection: aiosqlite.Connection, sql: str, parameters: Parameters = ()) -> list[Row]:
    """Return all rows of a statement on a connection, as inside a transaction."""
    return list(await connection.execute_fetchall(sql, parameters))


async def next_revision(connection: aiosqlite.Connection) -> int:
    """Take the next number of the library-wide revision counter, inside the transaction that uses it."""
    rows = await rows_of(connection, "UPDATE library SET revision = revision + 1 RETURNING revision")
    return int(rows[0][0])


def sqlite_facts() -> tuple[str, bool]:
    """Return the version of SQLite, and whether it has full-text search (FTS5), which a library needs."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("CREATE VIRTUAL TABLE probe USING fts5 (text)")
        except sqlite3.OperationalError:
            return sqlite3.sqlite_version, False
    return sqlite3.sqlite_version, True


def now_iso() -> str:
    """Return the present moment in ISO 8601, UTC, to the microsecond: text that sorts as time does."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def batches(values: Sequence[Value]) -> Iterable[Sequence[Value]]:
    """Return the values in runs that are short enough for one transaction."""
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))


def json_list(values: Iterable[object]) -> str:
    """Return the values as one parameter, for `IN (SELECT value FROM json_each(:values))`."""
    return json.dumps(list(values))


def escaped_like(text: str) -> str:
    """Return a text that stands for itself in the pattern of a LIKE that escapes with a backslash."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def uninterrupted(work: Awaitable[Result]) -> Result:
    """Await to the end even while being cancelled, then let the cancellation through. Raises what `work` raises.

    A cancellation is let through whatever becomes of the work: what that raised is then its context.
    """
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    try:
        return task.result()
    finally:
        if cancelled:
            raise asyncio.CancelledError


@contextmanager
def sqlite_errors(path: Path, target: Path | None = None) -> Iterator[None]:
    """Turn what SQLite raises into a LibraryError that says what to do. With `target`, that is the file written."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a rule of the schema was broken: the caller knows what that means, or it is a defect
    except sqlite3.DatabaseError as error:
        explained = _explained(error, path, target or path)
        if explained is None:
            raise
        raise explained from error


def _explained(error: sqlite3.DatabaseError, path: Path, target: Path) -> LibraryError | None:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    folder = target.parent
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LibraryError(
            f"The library is locked by another program: {path}",
            "Wait until it is done, or end it, and try again. On a network drive, copy the library to a local disk.",
        )
    if primary == sqlite3.SQLITE_FULL or (
        primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and not _has_room(folder)
    ):
        return LibraryError(f"The disk is full: {folder}", "Free some space and try again. Nothing was lost.")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return LibraryError(
            f"{'The library' if target == path else 'The copy'} cannot be written: {target} ({error})",
            f"Check the owner and the permissions of {folder}, or choose another library with --library.",
        )
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return DamagedLibraryError(
            f"The library's database is damaged: {path} ({error})",
            f"To repair it from its newest backup and its folders: {REPAIR}. Your originals are untouched.",
        )
    if primary == sqlite3.SQLITE_IOERR:
        return LibraryError(f"The disk reports an error: {target} ({error})", "Check the disk and try again.")
    return None


def _has_room(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free >= NO_ROOM_BYTES
    except OSError:
        return True


@asynccontextmanager
async def _all_or_nothing(connection: aiosqlite.Connection) -> AsyncIterator[None]:
    try:
        await connection.execute("BEGIN IMMEDIATE")
        yield
    except BaseException:
        await uninterrupted(connection.rollback())
        raise
    await uninterrupted(_commit(connection))


async def _whole(connection: aiosqlite.Connection, work: Work[Result], flushed: bool) -> Result:
    """Do a transaction with nothing awaited but the connection; see `Database.write`."""
    if not flushed:
        await connection.execute("PRAGMA synchronous = NORMAL")
    try:
        await connection.execute("BEGIN IMMEDIATE")
        result = await work(connection)
        await write_letters(connection)
        await connection.commit()
    except BaseException:
        await connection.rollback()
        raise
    finally:
        if not flushed:
            await connection.execute("PRAGMA synchronous = FULL")
    return result


async def _commit(connection: aiosqlite.Connection) -> None:
    try:
        await connection.commit()
    except sqlite3.Error:
        # A commit that failed (a full disk) leaves the transaction open, and the next BEGIN would fail for it.
        await connection.rollback()
        raise


# Opening


def refuse_folder(path: Path) -> None:
    """Raise LibraryError if there is a folder where the database should be."""
    if path.is_dir():
        raise LibraryError(
            f"This is a folder, not a library's database: {path}",
            "Move it away, then try again. Or choose another library with --library.",
        )


def _check_or_make(path: Path, access: Access) -> None:
    """Make an empty file that only its owner may read, where that is wanted. Raises LibraryError."""
    refuse_folder(path)
    # An empty file is what a crash leaves between making it and the first migration.
    if not path.is_file() or not path.stat().st_size:
        uploads = path.parent / paths.UPLOADS_NAME
        if uploads.is_dir() and any(uploads.glob("*/*/original.*")):
            raise DamagedLibraryError(
                f"The library's database is gone, but its originals are here: {uploads}",
                f"To repair it from its newest backup and its folders: {REPAIR}",
            )
        if access is not Access.CREATE:
            raise LibraryError(
                f"There is no library in {path.parent}",
                "Add pictures to create one: vuemantics-tui add PATH. Or choose another with --library.",
            )
    elif has_foreign_log(path):
        # Opening it would write the log into the database.
        raise DamagedLibraryError(
            f"The library's database is damaged: the log beside it belongs to another database: {path_of_log(path)}",
            f"To repair it: {REPAIR}. Your originals are untouched.",
        )
    elif access is not Access.CREATE:
        return
    # SQLite gives its other files the mode of this one; what it is refused for, SQLite says better.
    with contextlib.suppress(OSError):
        make_file(path)


async def _connect(path: Path, mode: str, opened: contextlib.AsyncExitStack) -> Connection:
    """Connect to a file that is there; `opened` closes the connection, unless it lets go of it."""
    absolute = await asyncio.to_thread(path.absolute)
    address = f"{absolute.as_uri()}?mode={mode}"

    def connector() -> sqlite3.Connection:
        return sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS)

    connection = Connection(connector, _ROWS_AT_ONCE)
    await connection
    # A connection that stays open keeps its thread, and so the exit, hanging.
    opened.push_async_callback(lambda: uninterrupted(connection.close()))
    connection.row_factory = sqlite3.Row
    await teach(connection)
    return connection


async def _open_reader(path: Path) -> tuple[aiosqlite.Connection, str]:
    """Connect for reading, in a way that the file and its folder allow; return that, too. Raises LibraryError."""
    newest = (await asyncio.to_thread(known_migrations))[-1][0]
    refused: LibraryError | None = None
    for mode in ("rw", READ_ONLY, UNCHANGING):
        if refused and mode != READ_ONLY and await asyncio.to_thread(_has_log, path):
            break  # the file alone lacks what was written last
        async with contextlib.AsyncExitStack() as opened:
            try:
                with sqlite_errors(path):
                    reader = await _connect(path, mode, opened)
                    await reader.execute("PRAGMA query_only = ON")
                    version = await _checked_version(reader, path)
            except LibraryError as error:
                # On a full disk there is no room for what SQLite keeps beside the file.
                if not _is_refused(error, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
                    raise
                refused = error
                continue
            if version == newest:
                opened.pop_all()
                return reader, UNCHANGING if mode == UNCHANGING else READ_ONLY
        await _update(path)
        return await _open_reader(path)
    assert refused is not None
    raise refused


async def _update(path: Path) -> None:
    try:
        await (await Database.open(path, Access.WRITE)).close()
    except LibraryError as error:
        if not _is_refused(error):
            raise
        raise LibraryError(
            f"This library was made by an older version and cannot be updated where it is: {path}",
            "Copy its folder to a place where you can write, and open the copy with --library.",
        ) from error


def _is_refused(error: LibraryError, *others: int) -> bool:
    """Whether the file or its folder may not be written, or SQLite gave one of the `others` as the reason."""
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    return isinstance(code, int) and code & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, *others)


def _has_log(path: Path) -> bool:
    """Whether there is a log that the file has not taken in yet."""
    log = path_of_log(path)
    return log.exists() and log.stat().st_size > 0


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
    # What a migration left to do, or another program did.
    if await has_unwritten_letters(connection):
        async with _all_or_nothing(connection):
            await write_letters(connection)


# Migrations


@functools.cache
def known_migrations() -> tuple[tuple[int, str, str], ...]:
    """Return the number, name and script of each migration that this program knows, in order."""
    folder = resources.files("vuemantics_tui.store") / "migrations"
    found = [(entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return tuple(sorted((int(name.split("_")[0]), name.removesuffix(".sql"), text) for name, text in found))


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
    return int((await rows_of(connection, f"PRAGMA {name}"))[0][0])


async def _migrate(connection: aiosqlite.Connection, path: Path) -> None:
    migrations = await asyncio.to_thread(known_migrations)
    newest = migrations[-1][0]
    version = await _checked_version(connection, path)
    if version == newest:
        return
    if version:
        await _back_up(connection, path, newest)
    # One transaction for all of them: what fails half-way leaves the library to the program that wrote it. And a new
    # library waits for the disk once.
    async with _all_or_nothing(connection):
        version = await _checked_version(connection, path)
        for number, name, script in migrations:
            if version < number:
                for statement in _statements(script):
                    await connection.execute(statement)
                await _record_migration(connection, number, name)


async def _back_up(connection: aiosqlite.Connection, path: Path, newest: int) -> None:
    """Copy the database as it is before it is brought to the newest version. Only one such copy is kept."""
    folder = paths.backups_folder(path.parent)
    try:
        copy = await asyncio.to_thread(new_copy, folder, CopyKind.BEFORE, str(newest))
        with sqlite_errors(path, copy):
            await write_copy(connection, copy)
        await asyncio.to_thread(forget_copies, folder, CopyKind.BEFORE, 1)
    except OSError as error:
        raise LibraryError(
            f"The library's database cannot be copied before it is updated: {folder} ({error.strerror})",
            f"Free some space in {path.parent}, and check who may write there. Nothing was changed.",
        ) from error


async def _checked_version(connection: aiosqlite.Connection, path: Path) -> int:
    """The version of the library's schema, 0 for an empty file. Raises LibraryError for what is no library of ours."""
    application = await _pragma(connection, "application_id")
    tables = await rows_of(connection, "SELECT count(*) FROM sqlite_schema")
    if application != APPLICATION_ID and tables[0][0]:
        raise LibraryError(
            f"This is another program's database, not a library: {path}",
            "Choose another folder with --library.",
        )
    version, newest = await _pragma(connection, "user_version"), (await asyncio.to_thread(known_migrations))[-1][0]
    if version > newest:
        raise LibraryError(
            f"This library was made by a newer vuemantics-tui: {path} (it is at version {version}, "
            f"this program knows {newest})",
            "Update the program: pip install --upgrade vuemantics-tui",
        )
    return version


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
