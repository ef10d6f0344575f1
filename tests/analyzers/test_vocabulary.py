"""The words that are looked for in pictures, and which of them a picture shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vuemantics_tui.analyzers.joint.vocabulary import (
    Vectors,
    Vocabulary,
    Word,
    WordList,
    read_words,
    word_list,
    word_vectors,
)
from vuemantics_tui.domain.errors import UsageError

WORDS = WordList(tuple(Word(f"w{number}", f"a w{number}") for number in range(400)))
RANDOM = np.random.default_rng(3)


def unit(vectors: NDArray[np.floating]) -> Vectors:
    scaled: Vectors = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
    return scaled


# As in joint models, all words lie in one direction from all pictures, and differ from each other around it.
VECTORS = unit(RANDOM.normal(size=(len(WORDS.words), 64)) + 2)


def picture(*places: int, noise: int = 0) -> Vectors:
    """A picture that shows these words, among noise, on the other side of the gap between words and pictures."""
    shown = sum((VECTORS[place] - VECTORS.mean(axis=0) for place in places), np.zeros(64))
    return unit(shown + np.random.default_rng(noise).normal(size=64) * 0.02 - 0.1)


def seen(frames: list[Vectors], library: list[Vectors]) -> list[str]:
    return [word.tag for word in Vocabulary(WORDS, VECTORS, np.stack(library)).shown(np.stack(frames))]


def test_the_words_that_come_with_the_program_are_many_and_each_is_there_once() -> None:
    words = word_list().words
    assert 1_400 <= len(words) <= 2_000
    assert len({word.tag.casefold() for word in words}) == len(words)
    by_tag = {word.tag: word.phrase for word in words}
    assert by_tag["dog"] == "a dog"
    assert by_tag["dancing"] == "people dancing"
    assert by_tag["town square"] == "a square in a city"


def test_a_list_is_read_by_its_format_and_refused_with_the_line_that_is_wrong(tmp_path: Path) -> None:
    assert read_words("# note\n[kind]\na  dog, people dancing,,a big clock = clock tower\n", "mine") == [
        Word("dog", "a dog"),
        Word("dancing", "people dancing"),
        Word("clock tower", "a big clock"),
    ]
    with pytest.raises(UsageError, match="mine, line 2"):
        read_words("a dog\n= cat", "mine")
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n")
    with pytest.raises(UsageError, match="has no words"):
        word_list(str(empty))


def test_a_list_of_ones_own_replaces_the_words_and_the_setting_adds_to_either(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("a sloop, a dog")
    words = word_list(str(own), "my boat = Titanic").words
    assert {word.tag for word in words if not word.compared} == {"sloop", "dog", "Titanic"}
    assert len({word.tag for word in words}) > 1_400, "a short list is judged beside the program's words"
    assert word_list(more="a sloop").digest != word_list().digest


def test_a_picture_shows_what_stands_out_and_neither_noise_nor_what_only_resembles_it() -> None:
    library = [picture(number % 400, noise=number) for number in range(300)]
    assert seen([picture(7)], library) == ["w7"]
    assert set(seen([picture(7, 90)], library)) == {"w7", "w90"}
    by_chance = [seen([picture(noise=1_000 + number)], library) for number in range(50)]
    assert sum(map(bool, by_chance)) <= 15


def test_what_a_library_shows_all_the_time_is_still_seen() -> None:
    assert seen([picture(7)], [picture(7, noise=number) for number in range(500)]) == ["w7"]


def test_a_word_that_is_near_to_every_picture_is_seen_in_none() -> None:
    towards = unit(np.stack([picture(noise=number) for number in range(200)]).mean(axis=0))
    vectors = VECTORS.copy()
    vectors[3] = unit(vectors[3] + 0.6 * towards)
    sample = np.stack([picture(number % 400, noise=number) for number in range(300)])
    one = picture(50)[None]
    assert "w3" in [word.tag for word in Vocabulary(WORDS, vectors, sample[:1]).shown(one)]
    assert [word.tag for word in Vocabulary(WORDS, vectors, sample).shown(one)] == ["w50"]


def test_a_word_for_comparison_that_means_the_same_does_not_rival_it() -> None:
    library = np.stack([picture(number % 400, noise=number) for number in range(300)])
    same = [Word(f"same{number}", f"a same{number}", compared=True) for number in range(600)]
    words = WordList((*WORDS.words, *same))
    vectors = np.concatenate([VECTORS, np.repeat(VECTORS[7:8], len(same), axis=0)])
    assert [word.tag for word in Vocabulary(words, vectors, library).shown(picture(7)[None])] == ["w7"]


def test_a_clip_shows_what_several_of_its_frames_show() -> None:
    library = [picture(number % 400, noise=number) for number in range(300)]
    frames = [picture(7, noise=number) for number in range(8)] + [picture(90)]
    assert seen(frames, library) == ["w7"]


def test_words_that_a_model_does_not_know_are_never_seen() -> None:
    captions = np.repeat(VECTORS, 2, axis=0)
    captions[:20] = 0
    vectors = word_vectors(captions)
    assert not vectors[:10].any()
    assert np.allclose(np.linalg.norm(vectors[10:], axis=1), 1)
    words = Vocabulary(WORDS, vectors, np.zeros((0, 64), np.float32)).shown(picture(15)[None])
    assert [word.tag for word in words] == ["w15"]
    assert Vocabulary(WORDS, np.zeros_like(VECTORS), picture(1)[None]).shown(picture(1)[None]) == []
