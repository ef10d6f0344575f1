"""What a picture looks like: a perceptual hash, its sharpness, its colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui.domain.duplicates import PictureTraits
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.media.colours import read_palette
from vuemantics_tui.media.pictures import DEFAULT_MAX_PIXELS
from vuemantics_tui.media.scaled import picture_within
from vuemantics_tui.media.thumbnail import small_picture

_SIDE = 256
# The hash is of the lowest 8 x 8 frequencies of 32 x 32 greys, as Zauner, "Implementation and Benchmarking of
# Perceptual Image Hash Functions", 2010.
_GREYS, _FREQUENCIES = 32, 8
# Below this standard deviation of the greys, of 0..255, the frequencies are those of the noise.
_FLAT_DEVIATION = 2.0
# What the inner part of a picture leaves out at each side: by its hash, crops of up to a tenth are found.
_EDGE = 0.06
_LOOK_GREYS, _LOOK_COLOURS = 8, 4
# A colour that covers less of a picture is nothing that anybody would look for.
_LEAST_SHARE = 0.05


def read_traits(
    thumbnail: Path | None, source: Path, file_type: FileType, max_pixels: int = DEFAULT_MAX_PIXELS
) -> PictureTraits:
    """Return the looks of a picture from its thumbnail, or without one from the original. A video has
    those of its thumbnail's frame.

    Raises MediaError if neither can be decoded.
    """
    if thumbnail is not None and thumbnail.is_file():
        return traits_of(picture_within(thumbnail, _SIDE, max_pixels))
    return traits_of(small_picture(source, file_type, _SIDE, max_pixels))


def traits_of(picture: Image.Image) -> PictureTraits:
    """What an upright RGB picture of at most 256 x 256 pixels looks like."""
    greys = picture.convert("L")
    shares = read_palette(np.asarray(picture)).shares
    colours = {name: round(share, 3) for name, share in shares.items() if share >= _LEAST_SHARE}
    return PictureTraits(
        perceptual_hash(greys), sharpness(greys), colours, perceptual_hash(greys, _EDGE), coarse_look(picture)
    )


def coarse_look(picture: Image.Image) -> bytes:
    """The look of an RGB picture as `Fingerprint` has it."""
    grey, *differences = picture.convert("YCbCr").split()
    sides = ((_LOOK_GREYS, grey), *((_LOOK_COLOURS, each) for each in differences))
    return b"".join(each.resize((side, side), Image.Resampling.BOX).tobytes() for side, each in sides)


def perceptual_hash(greys: Image.Image, edge: float = 0.0) -> int | None:
    """64 bits as a signed integer: which of the lowest frequencies are above their median. None for one colour.

    `edge` is the share of the width or height that is left out at each side.
    """
    width, height = greys.size
    inner = (edge * width, edge * height, (1 - edge) * width, (1 - edge) * height)
    small = greys.resize((_GREYS, _GREYS), Image.Resampling.LANCZOS, box=inner)
    values = np.asarray(small, np.float64)
    if values.std() < _FLAT_DEVIATION:
        return None
    low = (_COSINES @ values @ _COSINES.T).ravel()
    # The first is the mean brightness, which would move the median of them all.
    bits = low > np.median(low[1:])
    return int(np.packbits(bits).view(">i8")[0])


def sharpness(greys: Image.Image) -> float:
    """The variance of the Laplacian (Pech-Pacheco et al., ICPR 2000): the higher, the sharper."""
    values = np.asarray(greys, np.float64)
    if min(values.shape) < 3:
        return 0.0
    inner = values[1:-1, 1:-1]
    laplacian = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * inner
    return round(float(laplacian.var()), 2)


def _cosines() -> NDArray[np.float64]:
    """The lowest rows of the discrete cosine transform, type II, not scaled: shape (8, 32)."""
    frequency, place = np.arange(_FREQUENCIES)[:, None], np.arange(_GREYS)[None]
    return np.asarray(np.cos(np.pi * (2 * place + 1) * frequency / (2 * _GREYS)))


_COSINES = _cosines()
