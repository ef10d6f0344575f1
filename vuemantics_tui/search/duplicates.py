"""Which uploads may show the same: candidates by perceptual hash and coarse colours, still to be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from vuemantics_tui.domain.duplicates import LOOK_BYTES, Fingerprint, Likeness, length_tolerance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

THRESHOLD = 18
"""Copies differ in at most this many of 64 bits, whole with whole or whole with inner part.

Measured on the originals of benchmarks/duplicates.py: scaled and recompressed versions differ in at most 4 bits, with
3 % or 5 % cut off each side in at most 16, with 8 % in at most 18; with 10 % cut off one side 95 of 100 in at most 18.
"""

# Two looks are apart by the mean difference of their greys as a share of the spread of the greys, and by the mean
# difference of their colours. Cropped versions reach 0.37 and 4.8, different photos with like hashes begin at 0.8.
_MOST_GREYS, _MOST_COLOURS = 0.6, 10.0
# Added to the spread, so that flat pictures are not all apart by their noise.
_LEAST_SPREAD = 8.0
# So much, of 0..255, may the mean grey differ: a crop that changes it by more changes the look by more too.
_MOST_MEAN = 24.0

# Hashes per block: all pairs of a block fit into the CPU's cache.
_LEADERS, _OTHERS = 64, 4096
_GREY_CELLS = 64


class Candidates:
    """Which of some uploads may show the same, by their places in the order they were given.

    Uploads of equal fingerprints are compared once: a library of the same picture takes no time.
    """

    def __init__(self, fingerprints: Sequence[Fingerprint], threshold: int = THRESHOLD) -> None:
        first: dict[Fingerprint, int] = {}
        self._node = [first.setdefault(each, len(first)) for each in fingerprints]
        self._members: list[list[int]] = [[] for _ in first]
        for place, node in enumerate(self._node):
            self._members[node].append(place)
        self._near = _near(list(first), threshold)

    def of(self, place: int) -> list[int]:
        """Return the other places that may show the same as this one, in order."""
        node = self._node[place]
        near = [*self._members[node], *(other for each in self._near.get(node, ()) for other in self._members[each])]
        return sorted(other for other in near if other != place)

    def places(self) -> list[int]:
        """Return the places that have any near ones, in order."""
        return [place for place, node in enumerate(self._node) if node in self._near or len(self._members[node]) > 1]


def _near(fingerprints: Sequence[Fingerprint], threshold: int) -> dict[int, list[int]]:
    """Return for each place those of the others that are near, both ways.

    All pairs of about the same brightness are compared, eight in about 30 ns; 100,000 fingerprints take a thread some
    seconds.
    """
    import numpy as np

    if not fingerprints:
        return {}
    looks = np.frombuffer(b"".join(each.look for each in fingerprints), np.uint8).reshape(-1, LOOK_BYTES)
    mean = looks[:, :_GREY_CELLS].mean(axis=1)
    order = np.argsort(mean, kind="stable")
    mean, ordered = mean[order], looks[order].astype(np.int16)
    whole, inner = (
        np.array([getattr(fingerprints[place], name) for place in order.tolist()], np.int64).view(np.uint64)
        for name in ("phash", "inner")
    )
    apart = _apart(ordered)
    near: dict[int, list[int]] = {}
    differing = np.empty((_LEADERS, _OTHERS), np.uint64)
    bits = np.empty((3, _LEADERS, _OTHERS), np.uint8)
    for start in range(0, len(mean), _LEADERS):
        end = min(start + _LEADERS, len(mean))
        last = int(np.searchsorted(mean, mean[end - 1] + _MOST_MEAN, "right"))
        for other in range(start, last, _OTHERS):
            stop = min(other + _OTHERS, last)
            shape = np.s_[: end - start, : stop - other]
            for number, (left, right) in enumerate(((whole, whole), (whole, inner), (inner, whole))):
                np.bitwise_xor(left[start:end, None], right[None, other:stop], out=differing[shape])
                np.bitwise_count(differing[shape], out=bits[number][shape])
            np.minimum(bits[0][shape], bits[1][shape], out=bits[0][shape])
            np.minimum(bits[0][shape], bits[2][shape], out=bits[0][shape])
            rows, columns = np.nonzero(bits[0][shape] <= threshold)
            rows, columns = rows + start, columns + other
            is_later = columns > rows
            rows, columns = rows[is_later], columns[is_later]
            is_near = apart(rows, columns)
            pairs = zip(order[rows[is_near]].tolist(), order[columns[is_near]].tolist(), strict=True)
            for one, another in pairs:
                near.setdefault(one, []).append(another)
                near.setdefault(another, []).append(one)
    return near


def _apart(looks: NDArray[np.int16]) -> Callable[[Any, Any], NDArray[np.bool_]]:
    """Return what tells of pairs of rows whether their looks are near enough."""
    import numpy as np

    spread = looks[:, :_GREY_CELLS].std(axis=1) + _LEAST_SPREAD

    def are_near(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
        found = np.zeros(len(rows), bool)
        # In parts, so that many pairs at once take no gigabytes.
        for start in range(0, len(rows), 65536):
            some = np.s_[start : start + 65536]
            one, other = rows[some], columns[some]
            differing = np.abs(looks[one] - looks[other])
            greys = differing[:, :_GREY_CELLS].mean(axis=1) / np.minimum(spread[one], spread[other])
            colours = differing[:, _GREY_CELLS:].mean(axis=1)
            found[some] = (greys <= _MOST_GREYS) & (colours <= _MOST_COLOURS)
        return found

    return are_near


def clips_near(durations: Sequence[float], frames: Sequence[bytes | None]) -> dict[int, list[int]]:
    """Return for each place those of the other clips that may show the same: of the same length, in all frames but one.

    With None for its frames a clip is near to all of its length. `durations` are in seconds.
    """
    near: dict[int, list[int]] = {}
    order = sorted(range(len(durations)), key=durations.__getitem__)
    for rank, place in enumerate(order):
        for other in order[rank + 1 :]:
            if durations[other] - durations[place] > length_tolerance(durations[other]):
                break
            if _frames_near(frames[place], frames[other]):
                near.setdefault(place, []).append(other)
                near.setdefault(other, []).append(place)
    return near


def _frames_near(one: bytes | None, other: bytes | None) -> bool:
    if one is None or other is None:
        return True
    count = min(len(one), len(other)) // LOOK_BYTES
    if count == 0 or len(one) != len(other):
        return False
    import numpy as np

    looks = [np.frombuffer(each, np.uint8).reshape(count, LOOK_BYTES).astype(np.int16) for each in (one, other)]
    are_near = _apart(np.concatenate(looks))(np.arange(count), np.arange(count, 2 * count))
    return int(are_near.sum()) >= max(1, count - 1)


class Likenesses(Protocol):
    """What is known of pairs of places: what the second is to the first, None where that is not known yet."""

    def __call__(self, one: int, other: int) -> Likeness | None:
        """Return what `other` is to `one`."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups by places: the one to keep -> the others, with what each is to it.

    `missing` are the comparisons to make next: one to keep, and those to compare with it.
    """

    groups: dict[int, dict[int, Likeness]]
    similar: dict[int, list[int]]
    missing: list[tuple[int, list[int]]]


# A picture that shows more than another one is kept instead of it if it has this share of its pixels.
_ENOUGH_PIXELS = 0.7
# What is near so many of its copies is compared with the one to keep: its hash may just miss that of a crop.
_CROSSINGS = 16


def grouped(
    places: Iterable[int],
    near: Callable[[int], Iterable[int]],
    likeness: Likenesses,
    pixels: Sequence[int],
) -> Grouping:
    """Group places, in the order of preference to be kept, by what is known of those that are `near` each other.

    There are no chains: each of a group was compared with the one to keep, and is in one group only.
    """
    found = Grouping({}, {}, [])
    taken: set[int] = set()
    waiting: set[int] = set()
    order = list(places)
    for first in order:
        if first in taken:
            continue
        if first in waiting:
            # Which group it belongs to is not known yet, so neither is what it leaves to later ones.
            waiting.update(other for other in near(first) if other > first)
            continue
        keep, others = first, _left(near(first), taken)
        while not _ask(found, keep, others, likeness):
            more = [
                other for other in others
                if likeness(keep, other) is Likeness.AROUND and pixels[other] >= _ENOUGH_PIXELS * pixels[keep]
            ]  # fmt: skip
            if not more:
                break
            keep = more[0]
            others = _left(near(keep), taken)
        members = _duplicates(keep, others, likeness)
        beside = {other for member in islice(members, _CROSSINGS) for other in near(member)} - taken - {keep, *others}
        if beside:
            others = [*others, *sorted(beside)]
            _ask(found, keep, sorted(beside), likeness)
            members = _duplicates(keep, others, likeness)
        waiting.update(other for other in others if likeness(keep, other) is None)
        if members:
            found.groups[keep] = members
            taken.update(members, (keep,))
    members_of_groups = {member for members in found.groups.values() for member in members}
    seen: set[int] = set(members_of_groups)
    for first in order:
        if first in seen:
            continue
        alike = [other for other in near(first) if other not in seen and likeness(first, other) is Likeness.SIMILAR]
        if alike:
            found.similar[first] = sorted(alike)
            seen.update(alike, (first,))
    return found


def _duplicates(keep: int, others: Iterable[int], likeness: Likenesses) -> dict[int, Likeness]:
    known = ((other, likeness(keep, other)) for other in others)
    return {other: found for other, found in known if found is not None and found.is_duplicate}


def _left(places: Iterable[int], taken: set[int]) -> list[int]:
    return [place for place in places if place not in taken]


def _ask(found: Grouping, keep: int, others: Sequence[int], likeness: Likenesses) -> bool:
    """Note which of the others must still be compared with the one to keep; returns whether there are any."""
    missing = [other for other in others if likeness(keep, other) is None]
    if missing:
        found.missing.append((keep, missing))
    return bool(missing)
