"""The cut-off: results end where similarity drops sharply, or at the model's minimum score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# The cosine below which nothing counts as an answer, by a part of the name of the vectors' model. A model that is not
# here has none.
_FLOORS: dict[str, float] = {
    # The threshold of the web app.
    "bge-m3": 0.48,
    # Measured on 46 photos of scikit-image and other sources, described by the built-in analyzer: for 20 queries about
    # what is in none of them, the best cosine is 0.30 in the median (0.46 at most); the right answers of 30 others have
    # 0.29 to 0.77, with few below. Lower than that median: a wrong one too many is seen at a glance, a right one that
    # is missing is not.
    "all-minilm-l6-v2-int8": 0.25,
}
# A drop of the score ends the results only if it is this large: the answers to a query lie closer together.
SMALLEST_GAP = 0.05
# The first results always lie further apart: among this many, only a drop this large ends them. Measured on 38 pictures
# and videos described by the built-in analyzer, with some 60 queries judged by eye: drops of 0.15 and more always came
# after the last right answer, one of 0.13 did not.
FIRST = 5
SMALLEST_FIRST_GAP = 0.15
BINS = 16


@dataclass(frozen=True, slots=True)
class Histogram:
    """The distribution of cosines: bins of equal width from `low` to `high`, and the cut-off."""

    counts: tuple[int, ...]
    low: float
    high: float
    cut: float


def floor_of(model: str) -> float:
    """Return the minimum cosine for a model's vectors, or -1 if unknown."""
    name = re.sub(r"[^a-z0-9]+", "-", model.lower())
    return next((floor for known, floor in _FLOORS.items() if known in name), -1.0)


def cut_off(cosines: Sequence[float], floor: float) -> float:
    """Return the lowest cosine to keep out of these, best first: the floor, or the one above the largest gap."""
    kept = [cosine for cosine in cosines if cosine >= floor]
    end, largest = floor, 0.0
    for place, (upper, lower) in enumerate(pairwise(kept)):
        gap = upper - lower
        if gap >= (SMALLEST_FIRST_GAP if place < FIRST - 1 else SMALLEST_GAP) and gap > largest:
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
