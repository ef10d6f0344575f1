"""What is marked in the picker, in whichever folder it lies, and how much that is, counted in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vuemantics_tui.domain.text import counted, size_words
from vuemantics_tui.ui.picker.folder import Entry, media_format


@dataclass(slots=True)
class Tally:
    """Files and bytes counted so far. A thread writes it while the screen reads it."""

    files: int = 0
    size: int = 0
    done: bool = False
    stopped: bool = False

    def words(self) -> str:
        """Return the tally in words: 412 files, 1.3 GB."""
        return f"{counted(self.files, 'file')}, {size_words(self.size)}"


def count_below(folder: Path, tally: Tally) -> None:
    """Count the media below a folder into the tally, until it is stopped.

    Takes what adding takes: nothing hidden, and no link, since what that leads to is either counted already or lies
    outside of the folder. What cannot be read counts nothing.
    """
    waiting = deque([folder])
    while waiting and not tally.stopped:
        try:
            with os.scandir(waiting.popleft()) as found:
                for each in found:
                    if tally.stopped:
                        return
                    count_one(each, tally, waiting)
        except OSError:
            continue
    tally.done = not tally.stopped


def count_one(each: os.DirEntry[str], tally: Tally, waiting: deque[Path]) -> None:
    """Add a file to the tally, or a folder to those that wait."""
    if each.name.startswith(".") or each.is_symlink():
        return
    if each.is_dir(follow_symlinks=False):
        waiting.append(Path(each.path))
    elif media_format(each.name):
        with contextlib.suppress(OSError):  # gone a moment ago
            size = each.stat(follow_symlinks=False).st_size
            tally.files += 1
            tally.size += size


class Tallies:
    """The tallies of folders, each counted once, one after the other so that one disk head serves one of them."""

    def __init__(self) -> None:
        self._tallies: dict[Path, Tally] = {}
        self._waiting: deque[Path] = deque()

    def __getitem__(self, folder: Path) -> Tally | None:
        return self._tallies.get(folder)

    def want(self, folders: Iterable[Path]) -> None:
        """Have these counted, unless they are already."""
        for folder in folders:
            known = self._tallies.get(folder)
            if known is None or known.stopped:
                self._tallies[folder] = Tally()
                self._waiting.append(folder)

    def keep(self, marked: Iterable[Path]) -> None:
        """Have these counted, and stop counting the rest; what is counted to its end is kept."""
        wanted = set(marked)
        for folder, tally in list(self._tallies.items()):
            if folder not in wanted and not tally.done:
                tally.stopped = True
                del self._tallies[folder]
        self.want(wanted)

    def stop(self) -> None:
        """Count nothing more."""
        self._waiting.clear()
        for tally in self._tallies.values():
            tally.stopped = not tally.done

    @property
    def busy(self) -> bool:
        """Whether something is still to be counted."""
        return any(not tally.done and not tally.stopped for tally in self._tallies.values())

    async def count(self) -> None:
        """Count all that is wanted. When this is cancelled, the thread ends with it."""
        try:
            while self._waiting:
                folder = self._waiting.popleft()
                tally = self._tallies.get(folder)
                if tally is not None and not tally.done and not tally.stopped:
                    await asyncio.to_thread(count_below, folder, tally)
        except asyncio.CancelledError:
            self.stop()
            raise


class Marks:
    """Marked entries in the order of marking, to which a range in the making may add."""

    def __init__(self) -> None:
        self._fixed: dict[Path, Entry] = {}
        self._range: dict[Path, Entry] = {}
        self.anchor: Path | None = None

    def __contains__(self, path: object) -> bool:
        return path in self._fixed or path in self._range

    def __len__(self) -> int:
        return len(self._fixed.keys() | self._range.keys())

    @property
    def entries(self) -> list[Entry]:
        """All that are marked."""
        return list((self._fixed | self._range).values())

    @property
    def folders(self) -> list[Path]:
        """The marked folders."""
        return [each.path for each in self.entries if each.is_folder]

    def toggle(self, entry: Entry) -> None:
        """Mark it, or take its mark away."""
        self.end_range()
        if self._fixed.pop(entry.path, None) is None:
            self._fixed[entry.path] = entry

    def add(self, entries: Iterable[Entry]) -> None:
        """Mark all of these."""
        self._fixed.update((each.path, each) for each in entries)

    def toggle_all(self, entries: Sequence[Entry]) -> None:
        """Mark all of these; if they are marked already, take their marks away."""
        self.end_range()
        if all(each.path in self._fixed for each in entries):
            for each in entries:
                del self._fixed[each.path]
        else:
            self.add(entries)

    def begin_range(self, entry: Entry) -> None:
        """Begin a range: from here on, `stretch` marks too."""
        self.anchor = entry.path
        self._range = {entry.path: entry}

    def stretch(self, entries: Iterable[Entry]) -> None:
        """Have the range be these."""
        self._range = {each.path: each for each in entries}

    def end_range(self) -> None:
        """Keep the marks of the range."""
        self._fixed |= self._range
        self._range = {}
        self.anchor = None

    def words(self) -> str:
        """Return how many in words: 3 files, 1 folder marked."""
        folders = len(self.folders)
        files = len(self) - folders
        parts = [counted(number, noun) for number, noun in ((files, "file"), (folders, "folder")) if number]
        return ", ".join(parts) + " marked" if parts else "nothing marked"

    def total(self, tallies: Tallies) -> tuple[int, int, bool]:
        """Return how many files and bytes are going to be added, and whether all are counted.

        What lies in a marked folder is not counted twice. Where a link leads is not looked at."""
        files = size = 0
        done = True
        folders = set(self.folders)
        for each in self.entries:
            if _within(each, folders):
                continue
            if not each.is_folder:
                files, size = files + 1, size + each.size
            elif (tally := tallies[each.path]) is None:
                done = False
            else:
                files, size, done = files + tally.files, size + tally.size, done and tally.done
        return files, size, done


def _within(entry: Entry, folders: set[Path]) -> bool:
    """Tell whether a marked folder brings this along: what is hidden, a link or no picture must be marked itself."""
    if entry.target is not None or not (entry.is_folder or entry.is_media):
        return False
    path = entry.path
    while not path.name.startswith("."):
        if path.parent == path:
            return False
        path = path.parent
        if path in folders:
            return True
    return False
