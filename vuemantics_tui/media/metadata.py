"""What a file says of itself: when and where it was taken, with what, how long it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from PIL import ExifTags

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.media.captions import place_words, read_words
from vuemantics_tui.media.companions import apple_ties, clip_ties, motion_ties
from vuemantics_tui.media.coordinates import Coordinates, clip_coordinates, exif_coordinates, xmp_coordinates
from vuemantics_tui.media.dates import TakenDate, clip_date, picture_date
from vuemantics_tui.media.exif import Tags, exif_directories, orientation_of, positive_of, text_of, whole_of
from vuemantics_tui.media.packets import find_packets, read_sidecars
from vuemantics_tui.media.pictures import (
    DEFAULT_MAX_PIXELS,
    frame_count,
    open_cut_or_whole,
    picture_faults,
    upright_size,
)
from vuemantics_tui.media.xmp import Xmp

Extra = dict[str, str | int | float]


def read_metadata(path: Path, file_type: FileType, max_pixels: int = DEFAULT_MAX_PIXELS) -> MediaMetadata:
    """Read dimensions (upright, in pixels), time, camera, place, duration and codecs.

    `extra` holds what the file has of: camera_make, camera_model, lens, software, iso, exposure_seconds,
    aperture (the f-number), focal_length_mm, orientation (as in EXIF, 2 to 8), latitude and longitude (decimal
    degrees, north and east positive), altitude_m, time_zone, content_identifier and burst_id (by which Apple
    ties files), frames (of an animation), motion_photo_offset, motion_photo_bytes and motion_photo_seconds (the clip
    inside); for videos frames_per_second, bit_rate (bits a second), audio_codec, container. A field that makes no sense
    is left out. Raises MediaError only if the file cannot be opened at all.
    """
    if file_type == FileType.VIDEO:
        return _from_video(path)
    with picture_faults("The picture cannot be opened"), open_cut_or_whole(path, max_pixels) as image:
        width, height = upright_size(image)
        main, photo, place = exif_directories(image)
        packet = image.info.get("xmp")
        packets = find_packets(path, packet if isinstance(packet, bytes) else None)
        xmp, beside = packets.read_xmp(), read_sidecars(path)
        located = _place_of(beside, exif_coordinates(place), xmp, packets.iptc)
        extra = _camera(main, photo) | (located.extra or {})
        extra |= apple_ties(image.info.get("exif")) | motion_ties(path, packets)
        if (frames := frame_count(image)) > 1:
            extra["frames"] = frames
        if (turn := orientation_of(image)) != 1:
            extra["orientation"] = turn
        taken = picture_date((main, photo, place), xmp, packets.iptc, beside)
        words = read_words(packets, beside, exif=main)
        return replace(_dated(taken), width=width, height=height, place=located.place, extra=extra or None, words=words)


def _dated(taken: TakenDate | None) -> MediaMetadata:
    """Return metadata of which only the date is known yet."""
    if taken is None:
        return MediaMetadata()
    return MediaMetadata(taken_at=taken.moment, taken_from=taken.source, taken_offset=taken.offset)


def _camera(main: Tags, photo: Tags) -> Extra:
    base = ExifTags.Base
    found: dict[str, str | int | float | None] = {
        "camera_make": text_of(main.get(base.Make)),
        "camera_model": text_of(main.get(base.Model)),
        "software": text_of(main.get(base.Software)),
        "lens": text_of(photo.get(base.LensModel)),
        "iso": whole_of(photo.get(base.ISOSpeedRatings)),
        "exposure_seconds": positive_of(photo.get(base.ExposureTime)),
        "aperture": positive_of(photo.get(base.FNumber)),
        "focal_length_mm": positive_of(photo.get(base.FocalLength)),
    }
    return {name: value for name, value in found.items() if value is not None}


def _place_of(beside: Xmp, point: Coordinates | None, xmp: Xmp, iptc: bytes) -> MediaMetadata:
    """Return metadata of which only the place is known: its names, and the coordinates and time zone in `extra`.

    A side-car comes before the file, and a name before that of the coordinates.
    """
    point = xmp_coordinates(beside) or point or xmp_coordinates(xmp)
    named = place_words((beside, xmp), iptc)
    if point is None and not named:
        return MediaMetadata()
    # Most pictures say nothing of a place, and the table takes 0.1 s to load.
    from vuemantics_tui.media.places import locate, read_place

    if point is None:
        return MediaMetadata(place=read_place(named))
    place, zone = locate(point.latitude, point.longitude)
    if named:
        there = place.country if place is not None else ""
        named_place = read_place(named)
        place = named_place if named_place.country or not there else read_place(f"{named}, {there}")
    found = {
        "latitude": point.latitude,
        "longitude": point.longitude,
        "altitude_m": point.altitude,
        "time_zone": zone,
    }
    return MediaMetadata(place=place, extra={name: value for name, value in found.items() if value is not None})


def _from_video(path: Path) -> MediaMetadata:
    # FFmpeg costs 50 ms to load, and most uploads are pictures.
    from vuemantics_tui.media import clips

    with clips.open_clip(path) as clip:
        frame = clips.key_frame_at(clip, clip.start)
        if frame is not None:
            width, height = clips.upright_size(clip, frame)
        else:
            width, height = clip.stream.width, clip.stream.height
        tags = {**clip.stream.metadata, **clip.container.metadata}
        sounds = clip.container.streams.audio
        found: dict[str, str | int | float | None] = {
            "camera_make": text_of(_first(tags, "com.apple.quicktime.make", "com.android.manufacturer", "make")),
            "camera_model": text_of(_first(tags, "com.apple.quicktime.model", "com.android.model", "model")),
            "frames_per_second": _rate(clip.stream.average_rate),
            "bit_rate": whole_of(clip.container.bit_rate),
            "audio_codec": sounds[0].codec_context.name if sounds and sounds[0].codec_context else None,
            "container": clip.container.format.name,
        }
        extra = {name: value for name, value in found.items() if value is not None} | clip_ties(tags)
        packets = find_packets(path)
        xmp, beside = packets.read_xmp(), read_sidecars(path)
        located = _place_of(beside, clip_coordinates(tags), xmp, packets.iptc)
        extra |= located.extra or {}
        return replace(
            _dated(clip_date(path, tags, clip.container.format.name, xmp, beside)),
            width=width or None,
            height=height or None,
            duration=None if clip.duration is None else round(clip.duration, 3),
            video_codec=clip.stream.codec_context.name,
            place=located.place,
            extra=extra or None,
            words=read_words(packets, beside, tags=tags),
        )


def _first(tags: Mapping[str, str], *names: str) -> str | None:
    return next((tags[name] for name in names if tags.get(name)), None)


def _rate(rate: Fraction | None) -> float | None:
    return round(float(rate), 3) if rate else None
