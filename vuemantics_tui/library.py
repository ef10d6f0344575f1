"""Library: the one door to uploads, the queue and the search."""

from __future__ import annotations

import asyncio
import logging
import shutil
from array import array
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import Analyzer, Compute
from vuemantics_tui.analyzers.builtin.analyzer import BuiltinAnalyzer
from vuemantics_tui.config import MIB, Settings
from vuemantics_tui.domain.errors import LibraryError, UsageError
from vuemantics_tui.domain.media import FileType
from vuemantics_tui.domain.text import counted
from vuemantics_tui.domain.upload import (
    TERMINAL,
    ProcessingStatus,
    QueueCounts,
    Upload,
    UploadEvent,
    UploadRow,
)
from vuemantics_tui.processing.compute import ProcessCompute
from vuemantics_tui.processing.intake import (
    Candidate,
    Intake,
    IntakeOutcome,
    IntakeResult,
    OnBytes,
    sweep_orphans,
)
from vuemantics_tui.processing.owner import this_process
from vuemantics_tui.processing.pipeline import Frames, Pipeline
from vuemantics_tui.processing.scheduler import Launch, Running, Scheduler, launch_task
from vuemantics_tui.search.ranking import Ranking
from vuemantics_tui.search.vectors import VectorIndex
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.claims import ClaimStore
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.events import EventStore
from vuemantics_tui.store.fulltext import FullText
from vuemantics_tui.store.uploads import UploadStore

log = logging.getLogger(__name__)

__all__ = [
    "Candidate",
    "ChangeFeed",
    "Compute",
    "IntakeOutcome",
    "IntakeResult",
    "Launch",
    "Library",
    "Running",
    "SearchHit",
    "warm_compute",
]

# How often one who waits for uploads looks at the feed.
FOLLOW_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class SearchHit:
    """An upload that was found, and its score in 0..1."""

    upload: Upload
    score: float


class Uploads:
    """The room of the uploads: add, read, retry, delete."""

    def __init__(self, root: Path, database: Database, intake: Intake, queue: Queue) -> None:
        self._root = root
        self._database = database
        self._store = UploadStore(database)
        self._events = EventStore(database)
        self._intake = intake
        self._queue = queue

    async def gather(self, named: Iterable[Path], *, recursive: bool) -> list[Candidate]:
        """All files that the paths stand for, checked for space. Raises UsageError and LibraryError."""
        candidates = await self._intake.gather(named, recursive=recursive)
        await self._intake.check_space(candidates)
        return candidates

    async def add(
        self, candidates: Iterable[Candidate], on_bytes: OnBytes | None = None
    ) -> AsyncIterator[IntakeResult]:
        """Add files one by one, each waiting for processing once it is told. Raises LibraryError."""
        async for result in self._intake.add(candidates, on_bytes):
            if result.is_new:
                self._queue.wake()
            yield result

    async def find(self, prefix: str) -> Upload:
        """The one upload whose ID begins so. Raises UsageError if there is none, or more than one."""
        found = await self._store.by_prefix(prefix) if prefix else []
        if not found:
            raise UsageError(f"No upload has an ID that begins with {prefix!r}", "See: vuemantics-tui list")
        if len(found) > 1:
            some = ", ".join(upload.id[:13] for upload in found[:3])
            raise UsageError(f"{len(found)} uploads have IDs that begin with {prefix!r}: {some}", "Give more of it.")
        return found[0]

    async def get(self, upload_id: str) -> Upload | None:
        """The upload of this ID, if it is still there."""
        return await self._store.get(upload_id)

    async def by_number(self, number: int) -> Upload | None:
        """The upload of this number, if it is still there."""
        found = await self._store.by_numbers([number])
        return found[0] if found else None

    async def newest(
        self,
        *,
        status: ProcessingStatus | None = None,
        file_type: FileType | None = None,
        limit: int | None = None,
    ) -> list[Upload]:
        """Uploads of a status and type, newest first."""
        return await self._store.newest(status=status, file_type=file_type, limit=limit)

    async def numbers(self) -> array[int]:
        """The numbers of all uploads, newest first."""
        return await self._store.numbers()

    async def rows(self, numbers: Sequence[int]) -> list[UploadRow]:
        """What the table shows of these uploads, in no order; those that are gone are left out."""
        return await self._store.rows(numbers)

    async def unfinished(self) -> set[int]:
        """The numbers of all uploads that wait or run."""
        return await self._store.unfinished()

    async def history(self, upload: UploadRow) -> list[UploadEvent]:
        """Everything that happened to an upload, oldest first."""
        return await self._events.of(upload.number)

    def changes(self) -> ChangeFeed:
        """A new listener to what changes, whoever changes it."""
        return ChangeFeed(self._database)

    async def ended(
        self, feed: ChangeFeed, mine: set[int], *, through_pauses: bool = False
    ) -> AsyncIterator[Upload | None]:
        """Each of these uploads as it comes to its end, whoever processes it; None for one that was deleted.

        `feed` must have skipped to a moment before they were added. `mine`, their numbers, is emptied. Raises
        LibraryError when the queue is paused and nothing runs any more, unless told to wait `through_pauses`.
        """
        while mine:
            changes = await feed.poll()
            if changes is None:
                if not through_pauses:
                    await self._queue.check_moving()
                await asyncio.sleep(FOLLOW_SECONDS)
                continue
            for number in mine.intersection(changes.deleted):
                mine.discard(number)
                yield None
            moved = await self._store.by_numbers(sorted(mine.intersection(changes.changed)))
            for upload in moved:
                if upload.status in TERMINAL:
                    mine.discard(upload.number)
                    yield upload

    async def retry(self, upload_ids: Iterable[str]) -> list[str]:
        """Put failed and completed uploads back into the queue; returns the IDs that moved."""
        moved = await self._store.requeue(upload_ids)
        self._queue.wake()
        return moved

    async def retry_failed(self) -> list[str]:
        """Put every failed upload back into the queue; returns their IDs."""
        return await self.retry(await self._store.ids_with_status(ProcessingStatus.FAILED))

    async def delete(self, upload_ids: Iterable[str]) -> int:
        """Delete uploads with their files, running or not; returns how many there were."""
        deleted = await self._store.delete(upload_ids)
        for upload in deleted:
            self._queue.cancel(upload.id)
            folder = self._root / paths.upload_folder(upload.user_id, upload.id)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return len(deleted)

    def absolute(self, relative: str | None) -> Path | None:
        """Where a file of the library is on this machine."""
        return self._root / relative if relative else None


class Queue:
    """The room of the queue: start, stop, pause, count."""

    def __init__(self, store: UploadStore, frames: Frames, make_scheduler: Callable[[Launch], Scheduler]) -> None:
        self._store = store
        self._frames = frames
        self._make_scheduler = make_scheduler
        self._scheduler: Scheduler | None = None

    def start(self, launch: Launch = launch_task) -> None:
        """Begin to process what waits, each upload launched by `launch`."""
        if self._scheduler is None:
            self._scheduler = self._make_scheduler(launch)
            self._scheduler.start()

    async def stop(self) -> None:
        """Stop processing; what ran is waiting again when this returns."""
        if self._scheduler is not None:
            await self._scheduler.stop()
            self._scheduler = None

    def wake(self) -> None:
        """Look for work now."""
        if self._scheduler is not None:
            self._scheduler.wake()

    def cancel(self, upload_id: str) -> None:
        """Stop working on an upload that is gone from the store."""
        if self._scheduler is not None:
            self._scheduler.cancel(upload_id)

    async def set_paused(self, paused: bool) -> None:
        """Pause or resume the queue for all who share the library; what runs is finished."""
        await self._store.set_paused(paused)
        self.wake()

    async def check_moving(self) -> None:
        """Raise LibraryError if the queue is paused and what waits will therefore not be processed."""
        counts = await self.counts()
        if counts.paused and counts.waiting and not counts.running:
            raise LibraryError(
                f"The queue of this library is paused, with {counted(counts.waiting, 'upload')} to process",
                "Open the app with vuemantics-tui and press p to resume.",
            )

    async def counts(self) -> QueueCounts:
        """How many uploads are in each state."""
        return await self._store.counts()

    @property
    def running_here(self) -> int:
        """How many uploads this very process is working on."""
        return self._scheduler.running_here if self._scheduler else 0

    def frame(self, upload_id: str) -> tuple[int, int] | None:
        """Which frame of how many of a video this process is looking at."""
        return self._frames.get(upload_id)


class Search:
    """The room of the search."""

    def __init__(self, store: UploadStore, ranking: Ranking) -> None:
        self._store = store
        self._ranking = ranking

    async def run(self, text: str, limit: int = 20) -> list[SearchHit]:
        """The uploads that a line of text finds, best first. Raises AnalyzerError."""
        hits = await self._ranking.search(text, limit)
        scores = {hit.number: hit.score for hit in hits}
        uploads = await self._store.by_numbers([hit.number for hit in hits])
        return [SearchHit(upload, scores[upload.number]) for upload in uploads]


class Library:
    """An open library. Everything that a screen or a command does goes through one of its three rooms."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        compute: Compute,
        analyzer: Analyzer,
    ) -> None:
        self.root = settings.library
        self.analyzer = analyzer
        self._database = database
        self._compute = compute
        store = UploadStore(database)
        owner = this_process()
        claims = ClaimStore(database, owner.encode())
        frames: Frames = {}
        pipeline = Pipeline(
            library=self.root,
            claims=claims,
            analyzer=analyzer,
            compute=compute,
            video_frames=settings.video_frames,
            max_pixels=settings.limits.max_pixels,
            frames=frames,
        )
        self.queue = Queue(
            store,
            frames,
            lambda launch: Scheduler(
                claims=claims, pipeline=pipeline, owner=owner, launch=launch, concurrency=settings.workers
            ),
        )
        intake = Intake(self.root, store, settings.limits, settings.keep_free_mib * MIB)
        self.uploads = Uploads(self.root, database, intake, self.queue)
        vectors = VectorIndex(EmbeddingStore(database), ChangeFeed(database), analyzer.embedding_model)
        self.search = Search(store, Ranking(FullText(database), vectors, analyzer))
        self.process_upload_background = pipeline.process_upload_background
        self._store = store

    @classmethod
    async def open(
        cls, settings: Settings, *, compute: Compute | None = None, analyzer: Analyzer | None = None
    ) -> Self:
        """Open the library that the settings name, making it where there is none. Raises LibraryError."""
        root = settings.library
        await asyncio.to_thread(_make_folder, root)
        database = await Database.open(paths.database_file(root))
        try:
            compute = compute or ProcessCompute(settings.workers)
            return cls(settings, database, compute, analyzer or BuiltinAnalyzer(compute, paths.cache_dir()))
        except BaseException:
            await database.close()
            raise

    async def close(self) -> None:
        """Stop processing and let go of everything, each thing whatever becomes of the others. Raises LibraryError."""
        # A connection that stays open keeps its thread, and so the end of the process, waiting for ever.
        try:
            await self.queue.stop()
        finally:
            try:
                await self._compute.close()
            finally:
                await self._database.close()

    async def sweep(self) -> int:
        """Remove what a crash left behind on disk; returns how many folders."""
        ids, user_id = await self._store.existing_ids(), await self._store.owner_id()
        return await asyncio.to_thread(sweep_orphans, self.root, user_id, ids)


def warm_compute(settings: Settings) -> Compute:
    """The pool of processes, begun: for an app that opens its library from inside a screen."""
    return ProcessCompute(settings.workers).warm()


def _make_folder(root: Path) -> None:
    try:
        root.mkdir(parents=True, mode=0o700, exist_ok=True)
    except OSError as error:
        raise LibraryError(
            f"The library's folder cannot be made: {root} ({error.strerror})",
            "Name another folder with --library or VUEMANTICS_LIBRARY.",
        ) from error
