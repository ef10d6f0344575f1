"""XMP side-cars: description and tags where digiKam, Lightroom and darktable look for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.files import write_whole

SUFFIX = ".xmp"
TOOLKIT = "vuemantics-tui"
"""The toolkit named in our side-cars: a program that changes one puts its own name there."""

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
    """Return the side-car of an upload: dc:description, dc:subject, and tags for Lightroom and digiKam.

    Our tags are not nested: characters that those two take for a level become spaces.
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
    """Return the upload ID in a side-car, or None if another program wrote or changed it. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    found = _IDENTIFIER.search(head) if _OURS.search(head) else None
    return found[1].decode() if found else None


def write_sidecar(
    folder: Path, upload: Upload, tags: Sequence[str], taken: set[str], overwrite: bool
) -> tuple[Path, str]:
    """Write one side-car into a folder; return where it is, and the reason if it was not written.

    `taken` holds the names that this export has used, in lower case, and is added to. Raises OSError.
    """
    name = upload.filename.replace("/", "_").replace("\\", "_").replace("\x00", "_") or upload.id
    stem, dot, extension = name.rpartition(".")
    count = 1
    while True:
        numbered = name if count == 1 else f"{stem} ({count}).{extension}" if stem and dot else f"{name} ({count})"
        path = folder / f"{numbered}{SUFFIX}"
        count += 1
        # Two names that differ in case alone are one on many file systems.
        if path.name.casefold() in taken:
            continue
        if path.exists():
            owner = owner_of(path)
            if owner not in (None, upload.id):
                continue  # of another upload of that name, from an earlier export
            if owner is None and not overwrite:
                taken.add(path.name.casefold())
                return path, "Another program wrote this side-car."
        break
    taken.add(path.name.casefold())
    write_whole(path, sidecar_text(upload, tags).encode("utf-8", "replace"), private=False)
    return path, ""


def _list(name: str, kind: str, values: Iterable[str]) -> str:
    items = "".join(f"<rdf:li>{_text(value)}</rdf:li>" for value in dict.fromkeys(values))
    return f"   <{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>\n"


def _text(value: str) -> str:
    return escape(_ILLEGAL.sub("", value))
