"""Opening, migrating, transactions: on real files, and with two processes."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import shutil
import signal
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import aiosqlite
import pytest

from tests.conftest import insert_upload
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.store import database as database_module
from vuemantics_tui.store.database import Access, Database, uninterrupted
from vuemantics_tui.store.uploads import UploadStore


async def test_a_fresh_library_has_its_user_and_keeps_it(tmp_path: Path) -> None:
    owners = []
    for _ in range(2):
        database = await Database.open(tmp_path / "library.db")
        owners.append(await UploadStore(database).owner_id())
        await database.close()
    assert owners[0] == owners[1]


async def test_a_newer_library_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    await (await Database.open(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(LibraryError, match="newer") as caught:
        await Database.open(path)
    assert "Update" in caught.value.hint
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (999,)
    connection.close()


async def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(LibraryError, match="another program"):
        await Database.open(path)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    path.write_bytes(b"these are no tables" * 100)
    with pytest.raises(LibraryError, match="damaged"):
        await Database.open(path)


async def test_a_migration_that_breaks_leaves_the_library_to_the_older_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "library.db"
    known = database_module.known_migrations()
    half = (998, "0998_half", "CREATE TABLE half (x);")
    broken = (999, "0999_broken", "CREATE TABLE more (x);\nINSERT INTO nowhere VALUES (1);")
    for older in ((), known):
        monkeypatch.setattr(database_module, "known_migrations", lambda: (*known, half, broken))
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            await Database.open(path)
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (len(older),)
        connection.close()
        monkeypatch.setattr(database_module, "known_migrations", lambda: known)
        database = await Database.open(path)
        assert await database.fetch("SELECT name FROM sqlite_schema WHERE name IN ('half', 'more')") == []
        assert [row["number"] for row in await database.fetch("SELECT number FROM migrations")] == [
            number for number, _, _ in known
        ]
        await database.close()


async def test_a_body_that_fails_leaves_nothing_and_the_next_works(database: Database) -> None:
    with pytest.raises(RuntimeError, match="on purpose"):
        async with database.transaction() as connection:
            await connection.execute("UPDATE library SET paused = 1")
            raise RuntimeError("on purpose")
    async with database.transaction() as connection:
        rows = list(await connection.execute_fetchall("SELECT paused FROM library"))
    assert rows[0][0] == 0


async def test_a_cancelled_body_is_rolled_back_before_the_next_begins(database: Database) -> None:
    inside = asyncio.Event()

    async def hang() -> None:
        async with database.transaction() as connection:
            await connection.execute("UPDATE library SET paused = 1")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await inside.wait()
    task.cancel()
    async with database.transaction() as connection:
        rows = list(await connection.execute_fetchall("SELECT paused FROM library"))
    assert rows[0][0] == 0
    with pytest.raises(asyncio.CancelledError):
        await task


async def _pause(connection: aiosqlite.Connection) -> None:
    await connection.execute("UPDATE library SET paused = 1")


async def _paused(database: Database) -> int:
    return int((await database.fetch("SELECT paused FROM library"))[0][0])


@pytest.mark.parametrize("flushed", [True, False])
async def test_a_write_that_fails_leaves_nothing_and_the_next_works(database: Database, flushed: bool) -> None:
    async def fail(connection: aiosqlite.Connection) -> None:
        await _pause(connection)
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        await database.write(fail, flushed=flushed)
    assert await _paused(database) == 0
    await database.write(_pause, flushed=flushed)
    assert await _paused(database) == 1
    # What follows is flushed.
    async with database.transaction() as connection:
        assert [row[0] for row in await connection.execute_fetchall("PRAGMA synchronous")] == [2]


async def test_a_write_that_awaits_anything_else_is_refused_and_leaves_nothing(database: Database) -> None:
    async def sleep(connection: aiosqlite.Connection) -> None:
        await _pause(connection)
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="something else"):
        await database.write(sleep)
    async with database.transaction() as connection:
        assert [row[0] for row in await connection.execute_fetchall("SELECT paused FROM library")] == [0]


async def test_a_cancelled_write_is_whole_and_the_next_comes_after_it(database: Database) -> None:
    begun, may_end = threading.Event(), threading.Event()

    async def wait(connection: aiosqlite.Connection) -> None:
        begun.set()
        may_end.wait()
        await _pause(connection)

    task = asyncio.create_task(database.write(wait))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    after = asyncio.create_task(database.write(_pause))
    # Only one that waits can be cancelled, and neither may end before the first does.
    await asyncio.wait([task, after], timeout=0.05)
    assert not task.done()
    assert not after.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await after
    assert await _paused(database) == 1


async def test_many_coroutines_share_the_writer_without_mixing(database: Database) -> None:
    store = UploadStore(database)
    await asyncio.gather(*(insert_upload(store, f"{number}.jpg") for number in range(40)))
    rows = await database.fetch("SELECT revision FROM uploads")
    assert len({row["revision"] for row in rows}) == 40


async def test_a_lock_that_stays_is_explained(database: Database, tmp_path: Path) -> None:
    async with database.transaction() as connection:
        await connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "library.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(LibraryError, match="locked") as caught:
            async with database.transaction():
                pass
        assert caught.value.hint
    finally:
        other.close()
    async with database.transaction() as connection:
        assert isinstance(connection, aiosqlite.Connection)


async def test_a_full_disk_is_explained_and_nothing_is_half_written(database: Database) -> None:
    pages = (await database.fetch("PRAGMA page_count"))[0][0]
    async with database.transaction() as connection:
        await connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    store = UploadStore(database)
    with pytest.raises(LibraryError, match="full"):
        for number in range(200):
            await insert_upload(store, f"{number} {'x' * 2000}.jpg")
    async with database.transaction() as connection:
        await connection.execute("PRAGMA max_page_count = 1000000")
    await insert_upload(store, "after.jpg")
    rows = await database.fetch(
        "SELECT u.number FROM uploads u LEFT JOIN events e ON e.upload = u.number WHERE e.at IS NULL"
    )
    assert rows == []


async def test_no_room_is_a_full_disk_whatever_sqlite_calls_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that may not grow makes SQLite say "disk I/O error", as it does when its log finds no room."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    messages = []
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for free in (0, 10**9):
            monkeypatch.setattr(shutil, "disk_usage", lambda _path, free=free: SimpleNamespace(free=free))
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
            with pytest.raises(LibraryError) as caught:
                await insert_upload(UploadStore(database))
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            messages.append((caught.value.message.split(":")[0], caught.value.hint))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert messages == [
        ("The disk is full", "Free some space and try again. Nothing was lost."),
        ("The disk reports an error", "Check the disk and try again."),
    ]


async def test_a_cancellation_is_let_through_also_when_the_work_fails() -> None:
    begun, may_fail = asyncio.Event(), asyncio.Event()

    async def fail() -> None:
        begun.set()
        await may_fail.wait()
        raise RuntimeError("on purpose")

    task = asyncio.create_task(uninterrupted(fail()))
    await begun.wait()
    task.cancel()
    may_fail.set()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert isinstance(caught.value.__context__, RuntimeError)


ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


async def test_a_query_that_nobody_waits_for_holds_up_no_other(database: Database) -> None:
    dropped = [asyncio.create_task(database.fetch(ENDLESS)) for _ in range(3)]
    await asyncio.sleep(0)
    after = asyncio.create_task(database.fetch("SELECT 1"))
    _, pending = await asyncio.wait([after], timeout=0.1)
    assert pending
    for task in dropped:
        task.cancel()
    assert [row[0] for row in await asyncio.wait_for(after, 30)] == [1]
    assert all(
        isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*dropped, return_exceptions=True)
    )


def _insert_in_another_process(path: str, count: int) -> None:
    async def insert() -> None:
        database = await Database.open(Path(path))
        store = UploadStore(database)
        for number in range(count):
            await insert_upload(store, f"{number}.jpg")
        await database.close()

    asyncio.run(insert())


async def test_two_processes_make_and_fill_one_library(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    path = tmp_path / "library.db"
    others = [context.Process(target=_insert_in_another_process, args=(str(path), 25)) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        await asyncio.to_thread(other.join)
    assert [other.exitcode for other in others] == [0, 0]
    database = await Database.open(path)
    rows = await database.fetch("SELECT count(*), count(DISTINCT revision) FROM uploads")
    assert tuple(rows[0]) == (50, 50)
    assert len(await database.fetch("SELECT id FROM users")) == 1
    await database.close()


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Path]:
    """A folder whose rights a test may take away."""
    folder = tmp_path / "archive"
    folder.mkdir()
    yield folder
    folder.chmod(0o700)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySet(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def nothing_may_be_written(folder: Path) -> Iterator[None]:
    """Take the right to write a folder and its files away; from root, too."""
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    if os.geteuid() != 0:
        yield
        return
    # Root obeys permissions as anybody else without DAC_OVERRIDE, of this thread and those that it starts: capset(2),
    # version 3 of its header.
    libc = ctypes.CDLL(None, use_errno=True)
    header, whole = _CapabilityHeader(0x20080522, 0), (_CapabilitySet * 2)()
    assert libc.capget(ctypes.byref(header), whole) == 0
    less = type(whole).from_buffer_copy(whole)
    less[0].effective &= ~(1 << 1)
    assert libc.capset(ctypes.byref(header), less) == 0
    try:
        yield
    finally:
        assert libc.capset(ctypes.byref(header), whole) == 0


async def test_a_folder_without_the_right_to_write_is_read(archive: Path) -> None:
    path = archive / "library.db"
    writing = await Database.open(path)
    upload_id = await insert_upload(UploadStore(writing))
    await writing.close()
    with nothing_may_be_written(archive):
        reading = await Database.open(path, Access.READ)
        assert await UploadStore(reading).get(upload_id) is not None
        with pytest.raises(LibraryError, match="reading only"):
            await UploadStore(reading).set_hidden([upload_id], True)
        await reading.close()
        with pytest.raises(LibraryError, match="cannot be written") as caught:
            await Database.open(path, Access.WRITE)
        assert str(archive) in caught.value.hint
    assert [found.name for found in archive.iterdir()] == ["library.db"]


async def test_a_library_on_a_full_disk_is_read(archive: Path) -> None:
    resource = pytest.importorskip("resource")
    path = archive / "library.db"
    writing = await Database.open(path)
    upload_id = await insert_upload(UploadStore(writing))
    await writing.close()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        reading = await Database.open(path, Access.READ)
        assert await UploadStore(reading).get(upload_id) is not None
        await reading.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


async def test_what_others_write_meanwhile_is_read_without_the_right_to_write(archive: Path) -> None:
    path = archive / "library.db"
    writing = await Database.open(path)
    upload_id = await insert_upload(UploadStore(writing))
    try:
        with nothing_may_be_written(archive):
            reading = await Database.open(path, Access.READ)
            assert reading.is_read_only
            assert await UploadStore(reading).get(upload_id) is not None
        later = await insert_upload(UploadStore(writing), "later.jpg")
        assert await UploadStore(reading).get(later) is not None
        await reading.close()
    finally:
        await writing.close()


@pytest.mark.parametrize("access", [Access.READ, Access.WRITE])
async def test_no_library_is_made_by_who_only_wants_to_open_one(tmp_path: Path, access: Access) -> None:
    with pytest.raises(LibraryError, match="There is no library") as caught:
        await Database.open(tmp_path / "library.db", access)
    assert "vuemantics-tui add" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


async def test_a_new_library_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        database = await Database.open(tmp_path / "library.db")
        await insert_upload(UploadStore(database))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        await database.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("library.db", "library.db-wal", "library.db-shm"), 0o600)


async def test_integers_come_in_the_order_of_their_query(database: Database) -> None:
    rows = "VALUES (3, 1), (-9007199254740993, 2), (12, 0)"
    for order, expected in (("y", [12, 3, -9007199254740993]), ("x DESC", [12, 3, -9007199254740993])):
        query = f"SELECT x FROM (SELECT column1 AS x, column2 AS y FROM ({rows})) WHERE x < ? ORDER BY {order}"
        assert list(await database.fetch_integers(query, (99,))) == expected
        assert list(await database.fetch_integers(f"{query} LIMIT 1", (99,))) == expected[:1]
        assert list(await database.fetch_integers(query, (-(2**60),))) == []


@pytest.mark.parametrize("access", [Access.READ, Access.WRITE])
async def test_an_empty_file_is_no_library_yet_and_stays_empty(tmp_path: Path, access: Access) -> None:
    path = tmp_path / "library.db"
    path.touch()
    with pytest.raises(LibraryError, match="There is no library"):
        await Database.open(path, access)
    assert path.stat().st_size == 0
    await (await Database.open(path, Access.CREATE)).close()
