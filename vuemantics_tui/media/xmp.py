"""XMP: what a packet says. A packet is RDF in XML, within a file (see `packets`) or beside it as a side-car.

The forms of RDF that XMP allows: ISO 16684-1, chapter 7, and C.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML = "http://www.w3.org/XML/1998/namespace"
NAMESPACES: Mapping[str, str] = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpDM": "http://ns.adobe.com/xmp/1.0/DynamicMedia/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "darktable": "http://darktable.sf.net/",
    "mediapro": "http://ns.iview-multimedia.com/mediapro/1.0/",
    "acdsee": "http://ns.acdsee.com/iptc/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    # It ends in a slash, which some programs would add.
    "vuemantics": "urn:vuemantics-tui:side-car/",
    "apple-fi": "http://ns.apple.com/faceinfo/1.0/",
}
"""The namespaces that have a usual prefix, by that prefix: a property is named by it, whatever its packet calls it."""

_PREFIXES = {uri: prefix for prefix, uri in NAMESPACES.items()} | {RDF: "rdf", XML: "xml"}
# Older or misspelt forms that are in use.
_PREFIXES |= {
    "http://ns.microsoft.com/photo/1.0": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.2/": "MicrosoftPhoto",
    "http://purl.org/dc/1.1/": "dc",
    "http://www.digikam.org/ns/kipi/1.0/": "digiKam",
}

MOST_BYTES = 16 * 1024**2
"""A packet longer than this is not read: it holds pictures or depth maps, not words."""
# Photoshop keeps lists of tens of thousands of documents; what is beyond either limit is left out.
_MOST_ELEMENTS = 100_000
_MOST_DEPTH = 40

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ARRAYS = frozenset({f"{{{RDF}}}Bag", f"{{{RDF}}}Seq", f"{{{RDF}}}Alt"})
_ITEM, _DESCRIPTION, _VALUE = f"{{{RDF}}}li", f"{{{RDF}}}Description", f"{{{RDF}}}value"
_RESOURCE, _PARSE_TYPE, _LANGUAGE = f"{{{RDF}}}resource", f"{{{RDF}}}parseType", f"{{{XML}}}lang"


@dataclass(frozen=True, slots=True)
class XmpItem:
    """One value of a property: a text, with the language of it in lower case, or a structure of named fields."""

    text: str = ""
    language: str = ""
    fields: Mapping[str, tuple[XmpItem, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Xmp:
    """The properties of a packet by their names, such as `dc:title`; a list has several items, anything else one.

    The name of a property in a namespace without a usual prefix is `{namespace}name`.
    """

    properties: Mapping[str, tuple[XmpItem, ...]] = field(default_factory=dict)

    def text(self, *names: str) -> str | None:
        """Return the text of the first of these properties that has any, in the default language if it has several."""
        for name in names:
            items = [item for item in self.properties.get(name, ()) if item.text]
            default = [item for item in items if item.language == "x-default"]
            if items:
                return (default or items)[0].text
        return None

    def texts(self, *names: str) -> tuple[str, ...]:
        """Return all texts of these properties, each once."""
        return tuple(dict.fromkeys(item.text for name in names for item in self.properties.get(name, ()) if item.text))

    def __or__(self, other: Xmp) -> Xmp:
        """Return the properties of both; where both have one, that of the second."""
        return Xmp({**self.properties, **other.properties})


def parse_xmp(packet: bytes) -> Xmp:
    """Return what a packet says. Of a damaged one, what stands before the damage; of no packet at all, nothing.

    Nothing is expanded or loaded: a packet with a document type is read as far as that.
    """
    found: dict[str, tuple[XmpItem, ...]] = {}
    for about in _descriptions(packet_tree(packet).root):
        for name, items in _fields(about, _MOST_DEPTH).items():
            found[name] = found.get(name, ()) + items
    return Xmp(found)


@dataclass(frozen=True, slots=True)
class PacketTree:
    """The elements of a packet, and the prefixes of its namespaces; `whole` says that nothing of it was damaged."""

    root: Element | None
    prefixes: Mapping[str, str]
    whole: bool


def packet_tree(packet: bytes) -> PacketTree:
    """Return the elements of a packet in UTF-8, UTF-16 or UTF-32, with names as ElementTree writes them."""
    if len(packet) > MOST_BYTES:
        return PacketTree(None, {}, False)
    builder = TreeBuilder()
    prefixes: dict[str, str] = {}
    opened: list[str] = []
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        opened.append(_braced(name))
        if count > _MOST_ELEMENTS or len(opened) > _MOST_DEPTH:
            raise _TooMuchError
        builder.start(opened[-1], {_braced(key): value for key, value in attributes.items()})

    def end(_: str) -> None:
        builder.end(opened.pop())

    def refuse(*_: object) -> None:
        raise _TooMuchError

    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.StartNamespaceDeclHandler = lambda prefix, uri: prefixes.setdefault(uri or "", prefix or "")
    whole = True
    try:
        parser.Parse(_decoded(packet), True)
    except (expat.ExpatError, _TooMuchError):
        # What follows a finished packet is another one's rest.
        whole = bool(count) and not opened
        started = opened if count <= _MOST_ELEMENTS and len(opened) <= _MOST_DEPTH else opened[:-1]
        for place, name in enumerate(reversed(started)):
            element = builder.end(name)
            if place == 0:
                element.text = None  # A word may be cut.
    return PacketTree(builder.close() if count else None, prefixes, whole)


class _TooMuchError(Exception):
    """More than a packet of words has."""


def _decoded(packet: bytes) -> str:
    """Return the text of a packet from its first `<` on, without what XML does not allow."""
    # Side-cars may begin with a byte order mark; packets in files have theirs inside the first instruction.
    at = max(packet.find(b"<"), 0)
    before, after = packet[max(at - 3, 0) : at], packet[at + 1 : at + 4]
    if after == b"\x00\x00\x00":
        encoding = "utf-32-le"
    elif before == b"\x00\x00\x00":
        at, encoding = at - 3, "utf-32-be"
    elif after[:1] == b"\x00":
        encoding = "utf-16-le"
    elif before[-1:] == b"\x00" and after[1:2] == b"\x00":
        at, encoding = at - 1, "utf-16-be"
    else:
        encoding = "utf-8"
    text = _ILLEGAL.sub("", packet[at:].decode(encoding, "replace"))
    # The packet ends with its element: what follows is padding, which some programs write wrongly.
    end = text.rfind("</")
    closed = text.find(">", end) if end >= 0 else -1
    return text if closed < 0 else text[: closed + 1]


def _braced(name: str) -> str:
    """Return a name as ElementTree has it: `{namespace}name`."""
    return f"{{{name}" if "}" in name else name


def usual_name(name: str) -> str:
    """Return a name with its usual prefix, or unchanged if it has none."""
    uri, brace, local = name[1:].partition("}")
    return f"{_PREFIXES[uri]}:{local}" if brace and uri in _PREFIXES else name


def _descriptions(root: Element | None) -> Iterator[Element]:
    if root is None:
        return
    for rdf in root.iter(f"{{{RDF}}}RDF"):
        # A typed node stands for a description.
        yield from rdf


def _fields(node: Element, depth: int) -> dict[str, tuple[XmpItem, ...]]:
    """Return what a description or structure holds, whether as attributes or as elements."""
    found: dict[str, tuple[XmpItem, ...]] = {}
    for name, value in node.attrib.items():
        if _is_field(name):
            found[usual_name(name)] = (XmpItem(value.strip()),)
    for child in node:
        if not child.tag.startswith(f"{{{RDF}}}"):
            found[usual_name(child.tag)] = found.get(usual_name(child.tag), ()) + _items(child, depth - 1)
    return found


def _items(element: Element, depth: int) -> tuple[XmpItem, ...]:
    """Return the items of a list, or the one item that any other value is."""
    for child in element:
        if child.tag in _ARRAYS and depth > 0:
            return tuple(_item(each, depth - 1) for each in child if each.tag == _ITEM)
    return (_item(element, depth),)


def _item(element: Element, depth: int) -> XmpItem:
    language = element.get(_LANGUAGE, "").lower()
    node = element if element.get(_PARSE_TYPE) == "Resource" else element.find(_DESCRIPTION)
    if node is None and not len(element):
        # An empty element whose attributes are the fields.
        node = element if any(_is_field(name) for name in element.attrib) else None
    if node is None or depth <= 0:
        text = element.get(_RESOURCE) or element.get(_VALUE) or element.text or ""
        return XmpItem(text.strip(), language)
    value = node.find(_VALUE)
    text = (value.text or "") if value is not None else node.get(_VALUE, "")
    return XmpItem(text.strip(), language, _fields(node, depth))


def _is_field(name: str) -> bool:
    return name.startswith("{") and not name.startswith((f"{{{RDF}}}", f"{{{XML}}}"))
