"""What a process of the pool is asked to do with a file. Pillow and FFmpeg are loaded there, and not by who asks.

What travels: a file's path goes to processes of this machine alone. `first_look` decodes it here, and what it hands on
is plain: the thumbnail as JPEG, numbers and words, and a `SmallPicture` each for the analyzer and the joint model.
Whoever describes or embeds takes that in place of the file, or the bytes of a picture file, so such a call needs no
disk in common: for a call over a network, `small_jpeg_of` makes bytes of the pixels, or `small_png_of` where each of
them counts.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vuemantics_tui.domain.duplicates import Comparable, Likeness, PictureTraits
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import WHOLE, Crop, FirstLook, LookSize, MediaMetadata, SmallPicture, Square

SENT_QUALITY = 90
"""The quality of pictures that travel: what models see in them does not change."""


def first_look(
    source: Path | bytes, file_type: FileType, size: LookSize | None, max_pixels: int, square: Square | None = None
) -> FirstLook:
    """See `first_look.take_first_look`."""
    from vuemantics_tui.media.first_look import take_first_look

    return take_first_look(source, file_type, size, max_pixels, square)


def sent_first_look(
    source: Path | bytes, file_type: FileType, size: LookSize | None, max_pixels: int, square: Square | None = None
) -> FirstLook:
    """Take a first look for another machine: the picture is a JPEG, a tenth of its pixels."""
    from vuemantics_tui.media.first_look import take_first_look
    from vuemantics_tui.media.scaled import jpeg_of

    look = take_first_look(source, file_type, size, max_pixels, square)
    if not isinstance(look.picture, SmallPicture):
        return look
    return replace(look, picture=jpeg_of(look.picture, SENT_QUALITY))


def small_jpeg_of(picture: SmallPicture, quality: int) -> bytes:
    """See `scaled.jpeg_of`."""
    from vuemantics_tui.media import scaled

    return scaled.jpeg_of(picture, quality)


def small_png_of(picture: SmallPicture) -> bytes:
    """See `scaled.png_of`."""
    from vuemantics_tui.media import scaled

    return scaled.png_of(picture)


def make_thumbnail(source: Path, file_type: FileType, target: Path, max_pixels: int) -> str:
    """See `thumbnail.make_thumbnail`; returns what the picture's file lacks."""
    from vuemantics_tui.media import thumbnail

    return thumbnail.make_thumbnail(source, file_type, target, max_pixels).missing


def read_metadata(path: Path, file_type: FileType, max_pixels: int) -> MediaMetadata:
    """See `metadata.read_metadata`."""
    from vuemantics_tui.media import metadata

    return metadata.read_metadata(path, file_type, max_pixels)


def read_traits(thumbnail: Path | None, source: Path, file_type: FileType, max_pixels: int) -> PictureTraits:
    """See `traits.read_traits`."""
    from vuemantics_tui.media import traits

    return traits.read_traits(thumbnail, source, file_type, max_pixels)


def compare(kept: Comparable, others: list[Comparable], max_pixels: int) -> list[Likeness]:
    """See `comparison.compare`."""
    from vuemantics_tui.media import comparison

    return comparison.compare(kept, others, max_pixels)


def clip_fingerprint(path: Path) -> bytes:
    """See `comparison.clip_fingerprint`."""
    from vuemantics_tui.media import comparison

    return comparison.clip_fingerprint(path)


def extract_frames(path: Path, count: int) -> list[bytes]:
    """See `frames.extract_frames`."""
    from vuemantics_tui.media import frames

    return frames.extract_frames(path, count)


def timed_frames(path: Path, count: int) -> tuple[list[bytes], list[float]]:
    """See `frames.timed_frames`."""
    from vuemantics_tui.media import frames

    return frames.timed_frames(path, count)


def vision_jpeg(
    picture: Path | bytes | SmallPicture, long_side: int, multiple: int, quality: int, max_pixels: int
) -> bytes:
    """See `scaled.vision_jpeg`."""
    from vuemantics_tui.media import scaled

    return scaled.vision_jpeg(picture, long_side, multiple, quality, max_pixels)


def small_jpeg(path: Path, side: int, max_pixels: int, crop: Crop = WHOLE, at: float | None = None) -> bytes:
    """See `thumbnail.small_jpeg`."""
    from vuemantics_tui.media import thumbnail

    return thumbnail.small_jpeg(path, side, max_pixels, crop, at)
