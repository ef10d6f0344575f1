"""What is known of a media file: its limits, what probing its header tells, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from vuemantics_tui.domain.formats import FileType, MediaFormat


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """The largest file and picture that intake accepts: bytes, bytes, pixels (width x height)."""

    max_image_bytes: int = 100 * 1024**2
    max_video_bytes: int = 4 * 1024**3
    max_pixels: int = 200_000_000

    def max_bytes(self, file_type: FileType) -> int:
        """The largest accepted file of this type, in bytes."""
        return self.max_image_bytes if file_type is FileType.IMAGE else self.max_video_bytes


@dataclass(frozen=True, slots=True)
class Probe:
    """What a file really is, from its first bytes and header. Dimensions are as shown: upright, in pixels."""

    format: MediaFormat
    file_size: int
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class MediaMetadata:
    """What a file says of itself. `duration` in seconds; `taken_at` as ISO 8601; `extra` is plain JSON data."""

    width: int | None = None
    height: int | None = None
    duration: float | None = None
    taken_at: str | None = None
    video_codec: str | None = None
    extra: dict[str, str | int | float] | None = None
