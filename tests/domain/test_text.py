"""File names that try to do something to the terminal; sizes and dates."""

import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, MediaError, VuemanticsError
from vuemantics_tui.domain.text import clock_words, date_words, seconds_words, size_words, visible


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat.jpg", "cat.jpg"),
        ("Zürich 東京 😀.jpg", "Zürich 東京 😀.jpg"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("two\nlines", "two\\x0alines"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("bad\udcff", "bad\\udcff"),
    ],
)
def test_what_could_move_the_cursor_is_shown_as_an_escape(name: str, shown: str) -> None:
    assert visible(name) == shown


@given(st.text())
def test_no_text_keeps_a_control_character(text: str) -> None:
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in visible(text))


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 KB"), (450_600, "451 KB"), (3_140_000, "3.1 MB"), (64_000_000, "64 MB")],
)
def test_sizes_read_well(size: int, text: str) -> None:
    assert size_words(size) == text


@pytest.mark.parametrize(
    "error", [VuemanticsError("m", "h"), MediaError("m", "h"), AnalyzerError("m", "h", ErrorKind.TRANSIENT)]
)
def test_errors_come_whole_from_another_process(error: VuemanticsError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), back.message, back.hint) == (type(error), "m", "h")
    assert getattr(back, "kind", None) == getattr(error, "kind", None)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.0004, "0 ms"), (0.022, "22 ms"), (0.0995, "0.1 s"), (3.42, "3.4 s"), (125.0, "2:05 min")],
)
def test_lengths_of_time(seconds: float, told: str) -> None:
    assert seconds_words(seconds) == told


@pytest.mark.parametrize(("seconds", "words"), [(4, "0:04"), (750, "12:30"), (3723, "1:02:03")])
def test_a_length_of_time_reads_as_on_a_clock(seconds: float, words: str) -> None:
    assert clock_words(seconds) == words


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2024-06-03T14:05:09", "3 Jun 2024 14:05"),
        ("2024-12-31T00:00:00", "31 Dec 2024 00:00"),
        ("some day in June", "some day in June"),
        ("", ""),
        (None, ""),
    ],
)
def test_dates(moment: str | None, shown: str) -> None:
    assert date_words(moment) == shown


def test_a_date_is_that_of_this_machine_or_of_the_camera() -> None:
    moment = "2024-06-03T14:05:09+02:00"
    assert date_words(moment, own_clock=True, seconds=True) == "3 Jun 2024 14:05:09"
    there = datetime.fromisoformat(moment).astimezone(UTC)
    assert date_words(moment) == date_words(there) == date_words(there.isoformat())
