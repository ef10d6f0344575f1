"""The descriptions of uploads: choosing the current one, and a person's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vuemantics_tui.store.descriptions import DescriptionStore

if TYPE_CHECKING:
    from vuemantics_tui.library.queue import Queue
    from vuemantics_tui.store.database import Database


class Descriptions:
    """Changes which description is current, and has the new one embedded. `store` reads them."""

    def __init__(self, database: Database, queue: Queue) -> None:
        self.store = DescriptionStore(database)
        self._queue = queue

    async def choose(self, upload_id: str, description_number: int) -> bool:
        """Make a description current once it is embedded; the one before stays findable until then.

        False where it is current already. Raises UsageError for one that is not there, and while the upload is being
        processed.
        """
        moved = await self.store.choose(upload_id, description_number)
        self._queue.wake()
        return moved

    async def edit(self, upload_id: str, text: str, tags: Sequence[str] | None = None) -> bool:
        """Describe an upload in a person's own words, current once they are embedded; None keeps the tags.

        False where nothing changes. Raises UsageError for an empty text, and while the upload is being processed.
        """
        moved = await self.store.edit(upload_id, text, tags)
        self._queue.wake()
        return moved
