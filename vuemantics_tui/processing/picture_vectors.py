"""Show pictures to the joint model in use, newest first, while the queue is idle."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from vuemantics_tui.analyzers.base import Compute
from vuemantics_tui.domain.errors import AnalyzerError, DefectError, LibraryError, VuemanticsError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import LookSize, SmallPicture, Square
from vuemantics_tui.files import PRIVATE_FILE, original_at
from vuemantics_tui.processing.backfill import EXPECTED, IDLE_SECONDS, LOOK_SECONDS
from vuemantics_tui.processing.picture_tags import PictureTags
from vuemantics_tui.store.database import uninterrupted
from vuemantics_tui.store.pictures import FrameVector, PictureStore, Unseen

if TYPE_CHECKING:
    from vuemantics_tui.analyzers.joint.towers import Seen

log = logging.getLogger(__name__)

_LOCK_NAME = "pictures.lock"
_ERROR_CHARACTERS = 200
# How long a model that cannot be loaded is left alone.
_REST_SECONDS = 60.0

# How often the pictures are counted during a pass.
_COUNT_SECONDS = 10.0
# To ask what there is to see reads all uploads, so it is asked for many at a time, and when something changed; after so
# long in any case.
_ASKED_FOR = 8
_LOOK_AGAIN_SECONDS = 120.0

FolderOf = Callable[[str], Path | None]
"""Returns the folder of a model by its name and fingerprint, or None if it is not here."""

AtOnce = Callable[[Path], Awaitable[int]]
"""Returns how many pictures are worth showing to the model in a folder at a time."""


@dataclass(frozen=True, slots=True)
class PictureProgress:
    """How many pictures the model in use has seen, and how many there are in the library."""

    done: int
    of: int


LookOf = Callable[[str], tuple[Path, Square | LookSize] | None]
"""Returns the folder of a model and what it wants to see, by its name and fingerprint; None if it is not here.

A square of pixels, or, to make its own of it, a picture of a size.
"""


class PictureModel:
    """Shows pictures to the joint model in use while they are imported, from the pixels that were decoded anyway.

    Whatever goes wrong is only logged: `PicturePass` looks at what has no vector.
    """

    def __init__(self, store: PictureStore, compute: Compute, look_of: LookOf) -> None:
        self._store = store
        self._compute = compute
        self._look_of = look_of
        self._installed: dict[str, tuple[Path, Square | LookSize] | None] = {}
        self._rests_until = 0.0

    async def wanted(self) -> tuple[str, Square | LookSize] | None:
        """Return the model in use and what it wants to see, or None if there is none. Raises LibraryError."""
        found = await self._in_use()
        return None if found is None else (found[0], found[2])

    async def see(self, number: int, upload_id: str, model: str, picture: SmallPicture | bytes) -> None:
        """Save what a model makes of an upload's picture, if it is in use still. Raises DefectError."""
        from vuemantics_tui.analyzers.joint.towers import see

        try:
            found = await self._in_use()
            if found is None or found[0] != model or await self._store.has_seen(model, number):
                return
            folder = found[1]
            seen = await self._compute.run(see, folder, picture, FileType.IMAGE, 1)
            await _save(self._store, number, model, seen)
        except AnalyzerError as error:
            self._rest(error)
        except DefectError:
            raise
        except EXPECTED as error:
            log.warning("the picture of %s is seen later: %s", upload_id, error)

    async def _in_use(self) -> tuple[str, Path, Square | LookSize] | None:
        """Return the name, the folder and the wish of the model in use, unless it rests."""
        model = await self._store.in_use()
        if model is None or time.monotonic() < self._rests_until:
            return None
        if self._installed.get(model) is None:
            try:
                self._installed[model] = await asyncio.to_thread(self._look_of, model)
            except AnalyzerError as error:
                self._rest(error)
                return None
        found = self._installed[model]
        return None if found is None else (model, *found)

    def _rest(self, error: AnalyzerError) -> None:
        log.error("pictures are seen later, the model fails: %s %s", error.message, error.hint)
        self._rests_until = time.monotonic() + _REST_SECONDS


@cache
def _tell(fault: str) -> None:
    """Log what is wrong with a provider, once."""
    log.warning("%s", fault)


async def _save(store: PictureStore, number: int, model: str, seen: Seen) -> None:
    if seen.fault:
        _tell(seen.fault)
    frames = [
        FrameVector(vector.astype("<f4").tobytes(), None if math.isnan(second) else float(second))
        for vector, second in zip(seen.vectors, seen.seconds, strict=True)
    ]
    await store.save(number, model, seen.vectors.shape[1], frames)


class PicturePass:
    """Makes the vectors that the joint model in use lacks. What is left to do is in the store, so any end is harmless.

    Only one process of a library does this, with as many pictures at a time as suit the model. A file that cannot be
    read is marked, and not tried again. What was seen becomes `tags`, too.
    """

    def __init__(
        self,
        library: Path,
        store: PictureStore,
        compute: Compute,
        folder_of: FolderOf,
        frames: int,
        is_idle: Callable[[], bool],
        tags: PictureTags,
        *,
        at_once: AtOnce,
        idle_seconds: float = IDLE_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._library = library
        self._store = store
        self._compute = compute
        self._folder_of = folder_of
        self._frames = frames
        self._is_idle = is_idle
        self._at_once = at_once
        self._tags = tags
        self._idle_seconds = idle_seconds
        self._look_seconds = look_seconds
        self._task: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._turned = asyncio.Condition()
        self._is_stopping = False
        self._turns = 0
        self.problem = ""
        """What the model failed with at last, until it works again."""
        self.progress: PictureProgress | None = None
        # When there was nothing to see: the model, the library's revision, whether it was paused.
        self._nothing_at: tuple[str, int, bool] | None = None
        self._nothing_until = 0.0
        self.fault = ""
        """Why the model does not run on the provider that is set, as a sentence."""

    def start(self) -> None:
        """Start, in the running event loop."""
        if self._task is None:
            self._is_stopping = False
            self._task = asyncio.create_task(self._run(), name="pictures")

    def wake(self) -> None:
        """Check for work now: a model was chosen."""
        self._wanted.set()

    async def moved(self) -> bool:
        """Wait until a picture was seen or the pass ended; returns whether it goes on."""
        before = self._turns
        async with self._turned:
            await self._turned.wait_for(lambda: self._turns != before)
        return self.progress is not None

    async def stop(self) -> None:
        """Stop at once; the pictures that were being looked at are looked at again later."""
        self._is_stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        self.progress = None

    async def _run(self) -> None:
        while True:
            rest = self._look_seconds
            try:
                model = await self._store.in_use()
                folder = None if model is None else await asyncio.to_thread(self._folder_of, model)
                if model is not None and folder is not None and self._is_idle() and await self._has_more(model):
                    await self._pass(model, folder)
                    self.problem = ""
                    rest = self._idle_seconds
                if self._is_idle():
                    await self._tags.keep_up()
            except LibraryError as error:
                log.warning("pictures wait, the store refuses: %s", error)
            except AnalyzerError as error:
                if error.message != self.problem:
                    log.error("pictures wait, the model fails: %s %s", error.message, error.hint)
                self.problem = error.message
                rest = _REST_SECONDS
            except Exception:
                log.exception("pictures wait for the next start: this is a bug")
                self.progress = None
                return
            await self._turn()
            self._wanted.clear()
            try:
                async with asyncio.timeout(rest):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def _has_more(self, model: str) -> bool:
        """Return whether there is something to see; asked in full only where something may have changed."""
        moment = (model, *await self._store.moment())
        if moment == self._nothing_at and time.monotonic() < self._nothing_until:
            return False
        if await self._store.next(model, 1):
            return True
        self._nothing_at, self._nothing_until = moment, time.monotonic() + _LOOK_AGAIN_SECONDS
        return False

    async def _turn(self) -> None:
        self._turns += 1
        async with self._turned:
            self._turned.notify_all()

    async def _pass(self, model: str, folder: Path) -> None:
        lock = FileLock(self._library / _LOCK_NAME, mode=PRIVATE_FILE, thread_local=False)
        try:
            await asyncio.to_thread(lock.acquire, timeout=0)
        except Timeout:
            return
        try:
            looked, at_once = 0.0, await self._at_once(folder)
            some: list[Unseen] = []
            while self._is_idle() and await self._store.in_use() == model:
                some = some or await self._store.next(model, _ASKED_FOR * at_once)
                if not some:
                    break
                if self.progress is None or time.monotonic() - looked > _COUNT_SECONDS:
                    self.progress = PictureProgress(*await self._store.progress(model))
                    looked = time.monotonic()
                now, some = some[:at_once], some[at_once:]
                async with asyncio.TaskGroup() as group:
                    for unseen in now:
                        group.create_task(self._see(unseen, model, folder))
                done = self.progress.done + len(now)
                self.progress = PictureProgress(done, max(done, self.progress.of))
                await self._turn()
                await self._tags.keep_up(seldom=True)
        except* AnalyzerError as failed:
            if self._is_stopping:
                # Of an error and a cancellation at the same time, a group of Python 3.11 keeps the error alone.
                raise asyncio.CancelledError from None
            raise failed.exceptions[0] from failed
        finally:
            self.progress = None
            await uninterrupted(asyncio.to_thread(lock.release))

    async def _see(self, unseen: Unseen, model: str, folder: Path) -> None:
        from vuemantics_tui.analyzers.joint.towers import see

        try:
            source = await asyncio.to_thread(original_at, self._library, unseen.file_path, unseen.source)
            seen = await self._compute.run(see, folder, source, unseen.file_type, self._frames)
        except (AnalyzerError, DefectError):
            raise
        except EXPECTED as error:
            reason = error.message if isinstance(error, VuemanticsError) else str(error)
            log.warning("the picture model cannot see %s: %s", unseen.id, reason)
            await self._store.fail(unseen.number, model, reason[:_ERROR_CHARACTERS])
            return
        self.fault = seen.fault
        await _save(self._store, unseen.number, model, seen)
