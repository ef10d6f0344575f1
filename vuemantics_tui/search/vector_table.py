"""The table of vectors: an unchanging base, the changes since, and nearest neighbours over both."""

from __future__ import annotations

import math
import mmap
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.search.cutoff import Chance
from vuemantics_tui.search.vector_file import give_back, words_for

Numbers = NDArray[np.int64]
Matrix = NDArray[np.float32]
Mask = NDArray[np.bool_]
Bits = NDArray[np.uint64]
"""The signs of vectors, shape (words, rows): row by row of it is read in order, which is what memory is fast at."""

_SMALLEST = 256
# Above this share of the rows it is faster to multiply all of them in order than to gather those that are allowed.
_GATHERED_SHARE = 0.2
# Scores per group: only the best of each group is looked at first.
_GROUP = 64
_COPIED_ROWS = 8192
# Rows per block: their distances stay in the CPU's cache.
_BITS_BLOCK = 16_384
# How far the bits of a near vector may stray, in standard deviations of a binomial distribution: 99.8 % lie below.
_DEVIATIONS = 2.9
# The size of the first guess: a multiple of the limit, and a minimum.
_FIRST, _FEWEST = 20, 2_000
# Rows that stand for the library where it is asked what chance looks like, how many of them ask, and the change of its
# size after which others are taken.
_SAMPLED, _ASKING, _RESAMPLED_SHARE = 2_048, 256, 0.1
# Of what one upload scores for others, this share is taken for chance: one in twenty pictures has something to do with
# any other.
_CHANCE_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Base:
    """Numbers (rows,) ascending, their vectors (rows, dimension), and optionally their signs. Read-only.

    `mapped` is the file that all of them are in, if they are in one.
    """

    numbers: Numbers
    matrix: Matrix
    bits: Bits | None = None
    mapped: mmap.mmap | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The content of a table at one moment, for another thread."""

    base: Base
    dead: Mask
    numbers: Numbers
    matrix: Matrix

    def blocks(self) -> Iterator[tuple[Numbers, Matrix]]:
        """Yield all live rows in blocks, numbers ascending."""
        order = np.argsort(self.numbers)
        later, vectors = self.numbers[order], self.matrix[order]
        taken = 0
        for start in range(0, len(self.base.numbers), _COPIED_ROWS):
            part = slice(start, start + _COPIED_ROWS)
            alive = ~self.dead[part]
            numbers, rows = self.base.numbers[part][alive], self.base.matrix[part][alive]
            if not len(numbers):
                continue
            until = int(np.searchsorted(later, numbers[-1]))
            merged = np.concatenate([numbers, later[taken:until]])
            by_number = np.argsort(merged, kind="stable")
            yield merged[by_number], np.concatenate([rows, vectors[taken:until]])[by_number]
            taken = until
        for start in range(taken, len(later), _COPIED_ROWS):
            yield later[start : start + _COPIED_ROWS], vectors[start : start + _COPIED_ROWS]


@dataclass(frozen=True, slots=True)
class _Sample:
    """Some rows (count, dimension) of a table of `total` rows, and how far above its mean chance reaches for one."""

    rows: Matrix
    total: int
    reach: float

    @classmethod
    def of(cls, snapshot: Snapshot, total: int) -> _Sample:
        """Return a sample of a snapshot, at most _SAMPLED rows of its file and as many of its recent ones."""
        # Spread over all of them: uploads that were added together are alike.
        alive = np.flatnonzero(~snapshot.dead)
        picked = alive[np.linspace(0, len(alive) - 1, min(len(alive), _SAMPLED)).astype(int)] if len(alive) else alive
        recent = snapshot.matrix[:: max(1, len(snapshot.matrix) // _SAMPLED)]
        rows = np.concatenate([snapshot.base.matrix[picked], recent]).astype(np.float32)
        asking = np.linspace(0, len(rows) - 1, min(len(rows), _ASKING)).astype(int)
        cosines = rows[asking] @ rows.T
        # What an upload scores for itself is no chance.
        cosines[np.arange(len(asking)), asking] = np.nan
        if len(rows) < 3:
            return cls(rows, total, 0.0)
        spread = np.maximum(np.nanstd(cosines, axis=1, keepdims=True), 1e-6)
        deviations = (cosines - np.nanmean(cosines, axis=1, keepdims=True)) / spread
        reach = float(np.nanquantile(deviations, _CHANCE_SHARE))
        return cls(rows, total, reach)


class VectorTable:
    """The vectors of one model by upload number: `base` without deleted rows, and those added since."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._dead: Mask = np.zeros(len(base.numbers), bool)
        self._dead_count = 0
        self._numbers = np.zeros(0, np.int64)
        self._matrix = np.zeros((0, base.matrix.shape[1]), np.float32)
        self._count = 0
        self._position: dict[int, int] = {}
        self._hidden = np.zeros(0, np.int64)
        self._excluded: dict[bool, NDArray[np.intp]] = {}
        self._sample: _Sample | None = None

    @property
    def dimension(self) -> int:
        """Return the dimension of the vectors."""
        return int(self._base.matrix.shape[1])

    @property
    def moved(self) -> int:
        """Return how many rows were added or deleted since the base."""
        return self._count + self._dead_count

    def __len__(self) -> int:
        return len(self._base.numbers) - self._dead_count + self._count

    def put(self, number: int, vector: Matrix) -> None:
        """Add a vector, replacing an older one of that number."""
        position = self._position.get(number)
        if position is None:
            if (row := self._row(number)) is not None:
                if np.array_equal(self._base.matrix[row], vector):
                    return
                self._bury(row)
            position = self._position[number] = self._count
            self._count += 1
            if self._count > len(self._numbers):
                self._grow()
            self._numbers[position] = number
        self._matrix[position] = vector

    def drop(self, number: int) -> None:
        """Remove the vector of this number, if there is one."""
        position = self._position.pop(number, None)
        if position is None:
            if (row := self._row(number)) is not None:
                self._bury(row)
            return
        self._count -= 1
        if position != self._count:
            moved = int(self._numbers[self._count])
            self._numbers[position], self._matrix[position] = moved, self._matrix[self._count]
            self._position[moved] = position

    def set_hidden(self, numbers: array[int]) -> None:
        """Set the hidden numbers, given in order."""
        hidden = np.array(numbers, np.int64)
        if not np.array_equal(hidden, self._hidden):
            self._hidden = hidden
            self._excluded.clear()

    def vector(self, number: int) -> Matrix | None:
        """Return a copy of the vector of this number."""
        found: Matrix
        if (position := self._position.get(number)) is not None:
            found = self._matrix[position]
        elif (row := self._row(number)) is not None:
            found = self._base.matrix[row]
        else:
            return None
        return found.copy()

    def give_back_memory(self) -> None:
        """Give the memory of what is mapped from a file back to the system; the next search maps it again."""
        if self._base.mapped is not None:
            give_back(self._base.mapped)

    def snapshot(self) -> Snapshot:
        """Return a snapshot for another thread."""
        return Snapshot(
            self._base, self._dead.copy(), self._numbers[: self._count].copy(), self._matrix[: self._count].copy()
        )

    def nearest(
        self, vector: Matrix, limit: int, allowed: Collection[int] | None = None, include_hidden: bool = False
    ) -> list[tuple[int, float]]:
        """Return the nearest as (number, cosine in -1..1), best first; ties by lowest number."""
        if limit < 1:
            return []
        chosen = None if allowed is None else as_numbers(allowed)
        if chosen is not None and not include_hidden and len(self._hidden):
            chosen = chosen[~np.isin(chosen, self._hidden)]
        vector = np.ascontiguousarray(vector, np.float32)
        before = self._nearest_in_base(vector, limit, chosen, include_hidden)
        since = self._nearest_since(vector, limit, chosen, include_hidden)
        found, cosines = np.concatenate([before[0], since[0]]), np.concatenate([before[1], since[1]])
        best = np.lexsort((found, -cosines))[:limit]
        return list(zip(found[best].tolist(), cosines[best].tolist(), strict=True))

    def chance(self, vector: Matrix) -> Chance:
        """Return what the cosines with a vector look like by chance, over a sample of the rows."""
        if self._sample is None or abs(len(self) - self._sample.total) > self._sample.total * _RESAMPLED_SHARE:
            self._sample = _Sample.of(self.snapshot(), len(self))
        cosines = self._sample.rows @ np.ascontiguousarray(vector, np.float32)
        return Chance(float(cosines.mean()), float(cosines.std()), self._sample.reach, len(self))

    def _nearest_in_base(
        self, vector: Matrix, limit: int, chosen: Numbers | None, include_hidden: bool
    ) -> tuple[Numbers, Matrix]:
        rows: NDArray[np.intp] | None = None
        if chosen is not None:
            rows = self._rows(chosen)
            if len(rows) > _GATHERED_SHARE * len(self._base.numbers):
                scores = self._base.matrix @ vector
                scores = scores[rows]
                best = best_of(scores, limit)
                return self._base.numbers[rows[best]], scores[best]
        excluded = self._excluded_rows(include_hidden)
        if rows is None and self._base.bits is not None:
            rows = candidates(self._base.matrix, self._base.bits, vector, limit, excluded)
        if rows is not None:
            scores = self._base.matrix[rows] @ vector
            best = best_of(scores, limit)
            return self._base.numbers[rows[best]], scores[best]
        scores = self._base.matrix @ vector
        scores[excluded] = -np.inf
        best = best_of(scores, limit)
        best = best[scores[best] > -np.inf]
        return self._base.numbers[best], scores[best]

    def _nearest_since(
        self, vector: Matrix, limit: int, chosen: Numbers | None, include_hidden: bool
    ) -> tuple[Numbers, Matrix]:
        numbers = self._numbers[: self._count]
        scores = self._matrix[: self._count] @ vector
        if chosen is not None:
            allowed = np.isin(numbers, chosen)
        elif include_hidden or not len(self._hidden):
            allowed = np.ones(len(numbers), bool)
        else:
            allowed = ~np.isin(numbers, self._hidden)
        numbers, scores = numbers[allowed], scores[allowed]
        best = best_of(scores, limit)
        return numbers[best], scores[best]

    def _rows(self, chosen: Numbers) -> NDArray[np.intp]:
        """Return the live rows of the base with these numbers."""
        numbers = self._base.numbers
        if not len(numbers) or not len(chosen):
            return np.zeros(0, np.intp)
        if len(chosen) > len(numbers):
            places = np.minimum(np.searchsorted(chosen, numbers), len(chosen) - 1)
            return np.flatnonzero((chosen[places] == numbers) & ~self._dead)
        rows = np.minimum(np.searchsorted(numbers, chosen), len(numbers) - 1)
        found: NDArray[np.intp] = rows[(numbers[rows] == chosen) & ~self._dead[rows]]
        return found

    def _excluded_rows(self, include_hidden: bool) -> NDArray[np.intp]:
        """Return the base's rows to ignore, cached until something changes."""
        found = self._excluded.get(include_hidden)
        if found is None:
            excluded = self._dead.copy()
            if not include_hidden:
                excluded[self._rows(self._hidden)] = True
            found = self._excluded[include_hidden] = np.flatnonzero(excluded)
        return found

    def _row(self, number: int) -> int | None:
        numbers = self._base.numbers
        row = int(np.searchsorted(numbers, number))
        return row if row < len(numbers) and numbers[row] == number and not self._dead[row] else None

    def _bury(self, row: int) -> None:
        self._dead[row] = True
        self._dead_count += 1
        self._excluded.clear()

    def _grow(self) -> None:
        room = max(_SMALLEST, 2 * len(self._numbers))
        numbers, matrix = np.zeros(room, np.int64), np.zeros((room, self.dimension), np.float32)
        numbers[: len(self._numbers)], matrix[: len(self._matrix)] = self._numbers, self._matrix
        self._numbers, self._matrix = numbers, matrix


def best_of(scores: Matrix, limit: int) -> NDArray[np.intp]:
    """Return the indices of the `limit` highest scores, unordered."""
    count = len(scores)
    if count <= limit:
        return np.arange(count)
    groups = count // _GROUP
    if groups > 2 * limit:
        # At least `limit` scores reach the limit-th largest group maximum: anything below it needs no sorting.
        tops = scores[: groups * _GROUP].reshape(groups, _GROUP).max(axis=1)
        bound = np.partition(tops, groups - limit)[groups - limit]
        some = np.flatnonzero(scores >= bound)
        return some if len(some) <= limit else some[np.argpartition(scores[some], len(some) - limit)[-limit:]]
    return np.argpartition(scores, count - limit)[-limit:]


def sign_bits(rows: NDArray[np.float32]) -> Bits:
    """Return the signs of vectors (rows, dimension), padded with zeros."""
    count, dimension = rows.shape
    packed = np.zeros((count, words_for(dimension) * 8), np.uint8)
    packed[:, : -(-dimension // 8)] = np.packbits(rows > 0, axis=1, bitorder="little")
    return np.ascontiguousarray(packed.view("<u8").T)


def hamming(bits: Bits, query: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Return how many signs of each row differ from the query's, given as shape (words,)."""
    rows = bits.shape[1]
    distances = np.empty(rows, np.uint16)
    differing = np.empty(min(_BITS_BLOCK, rows), np.uint64)
    counts = np.empty(min(_BITS_BLOCK, rows), np.uint8)
    for start in range(0, rows, _BITS_BLOCK):
        out = distances[start : start + _BITS_BLOCK]
        different, count = differing[: len(out)], counts[: len(out)]
        for number, word in enumerate(query):
            np.bitwise_xor(bits[number, start : start + len(out)], word, out=different)
            np.bitwise_count(different, out=count)
            if number:
                np.add(out, count, out=out)
            else:
                out[:] = count
    return distances


def candidates(
    matrix: NDArray[np.float32], bits: Bits, vector: NDArray[np.float32], limit: int, excluded: NDArray[np.intp]
) -> NDArray[np.intp] | None:
    """Return the rows that very likely contain the `limit` nearest, or None if the bits do not separate them.

    Two signs differ with probability angle / pi (Charikar, STOC 2002). A first guess is rescored; the angle of its
    `limit`-th best bounds how many signs may differ in anything nearer, and all rows within that bound are candidates.
    For vectors without structure these would be most rows, and the plain product is faster.
    """
    dimension, rows = matrix.shape[1], matrix.shape[0]
    distances = hamming(bits, sign_bits(vector[None])[:, 0])
    distances[excluded] = np.iinfo(np.uint16).max
    at_most = np.cumsum(np.bincount(np.minimum(distances, dimension + 1), minlength=dimension + 2))
    first = int(np.searchsorted(at_most, max(_FEWEST, _FIRST * limit)))
    guess = np.flatnonzero(distances <= min(first, dimension))
    if len(guess) <= limit or len(guess) > rows // 4:
        return None
    cosine = float(np.partition(matrix[guess] @ vector, -limit)[-limit])
    chance = math.acos(min(1.0, max(-1.0, cosine))) / math.pi
    reach = math.ceil(dimension * chance + _DEVIATIONS * math.sqrt(dimension * chance * (1 - chance)))
    if reach <= first:
        return guess
    # A row read from scattered memory costs about four times as much as one read in order.
    if at_most[min(reach, dimension)] > rows // 8:
        return None
    return np.flatnonzero(distances <= reach)


def as_numbers(allowed: Collection[int]) -> Numbers:
    """Return the distinct numbers, ascending."""
    if isinstance(allowed, np.ndarray | array):
        numbers = np.asarray(allowed, np.int64)
    else:
        numbers = np.fromiter(allowed, np.int64, len(allowed))
    is_ascending = bool((numbers[1:] > numbers[:-1]).all())
    return numbers if is_ascending else np.unique(numbers)
