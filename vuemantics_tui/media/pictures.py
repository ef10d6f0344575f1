"""Opening pictures: the one place that knows how Pillow and libheif are to be asked."""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pi_heif
from PIL import Image, UnidentifiedImageError

from vuemantics_tui import paths
from vuemantics_tui.domain import formats
from vuemantics_tui.domain.errors import DefectError, MediaError, VuemanticsError
from vuemantics_tui.domain.formats import HEIF, MediaFormat, recognise, recognise_open
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.media.exif import forget_orientation_of_xmp, orientation_of, read_late_chunks
from vuemantics_tui.media.faults import is_picture_fault
from vuemantics_tui.media.probe import check_reader

DEFAULT_MAX_PIXELS = MediaLimits().max_pixels
ANIMATED = frozenset(each.decoder.pillow_name for each in formats.ANIMATED)
"""Pillow's names of the formats whose pictures may have several frames."""

NO_MEMORY_HINT = "Close other programs and retry, or raise worker_memory_mib in the settings."
DAMAGED_HINT = "The file is damaged or was not copied whole. Copy it again from where it came from."


_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112
# From this orientation on, width and height change places.
_FIRST_SIDEWAYS = 5
_TURNED_BY_READER = ("HEIF", "RAW", "JXL")


@contextmanager
def open_picture(picture: Path | bytes, max_pixels: int = DEFAULT_MAX_PIXELS) -> Iterator[Image.Image]:
    """Open a picture file, or the bytes of one, lazily: the header is read, no pixel is decoded.

    Raises MediaError if the header declares more than `max_pixels`; for a header that cannot be read, what the decoder
    raises (see `is_picture_fault`), so that callers can tell a picture that is refused from one that is damaged.
    """
    found = format_of(picture)
    source = io.BytesIO(picture) if isinstance(picture, bytes) else picture
    if found is not None and found.decoder is HEIF:
        with _pixel_limit(max_pixels):
            image: Image.Image = pi_heif.HeifImageFile(source)
    elif found is not None and found.decoder.pillow_name:
        check_reader(found)
        # Pillow loads every plugin it has when a format is asked for that is not yet there: load this one instead.
        importlib.import_module(found.decoder.module)
        with _pixel_limit(max_pixels):
            image = Image.open(source, formats=[found.decoder.pillow_name])
    else:
        raise UnidentifiedImageError("the file is not a picture of an accepted format")
    with image:
        width, height = image.size
        if width * height > max_pixels:
            raise too_many_pixels(f"{width} x {height}", max_pixels)
        if image.format == "PNG":
            read_late_chunks(image, picture)
        elif image.format == "TIFF":
            forget_orientation_of_xmp(image)
        yield image


@contextmanager
def open_cut_or_whole(picture: Path, max_pixels: int = DEFAULT_MAX_PIXELS) -> Iterator[Image.Image]:
    """Open a picture file for what its header says: as `open_picture`, but a file that was cut may be filled up.

    Its pixels are then not to be used.
    """
    with ExitStack() as stack:
        try:
            image = stack.enter_context(open_picture(picture, max_pixels))
        except Exception as error:
            if isinstance(error, VuemanticsError | MemoryError) or not is_picture_fault(error):
                raise
            # Imported here because it is rarely needed.
            from vuemantics_tui.media import cut

            found = format_of(picture)
            whole = None if found is None else cut.made_whole(picture.read_bytes(), found)
            if whole is None:
                raise
            image = stack.enter_context(open_picture(whole[0], max_pixels))
        yield image


def format_of(picture: Path | bytes) -> MediaFormat | None:
    """The accepted format of a file, from its first bytes. Raises OSError if it cannot be read."""
    if isinstance(picture, bytes):
        return recognise(picture)
    with picture.open("rb") as file:
        return recognise_open(file)


@contextmanager
def picture_faults(what: str) -> Iterator[None]:
    """Turn what the picture libraries raise on bad bytes into a MediaError that begins with `what`.

    Anything else becomes a DefectError.
    """
    try:
        yield
    except Image.DecompressionBombError as error:
        raise MediaError(f"{what}: a part of it is larger than the limit") from error
    except MemoryError as error:
        raise MediaError(f"{what}: not enough memory", NO_MEMORY_HINT) from error
    except FileNotFoundError as error:
        raise MediaError(f"{what}: its file is gone", "Add the picture again.") from error
    except VuemanticsError:
        raise
    except Exception as error:
        if not is_picture_fault(error):
            raise DefectError.of(error, paths.log_file()) from error
        raise MediaError(f"{what}: {_reason(error)}", DAMAGED_HINT) from error


def too_many_pixels(declared: str, max_pixels: int) -> MediaError:
    """Return the error for a picture that declares more pixels than the limit allows."""
    return MediaError(
        f"The picture has {declared} pixels, more than the limit of {max_pixels / 1e6:g} million",
        "Scale the picture down, or raise the pixel limit in the settings.",
    )


def orientation(image: Image.Image) -> int:
    """The orientation, 1 to 8, that is still to be applied to the pixels; 1 where there is none or it makes no sense.

    libheif, libjxl, our reader of RAW photos, and for a TIFF whose own tag asks for it Pillow, turn it themselves.
    """
    if image.format in _TURNED_BY_READER or _ORIENTATION_TAG in getattr(image, "tag_v2", ()):
        return 1
    return orientation_of(image)


def frame_count(image: Image.Image) -> int:
    """How many frames an animation has, or 1. Decodes nothing; of one that was cut it counts what is there."""
    if image.format not in ANIMATED:
        return 1
    try:
        frames = int(getattr(image, "n_frames", 1))
    except Exception as error:
        if not is_picture_fault(error):
            raise
        return 1
    # An APNG may have a picture before its frames, for programs that show no animation.
    return max(1, frames - bool(image.info.get("default_image")))


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height in pixels as the picture is to be shown. Decodes nothing."""
    width, height = image.size
    return (height, width) if orientation(image) >= _FIRST_SIDEWAYS else (width, height)


def turn_upright(image: Image.Image, value: int) -> Image.Image:
    """The picture turned and mirrored as EXIF orientation `value` (TIFF/EP, tag 274) asks."""
    transposition = _TRANSPOSITIONS.get(value)
    return image if transposition is None else image.transpose(transposition)


@contextmanager
def _pixel_limit(max_pixels: int) -> Iterator[None]:
    """Let our own limit decide while a header is read.

    Pillow warns above its limit and raises above twice that. It checks more than the size (TIFF tiles, GIF
    frames), so its check stays in force with our number. Its warnings, also about odd metadata, would land on
    the screen of a terminal program: they are silenced for the process, which unlike `catch_warnings` is safe
    among threads, and repeated calls add no second filter.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        yield
    except Image.DecompressionBombError as error:
        raise too_many_pixels(f"more than {2 * max_pixels / 1e6:g} million", max_pixels) from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    if "cannot identify image file" in text:
        return "its header is damaged"
    if text == "not identified by this driver":
        return "its compression is not supported"
    return text or type(error).__name__
