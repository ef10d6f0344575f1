"""The prompts as settings: placeholders, the language, and what is wrong with them."""

from __future__ import annotations

import pytest

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.prompts import Prompts


def test_the_defaults_name_the_language_once_filled() -> None:
    prompts = Prompts(language="German")
    for prompt in (prompts.for_image(), prompts.for_frame(2, 5), prompts.for_summary(["one", "two"])):
        assert "German" in prompt
        assert "{" not in prompt
        assert "Write in" not in prompt


def test_a_frame_is_told_by_its_number() -> None:
    assert "frame 2 of 5" in Prompts().for_frame(2, 5)


def test_the_summary_holds_all_descriptions_in_their_order() -> None:
    prompt = Prompts().for_summary(["A cat sleeps.", "It wakes {up}."])
    assert prompt.index("Frame 1: A cat sleeps.") < prompt.index("Frame 2: It wakes {up}.")
    assert "2 frames" in prompt
    assert "Tags:" in prompt


def test_a_prompt_without_placeholders_gets_language_and_frames() -> None:
    prompts = Prompts(image="What is this?", summary="Sum up.", language="French")
    assert prompts.for_image() == "What is this?\n\nWrite in French."
    assert prompts.for_summary(["One.", "Two."]) == "Sum up.\n\nWrite in French.\n\nFrame 1: One.\n\nFrame 2: Two."


def test_without_a_language_none_is_asked_for() -> None:
    assert Prompts(image="What is this?", language="").for_image() == "What is this?"


def test_doubled_braces_are_braces() -> None:
    assert Prompts(image="As {{json}} in {language}").for_image() == "As {json} in English"


@pytest.mark.parametrize("name", ["image", "frame", "summary"])
@pytest.mark.parametrize("placeholder", ["{colour}", "{}", "{language.upper}", "{language[0]}", "{language!r}"])
def test_an_unknown_placeholder_is_named(name: str, placeholder: str) -> None:
    with pytest.raises(UsageError, match=f"The {name} prompt has an unknown placeholder") as raised:
        Prompts(**{name: f"Describe {placeholder}"})
    assert placeholder.strip("{}").partition("!")[0] in raised.value.message
    assert "{language}" in raised.value.hint


def test_a_placeholder_of_another_prompt_is_unknown() -> None:
    with pytest.raises(UsageError, match=r"\{frames\}"):
        Prompts(image="{frames}")


@pytest.mark.parametrize("template", ["an open {", "a closed }", "{language"])
def test_a_lone_brace_is_refused(template: str) -> None:
    with pytest.raises(UsageError, match="The image prompt cannot be read") as raised:
        Prompts(image=template)
    assert "twice" in raised.value.hint
