"""File names that try to do something to the terminal; sizes and dates."""

import pickle
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, MediaError, VuemanticsError
from vuemantics_tui.domain.text import (
    caseless,
    clock_words,
    date_words,
    folded,
    natural_order,
    seconds_words,
    size_words,
    split_words,
    visible,
    word_places,
)


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


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("KÄTHE", "kathe"),
        ("Straße", "strasse"),
        ("Øster Łódź Đà Nẵng", "oster lodz da nang"),
        ("Þórður Æon Œuvre Ħamrun", "thordur aeon oeuvre hamrun"),
        ("İstanbul ISTANBUL ıstanbul", "istanbul istanbul istanbul"),
        ("Paraŀlel, paral·lel", "parallel, parallel"),
        ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
        ("МОСКВА, Ёлка, Край", "москва, елка, край"),
        ("ﬁn ＡＢＣ１２ ﾊﾟﾝ ٢٠٢٤", "fin abc12 パン 2024"),
        ("が", "が"),
        ("إسلام مُحَمَّد", "اسلام محمد"),
        ("👍🏽 ❤️", "👍 ❤"),
        ("L’été – “x”", 'l\'ete - "x"'),
    ],
)
def test_letters_fold_to_what_people_type_for_them(text: str, plain: str) -> None:
    for form in ("NFC", "NFD"):
        assert folded(unicodedata.normalize(form, text)) == plain


def test_letters_that_are_no_accents_stay_apart() -> None:
    for one, other in (("パン", "ハン"), ("край", "краи"), ("ตก", "ต้ก"), ("हिन", "हन")):
        assert folded(one) != folded(other)


@given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_folding_knows_no_case_and_no_encoding(text: str, form: str) -> None:
    assert folded(unicodedata.normalize(form, text)) == folded(text)  # type: ignore[arg-type]
    assert folded(folded(text)) == folded(text.lower()) == folded(text.upper()) == folded(text)
    assert folded(caseless(text)) == folded(text)


@given(st.text())
def test_a_name_is_one_in_every_encoding_and_case(text: str) -> None:
    assert caseless(unicodedata.normalize("NFD", text)) == caseless(unicodedata.normalize("NFC", text))
    assert caseless(caseless(text)) == caseless(text)


def test_names_differ_by_accents() -> None:
    assert caseless("İstanbul") == caseless("istanbul")
    assert caseless("STRASSE") == caseless("Straße")
    assert caseless("Año") != caseless("Ano")


@given(st.lists(st.integers(0, 10**12), min_size=2, max_size=2))
def test_numbers_in_names_are_counted(numbers: list[int]) -> None:
    one, other = numbers
    assert (natural_order(f"Bild {one:03}.jpg") < natural_order(f"bild {other}.jpg")) == (one < other)


def test_words_keep_their_marks_and_emoji_are_words() -> None:
    assert split_words("น้ำตก हिन्दी، IMG_1 paral·lel") == ("น้ำตก", "हिन्दी", "img_1", "parallel")
    assert split_words("🎉Party👩\u200d🍳 10.5°") == ("🎉", "party", "👩", "🍳", "10", "5")


@pytest.mark.parametrize(
    ("text", "words", "lit"),
    [
        ("A cat, a concat, Cats", ["cat"], ["cat", "Cats"]),
        ("Käthe am Strand", ["kathe"], ["Käthe"]),
        (unicodedata.normalize("NFD", "Zoë, Käthe"), ["KÄ"], [unicodedata.normalize("NFD", "Käthe")]),
        ("An der Straßenbahn", ["strasse"], ["Straßenbahn"]),
        ("東京2024旅行", ["京", "2024"], ["京", "2024"]),
        ("IMG_京都.jpg 東京img", ["京都", "img"], ["IMG_", "京都", "img"]),
        ("น้ำตกสวย", ["ตก"], ["ตก"]),
        ("ｶﾞﾗｽの塔", ["ガラス"], ["ｶﾞﾗｽ"]),
        (unicodedata.normalize("NFD", "서울여행"), ["여행"], [unicodedata.normalize("NFD", "여행")]),
        ("हिन्दी में", ["हिन"], ["हिन्दी"]),
        ("🎉party", ["🎉"], ["🎉"]),
        ("Москва, МОСКОВСКИЙ", ["моск"], ["Москва", "МОСКОВСКИЙ"]),
    ],
)
def test_words_are_placed_where_they_are_written(text: str, words: list[str], lit: list[str]) -> None:
    assert [text[start:stop] for start, stop in word_places(text, words)] == lit


@given(st.text(max_size=20), st.text(max_size=9), st.text(max_size=20))
def test_places_are_in_the_text(before: str, word: str, after: str) -> None:
    text = before + word + after
    places = word_places(text, [word])
    assert all(0 <= start < stop <= len(text) for start, stop in places)
    assert places == sorted(places)
