"""Sign bits: one bit a dimension instead of 32, to tell in a fraction of the time which vectors may be near."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint64]
"""The signs of vectors, shape (words, rows): row by row of it is read in order, which is what memory is fast at."""

# So many rows at a time: their distances stay in the processor's cache.
_BLOCK = 16_384
# How far the bits of a near vector may stray, in standard deviations of a binomial distribution: 99.8 % lie below.
_DEVIATIONS = 2.9
# The first guess at who is near, as a multiple of what is asked for, and at least so many.
_FIRST, _FEWEST = 20, 2_000


def words_for(dimension: int) -> int:
    """How many 64-bit words the signs of a vector take."""
    return -(-dimension // 64)


def sign_bits(rows: NDArray[np.float32]) -> Bits:
    """The signs of vectors (rows, dimension), missing dimensions as zeros."""
    count, dimension = rows.shape
    packed = np.zeros((count, words_for(dimension) * 8), np.uint8)
    packed[:, : -(-dimension // 8)] = np.packbits(rows > 0, axis=1, bitorder="little")
    return np.ascontiguousarray(packed.view("<u8").T)


def hamming(bits: Bits, query: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """In how many signs each row differs from the query, whose words they are: shape (words,)."""
    rows = bits.shape[1]
    distances = np.empty(rows, np.uint16)
    differing = np.empty(min(_BLOCK, rows), np.uint64)
    counts = np.empty(min(_BLOCK, rows), np.uint8)
    for start in range(0, rows, _BLOCK):
        out = distances[start : start + _BLOCK]
        different, count = differing[: len(out)], counts[: len(out)]
        for number, word in enumerate(query):
            np.bitwise_xor(bits[number, start : start + len(out)], word, out=different)
            np.bitwise_count(different, out=count)
            if number:
                np.add(out, count, out=out)
            else:
                out[:] = count
    return distances


def candidates(
    matrix: NDArray[np.float32], bits: Bits, vector: NDArray[np.float32], limit: int, excluded: NDArray[np.intp]
) -> NDArray[np.intp] | None:
    """The rows among which the `limit` nearest are, by all odds; None where bits do not tell them from the rest.

    Two signs differ with the probability angle / pi (Charikar, STOC 2002). So a first guess is rescored, the angle of
    the last of its best tells how many signs may differ in what is nearer, and all rows within that are candidates. Of
    vectors without any structure that would be most of them: the plain product is faster then.
    """
    dimension, rows = matrix.shape[1], matrix.shape[0]
    distances = hamming(bits, sign_bits(vector[None])[:, 0])
    distances[excluded] = np.iinfo(np.uint16).max
    at_most = np.cumsum(np.bincount(np.minimum(distances, dimension + 1), minlength=dimension + 2))
    first = int(np.searchsorted(at_most, max(_FEWEST, _FIRST * limit)))
    guess = np.flatnonzero(distances <= min(first, dimension))
    if len(guess) <= limit or len(guess) > rows // 4:
        return None
    cosine = float(np.partition(matrix[guess] @ vector, -limit)[-limit])
    chance = math.acos(min(1.0, max(-1.0, cosine))) / math.pi
    reach = math.ceil(dimension * chance + _DEVIATIONS * math.sqrt(dimension * chance * (1 - chance)))
    if reach <= first:
        return guess
    # What is scattered over memory costs some four times as much a row as what is read in order.
    if at_most[min(reach, dimension)] > rows // 8:
        return None
    return np.flatnonzero(distances <= reach)
