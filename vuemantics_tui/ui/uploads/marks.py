"""Which uploads are marked, one by one or as a range."""

from __future__ import annotations

from collections.abc import Iterable


class Marks:
    """A set of numbers of uploads, to which a range in the making may add."""

    def __init__(self) -> None:
        self._fixed: set[int] = set()
        self._range: set[int] = set()
        self.anchor: int | None = None

    def __contains__(self, number: object) -> bool:
        return number in self._fixed or number in self._range

    def __len__(self) -> int:
        return len(self._fixed | self._range)

    @property
    def numbers(self) -> set[int]:
        """All that are marked."""
        return self._fixed | self._range

    def toggle(self, number: int) -> None:
        """Mark it, or take its mark away."""
        self.end_range()
        self._fixed ^= {number}

    def add(self, numbers: Iterable[int]) -> None:
        """Mark all of these."""
        self._fixed.update(numbers)

    def begin_range(self, number: int) -> None:
        """From here on, what `stretch` is told is marked, too."""
        self.anchor = number
        self._range = {number}

    def stretch(self, numbers: Iterable[int]) -> None:
        """The range in the making is these."""
        self._range = set(numbers)

    def end_range(self) -> None:
        """Keep the marks of the range."""
        self._fixed |= self._range
        self._range = set()
        self.anchor = None

    def drop(self, numbers: Iterable[int]) -> None:
        """These are gone."""
        gone = set(numbers)
        self._fixed -= gone
        self._range -= gone
        if self.anchor in gone:
            self.anchor = None

    def clear(self) -> None:
        """No marks at all."""
        self._fixed.clear()
        self._range.clear()
        self.anchor = None
