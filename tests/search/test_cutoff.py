"""Where results end."""

from __future__ import annotations

import pytest

from vuemantics_tui.analyzers.builtin import EMBEDDING_MODEL_NAME
from vuemantics_tui.search.ranking import BINS, cut_off, floor_of, histogram


@pytest.mark.parametrize(
    ("cosines", "floor", "kept"),
    [
        ([], 0.3, 0),
        ([0.2, 0.1], 0.3, 0),
        ([0.5, 0.2], 0.3, 1),
        ([0.7, 0.2, 0.1], -1.0, 1),
        ([0.7, 0.6, 0.5, 0.4, 0.3], -1.0, 5),
        ([0.9, 0.5, 0.45, 0.44, 0.43], -1.0, 1),
        ([0.7, 0.69, 0.68, 0.67, 0.66, 0.65, 0.5, 0.49, 0.48], -1.0, 6),
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.41, 0.4], -1.0, 5),
        ([0.7, 0.69, 0.68, 0.67, 0.5, 0.49, 0.48], -1.0, 4),
        ([0.7, 0.69, 0.68, 0.67, 0.66, 0.65, 0.5, 0.49, 0.48], 0.49, 6),
    ],
)
def test_results_end_at_the_widest_gap_or_the_floor(cosines: list[float], floor: float, kept: int) -> None:
    cut = cut_off(cosines, floor)
    assert sum(cosine >= cut for cosine in cosines) == kept


def test_models_have_floors_of_their_own() -> None:
    assert floor_of("bge-m3:latest") == floor_of("BAAI/bge-m3") == 0.48
    assert floor_of(EMBEDDING_MODEL_NAME) == 0.25
    assert floor_of("all-MiniLM-L6-v2") == -1, "the same model, rounded otherwise, was not measured"


def test_the_histogram_counts_each_once() -> None:
    assert histogram([], 0.3) is None
    found = histogram([0.1, 0.2, 0.2, 0.9], 0.3)
    assert found is not None
    assert len(found.counts) == BINS
    assert (sum(found.counts), found.counts[0], found.counts[-1]) == (4, 1, 1)
    assert (found.low, found.high, found.cut) == (0.1, 0.9, 0.3)
    one = histogram([0.5], 0.3)
    assert one is not None
    assert sum(one.counts) == 1
