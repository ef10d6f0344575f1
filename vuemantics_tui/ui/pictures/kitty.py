"""Pictures by the Kitty graphics protocol: by Unicode placeholders, or placed at the cursor by terminals without them.

A picture is sent once. With placeholders, where it stands is text: cells of U+10EEEE whose foreground colour is the
picture's number and whose two combining characters are the row and the column. So scrolling, clipping, dialogs on top
and tmux treat it like any other text. Without them, `overlay.py` knows where it stands.
The protocol: https://sw.kovidgoyal.net/kitty/graphics-protocol/
"""

from __future__ import annotations

import io
import random
import threading
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image
from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from vuemantics_tui.terminal import wrapped
from vuemantics_tui.ui.pictures.loader import PLACEHOLDER, Depth, Graphics, PictureMode, Rendered, opened, placed
from vuemantics_tui.ui.pictures.overlay import Box, Picture
from vuemantics_tui.ui.textual_private import keep_characters_whole

# The combining characters that stand for 0, 1, 2 ...: the list rowcolumn-diacritics.txt of the protocol, as ranges.
_NUMBERS = """
305 30d-30e 310 312 33d-33f 346 34a-34c 350-352 357 35b 363-36f 483-487 592-595 597-599 59c-5a1 5a8-5a9 5ab-5ac 5af 5c4
610-617 657-65b 65d-65e 6d6-6dc 6df-6e2 6e4 6e7-6e8 6eb-6ec 730 732-733 735-736 73a 73d 73f-741 743 745 747 749-74a
7eb-7f1 7f3 816-819 81b-823 825-827 829-82d 951 953-954 f82-f83 f86-f87 135d-135f 17dd 193a 1a17 1a75-1a7c 1b6b
1b6d-1b73 1cd0-1cd2 1cda-1cdb 1ce0 1dc0-1dc1 1dc3-1dc9 1dcb-1dcc 1dd1-1de6 1dfe 20d0-20d1 20d4-20d7 20db-20dc 20e1 20e7
20e9 20f0 2cef-2cf1 2de0-2dff a66f a67c-a67d a6f0-a6f1 a8e0-a8f1 aab0 aab2-aab3 aab7-aab8 aabe-aabf aac1 fe20-fe26
10a0f 10a38 1d185-1d189 1d1aa-1d1ad 1d242-1d244
"""
# What one command may carry, in bytes of base64.
CHUNK = 4096
# Numbers that a colour of 24 bits can carry, or one of 256; 0 is none.
MOST_WIDE, MOST_NARROW = (1 << 24) - 1, 255
# Over SSH a picture of 256 colours takes a quarter of the bytes, and comes first. One of fewer cells than these, as a
# tile of the gallery, stays so.
REMOTE_COLOURS, LEAST_BETTER = 256, 500


def _numbers() -> tuple[str, ...]:
    found: list[str] = []
    for word in _NUMBERS.split():
        first, _, last = word.partition("-")
        found += map(chr, range(int(first, 16), int(last or first, 16) + 1))
    return tuple(found)


NUMBERS = _numbers()
"""The combining characters, by the number that each stands for."""


class KittyRenderer:
    """Makes a picture into the commands that send it and the cells that show it."""

    def __init__(self, graphics: Graphics) -> None:
        keep_characters_whole()
        self._graphics = graphics
        self._numbering = threading.Lock()
        self._used: set[int] = set()

    def render(self, source: Path | BinaryIO, columns: int, rows: int, mode: PictureMode) -> Rendered | None:
        """Render the picture as large as fits into columns x rows cells. Call it in a thread."""
        fitted = self._fitted(source, columns, rows, mode)
        if fitted is None:
            return None
        image, columns, rows = fitted
        wide = mode.depth is Depth.TRUE_COLOUR and not self._graphics.narrow
        number = self._new_number(MOST_WIDE if wide else MOST_NARROW)
        # Sent, and given a virtual placement of this size.
        keys = f"a=T,U=1,f=100,i={number},c={columns},r={rows}"
        send = self._sent(keys, image, few=self._graphics.remote)
        better = None
        if self._graphics.remote and columns * rows >= LEAST_BETTER:
            better = partial(self._in_full, keys, source, columns, rows, mode)
        return Rendered(_strips(number, columns, rows, wide=wide), send, number, better)

    def _fitted(
        self, source: Path | BinaryIO, columns: int, rows: int, mode: PictureMode
    ) -> tuple[Image.Image, int, int] | None:
        """Return the picture as large as it is shown, and the columns and rows that it takes."""
        image = opened(source)
        columns, rows = min(columns, len(NUMBERS)), min(rows, len(NUMBERS))
        if image is None or columns < 1 or rows < 1:
            return None
        width, height = self._graphics.cell
        image, columns, rows = placed(image, columns, rows, self._graphics.cell, mode.fills)
        if mode.grey:
            image = image.convert("L").convert("RGB")
        image.thumbnail((columns * width, rows * height), Image.Resampling.LANCZOS)
        return image, columns, rows

    def _in_full(self, keys: str, source: Path | BinaryIO, columns: int, rows: int, mode: PictureMode) -> str:
        """Return what sends all colours of a picture, by the same number, so that they take the place of the few."""
        # Decoded once more: the pixels of all that may be wanted in full would take too much memory.
        if not isinstance(source, Path):
            source.seek(0)
        fitted = self._fitted(source, columns, rows, mode)
        return self._sent(keys, fitted[0], few=False) if fitted else ""

    def _sent(self, keys: str, image: Image.Image, *, few: bool) -> str:
        return "".join(_sending(keys, _png(image, few=few), self._graphics))

    def forget(self, rendered: Rendered) -> str:
        """Return the command that makes the terminal forget a picture."""
        with self._numbering:
            self._used.discard(rendered.number)
        return _command(f"a=d,d=I,i={rendered.number},q=2", self._graphics)

    def _new_number(self, most: int) -> int:
        # Other programs in this terminal number their pictures too, mostly from 1.
        with self._numbering:
            number = random.randint(1, most)
            while number in self._used:
                number = number % most + 1
            self._used.add(number)
            return number


class PlacedEncoding:
    """Sends a picture once, and places parts of it at the cursor: what text does not cover, so they are removed."""

    whole, stays, last_row, most_patches = True, True, True, 0
    most_cells = (10_000, 10_000)

    def __init__(self, graphics: Graphics) -> None:
        self._graphics = graphics

    def prepare(self, image: Image.Image, number: int) -> tuple[Any, str]:
        """Return what sends the picture."""
        return None, "".join(_sending(f"a=t,f=100,i={number}", _png(image, few=self._graphics.remote), self._graphics))

    def draw(self, picture: Picture, box: Box, patch: int) -> str:
        """Return the command that places a part; C=1: the cursor stays."""
        width, height = self._graphics.cell
        part = f"x={box.column * width},y={box.row * height},w={box.columns * width},h={box.rows * height}"
        return f"\x1b_Ga=p,i={picture.number},p={patch},{part},c={box.columns},r={box.rows},C=1,q=2\x1b\\"

    def remove(self, number: int, patch: int) -> str:
        """Return the command that removes a part; the terminal keeps the picture."""
        return f"\x1b_Ga=d,d=i,i={number},p={patch},q=2\x1b\\"

    def forget(self, number: int) -> str:
        """Return the command that makes the terminal forget the picture."""
        return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


def _png(image: Image.Image, *, few: bool) -> bytes:
    buffer = io.BytesIO()
    if few:
        image.quantize(REMOTE_COLOURS, Image.Quantize.FASTOCTREE).save(buffer, "PNG")
    else:
        image.save(buffer, "PNG", compress_level=1)
    return b64encode(buffer.getvalue())


def _sending(keys: str, data: bytes, graphics: Graphics) -> Iterator[str]:
    """Yield the commands that send data; q=2: no answer, which would be read as keys."""
    for start in range(0, len(data), CHUNK):
        more = int(start + CHUNK < len(data))
        yield _command(f"{keys},q=2,m={more}".lstrip(","), graphics, data[start : start + CHUNK].decode("ascii"))
        keys = ""


def _command(keys: str, graphics: Graphics, data: str = "") -> str:
    command = f"\x1b_G{keys}{';' if data else ''}{data}\x1b\\"
    return wrapped(command) if graphics.in_tmux else command


def _strips(number: int, columns: int, rows: int, *, wide: bool) -> tuple[Strip, ...]:
    if wide:
        triplet = ColorTriplet(number >> 16, number >> 8 & 255, number & 255)
        colour = Color("", ColorType.TRUECOLOR, None, triplet)
    else:
        # With its triplet, or Textual would take it for one of the terminal's own colours and replace it.
        plain = Color.from_ansi(number)
        colour = Color(plain.name, ColorType.EIGHT_BIT, number, plain.get_truecolor())
    style = Style.from_color(colour)
    return tuple(
        Strip([Segment("".join(f"{PLACEHOLDER}{NUMBERS[row]}{NUMBERS[at]}" for at in range(columns)), style)], columns)
        for row in range(rows)
    )
