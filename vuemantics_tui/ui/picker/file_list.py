"""FileList: what a folder holds, one entry a line, of which only those on the screen are ever drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar, get_args

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from vuemantics_tui.ui.picker.counting import Tallies
from vuemantics_tui.ui.picker.file_line import LEAD, Columns, LineStyle, line_pieces
from vuemantics_tui.ui.picker.listing import Entry
from vuemantics_tui.ui.picker.marks import Marks
from vuemantics_tui.ui.picker.messages import EntryHighlighted, EntryOpened, MarkClicked
from vuemantics_tui.ui.widgets.cursor_list import CursorList


class FileHeading(Widget):
    """The names of the columns, above the list."""

    # The list keeps this many cells for its scrollbar.
    SCROLLBAR = 1

    def render(self) -> Content:
        """The names."""
        return Content(Columns.of(self.size.width - self.SCROLLBAR).heading())


class FileList(CursorList[LineStyle]):
    """The entries of a folder in the order given. Posts EntryHighlighted, EntryOpened and MarkClicked."""

    STYLES = "file-list"
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"file-list--{name}" for name in (*get_args(LineStyle), "cursor")}

    def __init__(self, marks: Marks, tallies: Tallies, clock: Callable[[], datetime], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marks = marks
        self._tallies = tallies
        self._clock = clock
        self._entries: Sequence[Entry] = ()

    def show(self, entries: Sequence[Entry], cursor_on: Path | None = None) -> None:
        """Show these, with the cursor on that one if it is among them, else on the first."""
        self._entries = entries
        self._cursor = 0 if cursor_on is None else self._index_of(cursor_on, otherwise=0)
        self.virtual_size = Size(0, len(entries))
        self.scroll_to(y=max(0, self._cursor - self._height // 2), animate=False)
        self.refresh()
        self.post_message(EntryHighlighted(self.cursor_entry, moved=False))

    @property
    def line_count(self) -> int:
        """How many entries it shows."""
        return len(self._entries)

    @property
    def entries(self) -> Sequence[Entry]:
        """What is shown."""
        return self._entries

    @property
    def cursor_entry(self) -> Entry | None:
        """What is under the cursor."""
        return self._entries[self._cursor] if self._entries else None

    def since(self, anchor: Path) -> Sequence[Entry]:
        """The entries from this one to the cursor, both included; if it is not shown, the one under the cursor."""
        start = self._index_of(anchor, otherwise=self._cursor)
        return self._entries[min(start, self._cursor) : max(start, self._cursor) + 1]

    def _index_of(self, path: Path, *, otherwise: int) -> int:
        folder, name = path.parent, path.name
        found = (at for at, each in enumerate(self._entries) if each.name == name and each.folder == folder)
        return next(found, otherwise)

    # Painting

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.scrollable_content_region.width
        index = round(self.scroll_y) + y
        if index >= len(self._entries):
            return Strip.blank(width, self.rich_style)
        entry = self._entries[index]
        segments = []
        for text, name in line_pieces(
            entry,
            Columns.of(width),
            self._clock(),
            marked=entry.path in self._marks,
            tally=lambda each: self._tallies[each.path],
        ):
            style = self._style(name)
            if index == self._cursor:
                style += self._cursor_style
                if name in ("name", "folder", "other"):
                    style += Style(bold=True)
            segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, self._style("dim")).simplify()

    def refresh_cursor_line(self) -> None:
        """Repaint the line under the cursor."""
        self.refresh_line(self._cursor)

    def cursor_moved(self, old: int) -> None:
        """Stretch the range of marks, and tell."""
        if self._marks.anchor is not None:
            self._marks.stretch(self.since(self._marks.anchor))
            if abs(old - self._cursor) > 1:
                self.refresh()
        self.post_message(EntryHighlighted(self.cursor_entry, moved=True))

    def line_clicked(self, event: events.Click) -> None:
        """On the mark, toggle that; twice, open."""
        if event.x < LEAD:
            self.post_message(MarkClicked())
        elif event.chain == 2:
            self.post_message(EntryOpened())
