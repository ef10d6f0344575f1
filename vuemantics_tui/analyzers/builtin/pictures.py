"""The pixels of a picture, decoded once for all models and no larger than they need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui.analyzers.base import Picture
from vuemantics_tui.analyzers.builtin.vision import COARSE, DETAILED
from vuemantics_tui.domain.media import LookSize
from vuemantics_tui.media.scaled import picture_of

Pixels = NDArray[np.uint8]
"""A picture: shape (height, width, 3), sRGB."""


def load_pixels(picture: Picture, size: LookSize = COARSE) -> Pixels:
    """Return the picture upright and opaque, in this size or up to twice as large; of an animation, one frame.

    Raises MediaError if it is missing, damaged, too large or in an unsupported format.
    """
    return np.asarray(picture_of(picture, size))


def load_detailed_pixels(picture: Picture) -> Pixels:
    """Return the picture like `load_pixels`, in the size in which text is read."""
    return load_pixels(picture, DETAILED)


def coarse(pixels: Pixels) -> Pixels:
    """Reduce detailed pixels to those that all models but the reader and the face finder look at."""
    factor = min(pixels.shape[:2]) // COARSE.short_side
    return np.asarray(Image.fromarray(pixels).reduce(factor)) if factor > 1 else pixels


def within(pixels: Pixels, long_side: int) -> Image.Image:
    """Return the picture with a long side of at most `long_side` pixels, never enlarged."""
    image = Image.fromarray(pixels)
    image.thumbnail((long_side, long_side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return image
