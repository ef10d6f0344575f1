"""Where a file says that it was taken: coordinates in EXIF, in XMP, and in the tags of clips.

Cameras without a fix write zeros, and broken files anything: what cannot be a place is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import ExifTags

from vuemantics_tui.media.exif import Tags, number_of, text_of
from vuemantics_tui.media.xmp import Xmp

# Nearer than this to 0, 0 is what a receiver without a fix writes; the sea there is empty.
_NOWHERE_DEGREES = 0.0001
# From the deepest trench to above any aircraft, in metres.
_LOWEST, _HIGHEST = -11_000.0, 100_000.0

# ISO 6709, annex H: degrees, or with minutes, or with minutes and seconds, run together; the last has the decimals.
# The height and the name of the coordinate system may follow: +4807.038+01131.000+123CRSWGS_84/
_RUN_TOGETHER = re.compile(
    r"\s*([+-]\d{1,6}(?:[.,]\d*)?)\s*([+-]\d{1,7}(?:[.,]\d*)?)\s*([+-]\d+(?:[.,]\d*)?)?\s*(?:CRS\w+)?\s*/?\s*"
)
# As people read it, annex D: 48°07′02.28″N 11°31′00″E, also with plain quotes.
_WITH_SIGNS = re.compile(
    r"""\s*(\d{1,3}(?:[.,]\d*)?)\s*°\s*(?:(\d{1,2}(?:[.,]\d*)?)\s*[′'’]\s*)?(?:(\d{1,2}(?:[.,]\d*)?)\s*(?:[″"”]|'')\s*)?([NSEW])""",
    re.IGNORECASE,
)
# XMP, part 2: "48,7.038N" or "48,7,2N", and decimal degrees as some programs write them.
_XMP = re.compile(
    r"([+-]?\d{1,3}(?:\.\d*)?)(?:,(\d{1,2}(?:\.\d*)?))?(?:,(\d{1,2}(?:\.\d*)?))?\s*([NSEW]?)", re.IGNORECASE
)
_CLIP_TAGS = ("com.apple.quicktime.location.iso6709", "location", "com.android.location", "xyz")


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A point in decimal degrees, north and east positive, with its height in metres where that is known."""

    latitude: float
    longitude: float
    altitude: float | None = None


def exif_coordinates(gps: Tags) -> Coordinates | None:
    """Return the point of a GPS directory."""
    tag = ExifTags.GPS
    latitude = _exif_degrees(gps.get(tag.GPSLatitude), gps.get(tag.GPSLatitudeRef))
    longitude = _exif_degrees(gps.get(tag.GPSLongitude), gps.get(tag.GPSLongitudeRef))
    # A reference of 1 means below sea level, 3 below the ellipsoid.
    below = gps.get(tag.GPSAltitudeRef) in (1, 3, b"\x01", b"\x03")
    altitude = number_of(gps.get(tag.GPSAltitude))
    return checked(latitude, longitude, -altitude if below and altitude is not None else altitude)


def xmp_coordinates(xmp: Xmp) -> Coordinates | None:
    """Return the point that XMP names."""
    latitude = _xmp_degrees(xmp.text("exif:GPSLatitude"))
    longitude = _xmp_degrees(xmp.text("exif:GPSLongitude"))
    numerator, _, denominator = (xmp.text("exif:GPSAltitude") or "").partition("/")
    try:
        altitude = float(numerator) / float(denominator or 1)
    except (ValueError, ZeroDivisionError):
        return checked(latitude, longitude, None)
    return checked(latitude, longitude, -altitude if xmp.text("exif:GPSAltitudeRef") == "1" else altitude)


def clip_coordinates(tags: Mapping[str, str]) -> Coordinates | None:
    """Return the point of the first of a clip's tags that has one."""
    # Some containers have the language in the name: location-eng.
    named = {name.lower().partition("-")[0]: text for name, text in reversed(list(tags.items()))}
    found = (iso_6709(named[name]) for name in _CLIP_TAGS if name in named)
    return next((point for point in found if point is not None), None)


def iso_6709(text: str) -> Coordinates | None:
    """Return the point that a text in ISO 6709 names, in any of its forms."""
    if match := _RUN_TOGETHER.fullmatch(text):
        return checked(_run_together(match[1], 2), _run_together(match[2], 3), _float(match[3]))
    found = {match[4].upper(): match for match in _WITH_SIGNS.finditer(text)}
    north, east = found.get("N") or found.get("S"), found.get("E") or found.get("W")
    if north is None or east is None:
        return None
    latitude, longitude = (_degrees(match[4], [_float(part) for part in match.groups()[:3]]) for match in (north, east))
    return checked(latitude, longitude, None)


def checked(latitude: float | None, longitude: float | None, altitude: float | None) -> Coordinates | None:
    """Return the point, unless it cannot be where anything was taken."""
    if latitude is None or longitude is None or not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    if abs(latitude) < _NOWHERE_DEGREES and abs(longitude) < _NOWHERE_DEGREES:
        return None
    if altitude is not None and not _LOWEST <= altitude <= _HIGHEST:
        altitude = None
    return Coordinates(round(latitude, 6), round(longitude, 6), None if altitude is None else round(altitude, 3))


def _degrees(sign: str, parts: Sequence[float | None]) -> float | None:
    """Return degrees, minutes and seconds as one number; `sign` is a sign or the letter of a direction."""
    degrees, minutes, seconds = (*parts, None, None)[:3]
    if degrees is None or degrees < 0 or not math.isfinite(degrees):
        return None
    if not (0 <= (minutes or 0.0) <= 60 and 0 <= (seconds or 0.0) <= 60):
        return None
    total = degrees + (minutes or 0.0) / 60 + (seconds or 0.0) / 3600
    return -total if sign.upper() in ("-", "S", "W") else total


def _exif_degrees(value: object, reference: object) -> float | None:
    if not isinstance(value, tuple | list):
        value = (value,)
    parts = [number_of(part) for part in value]
    if not 1 <= len(parts) <= 3:
        return None
    # Cameras that know no seconds write 0/0 for them. Whole degrees without minutes are no place, but an unset one.
    if len(parts) > 1 and parts[1] is None and (parts[0] or 0.0) % 1 == 0:
        return None
    return _degrees((text_of(reference) or "")[:1], parts)


def _xmp_degrees(text: str | None) -> float | None:
    match = _XMP.fullmatch((text or "").strip())
    if match is None:
        return None
    degrees = _float(match[1]) or 0.0
    sign = match[4] or ("-" if match[1].startswith("-") else "+")
    return _degrees(sign, [abs(degrees), _float(match[2]), _float(match[3])])


def _run_together(text: str, width: int) -> float | None:
    """Return degrees, minutes and seconds that are run together; degrees have `width` digits, or fewer if alone."""
    digits = text[1:].replace(",", ".")
    whole = len(digits.partition(".")[0])
    cuts = {width + 2: (width,), width + 4: (width, width + 2)}.get(whole, ())
    if not cuts and whole > width:
        return None
    return _degrees(text[0], [_float(digits[start:end]) for start, end in pairwise((0, *cuts, len(digits)))])


def _float(text: str | None) -> float | None:
    return None if not text else float(text.replace(",", "."))
