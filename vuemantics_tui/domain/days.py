"""Days, months, years and other spans of days, as people write them: 2024-06, June 2019, last summer, 7d."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
# Days of many uploads travel as one number each: the upload's number, and 20240603. What has no date has the day on
# which it was added, with a digit before it.
DAY_OF_NUMBER, ADDED_DAY = 10**9, 10**8
DAY_EXAMPLES = "2019, June 2019, 3 jun 2024, last summer, christmas 2020, 7d or yesterday"

Span = tuple[date, date | None]
"""The first day, and the first day after it; None where the calendar ends before that."""


class DayKind(StrEnum):
    """How a day is given: as a date (year, month or day), as time ago, or in words."""

    YEAR = "year"
    MONTH = "month"
    DATE = "date"
    DAYS_AGO = "d"
    WEEKS_AGO = "w"
    MONTHS_AGO = "m"
    YEARS_AGO = "y"
    TODAY = "today"
    YESTERDAY = "yesterday"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Day:
    """A year, a month, a day, a time ago (`ago` units of `kind`), or a span in words.

    Times ago and words stay relative until `bounds` is called. `first` is the first day of a year, month or date.
    """

    kind: DayKind
    first: date | None = None
    ago: int = 0
    words: str = ""

    def __str__(self) -> str:
        if self.words:
            return self.words
        if self.first is not None:
            text = self.first.isoformat()
            return {DayKind.YEAR: text[:4], DayKind.MONTH: text[:7]}.get(self.kind, text)
        if self.kind in (DayKind.TODAY, DayKind.YESTERDAY):
            return self.kind.value
        return f"{self.ago}{self.kind.value}"

    def bounds(self, today: date) -> Span:
        """Return the first day and the first day after it, or None where the calendar ends before that."""
        if self.kind is DayKind.WORDS:
            span = _span_of_words(self.words, today)
            assert span is not None, "only words that were understood become a day"
            return span
        first = self.first if self.first is not None else self._ago(today)
        if self.kind is DayKind.YEAR:
            return first, _after_months(first, 12)
        if self.kind is DayKind.MONTH:
            return first, _after_months(first, 1)
        return first, _plus(first, 1)

    def _ago(self, today: date) -> date:
        try:
            if self.kind is DayKind.YESTERDAY:
                return today - timedelta(days=1)
            if self.kind is DayKind.DAYS_AGO:
                return today - timedelta(days=self.ago)
            if self.kind is DayKind.WEEKS_AGO:
                return today - timedelta(weeks=self.ago)
            if self.kind in (DayKind.MONTHS_AGO, DayKind.YEARS_AGO):
                return _months_before(today, self.ago * (12 if self.kind is DayKind.YEARS_AGO else 1))
        except (OverflowError, ValueError):
            return date.min  # before the calendar begins
        return today


# Patterns are compiled on first use, because nearly every start imports this module.
_DATE = r"(?a)(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?"
_AGO = r"(?ai)(\d{1,5}) ?(d|w|m|y|days?|weeks?|months?|years?)(?: ago)?"
_COUNTED_AGO = r"(?ai)([a-z]+) (days?|weeks?|months?|years?) ago"
_COUNTS = {"a": 1, "an": 1} | {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)
}
# A month before its year, a day before its month where dots tell that it is one, and what cameras write.
_MONTH_FIRST = r"(?a)(\d{1,2})[-/.](\d{4})"
_DAY_FIRST = r"(?a)(\d{1,2})\.(\d{1,2})\.(\d{4})"
_RUN = r"(?a)(\d{4})(\d\d)(\d\d)"
# A winter of two years, and a year without its century.
_TWO_YEARS = r"(?a)\b(\d{4})[/-](?:\d{2}|\d{4})$"
_SHORT_YEAR = r"(?a)(?<=\w )['’](\d\d)$"
_LEAST_SHORT_YEAR = 70
_ORDINAL = r"(?a)(\d{1,2})(?:st|nd|rd|th)"
_YEAR = r"(?a)\d{4}"
_DECADE = r"(?a)(\d{4}|\d{2})'?s"
# Words that change nothing.
_EMPTY_WORDS = frozenset(("of", "the", "in", "on", "from", "day"))


def read_day(text: str, today: date | None = None) -> Day | None:
    """Return the day or the span of days that a text names, or None.

    Raises ValueError for a date that is not in the calendar. Understands 2024, 2024-06, 2024-06-30, 30.6.2024, 06/2024,
    June 2019, 3 jun 2024, today, 7d, two weeks ago, last summer, winter 2020/21, last month, monday, 1990s, early 2019,
    end of June, first week of June, christmas 2020, easter and the like. A month, day, season or feast without a year
    is the latest that has begun. Seasons are those of the north, by whole months, and a winter belongs to the year in
    which it begins.
    """
    words = " ".join(word for word in re.split(r"[\s,]+", text.strip().casefold()) if word not in _EMPTY_WORDS)
    if words in (DayKind.TODAY, DayKind.YESTERDAY):
        return Day(DayKind(words))
    if match := re.fullmatch(_AGO, words):
        return Day(DayKind(match[2][0]), ago=int(match[1]))
    if (match := re.fullmatch(_COUNTED_AGO, words)) and match[1] in _COUNTS:
        return Day(DayKind(match[2][0]), ago=_COUNTS[match[1]])
    if match := re.fullmatch(_MONTH_FIRST, words):
        return Day(DayKind.MONTH, date(int(match[2]), int(match[1]), 1))
    if match := re.fullmatch(_DAY_FIRST, words):
        return Day(DayKind.DATE, date(int(match[3]), int(match[2]), int(match[1])))
    if match := re.fullmatch(_RUN, words):
        return Day(DayKind.DATE, date(int(match[1]), int(match[2]), int(match[3])))
    words = re.sub(_SHORT_YEAR, _with_century, words.replace("mid-", "mid "))
    if words.startswith("winter "):
        words = re.sub(_TWO_YEARS, r"\1", words)
    if match := re.fullmatch(_DATE, words):
        kind = DayKind.DATE if match[3] else DayKind.MONTH if match[2] else DayKind.YEAR
        return Day(kind, date(int(match[1]), int(match[2] or 1), int(match[3] or 1)))
    parts = _parts(words)
    if parts is not None and parts.year:
        if parts.day:
            return Day(DayKind.DATE, date(parts.year, parts.month, parts.day))
        return Day(DayKind.MONTH, date(parts.year, parts.month, 1))
    if parts is not None and parts.day:
        # Raises ValueError for what is in no year.
        date(2000, parts.month, parts.day)
    # What words mean depends on the day; here only whether they mean something is checked.
    return Day(DayKind.WORDS, words=words) if words and _span_of_words(words, today or date(2000, 6, 15)) else None


def _with_century(found: re.Match[str]) -> str:
    return f"{'19' if int(found[1]) >= _LEAST_SHORT_YEAR else '20'}{found[1]}"


@dataclass(frozen=True, slots=True)
class _Parts:
    month: int
    day: int = 0
    year: int = 0


def month_number(word: str) -> int | None:
    """Return the number of a month, 1 to 12, by its name or by at least three letters of it."""
    word = word.casefold().rstrip(".")
    if len(word) < 3:
        return None
    found = [number for number, name in enumerate(MONTH_NAMES, 1) if name.casefold().startswith(word)]
    return found[0] if found else 9 if word == "sept" else None


def _parts(words: str) -> _Parts | None:
    """Return the month of a text with the day and the year beside it, 0 for what it does not say."""
    month = day = year = 0
    for word in words.split():
        if re.fullmatch(_YEAR, word) and not year:
            year = int(word)
        elif (match := re.fullmatch(_ORDINAL, word) or re.fullmatch(r"(?a)(\d{1,2})\.?", word)) and not day:
            day = int(match[1])
            if not day:
                return None
        elif (number := month_number(word)) and not month:
            month = number
        else:
            return None
    return _Parts(month, day, year) if month else None


_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# The first day as (month, day), days before the new year counting to it, and how many there are.
_FEASTS: Mapping[str, tuple[int, int, int]] = {
    "christmas": (12, 24, 3),
    "xmas": (12, 24, 3),
    "christmas eve": (12, 24, 1),
    "halloween": (10, 31, 1),
    "new year's eve": (12, 31, 1),
    "valentine's": (2, 14, 1),
}
# The fewest days of a month.
_MONTH_DAYS = 28
_NEW_YEAR = frozenset(("new year", "new year's", "new years"))
_OF_LAST_YEAR = " last year"
_LAST, _THIS = frozenset(("last", "past", "previous")), "this"
_WEEKS = ("first", "second", "third")
_THIRDS: Mapping[str, int] = {"early": 0, "start": 0, "beginning": 0, "mid": 1, "middle": 1, "late": 2, "end": 2}


def _span_of_words(words: str, today: date) -> Span | None:
    """Return the span that words mean on a day, or None if they mean none."""
    if words.endswith(_OF_LAST_YEAR):
        return _in_year(words.removesuffix(_OF_LAST_YEAR), today.year - 1)
    head, _, rest = words.partition(" ")
    if match := re.fullmatch(r"(first|second|third|last) week (.+)", words):
        return _week_of(match[2], match[1], today)
    if head in _THIRDS and rest:
        return _third(rest, _THIRDS[head], today)
    is_last, is_this = head in _LAST and bool(rest), head == _THIS and bool(rest)
    name = rest if is_last or is_this else words
    year = None
    if (match := re.fullmatch(r"(?a)(.+) (\d{4})", name)) and not (is_last or is_this):
        name, year = match[1], int(match[2])
    if (span := _span_of_unit(name, today, -1 if is_last else 0)) is not None:
        return span if (is_last or is_this) and year is None else None
    if name in _WEEKDAYS and year is None:
        back = (today.weekday() - _WEEKDAYS.index(name)) % 7
        # Today's own weekday is today, but the last one was a week ago.
        first = today - timedelta(days=back or (7 if is_last else 0))
        return first, _plus(first, 1)
    if (match := re.fullmatch(_DECADE, name)) and year is None and not (is_last or is_this):
        return _decade(match[1], today)
    return _span_by_year(name, year, today, is_last=is_last)


def _third(words: str, place: int, today: date) -> Span | None:
    """Return the first, second or last third of a span of a month or more, in whole months if it has three."""
    try:
        day = None if words.partition(" ")[0] in _THIRDS else read_day(words, today)
    except ValueError:
        return None
    if day is None:
        return None
    first, after = day.bounds(today)
    if after is None or (after - first).days < _MONTH_DAYS:
        return None
    months, rest = divmod((after.year - first.year) * 12 + after.month - first.month, 3)
    if months and not rest and first.day == after.day == 1:
        return _months_before(first, -months * place), _after_months(first, months * (place + 1))
    length = (after - first).days // 3
    return first + timedelta(days=length * place), after if place == 2 else first + timedelta(days=length * (place + 1))


def _week_of(words: str, which: str, today: date) -> Span | None:
    """Return the first, second, third or last seven days of a month."""
    parts = _parts(words)
    if parts is None or parts.day:
        return None
    name = words.removesuffix(f" {parts.year}")
    month = _in_year(name, parts.year) if parts.year else _span_by_year(name, None, today, is_last=False)
    if month is None or month[1] is None:
        return None
    first = month[1] - timedelta(days=7) if which == "last" else month[0] + timedelta(days=7 * _WEEKS.index(which))
    return first, _plus(first, 7)


def _span_of_unit(name: str, today: date, step: int) -> Span | None:
    """Return this week, weekend, month or year, or with a `step` of -1 the last one."""
    if name == "week":
        first = today + timedelta(days=7 * step - today.weekday())
        return first, _plus(first, 7)
    if name == "weekend":
        # Up to Friday the last weekend is the one before this week, on it that of a week ago.
        saturday = today - timedelta(days=(today.weekday() - 5) % 7)
        if step and today.weekday() >= 5:
            saturday -= timedelta(days=7)
        elif not step and today.weekday() < 5:
            saturday += timedelta(days=7)
        return saturday, _plus(saturday, 2)
    if name in ("month", "year"):
        months = 1 if name == "month" else 12
        first = today.replace(day=1) if name == "month" else today.replace(month=1, day=1)
        first = _months_before(first, -months * step)
        return first, _after_months(first, months)
    return None


def _span_by_year(name: str, year: int | None, today: date, *, is_last: bool) -> Span | None:
    """Return what comes once a year, in that year or the latest time; the last one has ended, if there is a choice."""
    if year is not None:
        return _in_year(name, year)
    for candidate in (today.year, today.year - 1, today.year - 2):
        span = _in_year(name, candidate)
        if span is None:
            continue
        first, after = span
        if first <= today and not (is_last and after is not None and after > today):
            return span
    # A 29 February may be further back.
    for candidate in range(today.year - 3, today.year - 9, -1):
        if (span := _in_year(name, candidate)) is not None:
            return span
    return None


def _in_year(name: str, year: int) -> Span | None:
    """Return a month, a day, a season or a feast of a year."""
    try:
        if name in _SEASONS:
            first = date(year, _SEASONS[name], 1)
            return first, _after_months(first, 3)
        if name in _FEASTS:
            month, day, days = _FEASTS[name]
            return date(year, month, day), _plus(date(year, month, day), days)
        if name in _NEW_YEAR:
            return date(year - 1, 12, 31), date(year, 1, 2)
        if name == "thanksgiving":
            # The fourth Thursday of November, in the United States.
            thursday = date(year, 11, 22 + (3 - date(year, 11, 22).weekday()) % 7)
            return thursday, _plus(thursday, 1)
        if name == "easter":
            sunday = easter(year)
            return sunday - timedelta(days=2), sunday + timedelta(days=2)
        parts = _parts(name)
        if parts is None or parts.year:
            return None
        first = date(year, parts.month, parts.day or 1)
        return first, _plus(first, 1) if parts.day else _after_months(first, 1)
    except (ValueError, OverflowError):
        return None


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar.

    The anonymous algorithm in Jean Meeus, Astronomical Algorithms, 2nd edition, chapter 8.
    """
    golden = year % 19
    century, within = divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - moon + 15) % 30
    quarters, left = divmod(within, 4)
    weekday = (32 + 2 * rest + 2 * quarters - epact - left) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _decade(digits: str, today: date) -> Span | None:
    year = int(digits)
    if len(digits) == 2:
        year += today.year // 100 * 100
        year -= 100 if year > today.year else 0
    if year % 10 or not year:
        return None
    first = date(year, 1, 1)
    return first, _after_months(first, 120)


def _months_before(day: date, months: int) -> date:
    """Return the same day of the month so many months before, or the last day of that month. Raises ValueError."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _after_months(first: date, months: int) -> date | None:
    try:
        return _months_before(first, -months)
    except (ValueError, OverflowError):
        return None


def _plus(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None


def read_day_of_year(text: str) -> tuple[int, int] | None:
    """Return the month and the day that `28-nov`, `28 November`, `nov-28` or `11-28` name; None if they name none."""
    clean = " ".join(text.replace("-", " ").replace("/", " ").split())
    if match := re.fullmatch(r"(?a)(\d{1,2}) (\d{1,2})", clean):
        month, day = int(match[1]), int(match[2])
    else:
        parts = _parts(clean.casefold())
        if parts is None or parts.year:
            return None
        month, day = parts.month, parts.day
    try:
        date(2000, month, day)
    except ValueError:
        return None
    return month, day
