"""JPEG XL, as a plugin of Pillow. Container: ISO/IEC 18181-2."""

from __future__ import annotations

from typing import Any

import numpy as np
import pylibjxl
from PIL import Image, ImageFile

from vuemantics_tui.media.heif import boxes

_CONTAINER = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
# The size stands right after the boxes of metadata, where there are any.
_USUAL_HEAD_BYTES = 64 * 1024
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_METADATA = (b"Exif", b"xml ", b"brob")
_TIFF_HEADS = (b"II*\x00", b"MM\x00*")


class JxlImageFile(ImageFile.ImageFile):
    """A JPEG XL picture, upright: its decoder turns it. Of an animation it is the first frame."""

    format = "JXL"
    format_description = "JPEG XL"

    _decoded = False

    def _open(self) -> None:
        found = self._probed()
        self._size = (found["width"], found["height"])
        self._mode = _MODES[found["color_channels"] + bool(found["has_alpha"])]
        self.is_animated = bool(found["have_animation"])

    def load(self) -> Any:
        """Decode all of it, to 8 bits a channel."""
        if not self._decoded:
            pixels, metadata = _called(pylibjxl.decode, self._all(), metadata=True)
            if "icc" in metadata:
                self.info["icc_profile"] = metadata["icc"]
            image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1:] == (1,) else pixels))
            self.im = image.im
            self._size, self._mode = image.size, image.mode
            self._decoded = True
        return Image.Image.load(self)

    def getexif(self) -> Image.Exif:
        """Return the EXIF in the container, empty if there is none; its XMP is then in `info`."""
        if self._exif is None:
            self._exif = Image.Exif()
            metadata = self._metadata()
            if "xmp" in metadata:
                self.info["xmp"] = metadata["xmp"]
            block = metadata.get("exif", b"")
            # Writers put an offset, a name, both or neither before the TIFF structure.
            places = [at for head in _TIFF_HEADS if (at := block.find(head, 0, 32)) >= 0]
            if places:
                self._exif.load(b"Exif\x00\x00" + block[min(places) :])
            self._exif._loaded = True
        return self._exif

    def _probed(self) -> dict[str, Any]:
        assert self.fp is not None
        try:
            return dict(_called(pylibjxl.probe, self.fp.read(_USUAL_HEAD_BYTES)))
        except OSError:
            return dict(_called(pylibjxl.probe, self._all()))

    def _all(self) -> bytes:
        assert self.fp is not None
        self.fp.seek(0)
        return self.fp.read()

    def _metadata(self) -> dict[str, bytes]:
        """The blocks of metadata, unpacked: `exif` and `xmp`."""
        data = self._all()
        if not data.startswith(_CONTAINER):
            return {}
        kept = [box for box in boxes(data, 0, len(data)) if box.kind in _METADATA]
        if not kept:
            return {}
        # The decoder unpacks them, but only together with the picture. So it gets a picture of one pixel with them.
        pixel = _called(pylibjxl.encode, np.zeros((1, 1, 3), np.uint8))
        parts = [
            _CONTAINER,
            b"\x00\x00\x00\x14ftypjxl \x00\x00\x00\x00jxl ",
            (8 + len(pixel)).to_bytes(4) + b"jxlc" + pixel,
            *((8 + box.end - box.start).to_bytes(4) + box.kind + data[box.start : box.end] for box in kept),
        ]
        return dict(_called(pylibjxl.decode, b"".join(parts), metadata=True)[1])


def _called(function: Any, *arguments: Any, **options: Any) -> Any:
    """Call libjxl. What it raises for bad data becomes an OSError."""
    try:
        return function(*arguments, **options)
    except (RuntimeError, ValueError) as error:
        raise OSError(str(error)) from error


Image.register_open(JxlImageFile.format, JxlImageFile)
