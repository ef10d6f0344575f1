"""The look of a picture, and groups of near-duplicates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from vuemantics_tui.domain.formats import FileType


class Likeness(StrEnum):
    """What one upload is to another.

    `same` shows the same, `inside` a part of it, cut at the edges, and `around` more of it. `similar` looks like it and
    shows something else, as another frame of a burst or the same form with another number. `unknown` could not be read.
    """

    SAME = "same"
    INSIDE = "inside"
    AROUND = "around"
    SIMILAR = "similar"
    DIFFERENT = "different"
    UNKNOWN = "unknown"

    @property
    def reversed(self) -> Likeness:
        """Return what the other is to the first."""
        return {Likeness.INSIDE: Likeness.AROUND, Likeness.AROUND: Likeness.INSIDE}.get(self, self)

    @property
    def is_duplicate(self) -> bool:
        """Tell whether nothing is lost with it."""
        return self in (Likeness.SAME, Likeness.INSIDE)


def likeness_words(likeness: Likeness) -> str:
    """Return what one is to the one to keep, in a word."""
    return {Likeness.INSIDE: "cropped", Likeness.SAME: "same"}.get(likeness, likeness.value)


@dataclass(frozen=True, slots=True)
class Comparable:
    """The files of an upload that is compared with another one."""

    thumbnail: Path | None
    source: Path
    file_type: FileType


LOOK_BYTES = 96


class Fingerprint(NamedTuple):
    """What a picture is recognised by, coarsely.

    `phash` is a perceptual hash of 64 bits as a signed integer, `inner` that of its inner part, by which crops are
    found. `look` has 8 x 8 greys, then 4 x 4 blue and 4 x 4 red differences (JFIF), a byte each, in rows.
    """

    phash: int
    inner: int
    look: bytes


@dataclass(frozen=True, slots=True)
class PictureTraits:
    """The look of one picture.

    `phash` is a perceptual hash of 64 bits as a signed integer, None for a picture of one colour; `sharpness` the
    variance of the Laplacian of its greys in 0..255; `colours` the share in 0..1 of each named colour that covers a
    part of it. `inner` and `look` are as in `Fingerprint`.
    """

    phash: int | None
    sharpness: float
    colours: Mapping[str, float] = field(default_factory=dict)
    inner: int | None = None
    look: bytes = bytes(LOOK_BYTES)


def length_tolerance(seconds: float) -> float:
    """Return by how many seconds two clips of about this length may differ and still be of the same length."""
    return max(0.25, 0.01 * seconds)


@dataclass(frozen=True, slots=True)
class LookAlike:
    """One upload in a group. `likeness` is what it is to the first of the group, `same` for that one itself.

    `file_size` in bytes, `width` and `height` upright in pixels, `taken_at` a local moment, `created_at` (added) in ISO
    8601 UTC.
    """

    number: int
    id: str
    filename: str
    file_type: str
    file_size: int
    width: int | None
    height: int | None
    taken_at: str | None
    created_at: str
    sharpness: float | None
    thumbnail_path: str | None
    file_path: str
    source: str | None = None
    likeness: Likeness = Likeness.SAME

    @property
    def pixels(self) -> int:
        """Return width times height, or 0 if unknown."""
        return (self.width or 0) * (self.height or 0)


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Uploads that show the same: the best one to keep, why that one, and the others, each compared with it.

    A group of similar uploads has the same form, but none of them can stand for another.
    """

    keep: LookAlike
    others: tuple[LookAlike, ...]
    reason: str = ""

    @property
    def members(self) -> tuple[LookAlike, ...]:
        """Return all uploads of the group, the one to keep first."""
        return (self.keep, *self.others)

    @property
    def spare_bytes(self) -> int:
        """Return the bytes that removing the others frees."""
        return sum(other.file_size for other in self.others)


@dataclass(frozen=True, slots=True)
class DuplicatesFound:
    """What is known of duplicates: groups, those that free the most space first, and groups of similar uploads.

    `compared` of `pairs` are done; until all are, groups may still be missing, but those here are complete in what they
    say: each of their uploads was compared with the one to keep. `unread` uploads wait for the background pass.
    """

    groups: tuple[DuplicateGroup, ...] = ()
    similar: tuple[DuplicateGroup, ...] = ()
    compared: int = 0
    pairs: int = 0
    unread: int = 0
