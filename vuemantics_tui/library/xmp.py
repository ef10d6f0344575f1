"""XMP side-cars: what a library knows, where digiKam, Lightroom, darktable, Bridge and Windows look for it.

What another program wrote into a side-car stays: its lists get our words, and its other values give way only to what a
person wrote or set. The fields: ISO 16684-1, the IPTC Photo Metadata Standard, and those of each program.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement
from xml.sax.saxutils import escape, quoteattr

from vuemantics_tui.domain.media import COLOUR_LABELS, RATING_PERCENT, REJECTED
from vuemantics_tui.domain.moment import DateSource
from vuemantics_tui.domain.text import caseless
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.files import write_whole
from vuemantics_tui.media.captions import words_of_xmp
from vuemantics_tui.media.xmp import (
    MOST_BYTES,
    NAMESPACES,
    RDF,
    XML,
    PacketTree,
    Xmp,
    packet_tree,
    parse_xmp,
    usual_name,
)

TOOLKIT = "vuemantics-tui"
"""The toolkit named in our side-cars: a program that changes one puts its own name there."""
_X = "adobe:ns:meta/"
_PREFIXES = {uri: prefix for prefix, uri in NAMESPACES.items()} | {RDF: "rdf", XML: "xml", _X: "x"}
# What XML 1.0 has no way to write.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL = '\n<?xpacket end="w"?>\n'
# What we note: the upload, what an analyzer said, and for the next export the tags and the date that were ours.
_UPLOAD, _WORDS, _SEEN, _TAGS = "vuemantics:Upload", "vuemantics:Description", "vuemantics:Seen", "vuemantics:Tags"
_TAKEN = "vuemantics:Taken"
_URN = "urn:uuid:"
_ALT_TEXT = "Iptc4xmpCore:AltTextAccessibility"
_ABOUT = f"{{{RDF}}}about"
_LANGUAGE = f"{{{XML}}}lang"
_DEFAULT = "x-default"


# What the file brings, as we wrote it: what differs from it is another program's.
_NOTES = {
    "title": "vuemantics:Title",
    "caption": "vuemantics:Caption",
    "creator": "vuemantics:Creator",
    "rating": "vuemantics:Rating",
    "label": "vuemantics:Label",
}
# Every property that is written below.
_WRITTEN = frozenset(
    """dc:identifier dc:title dc:creator dc:description dc:subject lr:hierarchicalSubject digiKam:TagsList
    MicrosoftPhoto:LastKeywordXMP xmp:Rating MicrosoftPhoto:Rating digiKam:PickLabel xmp:Label digiKam:ColorLabel
    darktable:colorlabels photoshop:City photoshop:State photoshop:Country Iptc4xmpCore:CountryCode
    exif:DateTimeOriginal photoshop:DateCreated""".split()
) | {*_NOTES.values(), _UPLOAD, _TAKEN, _TAGS, _WORDS, _SEEN, _ALT_TEXT}


class SidecarStyle(StrEnum):
    """The program that side-cars are named for."""

    DIGIKAM = "digikam"
    DARKTABLE = "darktable"
    LIGHTROOM = "lightroom"

    def name_for(self, filename: str) -> str:
        """Return the name of a file's side-car: `photo.xmp` for Lightroom, `photo.jpg.xmp` for the others."""
        stem, dot, _ = filename.rpartition(".")
        return f"{stem if self is SidecarStyle.LIGHTROOM and stem and dot else filename}.xmp"


class DamagedSidecarError(Exception):
    """An existing side-car cannot be read as a whole, so that nothing can be added to it."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is written into a side-car: an upload, all its tags, and those that were taken away from it by hand."""

    upload: Upload
    tags: Sequence[str]
    removed: Sequence[str] = ()


def sidecar_text(words: Words, existing: bytes = b"") -> str:
    """Return the side-car of an upload, with what another program wrote into an existing one.

    Raises DamagedSidecarError if that is not a whole packet.
    """
    tree = _Sidecar(existing)
    upload, before = words.upload, tree.xmp
    tree.put("dc:identifier", (before.text("dc:identifier") or f"{_URN}{upload.id}",))
    if upload.title and tree.may_change("title"):
        tree.put_text("dc:title", upload.title)
    _put_description(tree, upload)
    if upload.creator and tree.may_change("creator"):
        tree.put("dc:creator", upload.creator.split("; "), "Seq")
    _put_keywords(tree, words)
    _put_rating(tree, upload)
    _put_label(tree, upload)
    _put_place(tree, upload)
    _put_date(tree, upload)
    for field, note in _NOTES.items():
        value = getattr(upload, field)
        tree.put(note, () if value is None else (str(value),))
    tree.put(_UPLOAD, (upload.id,))
    tree.put(_TAGS, words.tags, "Bag")
    persons = {caseless(tag) for tag in (*upload.own_tags, *upload.keywords)}
    tree.put(_SEEN, [tag for tag in words.tags if caseless(tag) not in persons], "Bag")
    return tree.text()


def free_place(folder: Path, upload: Upload, taken: set[str], style: SidecarStyle = SidecarStyle.DIGIKAM) -> Path:
    """Return where the side-car of an upload goes: with a number where its name belongs to another upload.

    `taken` holds the names that this export has used, in lower case, and is added to.
    """
    name = upload.filename.replace("/", "_").replace("\\", "_").replace("\x00", "_") or upload.id
    stem, dot, extension = name.rpartition(".")
    count = 1
    while True:
        numbered = name if count == 1 else f"{stem} ({count}).{extension}" if stem and dot else f"{name} ({count})"
        path = folder / style.name_for(numbered)
        count += 1
        # Two names that differ in case alone are one on many file systems.
        if caseless(path.name) in taken:
            continue
        if owner_of(path) in (None, upload.id):
            taken.add(caseless(path.name))
            return path


def owner_of(path: Path) -> str | None:
    """Return the ID of the upload that a side-car was written for, or None if no export wrote one there."""
    try:
        existing = _read(path)
    except OSError:
        return None  # Not there, or not to be read: writing it says so.
    xmp = parse_xmp(existing)
    identifier = xmp.text("dc:identifier") or ""
    return xmp.text(_UPLOAD) or (identifier.removeprefix(_URN) if _is_ours(packet_tree(existing)) else None)


def write_sidecar(path: Path, words: Words, *, overwrite: bool = False) -> str:
    """Write one side-car; returns the reason if it was not written. With `overwrite` nothing of it is kept.

    Raises OSError.
    """
    existing = b"" if overwrite or not path.exists() else _read(path)
    try:
        text = sidecar_text(words, existing)
    except DamagedSidecarError:
        return "The side-car that is there is damaged, or not an XMP file."
    write_whole(path, text.encode("utf-8", "replace"), private=False)
    return ""


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


# What goes where


def _put_description(tree: _Sidecar, upload: Upload) -> None:
    """A person's words come before those of an analyzer, which replace nothing that another program has.

    What an analyzer sees beside them is the text for those who do not see the picture.
    """
    ours_before = tree.xmp.text(_WORDS)
    person = upload.description if upload.edited else upload.caption if tree.may_change("caption") else None
    theirs, shown = tree.xmp.text("dc:description"), person
    if person:
        tree.put_text("dc:description", person)
    elif upload.description and theirs in (None, ours_before):
        tree.put_text("dc:description", upload.description)
        shown = upload.description
    alternative = upload.description if upload.description != (shown or theirs) else None
    if alternative and tree.xmp.text(_ALT_TEXT) in (None, ours_before):
        tree.put_text(_ALT_TEXT, alternative)
    tree.put(_WORDS, (upload.description,) if upload.description and not upload.edited else ())


def _put_keywords(tree: _Sidecar, words: Words) -> None:
    tags = list(dict.fromkeys(words.tags))
    known = {caseless(tag) for tag in tags}
    paths = [path for path in words.upload.keyword_paths if caseless(path.rpartition("|")[2]) in known]
    levels = {caseless(level) for path in paths for level in path.split("|")}
    single = [tag for tag in tags if caseless(tag) not in levels]
    # A tag of ours is one level: what would part it into several becomes a space.
    slashed = [path.replace("/", " ").replace("|", "/") for path in paths] + [tag.replace("/", " ") for tag in single]
    paths += [tag.replace("|", " ") for tag in single]
    # What we wrote before and what a person took away is not another program's.
    gone = {caseless(tag) for tag in (*words.removed, *tree.xmp.texts(_TAGS))} - known
    for name, kind, mark, values in (
        ("dc:subject", "Bag", "", tags),
        ("lr:hierarchicalSubject", "Bag", "|", paths),
        ("digiKam:TagsList", "Seq", "/", slashed),
        ("MicrosoftPhoto:LastKeywordXMP", "Bag", "/", slashed),
    ):
        theirs = [text for text in tree.xmp.texts(name) if _leaf(text, mark) not in gone]
        there = {caseless(text) for text in theirs}
        tree.put(name, [*theirs, *(value for value in values if caseless(value) not in there)], kind)


def _leaf(text: str, mark: str) -> str:
    return caseless(text.rpartition(mark)[2] if mark else text)


def _put_rating(tree: _Sidecar, upload: Upload) -> None:
    if not upload.rated_by_hand and (upload.rating is None or not tree.may_change("rating")):
        return
    stars = upload.rating or 0
    tree.put("xmp:Rating", (str(stars),))
    tree.put("MicrosoftPhoto:Rating", (str(RATING_PERCENT[stars]),) if stars > 0 else ())
    if stars == REJECTED:
        tree.put("digiKam:PickLabel", ("1",))
    elif tree.xmp.text("digiKam:PickLabel") == "1":
        tree.put("digiKam:PickLabel", ())


def _put_label(tree: _Sidecar, upload: Upload) -> None:
    if not upload.label or not tree.may_change("label"):
        return
    colour = next((label for label in COLOUR_LABELS if label.name == upload.label), None)
    tree.put("xmp:Label", (upload.label.capitalize() if colour else upload.label,))
    tree.put("digiKam:ColorLabel", (str(colour.digikam),) if colour else ())
    darktable = colour is not None and colour.darktable >= 0
    tree.put("darktable:colorlabels", (str(colour.darktable),) if colour and darktable else (), "Seq")


def _put_date(tree: _Sidecar, upload: Upload) -> None:
    """Put a date that a person set. Any other is in the file, or a guess; one that we wrote before goes."""
    by_hand = upload.taken_at if upload.taken_from is DateSource.HAND else None
    value = (by_hand,) if by_hand else ()
    before = tree.xmp.text(_TAKEN)
    for name in ("exif:DateTimeOriginal", "photoshop:DateCreated"):
        if by_hand or (before and tree.xmp.text(name) == before):
            tree.put(name, value)
    tree.put(_TAKEN, value)


def _put_place(tree: _Sidecar, upload: Upload) -> None:
    """Name the place. One that another program named stays, unless a person set another here."""
    fields = {
        "photoshop:City": upload.place,
        "photoshop:State": upload.region,
        "photoshop:Country": upload.country,
        "Iptc4xmpCore:CountryCode": upload.country_code,
    }
    if upload.place_edited or not any(tree.xmp.text(name) for name in fields):
        for name, value in fields.items():
            tree.put(name, (value,) if value else ())


def _is_ours(tree: PacketTree) -> bool:
    """Whether no other program has written this packet since we did."""
    return tree.root is not None and tree.root.get(f"{{{_X}}}xmptk") == TOOLKIT


class _Sidecar:
    """The elements of a side-car: a new one, or what is there. `xmp` is what it said at first."""

    def __init__(self, existing: bytes) -> None:
        tree = packet_tree(existing) if existing.strip(b"\x00 \t\r\n") else None
        self.xmp = parse_xmp(existing) if tree else Xmp()
        self._prefixes = dict(tree.prefixes) if tree else {}
        if tree is not None and _is_ours(tree):
            # Ours, unless somebody added something to it.
            tree = tree if self.xmp.properties.keys() - _WRITTEN else None
            self.xmp = self.xmp if tree else Xmp()
        self._words = words_of_xmp(self.xmp)
        if tree is None:
            self._root = Element(f"{{{_X}}}xmpmeta", {f"{{{_X}}}xmptk": TOOLKIT})
        elif tree.root is None or not tree.whole:
            raise DamagedSidecarError
        else:
            self._root = tree.root
        rdf = next(self._root.iter(f"{{{RDF}}}RDF"), None)
        if rdf is None and self._root.tag not in (f"{{{_X}}}xmpmeta", f"{{{_X}}}xapmeta"):
            raise DamagedSidecarError
        if rdf is None:
            rdf = SubElement(self._root, f"{{{RDF}}}RDF")
        self._descriptions = [each for each in rdf if each.tag == f"{{{RDF}}}Description"]
        if not self._descriptions:
            self._descriptions = [SubElement(rdf, f"{{{RDF}}}Description", {_ABOUT: ""})]

    def may_change(self, field: str) -> bool:
        """Tell whether what the file says of this field of FileWords may be written: theirs is none, or was ours."""
        theirs = getattr(self._words, field)
        return not theirs or str(theirs) == self.xmp.text(_NOTES[field])

    def put(self, name: str, values: Iterable[str], kind: str = "") -> None:
        """Make these the values of a property: a list of that kind, or else one value; without any, remove it."""
        values = tuple(_ILLEGAL.sub("", value) for value in values)
        if values == self.xmp.texts(name):
            return  # It stays as it is written.
        place = self._without(name)
        if not values:
            return
        element = SubElement(place, _braced(name))
        if kind:
            items = SubElement(element, f"{{{RDF}}}{kind}")
            for value in values:
                SubElement(items, f"{{{RDF}}}li").text = value
        else:
            element.text = values[0]

    def put_text(self, name: str, text: str) -> None:
        """Make this the text of a property in the default language; texts in other languages stay."""
        text = _ILLEGAL.sub("", text)
        if text == self.xmp.text(name):
            return
        others = [item for item in self.xmp.properties.get(name, ()) if item.language not in ("", _DEFAULT)]
        items = SubElement(SubElement(self._without(name), _braced(name)), f"{{{RDF}}}Alt")
        SubElement(items, f"{{{RDF}}}li", {_LANGUAGE: _DEFAULT}).text = text
        for item in others:
            SubElement(items, f"{{{RDF}}}li", {_LANGUAGE: item.language}).text = item.text

    def _without(self, name: str) -> Element:
        """Remove a property, whatever its form; returns the description that had it, or the first one."""
        place = self._descriptions[0]
        for description in self._descriptions:
            for attribute in [each for each in description.attrib if usual_name(each) == name]:
                del description.attrib[attribute]
                place = description
            for child in [each for each in description if usual_name(each.tag) == name]:
                description.remove(child)
                place = description
        return place

    def text(self) -> str:
        """Return the packet, with the prefixes that it came with."""
        names = {name for each in self._root.iter() for name in (each.tag, *each.attrib)}
        prefixes = self._prefixes_of({name[1:].partition("}")[0] for name in names if name.startswith("{")})
        return _HEAD + "".join(_written(self._root, prefixes, declared=prefixes)) + _TAIL

    def _prefixes_of(self, uris: set[str]) -> dict[str, str]:
        prefixes = {XML: "xml"}
        for uri in sorted(uris - {XML}):
            wanted = self._prefixes.get(uri) or _PREFIXES.get(uri) or "ns"
            prefix, count = wanted, 1
            while prefix in prefixes.values():
                prefix, count = f"{wanted}{count}", count + 1
            prefixes[uri] = prefix
        return prefixes


def _written(
    element: Element, prefixes: Mapping[str, str], depth: int = 0, declared: Mapping[str, str] | None = None
) -> Iterator[str]:
    name = _prefixed(element.tag, prefixes)
    yield f"<{name}"
    for uri, prefix in sorted((declared or {}).items(), key=lambda pair: pair[1]):
        if uri != XML:
            yield f" xmlns:{prefix}={_quoted(uri)}"
    for key, value in element.attrib.items():
        yield f" {_prefixed(key, prefixes)}={_quoted(value)}"
    inner = element.text or ""
    if not len(element) and not inner:
        yield "/>"
        return
    yield f">{_escaped(inner)}" if inner.strip() or not len(element) else ">"
    for child in element:
        yield "\n" + " " * (depth + 1)
        yield from _written(child, prefixes, depth + 1)
        if child.tail and child.tail.strip():
            yield _escaped(child.tail)
    yield ("\n" + " " * depth if len(element) else "") + f"</{name}>"


def _prefixed(name: str, prefixes: Mapping[str, str]) -> str:
    uri, brace, local = name[1:].partition("}")
    return f"{prefixes[uri]}:{local}" if brace else name


def _braced(name: str) -> str:
    """Return `dc:title` as ElementTree names it."""
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def _escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


def _quoted(text: str) -> str:
    return quoteattr(text, {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})
