"""The feed: which uploads changed since a revision, whoever changed them."""

from __future__ import annotations

from dataclasses import dataclass

from vuemantics_tui.store.database import Database


@dataclass(frozen=True, slots=True)
class Changes:
    """What moved up to `revision`: the numbers of uploads that are new or changed, and of those that are gone.

    Gone is what was deleted or went to the trash; what was brought back from there has changed.
    """

    revision: int
    changed: tuple[int, ...]
    deleted: tuple[int, ...]


class ChangeFeed:
    """One listener's place in the feed. Each screen that follows the store has its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._data_version: int | None = None
        self._revision = 0

    @property
    def version(self) -> int | None:
        """A number that moves at a `poll` when anything was written since the last, though no upload may have moved."""
        return self._data_version

    async def skip_to_now(self) -> int:
        """Forget what was before this moment; returns the revision of this moment."""
        self._data_version = await self._database.data_version()
        self._revision = await self._current()
        return self._revision

    async def poll(self) -> Changes | None:
        """What changed since the last call, or None. Costs microseconds where nothing did."""
        data_version = await self._database.data_version()
        if data_version == self._data_version:
            return None
        self._data_version = data_version
        since = self._revision
        # Read the goal first: what is committed between the queries is then told twice, never left out.
        goal = await self._current()
        if goal == since:
            return None
        moved = await self._database.fetch(
            "SELECT number, deleted_at IS NULL FROM uploads WHERE revision > ?", (since,)
        )
        deleted = await self._database.fetch("SELECT upload FROM tombstones WHERE revision > ?", (since,))
        self._revision = goal
        changed = tuple(number for number, is_here in moved if is_here)
        trashed = (number for number, is_here in moved if not is_here)
        return Changes(goal, changed, (*(row[0] for row in deleted), *trashed))

    async def _current(self) -> int:
        row = await self._database.fetch_one("SELECT revision FROM library")
        assert row is not None
        return int(row[0])
