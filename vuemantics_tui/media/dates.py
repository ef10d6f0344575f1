"""When a file says that it was taken: which of its dates counts, and what the camera's clock was set to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from PIL import ExifTags

from vuemantics_tui.domain.moment import DateSource, offset_minutes, read_moment, read_offset, written
from vuemantics_tui.media.exif import Tags, number_of, text_of

_TO_SECONDS = len("2024-06-03T10:11:12")
# Zones differ from UTC by quarters of an hour. A satellite's time that lies further from one is that of another moment.
_QUARTER, _SLACK = 15 * 60, 5 * 60


class TakenDate(NamedTuple):
    """A moment, where it comes from, and how many minutes east of UTC the camera's clock was set, if that is known."""

    moment: str
    source: DateSource
    offset: int | None = None


def exif_date(main: Tags, photo: Tags, place: Tags) -> TakenDate | None:
    """Return the moment of the shutter, else of digitizing, else of the last change, as EXIF has it."""
    base = ExifTags.Base
    for moment, fraction, offset in (
        (photo.get(base.DateTimeOriginal), photo.get(base.SubsecTimeOriginal), photo.get(base.OffsetTimeOriginal)),
        (photo.get(base.DateTimeDigitized), photo.get(base.SubsecTimeDigitized), photo.get(base.OffsetTimeDigitized)),
        (main.get(base.DateTime), photo.get(base.SubsecTime), photo.get(base.OffsetTime)),
    ):
        found = read_moment(text_of(moment) or "")
        if found is None:
            continue
        if len(found) == _TO_SECONDS:
            found = _with(found, text_of(fraction) or "", text_of(offset) or "")
        known = offset_minutes(found)
        return TakenDate(found, DateSource.EXIF, known if known is not None else _offset_by_satellite(found, place))
    return None


def gps_date(place: Tags) -> TakenDate | None:
    """Return the moment that the satellites told, in UTC."""
    at = _satellite_time(place)
    moment = written(at, f"{at.microsecond:06}", "Z") if at else None
    return TakenDate(moment, DateSource.GPS) if moment else None


def clip_date(tags: Mapping[str, str], container: str) -> TakenDate | None:
    """Return the moment that the tags of a video say.

    Apple's own tag and `date` have the local clock and its offset. The container's time is UTC, but in an AVI, whose
    header has what the camera's clock showed.
    """
    for name in ("com.apple.quicktime.creationdate", "date"):
        found = read_moment(tags.get(name, ""))
        if found and "T" in found:
            return TakenDate(found, DateSource.QUICKTIME, offset_minutes(found))
    is_avi = container == "avi"
    for name in ("creation_time", "date") if is_avi else ("creation_time",):
        found = read_moment(tags.get(name, ""))
        if found and is_avi:
            return TakenDate(found.rstrip("Z"), DateSource.AVI)
        if found and "T" in found:
            return TakenDate(re.sub(r"(\+00:00|Z)?$", "Z", found), DateSource.CONTAINER)
    return None


def _with(moment: str, fraction: str, offset: str) -> str:
    """Return a wall clock to the second with a fraction and an offset, as far as they make sense."""
    match = re.match(r"\d{1,6}", fraction)
    digits = match[0].rstrip("0") if match else ""
    # A camera says what its clock is set to: Z there is the offset of zero.
    zone = (read_offset(offset) or "").replace("Z", "+00:00")
    return moment + (f".{digits}" if digits else "") + zone


def _offset_by_satellite(moment: str, place: Tags) -> int | None:
    """Return how far the camera's clock was ahead of the satellites', in minutes, if that can be a zone's offset."""
    at = _satellite_time(place)
    if at is None or len(moment) < _TO_SECONDS:
        return None
    ahead = (datetime.fromisoformat(moment[:_TO_SECONDS]) - at.replace(tzinfo=None)).total_seconds()
    quarters = round(ahead / _QUARTER)
    if abs(ahead - quarters * _QUARTER) > _SLACK or not -12 * 4 <= quarters <= 14 * 4:
        return None
    return quarters * 15


def _satellite_time(place: Tags) -> datetime | None:
    gps = ExifTags.GPS
    day = read_moment(text_of(place.get(gps.GPSDateStamp)) or "")
    stamp = place.get(gps.GPSTimeStamp)
    if day is None or not isinstance(stamp, tuple | list) or len(stamp) != 3:
        return None
    parts = [number_of(part) for part in stamp]
    limits = (24, 60, 60)
    if any(part is None or not 0 <= part < limit for part, limit in zip(parts, limits, strict=True)):
        return None
    hours, minutes, seconds = (part or 0.0 for part in parts)
    at = datetime.fromisoformat(day[:10]).replace(tzinfo=UTC)
    return at + timedelta(hours=hours, minutes=minutes, milliseconds=round(seconds * 1000))
