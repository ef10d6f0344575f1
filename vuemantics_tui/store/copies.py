"""Copies of a library's database: written while others work on it, checked, kept, and held alone to be replaced."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import sqlite3
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import aiosqlite

from vuemantics_tui.domain.errors import DamagedLibraryError, LibraryError
from vuemantics_tui.files import PART_SUFFIX, WholeFile, make_folder, sync_folder

OnPages = Callable[[int, int], None]
"""Is told how many pages of how many are copied, in the thread that copies them."""

APPLICATION_ID = 0x7655654D  # "vUeM": tells our file from any other SQLite database
REPAIR = "vuemantics-tui check --repair"

BUILDING_PREFIX = ".building-"
"""How the folders begin in which a database is built that replaces another."""
DAILY_KEPT = 3
"""How many of the daily copies are kept."""

# 4 MB at a time: often enough for a progress bar and for being stopped.
_PAGES = 1024
_BLOCK_BYTES = 1024 * 1024
# What nobody has written to for so long is of a process that was killed.
_PART_SECONDS = 3600.0
_SUFFIX = ".db"
# What is wrong with a damaged file, a few lines of it.
_MOST_PROBLEMS = 3
# How SQLite (ext/fts5/fts5_main.c) begins what is wrong with a full-text index.
_TEXT_INDEX = re.compile(r"inverted index for FTS\d table")

# Where SQLite locks a file, as its source says (os.h): every connection that has read a file in WAL mode keeps a
# shared lock from here on until it is closed.
_PENDING_BYTE, _LOCKED_BYTES = 0x40000000, 512

# Pages of a log that are looked at: the first page of a database is among the first that are written.
_MOST_FRAMES = 2000
_LOG_HEADER = struct.Struct(">8x I 4x 2I 8x")
_FRAME_HEADER = struct.Struct(">I 4x 2I 8x")
# Where a database's first page says whose it is.
_APPLICATION_BYTES = slice(68, 72)


class CopyKind(StrEnum):
    """Why a library made a copy of its own: once a day, or before an update of the database."""

    DAILY = "daily"
    BEFORE = "before"


@dataclass(frozen=True, slots=True)
class OwnCopy:
    """One of a library's own copies. `made_at` in seconds since the epoch, `size` in bytes."""

    path: Path
    kind: CopyKind
    made_at: float
    size: int

    @property
    def moment(self) -> str:
        """Return when it was made, in ISO 8601 UTC."""
        return datetime.fromtimestamp(self.made_at, UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class CopyState:
    """What a copy is worth: what is wrong with it, or nothing, its schema's version and how many uploads it has."""

    problem: str
    application: int = 0
    version: int = 0
    uploads: int = 0


class StoppedError(Exception):
    """Nobody waits for a copy any more: it ends between two of its steps."""


async def write_copy(source: aiosqlite.Connection, target: Path, on_pages: OnPages | None = None) -> CopyState:
    """Write the database as it is at this moment into one whole and sound file, while others go on writing.

    `source` must be in no transaction. When it fails, or is cancelled, nothing of the target remains. Raises OSError,
    sqlite3.Error, and LibraryError for a damaged database, which must not take the place of a sound copy.
    """
    whole = await asyncio.to_thread(WholeFile, target)
    try:
        await source.execute("BEGIN")
        try:
            # It is the first read that begins the snapshot. Outside of one, a copy starts over with every commit
            # of another process, and never ends beside a busy import.
            await source.execute_fetchall("SELECT count(*) FROM sqlite_schema")
            await _copy_pages(source, whole.part, on_pages)
        finally:
            await source.rollback()
        state = await asyncio.to_thread(state_of, whole.part)
        if state.problem:
            raise DamagedLibraryError(
                f"The library's database is damaged, so it was not copied: {state.problem}",
                f"To repair it from its newest backup and its folders: {REPAIR}",
            )
        await asyncio.to_thread(whole.finish)
    except BaseException:
        await asyncio.shield(asyncio.to_thread(whole.abandon))
        raise
    return state


async def _copy_pages(source: aiosqlite.Connection, part: Path, on_pages: OnPages | None) -> None:
    # The thread of the source writes it. It is flushed to the disk once, when it is whole.
    target = await asyncio.to_thread(sqlite3.connect, part, isolation_level=None, check_same_thread=False)
    is_stopped = False

    def tell(_: int, remaining: int, total: int) -> None:
        if is_stopped:
            raise StoppedError
        if on_pages is not None:
            on_pages(total - remaining, total)

    async def copy() -> None:
        await asyncio.to_thread(target.execute, "PRAGMA synchronous = OFF")
        await source.backup(target, pages=_PAGES, progress=tell, sleep=0)
        # A file of its own needs no log beside it, and opens where nothing may be written.
        await asyncio.to_thread(target.execute, "PRAGMA journal_mode = DELETE")

    copying = asyncio.ensure_future(copy())
    try:
        await asyncio.shield(copying)
    except asyncio.CancelledError:
        is_stopped = True
        with contextlib.suppress(StoppedError, asyncio.CancelledError):
            await copying
        raise
    finally:
        await asyncio.to_thread(target.close)


def faults_in(rows: Iterable[object]) -> list[str]:
    """Return what a check of SQLite found wrong, without full-text indexes: those can be written again.

    SQLite checks these too since 3.44.
    """
    return [text for text in map(str, rows) if text != "ok" and not _TEXT_INDEX.search(text)]


def state_of(path: Path) -> CopyState:
    """Return what a copy is worth, from a check of all its pages. Runs off the loop: 1 GB takes some seconds."""
    # Without a log, nobody writes the file.
    mode = "rw" if path_of_log(path).exists() else "ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)) as connection:
            problems = faults_in(row[0] for row in connection.execute(f"PRAGMA quick_check({_MOST_PROBLEMS})"))
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            uploads = 0
            if version:
                (uploads,) = connection.execute("SELECT count(*) FROM uploads").fetchone()
    except sqlite3.Error as error:
        return CopyState(str(error))
    return CopyState("; ".join(problems), application, version, uploads)


def hashes_in(copy: Path) -> dict[str, str]:
    """Return the SHA-256 of the uploads in a sound copy, by their IDs."""
    with contextlib.closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        return dict(connection.execute("SELECT id, sha256 FROM uploads"))


def take_copy(source: Path, target: Path) -> None:
    """Copy a database that nobody writes, with what its log holds. Raises LibraryError."""
    mode = "rw" if path_of_log(source).exists() else "ro&immutable=1"
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode={mode}", uri=True)) as reading,
            contextlib.closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing)
    except sqlite3.Error as error:
        raise LibraryError(
            f"The backup cannot be copied: {source} ({error})", f"Check the free space in {target.parent}."
        ) from error


def take_without_log(held: BinaryIO, database: Path, target: Path) -> bool:
    """Copy a database that is held alone without the log beside it; returns whether that makes a sound one.

    It does where the log belongs to another database, as after files were copied while a program was writing.
    """
    if not path_of_log(database).exists():
        return False
    held.seek(0)
    with WholeFile(target) as whole:
        shutil.copyfileobj(held, whole.file, _BLOCK_BYTES)
    state = state_of(target)
    if state.application == APPLICATION_ID and not state.problem:
        return True
    target.unlink()
    return False


def path_of_log(database: Path) -> Path:
    """Return where SQLite keeps the write-ahead log of a database, if there is one."""
    return database.with_name(f"{database.name}-wal")


def has_foreign_log(database: Path) -> bool:
    """Tell whether the log beside a database holds the first page of another program's one.

    Only the log is opened: closing the database would drop the locks that SQLite holds on it in this process. The
    format is SQLite's (fileformat2.html, 4.1): a header of 32 bytes with the size of a page and two salts, then for
    each page 24 bytes, with its number and the salts, and the page.
    """
    try:
        with path_of_log(database).open("rb") as log:
            header = log.read(_LOG_HEADER.size)
            if len(header) < _LOG_HEADER.size:
                return False
            page_size, *salts = _LOG_HEADER.unpack(header)
            for _ in range(_MOST_FRAMES):
                frame = log.read(_FRAME_HEADER.size)
                if len(frame) < _FRAME_HEADER.size:
                    return False
                number, *own_salts = _FRAME_HEADER.unpack(frame)
                # What follows is of an earlier use of the file.
                if own_salts != salts:
                    return False
                if number == 1:
                    return log.read(_APPLICATION_BYTES.stop)[_APPLICATION_BYTES] != APPLICATION_ID.to_bytes(4, "big")
                log.seek(page_size, os.SEEK_CUR)
    except OSError:
        return False
    return False


def is_foreign(held: BinaryIO) -> bool:
    """Tell whether a file is the database of another program: whole enough to say so."""
    held.seek(0)
    head = held.read(100)
    own = APPLICATION_ID.to_bytes(4, "big")
    return head.startswith(b"SQLite format 3\0") and head[_APPLICATION_BYTES] != own


# A library's own copies


def own_copies(folder: Path) -> list[OwnCopy]:
    """Return the copies that a library keeps of itself, the newest first."""
    found = []
    for kind in CopyKind:
        for path in folder.glob(f"{kind}-*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append(OwnCopy(path, kind, status.st_mtime, status.st_size))
    return sorted(found, key=lambda copy: copy.made_at, reverse=True)


def new_copy(folder: Path, kind: CopyKind, detail: str) -> Path:
    """Return where to write a copy, in a folder that is there and rid of what killed processes left. Raises OSError."""
    make_folder(folder)
    for part in folder.glob(f".*{PART_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _PART_SECONDS:
                part.unlink()
    return folder / f"{kind}-{detail}{_SUFFIX}"


def sweep_building(folder: Path) -> None:
    """Remove the databases that killed processes were building. Make sure that none is building one."""
    for left in folder.glob(f"{BUILDING_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def forget_copies(folder: Path, kind: CopyKind, kept: int) -> None:
    """Remove all but the newest copies of a kind. Raises OSError."""
    for copy in [copy for copy in own_copies(folder) if copy.kind is kind][kept:]:
        copy.path.unlink(missing_ok=True)


def moment_name(moment: datetime) -> str:
    """Return a moment as a part of a file name that sorts as time does."""
    return moment.strftime("%Y-%m-%d-%H%M%S")


# Replacing a database


def put_in_place(new: Path, database: Path, aside: Path, held: BinaryIO) -> bool:
    """Replace a database that is held alone by a closed one; return whether there was anything to keep.

    What was there is kept in the folder `aside`. At every moment there is a whole database, and never one with the log
    of another. Raises OSError.
    """
    beside = [database.with_name(f"{database.name}{suffix}") for suffix in ("-wal", "-journal", "-shm")]
    is_kept = database.stat().st_size > 0
    if is_kept:
        make_folder(aside)
        with contextlib.suppress(OSError):  # a file system without links: it is moved below
            os.link(database, aside / database.name)
    for path in beside:
        if path.exists() and is_kept and not path.name.endswith("-shm"):
            path.replace(aside / path.name)
        path.unlink(missing_ok=True)
    # Windows replaces no file that is open.
    if os.name == "nt":
        held.close()
    if is_kept:
        if not (aside / database.name).exists():
            database.replace(aside / database.name)
        sync_folder(aside)
    # The log is gone before the new database comes.
    sync_folder(database.parent)
    new.replace(database)
    sync_folder(database.parent)
    return is_kept


@contextlib.contextmanager
def held_alone(path: Path) -> Iterator[BinaryIO]:
    """Keep every other process from opening a database. Raises LibraryError if one has it open.

    Yields the open file, whose closing lets go of it. Nothing else of this process may open the file meanwhile: closing
    that would let go of it, too.
    """
    with path.open("r+b") as file:
        try:
            _lock(file.fileno())
        except OSError as error:
            raise LibraryError(
                f"The library is open in another program: {path.parent}",
                "Quit the app and every command that uses this library, then try again.",
            ) from error
        try:
            yield file
        finally:
            file.close()


def is_alone(path: Path) -> bool:
    """Tell whether no process has a database open. This process must not either, as for `held_alone`."""
    try:
        with held_alone(path):
            return True
    except (LibraryError, OSError):
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _PENDING_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, _LOCKED_BYTES)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKED_BYTES, _PENDING_BYTE, os.SEEK_SET)
