"""Pictures as pixels on top of cells, for terminals whose pictures are no text.

Sixel, iTerm2's inline images and older Kitty graphics draw at the cursor, and know nothing of widgets. So each cell of
a picture carries the picture's number, row and column as combining characters, through scrolling, clipping and whatever
else happens to text. On the way to the terminal, `Overlay` reads from them which cells show which part of which
picture, writes blocks in their place, and draws the pixels over them once nothing has moved for a moment.
"""

from __future__ import annotations

import asyncio
import re
import threading
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.strip import Strip

from vuemantics_tui.ui.pictures.loader import Drawn, Graphics, PictureMode, Rendered, opened, placed
from vuemantics_tui.ui.textual_private import CompositorUpdate, pieces_of

if TYPE_CHECKING:
    from PIL import Image
    from rich.console import Console

# A cell of a picture: a character of the private use area and five digits, which take no room. These 240 characters
# (variation selectors supplement) are in one row.
_CELL, _ZERO, _BASE = "\U0010eeef", 0xE0100, 240
_DIGITS = 5
_CELLS = re.compile(rf"((?:{_CELL}[\U000e0100-\U000e01ef]{{{_DIGITS}}})+)|([^{_CELL}]+)")
MOST_NUMBERS = _BASE * _BASE - 1
# How long nothing may have moved before pixels are drawn.
REST_SECONDS = 0.06
# With synchronized output the terminal shows nothing in between; save and restore the cursor.
_BEGIN, _END = "\x1b[?2026h\x1b7", "\x1b8\x1b[?2026l"


class Cell(NamedTuple):
    """A cell of a picture: the picture's number, and which of its cells."""

    number: int
    row: int
    column: int


class Box(NamedTuple):
    """A part of a picture, in cells of it."""

    column: int
    row: int
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of columns x rows cells: `under` shows it in blocks, `data` is what its encoding draws from."""

    number: int
    columns: int
    rows: int
    under: Drawn
    data: Any


@dataclass(frozen=True, slots=True)
class Patch:
    """Pixels on the screen: which picture's, and where."""

    number: int
    region: Region


class Pen:
    """Writes strips, and moves the cursor only where it is not there already."""

    def __init__(self, before: list[str]) -> None:
        self.before = before
        self._out: list[str] = []
        self._at = (-1, -1)

    def write(self, y: int, x: int, strip: Strip, console: Console) -> None:
        """Write a strip at a place of the screen."""
        if self._at != (y, x):
            self._out.append(f"\x1b[{y + 1};{x + 1}H")
        self._out.append(strip.render(console))
        self._at = y, x + strip.cell_length

    def text(self) -> str:
        """Return all that was written."""
        return "".join((*self.before, *self._out))

    def take_away(self, y: int, x: int, words: str) -> None:
        """Write, before all else, what removes pixels from a cell that is written later.

        All of it at once: tmux paints again what it still knows each time that it forgets a picture.
        """
        if words:
            self.before.append(f"\x1b[{y + 1};{x + 1}H{words}")


class Encoding(typing.Protocol):
    """How one kind of terminal is told to draw pixels at the cursor."""

    whole: bool
    """Whether pixels vanish as a whole when one of their cells is written to."""
    stays: bool
    """Whether they stay until they are removed, whatever is written there."""
    last_row: bool
    """Whether pixels may reach into the last row of the screen without moving it up."""
    most_patches: int
    """How many pictures the terminal keeps; 0 for any number."""
    most_cells: tuple[int, int]
    """How many columns and rows can be drawn at once."""

    def prepare(self, image: Image.Image, number: int) -> tuple[Any, str]:
        """Return what `draw` needs of a picture, and what the terminal is sent at once. Runs in a thread."""
        ...

    def draw(self, picture: Picture, box: Box, patch: int) -> str:
        """Return what draws a part of a picture at the cursor. Runs in a thread."""
        ...

    def remove(self, number: int, patch: int) -> str:
        """Return what takes the pixels of a patch away, where writing text over them does not.

        The cursor is on one of its cells, which is written later.
        """
        ...

    def forget(self, number: int) -> str:
        """Return what makes the terminal forget a picture."""
        ...


def encoded(cells: Iterable[Cell]) -> str:
    """Return the text of cells of pictures."""
    return "".join(
        _CELL
        + "".join(chr(_ZERO + digit) for value in (cell.number, cell.column) for digit in divmod(value, _BASE))
        + chr(_ZERO + cell.row)
        for cell in cells
    )


def decoded(text: str) -> Iterator[Cell]:
    """Yield the cells of pictures that a text stands for."""
    for at in range(0, len(text), _DIGITS + 1):
        high, low, left, right, row = (ord(each) - _ZERO for each in text[at + 1 : at + 1 + _DIGITS])
        yield Cell(high * _BASE + low, row, left * _BASE + right)


class Overlay:
    """Knows which cells of the screen show pictures and which of them have their pixels, and draws those that lack.

    `over` takes each update of the screen before it is written; `write` takes what is drawn later.
    """

    def __init__(self, encoding: Encoding, write: Callable[[str], object]) -> None:
        self.encoding = encoding
        self._write = write
        self._pictures: dict[int, Picture] = {}
        self._numbering = threading.Lock()
        self._number = 0
        # By row and column: the cells of pictures on the screen, and the patch whose pixels are there.
        self._wanted: dict[int, dict[int, Cell]] = {}
        self._drawn: dict[tuple[int, int], int] = {}
        self._patches: dict[int, Patch] = {}
        self._patch = 0
        self._size = Size(0, 0)
        # Written before the next update.
        self._due: list[str] = []
        self._resting: asyncio.TimerHandle | None = None
        self._drawing: asyncio.Task[None] | None = None

    # Pictures

    def new_number(self) -> int:
        """Return a number that no picture has. Any thread may call it."""
        with self._numbering:
            while True:
                self._number = self._number % MOST_NUMBERS + 1
                if self._number not in self._pictures:
                    return self._number

    def add(self, picture: Picture) -> None:
        """Know a picture, before its cells are shown. Any thread may call it."""
        self._pictures[picture.number] = picture

    def forget(self, number: int) -> str:
        """Return what makes the terminal forget a picture whose cells will not be shown again."""
        self._pictures.pop(number, None)
        return self.encoding.forget(number)

    # The screen

    def over(self, update: CompositorUpdate, size: Size) -> CompositorUpdate:
        """Return the update of a screen of this size as the terminal gets it: with blocks for the cells of pictures."""
        self._size = size
        return OverlaidUpdate(self, update) if self._pictures or self._wanted or self._due else update

    def reset(self) -> None:
        """Forget what is on the screen: it was resized or left, or somebody else wrote there."""
        for number, patch in self._patches.items():
            if words := self.encoding.remove(patch.number, number):
                self._due.append(f"\x1b[{patch.region.y + 1};{patch.region.x + 1}H{words}")
        self._wanted.clear()
        self._drawn.clear()
        self._patches.clear()

    def lose_pixels(self) -> None:
        """Draw all pixels again, unless somebody keeps them: perhaps the terminal lost them."""
        if not self.encoding.whole:
            self._drawn.clear()
            self._patches.clear()
            self._rest_later()

    def clearing(self) -> str:
        """Return what leaves no pixel on the screen."""
        self.reset()
        due = "".join(self._due)
        self._due.clear()
        # Erasing text erases pixels too.
        return f"{due}\x1b[2J" if self._pictures or due else ""

    def written(self, update: CompositorUpdate, console: Console) -> str:
        """Return the text of an update, and note what is on the screen after it."""
        pen = Pen(self._due)
        moved = bool(self._due)
        self._due = []
        for y, x, strip in pieces_of(update):
            if _CELL in strip.text:
                moved |= self._write_pictures(y, x, strip, console, pen)
            else:
                moved |= self._clear(y, x, x + strip.cell_length, pen)
                pen.write(y, x, strip, console)
        if moved:
            self._rest_later()
        return pen.text()

    def _write_pictures(self, y: int, x: int, strip: Strip, console: Console, pen: Pen) -> bool:
        """Write a line with cells of pictures in it; leave out those that are there already."""
        moved = False
        line = self._wanted.setdefault(y, {})
        # After the window was made smaller, a paint may still be for the size before.
        right = min(x + strip.cell_length, self._size.width if y < self._size.height else 0)
        for text, style, _ in strip:
            for found in _CELLS.finditer(text):
                if (plain := found[2]) is not None:
                    piece = Strip([Segment(plain, style)])
                    moved |= self._clear(y, x, x + piece.cell_length, pen)
                    pen.write(y, x, piece, console)
                    x += piece.cell_length
                    continue
                # Whatever a widget paints outside its region, its neighbours paint over.
                cells = list(decoded(found[1]))[: max(0, right - x)]
                there = [line.get(x + place) == cell for place, cell in enumerate(cells)]
                for begin, end in _runs(cells, there):
                    if there[begin]:
                        continue
                    moved = True
                    self._clear(y, x + begin, x + end, pen)
                    pen.write(y, x + begin, self._under(cells[begin:end], style), console)
                    line.update({x + place: cells[place] for place in range(begin, end)})
                x += len(cells)
        return moved

    def _under(self, cells: list[Cell], style: Any) -> Strip:
        picture = self._pictures.get(cells[0].number)
        if picture is None or cells[0].row >= len(picture.under):
            return Strip([Segment(" " * len(cells), style)], len(cells))
        return picture.under[cells[0].row].crop(cells[0].column, cells[-1].column + 1)

    def _clear(self, y: int, left: int, right: int, pen: Pen) -> bool:
        """Note that other text is written from column `left` to `right`; return whether there were pictures."""
        line = self._wanted.get(y)
        if not line:
            return False
        cleared = False
        for x in [x for x in line if left <= x < right]:
            del line[x]
            cleared = True
            patch = self._drawn.pop((y, x), None)
            if patch is not None and self.encoding.whole:
                self._lose(patch, y, x, pen)
        return cleared

    def _lose(self, number: int, y: int, x: int, pen: Pen) -> None:
        if patch := self._patches.pop(number, None):
            pen.take_away(y, x, self.encoding.remove(patch.number, number))
            for row in patch.region.line_range:
                for column in patch.region.column_range:
                    if self._drawn.get((row, column)) == number:
                        del self._drawn[row, column]

    # Pixels

    def _rest_later(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
        self._resting = asyncio.get_running_loop().call_later(REST_SECONDS, self._begin_to_draw)

    def _begin_to_draw(self) -> None:
        if self._drawing is None or self._drawing.done():
            self._drawing = asyncio.get_running_loop().create_task(self._draw_lacking())

    async def _draw_lacking(self) -> None:
        """Draw pixels, one picture after the other, until none lack."""
        while found := self._lacking():
            region, picture, box = found
            self._patch += 1
            number = self._patch
            text = await asyncio.to_thread(self.encoding.draw, picture, box, number)
            # Something may have moved in the meantime.
            if not self._shows(region, picture.number, box):
                continue
            self._write(f"{_BEGIN}\x1b[{region.y + 1};{region.x + 1}H{text}{_END}")
            self._patches[number] = Patch(picture.number, region)
            for y in region.line_range:
                for x in region.column_range:
                    self._drawn[y, x] = number
            self._drop_covered()

    def _lacking(self) -> tuple[Region, Picture, Box] | None:
        """Return the first region of the screen whose pixels lack, as large as one drawing allows."""
        chosen = self._chosen()
        most_columns, most_rows = self.encoding.most_cells
        for y in sorted(self._wanted):
            for x in sorted(self._wanted[y]):
                cell = self._wanted[y][x]
                picture = self._pictures.get(cell.number)
                if picture is None or not self._lacks(y, x, cell):
                    continue
                if chosen is not None and _place_of(y, x, cell) not in chosen:
                    continue
                width = 1
                while width < most_columns and self._lacks(
                    y, x + width, Cell(cell.number, cell.row, cell.column + width)
                ):
                    width += 1
                height = 1
                while height < most_rows and all(
                    self._lacks(y + height, x + at, Cell(cell.number, cell.row + height, cell.column + at))
                    for at in range(width)
                ):
                    height += 1
                return Region(x, y, width, height), picture, Box(cell.column, cell.row, width, height)
        return None

    def _lacks(self, y: int, x: int, cell: Cell) -> bool:
        if y == self._size.height - 1 and not self.encoding.last_row:
            return False
        return (y, x) not in self._drawn and self._wanted.get(y, {}).get(x) == cell

    def _shows(self, region: Region, number: int, box: Box) -> bool:
        return number in self._pictures and all(
            self._lacks(region.y + row, region.x + column, Cell(number, box.row + row, box.column + column))
            for row in range(region.height)
            for column in range(region.width)
        )

    def _chosen(self) -> set[tuple[int, int, int]] | None:
        """Return the pictures that get pixels if a terminal keeps only some: those with few others as large."""
        if not self.encoding.most_patches:
            return None
        areas = Counter(_place_of(y, x, cell) for y, line in self._wanted.items() for x, cell in line.items())
        # Tiles that are alike are drawn alike.
        return {
            place
            for place, area in areas.items()
            if sum(other * 2 >= area for other in areas.values()) <= self.encoding.most_patches
        }

    def _drop_covered(self) -> None:
        # Patches of which text took the last cell.
        shown = set(self._drawn.values())
        self._patches = {number: patch for number, patch in self._patches.items() if number in shown}


class OverlaidUpdate(CompositorUpdate):
    """An update of the screen, with what the overlay makes of its pictures."""

    def __init__(self, overlay: Overlay, update: CompositorUpdate) -> None:
        self._overlay = overlay
        self._update = update

    def render_segments(self, console: Console) -> str:
        """Return what the terminal gets; it is written at once."""
        return self._overlay.written(self._update, console)


class OverlayRenderer:
    """Makes a picture into cells that the overlay knows, with blocks under it."""

    def __init__(self, graphics: Graphics, overlay: Overlay) -> None:
        self._graphics = graphics
        self._overlay = overlay

    def render(self, source: Path | BinaryIO, columns: int, rows: int, mode: PictureMode) -> Rendered | None:
        """Render the picture as large as fits into columns x rows cells. Call it in a thread."""
        # In the thread: they take 60 ms to import.
        import numpy as np
        from PIL import Image

        from vuemantics_tui.ui.pictures.blocks import block_strips

        image = opened(source)
        if image is None or columns < 1 or rows < 1:
            return None
        width, height = self._graphics.cell
        image, columns, rows = placed(
            image, min(columns, _BASE * _BASE), min(rows, _BASE), self._graphics.cell, mode.fills
        )
        under = tuple(block_strips(np.asarray(image), columns, rows, mode))
        if mode.grey:
            image = image.convert("L").convert("RGB")
        # Stretched by less than half a cell, so that it fills its cells.
        image = image.resize((columns * width, rows * height), Image.Resampling.LANCZOS)
        number = self._overlay.new_number()
        data, send = self._overlay.encoding.prepare(image, number)
        self._overlay.add(Picture(number, columns, rows, under, data))
        strips = tuple(
            Strip([Segment(encoded(Cell(number, row, column) for column in range(columns)))], columns)
            for row in range(rows)
        )
        return Rendered(strips, send, number)

    def forget(self, rendered: Rendered) -> str:
        """Return what makes the terminal forget a picture."""
        return self._overlay.forget(rendered.number)


def _place_of(y: int, x: int, cell: Cell) -> tuple[int, int, int]:
    """Return which picture a cell is of, and where that begins: one picture may stand in two places."""
    return cell.number, y - cell.row, x - cell.column


def _runs(cells: list[Cell], there: list[bool]) -> Iterator[tuple[int, int]]:
    """Yield the ends of runs of neighbours in one row of one picture that are alike in being there or not."""
    begin = 0
    for place in range(1, len(cells) + 1):
        if place < len(cells) and there[place] == there[place - 1]:
            before = cells[place - 1]
            if cells[place] == Cell(before.number, before.row, before.column + 1):
                continue
        yield begin, place
        begin = place
