"""The trash: deleting, restoring, and the end of what nobody restores."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.files import inside

if TYPE_CHECKING:
    from vuemantics_tui.library.queue import Queue
    from vuemantics_tui.store.trash import TrashStore
    from vuemantics_tui.store.uploads import DeletedUpload, UploadStore

log = logging.getLogger(__name__)


class Trash:
    """Moves uploads to the trash and back, and deletes what is in it after so many days, or with 0 only when told to.

    `store` reads what is in it.
    """

    def __init__(self, root: Path, store: TrashStore, uploads: UploadStore, queue: Queue, days: int) -> None:
        self.store = store
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
        """Delete what is in the trash for good, all of it or what is older than so many days; return how many."""
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

    async def expire(self) -> int:
        """Delete what is in the trash for longer than it is kept; return how many. To be called at the start."""
        return await self.empty(self.days) if self.days else 0


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
