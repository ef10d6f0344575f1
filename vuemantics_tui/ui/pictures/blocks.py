"""From pixels to lines of block characters: functions on arrays of shape (height, width, 3), uint8 RGB."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from vuemantics_tui.terminal import Blocks
from vuemantics_tui.ui.pictures.loader import Depth, Graphics, PictureMode, Rendered, opened, placed

Pixels = NDArray[np.uint8]

SHADES = " ░▒▓█"
# By which of a cell's quarters are in the foreground: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
QUARTERS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
# The same with three rows. Unicode has the two halves and the full block elsewhere (Symbols for Legacy Computing).
SEXTANTS = "".join(
    {0: " ", 21: "▌", 42: "▐", 63: "█"}.get(bits, chr(0x1FAFF + bits - (bits > 21) - (bits > 42))) for bits in range(64)
)
HALVES = " ▀▄█"
# The characters, and the pixels of a cell: columns and rows.
_GLYPHS = {Blocks.HALVES: (HALVES, 1, 2), Blocks.QUARTERS: (QUARTERS, 2, 2), Blocks.SEXTANTS: (SEXTANTS, 2, 3)}

# xterm's 256 colours: 16 of the terminal's own, a cube of 6 x 6 x 6, 24 greys.
_CUBE_LEVELS = np.array([0, 95, 135, 175, 215, 255], dtype=np.int32)
_FIRST_OF_CUBE, _FIRST_GREY, _GREYS = 16, 232, 24
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# What differs less between red, green and blue is grey, of which there are finer steps.
_GREY_CHROMA = 24
# The greys of 16 colours, and how bright terminals show them: black, bright black, white, bright white.
_SIXTEEN_GREYS = np.array([0, 8, 7, 15], dtype=np.uint8)
_SIXTEEN_LEVELS = np.array([0, 115, 215, 255], dtype=np.float32)
# How far dithering goes from the nearest colour to the next one. The steps of the cube are large: half of the way keeps
# faces calm, and means are still nearer than without.
_CUBE_STRENGTH, _GREY_STRENGTH, _SIXTEEN_STRENGTH = 0.5, 0.75, 1.0


def _thresholds() -> NDArray[np.float32]:
    """Return the 8 x 8 matrix of ordered dithering, in 0..1 (B. E. Bayer, 1973)."""
    matrix = np.zeros((1, 1))
    for _ in range(3):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    thresholds: NDArray[np.float32] = ((matrix + 0.5) / 64).astype(np.float32)
    return thresholds


_THRESHOLDS = _thresholds()


class BlockRenderer:
    """Renders a picture as block characters, which any terminal shows."""

    def __init__(self, graphics: Graphics) -> None:
        self._cell = graphics.cell

    def render(self, source: Path | BinaryIO, columns: int, rows: int, mode: PictureMode) -> Rendered | None:
        """Render the picture as large as fits into columns x rows cells. Call it in a thread."""
        if columns < 1 or rows < 1:
            return None
        _, across, down = _GLYPHS[mode.blocks]
        image = opened(source, (columns * across, rows * down))
        if image is None:
            return None
        image, columns, rows = placed(image, columns, rows, self._cell, mode.fills)
        # Most of the work is done on the way: two pixels for each that is shown are enough to take the mean of.
        factor = min(image.width // (2 * columns * across), image.height // (2 * rows * down))
        if factor > 1:
            image = image.reduce(factor)
        return Rendered(tuple(block_strips(np.asarray(image), columns, rows, mode)))

    def forget(self, rendered: Rendered) -> str:
        """Return nothing: the cells are the whole picture."""
        return ""


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return the picture in width x height pixels: each is the mean of the area that it covers."""
    source_height, source_width = pixels.shape[:2]
    across = _means(pixels.reshape(source_height, source_width * 3), height)
    both = _means(across.reshape(height, source_width, 3).swapaxes(0, 1), width).swapaxes(0, 1)
    rounded: Pixels = np.clip(both + 0.5, 0, 255).astype(np.uint8)
    return rounded


def _means(values: NDArray[Any], target: int) -> NDArray[np.float64]:
    """Return the means of `target` equal stretches of the first axis, by differences of running totals.

    A product of matrices would do it too, but its threads wait for each other: on a busy machine it takes ten times as
    long.
    """
    source = len(values)
    totals = np.zeros((source + 1, *values.shape[1:]), np.float64)
    np.cumsum(values, axis=0, dtype=np.float64, out=totals[1:])
    edges = np.arange(target + 1) * (source / target)
    whole = np.minimum(edges.astype(np.intp), source - 1)
    part = (edges - whole).reshape(-1, *(1,) * (values.ndim - 1))
    at = totals[whole] + part * (totals[whole + 1] - totals[whole])
    means: NDArray[np.float64] = np.diff(at, axis=0) * (target / source)
    return means


def block_strips(pixels: Pixels, columns: int, rows: int, mode: PictureMode) -> list[Strip]:
    """Return the picture in exactly columns x rows cells: a Strip a row."""
    glyphs, across, down = _GLYPHS[mode.blocks]
    small = resized(pixels, columns * across, rows * down)
    if mode.grey or mode.depth is Depth.SIXTEEN:
        small = np.repeat(np.rint(small @ _LUMA).astype(np.uint8)[..., None], 3, axis=-1)
    if mode.depth is Depth.SHADES:
        return _shade_strips(_cells_of(small @ _LUMA, across, down), glyphs, on_dark=mode.on_dark)
    if mode.depth is Depth.TRUE_COLOUR:
        patterns, front, back = split_cells(_cells_of(small, across, down))
        return _cell_strips(patterns, _packed(front), _packed(back), glyphs, _true_colour)
    if mode.depth is Depth.PALETTE:
        numbers, colours = dithered(small)
        colour = _palette_colour
    else:
        numbers, colours = _dithered_greys(small[..., 0])
        colour = _sixteen_colour
    patterns, front, back = pair_cells(_cells_of(numbers, across, down), _cells_of(colours, across, down))
    return _cell_strips(patterns, front, back, glyphs, colour)


def _cells_of(pixels: NDArray[Any], across: int, down: int) -> NDArray[Any]:
    """Return the pixels of each cell, row by row: (rows, columns, pixels, ...)."""
    height, width = pixels.shape[:2]
    rest = pixels.shape[2:]
    cut = pixels.reshape(height // down, down, width // across, across, *rest)
    return cut.swapaxes(1, 2).reshape(height // down, width // across, down * across, *rest)


@lru_cache(maxsize=4)
def _patterns(pixels: int) -> NDArray[np.float32]:
    """Return which of a cell's pixels are in the foreground, for each pattern with the last one in the background."""
    # The other half are these with both colours swapped.
    bits: NDArray[np.float32] = ((np.arange(1 << (pixels - 1))[:, None] >> np.arange(pixels)) & 1).astype(np.float32)
    return bits


def split_cells(cells: Pixels) -> tuple[NDArray[np.intp], Pixels, Pixels]:
    """Return two colours for each cell, and which of its pixels take the first one, at the least squared error.

    From (rows, columns, pixels, 3): the patterns (rows, columns) as bits, the fore- and the backgrounds (rows,
    columns, 3).
    """
    exact = cells.astype(np.float32)
    chosen = _patterns(cells.shape[2])
    count = chosen.sum(axis=1)[:, None]
    total = exact.sum(axis=2)[:, :, None]
    front_sum = np.matmul(chosen, exact)
    front = front_sum / np.maximum(count, 1)
    back = (total - front_sum) / (cells.shape[2] - count)
    # The squares of the pixels are the same for each pattern, so the least error is the most that both means explain.
    explained = (front * front_sum).sum(axis=-1) + (back * (total - front_sum)).sum(axis=-1)
    # Float dust must not make a pattern out of equal pixels.
    explained[..., 0] += 0.5
    best = explained.argmax(axis=-1)
    picked = best[..., None, None]
    foreground = np.take_along_axis(front, picked, axis=2)[:, :, 0]
    background = np.take_along_axis(back, picked, axis=2)[:, :, 0]
    return best, np.rint(foreground).astype(np.uint8), np.rint(background).astype(np.uint8)


def pair_cells(numbers: Pixels, colours: NDArray[np.float32]) -> tuple[NDArray[np.intp], Pixels, Pixels]:
    """Return the two of each cell's colours nearest to all its pixels, and which of them take the first one.

    From numbers of a palette (rows, columns, pixels) and their colours (..., 3): patterns as bits, and two numbers.
    """
    pixels = numbers.shape[2]
    apart = ((colours[:, :, :, None] - colours[:, :, None]) ** 2).sum(axis=-1)
    first, second = np.triu_indices(pixels, 1)
    near = apart[..., first] <= apart[..., second]
    error = np.where(near, apart[..., first], apart[..., second]).sum(axis=2)
    best = error.argmin(axis=-1)
    is_first = np.take_along_axis(near, best[..., None, None], axis=3)[..., 0]
    patterns = (is_first * (1 << np.arange(pixels))).sum(axis=-1)
    front = np.take_along_axis(numbers, first[best][..., None], axis=2)[..., 0]
    back = np.take_along_axis(numbers, second[best][..., None], axis=2)[..., 0]
    return patterns, front, back


def _between(
    levels: NDArray[Any], exact: NDArray[np.float32], thresholds: NDArray[np.float32], strength: float
) -> NDArray[np.intp]:
    """Return for each value the place of the level below or above it, as the thresholds say."""
    below = np.clip(np.searchsorted(levels, exact, side="right") - 1, 0, len(levels) - 2)
    share = (exact - levels[below]) / (levels[below + 1] - levels[below])
    over: NDArray[np.intp] = below + (share > 0.5 + (thresholds - 0.5) * strength)
    return over


def _tiled(height: int, width: int) -> NDArray[np.float32]:
    return np.tile(_THRESHOLDS, (-(-height // 8), -(-width // 8)))[:height, :width]


def dithered(pixels: Pixels) -> tuple[Pixels, NDArray[np.float32]]:
    """Return numbers of xterm's palette for pixels, by ordered dithering between its levels, and their colours."""
    exact = pixels.astype(np.float32)
    thresholds = _tiled(*pixels.shape[:2])
    steps = _between(_CUBE_LEVELS, exact, thresholds[..., None], _CUBE_STRENGTH)
    numbers = _FIRST_OF_CUBE + steps[..., 0] * 36 + steps[..., 1] * 6 + steps[..., 2]
    colours = _CUBE_LEVELS[steps].astype(np.float32)
    greys = np.r_[0, 8 + 10 * np.arange(_GREYS), 255]
    places = _between(greys, exact.mean(axis=-1), thresholds, _GREY_STRENGTH)
    grey_numbers = np.where(
        places == 0, _FIRST_OF_CUBE, np.where(places > _GREYS, _FIRST_GREY - 1, _FIRST_GREY - 1 + places)
    )
    is_grey = exact.max(axis=-1) - exact.min(axis=-1) < _GREY_CHROMA
    chosen: Pixels = np.where(is_grey, grey_numbers, numbers).astype(np.uint8)
    return chosen, np.where(is_grey[..., None], greys[places][..., None], colours).astype(np.float32)


def _dithered_greys(luma: Pixels) -> tuple[Pixels, NDArray[np.float32]]:
    """Return numbers of the greys among 16 colours for pixels (height, width), dithered, and their colours."""
    exact = _stretched(luma.astype(np.float32)) * 255
    places = _between(_SIXTEEN_LEVELS, exact, _tiled(*luma.shape), _SIXTEEN_STRENGTH)
    return _SIXTEEN_GREYS[places], _SIXTEEN_LEVELS[places][..., None]


def _stretched(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    # The few darkest and brightest spots would leave too few shades for the rest.
    darkest, brightest = np.percentile(luma, (1, 99))
    stretched: NDArray[np.float32] = np.clip((luma - darkest) / max(float(brightest - darkest), 1.0), 0, 1)
    return stretched


def _shade_strips(cells: NDArray[np.float32], glyphs: str, *, on_dark: bool) -> list[Strip]:
    """Return lines without colours, from brightness (rows, columns, pixels): a cell's shade, or a nearer shape."""
    bright = _stretched(cells)
    if not on_dark:
        bright = 1 - bright
    shades = np.rint(bright.mean(axis=2) * (len(SHADES) - 1)).astype(int)
    shade_errors = ((bright - shades[..., None] / (len(SHADES) - 1)) ** 2).sum(axis=2)
    on = bright > 0.5
    shape_errors = ((bright - on) ** 2).sum(axis=2)
    patterns = (on * (1 << np.arange(cells.shape[2]))).sum(axis=-1)
    letters = np.where(shape_errors < shade_errors, np.array(list(glyphs))[patterns], np.array(list(SHADES))[shades])
    return [Strip([Segment("".join(line))], len(line)) for line in letters.tolist()]


def _packed(colours: Pixels) -> NDArray[np.int64]:
    wide = colours.astype(np.int64)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _true_colour(packed: int) -> Color:
    return Color("", ColorType.TRUECOLOR, None, ColorTriplet(packed >> 16, packed >> 8 & 255, packed & 255))


@lru_cache(maxsize=256)
def _palette_colour(number: int) -> Color:
    # With its triplet, or Textual would take it for one of the terminal's own colours and replace it.
    colour = Color.from_ansi(number)
    return Color(colour.name, ColorType.EIGHT_BIT, number, colour.get_truecolor())


@lru_cache(maxsize=16)
def _sixteen_colour(number: int) -> Color:
    return Color.from_ansi(number)


def _cell_strips(
    patterns: NDArray[np.intp],
    front: NDArray[np.integer[Any]],
    back: NDArray[np.integer[Any]],
    glyphs: str,
    colour: Callable[[int], Color],
) -> list[Strip]:
    """Return strips of cells with these patterns and colours, equal neighbours as one segment."""
    full = len(glyphs) - 1
    # A blank shows its background only; one number a cell tells equal neighbours.
    back = np.where(patterns == full, front, back).astype(np.int64)
    patterns = np.where((front == back) | (patterns == full), 0, patterns)
    front = np.where(patterns == 0, back, front).astype(np.int64)
    keys = (front << 32) | (back << 8) | patterns
    columns = patterns.shape[1]
    strips = []
    colours: dict[int, Color] = {}
    styles: dict[int, Style] = {}
    for row in keys.tolist():
        segments = []
        at = 0
        while at < columns:
            key = row[at]
            begin = at
            at += 1
            while at < columns and row[at] == key:
                at += 1
            style = styles.get(key)
            if style is None:
                behind, before = key >> 8 & 0xFFFFFF, key >> 32
                background = colours.get(behind) or colours.setdefault(behind, colour(behind))
                foreground = None
                if key & 255:
                    foreground = colours.get(before) or colours.setdefault(before, colour(before))
                style = styles[key] = Style.from_color(foreground, background)
            segments.append(Segment(glyphs[key & 255] * (at - begin), style))
        strips.append(Strip(segments, columns))
    return strips
