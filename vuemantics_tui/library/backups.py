"""Backups: the copies that a library makes of itself once a day, and those that a person asks for.

A backup with originals is a plain tar file that holds a library as its folder does, the database first.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import logging
import re
import shutil
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import LibraryError, UsageError
from vuemantics_tui.domain.text import size_words
from vuemantics_tui.files import (
    PART_SUFFIX,
    PRIVATE_FILE,
    WholeFile,
    hash_file,
    inside,
    is_disk_fault,
    make_folder,
    sync_folder,
)
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
from vuemantics_tui.store.identity import DAY_SECONDS

if TYPE_CHECKING:
    from vuemantics_tui.processing.records import Records

log = logging.getLogger(__name__)

_LOCK_NAME = "backup.lock"

OnProgress = Callable[[str, int, int], None]
"""Is told how much of how much is done of the database (in pages) or of the originals (in bytes), in any thread."""
OnBytes = Callable[[int], None]
"""Is told how many more bytes are done; may raise, which ends the work."""

_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# What of the folder of an upload cannot be made again. The rest of an archive is left alone: it may be anybody's.
_KEPT_FILE = r"original\.[a-z0-9]{1,8}(?:\.xmp)?|upload\.json"
_MEMBER = re.compile(rf"{paths.UPLOADS_NAME}/{_ID}/(?P<id>{_ID})/(?P<file>{_KEPT_FILE})")
_KEPT = re.compile(_KEPT_FILE)
_BLOCK_BYTES = 1024 * 1024


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


# The tar file


@dataclass(frozen=True, slots=True)
class Written:
    """What went into an archive: how many originals, and how many were not there."""

    originals: int
    missing: int


class _Counted(io.RawIOBase):
    """A file that tells how much of it is read."""

    def __init__(self, file: IO[bytes], on_bytes: OnBytes) -> None:
        super().__init__()
        self._file = file
        self._on_bytes = on_bytes

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._on_bytes(len(block))
        return block


def is_archive(path: Path) -> bool:
    """Tell whether a file is a tar file. Raises OSError."""
    return tarfile.is_tarfile(path)


def write_archive(
    target: Path, database: Path, library: Path, folders: Iterable[tuple[Path, str]], on_bytes: OnBytes
) -> Written:
    """Write a database and the folders of copied uploads into one whole file. Raises OSError and LibraryError.

    Each of `folders` is that of an upload, relative to the library, with the name of its original. It is written as it
    is read, so it needs no other space.
    """
    originals = missing = 0
    with WholeFile(target) as whole, tarfile.open(fileobj=whole.file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        _put(tar, database, paths.DATABASE_NAME, on_bytes)
        for relative, original in folders:
            folder = inside(library, relative)
            try:
                names = sorted(path.name for path in folder.iterdir() if _KEPT.fullmatch(path.name))
            except FileNotFoundError:
                names = []
            for name in names:
                # What is deleted for good meanwhile is not there to be copied.
                if _put(tar, folder / name, f"{relative.as_posix()}/{name}", on_bytes) and name == original:
                    originals += 1
            missing += original not in names
    sync_folder(target.parent)
    return Written(originals, missing)


def _put(tar: tarfile.TarFile, path: Path, name: str, on_bytes: OnBytes) -> bool:
    try:
        file = inside(path.parent, path.name).open("rb")
    except FileNotFoundError:
        return False
    with file:
        info = tar.gettarinfo(arcname=name, fileobj=file)
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        info.mode, info.mtime = 0o600, int(info.mtime)
        tar.addfile(info, _Counted(file, on_bytes))
    return True


@contextlib.contextmanager
def opened_archive(path: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive to read it from beginning to end. Raises UsageError where it ends too early, and OSError."""
    try:
        with tarfile.open(path, "r|*") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise UsageError(
            f"The backup cannot be read to its end: {path} ({error})", "Nothing was replaced. Use another backup."
        ) from error


def take_database(tar: tarfile.TarFile, target: Path) -> None:
    """Write the database, which is the first in an archive, into a file. Raises UsageError and OSError."""
    first = tar.next()
    content = tar.extractfile(first) if first is not None and first.name == paths.DATABASE_NAME else None
    if content is None:
        raise UsageError(
            "This tar file is not a backup of a library", "Its first file must be library.db, as `backup` writes it."
        )
    with content, WholeFile(target) as whole:
        shutil.copyfileobj(content, whole.file, _BLOCK_BYTES)


def take_originals(
    tar: tarfile.TarFile, library: Path, hashes: Mapping[str, str], aside: Path, on_bytes: OnBytes
) -> int:
    """Put the originals of an archive where they belong, with what goes with them; return how many were written.

    `hashes` are the SHA-256 of the uploads by their IDs. A file that is there and is the same stays; one that differs
    goes into the folder `aside`. Raises LibraryError and OSError.
    """
    written = 0
    while (member := tar.next()) is not None:
        match = _MEMBER.fullmatch(member.name)
        if match is None or not member.isreg():
            log.warning("%r in the backup is left alone", member.name)
            continue
        content = tar.extractfile(member)
        assert content is not None
        with content:
            is_original = not match["file"].endswith((".xmp", ".json"))
            expected = hashes.get(match["id"], "") if is_original else ""
            written += _take(content, inside(library, member.name), expected, aside / member.name, on_bytes)
        on_bytes(member.size)
    return written


def archived_hashes(tar: tarfile.TarFile, on_bytes: OnBytes) -> dict[str, str]:
    """Return the SHA-256 of the originals that follow in an archive, by the IDs of their uploads. Raises OSError."""
    found: dict[str, str] = {}
    while (member := tar.next()) is not None:
        match = _MEMBER.fullmatch(member.name)
        content = tar.extractfile(member) if match and member.isreg() else None
        if match is None or content is None or match["file"].endswith((".xmp", ".json")):
            continue
        digest = hashlib.sha256()
        with content:
            while block := content.read(_BLOCK_BYTES):
                digest.update(block)
                on_bytes(len(block))
        found[match["id"]] = digest.hexdigest()
    return found


def _take(content: IO[bytes], target: Path, expected: str, aside: Path, on_bytes: OnBytes) -> bool:
    """Write one file unless it is there; returns whether it is an original that was written."""
    if target.is_file() and (not expected or hash_file(target) == expected):
        return False
    make_folder(target.parent)
    digest = hashlib.sha256()
    with WholeFile(target) as whole:
        while block := content.read(_BLOCK_BYTES):
            digest.update(block)
            whole.write(block)
            on_bytes(0)
        if expected and digest.hexdigest() != expected:
            raise LibraryError(
                f"The backup is damaged: {target.name} of the upload {target.parent.name} is not what was backed up",
                "The library's database was not replaced. Use another backup.",
            )
        # Only once what takes its place is known to be right.
        if target.is_file():
            make_folder(aside.parent)
            target.replace(aside)
    sync_folder(target.parent)
    return bool(expected)
