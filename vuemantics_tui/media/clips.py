"""Open videos and turn frames into upright pictures: the only module that uses PyAV's containers."""

from __future__ import annotations

import io
import re
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.container
import av.video.frame
import av.video.stream
import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui import paths
from vuemantics_tui.domain.errors import DefectError, MediaError, VuemanticsError
from vuemantics_tui.media.colour_space import UNSPECIFIED, ColourSpace, Levels, from_cicp, to_srgb
from vuemantics_tui.media.faults import is_clip_fault
from vuemantics_tui.media.heif import Nclx
from vuemantics_tui.media.visible import on_ground

NO_MEMORY_HINT = "Close other programs and retry, or raise worker_memory_mib in the settings."
DAMAGED_HINT = "The file is damaged or was not copied whole. Copy it again from where it came from."

# Tags need not be UTF-8. Up to version 18 PyAV raises on such a tag unless told otherwise; from 19 on it keeps
# the bytes as lone surrogates and takes no such argument.
_TAG_OPTIONS: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}

# Three times 8K: what a header declares above that is no film.
MAX_FRAME_PIXELS = 100_000_000

# Which way a display matrix (a, b, c, d: x' = ax + cy, y' = bx + dy, y pointing down) turns and mirrors.
_TRANSPOSITIONS = {
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}
_SIDEWAYS = frozenset(turn for matrix, turn in _TRANSPOSITIONS.items() if matrix[0] == 0)

# FFmpeg's codes of the range (AVCOL_RANGE_*).
_LIMITED, _FULL = 1, 2
# FFmpeg's name for each matrix of H.273, table 4 (libswscale, SWS_CS_*).
_SWS_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}

# Where tracks are described, and how much of a film's end is looked at: a cluster has five megabytes at most by FFmpeg.
_HEAD_BYTES, _TAIL_BYTES = 4 * 1024**2, (1024**2, 16 * 1024**2, 128 * 1024**2)
# The ID of a cluster, its length of one to eight bytes, an optional checksum, and the ID of its time stamp.
_CLUSTER = re.compile(rb"\x1f\x43\xb6\x75(?=[\x01-\xff].{0,14}?\xe7[\x81-\x88])", re.DOTALL)

# Between two key frames lie at most some hundred packets in any usual film.
_MAX_PACKETS_TO_KEY = 1000


@dataclass(frozen=True, slots=True)
class Clip:
    """An open container and its main video stream."""

    container: av.container.InputContainer
    stream: av.video.stream.VideoStream
    measured: float | None = None
    """Seconds by its last packets, where the header does not say."""

    @property
    def time_base(self) -> Fraction:
        """Seconds a tick of the stream's clock."""
        return self.stream.time_base or Fraction(1, 1_000_000)

    def seconds(self, ticks: int) -> float:
        """When a frame is shown, on the stream's clock, from its `pts`.

        PyAV 15.0 divides by zero for `frame.time` of some MPEG streams: the frame does not know its clock, we do.
        """
        return float(ticks * self.time_base)

    @property
    def start(self) -> float:
        """When the first frame is shown, in seconds on the stream's clock."""
        if self.stream.start_time is not None:
            return float(self.stream.start_time * self.time_base)
        return (self.container.start_time or 0) / 1e6

    @property
    def duration(self) -> float | None:
        """Seconds, or None where the file does not say."""
        # A bare stream has no clock; what FFmpeg makes of its bit rate is wrong a thousandfold.
        if self.container.format.name == "mpegvideo":
            return None
        if self.stream.duration and self.stream.duration > 0:
            return float(self.stream.duration * self.time_base)
        if self.container.duration and self.container.duration > 0:
            return self.container.duration / 1e6
        return self.measured


@contextmanager
def open_clip(film: Path | bytes) -> Iterator[Clip]:
    """Open a video file, or the bytes of one, for the length of a `with`.

    What FFmpeg raises in between on bad data becomes a MediaError: no container, no video stream, damaged packets.
    Anything else becomes a DefectError.
    """
    try:
        # "file:" and the whitelist keep a name or a playlist inside from reaching the network.
        source = io.BytesIO(film) if isinstance(film, bytes) else f"file:{film.absolute()}"
        options = {"protocol_whitelist": "file"}
        with av.open(source, "r", container_options=options, **_TAG_OPTIONS) as container:
            clip = Clip(container, _main_stream(container))
            if clip.duration is None and container.format.name == "matroska,webm" and isinstance(film, Path):
                clip = replace(clip, measured=_measured(film, clip))
            _hear_of_its_encoder(clip)
            yield clip
    except VuemanticsError:
        raise
    except Exception as error:
        if not is_clip_fault(error):
            raise DefectError.of(error, paths.log_file()) from error
        if isinstance(error, MemoryError):
            raise MediaError("The video cannot be decoded: not enough memory", NO_MEMORY_HINT) from error
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise MediaError(f"The video cannot be decoded: {reason}", DAMAGED_HINT) from error


def _hear_of_its_encoder(clip: Clip) -> None:
    """Have the decoder learn from the first packet which x264 encoded a film of 4:4:4.

    FFmpeg decodes what x264 made before build 151 in another way, and what it reads first after a seek does not say it:
    all frames would be green (libavcodec/h264_cabac.c, `x264_build`).
    """
    context = clip.stream.codec_context
    if context.name != "h264" or not (context.pix_fmt or "").startswith("yuv444"):
        return
    # What does not decode is told by who asks for a frame.
    with suppress(av.FFmpegError):
        packet = next(clip.container.demux(clip.stream), None)
        if packet is not None and packet.size:
            context.decode(packet)
    context.flush_buffers()
    with suppress(av.FFmpegError):
        clip.container.seek(0)


def _measured(path: Path, clip: Clip) -> float | None:
    """Seconds from the first packet to the end of the last, or None if they cannot be told.

    FFmpeg would read a film without an index to its end. So it gets only the film's head, which describes the tracks,
    and the last megabytes from a cluster on, as if there were nothing in between.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        size = file.seek(0, io.SEEK_END)
        first = _cluster_in(head)
        if first < 0:
            return None
        for length in _TAIL_BYTES:
            file.seek(max(first, size - length))
            tail = file.read(length)
            start = _cluster_in(tail)
            end = -1.0 if start < 0 else _end_of(head[:first] + tail[start:])
            if end > 0:
                return end - clip.start
            if length >= size:
                return None
    return None


def _cluster_in(data: bytes) -> int:
    """Where the first cluster begins (RFC 9559, 5.1.3): its ID, a length, and the time stamp first; -1 if nowhere."""
    found = _CLUSTER.search(data)
    return -1 if found is None else found.start()


def _end_of(film: bytes) -> float:
    """When the last packet ends, in seconds on the film's clock; -1 if there is none."""
    end = -1.0
    with suppress(av.FFmpegError), av.open(io.BytesIO(film), "r", format="matroska", **_TAG_OPTIONS) as container:
        last: dict[int, float] = {}
        for packet in container.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            began = float(packet.pts * packet.time_base)
            # Many blocks do not say how long they last: as long as the one before.
            lasts = float((packet.duration or 0) * packet.time_base) or max(
                0.0, began - last.get(packet.stream_index, began)
            )
            last[packet.stream_index] = began
            end = max(end, began + lasts)
    return end


def _main_stream(container: av.container.InputContainer) -> av.video.stream.VideoStream:
    pictures = av.stream.Disposition.attached_pic
    films = [stream for stream in container.streams.video if not stream.disposition & pictures]
    best = container.streams.best("video")
    stream = next((each for each in films if best is not None and each.index == best.index), None)
    stream = stream or next(iter(films), None)
    if stream is None:
        raise MediaError("The file has no video track", "It may hold only sound.")
    if stream.codec_context is None:
        raise MediaError("The video's codec is not supported", "Convert the video to H.264 in an MP4 file.")
    if stream.width * stream.height > MAX_FRAME_PIXELS:
        raise MediaError(
            f"The video's frames have {stream.width} x {stream.height} pixels, more than the limit of "
            f"{MAX_FRAME_PIXELS / 1e6:g} million",
            "Scale the video down.",
        )
    return stream


def key_frame_at(clip: Clip, seconds: float) -> av.video.frame.VideoFrame | None:
    """The key frame at or before a moment on the stream's clock: seek, one key packet, decode, drain, flush.

    None if there is none or it does not decode.
    """
    context = clip.stream.codec_context
    try:
        clip.container.seek(max(0, round(seconds / clip.time_base)), stream=clip.stream)
        packets = zip(range(_MAX_PACKETS_TO_KEY), clip.container.demux(clip.stream), strict=False)
        packet = next((each for _, each in packets if each.is_keyframe and each.size), None)
        if packet is None:
            return None
        frames = [*context.decode(packet), *context.decode(None)]
        return frames[0] if frames else None
    except av.FFmpegError:
        return None
    finally:
        context.flush_buffers()


def frame_at(clip: Clip, seconds: float, deadline: float) -> av.video.frame.VideoFrame | None:
    """The frame that is shown at a moment on the stream's clock, decoded from the key frame before it.

    Past `deadline` (on time.monotonic's clock) it is the one that was reached by then. None if nothing decodes.
    """
    around = frames_around(clip, seconds, deadline)
    if len(around) > 1 and around[-1].pts is not None and clip.seconds(around[-1].pts) > seconds:
        return around[-2]
    return around[-1] if around else None


def frames_around(clip: Clip, seconds: float, deadline: float) -> list[av.video.frame.VideoFrame]:
    """The frame that is shown at a moment on the stream's clock, after the one before it and before the one after.

    Fewer where there are none, and past `deadline` (on time.monotonic's clock) those that were reached by then.
    """
    context = clip.stream.codec_context
    shown: list[av.video.frame.VideoFrame] = []
    try:
        clip.container.seek(max(0, round(seconds / clip.time_base)), stream=clip.stream)
        for packet in clip.container.demux(clip.stream):
            for frame in context.decode(packet if packet.size else None):
                shown = [*shown[-2:], frame]
                if frame.pts is not None and clip.seconds(frame.pts) > seconds:
                    return shown
            if time.monotonic() > deadline:
                break
    except av.FFmpegError:
        # The end of the stream, or of what can be read of it.
        return shown
    finally:
        context.flush_buffers()
    return shown


def frames_from_start(clip: Clip) -> Iterator[av.video.frame.VideoFrame]:
    """Decode every frame in turn from the beginning, passing over packets that do not decode."""
    # Not every container can go back; one that was not read yet need not.
    with suppress(av.FFmpegError):
        clip.container.seek(0, backward=True)
    clip.stream.codec_context.flush_buffers()
    packets = clip.container.demux(clip.stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            # A cut-off file ends in an error; what was read so far is worth having.
            return
        try:
            decoded = clip.stream.codec_context.decode(packet if packet.size else None)
        except av.EOFError:
            return
        except av.FFmpegError:
            continue
        yield from decoded


def upright_size(clip: Clip, frame: av.video.frame.VideoFrame) -> tuple[int, int]:
    """Width and height in square pixels as the frame is to be shown."""
    width, height = _square(clip, frame)
    return (height, width) if _transposition(frame) in _SIDEWAYS else (width, height)


def upright_picture(clip: Clip, frame: av.video.frame.VideoFrame, long_side: int) -> Image.Image:
    """The frame as sRGB picture, turned as its display matrix says, no side longer than `long_side` pixels.

    Scaled while it is converted, so that a 4K frame never becomes a 4K picture. Never enlarged but to make
    pixels square. HDR is tone-mapped, and what can be seen through stands on a ground that shows it.
    """
    width, height = _square(clip, frame)
    scale = min(1.0, long_side / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = "AREA" if scale < 1 else "BICUBIC"
    space = _colour_space(clip, frame)
    alpha, deep = any(part.is_alpha for part in frame.format.components), space is not None
    pixel_format = ("rgba" if alpha else "rgb") + (("64le" if alpha else "48le") if deep else ("" if alpha else "24"))
    small = frame.reformat(*size, pixel_format, interpolation=interpolation, **_matrix(clip, frame)).to_ndarray()
    levels: Levels = _sixteen_bits(small) if deep else small.astype(np.uint8)
    colours = levels[..., :3] if space is None else to_srgb(levels[..., :3], space)
    image = Image.fromarray(np.ascontiguousarray(colours), "RGB")
    if alpha:
        image = on_ground(image, Image.fromarray((levels[..., 3] >> (8 if deep else 0)).astype(np.uint8), "L"))
    transposition = _transposition(frame)
    return image if transposition is None else image.transpose(transposition)


def deep_levels(film: Path | bytes, nclx: Nclx | None) -> NDArray[np.uint16] | None:
    """The levels of the first frame in its own size and colours, black to white as 0..65535, not turned.

    Matrix and range are those of `nclx`, if given, whatever the frame declares. Shape (height, width, 3). None if it
    has 8 bits. Raises MediaError if it does not decode.
    """
    with open_clip(film) as clip:
        frame = next(frames_from_start(clip), None)
        if frame is None:
            raise MediaError("The video cannot be decoded: no frame could be read", DAMAGED_HINT)
        if frame.format.components[0].bits <= 8:
            return None
        if nclx is not None:
            frame.colorspace, frame.color_range = nclx.matrix, _FULL if nclx.full else _LIMITED
        return _sixteen_bits(frame.reformat(format="rgb48le", **_matrix(clip, frame)).to_ndarray())


def _sixteen_bits(levels: NDArray[Any]) -> NDArray[np.uint16]:
    """FFmpeg's levels of 16 bits, whose white is at 255 * 256, with white at 65535."""
    return np.minimum(levels.astype(np.uint32) * 257 // 256, 65535).astype(np.uint16)


def _colour_space(clip: Clip, frame: av.video.frame.VideoFrame) -> ColourSpace | None:
    """The colour space that the frame, or else the container, declares; None if it looks right as sRGB."""
    context = clip.stream.codec_context
    # Frames know theirs from PyAV 17 on.
    primaries, transfer = (
        next(
            (code for each in (frame, context) if (code := int(getattr(each, name, UNSPECIFIED))) != UNSPECIFIED),
            UNSPECIFIED,
        )
        for name in ("color_primaries", "color_trc")
    )
    if primaries == UNSPECIFIED and _matrix_code(clip, frame) in (9, 10):
        primaries = 9
    # FFmpeg takes all greys for full range.
    grey = len(frame.format.components) == 1 and not frame.format.has_palette
    return from_cicp(primaries, transfer, narrow=grey and _range_code(clip, frame) == _LIMITED)


def _range_code(clip: Clip, frame: av.video.frame.VideoFrame) -> int:
    return int(frame.color_range) or int(clip.stream.codec_context.color_range)


def _matrix_code(clip: Clip, frame: av.video.frame.VideoFrame) -> int:
    """The H.273 code of the matrix between YUV and RGB."""
    code = int(frame.colorspace)
    return code if code != UNSPECIFIED else int(clip.stream.codec_context.colorspace)


def _matrix(clip: Clip, frame: av.video.frame.VideoFrame) -> dict[str, int]:
    """What `reformat` must be told of a frame's matrix and range; nothing for RGB and grey."""
    if not any(part.is_chroma for part in frame.format.components):
        return {}
    source = _SWS_MATRICES.get(_matrix_code(clip, frame))
    if source is None:
        # Unspecified: what is larger than PAL is taken for high definition, as in every player.
        source = 1 if frame.width >= 1280 or frame.height > 576 else 5
    full = frame.format.name.startswith("yuvj") or _range_code(clip, frame) == _FULL
    # Up to version 16 PyAV passes the matrix on only if the two differ. RGB has none, so any other will do.
    return {
        "src_colorspace": source,
        "dst_colorspace": 1 if source != 1 else 5,
        "src_color_range": _FULL if full else _LIMITED,
        "dst_color_range": _FULL,
    }


def _square(clip: Clip, frame: av.video.frame.VideoFrame) -> tuple[int, int]:
    """The frame's size with square pixels: DV and DVD store them narrower or wider than they are shown."""
    ratio = clip.stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 4) <= ratio <= 4:
        ratio = Fraction(1)
    return max(1, round(frame.width * ratio)), frame.height


def _transposition(frame: av.video.frame.VideoFrame) -> Image.Transpose | None:
    """The turn nearest to the frame's display matrix (ISO/IEC 14496-12, 8.3.2): nine 32-bit integers."""
    # PyAV's annotation of `side_data` knows no other key than motion vectors.
    side_data = cast(SideDataContainer, frame.side_data)
    if SideDataType.DISPLAYMATRIX not in side_data:
        return None
    a, b, _, c, d = struct.unpack_from("=5i", bytes(side_data[SideDataType.DISPLAYMATRIX]))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        b = c = 0
    else:
        a = d = 0
    return _TRANSPOSITIONS.get((_sign(a), _sign(b), _sign(c), _sign(d)))


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
