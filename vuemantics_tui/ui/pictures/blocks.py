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

from vuemantics_tui.ui.pictures.loader import Depth, PictureMode, Rendered, filling, opened

Pixels = NDArray[np.uint8]

UPPER_HALF = "▀"
SHADES = " ░▒▓█"
# By which of a cell's quarters are in the foreground: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"

# xterm's 256 colours: 16 of the terminal's own, a cube of 6 x 6 x 6, 24 greys.
_CUBE_LEVELS = np.array([0, 95, 135, 175, 215, 255], dtype=np.int32)
_CUBE_EDGES = (_CUBE_LEVELS[1:] + _CUBE_LEVELS[:-1]) / 2
_FIRST_OF_CUBE, _FIRST_GREY, _GREYS = 16, 232, 24
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class BlockRenderer:
    """Renders a picture as block characters, which any terminal shows."""

    def render(self, source: Path | BinaryIO, columns: int, rows: int, mode: PictureMode) -> Rendered | None:
        """Render the picture as large as fits into columns x rows cells. Call it in a thread."""
        image = opened(source)
        if image and mode.fills and columns > 0 and rows > 0:
            image = filling(image, columns, 2 * rows)
        strips = picture_strips(np.asarray(image), columns, rows, mode) if image else []
        return Rendered(tuple(strips)) if strips else None

    def forget(self, rendered: Rendered) -> str:
        """Return nothing: cells are all that there is."""
        return ""


def fitted(width: int, height: int, columns: int, rows: int) -> tuple[int, int]:
    """The (columns, rows) that width x height pixels take in a box of columns x rows cells, each 1:2."""
    scale = min(columns / width, 2 * rows / height)
    return (
        max(1, min(columns, round(width * scale))),
        max(1, min(rows, round(height * scale / 2))),
    )


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """The picture in width x height pixels: each is the mean of the area that it covers."""
    source_height, source_width = pixels.shape[:2]
    across = _shares(source_height, height) @ pixels.reshape(source_height, source_width * 3).astype(np.float32)
    both = _shares(source_width, width) @ across.reshape(height, source_width, 3)
    rounded: Pixels = np.clip(both + 0.5, 0, 255).astype(np.uint8)
    return rounded


@lru_cache(maxsize=64)
def _shares(source: int, target: int) -> NDArray[np.float32]:
    """How much of each of `target` pixels comes from each of `source`: (target, source), rows sum to 1."""
    edges = np.arange(target + 1) * (source / target)
    low, high = edges[:-1, None], edges[1:, None]
    at = np.arange(source)[None, :]
    overlap = np.clip(np.minimum(high, at + 1) - np.maximum(low, at), 0, None)
    shares: NDArray[np.float32] = (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def palette_numbers(pixels: Pixels) -> Pixels:
    """The number in xterm's palette (16..255) that is nearest to each pixel: (...) from (..., 3)."""
    exact = pixels.astype(np.int32)
    steps = np.searchsorted(_CUBE_EDGES, exact)
    in_cube = _FIRST_OF_CUBE + steps[..., 0] * 36 + steps[..., 1] * 6 + steps[..., 2]
    cube_error = ((_CUBE_LEVELS[steps] - exact) ** 2).sum(axis=-1)
    grey = np.clip(np.rint((exact.mean(axis=-1) - 8) / 10), 0, _GREYS - 1).astype(np.int32)
    grey_error = (((8 + 10 * grey)[..., None] - exact) ** 2).sum(axis=-1)
    return np.where(grey_error < cube_error, _FIRST_GREY + grey, in_cube).astype(np.uint8)


def split_cells(pixels: Pixels) -> tuple[NDArray[np.intp], Pixels, Pixels]:
    """Two colours for each 2 x 2 pixels, and which of the four take the first one, at the least squared error.

    From (2 rows, 2 columns, 3): the patterns (rows, columns) as indexes of QUADRANTS, the fore- and the backgrounds
    (rows, columns, 3).
    """
    rows, columns = pixels.shape[0] // 2, pixels.shape[1] // 2
    quarters = pixels.reshape(rows, 2, columns, 2, 3).transpose(0, 2, 1, 3, 4).reshape(rows, columns, 4, 3)
    quarters = quarters.astype(np.float32)
    # The lower right one is always in the background: the other eight patterns are these with both colours swapped.
    patterns = np.arange(8)
    chosen = ((patterns[:, None] >> np.arange(4)) & 1).astype(np.float32)
    other = 1 - chosen
    front = np.einsum("pq,rcqd->rcpd", chosen, quarters) / np.maximum(chosen.sum(axis=1), 1)[:, None]
    back = np.einsum("pq,rcqd->rcpd", other, quarters) / other.sum(axis=1)[:, None]
    # The squares of the pixels are the same for each pattern, so the least error is the most that both means explain.
    explained = chosen.sum(axis=1) * (front**2).sum(axis=-1) + other.sum(axis=1) * (back**2).sum(axis=-1)
    # Float dust must not make a pattern out of four equal pixels.
    explained[..., 0] += 0.5
    best = explained.argmax(axis=-1)
    picked = best[..., None, None]
    foreground = np.take_along_axis(front, picked, axis=2)[:, :, 0]
    background = np.take_along_axis(back, picked, axis=2)[:, :, 0]
    return best, np.rint(foreground).astype(np.uint8), np.rint(background).astype(np.uint8)


def picture_strips(pixels: Pixels, columns: int, rows: int, mode: PictureMode) -> list[Strip]:
    """The picture as large as fits into columns x rows cells, in its own aspect: a Strip a row, all equally wide."""
    if columns < 1 or rows < 1 or not pixels.size:
        return []
    return block_strips(pixels, *fitted(pixels.shape[1], pixels.shape[0], columns, rows), mode)


def block_strips(pixels: Pixels, columns: int, rows: int, mode: PictureMode) -> list[Strip]:
    """The picture in exactly columns x rows cells."""
    if mode.depth is Depth.SHADES:
        return _shade_strips(resized(pixels, columns, rows), on_dark=mode.on_dark)
    if mode.quadrants:
        patterns, front, back = split_cells(resized(pixels, columns * 2, rows * 2))
    else:
        small = resized(pixels, columns, rows * 2)
        front, back = small[0::2], small[1::2]
        patterns = np.full((rows, columns), QUADRANTS.index(UPPER_HALF))
    if mode.depth is Depth.PALETTE:
        return _cell_strips(patterns, palette_numbers(front), palette_numbers(back), _palette_colour)
    return _cell_strips(patterns, _packed(front), _packed(back), _true_colour)


def _shade_strips(pixels: Pixels, *, on_dark: bool) -> list[Strip]:
    # The few darkest and brightest spots would leave too few of the five shades for the rest.
    luma = pixels.astype(np.float32) @ _LUMA
    darkest, brightest = np.percentile(luma, (2, 98))
    steps = (luma - darkest) / max(float(brightest - darkest), 1.0) * (len(SHADES) - 1)
    shades = np.clip(np.rint(steps), 0, len(SHADES) - 1).astype(int)
    letters = SHADES if on_dark else SHADES[::-1]
    return [Strip([Segment("".join(letters[shade] for shade in row))], len(row)) for row in shades.tolist()]


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


def _cell_strips(
    patterns: NDArray[np.intp],
    front: NDArray[np.integer[Any]],
    back: NDArray[np.integer[Any]],
    colour: Callable[[int], Color],
) -> list[Strip]:
    """Strips of cells with these patterns and colours, equal neighbours as one segment."""
    patterns = np.where(front == back, 0, patterns)
    # A blank shows its background only; one number a cell tells equal neighbours.
    front = np.where(patterns == 0, back, front).astype(np.int64)
    keys = (front << 28) | (back.astype(np.int64) << 4) | patterns
    columns = patterns.shape[1]
    strips = []
    colours: dict[int, Color] = {}
    for row in keys.tolist():
        segments = []
        at = 0
        while at < columns:
            key = row[at]
            begin = at
            while at < columns and row[at] == key:
                at += 1
            behind = key >> 4 & 0xFFFFFF
            background = colours.get(behind) or colours.setdefault(behind, colour(behind))
            pattern = key & 15
            foreground = None
            if pattern:
                before = key >> 28
                foreground = colours.get(before) or colours.setdefault(before, colour(before))
            segments.append(Segment(QUADRANTS[pattern] * (at - begin), Style.from_color(foreground, background)))
        strips.append(Strip(segments, columns))
    return strips
