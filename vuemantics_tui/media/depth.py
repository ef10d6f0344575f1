"""Pictures of more than 8 bits a channel: how many of the bits are used, and the levels that Pillow leaves out.

Pillow keeps 16 bits of greys and the upper 8 of colours; pi-heif the upper 8.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import Image, ImageFile

from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.media.colour_space import png_chunks
from vuemantics_tui.media.heif import declared_colours
from vuemantics_tui.media.pictures import open_picture

# TIFF 6.0: BitsPerSample, PhotometricInterpretation, MaxSampleValue, PlanarConfiguration, SMaxSampleValue.
_BITS, _PHOTOMETRIC, _MAXIMUM, _PLANAR, _S_MAXIMUM = 258, 262, 281, 284, 341
_SIXTEEN = 65535
# Cameras and scanners of 10 and 12 bits, and pictures of 8. 14 bits are told from a dark picture only by a white.
_USUAL_TOPS = (255, 1023, 4095)
_FULL_14 = 16383
# HDR pictures of more pixels are read with 8 bits: more would take too much memory.
_MOST_PIXELS = 64_000_000
_GREY_ALPHA_BYTES = "RGBA"


def deep_levels(picture: Path | bytes, image: Image.Image, *, hdr: bool) -> NDArray[np.uint16] | None:
    """The levels of an open picture, 0..65535 from black to white; None where the 8 bits that Pillow gives will do.

    They will not for greys of 16 bits, for HDR, and where fewer bits are used than the file has room for: the levels
    are then spread over the whole range. Shape (height, width) or (height, width, 3 or 4). Raises what the decoder
    raises if it does not decode.
    """
    if image.width * image.height > _MOST_PIXELS:
        hdr = False
    if image.mode.startswith("I;16"):
        greys = np.asarray(image).astype(np.uint16, copy=False)
        spread = _spread(greys, _top(greys, _declared_top(picture, image)))
        # Pillow turns only greys of 8 bits round.
        white_is_zero = image.format == "TIFF" and image.getexif().get(_PHOTOMETRIC) == 0
        return _SIXTEEN - spread if white_is_zero else spread
    if image.format == "HEIF":
        return _heif_levels(picture) if hdr and image.info.get("bit_depth", 8) > 8 else None
    if image.format == "AVIF":
        return _avif_levels(picture, image.size) if hdr and image.mode == "RGB" else None
    if image.format == "TIFF":
        _correct_planes(image)
    lower = _lower_bytes(image)
    if lower is None:
        return None
    declared = _declared_top(picture, image)
    brightest = int(np.max(image.getextrema()[:3]))
    if not hdr and declared == _SIXTEEN and brightest > max(_USUAL_TOPS) >> 8 and brightest != _FULL_14 >> 8:
        return None
    upper = np.asarray(image)
    with open_picture(picture, image.width * image.height) as again:
        if isinstance(again, ImageFile.ImageFile):
            again.tile = lower
        other = np.asarray(again)
    levels: NDArray[np.uint16]
    if lower[0].args == _GREY_ALPHA_BYTES:
        levels = other[..., (0, 0, 0, 2)].astype(np.uint16) << 8 | other[..., (1, 1, 1, 3)]
    else:
        levels = upper.astype(np.uint16)
        levels <<= 8
        levels |= other
    colours, alpha = levels[..., :3], levels[..., 3:]
    top = _top(colours, declared)
    # Alpha has as many bits as the rest.
    alpha[...] = _spread(alpha, top if int(alpha.max(initial=0)) <= top else _SIXTEEN)
    colours[...] = _spread(colours, top)
    return levels


def _top(levels: NDArray[np.uint16], declared: int) -> int:
    """The level of white: the declared one, or where that is 65535 or exceeded, what the levels suggest."""
    brightest = int(levels.max(initial=0))
    if brightest <= declared < _SIXTEEN:
        return declared
    if brightest == _FULL_14:
        return _FULL_14
    return next((usual for usual in _USUAL_TOPS if brightest <= usual), _SIXTEEN)


def _spread(levels: NDArray[np.uint16], top: int) -> NDArray[np.uint16]:
    """Levels with white at 65535 that have it at `top`."""
    if top == _SIXTEEN:
        return levels
    table: NDArray[np.uint16] = np.minimum(np.rint(np.arange(_SIXTEEN + 1) * (_SIXTEEN / top)), _SIXTEEN).astype(
        np.uint16
    )
    spread: NDArray[np.uint16] = table[levels]
    return spread


def _declared_top(picture: Path | bytes, image: Image.Image) -> int:
    """The level of white that the file declares, 65535 if it is silent.

    PNG's sBIT tells only how good the levels are: a writer that keeps to the standard has scaled them already, which
    `_top` finds out.
    """
    values: list[Any] = []
    if image.format == "PNG":
        values = [(1 << bits) - 1 for bits in png_chunks(picture).get(b"sBIT", b"")]
    elif image.format == "TIFF":
        tags = image.getexif()
        for tag in (_BITS, _MAXIMUM, _S_MAXIMUM):
            found = tags.get(tag)
            for value in found if isinstance(found, tuple) else (found,):
                if isinstance(value, int | float) and value > 0:
                    values.append((1 << min(int(value), 16)) - 1 if tag == _BITS else int(value))
    # A maximum that no number of bits ends at is that of this picture, and says nothing of white.
    tops = [value for value in values if 255 <= value < _SIXTEEN and value & (value + 1) == 0]
    return max(tops, default=_SIXTEEN)


def _correct_planes(image: Image.Image) -> None:
    """Tell Pillow that the planes of a TIFF, one for each colour, have 16 bits: it takes them for 8."""
    tags: Any = getattr(image, "tag_v2", {})
    if not isinstance(image, ImageFile.ImageFile) or tags.get(_PLANAR) != 2 or 16 not in tags.get(_BITS, ()):
        return
    order = "16L" if tags.prefix == b"II" else "16B"
    image.tile = [
        tile._replace(args=(f"{tile.args[0]};{order}", *tile.args[1:]))
        if tile.codec_name == "raw" and isinstance(tile.args, tuple) and tile.args[0] in ("R", "G", "B", "A")
        else tile
        for tile in image.tile
    ]


def _lower_bytes(image: Image.Image) -> list[Any] | None:
    """The tiles of an open picture with the other byte of each level; None if it has no levels of 16 bits.

    Pillow calls the order of the bytes "16B", "16L" or, as on this machine, "16N", and keeps the upper one. It cannot
    be asked for the other one of greys with alpha, but for all four as if they were RGBA.
    """
    swapped = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}
    if not isinstance(image, ImageFile.ImageFile) or image.mode not in ("RGB", "RGBA") or not image.tile:
        return None
    tiles = []
    for tile in image.tile:
        whole = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        raw = str(whole[0])
        bands, _, order = raw.partition(";")
        if order not in swapped:
            return None
        if bands == "LA":
            tiles.append(tile._replace(args=_GREY_ALPHA_BYTES))
            continue
        changed = (f"{bands};{swapped[order]}", *whole[1:])
        tiles.append(tile._replace(args=changed if isinstance(tile.args, tuple) else changed[0]))
    return tiles


def _heif_levels(picture: Path | bytes) -> NDArray[np.uint16]:
    source = io.BytesIO(picture) if isinstance(picture, bytes) else picture
    return np.asarray(pi_heif.open_heif(source, convert_hdr_to_8bit=False)).astype(np.uint16)


def _avif_levels(picture: Path | bytes, size: tuple[int, int]) -> NDArray[np.uint16] | None:
    """The levels by FFmpeg; None for a picture of 8 bits, or of tiles, which FFmpeg does not put together."""
    # FFmpeg costs 50 ms to load, and few pictures need it.
    from vuemantics_tui.media import clips

    try:
        levels = clips.deep_levels(picture, declared_colours(picture).nclx)
    except MediaError:
        return None
    return levels if levels is not None and levels.shape[1::-1] == size else None
