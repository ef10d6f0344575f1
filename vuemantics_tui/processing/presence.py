"""Check whether sources and the originals in them are there: a disk may be away, a folder renamed, a file gone."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from vuemantics_tui.domain.errors import OriginalGoneError
from vuemantics_tui.domain.sources import Source, real_path
from vuemantics_tui.domain.text import storable
from vuemantics_tui.store.originals import Known
from vuemantics_tui.store.sources import SourceState, SourceStore

# File systems that make up inodes at each mount, or at each reading of a folder: there an inode identifies nothing.
_MADE_UP_INODES = frozenset(
    {"vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "cifs", "smb3", "smbfs", "9p", "iso9660"}
)
_MOUNTS = Path("/proc/self/mountinfo")


def signed(number: int) -> int:
    """Return an unsigned number of 64 bits, such as an inode, as SQLite can keep it."""
    return number - 2**64 if number >= 2**63 else number


def identity(path: Path) -> tuple[int, int] | None:
    """Return the device and inode of a folder; None if there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return (signed(status.st_dev), signed(status.st_ino)) if stat.S_ISDIR(status.st_mode) else None


def has_lasting_inodes(path: Path) -> bool:
    """Tell whether the file system of a folder knows its files by lasting numbers, as far as the system says."""
    kind = file_system(path)
    return kind not in _MADE_UP_INODES and not kind.startswith("fuse.")


def file_system(path: Path) -> str:
    """Return the kind of file system that a path is on, as in mountinfo(5); empty if the system does not say."""
    try:
        lines = _MOUNTS.read_bytes().splitlines()
    except OSError:
        return ""
    real = os.fsencode(os.path.realpath(path))
    longest, kind = b"", ""
    for line in lines:
        before, _, after = line.partition(b" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        # Blanks and the like are written as octal numbers.
        point = fields[4].decode("unicode_escape").encode("latin-1")
        inside = real == point or real.startswith(point.rstrip(b"/") + b"/")
        if inside and len(point) >= len(longest):
            longest, kind = point, after.split()[0].decode("ascii", "replace")
    return kind


def is_the_same(root: Path, known: Known) -> bool:
    """Tell whether a known file is where it was, by its size and time."""
    try:
        status = Path(root, real_path(known.folder), real_path(known.name)).stat()
    except (OSError, ValueError):
        return False
    return (status.st_size, status.st_mtime_ns) == (known.size, known.changed)


def has_any(root: Path, sample: Sequence[Known]) -> bool:
    """Tell whether any of these files is in a folder."""
    return any(is_the_same(root, known) for known in sample)


def absence(root: Path, state: SourceState, sample: Sequence[Known]) -> str:
    """Return why a source is away, or nothing if it is there.

    `sample` are some of the files that were in it. It is there if the folder is the same one as before, or any of them
    is in it: disks get other numbers when they are mounted again.
    """
    here = identity(root)
    if here is None:
        return f"There is no folder {storable(str(root))}"
    if state.device is None or here == (state.device, state.inode) or not sample:
        return ""
    if has_any(root, sample):
        return ""
    try:
        with os.scandir(root) as scan:
            is_empty = next(scan, None) is None
    except OSError as error:
        return f"{storable(str(root))} cannot be read: {error.strerror or error}"
    return f"{storable(str(root))} is empty" if is_empty else f"{storable(str(root))} contains none of its known files"


def renamed(root: Path, state: SourceState, sample: Sequence[Known]) -> Path | None:
    """Return what a folder that is gone is called now, if it was only renamed."""
    if state.device is None or not sample:
        return None
    try:
        with os.scandir(root.parent) as scan:
            for entry in scan:
                if not entry.is_dir(follow_symlinks=False) or signed(entry.inode()) != state.inode:
                    continue
                path = root.parent / entry.name
                if identity(path) == (state.device, state.inode) and has_any(path, sample):
                    return path
    except OSError:
        return None
    return None


class Presence:
    """Looks whether sources are there, and notes in the store what it finds."""

    def __init__(self, store: SourceStore) -> None:
        self._store = store

    async def look(self, source: Source) -> str:
        """Return why a source is away, or nothing if it is there; what changed is noted, where it may be."""
        state, sample = await self._store.state(source.number), await self._store.files.sample(source.number)
        reason = await asyncio.to_thread(absence, source.path, state, sample)
        if not self._store.is_read_only:
            await self._store.set_away(source.number, bool(reason))
        return reason

    async def look_for(self, number: int, root: Path, path: Path) -> OriginalGoneError:
        """Find out why the original of an upload in place is not at a path, and note it; returns that as an error."""
        source = await self._store.at(root)
        reason = await self.look(source) if source else ""
        # The disk may have come back since the file was looked for.
        if not self._store.is_read_only and (reason or not await asyncio.to_thread(path.exists)):
            await self._store.put_aside(number, away=bool(reason))
        return gone(path, root, is_away=bool(reason))


def gone(path: Path, root: Path, *, is_away: bool, since: str = "") -> OriginalGoneError:
    """Return the error for an original that is not there. `since` says when it was missed, in words."""
    folder = storable(str(root))
    if is_away:
        return OriginalGoneError(
            f"{storable(path.name)} is in {folder}, which is not there",
            f"Connect or mount its disk. If it is elsewhere now: vuemantics-tui source move {folder} NEW",
            is_away=True,
        )
    return OriginalGoneError(
        f"{storable(path.name)} is missing{f' since {since}' if since else ''}: it is not at {storable(str(path))}",
        f"Put it back, or find out where it is with: vuemantics-tui source scan {folder}",
        is_away=False,
    )
