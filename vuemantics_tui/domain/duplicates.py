"""The look of a picture, and groups of near-duplicates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PictureTraits:
    """The look of one picture.

    `phash` is a perceptual hash of 64 bits as a signed integer, None for a picture of one colour; `sharpness` the
    variance of the Laplacian of its greys in 0..255; `colours` the share in 0..1 of each named colour that covers a
    part of it.
    """

    phash: int | None
    sharpness: float
    colours: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookAlike:
    """One upload in a group of near-duplicates. `distance` in bits from the one to keep, `taken_at` from the file.

    `file_size` in bytes, `width` and `height` upright in pixels, `created_at` (added) in ISO 8601 UTC.
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
    distance: int = 0

    @property
    def pixels(self) -> int:
        """Return width times height, or 0 if unknown."""
        return (self.width or 0) * (self.height or 0)


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Uploads that look the same: the best one to keep, and the others, most similar first."""

    keep: LookAlike
    others: tuple[LookAlike, ...]

    @property
    def members(self) -> tuple[LookAlike, ...]:
        """Return all uploads of the group, the one to keep first."""
        return (self.keep, *self.others)

    @property
    def spare_bytes(self) -> int:
        """Return the bytes that removing the others frees."""
        return sum(other.file_size for other in self.others)
