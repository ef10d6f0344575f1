"""What is marked in the picker, in whichever folder it lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from vuemantics_tui.domain.text import counted
from vuemantics_tui.ui.picker.counting import Tallies
from vuemantics_tui.ui.picker.listing import Entry


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
        """From here on, what `stretch` is told is marked, too."""
        self.anchor = entry.path
        self._range = {entry.path: entry}

    def stretch(self, entries: Iterable[Entry]) -> None:
        """The range in the making is these."""
        self._range = {each.path: each for each in entries}

    def end_range(self) -> None:
        """Keep the marks of the range."""
        self._fixed |= self._range
        self._range = {}
        self.anchor = None

    def words(self) -> str:
        """How many, told: 3 files, 1 folder marked."""
        folders = len(self.folders)
        files = len(self) - folders
        parts = [counted(number, noun) for number, noun in ((files, "file"), (folders, "folder")) if number]
        return ", ".join(parts) + " marked" if parts else "nothing marked"

    def total(self, tallies: Tallies) -> tuple[int, int, bool]:
        """Files and bytes that are going to be added, and whether that is the end of it.

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
    """Whether a marked folder brings this with it: what is hidden, a link or no picture must be marked itself."""
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
