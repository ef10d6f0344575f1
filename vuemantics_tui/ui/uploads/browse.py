"""Browse: the side list to narrow by, with how many uploads each entry leaves. It mirrors the search line: entries in
the line are marked, and pressing one adds it to the line or removes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events, on, work
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.actions import FIND, MOVE, action, hidden
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.uploads.search_bar import SearchBar
from vuemantics_tui.ui.uploads.upload_list import Change, UploadList
from vuemantics_tui.ui.widgets.cursor_list import CursorList
from vuemantics_tui.ui.widgets.one_line import fit

if TYPE_CHECKING:
    from vuemantics_tui.library import Facet, Facets, FacetSection, Library

LineStyle = Literal["title", "name", "dim", "chosen"]
# While uploads are processed each of them may change the counts.
READ_AGAIN_SECONDS = 1.0
# So many of a section, or inside a year or a country, are shown until more are asked for.
FEW = 5
CHOSEN, OPEN, CLOSED = "✓", "▾", "▸"


@dataclass
class BrowseLeft(Message):
    """The keys belong to the list again."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a title, an entry, how many more there are, or nothing.

    `path` names the section and the entries that lead to it, so that the cursor finds it again.
    """

    path: tuple[str, ...]
    text: str = ""
    facet: Facet | None = None
    section: FacetSection | None = None
    is_more: bool = False

    @property
    def can_be_chosen(self) -> bool:
        """Whether the cursor may stand on it."""
        return self.facet is not None or self.is_more


class Browse(CursorList[LineStyle]):
    """Lists what the search line can be narrowed by. Posts BrowseLeft."""

    HELP_TITLE = "The side list to narrow by"
    STYLES = "browse"
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"browse--{name}" for name in (*get_args(LineStyle), "cursor", "hover")}
    BINDINGS: ClassVar[list[BindingType]] = [
        action("narrow", "enter,space", "narrow", "narrow", "Narrow by the entry, or remove it again", FIND),
        hidden("open-entry", "right,l", "open_entry", "open", "Show what is inside: months, places, more", MOVE),
        hidden("close-entry", "left,h", "close_entry", "close", "Hide what is inside", MOVE),
        action("leave-browse", "escape", "leave_browse", "back", "Back to the list", MOVE),
    ]

    def __init__(self, library: Library, uploads: UploadList, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._library = library
        self._uploads = uploads
        self._facets: Facets = {}
        self._lines: list[Line] = []
        # What was opened and closed by hand; the first of the years and countries is open unless it was closed.
        self._unfolded: set[tuple[str, ...]] = set()
        self._folded: set[tuple[str, ...]] = set()
        self._read_text: str | None = None

    def on_mount(self) -> None:
        """Follow the list and the library."""
        self._search_bar = self.screen.query_one(SearchBar)
        self._reader = Reader(self, self._read, rest=0.0)
        self._read_again = Reader(self, self._read, rest=READ_AGAIN_SECONDS)
        self._uploads.listeners.append(self._list_changed)
        Feed.of(self).follow(self)

    # What is shown

    def begin(self) -> None:
        """Read the counts, as it is going to be shown."""
        self._reader.want()

    @on(LibraryChanged)
    def _library_changed(self) -> None:
        if self.display:
            self._read_again.want()

    def _list_changed(self, change: Change) -> None:
        if (
            self.display
            and self.is_attached
            and change is Change.REPLACED
            and self._search_bar.line.query != self._read_text
        ):
            self._reader.want()

    async def _read(self) -> None:
        text = self._search_bar.line.query
        facets = await self._library.search.facets.of(text, show_hidden=self._uploads.view.show_hidden)
        if self.is_attached and text == self._search_bar.line.query:
            self._read_text = text
            self._facets = facets
            self._show()
            self._get_ready()

    @work(group="getting ready", exclusive=True, exit_on_error=False)
    async def _get_ready(self) -> None:
        """Make the next counts quick, while people look at these."""
        with Notices.of(self).errors_told():
            await self._library.search.facets.get_ready()

    def _show(self) -> None:
        """Make the lines again; the cursor stays on its entry, or else in its place."""
        before = self._cursor_path
        self._lines = list(self._all_lines())
        place = next((at for at, line in enumerate(self._lines) if line.path == before), self._cursor)
        self._cursor = self._nearest(min(place, max(0, len(self._lines) - 1)), 1)
        self.virtual_size = Size(0, len(self._lines))
        self.reveal_cursor()
        self.refresh()

    def _all_lines(self) -> Iterator[Line]:
        for section, facets in self._facets.items():
            if section is not next(iter(self._facets)):
                yield Line(("", section.value))
            yield Line((section.value, ""), section.value)
            yield from self._entries(section, facets, (section.value,))
        if not self._facets:
            yield Line(("",), "Nothing to narrow by yet.")

    def _entries(self, section: FacetSection, facets: Sequence[Facet], path: tuple[str, ...]) -> Iterator[Line]:
        shows_all = (*path, "more") in self._unfolded or len(facets) <= FEW + 1
        shown = facets if shows_all else [facet for at, facet in enumerate(facets) if at < FEW or _is_chosen(facet)]
        for place, facet in enumerate(shown):
            here = (*path, facet.name)
            is_open = self._is_open(here, facet, first=place == 0)
            yield Line(here, OPEN if is_open else CLOSED if facet.within else " ", facet, section)
            if is_open:
                yield from self._entries(section, facet.within, here)
        if len(facets) > len(shown):
            yield Line((*path, "more"), f"{len(facets) - len(shown):,} more", section=section, is_more=True)
        elif shows_all and len(facets) > FEW + 1:
            yield Line((*path, "more"), "fewer", section=section, is_more=True)

    def _is_open(self, path: tuple[str, ...], facet: Facet, *, first: bool) -> bool:
        if not facet.within or path in self._folded:
            return False
        return first or path in self._unfolded or _is_chosen(facet)

    # The cursor

    @property
    def line_count(self) -> int:
        """Return how many lines there are."""
        return len(self._lines)

    @property
    def lines(self) -> Sequence[Line]:
        """What it shows."""
        return self._lines

    @property
    def cursor_entry(self) -> Line | None:
        """The line under the cursor, if it can be pressed."""
        line = self._lines[self._cursor] if self._cursor < len(self._lines) else None
        return line if line is not None and line.can_be_chosen else None

    @property
    def _cursor_path(self) -> tuple[str, ...] | None:
        entry = self.cursor_entry
        return None if entry is None else entry.path

    def move_cursor(self, index: int) -> None:
        """Put the cursor on the nearest entry in the direction of its move."""
        super().move_cursor(self._nearest(index, -1 if index < self._cursor else 1))

    def reveal_cursor(self) -> None:
        """Scroll as little as it takes to see the cursor, and the title above the first entry."""
        super().reveal_cursor()
        if self._cursor <= 1:
            self.scroll_to(y=0, animate=False)

    def _nearest(self, index: int, step: int) -> int:
        ahead = range(index, len(self._lines)) if step > 0 else range(min(index, len(self._lines) - 1), -1, -1)
        behind = range(index, -1, -1) if step > 0 else range(max(0, index), len(self._lines))
        found = (at for at in (*ahead, *behind) if 0 <= at < len(self._lines) and self._lines[at].can_be_chosen)
        return next(found, 0)

    # Narrowing

    def action_narrow(self) -> None:
        """Add the entry under the cursor to the search line, or remove it; or show more."""
        entry = self.cursor_entry
        if entry is None:
            return
        if entry.facet is None:
            self._toggle_more(entry.path)
        elif entry.facet.forms or entry.facet.query:
            self._press(entry)
        else:
            self._toggle_open(entry)

    @work(group="narrowing", exit_on_error=False)
    async def _press(self, entry: Line) -> None:
        assert entry.facet is not None
        assert entry.section is not None
        facet, section = entry.facet, entry.section
        # With two quick presses the current line counts, not what was shown when the counts were read.
        before = self._search_bar.line.query
        with Notices.of(self).errors_told():
            text = await self._library.search.facets.toggled(before, section, facet, self._facets.get(section, ()))
            if text:
                self._search_bar.run(text)
            else:
                self._search_bar.leave()
            self._mark(entry, not facet.chosen)
            self._reader.want()

    def _mark(self, entry: Line, chosen: bool) -> None:
        """Show the mark before the counts are there."""
        assert entry.facet is not None
        pressed = replace(entry.facet, chosen=chosen)
        self._lines = [replace(line, facet=pressed) if line is entry else line for line in self._lines]
        self.refresh()

    def _toggle_more(self, path: tuple[str, ...]) -> None:
        self._unfolded ^= {path}
        self._show()

    def _toggle_open(self, entry: Line) -> None:
        if entry.text == OPEN:
            self._unfolded.discard(entry.path)
            self._folded.add(entry.path)
        elif entry.text == CLOSED:
            self._folded.discard(entry.path)
            self._unfolded.add(entry.path)
        self._show()

    def action_open_entry(self) -> None:
        """Show what is inside the entry."""
        entry = self.cursor_entry
        if entry is not None and entry.is_more and entry.path not in self._unfolded:
            self._toggle_more(entry.path)
        elif entry is not None and entry.text == CLOSED:
            self._toggle_open(entry)

    def action_close_entry(self) -> None:
        """Hide what is inside the entry, or go to the one that it is in."""
        entry = self.cursor_entry
        if entry is None:
            return
        if entry.text == OPEN:
            self._toggle_open(entry)
        elif entry.is_more and entry.path in self._unfolded:
            self._toggle_more(entry.path)
        else:
            above = (at for at, line in enumerate(self._lines) if line.path == entry.path[:-1])
            self.move_cursor(next(above, self._cursor))

    def action_leave_browse(self) -> None:
        """Go back to the list."""
        self.post_message(BrowseLeft())

    def line_clicked(self, event: events.Click) -> None:
        """Press the entry; on its sign, show or hide what is inside."""
        entry = self._lines[min(round(self.scroll_y) + event.y, len(self._lines) - 1)]
        if not entry.can_be_chosen:
            return
        if entry.facet is not None and entry.facet.within and event.x <= 2 * len(entry.path) - 1:
            self._toggle_open(entry)
        else:
            self.action_narrow()

    # Painting

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        width = self.scrollable_content_region.width
        index = round(self.scroll_y) + y
        if index >= len(self._lines):
            return Strip.blank(width, self._style("dim"))
        segments = []
        for text, name in line_pieces(self._lines[index], width):
            style = self._style(name)
            if index == self._cursor and self.has_focus:
                style += self._cursor_style
                if name == "name":
                    style += Style(bold=True)
            elif index == self._hovered and self._lines[index].can_be_chosen:
                style += self._hover_style
            segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, self._style("dim")).simplify()

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh_line(self._cursor)

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh_line(self._cursor)


def line_pieces(line: Line, width: int) -> list[tuple[str, LineStyle]]:
    """Return the line of a title, or of an entry: whether it is chosen, whether it is open, its name and its count."""
    facet, depth = line.facet, 2 * len(line.path)
    if facet is None:
        indent = " " * (depth if line.is_more else 1)
        return [(indent + fit(visible(line.text), max(0, width - len(indent))), "dim" if line.is_more else "title")]
    told = "" if facet.count is None else f"{facet.count:,}"
    name, room = visible(facet.name), max(0, width - depth - len(told) - 2)
    return [
        (f"{' ' * (depth - 4)}{CHOSEN if facet.chosen else ' '} ", "chosen"),
        (f"{line.text} ", "dim"),
        (fit(name, room) if cell_len(name) > room else name + " " * (room - cell_len(name)), _style_of(facet)),
        (f" {told} ", "dim"),
    ]


def _style_of(facet: Facet) -> LineStyle:
    return "chosen" if facet.chosen else "dim" if facet.count == 0 else "name"


def _is_chosen(facet: Facet) -> bool:
    """Tell whether an entry, or one inside it, is chosen."""
    return facet.chosen or any(each.chosen for each in facet.within)
