"""From labels, faces and text to words: a short description, tags, and the labels to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from vuemantics_tui.analyzers.builtin import ANALYZER_NAME, IMAGE_MODEL_NAME
from vuemantics_tui.analyzers.builtin.labels import (
    kind_probabilities,
    kind_sizes,
    labels_by_name,
    named_probabilities,
)
from vuemantics_tui.analyzers.builtin.scene import PAGE, STARS, SUNSET, WOODS
from vuemantics_tui.analyzers.builtin.sight import Sight
from vuemantics_tui.domain.description import Description
from vuemantics_tui.media.colours import Palette


class Medium(StrEnum):
    """What the words are about, as a sentence calls it."""

    PHOTO = "photo"
    CLIP = "video clip"


_SURE, _SURE_OF_BEST = 0.12, 0.25
_POSSIBLE, _MOST_POSSIBLE = 0.05, 2
_KIND_SURE, _KIND_LIFT, _MOST_KINDS = 0.3, 0.2, 8
_KEPT = 0.01
# Below this a name is given with a reservation.
_PLAINLY_SEEN = 0.3
# Above this the model has a subject of its own, and a guess from colours and edges would only disturb.
_SUBJECT_CLEAR = 0.5
_PANORAMA = 2.2
# Wider than this, or as much higher, is not square any more.
_SQUARE = 1.1

_SCENE_PHRASES = {
    WOODS: "a forest or the woods, with trees and dense green leaves",
    SUNSET: "a sky in warm colours, as at sunset or sunrise",
    STARS: "what looks like stars in space or a night sky, many small points of light in the dark",
    PAGE: "a page of printed text or a document",
}
_SCENE_TAGS = {
    WOODS: ("forest", "trees"),
    SUNSET: ("sunset", "sky"),
    STARS: ("night", "stars"),
    PAGE: ("document", "text"),
}


def describe_sight(sight: Sight, medium: Medium) -> Description:
    """Put a sight into words: sentences, tags in lower case, what was read, and the labels of 0.01 or more."""
    if sight.palette.plain and not sight.faces:
        return _describe_plain(sight, medium)
    # Pictures with faces have no labels, so nothing else in them is known.
    named = {} if sight.probabilities is None else named_probabilities(sight.probabilities)
    best = max(named.values(), default=0.0)
    # Where one of these is clear, a guess from colours and edges would only disturb.
    scenes = () if sight.faces or best >= _SUBJECT_CLEAR else sight.scenes
    if STARS in scenes:
        # The model knows no night sky, and takes one for whatever is black with bright spots.
        return _describe_stars(sight, medium)
    sure, possible = _pick(named)
    kinds = _pick_kinds(named, sure, possible)
    if sight.faces:
        subject = _people(sight, medium, sure)
    else:
        subject = _subject(_call(sight, medium), sure, possible, kinds, unsure=best < _PLAINLY_SEEN)
    sentences = [
        *subject,
        *(f"It looks like {_SCENE_PHRASES[scene]}." for scene in scenes),
        _colours(sight.palette),
    ]
    tags = [
        *people_tags(sight.faces),
        *sure,
        *kinds,
        *(tag for scene in scenes for tag in _SCENE_TAGS[scene]),
        *_look_tags(sight.palette),
    ]
    labels = {name: round(probability, 4) for name, probability in named.items() if probability >= _KEPT}
    return _description(sight, sentences, tags, labels)


def _description(
    sight: Sight, sentences: Sequence[str], tags: Sequence[str], labels: Mapping[str, float]
) -> Description:
    unique = tuple(dict.fromkeys(tag.lower() for tag in tags))
    return Description(
        " ".join([*sentences, *_format(sight)]),
        ANALYZER_NAME,
        IMAGE_MODEL_NAME,
        tags=unique,
        read_text="\n".join(sight.lines),
        labels=labels,
        guessed=True,
    )


def _describe_plain(sight: Sight, medium: Medium) -> Description:
    colour = sight.palette.main[0]
    thing = "image" if medium is Medium.PHOTO else str(medium)
    rest = "nothing else is shown" if not sight.lines else "some text stands on it"
    sentences = [
        f"A plain solid {colour} {thing}.",
        f"One flat {colour} colour fills all of it, and {rest}.",
    ]
    return _description(sight, sentences, ["plain", colour], {})


def _describe_stars(sight: Sight, medium: Medium) -> Description:
    sentences = [f"A {medium} of {_SCENE_PHRASES[STARS]}.", _colours(sight.palette)]
    return _description(sight, sentences, [*_SCENE_TAGS[STARS], *_look_tags(sight.palette)], {})


def _people(sight: Sight, medium: Medium, sure: Sequence[str]) -> list[str]:
    sentences = [f"{_call(sight, medium)} of {people_phrase(sight.faces)}."]
    # Only a clip has both: faces in some frames, and labels of the others.
    if sure:
        things = enumerate_words([with_article(name) for name in sure])
        sentences.append(f"It also shows {things}.")
    return sentences


def _format(sight: Sight) -> list[str]:
    # Most pictures are wider than high: that is no news.
    if sight.aspect >= _SQUARE:
        return []
    return ["Tall format." if sight.aspect <= 1 / _SQUARE else "Square format."]


def _pick(named: Mapping[str, float]) -> tuple[list[str], list[str]]:
    """The names to give as they are, and, where there is none, those to give as possible."""
    best = max(named.values(), default=0.0)
    sure = [name for name, p in named.items() if p >= _SURE and p >= best * _SURE_OF_BEST]
    if sure:
        return sure, []
    return [], [name for name, p in named.items() if p >= _POSSIBLE][:_MOST_POSSIBLE]


def _pick_kinds(named: Mapping[str, float], sure: Sequence[str], possible: Sequence[str]) -> list[str]:
    """The kinds that are likely, nearest first, without those that the names or other kinds already say."""
    sizes, total = kind_sizes(), len(labels_by_name())

    def least(kind: str) -> float:
        # Two names in five are animals: where anything could be, one of them is no news.
        return _KIND_SURE if sure or possible else max(_KIND_SURE, sizes[kind] / total + _KIND_LIFT)

    likely = [kind for kind, p in kind_probabilities(named).items() if p >= least(kind)]
    said = [name.lower() for name in sure]
    kept = [
        kind
        for kind in likely
        if not any(kind.endswith(f" {other}") for other in likely)
        and not any(name == kind.lower() or name.endswith(f" {kind.lower()}") for name in said)
    ]
    return sorted(kept, key=lambda kind: sizes[kind])[:_MOST_KINDS]


def _call(sight: Sight, medium: Medium) -> str:
    if medium is Medium.PHOTO and sight.aspect >= _PANORAMA:
        return "A wide panorama photo"
    return f"A {medium}"


def _subject(
    call: str, sure: Sequence[str], possible: Sequence[str], kinds: Sequence[str], *, unsure: bool
) -> list[str]:
    general = [with_article(kind) for kind in kinds]
    if sure:
        things = [with_article(name) for name in sure]
        seen = f"{call} of what looks like" if unsure else f"{call} of"
        # Names of one kind are guesses at the same thing; names of several kinds are several things.
        if _of_one_kind(sure):
            opening = f"{seen} {enumerate_words(things, 'or')}"
            return [f"{opening}: {enumerate_words(general)}." if general else f"{opening}."]
        sentences = [f"{seen} {enumerate_words(things)}."]
        return [*sentences, f"It shows {enumerate_words(general)}."] if general else sentences
    guesses = enumerate_words([with_article(name) for name in possible], "or")
    if general:
        opening = f"{call} of {enumerate_words(general)}"
        return [f"{opening}, possibly {guesses}." if guesses else f"{opening}."]
    return [f"{call}, possibly of {guesses}." if guesses else f"{call} without one clear subject."]


def _of_one_kind(names: Sequence[str]) -> bool:
    if len(names) == 1:
        return True
    shared = set.intersection(*(set(labels_by_name()[name].kinds) for name in names))
    return bool(shared)


def _colours(palette: Palette) -> str:
    light = {"very dark": "it is very dark", "dim": "the light is dim", "bright": "the light is bright"}.get(
        palette.light, ""
    )
    if palette.colourless:
        grey = "It is black and white, in shades of grey"
        return f"{grey}, and {light}." if light else f"{grey}."
    colours = f"The main {'colours are' if len(palette.main) > 1 else 'colour is'} {enumerate_words(palette.main)}"
    return f"{colours}, and {light}." if light else f"{colours}."


def _look_tags(palette: Palette) -> list[str]:
    if palette.colourless:
        return ["black and white"]
    return [*palette.main, *([palette.light] if palette.light else [])]


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# A face of this share of the short side belongs to a portrait: head and shoulders, or down to the waist.
_PORTRAIT_SHARE = 0.15


def is_portrait(faces: Sequence[float]) -> bool:
    """Whether a picture with faces of these heights (shares of its short side) shows one person from near."""
    return len(faces) == 1 and faces[0] >= _PORTRAIT_SHARE


def people_phrase(faces: Sequence[float]) -> str:
    """The people behind these faces (at least one), for a sentence that begins "A photo of"."""
    if is_portrait(faces):
        return "a person: a portrait with a human face, seen from near"
    if len(faces) == 1:
        return "a person, whose human face looks at the camera"
    if len(faces) == 2:
        return "two people, whose human faces look at the camera"
    number = _NUMBERS[len(faces)] if len(faces) < len(_NUMBERS) else "many"
    return f"a group of {number} people, whose human faces look at the camera"


def people_tags(faces: Sequence[float]) -> list[str]:
    """Tags for the people behind these faces; none without one."""
    if not faces:
        return []
    amount = "person" if len(faces) == 1 else "group" if len(faces) > 2 else "two people"
    return ["people", amount, "face", *(["portrait"] if is_portrait(faces) else [])]


_PAIRS = frozenset({
    "binoculars", "clogs", "jeans", "pajamas", "sunglasses", "swim trunks", "tights",
})  # fmt: skip
_WITHOUT_ARTICLE = frozenset({
    "agaric", "alcohol", "apparel", "armor", "baked goods", "bedclothes", "body armor", "bread",
    "broccoli", "carbonara", "cattle", "chain mail", "chocolate syrup", "clothing", "coffee", "consomme",
    "coral fungus", "corn", "crockery", "cutlery", "dough", "edible fruit", "eggnog", "espresso",
    "face powder", "food", "footwear", "fruit", "furniture", "guacamole", "hair spray", "handwear",
    "hardware", "hay", "headgear", "ice cream", "jewelry", "linen", "lotion", "makeup", "mashed potatoes",
    "mud", "neckwear", "nightwear", "outerwear", "padding", "paper", "parallel bars", "perfume",
    "print media", "produce", "public transport", "rapeseed", "red wine", "snack food", "snow",
    "sunscreen", "tableware", "toilet paper", "underwear", "velvet fabric", "wine", "woman's clothing",
    "woodenware", "wool", "workwear",
})  # fmt: skip
_MASS_ENDINGS = ("equipment", "clothing", "squash", "food", "landscapes", "apparatus", "furniture")
# A vowel that sounds like a consonant, and the reverse.
_SOUNDS_LIKE_CONSONANT = ("uni", "use", "uten", "eu", "one")
_SOUNDS_LIKE_VOWEL = ("hour", "honest", "heir")


def with_article(thing: str) -> str:
    """The thing with "a", "an", "a pair of", or as it is where it cannot be counted."""
    if thing in _PAIRS:
        return f"a pair of {thing}"
    if thing in _WITHOUT_ARTICLE or thing.endswith(_MASS_ENDINGS):
        return thing
    return f"{_article(thing.lower())} {thing}"


def _article(word: str) -> str:
    if word.startswith(_SOUNDS_LIKE_VOWEL):
        return "an"
    return "an" if word[:1] in tuple("aeiou") and not word.startswith(_SOUNDS_LIKE_CONSONANT) else "a"


def enumerate_words(words: Sequence[str], conjunction: str = "and") -> str:
    """ "one", "one and two", "one, two and three"; nothing for nothing."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"
