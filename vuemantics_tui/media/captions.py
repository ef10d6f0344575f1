"""The words that a file brings: title, caption, creator, keywords, rating and colour label.

They stand in XMP, in IPTC records (IIM 4.2) and in a few tags of EXIF, often in all of them. XMP comes first, which
most programs write and the others copy; a side-car comes before all.
"""

from __future__ import annotations

import re
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from PIL import ExifTags

from vuemantics_tui.domain.media import COLOUR_LABELS, MOST_STARS, REJECTED, FileWords, label_name
from vuemantics_tui.media.packets import Packets
from vuemantics_tui.media.xmp import Xmp

LEVEL = "|"
"""What parts the levels of a hierarchical keyword."""

# Longer ones are no words of a person.
_MOST_LETTERS, _MOST_CAPTION_LETTERS, _MOST_KEYWORDS = 200, 10_000, 500
# Designations of ISO 2022 for ISO 8859-1 in 1:90, which says how the texts are written; ESC % G is UTF-8.
_LATIN = (b"\x1b.A", b"\x1b-A", b"\x1b/A")
_IPTC_TITLE, _IPTC_KEYWORD, _IPTC_CREATOR, _IPTC_HEADLINE, _IPTC_CAPTION = 5, 25, 80, 105, 120
_IPTC_CITY, _IPTC_STATE, _IPTC_CODE, _IPTC_COUNTRY = 90, 95, 100, 101
# IPTC cuts a keyword after so many bytes, so that beside its whole form in XMP it is not another one.
_IPTC_KEYWORD_BYTES = 64
# Keywords that programs keep for themselves.
_PRIVATE = ("_digikam", "darktable|")
# What cameras and phones write where a caption belongs.
_NO_CAPTION = re.compile(
    r"((olympus|(konica )?minolta|samsung|kodak|maginon|casio|fujifilm|sanyo|ricoh) )?digital (still )?camera"
    r"|(sony|minolta) dsc|dsc|samsung camera pictures|dcim[\\/].*|exif_jpeg_\w+|<.* / .*>|default|untitled"
    r"|cof|edf|mde|nor|dav|r?hdr|oznor\w*|ozedf|rptnb|ascii\W*|\W*",
    re.IGNORECASE,
)
# What cameras and programs write into EXIF alone: their own names, numbers, settings.
_NO_EXIF_CAPTION = re.compile(
    r"(\w+ )?digital camera|\w+ dsc( picture)?|dcf[ \d.]*|null|none|n/a|[a-z]{0,5}[\d_-]+[a-z]?|\{.*\}"
    r"|(created|made) (with|by|using) .*|(file written by )?adobe photoshop.*|software: .*|kofax .*",
    re.IGNORECASE | re.DOTALL,
)
_PERCENT = ((1, 0), (13, 1), (38, 2), (63, 3), (88, 4))

_KEYWORD_FIELDS = {
    "dc:subject": "|",
    "lr:hierarchicalSubject": "|",
    "digiKam:TagsList": "/",
    "MicrosoftPhoto:LastKeywordXMP": "/",
    "mediapro:CatalogSets": "|",
}
_DIGIKAM_LABELS = {str(label.digikam): label.name for label in COLOUR_LABELS}
_DARKTABLE_LABELS = {str(label.darktable): label.name for label in COLOUR_LABELS if label.darktable >= 0}


def read_words(
    packets: Packets,
    sidecar: Xmp,
    exif: Mapping[int, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> FileWords:
    """Return the words of a file, from its packets, its side-car, and the main directory of its EXIF or a clip's tags.

    Of several values the first one counts, but all keywords. A side-car that has keywords has all of them: they are
    what a person sees and changes.
    """
    has_keywords = any(sidecar.texts(name) for name in _KEYWORD_FIELDS)
    inside = packets.read_xmp()
    if has_keywords:
        inside = Xmp({name: items for name, items in inside.properties.items() if name not in _KEYWORD_FIELDS})
    xmp = words_of_xmp(inside | sidecar)
    iptc = without_cut_keywords(words_of_iptc(packets.iptc), xmp.keywords)
    sources = (xmp, iptc, words_of_exif(exif or {}), words_of_clip(tags or {}))
    found: dict[str, Any] = {}
    for each in sources:
        for field in fields(FileWords):
            value = getattr(each, field.name)
            # No stars are none, whatever the next source says.
            found[field.name] = value if found.get(field.name) in (None, ()) else found[field.name]
    if not has_keywords:
        found["keywords"] = _once(word for each in sources for word in each.keywords)
    return FileWords(**(found | {"rating": found["rating"] or None}))


def words_of_xmp(xmp: Xmp) -> FileWords:
    """Return what XMP says, in the fields of Lightroom, Bridge, digiKam, darktable, Windows and others."""
    # What an analyzer saw, noted by our exports, is no word of a person.
    seen = {_one_level(text) for text in xmp.texts("vuemantics:Seen")}
    paths = _once(
        LEVEL.join(levels)
        for name, mark in _KEYWORD_FIELDS.items()
        for text in xmp.texts(name)
        if (levels := _levels(text, mark)) and not {_one_level(text), _one_level(levels[-1])} & seen
    )
    caption = xmp.text("dc:description", "tiff:ImageDescription", "exif:UserComment")
    return FileWords(
        title=one_line(xmp.text("dc:title", "photoshop:Headline")),
        caption=None if caption == xmp.text("vuemantics:Description") else caption_text(caption),
        creator=one_line("; ".join(xmp.texts("dc:creator")) or xmp.text("tiff:Artist")),
        label=_label(xmp),
        rating=_rating(xmp),
        keywords=_keywords((), paths),
        keyword_paths=tuple(path for path in paths if LEVEL in path),
    )


def words_of_iptc(records: bytes) -> FileWords:
    """Return what IPTC records say. Unless they are declared as Latin, texts are UTF-8 if they can be."""
    found: defaultdict[int, list[bytes]] = defaultdict(list)
    encodings: tuple[str, ...] = ("utf-8", "cp1252")
    for record, number, value in _datasets(records):
        if (record, number) == (1, 90) and value.startswith(_LATIN):
            encodings = ("cp1252",)
        elif record == 2:
            found[number].append(value)
    texts = {number: [_decoded(value, encodings) for value in values] for number, values in found.items()}

    def first(*numbers: int) -> str | None:
        return next((text for number in numbers for text in texts.get(number, ()) if text.strip()), None)

    return FileWords(
        title=one_line(first(_IPTC_TITLE, _IPTC_HEADLINE)),
        caption=caption_text(first(_IPTC_CAPTION)),
        creator=one_line("; ".join(text.strip() for text in texts.get(_IPTC_CREATOR, ()) if text.strip())),
        keywords=_keywords(texts.get(_IPTC_KEYWORD, ()), ()),
    )


def place_words(xmp: Iterable[Xmp], iptc: bytes) -> str:
    """Return the place that a person or a program named in a file, as "town, region, country"; empty without a town.

    Of several packets, and the records of IPTC after them, the first with a town counts.
    """
    found = [
        [
            each.text("photoshop:City"),
            each.text("photoshop:State"),
            each.text("photoshop:Country", "Iptc4xmpCore:CountryCode"),
        ]
        for each in xmp
    ]
    values: dict[int, str | None] = {}
    for record, number, value in _datasets(iptc):
        if record == 2:
            values.setdefault(number, _decoded(value, ("utf-8", "cp1252")))
    found.append([values.get(_IPTC_CITY), values.get(_IPTC_STATE), values.get(_IPTC_COUNTRY) or values.get(_IPTC_CODE)])
    # A comma would part a name.
    named = ([(one_line(name) or "").replace(",", " ") for name in names] for names in found)
    return next((", ".join(filter(None, names)) for names in named if names[0]), "")


def words_of_exif(main: Mapping[int, Any]) -> FileWords:
    """Return what the main directory of EXIF says, with the tags of Windows in it."""
    base = ExifTags.Base
    caption = caption_text(_exif_text(main.get(base.ImageDescription)))
    maker = _exif_text(main.get(base.Make)).split()[:1]
    if caption and (_NO_EXIF_CAPTION.fullmatch(caption) or _is_named_for(caption, maker)):
        caption = None
    stars = main.get(base.Rating)
    percent = main.get(base.RatingPercent)
    return FileWords(
        title=one_line(_wide_text(main.get(base.XPTitle))),
        caption=caption or caption_text(_wide_text(main.get(base.XPComment))),
        creator=one_line(_exif_text(main.get(base.Artist)) or _wide_text(main.get(base.XPAuthor))),
        rating=_stars(stars) if stars else _percent(percent),
        keywords=_keywords(_wide_text(main.get(base.XPKeywords)).split(";"), ()),
    )


def _is_named_for(caption: str, maker: list[str]) -> bool:
    """Tell whether a caption is nothing but the name of the camera: "SAMSUNG CSC"."""
    words = caption.casefold().split()
    return len(words) <= 3 and words[:1] == [word.casefold() for word in maker]


def words_of_clip(tags: Mapping[str, str]) -> FileWords:
    """Return what the tags of a clip say, by their names in FFmpeg and in QuickTime."""
    named = {name.lower().removeprefix("com.apple.quicktime."): value for name, value in tags.items()}
    rating = named.get("rating.user", "")
    return FileWords(
        title=one_line(named.get("title") or named.get("displayname")),
        caption=caption_text(named.get("description") or named.get("comment") or named.get("information")),
        creator=one_line(named.get("artist") or named.get("author")),
        rating=_stars(rating),
        keywords=_keywords(re.split("[,;]", named.get("keywords", "")), ()),
    )


def without_cut_keywords(words: FileWords, whole: Iterable[str]) -> FileWords:
    """Return IPTC's words without the keywords that its 64 bytes have cut, where XMP has them whole."""
    others = tuple(whole)
    kept = tuple(
        word
        for word in words.keywords
        if len(word.encode()) < _IPTC_KEYWORD_BYTES - 3 or not any(other.startswith(word) for other in others)
    )
    return FileWords(words.title, words.caption, words.creator, words.label, words.rating, kept, words.keyword_paths)


def _label(xmp: Xmp) -> str | None:
    text = one_line(xmp.text("xmp:Label", "photoshop:LabelColor"))
    if text and text.lower() != "none":
        return label_name(text)
    numbers = xmp.texts("darktable:colorlabels")
    darktable = next((_DARKTABLE_LABELS[number] for number in numbers if number in _DARKTABLE_LABELS), None)
    return darktable or _DIGIKAM_LABELS.get(xmp.text("digiKam:ColorLabel") or "")


def _rating(xmp: Xmp) -> int | None:
    """Return the rating: 0 where XMP says that there is none, None where it says nothing."""
    stars = _stars(xmp.text("xmp:Rating"))
    if stars is None:
        stars = _percent(xmp.text("MicrosoftPhoto:Rating")) or _stars(xmp.text("acdsee:rating"))
    # A pick label of 1 is digiKam's way to reject.
    return REJECTED if not stars and xmp.text("digiKam:PickLabel") == "1" else stars


def _stars(value: object) -> int | None:
    number = _number(value)
    return number if number is not None and REJECTED <= number <= MOST_STARS else None


def _percent(value: object) -> int | None:
    number = _number(value)
    if number is None or not 0 < number <= 100:
        return None
    return sum(number >= least for least, _ in _PERCENT)


def _number(value: Any) -> int | None:
    try:
        return round(float(value))
    except (TypeError, ValueError, OverflowError):
        return None


def _levels(text: str, mark: str) -> list[str]:
    """Return the levels of a hierarchical keyword; none of one that a program keeps for itself."""
    levels = [level for part in text.split(mark) if (level := one_line(part.replace(LEVEL, " ")))]
    return [] if LEVEL.join(levels).lower().startswith(_PRIVATE) else levels


def _one_level(text: str) -> str:
    return re.sub("[|/]", " ", text.lower())


def _keywords(single: Iterable[str], paths: Iterable[str]) -> tuple[str, ...]:
    """Return the keywords, with every level of the hierarchical ones, each once whatever its case."""
    found: dict[str, str] = {}
    for text in single:
        # Some programs write the hierarchical form among the single ones.
        for level in _levels(text, LEVEL):
            found.setdefault(level.lower(), level)
    for path in paths:
        for level in reversed(path.split(LEVEL)):
            found.setdefault(level.lower(), level)
    return tuple(found.values())[:_MOST_KEYWORDS]


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(text.lower(), text)
    return tuple(found.values())[:_MOST_KEYWORDS]


def one_line(text: str | None) -> str | None:
    """Return a text on one line without control characters; None if nothing of it is left."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text or "")
    return " ".join(clean.split())[:_MOST_LETTERS].strip() or None


def caption_text(text: str | None) -> str | None:
    """Return a text with its line breaks, but without other control characters; None if it is no person's."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    clean = ("".join(letter if letter.isprintable() else " " for letter in line).rstrip() for line in lines)
    caption = "\n".join(clean)[:_MOST_CAPTION_LETTERS].strip()
    return None if _NO_CAPTION.fullmatch(caption) else caption


def _exif_text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    # Pillow reads ASCII as Latin-1, and most programs write UTF-8 there.
    try:
        value = value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value.split("\x00", 1)[0]
    return value.split("\x00", 1)[0]


def _wide_text(value: object) -> str:
    """Return a text that Windows writes as UTF-16."""
    if isinstance(value, tuple | list) and all(isinstance(each, int) and 0 <= each < 256 for each in value):
        value = bytes(value)
    return value.decode("utf-16-le", "replace").split("\x00", 1)[0] if isinstance(value, bytes) else ""


def _datasets(records: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield record, number and value of each dataset, as far as they are whole."""
    at = 0
    while at + 5 <= len(records) and records[at] == 0x1C:
        record, number, size = struct.unpack_from(">BBH", records, at + 1)
        at += 5
        if size & 0x8000:
            # An extended dataset: the size tells how many bytes the real size takes.
            length = size & 0x7FFF
            size = int.from_bytes(records[at : at + length])
            at += length
        value = records[at : at + size]
        if len(value) < size:
            return
        yield record, number, value
        at += size


def _decoded(value: bytes, encodings: Sequence[str]) -> str:
    value = value.rstrip(b"\x00")
    for each in encodings:
        try:
            return value.decode(each)
        except UnicodeDecodeError:
            continue
    return value.decode("latin-1")
