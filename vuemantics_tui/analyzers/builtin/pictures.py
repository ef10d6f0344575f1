"""The pixels of a picture, decoded once for all models and no larger than they need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui.analyzers.base import Picture
from vuemantics_tui.media.scaled import picture_down_to

Pixels = NDArray[np.uint8]
"""A picture: shape (height, width, 3), sRGB."""

_SHORT_SIDE = 320
# Small enough for a photo's decoder to do the scaling, large enough to read text in it.
_DETAILED_SHORT_SIDE = 768


def load_pixels(picture: Picture) -> Pixels:
    """Return the picture upright and opaque, with a short side under 640 pixels; of an animation, one frame.

    Raises MediaError if it is missing, damaged, too large or in an unsupported format.
    """
    return np.asarray(picture_down_to(picture, _SHORT_SIDE))


def load_detailed_pixels(picture: Picture) -> Pixels:
    """Return the picture like `load_pixels`, with a short side under 1536 pixels."""
    return np.asarray(picture_down_to(picture, _DETAILED_SHORT_SIDE))


def coarse(pixels: Pixels) -> Pixels:
    """Reduce detailed pixels to what `load_pixels` returns."""
    factor = min(pixels.shape[:2]) // _SHORT_SIDE
    return np.asarray(Image.fromarray(pixels).reduce(factor)) if factor > 1 else pixels


def within(pixels: Pixels, long_side: int) -> Image.Image:
    """Return the picture with a long side of at most `long_side` pixels, never enlarged."""
    image = Image.fromarray(pixels)
    image.thumbnail((long_side, long_side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return image
