"""From labels and colours to sentences that read well."""

from __future__ import annotations

import re

import numpy as np
import pytest

from vuemantics_tui.analyzers.builtin.colours import COLOUR_NAMES, Palette, read_palette
from vuemantics_tui.analyzers.builtin.grammar import enumerate_words, with_article
from vuemantics_tui.analyzers.builtin.labels import class_labels, kind_sizes, named_probabilities
from vuemantics_tui.analyzers.builtin.scene import STARS, WOODS
from vuemantics_tui.analyzers.builtin.sight import Sight, blend_sights
from vuemantics_tui.analyzers.builtin.words import Medium, describe_sight
from vuemantics_tui.domain.audit import audit_description
from vuemantics_tui.domain.description import Description

BROWN = Palette({"brown": 0.6, "grey": 0.4}, 50, 20, 30)


def seen(probabilities: dict[str, float], *scenes: str, palette: Palette = BROWN) -> Sight:
    """A sight of these labels, what is left spread over all classes."""
    names = [label.name.lower() for label in class_labels()]
    values = np.full(1000, (1 - sum(probabilities.values())) / 1000, np.float32)
    for name, probability in probabilities.items():
        values[names.index(name.lower())] += probability
    return Sight(values, palette, scenes, 1.5)


def described(probabilities: dict[str, float], *scenes: str) -> Description:
    return describe_sight(seen(probabilities, *scenes), Medium.PHOTO)


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        ("tabby cat", "a tabby cat"),
        ("Egyptian Mau", "an Egyptian Mau"),
        ("hourglass", "an hourglass"),
        ("unicycle", "a unicycle"),
        ("umbrella", "an umbrella"),
        ("one-piece bathing suit", "a one-piece bathing suit"),
        ("kitchen utensil", "a kitchen utensil"),
        ("utensil", "a utensil"),
        ("sunglasses", "a pair of sunglasses"),
        ("mashed potatoes", "mashed potatoes"),
        ("game equipment", "game equipment"),
    ],
)
def test_articles(thing: str, expected: str) -> None:
    assert with_article(thing) == expected


def test_enumerations() -> None:
    assert [enumerate_words(["a", "b", "c"][:count]) for count in range(4)] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert enumerate_words(["a", "b"], "or") == "a or b"


def test_a_sure_label_is_named_with_its_kinds() -> None:
    text = described({"sports car": 0.9}).text
    assert text == "A photo of a sports car: a vehicle. The main colours are brown and grey."


def test_guesses_at_one_thing_are_alternatives_and_two_things_are_both_named() -> None:
    assert "a tabby cat or a tiger cat:" in described({"tabby cat": 0.5, "tiger cat": 0.4}).text
    assert "a sports car and a tabby cat." in described({"sports car": 0.5, "tabby cat": 0.4}).text


def test_without_a_sure_label_the_kind_is_named_and_guesses_are_marked() -> None:
    breeds = dict.fromkeys(("beagle", "basset hound", "bloodhound", "Otterhound", "English foxhound"), 0.09)
    description = described(breeds)
    assert description.text.startswith("A photo of ")
    assert "dog" in description.tags
    assert "possibly" in description.text


def test_a_picture_of_nothing_in_particular_is_no_animal() -> None:
    description = described({})
    assert "animal" not in description.text
    assert "without one clear subject" in description.text


def test_a_scene_is_said_only_where_the_subject_is_not_clear() -> None:
    assert "forest" in described({"beagle": 0.2}, WOODS).text
    assert "forest" not in described({"beagle": 0.8}, WOODS).text


def test_a_night_sky_is_not_called_what_the_model_takes_it_for() -> None:
    description = described({"music speaker": 0.3}, STARS)
    assert "speaker" not in description.text
    assert "stars" in description.tags
    assert description.labels == {}


def test_labels_that_are_kept_are_the_likely_ones() -> None:
    labels = described({"sports car": 0.6, "tabby cat": 0.02}).labels
    assert set(labels) == {"sports car", "tabby cat"}
    assert labels["sports car"] == pytest.approx(0.6, abs=0.01)


def test_classes_that_share_a_name_are_added_up() -> None:
    indexes = [index for index, label in enumerate(class_labels()) if label.name == "missile"]
    assert len(indexes) == 2
    probabilities = np.zeros(1000, np.float32)
    probabilities[indexes] = 0.25, 0.5
    assert named_probabilities(probabilities)["missile"] == pytest.approx(0.75)


def test_every_class_makes_a_description_that_passes_the_audit() -> None:
    for label in class_labels():
        text = described({label.name: 0.9}).text
        assert audit_description(text).score == 100, text
        assert not {"(", ")", "/", "_"} & set(text), text
        assert not re.search(r"\ba [aei]", text), text


def test_every_kind_of_thing_is_known_to_several_names_at_the_top() -> None:
    assert kind_sizes()["animal"] > 300
    assert kind_sizes()["pet"] > 50


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((255, 0, 0), "red"),
        ((0, 0, 255), "blue"),
        ((255, 255, 0), "yellow"),
        ((120, 120, 120), "grey"),
        ((0, 100, 0), "green"),
    ],
)
def test_colours_by_name(rgb: tuple[int, int, int], name: str) -> None:
    palette = read_palette(np.full((20, 20, 3), rgb, np.uint8))
    assert palette.main == (name,)
    assert palette.plain


def test_there_are_27_colours_and_shares_add_up() -> None:
    assert len(set(COLOUR_NAMES)) == 27
    random = np.random.default_rng(3).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    assert sum(read_palette(random).shares.values()) == pytest.approx(1)


def test_a_fine_pattern_is_not_plain() -> None:
    checks = (np.indices((100, 100)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert not read_palette(np.repeat(checks[..., None], 3, axis=2)).plain


def test_frames_are_blended_by_their_mean() -> None:
    blended = blend_sights([seen({"sports car": 0.8}, WOODS), seen({}), seen({})])
    assert blended.scenes == ()
    assert blended.probabilities.sum() == pytest.approx(1, abs=1e-3)
    assert named_probabilities(blended.probabilities)["sports car"] == pytest.approx(0.8 / 3, abs=0.01)
