"""Pins: which uploads stand on top of the table, each on the line where it began."""

from __future__ import annotations

from collections.abc import Iterable

# As long as the next one needs to begin. Without it, each end would move the whole table up a line, and down again.
LINGER_SECONDS = 0.5


class Pins:
    """One place an upload that runs. One that ended keeps its place until another takes it, or for half a second."""

    def __init__(self) -> None:
        self._places: list[int] = []
        self._ended_at: dict[int, float] = {}

    @property
    def lingering(self) -> bool:
        """Whether a place is kept for one that has ended."""
        return bool(self._ended_at)

    def update(self, running: Iterable[int], now: float) -> list[int]:
        """The numbers to pin, in order, when these are running at `now`, in seconds of any clock."""
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
