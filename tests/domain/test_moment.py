from __future__ import annotations

from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.moment import DateEdit, instant, localised, name_moment, offset_minutes, read_moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2007:06:30 18:45:17", "2007-06-30T18:45:17"), ("2007/06/30 18:45:17", "2007-06-30T18:45:17"),
     ("2007-06-30T18:45:17", "2007-06-30T18:45:17"), ("2007.6.3 8:45", "2007-06-03T08:45:00"),
     ("2010:08/15 12:33", "2010-08-15T12:33:00"), ("2007:06:30", "2007-06-30"), ("20070630", "2007-06-30"),
     ("2007:06:30   :  :  ", "2007-06-30"), ("2007:06:30 18:45:17\x00\x00", "2007-06-30T18:45:17"),
     ("20070630T184517+0200", "2007-06-30T18:45:17+02:00"), ("2007-06-30T18:45:17.340Z", "2007-06-30T18:45:17.34Z"),
     ("2007-06-30T18:45:17.1234567-03:30", "2007-06-30T18:45:17.123456-03:30"),
     ("Mon Mar 10 15:04:43 2003\n\x00", "2003-03-10T15:04:43"), ("MON MAR 10 15:04:43 2003", "2003-03-10T15:04:43")],
)  # fmt: skip
def test_dates_are_understood_however_they_are_written(text: str, expected: str) -> None:
    assert read_moment(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "0000:00:00 00:00:00", "0001:01:01 00:00:00", "    :  :     :  :  ", "2007:13:01 10:00:00",
     "2007:02:30 10:00:00", "2007:06:30 24:10:00", "2007:06:30 18:61:00", "2007-06-30T18:45:17+25:00",
     "2007-06-30T18:45:17+14:75", "1904-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z", "9999:12:31 23:59:59",
     "2007", "20071330", "123456789012345"],
)  # fmt: skip
def test_what_cannot_be_true_is_no_date(text: str) -> None:
    assert read_moment(text) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("IMG_20200101_123456.jpg", "2020-01-01T12:34:56"), ("VID_20200101_123456.mp4", "2020-01-01T12:34:56"),
     ("PXL_20210304_050607890.MP.jpg", "2021-03-04T05:06:07.89"), ("IMG-20200101-WA0007.jpg", "2020-01-01"),
     ("IMG_20200101_123456~2.jpg", "2020-01-01T12:34:56"), ("20240305101112.jpg", "2024-03-05T10:11:12"),
     ("Screenshot 2024-03-05 at 10.11.12.png", "2024-03-05T10:11:12"),
     ("Screenshot 2024-03-05 at 9.11.12\u202fPM.png", "2024-03-05T21:11:12"),
     ("Screenshot 2024-03-05 at 12.11.12 AM.png", "2024-03-05T00:11:12"),
     ("Screenshot 2024-03-05 101112.png", "2024-03-05T10:11:12"),
     ("Screenshot_20240305_101112_Chrome.jpg", "2024-03-05T10:11:12"),
     ("Screenshot_2024-03-05-10-11-12-345_com.app.jpg", "2024-03-05T10:11:12.345"),
     ("Bildschirmfoto 2024-03-05 um 10.11.12.png", "2024-03-05T10:11:12"),
     ("Capture d\u2019\u00e9cran 2024-03-05 \u00e0 10.11.12.png", "2024-03-05T10:11:12"),
     ("Capture d\u2019e\u0301cran 2024-03-05 a\u0300 10.11.12.png", "2024-03-05T10:11:12"),
     ("WIN_20240305_10_11_12_Pro.jpg", "2024-03-05T10:11:12"),
     ("signal-2024-03-05-101112.jpg", "2024-03-05T10:11:12"),
     ("signal-2024-03-05-10-11-12-345.jpg", "2024-03-05T10:11:12.345"),
     ("WhatsApp Image 2024-03-05 at 10.11.12 (1).jpeg", "2024-03-05T10:11:12"),
     ("photo_2024-03-05_10-11-12.jpg", "2024-03-05T10:11:12"), ("2024-03-05 10h11m12s.jpg", "2024-03-05T10:11:12"),
     ("2024-03-05 Rome.jpg", "2024-03-05"), ("2024_03_05_IMG_0001.jpg", "2024-03-05"), ("19850615.jpg", "1985-06-15"),
     ("IMG_20200101_251010.jpg", "2020-01-01"), ("00100_BURST20200101123456789_COVER.jpg", "2020-01-01T12:34:56.789")],
)  # fmt: skip
def test_names_have_dates(name: str, expected: str) -> None:
    assert name_moment(name) == expected


@pytest.mark.parametrize(
    "name",
    ["cat.jpg", "IMG_1234.jpg", "DSC_20241345.jpg", "00000101.jpg", "12345678901234.jpg", "1583412345678.jpg",
     "photo-size-2-5244810920200101.jpg", "2024.jpg", "1024-10-12.png"],
)  # fmt: skip
def test_numbers_in_names_are_no_dates(name: str) -> None:
    assert name_moment(name) is None


def test_utc_becomes_the_local_clock() -> None:
    assert localised("2024-07-01T23:30:00.5Z", ZoneInfo("Asia/Tokyo")) == "2024-07-02T08:30:00.5+09:00"
    assert localised("2024-07-01T23:30:00Z", ZoneInfo("America/New_York")) == "2024-07-01T19:30:00-04:00"
    assert localised("2024-01-01T23:30:00Z", ZoneInfo("America/New_York")) == "2024-01-01T18:30:00-05:00"
    assert localised("2024-07-01T23:30:00", ZoneInfo("Asia/Tokyo")) == "2024-07-01T23:30:00"
    assert localised("2024-07-01T23:30:00+00:00", ZoneInfo("Asia/Tokyo")) == "2024-07-01T23:30:00+00:00"


def test_moments_sort_as_text_by_the_wall_clock() -> None:
    moments = [
        "2024-03-05", "2024-03-05T10:11:12", "2024-03-05T10:11:12+02:00", "2024-03-05T10:11:12-08:00",
        "2024-03-05T10:11:12.1", "2024-03-05T10:11:12.1+02:00", "2024-03-05T10:11:12.12-08:00",
        "2024-03-05T10:11:12.2", "2024-03-05T10:11:13",
    ]  # fmt: skip
    assert all(one < other for one, other in pairwise(moments))


def test_offsets_and_instants() -> None:
    assert offset_minutes("2024-03-05T10:11:12.5-03:30") == -210
    assert offset_minutes("2024-03-05T10:11:12") is None
    assert offset_minutes("2024-03-05") is None
    assert instant(1_500_000_000.25) == "2017-07-14T02:40:00.25Z"
    assert instant(1e30) is None


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [("2024-03-05", None, "2024-03-05"), ("2024-03-05 14:30", "2020-01-01", "2024-03-05T14:30:00"),
     ("2024/3/5 4:05:06.5 +05:45", None, "2024-03-05T04:05:06.5+05:45"),
     ("2024-03-05T10:00Z", None, "2024-03-05T10:00:00+00:00"),
     ("+1h", "2024-03-05T23:30:00.25-03:00", "2024-03-06T00:30:00.25-03:00"), ("-1d", "2024-03-01", "2024-02-29"),
     ("+90m", "2024-03-01", "2024-03-01T01:30:00"), ("-1d2h3m4s", "2024-03-02T02:03:04", "2024-03-01T00:00:00"),
     ("file", "2024-03-05", None), ("FILE", None, None), (" ", None, None)],
)  # fmt: skip
def test_a_person_changes_dates(text: str, before: str | None, after: str | None) -> None:
    assert DateEdit.of(text).applied(before) == after


@pytest.mark.parametrize(
    "text", ["soon", "2024", "2024-02-30", "24:10", "2024-03-05 25:00", "+", "1h", "+25:00", "0001-01-01"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a date"):
        DateEdit.of(text)


@pytest.mark.parametrize("text", ["-999999d", "+999999d"])
def test_a_shift_out_of_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="so far"):
        DateEdit.of(text).applied("2024-03-05")
