"""The cut-off: where results are no better than chance, and the distribution of their scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# A gap this wide among the scores ends the results, in standard deviations of the query's scores over the library. The
# first results always lie further apart. On two sets of 102 and 209 photos narrower gaps came before right answers.
FIRST = 5
SMALLEST_FIRST_GAP = 3.0
SMALLEST_GAP = 0.5
# Vectors at right angles have nothing to do with each other, in any model: below this a small library, whose scores say
# little about chance, has no answer.
UNRELATED = 0.05
BINS = 16
# A library of fewer uploads says little about chance. On those photos 150 ended before one right answer in fifty.
LARGE = 250


@dataclass(frozen=True, slots=True)
class Chance:
    """What a query's scores look like by chance: their mean and standard deviation over the library.

    `reach` is how many deviations above the mean an unrelated upload comes, learned from what the library's uploads
    score for each other. `total` is how many uploads there are.
    """

    mean: float = 0.0
    deviation: float = 0.0
    reach: float = 0.0
    total: int = LARGE

    def least(self, *, named: bool) -> float:
        """Return the score below which a result is no better than chance.

        Much of a small library may answer a query, unless it is `named`: some uploads are described by all its words.
        """
        share = 1.0 if named else min(1.0, math.sqrt(self.total / LARGE))
        return max(self.mean + share * self.reach * self.deviation, UNRELATED)


@dataclass(frozen=True, slots=True)
class Histogram:
    """The distribution of cosines: bins of equal width from `low` to `high`, and the cut-off."""

    counts: tuple[int, ...]
    low: float
    high: float
    cut: float


def cut_off(cosines: Sequence[float], chance: Chance, *, named: bool = False) -> float:
    """Return the lowest cosine to keep out of these, best first: the least, or the one above the widest gap."""
    least = chance.least(named=named)
    kept = [cosine for cosine in cosines if cosine >= least]
    end, largest = least, 0.0
    for place, (upper, lower) in enumerate(pairwise(kept)):
        gap = upper - lower
        smallest = (SMALLEST_FIRST_GAP if place < FIRST - 1 else SMALLEST_GAP) * chance.deviation
        if gap > max(smallest, largest):
            end, largest = upper, gap
    return end


def histogram(cosines: Sequence[float], cut: float) -> Histogram | None:
    """Return the distribution of some cosines, or None if there are none."""
    if not cosines:
        return None
    low, high = min(cosines), max(cosines)
    width = (high if high > low else low + 1e-6) - low
    counts = [0] * BINS
    for cosine in cosines:
        counts[min(int((cosine - low) / width * BINS), BINS - 1)] += 1
    return Histogram(tuple(counts), low, high, cut)
