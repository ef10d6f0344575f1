"""The tiles of the gallery: Layout, where they stand, in groups with headings; Tiles, what each of them shows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from vuemantics_tui.domain.stacks import StackRole
from vuemantics_tui.domain.text import visible
from vuemantics_tui.domain.upload import TERMINAL, ProcessingStatus, Upload, UploadRow, glyph_of
from vuemantics_tui.ui.pictures.loader import Drawn, on_background
from vuemantics_tui.ui.uploads.columns import signs_of
from vuemantics_tui.ui.uploads.table import glyph_style
from vuemantics_tui.ui.uploads.upload_list import UploadList
from vuemantics_tui.ui.widgets.one_line import fit, fit_name

SMALLEST = (10, 14, 18, 22, 28, 38, 54, 76)
"""The least width of a picture in cells, for each size of tile."""

# Room for the frame of the cursor: between two tiles, and at both ends of a row.
GAP = 1
# A cell is twice as high as it is wide, and most photos are 4:3 or 3:2.
SHAPE = 0.36
LEAST_ROWS = 3


@dataclass(frozen=True, slots=True)
class Grid:
    """Tiles of one size, spread over a width: where each column begins, and the cells of a picture."""

    columns: tuple[int, ...]
    width: int
    height: int
    captions: bool = False

    @classmethod
    def of(cls, width: int, height: int, size: int, *, captions: bool = False) -> Grid:
        """Return the grid for a window of so many cells and tiles of this size, an index of SMALLEST."""
        most = max(LEAST_ROWS, height - 3 - captions)
        count = max(1, (width - GAP) // (SMALLEST[size] + GAP))
        while _rows(_picture_width(width, count)) > most and _picture_width(width, count + 1) >= SMALLEST[0]:
            count += 1  # so wide that they would be too high
        picture = _picture_width(width, count)
        # What is left over widens some of the gaps, never the margin.
        left = max(0, width - count * picture - (count + 1) * GAP)
        starts = (GAP + each * (picture + GAP) + left * each // max(1, count - 1) for each in range(count))
        return cls(tuple(starts), picture, min(most, _rows(picture)), captions)

    @property
    def tile_height(self) -> int:
        """The lines of a picture and its caption."""
        return self.height + self.captions

    @property
    def row_height(self) -> int:
        """The lines of a row of tiles, with the one above it."""
        return GAP + self.tile_height

    def column_at(self, x: int) -> int | None:
        """Return the column of tiles that a cell belongs to, or None."""
        column = bisect_right(self.columns, x) - 1
        return column if column >= 0 and x < self.columns[column] + self.width else None


def _picture_width(width: int, count: int) -> int:
    return max(1, (width - GAP - count * GAP) // count)


def _rows(width: int) -> int:
    return max(LEAST_ROWS, round(width * SHAPE))


@dataclass(frozen=True, slots=True)
class Spot:
    """A tile: its group, and its row and column in it."""

    group: int
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the gallery: of which group; the heading, or which line of which row, 0 being the gap above it."""

    group: int
    row: int
    line: int
    is_heading: bool = False


class Layout:
    """Tiles in groups of so many, each under its heading if `headed`."""

    def __init__(self, grid: Grid, counts: Sequence[int], *, headed: bool) -> None:
        self.grid = grid
        self.counts = tuple(counts)
        self.headed = headed
        self.starts: list[int] = []
        self._tops: list[int] = []
        self.count = self.height = 0
        for count in counts:
            self.starts.append(self.count)
            self._tops.append(self.height)
            self.count += count
            # Below the last row there is a gap, too: the frame of the cursor goes around the tile.
            self.height += headed + self.rows(count) * grid.row_height + GAP

    def rows(self, count: int) -> int:
        """Return how many rows so many tiles take."""
        return -(-count // len(self.grid.columns))

    def group_of(self, index: int) -> int:
        """Return the group of a tile."""
        return max(0, bisect_right(self.starts, index) - 1)

    def spot(self, index: int) -> Spot:
        """Return where a tile stands."""
        group = self.group_of(index)
        row, column = divmod(index - self.starts[group], len(self.grid.columns))
        return Spot(group, row, column)

    def region(self, index: int) -> Region:
        """Return the cells of a tile, picture and caption, from the top of the gallery."""
        spot, grid = self.spot(index), self.grid
        y = self._tops[spot.group] + self.headed + spot.row * grid.row_height + GAP
        return Region(grid.columns[spot.column], y, grid.width, grid.tile_height)

    def heading_line(self, group: int) -> int:
        """Return the line of a group's heading."""
        return self._tops[group]

    def line(self, y: int) -> Line | None:
        """Return what a line of the gallery belongs to, or None below the last one."""
        if not 0 <= y < self.height:
            return None
        group = bisect_right(self._tops, y) - 1
        within = y - self._tops[group] - self.headed
        if within < 0:
            return Line(group, 0, 0, is_heading=True)
        row, line = divmod(within, self.grid.row_height)
        return Line(group, row, line)

    def tiles(self, group: int, row: int) -> range:
        """Return the tiles of a row."""
        if not self.counts:
            return range(0)
        first, end = self.starts[group], self.starts[group] + self.counts[group]
        start = first + row * len(self.grid.columns)
        return range(min(start, end), min(start + len(self.grid.columns), end))

    def between(self, top: int, bottom: int) -> range:
        """Return the tiles with a line from `top` to before `bottom`."""
        first, last = self.line(max(0, top)), self.line(min(bottom, self.height) - 1)
        if first is None or last is None:
            return range(0)
        start = self.tiles(first.group, first.row).start
        return range(start, max(start, self.tiles(last.group, last.row).stop))

    def at(self, x: int, y: int) -> int | None:
        """Return the tile at a cell of the gallery, or None."""
        line, column = self.line(y), self.grid.column_at(x)
        if line is None or line.is_heading or line.line < GAP or column is None:
            return None
        tiles = self.tiles(line.group, line.row)
        return tiles[column] if column < len(tiles) else None

    def down(self, index: int, rows: int, column: int) -> int:
        """Return the tile so many rows further down, or up, as far as there are any, in this column or the last."""
        spot = self.spot(index)
        group, row, step = spot.group, spot.row, 1 if rows > 0 else -1
        for _ in range(abs(rows)):
            following = (group, row + step)
            if not 0 <= row + step < self.rows(self.counts[group]):
                if not 0 <= group + step < len(self.counts):
                    break
                following = (group + step, 0 if step > 0 else self.rows(self.counts[group + step]) - 1)
            group, row = following
        tiles = self.tiles(group, row)
        return tiles[min(column, len(tiles) - 1)] if (group, row) != (spot.group, spot.row) else index

    def rows_within(self, index: int, lines: int) -> int:
        """Return how many rows further down, or up, a tile is that stands at most so many lines away, at least one."""
        target = self.region(index).y + lines
        found = self.line(max(0, min(target, self.height - 1)))
        if found is None:
            return 0
        spot = self.spot(index)
        passed = sum(self.rows(self.counts[group]) for group in _span(spot.group, found.group))
        rows = (passed if found.group >= spot.group else -passed) + found.row - spot.row
        return max(1, rows) if lines > 0 else min(-1, rows)


def _span(one: int, other: int) -> Iterator[int]:
    return iter(range(min(one, other), max(one, other)))


# What each tile shows

MARK = " ✓ "
# Signs that say nothing about the picture, or have a place of their own.
NO_KINDS = ("HIDDEN", "EDITED", "TEXT")
# How far the frame of the cursor goes from each corner: over a slow line a whole one around a large tile takes a third
# of a second.
ARM_COLUMNS, ARM_ROWS = 3, 2


def arms(length: int, arm: int) -> list[tuple[int, int]]:
    """Return where a side of a frame is drawn, as starts and lengths: at both ends, or all of a short one."""
    return [(0, length)] if length <= 3 * arm else [(0, arm), (length - arm, arm)]


@dataclass(frozen=True, slots=True)
class Tile:
    """An upload as it was read, and its picture of this size, None where it has none."""

    upload: Upload
    drawn: Drawn | None
    size: tuple[int, int]


def kind_badge(row: UploadRow) -> str:
    """Return what an upload is besides a photo: a clip and its length, or what is stacked behind it; else nothing."""
    signs = " ".join(sign for sign in signs_of(row, rating=False) if sign not in NO_KINDS)
    # Both halves of a shot.
    is_pair = row.stack_count == 2 and any(member.role == StackRole.RAW for member in row.stack_members)
    return f"{signs}+J" if is_pair and signs == "RAW" else signs


def state_badge(row: UploadRow, word: str) -> str:
    """Return the sign of a state and its word; nothing for what is completed without a warning."""
    if row.status is ProcessingStatus.COMPLETED:
        return glyph_of(row) if row.warning else ""
    return f"{glyph_of(row)} {word}"


class Tiles:
    """What was read and drawn for tiles, by number, and how each of their lines looks.

    `style` returns a style of the gallery by its name.
    """

    def __init__(self, uploads: UploadList, style: Callable[[str], Style]) -> None:
        self._uploads = uploads
        self._style = style
        self._tiles: dict[int, Tile] = {}

    def __len__(self) -> int:
        return len(self._tiles)

    def put(self, tile: Tile) -> None:
        """Show this tile."""
        self._tiles[tile.upload.number] = tile

    def keep(self, numbers: Iterable[int]) -> None:
        """Forget all but these."""
        kept = set(numbers)
        self._tiles = {number: tile for number, tile in self._tiles.items() if number in kept}

    def clear(self) -> None:
        """Forget all of them."""
        self._tiles.clear()

    def is_outdated(self, number: int, size: tuple[int, int]) -> bool:
        """Tell whether a tile must be read, or drawn in this size."""
        tile = self._tiles.get(number)
        return tile is None or tile.size != size or tile.upload.row() != self._uploads.rows.get(number)

    def line(self, index: int, line: int, grid: Grid, ground: Style, *, under_cursor: bool) -> Iterable[Segment]:
        """Return a line of the tile of a line of the list: of its picture, or its caption; `ground` lies behind it."""
        if index >= len(self._uploads):
            return [Segment(" " * grid.width, ground)]
        number = self._uploads[index]
        if line < grid.height:
            return self._picture_line(number, line, grid, ground)
        return self._caption(number, grid.width, ground, under_cursor=under_cursor)

    def _picture_line(self, number: int, line: int, grid: Grid, ground: Style) -> Iterable[Segment]:
        tile, row = self._tiles.get(number), self._uploads.rows.get(number)
        if tile is not None and tile.drawn and tile.size == (grid.width, grid.height):
            strip = tile.drawn[line] if line < len(tile.drawn) else Strip.blank(grid.width, ground)
        else:
            strip = Strip([Segment(*self._instead(tile, row, line, grid))], grid.width)
        strip = Strip(on_background(strip, ground), grid.width)
        if row is not None:
            left, right = self._badges(row, line, grid)
            strip = _with_badges(strip, left, right)
        return strip

    def _instead(self, tile: Tile | None, row: UploadRow | None, line: int, grid: Grid) -> tuple[str, Style]:
        """Return a line of what stands for a picture that is missing: its name in the middle, or why there is none."""
        middle = (grid.height - 1) // 2
        text = ""
        if row is not None and tile is not None and not tile.drawn:
            if line == middle:
                text = fit_name(visible(row.filename), min(grid.width - 2, cell_len(visible(row.filename))))
            elif line == middle + 1 and row.status in TERMINAL:
                text = "no thumbnail"
        return fit(text.center(grid.width), grid.width), self._style("blank")

    def _badges(self, row: UploadRow, line: int, grid: Grid) -> tuple[list[Segment], list[Segment]]:
        """Return what stands over the left and over the right of a line of a picture."""
        left: list[Segment] = []
        right: list[Segment] = []
        badge = self._style("badge")
        if line == 0:
            if row.number in self._uploads.marks:
                right.append(Segment(MARK, self._style("mark")))
            if row.hidden:
                left.append(Segment(" HIDDEN ", badge))
        if line == grid.height - 1:
            kind = f" {kind_badge(row)} " if kind_badge(row) else ""
            if kind and cell_len(kind) <= grid.width:
                right.append(Segment(kind, badge))
            state = state_badge(row, self._uploads.word_of(row))
            room = grid.width - cell_len(kind) - 1
            if state and cell_len(state) + 2 > room:
                state = glyph_of(row)
            if state and cell_len(state) + 2 <= room:
                left.append(Segment(f" {state} ", badge + self._colour(glyph_style(glyph_of(row)))))
        return left, right

    def _caption(self, number: int, width: int, ground: Style, *, under_cursor: bool) -> Iterator[Segment]:
        row = self._uploads.rows.get(number)
        cursor = self._style("cursor") if under_cursor else Style()
        if row is None:
            yield Segment(" " * width, ground + cursor)
            return
        name = fit_name(visible(row.filename), width)
        yield Segment(name, self._style("name") + cursor + Style(bold=under_cursor))

    def _colour(self, name: str) -> Style:
        return Style(color=self._style(name).color)


def _with_badges(strip: Strip, left: list[Segment], right: list[Segment]) -> Strip:
    """Return a line of a picture with something over its left and its right."""
    if not left and not right:
        return strip
    width = strip.cell_length
    start, end = (sum(segment.cell_length for segment in side) for side in (left, right))
    return Strip([*left, *_cut(strip, start, width - end), *right], width)


def _cut(strip: Strip, start: int, end: int) -> Iterator[Segment]:
    """Yield the cells from `start` to before `end`. What combines with a character stays with it, as pixels need."""
    at = 0
    for text, style, _ in strip:
        kept = ""
        for character in text:
            cells = cell_len(character)
            if start <= (at if cells else at - 1) < end:
                kept += character
            at += cells
        if kept:
            yield Segment(kept, style)
