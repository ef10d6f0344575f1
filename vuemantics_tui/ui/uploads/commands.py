"""What is done to uploads: each a request to the library, and the words that say what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from vuemantics_tui.domain.text import counted
from vuemantics_tui.domain.upload import RUNNING, TERMINAL, ProcessingStatus, UploadRow
from vuemantics_tui.library import Library


def named(rows: Sequence[UploadRow]) -> str:
    """One upload by its name, several by their number."""
    return rows[0].filename if len(rows) == 1 else counted(len(rows), "upload")


class Acting:
    """Acts on uploads and says so. Each method raises VuemanticsError, and returns the words for a notice."""

    def __init__(self, library: Library, *, trash_key: str = "") -> None:
        self._library = library
        self._trash_key = trash_key

    async def edited(self, rows: Sequence[UploadRow]) -> list[UploadRow]:
        """Those that to describe anew would take a description from that a person wrote."""
        completed = [row.id for row in rows if row.status is ProcessingStatus.COMPLETED]
        ids = set(await self._library.descriptions.edited(completed))
        return [row for row in rows if row.id in ids]

    async def retry(self, rows: Sequence[UploadRow], *, overwrite_edited: bool = False) -> str:
        """Put failed and completed ones back into the queue; those edited by hand only if they are overwritten."""
        moved = set(await self._library.queue.retry([row.id for row in rows], overwrite_edited=overwrite_edited))
        again = [row for row in rows if row.id in moved]
        if not again:
            return _why_not(rows)
        if all(row.status is ProcessingStatus.COMPLETED for row in again):
            return f"{named(again)} will be described anew."
        return f"{named(again)} will be tried again."

    async def cancel(self, rows: Sequence[UploadRow]) -> str:
        """Cancel what waits or runs."""
        moved = set(await self._library.queue.cancel([row.id for row in rows]))
        cancelled = [row for row in rows if row.id in moved]
        if not cancelled:
            return "Only what waits or runs can be cancelled."
        return f"{named(cancelled)} cancelled; r tries again."

    async def run_next(self, rows: Sequence[UploadRow]) -> str:
        """Bring what waits to the front."""
        count = await self._library.queue.run_next([row.id for row in rows])
        if not count:
            return "Only what waits can be brought to the front."
        return f"{named(rows) if count == len(rows) else counted(count, 'upload')}: this next."

    async def hide(self, rows: Sequence[UploadRow]) -> str:
        """Hide these, or, where all are hidden, show them again."""
        hide = not all(row.hidden for row in rows)
        await self._library.uploads.set_hidden([row.id for row in rows], hide)
        if hide:
            return f"{named(rows)} hidden from lists and search. f, then h shows hidden ones."
        return f"{named(rows)} shown again."

    async def delete(self, rows: Sequence[UploadRow]) -> str:
        """Move these to the trash."""
        count = await self._library.trash.put([row.id for row in rows])
        words = named(rows) if count == len(rows) else counted(count, "upload")
        shown = f"; {self._trash_key} shows it" if self._trash_key else ""
        return f"{words} moved to the trash{shown}."


def _why_not(rows: Sequence[UploadRow]) -> str:
    if all(row.status is ProcessingStatus.PENDING for row in rows):
        return f"{named(rows)} is waiting already." if len(rows) == 1 else "They are all waiting already."
    if len(rows) == 1 and rows[0].status in RUNNING:
        return f"{named(rows)} is being worked on already."
    if any(row.status in TERMINAL for row in rows):
        return f"{named(rows)} has changed meanwhile."
    return "They are all waiting or being worked on already."
