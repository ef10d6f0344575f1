"""What Pillow and pi-heif leave out of HEIC and AVIF files: their colour space, and how to get the embedded thumbnail.

pi-heif names the sizes of embedded thumbnails but cannot decode them. It decodes whatever item the file calls
its primary one, so a copy of the file in memory is edited to call the thumbnail that. Box layouts: ISO/IEC
14496-12 (boxes, `iloc`, `iref`, `pitm`, `colr`) and 23008-12 (`ispe`, `irot`, `imir`, `ipma`).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

# The description of the items of a file takes some kilobytes.
_MOST_META_BYTES = 16 * 1024**2
_MOST_BOXES = 10_000
# A thumbnail in the wild may be cropped or letter-boxed: then it does not show the same picture.
_ASPECT_TOLERANCE = 0.02


class Box(NamedTuple):
    kind: bytes
    start: int  # of the payload
    end: int


class Nclx(NamedTuple):
    """The H.273 codes of a picture's primaries, transfer curve and matrix, and whether levels have the full range."""

    primaries: int
    transfer: int
    matrix: int
    full: bool


@dataclass(slots=True)
class _Item:
    width: int = 0
    height: int = 0
    quarter_turns: int = 0
    mirror: int | None = None
    icc_profile: bytes | None = None
    nclx: Nclx | None = None
    # Where the number of its properties stands and where their list ends, and those of them that are colours.
    count_at: int = 0
    end: int = 0
    colours: list[bytes] = field(default_factory=list)


class DeclaredColours(NamedTuple):
    """What a file says of its picture's colours."""

    icc_profile: bytes | None
    nclx: Nclx | None


def declared_colours(picture: Path | bytes) -> DeclaredColours:
    """The colours of the primary picture of a HEIC or AVIF file, or of the bytes of one; None for what it lacks.

    Raises struct.error, IndexError or ValueError for boxes that make no sense, OSError if the file cannot be read.
    """
    with io.BytesIO(picture) if isinstance(picture, bytes) else picture.open("rb") as file:
        data = _meta(file)
    inside = {box.kind: box for box in boxes(data, 4, len(data))}
    if not {b"pitm", b"iprp"} <= inside.keys():
        return DeclaredColours(None, None)
    items, number = _items(data, inside[b"iprp"]), _primary(data, inside[b"pitm"])
    # A picture made of tiles may leave its colours to them.
    tiles = (
        []
        if b"iref" not in inside
        else [to for _, at, to in _references(data, inside[b"iref"], b"dimg") if at == number]
    )
    found = [items[each] for each in (number, *tiles[:1]) if each in items]
    return DeclaredColours(
        next((item.icc_profile for item in found if item.icc_profile), None),
        next((item.nclx for item in found if item.nclx), None),
    )


def _meta(file: BinaryIO) -> bytes:
    """The content of the box that describes the items, or nothing."""
    for _ in range(_MOST_BOXES):
        header = file.read(8)
        if len(header) < 8:
            break
        size, kind = struct.unpack(">I4s", header)
        rest = size - 8
        if size == 1:
            rest = struct.unpack(">Q", file.read(8))[0] - 16
        if kind == b"meta":
            return file.read(min(rest, _MOST_META_BYTES) if size else _MOST_META_BYTES)
        if size == 0 or rest < 0:
            break
        file.seek(rest, 1)
    return b""


def promote_thumbnail(data: bytes, at_least: int) -> bytes | None:
    """The same HEIC file with its embedded thumbnail as the primary picture, or None if none will do.

    One will do if its long side has `at_least` pixels and it has the primary picture's aspect, rotation and
    mirroring. If it declares no colours it gets those of the primary picture. Raises struct.error, IndexError or
    ValueError for boxes that make no sense.
    """
    meta = next((box for box in boxes(data, 0, len(data)) if box.kind == b"meta"), None)
    if meta is None:
        return None
    inside = {box.kind: box for box in boxes(data, meta.start + 4, meta.end)}
    if not {b"pitm", b"iref", b"iprp"} <= inside.keys():
        return None
    pitm = inside[b"pitm"]
    wide = data[pitm.start] > 0
    primary = _primary(data, pitm)
    items = _items(data, inside[b"iprp"])
    for reference, thumbnail, target in _references(data, inside[b"iref"], b"thmb"):
        if target != primary or not _will_do(items.get(thumbnail), items.get(primary), at_least):
            continue
        edited = bytearray(data)
        struct.pack_into(">I" if wide else ">H", edited, pitm.start + 4, thumbnail)
        # libheif lets no item be primary that is known as the thumbnail of another.
        edited[reference - 4 : reference] = b"cdsc"
        small, large = items[thumbnail], items[primary]
        if small.colours or not large.colours:
            return bytes(edited)
        iprp = inside[b"iprp"]
        ipma = next(box for box in boxes(data, iprp.start, iprp.end) if box.kind == b"ipma")
        return _with_properties(edited, small, large.colours, [meta, iprp, ipma])
    return None


def _with_properties(data: bytearray, item: _Item, more: list[bytes], around: list[Box]) -> bytes | None:
    """A file with more properties of an item; `around` are the boxes around their list, the outermost first.

    The outermost is repeated, longer, at the end of the file, for what it describes must stay where it is. None for
    boxes whose size has another form than four bytes.
    """
    first = around[0].start - 8
    longer = bytearray(data[first : around[0].end])
    added = b"".join(more)
    for box in around:
        at = box.start - 8 - first
        if struct.unpack_from(">I", longer, at)[0] != box.end - box.start + 8:
            return None
        struct.pack_into(">I", longer, at, box.end - box.start + 8 + len(added))
    longer[item.count_at - first] += len(more)
    longer[item.end - first : item.end - first] = added
    data[first + 4 : first + 8] = b"free"
    return bytes(data + longer)


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        payload = start + 8
        if size == 1:
            size = struct.unpack_from(">Q", data, payload)[0]
            payload += 8
        stop = end if size == 0 else start + size
        if stop < payload or stop > end:
            return
        yield Box(kind, payload, stop)
        start = stop


def _primary(data: bytes, pitm: Box) -> int:
    return int.from_bytes(data[pitm.start + 4 : pitm.start + (8 if data[pitm.start] > 0 else 6)])


def _references(data: bytes, iref: Box, kind: bytes) -> Iterator[tuple[int, int, int]]:
    """Where the payload of each reference of a kind starts, the item that refers, and the first it refers to."""
    wide = data[iref.start] > 0
    number, length = (">I", 4) if wide else (">H", 2)
    for box in boxes(data, iref.start + 4, iref.end):
        if box.kind == kind:
            source = struct.unpack_from(number, data, box.start)[0]
            target = struct.unpack_from(number, data, box.start + length + 2)[0]
            yield box.start, source, target


def _items(data: bytes, iprp: Box) -> dict[int, _Item]:
    parts = {box.kind: box for box in boxes(data, iprp.start, iprp.end)}
    if not {b"ipco", b"ipma"} <= parts.keys():
        return {}
    properties = list(boxes(data, parts[b"ipco"].start, parts[b"ipco"].end))
    version, flags = data[parts[b"ipma"].start], data[parts[b"ipma"].start + 3]
    at = parts[b"ipma"].start + 4
    count = struct.unpack_from(">I", data, at)[0]
    at += 4
    items: dict[int, _Item] = {}
    for _ in range(count):
        number, length = (">I", 4) if version else (">H", 2)
        item = items.setdefault(struct.unpack_from(number, data, at)[0], _Item())
        item.count_at = at + length
        at += length + 1
        for _ in range(data[item.count_at]):
            start = at
            # One bit says whether the property is essential; the rest is its place, counted from 1.
            if flags & 1:
                index = struct.unpack_from(">H", data, at)[0] & 0x7FFF
                at += 2
            else:
                index = data[at] & 0x7F
                at += 1
            if index:
                _apply(data, properties[index - 1], item)
                if properties[index - 1].kind == b"colr":
                    item.colours.append(data[start:at])
        item.end = at
    return items


def _apply(data: bytes, box: Box, item: _Item) -> None:
    if box.kind == b"ispe":
        item.width, item.height = struct.unpack_from(">II", data, box.start + 4)
    elif box.kind == b"irot":
        item.quarter_turns = data[box.start] & 3
    elif box.kind == b"imir":
        item.mirror = data[box.start] & 1
    elif box.kind == b"colr" and data[box.start : box.start + 4] == b"nclx":
        primaries, transfer, matrix, flags = struct.unpack_from(">HHHB", data, box.start + 4)
        item.nclx = Nclx(primaries, transfer, matrix, bool(flags & 0x80))
    elif box.kind == b"colr" and data[box.start : box.start + 4] in (b"prof", b"rICC"):
        item.icc_profile = data[box.start + 4 : box.end]


def _will_do(small: _Item | None, large: _Item | None, at_least: int) -> bool:
    if small is None or large is None or not (small.height and large.height and large.width):
        return False
    if (small.quarter_turns, small.mirror) != (large.quarter_turns, large.mirror):
        return False
    ratio = (small.width / small.height) / (large.width / large.height)
    return max(small.width, small.height) >= at_least and abs(ratio - 1) <= _ASPECT_TOLERANCE
