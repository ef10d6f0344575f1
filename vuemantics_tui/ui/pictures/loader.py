"""PictureLoader: pictures as lines of cells, rendered off the event loop by the best way of this terminal, and kept."""

from __future__ import annotations

import asyncio
import io
import threading
import typing
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import Monochrome
from textual.strip import Strip

from vuemantics_tui.terminal import Blocks, Protocol

if TYPE_CHECKING:
    from PIL import Image
    from textual.app import App

    from vuemantics_tui.ui.pictures.overlay import Encoding, Overlay


# What stands for a cell of a picture by Kitty graphics; its colour is the picture's number.
PLACEHOLDER = "\U0010eeee"


class Grey(Monochrome):
    """Turns colours into greys, but for those that are numbers of pictures."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in grey."""
        if not any(PLACEHOLDER in segment.text for segment in segments):
            return super().apply(segments, background)
        return [
            each if PLACEHOLDER in each.text else super(Grey, self).apply([each], background)[0] for each in segments
        ]


class Depth(Enum):
    """How many colours there are for a picture."""

    TRUE_COLOUR = "true colour"
    PALETTE = "256 colours"
    SIXTEEN = "16 colours"
    SHADES = "shades"


@dataclass(frozen=True, slots=True)
class PictureMode:
    """How to draw: the colours, the pixels of a cell, and whether what is not drawn on is dark.

    With `grey`, without hues. With `fills` a picture fills its place and loses what juts out; else all of it is shown.
    """

    depth: Depth = Depth.TRUE_COLOUR
    blocks: Blocks = Blocks.HALVES
    on_dark: bool = True
    grey: bool = False
    fills: bool = False


_DEPTHS = {"truecolor": Depth.TRUE_COLOUR, "256": Depth.PALETTE, "standard": Depth.SIXTEEN}


def mode_of(app: App[Any], graphics: Graphics, *, fills: bool = False) -> PictureMode:
    """Return what this app's terminal can show, and whether pictures fill their place.

    Under NO_COLOR Textual itself turns colours to greys, unless the theme is the terminal's own: then none are left.
    """
    depth = _DEPTHS.get(app.console.color_system or "", Depth.SHADES)
    if app.no_color and app.native_ansi_color:
        depth = Depth.SHADES
    return PictureMode(depth, graphics.blocks, app.current_theme.dark, app.no_color, fills)


# Rendered pictures. In blocks, one of 40 x 18 cells takes some 300 kB, a tile of the gallery 80.
MOST_KEPT = 400
# All of them together; as pixels of 9 x 18 in a terminal, they take 200 MB.
MOST_CELLS = 300_000
# How long no other picture may have been wanted before a better one is sent over SSH.
REST_SECONDS = 1.0
# A thumbnail has 256 x 256; what is much larger is none, and would hold up the threads.
MOST_PIXELS = 4_000_000
NO_STYLE = Style()
# Of the 255 that one of 256 colours can number.
MOST_NARROW = 240
# How much of what a place is too low for goes at the top.
CUT_AT_TOP = 0.35
# A cell in pixels, where the terminal does not tell.
USUAL_CELL = (8, 16)
# xterm shows no more by itself (its resource maxGraphicSize), and says so if it shows less.
USUAL_GEOMETRY = (1000, 1000)
USUAL_REGISTERS = 256

Drawn = tuple[Strip, ...]
ThumbnailOf = Callable[[Path], Awaitable[bytes | None]]
_Key = tuple[str, int, int, int, int, PictureMode, str]


@dataclass(frozen=True, slots=True)
class Graphics:
    """How this terminal shows pictures.

    `cell` is the size of a cell in pixels (width, height), `remote` whether bytes are dear, `narrow` whether colours
    arrive as one of 256, `blocks` which block characters its font has. `registers` is how many colours Sixel has,
    `most_pixels` how large one of its pictures may be (width, height).
    """

    protocol: Protocol = Protocol.BLOCKS
    blocks: Blocks = Blocks.HALVES
    cell: tuple[int, int] = USUAL_CELL
    in_tmux: bool = False
    narrow: bool = False
    remote: bool = False
    registers: int = USUAL_REGISTERS
    most_pixels: tuple[int, int] = USUAL_GEOMETRY

    @property
    def in_pixels(self) -> bool:
        """Return whether pictures are shown as pixels, not as blocks."""
        return self.protocol is not Protocol.BLOCKS


@dataclass(frozen=True, slots=True)
class Rendered:
    """A picture for the terminal: its cells, what is written before they are shown, and its number there, if any.

    `better` makes what is written instead once there is time for it; it runs in a thread.
    """

    strips: Drawn
    send: str = ""
    number: int = 0
    better: Callable[[], str] | None = None


class Renderer(typing.Protocol):
    """Makes pictures for one kind of terminal."""

    def render(self, source: Path | BinaryIO, columns: int, rows: int, mode: PictureMode) -> Rendered | None:
        """Return the picture as large as fits into columns x rows cells, None if it is damaged. Runs in a thread."""
        ...

    def forget(self, rendered: Rendered) -> str:
        """Return what is written when the cells of a picture will never be shown again."""
        ...


class PictureLoader:
    """Renders pictures as `graphics` says; `write` takes what the terminal must be sent.

    `repaint` writes all cells again: a picture that takes the place of another is in none of them until then.
    What is missing or damaged is None, never an exception.
    """

    def __init__(
        self,
        graphics: Graphics | None = None,
        write: Callable[[str], object] = lambda _: None,
        most: int = MOST_KEPT,
        repaint: Callable[[], object] = lambda: None,
    ) -> None:
        self.graphics = graphics or Graphics()
        self.most_kept = min(most, MOST_NARROW) if self.graphics.narrow else most
        self._write = write
        self._repaint = repaint
        self._renderers: dict[bool, Renderer] = {}
        self._making = threading.Lock()
        self.overlay: Overlay | None = None
        self._kept: OrderedDict[_Key, tuple[Renderer, Rendered]] = OrderedDict()
        self._cells = 0
        self._resting_on: _Key | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._bettering: asyncio.Task[None] | None = None

    async def load(self, path: Path, columns: int, rows: int, mode: PictureMode) -> Drawn | None:
        """Return the thumbnail at `path` as large as fits into columns x rows cells."""
        return await self._load(path, columns, rows, mode, None, "")

    async def preview(
        self, path: Path, columns: int, rows: int, mode: PictureMode, thumbnail_of: ThumbnailOf, variant: str = ""
    ) -> Drawn | None:
        """Return any file that `thumbnail_of` makes a JPEG of, as large as fits into columns x rows cells.

        What it makes of a path is the same as long as the file and `variant` are.
        """
        return await self._load(path, columns, rows, mode, thumbnail_of, variant)

    def forget_all(self) -> None:
        """Forget every picture, also in the terminal."""
        if self._resting is not None:
            self._resting.cancel()
        while self._kept:
            self._drop_oldest()

    async def _load(
        self, path: Path, columns: int, rows: int, mode: PictureMode, thumbnail_of: ThumbnailOf | None, variant: str
    ) -> Drawn | None:
        key = await asyncio.to_thread(_key, path, columns, rows, mode, variant)
        if key is None:
            return None
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._wanted(key)
        source: Path | BinaryIO = path
        if thumbnail_of is not None:
            small = await thumbnail_of(path)
            if small is None:
                return None
            source = io.BytesIO(small)
        renderer, rendered = await asyncio.to_thread(self._render, source, columns, rows, mode)
        if rendered is None:
            return None
        if key in self._kept:  # another caller wants it too
            renderer.forget(rendered)
            return self._wanted(key)
        return self._keep(key, renderer, rendered)

    def _render(
        self, source: Path | BinaryIO, columns: int, rows: int, mode: PictureMode
    ) -> tuple[Renderer, Rendered | None]:
        renderer = self._renderer(mode)
        return renderer, renderer.render(source, columns, rows, mode)

    def _keep(self, key: _Key, renderer: Renderer, rendered: Rendered) -> Drawn:
        if rendered.send:
            self._write(rendered.send)
        self._kept[key] = (renderer, rendered)
        self._cells += _cells_in(rendered)
        while len(self._kept) > self.most_kept or (self._cells > MOST_CELLS and len(self._kept) > 1):
            self._drop_oldest()
        return self._wanted(key)

    def _wanted(self, key: _Key) -> Drawn:
        """Return a picture that is kept, and make it better once no other is wanted."""
        rendered = self._kept[key][1]
        if rendered.better is not None:
            self._resting_on = key
        if self._resting_on is not None:
            if self._resting is not None:
                self._resting.cancel()
            self._resting = asyncio.get_running_loop().call_later(REST_SECONDS, self._better_later)
        return rendered.strips

    def _better_later(self) -> None:
        key, self._resting_on = self._resting_on, None
        if key is not None and key in self._kept:
            self._bettering = asyncio.get_running_loop().create_task(self._better(key))

    async def _better(self, key: _Key) -> None:
        renderer, rendered = self._kept[key]
        if rendered.better is None:
            return
        self._kept[key] = renderer, replace(rendered, better=None)
        words = await asyncio.to_thread(rendered.better)
        if key in self._kept and self._kept[key][1].number == rendered.number:
            self._write(words)
            self._repaint()

    def _drop_oldest(self) -> None:
        _, (renderer, rendered) = self._kept.popitem(last=False)
        self._cells -= _cells_in(rendered)
        if words := renderer.forget(rendered):
            self._write(words)

    def _renderer(self, mode: PictureMode) -> Renderer:
        # A terminal without colours cannot carry the number of a picture.
        in_pixels = self.graphics.in_pixels and mode.depth is not Depth.SHADES
        with self._making:
            if in_pixels not in self._renderers:
                self._renderers[in_pixels] = self._make_renderer(in_pixels)
            return self._renderers[in_pixels]

    def _make_renderer(self, in_pixels: bool) -> Renderer:
        # Imported here, in a thread: Pillow and NumPy take 60 ms.
        if not in_pixels:
            from vuemantics_tui.ui.pictures.blocks import BlockRenderer

            return BlockRenderer(self.graphics)
        if self.graphics.protocol is Protocol.KITTY:
            from vuemantics_tui.ui.pictures.kitty import KittyRenderer

            return KittyRenderer(self.graphics)
        from vuemantics_tui.ui.pictures.overlay import Overlay, OverlayRenderer

        self.overlay = Overlay(_encoding_of(self.graphics), self._write)
        return OverlayRenderer(self.graphics, self.overlay)


def _cells_in(rendered: Rendered) -> int:
    return sum(strip.cell_length for strip in rendered.strips)


def _encoding_of(graphics: Graphics) -> Encoding:
    if graphics.protocol is Protocol.SIXEL:
        from vuemantics_tui.ui.pictures.sixel import SixelEncoding

        return SixelEncoding(graphics)
    if graphics.protocol is Protocol.ITERM2:
        from vuemantics_tui.ui.pictures.iterm2 import Iterm2Encoding

        return Iterm2Encoding(graphics)
    from vuemantics_tui.ui.pictures.kitty import PlacedEncoding

    return PlacedEncoding(graphics)


def _key(path: Path, columns: int, rows: int, mode: PictureMode, variant: str) -> _Key | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return (str(path), found.st_mtime_ns, found.st_size, columns, rows, mode, variant)


def on_background(strip: Strip, style: Style) -> Iterator[Segment]:
    """Yield the segments of a line of a picture; what the picture leaves open gets this style."""
    # A segment with both colours needs no other style: with one, each blank would be sent with a foreground.
    for each in strip:
        yield each if each.style and each.style.bgcolor else Segment(each.text, style + (each.style or NO_STYLE))


def placed(
    image: Image.Image, columns: int, rows: int, cell: tuple[int, int], fills: bool
) -> tuple[Image.Image, int, int]:
    """Return a picture and the columns and rows that it takes in a box of cells: all of it, or what fills the box."""
    if fills:
        return filling(image, columns * cell[0], rows * cell[1]), columns, rows
    scale = min(columns * cell[0] / image.width, rows * cell[1] / image.height)
    return (
        image,
        max(1, min(columns, round(image.width * scale / cell[0]))),
        max(1, min(rows, round(image.height * scale / cell[1]))),
    )


def filling(image: Image.Image, width: float, height: float) -> Image.Image:
    """Cut a picture to the shape of a place: both sides alike, and the bottom more than the top, where faces are."""
    wide, high = min(image.width, image.height * width / height), min(image.height, image.width * height / width)
    left, top = (image.width - wide) / 2, (image.height - high) * CUT_AT_TOP
    return image.crop(
        (round(left), round(top), max(round(left) + 1, round(left + wide)), max(round(top) + 1, round(top + high)))
    )


def opened(source: Path | BinaryIO, least: tuple[int, int] | None = None) -> Image.Image | None:
    """Decode a small picture, as RGB; None if it is damaged or too large to be a thumbnail.

    With `least`, a JPEG is decoded at an eighth, a quarter or half of its size, if that is no smaller.
    """
    from PIL import Image

    try:
        with Image.open(source) as image:
            # A picture decoded for a large window may be large.
            if isinstance(source, Path) and image.width * image.height > MOST_PIXELS:
                return None
            if least:
                image.draft("RGB", least)
            return image.convert("RGB")
    except Exception:  # noqa: BLE001 - what a decoder raises on a damaged file is anybody's guess
        return None
