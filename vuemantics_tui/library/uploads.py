"""The room of the uploads."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.upload import (
    TERMINAL,
    FailureGroup,
    ProcessingStatus,
    Upload,
    UploadEvent,
    UploadRow,
)
from vuemantics_tui.domain.view import View
from vuemantics_tui.library.queue import Queue
from vuemantics_tui.library.trash import Trash, remove_files
from vuemantics_tui.processing.intake import Candidate, Intake, IntakeResult, OnBytes
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.descriptions import DescriptionStore
from vuemantics_tui.store.history import HistoryStore
from vuemantics_tui.store.queue import QueueStore
from vuemantics_tui.store.uploads import UploadStore

# How often one who waits for uploads looks at the feed.
FOLLOW_SECONDS = 0.1
# A default of one value, since views never change.
NEWEST_FIRST = View()


class Uploads:
    """The room of the uploads: add, read, retry, delete."""

    def __init__(self, root: Path, database: Database, intake: Intake, queue: Queue, trash: Trash) -> None:
        self._root = root
        self._database = database
        self._store = UploadStore(database)
        self._queued = QueueStore(database)
        self._descriptions = DescriptionStore(database)
        self._events = HistoryStore(database)
        self._intake = intake
        self._queue = queue
        self._trash = trash

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

    async def by_numbers(self, numbers: Sequence[int]) -> list[Upload]:
        """The uploads of these numbers that are there, in this order."""
        return await self._store.by_numbers(numbers)

    async def newest(
        self,
        *,
        status: ProcessingStatus | None = None,
        file_type: FileType | None = None,
        limit: int | None = None,
        show_hidden: bool = False,
    ) -> list[Upload]:
        """Uploads of a status and type, newest first, without the hidden ones unless they are asked for."""
        return await self._store.newest(status=status, file_type=file_type, limit=limit, show_hidden=show_hidden)

    async def numbers(self, view: View = NEWEST_FIRST) -> array[int]:
        """The numbers of the uploads that a view shows, in its order."""
        return await self._store.in_view(view)

    async def running(self) -> array[int]:
        """The numbers of the uploads that run, whoever runs them, newest first."""
        return await self._store.running()

    async def rows(self, numbers: Sequence[int]) -> list[UploadRow]:
        """What the table shows of these uploads, in no order; those that are gone are left out."""
        return await self._store.rows(numbers)

    async def unfinished(self) -> set[int]:
        """The numbers of all uploads that wait or run."""
        return await self._queued.unfinished()

    async def history(self, upload: UploadRow) -> list[UploadEvent]:
        """Everything that happened to an upload, oldest first."""
        return await self._events.of(upload.number)

    def changes(self) -> ChangeFeed:
        """A new listener to what changes, whoever changes it."""
        return ChangeFeed(self._database)

    async def ended(
        self,
        feed: ChangeFeed,
        mine: set[int],
        *,
        through_pauses: bool = False,
        patience: float | None = None,
    ) -> AsyncIterator[Upload | None]:
        """Each of these uploads as it comes to its end, whoever processes it; None for one that was deleted.

        `feed` must have skipped to a moment before they were added. `mine`, their numbers, is emptied. Raises
        LibraryError when the queue is paused and nothing runs any more, unless told to wait `through_pauses`, and when
        a server has been away for `patience` seconds (None: waits for ever).
        """
        while mine:
            self._queue.check_patience(patience)
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

    async def retry(self, upload_ids: Iterable[str], overwrite_edited: bool = False) -> list[str]:
        """Put failed and completed uploads back into the queue; returns the IDs that moved.

        Completed ones whose description a person wrote are passed over, unless told to `overwrite_edited`.
        """
        moved = await self._queued.requeue(upload_ids, overwrite_edited=overwrite_edited)
        self._queue.wake()
        return moved

    async def edited(self, upload_ids: Iterable[str]) -> list[str]:
        """Those of these uploads whose current description a person wrote."""
        return await self._descriptions.edited(list(upload_ids))

    async def retry_failed(self) -> list[str]:
        """Put every failed upload back into the queue; returns their IDs."""
        return await self.retry(await self._store.ids_with_status(ProcessingStatus.FAILED))

    async def failure_groups(self) -> list[FailureGroup]:
        """What failed, by its message, the largest group first; what was cancelled is left out."""
        return await self._queued.failure_groups()

    async def retry_group(self, message: str) -> list[str]:
        """Put every upload that failed with this message back into the queue; returns their IDs."""
        return await self.retry(await self._queued.failed_with(message))

    async def cancel(self, upload_ids: Iterable[str]) -> list[str]:
        """End what waits or runs as failed, kind cancelled, whoever runs it; returns the IDs that were ended.

        A run in this process stops at once, one in another process at its next write.
        """
        ended = await self._queued.cancel(list(upload_ids))
        for run in ended:
            if run.token is not None:
                self._queue.cancel_run(run.token)
        return [run.upload_id for run in ended]

    async def run_next(self, upload_ids: Iterable[str]) -> int:
        """Put these before all others that wait, the oldest of them first; returns how many of them wait."""
        moved = await self._queued.run_next(list(upload_ids))
        self._queue.wake()
        return moved

    async def set_hidden(self, upload_ids: Iterable[str], hidden: bool) -> int:
        """Keep uploads out of lists and search, or show them again; returns how many changed."""
        return await self._store.set_hidden(list(upload_ids), hidden)

    async def delete(self, upload_ids: Iterable[str], *, forever: bool = False) -> int:
        """Move uploads to the trash, running or not; returns how many there were.

        With `forever` they are deleted at once with their files, those in the trash too: there is no way back.
        """
        if not forever:
            return await self._trash.put(upload_ids)
        deleted = await self._store.delete(upload_ids)
        for upload in deleted:
            self._queue.cancel(upload.id)
        await remove_files(self._root, deleted)
        return len(deleted)

    def absolute(self, relative: str | None) -> Path | None:
        """Return where a file of the library is on this machine; None for none, and for one outside of the library."""
        if not relative or not (self._root / relative).is_relative_to(self._root) or ".." in Path(relative).parts:
            return None
        return self._root / relative
