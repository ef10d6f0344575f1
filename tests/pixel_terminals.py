"""Small models of terminals whose pictures are pixels on the screen: Sixel, iTerm2's images, Kitty's when placed.

They answer questions, draw what they are sent, and refuse what a real terminal refuses or shows as rubbish.
"""

from __future__ import annotations

import io
import re
from base64 import b64decode
from typing import Any, ClassVar

import numpy as np
import pyte
from numpy.typing import NDArray
from PIL import Image

from tests.kitty_terminal import RefusedError

CELL = (8, 17)
REGISTERS, MOST_PIXELS = 256, (640, 400)
_STRING = re.compile(r"\x1b[P_\]X^][^\x1b\x07]*(?:\x1b\\|\x07)")
_BEGUN = re.compile(r"\x1b(?:[P_\]X^][^\x1b\x07]*\x1b?|\[[\d;?>]*)?$")


class _Screen(pyte.Screen):
    """Tells which cells are written to."""

    def __init__(self, terminal: PixelTerminal) -> None:
        self._terminal = terminal
        super().__init__(terminal.columns, terminal.rows)

    def draw(self, data: str) -> None:
        """Draw text."""
        for letter in data:
            at = min(self.cursor.x, self.columns - 1)
            self._terminal.text_written(self.cursor.y, at, at + 1)
            super().draw(letter)

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        """Erase text."""
        super().erase_in_display(how, *args, **kwargs)
        if how in (2, 3):
            for y in range(self.lines):
                self._terminal.text_written(y, 0, self.columns)


class PixelTerminal:
    """Takes the bytes that a program writes; `answers` is what it has to read."""

    questions: ClassVar[dict[str, str]]

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.columns, self.rows = columns, rows
        self.answers = ""
        self.sent = 0
        self._pending = ""
        self._pixels: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self.screen: pyte.Screen = _Screen(self)
        self._stream = pyte.Stream(self.screen)

    def feed(self, text: str) -> None:
        """Take what was written."""
        text, self._pending = self._pending + text, ""
        if begun := _BEGUN.search(text):
            text, self._pending = text[: begun.start()], text[begun.start() :]
        for question, answer in self.questions.items():
            self.answers += answer * text.count(question)
            text = text.replace(question, "")
        at = 0
        for string in _STRING.finditer(text):
            self._stream.feed(text[at : string.start()])
            at = string.end()
            self.obey(string.group())
        self._stream.feed(text[at:])

    def obey(self, string: str) -> None:
        """Do what a control string says."""
        raise NotImplementedError

    def text_written(self, y: int, left: int, right: int) -> None:
        """Take the pixels away where text is written."""
        for x in range(left, right):
            self._pixels.pop((y, x), None)

    def put(self, pixels: NDArray[np.uint8], columns: int, rows: int) -> None:
        """Put pixels at the cursor, in so many cells."""
        top, left = self.screen.cursor.y, self.screen.cursor.x
        if top + rows > self.rows:
            raise RefusedError(f"{columns} x {rows} cells at {left}, {top} jut out")
        width, height = CELL
        for y in range(rows):
            for x in range(min(columns, self.columns - left)):
                piece = pixels[y * height : (y + 1) * height, x * width : (x + 1) * width]
                self._pixels[top + y, left + x] = piece

    def shown(self) -> NDArray[np.uint8]:
        """Return the pixels of the screen; where there are none it is black."""
        width, height = CELL
        canvas = np.zeros((self.rows * height, self.columns * width, 3), np.uint8)
        for (y, x), piece in self._pixels.items():
            if y < self.rows and x < self.columns:
                canvas[y * height : (y + 1) * height, x * width : (x + 1) * width] = piece
        return canvas

    def has_pixels(self, y: int, x: int) -> bool:
        """Tell whether a cell shows pixels instead of its text."""
        return (y, x) in self._pixels


class SixelTerminal(PixelTerminal):
    """xterm as vt340: no answer for the size of a cell, as many colours and pixels as it says."""

    questions: ClassVar = {
        "\x1b[>q": "\x1bP>|XTerm(398)\x1b\\",
        "\x1b[16t": f"\x1b[6;{CELL[1]};{CELL[0]}t",
        "\x1b[?1;1;0S": f"\x1b[?1;0;{REGISTERS}S",
        "\x1b[?2;4;0S": f"\x1b[?2;0;{MOST_PIXELS[0]};{MOST_PIXELS[1]}S",
        "\x1b[c": "\x1b[?63;1;2;4c",
    }

    def obey(self, string: str) -> None:
        """Draw sixels."""
        if string.startswith("\x1bP") and "q" in string:
            self.sent += len(string)
            pixels = decoded(string)
            height, width = pixels.shape[:2]
            columns, rows = -(-width // CELL[0]), -(-height // CELL[1])
            # A picture that ends in the last row moves the screen up.
            if self.screen.cursor.y + rows >= self.rows:
                raise RefusedError("the screen would scroll")
            self.put(pixels, columns, rows)


def decoded(string: str) -> NDArray[np.uint8]:
    """Return the pixels of a Sixel control string. Raises RefusedError for what xterm does not show as it is meant."""
    if not (head := re.match(r'\x1bP0;1;0q"1;1;(\d+);(\d+)', string)):
        raise RefusedError(f"no size: {string[:40]!r}")
    width, height = int(head[1]), int(head[2])
    if width > MOST_PIXELS[0] or height > MOST_PIXELS[1] or not width or not height:
        raise RefusedError(f"{width} x {height} pixels")
    pixels = np.zeros((height, width, 3), np.uint8)
    drawn = np.zeros((height, width), bool)
    registers: dict[int, tuple[int, int, int]] = {}
    colour, x, top = (0, 0, 0), 0, 0
    tokens = re.compile(r"#(\d+)(?:;2;(\d+);(\d+);(\d+))?|!(\d+)([?-~])|([?-~])|([$-])")
    at, end = head.end(), len(string) - 2
    while at < end:
        if not (token := tokens.match(string, at, end)):
            raise RefusedError(f"what is this: {string[at : at + 20]!r}")
        at = token.end()
        if token[1]:
            number = int(token[1])
            if number >= REGISTERS:
                raise RefusedError(f"there is no register {number}")
            if token[2]:
                red, green, blue = (int(token[each]) for each in (2, 3, 4))
                if max(red, green, blue) > 100:
                    raise RefusedError("more than 100 percent")
                registers[number] = (red * 255 // 100, green * 255 // 100, blue * 255 // 100)
            if number not in registers:
                raise RefusedError(f"register {number} has no colour")
            colour = registers[number]
        elif token[8]:
            x, top = 0, top + 6 if token[8] == "-" else top
        else:
            times, bits = int(token[5] or 1), ord(token[6] or token[7]) - 63
            for bit in (bit for bit in range(6) if bits & 1 << bit):
                if top + bit >= height or x + times > width:
                    raise RefusedError("outside of its size")
                pixels[top + bit, x : x + times] = colour
                drawn[top + bit, x : x + times] = True
            x += times
    if not drawn.all():
        raise RefusedError("there are holes")
    return pixels


class Iterm2Terminal(PixelTerminal):
    """WezTerm: it answers for Kitty graphics, too."""

    questions: ClassVar = {
        "\x1b[>q": "\x1bP>|WezTerm 20240203-110809-5046fc22\x1b\\",
        "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\": "\x1b_Gi=31;OK\x1b\\",
        "\x1b[16t": f"\x1b[6;{CELL[1]};{CELL[0]}t",
        "\x1b[c": "\x1b[?65;4;6;18;22c",
    }

    def obey(self, string: str) -> None:
        """Show an inline image."""
        if not string.startswith("\x1b]1337;"):
            return
        if not (found := re.fullmatch(r"\x1b\]1337;File=([\w=;.%]+):([\w+/=]+)(?:\x07|\x1b\\)", string)):
            raise RefusedError(f"no file: {string[:60]!r}")
        keys = dict(each.split("=", 1) for each in found[1].split(";"))
        data = b64decode(found[2], validate=True)
        if (
            keys.get("inline") != "1"
            or int(keys.get("size", -1)) != len(data)
            or keys.get("preserveAspectRatio") != "0"
        ):
            raise RefusedError(f"not shown in its cells: {keys}")
        self.sent += len(string)
        columns, rows = int(keys["width"]), int(keys["height"])
        # Where a terminal does not know how to leave the cursor alone, it scrolls.
        if self.screen.cursor.y + rows >= self.rows:
            raise RefusedError("the screen may scroll")
        image = Image.open(io.BytesIO(data)).convert("RGB").resize((columns * CELL[0], rows * CELL[1]))
        self.put(np.asarray(image), columns, rows)


class PlacedKittyTerminal(PixelTerminal):
    """Konsole: pictures stay where they are placed, above the text, until they are deleted."""

    questions: ClassVar = {
        "\x1b[>q": "\x1bP>|Konsole 24.08.1\x1b\\",
        "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\": "\x1b_Gi=31;OK\x1b\\",
        "\x1b[16t": f"\x1b[6;{CELL[1]};{CELL[0]}t",
        "\x1b[c": "\x1b[?62;1;4c",
    }

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        super().__init__(columns, rows)
        self.pictures: dict[int, Image.Image] = {}
        self._placed: dict[tuple[int, int], set[tuple[int, int]]] = {}
        self._loading: tuple[dict[str, str], str] | None = None

    def text_written(self, y: int, left: int, right: int) -> None:
        """Leave the pixels: they hide the text."""

    def obey(self, string: str) -> None:
        """Take, place or delete a picture."""
        if not string.startswith("\x1b_G"):
            return
        written, _, data = string[3:-2].partition(";")
        keys = dict(each.split("=", 1) for each in written.split(",") if each)
        if keys.get("q") != "2":
            raise RefusedError(f"this would be answered, and the answer read as keys: {keys}")
        number = int(keys.get("i", "0"))
        if self._loading is not None or keys.get("a") == "t":
            self._load(keys, data)
        elif keys.get("a") == "p":
            self._place(number, {name: int(value) for name, value in keys.items() if name.islower() and name != "a"})
        elif keys.get("a") == "d" and keys.get("d") == "i":
            self._take_away(number, int(keys["p"]))
        elif keys.get("a") == "d" and keys.get("d") == "I" and number in self.pictures:
            for other, patch in [each for each in self._placed if each[0] == number]:
                self._take_away(other, patch)
            del self.pictures[number]
        else:
            raise RefusedError(f"there is nothing to do this with: {keys}")

    def _load(self, keys: dict[str, str], data: str) -> None:
        if self._loading is None:
            if keys.get("f") != "100" or "U" in keys or not 0 < int(keys["i"]) < 1 << 32:
                raise RefusedError(f"no PNG: {keys}")
            self._loading = keys, ""
        elif keys.keys() - {"m", "q"}:
            raise RefusedError(f"only m and q may follow in later chunks: {keys}")
        if len(data) > 4096:
            raise RefusedError(f"a chunk of {len(data)} bytes")
        first, before = self._loading
        self._loading = first, before + data
        if keys.get("m", "0") == "0":
            self._loading = None
            self.sent += len(before + data)
            image = Image.open(io.BytesIO(b64decode(before + data, validate=True)))
            self.pictures[int(first["i"])] = image.convert("RGB")

    def _place(self, number: int, keys: dict[str, int]) -> None:
        image = self.pictures.get(number)
        if image is None or (number, keys["p"]) in self._placed:
            raise RefusedError(f"no such picture, or it is there already: {keys}")
        left, top, right, bottom = keys["x"], keys["y"], keys["x"] + keys["w"], keys["y"] + keys["h"]
        if right > image.width or bottom > image.height:
            raise RefusedError(f"a part of {image.size} that is none: {keys}")
        part = image.crop((left, top, right, bottom)).resize((keys["c"] * CELL[0], keys["r"] * CELL[1]))
        self.put(np.asarray(part), keys["c"], keys["r"])
        y, x = self.screen.cursor.y, self.screen.cursor.x
        self._placed[number, keys["p"]] = {(y + row, x + at) for row in range(keys["r"]) for at in range(keys["c"])}

    def _take_away(self, number: int, patch: int) -> None:
        if (number, patch) not in self._placed:
            raise RefusedError(f"there is no such placement to delete: {number}, {patch}")
        for place in self._placed.pop((number, patch)):
            self._pixels.pop(place, None)
