"""Media files: the limits of intake, the result of a probe, and metadata."""

from __future__ import annotations

from dataclasses import dataclass

from vuemantics_tui.domain.formats import FileType, MediaFormat
from vuemantics_tui.domain.moment import DateSource


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """The largest files and pictures that intake accepts, in bytes and pixels."""

    max_image_bytes: int = 100 * 1024**2
    max_video_bytes: int = 4 * 1024**3
    max_pixels: int = 200_000_000

    def max_bytes(self, file_type: FileType) -> int:
        """Return the size limit for files of this type, in bytes."""
        return self.max_image_bytes if file_type is FileType.IMAGE else self.max_video_bytes


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of a probe: format, size, and dimensions, which are upright and in pixels."""

    format: MediaFormat
    file_size: int
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was taken: populated place, region, country, and the country's ISO 3166 code of two letters.

    What is not known is empty. `common_names` are other names in use, such as Roma for Rome, `other_names` those in
    more languages, and `country_names` other names of the country.
    """

    name: str = ""
    region: str = ""
    country: str = ""
    country_code: str = ""
    common_names: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()
    country_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaMetadata:
    """Metadata of a file. `duration` in seconds; `extra` is plain JSON data.

    `taken_at` is a moment (see `domain.moment`), which ends in Z where the file knows only UTC, and `taken_from` says
    which part of the file has it; `taken_offset` is how many minutes east of UTC the camera's clock was set, where that
    is known.
    """

    width: int | None = None
    height: int | None = None
    duration: float | None = None
    taken_at: str | None = None
    taken_from: DateSource | None = None
    taken_offset: int | None = None
    video_codec: str | None = None
    extra: dict[str, str | int | float] | None = None
