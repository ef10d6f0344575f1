"""XMP side-cars: description and tags where digiKam, Lightroom and darktable look for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from vuemantics_tui.domain.upload import Upload

SUFFIX = ".xmp"
TOOLKIT = "vuemantics-tui"
"""The toolkit that our side-cars name: another program that changes one puts its own name there."""

# What XML 1.0 has no way to write.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD_BYTES = 4096
_OURS = re.compile(rb"<x:xmpmeta[^>]*\bx:xmptk=\"" + TOOLKIT.encode() + rb"\"")
_IDENTIFIER = re.compile(rb"<dc:identifier>urn:uuid:([0-9A-Za-z-]+)</dc:identifier>")

_SIDECAR = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk={toolkit}>
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:digiKam="http://www.digikam.org/ns/1.0/">
   <dc:identifier>urn:uuid:{identifier}</dc:identifier>
{properties}  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def sidecar_text(upload: Upload, tags: Sequence[str]) -> str:
    """The side-car of an upload: dc:description, dc:subject, and the tags as Lightroom and digiKam nest them.

    Tags are not nested here: what those two would take for a level of a tag becomes a blank.
    """
    properties = ""
    if upload.description:
        item = f'<rdf:li xml:lang="x-default">{_text(upload.description)}</rdf:li>'
        properties += f"   <dc:description><rdf:Alt>{item}</rdf:Alt></dc:description>\n"
    if tags:
        properties += _list("dc:subject", "Bag", tags)
        properties += _list("lr:hierarchicalSubject", "Bag", (tag.replace("|", " ") for tag in tags))
        properties += _list("digiKam:TagsList", "Seq", (tag.replace("/", " ") for tag in tags))
    return _SIDECAR.format(toolkit=quoteattr(TOOLKIT), identifier=_text(upload.id), properties=properties)


def owner_of(path: Path) -> str | None:
    """The ID of the upload that a side-car is of; None where another program wrote or changed it. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    found = _IDENTIFIER.search(head) if _OURS.search(head) else None
    return found[1].decode() if found else None


def _list(name: str, kind: str, values: Iterable[str]) -> str:
    items = "".join(f"<rdf:li>{_text(value)}</rdf:li>" for value in dict.fromkeys(values))
    return f"   <{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>\n"


def _text(value: str) -> str:
    return escape(_ILLEGAL.sub("", value))
