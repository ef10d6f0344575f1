"""The lines around the picker's list: where one is, how it is shown, and what is going to be added."""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len
from textual.content import Content

from vuemantics_tui.domain.text import counted, size_words, visible
from vuemantics_tui.ui.actions import key_of
from vuemantics_tui.ui.picker.marks import Marks, Tallies
from vuemantics_tui.ui.widgets.one_line import Part, TwoSidedLine, fit


class PickerHeader(TwoSidedLine):
    """The first line: where one is, and how much is marked."""

    TITLE = "add files"

    def __init__(self, marks: Marks, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marks = marks
        self.folder = Path()

    def left_part(self) -> list[Part]:
        """The folder; of a long one, its end."""
        room = self.content_size.width - len(self.TITLE) - 2
        if self._marks:
            room -= len(self._marks.words()) + 2
        return [(self.TITLE, "bold $accent"), ("  " + fit_path(self.folder, room), "$foreground")]

    def right_parts(self) -> list[list[Part]]:
        """What is marked."""
        return [[(self._marks.words(), "bold $accent" if self._marks else "$dim")]]


class TotalsLine(TwoSidedLine):
    """The line above the keys: what would be added, and what there is to know just now."""

    def __init__(self, marks: Marks, tallies: Tallies, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marks = marks
        self._tallies = tallies
        self.note = ""
        self.shown = self.left_out = 0

    def left_part(self) -> list[Part]:
        """A note, if there is one; else the total of the marks."""
        if self.note:
            return [(self.note, "$warning")]
        if not self._marks:
            add, mark = key_of(self, "picker-open"), key_of(self, "picker-mark")
            return [(f"{add} adds the file under the cursor, {mark} marks several.", "$dim")]
        files, size, done = self._marks.total(self._tallies)
        total = f"{counted(files, 'file')}, {size_words(size)}"
        if not done:
            return [("counting… ", "$running"), (f"{total} so far", "$foreground")]
        return [(total, "bold $success" if files else "bold $warning"), (" will be added", "$foreground")]

    def right_parts(self) -> list[list[Part]]:
        """How much of the folder is shown."""
        shown = f"{self.shown:,} entry" if self.shown == 1 else f"{self.shown:,} entries"
        if not self.left_out:
            return [[(shown, "$dim")], []]
        return [[(f"{shown}, {self.left_out:,} not shown", "$dim")], [(shown, "$dim")], []]

    def render(self) -> Content:
        """The line; a note too long for it loses its end, not its place."""
        content = super().render()
        return content.truncate(max(1, self.content_size.width), ellipsis=True)


def fit_path(path: Path, width: int) -> str:
    """A path in at most so many cells: the home folder as ~, and of a long one its end."""
    try:
        shown = "~/" + path.relative_to(Path.home()).as_posix() if path != Path.home() else "~"
    except (ValueError, RuntimeError):
        shown = str(path)
    shown = visible(shown)
    if cell_len(shown) <= width:
        return shown
    parts = shown.split("/")
    while len(parts) > 1 and cell_len("…/" + "/".join(parts)) > width:
        del parts[0]
    return fit("…/" + "/".join(parts), width).rstrip()
