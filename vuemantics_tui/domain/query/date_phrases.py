"""Dates in plain sentences: where one stands, how far it goes, and the filters that it becomes."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from vuemantics_tui.domain.days import Day, DayKind, read_day
from vuemantics_tui.domain.query.filters import DateField, DateFilter, Filter
from vuemantics_tui.domain.query.phrases import PhraseKind, Tokens

_MOST_WORDS = 7


@dataclass(frozen=True, slots=True)
class DatePhrase:
    """A date in a line: the place behind it, and its filters. Of one that may `wait`, what follows decides.

    `yearless` is the text of a date without a year, `year` that of a year alone.
    """

    end: int
    filters: tuple[Filter, ...]
    wait: bool = False
    yearless: str = ""
    year: int = 0


class DatePhrases:
    """The dates in a line. `years` are those of the library's uploads."""

    def __init__(self, tokens: Tokens, years: Collection[int], today: date) -> None:
        self._tokens = tokens
        self._years = years
        self._today = today

    def at(self, start: int) -> DatePhrase | None:
        """Return the date that stands here with the words that belong to it: since June 2019."""
        place = start + int(self._tokens.has(PhraseKind.TAKEN, start))
        if (between := self._tokens.take(PhraseKind.BETWEEN, place)) is not None and (found := self._range(between)):
            return found
        if place == start and (found := self._range(place)) and self._tokens[start].key[:1].isdigit():
            return found
        for kind, relate in (
            (PhraseKind.SINCE, _since),
            (PhraseKind.BEFORE, _before),
            (PhraseKind.AFTER, _after),
            (PhraseKind.UNTIL, _until),
        ):
            lead = self._tokens.take(kind, place)
            day = self._day(lead, has_lead=True) if lead is not None else None
            if day is not None and day.day is not None:
                filters = relate(day.day, self._today)
                return DatePhrase(day.end, filters) if filters else None
        if self._tokens.has(PhraseKind.DATE, place):
            return self.alone(place + 1, has_lead=True)
        if self._tokens.has(PhraseKind.YEAR, place):
            found = self.alone(place + 1, has_lead=False)
            return found if found and found.year else None
        return self.alone(place, has_lead=False) if place == start else None

    def alone(self, place: int, *, has_lead: bool) -> DatePhrase | None:
        """Return the date that stands here alone; with `has_lead` a word such as `in` stands before it."""
        found = self._day(place, has_lead=has_lead)
        if found is None:
            return None
        filters = found.filters or ((DateFilter(DateField.ON, found.day),) if found.day else ())
        return DatePhrase(found.end, filters, found.wait, yearless=found.yearless, year=found.year)

    def _range(self, place: int) -> DatePhrase | None:
        """Return a date, `to` or `and`, and another one: from the first day of the one to the last of the other."""
        token = self._tokens[place] if place < len(self._tokens) else None
        if token is not None and (years := re.fullmatch(r"(?a)((?:1[89]|20)\d\d)[-–]((?:1[89]|20)\d\d)", token.key)):
            first, last = (Day(DayKind.YEAR, date(int(year), 1, 1)) for year in years.groups())
            return self._between(first, last, place + 1)
        one = self._day(place, has_lead=True)
        after = self._tokens.take(PhraseKind.TO, one.end) if one is not None else None
        other = self._day(after, has_lead=True) if after is not None else None
        if one is None or other is None or one.day is None or other.day is None:
            return None
        return self._between(one.day, other.day, other.end)

    def _between(self, one: Day, other: Day, end: int) -> DatePhrase | None:
        last = other.bounds(self._today)[1]
        first = one.bounds(last - timedelta(days=1) if last else self._today)[0]
        if last is None or first >= last:
            return None
        filters = (DateFilter(DateField.AFTER, _day_of(first)), DateFilter(DateField.BEFORE, _day_of(last)))
        return DatePhrase(end, filters)

    def _day(self, start: int, *, has_lead: bool) -> _Days | None:
        """Return the longest date that stands here; one that may be something else only behind a word such as `in`."""
        is_number = self._tokens.phrases.of(PhraseKind.DAY).get(self._tokens.word(start), "").startswith("n")
        begin = start + int(self._tokens.has(PhraseKind.ARTICLE, start) and not is_number)
        parts: list[_DatePart] = []
        place = begin
        while len(parts) < _MOST_WORDS and (part := self._date_part(place)) is not None:
            parts.append(part)
            place = part.end
        for count in range(len(parts), 0, -1):
            classes = "".join(part.letter for part in parts[:count])
            values = [part.value for part in parts[:count]]
            found = self._days_of(classes, values, parts[count - 1].end, has_lead=has_lead)
            if found is not None:
                return found
        return None

    def _date_part(self, place: int) -> _DatePart | None:
        """Return the word of a date that stands here, with its class and what `read_day` understands."""
        word = self._tokens.word(place)
        if not word:
            return None
        known = self._tokens.phrases.of(PhraseKind.DAY)
        for count in self._tokens.phrases.lengths(PhraseKind.DAY, word):
            if (meaning := known.get(self._tokens.run(place, count))) is not None:
                letter, _, value = meaning.partition(":")
                return _DatePart(letter, value, place + count)
        for letter, pattern in _CLASSES:
            if re.fullmatch(pattern, word):
                return _DatePart(letter, word, place + 1)
        return None

    def _days_of(self, classes: str, values: Sequence[str], end: int, *, has_lead: bool) -> _Days | None:
        text = " ".join(filter(None, values))
        if re.fullmatch("[nN]UA|[nN]uA", classes):
            return _ago(int(values[0]), values[1], end)
        if re.fullmatch("L[nN][Uu]", classes):
            day = _read(f"{values[1]}{values[2][0]}", self._today) if values[2] != "weekend" else None
            return _Days(end, filters=(DateFilter(DateField.AFTER, day),)) if day else None
        if classes == "Y":
            year = int(text)
            is_known = year in self._years
            if not is_known and not has_lead:
                return None
            return _Days(end, Day(DayKind.YEAR, date(year, 1, 1)), wait=not is_known, year=year)
        is_free = re.fullmatch(_FREE, classes) is not None
        if not is_free and not (has_lead and re.fullmatch(_LED, classes)):
            return None
        day = _read(text, self._today)
        if day is None or (re.search("Y|S.*[DZ]", classes) and not _is_near(values, self._today)):
            return None
        yearless = text if re.fullmatch("[MmFS]|[NO]o?[Mm]|[Mm][NO]", classes) else ""
        wait = classes in ("M", "m") and text in self._tokens.phrases.of(PhraseKind.ORDINARY_DAY)
        return _Days(end, day, wait=wait, yearless=yearless)


@dataclass(frozen=True, slots=True)
class _DatePart:
    letter: str
    value: str
    end: int


@dataclass(frozen=True, slots=True)
class _Days:
    """A date and the place behind it; or what it demands where that is more than one day or span."""

    end: int
    day: Day | None = None
    filters: tuple[Filter, ...] = ()
    wait: bool = False
    yearless: str = ""
    year: int = 0


# The classes of the words of dates that no table lists.
_CLASSES = (
    ("Y", r"(?a)(?:1[89]|20)\d\d"),
    ("N", r"(?a)\d{1,3}"),
    ("O", r"(?a)\d{1,2}(?:st|nd|rd|th)"),
    ("D", r"(?a)\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?"),
    ("X", r"(?a)(?:\d{4}|\d{2})'?s"),
    ("Z", r"(?a)\d{4}[-/]\d{4}"),
)
# What is a date by itself, by the classes of its words: last winter, 3 June, June 2019, summer of 2019, winter 2018/19,
# the first week of June 2019.
_FREE = "[LT][SMWFu]|K|[NO]o?[Mm]Y?|[Mm][NO]Y|[Mm]O|[Mm]o?Y|D|[SF]o?Y|So?[DZ]|[MSF]Lu|[LQ]uo?[Mm]o?Y"
# What is one behind a word such as `in`: July, Monday, Christmas, the 90s.
_LED = "[MmWFX]|[Mm]N|Po?(?:[Mm](?:o?Y)?|S(?:o?Y)?|Y|X)|[LQ]uo[Mm]"


def filters_in_year(yearless: str, year: int) -> tuple[Filter, ...]:
    """Return what a date without a year demands in a year; nothing if that year has no such day."""
    day = _read(f"{yearless} {year}", date(year, 12, 31))
    return (DateFilter(DateField.ON, day),) if day else ()


def _read(text: str, today: date) -> Day | None:
    try:
        return read_day(text, today)
    except ValueError:
        return None


def _is_near(values: Sequence[str], today: date) -> bool:
    years = [int(match[0]) for value in values if (match := re.match(r"(?a)\d{4}\b", value))]
    return all(year <= today.year + 1 for year in years)


def _day_of(first: date) -> Day:
    kind = DayKind.DATE if first.day > 1 else DayKind.MONTH if first.month > 1 else DayKind.YEAR
    return Day(kind, first)


def _ago(number: int, unit: str, end: int) -> _Days | None:
    """Return what is roughly so long ago, half a unit before and after: nobody means the very day two years ago."""
    if unit == "day":
        return _Days(end, Day(DayKind.DAYS_AGO, ago=number))
    if unit not in _AROUND:
        return None
    length, more, less, kind = _AROUND[unit]
    since = DateFilter(DateField.AFTER, Day(kind, ago=length * number + more))
    before = DateFilter(DateField.BEFORE, Day(kind, ago=length * number - less))
    return _Days(end, filters=(since, before))


# How long a unit is, how much longer and less long ago its edges are, and in which kind of days all that counts.
_AROUND = {
    "week": (7, 3, 4, DayKind.DAYS_AGO),
    "month": (30, 15, 15, DayKind.DAYS_AGO),
    "year": (12, 6, 6, DayKind.MONTHS_AGO),
}


def _since(day: Day, today: date) -> tuple[Filter, ...]:
    return (DateFilter(DateField.AFTER, day),)


def _before(day: Day, today: date) -> tuple[Filter, ...]:
    return (DateFilter(DateField.BEFORE, day),)


def _after(day: Day, today: date) -> tuple[Filter, ...]:
    if day.first is None:
        # Relative: it must stay right when the line is saved.
        return DateFilter(DateField.AFTER, day), DateFilter(DateField.ON, day, negated=True)
    last = day.bounds(today)[1]
    return (DateFilter(DateField.AFTER, _day_of(last)),) if last else ()


def _until(day: Day, today: date) -> tuple[Filter, ...]:
    last = day.bounds(today)[1] if day.first is not None else None
    return (DateFilter(DateField.BEFORE, _day_of(last)),) if last else ()
