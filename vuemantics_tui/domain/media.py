"""The media that the library accepts, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FileType(StrEnum):
    """What an upload is."""

    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class MediaFormat:
    """One accepted format: the word for it, its MIME type, and the extension that its copy gets."""

    name: str
    file_type: FileType
    mime_type: str
    extension: str


def _image(name: str, mime_type: str, extension: str) -> MediaFormat:
    return MediaFormat(name, FileType.IMAGE, mime_type, extension)


def _video(name: str, mime_type: str, extension: str) -> MediaFormat:
    return MediaFormat(name, FileType.VIDEO, mime_type, extension)


JPEG = _image("JPEG", "image/jpeg", "jpg")
PNG = _image("PNG", "image/png", "png")
WEBP = _image("WebP", "image/webp", "webp")
HEIC = _image("HEIC", "image/heic", "heic")
AVIF = _image("AVIF", "image/avif", "avif")
GIF = _image("GIF", "image/gif", "gif")
TIFF = _image("TIFF", "image/tiff", "tiff")
BMP = _image("BMP", "image/bmp", "bmp")
MP4 = _video("MP4", "video/mp4", "mp4")
MOV = _video("MOV", "video/quicktime", "mov")
AVI = _video("AVI", "video/x-msvideo", "avi")
WEBM = _video("WebM", "video/webm", "webm")
MKV = _video("MKV", "video/x-matroska", "mkv")
MPEG = _video("MPEG", "video/mpeg", "mpeg")
FLV = _video("FLV", "video/x-flv", "flv")

FORMATS: tuple[MediaFormat, ...] = (
    JPEG, PNG, WEBP, HEIC, AVIF, GIF, TIFF, BMP, MP4, MOV, AVI, WEBM, MKV, MPEG, FLV,
)  # fmt: skip


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
