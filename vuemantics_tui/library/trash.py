"""The room of the trash."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.files import inside
from vuemantics_tui.library.queue import Queue
from vuemantics_tui.store.trash import TrashedUpload, TrashStore
from vuemantics_tui.store.uploads import DeletedUpload

log = logging.getLogger(__name__)


class Trash:
    """The room of the trash: what was deleted can be brought back, for so many days, or with 0 until it is emptied."""

    def __init__(self, root: Path, store: TrashStore, queue: Queue, days: int) -> None:
        self._root = root
        self._store = store
        self._queue = queue
        self.days = days

    async def list(self, limit: int | None = None) -> list[TrashedUpload]:
        """What is in the trash, the latest first."""
        return await self._store.contents(limit)

    async def count(self) -> tuple[int, int]:
        """How many uploads are in the trash, and the bytes of their originals."""
        return await self._store.count()

    async def put(self, upload_ids: Iterable[str]) -> int:
        """Move uploads to the trash, running or not; returns how many there were."""
        trashed = await self._store.trash(list(upload_ids))
        for run in trashed:
            if run.token is not None:
                self._queue.cancel_run(run.token)
        return len(trashed)

    async def restore(self, upload_ids: Iterable[str]) -> int:
        """Bring uploads back as they were; what was not done goes on. Returns how many came back."""
        restored = await self._store.restore(list(upload_ids))
        self._queue.wake()
        return len(restored)

    async def empty(self, older_than_days: float | None = None) -> int:
        """Delete what is in the trash with its files, all of it or what is there for so many days; returns how many.

        There is no way back from this.
        """
        before = None
        if older_than_days is not None:
            before = (datetime.now(UTC) - timedelta(days=older_than_days)).isoformat(timespec="microseconds")
        return await self._purge(before)

    async def delete(self, upload_ids: Sequence[str]) -> int:
        """Delete these for ever with their files, as far as they are in the trash; returns how many.

        What was brought back meanwhile stays.
        """
        return await self._purge(None, upload_ids)

    async def _purge(self, before: str | None, upload_ids: Sequence[str] | None = None) -> int:
        count = 0
        while deleted := await self._store.purge(before, upload_ids):
            await remove_files(self._root, deleted)
            count += len(deleted)
        return count

    async def expire(self) -> int:
        """Delete what has been in the trash for longer than it is kept; returns how many. To be called at the start.

        Kept for 0 days is kept for ever.
        """
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
