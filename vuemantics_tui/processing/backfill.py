"""Read what older uploads lack from their files, one at a time, while the queue is idle."""

from __future__ import annotations

import asyncio
import logging
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from vuemantics_tui.analyzers.base import Compute
from vuemantics_tui.domain.errors import DefectError, LibraryError, VuemanticsError
from vuemantics_tui.domain.moment import instant
from vuemantics_tui.files import PRIVATE_FILE, inside, original_at
from vuemantics_tui.media.jobs import make_thumbnail, read_metadata, read_traits
from vuemantics_tui.processing.presence import Presence
from vuemantics_tui.store.database import uninterrupted
from vuemantics_tui.store.duplicates import BackfillStore, Lacking

log = logging.getLogger(__name__)

# How long the queue must have been idle: it also is for moments between two uploads, and a starting app is busy.
IDLE_SECONDS = 2.0
# How soon uploads that lack something are noticed, for example after a restore from the trash.
LOOK_SECONDS = 10.0
_ERROR_CHARACTERS = 200
# Errors that a file or the machine may cause; only these mark an upload. After a bug of the program the pass ends and
# marks nothing, so that a later release can read what this one could not.
EXPECTED = (VuemanticsError, OSError, MemoryError)
_LOCK_NAME = "backfill.lock"


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """How many older uploads were read again since the pass began, and of how many."""

    done: int
    of: int


class Backfill:
    """Makes thumbnails and reads looks and metadata again, of what an earlier version read otherwise or not at all.

    What is left to do is in the store, so it resumes after any end. Only one process of a library does this. A file
    that cannot be read is marked, and not tried again. `is_idle` tells whether this process's queue is idle.
    """

    def __init__(
        self,
        library: Path,
        store: BackfillStore,
        compute: Compute,
        presence: Presence,
        max_pixels: int,
        is_idle: Callable[[], bool],
        *,
        idle_seconds: float = IDLE_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._library = library
        self._store = store
        self._compute = compute
        self._presence = presence
        self._max_pixels = max_pixels
        self._is_idle = is_idle
        self._idle_seconds = idle_seconds
        self._look_seconds = look_seconds
        self._task: asyncio.Task[None] | None = None
        self._progress: BackfillProgress | None = None

    @property
    def progress(self) -> BackfillProgress | None:
        """Return how far the pass is; None while there is nothing to do, or another process does it."""
        return self._progress

    def start(self) -> None:
        """Start, in the running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="backfill")

    async def stop(self) -> None:
        """Stop at once; the upload that was being read is read again later."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        self._progress = None

    async def read_again(self, number: int) -> None:
        """Read the file of an upload now; one that waits or runs is read by its run. Raises LibraryError."""
        lacking = await self._store.forget(number)
        if lacking is not None:
            await self._read(lacking)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._idle_seconds)
            try:
                if self._is_idle() and await self._store.next() is not None:
                    await self._pass()
                    continue
            except LibraryError as error:
                log.warning("older uploads wait, the store refuses: %s", error)
            except Exception:
                log.exception("older uploads wait for the next start: this is a bug")
                self._progress = None
                return
            self._progress = None
            await asyncio.sleep(self._look_seconds)

    async def _pass(self) -> None:
        """Read what lacks something until nothing does, or the queue has work."""
        lock = FileLock(self._library / _LOCK_NAME, mode=PRIVATE_FILE, thread_local=False)
        try:
            await asyncio.to_thread(lock.acquire, timeout=0)
        except Timeout:
            await asyncio.sleep(self._look_seconds)
            return
        try:
            done = self._progress.done if self._progress else 0
            while self._is_idle() and (lacking := await self._store.next()):
                self._progress = BackfillProgress(done, done + await self._store.left())
                await self._read(lacking)
                done += 1
                self._progress = BackfillProgress(done, max(done, self._progress.of))
        finally:
            await uninterrupted(asyncio.to_thread(lock.release))
        if await self._store.left() == 0:
            self._progress = None

    async def _read(self, lacking: Lacking) -> None:
        traits, metadata, message = None, None, None
        try:
            source = await asyncio.to_thread(original_at, self._library, lacking.file_path, lacking.source)
            thumbnail = (
                await asyncio.to_thread(inside, self._library, lacking.thumbnail_path)
                if lacking.thumbnail_path
                else None
            )
        except LibraryError as error:
            log.error("%s is not looked at: %s", lacking.id, error)
            await self._store.save(lacking.number, traits, metadata, error.message[:_ERROR_CHARACTERS])
            return
        if lacking.source is not None:
            await self._check_there(lacking, source)
        arguments = (source, lacking.file_type, self._max_pixels)
        try:
            if thumbnail is not None:
                await self._compute.run(make_thumbnail, source, lacking.file_type, thumbnail, self._max_pixels)
        except DefectError:
            raise
        except EXPECTED as error:
            await self._check_there(lacking, source)
            log.warning("%s keeps its thumbnail: %r", lacking.id, error)
        try:
            traits = await self._compute.run(read_traits, thumbnail, *arguments)
        except DefectError:
            raise
        except EXPECTED as error:
            await self._check_there(lacking, source)
            log.warning("no looks of %s: %r", lacking.id, error)
            message = str(error)[:_ERROR_CHARACTERS] or type(error).__name__
        try:
            metadata = await self._compute.run(read_metadata, *arguments)
        except DefectError:
            raise
        except EXPECTED as error:
            await self._check_there(lacking, source)
            log.warning("no metadata of %s: %r", lacking.id, error)
        modified_at = lacking.modified_at or await asyncio.to_thread(_own_time, lacking)
        await self._store.save(lacking.number, traits, metadata, message, modified_at)

    async def _check_there(self, lacking: Lacking, source: Path) -> None:
        """What is only away for now, as on a disk that is not mounted, is not marked. Raises LibraryError."""
        if lacking.source is not None and not await asyncio.to_thread(source.exists):
            # It is skipped until it is back.
            raise await self._presence.look_for(lacking.number, Path(lacking.source), source)
        if not await asyncio.to_thread(self._library.joinpath("uploads").is_dir):
            raise LibraryError(f"The files of the library are away: {source}", "Connect or mount its disk.")


def _own_time(lacking: Lacking) -> str | None:
    """Return when the file that was added was last changed, if it is still where it came from.

    A copy that an earlier version made has the time of copying.
    """
    if not lacking.source_path:
        return None
    try:
        status = Path(lacking.source_path).stat()
    except (OSError, ValueError):
        return None
    is_the_same = stat.S_ISREG(status.st_mode) and status.st_size == lacking.file_size
    return instant(status.st_mtime) if is_the_same else None
