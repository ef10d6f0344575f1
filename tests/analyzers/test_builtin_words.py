"""From labels and colours to sentences that read well."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from vuemantics_tui.analyzers.builtin.labels import class_labels, kind_sizes, named_probabilities
from vuemantics_tui.analyzers.builtin.scene import GRADIENT, PAGE, STARS, SUNSET, read_scenes
from vuemantics_tui.analyzers.builtin.sight import Sight, blend_sights
from vuemantics_tui.analyzers.builtin.words import (
    Medium,
    describe_sight,
    enumerate_words,
    people_phrase,
    people_tags,
    retold,
    with_article,
)
from vuemantics_tui.domain.colours import COLOUR_NAMES
from vuemantics_tui.domain.description import Description, audit_description
from vuemantics_tui.media.colours import Palette, read_palette

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


def test_without_a_sure_label_the_kind_is_named_and_no_guess_is_stated() -> None:
    breeds = dict.fromkeys(("beagle", "basset hound", "bloodhound", "Otterhound", "English foxhound"), 0.15)
    description = described(breeds)
    assert description.text.startswith("A photo of ")
    assert "dog" in description.tags
    assert "beagle" not in description.text.lower()
    assert {"Beagle", "Bloodhound"} <= set(description.labels), "what is not stated still helps to find"


def test_what_is_less_than_sure_is_no_fact_and_no_tag() -> None:
    description = described({"hammerhead shark": 0.25})
    assert "shark" not in description.text
    assert not any("shark" in tag for tag in description.tags)


def test_a_picture_of_nothing_in_particular_is_no_animal() -> None:
    description = described({})
    assert "animal" not in description.text
    assert description.text == "A photo in brown and grey, evenly lit."


def test_a_scene_is_said_only_where_the_subject_is_not_clear() -> None:
    assert "sunset" in described({"beagle": 0.2}, SUNSET).text
    assert "sunset" not in described({"beagle": 0.8}, SUNSET).text


def test_a_page_is_said_only_where_the_model_sees_paper_too() -> None:
    assert "printed text" in described({"envelope": 0.2}, PAGE).text
    assert "printed text" not in described({"dome": 0.2}, PAGE).text


def test_a_screen_full_of_text_is_no_night_sky_and_no_menu() -> None:
    sight = replace(seen({"menu": 0.2}, STARS), lines=("drwxr-xr-x 2 root root 4096",) * 6)
    description = describe_sight(sight, Medium.PHOTO)
    assert "full of text" in description.text
    assert "text" in description.tags
    assert not {"stars", "menu", "food"} & set(description.tags)


def test_a_poster_is_no_book_cover() -> None:
    sight = replace(seen({"dust jacket": 0.6}), lines=("SUMMER FESTIVAL",))
    description = describe_sight(sight, Medium.PHOTO)
    assert description.text.startswith("A photo with text in it, such as a page, a poster or a screen.")
    assert "dust jacket" not in description.tags


@pytest.mark.parametrize(("name", "kind"), [("page of text and pictures", "computer"), ("menu", "food")])
def test_what_stands_for_print_is_no_thing_of_another_kind(name: str, kind: str) -> None:
    assert kind not in described({name: 0.9}).tags


def test_a_soft_gradient_shows_nothing() -> None:
    description = described({"hammerhead shark": 0.6}, GRADIENT)
    assert "gradient" in description.text
    assert description.labels == {}
    assert audit_description(description.text).score == 100


def test_a_night_sky_is_not_called_what_the_model_takes_it_for() -> None:
    description = described({"music speaker": 0.3}, STARS)
    assert "speaker" not in description.text
    assert "stars" in description.tags
    assert description.labels == {}


def test_labels_that_are_kept_are_the_likely_ones() -> None:
    labels = described({"sports car": 0.6, "tabby cat": 0.02}).labels
    assert list(labels)[:2] == ["sports car", "tabby cat"]
    assert len(labels) <= 40
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
    blended = blend_sights([seen({"sports car": 0.8}, SUNSET), seen({}), seen({})])
    assert blended.scenes == ()
    assert blended.probabilities is not None
    assert blended.probabilities.sum() == pytest.approx(1, abs=1e-3)
    assert named_probabilities(blended.probabilities)["sports car"] == pytest.approx(0.8 / 3, abs=0.01)


def people(*faces: float) -> Description:
    """A photo with faces of these heights, beside which the model was not asked."""
    return describe_sight(replace(seen({}, SUNSET), probabilities=None, faces=faces), Medium.PHOTO)


@pytest.mark.parametrize(
    ("faces", "words", "tags"),
    [
        ((0.4,), ("a person", "portrait", "face"), {"people", "person", "face", "portrait"}),
        ((0.05,), ("a person", "face"), {"people", "person", "face"}),
        ((0.2, 0.2), ("two people", "faces"), {"people", "two people", "face"}),
        ((0.1,) * 4, ("a group of four people",), {"people", "group", "face"}),
        ((0.05,) * 12, ("a group of many people",), {"people", "group", "face"}),
    ],
)
def test_people_are_counted_by_their_faces(faces: tuple[float, ...], words: tuple[str, ...], tags: set[str]) -> None:
    assert all(word in people_phrase(faces) for word in words)
    assert set(people_tags(faces)) == tags
    description = people(*faces)
    assert description.text.startswith(f"A photo of {people_phrase(faces)}.")
    assert tags < set(description.tags)
    assert audit_description(description.text).score == 100


def test_beside_a_face_neither_labels_nor_scenes_are_said() -> None:
    description = people(0.3)
    assert description.labels == {}
    assert "sunset" not in description.text
    assert "portrait" not in people(0.3, 0.3).tags


def test_a_clip_keeps_the_labels_of_its_frames_without_a_face() -> None:
    face = replace(seen({}), probabilities=None, faces=(0.1, 0.1))
    near = replace(face, faces=(0.5,))
    car = seen({"sports car": 0.9})
    clip = describe_sight(blend_sights([near, face, car, car]), Medium.CLIP)
    assert clip.text.startswith("A video clip of two people")
    assert "It also shows a sports car." in clip.text
    assert clip.labels["sports car"] == pytest.approx(0.45, abs=0.01)
    assert {"people", "two people", "sports car", "vehicle"} <= set(clip.tags)
    assert describe_sight(blend_sights([near, face]), Medium.CLIP).labels == {}


def test_text_that_was_read_stays_out_of_the_prose_and_is_embedded() -> None:
    description = describe_sight(replace(seen({"street sign": 0.9}), lines=("NO PETS", "allowed")), Medium.PHOTO)
    assert description.read_text == "NO PETS\nallowed"
    assert "PETS" not in description.text
    assert description.full_text == f"{description.text} Text in the picture: NO PETS allowed"
    without = described({"street sign": 0.9})
    assert without.full_text == without.text


def test_the_text_of_a_clip_is_each_distinct_line_once_in_order() -> None:
    frames = [
        replace(seen({}), lines=lines) for lines in ((), ("Intro", "Chapter 1"), ("INTRO", "End"), ("Chapter 1",))
    ]
    assert blend_sights(frames).lines == ("Intro", "Chapter 1", "End")


def test_a_flat_picture_with_text_is_plain_and_shows_text() -> None:
    flat = Palette({"blue": 1.0}, 40, 60, 0)
    description = describe_sight(replace(seen({}, palette=flat), lines=("hello",)), Medium.PHOTO)
    assert "plain solid blue" in description.text
    assert "nothing else" not in description.text
    assert description.read_text == "hello"


def test_a_panorama_is_called_one() -> None:
    assert "wide panorama" in describe_sight(replace(seen({"sports car": 0.9}), aspect=3.0), Medium.PHOTO).text


def test_an_animal_is_named_where_several_that_are_possible_add_up_to_one() -> None:
    mixed = dict.fromkeys(("beagle", "tabby cat", "goldfish", "zebra", "koala", "otter"), 0.12)
    assert "animal" in described(mixed).tags


def gradient(
    top: tuple[int, int, int], bottom: tuple[int, int, int]
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A sky that goes from one colour to another, over dark ground."""
    share = np.linspace(0, 1, 220)[:, None]
    sky = np.array(top) * (1 - share) + np.array(bottom) * share
    rows = np.concatenate([sky, np.full((80, 3), (25, 20, 30))]).astype(np.uint8)
    return np.repeat(rows[:, None], 400, axis=1)


@pytest.mark.parametrize(
    ("top", "bottom", "warm"),
    [
        ((150, 60, 60), (250, 170, 60), True),
        ((200, 90, 140), (250, 170, 190), True),
        ((200, 140, 40), (255, 210, 90), True),
        ((60, 120, 220), (180, 210, 250), False),
        ((200, 210, 220), (250, 250, 250), False),
    ],
)
def test_a_sunset_is_orange_pink_or_gold_and_not_blue(
    top: tuple[int, int, int], bottom: tuple[int, int, int], warm: bool
) -> None:
    assert (SUNSET in read_scenes(gradient(top, bottom))) == warm


@pytest.mark.parametrize(
    ("text", "tags", "told", "tagged"),
    [
        (
            "A photo of a St. Bernard: a dog. It shows an animal. The main colours are grey and tan.",
            ("St. Bernard", "dog", "grey", "tan"),
            "A photo of a beach and people dancing. The main colours are grey and tan.",
            ("beach", "dancing", "grey", "tan"),
        ),
        (
            "A video clip of two people, whose human faces look at the camera. It also shows a bow tie. It is black and"
            " white, in shades of grey.",
            ("people", "two people", "face", "bow tie", "text", "black and white"),
            "A video clip of two people, whose human faces look at the camera. It shows a beach and people dancing. It"
            " is black and white, in shades of grey.",
            ("people", "two people", "face", "beach", "dancing", "black and white"),
        ),
        (
            "A photo in red and grey, dim.",
            ("red", "grey", "dim"),
            "A photo of a beach and people dancing, in red and grey, dim.",
            ("beach", "dancing", "red", "grey", "dim"),
        ),
        (
            "A plain solid blue image. One flat blue colour fills all of it, and nothing else is shown.",
            ("plain", "blue"),
            "A plain solid blue image. One flat blue colour fills all of it, and nothing else is shown.",
            ("plain", "blue"),
        ),
    ],
)
def test_what_another_model_sees_replaces_guesses_and_nothing_else(
    text: str, tags: tuple[str, ...], told: str, tagged: tuple[str, ...]
) -> None:
    found = retold(text, tags, "", ["a beach", "people dancing"], ["beach", "dancing"])
    assert (found.text, found.tags) == (told, tagged)
