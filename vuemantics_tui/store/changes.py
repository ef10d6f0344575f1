"""The feed: which uploads changed since a revision, by any process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass

from vuemantics_tui.store.database import Database

# How soon the commits of other processes are noticed. A look costs microseconds, while asking SQLite takes some 0.3 ms
# of processor time, so it is asked when its log was touched, and else now and then. To wake up alone costs 0.1 ms.
LOOK_SECONDS = 0.25
ASK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Changes:
    """What moved up to `revision`: the numbers of uploads that are new or changed, and of those that are gone.

    Gone is what was deleted or went to the trash; what was restored has changed. Both are empty when something else
    changed: the queue was paused, a tag or a saved search is new. With `is_reset` the listener was so far behind that
    `deleted` is incomplete: whatever it knows of the library must be read again.
    """

    revision: int
    changed: tuple[int, ...]
    deleted: tuple[int, ...]
    is_reset: bool = False


class Stir:
    """Tells for next to nothing whether anything may have been committed since it was last asked, by any process.

    Its answer is yes once every ASK_SECONDS whatever happens, as the times of files are coarse.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._log = f"{database.path}-wal"
        self._committed = database.next_commit
        self._touched: tuple[int, int] | None = None
        self._asked_at = float("-inf")

    def happened(self) -> bool:
        """Tell whether to ask the database."""
        now, touched = time.monotonic(), self._when_touched()
        if not self._committed.is_set() and touched == self._touched and now - self._asked_at < ASK_SECONDS:
            return False
        self._committed, self._touched, self._asked_at = self._database.next_commit, touched, now
        return True

    async def rest(self, seconds: float) -> None:
        """Wait for so many seconds, or for a commit of this process."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._committed.wait()

    def _when_touched(self) -> tuple[int, int] | None:
        """Return when SQLite's log was last written, and its size. On the loop: a thread would cost far more."""
        try:
            status = os.stat(self._log)  # noqa: PTH116 - a path object for each look is slower than the look
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


class ChangeFeed:
    """One listener's place in the feed: `wait` for what changes next, or `poll` for what changed until now.

        feed = ChangeFeed(database)
        await feed.skip_to_now()
        while True:
            changes = await feed.wait()

    To wait costs next to nothing. A commit of this process is noticed at once, one of another within LOOK_SECONDS.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stir = Stir(database)
        self._data_version: int | None = None
        self._revision = 0

    async def skip_to_now(self) -> int:
        """Forget earlier changes; returns the current revision."""
        self._data_version = await self._database.data_version()
        self._revision, _ = await self._now()
        return self._revision

    async def wait(self, at_most: float | None = None) -> Changes | None:
        """Return what changed since the last call as soon as anything has; None when nothing did in so many seconds."""
        until = None if at_most is None else time.monotonic() + at_most
        while True:
            if self._stir.happened() and (changes := await self.poll()) is not None:
                return changes
            left = LOOK_SECONDS if until is None else min(LOOK_SECONDS, until - time.monotonic())
            if left <= 0:
                return None
            await self._stir.rest(left)

    async def poll(self) -> Changes | None:
        """Return what changed since the last call, or None."""
        data_version = await self._database.data_version()
        if data_version == self._data_version:
            return None
        self._data_version = data_version
        since = self._revision
        # Read the goal first: what is committed between the queries is then told twice, never left out.
        goal, forgotten = await self._now()
        if goal == since:
            return None
        moved = await self._database.fetch(
            "SELECT number, deleted_at IS NULL FROM uploads WHERE revision > :since", {"since": since}
        )
        buried = await self._database.fetch("SELECT upload FROM tombstones WHERE revision > :since", {"since": since})
        self._revision = goal
        changed = tuple(number for number, is_here in moved if is_here)
        trashed = (number for number, is_here in moved if not is_here)
        return Changes(goal, changed, (*(row[0] for row in buried), *trashed), is_reset=0 < since < forgotten)

    async def _now(self) -> tuple[int, int]:
        """Return the current revision, and the one up to which deletions are forgotten."""
        row = await self._database.fetch_one("SELECT revision, forgotten FROM library")
        assert row is not None
        return int(row[0]), int(row[1])
