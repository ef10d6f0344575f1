"""Days: the day of each upload, and a list in order of dates as groups by day or month."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from vuemantics_tui.domain.days import ADDED_DAY, DAY_OF_NUMBER, MONTH_NAMES

if TYPE_CHECKING:
    from vuemantics_tui.library import UploadStore

UNDATED = 0
"""The day of what has no date."""
RUNNING = -1
"""The day of what is listed on top because it runs just now."""
# A day is written as a number, 20240603, and a month as 20240600.
_MONTH = 100


@dataclass(frozen=True, slots=True)
class Group:
    """Uploads of one day or month that stand side by side in a list: the first line, and how many."""

    day: int
    first: int
    count: int

    @property
    def words(self) -> str:
        """Return the day or month in words: Sun 2 June 2024, June 2024."""
        return day_words(self.day)


def day_words(day: int) -> str:
    """Return a day or a month, as a number, in words: Sun 2 June 2024, June 2024."""
    if day <= UNDATED:
        return "No date" if day == UNDATED else "In progress"
    year, month, day = day // 10_000, day // _MONTH % _MONTH, day % _MONTH
    name = f"{MONTH_NAMES[month - 1]} {year}"
    return f"{_WEEKDAYS[date(year, month, day).weekday()]} {day} {name}" if day else name


def month_words(day: int) -> str:
    """Return the month of a day in words: June 2024."""
    return day_words(day // _MONTH * _MONTH)


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Days:
    """The day of each upload: read once for the whole library, 4 bytes each, and then of those that change."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads
        # By number. What has no date has the day on which it was added, below zero.
        self._days: array[int] = array("i")
        self._wanted: set[int] = set()
        self._is_read = False
        self._reading = asyncio.Lock()

    @property
    def is_current(self) -> bool:
        """Whether all days are as the store has them."""
        return self._is_read and not self._wanted

    def outdate(self, numbers: Iterable[int]) -> None:
        """Take in that these have changed in the store."""
        if self._is_read:
            self._wanted.update(numbers)

    async def read(self) -> None:
        """Read the days that are not known. Raises VuemanticsError."""
        async with self._reading:
            wanted, self._wanted = self._wanted, set()
            if self._is_read and not wanted:
                return
            try:
                found = await self._uploads.days(sorted(wanted) if self._is_read else None)
            except BaseException:
                self._wanted |= wanted
                raise
            # NumPy takes a while to import, and all days of a large library some milliseconds.
            self._days = await asyncio.to_thread(_written, self._days, found)
            self._is_read = True

    def of(self, number: int) -> int:
        """Return the day of an upload, UNDATED if it has none."""
        return max(UNDATED, self._days[number]) if number < len(self._days) else UNDATED

    def groups(
        self, numbers: Sequence[int], *, monthly: bool, running: int = 0, by_moment: bool = False
    ) -> list[Group]:
        """Return the groups of a list of numbers in order of dates; the first ones are `running`.

        With `by_moment` what has no date stands where the day is on which it was added.
        """
        import numpy as np

        if not len(numbers) or not self._is_read:
            return []
        listed = self._listed(numbers)
        listed = np.abs(listed) if by_moment else np.maximum(listed, UNDATED)
        if monthly:
            listed = listed // _MONTH * _MONTH
        listed[:running] = RUNNING
        firsts = [0, *(np.flatnonzero(np.diff(listed)) + 1).tolist()]
        ends = [*firsts[1:], len(numbers)]
        return [Group(int(listed[first]), first, end - first) for first, end in zip(firsts, ends, strict=True)]

    def counts(self, numbers: Sequence[int]) -> dict[int, int]:
        """Return how many of these were taken on each day, the latest first; those without a date on none."""
        import numpy as np

        if not len(numbers) or not self._is_read:
            return {}
        days, counts = np.unique(self._listed(numbers), return_counts=True)
        found = zip(days.tolist(), counts.tolist(), strict=True)
        return {day: count for day, count in reversed(list(found)) if day > UNDATED}

    def nearest(self, numbers: Sequence[int], first: date, last: date) -> int | None:
        """Return the line of the first upload taken from `first` to `last`, or else of one taken nearest to that.

        None if none of them has a date.
        """
        import numpy as np

        if not len(numbers) or not self._is_read:
            return None
        listed = self._listed(numbers)
        dated = listed > UNDATED
        if not dated.any():
            return None
        ordinals = _ordinals(np.where(dated, listed, 19700101))
        away = np.maximum(np.maximum(first.toordinal() - ordinals, ordinals - last.toordinal()), 0)
        return int(np.argmin(np.where(dated, away, np.iinfo(np.int64).max)))

    def _listed(self, numbers: Sequence[int]) -> Any:
        """Return the days of these as an array; of those not read yet, the first of all days."""
        import numpy as np

        wanted = np.asarray(numbers, np.int64)
        days = np.frombuffer(self._days, np.int32) if self._days else np.zeros(1, np.int32)
        return np.where(wanted < len(days), days[np.minimum(wanted, len(days) - 1)], UNDATED).astype(np.int64)


def count_between(days: Mapping[int, int], first: date, last: date) -> int:
    """Return how many there are from one day to another, by the number of each day."""
    low, high = (day.year * 10_000 + day.month * _MONTH + day.day for day in (first, last))
    return sum(count for day, count in days.items() if low <= day <= high)


def _written(days: array[int], found: array[int]) -> array[int]:
    """Return the days with those of the uploads that were found, as `UploadStore.days` packs them."""
    import numpy as np

    packed = np.frombuffer(found, np.int64) if found else np.zeros(0, np.int64)
    numbers, read = packed // DAY_OF_NUMBER, packed % DAY_OF_NUMBER
    # A digit in front says that it is the day of adding.
    read = np.where(read > ADDED_DAY, ADDED_DAY - read, read)
    known = np.frombuffer(days, np.int32) if days else np.zeros(0, np.int32)
    table = np.zeros(max(len(known), int(numbers.max(initial=-1)) + 1), np.int32)
    table[: len(known)] = known
    table[numbers] = read
    return array("i", table.tobytes())


def _ordinals(days: Any) -> Any:
    """Return days, as an array of numbers such as 20240603, as `date.toordinal` counts them."""
    import numpy as np

    months = (days // 10_000 - 1970) * 12 + days // _MONTH % _MONTH - 1
    firsts = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return firsts + days % _MONTH - 1 + date(1970, 1, 1).toordinal()
