"""The one decode of an upload: its thumbnail, looks and metadata, and the pixels that its analyzer describes."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from vuemantics_tui.domain.errors import DefectError, VuemanticsError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import FirstLook, LookSize, SmallPicture
from vuemantics_tui.media.metadata import read_metadata
from vuemantics_tui.media.pictures import DEFAULT_MAX_PIXELS
from vuemantics_tui.media.scaled import fit_within, picture_of
from vuemantics_tui.media.thumbnail import JPEG_QUALITY, THUMBNAIL_SIDE, small_picture
from vuemantics_tui.media.traits import traits_of


def take_first_look(
    source: Path | bytes, file_type: FileType, size: LookSize | None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> FirstLook:
    """Decode a picture once, or the frame that shows a video. With `size`, a picture's pixels are handed on.

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
        image, picture = _decoded(source, file_type, size, max_pixels)
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
        metadata=metadata,
        metadata_fault=metadata_fault,
    )


def _decoded(
    source: Path | bytes, file_type: FileType, size: LookSize | None, max_pixels: int
) -> tuple[Image.Image, SmallPicture | None]:
    """Return the picture within the thumbnail's size, and its pixels of the size that was asked for."""
    if size is None or file_type is FileType.VIDEO:
        return small_picture(source, file_type, THUMBNAIL_SIDE, max_pixels), None
    image = picture_of(source, size, max_pixels)
    picture = SmallPicture(image.width, image.height, image.tobytes())
    return fit_within(image, THUMBNAIL_SIDE), picture
