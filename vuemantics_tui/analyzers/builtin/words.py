"""From labels, faces and text to words: a short description, tags, and the labels to keep."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

from vuemantics_tui.analyzers.builtin import ANALYZER_NAME, IMAGE_MODEL_NAME
from vuemantics_tui.analyzers.builtin.labels import (
    PAPER,
    PRINTED,
    Topic,
    kind_probabilities,
    kind_sizes,
    labels_by_name,
    named_probabilities,
    topic_probabilities,
    topics_by_name,
)
from vuemantics_tui.analyzers.builtin.scene import GRADIENT, PAGE, STARS, SUNSET
from vuemantics_tui.analyzers.builtin.sight import Sight
from vuemantics_tui.domain.colours import COLOUR_NAMES
from vuemantics_tui.domain.description import Description, Told
from vuemantics_tui.media.colours import Palette


class Medium(StrEnum):
    """What the words are about, as a sentence calls it."""

    PHOTO = "photo"
    CLIP = "video clip"


# A name, and a kind, is a fact from this probability on; names from this share of the best on, too. In a clip it is the
# mean of the frames, few of which may show the thing. Less certain labels help search but are never shown.
_SURE = {Medium.PHOTO: 0.3, Medium.CLIP: 0.12}
_KIND_SURE = {Medium.PHOTO: 0.5, Medium.CLIP: 0.3}
_SURE_OF_BEST = 0.3
_KIND_LIFT, _MOST_KINDS = 0.2, 8
# Of 25 photos without a sure name that had a topic of this probability, it was wrong for one.
_TOPIC_SURE, _MOST_TOPICS = 0.5, 2
# The labels kept for the vector: on those photos more than 40 found no more.
_KEPT, _MOST_KEPT = 0.001, 40
# Beside these there is more to say than what the model has classes for.
_BESIDE_FACES, _BESIDE_TEXT = 0.5, 0.3
# In characters: what a sign holds, and what a page holds.
_SOME_TEXT, _MUCH_TEXT = 12, 120
# Above this the model has a subject of its own, and a guess from colours and edges would only disturb.
_SUBJECT_CLEAR = 0.5
_PAPER_SHARE = 0.1
_PANORAMA = 2.2
PLAIN = "plain"
"""The tag of a picture of one flat colour, or of a gradient."""

_SCENE_PHRASES = {
    SUNSET: "a sky in warm colours, as at sunset or sunrise",
    STARS: "what looks like stars in space or a night sky, many small points of light in the dark",
    PAGE: "a page of printed text or a document",
}
_SCENE_TAGS = {
    SUNSET: ("sunset", "sky"),
    STARS: ("night", "stars"),
    PAGE: ("document", "text"),
}


def describe_sight(sight: Sight, medium: Medium) -> Description:
    """Put a sight into words: sentences, tags in lower case, what was read, and up to 40 labels with probabilities."""
    # The frames of a clip may each be plain in a colour of its own.
    gradient = GRADIENT in sight.scenes and medium is Medium.PHOTO
    if not sight.faces and (sight.palette.plain or gradient):
        return _describe_plain(sight, medium)
    named = {} if sight.probabilities is None else named_probabilities(sight.probabilities)
    characters = sum(len(line) for line in sight.lines)
    scenes = () if sight.faces else _likely_scenes(sight.scenes, named, characters)
    if STARS in scenes:
        # The model has no class for night skies; it takes them for other black things with bright spots.
        return _describe_stars(sight, medium)
    sure = _pick(named, _SUBJECT_CLEAR if characters >= _MUCH_TEXT else _SURE[medium])
    printed = characters >= _SOME_TEXT and not PRINTED.isdisjoint(sure)
    if printed:
        # Text was read: what kind of paper it is on would be a guess.
        sure = [name for name in sure if name not in PRINTED]
    written = not sure and (printed or characters >= _MUCH_TEXT)
    kinds = [] if written else _pick_kinds(named, sure, _KIND_SURE[medium])
    about = [] if sure or written or sight.faces else _pick_topics(named, kinds)
    if sight.faces:
        subject = _people(sight, medium, sure)
    elif written:
        amount = "full of text" if characters >= _MUCH_TEXT else "with text in it"
        subject = [f"{_call(sight, medium)} {amount}, such as a page, a poster or a screen."]
    else:
        subject = _subject(_call(sight, medium), sure, kinds, about)
    seen = [_SCENE_PHRASES[scene] for scene in scenes]
    if not subject and seen:
        subject = [f"{_call(sight, medium)} of what looks like {seen.pop(0)}."]
    if subject:
        sentences = [*subject, *(f"It looks like {phrase}." for phrase in seen), _colours(sight.palette)]
    else:
        sentences = [_only_colours(_call(sight, medium), sight.palette)]
    tags = [
        *people_tags(sight.faces),
        *sure,
        *kinds,
        *(topic.tag for topic in about),
        *(tag for scene in scenes for tag in _SCENE_TAGS[scene]),
        *(["text"] if characters >= _SOME_TEXT else []),
        *_look_tags(sight.palette),
    ]
    return _description(sight, sentences, tags, _labels(sight, characters))


# Of a guess this stays: what is measured, read or found by its shape. The rest comes from the classes of the model, or
# from rules of thumb.
_STAYS = re.compile(r"The main colours? |It is black and white|A .*\bhuman faces? |A .*(?:full of|with) text")
_ONLY_COLOURS = re.compile(r"(A (?:wide panorama photo|photo|video clip)) (in .*)\.")
_CALL = re.compile(r"A (?:wide panorama photo|photo|video clip)\b")
# A name may have a full stop in it: "a St. Bernard".
_NEXT_SENTENCE = re.compile(r"(?<=\.) (?=(?:An?|It|Its|The|One) )")
_PEOPLE_TAGS = frozenset({"people", "person", "two people", "group", "face", "portrait"})
_LOOK_TAGS = frozenset({*COLOUR_NAMES, "very dark", "dim", "bright", "black and white"})
_MOST_PHRASES = 4


def retold(text: str, tags: Sequence[str], read_text: str, phrases: Sequence[str], seen: Sequence[str]) -> Told:
    """Replace the guesses in a description of `describe_sight` by what another model sees.

    `phrases` are what it sees, as they follow "a photo of", and `seen` their tags. One plain colour is known better by
    its pixels: nothing changes then.
    """
    if PLAIN in tags:
        return Told(text, tuple(tags))
    sentences = _NEXT_SENTENCE.split(text)
    stay = [sentence for sentence in sentences if _STAYS.match(sentence)]
    shown = enumerate_words(phrases[:_MOST_PHRASES])
    call = _CALL.match(sentences[0])
    coloured = _ONLY_COLOURS.fullmatch(sentences[0])
    if coloured:
        stay = [f"{coloured[1]} of {shown}, {coloured[2]}." if shown else sentences[0], *stay]
    elif stay and _CALL.match(stay[0]):
        stay[1:1] = [f"It shows {shown}."] if shown else []
    elif call:
        stay = [f"{call[0]} of {shown}." if shown else f"{call[0]}.", *stay]
    people = [tag for tag in tags if tag in _PEOPLE_TAGS]
    looks = [tag for tag in tags if tag in _LOOK_TAGS or (tag == "text" and read_text)]
    return Told(" ".join(stay), (*people, *seen, *looks))


def _likely_scenes(scenes: Sequence[str], named: Mapping[str, float], characters: int) -> tuple[str, ...]:
    """The scenes that neither a clear subject nor text speaks against. `named` has the likeliest first."""
    best = max(named.values(), default=0.0)
    paper = sum(p for name, p in named.items() if PAPER in topics_by_name().get(name, ()))
    likely = {
        SUNSET: best < _SUBJECT_CLEAR,
        STARS: best < _SUBJECT_CLEAR and characters < _SOME_TEXT,
        # Windows and railings have sharp marks too.
        GRADIENT: False,
        PAGE: best < _SUBJECT_CLEAR and paper >= _PAPER_SHARE and characters < _MUCH_TEXT,
    }
    return tuple(scene for scene in scenes if likely[scene])


def _labels(sight: Sight, characters: int) -> dict[str, float]:
    """The likeliest labels, with less weight beside faces and much text."""
    share = _BESIDE_TEXT if characters >= _MUCH_TEXT else 1.0
    total: dict[str, float] = {}
    for probabilities, factor in ((sight.probabilities, share), (sight.beside_faces, share * _BESIDE_FACES)):
        for name, probability in () if probabilities is None else named_probabilities(probabilities).items():
            total[name] = total.get(name, 0.0) + probability * factor
    best = sorted(total.items(), key=lambda label: -label[1])[:_MOST_KEPT]
    return {name: round(probability, 4) for name, probability in best if probability >= _KEPT}


def _description(
    sight: Sight, sentences: Sequence[str], tags: Sequence[str], labels: Mapping[str, float]
) -> Description:
    unique = tuple(dict.fromkeys(tag.lower() for tag in tags))
    return Description(
        " ".join(sentences),
        ANALYZER_NAME,
        IMAGE_MODEL_NAME,
        tags=unique,
        read_text="\n".join(sight.lines),
        labels=labels,
        guessed=True,
    )


def _describe_plain(sight: Sight, medium: Medium) -> Description:
    colours = sight.palette.main
    thing = "image" if medium is Medium.PHOTO else str(medium)
    rest = "nothing else is shown" if not sight.lines else "some text stands on it"
    if sight.palette.plain:
        sentences = [
            f"A plain solid {colours[0]} {thing}.",
            f"One flat {colours[0]} colour fills all of it, and {rest}.",
        ]
        return _description(sight, sentences, [PLAIN, colours[0]], {})
    sentences = [
        f"A plain {enumerate_words(colours)} {thing} with a smooth gradient.",
        f"Its colours change softly all over it, and {rest}.",
    ]
    return _description(sight, sentences, [PLAIN, "gradient", *colours], {})


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


def _pick(named: Mapping[str, float], least: float) -> list[str]:
    """The names to give."""
    best = max(named.values(), default=0.0)
    return [name for name, p in named.items() if p >= least and p >= best * _SURE_OF_BEST]


def _pick_topics(named: Mapping[str, float], kinds: Sequence[str]) -> list[Topic]:
    """The topics that the picture is likely about, best first, without what the kinds say already."""
    likely = [(p, topic) for topic, p in topic_probabilities(named).items() if p >= _TOPIC_SURE]
    likely.sort(key=lambda each: -each[0])
    return [topic for _, topic in likely if topic.tag not in kinds][:_MOST_TOPICS]


def _pick_kinds(named: Mapping[str, float], sure: Sequence[str], enough: float) -> list[str]:
    """The kinds that are likely, nearest first, without those that the names or other kinds already say."""
    sizes, total = kind_sizes(), len(labels_by_name())

    def least(kind: str) -> float:
        # Two names in five are animals: where anything could be, one of them is no news.
        return enough if sure else max(enough, sizes[kind] / total + _KIND_LIFT)

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


def _subject(call: str, sure: Sequence[str], kinds: Sequence[str], about: Sequence[Topic]) -> list[str]:
    general = [with_article(kind) for kind in kinds]
    if sure:
        things = [with_article(name) for name in sure]
        # Names of one kind are guesses at the same thing; names of several kinds are several things.
        if _of_one_kind(sure):
            opening = f"{call} of {enumerate_words(things, 'or')}"
            return [f"{opening}: {enumerate_words(general)}." if general else f"{opening}."]
        sentences = [f"{call} of {enumerate_words(things)}."]
        return [*sentences, f"It shows {enumerate_words(general)}."] if general else sentences
    likely = [*general, *(topic.words for topic in about)]
    return [f"{call} of {enumerate_words(likely)}."] if likely else []


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


def _only_colours(call: str, palette: Palette) -> str:
    """Describe a picture without a subject that the model knows."""
    light = palette.light or "evenly lit"
    if palette.colourless:
        return f"{call} in black and white, in shades of grey, {light}."
    return f"{call} in {enumerate_words(palette.main)}, {light}."


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
