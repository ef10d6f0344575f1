"""The description audit, rule by rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vuemantics_tui.domain.description import CONTROL_TOKENS, audit_description

GOOD = "A tabby cat rests on a red sofa beside a window, and the light of the afternoon is warm."


@pytest.mark.parametrize(
    ("text", "score"),
    [
        (GOOD, 100),
        ("", 0),
        (" \n ", 0),
        (GOOD + " <|", 50),
        (GOOD + " |>", 50),
        (GOOD + " <|im_end|>", 0),
        ("A cat on a sofa.", 70),
        ("x" * 49, 70),
        ("x" * 50, 100),
        (GOOD + " and more" * 700, 100 - 20 - 40),
        (" ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(600)) + "x" * 500, 100),
        (GOOD + " cat cat cat", 100),
        (GOOD + " cat CAT cat cat", 65),
        ("12345 67890 " * 3 + "and a few of the words are digits", 75),
        ("<|", 0),
    ],
)
def test_each_rule_takes_its_points(text: str, score: int) -> None:
    assert audit_description(text).score == score


def test_it_passes_at_sixty() -> None:
    assert audit_description("A cat on a sofa.").passed
    assert not audit_description(GOOD + " <|").passed


def test_the_findings_say_what_was_wanting() -> None:
    findings = audit_description("cat cat cat cat").findings
    assert any("shorter than 50" in finding for finding in findings)
    assert any("four times in a row" in finding for finding in findings)


texts = st.text() | st.lists(st.sampled_from(["cat", "CAT", "a", "<|", "|>", "sofa.", "123", "\n"])).map(" ".join)


@given(texts)
def test_any_text_has_a_score_from_0_to_100_and_a_finding_for_what_it_lost(text: str) -> None:
    result = audit_description(text)
    assert 0 <= result.score <= 100
    assert (result.score < 100) == bool(result.findings)
    assert len(set(result.findings)) == len(result.findings)
    assert audit_description(text) == result


@given(texts, st.sampled_from(CONTROL_TOKENS), texts)
def test_a_control_token_is_never_passed(before: str, token: str, after: str) -> None:
    result = audit_description(before + token + after)
    assert result.score <= 50
    assert not result.passed


@given(texts)
def test_a_whole_control_token_at_the_end_leaves_no_points(text: str) -> None:
    assert audit_description(f"{text} <|im_end|>").score == 0


@given(texts)
def test_blanks_around_a_text_do_not_count(text: str) -> None:
    assert audit_description(f" \n{text}\t ") == audit_description(text)


@pytest.mark.parametrize(
    "text",
    [
        "สุนัขสีน้ำตาลตัวหนึ่งกำลังวิ่งเล่นอยู่บนชายหาดทรายขาวในยามพระอาทิตย์ตกดิน ท้องฟ้าเป็นสีส้มและมีเมฆบางๆ",
        "समुद्र तट पर एक भूरा कुत्ता सूर्यास्त के समय खुशी से दौड़ रहा है, और पीछे छोटी नावें दिखाई देती हैं।",
    ],
)
def test_marks_are_parts_of_letters(text: str) -> None:
    assert audit_description(text).score == 100
