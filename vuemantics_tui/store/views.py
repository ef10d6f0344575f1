"""The numbers of the uploads that a view shows, in its order."""

from __future__ import annotations

from array import array

from vuemantics_tui.domain.view import SortKey, StatusFilter, View
from vuemantics_tui.store.database import Database

# For each key: the index that has its order, and what it orders by.
_ORDERS: dict[SortKey, tuple[str, str]] = {
    SortKey.ADDED: ("uploads_view_added", "number"),
    SortKey.NAME: ("uploads_view_name", "filename COLLATE NOCASE"),
    SortKey.SIZE: ("uploads_view_size", "file_size"),
    SortKey.TAKEN: ("uploads_view_taken", "taken_at"),
    SortKey.STATUS: (
        "uploads_by_status",
        "CASE processing_status WHEN 'completed' THEN 3 WHEN 'failed' THEN 2 WHEN 'pending' THEN 1 ELSE 0 END",
    ),
    SortKey.QUALITY: ("uploads_view_quality", "quality"),
}
# Each reads one small index to its end instead of a row of the table for every number: completed ones are told by
# what they are not, as they are nearly all.
_STATUSES: dict[StatusFilter, str] = {
    StatusFilter.WAITING: "IN (SELECT number FROM uploads WHERE processing_status = 'pending')",
    StatusFilter.RUNNING: "IN (SELECT number FROM uploads WHERE processing_status IN ('analyzing', 'embedding'))",
    StatusFilter.COMPLETED: (
        "NOT IN (SELECT number FROM uploads WHERE processing_status IN ('pending', 'analyzing', 'embedding', 'failed'))"
    ),
    StatusFilter.FAILED: "IN (SELECT number FROM uploads WHERE processing_status = 'failed')",
    StatusFilter.WARNING: (
        "IN (SELECT number FROM uploads INDEXED BY uploads_with_warning"
        " WHERE processing_status = 'completed' AND warning IS NOT NULL)"
    ),
}


class ViewStore:
    """Lists uploads by their numbers alone: 100,000 of them within the blink that a key press may take."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def running(self) -> array[int]:
        """The numbers of the uploads that run, hidden or not, newest first. Costs as much as there are of them."""
        return await self._database.fetch_integers(
            """
            SELECT number FROM uploads INDEXED BY uploads_by_status
            WHERE processing_status IN ('analyzing', 'embedding') ORDER BY number DESC
            """,
            (),
        )

    async def numbers(self, view: View) -> array[int]:
        """The numbers of the uploads that the view shows, in its order; what has no date or quality comes last.

        Names are compared without regard to case, as far as their letters are ASCII.
        """
        index, key = _ORDERS[view.sort]
        conditions = ["deleted_at IS NULL"]
        parameters = []
        if not view.show_hidden:
            conditions.append("hidden = 0")
        if view.file_type is not None:
            conditions.append("file_type = ?")
            parameters.append(view.file_type.value)
        if view.status is not None:
            # The plus keeps SQLite from looking up every number of the set by itself, and sorting them.
            conditions.append(f"+number {_STATUSES[view.status]}")
        direction = "DESC" if view.descending else "ASC"
        last = "" if view.sort is SortKey.ADDED else ", number DESC"
        return await self._database.fetch_integers(
            f"""
            SELECT number FROM uploads INDEXED BY {index} WHERE {" AND ".join(conditions)}
            ORDER BY {key} {direction} NULLS LAST{last}
            """,
            parameters,
        )
