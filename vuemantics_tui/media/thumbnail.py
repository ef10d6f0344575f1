"""The thumbnail: 256 px, JPEG, upright, for anything that is accepted."""

from __future__ import annotations

import io
import os
import secrets
import struct
from pathlib import Path

import numpy as np
import pi_heif  # type: ignore[import-untyped]
from PIL import Image, ImageCms, ImageStat

from vuemantics_tui.domain import media
from vuemantics_tui.domain.errors import MediaError
from vuemantics_tui.domain.media import FileType
from vuemantics_tui.media.heif import promote_thumbnail
from vuemantics_tui.media.pictures import (
    DAMAGED_HINT,
    DEFAULT_MAX_PIXELS,
    PICTURE_FAULTS,
    format_of,
    open_picture,
    orientation,
    picture_faults,
    turn_upright,
)

THUMBNAIL_SIDE = 256
_JPEG_QUALITY = 85

# Where in a film to look for a frame that shows something, in seconds; films often fade in from black.
_CANDIDATE_SECONDS = (0.0, 1.0, 2.5, 5.0, 10.0, 20.0)
# A clip with a single key frame is read in order instead: every 10th frame, up to about five seconds.
_SEQUENTIAL_FRAMES, _SEQUENTIAL_STEP = 150, 10
# Standard deviation of the brightness, of 0..255: below it a frame is as good as one colour.
_BLANK_DEVIATION = 10.0


def make_thumbnail(
    source: Path, file_type: FileType, target: Path, max_pixels: int = DEFAULT_MAX_PIXELS
) -> tuple[int, int]:
    """Write a thumbnail of a picture or video and return its width and height in pixels.

    An RGB JPEG of quality 85 that fits 256 x 256, never enlarged, upright, white where the source is
    transparent. `target` appears whole or not at all and replaces what was there. Raises MediaError if the
    source does not decode or has more than `max_pixels`, OSError if the target cannot be written.
    """
    if file_type == FileType.VIDEO:
        image = _from_video(source)
    else:
        with picture_faults("The picture cannot be decoded"):
            image = _from_picture(source, max_pixels)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    _write_whole(target, buffer.getbuffer())
    return image.size


def _from_picture(source: Path, max_pixels: int) -> Image.Image:
    if format_of(source) is media.HEIC:
        embedded = _embedded_thumbnail(source)
        if embedded is not None:
            return embedded
    with open_picture(source, max_pixels) as image:
        return _shrink(image)


def _embedded_thumbnail(source: Path) -> Image.Image | None:
    """The thumbnail that a HEIC file carries, shrunk, or None if it has no good one."""
    try:
        edited = promote_thumbnail(source.read_bytes(), THUMBNAIL_SIDE)
        if edited is None:
            return None
        with pi_heif.HeifImageFile(io.BytesIO(edited)) as image:
            return _shrink(image)
    except PICTURE_FAULTS:
        # The large picture may still be whole.
        return None


def _shrink(image: Image.Image) -> Image.Image:
    """The picture as small upright RGB. Nothing of full size is copied where the mode allows that."""
    small: Image.Image = image
    if image.mode.startswith("I;16"):
        # Pillow does not scale 16-bit greys, and its conversion clips them to white.
        small = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8), "L")
    elif image.mode in ("1", "P", "PA") or "transparency" in image.info:
        small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.format == "HEIF":
        # A HEIC of several pictures decodes anew, at its old size, each time its pixels are asked for.
        small = image.copy()
    # Scaling before anything else lets the JPEG decoder do most of it; a copy would lose that (draft mode).
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BICUBIC, reducing_gap=1.0)
    small.load()
    profile = image.info.get("icc_profile")
    upright = turn_upright(small, orientation(image))
    return _to_rgb(upright, profile if isinstance(profile, bytes) else None)


def _to_rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode in ("I", "F"):
        return _greys(image).convert("RGB")
    if image.mode == "La":
        # The only thing that Pillow converts this premultiplied mode to.
        image = image.convert("LA")
    if image.mode in ("LA", "RGBa"):
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(_to_srgb(image.convert("RGB"), profile), mask=image.getchannel("A"))
        return white
    return _to_srgb(image, profile)


def _greys(image: Image.Image) -> Image.Image:
    """32-bit integer or float greys as 8-bit ones: 0..1, 0..255 and 0..65535 keep their scale."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    low, high = float(values.min()), float(values.max())
    # Bicubic scaling overshoots its input a little at sharp edges.
    slack = 0.1 * max(abs(low), abs(high))
    top = next((top for top in (1.0, 255.0, 65535.0) if low >= -slack and high <= top * 1.1), None)
    if image.mode == "I" and top == 1.0:
        top = 255.0
    if top is None:
        values, top = values - low, (high - low) or 1.0
    return Image.fromarray(np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8), "L")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in the colours that a screen expects; a profile that makes no sense is passed over."""
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if source.profile.xcolor_space.strip() == {"L": "GRAY"}.get(image.mode, image.mode):
                converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError, struct.error):
            pass
    return image.convert("RGB")


def _from_video(source: Path) -> Image.Image:
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
            picture = upright_picture(clip, frame, THUMBNAIL_SIDE)
            score = _contrast(picture)
            if score > best_score:
                best, best_score = picture, score
            if score >= _BLANK_DEVIATION:
                return picture
        if len(seen) <= 1:
            for number, frame in enumerate(frames_from_start(clip)):
                if number >= _SEQUENTIAL_FRAMES or best_score >= _BLANK_DEVIATION:
                    break
                if number % _SEQUENTIAL_STEP:
                    continue
                picture = upright_picture(clip, frame, THUMBNAIL_SIDE)
                score = _contrast(picture)
                if score > best_score:
                    best, best_score = picture, score
    if best is None:
        raise MediaError("The video cannot be decoded: not one frame came out", DAMAGED_HINT)
    return best


def _contrast(image: Image.Image) -> float:
    return float(ImageStat.Stat(image.convert("L")).stddev[0])


def _write_whole(target: Path, data: memoryview) -> None:
    """Write beside the target, flush to the disk, then rename: a crash leaves the old file or none."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
