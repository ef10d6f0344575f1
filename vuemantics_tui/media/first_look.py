"""The one decode of an upload: its thumbnail, looks and metadata, and the pixels that its analyzer describes."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from vuemantics_tui.domain.errors import DefectError, VuemanticsError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import FirstLook, LookSize, SmallPicture, Square
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.pictures import DEFAULT_MAX_PIXELS
from vuemantics_tui.media.scaled import exactly, fit_within, picture_of, reduce_to, small_of, squared
from vuemantics_tui.media.thumbnail import JPEG_QUALITY, THUMBNAIL_SIDE, small_picture
from vuemantics_tui.media.traits import traits_of


def take_first_look(
    source: Path | bytes,
    file_type: FileType,
    size: LookSize | None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    square: Square | None = None,
) -> FirstLook:
    """Decode a picture once, or the frame that shows a video.

    With `size`, a picture's pixels are handed on, with `square` those that a network sees of it.

    Metadata is read from files alone: what belongs to it may be beside them. Raises DefectError, and nothing for a
    file that is damaged, missing or too large.
    """
    metadata, metadata_fault = None, ""
    if isinstance(source, Path):
        try:
            metadata = read_metadata(source, file_type, max_pixels)
        except DefectError:
            raise
        except (VuemanticsError, OSError) as error:
            metadata_fault = str(error)
    try:
        image, picture, seen = _decoded(source, file_type, size, max_pixels, square)
    except DefectError:
        raise
    except (VuemanticsError, OSError) as error:
        return FirstLook(fault=str(error), metadata=metadata, metadata_fault=metadata_fault)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return FirstLook(
        thumbnail=buffer.getvalue(),
        missing=image.info.get("missing", ""),
        traits=traits_of(image),
        picture=picture,
        square=seen,
        metadata=metadata,
        metadata_fault=metadata_fault,
    )


def _decoded(
    source: Path | bytes, file_type: FileType, size: LookSize | None, max_pixels: int, square: Square | None
) -> tuple[Image.Image, SmallPicture | None, SmallPicture | None]:
    """Return the picture within the thumbnail's size, its pixels of the size that was asked for, and the square."""
    wanted = size if square is None else square.look_size.joined(size)
    if wanted is None or file_type is FileType.VIDEO:
        return small_picture(source, file_type, THUMBNAIL_SIDE, max_pixels), None, None
    image = picture_of(source, wanted, max_pixels)
    seen = None if square is None else small_of(squared(image, square))
    if size is not None and square is not None:
        image = exactly(reduce_to(image, size), size)
    picture = None if size is None else small_of(image)
    return fit_within(image, THUMBNAIL_SIDE), picture, seen
