"""What belongs together: names and facts of files, the ties between two of them, and who stands for the others.

Two uploads are tied by what their files say, never by what else is in the library. So a stack, all that is tied
together, is the same in whatever order the files arrive.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import PurePath

from vuemantics_tui.domain.formats import BY_EXTENSION, BY_MIME_TYPE, FileType
from vuemantics_tui.domain.text import caseless

# Clips of Live Photos take 3 seconds or less; other phones write up to 10.
LONGEST_LIVE_SECONDS = 10.0
# A camera writes the two files of one shot one after the other.
SAME_SHOT_SECONDS = 3.0
# Nobody releases a shutter twice in this time: frames this close were taken in one go.
BURST_GAP_SECONDS = 0.5
# A clip's clock may be in another time zone. All zones differ by a multiple of this, and by no more than that.
_ZONE_STEP_SECONDS, _MOST_ZONES_SECONDS = 900.0, 14 * 3600.0

_PHOTO_TYPES = frozenset({"image/jpeg", "image/heic", "image/heif"})

# What programs append to the name of an edited copy: Google Photos in several languages, Lightroom, Windows, Samsung.
_EDIT_MARKS = (
    "edited|edit|edits|effects|bearbeitet|bewerkt|modifié|modifie|modificato|editado|ha editado|editada|editat"
    "|edytowane|redigerad|redigeret|redigert|muokattu|upravené|upraveno|szerkesztett|düzenlendi|изменено|編集済み|已编辑|已修改"
    "|수정됨|retouched"
)
_EDITED = re.compile(rf"(?P<base>.*[^\W_].*?)[-_ ](?:{_EDIT_MARKS})(?:[-_ ]?\d{{1,2}}|\(\d{{1,2}}\))?")
# On the device Google Photos saves an edited copy as IMG_20200101_101112~2.jpg.
_SAVED_COPY = re.compile(r"(?P<base>.*\d{6}.*?)~\d")
# Apple: IMG_E1234 is what was edited from IMG_1234.
_APPLE_EDITED = re.compile(r"(?P<before>img_)e(?P<number>\d{4,})")
# Pixel phones: PXL_20230101_101112345.RAW-01.COVER.jpg and PXL_20230101_101112345.RAW-02.ORIGINAL.dng
_PIXEL = re.compile(r"(?P<base>pxl_\d{8}_\d{6,9})(?P<marks>\.[\w.-]+)?(?P<saved>~\d)?")
# IMG_20200101_101112_BURST001_COVER, 00100lPORTRAIT_00100_BURST20200101101112345_COVER, 20200101_101112_Burst01
_BURST = re.compile(r"(?P<head>.*?)[_-]?burst[_-]?(?P<digits>\d+)(?P<cover>[_-]?cover)?.*")
# Samsung: 20240601_101112_001
_SAMSUNG_BURST = re.compile(r"(?P<head>\d{8}_\d{6})_\d{3}")
_COUNTED = re.compile(r"(?P<before>.*?)(?P<count>\d{3,})")
# From so many digits on, the number behind BURST is the moment of the burst, and no count.
_MOMENT_DIGITS = 8


class StackRole(StrEnum):
    """What an upload is in its stack."""

    STILL = "still"
    CLIP = "clip"
    RAW = "raw"
    EDITED = "edited"
    ORIGINAL = "original"
    FRAME = "frame"
    MEMBER = "member"


KIND_WORDS: dict[StackRole, str] = {
    StackRole.CLIP: "Live Photo",
    StackRole.FRAME: "burst",
    StackRole.RAW: "RAW",
    StackRole.EDITED: "edited",
}
ROLE_WORDS: dict[StackRole, str] = {
    StackRole.STILL: "still",
    StackRole.CLIP: "clip",
    StackRole.RAW: "RAW",
    StackRole.EDITED: "edited",
    StackRole.ORIGINAL: "original",
    StackRole.FRAME: "burst",
    StackRole.MEMBER: "",
}


def kind_words(roles: Iterable[str]) -> str:
    """Return what kind of stack these roles make: Live Photo, burst, RAW, edited, or several of them; else by hand."""
    held = set(roles)
    return ", ".join(words for role, words in KIND_WORDS.items() if role in held) or "by hand"


APART = 0
"""The value of `by_hand` for what a person took out of its stack: nothing but a person stacks it again."""


@dataclass(frozen=True, slots=True)
class StackName:
    """What a file name says: `base`, folded and without the marks of editing and the like.

    `burst` tells bursts apart and is empty for a single shot; `is_dated` is whether it holds the moment of the burst,
    and so means the same in any folder.
    """

    base: str
    is_edited: bool = False
    is_original: bool = False
    is_cover: bool = False
    burst: str = ""
    is_dated: bool = False


@lru_cache(maxsize=4096)
def read_name(filename: str) -> StackName:
    """Return what the name of a file says of its stack."""
    stem = caseless(PurePath(filename).stem)
    if match := _PIXEL.fullmatch(stem):
        marks = match["marks"] or ""
        return StackName(match["base"], bool(match["saved"]), "original" in marks, "cover" in marks)
    if match := _SAMSUNG_BURST.fullmatch(stem):
        return StackName(stem, burst=match["head"], is_dated=True)
    if match := _BURST.fullmatch(stem):
        moment = len(match["digits"]) >= _MOMENT_DIGITS
        burst = match["digits"] if moment else match["head"]
        if any(letter.isdigit() for letter in burst):
            is_dated = sum(letter.isdigit() for letter in burst) >= _MOMENT_DIGITS
            return StackName(stem, is_cover=bool(match["cover"]), burst=burst, is_dated=is_dated)
    if match := _APPLE_EDITED.fullmatch(stem):
        return StackName(match["before"] + match["number"], is_edited=True)
    if match := _EDITED.fullmatch(stem) or _SAVED_COPY.fullmatch(stem):
        return StackName(match["base"], is_edited=True)
    return StackName(stem)


@dataclass(frozen=True, slots=True)
class StackFacts:
    """What is known of an upload that matters for its stack.

    `folder` is where its file was added from; `taken_at`, a moment, is empty where the file itself does not say;
    `duration` in seconds. `by_hand` is None unless a person decided: APART, or the number of the stack that they made;
    `is_chosen` is whether a person chose it to stand for its stack; `is_photo` whether cameras write this
    format.
    """

    number: int
    filename: str
    folder: str
    file_type: FileType
    taken_at: str = ""
    camera: str = ""
    duration: float | None = None
    content_identifier: str = ""
    burst_id: str = ""
    pixels: int = 0
    sharpness: float = 0.0
    sha256: str = ""
    is_hidden: bool = False
    is_trashed: bool = False
    is_chosen: bool = False
    by_hand: int | None = None
    is_raw: bool = False
    is_photo: bool = True

    @property
    def name(self) -> StackName:
        """Return what its name says."""
        return read_name(self.filename)

    @property
    def is_image(self) -> bool:
        """Whether it is a picture; else it is a clip."""
        return self.file_type is FileType.IMAGE


def is_photo(mime_type: str, raw: bool) -> bool:
    """Tell whether cameras write this format: JPEG, HEIC or RAW."""
    return raw or mime_type in _PHOTO_TYPES


def is_raw(filename: str, mime_type: str) -> bool:
    """Tell whether a file is a RAW photo, by its format, or by its name where it was taken for a TIFF."""
    formats = (BY_MIME_TYPE.get(mime_type), BY_EXTENSION.get(PurePath(filename).suffix.casefold().removeprefix(".")))
    return any(known is not None and known.is_raw for known in formats)


# Keys: uploads that share none of them are never tied


def joining_keys(facts: StackFacts) -> Iterator[str]:
    """Yield the keys that tie all who share them, in any order."""
    if facts.by_hand:
        yield f"hand:{facts.by_hand}"
    if facts.by_hand == APART:
        return
    name, camera = facts.name, facts.camera.casefold()
    if facts.content_identifier:
        yield f"live:{facts.content_identifier}"
    if facts.is_image and facts.burst_id:
        yield f"burst:{facts.burst_id}"
    if facts.is_image and name.burst:
        place = "" if name.is_dated else _folder_key(facts.folder)
        yield f"frames:{place}/{name.burst}/{camera}"


def pairing_keys(facts: StackFacts) -> Iterator[str]:
    """Yield the keys of those that may be tied to it, one by one: see `are_tied`."""
    if facts.by_hand == APART:
        return
    base = facts.name.base
    yield _beside(facts.folder, base)
    if len(facts.taken_at) >= 19 and not facts.taken_at.endswith("Z"):
        yield f"second:{base}@{facts.taken_at[:19]}"


def looked_up_keys(facts: StackFacts) -> Iterator[str]:
    """Yield the keys by which to look for those that may be tied to it in pairs: its own, and those of its neighbours.

    A neighbour is the shot before or after it, by its number in the name.
    """
    yield from pairing_keys(facts)
    if facts.by_hand == APART or not _has_fraction(facts.taken_at):
        return
    for step in (-1, 1):
        if neighbour := _counted_on(facts.name.base, step):
            yield _beside(facts.folder, neighbour)


def _beside(folder: str, base: str) -> str:
    return f"beside:{_folder_key(folder)}/{base}"


@lru_cache(maxsize=1024)
def _folder_key(folder: str) -> str:
    return hashlib.blake2b(folder.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _counted_on(base: str, step: int) -> str:
    match = _COUNTED.fullmatch(base)
    if match is None:
        return ""
    count = int(match["count"]) + step
    return f"{match['before']}{count:0{len(match['count'])}}" if count >= 0 else ""


def joins(facts: Sequence[StackFacts], key: str) -> bool:
    """Tell whether a key ties those who share it: a Live Photo needs a still and a clip."""
    if key.startswith("live:"):
        return len({one.file_type for one in facts}) > 1
    return len(facts) > 1


# Ties


def are_tied(one: StackFacts, other: StackFacts) -> bool:
    """Tell whether two uploads with the same name, or the next one, belong together by name, time and camera."""
    if APART in (one.by_hand, other.by_hand):
        return False
    if one.name.base != other.name.base:
        return _are_next_frames(one, other)
    is_pair = _are_live(one, other) if one.file_type is not other.file_type else _are_versions(one, other)
    return is_pair and _are_one_shot(one, other)


def _are_live(one: StackFacts, other: StackFacts) -> bool:
    still, clip = (one, other) if one.is_image else (other, one)
    if one.content_identifier and other.content_identifier:
        return one.content_identifier == other.content_identifier
    return still.is_photo and (clip.duration is None or clip.duration <= LONGEST_LIVE_SECONDS)


def _are_versions(one: StackFacts, other: StackFacts) -> bool:
    """Whether one is the RAW photo or the edited copy of the other, or what a phone made its portrait of."""
    return (
        one.is_raw != other.is_raw
        or one.name.is_edited != other.name.is_edited
        or one.name.is_original != other.name.is_original
    )


def _are_one_shot(one: StackFacts, other: StackFacts) -> bool:
    if one.file_type is other.file_type and not _may_be_same_camera(one, other):
        return False
    is_beside = one.folder == other.folder
    gap = _gap(one.taken_at, other.taken_at)
    if gap is None:
        return is_beside
    if gap <= SAME_SHOT_SECONDS:
        return True
    if one.file_type is other.file_type or not is_beside or gap > _MOST_ZONES_SECONDS:
        return False
    # The container of a clip has UTC; where it was taken is not always known.
    return _is_off_by_zone(one, other, gap)


def _is_off_by_zone(one: StackFacts, other: StackFacts, gap: float) -> bool:
    clip = other if one.is_image else one
    if clip.content_identifier:
        return False
    off = gap % _ZONE_STEP_SECONDS
    return min(off, _ZONE_STEP_SECONDS - off) <= SAME_SHOT_SECONDS


def _are_next_frames(one: StackFacts, other: StackFacts) -> bool:
    """Whether both are pictures of one camera with consecutive numbers, half a second apart or less."""
    if not (one.is_image and other.is_image and one.camera and one.camera == other.camera):
        return False
    if one.folder != other.folder or not (_has_fraction(one.taken_at) and _has_fraction(other.taken_at)):
        return False
    if other.name.base not in (_counted_on(one.name.base, 1), _counted_on(one.name.base, -1)):
        return False
    gap = _gap(one.taken_at, other.taken_at)
    return gap is not None and gap <= BURST_GAP_SECONDS


def _may_be_same_camera(one: StackFacts, other: StackFacts) -> bool:
    return not one.camera or not other.camera or one.camera.casefold() == other.camera.casefold()


def _has_fraction(moment: str) -> bool:
    return "." in moment[19:20]


def _gap(one: str, other: str) -> float | None:
    """Return the seconds between two moments: by the clock on the wall unless both have their offset; None: unknown."""
    if "T" not in one or "T" not in other:
        return None
    first, second = datetime.fromisoformat(one), datetime.fromisoformat(other)
    if first.tzinfo is None or second.tzinfo is None:
        first, second = first.replace(tzinfo=None), second.replace(tzinfo=None)
    return abs((first - second).total_seconds())


# Covers and roles


def cover_of(members: Iterable[StackFacts]) -> StackFacts:
    """Return who stands for the others in lists: the still, the JPEG, the edited one, the cover or the sharpest.

    What is in the trash or hidden stands for others only where all are. Whoever a person chose comes first.
    """
    return min(members, key=_rank)


def _rank(one: StackFacts) -> tuple[object, ...]:
    # The last ones only decide between files that differ in nothing else; numbers would, by the order of arrival.
    return (
        one.is_trashed,
        one.is_hidden,
        not one.is_chosen,
        not one.is_image,
        not one.name.is_edited,
        one.name.is_original,
        not one.name.is_cover,
        one.is_raw,
        -round(one.sharpness, 3) if one.name.burst or one.burst_id or _has_fraction(one.taken_at) else 0.0,
        -one.pixels,
        one.taken_at,
        one.filename,
        one.sha256,
    )


def roles_of(members: Sequence[StackFacts]) -> dict[int, StackRole]:
    """Return the role of each member of a stack, by its number; MEMBER for what was only stacked by hand."""
    by_base, by_tie = defaultdict[str, list[StackFacts]](list), defaultdict[str, list[StackFacts]](list)
    for one in members:
        by_base[one.name.base].append(one)
        for key in joining_keys(replace(one, by_hand=None)):
            by_tie[key].append(one)
    return {one.number: _role_of(one, by_base, by_tie) for one in members}


def _role_of(
    one: StackFacts, by_base: Mapping[str, Sequence[StackFacts]], by_tie: Mapping[str, Sequence[StackFacts]]
) -> StackRole:
    ties = [key for key in joining_keys(replace(one, by_hand=None)) if joins(by_tie[key], key)]
    same = [other for other in by_base[one.name.base] if other is not one]
    is_live = any(key.startswith("live:") for key in ties) or any(
        other.file_type is not one.file_type for other in same
    )
    versions = [other for other in same if other.is_image == one.is_image and _are_versions(one, other)]
    if not one.is_image and (is_live or not versions):
        return StackRole.CLIP if is_live else StackRole.MEMBER
    if one.is_raw:
        return StackRole.RAW
    if one.name.is_edited or any(other.name.is_original and not other.is_raw for other in versions):
        return StackRole.EDITED
    neighbours = (by_base.get(_counted_on(one.name.base, step), ()) for step in (-1, 1))
    is_burst = any(not key.startswith("live:") for key in ties)
    if is_burst or any(_are_next_frames(one, other) for some in neighbours for other in some):
        return StackRole.FRAME
    if is_live:
        return StackRole.STILL
    return StackRole.ORIGINAL if versions else StackRole.MEMBER
