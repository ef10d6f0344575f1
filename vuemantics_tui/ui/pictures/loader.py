"""PictureLoader: thumbnails as lines of blocks, drawn off the event loop, in the mode of this terminal, and kept."""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from textual.strip import Strip

if TYPE_CHECKING:
    from textual.app import App

    from vuemantics_tui.ui.pictures.blocks import Pixels


class Depth(Enum):
    """How many colours there are for a picture."""

    TRUE_COLOUR = "true colour"
    PALETTE = "256 colours"
    SHADES = "shades"


@dataclass(frozen=True, slots=True)
class PictureMode:
    """How to draw: the colours, two or four pixels a cell, and whether what is not drawn on is dark."""

    depth: Depth = Depth.TRUE_COLOUR
    quadrants: bool = False
    on_dark: bool = True


_DEPTHS = {"truecolor": Depth.TRUE_COLOUR, "256": Depth.PALETTE}


def mode_of(app: App[Any], *, quadrants: bool = False) -> PictureMode:
    """What this app's terminal can show.

    Under NO_COLOR Textual itself turns colours to greys, unless the theme is the terminal's own: then none are left.
    """
    depth = _DEPTHS.get(app.console.color_system or "", Depth.SHADES)
    if app.no_color and app.native_ansi_color:
        depth = Depth.SHADES
    return PictureMode(depth, quadrants, app.current_theme.dark)


# Drawn pictures; one of 40 x 18 cells takes some 300 kB.
MOST_KEPT = 48
# A thumbnail has 256 x 256; what is much larger is none, and would hold up the threads.
MOST_PIXELS = 4_000_000

Drawn = tuple[Strip, ...]
ThumbnailOf = Callable[[Path], Awaitable[bytes | None]]
_Key = tuple[str, int, int, int, int, PictureMode]


class PictureLoader:
    """Draws thumbnails, with four pixels a cell if `quadrants`.

    What is missing or damaged is None, never an exception.
    """

    def __init__(self, *, quadrants: bool = False, most_kept: int = MOST_KEPT) -> None:
        self.quadrants = quadrants
        self._most_kept = most_kept
        self._kept: OrderedDict[_Key, Drawn] = OrderedDict()

    async def load(self, path: Path, columns: int, rows: int, mode: PictureMode) -> Drawn | None:
        """The thumbnail at `path` as large as fits into columns x rows cells."""
        key = await asyncio.to_thread(_key, path, columns, rows, mode)
        if key is None:
            return None
        if (drawn := self._recall(key)) is None:
            drawn = await asyncio.to_thread(_draw, path, columns, rows, mode)
            self._keep(key, drawn)
        return drawn

    async def preview(
        self, path: Path, columns: int, rows: int, mode: PictureMode, thumbnail_of: ThumbnailOf
    ) -> Drawn | None:
        """Any file that `thumbnail_of` makes a small JPEG of, as large as fits into columns x rows cells."""
        key = await asyncio.to_thread(_key, path, columns, rows, mode)
        if key is None:
            return None
        if (drawn := self._recall(key)) is None:
            small = await thumbnail_of(path)
            if small is None:
                return None
            drawn = await asyncio.to_thread(_draw, io.BytesIO(small), columns, rows, mode)
            self._keep(key, drawn)
        return drawn

    def _recall(self, key: _Key) -> Drawn | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def _keep(self, key: _Key, drawn: Drawn | None) -> None:
        if drawn is not None:
            self._kept[key] = drawn
            while len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)


def _key(path: Path, columns: int, rows: int, mode: PictureMode) -> _Key | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return (str(path), found.st_mtime_ns, found.st_size, columns, rows, mode)


def _draw(source: Path | BinaryIO, columns: int, rows: int, mode: PictureMode) -> Drawn | None:
    # With NumPy it takes 60 ms to import, and not on the event loop.
    from vuemantics_tui.ui.pictures.blocks import picture_strips

    pixels = _decoded(source)
    return None if pixels is None else tuple(picture_strips(pixels, columns, rows, mode)) or None


def _decoded(source: Path | BinaryIO) -> Pixels | None:
    import numpy as np
    from PIL import Image

    try:
        with Image.open(source) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            return np.asarray(image.convert("RGB"))
    except Exception:  # noqa: BLE001 - what a decoder raises on a damaged file is anybody's guess
        return None
