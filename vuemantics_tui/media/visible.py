"""What can be seen of a picture: whether it is blank, and the ground that shows the shapes on a transparent one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

BLANK = 10.0
"""The contrast below which a frame is as good as one colour."""

# White where it shows most of the outline; else that of the three which shows the most.
_GROUNDS = (255, 40, 128)
# An outline can be seen where it is so much lighter or darker than the ground, of 0..255.
_VISIBLE_STEP = 48
_MOST_OF_IT = 0.75
# The choice is made on a copy of this size, so that it does not depend on the size of the picture.
_SIDE = 128
# A pixel is at the outline where a neighbour's alpha is so much lower.
_ALPHA_STEP = 24


def contrast(image: Image.Image) -> float:
    """The standard deviation of the brightness, of 0..255."""
    return float(ImageStat.Stat(image.convert("L")).stddev[0])


def on_ground(image: Image.Image, alpha: Image.Image) -> Image.Image:
    """An RGB picture, its colours not multiplied by `alpha`, laid on the grey that shows it best."""
    if alpha.getextrema()[0] == 255:
        return image
    ground = Image.new("RGB", image.size, (ground_of(image, alpha),) * 3)
    ground.paste(image, mask=alpha)
    return ground


def ground_of(image: Image.Image, alpha: Image.Image) -> int:
    """The grey, 0..255, for what is visible of an RGB picture: white unless its outline would vanish on that."""
    size = image.size
    if max(size) > _SIDE:
        size = (max(1, size[0] * _SIDE // max(size)), max(1, size[1] * _SIDE // max(size)))
    # Alpha counts while it is made smaller, so that hidden colours do not show.
    layered = image.convert("RGB")
    layered.putalpha(alpha)
    small = layered.resize(size, Image.Resampling.BOX)
    opacity = np.asarray(small.getchannel("A")).astype(np.int16)
    brightness = np.asarray(small.convert("RGB").convert("L")).astype(np.int16)
    weights = np.where(_at_outline(opacity), opacity, 0)
    if not weights.any():
        weights = opacity
    total = int(weights.sum())
    if not total:
        return _GROUNDS[0]

    def visible(ground: int) -> float:
        return float(weights[np.abs(brightness - ground) >= _VISIBLE_STEP].sum()) / total

    shares = {ground: visible(ground) for ground in _GROUNDS}
    if shares[_GROUNDS[0]] >= _MOST_OF_IT:
        return _GROUNDS[0]
    return max(_GROUNDS, key=lambda ground: shares[ground])


def _at_outline(opacity: NDArray[np.int16]) -> NDArray[np.bool_]:
    edge = np.pad(opacity, 1, mode="edge")
    neighbours = [edge[:-2, 1:-1], edge[2:, 1:-1], edge[1:-1, :-2], edge[1:-1, 2:]]
    return np.asarray(opacity - np.minimum.reduce(neighbours) >= _ALPHA_STEP)
