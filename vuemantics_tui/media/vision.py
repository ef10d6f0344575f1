"""A picture as the models that look at it want it: small, RGB, with sides that their patches divide."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from vuemantics_tui.media.small import picture_within


def vision_jpeg(picture: Path | bytes, long_side: int, multiple: int, quality: int, max_pixels: int) -> bytes:
    """A picture file, or the bytes of one, as an upright RGB JPEG.

    No side has more than `long_side` pixels, and each is rounded down to a multiple of `multiple` pixels. Nothing is
    enlarged, but for a side of less than `multiple`. Raises MediaError if the picture is missing, does not decode or
    has more than `max_pixels`.
    """
    small = picture_within(picture, long_side, max_pixels)
    width, height = (max(multiple, side - side % multiple) for side in small.size)
    if small.size != (width, height):
        small = small.resize((width, height), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
