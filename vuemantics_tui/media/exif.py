"""EXIF: its directories, and the values in them, which may be of any kind whatever they should be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image

from vuemantics_tui.media.faults import is_picture_fault

Tags = Mapping[int, Any]
"""A directory: values by the numbers of their tags."""

_MAX_TEXT = 200


def exif_directories(image: Image.Image) -> tuple[Tags, Tags, Tags]:
    """Return the main, the photo and the GPS directory; empty where there is none or it is damaged."""
    # Asked for EXIF that it does not have, a PNG decodes all its pixels.
    if image.format == "PNG" and not image.info.keys() & {"exif", "Raw profile type exif"}:
        return {}, {}, {}
    directories: list[Tags] = []
    for directory in (None, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        try:
            exif = image.getexif()
            directories.append(dict(exif) if directory is None else exif.get_ifd(directory))
        except Exception as error:
            if not is_picture_fault(error):
                raise
            directories.append({})
    return directories[0], directories[1], directories[2]


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


def number_of(value: object) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, tuple | list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool | str | bytes) or value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
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
