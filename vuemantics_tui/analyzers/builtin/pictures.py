"""A picture file as the pixels that all the looks at it share, and no more of them than they need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.analyzers.base import Picture
from vuemantics_tui.media.small import picture_down_to

Pixels = NDArray[np.uint8]
"""A picture: shape (height, width, 3), sRGB."""

_SHORT_SIDE = 320


def load_pixels(picture: Picture) -> Pixels:
    """The picture upright, on white, with a short side under 640 pixels; the first frame where it has many.

    Raises MediaError where there is no picture, it is torn, too large, or of a format that is not accepted.
    """
    return np.asarray(picture_down_to(picture, _SHORT_SIDE))
