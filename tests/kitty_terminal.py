"""A small model of a terminal with Kitty graphics: it answers questions, and refuses what a real one refuses."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from dataclasses import dataclass, field

import numpy as np
import pyte
from numpy.typing import NDArray
from PIL import Image

from vuemantics_tui.ui.pictures.kitty import NUMBERS
from vuemantics_tui.ui.pictures.loader import PLACEHOLDER

CELL = (9, 18)
_COMMAND = re.compile(r"\x1b_G(?P<keys>[^;\x1b]*)(?:;(?P<data>[^\x1b]*))?\x1b\\")
_STRING = re.compile(r"\x1b[P_\]X^][^\x1b\x07]*(?:\x1b\\|\x07)")
_BEGUN = re.compile(r"\x1b(?:[P_\]X^][^\x1b\x07]*\x1b?)?$")
_QUESTIONS = {
    "\x1b[>q": "\x1bP>|kitty(0.41.1)\x1b\\",
    "\x1b[16t": f"\x1b[6;{CELL[1]};{CELL[0]}t",
    "\x1b[c": "\x1b[?62;c",
}


class RefusedError(AssertionError):
    """What a real terminal would have answered with an error, or not shown."""


@dataclass
class Placed:
    """A picture in the terminal, and the cells of its virtual placement."""

    image: Image.Image
    columns: int
    rows: int


@dataclass
class KittyTerminal:
    """Takes the bytes that a program writes; `answers` is what it has to read."""

    columns: int = 80
    rows: int = 24
    pictures: dict[int, Placed] = field(default_factory=dict)
    answers: str = ""
    sent: int = 0

    def __post_init__(self) -> None:
        self.screen = pyte.Screen(self.columns, self.rows)
        self._stream = pyte.Stream(self.screen)
        self._pending = ""
        self._loading: tuple[dict[str, str], str] | None = None
        # Cells of pictures that others took the place of: they show nothing until they are written again.
        self._outdated: dict[tuple[int, int], pyte.screens.Char] = {}

    def feed(self, text: str) -> None:
        """Take what was written."""
        text, self._pending = self._pending + text, ""
        if begun := _BEGUN.search(text):
            text, self._pending = text[: begun.start()], text[begun.start() :]
        for question, answer in _QUESTIONS.items():
            self.answers += answer * text.count(question)
            text = text.replace(question, "")
        at = 0
        for string in _STRING.finditer(text):
            self._stream.feed(text[at : string.start()])
            at = string.end()
            if command := _COMMAND.fullmatch(string.group()):
                self._obey(
                    dict(each.split("=", 1) for each in command["keys"].split(",") if each), command["data"] or ""
                )
        self._stream.feed(text[at:])

    def _obey(self, keys: dict[str, str], data: str) -> None:
        if keys.get("a") == "q":
            self.answers += f"\x1b_Gi={keys['i']};OK\x1b\\"
            return
        if keys.get("q") != "2":
            raise RefusedError(f"this would be answered, and the answer read as keys: {keys}")
        if keys.get("a") == "d":
            if keys.get("d") != "I" or self.pictures.pop(int(keys["i"]), None) is None:
                raise RefusedError(f"there is no such picture to delete: {keys}")
            return
        if len(data) > 4096 or (len(data) % 4 and keys.get("m") == "1"):
            raise RefusedError(f"a chunk of {len(data)} bytes")
        if self._loading is None:
            if not keys.get("i", "").isdecimal() or not 0 < int(keys["i"]) < 1 << 32:
                raise RefusedError(f"no valid number: {keys}")
            self._loading = keys, ""
        elif keys.keys() - {"m", "q"}:
            raise RefusedError(f"only m and q may follow in later chunks: {keys}")
        first, before = self._loading
        self._loading = first, before + data
        if keys.get("m", "0") == "0":
            self._loading = None
            self._place(first, b64decode(before + data, validate=True))

    def _place(self, keys: dict[str, str], data: bytes) -> None:
        if (keys.get("a"), keys.get("U"), keys.get("f")) != ("T", "1", "100"):
            raise RefusedError(f"no PNG with a virtual placement: {keys}")
        image = Image.open(io.BytesIO(data))
        image.load()
        if image.format != "PNG":
            raise RefusedError(f"f=100 is PNG, not {image.format}")
        self.sent += len(data)
        if int(keys["i"]) in self.pictures:
            self._outdated |= {
                (y, x): cell
                for y, line in self.screen.buffer.items()
                for x, cell in line.items()
                if cell.data.startswith(PLACEHOLDER) and int(cell.fg, 16) == int(keys["i"])
            }
        self.pictures[int(keys["i"])] = Placed(image.convert("RGB"), int(keys["c"]), int(keys["r"]))

    def shown(self) -> NDArray[np.uint8]:
        """Return the pixels of the screen where pictures stand; the rest is black. Raises RefusedError."""
        width, height = CELL
        pixels = np.zeros((self.rows * height, self.columns * width, 3), np.uint8)
        for y in range(self.rows):
            for x in range(self.columns):
                cell = self.screen.buffer[y][x]
                if cell.data.startswith(PLACEHOLDER) and self._outdated.get((y, x)) is not cell:
                    pixels[y * height : (y + 1) * height, x * width : (x + 1) * width] = self._piece(cell)
        return pixels

    def numbers(self) -> set[int]:
        """Return the numbers of the pictures that stand on the screen."""
        return {
            int(cell.fg, 16)
            for line in self.screen.buffer.values()
            for cell in line.values()
            if cell.data.startswith(PLACEHOLDER)
        }

    def _piece(self, cell: pyte.screens.Char) -> NDArray[np.uint8]:
        """Return what a placeholder shows: its part of the picture, which fills the placement in its own aspect."""
        placed = self.pictures.get(int(cell.fg, 16))
        if placed is None or len(cell.data) != 3:
            raise RefusedError(f"a cell of no picture: {cell}")
        row, column = NUMBERS.index(cell.data[1]), NUMBERS.index(cell.data[2])
        width, height = CELL
        box = placed.columns * width, placed.rows * height
        scale = min(box[0] / placed.image.width, box[1] / placed.image.height)
        fitted = placed.image.resize((round(placed.image.width * scale), round(placed.image.height * scale)))
        whole = Image.new("RGB", box)
        whole.paste(fitted, ((box[0] - fitted.width) // 2, (box[1] - fitted.height) // 2))
        return np.asarray(whole)[row * height : (row + 1) * height, column * width : (column + 1) * width]
