"""Where a file keeps its XMP packet and its IPTC records, whatever its container, and the side-cars beside it.

Reads headers, decodes nothing.

Containers: JPEG, PNG, WebP and AVI (RIFF), TIFF with the RAW formats that are built like it, Fujifilm RAF, Photoshop,
GIF, and the boxes of MP4, QuickTime, JPEG 2000, JPEG XL and Canon CR3. The decoder of HEIC and AVIF finds theirs.
Places: XMP Specification part 3.
"""

from __future__ import annotations

import re
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from vuemantics_tui.media.xmp import MOST_BYTES, Xmp, parse_xmp

SIDECAR_SUFFIX = ".xmp"

_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_JPEG_EXTENSION = b"http://ns.adobe.com/xmp/extension/\x00"
_PHOTOSHOP = b"Photoshop 3.0\x00"
# Tags of TIFF.
_TIFF_XMP, _TIFF_IPTC, _TIFF_PHOTOSHOP, _TIFF_SUB_IFDS = 700, 33723, 34377, 330
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
# Resources of Photoshop.
_RESOURCE_IPTC, _RESOURCE_XMP = 0x0404, 0x0424
# No file that was written by a camera or a program has more parts than these before its words.
_MOST_PARTS = 10_000
_MOST_DIRECTORIES = 32
_MOST_ENTRIES = 65_535
_MOST_PROFILES = 8
_GIF_HEAD = 4 * 1024**2


@dataclass(slots=True)
class Packets:
    """The bytes of the XMP packet, of the XMP that did not fit into it, and of the IPTC records; empty if absent."""

    xmp: bytes = b""
    extension: bytes = b""
    iptc: bytes = b""
    _read: Xmp | None = None

    def read_xmp(self) -> Xmp:
        """Return what the packet and its extension say."""
        if self._read is None:
            packet = parse_xmp(self.xmp) if self.xmp else Xmp()
            self._read = parse_xmp(self.extension) | packet if self.extension else packet
        return self._read


def find_packets(path: Path, xmp: object = None) -> Packets:
    """Return the packets of a file. `xmp` is what its decoder has found already, as that of HEIC does.

    Damage ends the reading, and what was found before it is returned. Raises OSError if the file cannot be read.
    """
    with path.open("rb") as file:
        found = Packets()
        # Cut or damaged: the packets before the damage are good.
        with suppress(struct.error, zlib.error, ValueError, IndexError):
            _read(file, found)
    if not found.xmp and isinstance(xmp, bytes):
        found.xmp = xmp
    return found


def sidecars_of(path: Path) -> list[Path]:
    """Return the XMP side-cars of a file that are there: `photo.jpg.xmp` before `photo.xmp`. Links are left out."""
    found = []
    for name in dict.fromkeys((path.name, path.stem)):
        for ending in (SIDECAR_SUFFIX, SIDECAR_SUFFIX.upper()):
            sidecar = path.with_name(name + ending)
            try:
                status = sidecar.lstat()
            except OSError:
                continue  # Not there, or its name is longer than the disk allows.
            if stat.S_ISREG(status.st_mode) and status.st_size <= MOST_BYTES:
                found.append(sidecar)
                break
    return [each for each in found if each != path]


def read_sidecars(path: Path) -> Xmp:
    """Return what the side-cars of a file say, the first of them first. Raises OSError if one cannot be read."""
    found = Xmp()
    for sidecar in sidecars_of(path):
        found = parse_xmp(sidecar.read_bytes()) | found
    return found


def _read(file: BinaryIO, found: Packets) -> None:
    head = file.read(16)
    if head.startswith(b"\xff\xd8"):
        _read_jpeg(file, 0, found)
    elif head.startswith(b"\x89PNG\r\n\x1a\n"):
        _read_png(file, found)
    elif head.startswith((b"RIFF", b"RF64")):
        _read_riff(file, found)
    elif head.startswith(b"GIF8"):
        _read_gif(file, found)
    elif head.startswith(b"8BPS"):
        _read_photoshop(file, found)
    elif head.startswith(b"FUJIFILMCCD-RAW"):
        # The offset of the JPEG with all the metadata.
        _read_jpeg(file, struct.unpack(">I", _part(file, 84, 4))[0], found)
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"jP  ", b"JXL "):
        _read_boxes(file, found)
    elif head.startswith((b"II", b"MM")):
        _read_tiff(file, found)


def _part(file: BinaryIO, at: int, size: int) -> bytes:
    """Return a part of the file. Raises ValueError if it is too long, or the file too short."""
    if size > MOST_BYTES or at < 0 or size < 0:
        raise ValueError("this part is too long")
    try:
        file.seek(at)
    except (OSError, OverflowError) as error:
        raise ValueError("no file is that long") from error
    data = file.read(size)
    if len(data) < size:
        raise ValueError("the file ends before this part does")
    return data


# JPEG


@dataclass(slots=True)
class _Extension:
    """Extended XMP: pieces of one long packet, each with its offset, by the digest of the whole."""

    pieces: dict[bytes, dict[int, bytes]] = field(default_factory=dict)
    size: int = 0

    def add(self, data: bytes) -> None:
        digest, offset = data[:32], struct.unpack_from(">I", data, 36)[0]
        self.size += len(data)
        if self.size <= MOST_BYTES:
            self.pieces.setdefault(digest, {})[offset] = data[40:]

    def of(self, packet: bytes) -> bytes:
        """Return the extension that a packet names, as far as it is there without a gap."""
        match = re.search(rb"HasExtendedXMP\s*(?:=\s*[\"']|>)\s*([0-9A-Fa-f]{32})", packet)
        whole = bytearray()
        for offset, piece in sorted(self.pieces.get(match[1] if match else b"", {}).items()):
            if offset != len(whole):
                break
            whole += piece
        return bytes(whole)


def _read_jpeg(file: BinaryIO, at: int, found: Packets) -> None:
    extension, resources = _Extension(), bytearray()
    try:
        for kind, data in _jpeg_segments(file, at):
            if kind == 0xE1 and data.startswith(_JPEG_XMP) and not found.xmp:
                found.xmp = data[len(_JPEG_XMP) :]
            elif kind == 0xE1 and data.startswith(_JPEG_EXTENSION):
                extension.add(data[len(_JPEG_EXTENSION) :])
            elif kind == 0xED and data.startswith(_PHOTOSHOP) and len(resources) < MOST_BYTES:
                resources += data[len(_PHOTOSHOP) :]
    finally:
        found.extension = extension.of(found.xmp)
        _read_resources(bytes(resources), found)


def _jpeg_segments(file: BinaryIO, at: int) -> Iterator[tuple[int, bytes]]:
    """Yield the application segments (ISO 10918-1, B.1) that come before the picture's data."""
    at += 2
    for _ in range(_MOST_PARTS):
        marker, kind = _part(file, at, 2)
        if marker != 0xFF or kind in (0xD9, 0xDA):
            return
        if kind == 0xFF:  # a fill byte
            at += 1
            continue
        if kind == 0x01 or 0xD0 <= kind <= 0xD7:  # no length
            at += 2
            continue
        size = struct.unpack(">H", _part(file, at + 2, 2))[0]
        if size < 2:
            return
        if kind in (0xE1, 0xED):
            yield kind, _part(file, at + 4, size - 2)
        at += 2 + size


# Photoshop


def _read_resources(data: bytes, found: Packets) -> None:
    """Read the image resources: a signature, a number, a padded name, a length, and padded data."""
    at = 0
    while at + 12 <= len(data) and data[at : at + 4] in (b"8BIM", b"PHUT", b"MeSa", b"AgHg", b"DCSR"):
        number = struct.unpack_from(">H", data, at + 4)[0]
        name = data[at + 6] + 1
        at += 6 + name + (name & 1)
        size = struct.unpack_from(">I", data, at)[0]
        content = data[at + 4 : at + 4 + size]
        at += 4 + size + (size & 1)
        if number == _RESOURCE_IPTC and not found.iptc:
            found.iptc = content
        elif number == _RESOURCE_XMP and not found.xmp:
            found.xmp = content


def _read_photoshop(file: BinaryIO, found: Packets) -> None:
    colours = struct.unpack(">I", _part(file, 26, 4))[0]
    size = struct.unpack(">I", _part(file, 30 + colours, 4))[0]
    _read_resources(_part(file, 34 + colours, size), found)


# PNG


def _read_png(file: BinaryIO, found: Packets) -> None:
    at, profiles = 8, 0
    for _ in range(_MOST_PARTS):
        size, kind = struct.unpack(">I4s", _part(file, at, 8))
        if kind == b"IEND":
            return
        if kind == b"iTXt" and not found.xmp:
            keyword, _, rest = _part(file, at + 8, size).partition(b"\x00")
            if keyword == b"XML:com.adobe.xmp":
                packed = rest[:1] == b"\x01"
                text = rest[2:].split(b"\x00", 2)[2]  # after the language and the translated keyword
                found.xmp = _inflated(text) if packed else text
        elif kind in (b"zTXt", b"tEXt") and profiles < _MOST_PROFILES:
            keyword, _, rest = _part(file, at + 8, size).partition(b"\x00")
            profiles += keyword.startswith(b"Raw profile")
            if keyword in (b"Raw profile type iptc", b"Raw profile type xmp", b"Raw profile type APP1"):
                _read_raw_profile(_inflated(rest[1:]) if kind == b"zTXt" else rest, found)
        at += 12 + size


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, MOST_BYTES)


def _read_raw_profile(text: bytes, found: Packets) -> None:
    """Read a profile as ImageMagick writes it: a name, a length, and hexadecimal digits, on lines."""
    parts = text.split()
    if len(parts) < 3:
        return
    data = bytes.fromhex(b"".join(parts[2:]).decode("ascii"))
    if data.startswith(b"8BIM"):
        _read_resources(data, found)
    elif data.startswith(_JPEG_XMP):
        found.xmp = found.xmp or data[len(_JPEG_XMP) :]
    elif parts[0] == b"iptc":
        found.iptc = found.iptc or data
    elif parts[0] == b"xmp":
        found.xmp = found.xmp or data


# RIFF, GIF


def _read_riff(file: BinaryIO, found: Packets) -> None:
    at = 12
    for _ in range(_MOST_PARTS):
        kind, size = struct.unpack("<4sI", _part(file, at, 8))
        if kind in (b"XMP ", b"XMP\x00", b"_PMX"):
            found.xmp = _part(file, at + 8, size)
            return
        at += 8 + size + (size & 1)


def _read_gif(file: BinaryIO, found: Packets) -> None:
    """Read the application extension, whose text stands there without the lengths that other blocks have."""
    file.seek(0)
    data = file.read(_GIF_HEAD)
    start = data.find(b"\x21\xff\x0bXMP DataXMP")
    if start >= 0:
        # A trailer of 258 bytes follows, each a length that leads to its end: 01 FF FE ... 00 00.
        end = data.find(b"\x01\xff\xfe\xfd", start)
        found.xmp = data[start + 14 : end if end >= 0 else len(data)]
        if found.xmp[:1] not in (b"<", b"\xef", b"\xff", b"\xfe"):
            # Written in blocks all the same, each with its length before it.
            found.xmp = b"".join(_gif_blocks(data, start + 14))


def _gif_blocks(data: bytes, at: int) -> Iterator[bytes]:
    while at < len(data) and data[at]:
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]


# TIFF and what is built like it


def _read_tiff(file: BinaryIO, found: Packets) -> None:
    head = _part(file, 0, 16)
    order = "<" if head.startswith(b"II") else ">"
    # 42 marks TIFF and 43 BigTIFF; RAW formats have marks of their own instead of 42.
    big = struct.unpack_from(f"{order}H", head, 2)[0] == 43
    first = struct.unpack_from(f"{order}Q", head, 8) if big else struct.unpack_from(f"{order}I", head, 4)
    waiting, seen = [first[0]], set[int]()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        at = waiting.pop(0)
        if at == 0 or at in seen:
            continue
        seen.add(at)
        waiting += _read_directory(file, at, order, big, found)


def _read_directory(file: BinaryIO, at: int, order: str, big: bool, found: Packets) -> list[int]:
    """Read the words of one directory; returns where its sub-directories and the next one are."""
    count_size, entry_size, inline, number = (8, 20, 8, "Q") if big else (2, 12, 4, "I")
    count = struct.unpack(f"{order}{'Q' if big else 'H'}", _part(file, at, count_size))[0]
    if count > _MOST_ENTRIES:
        raise ValueError("this directory is too long")
    table = _part(file, at + count_size, count * entry_size)
    further: list[int] = []
    resources = b""
    for place in range(0, len(table), entry_size):
        tag, kind, items = struct.unpack_from(f"{order}HH{number}", table, place)
        if tag not in (_TIFF_XMP, _TIFF_IPTC, _TIFF_PHOTOSHOP, _TIFF_SUB_IFDS):
            continue
        size = items * _TIFF_SIZES.get(kind, 0)
        if size > inline:
            value = _part(file, struct.unpack_from(f"{order}{number}", table, place + entry_size - inline)[0], size)
        else:
            value = table[place + entry_size - inline :][:size]
        if tag == _TIFF_XMP:
            found.xmp = found.xmp or value
        elif tag == _TIFF_IPTC:
            # Written as numbers of four bytes, it may be in the wrong byte order.
            swapped = kind in (4, 13) and value[:1] != b"\x1c" and value[3:4] == b"\x1c"
            value = b"".join(value[at : at + 4][::-1] for at in range(0, len(value), 4)) if swapped else value
            found.iptc = found.iptc or value
        elif tag == _TIFF_PHOTOSHOP:
            resources = value
        elif kind in (4, 13):
            further += struct.unpack(f"{order}{items}I", value)
    if resources:
        _read_resources(resources, found)
    following = _part(file, at + count_size + len(table), inline)
    return [*further, struct.unpack(f"{order}{number}", following)[0]]


# Boxes: ISO/IEC 14496-12, QuickTime File Format


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each box, and where its content begins and ends."""
    for _ in range(_MOST_PARTS):
        if start + 8 > end:
            return
        size, kind = struct.unpack(">I4s", _part(file, start, 8))
        content = start + 8
        if size == 1:
            size = struct.unpack(">Q", _part(file, content, 8))[0]
            content += 8
        stop = end if size == 0 else start + size
        if stop < content or stop > end:
            return
        yield kind, content, stop
        start = stop


def _read_boxes(file: BinaryIO, found: Packets) -> None:
    whole = file.seek(0, 2)
    for kind, start, end in boxes(file, 0, whole):
        if kind == b"uuid" and _part(file, start, 16) == _XMP_UUID:
            found.xmp = _part(file, start + 16, end - start - 16)
        elif kind == b"xml " and not found.xmp:
            found.xmp = _part(file, start, end - start)
        elif kind == b"moov":
            _read_movie(file, start, end, found)


def _read_movie(file: BinaryIO, start: int, end: int, found: Packets) -> None:
    for kind, inner, stop in boxes(file, start, end):
        if kind == b"udta":
            for name, at, last in boxes(file, inner, stop):
                if name == b"XMP_" and not found.xmp:
                    found.xmp = _part(file, at, last - at)
        elif kind == b"uuid" and not found.xmp and _part(file, inner, 16) == _XMP_UUID:
            found.xmp = _part(file, inner + 16, stop - inner - 16)
