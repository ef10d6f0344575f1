"""Pictures by iTerm2's inline images, which WezTerm, mintty, VS Code and others know too.

The protocol: https://iterm2.com/documentation-images.html
"""

from __future__ import annotations

import io
from base64 import b64encode
from typing import Any

from PIL import Image

from vuemantics_tui.ui.pictures.loader import Graphics
from vuemantics_tui.ui.pictures.overlay import Box, Picture

# At these, JPEG cannot be told from the picture on a screen; over SSH it takes half of the bytes.
QUALITY, REMOTE_QUALITY = 92, 80


class Iterm2Encoding:
    """Sends each part of a picture as a file of its own, with its size in cells. Text takes its place."""

    whole, stays, last_row, most_patches = False, False, False, 0
    most_cells = (10_000, 10_000)

    def __init__(self, graphics: Graphics) -> None:
        self._cell = graphics.cell
        self._quality = REMOTE_QUALITY if graphics.remote else QUALITY

    def prepare(self, image: Image.Image, number: int) -> tuple[Any, str]:
        """Return the picture itself."""
        return image, ""

    def draw(self, picture: Picture, box: Box, patch: int) -> str:
        """Return the command that shows a part."""
        width, height = self._cell
        left, top = box.column * width, box.row * height
        part = picture.data.crop((left, top, left + box.columns * width, top + box.rows * height))
        buffer = io.BytesIO()
        part.save(buffer, "JPEG", quality=self._quality, subsampling=0)
        data = buffer.getvalue()
        keys = (
            f"inline=1;size={len(data)};width={box.columns};height={box.rows};preserveAspectRatio=0;doNotMoveCursor=1"
        )
        return f"\x1b]1337;File={keys}:{b64encode(data).decode('ascii')}\x07"

    def remove(self, number: int, patch: int) -> str:
        """Return nothing: text takes the place of pixels."""
        return ""

    def forget(self, number: int) -> str:
        """Return nothing: the terminal keeps no pictures."""
        return ""
