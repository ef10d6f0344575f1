"""A path becomes a waiting upload: looked at, copied, hashed, inserted."""

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
from vuemantics_tui.domain.errors import DefectError, LibraryError, MediaError, UsageError
from vuemantics_tui.domain.media import MediaLimits, Probe
from vuemantics_tui.domain.moment import instant
from vuemantics_tui.domain.text import size_words
from vuemantics_tui.domain.upload import TERMINAL, ProcessingStatus, Upload
from vuemantics_tui.files import copy_and_hash, hash_file, inside, is_disk_fault, make_folder, sync_folder, write_whole
from vuemantics_tui.media.packets import SIDECAR_SUFFIX, sidecars_of
from vuemantics_tui.media.probe import probe
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

    @property
    def is_new(self) -> bool:
        """Whether there is an upload now that waits for processing."""
        if self.outcome is IntakeOutcome.RESTORED:
            return self.upload is not None and self.upload.status not in TERMINAL
        return self.outcome in (IntakeOutcome.ADDED, IntakeOutcome.RETRIED)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to add, or (with a reason) one that was named but cannot be. `size` in bytes."""

    path: Path
    size: int = 0
    reason: str = ""
    hint: str = ""


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
        """All files that the paths stand for. Raises UsageError if one is not there."""
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
                yield IntakeResult(candidate.path, IntakeOutcome.SKIPPED, reason=candidate.reason, hint=candidate.hint)
                continue
            try:
                yield await self._add_one(candidate.path, user_id, on_bytes)
            except MediaError as error:
                yield IntakeResult(candidate.path, IntakeOutcome.SKIPPED, reason=error.message, hint=error.hint)
            except OSError as error:
                if is_disk_fault(error):
                    raise LibraryError(
                        f"{candidate.path.name} could not be copied into {self._library}: {error.strerror}",
                        "Free some space and add it again; what was added before it is safe.",
                    ) from error
                yield IntakeResult(
                    candidate.path,
                    IntakeOutcome.SKIPPED,
                    reason=f"It cannot be read: {error.strerror or error}",
                )
            except LibraryError:
                raise
            except Exception as error:
                # One traceback is enough: the same defect meets every file that follows.
                defect = DefectError.of(error, paths.log_file())
                if defect.message not in defects:
                    log.exception("adding %s failed by a bug", candidate.path)
                hint = "" if defect.message in defects else defect.hint
                defects.add(defect.message)
                yield IntakeResult(candidate.path, IntakeOutcome.SKIPPED, reason=defect.message, hint=hint)

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
            # A thread cannot be stopped: wait for it before what it writes is removed.
            sha256 = await uninterrupted(asyncio.to_thread(_copy, path, target, on_bytes))
            modified = (await asyncio.to_thread(target.stat)).st_mtime
            _, wrong = await asyncio.to_thread(_keep_sidecars, path, target)
            new = _new_upload(path, found, upload_id, user_id, sha256, modified)
            upload = await self._store.insert(new)
        except BaseException:
            await uninterrupted(self._remove_unless_inserted(upload_id, folder))
            raise
        if upload is None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            known = await self._store.by_content(user_id, sha256)
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
        return replace(await self._back(path, upload), reason=wrong, reread=changed)

    async def _back(self, path: Path, upload: Upload) -> IntakeResult:
        if await self._store.get(upload.id) is None and await self._trash.restore([upload.id]):
            if upload.status is ProcessingStatus.FAILED:
                await self._queue.requeue([upload.id])
            return IntakeResult(path, IntakeOutcome.RESTORED, await self._store.get(upload.id))
        if upload.status is ProcessingStatus.FAILED and await self._queue.requeue([upload.id]):
            return IntakeResult(path, IntakeOutcome.RETRIED, await self._store.get(upload.id))
        return IntakeResult(path, IntakeOutcome.DUPLICATE, upload)

    def _gather(self, named: list[Path], recursive: bool) -> list[Candidate]:
        missing = [path for path in named if not os.path.lexists(path)]
        if missing:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise UsageError(
                f"There is no file or folder {str(missing[0])!r}{more}",
                "Check the spelling. Nothing was added.",
            )
        library = self._library.resolve()
        candidates: dict[Path, Candidate] = {}
        for path in named:
            if path.is_dir():
                found = _walk(path.resolve(), library) if recursive else [_folder_without_recursive(path)]
            else:
                found = [_look(path, library)]
            for candidate in found:
                candidates.setdefault(candidate.path.resolve(), candidate)
        return list(candidates.values())


def sweep_orphans(library: Path, user_id: str, existing_ids: set[str]) -> int:
    """Remove upload folders that no row knows, as a crash may leave them; returns how many. Runs off the loop.

    `existing_ids` must have been read from the store within the last minutes: younger folders are left alone.
    """
    removed = 0
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
            if folder.name not in existing_ids and time.time() - newest > ORPHAN_AGE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def _folder_without_recursive(path: Path) -> Candidate:
    return Candidate(path, reason="This is a folder", hint="Give --recursive to add what is in it.")


def _walk(folder: Path, library: Path) -> Iterator[Candidate]:
    # Linked folders are not entered, so no link leads out of the tree or round in a circle.
    for parent, folders, files in os.walk(folder, followlinks=False, onerror=None):
        here = Path(parent)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and (here / name).resolve() != library)
        for name in sorted(files):
            # A side-car comes with its picture.
            if name.startswith(".") or name.lower().endswith(SIDECAR_SUFFIX):
                continue
            path = here / name
            if path.is_symlink() and not path.resolve().is_relative_to(folder):
                yield Candidate(path, reason="It is a link that leads out of the folder")
            else:
                yield _look(path, library)


def _look(path: Path, library: Path) -> Candidate:
    resolved = path.resolve()
    if path.suffix.lower() == SIDECAR_SUFFIX:
        return Candidate(path, reason="This is a side-car", hint="Add the picture beside it: both are read.")
    if resolved.is_relative_to(library):
        return Candidate(path, reason="It belongs to the library itself")
    try:
        status = resolved.stat()
    except OSError as error:
        return Candidate(path, reason=f"It cannot be read: {error.strerror}")
    if not stat.S_ISREG(status.st_mode):
        return Candidate(path, reason="This is not a regular file")
    return Candidate(path, status.st_size)


def _copy(source: Path, target: Path, on_bytes: OnBytes | None) -> str:
    folder = target.parent
    make_folder(folder)
    sha256 = copy_and_hash(source, target, on_bytes)
    # The rename itself must survive a power cut before the row says that the file is there.
    for each in (folder, folder.parent):
        sync_folder(each)
    return sha256


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


def _new_upload(path: Path, found: Probe, upload_id: str, user_id: str, sha256: str, modified: float) -> NewUpload:
    media_format = found.format
    return NewUpload(
        id=upload_id,
        user_id=user_id,
        filename=_storable(path.name),
        file_path=paths.original_file(user_id, upload_id, media_format.extension).as_posix(),
        file_type=media_format.file_type,
        file_size=found.file_size,
        mime_type=media_format.mime_type,
        extension=media_format.extension,
        sha256=sha256,
        width=found.width,
        height=found.height,
        source_path=_storable(str(path.resolve())),
        modified_at=instant(modified),
    )


def _storable(name: str) -> str:
    """A file name as text: bytes that are no UTF-8 become replacement characters, since SQLite takes only text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
