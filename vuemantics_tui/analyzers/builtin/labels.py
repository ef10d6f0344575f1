"""The classes of ImageNet in words: everyday names, and the kinds of thing they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.analyzers.builtin.network import Probabilities

# Names that the list puts so that they are unambiguous on their own, but that no sentence can hold.
_SPOKEN = {
    "drake (male duck)": "drake",
    "impala (antelope)": "impala",
    "kite (bird of prey)": "kite bird",
    "red wolf or maned wolf": "red wolf",
    "Mexican hairless dog (xoloitzcuintli)": "Mexican hairless dog",
    "a cat having a striped coat": "tiger cat",
    "ram (adult male sheep)": "ram",
    "military hat (bearskin or shako)": "military fur hat",
    "handrail / baluster": "handrail",
    "cardboard box / carton": "cardboard box",
    "bell or wind chime": "bell",
    "gas mask or respirator": "gas mask",
    "tights for gymnastics, a one-piece leotard, or a sport jersey": "leotard",
    "product packet / packaging": "product packet",
    "shoji screen / room divider": "room divider",
    "swim trunks / shorts": "swim trunks",
    "vaulted or arched ceiling": "arched ceiling",
    "traffic or street sign": "street sign",
    "fruiting spike of a cereal plant": "ear of grain",
    "entertainment center (furniture)": "entertainment center",
    "yawl (boat)": "yawl",
    "cherimoya (custard apple)": "custard apple",
    "spiral or coil": "spiral",
    "volleyball ball": "volleyball",
    "crate box": "crate",
    "ruler measuring stick": "ruler",
    "metal nail": "nail",
    "cornet trumpet": "trumpet",
    "rickshaw vehicle": "rickshaw",
    "magnetic compass": "compass",
    "loupe magnifying glass": "magnifying glass",
    "fishing casting reel": "fishing reel",
    "ford model t": "Ford Model T",
    "drink pitcher": "pitcher",
    "keyboard space bar": "space bar",
    "front curtain": "stage curtain",
    "horse chestnut seed": "horse chestnut",
    # What the model says of screenshots, posters and drawings with text.
    "website": "page of text and pictures",
}
_SPOKEN_KINDS = {
    "cat pet animal": "pet",
    "dog pet animal": "pet",
    "landscape nature": "natural landscape",
    "brass": "brass instrument",
    "anthropoid ape": "ape",
    "heavier-than-air craft": "aircraft",
    "lighter-than-air craft": "aircraft",
}
# Their kinds belong to other senses: a computer, a jacket, food.
_KINDLESS = frozenset({"website", "dust jacket", "menu"})
# Kinds that nobody would search for, or that say something else outside a taxonomy ("a mug is a vessel").
_UNSAID_KINDS = frozenset({
    "Sennenhunde", "acarine", "acoustic device", "agamid", "airfoil", "ambystomid", "anapsid",
    "angiosperm", "anthozoan", "applicator", "archosaur", "associate", "attachment", "attire",
    "autoloader", "barrier", "blower", "board", "brace", "cartilaginous fish", "chelonian", "chordophone",
    "circle", "clip", "coelenterate", "column", "concoction", "connection", "contestant", "control",
    "course", "craft", "cyprinid", "cypriniform fish", "danaid", "data input device",
    "defensive structure", "design", "disguise", "disk", "drug of abuse", "edentate", "elapid",
    "elasmobranch", "electrical device", "electro-acoustic transducer", "emblem", "establishment",
    "excavation", "explorer", "fare", "fastener", "feed", "filter", "fluid", "fodder", "framework",
    "ganoid", "garment", "gear", "geographic point", "globule", "hand glass", "horizontal surface",
    "hosiery", "housing", "iguanid", "institution", "instrument", "key", "lagomorph", "leporid",
    "ligament", "light", "liquid", "litter", "machine", "mechanical device", "medium", "memory device",
    "mercantile establishment", "metatherian", "movable barrier", "neuropteron", "nymphalid",
    "obstruction", "odonate", "opener", "oscine", "pachyderm", "padding", "participant", "passerine",
    "peer", "percoid fish", "peripheral", "phasianid", "phasmid", "piece", "piece of cloth", "pierid",
    "place of business", "plant organ", "plant part", "platform", "plectognath", "point", "pointer",
    "pome", "post", "press", "proboscidean", "procyonid", "produce", "prototherian", "racer", "ratite",
    "ray", "reproducer", "reproductive structure", "reservoir", "restraint", "rig", "rotating mechanism",
    "round shape", "runner", "salmonid", "saurian", "scorpaenid", "scorpaenoid", "shade", "shaker",
    "sheath", "sheet", "soft-finned fish", "source of illumination", "spermatophyte", "sphere",
    "spiny-finned fish", "starches", "stick", "strengthener", "structural member", "substance", "support",
    "supporting structure", "swine", "timer", "top", "transducer", "trap", "turner", "upright",
    "vascular plant", "vessel", "visual signal", "viverrine", "ware", "web", "weight", "white goods",
    "winder", "wirehair", "work", "wrapping",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClassLabel:
    """One class: its name, other names for it, and the kinds of thing it is, nearest first."""

    name: str
    synonyms: tuple[str, ...]
    kinds: tuple[str, ...]


@cache
def class_labels() -> tuple[ClassLabel, ...]:
    """Return the 1000 classes in the order of the model's output. A few share a name: "missile", "sunglasses"."""
    content = (files("vuemantics_tui.analyzers.builtin") / "data" / "imagenet_labels.json").read_text("utf-8")
    return tuple(
        ClassLabel(
            _SPOKEN.get(entry["name"], entry["name"]),
            tuple(entry["syn"]),
            _said_kinds(entry["name"], entry["hyper"]),
        )
        for entry in json.loads(content)
    )


@cache
def labels_by_name() -> Mapping[str, ClassLabel]:
    """Return the class of each name, the first if two share it."""
    return {label.name: label for label in reversed(class_labels())}


@cache
def kind_sizes() -> Mapping[str, int]:
    """Return how many names belong to each kind: the more, the more general the kind."""
    return Counter(kind for label in labels_by_name().values() for kind in label.kinds)


PRINTED = frozenset({"page of text and pictures", "dust jacket", "menu", "envelope", "crossword"})
"""Names of classes that the model takes anything printed for: posters, screens, drawings with a caption."""

PAPER = "printed text on paper"
"""A topic of `topics_by_name`."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What people would look for where they see some classes: its words, a tag, and the names of the classes."""

    words: str
    tag: str
    names: frozenset[str]


@cache
def topics() -> tuple[Topic, ...]:
    """Return the topics: scenes, seasons, people and activities that ImageNet has no class for.

    A ski says snow, and a diaper a baby.
    """
    content = (files("vuemantics_tui.analyzers.builtin") / "data" / "topics.json").read_text("utf-8")
    animals = frozenset(name for name, label in labels_by_name().items() if "animal" in label.kinds)
    return (
        Topic("an animal", "animal", animals),
        *(
            Topic(words, topic["tag"], frozenset(_SPOKEN.get(name, name) for name in topic["classes"]))
            for words, topic in json.loads(content).items()
        ),
    )


@cache
def topics_by_name() -> Mapping[str, tuple[str, ...]]:
    """Return the words of the topics of each class, by its name."""
    found: dict[str, tuple[str, ...]] = {}
    for topic in topics():
        for name in topic.names:
            found[name] = (*found.get(name, ()), topic.words)
    return found


def topic_probabilities(named: Mapping[str, float]) -> dict[Topic, float]:
    """Return the probability of each topic: the sum over its names."""
    return {topic: sum(named.get(name, 0.0) for name in topic.names) for topic in topics()}


def named_probabilities(probabilities: Probabilities) -> dict[str, float]:
    """Return the probability of each name, most likely first, summed over classes that share a name."""
    names, name_of = _class_names()
    sums = np.bincount(name_of, weights=probabilities, minlength=len(names))
    order = np.argsort(-sums, kind="stable")
    return dict(zip([names[index] for index in order], sums[order].tolist(), strict=True))


def kind_probabilities(named: Mapping[str, float]) -> dict[str, float]:
    """Return the probability of each kind: the sum over its names. The kinds of the first name come first."""
    kinds, kind_of, names, name_of, place = _kind_members()
    ranks = {name: rank for rank, name in enumerate(named)}
    probabilities = np.array([named.get(name, 0.0) for name in names])
    sums = np.bincount(kind_of, weights=probabilities[name_of], minlength=len(kinds))
    first = np.full(len(kinds), np.iinfo(np.int64).max)
    rank_of = np.array([ranks.get(name, len(names)) for name in names])
    np.minimum.at(first, kind_of, rank_of[name_of] * len(kinds) + place)
    return {kinds[index]: float(sums[index]) for index in np.argsort(first, kind="stable") if sums[index] > 0}


@cache
def _class_names() -> tuple[list[str], NDArray[np.int64]]:
    """Return all names, and for each class the number of its name."""
    names = {name: number for number, name in enumerate(dict.fromkeys(label.name for label in class_labels()))}
    return list(names), np.array([names[label.name] for label in class_labels()])


@cache
def _kind_members() -> tuple[list[str], NDArray[np.int64], list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Return all kinds and names, and by their numbers the kind, the name and the place of each kind of each name."""
    labels = labels_by_name()
    kinds = {kind: number for number, kind in enumerate(kind_sizes())}
    members = [
        (kinds[kind], number, place)
        for number, label in enumerate(labels.values())
        for place, kind in enumerate(label.kinds)
    ]
    kind_of, name_of, place = np.array(members).T
    return list(kinds), kind_of, list(labels), name_of, place


def _said_kinds(name: str, kinds: list[str]) -> tuple[str, ...]:
    if name in _KINDLESS:
        return ()
    said = [_SPOKEN_KINDS.get(kind, kind) for kind in kinds if kind not in _UNSAID_KINDS]
    return tuple(dict.fromkeys(kind for kind in said if kind != _SPOKEN.get(name, name)))
