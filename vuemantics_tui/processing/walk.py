"""The walk through the folders of a source: which files are there, and what could not be looked at."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vuemantics_tui.domain.sources import NO_MEDIA, Excludes, real_path, stored_path
from vuemantics_tui.files import read_fault
from vuemantics_tui.media.packets import SIDECAR_SUFFIX
from vuemantics_tui.processing.presence import has_lasting_inodes, identity, signed
from vuemantics_tui.store.originals import joined

FILES_AT_ONCE = 4_000
"""How many files are looked at before the event loop is told."""


@dataclass(slots=True)
class Listing:
    """The files of one folder: size, time, inode and time of the side-cars by name."""

    folder: str
    files: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)


class Walk:
    """Goes through the folders of a source, a part at a time, in a thread.

    `closed` are the folders that could not be read, or whose disk is away: nothing in and below them counts as gone.
    `problems` says why. `mounts` are folders that are disks of their own, `linked` links to folders, which are not
    followed. All paths are relative and as stored, but for those of the problems and links.
    """

    def __init__(
        self,
        root: Path,
        excludes: Excludes,
        others: Collection[tuple[int, int]],
        mounts: Collection[str] = (),
        *,
        begin: Iterable[str] = ("",),
        alone: Collection[str] = (),
    ) -> None:
        """Take what to leave out, also by the device and inode of `others`, and the `mounts` that were there before.

        It begins at some folders and goes below them, but not below those that it looks at `alone`.
        """
        self.closed: list[str] = []
        self.problems: list[tuple[Path, str]] = []
        self.mounts: set[str] = set()
        self.linked: list[Path] = []
        self.visited: set[str] = set()
        self._root = root
        self._excludes = excludes
        self._others = set(others)
        self._before = set(mounts)
        self._folders = [*begin, *alone]
        self._alone = frozenset(alone)
        self._has_inodes = has_lasting_inodes(root)
        top = identity(root)
        self._device = top[0] if top else None

    def next(self) -> list[Listing]:
        """Return the next folders; none at the end."""
        found: list[Listing] = []
        count = 0
        while self._folders and count < FILES_AT_ONCE:
            listing = self._list(self._folders.pop())
            if listing is not None:
                found.append(listing)
                # A folder costs something, too.
                count += len(listing.files) + 20
        return found

    def _list(self, folder: str) -> Listing | None:
        path = Path(self._root, real_path(folder)) if folder else self._root
        try:
            status = path.stat()
            here = signed(status.st_dev), signed(status.st_ino)
            if folder and here in self._others:
                return None
            with os.scandir(path) as scan:
                entries = list(scan)
        except FileNotFoundError:
            if folder in self._before:
                self._close(folder, path, "Its disk is not mounted")
            return None  # What was in it is gone, as in a folder that nobody names.
        except NotADirectoryError:
            return None
        except OSError as error:
            self._close(folder, path, read_fault(path, error)[0])
            return None
        # A folder that is reached twice, as by a mount of itself, is walked once.
        if here in self._others or folder in self.visited:
            return None
        self._others.add(here)
        self.visited.add(folder)
        if here[0] != self._device:
            self.mounts.add(folder)
        elif folder in self._before:
            self._close(folder, path, "Its disk is not mounted")
        return self._sort(folder, path, entries)

    def _close(self, folder: str, path: Path, reason: str) -> None:
        self.closed.append(folder)
        self.problems.append((path, reason))
        if folder in self._before:
            self.mounts.add(folder)

    def _sort(self, folder: str, path: Path, entries: list[os.DirEntry[str]]) -> Listing | None:
        """Return the files among the entries of a folder, and note the folders among them."""
        if folder and any(entry.name == NO_MEDIA for entry in entries):
            return None
        listing = Listing(folder)
        files, has_inodes = listing.files, self._has_inodes
        sidecars: dict[str, int] = {}
        below: list[str] = []
        for entry in entries:
            status = self._look(folder, path, entry, below)
            if status is None:
                continue
            if entry.name[-4:].lower() == SIDECAR_SUFFIX:
                sidecars[entry.name.lower()] = status.st_mtime_ns
            else:
                inode = signed(status.st_ino) if has_inodes else 0
                files[stored_path(entry.name)] = (status.st_size, status.st_mtime_ns, inode, 0)
        for name, (size, changed, inode, _) in tuple(files.items()) if sidecars else ():
            lower = real_path(name).lower()
            beside = (lower + SIDECAR_SUFFIX, lower.rpartition(".")[0] + SIDECAR_SUFFIX)
            files[name] = (size, changed, inode, max(sidecars.get(each, 0) for each in beside))
        if folder not in self._alone:
            self._folders += sorted(below, reverse=True)
        return listing

    def _look(self, folder: str, path: Path, entry: os.DirEntry[str], below: list[str]) -> os.stat_result | None:
        """Return the status of a file, or note in `below` that it is a folder."""
        name = entry.name
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
            if self._excludes.leaves_out(folder, name, is_folder=is_folder):
                return None
            if is_folder:
                below.append(joined(folder, stored_path(name)))
                return None
            status = entry.stat()
        except FileNotFoundError:
            return None  # It vanished, or is a broken link.
        except OSError as error:
            # Keep what was known of it until it can be read.
            self.problems.append((path / name, read_fault(path / name, error)[0]))
            return None
        if stat.S_ISREG(status.st_mode):
            return status
        # Linked folders are not entered, so that no walk goes round; pipes and the like hold no pictures.
        if stat.S_ISDIR(status.st_mode):
            self.linked.append(path / name)
        return None


def is_left_out(folder: str, excludes: Excludes) -> bool:
    """Tell whether a folder, or one that it is in, is left out."""
    parts = folder.split("/") if folder else []
    return any(excludes.leaves_out("/".join(parts[:count]), name, is_folder=True) for count, name in enumerate(parts))


def around(folder: str) -> Iterator[str]:
    """Yield a folder of a source and those that it is in, the source itself last."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def is_in(folder: str, outer: str) -> bool:
    return not outer or folder == outer or folder.startswith(f"{outer}/")
