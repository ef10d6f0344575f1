"""A colour chart in every colour space: what it looks like is known, so what comes out can be measured."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]

GREYS = tuple((level,) * 3 for level in (39, 63, 89, 118, 149, 188, 225, 255))
COLOURS = (
    (203, 63, 63), (63, 188, 63), (63, 80, 203), (231, 218, 63),
    (218, 179, 155), (137, 179, 231), (89, 160, 80), (243, 243, 243),
)  # fmt: skip
PATCH = 40

# CIE xy of red, green, blue and white, by their H.273 code; 0 is Adobe RGB, -1 ProPhoto without its other white.
_XY = {
    -1: ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.3127, 0.329)),
    0: ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), (0.3127, 0.329)),
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.329)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), (0.3127, 0.329)),
    6: ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07), (0.3127, 0.329)),
    9: ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046), (0.3127, 0.329)),
    12: ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.329)),
}
# Kr and Kb of each matrix of H.273.
_LUMA = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}


def chart(brightest: float = 1.0) -> Floats:
    """Return the chart as linear light of BT.709, white is 1; on top a strip that rises to `brightest`, if more."""
    rows = [np.repeat(np.array(row, float), PATCH, axis=0) for row in (GREYS, COLOURS)]
    levels = np.concatenate([np.repeat(row[None], 120, axis=0) for row in rows]) / 255
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    if brightest > 1:
        light[:24] = np.linspace(1, brightest, light.shape[1])[None, :, None]
    return light


def differences(picture: Image.Image) -> tuple[int, int]:
    """Return how far greys and colours are off: the largest difference of a channel in the middle of each patch."""
    pixels = np.asarray(picture).astype(int)
    height, width = pixels.shape[:2]
    columns = [int(width * (number + 0.5) / 8) for number in range(8)]
    found = [pixels[int(height * row), columns] for row in (0.3, 0.75)]
    grey, colour = (
        int(np.abs(seen - np.array(wanted)).max()) for seen, wanted in zip(found, (GREYS, COLOURS), strict=True)
    )
    return grey, colour


def encoded(light: Floats, primaries: int, transfer: int) -> Floats:
    """Return linear light of BT.709 as levels of 0..1 in another colour space; 0 is Adobe RGB and -1 ProPhoto."""
    there = np.clip(light @ (np.linalg.inv(_to_xyz(primaries)) @ _to_xyz(1)).T, 0, None)
    if transfer == 16:
        power = (there * 203 / 10000) ** (2610 / 16384)
        return np.asarray(((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32))
    if transfer == 18:
        display = there * 0.203
        luminance = np.maximum(display @ _to_xyz(primaries)[1], 1e-9)[..., None]
        scene = display * luminance ** ((1 - 1.2) / 1.2)
        low = np.sqrt(3 * scene)
        high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        return np.asarray(np.clip(np.where(scene <= 1 / 12, low, high), 0, 1))
    there = np.clip(there, 0, 1)
    exponent = {-1: 1.8, 0: 2.19921875, 4: 2.2, 8: 1.0}.get(transfer)
    srgb = np.where(there <= 0.0031308, there * 12.92, 1.055 * there ** (1 / 2.4) - 0.055)
    return np.asarray(srgb if exponent is None else there ** (1 / exponent))


def picture(levels: Floats) -> Image.Image:
    """Return levels of 0..1 with 8 bits."""
    return Image.fromarray(np.rint(levels * 255).astype(np.uint8))


def png(levels: Floats, top: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of 16 bits a channel with white at `top` and more chunks; grey, RGB or RGBA by the shape."""
    height, width = levels.shape[:2]
    colour_type = 0 if levels.ndim == 2 else {2: 4, 3: 2, 4: 6}[levels.shape[2]]
    rows = np.rint(levels * top).astype(">u2").reshape(height, -1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows), 1)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    parts = ((b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


def avif(levels: Floats, primaries: int, transfer: int) -> bytes:
    """Return an AVIF of 8 bits that declares its colours by H.273 codes."""
    buffer = io.BytesIO()
    picture(levels).save(buffer, "AVIF", quality=95, subsampling="4:4:4")
    data = bytearray(buffer.getvalue())
    struct.pack_into(">HH", data, data.index(b"nclx") + 4, primaries, transfer)
    return bytes(data)


def avif_of_ten_bits(path: Path, levels: Floats, primaries: int, transfer: int) -> bytes:
    """Return an AVIF of 10 bits and full range that declares this in its box alone, not within the coded picture."""
    with av.open(str(path), "w", format="avif") as output:
        stream = output.add_stream("libsvtav1", rate=1)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = levels.shape[:2]
        stream.pix_fmt = "yuv420p10le"
        stream.codec_context.options = {"crf": "5"}
        frame = yuv(levels, stream.pix_fmt, 9, full=True)
        frame.pts = 0
        output.mux([*stream.encode(frame), *stream.encode(None)])
    data = bytearray(path.read_bytes())
    struct.pack_into(">HHHB", data, data.index(b"nclx") + 4, primaries, transfer, 9, 0x80)
    return bytes(data)


def profile(primaries: int, exponent: float, space: bytes = b"RGB ", codes: bytes = b"") -> bytes:
    """Return an ICC profile of version 2 for RGB or GRAY (ICC.1:2001); with H.273 codes as version 4.4 has them."""
    white = np.array([0.9642, 1.0, 0.8249])
    cones = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    matrix = _to_xyz(primaries)
    gains = np.diag((cones @ white) / (cones @ matrix.sum(axis=1)))
    matrix = np.linalg.inv(cones) @ gains @ cones @ matrix

    def xyz(values: Floats) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)

    curve = b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(exponent * 256))
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"x" + bytes(79), b"wtpt": xyz(white)}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {letter + b"XYZ": xyz(column) for letter, column in zip((b"r", b"g", b"b"), matrix.T, strict=True)}
        tags |= {letter + b"TRC": curve for letter in (b"r", b"g", b"b")}
    if codes:
        tags[b"cicp"] = b"cicp" + bytes(4) + codes
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for kind, data in tags.items():
        table += kind + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4xI4s4s4s", start + len(body), 0x02400000, b"mntr", space, b"XYZ ") + bytes(12) + b"acsp"
    return header + bytes(28) + xyz(white)[8:] + bytes(48) + table + body


def clip(
    path: Path,
    levels: Floats,
    codec: str,
    pixel_format: str,
    *,
    primaries: int = 2,
    transfer: int = 2,
    matrix: int = 2,
    full: bool = False,
    real_matrix: int = 0,
) -> Path:
    """Write three frames of RGB levels (0..1), tagged with H.273 codes, as yuv of 8, 10 or 12 bits, or grey.

    `real_matrix` is the one that is used, if it is not the one that is declared.
    """
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = levels.shape[:2]
        stream.pix_fmt = pixel_format
        context = stream.codec_context
        context.time_base = Fraction(1, 10)
        context.color_primaries, context.color_trc, context.colorspace = primaries, transfer, matrix
        context.color_range = 2 if full else 1
        if codec == "libx265":
            context.options = {"x265-params": "log-level=none:crf=8"}
        elif codec in ("libx264", "libsvtav1"):
            context.options = {"crf": "10"}
        elif codec.startswith("libvpx"):
            context.options = {"deadline": "realtime", "cpu-used": "8"} | (
                {"profile": "2"} if "10" in pixel_format else {}
            )
        frame = yuv(levels, pixel_format, real_matrix or matrix, full)
        frame.color_range, frame.colorspace = context.color_range, matrix
        for number in range(3):
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def yuv(levels: Floats, pixel_format: str, matrix: int, full: bool) -> av.VideoFrame:
    depth = int(pixel_format.partition("p")[2].removesuffix("le") or 8) if not pixel_format.startswith("yuvj") else 8
    kr, kb = _LUMA[matrix]
    luma = levels @ np.array([kr, 1 - kr - kb, kb])
    blue, red = (levels[..., 2] - luma) / (2 - 2 * kb), (levels[..., 0] - luma) / (2 - 2 * kr)
    step, top = 2 ** (depth - 8), 2**depth - 1
    if full:
        planes = [luma * top, blue * top + 128 * step, red * top + 128 * step]
    else:
        planes = [(luma * 219 + 16) * step, (blue * 224 + 128) * step, (red * 224 + 128) * step]
    if "420" in pixel_format or "422" in pixel_format:
        planes[1:] = [plane[:, ::2] for plane in planes[1:]]
    if "420" in pixel_format:
        planes[1:] = [plane[::2] for plane in planes[1:]]
    frame = av.VideoFrame(levels.shape[1], levels.shape[0], pixel_format)
    for plane, values in zip(frame.planes, planes, strict=False):
        data = np.clip(np.rint(values), 0, top).astype(np.uint8 if depth == 8 else "<u2")
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        packed = data.view(np.uint8).reshape(plane.height, -1)
        rows[:, : packed.shape[1]] = packed
        plane.update(rows.tobytes())
    return frame


def _to_xyz(primaries: int) -> Floats:
    *colours, white = ((x / y, 1.0, (1 - x - y) / y) for x, y in _XY[primaries])
    matrix = np.array(colours).T
    return matrix * np.linalg.solve(matrix, np.array(white))
