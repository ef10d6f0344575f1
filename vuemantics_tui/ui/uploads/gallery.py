"""Gallery: the uploads of a list as thumbnails in rows and columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events, work
from textual.binding import BindingType
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from vuemantics_tui.domain.text import visible
from vuemantics_tui.domain.upload import TERMINAL, Upload, UploadRow, stack_sign
from vuemantics_tui.ui.actions import MOVE, hidden
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.phrases import glyph_of
from vuemantics_tui.ui.pictures.loader import Drawn, PictureLoader, mode_of, on_background
from vuemantics_tui.ui.uploads.table import MARK, glyph_style, with_sign
from vuemantics_tui.ui.uploads.upload_list import UploadList
from vuemantics_tui.ui.widgets.one_line import fit, fit_name

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

SMALLEST_TILE = 22
GAP = 2
# A cell is twice as high as it is wide, and most photos are 3:2.
PICTURE_SHAPE = 0.4
# Below a picture: its caption and a blank line.
CAPTION_ROWS = 2
# After uploads that could not be read.
RETRY_SECONDS = 1.0
STYLES = ("name", "dim", "done", "running", "warning", "error", "mark", "cursor")


class Grid(NamedTuple):
    """How a window is divided: columns, and the cells of a tile, of which its picture has two fewer each way."""

    columns: int
    width: int
    height: int

    @classmethod
    def of(cls, width: int) -> Grid:
        """Return the grid with as many columns as fit."""
        columns = max(1, width // SMALLEST_TILE)
        tile = max(GAP + 1, width // columns)
        return cls(columns, tile, max(1, round((tile - GAP) * PICTURE_SHAPE)) + CAPTION_ROWS)

    @property
    def picture(self) -> tuple[int, int]:
        """Columns and rows of a picture."""
        return self.width - GAP, self.height - CAPTION_ROWS

    def rows(self, tiles: int) -> int:
        """Return how many rows this many tiles take."""
        return -(-tiles // self.columns)


@dataclass
class TileOpened(Message):
    """The upload under the cursor was asked for in full."""


class Gallery(ScrollView, can_focus=True, inherit_bindings=False):
    """Draws an UploadList as tiles, with its cursor and marks; reads nothing while it is hidden. Posts TileOpened."""

    HELP_TITLE = "The gallery"
    BINDINGS: ClassVar[list[BindingType]] = [
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

    def __init__(self, library: Library, uploads: UploadList, loader: PictureLoader, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._library = library
        self._uploads = uploads
        self._loader = loader
        # The picture of each tile that was drawn, None where it has none, and the row that it was drawn for.
        self._drawn: dict[int, tuple[UploadRow, Drawn | None]] = {}
        self._shown: list[tuple[object, ...]] = []
        self._cursor: int | None = None
        self._loading = False

    def on_mount(self) -> None:
        """Follow the list."""
        self._uploads.listeners.append(lambda change: self.sync())

    def sync(self) -> None:
        """Take over what is listed, and the cursor; repaint the tiles that differ. Cheap where none does."""
        if not self.display or not self.size.width:
            return
        grid = self._grid
        self.virtual_size = Size(0, grid.rows(len(self._uploads)) * grid.height)
        if self._cursor != self._uploads.cursor_number:
            self._cursor = self._uploads.cursor_number
            self._reveal()
        before, self._shown = self._shown, self._tiles()
        for place in range(max(len(before), len(self._shown))):
            if before[place : place + 1] != self._shown[place : place + 1]:
                self._refresh_tile(self._first + place)
        self._load_later()

    def on_show(self) -> None:
        """Catch up with what moved while it was hidden."""
        self.sync()

    @property
    def loading_tiles(self) -> bool:
        """Whether a tile in view is still to be read or drawn."""
        return bool(self._wanting())

    # What is in view

    @property
    def _grid(self) -> Grid:
        return Grid.of(self.scrollable_content_region.width)

    @property
    def _first(self) -> int:
        grid = self._grid
        return round(self.scroll_y) // grid.height * grid.columns

    def _in_view(self) -> range:
        grid = self._grid
        rows = -(-self.scrollable_content_region.height // grid.height) + 1
        return range(self._first, min(len(self._uploads), self._first + rows * grid.columns))

    def _tiles(self) -> list[tuple[object, ...]]:
        """What each tile in view shows but for its picture."""
        uploads = self._uploads
        return [
            (number, uploads.rows.get(number), index == uploads.cursor_line, number in uploads.marks)
            for index in self._in_view()
            for number in (uploads[index],)
        ]

    def _region(self, index: int) -> Region:
        grid = self._grid
        row, column = divmod(index, grid.columns)
        return Region(column * grid.width, row * grid.height, grid.width, grid.height)

    def _refresh_tile(self, index: int) -> None:
        self.refresh(self._region(index).translate((0, -round(self.scroll_y))))

    def _reveal(self) -> None:
        tile = self._region(self._uploads.cursor_line)
        top, height = round(self.scroll_y), self.scrollable_content_region.height
        if tile.y < top:
            self.scroll_to(y=tile.y, animate=False)
        elif tile.bottom > top + height:
            # By whole rows, so that the first one shows its pictures from their top.
            rows = max(1, height // tile.height)
            self.scroll_to(y=max(0, tile.y - (rows - 1) * tile.height), animate=False)

    # Reading

    def _wanting(self) -> list[int]:
        rows, numbers = self._uploads.rows, self._uploads.numbers(self._in_view())
        stale = set(rows.wanting(numbers))
        return [number for number in numbers if number in stale or self._is_outdated(number)]

    def _is_outdated(self, number: int) -> bool:
        return number not in self._drawn or self._drawn[number][0] != self._uploads.rows.get(number)

    def _load_later(self) -> None:
        if not self._loading and self.is_mounted and self.display and self._wanting():
            self._loading = True
            self._load_wanted()

    @work(group="gallery", exit_on_error=False)
    async def _load_wanted(self) -> None:
        try:
            with Notices.of(self).errors_told():
                await self._load()
                return
            self.set_timer(RETRY_SECONDS, self._load_later)
        finally:
            self._loading = False

    async def _load(self) -> None:
        while wanted := self._wanting():
            uploads = await self._library.uploads.by_numbers(wanted)
            self._uploads.rows.put(upload.row() for upload in uploads)
            for upload in uploads:
                self._drawn[upload.number] = (upload.row(), await self._draw(upload))
                self._repaint(upload.number)
            if len(uploads) < len(wanted):
                return  # some were deleted a moment ago: the feed will say so
            self._keep_near()

    async def _draw(self, upload: Upload) -> Drawn | None:
        path = self._library.absolute(upload.thumbnail_path)
        if path is None:
            return None
        mode = mode_of(self.app, self._loader.graphics)
        return await self._loader.load(path, *self._grid.picture, mode)

    def _repaint(self, number: int) -> None:
        for index in self._in_view():
            if self._uploads[index] == number:
                self._refresh_tile(index)

    def _keep_near(self) -> None:
        """Forget what is far away; what was drawn stays in the loader for a while."""
        view = self._in_view()
        near = range(max(0, view.start - len(view)), view.stop + len(view))
        self._uploads.rows.keep_near(lambda: self._uploads.numbers(near))
        # What the loader forgot, the terminal may have forgotten too.
        if len(self._drawn) > min(6 * len(view), self._loader.most_kept // 2):
            kept = set(self._uploads.numbers(near))
            self._drawn = {number: drawn for number, drawn in self._drawn.items() if number in kept}

    # Painting

    def watch_virtual_size(self, size: Size) -> None:
        """Fit the scrollbar."""
        self._scroll_update(size)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Read what came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._shown = self._tiles()
        self._load_later()

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._drawn.clear()
        self._cursor = None
        self.refresh()
        self.sync()

    def notify_style_update(self) -> None:
        """Draw for the theme."""
        super().notify_style_update()
        self._drawn.clear()

    def get_line_filters(self) -> list[LineFilter]:
        """Leave out the search for the terminal's own colours: pictures have none, and it costs more than the rest."""
        return [each for each in super().get_line_filters() if not isinstance(each, ANSIToTruecolor)]

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen: the same line of each tile in a row."""
        grid = self._grid
        row, line = divmod(round(self.scroll_y) + y, grid.height)
        segments: list[Segment] = []
        for index in range(row * grid.columns, min((row + 1) * grid.columns, len(self._uploads))):
            segments += self._tile_line(index, line, grid)
        return Strip(segments).adjust_cell_length(self.scrollable_content_region.width, self.rich_style)

    def _tile_line(self, index: int, line: int, grid: Grid) -> Iterator[Segment]:
        columns, rows = grid.picture
        number = self._uploads[index]
        blank = self.rich_style
        if line < rows:
            yield Segment(" " * (GAP // 2), blank)
            yield from self._picture_line(number, line, columns, rows)
            yield Segment(" " * (GAP - GAP // 2), blank)
        elif line == rows:
            yield from self._caption(number, index == self._uploads.cursor_line, grid.width)
        else:
            yield Segment(" " * grid.width, blank)

    def _picture_line(self, number: int, line: int, columns: int, rows: int) -> Iterator[Segment]:
        row, drawn = self._drawn.get(number, (None, None))
        blank = self.rich_style
        if not drawn:
            said = "no thumbnail" if row is not None and row.status in TERMINAL else ""
            text = fit(said.center(columns), columns) if line == (rows - 1) // 2 else " " * columns
            yield Segment(text, self._style("dim"))
            return
        # At the bottom, so that each stands on its caption.
        at = line - (rows - len(drawn))
        strip = drawn[at] if at >= 0 else Strip.blank(columns, blank)
        before = (columns - strip.cell_length) // 2
        yield Segment(" " * before, blank)
        yield from on_background(strip, blank)
        yield Segment(" " * (columns - strip.cell_length - before), blank)

    def _caption(self, number: int, under_cursor: bool, width: int) -> Iterator[Segment]:
        row = self._uploads.rows.get(number)
        cursor = self._style("cursor") if under_cursor else Style()
        mark = MARK if number in self._uploads.marks else " "
        yield Segment(mark, self._style("mark") + cursor)
        if row is None:
            yield Segment(" " * (width - 1), self._style("dim") + cursor)
            return
        glyph = glyph_of(row)
        yield Segment(f"{glyph} ", self._style(glyph_style(glyph)) + cursor)
        sign = stack_sign(row)
        sign_cells = cell_len(sign) + 1 if sign else 0
        name = fit_name(visible(row.filename), max(1, width - 4 - sign_cells))
        for text, style in with_sign([(name, "name")], sign, width - 4) if sign else [(name, "name")]:
            yield Segment(text, self._style(style) + cursor + Style(bold=under_cursor))
        yield Segment(" ", self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"gallery--{name}", partial=name == "cursor")

    # The cursor

    def action_tile_left(self) -> None:
        """Move left."""
        self._uploads.move_to(self._uploads.cursor_line - 1)

    def action_tile_right(self) -> None:
        """Move right."""
        self._uploads.move_to(self._uploads.cursor_line + 1)

    def action_tile_rows(self, rows: int) -> None:
        """Move down by this many rows, as far as there are any."""
        wanted = self._uploads.cursor_line + rows * self._grid.columns
        if 0 <= wanted < len(self._uploads) or abs(rows) > 1:
            self._uploads.move_to(wanted)

    def action_tile_pages(self, pages: int) -> None:
        """Move down by this many screens."""
        self.action_tile_rows(pages * max(2, self.scrollable_content_region.height // self._grid.height))

    def action_tile_first(self) -> None:
        """Move to the first upload."""
        self._uploads.move_to(0)

    def action_tile_last(self) -> None:
        """Move to the last upload."""
        self._uploads.move_to(len(self._uploads) - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a double click opens."""
        grid = self._grid
        column = event.x // grid.width
        index = (round(self.scroll_y) + event.y) // grid.height * grid.columns + column
        if column < grid.columns and index < len(self._uploads):
            self._uploads.move_to(index)
            if event.chain == 2:
                self.post_message(TileOpened())
