"""Days and spans of days as people write them."""

from __future__ import annotations

from datetime import date

import pytest

from vuemantics_tui.domain.days import easter, read_day, read_day_of_year

# A Saturday.
TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2019", date(2019, 1, 1), date(2020, 1, 1)),
        ("June 2019", date(2019, 6, 1), date(2019, 7, 1)),
        ("jun, 2019", date(2019, 6, 1), date(2019, 7, 1)),
        ("3 jun 2024", date(2024, 6, 3), date(2024, 6, 4)),
        ("June 3rd, 2024", date(2024, 6, 3), date(2024, 6, 4)),
        ("2024.06.03", date(2024, 6, 3), date(2024, 6, 4)),
        ("december", date(2025, 12, 1), date(2026, 1, 1)),
        ("29 feb", date(2024, 2, 29), date(2024, 3, 1)),
        ("last summer", date(2026, 6, 1), date(2026, 9, 1)),
        ("july last year", date(2025, 7, 1), date(2025, 8, 1)),
        ("the summer of 2019", date(2019, 6, 1), date(2019, 9, 1)),
        ("winter 2020", date(2020, 12, 1), date(2021, 3, 1)),
        ("last fall", date(2025, 9, 1), date(2025, 12, 1)),
        ("autumn", date(2026, 9, 1), date(2026, 12, 1)),
        ("christmas 2020", date(2020, 12, 24), date(2020, 12, 27)),
        ("last christmas", date(2025, 12, 24), date(2025, 12, 27)),
        ("new year 2020", date(2019, 12, 31), date(2020, 1, 2)),
        ("easter 2024", date(2024, 3, 29), date(2024, 4, 2)),
        ("last month", date(2026, 10, 1), date(2026, 11, 1)),
        ("this year", date(2026, 1, 1), date(2027, 1, 1)),
        ("last week", date(2026, 11, 16), date(2026, 11, 23)),
        ("last weekend", date(2026, 11, 21), date(2026, 11, 23)),
        ("monday", date(2026, 11, 23), date(2026, 11, 24)),
        ("last saturday", date(2026, 11, 21), date(2026, 11, 22)),
        ("90s", date(1990, 1, 1), date(2000, 1, 1)),
        ("2 weeks ago", date(2026, 11, 14), date(2026, 11, 15)),
        ("1y", date(2025, 11, 28), date(2025, 11, 29)),
        ("a year ago", date(2025, 11, 28), date(2025, 11, 29)),
        ("two weeks ago", date(2026, 11, 14), date(2026, 11, 15)),
        ("06/2019", date(2019, 6, 1), date(2019, 7, 1)),
        ("3.6.2019", date(2019, 6, 3), date(2019, 6, 4)),
        ("20190603", date(2019, 6, 3), date(2019, 6, 4)),
        ("Jun '19", date(2019, 6, 1), date(2019, 7, 1)),
        ("summer '98", date(1998, 6, 1), date(1998, 9, 1)),
        ("winter 2018/19", date(2018, 12, 1), date(2019, 3, 1)),
        ("early 2019", date(2019, 1, 1), date(2019, 5, 1)),
        ("the end of June 2019", date(2019, 6, 21), date(2019, 7, 1)),
        ("first week of June 2019", date(2019, 6, 1), date(2019, 6, 8)),
        ("the second week of December", date(2025, 12, 8), date(2025, 12, 15)),
        ("last week of February 2020", date(2020, 2, 23), date(2020, 3, 1)),
        ("mid-june", date(2026, 6, 11), date(2026, 6, 21)),
        ("late 90s", date(1996, 9, 1), date(2000, 1, 1)),
        ("early summer", date(2026, 6, 1), date(2026, 7, 1)),
        ("thanksgiving 2020", date(2020, 11, 26), date(2020, 11, 27)),
    ],
)
def test_what_people_write_is_a_span_of_days(text: str, first: date, after: date) -> None:
    day = read_day(text)
    assert day is not None
    assert day.bounds(TODAY) == (first, after)
    # What it prints means the same.
    again = read_day(str(day))
    assert again is not None
    assert again.bounds(TODAY) == (first, after)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "foo",
        "12",
        "last",
        "june 2019 2020",
        "this 2019",
        "summer foo",
        "2019-06-03-04",
        "end",
        "early monday",
        "some years ago",
    ],
)
def test_other_words_are_no_date(text: str) -> None:
    assert read_day(text) is None


@pytest.mark.parametrize("text", ["31 feb", "2024-13", "30 february 2024"])
def test_a_day_that_no_calendar_has_is_wrong(text: str) -> None:
    with pytest.raises(ValueError, match=r"day|month"):
        read_day(text)


def test_easter_falls_where_the_tables_have_it() -> None:
    # Of the United States Naval Observatory.
    assert [easter(year) for year in (1818, 1943, 2000, 2024, 2038)] == [
        *(date(1818, 3, 22), date(1943, 4, 25), date(2000, 4, 23), date(2024, 3, 31), date(2038, 4, 25)),
    ]


def test_a_day_of_any_year_is_a_month_and_a_day() -> None:
    assert [read_day_of_year(text) for text in ("28-nov", "Nov 28", "11-28", "28 november")] == [(11, 28)] * 4
    assert read_day_of_year("29-feb") == (2, 29)
    assert [read_day_of_year(text) for text in ("31-feb", "nov", "2024-11-28", "28-nov-2024")] == [None] * 4
