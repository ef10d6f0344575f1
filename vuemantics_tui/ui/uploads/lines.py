"""What UploadList is made of: Listing, which upload stands on which line; Pins, which on top; Marks; RowCache."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vuemantics_tui.domain.upload import UploadRow

if TYPE_CHECKING:
    from vuemantics_tui.library import UploadStore

# As long as the next one needs to begin. Without it, each end would move the whole table up a line, and down again.
LINGER_SECONDS = 0.5


class Listing(Sequence[int]):
    """Numbers of uploads in the order shown. Those pinned stand on top, and nowhere else.

    Newest first, an order that new uploads join by themselves, the place of a number is found by bisection; in any
    other order by a dictionary that is made when it is first needed.
    """

    def __init__(self, numbers: array[int] | None = None, *, newest_first: bool = True) -> None:
        self._numbers = array("q") if numbers is None else numbers
        self.newest_first = newest_first
        self._places: dict[int, int] | None = None
        self._pinned: list[int] = []
        self._pinned_places: list[int] = []

    def __len__(self) -> int:
        return len(self._numbers)

    # Nobody takes a slice of it.
    def __getitem__(self, index: int) -> int:  # type: ignore[override]
        if not 0 <= index < len(self._numbers):
            raise IndexError(index)
        if index < len(self._pinned):
            return self._pinned[index]
        place = index - len(self._pinned)
        for pinned in self._pinned_places:
            if pinned > place:
                break
            place += 1
        return self._numbers[place]

    def __iter__(self) -> Iterator[int]:
        pinned = set(self._pinned)
        yield from self._pinned
        yield from (number for number in self._numbers if number not in pinned)

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self._place_of(number) is not None

    @property
    def pinned_count(self) -> int:
        """How many are pinned on top."""
        return len(self._pinned)

    def in_order(self) -> array[int]:
        """Return all numbers in the order shown."""
        if not self._pinned:
            return self._numbers
        # As stretches between those pinned: one by one, a large library would take 10 ms at each change.
        ordered, start = array("q", self._pinned), 0
        for place in self._pinned_places:
            ordered.extend(self._numbers[start:place])
            start = place + 1
        ordered.extend(self._numbers[start:])
        return ordered

    def index_of(self, number: int) -> int | None:
        """Return the line of an upload, from 0, or None."""
        if number in self._pinned:
            return self._pinned.index(number)
        place = self._place_of(number)
        if place is None:
            return None
        return place + len(self._pinned) - bisect_left(self._pinned_places, place)

    def pin(self, numbers: Iterable[int]) -> bool:
        """Pin those of these that are listed, in this order, and no others. Return whether anything moved."""
        wanted = [number for number in numbers if number in self]
        moved = wanted != self._pinned
        self._pinned = wanted
        self._find_pinned()
        return moved

    def insert_newest(self, numbers: Iterable[int]) -> bool:
        """Put those in front that are newer than all others; only newest first. Return whether there were any."""
        if not self.newest_first:
            return False
        newest = self._numbers[0] if self._numbers else -1
        fresh = sorted({number for number in numbers if number > newest}, reverse=True)
        if fresh:
            self._numbers = array("q", fresh) + self._numbers
            self._find_pinned()
        return bool(fresh)

    def remove(self, numbers: Iterable[int]) -> bool:
        """Take these out. Return whether any was listed."""
        gone = {number for number in numbers if number in self}
        if not gone:
            return False
        places = sorted((place for number in gone if (place := self._place_of(number)) is not None), reverse=True)
        for place in places:
            del self._numbers[place]
        self._places = None
        self._pinned = [number for number in self._pinned if number not in gone]
        self._find_pinned()
        return True

    def _place_of(self, number: int) -> int | None:
        if self.newest_first:
            place = bisect_left(self._numbers, -number, key=lambda each: -each)
            return place if place < len(self._numbers) and self._numbers[place] == number else None
        if self._places is None:
            self._places = {each: place for place, each in enumerate(self._numbers)}
        return self._places.get(number)

    def _find_pinned(self) -> None:
        places = (self._place_of(number) for number in self._pinned)
        self._pinned_places = sorted(place for place in places if place is not None)


class Pins:
    """A place for each running upload. One that ended keeps its place until another takes it, or for half a second."""

    def __init__(self) -> None:
        self._places: list[int] = []
        self._ended_at: dict[int, float] = {}

    @property
    def lingering(self) -> bool:
        """Whether a place is kept for one that has ended."""
        return bool(self._ended_at)

    def update(self, running: Iterable[int], now: float) -> list[int]:
        """Return the numbers to pin, in order, when these are running at `now`, in seconds of any clock."""
        run = list(dict.fromkeys(running))
        fresh = [number for number in run if number not in self._places]
        places = []
        for number in self._places:
            if number in run:
                places.append(number)
            elif fresh:
                places.append(fresh.pop(0))
            elif now - self._ended_at.setdefault(number, now) < LINGER_SECONDS:
                places.append(number)
        self._places = places + fresh
        self._ended_at = {n: at for n, at in self._ended_at.items() if n in self._places and n not in run}
        return list(self._places)


class Marks:
    """The numbers of the marked uploads, with a range that may still grow."""

    def __init__(self) -> None:
        self._fixed: set[int] = set()
        self._range: set[int] = set()
        self.anchor: int | None = None
        # Those that were cleared last, when (ISO 8601, UTC), and whether they are back.
        self._cleared: set[int] = set()
        self._cleared_at = ""
        self._is_back = False

    def __contains__(self, number: object) -> bool:
        return number in self._fixed or number in self._range

    def __len__(self) -> int:
        # At each move of the cursor: all of a large library may be marked, and a union would copy its numbers.
        return len(self._fixed) + (len(self._range - self._fixed) if self._range else 0)

    @property
    def numbers(self) -> set[int]:
        """All that are marked."""
        return self._fixed | self._range

    def toggle(self, number: int) -> None:
        """Mark it, or unmark it."""
        self.end_range()
        self._fixed ^= {number}

    def add(self, numbers: Iterable[int]) -> None:
        """Mark all of these."""
        self._fixed.update(numbers)

    def begin_range(self, number: int) -> None:
        """Begin a range here, for `stretch` to extend."""
        self.anchor = number
        self._range = {number}

    def stretch(self, numbers: Iterable[int]) -> None:
        """Have the range be these."""
        self._range = set(numbers)

    def end_range(self) -> None:
        """Keep the marks of the range."""
        self._fixed |= self._range
        self._range = set()
        self.anchor = None

    def drop(self, numbers: Iterable[int]) -> None:
        """Unmark these, which are gone."""
        gone = set(numbers)
        self._fixed -= gone
        self._range -= gone
        self._cleared -= gone
        if self.anchor in gone:
            self.anchor = None

    def clear(self) -> int:
        """Unmark everything; return how many there were. `put_back` takes that back."""
        cleared = self.numbers
        if cleared:
            self._cleared, self._is_back = cleared, False
            self._cleared_at = datetime.now(UTC).isoformat(timespec="microseconds")
        self._fixed, self._range = set(), set()
        self.anchor = None
        return len(cleared)

    def put_back(self, since: str) -> int:
        """Mark again what was cleared, unless that was before `since` (ISO 8601, UTC); return how many."""
        if self._is_back or self._cleared_at < since:
            return 0
        self._is_back = bool(self._cleared)
        self._fixed |= self._cleared
        return len(self._cleared)

    def clear_again(self, since: str) -> bool:
        """Take back what `put_back` did, unless they were cleared before `since`; return whether it did anything."""
        if not self._is_back or self._cleared_at < since:
            return False
        self._fixed -= self._cleared
        self._range -= self._cleared
        self._is_back = False
        return True


# How many rows stay in memory, so that scrolling back and forth reads nothing.
MOST_KEPT_ROWS = 1000


class RowCache:
    """Rows by number, and which of them the store has moved on from: some screens' worth, however large the library."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads
        self._rows: dict[int, UploadRow] = {}
        self._stale: set[int] = set()

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, number: int) -> UploadRow | None:
        """Return the row, as far as it was loaded."""
        return self._rows.get(number)

    def outdate(self, numbers: Iterable[int]) -> None:
        """Take in that these have changed in the store. Those not loaded are read afresh anyway."""
        self._stale.update(number for number in numbers if number in self._rows)

    def put(self, rows: Iterable[UploadRow]) -> None:
        """Take these, which were read just now."""
        for row in rows:
            self._rows[row.number] = row
            self._stale.discard(row.number)

    def wanting(self, numbers: Iterable[int]) -> list[int]:
        """Return which of these must be read."""
        return [number for number in numbers if number not in self._rows or number in self._stale]

    async def read(self, numbers: Sequence[int]) -> bool:
        """Read these; returns whether all are still there. Raises VuemanticsError."""
        # Before the reading: what changes while it lasts is outdated again.
        self._stale.difference_update(numbers)
        found = await self._uploads.rows(numbers)
        self._rows.update((row.number, row) for row in found)
        return len(found) == len(numbers)

    def keep_near(self, numbers: Callable[[], Iterable[int]]) -> None:
        """Forget all but these, once there are too many."""
        if len(self._rows) > MOST_KEPT_ROWS:
            near = set(numbers())
            self._rows = {number: row for number, row in self._rows.items() if number in near}
            self._stale &= near
