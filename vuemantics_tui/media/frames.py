"""The frames of a video that are worth describing: spread over the whole clip, upright, as JPEG."""

from __future__ import annotations

import io
import time
from pathlib import Path

import av.video.frame

from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.media.clips import (
    DAMAGED_HINT,
    Clip,
    frame_at,
    frames_from_start,
    key_frame_at,
    open_clip,
    upright_picture,
)

# Higher than a thumbnail's: an analyzer reads what is written in the frame.
_JPEG_QUALITY = 88
# Decoding stops after this many seconds, with what it has by then.
TIME_BUDGET = 20.0

_Found = dict[int, bytes]


def extract_frames(path: Path, count: int, long_side: int = 1024) -> list[bytes]:
    """Up to `count` frames spread over the whole clip, in order, as JPEG files in memory.

    Takes the key frame before each wanted moment, and where that is taken already the frame of the moment itself;
    frames may be fewer than asked for where the clip has no more. No side exceeds `long_side` pixels. Holds no more
    than 2 * `count` frames at a time and stops after about 20 s. Raises MediaError if not one frame decodes,
    ValueError if `count` is less than 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    deadline = time.monotonic() + TIME_BUDGET
    with open_clip(path) as clip:
        if clip.duration is None:
            found = _thinned(clip, count, long_side, deadline)
        else:
            found = _spread(clip, clip.duration, count, long_side, deadline)
    if not found:
        raise MediaError("The video cannot be decoded: no frame could be read", DAMAGED_HINT)
    return [found[moment] for moment in sorted(found)]


def timed_frames(path: Path, count: int) -> tuple[list[bytes], list[float]]:
    """Return what `extract_frames` does, with the second that each frame shows."""
    found = extract_frames(path, count)
    with open_clip(path) as clip:
        duration = clip.duration or 0.0
    # They are spread evenly, each near the middle of its part.
    return found, [duration * (place + 0.5) / len(found) for place in range(len(found))]


def _spread(clip: Clip, duration: float, count: int, long_side: int, deadline: float) -> _Found:
    found, missed = _key_frames(clip, count, long_side, deadline)
    # To reach a missed moment everything from its key frame on is decoded; once through the clip may be shorter.
    if found and sum(missed.values()) <= duration:
        for moment in missed:
            if time.monotonic() > deadline:
                break
            frame = frame_at(clip, moment, deadline)
            if frame is not None and (frame.pts or 0) not in found:
                found[frame.pts or 0] = _jpeg(clip, frame, long_side)
        return found
    exact = _exact(clip, count, long_side, deadline)
    return exact if len(exact) >= len(found) else found


def _moments(clip: Clip, count: int) -> list[float]:
    """The middles of `count` equal parts of the clip, in seconds on the stream's clock."""
    duration = clip.duration or 0.0
    return [clip.start + duration * (number + 0.5) / count for number in range(count)]


def _key_frames(clip: Clip, count: int, long_side: int, deadline: float) -> tuple[_Found, dict[float, float]]:
    """The key frames before the wanted moments, and the moments that got none, with the seconds since theirs."""
    found: _Found = {}
    missed: dict[float, float] = {}
    for moment in _moments(clip, count):
        frame = key_frame_at(clip, moment)
        # Near moments may share one key frame.
        if frame is not None and (frame.pts or 0) not in found:
            found[frame.pts or 0] = _jpeg(clip, frame, long_side)
        else:
            missed[moment] = moment - (clip.start if frame is None or frame.pts is None else clip.seconds(frame.pts))
        if time.monotonic() > deadline:
            break
    return found, missed


def _exact(clip: Clip, count: int, long_side: int, deadline: float) -> _Found:
    """Decode in order and keep the frame that is on the screen at each wanted moment."""
    found: _Found = {}
    moments = _moments(clip, count)
    shown: tuple[int, av.video.frame.VideoFrame] | None = None
    for number, frame in enumerate(frames_from_start(clip)):
        seconds = clip.seconds(frame.pts) if frame.pts is not None else clip.start + number / _rate(clip)
        while moments and seconds > moments[0]:
            moments.pop(0)
            place, kept = shown or (number, frame)
            if place not in found:
                found[place] = _jpeg(clip, kept, long_side)
        if not moments or time.monotonic() > deadline:
            break
        shown = (number, frame)
    # A clip that ends earlier than its header says leaves moments over: its last frame stands for them.
    if moments and shown is not None and shown[0] not in found:
        found[shown[0]] = _jpeg(clip, shown[1], long_side)
    return found


def _thinned(clip: Clip, count: int, long_side: int, deadline: float) -> _Found:
    """For a clip of unknown length: keep every frame, then every second, every fourth and so on."""
    found: _Found = {}
    step = 1
    for number, frame in enumerate(frames_from_start(clip)):
        if time.monotonic() > deadline:
            break
        if number % step:
            continue
        found[number] = _jpeg(clip, frame, long_side)
        if len(found) >= 2 * count:
            step *= 2
            found = {place: data for place, data in found.items() if place % step == 0}
    places = sorted(found)
    kept = places if len(places) <= count else [places[(2 * n + 1) * len(places) // (2 * count)] for n in range(count)]
    return {place: found[place] for place in kept}


def _rate(clip: Clip) -> float:
    return float(clip.stream.average_rate or 25)


def _jpeg(clip: Clip, frame: av.video.frame.VideoFrame, long_side: int) -> bytes:
    buffer = io.BytesIO()
    upright_picture(clip, frame, long_side).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()
