"""Words for the people in a picture, as far as their faces tell."""

from __future__ import annotations

from collections.abc import Sequence

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
