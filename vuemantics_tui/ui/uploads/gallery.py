"""Gallery: the uploads of a list as thumbnails in rows and columns, by day or month where the list is by date."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from vuemantics_tui.domain.text import visible
from vuemantics_tui.domain.upload import (
    Upload,
)
from vuemantics_tui.ui.actions import MOVE, VIEW, action, hidden
from vuemantics_tui.ui.choices import SettingChosen
from vuemantics_tui.ui.feed import Reader
from vuemantics_tui.ui.pictures.loader import PictureLoader, mode_of
from vuemantics_tui.ui.uploads.days import Group
from vuemantics_tui.ui.uploads.tiles import ARM_COLUMNS, ARM_ROWS, GAP, SMALLEST, Grid, Layout, Line, Tile, Tiles, arms
from vuemantics_tui.ui.uploads.upload_list import Change, UploadList
from vuemantics_tui.ui.widgets.one_line import fit

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

# Tiles that are drawn within this time are painted together.
REPAINT_SECONDS = 0.03
# So many uploads are always shown by day; more of them, where the days fill this share of a row.
FEW_UPLOADS = 400
SHARE_OF_ROW = 0.5
STYLES = (
    *("name", "dim", "done", "running", "warning", "error", "heading", "frame", "cursor"),
    *("blank", "badge", "mark"),
)
# The frame of the cursor: a corner, a line, a corner, and its sides.
TOP, BOTTOM, LEFT, RIGHT = ("┏", "━", "┓"), ("┗", "━", "┛"), "┃", "┃"


@dataclass
class TileOpened(Message):
    """The upload under the cursor was asked for in full."""


@dataclass
class TileRead(Message):
    """The upload under the cursor was read."""


@dataclass
class CaptionsSwitched(Message):
    """The captions were shown or hidden."""


class Gallery(ScrollView, can_focus=True, inherit_bindings=False):
    """Draws an UploadList as tiles, with its cursor and marks; reads nothing while it is hidden. Posts TileOpened and
    TileRead.
    """

    HELP_TITLE = "The gallery"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("gallery-larger", "plus,equals_sign", "tile_size(1)", "size", "Larger tiles", VIEW, shown_as="+ -"),
        hidden("gallery-smaller", "minus", "tile_size(-1)", "smaller", "Smaller tiles", VIEW),
        hidden("gallery-captions", "z", "toggle_captions", "captions", "Show or hide the names below the tiles", VIEW),
        hidden("gallery-left", "left,h", "tile_left", "left", "Left", MOVE),
        hidden("gallery-right", "right,l", "tile_right", "right", "Right", MOVE),
        hidden("gallery-up", "up,k", "tile_rows(-1)", "up", "Row up", MOVE),
        hidden("gallery-down", "down,j", "tile_rows(1)", "down", "Row down", MOVE),
        hidden("gallery-page-up", "pageup", "tile_pages(-1)", "page up", "Page up", MOVE),
        hidden("gallery-page-down", "pagedown", "tile_pages(1)", "page down", "Page down", MOVE),
        hidden("gallery-first", "home", "tile_first", "first", "First upload", MOVE),
        hidden("gallery-last", "end", "tile_last", "last", "Last upload", MOVE),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"gallery--{name}" for name in STYLES}
    # As with the table: its own size does not depend on it.
    virtual_size = Reactive(Size(0, 0))

    def __init__(
        self,
        library: Library,
        uploads: UploadList,
        loader: PictureLoader,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._library = library
        self._uploads = uploads
        self._loader = loader
        # An index of SMALLEST.
        self._tile_size = library.settings.tile_size - 1
        self.captions = library.settings.captions
        self._tiles = Tiles(uploads, self._style)
        self._layout = Layout(Grid.of(1, 1, self._tile_size), (), headed=False)
        self._groups: list[Group] = []
        self._places: dict[int, str] = {}
        # What each tile in view showed when it was painted last.
        self._shown: list[tuple[object, ...]] = []
        # The upload under the cursor and its tile, as far as the layout knows.
        self._cursor: int | None = None
        self._cursor_index = 0
        # Up and down keep to the column that was last chosen.
        self._column: int | None = None
        self._outdated = True
        self._reader = Reader(self, self._load, rest=0.0)
        # What stands behind everything, as of the last paint.
        self._ground = Style()
        # The tiles that were drawn since then, until a timer repaints them together.
        self._drawn: set[int] = set()
        self._repainting: Timer | None = None

    def on_mount(self) -> None:
        """Follow the list."""
        self._uploads.listeners.append(self._list_changed)

    def _list_changed(self, change: Change) -> None:
        if change in (Change.REPLACED, Change.SHIFTED):
            self._outdated = True
        self.sync()

    def sync(self) -> None:
        """Take over what is listed, and the cursor; repaint the tiles that differ. Cheap where none does."""
        if not self.display or not self.size.width:
            return
        if self._outdated:
            if self._uploads.is_by_date and not self._uploads.days.is_current:
                self._load_later()  # it comes back here
                return
            self._lay_out()
        self._follow_cursor()
        before, self._shown = self._shown, self._looks()
        for place in range(max(len(before), len(self._shown))):
            if before[place : place + 1] != self._shown[place : place + 1]:
                self._refresh_tile(self.first_in_view + place)
        self._load_later()

    def on_show(self) -> None:
        """Catch up with changes made while it was hidden."""
        self.sync()

    @property
    def loading_tiles(self) -> bool:
        """Whether something in view is still to be read or drawn."""
        return self._outdated or bool(self._wanting(self._in_view())) or bool(self._groups_without_places())

    # Where tiles stand

    def _lay_out(self) -> None:
        """Lay out the tiles again; the cursor keeps its place on the screen if its upload is still listed."""
        self._outdated = False
        window = self.scrollable_content_region
        grid = Grid.of(window.width, window.height, self._tile_size, captions=self.captions)
        on_screen = self._layout.region(self._cursor_index).y - round(self.scroll_y) if self._layout.count else 0
        self._groups = self._grouped(grid)
        counts = [group.count for group in self._groups] or [len(self._uploads)]
        self._layout = Layout(grid, counts if len(self._uploads) else (), headed=bool(self._groups))
        self._places.clear()
        self.virtual_size = Size(0, self._layout.height)
        self._column = None
        same = self._cursor is not None and self._cursor == self._uploads.cursor_number
        # At the very top, what is new shows above the cursor; further down nothing moves under the eye.
        if same and round(self.scroll_y) and self._layout.count:
            self._cursor_index = self._uploads.cursor_line
            self.scroll_to(y=max(0, self._layout.region(self._cursor_index).y - on_screen), animate=False, force=True)
        else:
            self._cursor = None
        self._shown = []
        self.refresh()

    def _grouped(self, grid: Grid) -> list[Group]:
        """Return the days of the list, or its months where days would hardly fill their rows."""
        if not self._uploads.is_by_date:
            return []
        days = self._uploads.groups(monthly=False)
        if len(self._uploads) <= FEW_UPLOADS or len(self._uploads) >= len(days) * len(grid.columns) * SHARE_OF_ROW:
            return days
        return self._uploads.groups(monthly=True)

    @property
    def _top(self) -> int:
        return round(self.scroll_y)

    @property
    def first_in_view(self) -> int:
        """The first upload on the screen."""
        return self._in_view().start

    def _in_view(self, more: int = 0) -> range:
        """Return the tiles on the screen, with those of so many screens above and below."""
        height = self.scrollable_content_region.height
        found = self._layout.between(self._top - more * height, self._top + (1 + more) * height)
        return range(min(found.start, len(self._uploads)), min(found.stop, len(self._uploads)))

    def _looks(self) -> list[tuple[object, ...]]:
        """Return what each tile in view shows but for its picture, and for the frame around it."""
        uploads = self._uploads
        found: list[tuple[object, ...]] = []
        for number in uploads.numbers(self._in_view()):
            row = uploads.rows.get(number)
            found.append((number, row, "" if row is None else uploads.word_of(row), number in uploads.marks))
        return found

    def _on_screen(self, region: Region) -> Region:
        return region.translate((0, -self._top))

    def _refresh_tile(self, index: int) -> None:
        if index < self._layout.count:
            self.refresh(self._on_screen(self._layout.region(index)))

    def _follow_cursor(self) -> None:
        """Move the frame to the upload under the cursor, and have it in view."""
        number, index = self._uploads.cursor_number, self._uploads.cursor_line
        if number is None or index >= self._layout.count:
            return
        if (number, index) != (self._cursor, self._cursor_index):
            self._refresh_frame(self._cursor_index)
            self._cursor, self._cursor_index = number, index
            self._refresh_frame(index)
            self._reveal()

    def _refresh_frame(self, index: int) -> None:
        # The sides and the name alone: the picture is many times as many bytes.
        if index < self._layout.count:
            tile = self._on_screen(self._layout.region(index))
            frame = tile.grow((GAP, GAP, GAP, GAP))
            # With the corners.
            columns = [(frame.x + at, length) for at, length in arms(frame.width, ARM_COLUMNS + GAP)]
            rows = [(tile.y + at, length) for at, length in arms(tile.height, ARM_ROWS)]
            self.refresh(
                *(Region(x, y, width, GAP) for x, width in columns for y in (frame.y, tile.bottom)),
                *(Region(x, y, GAP, height) for y, height in rows for x in (frame.x, tile.right)),
                *([Region(tile.x, tile.bottom - 1, tile.width, 1)] if self._layout.grid.captions else ()),
            )

    def _reveal(self) -> None:
        spot, tile = self._layout.spot(self._cursor_index), self._layout.region(self._cursor_index)
        first = self._layout.heading_line(spot.group) if spot.row == 0 else tile.y - GAP
        top, height = self._top, self.scrollable_content_region.height
        if first < top or first > top + 2 * height:
            self.scroll_to(y=first, animate=False)
        elif tile.bottom + GAP > top + height:
            self.scroll_to(y=max(0, min(tile.bottom + GAP - height, first)), animate=False)

    # Reading

    def _wanting(self, tiles: range) -> list[int]:
        numbers = self._uploads.numbers(tiles)
        stale = set(self._uploads.rows.wanting(numbers))
        return [number for number in numbers if number in stale or self._tiles.is_outdated(number, self._picture)]

    @property
    def _picture(self) -> tuple[int, int]:
        grid = self._layout.grid
        return grid.width, grid.height

    def _groups_without_places(self) -> list[Group]:
        if not self._groups:
            return []
        tiles = self._in_view()
        shown = range(self._layout.group_of(tiles.start), self._layout.group_of(max(tiles.start, tiles.stop - 1)) + 1)
        return [self._groups[each] for each in shown if self._groups[each].first not in self._places]

    def _load_later(self) -> None:
        is_idle = self.is_mounted and self.display and not self._reader.is_reading
        if is_idle and (self.loading_tiles or self._wanting_ahead()):
            self._reader.want()

    def _wanting_ahead(self) -> list[int]:
        """Return what the next page and the one before would have to read."""
        return self._wanting(self._in_view(more=1))

    async def _load(self) -> None:
        if self._outdated:
            await self._uploads.days.read()
            # It may have changed again in the meantime.
            self.call_after_refresh(self.sync)
            return
        while wanted := self._wanting(self._in_view()):
            if not await self._read(wanted):
                return
        for group in self._groups_without_places():
            await self._find_places(group)
        if self.loading_tiles:
            self.call_after_refresh(self._load_later)
            return
        # The next page is prepared in advance.
        while wanted := self._wanting_ahead()[: max(1, len(self._layout.grid.columns))]:
            if self._wanting(self._in_view()):
                self.call_after_refresh(self._load_later)
                return
            if not await self._read(wanted):
                return
        self._keep_near()

    async def _read(self, numbers: list[int]) -> bool:
        """Read these and draw their pictures; return whether all are still there."""
        uploads = await self._library.uploads.by_numbers(numbers)
        self._uploads.rows.put(upload.row() for upload in uploads)
        await asyncio.gather(*(self._draw(upload) for upload in uploads))
        self._repaint_drawn()
        self._shown = self._looks()
        # If some were deleted a moment ago, the feed will say so.
        return len(uploads) == len(numbers)

    async def _draw(self, upload: Upload) -> None:
        size, path = self._picture, self._library.absolute(upload.thumbnail_path)
        drawn = None
        if path is not None:
            drawn = await self._loader.load(path, *size, mode_of(self.app, self._loader.graphics, fills=True))
        self._tiles.put(Tile(upload, drawn, size))
        if upload.number == self._uploads.cursor_number:
            self.post_message(TileRead())
        self._drawn.add(upload.number)
        if self._repainting is None:
            self._repainting = self.set_timer(REPAINT_SECONDS, self._repaint_drawn)

    def _repaint_drawn(self) -> None:
        """Repaint what was drawn: one paint of many tiles costs little more than one of a single tile."""
        if self._repainting is not None:
            self._repainting.stop()
            self._repainting = None
        drawn, self._drawn = self._drawn, set()
        for index in self._in_view():
            if self._uploads[index] in drawn:
                self._refresh_tile(index)

    async def _find_places(self, group: Group) -> None:
        numbers = self._uploads.numbers(range(group.first, group.first + group.count))
        words = place_words(await self._library.places.of_uploads(numbers))
        # The list may have been replaced in the meantime.
        if group in self._groups and not self._outdated:
            self._places[group.first] = words
            line = self._layout.heading_line(self._groups.index(group)) - self._top
            self.refresh(Region(0, line, self.size.width, 1))

    def _keep_near(self) -> None:
        """Forget what is far away; what was drawn stays in the loader for a while."""
        near = self._in_view(more=1)
        self._uploads.rows.keep_near(lambda: self._uploads.numbers(near))
        # What the loader forgot, the terminal may have forgotten too.
        if len(self._tiles) > min(3 * len(near), self._loader.most_kept // 2):
            self._tiles.keep(self._uploads.numbers(near))

    # Painting

    def watch_virtual_size(self, size: Size) -> None:
        """Fit the scrollbar."""
        self._scroll_update(size)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Read what came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._shown = self._looks()
        self._load_later()

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self._outdated = True
        self.sync()

    def notify_style_update(self) -> None:
        """Draw for the theme."""
        super().notify_style_update()
        self._tiles.clear()

    def get_line_filters(self) -> list[LineFilter]:
        """Leave out the search for the terminal's own colours: pictures have none, and it costs more than the rest."""
        return [each for each in super().get_line_filters() if not isinstance(each, ANSIToTruecolor)]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return what is painted. Textual computes the style of a widget, from all around it, each time it is asked."""
        self._ground = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen: a heading, or the same line of each tile in a row."""
        width = self.scrollable_content_region.width
        line = self._layout.line(self._top + y)
        if line is None:
            return Strip.blank(width, self._ground)
        segments = self._heading(line.group, width) if line.is_heading else self._row_line(line)
        return Strip(segments).adjust_cell_length(width, self._ground)

    def _heading(self, place: int, width: int) -> Iterator[Segment]:
        if place >= len(self._groups):
            return
        group = self._groups[place]
        where = self._places.get(group.first, "")
        told = " · ".join(filter(None, (where, f"{group.count:,}")))
        words = fit(group.words, min(cell_len(group.words), width - 2 * GAP))
        yield Segment(" " * GAP, self._ground)
        yield Segment(words, self._style("heading"))
        room = width - 2 * GAP - cell_len(words) - 2
        if room >= cell_len(f"{group.count:,}"):
            yield Segment(f"  {fit(told, min(cell_len(told), room))}", self._style("dim"))

    def _row_line(self, line: Line) -> Iterator[Segment]:
        """Yield a line of a row of tiles, with what the frame of the cursor has on it."""
        grid = self._layout.grid
        tiles = self._layout.tiles(line.group, line.row)
        at = 0
        framed = self._cursor_index if self._cursor is not None else None
        if line.line < GAP:
            yield from self._gap_line(line, framed)
            return
        within = line.line - GAP
        if not any(begin <= within < begin + length for begin, length in arms(grid.tile_height, ARM_ROWS)):
            framed = None
        for index, start in zip(tiles, grid.columns, strict=False):
            before = index - 1 if index > tiles.start else None
            yield from self._between(start - at, before, index, framed)
            under_cursor = index == self._cursor_index
            yield from self._tiles.line(index, within, grid, self._ground, under_cursor=under_cursor)
            at = start + grid.width
        last = tiles.stop - 1
        if last >= tiles.start and last == framed:
            yield Segment(RIGHT, self._style("frame"))

    def _between(self, width: int, before: int | None, index: int, framed: int | None) -> Iterator[Segment]:
        """Yield the gap before a tile, with a side of the frame of either."""
        left = RIGHT if before is not None and before == framed else ""
        right = LEFT if index == framed else ""
        if left:
            yield Segment(left, self._style("frame"))
        if blanks := " " * (width - len(left) - len(right)):
            yield Segment(blanks, self._ground)
        if right:
            yield Segment(right, self._style("frame"))

    def _gap_line(self, line: Line, framed: int | None) -> Iterator[Segment]:
        """Yield the line above a row, or below the last one, which has the upper or the lower side of the frame."""
        if framed is None:
            return
        spot = self._layout.spot(framed)
        if spot.group != line.group or spot.row not in (line.row, line.row - 1):
            return
        first, middle, last = TOP if spot.row == line.row else BOTTOM
        grid = self._layout.grid
        yield Segment(" " * (grid.columns[spot.column] - GAP), self._ground)
        side = [first, *(middle * grid.width), last]
        drawn = [" "] * len(side)
        for begin, length in arms(len(side), ARM_COLUMNS + GAP):
            drawn[begin : begin + length] = side[begin : begin + length]
        yield Segment("".join(drawn), self._style("frame"))

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"gallery--{name}", partial=name == "cursor")

    # How it looks

    def action_tile_size(self, steps: int) -> None:
        """Make the tiles larger or smaller, as far as that changes how many stand side by side."""
        window = self.scrollable_content_region
        before = self._layout.grid
        size = self._tile_size + steps
        while 0 <= size < len(SMALLEST):
            grid = Grid.of(window.width, window.height, size, captions=self.captions)
            if len(grid.columns) != len(before.columns):
                self._tile_size = size
                self.post_message(SettingChosen("tile_size", size + 1))
                self._relay()
                return
            size += steps

    def action_toggle_captions(self) -> None:
        """Show or hide the names below the tiles."""
        self.captions = not self.captions
        self.post_message(CaptionsSwitched())
        self.post_message(SettingChosen("captions", self.captions))
        self._relay()

    def _relay(self) -> None:
        self._outdated = True
        self.sync()
        self._reveal()

    # The cursor

    def action_tile_left(self) -> None:
        """Move left."""
        self._column = None
        self._uploads.move_to(self._uploads.cursor_line - 1)

    def action_tile_right(self) -> None:
        """Move right."""
        self._column = None
        self._uploads.move_to(self._uploads.cursor_line + 1)

    def action_tile_rows(self, rows: int) -> None:
        """Move down by this many rows, as far as there are any."""
        index = self._uploads.cursor_line
        if index >= self._layout.count:
            return
        column = self._layout.spot(index).column if self._column is None else self._column
        self._uploads.move_to(self._layout.down(index, rows, column))
        self._column = column

    def action_tile_pages(self, pages: int) -> None:
        """Move down by this many screens."""
        if self._uploads.cursor_line < self._layout.count:
            lines = pages * self.scrollable_content_region.height
            self.action_tile_rows(self._layout.rows_within(self._uploads.cursor_line, lines))

    def action_tile_first(self) -> None:
        """Move to the first upload."""
        self._column = None
        self._uploads.move_to(0)

    def action_tile_last(self) -> None:
        """Move to the last upload."""
        self._column = None
        self._uploads.move_to(len(self._uploads) - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; with Ctrl mark, with Shift mark all up to there; a double click opens."""
        index = self._layout.at(event.x, self._top + event.y)
        if index is None or index >= len(self._uploads):
            return
        self._column = None
        if event.ctrl:
            self._uploads.toggle_mark_at(index)
        elif event.shift:
            self._uploads.mark_through(index)
        else:
            self._uploads.move_to(index)
            if event.chain == 2:
                self.post_message(TileOpened())


def place_words(places: list[tuple[str, str]]) -> str:
    """Return places with their countries, the most used first, on a line: Nice, Antibes, France; Rome and 3 more."""
    if not places:
        return ""
    countries = {country for _, country in places}
    if len(countries) == 1 and len(places) <= 2:
        names = [name for name, _ in places]
        return ", ".join(dict.fromkeys(visible(each) for each in (*names, places[0][1]) if each))
    if len(places) == 2:
        return ", ".join(visible(name) for name, _ in places)
    return f"{visible(places[0][0])} and {len(places) - 1:,} more places"
