"""The thumbnail: 256 px, JPEG, upright, for anything that is accepted."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.formats import HEAD_BYTES, FileType, recognise
from vuemantics_tui.domain.media import WHOLE, Crop
from vuemantics_tui.files import write_whole
from vuemantics_tui.media.pictures import DAMAGED_HINT, DEFAULT_MAX_PIXELS
from vuemantics_tui.media.scaled import frame_within, picture_within
from vuemantics_tui.media.visible import BLANK, contrast

THUMBNAIL_SIDE = 256
JPEG_QUALITY = 85
# For pictures that fill a window, where quality shows.
_LARGE_QUALITY = 92

# Where in a film to look for a frame that shows something, in seconds; films often fade in from black.
_CANDIDATE_SECONDS = (0.0, 1.0, 2.5, 5.0, 10.0, 20.0)
# From one key frame of a film to a moment before the next: some 300 frames, of 4K some seconds.
_SEEK_SECONDS = 3.0
# A clip with a single key frame is read in order instead: every 10th frame, up to about five seconds.
_SEQUENTIAL_FRAMES, _SEQUENTIAL_STEP = 150, 10


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """What became of a thumbnail: width and height in pixels, and in words what the picture's file lacks."""

    size: tuple[int, int]
    missing: str = ""


def make_thumbnail(source: Path, file_type: FileType, target: Path, max_pixels: int = DEFAULT_MAX_PIXELS) -> Thumbnail:
    """Write a thumbnail of a picture or video.

    An RGB JPEG of quality 85 that fits 256 x 256, never enlarged, upright, on a grey that shows it where the
    source is transparent. `target` appears whole or not at all and replaces what was there. Raises MediaError if the
    source does not decode or has more than `max_pixels`, OSError if the target cannot be written.
    """
    image = small_picture(source, file_type, THUMBNAIL_SIDE, max_pixels)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    write_whole(target, buffer.getbuffer())
    return Thumbnail(image.size, image.info.get("missing", ""))


def small_jpeg(
    source: Path, side: int, max_pixels: int = DEFAULT_MAX_PIXELS, crop: Crop = WHOLE, at: float | None = None
) -> bytes:
    """Return any picture or video on the disk as a JPEG: the part `crop` of it, fitted into `side` x `side` pixels.

    `at` asks for the frame shown after so many seconds of a video, or for the frame of that number of an animation.
    Raises MediaError if it is neither, does not decode or has more than `max_pixels`, OSError if it cannot be read.
    """
    with source.open("rb") as file:
        found = recognise(file.read(HEAD_BYTES))
    if found is None:
        raise MediaError("This is neither a picture nor a video")
    buffer = io.BytesIO()
    if at is None:
        image = small_picture(source, found.file_type, side, max_pixels)
    elif found.file_type == FileType.VIDEO:
        image = _frame_of(source, at, side)
    else:
        image = frame_within(source, int(at), side, max_pixels)
    if crop != WHOLE:
        (left, top), (right, bottom) = ((image.width * x, image.height * y) for x, y in (crop[:2], crop[2:]))
        image = image.crop((int(left), int(top), max(int(left) + 1, round(right)), max(int(top) + 1, round(bottom))))
    image.save(buffer, "JPEG", quality=JPEG_QUALITY if side <= THUMBNAIL_SIDE else _LARGE_QUALITY)
    return buffer.getvalue()


def small_picture(source: Path | bytes, file_type: FileType, side: int, max_pixels: int) -> Image.Image:
    """A picture, or the frame that shows a video, upright in RGB, within `side` x `side`. Raises MediaError."""
    return _from_video(source, side) if file_type == FileType.VIDEO else picture_within(source, side, max_pixels)


def _frame_of(source: Path, seconds: float, side: int) -> Image.Image:
    """The frame that a video shows after so many seconds, or the nearest before that is reached in time."""
    from vuemantics_tui.media.clips import frame_at, frames_from_start, key_frame_at, open_clip, upright_picture

    with open_clip(source) as clip:
        moment = clip.start + seconds
        frame = frame_at(clip, moment, time.monotonic() + _SEEK_SECONDS) or key_frame_at(clip, moment)
        frame = frame or next(frames_from_start(clip), None)
        if frame is None:
            raise MediaError("The video cannot be decoded: no frame could be read", DAMAGED_HINT)
        return upright_picture(clip, frame, side)


def _from_video(source: Path | bytes, side: int) -> Image.Image:
    # FFmpeg costs 50 ms to load, and most uploads are pictures.
    from vuemantics_tui.media.clips import frames_from_start, key_frame_at, open_clip, upright_picture

    best: Image.Image | None = None
    best_score = -1.0
    with open_clip(source) as clip:
        seen: set[int | None] = set()
        for seconds in _CANDIDATE_SECONDS:
            if seconds and clip.duration is not None and seconds >= clip.duration:
                break
            frame = key_frame_at(clip, clip.start + seconds)
            if frame is None or frame.pts in seen:
                continue
            seen.add(frame.pts)
            picture = upright_picture(clip, frame, side)
            score = contrast(picture)
            if score > best_score:
                best, best_score = picture, score
            if score >= BLANK:
                return picture
        if len(seen) <= 1:
            for number, frame in enumerate(frames_from_start(clip)):
                if number >= _SEQUENTIAL_FRAMES or best_score >= BLANK:
                    break
                if number % _SEQUENTIAL_STEP:
                    continue
                picture = upright_picture(clip, frame, side)
                score = contrast(picture)
                if score > best_score:
                    best, best_score = picture, score
    if best is None:
        raise MediaError("The video cannot be decoded: no frame could be read", DAMAGED_HINT)
    return best
