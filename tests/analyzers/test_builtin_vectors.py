"""Text as vectors."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from vuemantics_tui.analyzers.builtin.labels import labels_by_name, topics_by_name
from vuemantics_tui.analyzers.builtin.vectors import (
    DIMENSION,
    MAX_TOKENS,
    document_vector,
    embed_texts,
    label_vector,
    normalise,
    query_vector,
)


def test_each_text_has_one_vector_of_length_one() -> None:
    vectors = embed_texts(["a cat", "", "a much longer text about a cat that sleeps in the sun"])
    assert vectors.shape == (3, DIMENSION)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_nothing_gives_nothing() -> None:
    assert embed_texts([]).shape == (0, DIMENSION)


def test_like_meanings_are_near() -> None:
    cat, kitten, car = embed_texts(["a cat", "a kitten", "a sports car"])
    assert cat @ kitten > cat @ car + 0.3


def test_case_and_accents_do_not_matter() -> None:
    plain, other = embed_texts(["cafe in zurich", "Café in ZÜRICH"])
    assert plain @ other == pytest.approx(1, abs=1e-5)


def test_order_in_a_batch_is_kept() -> None:
    texts = [f"{'very ' * (40 - number)}number {number}" for number in range(40)]
    together = embed_texts(texts)
    alone = np.concatenate([embed_texts([text]) for text in texts])
    # int8 activations are scaled by the batch, so the numbers differ a little.
    assert (together * alone).sum(axis=1).min() > 0.98
    assert ((together @ alone.T).argmax(axis=1) == np.arange(40)).mean() > 0.9


def test_a_long_text_is_the_mean_of_its_pieces() -> None:
    half = (MAX_TOKENS - 2) // 2 * 2
    first, second = " ".join(["cat"] * half), " ".join(["car"] * half)
    whole = embed_texts([f"{first} {second}"])[0]
    pieces = embed_texts([first, second])
    assert whole @ normalise(pieces.sum(axis=0)) > 0.999
    assert whole @ pieces[0] < 0.99


def test_the_end_of_a_long_text_counts() -> None:
    filler = "The main colours are grey and brown. " * 80
    without, with_end = embed_texts([filler, filler + "A zebra stands beside a giraffe. " * 20])
    query = embed_texts(["zebra"])[0]
    assert with_end @ query > without @ query + 0.02


@pytest.mark.parametrize("name", ["ski", "tabby cat", "violin"])
def test_the_shipped_vectors_are_those_that_the_model_makes(name: str) -> None:
    alone = document_vector("", {name: 1.0})
    wanted = normalise(embed_texts([""])[0] + 6 * normalise(label_vector(name)))
    assert alone @ wanted > 0.999


def test_every_topic_names_classes_that_exist() -> None:
    assert set(topics_by_name()) <= set(labels_by_name())


def test_a_scene_that_has_no_class_is_found_by_what_belongs_to_it() -> None:
    sledge, car = (document_vector("A photo.", {name: 0.2}) for name in ("dog sled", "sports car"))
    query = query_vector("winter")
    assert sledge @ query > car @ query + 0.1


def test_short_queries_are_captions_too() -> None:
    word, caption = (embed_texts([text])[0] for text in ("man", "a photo of man"))
    assert query_vector("man") @ normalise(word + caption) > 0.9999
    assert np.array_equal(query_vector("a dog on a beach"), normalise(embed_texts(["a dog on a beach"])[0]))
    assert query_vector("").shape == (384,)


def test_a_vector_of_zeros_stays_finite() -> None:
    assert not normalise(np.zeros((1, 4), np.float32)).any()


# In a process of its own, as only there its memory can be limited.
_USED = """
import sys
import psutil
from vuemantics_tui.analyzers.builtin.labels import labels_by_name, topics_by_name
from vuemantics_tui.analyzers.builtin.vectors import embed_texts

embed_texts(["hello world " * int(sys.argv[1])])
print(psutil.Process().memory_info().rss)
"""
_OUT_OF_MEMORY = """
import resource
from pathlib import Path
from vuemantics_tui.analyzers.builtin.labels import labels_by_name, topics_by_name
from vuemantics_tui.analyzers.builtin.vectors import embed_texts
from vuemantics_tui.domain.errors import AnalyzerError

embed_texts(["hello"])
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 20_000_000, resource.getrlimit(resource.RLIMIT_AS)[1]))
blocks = []
try:
    # What is left is in pieces that are too small for the model.
    while True:
        blocks.append(bytearray(200_000))
except MemoryError:
    pass
for _ in range(2):
    try:
        embed_texts(["hello world " * 120])
    except AnalyzerError as error:
        print(error.kind, error.message, error.hint)
"""


def test_a_long_text_takes_no_more_memory_than_one_piece_of_it() -> None:
    """By a process of its own: the model keeps what its largest batch took."""
    used = [
        int(subprocess.run([sys.executable, "-c", _USED, str(count)], capture_output=True, check=True).stdout)
        for count in (120, 6000)
    ]
    assert used[1] - used[0] < 40 * 1024**2


def test_a_lack_of_memory_is_told_with_what_helps() -> None:
    done = subprocess.run([sys.executable, "-c", _OUT_OF_MEMORY], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == second
    assert first.startswith("transient There is not enough memory for the built-in models")
    assert "`workers`" in first
