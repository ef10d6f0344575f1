"""What a folder holds, read off the event loop, in which order it is shown, and how a path that is typed goes on."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from vuemantics_tui.domain.formats import BY_EXTENSION, FileType, MediaFormat
from vuemantics_tui.domain.text import folded, natural_order

# A thread that computes holds up the event loop; one that rests after so many entries does not.
ENTRIES_BETWEEN_RESTS = 500
# As many as fit on a line.
MOST_LINES = 3


class Kind(Enum):
    """What an entry is, as far as its name and the file system tell."""

    FOLDER = "folder"
    IMAGE = "image"
    VIDEO = "video"
    OTHER = "file"
    BROKEN = "broken link"


class Order(Enum):
    """In which order files are shown; its value is what that is called."""

    NAME = "by name"
    NEWEST = "newest first"
    LARGEST = "largest first"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder. `target` is where a link leads; times are seconds since the epoch."""

    folder: Path
    name: str
    kind: Kind
    size: int = 0
    modified: float = 0.0
    target: str | None = None
    order: tuple[str, str] = field(default=("", ""), compare=False, repr=False)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.folder / self.name

    @property
    def is_folder(self) -> bool:
        """Whether it can be entered."""
        return self.kind is Kind.FOLDER

    @property
    def is_media(self) -> bool:
        """Whether its name is that of a picture or video."""
        return self.kind in (Kind.IMAGE, Kind.VIDEO)

    @property
    def type_words(self) -> str:
        """What it is, in a word: JPEG, MP4, folder."""
        media = media_format(self.name)
        return media.name if media and self.is_media else self.kind.value


@dataclass(frozen=True, slots=True)
class Listing:
    """What reading a folder gave.

    `problem` says why it could not be read. `asked` is the path that was asked for, if this is another one.
    """

    folder: Path
    entries: Sequence[Entry] = ()
    problem: str = ""
    asked: Path | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What of a folder is shown, and in which order."""

    order: Order = Order.NAME
    hidden: bool = False
    everything: bool = False
    text: str = ""

    def words(self) -> str:
        """Return the view in words: media only, newest first."""
        what = "all files" if self.everything else "media only"
        return ", ".join([what, *(["include hidden"] if self.hidden else []), self.order.value])


def media_format(name: str) -> MediaFormat | None:
    """Return the format that a file's name promises."""
    return BY_EXTENSION.get(name.rpartition(".")[2].lower()) if name.rfind(".") > 0 else None


def working_folder() -> Path:
    """Return the working directory, or the home folder if it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return Path.home()


def nearest_folder(path: Path) -> Path:
    """Return the path itself if it is a folder, else the nearest one above that is."""
    absolute = Path(os.path.normpath(path.absolute()))
    return next((each for each in (absolute, *absolute.parents) if _is_folder(each)), absolute)


def read_folder(wanted: Path) -> Listing:
    """Return all that a folder holds, hidden ones too, in no order; for a missing one, the nearest that exists.

    Never raises: what cannot be read says so in its `problem`. Takes time, so call it in a thread.
    """
    folder = nearest_folder(wanted)
    asked = None if folder == wanted else wanted
    try:
        entries = []
        with os.scandir(folder) as found:
            for number, each in enumerate(found, 1):
                entries.append(_entry(folder, each.name, each.is_symlink(), each.stat))
                if number % ENTRIES_BETWEEN_RESTS == 0:
                    time.sleep(0)
    except PermissionError:
        return Listing(folder, problem="You may not read this folder", asked=asked)
    except OSError as error:
        return Listing(folder, problem=f"This folder cannot be read: {error.strerror or error}", asked=asked)
    return Listing(folder, entries, asked=asked)


def entry_at(path: Path) -> Entry | None:
    """Return the entry of one path, or None where there is nothing. Looks at the disk."""
    try:
        return _entry(path.parent, path.name, path.is_symlink(), path.stat) if os.path.lexists(path) else None
    except (OSError, ValueError):
        return None


def arrange(entries: Sequence[Entry], view: View) -> list[Entry]:
    """Return the entries that a view shows, in its order: folders first. Takes time for thousands of them."""
    text = folded(view.text)
    shown = [
        each
        for each in entries
        if (view.hidden or not each.name.startswith("."))
        and (view.everything or each.is_folder or each.is_media)
        and text in folded(each.name)
    ]
    # Sorting holds up the event loop even from a thread, so it is done once where it can be.
    shown.sort(key=lambda each: each.order)
    if view.order is Order.NEWEST:
        shown.sort(key=lambda each: -each.modified)
    elif view.order is Order.LARGEST:
        shown.sort(key=lambda each: -each.size)
    return [each for each in shown if each.is_folder] + [each for each in shown if not each.is_folder]


def _entry(folder: Path, name: str, is_link: bool, look: Callable[[], os.stat_result]) -> Entry:
    # Numbers within a name count as numbers: IMG_9 before IMG_10.
    order = (natural_order(name), name)
    target = _target(folder / name) if is_link else None
    try:
        status = look()
    except OSError:
        return Entry(folder, name, Kind.BROKEN, target=target, order=order)
    kind = Kind.FOLDER if stat.S_ISDIR(status.st_mode) else _kind_of_file(name, status)
    return Entry(folder, name, kind, 0 if kind is Kind.FOLDER else status.st_size, status.st_mtime, target, order)


def _kind_of_file(name: str, status: os.stat_result) -> Kind:
    found = media_format(name)
    if found is None or not stat.S_ISREG(status.st_mode):
        return Kind.OTHER
    return Kind.IMAGE if found.file_type is FileType.IMAGE else Kind.VIDEO


def _target(path: Path) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - as it is written, a blank or a dot at its end included
    except OSError:
        return "?"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Completion:
    """What a typed path may be continued to: the text with what all have in common, and the names that there are."""

    text: str
    names: tuple[str, ...] = ()


async def completed_lines(text: str) -> list[str]:
    """Return what a typed path may become: as far as that is clear, or else the first names that begin so.

    A path that is not absolute begins at the working directory.
    """
    if not text.strip():
        return []
    found = await asyncio.to_thread(lambda: complete(text, Path(os.curdir)))
    if found.text != text:
        return [found.text]
    head = text[: len(text) - len(os.path.split(text)[1])]
    return [head + name for name in found.names[:MOST_LINES] if head + name != text]


def complete(text: str, base: Path) -> Completion:
    """Return the longest start shared by all names that begin as this one does; folders end with a slash.

    Names that begin exactly so go before those that differ in capitals or accents. Hidden ones count only where a dot
    is typed. A path that is not absolute begins at `base`. Reads a folder, so call it in a thread.
    """
    head, tail = os.path.split(text)
    head = text[: len(text) - len(tail)]
    folder = base / Path(os.path.expanduser(head)) if head else base  # noqa: PTH111 - an unknown ~name stays as it is
    if text == "~":
        return Completion("~/", ("~/",))
    try:
        with os.scandir(folder) as found:
            names = [each.name + "/" if each.is_dir() else each.name for each in found]
    except (OSError, ValueError):
        return Completion(text)
    names = [name for name in names if tail.startswith(".") or not name.startswith(".")]
    exact = [name for name in names if name.startswith(tail)]
    matching = exact or [name for name in names if folded(name).startswith(folded(tail))]
    if not matching:
        return Completion(text)
    matching.sort(key=lambda name: (not name.endswith("/"), folded(name)))
    common = _common_start(matching)
    # Names that differ in their capitals may have less in common than is typed already.
    return Completion(head + common if len(common) >= len(tail) else text, tuple(matching))


def _common_start(names: list[str]) -> str:
    first, last = min(names), max(names)
    length = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:length]
