"""EXIF: its directories, which way they turn a picture, and the values in them, of whatever kind they are."""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from vuemantics_tui.media.faults import is_picture_fault
from vuemantics_tui.media.xmp import parse_xmp

Tags = Mapping[int, Any]
"""A directory: values by the numbers of their tags."""

BOXED = frozenset({"HEIF", "AVIF"})
"""Formats of Pillow in which boxes say how the picture is turned."""

# Formats of Pillow whose plugin reads the block from where the format keeps it.
_READERS_OF_EXIF = frozenset({"TIFF", "RAW", "JXL"})
_MAX_TEXT = 200
_MOST_ORIENTATION = 8
_RAW_PROFILES = ("Raw profile type exif", "Raw profile type APP1")
_NO_EXIF = b"http://"  # a profile of that name may also be XMP
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_XMP = b"XML:com.adobe.xmp\x00"
# A gigabyte of pixels in the smallest chunks that programs write, and more than any metadata.
_MOST_CHUNKS = 200_000
_MOST_CHUNK_BYTES = 16 * 1024**2


def exif_directories(image: Image.Image) -> tuple[Tags, Tags, Tags]:
    """Return the main, the photo and the GPS directory; empty where there is none or it is damaged."""
    directories: list[Tags] = []
    exif = _exif(image)
    for directory in (None, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        try:
            directories.append(dict(exif) if directory is None else exif.get_ifd(directory))
        except Exception as error:
            if not is_picture_fault(error):
                raise
            directories.append({})
    return directories[0], directories[1], directories[2]


def orientation_of(image: Image.Image) -> int:
    """Return the orientation that an open picture names, 1 to 8: EXIF's, or else that of XMP.

    In HEIC and AVIF the boxes `irot` and `imir` decide, whatever EXIF and XMP say (ISO/IEC 23008-12, A.2.2). 1 where
    there is none or it makes no sense.
    """
    value = _orientation(_exif(image).get(ExifTags.Base.Orientation))
    if value is None and image.format not in BOXED:
        packet = image.info.get("xmp")
        packet = packet.encode() if isinstance(packet, str) else packet
        if isinstance(packet, bytes) and b"Orientation" in packet:
            text = parse_xmp(packet).text("tiff:Orientation") or ""
            value = _orientation(int(text)) if text.isascii() and text.isdigit() else None
    return value or 1


def forget_orientation_of_xmp(image: Image.Image) -> None:
    """Keep Pillow from turning a TIFF by its XMP, which it does in the middle of scaling, so that scaling fails."""
    exif = _exif(image)
    if ExifTags.Base.Orientation not in getattr(image, "tag_v2", ()):
        exif.pop(ExifTags.Base.Orientation, None)


def read_late_chunks(image: Image.Image, source: Path | bytes) -> None:
    """Give an open PNG the EXIF and XMP that stand after its pixels, which Pillow finds only by decoding them.

    PNG, third edition, 11.3.2.5 (`eXIf`) and 11.3.3.4 (`iTXt`). Damage ends the reading. Raises OSError.
    """
    if image.info.keys() >= {"exif", "xmp"}:
        return
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb", buffering=0) as file:
        at = len(_PNG_SIGNATURE)
        for _ in range(_MOST_CHUNKS):
            file.seek(at)
            head = file.read(8)
            if len(head) < 8 or head[4:] == b"IEND":
                return
            size = int.from_bytes(head[:4])
            if head[4:] in (b"eXIf", b"iTXt") and size <= _MOST_CHUNK_BYTES:
                data = file.read(size) or b""
                if head[4:] == b"eXIf":
                    image.info.setdefault("exif", data)
                elif data.startswith(_PNG_XMP):
                    image.info.setdefault("xmp", _international_text(data[len(_PNG_XMP) :]))
            at += 12 + size


def _international_text(rest: bytes) -> bytes:
    """Return the text of an `iTXt` chunk, from what follows its keyword."""
    parts = rest[2:].split(b"\x00", 2)
    text = parts[2] if len(parts) == 3 else b""
    try:
        return zlib.decompressobj().decompress(text, _MOST_CHUNK_BYTES) if rest[:1] == b"\x01" else text
    except zlib.error:
        return b""


def _exif(image: Image.Image) -> Image.Exif:
    """Return the EXIF block of a picture, empty if there is none or it is damaged."""
    exif = Image.Exif()
    try:
        if image.format in _READERS_OF_EXIF:
            return image.getexif()
        block = image.info.get("exif")
        if block is None and (key := next((key for key in _RAW_PROFILES if key in image.info), None)):
            # As ImageMagick writes it: a name, a length, and hexadecimal digits, on lines.
            block = _from_hexadecimal("".join(str(image.info[key]).split("\n")[3:]))
        if isinstance(block, bytes) and not block.startswith(_NO_EXIF):
            exif.load(block)
    except Exception as error:
        if not is_picture_fault(error):
            raise
        return Image.Exif()
    return exif


def _from_hexadecimal(digits: str) -> bytes | None:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return None


def _orientation(value: object) -> int | None:
    number = whole_of(value)
    return number if number is not None and number <= _MOST_ORIENTATION else None


def text_of(value: object) -> str | None:
    """Return a text on one line, without control characters, or None if there is none."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    # What follows a NUL is left over from an earlier, longer value. Control characters must not reach a screen.
    first = value.split("\x00", 1)[0]
    clean = "".join(letter if letter.isprintable() else " " for letter in first)
    return " ".join(clean.split())[:_MAX_TEXT] or None


def number_of(value: Any) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, tuple | list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool | str | bytes) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def positive_of(value: object) -> float | None:
    """Return a number above zero, to the sixth decimal, or None."""
    number = number_of(value)
    return round(number, 6) if number is not None and number > 0 else None


def whole_of(value: object) -> int | None:
    """Return a whole number above zero of up to 31 bits, or None."""
    # ISO may come as a pair, the value first.
    number = number_of(value[0] if isinstance(value, tuple | list) and value else value)
    return int(number) if number is not None and 0 < number < 2**31 else None
