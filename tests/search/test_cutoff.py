"""Where results end."""

from __future__ import annotations

import numpy as np
import pytest

from vuemantics_tui.search.cutoff import BINS, Chance, cut_off, histogram
from vuemantics_tui.search.vector_table import Base, VectorTable

CHANCE = Chance(mean=0.2, deviation=0.1, reach=1.0)


@pytest.mark.parametrize(
    ("cosines", "kept"),
    [
        ([], 0),
        ([0.25, 0.2], 0),
        ([0.5, 0.25], 1),
        ([0.75, 0.4, 0.35], 1),
        ([0.6, 0.55, 0.5, 0.4, 0.35], 5),
        ([0.6, 0.58, 0.56, 0.54, 0.52, 0.51, 0.4, 0.39], 6),
        ([0.9, 0.58, 0.56, 0.54, 0.52, 0.51, 0.4, 0.39], 1),
    ],
)
def test_results_end_at_the_widest_gap_or_where_chance_reaches(cosines: list[float], kept: int) -> None:
    cut = cut_off(cosines, CHANCE)
    assert sum(cosine >= cut for cosine in cosines) == kept


@pytest.mark.parametrize("scale", [(1.0, 0.0), (0.2, 0.15), (0.05, 0.9)])
def test_the_scale_of_a_model_does_not_matter(scale: tuple[float, float]) -> None:
    width, start = scale
    chance = Chance(start + 0.2 * width, 0.1 * width, 1.0)
    cut = cut_off([start + cosine * width for cosine in (0.6, 0.55, 0.5, 0.25, 0.2)], chance)
    assert sum(start + cosine * width >= cut for cosine in (0.6, 0.55, 0.5, 0.25, 0.2)) == 3


def library(groups: int, each: int) -> VectorTable:
    """Uploads in groups that are alike, all leaning to one side as the vectors of real models do."""
    random = np.random.default_rng(5)
    centres = random.normal(size=(groups, 64)) + 2 * random.normal(size=64)
    rows = np.repeat(centres, each, axis=0) + 0.3 * random.normal(size=(groups * each, 64))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return VectorTable(Base(np.arange(len(rows)), rows.astype(np.float32)))


def test_what_belongs_to_the_query_stays_and_hardly_anything_else() -> None:
    table = library(40, 10)
    row = table.vector(73)
    assert row is not None
    found = table.nearest(row, 200)
    cut = cut_off([cosine for _, cosine in found], table.chance(row))
    kept = {number for number, cosine in found if cosine >= cut}
    assert set(range(70, 80)) <= kept
    assert len(kept) < 40


def test_a_small_library_is_not_cut_to_nothing() -> None:
    """Where half of all there is answers the query, all of that half stays."""
    random = np.random.default_rng(2)
    near, far = np.eye(64)[0] + 0.1 * random.normal(size=(3, 64)), random.normal(size=(3, 64))
    rows = np.concatenate([near, far])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    table = VectorTable(Base(np.arange(6), rows.astype(np.float32)))
    query = np.eye(64, dtype=np.float32)[0]
    found = table.nearest(query, 10)
    cut = cut_off([cosine for _, cosine in found], table.chance(query))
    assert {number for number, cosine in found if cosine >= cut} == {0, 1, 2}


def test_in_a_small_library_a_word_that_some_uploads_contain_says_what_is_meant() -> None:
    chance = Chance(mean=0.2, deviation=0.1, reach=1.4, total=4)
    cosines = [0.33, 0.3, 0.2, 0.1]
    assert sum(cosine >= cut_off(cosines, chance) for cosine in cosines) == 2
    assert sum(cosine >= cut_off(cosines, chance, named=True) for cosine in cosines) == 0


def test_the_chance_follows_the_library() -> None:
    table = library(4, 5)
    row = table.vector(0)
    assert row is not None
    before = table.chance(row)
    for number in range(100, 400):
        table.put(number, -row)
    assert table.chance(row).mean < before.mean - 0.5


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
