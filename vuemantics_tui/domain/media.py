"""Media files: the limits of intake, the result of a probe, metadata, and the words that a file brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pickle import PickleBuffer
from typing import NamedTuple, SupportsIndex

from vuemantics_tui.domain.duplicates import PictureTraits
from vuemantics_tui.domain.formats import FileType, MediaFormat
from vuemantics_tui.domain.moment import DateSource

Crop = tuple[float, float, float, float]
"""A part of a picture: its left, top, right and bottom edge, in 0..1 of the width and the height."""
WHOLE: Crop = (0.0, 0.0, 1.0, 1.0)
LEAST_VISION_SIDE = 32
"""No side of a picture for a model has fewer pixels: what is thinner shows it nothing, or makes its server fail."""


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """The pixels of a picture that was decoded once, for every use of them: upright, opaque, sRGB, made smaller.

    `rgb` has three bytes for each pixel, row by row from the top.
    """

    width: int
    height: int
    rgb: bytes

    def __reduce_ex__(
        self, protocol: SupportsIndex
    ) -> tuple[type[SmallPicture], tuple[int, int, bytes | PickleBuffer]]:
        """Have pickles leave the pixels out where they are asked to, from protocol 5 on: PEP 574."""
        rgb = PickleBuffer(self.rgb) if protocol.__index__() >= 5 else self.rgb
        return SmallPicture, (self.width, self.height, rgb)


@dataclass(frozen=True, slots=True)
class LookSize:
    """How large a picture is wanted: the least pixels of its short side and of its long side, if the file has them.

    Decoders shrink by whole factors, so it may be up to twice as large, unless it is to be `exact`. A picture of up to
    `whole` pixels is not made smaller.
    """

    short_side: int
    long_side: int = 0
    exact: bool = False
    whole: int = 0

    def joined(self, other: LookSize | None) -> LookSize:
        """Return the size that is enough for both."""
        if other is None:
            return self
        sides = max(self.short_side, other.short_side), max(self.long_side, other.long_side)
        return LookSize(*sides, self.exact or other.exact, max(self.whole, other.whole))

    def scale(self, width: int, height: int) -> float:
        """Return by how much a picture may shrink: more than 0, at most 1."""
        if width * height <= self.whole:
            return 1.0
        return min(1.0, max(self.short_side / min(width, height), self.long_side / max(width, height)))


@dataclass(frozen=True, slots=True)
class Square:
    """How a picture becomes the square that a network sees, `side` pixels wide and high.

    `filter` is the name of a filter of Pillow. The short side is fitted and the middle cut out, unless all of it is
    `squashed`.
    """

    side: int
    filter: str = "bicubic"
    squashed: bool = False

    @property
    def look_size(self) -> LookSize:
        """Return how large a picture is to be decoded for it.

        Whole up to 25 MP, which takes 100 MB: a network can be sensitive to single pixels, and what a decoder makes
        smaller differs in some from the network's own way. Compared with half the size, measured on 25 photos of 6 to
        16 MP with networks of random weights, the cosines of 1 in 10 differ by more than 0.001. For 45 ms at 6 MP and
        110 ms at 12 MP, mostly of bicubic scaling, they are the same.
        """
        return LookSize(max(4 * self.side, 1024), whole=25_000_000)


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """The largest files and pictures that intake accepts, in bytes and pixels."""

    max_image_bytes: int = 100 * 1024**2
    max_video_bytes: int = 4 * 1024**3
    max_pixels: int = 200_000_000

    def max_bytes(self, file_type: FileType) -> int:
        """Return the size limit for files of this type, in bytes."""
        return self.max_image_bytes if file_type is FileType.IMAGE else self.max_video_bytes


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of a probe: format, size, and dimensions, which are upright and in pixels."""

    format: MediaFormat
    file_size: int
    width: int | None
    height: int | None


class ColourLabel(NamedTuple):
    """A colour label, and how the programs that write it count it: -1 where one does not know it."""

    name: str
    digikam: int
    darktable: int = -1
    aliases: tuple[str, ...] = ()


COLOUR_LABELS: tuple[ColourLabel, ...] = (
    ColourLabel("red", 1, 0, ("select", "rot", "rouge", "rojo", "rosso", "rood", "vermelho")),
    ColourLabel("orange", 2),
    ColourLabel("yellow", 3, 1, ("second", "gelb", "jaune", "amarillo", "giallo", "geel", "amarelo")),
    ColourLabel("green", 4, 2, ("approved", "grün", "vert", "verde", "groen")),
    ColourLabel("blue", 5, 3, ("review", "blau", "bleu", "azul", "blu", "blauw")),
    ColourLabel(
        "purple", 6, 4, ("to do", "magenta", "violet", "lila", "violett", "pourpre", "púrpura", "viola", "roxo")
    ),
    ColourLabel("grey", 7, aliases=("gray",)),
    ColourLabel("black", 8),
    ColourLabel("white", 9),
)
"""The colour labels by name, with the words of Bridge and of Lightroom in other languages."""

_LABEL_NAMES: Mapping[str, str] = {
    word: label.name for label in COLOUR_LABELS for word in (label.name, *label.aliases, f"{label.name} label")
}

RATING_PERCENT: tuple[int, ...] = (0, 1, 25, 50, 75, 99)
"""How Windows counts 0 to 5 stars, in `MicrosoftPhoto:Rating`."""
REJECTED = -1
"""The rating of a picture that was sorted out."""
MOST_STARS = 5


def label_name(text: str) -> str:
    """Return the name of a colour label in whatever words, or the text itself if it names no colour."""
    words = " ".join(text.split())
    return _LABEL_NAMES.get(words.lower(), words)


@dataclass(frozen=True, slots=True)
class FileWords:
    """What people and programs wrote into a file, or into its side-car.

    `rating` is 1 to 5, or -1 for rejected; `label` the name of a colour label or other words; `keywords` are single
    words, those of hierarchical keywords among them, and `keyword_paths` the hierarchical ones, levels joined by "|".
    """

    title: str | None = None
    caption: str | None = None
    creator: str | None = None
    label: str | None = None
    rating: int | None = None
    keywords: tuple[str, ...] = ()
    keyword_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was taken: populated place, region, country, and the country's ISO 3166 code of two letters.

    What is not known is empty. `common_names` are other names in use, such as Roma for Rome, `other_names` those in
    more languages, and `country_names` other names of the country.
    """

    name: str = ""
    region: str = ""
    country: str = ""
    country_code: str = ""
    common_names: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()
    country_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaMetadata:
    """Metadata of a file. `duration` in seconds; `extra` is plain JSON data.

    `taken_at` is a moment (see `domain.moment`), which ends in Z where the file knows only UTC, and `taken_from` says
    which part of the file has it; `taken_offset` is how many minutes east of UTC the camera's clock was set, where that
    is known.
    """

    width: int | None = None
    height: int | None = None
    duration: float | None = None
    taken_at: str | None = None
    taken_from: DateSource | None = None
    taken_offset: int | None = None
    video_codec: str | None = None
    place: Place | None = None
    extra: dict[str, str | int | float] | None = None
    words: FileWords = FileWords()


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What was found by decoding a file once.

    `thumbnail` is a JPEG as `media.thumbnail.make_thumbnail` writes it. If the file cannot be decoded it is empty,
    `traits` and `picture` are None, and `fault` says why. `missing` says what the file lacks of its picture. `picture`
    has the pixels that were asked for; from another machine it is a JPEG. `square` has those for a network. `metadata`
    is None for bytes, and where it cannot be read, as `metadata_fault` then says.
    """

    thumbnail: bytes = b""
    missing: str = ""
    fault: str = ""
    traits: PictureTraits | None = None
    picture: SmallPicture | bytes | None = None
    square: SmallPicture | None = None
    metadata: MediaMetadata | None = None
    metadata_fault: str = ""
