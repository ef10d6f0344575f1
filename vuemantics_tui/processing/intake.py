"""Turn paths into waiting uploads: check, copy, hash, insert."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import stat
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import DefectError, LibraryError, MediaError, UnreadableError, UsageError
from vuemantics_tui.domain.media import MediaLimits, Probe
from vuemantics_tui.domain.moment import instant
from vuemantics_tui.domain.text import counted, size_words, storable
from vuemantics_tui.domain.upload import TERMINAL, ProcessingStatus, Upload
from vuemantics_tui.files import (
    copy_and_hash,
    hash_file,
    inside,
    is_disk_fault,
    is_missing,
    make_folder,
    read_fault,
    sync_folder,
    write_whole,
)
from vuemantics_tui.media.packets import SIDECAR_SUFFIX, sidecars_of
from vuemantics_tui.media.probe import probe
from vuemantics_tui.processing.records import Record, original_in, write_record
from vuemantics_tui.store.database import uninterrupted
from vuemantics_tui.store.queue import QueueStore
from vuemantics_tui.store.trash import TrashStore
from vuemantics_tui.store.uploads import NewUpload, UploadStore

log = logging.getLogger(__name__)

OnBytes = Callable[[int], None]
# Younger folders without a row may belong to an intake that is just copying.
ORPHAN_AGE_SECONDS = 3600.0


class IntakeOutcome(StrEnum):
    """What became of a path."""

    ADDED = "added"
    DUPLICATE = "duplicate"
    RETRIED = "retried"
    RESTORED = "restored"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """One path and what became of it: an upload, or the reason why it was left out.

    With an upload, `reason` says what is wrong with its side-cars. `reread` tells that one of them is new, so that the
    upload, which was there already, must be read again.
    """

    path: Path
    outcome: IntakeOutcome
    upload: Upload | None = None
    reason: str = ""
    hint: str = ""
    reread: bool = False
    is_unread: bool = False

    @property
    def is_new(self) -> bool:
        """Whether there is an upload now that waits for processing."""
        if self.outcome is IntakeOutcome.RESTORED:
            return self.upload is not None and self.upload.status not in TERMINAL
        return self.outcome in (IntakeOutcome.ADDED, IntakeOutcome.RETRIED)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to add, or (with a reason) what is left out. `size` in bytes.

    `is_unread` tells that it was asked for and cannot be read; other reasons are of the program's own choice.
    """

    path: Path
    size: int = 0
    reason: str = ""
    hint: str = ""
    is_unread: bool = False


class Intake:
    """Adds files to one library. The source is only read. Content that is in the trash is restored from there."""

    def __init__(
        self,
        library: Path,
        store: UploadStore,
        queue: QueueStore,
        trash: TrashStore,
        limits: MediaLimits,
        keep_free: int,
    ) -> None:
        self._library = library
        self._store = store
        self._queue = queue
        self._trash = trash
        self._limits = limits
        self._keep_free = keep_free

    async def gather(self, named: Iterable[Path], *, recursive: bool) -> list[Candidate]:
        """All files that the paths stand for, and what is left out and why. Raises UsageError if a path is missing."""
        return await asyncio.to_thread(self._gather, list(named), recursive)

    async def check_space(self, candidates: Iterable[Candidate]) -> None:
        """Raise LibraryError unless the library's disk can take all of them."""
        needed = sum(candidate.size for candidate in candidates if not candidate.reason)
        free = (await asyncio.to_thread(shutil.disk_usage, self._library)).free
        if needed + self._keep_free > free:
            raise LibraryError(
                f"Not enough space in {self._library}: {size_words(needed)} to copy, {size_words(free)} free, "
                f"{size_words(self._keep_free)} to stay free",
                "Nothing was added. Free some space, add fewer files, or choose a library on another disk.",
            )

    async def add(
        self, candidates: Iterable[Candidate], on_bytes: OnBytes | None = None
    ) -> AsyncIterator[IntakeResult]:
        """Add them one by one. Raises LibraryError if the library cannot take more."""
        user_id = await self._store.owner_id()
        defects: set[str] = set()
        for candidate in candidates:
            if candidate.reason:
                yield _skipped(candidate.path, candidate.reason, candidate.hint, is_unread=candidate.is_unread)
                continue
            try:
                yield await self._add_one(candidate.path, user_id, on_bytes)
            except MediaError as error:
                is_unread = isinstance(error, UnreadableError)
                yield _skipped(candidate.path, error.message, error.hint, is_unread=is_unread)
            except OSError as error:
                if is_disk_fault(error):
                    raise LibraryError(
                        f"{candidate.path.name} could not be copied into {self._library}: {error.strerror}",
                        "Free some space and add it again; what was added before it is safe.",
                    ) from error
                yield _skipped(candidate.path, *read_fault(candidate.path, error), is_unread=True)
            except LibraryError:
                raise
            except Exception as error:
                # One traceback is enough: the same defect meets every file that follows.
                defect = DefectError.of(error, paths.log_file())
                if defect.message not in defects:
                    log.exception("adding %s failed by a bug", candidate.path)
                hint = "" if defect.message in defects else defect.hint
                defects.add(defect.message)
                yield _skipped(candidate.path, defect.message, hint, is_unread=True)

    async def _add_one(self, path: Path, user_id: str, on_bytes: OnBytes | None) -> IntakeResult:
        found = await asyncio.to_thread(probe, path, self._limits)
        if await self._store.has_size(found.file_size):
            known = await self._store.by_content(user_id, await asyncio.to_thread(hash_file, path))
            if known:
                if on_bytes:
                    on_bytes(found.file_size)
                return await self._known(path, known)
        upload_id = str(uuid.uuid4())
        original = paths.original_file(user_id, upload_id, found.format.extension)
        target = await asyncio.to_thread(inside, self._library, original)
        folder = target.parent
        try:
            # A thread cannot be stopped: wait for it before removing what it writes.
            new, wrong = await uninterrupted(
                asyncio.to_thread(_copy, path, target, found, (upload_id, user_id), on_bytes)
            )
            upload = await self._store.insert(new)
        except BaseException:
            await uninterrupted(self._remove_unless_inserted(upload_id, folder))
            raise
        if upload is None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            known = await self._store.by_content(user_id, new.sha256)
            if known is None:
                return await self._add_one(path, user_id, on_bytes)  # deleted between the two looks
            return await self._known(path, known)
        return IntakeResult(path, IntakeOutcome.ADDED, upload, reason=wrong)

    async def _remove_unless_inserted(self, upload_id: str, folder: Path) -> None:
        if not await self._store.exists(upload_id):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _known(self, path: Path, upload: Upload) -> IntakeResult:
        original = await asyncio.to_thread(inside, self._library, upload.file_path)
        changed, wrong = await asyncio.to_thread(_keep_sidecars, path, original)
        return replace(await self.take_back(path, upload), reason=wrong, reread=changed)

    async def take_back(self, path: Path, upload: Upload) -> IntakeResult:
        """Return what a path is whose content is an upload: restored from the trash, retried, or a duplicate."""
        if await self._store.get(upload.id) is None and await self._trash.restore([upload.id]):
            if upload.status is ProcessingStatus.FAILED:
                await self._queue.requeue([upload.id])
            return IntakeResult(path, IntakeOutcome.RESTORED, await self._store.get(upload.id))
        if upload.status is ProcessingStatus.FAILED and await self._queue.requeue([upload.id]):
            return IntakeResult(path, IntakeOutcome.RETRIED, await self._store.get(upload.id))
        return IntakeResult(path, IntakeOutcome.DUPLICATE, upload)

    def _gather(self, named: list[Path], recursive: bool) -> list[Candidate]:
        missing = [path for path in named if is_missing(path)]
        if missing:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise UsageError(
                f"There is no file or folder {str(missing[0])!r}{more}",
                "Check the spelling. Nothing was added.",
            )
        library = _real(self._library)
        candidates: dict[Path, Candidate] = {}
        for path in named:
            if not _is_folder(path):
                found: Iterable[Candidate] = [_look(path, library)]
            elif recursive:
                found = _walk(_real(path), library)
            else:
                hint = "To add its contents, use --recursive."
                found = [Candidate(path, reason="This is a folder", hint=hint, is_unread=True)]
            for candidate in found:
                # What is left out keeps its own name: a link may lead to what is added.
                key = candidate.path if candidate.reason else _real(candidate.path)
                candidates.setdefault(key, candidate)
        return list(candidates.values())


def sweep_orphans(library: Path, user_id: str, existing_ids: set[str]) -> int:
    """Remove upload folders that no row knows, as a crash may leave them; returns how many. Runs off the loop.

    One with a whole original stays: where an older database was put back, it holds the only copy of a photo.
    `existing_ids` must have been read from the store within the last minutes: younger folders are left alone.
    """
    removed = kept = 0
    try:
        root = inside(library, paths.user_folder(user_id))
    except LibraryError as error:
        log.error("nothing is swept: %s", error)
        return 0
    if not root.is_dir():
        return 0
    for folder in root.iterdir():
        # A file manager leaves files of its own here, as .DS_Store.
        if folder.is_symlink() or not folder.is_dir():
            continue
        with contextlib.suppress(FileNotFoundError):
            newest = max(entry.stat().st_mtime for entry in (folder, *folder.iterdir()))
            if folder.name in existing_ids or time.time() - newest <= ORPHAN_AGE_SECONDS:
                continue
            if original_in(folder) is not None:
                kept += 1
                continue
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    if kept:
        log.warning(
            "%s in %s with an original that the database does not know: vuemantics-tui check --repair adds them.",
            counted(kept, "folder"),
            root,
        )
    return removed


def _walk(folder: Path, library: Path) -> Iterator[Candidate]:
    """Yield what is in a folder and below it. What is hidden is passed over, and so are side-cars and the library."""
    folders = [folder]
    while folders:
        here = folders.pop()
        try:
            with os.scandir(here) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield _unread(here, error)
            continue
        below = []
        for entry in entries:
            path = here / entry.name
            # A side-car comes with its picture.
            if entry.name.startswith(".") or entry.name.lower().endswith(SIDECAR_SUFFIX):
                continue
            if entry.is_symlink():
                yield _look_at_link(path, folder, library)
            elif not entry.is_dir(follow_symlinks=False):
                yield _look(path, library)
            elif _real(path) != library:
                below.append(path)
        folders += reversed(below)


def _look_at_link(path: Path, folder: Path, library: Path) -> Candidate:
    """Look at a link in a folder that is walked: linked folders are not entered, so that no walk goes round."""
    target = _real(path)
    if _is_folder(path):
        if path.parent.is_relative_to(target):
            return Candidate(path, reason="It is a link that leads back to itself")
        return Candidate(path, reason="It is a link to a folder", hint="Name that folder to add what is in it.")
    found = _look(path, library)
    if not found.reason and not target.is_relative_to(folder):
        return Candidate(path, reason="It is a link that leads out of the folder", hint="Name the file to add it.")
    # A broken link leads to nothing that was asked for.
    return replace(found, is_unread=False) if not target.exists() else found


def _look(path: Path, library: Path) -> Candidate:
    if path.suffix.lower() == SIDECAR_SUFFIX:
        return Candidate(path, reason="This is a side-car", hint="Add the picture beside it: both are read.")
    if _real(path).is_relative_to(library):
        return Candidate(path, reason="It belongs to the library itself")
    try:
        status = path.stat()
    except OSError as error:
        return _unread(path, error)
    if not stat.S_ISREG(status.st_mode):
        return Candidate(path, reason="This is not a regular file")
    return Candidate(path, status.st_size)


def _unread(path: Path, error: OSError) -> Candidate:
    reason, hint = read_fault(path, error)
    return Candidate(path, reason=reason, hint=hint, is_unread=True)


def _skipped(path: Path, reason: str, hint: str = "", *, is_unread: bool = False) -> IntakeResult:
    return IntakeResult(path, IntakeOutcome.SKIPPED, reason=reason, hint=hint, is_unread=is_unread)


def _real(path: Path) -> Path:
    """The path without links; unlike Path.resolve() it takes links that go round, and folders that are closed."""
    return Path(os.path.realpath(path))


def _is_folder(path: Path) -> bool:
    """Tell whether it is a folder, or a link to one; what cannot be looked at is none."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir() raises where a folder on the way is closed


def _copy(
    source: Path, target: Path, found: Probe, ids: tuple[str, str], on_bytes: OnBytes | None
) -> tuple[NewUpload, str]:
    """Copy a file with its side-cars, and write its record; returns the upload to insert, and what is wrong with one of
    the side-cars. `ids` are those of upload and user.
    """
    folder = target.parent
    make_folder(folder)
    sha256 = copy_and_hash(source, target, on_bytes)
    _, wrong = _keep_sidecars(source, target)
    new = _new_upload(source, found, ids, sha256, target.stat().st_mtime)
    record = Record(new.id, new.filename, new.source_path, new.sha256, new.file_size, new.created_at, new.modified_at)
    # The renames must survive a power cut before the row says that the files are there.
    write_record(folder, record)
    for each in (folder, folder.parent):
        sync_folder(each)
    return new, wrong


def _keep_sidecars(source: Path, original: Path) -> tuple[bool, str]:
    """Keep the side-cars of a source beside the library's copy of it.

    Returns whether one of them is new or changed, and what is wrong with one that cannot be read.
    """
    changed, wrong = False, ""
    for sidecar in sidecars_of(source):
        kept = original.with_name(f"{original.name if sidecar.stem == source.name else original.stem}.xmp")
        try:
            data = sidecar.read_bytes()
        except OSError as error:
            log.warning("the side-car %s is left out: %s", sidecar, error)
            wrong = f"Its side-car {sidecar.name} cannot be read: {error.strerror or error}"
            continue
        if not kept.is_file() or kept.read_bytes() != data:
            write_whole(kept, data)
            changed = True
    return changed, wrong


def _new_upload(path: Path, found: Probe, ids: tuple[str, str], sha256: str, modified: float) -> NewUpload:
    media_format = found.format
    upload_id, user_id = ids
    return NewUpload(
        id=upload_id,
        user_id=user_id,
        filename=storable(path.name),
        file_path=paths.original_file(user_id, upload_id, media_format.extension).as_posix(),
        file_type=media_format.file_type,
        file_size=found.file_size,
        mime_type=media_format.mime_type,
        extension=media_format.extension,
        sha256=sha256,
        width=found.width,
        height=found.height,
        source_path=storable(str(path.resolve())),
        modified_at=instant(modified),
    )
