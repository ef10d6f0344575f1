"""RAW photos, as a plugin of Pillow: the camera's own preview where it is large enough, else the sensor's data.

LibRaw reads the data of all cameras. Their EXIF it reads in part only: that is taken from where each maker keeps it.
"""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
import rawpy
from PIL import ExifTags, Image, ImageFile, JpegImagePlugin

from vuemantics_tui.domain.tiff import Directory, directories
from vuemantics_tui.media.heif import boxes
from vuemantics_tui.media.pictures import turn_upright

# What LibRaw calls flip, as an EXIF orientation; any other counts as upright.
_ORIENTATIONS = {3: 3, 5: 8, 6: 6}
_ORIENTATION_TAG = 0x0112
# A preview may be cut to another shape than the photo, or have bars: then it does not show the same picture.
_ASPECT_TOLERANCE = 0.02
# Up to so many pixels the photo is developed at its full size: it costs little, and half may be too small to see.
_SMALL_PIXELS = 4_000_000
# Olympus and Panasonic write a TIFF with a number of their own instead of 42.
_TIFF_HEADS = {
    **dict.fromkeys((b"II*\x00", b"IIRO", b"IIRS", b"IIU\x00"), b"II*\x00"),
    **dict.fromkeys((b"MM\x00*", b"MMOR"), b"MM\x00*"),
}
# TIFF tags of a JPEG: one in strips (and its compressions), and one of EXIF's kind.
_COMPRESSION, _STRIPS, _STRIP_BYTES, _JPEG, _JPEG_BYTES, _JPEG_COMPRESSIONS = 259, 273, 279, 513, 514, (6, 7)
_JPEG_START = b"\xff\xd8\xff"
_MOST_PREVIEW_BYTES = 64 * 1024**2
# The box in which Canon keeps metadata, and the TIFF structures in it: main, photo and place (canon_cr3 by lclevy).
_CANON_UUID = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_CANON_PARTS = {b"CMT2": ExifTags.IFD.Exif, b"CMT4": ExifTags.IFD.GPSInfo}
_MOST_BOX_BYTES = 4 * 1024**2


class _Shape(NamedTuple):
    """The photo within the sensor's data: its size as stored and where it begins, in pixels, and its orientation."""

    width: int
    height: int
    left: int
    top: int
    orientation: int

    @property
    def upright(self) -> tuple[int, int]:
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


class RawImageFile(ImageFile.ImageFile):
    """A RAW photo, upright and in sRGB. `draft` chooses what is decoded: a preview if one has the size asked for."""

    format = "RAW"
    format_description = "RAW photo"

    _preview: Image.Image | None
    _is_chosen = False
    _develops = False
    _decoded = False

    def _open(self) -> None:
        try:
            with self._libraw() as raw:
                self._shape = _shape(raw.sizes)
                self._preview = _extracted(raw)
        except OSError:
            # Cut, or of a camera that LibRaw does not know: the preview may be there all the same.
            self._preview = self._preview_elsewhere()
            if self._preview is None:
                raise
            self._shape = _Shape(*self._preview.size, 0, 0, _own_orientation(self._preview) or 1)
        self._mode = "RGB"
        self._size = self._shape.upright

    def draft(self, mode: str | None, size: tuple[int, int] | None) -> tuple[str, tuple[int, int, float, float]] | None:
        """Decode no more than this size needs: see Image.draft. The first call decides."""
        if self._decoded or size is None:
            return None
        if not self._is_chosen:
            self._is_chosen = True
            turn = self._preview_turn()
            self._develops = self._preview is None or turn is None or not self._is_enough(max(size))
            if self._preview is None or turn is None or self._develops:
                self._size = self._developed_shape.upright
            else:
                self._preview.draft("RGB", size[::-1] if turn >= 5 else size)
                width, height = self._preview.size
                self._size = (height, width) if turn >= 5 else (width, height)
        return self.mode, (0, 0, *self._size)

    def load(self) -> Any:
        """Decode: the preview or the sensor's data, as `draft` chose; without it, what shows more."""
        if not self._decoded:
            image = self._shown()
            self.im = image.im
            self._size, self._mode = image.size, image.mode
            self._decoded = True
        return Image.Image.load(self)

    def getexif(self) -> Image.Exif:
        """Return the photo's EXIF, wherever its maker keeps it; empty if there is none."""
        if self._exif is None:
            self._exif = self._read_exif()
            self._exif._loaded = True
        return self._exif

    def _shown(self) -> Image.Image:
        turn = self._preview_turn()
        if self._preview is not None and turn is not None and not self._develops and self._is_enough(max(self.size)):
            try:
                self._preview.load()
                self.info["icc_profile"] = self._preview.info.get("icc_profile")
                return turn_upright(self._preview.convert("RGB"), turn)
            except OSError:
                # Cut or damaged. The sensor's data may be whole.
                pass
        return self._developed()

    def _is_enough(self, long_side: int) -> bool:
        """Whether the preview has so many pixels, or as many as half-size development would have."""
        assert self._preview is not None
        return max(self._preview.size) >= min(long_side, max(self._shape.upright) // 2)

    def _preview_turn(self) -> int | None:
        """The EXIF orientation that makes the preview upright, or None if it shows another part of the photo."""
        if self._preview is None:
            return None
        for turn in (_own_orientation(self._preview), self._shape.orientation, 1):
            if turn is None:
                continue
            width, height = self._preview.size
            ratio = height / width if turn >= 5 else width / height
            expected = self._shape.upright[0] / self._shape.upright[1]
            if abs(ratio / expected - 1) <= _ASPECT_TOLERANCE:
                return turn
        return None

    @property
    def _developed_shape(self) -> _Shape:
        """The shape of what development makes: half of the photo, unless it is small."""
        shape = self._shape
        if shape.width * shape.height <= _SMALL_PIXELS:
            return shape
        return _Shape(shape.width // 2, shape.height // 2, shape.left // 2, shape.top // 2, shape.orientation)

    def _developed(self) -> Image.Image:
        shape = self._developed_shape
        with self._libraw() as raw:
            pixels = raw.postprocess(half_size=shape != self._shape, use_camera_wb=True, user_flip=0, output_bps=8)
        if shape.left + shape.width <= pixels.shape[1] and shape.top + shape.height <= pixels.shape[0]:
            pixels = pixels[shape.top : shape.top + shape.height, shape.left : shape.left + shape.width]
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        image = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
        return turn_upright(image, shape.orientation)

    @contextmanager
    def _libraw(self) -> Iterator[Any]:
        """LibRaw with this file open. What it raises becomes an OSError."""
        try:
            with rawpy.RawPy() as raw:
                name = self.filename
                if isinstance(name, str) and name and name.isascii():
                    # It reads what it needs only.
                    raw.open_file(name)
                else:
                    assert self.fp is not None
                    self.fp.seek(0)
                    raw.open_buffer(cast(BinaryIO, self.fp))
                yield raw
        except (rawpy.LibRawError, rawpy.NotSupportedError) as error:
            raise OSError(_reason(error)) from error

    def _read_at(self, at: int, length: int) -> bytes:
        assert self.fp is not None
        self.fp.seek(at)
        return self.fp.read(length)

    def _preview_elsewhere(self) -> Image.Image | None:
        """The largest JPEG where the format keeps previews, found without LibRaw; None if there is none."""
        head = self._read_at(0, 16)
        if head.startswith(b"FUJIFILM"):
            at, length = struct.unpack(">II", self._read_at(84, 8).ljust(8, b"\x00"))
            return _jpeg(self._read_at(at, min(length, _MOST_PREVIEW_BYTES)))
        if head[4:8] == b"ftyp":
            data = self._read_at(0, _MOST_BOX_BYTES)
            boxed = [data[box.start : box.end] for box in boxes(data, 0, len(data)) if box.kind == b"uuid"]
            found = [_jpeg(part[part.find(_JPEG_START) :]) for part in boxed if _JPEG_START in part]
        else:
            found = [self._jpeg_of(each) for each in directories(self._read_at)]
        return max((image for image in found if image is not None), key=lambda image: image.width, default=None)

    def _jpeg_of(self, directory: Directory) -> Image.Image | None:
        at, length = directory.number(_JPEG), directory.number(_JPEG_BYTES)
        if at is None and directory.number(_COMPRESSION) in _JPEG_COMPRESSIONS:
            at, length = directory.number(_STRIPS), directory.number(_STRIP_BYTES)
        if at is None or length is None or length > _MOST_PREVIEW_BYTES:
            return None
        return _jpeg(self._read_at(at, length))

    def _read_exif(self) -> Image.Exif:
        head = self._read_at(0, 16)
        exif = Image.Exif()
        if plain := _TIFF_HEADS.get(head[:4]):
            assert self.fp is not None
            exif.load_from_fp(_with_head(self.fp, plain))
        elif head[4:8] == b"ftyp":
            self._read_canon_exif(exif)
        elif head.startswith(b"\x00MRM"):
            exif.load(self._minolta_exif())
        elif self._preview is not None:
            exif = self._preview.getexif()
        return exif

    def _read_canon_exif(self, exif: Image.Exif) -> None:
        data = self._read_at(0, _MOST_BOX_BYTES)
        parts = {
            part.kind: data[part.start : part.end]
            for film in boxes(data, 0, len(data))
            if film.kind == b"moov"
            for box in boxes(data, film.start, film.end)
            if box.kind == b"uuid" and data[box.start : box.start + 16] == _CANON_UUID
            for part in boxes(data, box.start + 16, box.end)
        }
        if b"CMT1" in parts:
            exif.load(b"Exif\x00\x00" + parts[b"CMT1"])
        for kind, directory in _CANON_PARTS.items():
            if kind in parts:
                part = Image.Exif()
                part.load(b"Exif\x00\x00" + parts[kind])
                exif.get_ifd(directory).update(part)

    def _minolta_exif(self) -> bytes:
        """The TIFF structure of an MRW, from its block TTW."""
        end = 8 + struct.unpack(">I", self._read_at(4, 4))[0]
        at = 8
        while at + 8 <= end:
            kind, length = struct.unpack(">4sI", self._read_at(at, 8))
            if kind == b"\x00TTW":
                return b"Exif\x00\x00" + self._read_at(at + 8, min(length, _MOST_BOX_BYTES))
            at += 8 + length
        return b""


def _shape(sizes: Any) -> _Shape:
    """What the camera means to show of the sensor's data: the crop that it names, if that makes sense."""
    width, height = sizes.width, sizes.height
    left, top = sizes.crop_left_margin - sizes.left_margin, sizes.crop_top_margin - sizes.top_margin
    fits = left >= 0 and top >= 0 and left + sizes.crop_width <= width and top + sizes.crop_height <= height
    if fits and 2 * sizes.crop_width >= width and 2 * sizes.crop_height >= height:
        width, height = sizes.crop_width, sizes.crop_height
    else:
        left = top = 0
    return _Shape(width, height, left, top, _ORIENTATIONS.get(sizes.flip, 1))


def _extracted(raw: Any) -> Image.Image | None:
    """The preview that LibRaw finds, or None."""
    try:
        found = raw.extract_thumb()
    except (rawpy.LibRawError, rawpy.NotSupportedError):
        return None
    if found.format == rawpy.ThumbFormat.BITMAP:
        return Image.fromarray(np.ascontiguousarray(found.data)).convert("RGB")
    return _jpeg(found.data)


def _jpeg(data: bytes) -> Image.Image | None:
    try:
        return JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    except (SyntaxError, OSError):
        return None


def _own_orientation(preview: Image.Image) -> int | None:
    """The EXIF orientation that a preview names itself. LibRaw gives one without EXIF that of the photo."""
    value = preview.getexif().get(_ORIENTATION_TAG)
    return value if isinstance(value, int) and 1 <= value <= 8 else None


def _with_head(file: Any, head: bytes) -> Any:
    """The same file with another beginning, of which nothing is read that is not asked for."""
    try:
        changed: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except OSError:
        # It is in memory already.
        file.seek(0)
        return io.BytesIO(head + file.read()[len(head) :])
    changed[: len(head)] = head
    return changed


def _reason(error: Exception) -> str:
    if isinstance(error, rawpy.LibRawIOError):
        return "it ends too early"
    if isinstance(error, rawpy.LibRawFileUnsupportedError):
        return "LibRaw does not know this camera, or it is no RAW photo"
    text = error.args[0] if error.args else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) or type(error).__name__


Image.register_open(RawImageFile.format, RawImageFile)
