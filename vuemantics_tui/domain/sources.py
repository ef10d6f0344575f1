"""Folders whose files are used in place: what they are, what a scan leaves out, and how their paths are stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from fnmatch import translate
from pathlib import Path


class Placement(StrEnum):
    """Where originals are: copied into the library, or used in their source."""

    COPIED = "copied"
    IN_PLACE = "in-place"


class LocationState(IntEnum):
    """The state of a file in a source: here, missing, removed by a person, or refused (not a picture)."""

    HERE = 0
    MISSING = 1
    REMOVED = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class Source:
    """A folder whose files are used in place. Moments are in ISO 8601 UTC.

    With `chosen_only` a scan follows the files that were named, and takes no others. `files` counts the files that are
    uploads, copies of the same bytes included; `missing` those that are gone, `refused` what is no picture or video.
    """

    number: int
    path: Path
    chosen_only: bool
    excludes: tuple[str, ...]
    watched: bool
    added_at: str
    scanned_at: str | None
    away_since: str | None
    removed_at: str | None
    files: int = 0
    missing: int = 0
    refused: int = 0

    @property
    def is_away(self) -> bool:
        """Whether its disk was missing at the last check."""
        return self.away_since is not None


@dataclass(frozen=True, slots=True)
class RemovedFile:
    """A file in a source whose upload a person deleted. `upload_id` while that is in the trash."""

    path: Path
    removed_at: str
    upload_id: str | None


@dataclass(slots=True)
class ScanProgress:
    """How far a scan is, in files. `problems` are the paths that could not be read, each with the reason.

    `copies` are files with the same bytes as another one; `reading` says how many must still be read. `linked` are
    links to folders, which were not followed; `uploads` the numbers of the uploads that are new or changed.
    """

    source: Source
    seen: int = 0
    new: int = 0
    changed: int = 0
    moved: int = 0
    copies: int = 0
    missing: int = 0
    back: int = 0
    refused: int = 0
    reading: int = 0
    is_away: bool = False
    away_reason: str = ""
    renamed_from: Path | None = None
    problems: list[tuple[Path, str]] = field(default_factory=list)
    linked: list[Path] = field(default_factory=list)
    uploads: list[int] = field(default_factory=list)

    @property
    def found_words(self) -> str:
        """Return what was found in words: 3 new, 1 moved; empty if nothing differs."""
        found = (
            (self.new, "new"),
            (self.changed, "changed"),
            (self.moved, "moved"),
            (self.copies, "already in the library"),
            (self.missing, "missing"),
            (self.back, "back"),
            (self.refused, "not a picture or video"),
        )
        return ", ".join(f"{count:,} {words}" for count, words in found if count)


@dataclass(frozen=True, slots=True)
class ScanPart:
    """A folder of a source to scan: with everything below it if it `is_deep`, else alone."""

    folder: Path
    is_deep: bool = True


class WatchState(StrEnum):
    """How changes in a source are noticed while the program runs."""

    OFF = "not watched"
    STARTING = "starting"
    BY_EVENTS = "watched"
    BY_SCANS = "scanned regularly"
    AWAY = "away"
    ELSEWHERE = "watched elsewhere"


# Paths as text

# Parts of a name that SQLite's text cannot hold, and the character that marks them.
_MARK = "\x1a"
_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_MARKED = re.compile("\x1a([0-9a-f]{4})")


def stored_path(path: str) -> str:
    """Return a path as the store keeps it: bytes that are no UTF-8, half surrogate pairs here, are written out."""
    if path.isascii() and _MARK not in path:
        return path
    return _UNSTORABLE.sub(lambda match: f"{_MARK}{ord(match[0]):04x}", path)


def real_path(stored: str) -> str:
    """Return the path that `stored_path` was given."""
    return _MARKED.sub(lambda match: chr(int(match[1], 16)), stored) if _MARK in stored else stored


# What a scan leaves out

SYSTEM_NAMES = frozenset(
    {
        *("@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found", "__macosx"),
        *(".thumbnails", "thumbs.db", "desktop.ini"),
    }
)
"""System files and folders, in lower case. Names that begin with a dot are left out anyway."""
SYSTEM_ENDINGS = (".lrdata", ".lrcat-data")
"""The suffix of folders in which Lightroom keeps previews."""
NO_MEDIA = ".nomedia"
"""A folder with a file of this name is left out, as on Android."""


class Excludes:
    """What a scan leaves out: hidden files, system files, and matches of a pattern.

    A pattern without a slash is compared with each name, one with a slash with the whole path below the source. Case
    does not count.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        names: list[str] = []
        whole: list[str] = []
        for pattern in patterns:
            text = pattern.strip().lower()
            if not text.strip("/"):
                continue
            (whole if "/" in text.strip("/") else names).append(text.strip("/"))
        self._name = _any(names)
        self._whole = _any(whole)

    def leaves_out(self, folder: str, name: str, *, is_folder: bool) -> bool:
        """Tell whether a file or folder is left out. `folder` is relative to the source, empty for itself."""
        if name[0] == ".":
            return True
        if self._name is None and self._whole is None and not is_folder:
            return len(name) < 12 and name.lower() in SYSTEM_NAMES
        lower = name.lower()
        if lower in SYSTEM_NAMES or (is_folder and lower.endswith(SYSTEM_ENDINGS)):
            return True
        if self._name is not None and self._name.match(lower):
            return True
        return self._whole is not None and bool(self._whole.match(f"{folder.lower()}/{lower}" if folder else lower))


def _any(patterns: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, patterns))) if patterns else None
