"""Sign bits find what the plain product finds, or say that they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.search.vector_libraries import MODEL, exact, id_of, index_over, put_vectors, unit
from vuemantics_tui.search.vector_file import file_of, open_vectors
from vuemantics_tui.search.vector_table import Base, VectorTable, best_of, candidates, hamming, sign_bits
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.uploads import UploadStore

ROWS, DIMENSION = 60_000, 128


def clustered(count: int, spread: float, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors round 500 centres that all lean to one side, as those of texts do."""
    centres, generator = unit(500, DIMENSION, 1), np.random.default_rng(seed)
    rows = centres[generator.integers(0, 500, count)] + spread * unit(count, DIMENSION, seed + 2)
    rows += 0.5 * unit(1, DIMENSION, 3)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_a_distance_is_the_number_of_signs_that_differ() -> None:
    rows = unit(3000, 100)
    bits = sign_bits(rows)
    assert bits.shape == (2, 3000)
    expected = ((rows > 0) != (rows[7] > 0)).sum(axis=1)
    assert hamming(bits, bits[:, 7]).tolist() == expected.tolist()


@pytest.mark.parametrize("spread", [0.3, 0.7, 1.0, 2.0, 1000.0])
def test_nearly_all_of_the_nearest_are_found(spread: float) -> None:
    rows = clustered(ROWS, spread)
    queries = clustered(25, spread, seed=50)
    table = VectorTable(Base(np.arange(ROWS), rows, sign_bits(rows)))
    plain = VectorTable(Base(np.arange(ROWS), rows))
    recalls = []
    for query in queries:
        expected = {number for number, _ in plain.nearest(query, 20)}
        recalls.append(len(expected & {number for number, _ in table.nearest(query, 20)}) / 20)
    assert np.mean(recalls) >= 0.99


def test_tight_clusters_need_few_candidates_and_noise_the_plain_product() -> None:
    none = np.zeros(0, np.intp)
    rows = clustered(ROWS, 0.3)
    few = candidates(rows, sign_bits(rows), clustered(1, 0.3, seed=50)[0], 20, none)
    assert few is not None
    assert len(few) < ROWS / 10
    noise = unit(ROWS, DIMENSION)
    assert candidates(noise, sign_bits(noise), unit(1, DIMENSION, 9)[0], 20, none) is None


def test_what_is_excluded_is_no_candidate() -> None:
    rows = clustered(ROWS, 0.3)
    query = clustered(1, 0.3, seed=50)[0]
    best = np.argsort(-(rows @ query))[:50]
    found = candidates(rows, sign_bits(rows), query, 20, np.sort(best))
    assert found is not None
    assert not np.isin(found, best).any()


@pytest.mark.parametrize("count", [0, 1, 20, 21, 5000, 5003])
def test_the_best_scores_are_the_best_also_where_many_are_equal(count: int) -> None:
    generator = np.random.default_rng(count)
    for scores in (generator.random(count, np.float32), generator.integers(0, 3, count).astype(np.float32)):
        best = best_of(scores, 20)
        assert len(set(best.tolist())) == min(20, count)
        assert np.sort(scores[best]).tolist() == np.sort(scores)[max(0, count - 20) :].tolist()


async def test_a_large_file_keeps_the_signs(database: Database, tmp_path: Path) -> None:
    rows = clustered(12_000, 0.3)
    numbers = await put_vectors(database, rows)
    index = index_over(database, tmp_path, bits_from=10_000)
    query = clustered(1, 0.3, seed=50)[0]
    expected = exact(rows, numbers, query, 20)
    assert [number for number, _ in await index.nearest(query, 20)] == expected
    assert open_vectors(file_of(tmp_path, MODEL)).bits is not None
    await UploadStore(database).set_hidden([id_of(number) for number in expected[:3]], True)
    reopened = index_over(database, tmp_path, bits_from=10_000)
    assert [number for number, _ in await reopened.nearest(query, 17)] == expected[3:]
