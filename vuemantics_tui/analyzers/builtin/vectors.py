"""Vectors of texts (all-MiniLM-L6-v2) and of described uploads; the latter are shifted towards their labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.analyzers.base import Vector
from vuemantics_tui.analyzers.builtin.labels import labels_by_name, topics_by_name
from vuemantics_tui.analyzers.builtin.models import TEXT_MODEL, open_session, read_model_file, runtime_errors

DIMENSION = 384
MAX_TOKENS = 256
"""The most tokens the model was trained on, including its two markers."""

# In one batch, padding included: more is no faster, and the model keeps the memory that its largest batch took.
_BATCH_TOKENS = MAX_TOKENS


def embed_texts(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return one vector of length 1 per text: shape (texts, 384).

    A text over 256 tokens is embedded in pieces and averaged. Raises AnalyzerError.
    """
    with runtime_errors("ONNX Runtime could not embed a text"):
        return _embedder().embed(texts)


def normalise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each vector along the last axis to length 1; vectors of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: NDArray[np.float32] = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled


@cache
def _embedder() -> _Embedder:
    return _Embedder()


class _Embedder:
    def __init__(self) -> None:
        from tokenizers import BertWordPieceTokenizer

        vocabulary = files("vuemantics_tui.analyzers.builtin") / "data" / "vocab.txt"
        words = vocabulary.read_text(encoding="utf-8").splitlines()
        numbers = {word: number for number, word in enumerate(words)}
        self._tokenizer = BertWordPieceTokenizer(numbers, lowercase=True)
        self._start, self._end = numbers["[CLS]"], numbers["[SEP]"]
        self._session = open_session(read_model_file(TEXT_MODEL))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        pieces = [(owner, piece) for owner, text in enumerate(texts) for piece in self._pieces(text)]
        sums = np.zeros((len(texts), DIMENSION), np.float32)
        # Texts of like length together: a batch is as long as its longest.
        pieces.sort(key=lambda owned: len(owned[1]))
        while pieces:
            count = 1
            while count < len(pieces) and (count + 1) * len(pieces[count][1]) <= _BATCH_TOKENS:
                count += 1
            batch, pieces = pieces[:count], pieces[count:]
            owners = [owner for owner, _ in batch]
            np.add.at(sums, owners, self._vectors([piece for _, piece in batch]))
        return normalise(sums)

    def _pieces(self, text: str) -> list[list[int]]:
        # One text at a time: `encode_batch` would start threads of its own.
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        room = MAX_TOKENS - 2
        # Pieces of like size: a rest of three words would weigh as much as a full piece.
        count = max(1, -(-len(tokens) // room))
        edges = [round(len(tokens) * number / count) for number in range(count + 1)]
        spans = pairwise(edges)
        return [[self._start, *tokens[low:high], self._end] for low, high in spans]

    def _vectors(self, pieces: list[list[int]]) -> Vector:
        longest = max(len(piece) for piece in pieces)
        tokens = np.zeros((len(pieces), longest), np.int64)
        mask = np.zeros_like(tokens)
        for row, piece in enumerate(pieces):
            tokens[row, : len(piece)] = piece
            mask[row, : len(piece)] = 1
        feed = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
        hidden = self._session.run(None, feed)[0]
        weight = mask[..., None].astype(np.float32)
        return normalise((hidden * weight).sum(axis=1) / weight.sum(axis=1))


# Found with `benchmarks.retrieval` on two sets, of 209 and of 102 photos: what the model is unsure of says more about a
# picture than the sentences that it is sure enough for. The weight is that of labels which add up to 1, and the power
# lifts the unlikely ones. Weights from 4 to 8 and powers from 0.5 to 0.6 find alike.
LABEL_WEIGHT = 6.0
LABEL_POWER = 0.6
TOPIC_WEIGHT = 0.6


def document_vector(text: str, labels: Mapping[str, float]) -> Vector:
    """Return normalise(E(text) + 6 * sqrt(sum(p)) * normalise(sum of p^0.6 * E(label))), shape (384,).

    Labels of other analyzers are ignored; without any label it is E(text). Raises AnalyzerError.
    """
    vector: Vector = embed_texts([text])[0]
    rows = {name: row for row, name in enumerate(labels_by_name())}
    known = {rows[name]: p for name, p in labels.items() if name in rows}
    if not known:
        return vector
    weights = np.array(list(known.values()), np.float32)
    seen: Vector = weights**LABEL_POWER @ _label_vectors()[list(known)].astype(np.float32)
    return normalise(vector + LABEL_WEIGHT * math.sqrt(min(1.0, float(weights.sum()))) * normalise(seen))


def label_vector(name: str) -> Vector:
    """Return the vector of one class by name: of its name and synonyms, plus 0.6 of the mean of its topics.

    Shape (384,), not of length 1. Raises AnalyzerError.
    """
    label = labels_by_name()[name]
    # One at a time, because the int8 model rounds by what else is in a batch.
    vector: Vector = embed_texts([", ".join((label.name, *label.synonyms))])[0]
    topics = [embed_texts([topic])[0] for topic in topics_by_name().get(name, ())]
    return vector + np.float32(TOPIC_WEIGHT) * normalise(np.sum(topics, axis=0)) if topics else vector


@cache
def _label_vectors() -> NDArray[np.float16]:
    """The vectors of all classes by their order in `labels_by_name`: shape (classes, 384).

    Made by `python -m tools.label_vectors`: computing them takes seconds, which the first pictures would wait for.
    """
    with (files("vuemantics_tui.analyzers.builtin") / "data" / "label_vectors.npy").open("rb") as file:
        table: NDArray[np.float16] = np.load(file)
    return table


_SHORT_QUERY = 2


def query_vector(text: str) -> Vector:
    """Return the vector of a search text, shape (384,), of length 1: one of one or two words counts as a caption too.

    What it is compared with are descriptions, and the names of things. Raises AnalyzerError.
    """
    short = 0 < len(text.split()) <= _SHORT_QUERY
    # One at a time, because the int8 model rounds by what else is in a batch.
    vectors = [embed_texts([phrasing])[0] for phrasing in ([text, f"a photo of {text}"] if short else [text])]
    vector: Vector = normalise(np.sum(vectors, axis=0))
    return vector
