"""When a file says that it was taken: which of its dates counts, and what the camera's clock was set to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from PIL import ExifTags

from vuemantics_tui.domain.moment import DateSource, offset_minutes, offset_words, read_moment, read_offset, written
from vuemantics_tui.media.exif import Tags, number_of, text_of
from vuemantics_tui.media.xmp import Xmp

_TO_SECONDS = len("2024-06-03T10:11:12")
_OFFSET_LENGTH = len("+01:00")
# When it was taken, else when a picture of it was made.
_XMP_DATES = ("exif:DateTimeOriginal", "photoshop:DateCreated", "exif:DateTimeDigitized", "xmp:CreateDate")
_AVI_HEAD = 256 * 1024
# Zones differ from UTC by half hours, but for Nepal, Eucla and the Chatham Islands (in summer 60 minutes more). A
# satellite's time that does not fit is from before the camera lost sight of the sky. Seconds.
_ZONE_STEP, _SLACK = 30 * 60, 90
_ODD_OFFSETS = (345, 525, 765, 825)


class TakenDate(NamedTuple):
    """A moment, where it comes from, and how many minutes east of UTC the camera's clock was set, if that is known."""

    moment: str
    source: DateSource
    offset: int | None = None


def picture_date(exif: tuple[Tags, Tags, Tags], xmp: Xmp, iptc: bytes, sidecar: Xmp) -> TakenDate | None:
    """Return the date of a picture: EXIF's, else that of XMP, of IPTC, or of the satellites.

    A side-car that says when it was taken counts before all: it is where people put a camera right. `exif` is the main,
    the photo and the GPS directory. The last change that EXIF tells of counts after XMP and IPTC, which say when the
    picture was taken, and before the satellites, which do not know the local clock.
    """
    main, photo, place = exif
    base = ExifTags.Base
    shot = _exif_date(
        place,
        (photo.get(base.DateTimeOriginal), photo.get(base.SubsecTimeOriginal), photo.get(base.OffsetTimeOriginal)),
        (photo.get(base.DateTimeDigitized), photo.get(base.SubsecTimeDigitized), photo.get(base.OffsetTimeDigitized)),
    )
    told = _xmp_date(sidecar, *_XMP_DATES[:2]) or _xmp_date(xmp, *_XMP_DATES)
    if shot is not None and told is not None and shot.moment[:_TO_SECONDS] == told.moment[:_TO_SECONDS]:
        return _with_offset_of(shot, told)
    if corrected := _xmp_date(sidecar, *_XMP_DATES[:2]):
        return corrected
    if shot is not None:
        return shot
    changed = _exif_date(place, (main.get(base.DateTime), photo.get(base.SubsecTime), photo.get(base.OffsetTime)))
    return told or _iptc_date(iptc) or changed or _gps_date(place)


def clip_date(path: Path, tags: Mapping[str, str], container: str, xmp: Xmp, sidecar: Xmp) -> TakenDate | None:
    """Return the date of a video, from its side-car, its XMP, the tags that FFmpeg found, or the header of an AVI.

    Apple's own tag and `date` have the local clock and its offset. The container's time is UTC, but in an AVI, whose
    header has what the camera's clock showed.
    """
    if found := _xmp_date(xmp | sidecar, *_XMP_DATES[:2], zero="Z"):
        return found
    is_avi = container == "avi"
    for name in () if is_avi else ("com.apple.quicktime.creationdate", "date"):
        moment = _tagged_moment(tags, name)
        # A year or a day is that of a published film.
        if moment and "T" in moment:
            return TakenDate(moment, DateSource.QUICKTIME, offset_minutes(moment))
    if found := _xmp_date(xmp, *_XMP_DATES[2:], zero="Z"):
        return found
    if is_avi:
        header = read_moment(_avi_text(path))
        for moment in (header, _tagged_moment(tags, "creation_time"), _tagged_moment(tags, "date")):
            if moment:
                return TakenDate(moment.removesuffix("Z"), DateSource.AVI)
        return None
    moment = _tagged_moment(tags, "creation_time")
    if moment is None or "T" not in moment:
        return None
    if offset := offset_minutes(moment):
        return TakenDate(moment, DateSource.CONTAINER, offset)
    return TakenDate(moment.removesuffix("Z").removesuffix("+00:00") + "Z", DateSource.CONTAINER)


def _tagged_moment(tags: Mapping[str, str], name: str) -> str | None:
    """Return the first moment in a tag: from version 8 on, FFmpeg joins what stands in several places with `;`."""
    return next(filter(None, map(read_moment, tags.get(name, "").split(";"))), None)


def _exif_date(place: Tags, *dates: tuple[object, object, object]) -> TakenDate | None:
    """Return the first of these dates that makes sense, each with its fraction of a second and its offset."""
    for moment, fraction, offset in dates:
        found = read_moment(text_of(moment) or "")
        if found is None:
            continue
        if len(found) == _TO_SECONDS:
            found = _with(found, text_of(fraction) or "", text_of(offset) or "")
        known = offset_minutes(found)
        return TakenDate(found, DateSource.EXIF, known if known is not None else _offset_by_satellite(found, place))
    return None


def _xmp_date(xmp: Xmp, *names: str, zero: str = "+00:00") -> TakenDate | None:
    """Return the first of these dates that makes sense.

    Adobe's programs write an offset of zero as Z, which becomes `zero`: the offset, or Z for a clock that may be UTC.
    """
    for name in names:
        found = read_moment(xmp.text(name) or "")
        if found:
            found = found.replace("Z", zero)
            return TakenDate(found, DateSource.XMP, offset_minutes(found))
    return None


def _with_offset_of(shot: TakenDate, told: TakenDate) -> TakenDate:
    """Return the date of EXIF with the offset that XMP has for the same wall clock, if EXIF has none."""
    if told.offset is None or offset_minutes(shot.moment) is not None:
        return shot
    return TakenDate(shot.moment + told.moment[-_OFFSET_LENGTH:], DateSource.EXIF, told.offset)


def _iptc_date(records: bytes) -> TakenDate | None:
    """Return the date of creation, else of digitizing (IPTC-IIM 4.2, 2:55 and 2:60, 2:62 and 2:63)."""
    for day_number, time_number in ((55, 60), (62, 63)):
        day, time = (_iptc_text(records, number) for number in (day_number, time_number))
        found = (read_moment(f"{day}T{time}") if time else None) or read_moment(day)
        if found:
            return TakenDate(found.replace("Z", "+00:00"), DateSource.IPTC, offset_minutes(found))
    return None


def _iptc_text(records: bytes, number: int) -> str:
    match = re.search(rb"\x1c\x02" + re.escape(bytes([number])) + rb"\x00([\x00-\x20])", records)
    if match is None:
        return ""
    return records[match.end() : match.end() + match[1][0]].decode("ascii", "replace").strip()


def _avi_text(path: Path) -> str:
    """Return the time in the header of an AVI, as its camera wrote it."""
    with path.open("rb") as file:
        head = file.read(_AVI_HEAD)
    match = re.search(rb"IDIT(.)\x00\x00\x00([ -~\n\x00]*)", head, re.DOTALL)
    return match[2][: match[1][0]].decode("ascii") if match else ""


def _gps_date(place: Tags) -> TakenDate | None:
    """Return the moment that the satellites told, in UTC."""
    at = _satellite_time(place)
    moment = written(at, f"{at.microsecond:06}", "Z") if at else None
    return TakenDate(moment, DateSource.GPS) if moment else None


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
    nearest = round(ahead / _ZONE_STEP) * _ZONE_STEP // 60
    for offset in (nearest, *_ODD_OFFSETS):
        if abs(ahead - offset * 60) <= _SLACK:
            return offset if read_offset(offset_words(offset)) else None
    return None


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
