"""What of a model's answer is shown while it grows, and what is kept of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vuemantics_tui.analyzers.remote import MOST_CHARACTERS, GrowingAnswer, description_and_tags


@pytest.mark.parametrize(
    ("answer", "text", "tags"),
    [
        ("A cat.\nTags: cat, Red Sofa, cat", "A cat.", ("cat", "red sofa")),
        ("A cat.\n\n**Tags:** cat; sofa.", "A cat.", ("cat", "sofa")),
        ("A cat.\n- Tags:\n- cat\n- sofa\n", "A cat.", ("cat", "sofa")),
        ("A cat. Tags: #cat, #sofa", "A cat.", ("cat", "sofa")),
        ("A cat.", "A cat.", ()),
        ("A sign says price tags: ten euros.", "A sign says price tags: ten euros.", ()),
        ("A cat.\nTags:", "A cat.", ()),
        ("A cat.\nTags: cat<|im_end|>\n<|im_start|>", "A cat.", ("cat",)),
        ("A cat.<|im_end|>", "A cat.<|im_end|>", ()),
        ("<think>It is a cat.\nTags: no</think>\nA dog.\nTags: dog", "A dog.", ("dog",)),
        ("It is a cat.</think>A dog.", "A dog.", ()),
        ("<think>It never ends", "", ()),
        ("A cat.\nTags: " + ", ".join(f"tag{n}" for n in range(20)), "A cat.", tuple(f"tag{n}" for n in range(12))),
        ("Tags: " + "a long text " * 90, ("Tags: " + "a long text " * 90).strip(), ()),
    ],
)
def test_description_and_tags(answer: str, text: str, tags: tuple[str, ...]) -> None:
    assert description_and_tags(answer) == (text, tags)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_thoughts_and_tags_are_never_shown(size: int) -> None:
    shown: list[str] = []
    answer = GrowingAnswer(shown.append)
    whole = "<think>Is it a cat?</think>\n\nA cat on a sofa.\nIt sleeps.\nTags: cat, sofa"
    for start in range(0, len(whole), size):
        answer.add(whole[start : start + size])
    assert answer.whole == whole
    assert shown[-1] == "A cat on a sofa.\nIt sleeps."
    assert not any("<" in text or "Is it" in text or "Tag" in text for text in shown)


@given(st.text(), st.lists(st.integers(1, 9), min_size=1))
def test_what_is_shown_does_not_depend_on_the_cuts(text: str, sizes: list[int]) -> None:
    shown: list[str] = []
    answer = GrowingAnswer(shown.append)
    start = 0
    while start < len(text):
        size = sizes[start % len(sizes)]
        answer.add(text[start : start + size])
        start += size
    once: list[str] = []
    GrowingAnswer(once.append).add(text)
    assert answer.whole == text
    if once:
        assert shown[-1] == once[-1]


def test_nothing_is_told_twice() -> None:
    shown: list[str] = []
    answer = GrowingAnswer(shown.append)
    for piece in ("A", " ", "", " cat"):
        answer.add(piece)
    assert shown == ["A", "A  cat"]


def test_a_model_that_does_not_stop_is_stopped() -> None:
    answer = GrowingAnswer(lambda _: None)
    answer.add("a" * MOST_CHARACTERS)
    with pytest.raises(ValueError, match="does not stop"):
        answer.add("a")
