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
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from vuemantics_tui.ui import bindings
from vuemantics_tui.ui.picker.counting import Tallies
from vuemantics_tui.ui.picker.file_line import LEAD, Columns, LineStyle, line_pieces
from vuemantics_tui.ui.picker.listing import Entry
from vuemantics_tui.ui.picker.marks import Marks
from vuemantics_tui.ui.picker.messages import EntryHighlighted, EntryOpened, MarkClicked


class FileHeading(Widget):
    """The names of the columns, above the list."""

    # The list keeps this many cells for its scrollbar.
    SCROLLBAR = 1

    def render(self) -> Content:
        """The names."""
        return Content(Columns.of(self.size.width - self.SCROLLBAR).heading())


class FileList(ScrollView, can_focus=True):
    """The entries of a folder in the order given. Posts EntryHighlighted, EntryOpened and MarkClicked."""

    BINDINGS = bindings.FILE_LIST
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"file-list--{name}" for name in (*get_args(LineStyle), "cursor")}

    def __init__(self, marks: Marks, tallies: Tallies, clock: Callable[[], datetime], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marks = marks
        self._tallies = tallies
        self._clock = clock
        self._entries: Sequence[Entry] = ()
        self._cursor = 0
        self._styles_of: dict[LineStyle, Style] = {}
        self._cursor_style = Style()

    def show(self, entries: Sequence[Entry], cursor_on: Path | None = None) -> None:
        """Show these, with the cursor on that one if it is among them, else on the first."""
        self._entries = entries
        self._cursor = 0 if cursor_on is None else self._index_of(cursor_on, otherwise=0)
        self.virtual_size = Size(0, len(entries))
        self.scroll_to(y=max(0, self._cursor - self._height // 2), animate=False)
        self.refresh()
        self.post_message(EntryHighlighted(self.cursor_entry, moved=False))

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

    @property
    def _height(self) -> int:
        return max(1, self.scrollable_content_region.height)

    # Painting

    def notify_style_update(self) -> None:
        """Forget the styles of the theme before."""
        super().notify_style_update()
        self._styles_of = {}

    def _style(self, name: LineStyle) -> Style:
        if not self._styles_of:
            self._cursor_style = self.get_component_rich_style("file-list--cursor", partial=True)
        if name not in self._styles_of:
            self._styles_of[name] = self.get_component_rich_style(f"file-list--{name}")
        return self._styles_of[name]

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

    def refresh_line(self, y: int) -> None:
        """Repaint one line, without the scrollbar beside it."""
        self.refresh(Region(0, y - round(self.scroll_y), self.scrollable_content_region.width, 1))

    def refresh_cursor_line(self) -> None:
        """Repaint the line under the cursor."""
        self.refresh_line(self._cursor)

    def on_resize(self) -> None:
        """Keep the cursor in sight in a smaller window."""
        if not 0 <= self._cursor - round(self.scroll_y) < self._height:
            self.scroll_to(y=max(0, self._cursor - self._height // 2), animate=False)

    # The cursor

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a line, counted from 0, and scroll as little as it takes to see it."""
        if not self._entries:
            return
        old, self._cursor = self._cursor, max(0, min(index, len(self._entries) - 1))
        top = round(self.scroll_y)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + self._height:
            self.scroll_to(y=self._cursor - self._height + 1, animate=False)
        if old != self._cursor:
            self._stretch_range(old)
            self.refresh_line(old)
            self.refresh_line(self._cursor)
            self.post_message(EntryHighlighted(self.cursor_entry, moved=True))

    def _stretch_range(self, old: int) -> None:
        if self._marks.anchor is not None:
            self._marks.stretch(self.since(self._marks.anchor))
            if abs(old - self._cursor) > 1:
                self.refresh()

    def move_by(self, lines: int) -> None:
        """Move the cursor by so many lines."""
        self.move_cursor(self._cursor + lines)

    def action_cursor_up(self) -> None:
        """One up."""
        self.move_by(-1)

    def action_cursor_down(self) -> None:
        """One down."""
        self.move_by(1)

    def action_page_up(self) -> None:
        """A screen up."""
        self.move_by(-max(1, self._height - 1))

    def action_page_down(self) -> None:
        """A screen down."""
        self.move_by(max(1, self._height - 1))

    def action_cursor_first(self) -> None:
        """To the first."""
        self.move_cursor(0)

    def action_cursor_last(self) -> None:
        """To the last."""
        self.move_cursor(len(self._entries) - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; on the mark, toggle that; twice, open."""
        index = round(self.scroll_y) + event.y
        if index >= len(self._entries):
            return
        self.move_cursor(index)
        if event.x < LEAD:
            self.post_message(MarkClicked())
        elif event.chain == 2:
            self.post_message(EntryOpened())
