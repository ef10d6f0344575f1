"""The library as a whole: its kept choice of an analyzer, and when it was last in use."""

from __future__ import annotations

import time
from dataclasses import dataclass

from vuemantics_tui.store.database import Database, rows_of

# A library that is not in use for so long still sees the time passing. Beyond that, the clock may have been set.
MOST_DAYS_AT_ONCE = 7
DAY_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class Elapsed:
    """What the clock says since the library was last in use: how many seconds passed, and how many of them nobody saw.

    `unseen_before` and `unseen` are the sums of the unseen ones, until then and until now.
    """

    passed: float
    unseen_before: float
    unseen: float


class LibraryStore:
    """Reads and writes the one row of the library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_read_only(self) -> bool:
        """Tell whether nothing can be kept."""
        return self._database.is_read_only

    async def kept(self) -> tuple[str, str] | None:
        """Return the names of the kept describer and embedder; None until they are kept."""
        row = await self._database.fetch_one("SELECT analyzer, embedder FROM library")
        return None if row is None or row[0] is None else (str(row[0]), str(row[1]))

    async def keep(self, analyzer: str, embedder: str) -> None:
        """Keep these, replacing what was kept."""
        async with self._database.transaction() as connection:
            await connection.execute("UPDATE library SET analyzer = ?, embedder = ?", (analyzer, embedder))

    async def keep_first(self, analyzer: str, embedder: str) -> tuple[str, str]:
        """Keep these unless another process was first; returns what is kept."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE library SET analyzer = ?, embedder = ? WHERE analyzer IS NULL", (analyzer, embedder)
            )
        return await self.kept() or (analyzer, embedder)

    async def see(self, now: float | None = None, at_most: float = MOST_DAYS_AT_ONCE * DAY_SECONDS) -> Elapsed:
        """Note that the library is in use at this moment, in seconds since the epoch.

        Of what passed since the last time `at_most` so many seconds count as seen, and none where the clock went back.
        """
        now = time.time() if now is None else now
        async with self._database.transaction() as connection:
            (row,) = await rows_of(connection, "SELECT seen_at, unseen_seconds FROM library")
            passed = 0.0 if row["seen_at"] is None else now - row["seen_at"]
            unseen = row["unseen_seconds"] + passed - min(max(passed, 0.0), at_most)
            await connection.execute(
                "UPDATE library SET seen_at = :now, unseen_seconds = :unseen", {"now": now, "unseen": unseen}
            )
        return Elapsed(passed, row["unseen_seconds"], unseen)


def most_at_once(kept_days: int) -> float:
    """Return how many seconds may pass unseen and still count, so that no jump empties a trash of so many days."""
    return DAY_SECONDS * min(MOST_DAYS_AT_ONCE, kept_days / 4 if kept_days else MOST_DAYS_AT_ONCE)
