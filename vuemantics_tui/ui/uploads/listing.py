"""Which upload stands on which line: an order, with some pinned on top of it."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence


class Listing(Sequence[int]):
    """Numbers of uploads in the order shown. Those pinned stand on top, and not in their place as well.

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

    def index_of(self, number: int) -> int | None:
        """The line of an upload, from 0, or None."""
        if number in self._pinned:
            return self._pinned.index(number)
        place = self._place_of(number)
        if place is None:
            return None
        return place + len(self._pinned) - bisect_left(self._pinned_places, place)

    def pin(self, numbers: Iterable[int]) -> bool:
        """Pin these, as far as they are listed, in this order, and no others; tells whether anything moved."""
        wanted = [number for number in numbers if number in self]
        moved = wanted != self._pinned
        self._pinned = wanted
        self._find_pinned()
        return moved

    def insert_newest(self, numbers: Iterable[int]) -> bool:
        """Put those in front that are newer than all others; only newest first. Tells whether there were any."""
        if not self.newest_first:
            return False
        newest = self._numbers[0] if self._numbers else -1
        fresh = sorted({number for number in numbers if number > newest}, reverse=True)
        if fresh:
            self._numbers = array("q", fresh) + self._numbers
            self._find_pinned()
        return bool(fresh)

    def remove(self, numbers: Iterable[int]) -> bool:
        """Take these out; tells whether any was listed."""
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
