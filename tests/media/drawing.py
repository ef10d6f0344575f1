"""Files for the tests of `media`, made when needed."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.container
import numpy as np
from av.video.frame import PictureType
from PIL import Image

from vuemantics_tui.domain.media import LookSize
from vuemantics_tui.media.pictures import DEFAULT_MAX_PIXELS
from vuemantics_tui.media.scaled import picture_of

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 170, 40), (30, 50, 210), (230, 210, 30)
# Top left, top right, bottom left, bottom right of the picture as it is to be shown.
CORNERS = (RED, GREEN, BLUE, YELLOW)

# How each EXIF orientation is stored: undoes what a viewer does to show the picture upright.
_STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}

Matrix = tuple[int, int, int, int]


def four_corners(width: int = 120, height: int = 80) -> Image.Image:
    """Return an asymmetric picture with a different colour in each quarter."""
    image = Image.new("RGB", (width, height))
    places = ((0, 0), (width // 2, 0), (0, height // 2), (width // 2, height // 2))
    for colour, place in zip(CORNERS, places, strict=True):
        image.paste(Image.new("RGB", (width // 2, height // 2), colour), place)
    return image


def corners_of(image: Image.Image) -> tuple[tuple[int, int, int], ...]:
    """Return the colours in the middle of the four quarters, each as the nearest of CORNERS."""
    rgb = image.convert("RGB")
    places = [(x * rgb.width // 4, y * rgb.height // 4) for y in (1, 3) for x in (1, 3)]
    found = np.array([rgb.getpixel(place) for place in places])
    distances = np.abs(found[:, None] - np.array(CORNERS)[None]).sum(axis=2)
    assert distances.min(axis=1).max() < 120, f"no corner colours: {found}"
    return tuple(CORNERS[number] for number in distances.argmin(axis=1))


def stored_with_orientation(image: Image.Image, value: int) -> tuple[Image.Image, Image.Exif]:
    """Return the picture as a camera would store it with this EXIF orientation, and the EXIF."""
    transposition = _STORED[value]
    exif = Image.Exif()
    exif[0x0112] = value
    return (image if transposition is None else image.transpose(transposition)), exif


def clip(
    path: Path,
    pictures: list[Image.Image],
    codec: str = "mpeg4",
    key_every: int = 12,
    rate: int = 12,
    container: str | None = None,
    key_at: frozenset[int] = frozenset(),
) -> Path:
    """Write the pictures as a film, one per frame; those at `key_at` become key frames."""
    with av.open(str(path), "w", format=container) as output:
        _encode(output, pictures, codec, key_every, rate, key_at)
    return path


def stream_clip(file: BinaryIO, pictures: list[Image.Image], codec: str, rate: int, bit_rate: int = 0) -> None:
    """Write a WebM as into a pipe: nothing is filled in later, so it has neither duration nor index."""
    with av.open(file, "w", format="webm", options={"live": "1"}) as output:
        _encode(output, pictures, codec, 30, rate, frozenset(), bit_rate)


def _encode(
    output: av.container.OutputContainer,
    pictures: list[Image.Image],
    codec: str,
    key_every: int,
    rate: int,
    key_at: frozenset[int],
    bit_rate: int = 0,
) -> None:
    stream = output.add_stream(codec, rate=rate)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height = pictures[0].size
    stream.pix_fmt = "yuv420p"
    if bit_rate:
        stream.bit_rate = bit_rate
    stream.codec_context.gop_size = key_every
    stream.codec_context.time_base = Fraction(1, rate)
    if codec == "libx264":
        # No key frames of its own where the picture changes.
        stream.codec_context.options = {"preset": "ultrafast", "sc_threshold": "0"}
    if codec.startswith("libvpx"):
        stream.codec_context.options = {"deadline": "realtime", "cpu-used": "8"}
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(np.asarray(picture.convert("RGB")), format="rgb24")
        frame.pts = number
        if number in key_at:
            frame.pict_type = PictureType.I
        for packet in stream.encode(frame):
            output.mux(packet)
    for packet in stream.encode(None):
        output.mux(packet)


def turn_clip(path: Path, matrix: Matrix) -> None:
    """Give an MP4's video track a display matrix (a, b, c, d), as a phone held differently would."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value * 0x10000 for value in matrix)
    struct.pack_into(">9i", data, place, a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(data)


def shades(count: int, size: tuple[int, int] = (64, 48)) -> list[Image.Image]:
    """Return frames that grow brighter: 20, 20 + step, ... up to about 235."""
    step = 215 // max(1, count - 1)
    return [Image.new("RGB", size, (20 + n * step,) * 3) for n in range(count)]


def jpeg_bytes(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def png_declaring(width: int, height: int) -> bytes:
    """Return a PNG whose header declares this size; its pixels are missing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(b"\x00")) + chunk(b"IEND", b"")


def gif_declaring(width: int, height: int) -> bytes:
    return (
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
        + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00;"
    )  # fmt: skip


def tiff_declaring(width: int, height: int) -> bytes:
    tags = (
        (256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1),
        (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, 1),
    )  # fmt: skip
    body = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags
    )
    return b"II*\x00" + struct.pack("<I", 8) + body + bytes(4)


def webp_declaring(width: int, height: int) -> bytes:
    """Return an extended WebP, whose dimensions have 24 bits."""
    whole = io.BytesIO()
    Image.new("RGBA", (8, 8), (9, 9, 9, 9)).save(whole, "WEBP", lossless=True)
    inner = whole.getvalue()[12:]
    at = inner.index(b"VP8L")
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"VP8X" + struct.pack("<I", 10) + bytes([0x10, 0, 0, 0]) + canvas + inner[at:]
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def bmp_declaring(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info


def heic(
    picture: Image.Image | av.VideoFrame,
    thumbnail: Image.Image | av.VideoFrame,
    nclx: tuple[int, int, int] | None = None,
    quarter_turns: int = 0,
    mirror: int | None = None,
) -> bytes:
    """Build a HEIC file with an embedded thumbnail, both HEVC; pi-heif has no encoder.

    `nclx` are the H.273 codes of primaries, transfer and matrix that the picture, but not the thumbnail, declares.
    Both are to be turned anticlockwise by `quarter_turns`, then mirrored: 0 top and bottom, 1 left and right.
    Box layouts: ISO/IEC 14496-12 and 23008-12; `hvcC` is 14496-15's decoder configuration record.
    """
    images = [picture, thumbnail]
    coded = [_hevc(image) for image in images]
    ftyp = _box(b"ftyp", b"heic" + bytes(4) + b"mif1heic")
    hdlr = _full(b"hdlr", bytes(4) + b"pict" + bytes(13))
    pitm = _full(b"pitm", struct.pack(">H", 1))
    infe = b"".join(_full(b"infe", struct.pack(">HH4sB", n, 0, b"hvc1", 0), version=2) for n in (1, 2))
    iinf = _full(b"iinf", struct.pack(">H", 2) + infe)
    iref = _full(b"iref", _box(b"thmb", struct.pack(">HHH", 2, 1, 1)))
    properties = b"".join(
        _box(b"hvcC", record) + _full(b"ispe", struct.pack(">II", image.width, image.height))
        for image, (record, _) in zip(images, coded, strict=True)
    )
    of_picture = [0x81, 2]
    if nclx:
        properties += _box(b"colr", b"nclx" + struct.pack(">HHHB", *nclx, 0))
        of_picture.append(5)
    of_thumbnail = [0x83, 4]
    last = 5 if nclx else 4
    for kind, value in ((b"irot", quarter_turns), (b"imir", mirror)):
        if value is not None:
            last += 1
            properties += _box(kind, bytes([value]))
            of_picture.append(0x80 | last)
            of_thumbnail.append(0x80 | last)
    associations = b"".join(
        struct.pack(">HB", item, len(numbers)) + bytes(numbers)
        for item, numbers in ((1, of_picture), (2, of_thumbnail))
    )
    ipma = _full(b"ipma", struct.pack(">I", 2) + associations)
    iprp = _box(b"iprp", _box(b"ipco", properties) + ipma)

    def meta(first: int) -> bytes:
        second = first + len(coded[0][1])
        iloc = struct.pack(">BBH", 0x44, 0, 2)
        for number, offset, (_, data) in ((1, first, coded[0]), (2, second, coded[1])):
            iloc += struct.pack(">HHHII", number, 0, 1, offset, len(data))
        return _full(b"meta", hdlr + pitm + iinf + iref + iprp + _full(b"iloc", iloc))

    start = len(ftyp) + len(meta(0)) + 8
    return ftyp + meta(start) + _box(b"mdat", coded[0][1] + coded[1][1])


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, body: bytes, version: int = 0) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]) + body)


def _hevc(image: Image.Image | av.VideoFrame) -> tuple[bytes, bytes]:
    """Return a key frame: its configuration record and its data, as in an MP4."""
    buffer = io.BytesIO()
    buffer.name = "one.mp4"
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("libx265", rate=1, options={"x265-params": "log-level=none:bframes=0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = image.width, image.height
        frame = image
        if isinstance(frame, Image.Image):
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
        stream.pix_fmt = "yuv420p" if isinstance(image, Image.Image) else frame.format.name
        frame.pts = 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            # Without B-frames there is nothing to reorder, whatever the encoder's look-ahead says.
            packet.pts = packet.dts = 0
            output.mux(packet)
    whole = buffer.getvalue()
    at = whole.index(b"hvcC")
    record = whole[at + 4 : at - 4 + struct.unpack_from(">I", whole, at - 4)[0]]
    at = whole.index(b"mdat")
    return record, whole[at + 4 : at - 4 + struct.unpack_from(">I", whole, at - 4)[0]]


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, including hidden ones."""
    return sorted(each.name for each in folder.iterdir())


def psd(image: Image.Image) -> bytes:
    """Return a Photoshop document without layers: its flattened picture, not packed."""
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, image.height, image.width, 8, 3)
    return head + bytes(12) + bytes(2) + b"".join(band.tobytes() for band in image.convert("RGB").split())


def cr3(preview: Image.Image) -> bytes:
    """Return a Canon CR3 without the sensor's data: what it says of itself, and its preview."""
    main = _tiff([(271, 2, "Canon"), (272, 2, "Canon EOS R6"), (274, 3, 1)])
    photo = _tiff([(36867, 2, "2021:02:03 04:05:06"), (34855, 3, 800)])
    place = _tiff([(1, 2, "N"), (2, 5, (52, 1, 30, 1, 0, 1)), (3, 2, "E"), (4, 5, (13, 1, 24, 1, 0, 1))])
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    parts = _box(b"CMT1", main) + _box(b"CMT2", photo) + _box(b"CMT4", place)
    jpeg = jpeg_bytes(preview)
    shown = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16") + bytes(8) + _box(b"PRVW", bytes(16) + jpeg)
    film = _box(b"moov", _box(b"uuid", canon + parts))
    return _box(b"ftyp", b"crx \x00\x00\x00\x01crx isom") + film + _box(b"uuid", shown)


def dng(
    image: Image.Image,
    preview: Image.Image | None = None,
    orientation: int = 1,
    make: str = "Vuemantics",
    version: tuple[int, ...] | None = (1, 4, 0, 0),
    head: bytes = b"II*\x00\x08\x00\x00\x00",
) -> bytes:
    """Return a RAW photo as a camera stores it with this EXIF orientation: what LibRaw needs of a DNG, no more.

    The sensor's data has one colour a pixel, in rows red green and green blue. The preview is a JPEG in the first
    directory, upright or not as the photo itself; without one, the sensor's data is there. Without a version it is no
    DNG, but what other cameras write.
    """
    pixels = np.asarray(image.convert("RGB")).astype(np.float64) / 255
    linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    mosaic = np.empty(linear.shape[:2], "<u2")
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = linear[row::2, column::2, channel] * 60000
    sensor = [
        *((254, 4, 0), (256, 4, image.width), (257, 4, image.height), (258, 3, 16), (259, 3, 1), (262, 3, 32803)),
        *((273, 4, mosaic.tobytes()), (277, 3, 1), (278, 4, image.height), (279, 4, mosaic.nbytes)),
        *((33421, 3, (2, 2)), (33422, 1, (0, 1, 1, 2)), (50714, 4, 0), (50717, 4, 60000)),
    ]
    camera = [
        *((271, 2, make), (272, 2, "Test 1"), (274, 3, orientation), (306, 2, "2020:01:02 03:04:05")),
        *((34665, 4, [(36867, 2, "2019:05:06 07:08:09"), (34855, 3, 400), (33437, 5, (28, 10))]),),
        *((50706, 1, version), (50707, 1, (1, 1, 0, 0)), (50708, 2, f"{make} Test 1")),
        # From XYZ to the colours of this camera, which are those of sRGB (IEC 61966-2-1).
        (50721, 10, _over(10000, 3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.204, 1.057)),
        *((50728, 5, _over(1000, 1, 1, 1)), (50778, 3, 21)),
    ]
    if version is None:
        camera = [entry for entry in camera if entry[0] < 50706]
    if preview is None:
        return _tiff([*camera, *sensor], head)
    small = jpeg_bytes(preview, quality=95, icc_profile=preview.info.get("icc_profile"))
    shown = [
        *((254, 4, 1), (256, 4, preview.width), (257, 4, preview.height), (258, 3, (8, 8, 8)), (259, 3, 7)),
        *((262, 3, 6), (273, 4, small), (277, 3, 3), (278, 4, preview.height), (279, 4, len(small)), (330, 4, sensor)),
    ]
    return _tiff([*camera, *shown], head)


def _over(denominator: int, *values: float) -> tuple[int, ...]:
    return tuple(part for value in values for part in (round(value * denominator), denominator))


def _tiff(entries: list[tuple[int, int, object]], head: bytes = b"II*\x00\x08\x00\x00\x00") -> bytes:
    """A TIFF, little-endian: tags with their types and values. Bytes are a strip, a list is a directory of its own."""
    data = bytearray(head)
    _directory(data, entries)
    return bytes(data)


def _directory(data: bytearray, entries: list[tuple[int, int, object]]) -> int:
    """Write a directory and what it points to; returns its place."""
    letters = {1: "B", 3: "H", 4: "I", 5: "I", 10: "i"}
    place = len(data)
    data += struct.pack("<H", len(entries)) + bytes(12 * len(entries)) + bytes(4)
    for number, (tag, kind, value) in enumerate(sorted(entries, key=lambda entry: entry[0])):
        if isinstance(value, str):
            packed = value.encode() + b"\x00"
            count = len(packed)
        else:
            if isinstance(value, bytes):
                data += value
            values = (
                (_directory(data, value),) if isinstance(value, list)
                else (len(data) - len(value),) if isinstance(value, bytes)
                else value if isinstance(value, tuple) else (value,)
            )  # fmt: skip
            packed = struct.pack(f"<{len(values)}{letters[kind]}", *values)
            count = len(values) // (2 if kind in (5, 10) else 1)
        if len(packed) > 4:
            data += packed
            packed = struct.pack("<I", len(data) - len(packed))
        struct.pack_into("<HHI4s", data, place + 2 + 12 * number, tag, kind, count, packed.ljust(4, b"\x00"))
    return place


def picture_down_to(picture: Path | bytes, short_side: int, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image.Image:
    """Return a picture with a short side from `short_side` pixels to under twice as many, as analyzers get it."""
    return picture_of(picture, LookSize(short_side), max_pixels)
