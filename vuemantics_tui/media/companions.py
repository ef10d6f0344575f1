"""What ties a file to others of the same shot: Apple's identifiers, and the clip inside a motion photo.

Apple's MakerNote is a directory of EXIF that counts its offsets from its own beginning (ExifTool, Apple.pm). Motion
photos: Google, Motion Photo format 1.0 and the MicroVideo format before it; Samsung's trailer as ExifTool's Samsung.pm
reads it.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vuemantics_tui.media.exif import text_of
from vuemantics_tui.media.packets import Packets, boxes
from vuemantics_tui.media.xmp import XmpItem

Extra = dict[str, str | int | float]

_APPLE = b"Apple iOS\x00"
_BURST, _CONTENT = 0x000B, 0x0011
_ASCII = 2
_MOST_ENTRIES = 1000

_SAMSUNG_HEAD, _SAMSUNG_TAIL, _SAMSUNG_CLIP = b"SEFH", b"SEFT", b"MotionPhoto_Data"
_SAMSUNG_CLIP_TYPE = 0x0A30
# What an MP4 consists of (ISO/IEC 14496-12, table 1): anything else behind it is no part of it.
_CLIP_BOXES = frozenset(
    (
        b"ftyp",
        b"moov",
        b"mdat",
        b"free",
        b"skip",
        b"wide",
        b"uuid",
        b"moof",
        b"mfra",
        b"meta",
        b"udta",
        b"sidx",
        b"styp",
    )
)
_LONGEST_FTYP = 512
_JPEG_END = b"\xff\xd9"
_MOST_PADDING = 4096


def apple_ties(exif: object) -> Extra:
    """Return the content identifier of a Live Photo and that of a burst, as far as a block of EXIF has them."""
    start = exif.find(_APPLE) if isinstance(exif, bytes) else -1
    if not isinstance(exif, bytes) or start < 0:
        return {}
    # The note has no length of its own here, and needs none.
    found = {name: text_of(value) for name, value in _apple_entries(exif[start:])}
    return {name: value for name, value in found.items() if value is not None}


def _apple_entries(note: bytes) -> Iterator[tuple[str, bytes]]:
    names = {_CONTENT: "content_identifier", _BURST: "burst_id"}
    with suppress(struct.error):
        order = "<" if note[12:14] == b"II" else ">"
        (count,) = struct.unpack_from(f"{order}H", note, 14)
        for place in range(min(count, _MOST_ENTRIES)):
            tag, kind, length, offset = struct.unpack_from(f"{order}HHII", note, 16 + 12 * place)
            if tag in names and kind == _ASCII:
                start = offset if length > 4 else 16 + 12 * place + 8
                yield names[tag], note[start : start + length]


def clip_ties(tags: Mapping[str, str]) -> Extra:
    """Return the content identifier that ties the clip of a Live Photo to its still."""
    identifier = text_of(tags.get("com.apple.quicktime.content.identifier"))
    return {"content_identifier": identifier} if identifier else {}


# Motion photos


@dataclass(frozen=True, slots=True)
class InnerClip:
    """Where in a picture's file its clip stands, in bytes, and how long that runs; None if it does not say."""

    start: int
    size: int
    seconds: float | None


def motion_ties(path: Path, packets: Packets) -> Extra:
    """Return where the clip inside a motion photo is: motion_photo_offset, motion_photo_bytes, motion_photo_seconds.

    Empty where there is none. Raises OSError if the file cannot be read.
    """
    clip = find_clip(path, packets)
    if clip is None:
        return {}
    found: Extra = {"motion_photo_offset": clip.start, "motion_photo_bytes": clip.size}
    return found if clip.seconds is None else {**found, "motion_photo_seconds": clip.seconds}


def find_clip(path: Path, packets: Packets) -> InnerClip | None:
    """Return the MP4 inside a JPEG, HEIC or AVIF: where its XMP, Samsung's trailer or a box says, or else behind it."""
    with path.open("rb") as file:
        whole = file.seek(0, 2)
        for start in _places(file, whole, packets):
            if clip := _clip_at(file, start, whole):
                return clip
    return None


def _places(file: BinaryIO, whole: int, packets: Packets) -> Iterator[int]:
    """Yield where a clip may begin, the most trusted place first."""
    yield from (whole - behind for behind in _told_by_xmp(packets))
    file.seek(0)
    head = file.read(12)
    if head[4:8] == b"ftyp":
        with suppress(struct.error, ValueError):
            for kind, start, _ in boxes(file, 0, whole):
                if kind == b"mpvd":
                    yield start
    yield from _told_by_samsung(file, whole)
    if head.startswith(b"\xff\xd8"):
        yield from _behind_jpeg(file, whole)


def _told_by_xmp(packets: Packets) -> list[int]:
    """Return how many bytes before the end of the file XMP says that the clip begins."""
    if not any(mark in packets.xmp or mark in packets.extension for mark in (b"MotionPhoto", b"MicroVideo")):
        return []
    xmp = packets.read_xmp()
    found = []
    parts = [part for item in xmp.properties.get("Container:Directory", ()) for part in _parts(item)]
    behind = 0
    # They follow each other up to the end of the file, the picture itself first.
    for semantic, length, padding in reversed(parts):
        if semantic == "Primary":
            break
        behind += length + padding
        if semantic == "MotionPhoto":
            found.append(behind)
            # Some writers count the padding to the length.
            found.append(behind - padding)
    offset = _number(xmp.text("GCamera:MicroVideoOffset"))
    return [each for each in (*found, offset) if each > 0]


def _parts(item: XmpItem) -> Iterator[tuple[str, int, int]]:
    """Yield what each file of a Container:Directory is, its length and the padding before it, in bytes."""
    fields = {name: values[0].text for name, values in item.fields.items() if values}
    if "Item:Semantic" in fields:
        yield fields["Item:Semantic"], _number(fields.get("Item:Length")), _number(fields.get("Item:Padding"))
    for values in item.fields.values():
        for value in values:
            yield from _parts(value)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 16 else 0


def _told_by_samsung(file: BinaryIO, whole: int) -> Iterator[int]:
    """Yield where the trailer's directory says that the clip begins: its entries count back from their own head."""
    if whole < 20:
        return
    file.seek(whole - 8)
    size, tail = struct.unpack("<I4s", file.read(8))
    start = whole - 8 - size
    if tail != _SAMSUNG_TAIL or not 12 <= size <= 65_536 or start < 0:
        return
    file.seek(start)
    directory = file.read(size)
    if not directory.startswith(_SAMSUNG_HEAD):
        return
    with suppress(struct.error):
        (count,) = struct.unpack_from("<I", directory, 8)
        for place in range(min(count, _MOST_ENTRIES)):
            kind, back, _ = struct.unpack_from("<2xHII", directory, 12 + 12 * place)
            if kind == _SAMSUNG_CLIP_TYPE and back <= start:
                file.seek(start - back)
                (name,) = struct.unpack("<4xI", file.read(8))
                yield start - back + 8 + name


def _behind_jpeg(file: BinaryIO, whole: int) -> Iterator[int]:
    """Yield where an MP4 may begin behind a JPEG. One that ends with its picture, as nearly all do, is not searched."""
    file.seek(max(0, whole - _MOST_PADDING))
    if file.read().rstrip(b"\x00").endswith(_JPEG_END):
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if (marker := data.find(_SAMSUNG_CLIP)) >= 0:
            yield marker + len(_SAMSUNG_CLIP)
        place = data.find(b"ftyp")
        while place >= 4:
            (size,) = struct.unpack_from(">I", data, place - 4)
            # The picture ends before it; some writers pad it with zeros.
            before = data[max(0, place - 4 - _MOST_PADDING) : place - 4].rstrip(b"\x00")
            if 16 <= size <= _LONGEST_FTYP and before.endswith(_JPEG_END):
                yield place - 4
            place = data.find(b"ftyp", place + 4)


def _clip_at(file: BinaryIO, start: int, whole: int) -> InnerClip | None:
    """Return the clip that begins here, if one does: a file type, then what it consists of, a movie header among it."""
    if not 0 < start < whole - 16:
        return None
    file.seek(start)
    size, kind = struct.unpack(">I4s", file.read(8))
    if kind != b"ftyp" or not 16 <= size <= _LONGEST_FTYP:
        return None
    end, seconds, has_movie = start, None, False
    # Cut or damaged behind its header: what was found until there counts.
    with suppress(struct.error, ValueError):
        for kind, content, stop in boxes(file, start, whole):
            if kind not in _CLIP_BOXES:
                break
            end = stop
            if kind == b"moov":
                has_movie = True
                seconds = _movie_seconds(file, content, stop)
    return InnerClip(start, end - start, seconds) if has_movie else None


def _movie_seconds(file: BinaryIO, start: int, end: int) -> float | None:
    for kind, content, _ in boxes(file, start, end):
        if kind == b"mvhd":
            file.seek(content)
            header = file.read(32)
            scale, duration = struct.unpack_from(
                ">IQ" if header[0] == 1 else ">II", header, 20 if header[0] == 1 else 12
            )
            return round(duration / scale, 3) if scale and duration else None
    return None
