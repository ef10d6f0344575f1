"""A picture file as a small, upright RGB array: all that the models need, and no more pixels than that."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from vuemantics_tui.analyzers.base import Picture
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.media import MediaLimits

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

Pixels = NDArray[np.uint8]
"""A picture: shape (height, width, 3), sRGB."""

_SHORT_SIDE = 320
_FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "TIFF", "BMP")
_ORIENTATION_TAG = 0x0112
# EXIF 2.32, tag Orientation: what turns each value upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's decoders raise on bad data, gathered from all the formats above.
_DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, RuntimeError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


def load_pixels(picture: Picture) -> Pixels:
    """The picture upright, on white, with a short side under 640 pixels; the first frame where it has many.

    Raises MediaError where there is no picture, it is torn, too large, or of a format that is not accepted.
    """
    _register_heif()
    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes far below our own limit, and of harmless faults in metadata.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture, formats=_FORMATS) as file:
                return _decode(file)
    except FileNotFoundError as error:
        raise MediaError("The picture's file is gone.", "Add the picture again.") from error
    except UnidentifiedImageError as error:
        raise MediaError(
            "The file is not a picture that can be read.", "Check that other programs can open it."
        ) from error
    except MemoryError as error:
        raise MediaError("There is not enough memory to open the picture.", "Try a smaller copy of it.") from error
    except _DECODING_ERRORS as error:
        raise MediaError(
            f"The picture cannot be decoded: {error}.",
            "The file may be damaged or cut short: get a fresh copy.",
        ) from error


@cache
def _register_heif() -> None:
    import pi_heif  # type: ignore[import-untyped, unused-ignore]

    pi_heif.register_heif_opener()


def _decode(file: ImageFile) -> Pixels:
    width, height = file.size
    limit = MediaLimits().max_pixels
    if width * height > limit:
        raise MediaError(
            f"The picture has {width * height / 1e6:.0f} million pixels.",
            f"At most {limit // 10**6} million can be read.",
        )
    factor = max(1, min(width, height) // _SHORT_SIDE)
    # JPEG alone can decode at a fraction of its size; other formats take no notice.
    file.draft(None, (width // factor, height // factor))
    file.load()
    turn = _TURNS.get(_orientation(file))
    small = _shrink(_in_eight_bits(file))
    return np.asarray(small.transpose(turn) if turn is not None else small)


def _orientation(file: Image.Image) -> int:
    try:
        return int(file.getexif().get(_ORIENTATION_TAG, 1))
    except _DECODING_ERRORS:
        return 1


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """The same picture in mode RGB, or RGBa (colours multiplied by alpha) where it can be seen through."""
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return Image.fromarray(_stretch(np.asarray(image))).convert("RGB")
    if image.mode == "LAB":
        from PIL import ImageCms

        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        return image.convert("RGB") if converted is None else converted
    if image.mode in {"RGBa", "La"}:
        return image.convert("RGBA").convert("RGBa")
    if image.has_transparency_data:
        return image.convert("RGBA").convert("RGBa")
    return image.convert("RGB")


def _stretch(values: NDArray[np.generic]) -> Pixels:
    """Grey values of any depth as 8 bits: over the range of 16 bits where they keep to it, else their own."""
    grey = np.nan_to_num(values.astype(np.float32))
    low, high = float(grey.min()), float(grey.max())
    if values.dtype.kind in "iu" and low >= 0 and 255 < high <= 65535:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    scaled = (grey - low) * (255.0 / max(high - low, 1e-6))
    grey8: Pixels = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return grey8


def _shrink(image: Image.Image) -> Image.Image:
    factor = min(image.size) // _SHORT_SIDE
    small = image.reduce(factor) if factor > 1 else image
    if small.mode != "RGBa":
        return small
    layers = np.asarray(small)
    return Image.fromarray(layers[..., :3] + (255 - layers[..., 3:]))
