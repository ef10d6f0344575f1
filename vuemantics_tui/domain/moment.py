"""Moments as files and people write them, and where each comes from.

A moment is text in ISO 8601: `2024-03-05T10:11:12.34+01:00`, the local wall clock of where a picture was taken, with
the offset from UTC where it is known. Where no time of day is known it is a date alone. Moments sort as text, by the
wall clock: an offset sorts before a fraction, and both before the next second. A `Z` at the end says that only UTC is
known and not the local clock, as in RFC 9557; `localised` turns it into the local clock.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import StrEnum

from vuemantics_tui.domain.errors import UsageError


class DateSource(StrEnum):
    """Where the date of an upload comes from, in the order of trust."""

    HAND = "hand"
    EXIF = "exif"
    XMP = "xmp"
    IPTC = "iptc"
    GPS = "gps"
    QUICKTIME = "quicktime"
    AVI = "avi"
    CONTAINER = "container"
    IMPORT = "import"
    NAME = "name"
    FILE = "file"


SOURCE_WORDS: dict[DateSource, str] = {
    DateSource.HAND: "set by hand",
    DateSource.EXIF: "from its EXIF",
    DateSource.XMP: "from its XMP",
    DateSource.IPTC: "from its IPTC",
    DateSource.GPS: "from its GPS time",
    DateSource.QUICKTIME: "from its QuickTime tags",
    DateSource.AVI: "from its AVI header",
    DateSource.CONTAINER: "from its header",
    DateSource.IMPORT: "from another program",
    DateSource.NAME: "from its name",
    DateSource.FILE: "from the file's own time",
}

BY_CAMERA = frozenset({DateSource.EXIF, DateSource.GPS, DateSource.QUICKTIME, DateSource.AVI, DateSource.CONTAINER})
"""The sources that a camera itself has written."""

# Nothing was photographed before 1826. What claims to be from after 2199 was never set.
_FIRST_YEAR, _LAST_YEAR = 1826, 2199
# Kiribati is 14 hours ahead of UTC, Baker Island 12 behind.
_MOST_OFFSET, _LEAST_OFFSET = 14 * 60, -12 * 60
# What a container counts from says that nobody set its clock: QuickTime from 1904, Unix from 1970.
_UNSET = {datetime(1904, 1, 1), datetime(1970, 1, 1)}

DATE_HINT = "Write 2024-03-05, 2024-03-05 14:30, +1h or -2d to shift it, or file for the date of the file."
# Patterns are compiled on first use, because nearly every start imports this module.
_SHIFT = r"(?ai)([+-]) ?(?:(\d{1,6})d)? ?(?:(\d{1,6})h)? ?(?:(\d{1,6})m)? ?(?:(\d{1,6})s)?"
_OFFSET = r"(?a)([+-])(\d\d):?(\d\d)?"
# Blanks stand for digits that the camera did not know (EXIF 2.32, 4.6.5), so a date may come with an empty time.
_MOMENT = (
    r"(?ai)(\d{4})[-:/.](\d{1,2})[-:/.](\d{1,2})"
    r"(?:(?:\s*T\s*|[\s_]+)(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d\d:?\d\d|[+-]\d\d)?|[\s:]+)?"
)
_COMPACT = r"(?ai)(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?)?"
# As the C library writes a time, and so the header of an AVI: Mon Mar 10 15:04:43 2003.
_ASCTIME = r"(?ai)[A-Z][a-z]{2,8},? ([A-Z][a-z]{2})[a-z]* {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# A date in a name, with no digit before it, and maybe a time of day behind it, with no digit after that. Cameras and
# phones write 20200101_123456 or 20200101_123456789, screenshots 2024-03-05 at 10.11.12, messengers 20200101-WA0007 or
# 2024-03-05-10-11-12-345. Before AM and PM macOS puts a narrow space.
_NAME_DAY = r"(?a)(?<!\d)(\d{4})([-_.]?)(\d\d)\2(\d\d)(?=\D|\d{6}(?!\d)|\d{9}(?!\d)|$)"
_NAME_TIME = (
    r"(?ai)(?:,? at |,? um |,? \u00e0 |_at_|[-_ T.~,]{1,3})?"
    r"(?P<hour>\d\d?)(?P<mark>[-_.:h\u2236\ua789]?)(?P<minute>[0-5]\d)"
    r"(?:(?:(?P=mark)|m)(?P<second>[0-5]\d)s?(?:[-_.]?(?P<fraction>\d{3}))?)?(?!\d)"
    r"(?:[ _\u00a0\u202f]?(?P<half>[AP])\.?M\b)?"
)
# Photographs of before are scans, and a number of after 2099 is no year.
_NAME_FIRST_YEAR, _NAME_LAST_YEAR = 1900, 2099
_NOON = 12


def read_moment(text: str) -> str | None:
    """Return the moment that a text says, or None if it says none that can be true.

    Understands dates with `:`, `-`, `/` or `.` between their parts or with nothing, a `T` or blanks before the time, a
    missing time, fractions of a second, offsets, and what C's `asctime` writes.
    """
    clean = " ".join(text.replace("\x00", " ").split())
    if (match := re.fullmatch(_MOMENT, clean)) or (match := re.fullmatch(_COMPACT, clean)):
        year, month, day, hour, minute, second, fraction, offset = match.groups()
    elif match := re.fullmatch(_ASCTIME, clean):
        name, day, hour, minute, second, year = match.groups()
        if name.lower() not in _MONTHS:
            return None
        month, fraction, offset = str(_MONTHS.index(name.lower()) + 1), None, None
    else:
        return None
    if hour is None:
        return _date(int(year), int(month), int(day))
    zone = read_offset(offset) if offset else ""
    if zone is None:
        return None
    try:
        at = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0))
    except ValueError:
        return None
    return written(at, fraction or "", zone)


def read_offset(text: str) -> str | None:
    """Return an offset from UTC as `+01:00`, or `Z` for one written so; None for what is no offset on Earth."""
    clean = text.strip()
    if clean in ("Z", "z"):
        return "Z"
    match = re.fullmatch(_OFFSET, clean)
    if match is None or int(match[3] or 0) > 59:
        return None
    minutes = (int(match[2]) * 60 + int(match[3] or 0)) * (-1 if match[1] == "-" else 1)
    return offset_words(minutes) if _LEAST_OFFSET <= minutes <= _MOST_OFFSET else None


def offset_words(minutes: int) -> str:
    """Return minutes east of UTC as `+01:00`."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def offset_minutes(moment: str) -> int | None:
    """Return the offset of a moment in minutes east of UTC, or None if it has none."""
    match = re.search(r"T.*([+-])(\d\d):(\d\d)$", moment)
    return (int(match[2]) * 60 + int(match[3])) * (-1 if match[1] == "-" else 1) if match else None


def written(at: datetime, fraction: str = "", zone: str = "") -> str | None:
    """Return a wall clock with the digits of its fraction of a second and its offset as a moment.

    None if it is from before photography, from the far future, or was never set.
    """
    clock = at.replace(tzinfo=None)
    digits = fraction.strip()[:6].rstrip("0")
    if not _FIRST_YEAR <= clock.year <= _LAST_YEAR or clock in _UNSET or (digits and not digits.isdecimal()):
        return None
    return clock.isoformat(timespec="seconds") + (f".{digits}" if digits else "") + zone


def instant(seconds: float) -> str | None:
    """Return seconds since the epoch as a moment of which only UTC is known, to the millisecond."""
    try:
        at = datetime.fromtimestamp(round(seconds, 3), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return written(at, f"{at.microsecond:06}", "Z")


def localised(moment: str, zone: tzinfo | None) -> str:
    """Return a moment by the local clock of a zone, or of this machine's; one that is local already stays as it is."""
    if not moment.endswith("Z"):
        return moment
    at = datetime.fromisoformat(moment)
    try:
        local = at.astimezone(zone)
        offset = local.utcoffset() or timedelta()
    except (ValueError, OverflowError, OSError):
        local, offset = at, timedelta()
    fraction = moment[20:-1] if moment[19:20] == "." else ""
    # Before zones were agreed on, clocks went by the sun: the offset then has seconds, which ISO 8601 cannot write.
    return written(local, fraction, offset_words(int(offset.total_seconds() // 60))) or moment


def fixed_zone(minutes: int) -> tzinfo:
    """Return the zone that is so many minutes east of UTC."""
    return timezone(timedelta(minutes=minutes))


def name_moment(filename: str) -> str | None:
    """Return the moment in the name of a file, as cameras, phones, screenshots and messengers write it."""
    # macOS takes letters apart from their accents in names.
    name = unicodedata.normalize("NFC", filename)
    for match in re.finditer(_NAME_DAY, name):
        day = _date(int(match[1]), int(match[3]), int(match[4]))
        if day is None or not _NAME_FIRST_YEAR <= int(match[1]) <= _NAME_LAST_YEAR:
            continue
        clock = re.match(_NAME_TIME, name[match.end() :])
        return (_name_time(day, clock) if clock else None) or day
    return None


def _name_time(day: str, clock: re.Match[str]) -> str | None:
    """Return a day with a time of day that a name has, or None if it is none."""
    hour, half = int(clock["hour"]), clock["half"]
    if not clock["mark"] and (len(clock["hour"]) == 1 or not clock["second"]):
        return None  # a number that counts something
    if half:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + (_NOON if half.upper() == "P" else 0)
    try:
        at = datetime.fromisoformat(day).replace(
            hour=hour, minute=int(clock["minute"]), second=int(clock["second"] or 0)
        )
    except ValueError:
        return None
    return written(at, clock["fraction"] or "")


@dataclass(frozen=True, slots=True)
class DateEdit:
    """A change of dates by hand: to a moment, by a time, or, without either, back to the date of the file."""

    moment: str | None = None
    shift: timedelta | None = None

    @classmethod
    def of(cls, text: str) -> DateEdit:
        """Read `2024-03-05`, `2024-03-05 14:30`, `+1h30m`, `-2d`, `file`, or nothing, which means `file` too.

        Seconds and an offset may follow the time. Raises UsageError for anything else.
        """
        clean = " ".join(text.split())
        if clean.lower() in ("", DateSource.FILE):
            return cls()
        if (match := re.fullmatch(_SHIFT, clean)) and any(match.groups()[1:]):
            days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
            shift = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
            return cls(shift=-shift if match[1] == "-" else shift)
        moment = read_moment(clean)
        if moment is None:
            raise UsageError(f"{clean!r} is not a date", DATE_HINT)
        return cls(moment.replace("Z", "+00:00"))

    def applied(self, moment: str | None) -> str | None:
        """Return the date that a date becomes by hand; None for that of the file.

        Raises UsageError if a shift leads out of the calendar, or there is no date to shift.
        """
        if self.shift is None:
            return self.moment
        if moment is None:
            raise UsageError("An upload without a date cannot be shifted", "Set its date first.")
        try:
            at = datetime.fromisoformat(moment[:19]) + self.shift
        except OverflowError:
            at = datetime.min
        # A date alone stays one where it is shifted by whole days.
        is_day = "T" not in moment and not self.shift % timedelta(days=1)
        shifted = written(at)
        if shifted is None:
            raise UsageError(f"{moment[:10]} cannot be shifted so far", DATE_HINT)
        return shifted[:10] if is_day else shifted + moment[19:]


def _date(year: int, month: int, day: int) -> str | None:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found.isoformat() if _FIRST_YEAR <= year <= _LAST_YEAR else None
