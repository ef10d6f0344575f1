"""A picture made small, upright, sRGB and opaque: the one way from a file to pixels, for every use of them."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageCms

from vuemantics_tui.domain import formats
from vuemantics_tui.domain.errors import MediaError, VuemanticsError
from vuemantics_tui.domain.media import LEAST_VISION_SIDE, LookSize, SmallPicture, Square
from vuemantics_tui.media.colour_space import Colours, ColourSpace, colours_of, to_srgb
from vuemantics_tui.media.depth import deep_levels
from vuemantics_tui.media.faults import is_picture_fault
from vuemantics_tui.media.heif import promote_thumbnail
from vuemantics_tui.media.pictures import (
    ANIMATED,
    DEFAULT_MAX_PIXELS,
    format_of,
    open_picture,
    orientation,
    picture_faults,
    turn_upright,
)
from vuemantics_tui.media.visible import BLANK, contrast, on_ground

Shrink = Callable[[Image.Image], Image.Image]
"""Decodes a picture and makes it smaller; may change the picture that it is given."""

# How much the sides of a picture for a model may change against each other, as a share.
_MOST_SQUASHED = 0.02

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}

_UNDECODABLE = "The picture cannot be decoded"

_MOST_LONG_SIDE = 16_384
# A factor that should be a whole number may fall short of it by the last bits.
_ROUNDING = 1e-9
# Above this a picture that was cut is not filled up.
_MOST_CUT_PIXELS = 50_000_000

# How many frames of an animation are searched for one that shows something.
_MOST_FRAMES, _MOST_FRAME_PIXELS = 100, 150_000_000

# The modes that a colour profile can be for, with its own word for each (ICC.1:2022, 7.2.8).
_PROFILED_MODES = {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY"}
# 9 x 9 x 9 colours, evenly spread: by them a profile shows what it does.
_COLOUR_SAMPLE = Image.fromarray(
    np.stack(np.meshgrid(*[np.linspace(0, 255, 9).astype(np.uint8)] * 3), axis=-1).reshape(27, 27, 3)
)


def picture_within(
    picture: Path | bytes | SmallPicture, side: int, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Image.Image:
    """A picture file, or the bytes of one, as RGB whose sides have at most `side` pixels; never enlarged.

    Of an animation it is the first frame that shows something. The thumbnail inside a HEIC file is used where it is
    large enough. Of a file that was cut it is what is there, with `info["missing"]` in words. Raises MediaError if the
    picture is missing, does not decode or has more than `max_pixels`.
    """
    with picture_faults(_UNDECODABLE):
        if isinstance(picture, SmallPicture):
            return fit_within(image_of(picture), side)
        shrink = partial(fit_within, side=side)
        embedded = _embedded_thumbnail(picture, side, shrink)
        return _decoded(picture, shrink, max_pixels) if embedded is None else embedded


def picture_of(
    picture: Path | bytes | SmallPicture, size: LookSize, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Image.Image:
    """A picture file, or the bytes of one, as RGB of that size.

    A smaller picture keeps its own. Of an animation it is the first frame that shows something; `info["missing"]` says
    what a file that was cut lacks. Raises MediaError if the picture is missing, does not decode or has more than
    `max_pixels`.
    """
    with picture_faults(_UNDECODABLE):
        if isinstance(picture, SmallPicture):
            return reduce_to(image_of(picture), size)
        return exactly(_decoded(picture, partial(reduce_to, size=size), max_pixels), size)


def exactly(image: Image.Image, size: LookSize) -> Image.Image:
    """Make a picture that is under twice as large as `size` just as large, if that is to be exact."""
    scale = size.scale(*image.size)
    if size.exact and scale < 1:
        side = round(max(image.size) * scale)
        image.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return image


def squared(image: Image.Image, square: Square) -> Image.Image:
    """Return the square of an RGB picture that a network sees, scaled as torchvision does and cut as Immich does."""
    side, method = square.side, _FILTERS.get(square.filter, Image.Resampling.BICUBIC)
    if square.squashed:
        return image.resize((side, side), method)
    short = min(image.size)
    # Both as torchvision rounds them.
    width, height = (side if length == short else int(side * length / short) for length in image.size)
    # Rounded down, as Immich and transformers do. To scale the middle alone would be faster, but Pillow takes its edges
    # in single precision, which changes a few pixels.
    left, top = (width - side) // 2, (height - side) // 2
    return image.resize((width, height), method).crop((left, top, left + side, top + side))


def small_of(image: Image.Image) -> SmallPicture:
    """Return the pixels of an RGB picture."""
    return SmallPicture(image.width, image.height, image.tobytes())


def image_of(picture: SmallPicture) -> Image.Image:
    """Return pixels as Pillow has them. Raises MediaError if they are not as many as they should be."""
    if len(picture.rgb) != 3 * picture.width * picture.height or not picture.rgb:
        raise MediaError(f"The picture has {len(picture.rgb)} bytes, and not {picture.width} x {picture.height} pixels")
    return Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)


def jpeg_of(picture: SmallPicture, quality: int) -> bytes:
    """Return pixels as a JPEG. Raises MediaError if they are not as many as they should be."""
    stream = io.BytesIO()
    image_of(picture).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def png_of(picture: SmallPicture) -> bytes:
    """Return pixels as a PNG, each as it is. Raises MediaError if they are not as many as they should be."""
    stream = io.BytesIO()
    image_of(picture).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def frame_within(picture: Path | bytes, number: int, side: int, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image.Image:
    """The frame of that number, from 0, of an animation, as RGB whose sides have at most `side` pixels.

    Raises MediaError as `picture_within`, and if the animation ends before.
    """
    with picture_faults(_UNDECODABLE), open_picture(picture, max_pixels) as image:
        colours = colours_of(picture, image)
        try:
            # An APNG may have a picture before its frames.
            image.seek(number + bool(image.info.get("default_image")))
        except EOFError as error:
            raise MediaError(f"The animation has no frame {number + 1}") from error
        return small_rgb(image.copy(), partial(fit_within, side=side), colours)


def vision_jpeg(
    picture: Path | bytes | SmallPicture, long_side: int, multiple: int, quality: int, max_pixels: int
) -> bytes:
    """Return a picture file, or the bytes of one, as an upright RGB JPEG for a vision model.

    Each side is a multiple of `multiple`, which the model's patches divide, has at least 32 pixels, and at most
    `long_side` if that is enough for one multiple. To fit, a picture is stretched or squashed by 2 % at most; else it
    gets borders in its own mean colour. Only a picture with a side below 32 pixels, or a multiple, is enlarged. Raises
    MediaError if the picture is missing, does not decode or has more than `max_pixels`.
    """
    least = -(-LEAST_VISION_SIDE // multiple) * multiple
    most = max(least, long_side - long_side % multiple)
    small = picture_within(picture, most, max_pixels)
    size, content = _fitted(small.size, multiple, least, most)
    if small.size != content:
        small = small.resize(content, Image.Resampling.BICUBIC)
    if content != size:
        whole = Image.new("RGB", size, small.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))
        whole.paste(small, ((size[0] - content[0]) // 2, (size[1] - content[1]) // 2))
        small = whole
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def _fitted(size: tuple[int, int], multiple: int, least: int, most: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the size of a picture for a model, and that of what it shows within."""
    grown = max(1.0, min(least / min(size), most / max(size)))
    width, height = (min(most, max(1, round(side * grown))) for side in size)
    wides, highs = (
        [each for each in (side - side % multiple, side + -side % multiple) if least <= each <= most] or [least]
        for side in (width, height)
    )
    # How much each size is wider and higher than the picture, as logarithms: equal ones keep its shape.
    changes = {(wide, high): (math.log(wide / width), math.log(high / height)) for wide in wides for high in highs}
    kept = [each for each, (x, y) in changes.items() if abs(x - y) <= math.log(1 + _MOST_SQUASHED)]
    if kept:
        nearest = min(kept, key=lambda each: sum(map(abs, changes[each])))
        return nearest, nearest
    # The borders take what a picture of its shape leaves: the less the better.
    scales = {(wide, high): min(wide / width, high / height) for wide, high in changes}
    wide, high = max(scales, key=lambda each: scales[each] ** 2 / (each[0] * each[1]))
    scale = scales[wide, high]
    return (wide, high), (max(1, round(width * scale)), max(1, round(height * scale)))


def _decoded(picture: Path | bytes, shrink: Shrink, max_pixels: int) -> Image.Image:
    """Return a picture as small upright RGB, or what can be read of one that was cut off."""
    try:
        return _opened_small(picture, shrink, max_pixels)
    except Exception as error:
        if isinstance(error, VuemanticsError | MemoryError) or not is_picture_fault(error):
            raise
        rest = _rest_of(picture, shrink, max_pixels)
        if rest is None:
            raise
        return rest


def _rest_of(picture: Path | bytes, shrink: Shrink, max_pixels: int) -> Image.Image | None:
    """Return what can be read of a picture that does not decode, or None if nothing can."""
    # Imported here because it is rarely needed.
    from vuemantics_tui.media import cut

    found = format_of(picture)
    if found is None or found.decoder.package:
        return None
    data = picture if isinstance(picture, bytes) else picture.read_bytes()
    whole = cut.made_whole(data, found)
    if whole is None:
        return None
    images: list[Image.Image] = []
    # Only a JPEG is made smaller while it is decoded.
    most = max_pixels if found is formats.JPEG else min(max_pixels, _MOST_CUT_PIXELS)
    with cut.to_the_end():
        for filled in whole:
            try:
                images.append(_opened_small(filled, shrink, most))
            except Exception as error:
                if not isinstance(error, VuemanticsError) and not is_picture_fault(error):
                    raise
                if not images:
                    return None
    words = cut.missing_words(data, found, images)
    if words is None:
        return None
    if words:
        images[0].info["missing"] = words
    return images[0]


def _opened_small(picture: Path | bytes, shrink: Shrink, max_pixels: int) -> Image.Image:
    """A picture as small upright RGB. Raises what the decoder raises if it does not decode."""
    with open_picture(picture, max_pixels) as image:
        colours = colours_of(picture, image)
        levels = deep_levels(picture, image, hdr=isinstance(colours, ColourSpace) and colours.is_hdr)
        if levels is not None:
            return turn_upright(_deep_rgb(levels, shrink, colours), orientation(image))
        small = small_rgb(image, shrink, colours)
        may_move = image.format in ANIMATED
    if may_move and contrast(small) < BLANK:
        return _frame_that_shows(picture, shrink, max_pixels, small)
    return small


def small_rgb(image: Image.Image, shrink: Shrink, colours: Colours | None = None) -> Image.Image:
    """What an open picture shows, small and upright. Nothing of full size is copied where the mode allows that."""
    scalable = image
    if image.mode in ("1", "P", "PA") or "transparency" in image.info:
        scalable = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.format == "HEIF":
        # A HEIC of several pictures decodes again, at its old size, each time its pixels are asked for.
        scalable = image.copy()
    # Scaling before anything else lets the JPEG decoder do most of it; a copy would lose that (draft mode).
    small = shrink(scalable)
    if image.format == "RAW":
        # Only decoding tells what is shown of it, and so in which colours.
        colours = colours_of(b"", image)
    if image.mode == "CMYK" and image.format in ("JPEG", "MPO") and "adobe" not in image.info:
        # Only Adobe stores CMYK inverted (Adobe TN 5116), and Pillow takes every JPEG for Adobe's.
        small = ImageChops.invert(small)
    return _to_rgb(turn_upright(small, orientation(image)), colours)


def _deep_rgb(levels: NDArray[np.uint16], shrink: Shrink, colours: Colours | None) -> Image.Image:
    """What levels of 16 bits, grey or RGB with or without alpha, show; not turned."""
    if isinstance(colours, ColourSpace) and colours.is_hdr and levels.ndim == 3:
        bands = [np.asarray(shrink(Image.fromarray(levels[..., band].astype(np.float32)))) for band in range(3)]
        small = np.clip(np.rint(np.stack(bands, axis=-1)), 0, 65535).astype(np.uint16)
        image = Image.fromarray(to_srgb(small, colours))
        if levels.shape[2] == 3:
            return image
        return on_ground(image, shrink(Image.fromarray((levels[..., 3] >> 8).astype(np.uint8))))
    return _to_rgb(shrink(Image.fromarray((levels >> 8).astype(np.uint8))), colours)


def _frame_that_shows(picture: Path | bytes, shrink: Shrink, max_pixels: int, first: Image.Image) -> Image.Image:
    """The first frame of an animation that is not blank, or the best there is, `first` included."""
    best, most = first, contrast(first)
    with open_picture(picture, max_pixels) as image:
        colours = colours_of(picture, image)
        affordable = max(2, _MOST_FRAME_PIXELS // max(1, image.width * image.height))
        for number in range(1, min(affordable, _MOST_FRAMES)):
            try:
                image.seek(number)
                # Scaled in place, the picture could not go on to the next frame.
                frame = image.copy()
            except Exception as error:
                if not isinstance(error, EOFError) and not is_picture_fault(error):
                    raise
                # The end or damage: use the first frame.
                break
            small = small_rgb(frame, shrink, colours)
            if (found := contrast(small)) > most:
                best, most = small, found
            if most >= BLANK:
                break
    return best


def fit_within(image: Image.Image, side: int) -> Image.Image:
    """A Shrink: no side of more than `side` pixels."""
    if image.format == "RAW":
        # The decoded preview may be smaller than the photo; it is not enlarged.
        image.draft(None, (side, side))
    image.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=1.0)
    image.load()
    return image


def reduce_to(image: Image.Image, size: LookSize) -> Image.Image:
    """A Shrink: at least `size`, and under twice as much, by averages of whole pixels.

    It is smaller where the long side would have more than 16,384 pixels.
    """
    width, height = image.size
    scale = size.scale(width, height)
    factor = int(1 / scale + _ROUNDING)
    image.draft(None, (width // factor, height // factor))
    image.load()
    # A strip that is thin and very long would take all memory.
    wanted = max(1.0, min(width, height) * scale)
    rest = max(int(min(image.size) / wanted + _ROUNDING), -(-max(image.size) // _MOST_LONG_SIDE))
    return image.reduce(rest) if rest > 1 else image


def _embedded_thumbnail(picture: Path | bytes, side: int, shrink: Shrink) -> Image.Image | None:
    """The thumbnail that a HEIC file carries, shrunk, or None if it has no good one."""
    if format_of(picture) is not formats.HEIC:
        return None
    try:
        edited = promote_thumbnail(picture if isinstance(picture, bytes) else picture.read_bytes(), side)
        if edited is None:
            return None
        with pi_heif.HeifImageFile(io.BytesIO(edited)) as image:
            return small_rgb(image, shrink, colours_of(edited, image))
    except Exception as error:
        if not is_picture_fault(error):
            raise
        # The large picture may still be whole.
        return None


def _to_rgb(image: Image.Image, colours: Colours | None) -> Image.Image:
    if image.mode in ("I", "F"):
        image = _greys(image)
    if image.mode in ("La", "RGBa"):
        # Multiplied by alpha, which only these conversions undo.
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode in ("LA", "RGBA"):
        opaque = image.getchannel("L") if image.mode == "LA" else image.convert("RGB")
        return on_ground(_to_srgb(opaque, colours), image.getchannel("A"))
    return _to_srgb(image, colours)


def _greys(image: Image.Image) -> Image.Image:
    """32-bit integer or float greys as 8-bit ones: 0..1 and those of 8, 10, 12 and 16 bits keep their scale."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    low, high = float(values.min()), float(values.max())
    # Bicubic scaling overshoots its input a little at sharp edges.
    slack = 0.1 * max(abs(low), abs(high))
    top = next((top for top in (1.0, 255.0, 1023.0, 4095.0, 65535.0) if low >= -slack and high <= top * 1.1), None)
    if image.mode == "I" and top == 1.0:
        top = 255.0
    if top is None:
        values, top = values - low, (high - low) or 1.0
    return Image.fromarray(np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8), "L")


def _to_srgb(image: Image.Image, colours: Colours | None) -> Image.Image:
    """RGB in the colours that a screen expects; a profile that makes no sense is passed over."""
    if isinstance(colours, ColourSpace):
        return Image.fromarray(to_srgb(np.asarray(image.convert("RGB")), colours))
    if colours and image.mode in _PROFILED_MODES:
        try:
            return _by_profile(image, colours)
        except Exception as error:
            if not is_picture_fault(error):
                raise
    return image.convert("RGB")


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    # Greys are often saved with the profile of the colours they were made from.
    for mode in (image.mode, "RGB") if image.mode == "L" else (image.mode,):
        transform = _srgb_transform(profile, mode)
        converted = None if transform is None else ImageCms.applyTransform(image.convert(mode), transform)
        if converted is not None:
            return converted
    return image.convert("RGB")


@lru_cache(maxsize=8)
def _srgb_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB, or None if it is not one for `mode` or changes no colour."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if (source.profile.xcolor_space or "").strip() != _PROFILED_MODES[mode]:
        return None
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    if mode == "RGB":
        # Most profiles are sRGB's own, of one maker or another.
        converted = np.asarray(ImageCms.applyTransform(_COLOUR_SAMPLE, transform))
        if np.abs(converted.astype(int) - np.asarray(_COLOUR_SAMPLE)).max() <= 1:
            return None
    return transform
