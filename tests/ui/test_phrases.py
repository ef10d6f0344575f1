"""The words for sizes, ages and lengths of time, and what is done to text from outside."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.ui.conftest import NOW
from vuemantics_tui.domain.text import age_words, size_words, visible
from vuemantics_tui.domain.upload import QueueCounts
from vuemantics_tui.library import IntakeOutcome, IntakeResult
from vuemantics_tui.ui.typed_paths import typed_paths
from vuemantics_tui.ui.uploads.intake import added_words
from vuemantics_tui.ui.uploads.queue_bar import Pace
from vuemantics_tui.ui.widgets.one_line import fit, fit_name


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (264_000, "264 KB"),
        (999_499, "999 KB"),
        (3_100_000, "3.1 MB"),
        (12_345_678, "12 MB"),
    ],
)
def test_a_size_has_two_or_three_digits(size: int, words: str) -> None:
    assert size_words(size) == words


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=2), "2 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(hours=30), "3 May 2026 06:00"),
        (timedelta(hours=-30), "5 May 2026 18:00"),
        (timedelta(days=800), "24 Feb 2024 12:00"),
    ],
)
def test_an_age_is_told_under_a_day_and_a_date_beyond(age: timedelta, words: str) -> None:
    assert age_words((NOW - age).isoformat(), NOW) == words


def test_an_age_that_cannot_be_read_is_left_out() -> None:
    assert age_words("no moment", NOW) == ""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("beach.jpg", "beach.jpg"),
        ("a\x1b[31m.jpg", "a\\x1b[31m.jpg"),
        ("a\nb\tc", "a\\x0ab\\x09c"),
        ("gpj\u202eexe", "gpj\\u202eexe"),
        ("\x9b2J", "\\x9b2J"),
        ("e\u0301te\u0301", "été"),
        ("👨\u200d👩 ❤\ufe0f 🇩🇪", "👨👩 ❤ DE"),
        ("日本", "日本"),
    ],
)
def test_text_from_outside_shows_what_a_terminal_would_act_on(name: str, shown: str) -> None:
    assert visible(name) == shown


@given(st.text())
def test_no_text_reaches_the_terminal_as_a_command(text: str) -> None:
    assert visible(text).isprintable()


@given(st.text(), st.integers(0, 60))
def test_a_cell_of_the_table_is_as_wide_as_its_column(text: str, width: int) -> None:
    assert cell_len(fit(visible(text), width)) == width
    assert cell_len(fit_name(visible(text) + ".jpeg", width)) == width


def test_a_long_name_keeps_its_ending() -> None:
    assert fit_name("a very long name indeed.jpeg", 16) == "a very lon….jpeg"


def test_the_whole_line_is_a_path_if_it_exists(tmp_path: Path) -> None:
    odd = tmp_path / "Anna's photos"
    odd.mkdir()
    assert typed_paths(f" {odd} ") == [odd]


def test_several_paths_are_read_as_a_shell_would(tmp_path: Path) -> None:
    assert typed_paths("'/a b/c' /d\\ e file:///f%20g") == [Path("/a b/c"), Path("/d e"), Path("/f g")]
    assert typed_paths("~/x") == [Path.home() / "x"]
    assert typed_paths("/it's") == [Path("/it's")]
    assert typed_paths("  ") == []


def test_what_became_of_files_is_told_in_one_sentence() -> None:
    def result(outcome: IntakeOutcome, reason: str = "") -> IntakeResult:
        return IntakeResult(Path("/x/notes.txt"), outcome, reason=reason)

    results = [result(IntakeOutcome.ADDED)] * 12 + [result(IntakeOutcome.DUPLICATE)] * 2
    results.append(result(IntakeOutcome.SKIPPED, "not a picture or video"))
    words = added_words(results)
    assert words[0] == "12 added, 2 already in the library, 1 skipped: notes.txt (not a picture or video)"
    many = added_words([result(IntakeOutcome.SKIPPED, "no")] * 5)
    assert many[0] == "5 skipped:"
    assert many[-1] == "and 2 more"
    assert added_words([result(IntakeOutcome.RESTORED)] * 2) == ["2 restored from the trash"]
    assert added_words([]) == ["No pictures or videos found."]


def test_the_pace_counts_what_ends_and_forgets_what_is_long_ago() -> None:
    pace = Pace()
    for second in range(11):
        pace.note(
            QueueCounts(running=1, waiting=50 - 2 * second, completed=100 + 2 * second), NOW + timedelta(seconds=second)
        )
    assert pace.per_second == pytest.approx(2.0)
    assert pace.ended == 20
    pace.note(QueueCounts(running=1, waiting=29, completed=90), NOW + timedelta(seconds=11))
    assert pace.ended == 20, "deleted ones are not ones that ended"
    pace.note(QueueCounts(completed=90), NOW + timedelta(seconds=12))
    assert pace.per_second == 0
