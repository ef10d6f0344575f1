"""The trash: deleting, restoring, expiring."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.domain.text import counted
from vuemantics_tui.files import inside
from vuemantics_tui.store.identity import DAY_SECONDS, most_at_once

if TYPE_CHECKING:
    from vuemantics_tui.library.queue import Queue
    from vuemantics_tui.store.identity import LibraryStore
    from vuemantics_tui.store.trash import TrashStore
    from vuemantics_tui.store.uploads import DeletedUpload, UploadStore

log = logging.getLogger(__name__)


class Trash:
    """Moves uploads to the trash and back, and deletes them after `days` there, or with 0 only on request.

    `store` reads the trash; `postponed` says which deletions the last `expire` postponed, and why.
    """

    def __init__(
        self, root: Path, store: TrashStore, uploads: UploadStore, identity: LibraryStore, queue: Queue, days: int
    ) -> None:
        self.store = store
        self.postponed = ""
        self._identity = identity
        self.days = days
        self._root = root
        self._uploads = uploads
        self._queue = queue

    async def put(self, upload_ids: Iterable[str]) -> int:
        """Move uploads to the trash, running or not; return how many there were."""
        trashed = await self.store.trash(list(upload_ids))
        for run in trashed:
            if run.token is not None:
                self._queue.drop_run(run.token)
        return len(trashed)

    async def restore(self, upload_ids: Iterable[str]) -> int:
        """Restore uploads; those that were not finished go back to the queue. Return how many were restored."""
        restored = await self.store.restore(list(upload_ids))
        self._queue.wake()
        return len(restored)

    async def empty(self, older_than_days: float | None = None) -> int:
        """Delete the trash for good, all of it or only what is older than so many days; return how many."""
        before = None
        if older_than_days is not None:
            before = (datetime.now(UTC) - timedelta(days=older_than_days)).isoformat(timespec="microseconds")
        return await self._purge(before)

    async def delete(self, upload_ids: Sequence[str]) -> int:
        """Delete these for good, as far as they are still in the trash; return how many."""
        return await self._purge(None, upload_ids)

    async def erase(self, upload_ids: Iterable[str]) -> int:
        """Delete uploads for good, whether they are in the trash or not; return how many there were."""
        deleted = await self._uploads.delete(upload_ids)
        for upload in deleted:
            self._queue.drop(upload.id)
        await remove_files(self._root, deleted)
        return len(deleted)

    async def _purge(self, before: str | None, upload_ids: Sequence[str] | None = None) -> int:
        count = 0
        while deleted := await self.store.purge(before, upload_ids):
            await remove_files(self._root, deleted)
            count += len(deleted)
        return count

    async def expire(self, now: float | None = None) -> int:
        """Delete uploads that were in the trash for longer than `days`; return how many. To be called at the start.

        Only time that was seen passing counts: a clock that jumps ahead deletes nothing, and `postponed` says so.
        """
        now = time.time() if now is None else now
        before = now - self.days * DAY_SECONDS
        seen = await self._identity.see(now, most_at_once(self.days))
        self.postponed = ""
        if not self.days:
            return 0
        expired = await self.store.expired(before, seen.unseen)
        if seen.unseen > seen.unseen_before:
            by_the_clock = await self.store.expired(before, seen.unseen_before)
            if waits := len(set(by_the_clock) - set(expired)):
                days = counted(round(seen.passed / DAY_SECONDS), "day")
                self.postponed = (
                    f"According to the clock, this library was last used {days} ago. In case the clock is wrong, "
                    f"{counted(waits, 'upload')} in the trash will be deleted later."
                )
                log.warning("%s", self.postponed)
        return await self._purge(None, expired) if expired else 0


async def remove_files(root: Path, deleted: Sequence[DeletedUpload]) -> None:
    """Remove the folders of uploads whose rows are gone. What a crash leaves of them is swept at another start."""
    for upload in deleted:
        await asyncio.to_thread(_remove_folder, root, upload)


def _remove_folder(root: Path, upload: DeletedUpload) -> None:
    try:
        folder = inside(root, paths.upload_folder(upload.user_id, upload.id))
    except LibraryError as error:
        log.error("the files of upload %r are left alone: %s", upload.id, error)
        return
    shutil.rmtree(folder, ignore_errors=True)
