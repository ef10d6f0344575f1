"""Pictures by Sixel: six rows of pixels at a time, each colour on its own.

The format: VT330/VT340 Programmer Reference Manual, volume 2, chapter 14 (https://vt100.net/docs/vt3xx-gp/chapter14.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui.ui.pictures.loader import Graphics
from vuemantics_tui.ui.pictures.overlay import Box, Picture

# Over SSH, fewer colours take half of the bytes.
MOST_COLOURS, REMOTE_COLOURS = 256, 64
PALETTE_FROM = (200, 200)
# tmux 3.5 forgets the oldest of ten, later ones that of twenty (`image_store` in its image.c).
MOST_IN_TMUX = 9
# Below this many neighbours, to write them out is as short as to count them.
_SHORTEST_RUN = 4
_BAND = 6


@dataclass(frozen=True, slots=True)
class Indexed:
    """A picture as numbers of its palette (height, width), and the palette (colours, 3) in percent."""

    pixels: NDArray[np.uint8]
    palette: NDArray[np.uint8]


class SixelEncoding:
    """Draws each part of a picture in its own colours. Text takes its place; in tmux, the whole of it vanishes then."""

    stays, last_row = False, False

    def __init__(self, graphics: Graphics) -> None:
        self._cell = graphics.cell
        # Whatever the picture does not reach of its cells, tmux 3.5 fills with the first register.
        self._first = int(graphics.in_tmux)
        self._colours = min(REMOTE_COLOURS if graphics.remote else MOST_COLOURS, graphics.registers) - self._first
        self._dither = Image.Dither.NONE if graphics.remote else Image.Dither.FLOYDSTEINBERG
        self.whole = graphics.in_tmux
        self.most_patches = MOST_IN_TMUX if graphics.in_tmux else 0
        width, height = graphics.cell
        most_width, most_height = graphics.most_pixels
        self.most_cells = max(1, most_width // width), max(1, most_height // height)

    def prepare(self, image: Image.Image, number: int) -> tuple[Any, str]:
        """Return the picture in as many colours as the terminal has."""
        # A small copy has the same colours, and finds them in a tenth of the time.
        small = image.copy()
        small.thumbnail(PALETTE_FROM, Image.Resampling.BOX)
        chosen = small.quantize(self._colours, Image.Quantize.MEDIANCUT)
        spread = image.quantize(palette=chosen, dither=self._dither)
        palette = np.asarray(chosen.getpalette("RGB"), dtype=np.float32).reshape(-1, 3)
        percent = np.pad(np.rint(palette * (100 / 255)).astype(np.uint8), ((self._first, 0), (0, 0)))
        return Indexed(np.asarray(spread) + np.uint8(self._first), percent), ""

    def draw(self, picture: Picture, box: Box, patch: int) -> str:
        """Return the sixels of a part."""
        width, height = self._cell
        indexed: Indexed = picture.data
        top, left = box.row * height, box.column * width
        part = indexed.pixels[top : top + box.rows * height, left : left + box.columns * width]
        if not self.whole:
            return sixels(part, indexed.palette, np.unique(part))
        # tmux 3.5 takes a begun band for six rows, and so for another row of cells, and needs all registers in order.
        part = part[: max(1, part.shape[0] // _BAND) * _BAND]
        palette = indexed.palette.copy()
        palette[0] = palette[part[-1]].mean(axis=0)
        return sixels(part, palette, np.arange(len(palette)))

    def remove(self, number: int, patch: int) -> str:
        """Return a blank for tmux, which forgets a picture under ASCII, and none under other text; else nothing."""
        return " " if self.whole else ""

    def forget(self, number: int) -> str:
        """Return nothing: the terminal keeps no pictures."""
        return ""


def sixels(pixels: NDArray[np.uint8], palette: NDArray[np.uint8], registers: NDArray[np.integer[Any]]) -> str:
    """Return the control string that draws pixels (height, width), numbers of a palette in percent.

    `registers` are the numbers that it defines: at least those of the pixels.
    """
    height, width = pixels.shape
    colours = "".join("#{};2;{};{};{}".format(number, *palette[number]) for number in registers.tolist())
    # 1: what is not drawn stays as it is. Then the aspect of a pixel, and the size.
    return f'\x1bP0;1;0q"1;1;{width};{height}{colours}{_bands(pixels).decode("ascii")}\x1b\\'


def _bands(pixels: NDArray[np.uint8]) -> bytes:
    """Return the sixels of all bands: each colour's line, `$` before the next one, `-` before the next band."""
    height, width = pixels.shape
    rows = np.arange(height)[:, None]
    # One key for band, colour and column; one bit for each of the six rows.
    keys = ((rows // _BAND) << 32) | (pixels.astype(np.int64) << 16) | np.arange(width)[None, :]
    bits = np.broadcast_to(1 << (rows % _BAND), keys.shape).ravel()
    keys = keys.ravel()
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    keys, drawn = keys[first], np.add.reduceat(bits[order], first)
    lines, columns = keys >> 16, keys & 0xFFFF
    new_line = np.r_[True, lines[1:] != lines[:-1]]
    # Columns in which a line has no pixel, before each of its sixels.
    gaps = columns - np.where(new_line, 0, np.r_[0, columns[:-1] + 1])
    # Equal neighbours are one run.
    begins = np.flatnonzero(new_line | (gaps > 0) | (drawn != np.r_[-1, drawn[:-1]]))
    lengths = np.diff(np.r_[begins, len(keys)])
    # For each run: what begins its line, the gap, the run itself.
    new_line, lines, gaps, drawn = new_line[begins], lines[begins], gaps[begins], drawn[begins]
    bands = lines >> 16
    before = np.r_[0, bands[:-1]]
    starts: list[bytes] = []
    for line, band, last in zip(
        lines[new_line].tolist(), bands[new_line].tolist(), before[new_line].tolist(), strict=True
    ):
        starts.append(b"-" * (band - last) + (b"$" if band == last and starts else b"") + b"#%d" % (line & 0xFFFF))
    pieces = np.zeros((len(begins), 3), dtype=object)
    pieces[:, 0] = b""
    pieces[new_line, 0] = starts
    pieces[:, 1] = _run_texts(np.full(len(gaps), ord("?"), dtype=np.int64), gaps)
    pieces[:, 2] = _run_texts(drawn + ord("?"), lengths)
    return b"".join(pieces.ravel().tolist())


def _run_texts(letters: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return each letter so many times, counted where that is shorter."""
    kinds, places = np.unique(letters << 16 | lengths, return_inverse=True)
    texts = np.empty(len(kinds), dtype=object)
    for place, kind in enumerate(kinds.tolist()):
        letter, length = bytes([kind >> 16]), kind & 0xFFFF
        texts[place] = letter * length if length < _SHORTEST_RUN else b"!%d%c" % (length, kind >> 16)
    return texts[places]
