"""Texts in pieces: nothing is lost, nothing is too long, and the borders are those of sentences and words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vuemantics_tui.analyzers.base import Vector
from vuemantics_tui.analyzers.remote import first_half, mean_vector, split_text

SENTENCE = "The quick brown fox jumps over the lazy dog. "


@given(st.text(max_size=600), st.integers(1, 80))
def test_no_text_is_lost_and_no_piece_is_too_long(text: str, size: int) -> None:
    pieces = split_text(text, size)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= size for piece in pieces)


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=1, max_size=200), st.integers(40, 120))
def test_no_word_is_torn_where_words_are_short(words: list[str], size: int) -> None:
    pieces = split_text(" ".join(words), size)
    assert " ".join(pieces).split() == words


@given(st.integers(1, 40), st.integers(100, 700))
def test_no_piece_is_a_crumb(sentences: int, size: int) -> None:
    """Each has the same weight in the mean, so that a crumb would count as much as all the rest."""
    lengths = [len(piece) for piece in split_text(SENTENCE * sentences, size)]
    assert min(lengths) >= 0.3 * max(lengths)


def test_pieces_end_with_a_sentence() -> None:
    pieces = split_text(SENTENCE * 20, 300)
    assert len(pieces) >= 3
    assert all(piece.endswith("dog. ") for piece in pieces)


def test_a_text_that_fits_stays_whole() -> None:
    assert split_text("a b c", 5) == ["a b c"]
    assert split_text("", 5) == []


def test_chinese_is_cut_where_its_sentences_end() -> None:
    assert split_text("猫在沙发上。" * 4, 13) == ["猫在沙发上。" * 2] * 2


def test_a_piece_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="one character"):
        split_text("text", 0)


@given(st.text(min_size=1, max_size=200).filter(lambda text: len(text.strip()) > 1))
def test_the_first_half_is_shorter_and_its_beginning(text: str) -> None:
    half = first_half(text)
    assert text.strip().startswith(half)
    assert 0 < len(half) < len(text.strip())


def test_the_first_half_ends_with_a_word() -> None:
    assert first_half("one two three four five six") == "one two three"
    assert first_half("abcdefgh") == "abcd"


def test_the_mean_of_unit_vectors_is_one() -> None:
    vectors: list[Vector] = [np.asarray(values, np.float32) for values in ([1, 0], [0, 1])]
    np.testing.assert_allclose(mean_vector(vectors), [2**-0.5, 2**-0.5], rtol=1e-6)
    assert mean_vector(vectors).dtype == np.float32
    opposite: list[Vector] = [np.asarray(values, np.float32) for values in ([1, 0], [-1, 0])]
    np.testing.assert_array_equal(mean_vector(opposite), [1, 0])
