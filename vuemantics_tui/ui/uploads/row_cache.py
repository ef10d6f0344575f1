"""The rows that were loaded: some screens' worth, so that a huge library costs no memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from vuemantics_tui.domain.upload import UploadRow

LoadRows = Callable[[Sequence[int]], Awaitable[list[UploadRow]]]

# Scrolling back and forth over so many rows costs no reading.
MOST_KEPT_ROWS = 1000


class RowCache:
    """Rows by number, and which of them the store has moved on from."""

    def __init__(self, load: LoadRows) -> None:
        self._load = load
        self._rows: dict[int, UploadRow] = {}
        self._stale: set[int] = set()

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, number: int) -> UploadRow | None:
        """The row, as far as it was loaded."""
        return self._rows.get(number)

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()
        self._stale.clear()

    def outdate(self, numbers: Iterable[int]) -> None:
        """These have changed in the store. Those not loaded are read afresh anyway."""
        self._stale.update(number for number in numbers if number in self._rows)

    def put(self, rows: Iterable[UploadRow]) -> None:
        """Take these, which were read just now."""
        for row in rows:
            self._rows[row.number] = row
            self._stale.discard(row.number)

    def wanting(self, numbers: Iterable[int]) -> list[int]:
        """Which of these must be read."""
        return [number for number in numbers if number not in self._rows or number in self._stale]

    async def read(self, numbers: Sequence[int]) -> tuple[list[int], bool]:
        """Read these; returns the numbers of those that look different now, and whether all are still there."""
        # Before the reading: what changes while it lasts is outdated anew.
        self._stale.difference_update(numbers)
        found = await self._load(numbers)
        different = [row.number for row in found if self._rows.get(row.number) != row]
        self._rows.update((row.number, row) for row in found)
        return different, len(found) == len(numbers)

    def keep_near(self, numbers: Callable[[], Iterable[int]]) -> None:
        """Forget all but these, once there are too many."""
        if len(self._rows) > MOST_KEPT_ROWS:
            near = set(numbers())
            self._rows = {number: row for number, row in self._rows.items() if number in near}
            self._stale &= near
