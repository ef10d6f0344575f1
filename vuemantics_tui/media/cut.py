"""Pictures that end too early: what is there is made whole, so that it decodes, and what is missing is measured.

No decoder tells how far it came. So the end is filled up twice, with different bytes: where the two pictures differ,
the file has nothing. A file that lacks its end marker alone shows no difference.
"""

from __future__ import annotations

import re
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from vuemantics_tui.domain import formats
from vuemantics_tui.domain.formats import MediaFormat
from vuemantics_tui.media.heif import boxes

Fill = Callable[[int], bytes]
"""Returns so many bytes to stand for those that are missing."""

# Of a JPEG, whose length nobody tells: more than a row of blocks takes. No byte of it is a marker's.
_NOISE = np.random.default_rng(7).integers(1, 255, 1 << 16, np.uint8).tobytes()
# Filled up with zeros, a decoder goes on with what it had, or with nothing.
_FILLS: tuple[Fill, Fill] = (bytes, lambda length: (_NOISE * (length // len(_NOISE) + 1))[:length])
# Neither filled up nor decoded beyond this; what is larger was not a picture before it was cut.
_MOST_BYTES = 160 * 1024**2
# The picture is compared in so many parts across and down; one is missing where it differs by more than this.
_PARTS, _DIFFERENT = 32, 6

_JPEG_END = b"\xff\xd9"
# What follows the data of a scan: anything but a stuffed zero, a restart or a fill byte.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
# Bytes of noise between two marks, enough for a row of blocks, and how often all of it is repeated.
_MARKED_BYTES, _MARKED_TIMES = 4096, 64
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
# Every byte as the number of a filter of PNG (PNG, 9.2).
_AS_FILTER = bytes(byte % 5 for byte in range(256))
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Adam7 (PNG, 8.2): first column and row, step of columns and rows of each pass.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

_flag = threading.Lock()


def made_whole(data: bytes, found: MediaFormat) -> tuple[bytes, bytes] | None:
    """Return a cut file filled up to its end in two ways, or None if that cannot be done with its format."""
    try:
        first, second = (_WHOLE.get(found, _appended)(data, fill) for fill in _FILLS)
    except (struct.error, IndexError, ValueError, zlib.error):
        return None
    if first is None or second is None or max(len(first), len(second)) > _MOST_BYTES:
        return None
    return first, second


@contextmanager
def to_the_end() -> Iterator[None]:
    """Let Pillow decode what is there of a file that ends too early.

    It asks a variable of its module, so other threads that decode meanwhile get as much.
    """
    with _flag:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False


def missing_of(first: Image.Image, second: Image.Image) -> float:
    """Return the share of a picture, 0..1, that its file lacks, by the two ways in which it was filled up."""
    pixels = [np.asarray(image).astype(np.int16) for image in (first, second)]
    if pixels[0].shape != pixels[1].shape:
        return 1.0
    differs: NDArray[np.bool_] = np.abs(pixels[0] - pixels[1]).max(axis=-1) > _DIFFERENT
    for axis in (0, 1):
        length = differs.shape[axis]
        starts = np.arange(min(_PARTS, length)) * length // min(_PARTS, length)
        differs = np.logical_or.reduceat(differs, starts, axis=axis)
    return float(differs.mean())


def missing_words(data: bytes, found: MediaFormat, images: list[Image.Image]) -> str | None:
    """Return what a cut file lacks, in words: nothing for its end marker alone, None for everything.

    `images` are what became of it in the two ways, or in one if the other did not decode.
    """
    is_measured = found in _WHOLE and len(images) == len(_FILLS)
    missing = missing_of(*images) if is_measured else float(_is_plain(images[0]))
    if found is formats.JPEG and _lacks_detail(data, missing == 0):
        return None if _is_plain(images[0]) else "cut off or damaged: the picture lacks detail"
    if missing == 1:
        return None
    if is_measured and missing == 0:
        is_wrong = found is formats.PNG and _has_wrong_pixels(data)
        return "damaged: a part of the picture may be wrong" if is_wrong else ""
    part = f"{min(99, max(1, round(100 * missing)))} %" if is_measured else "a part"
    return f"cut off or damaged: {part} of the picture is missing"


def _is_plain(image: Image.Image) -> bool:
    return bool(np.ptp(np.asarray(image), axis=(0, 1)).max() <= _DIFFERENT)


def _lacks_detail(data: bytes, has_last: bool) -> bool:
    """Return whether a cut JPEG has all of the picture, but not in full detail, as a progressive one may.

    It has the picture several times: first the mean values, then more and more. `has_last` tells whether the scan in
    which it was cut is whole.
    """
    components: tuple[int, ...] = ()
    scans: list[tuple[bytes, int, int]] = []
    is_open = False
    for kind, at in _jpeg_segments(data):
        body = data[at + 4 :]
        if kind in _PROGRESSIVE and len(body) > 5:
            components = tuple(body[6 : 6 + 3 * body[5] : 3])
        elif kind == 0xDA and body and len(body) >= 4 + 2 * body[0]:
            count = body[0]
            scans.append((body[1 : 1 + 2 * count : 2], body[1 + 2 * count], body[3 + 2 * count] & 15))
            is_open = True
            continue
        # A scan before another segment has come to its end.
        is_open = False
    ended = scans if has_last or not is_open else scans[:-1]
    # Mean values (the first coefficient) and the others of each component, down to their last bit.
    finished = {(component, first > 0) for parts, first, bits in ended for component in parts if bits == 0}
    started = {component for parts, _, _ in ended for component in parts}
    is_whole = all((component, later) in finished for component in components for later in (False, True))
    return bool(components) and started.issuperset(components) and not is_whole


def _has_wrong_pixels(data: bytes) -> bool:
    """Return whether a chunk of pixels is not what its checksum was made of."""
    at = 8
    for kind, body in _png_chunks(data):
        checksum = data[at + 8 + len(body) : at + 12 + len(body)]
        if kind == b"IDAT" and len(checksum) == 4 and zlib.crc32(kind + body) != int.from_bytes(checksum):
            return True
        at += 12 + len(body)
    return False


def _jpeg(data: bytes, fill: Fill) -> bytes:
    kind, at = 0, 0
    for kind, at in _jpeg_segments(data):  # noqa: B007 - the last one counts
        pass
    if kind and (at + 4 > len(data) or at + 2 + int.from_bytes(data[at + 2 : at + 4]) > len(data)):
        data = data[:at]
    # A start of the end marker may be there.
    return data.removesuffix(b"\xff") + (b"" if fill is bytes else _jpeg_noise(data)) + _JPEG_END


def _jpeg_noise(data: bytes) -> bytes:
    """Noise in which the marks go on by which a decoder finds its place again, where there are any."""
    marks = _JPEG_RESTART.findall(data)
    if not marks:
        return _NOISE
    following = int.from_bytes(marks[-1]) + 1
    pieces = (
        _NOISE[_MARKED_BYTES * number : _MARKED_BYTES * (number + 1)] for number in range(len(_NOISE) // _MARKED_BYTES)
    )
    marked = b"".join(piece + bytes((0xFF, 0xD0 | (following + number) & 7)) for number, piece in enumerate(pieces))
    return marked * _MARKED_TIMES


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """The marker of each segment, and where it is; the last one may be cut (ISO 10918-1, B.1)."""
    at = 2
    while found := _JPEG_MARKER.search(data, at):
        at, kind = found.start(), data[found.start() + 1]
        if kind == 0xD9:
            return
        yield kind, at
        at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))


def _appended(data: bytes, fill: Fill) -> bytes:
    return data if fill is bytes else data + _NOISE


def _png(data: bytes, fill: Fill) -> bytes | None:
    """The chunks before the pixels, and those pixels that can be unpacked, packed again."""
    head: list[bytes] = []
    unpacker = zlib.decompressobj()
    pixels = bytearray()
    expected, header = 0, b""
    for kind, body in _png_chunks(data):
        if kind == b"IHDR":
            expected, header = _png_length(body), body
        if kind != b"IDAT":
            if not pixels and kind not in (b"IEND", b"acTL", b"fcTL", b"fdAT"):
                head.append(_png_chunk(kind, body))
            continue
        if not 0 < expected <= _MOST_BYTES:
            return None
        try:
            pixels += unpacker.decompress(body, max(1, expected - len(pixels)))
        except zlib.error:
            break
        if len(pixels) >= expected:
            break
    if not pixels:
        return None
    # Each row begins with its filter, 0 to 4: so noise has no other bytes.
    rest = expected - len(pixels)
    pixels += _png_grey(header, len(pixels), rest) if fill is bytes else fill(rest).translate(_AS_FILTER)
    end = _png_chunk(b"IEND", b"")
    return data[:8] + b"".join(head) + _png_chunk(b"IDAT", zlib.compress(bytes(pixels), 1)) + end


def _png_grey(header: bytes, start: int, length: int) -> bytes:
    """The end of the pixels as unfiltered grey, as of a JPEG; of a palette, or in Adam7, as zeros."""
    width, depth, colour, interlace = int.from_bytes(header[:4]), header[8], header[9], header[12]
    if colour == 3 or interlace or depth < 8 or colour not in _PNG_CHANNELS:
        return bytes(length)
    row = b"\x00" + b"\x80" * (width * _PNG_CHANNELS[colour] * depth // 8)
    into = start % len(row)
    return (row * (length // len(row) + 2))[into : into + length]


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png_length(header: bytes) -> int:
    """How many bytes the pixels take, each row with its filter."""
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    bits = depth * _PNG_CHANNELS.get(colour, 0)
    total = 0
    for left, top, across, down in _ADAM7 if interlace else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _webp(data: bytes, fill: Fill) -> bytes | None:
    """All whole chunks, and the last one filled up if it has pixels (RFC 9649)."""
    chunks = bytearray()
    at = 12
    has_pixels = False
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        pixels = kind in (b"VP8 ", b"VP8L", b"ANMF")
        if len(body) < length:
            # A frame of an animation that is not whole is of no use beside others that are.
            if not pixels or has_pixels or length > _MOST_BYTES:
                break
            body += fill(length - len(body))
        has_pixels = has_pixels or pixels
        chunks += struct.pack("<4sI", kind, length) + body + bytes(length & 1)
        at += 8 + length + (length & 1)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WEBP") + chunks if has_pixels else None


def _boxed(data: bytes, fill: Fill) -> bytes | None:
    """The last box, which has the pixels, filled up (ISO/IEC 14496-12)."""
    end = max((box.end for box in boxes(data, 0, len(data))), default=0)
    length, kind = struct.unpack_from(">I4s", data, end)
    if kind != b"mdat" or not 0 < end + length - len(data) <= _MOST_BYTES:
        return None
    return data + fill(end + length - len(data))


_WHOLE: dict[MediaFormat, Callable[[bytes, Fill], bytes | None]] = {
    formats.JPEG: _jpeg,
    formats.PNG: _png,
    formats.WEBP: _webp,
    formats.AVIF: _boxed,
    formats.HEIC: _boxed,
}
