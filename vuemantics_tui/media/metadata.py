"""What a file says of itself: when and where it was taken, with what, how long it runs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.media.captions import read_words
from vuemantics_tui.media.faults import is_picture_fault
from vuemantics_tui.media.packets import find_packets
from vuemantics_tui.media.pictures import (
    DEFAULT_MAX_PIXELS,
    open_picture,
    picture_faults,
    upright_size,
)

Extra = dict[str, str | int | float]
_Tags = Mapping[int, Any]

_MAX_TEXT = 200
_OFFSET = re.compile(r"^[+-]\d\d:\d\d$")
# ISO 6709 in its decimal form, as phones write it: +32.0929+034.8620+028.516/
_ISO_6709 = re.compile(r"^([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?")


def read_metadata(path: Path, file_type: FileType, max_pixels: int = DEFAULT_MAX_PIXELS) -> MediaMetadata:
    """Read dimensions (upright, in pixels), time, camera, place, duration and codecs.

    `extra` holds what the file has of: camera_make, camera_model, lens, software, iso, exposure_seconds,
    aperture (the f-number), focal_length_mm, orientation (EXIF, 1 to 8), latitude and longitude (decimal
    degrees, north and east positive), altitude_m; for videos frames_per_second, bit_rate (bits a second),
    audio_codec, container. A field that makes no sense is left out. Raises MediaError only if the file cannot
    be opened at all.
    """
    if file_type == FileType.VIDEO:
        return _from_video(path)
    with picture_faults("The picture cannot be opened"), open_picture(path, max_pixels) as image:
        width, height = upright_size(image)
        main, photo, place = _exif(image)
        extra = _camera(main, photo) | _place(place)
        packets = find_packets(path, image.info.get("xmp"))
        words = read_words(path, packets, exif=main)
        return MediaMetadata(width, height, taken_at=_taken_at(main, photo), extra=extra or None, words=words)


def _exif(image: Image.Image) -> tuple[_Tags, _Tags, _Tags]:
    """The main, the photo and the GPS directory; empty where there is none or it is damaged."""
    # Asked for EXIF that it does not have, a PNG decodes all its pixels.
    if image.format == "PNG" and not image.info.keys() & {"exif", "Raw profile type exif"}:
        return {}, {}, {}
    directories: list[_Tags] = []
    for directory in (None, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        try:
            exif = image.getexif()
            directories.append(dict(exif) if directory is None else exif.get_ifd(directory))
        except Exception as error:
            if not is_picture_fault(error):
                raise
            directories.append({})
    return directories[0], directories[1], directories[2]


def _camera(main: _Tags, photo: _Tags) -> Extra:
    base = ExifTags.Base
    found: dict[str, str | int | float | None] = {
        "camera_make": _text(main.get(base.Make)),
        "camera_model": _text(main.get(base.Model)),
        "software": _text(main.get(base.Software)),
        "lens": _text(photo.get(base.LensModel)),
        "iso": _whole(photo.get(base.ISOSpeedRatings)),
        "exposure_seconds": _positive(photo.get(base.ExposureTime)),
        "aperture": _positive(photo.get(base.FNumber)),
        "focal_length_mm": _positive(photo.get(base.FocalLength)),
        "orientation": _whole(main.get(base.Orientation)),
    }
    if not 1 <= (_whole(main.get(base.Orientation)) or 0) <= 8:
        found["orientation"] = None
    return {name: value for name, value in found.items() if value is not None}


def _taken_at(main: _Tags, photo: _Tags) -> str | None:
    base = ExifTags.Base
    for moment, offset in (
        (photo.get(base.DateTimeOriginal), photo.get(base.OffsetTimeOriginal)),
        (photo.get(base.DateTimeDigitized), photo.get(base.OffsetTimeDigitized)),
        (main.get(base.DateTime), photo.get(base.OffsetTime)),
    ):
        text = _text(moment)
        if text is None:
            continue
        try:
            taken = datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue
        zone = _text(offset) or ""
        return taken.isoformat() + (zone if _OFFSET.match(zone) else "")
    return None


def _place(tags: _Tags) -> Extra:
    gps = ExifTags.GPS
    latitude = _degrees(tags.get(gps.GPSLatitude), tags.get(gps.GPSLatitudeRef), "S", 90)
    longitude = _degrees(tags.get(gps.GPSLongitude), tags.get(gps.GPSLongitudeRef), "W", 180)
    if latitude is None or longitude is None:
        return {}
    found: Extra = {"latitude": latitude, "longitude": longitude}
    altitude = _number(tags.get(gps.GPSAltitude))
    if altitude is not None:
        # A reference of 1 means below sea level.
        below = tags.get(gps.GPSAltitudeRef) in (1, b"\x01")
        found["altitude_m"] = round(-altitude if below else altitude, 2)
    return found


def _degrees(value: object, reference: object, negative: str, most: int) -> float | None:
    if not isinstance(value, tuple | list) or not 1 <= len(value) <= 3:
        return None
    parts = [_number(part) for part in value]
    degrees = 0.0
    for part, unit in zip(parts, (1, 60, 3600), strict=False):
        # Cameras that know no seconds write 0/0 for them; without degrees there is nothing.
        if part is None and unit == 1:
            return None
        degrees += (part or 0.0) / unit
    if not 0 <= degrees <= most:
        return None
    signed = -degrees if (_text(reference) or "").upper().startswith(negative) else degrees
    return round(signed, 6)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    # What follows a NUL is left over from an earlier, longer value. Control characters must not reach a screen.
    first = value.split("\x00", 1)[0]
    clean = "".join(letter if letter.isprintable() else " " for letter in first)
    return " ".join(clean.split())[:_MAX_TEXT] or None


def _number(value: object) -> float | None:
    if isinstance(value, tuple | list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool | str | bytes) or value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def _positive(value: object) -> float | None:
    number = _number(value)
    return round(number, 6) if number is not None and number > 0 else None


def _whole(value: object) -> int | None:
    # ISO may come as a pair, the value first.
    number = _number(value[0] if isinstance(value, tuple | list) and value else value)
    return int(number) if number is not None and 0 < number < 2**31 else None


def _from_video(path: Path) -> MediaMetadata:
    # FFmpeg costs 50 ms to load, and most uploads are pictures.
    from vuemantics_tui.media import clips

    with clips.open_clip(path) as clip:
        frame = clips.key_frame_at(clip, clip.start)
        if frame is not None:
            width, height = clips.upright_size(clip, frame)
        else:
            width, height = clip.stream.width, clip.stream.height
        tags = {**clip.stream.metadata, **clip.container.metadata}
        sounds = clip.container.streams.audio
        found: dict[str, str | int | float | None] = {
            "camera_make": _text(tags.get("com.apple.quicktime.make") or tags.get("make")),
            "camera_model": _text(tags.get("com.apple.quicktime.model") or tags.get("model")),
            "frames_per_second": _rate(clip.stream.average_rate),
            "bit_rate": _whole(clip.container.bit_rate),
            "audio_codec": sounds[0].codec_context.name if sounds and sounds[0].codec_context else None,
            "container": clip.container.format.name,
        }
        extra = {name: value for name, value in found.items() if value is not None}
        extra |= _iso_6709(tags.get("com.apple.quicktime.location.ISO6709") or tags.get("location") or "")
        return MediaMetadata(
            width=width or None,
            height=height or None,
            duration=None if clip.duration is None else round(clip.duration, 3),
            taken_at=_creation_time(tags),
            video_codec=clip.stream.codec_context.name,
            extra=extra or None,
            words=read_words(path, find_packets(path), tags=tags),
        )


def _rate(rate: Fraction | None) -> float | None:
    return round(float(rate), 3) if rate else None


def _creation_time(tags: Mapping[str, str]) -> str | None:
    """Apple's own tag has local time and offset; the container's is UTC, and 1904 or 1970 when unset."""
    for name in ("com.apple.quicktime.creationdate", "creation_time"):
        try:
            moment = datetime.fromisoformat(tags.get(name, "").strip())
        except ValueError:
            continue
        if moment.year > 1970:
            return moment.isoformat(timespec="seconds")
    return None


def _iso_6709(text: str) -> Extra:
    match = _ISO_6709.match(text)
    if match is None:
        return {}
    latitude, longitude = float(match[1]), float(match[2])
    if abs(latitude) > 90 or abs(longitude) > 180:
        return {}
    found: Extra = {"latitude": latitude, "longitude": longitude}
    if match[3]:
        found["altitude_m"] = float(match[3])
    return found
