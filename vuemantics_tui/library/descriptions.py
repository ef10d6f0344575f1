"""The room of the descriptions."""

from __future__ import annotations

from collections.abc import Sequence

from vuemantics_tui.domain.upload import UploadRow
from vuemantics_tui.library.queue import Queue
from vuemantics_tui.store.descriptions import DescriptionStore, StoredDescription


class Descriptions:
    """The room of the descriptions: all that an upload ever had, which one is current, and a person's own."""

    def __init__(self, store: DescriptionStore, queue: Queue) -> None:
        self._store = store
        self._queue = queue

    async def of(self, upload: UploadRow) -> list[StoredDescription]:
        """Every description of an upload, newest first."""
        return await self._store.of(upload.number)

    async def choose(self, upload_id: str, description_number: int) -> bool:
        """Make a description current once it is embedded; the one before stays findable until then.

        False where it is current already. Raises UsageError for one that is not there, and while the upload is being
        processed.
        """
        moved = await self._store.choose(upload_id, description_number)
        self._queue.wake()
        return moved

    async def edit(self, upload_id: str, text: str, tags: Sequence[str] | None = None) -> bool:
        """Describe an upload in a person's own words, current once they are embedded; None keeps the tags.

        False where nothing changes. Raises UsageError for an empty text, and while the upload is being processed.
        """
        moved = await self._store.edit(upload_id, text, tags)
        self._queue.wake()
        return moved
