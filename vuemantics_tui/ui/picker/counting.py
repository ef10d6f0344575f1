"""How many pictures and videos a folder holds with all that is below it, counted in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vuemantics_tui.domain.text import counted, size_words
from vuemantics_tui.ui.picker.listing import media_format


@dataclass(slots=True)
class Tally:
    """Files and bytes counted so far. A thread writes it while the screen reads it."""

    files: int = 0
    size: int = 0
    done: bool = False
    stopped: bool = False

    def words(self) -> str:
        """The tally, told: 412 files, 1.3 GB."""
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
                    _count_one(each, tally, waiting)
        except OSError:
            continue
    tally.done = not tally.stopped


def _count_one(each: os.DirEntry[str], tally: Tally, waiting: deque[Path]) -> None:
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
