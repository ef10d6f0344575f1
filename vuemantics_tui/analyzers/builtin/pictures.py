"""A picture file as the pixels that all the looks at it share, and no more of them than they need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui.analyzers.base import Picture
from vuemantics_tui.media.scaled import picture_down_to

Pixels = NDArray[np.uint8]
"""A picture: shape (height, width, 3), sRGB."""

_SHORT_SIDE = 320
# Small enough that a photo's decoder does the scaling, large enough to read what is written in it.
_DETAILED_SHORT_SIDE = 768


def load_pixels(picture: Picture) -> Pixels:
    """The picture upright, on white, with a short side under 640 pixels; the first frame where it has many.

    Raises MediaError where there is no picture, it is torn, too large, or of a format that is not accepted.
    """
    return np.asarray(picture_down_to(picture, _SHORT_SIDE))


def load_detailed_pixels(picture: Picture) -> Pixels:
    """As `load_pixels`, with a short side under 1536 pixels."""
    return np.asarray(picture_down_to(picture, _DETAILED_SHORT_SIDE))


def coarse(pixels: Pixels) -> Pixels:
    """Detailed pixels as `load_pixels` gives them."""
    factor = min(pixels.shape[:2]) // _SHORT_SIDE
    return np.asarray(Image.fromarray(pixels).reduce(factor)) if factor > 1 else pixels


def within(pixels: Pixels, long_side: int) -> Image.Image:
    """The picture with no side longer than `long_side` pixels; never enlarged."""
    image = Image.fromarray(pixels)
    image.thumbnail((long_side, long_side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return image
