"""Finding the small picture that a camera stored inside a HEIC file, to spare decoding the large one.

pi-heif names the sizes of embedded thumbnails but cannot decode them. It decodes whatever item the file calls
its primary one, so a copy of the file in memory is edited to call the thumbnail that. Box layouts: ISO/IEC
14496-12 (boxes, `iloc`, `iref`, `pitm`) and 23008-12 (`ispe`, `irot`, `imir`, `ipma`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

# A thumbnail in the wild may be cropped or letter-boxed: then it does not show the same picture.
_ASPECT_TOLERANCE = 0.02


class Box(NamedTuple):
    kind: bytes
    start: int  # of the payload
    end: int


@dataclass(slots=True)
class _Item:
    width: int = 0
    height: int = 0
    quarter_turns: int = 0
    mirror: int | None = None


def promote_thumbnail(data: bytes, at_least: int) -> bytes | None:
    """The same HEIC file with its embedded thumbnail as the primary picture, or None if none will do.

    One will do if its long side has `at_least` pixels and it has the primary picture's aspect, rotation and
    mirroring. Raises struct.error, IndexError or ValueError for boxes that make no sense.
    """
    meta = next((box for box in boxes(data, 0, len(data)) if box.kind == b"meta"), None)
    if meta is None:
        return None
    inside = {box.kind: box for box in boxes(data, meta.start + 4, meta.end)}
    if not {b"pitm", b"iref", b"iprp"} <= inside.keys():
        return None
    pitm = inside[b"pitm"]
    wide = data[pitm.start] > 0
    primary = int.from_bytes(data[pitm.start + 4 : pitm.start + (8 if wide else 6)])
    items = _items(data, inside[b"iprp"])
    for reference, thumbnail, target in _thumbnail_references(data, inside[b"iref"]):
        if target != primary or not _will_do(items.get(thumbnail), items.get(primary), at_least):
            continue
        edited = bytearray(data)
        struct.pack_into(">I" if wide else ">H", edited, pitm.start + 4, thumbnail)
        # libheif lets no item be primary that is known as the thumbnail of another.
        edited[reference - 4 : reference] = b"cdsc"
        return bytes(edited)
    return None


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


def _thumbnail_references(data: bytes, iref: Box) -> Iterator[tuple[int, int, int]]:
    """Where each `thmb` reference's payload starts, the thumbnail's item and the picture's item."""
    wide = data[iref.start] > 0
    number, length = (">I", 4) if wide else (">H", 2)
    for box in boxes(data, iref.start + 4, iref.end):
        if box.kind == b"thmb":
            thumbnail = struct.unpack_from(number, data, box.start)[0]
            target = struct.unpack_from(number, data, box.start + length + 2)[0]
            yield box.start, thumbnail, target


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
        associations = data[at + length]
        at += length + 1
        for _ in range(associations):
            # One bit says whether the property is essential; the rest is its place, counted from 1.
            if flags & 1:
                index = struct.unpack_from(">H", data, at)[0] & 0x7FFF
                at += 2
            else:
                index = data[at] & 0x7F
                at += 1
            if index:
                _apply(data, properties[index - 1], item)
    return items


def _apply(data: bytes, box: Box, item: _Item) -> None:
    if box.kind == b"ispe":
        item.width, item.height = struct.unpack_from(">II", data, box.start + 4)
    elif box.kind == b"irot":
        item.quarter_turns = data[box.start] & 3
    elif box.kind == b"imir":
        item.mirror = data[box.start] & 1


def _will_do(small: _Item | None, large: _Item | None, at_least: int) -> bool:
    if small is None or large is None or not (small.height and large.height and large.width):
        return False
    if (small.quarter_turns, small.mirror) != (large.quarter_turns, large.mirror):
        return False
    ratio = (small.width / small.height) / (large.width / large.height)
    return max(small.width, small.height) >= at_least and abs(ratio - 1) <= _ASPECT_TOLERANCE
