"""Backups: the copies that a library makes of itself once a day, and those that a person asks for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import LibraryError, UsageError
from vuemantics_tui.domain.text import size_words
from vuemantics_tui.files import PART_SUFFIX, PRIVATE_FILE, is_disk_fault
from vuemantics_tui.library.archive import Written, write_archive
from vuemantics_tui.store.copies import (
    DAILY_KEPT,
    CopyKind,
    OwnCopy,
    StoppedError,
    forget_copies,
    moment_name,
    new_copy,
    own_copies,
    sweep_building,
)
from vuemantics_tui.store.database import Access, Database
from vuemantics_tui.store.folders import FolderStore

if TYPE_CHECKING:
    from vuemantics_tui.processing.records import Records

log = logging.getLogger(__name__)

DAY_SECONDS = 86400.0
_LOCK_NAME = "backup.lock"

OnProgress = Callable[[str, int, int], None]
"""Is told how much of how much is done of the database (in pages) or of the originals (in bytes), in any thread."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written. `size` in bytes; `missing` counts originals that are not there to be copied."""

    path: Path
    size: int
    uploads: int
    originals: int
    missing: int
    seconds: float


class Backups:
    """Writes copies of the library while work goes on."""

    def __init__(self, root: Path, database: Database, keep_free: int, records: Callable[[], Records]) -> None:
        self.folder = paths.backups_folder(root)
        self._root = root
        self._database = database
        self._keep_free = keep_free
        self._records = records

    async def own(self) -> list[OwnCopy]:
        """Return the copies that the library keeps of itself, the newest first."""
        return await asyncio.to_thread(own_copies, self.folder)

    async def daily(self, now: float | None = None) -> OwnCopy | None:
        """Copy the database into the library's own folder, unless that was done within a day; return the copy.

        The three newest are kept. None if nothing was to do, or another process does it. Raises LibraryError.
        """
        if self._database.is_read_only or not await FolderStore(self._database).count():
            return None
        copies = [copy for copy in await self.own() if copy.kind is CopyKind.DAILY]
        now = time.time() if now is None else now
        # A copy from the future, of a clock that was set back, is no reason to wait for that day.
        if copies and 0 <= now - copies[0].made_at < DAY_SECONDS:
            return None
        return await self.make_own()

    async def make_own(self) -> OwnCopy | None:
        """Copy the database into the library's own folder now; None if another process does it. Raises LibraryError."""
        from filelock import FileLock, Timeout

        if self._database.is_read_only:
            return None
        lock = FileLock(self._root / _LOCK_NAME, mode=PRIVATE_FILE, thread_local=False)
        try:
            await asyncio.to_thread(lock.acquire, timeout=0)
        except Timeout:
            return None
        try:
            await self._check_space(self._root)
            with _write_errors(self.folder):
                path = await asyncio.to_thread(
                    new_copy, self.folder, CopyKind.DAILY, moment_name(datetime.now().astimezone())
                )
                await self._database.copy_to(path)
                await asyncio.to_thread(forget_copies, self.folder, CopyKind.DAILY, DAILY_KEPT)
            # The library is open, so nobody builds another database for it.
            await asyncio.to_thread(sweep_building, self.folder)
            await self._records().complete()
            return next((copy for copy in await self.own() if copy.path == path), None)
        finally:
            await asyncio.shield(asyncio.to_thread(lock.release))

    async def write(
        self,
        target: Path,
        *,
        with_originals: bool = False,
        replace: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Backup:
        """Write the library into one file, while work goes on. Raises UsageError and LibraryError.

        That is the database, or `with_originals` a tar file that has the originals of copied uploads, too. Only with
        `replace` a file that is there is replaced, once the new one is whole.
        """
        began = time.monotonic()
        target = await asyncio.to_thread(_checked_target, target, replace)
        if target == self._database.path.absolute():
            raise UsageError("This is the library's own database", "Choose another file.")
        await self._check_space(target.parent)
        copy = target.with_name(f".{target.name}.database{PART_SUFFIX}") if with_originals else target
        written = Written(0, 0)
        with _write_errors(target):
            try:
                state = await self._database.copy_to(copy, lambda done, of: _tell(on_progress, "database", done, of))
                if with_originals:
                    written = await self._archive(target, copy, on_progress)
            finally:
                if with_originals:
                    await asyncio.to_thread(copy.unlink, missing_ok=True)
        size = (await asyncio.to_thread(target.stat)).st_size
        return Backup(target, size, state.uploads, written.originals, written.missing, time.monotonic() - began)

    async def _archive(self, target: Path, copy: Path, on_progress: OnProgress | None) -> Written:
        """Write a copy of the database and the originals that it knows into a tar file."""
        database = await Database.open(copy, Access.READ)
        try:
            stored = [each async for batch in FolderStore(database).batches() for each in batch if each.source is None]
        finally:
            await database.close()
        folders = [(paths.upload_folder(each.user_id, each.id), PurePosixPath(each.file_path).name) for each in stored]
        originals = sum(each.file_size for each in stored)
        await self._check_space(target.parent, originals)
        done, is_stopped = 0, False

        def tell(more: int) -> None:
            nonlocal done
            if is_stopped:
                raise StoppedError
            done += more
            _tell(on_progress, "originals", done, max(done, originals))

        writing = asyncio.ensure_future(asyncio.to_thread(write_archive, target, copy, self._root, folders, tell))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            # A thread cannot be stopped from outside, and what it writes must be gone when this returns.
            is_stopped = True
            with contextlib.suppress(StoppedError):
                await writing
            raise

    async def _check_space(self, folder: Path, more: int = 0) -> None:
        """Raise LibraryError unless the disk of a folder takes a copy of the database and so many bytes more."""
        needed = more + await asyncio.to_thread(_size_of, self._database.path)
        free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
        # What is to stay free is about the library's disk.
        kept = self._keep_free if folder == self._root else 0
        if needed + kept > free:
            raise LibraryError(
                f"Not enough space for a backup in {folder}: {size_words(needed)} needed, {size_words(free)} free"
                + (f", {size_words(kept)} to stay free" if kept else ""),
                "Nothing was written. Free some space, or write it to another disk: vuemantics-tui backup FILE",
            )


def _tell(on_progress: OnProgress | None, what: str, done: int, of: int) -> None:
    if on_progress is not None:
        on_progress(what, done, of)


def _size_of(database: Path) -> int:
    log_file = database.with_name(f"{database.name}-wal")
    return database.stat().st_size + (log_file.stat().st_size if log_file.exists() else 0)


def _checked_target(target: Path, replace: bool) -> Path:
    """Return where to write a backup. Raises UsageError."""
    target = target.expanduser().absolute()
    if target.is_dir():
        raise UsageError(f"This is a folder: {target}", f"Name the file to write, such as {target / 'library.db'}")
    if not target.parent.is_dir():
        raise UsageError(f"There is no folder {target.parent}", "Create it first, or choose another one.")
    if target.exists() and not replace:
        raise UsageError(f"This file already exists: {target}", "Choose another name, or add --replace.")
    return target


@contextlib.contextmanager
def _write_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_disk_fault(error):
            hint = "Free some space, or choose another disk. Nothing half-written is left."
        else:
            hint = "Check who may write there, or choose another place."
        raise LibraryError(f"The backup cannot be written: {target} ({error.strerror or error})", hint) from error
