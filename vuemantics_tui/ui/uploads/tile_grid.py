"""Where tiles stand: how many side by side, in groups with a heading, and which one is at a place of the gallery."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.geometry import Region

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
