"""The words that joint models look for in pictures, and which of them a picture shows."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.domain.errors import UsageError

Vectors = NDArray[np.float32]

# A caption of each word is averaged with the word itself, as for short queries.
TEMPLATES = ("a photo of {}", "{}")
# A list shorter than this is judged beside the words that come with the program: alone it does not tell what chance is.
_FEW_WORDS = 200
# Of all words together, so many may reach the threshold of a picture by chance.
_BY_CHANCE = 0.1
# A word below this share of the best one is a weaker guess at the same thing more often than another thing.
_OF_BEST = 0.7
# How far, in deviations, a word must exceed what its likeness to a better word explains: "puppy" for a dog does not.
_EXPLAINED = 2.0
# The median of a word over the library counts in full with many pictures, half with so many.
_HALF_KNOWN = 30
# How much of it counts, in deviations: a library of flowers alone must not make them something usual.
_MOST_BIAS = 2.0
_MOST_TAGS = 6
_SAME = 0.98
# The share of a clip's frames that must show a word.
_OF_FRAMES = 0.25
_MOST_CHARACTERS = 80
_BEFORE_TAGS = re.compile(r"\A(?:a person|people|an|a|the) (?=\S)")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a list: its tag, and what follows "a photo of". One that is only `compared` never becomes a tag."""

    tag: str
    phrase: str
    compared: bool = False


@dataclass(frozen=True, slots=True)
class WordList:
    """Words in their order, each tag once. `digest` tells this list, and how its vectors are made, from others."""

    words: tuple[Word, ...]

    @property
    def digest(self) -> str:
        """Return 16 hexadecimal digits."""
        content = [*TEMPLATES, *(f"{word.phrase}={word.tag}={word.compared:d}" for word in self.words)]
        return hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]

    @property
    def captions(self) -> list[str]:
        """Return what to embed: for each word as many texts as there are templates."""
        return [template.format(word.phrase) for word in self.words for template in TEMPLATES]


def read_words(content: str, name: str) -> list[Word]:
    """Return the words of a list in the format of `data/words.txt`. Raises UsageError that names file and line."""
    words = []
    for number, line in enumerate(map(str.strip, content.splitlines()), 1):
        if not line or line.startswith("#") or (line.startswith("[") and line.endswith("]")):
            continue
        for part in filter(None, (part.strip() for part in line.split(","))):
            phrase, _, tag = (" ".join(piece.replace('"', " ").split()) for piece in part.partition("="))
            tag = tag or _BEFORE_TAGS.sub("", phrase) if phrase else ""
            if not tag or len(part) > _MOST_CHARACTERS:
                raise UsageError(
                    f"{name}, line {number}: {part[:_MOST_CHARACTERS]!r} is not a word for pictures",
                    "Write words separated by commas, such as: a dog, people dancing, a big clock = clock tower",
                )
            words.append(Word(tag, phrase))
    return words


def word_list(replacement: str = "", more: str = "") -> WordList:
    """Return the words to look for: those that come with the program or of the file `replacement`, and `more`.

    Raises UsageError for a file that cannot be read, or has no words.
    """
    content = (files("vuemantics_tui.analyzers.joint") / "data" / "words.txt").read_text("utf-8")
    words = own = read_words(content, "words.txt")
    if replacement:
        path = Path(replacement).expanduser()
        try:
            words = read_words(path.read_text("utf-8"), str(path))
        except (OSError, UnicodeDecodeError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"The list of tags in {path} cannot be read: {reason}", "Correct the setting tag_list, or empty it."
            ) from error
        if not words:
            raise UsageError(f"The list of tags in {path} has no words", "Correct the setting tag_list, or empty it.")
    words = [*words, *read_words(more, "tag_words")]
    if len(words) < _FEW_WORDS:
        words += [Word(word.tag, word.phrase, compared=True) for word in own]
    # What a person adds comes in the person's way of writing it.
    unique = {word.tag.casefold(): word for word in reversed(words) if word.compared}
    unique |= {word.tag.casefold(): word for word in words if not word.compared}
    return WordList(tuple(unique.values()))


def word_vectors(captions: Vectors) -> Vectors:
    """Return one vector for each word, from those of `WordList.captions`; zeros for what the model does not know."""
    mean = captions.reshape(-1, len(TEMPLATES), captions.shape[1]).mean(axis=1)
    lengths = np.linalg.norm(mean, axis=1, keepdims=True)
    scaled: Vectors = np.where(lengths > 1e-6, mean / np.maximum(lengths, 1e-6), 0).astype(np.float32)
    return scaled


class Vocabulary:
    """Tells which words a picture shows, after the scores of a sample of the library.

    A cosine means nothing by itself: every model has its own scale, every picture is near or far from all words, and
    some words ("a collage") are near to all pictures. So the score of a word is its cosine, less the mean of all words
    for that picture, less the median of that word over the sample. The latter counts by n / (n + 30) for n pictures,
    and by no more than two deviations: a word may be usual because the library shows it. Scores are counted in
    deviations of the picture's own scores, robustly (1.4826 times the median of the absolute differences from the
    median). A word is shown if it is so far out that of all words 0.1 are by chance (3.8 deviations for 1,600 words),
    has 0.7 of the best word's score, and exceeds by two deviations what its likeness to every better word explains:
    of the score z of a better word whose centred vector has the cosine r with its own, r * z, with the deviation
    sqrt(1 - r^2).

    Measured with a joint model made of the built-in networks (ConSE: Norouzi et al., 2013, arXiv:1312.5650) on the 209
    photos of `benchmarks.retrieval`: 43 % of the labels that people gave are among 3.3 tags a photo, 41 % among 2.5
    without the sample. In a library of flowers alone 50 % keep a tag for them, 42 % with a bound of three deviations.
    With the words that a better one explains it would be 47 % among 4.8 tags, most of which only repeat ("kitten",
    "pet" for a cat).
    """

    def __init__(self, words: WordList, vectors: Vectors, sample: Vectors) -> None:
        """Take the vectors of the words, and those of the sample: shape (pictures, dimension)."""
        known = _distinct(words, vectors)
        self._words = [words.words[place] for place in known]
        self._vectors = vectors[known]
        self._bias = self._bias_of(sample)
        self._may = np.array([not word.compared for word in self._words], bool)
        self._least = NormalDist().inv_cdf(1 - min(0.5, _BY_CHANCE / max(1, len(known))))
        self._centre = self._vectors.mean(axis=0) if len(known) else np.zeros(vectors.shape[1], np.float32)

    def shown(self, frames: Vectors) -> list[Word]:
        """Return the words that a picture shows, the surest first; of a clip, those of several of its frames."""
        counts: Counter[int] = Counter()
        for frame in frames:
            counts.update(self._of_picture(frame))
        enough = max(1.0, _OF_FRAMES * len(frames))
        return [self._words[place] for place, count in counts.most_common() if count >= enough][:_MOST_TAGS]

    def _of_picture(self, picture: Vectors) -> list[int]:
        if not len(self._words) or not self._may.any():
            return []
        raw = self._vectors @ picture
        scores = raw - raw.mean() - self._bias
        scores -= np.median(scores)
        deviation = 1.4826 * float(np.median(np.abs(scores)))
        if not deviation > 1e-6:
            return []
        scores = np.where(self._may, scores / deviation, -np.inf)
        least = max(self._least, _OF_BEST * float(scores.max()))
        found: list[int] = []
        for place in np.argsort(-scores, kind="stable"):
            if scores[place] < least or len(found) == _MOST_TAGS:
                break
            if not any(self._explains(better, int(place), scores) for better in found):
                found.append(int(place))
        return found

    def _explains(self, better: int, place: int, scores: NDArray[np.floating]) -> bool:
        one, other = (self._vectors[each] - self._centre for each in (better, place))
        alike = float(one @ other) / max(1e-6, float(np.linalg.norm(one) * np.linalg.norm(other)))
        if alike <= 0:
            return False
        beyond = float(scores[place]) - alike * float(scores[better])
        return beyond < _EXPLAINED * math.sqrt(max(1e-3, 1 - alike**2))

    def _bias_of(self, sample: Vectors) -> Vectors:
        if not len(sample) or not len(self._vectors):
            return np.zeros(len(self._vectors), np.float32)
        scores = sample @ self._vectors.T
        scores -= scores.mean(axis=1, keepdims=True)
        middles = np.median(scores, axis=1, keepdims=True)
        most = _MOST_BIAS * float(np.median(1.4826 * np.median(np.abs(scores - middles), axis=1)))
        bias: Vectors = np.clip(np.median(scores, axis=0), -most, most) * np.float32(
            len(sample) / (len(sample) + _HALF_KNOWN)
        )
        return bias


def _distinct(words: WordList, vectors: Vectors) -> list[int]:
    """Return the places of the words that a model knows, without those for comparison that are the same to it."""
    known = [int(place) for place in np.flatnonzero(np.linalg.norm(vectors, axis=1) > 0)]
    kept = [place for place in known if not words.words[place].compared]
    for place in known:
        if words.words[place].compared and not (vectors[kept] @ vectors[place] > _SAME).any():
            kept.append(place)
    return kept
