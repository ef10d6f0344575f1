"""Small pictures for tests, and their cells on the screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from rich.color import Color
from textual.strip import Strip

from vuemantics_tui.ui.pictures.blocks import Pixels

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
CORNERS = np.array([[RED, GREEN], [BLUE, WHITE]], dtype=np.uint8)
Colour = tuple[int, int, int]


def enlarged(pixels: Pixels, times: int) -> Pixels:
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def colour_of(colour: Color | None) -> Colour | None:
    return (colour.triplet.red, colour.triplet.green, colour.triplet.blue) if colour and colour.triplet else None


def cells(strip: Strip) -> list[tuple[str, Colour | None, Colour | None]]:
    """Return each cell's character, foreground and background."""
    found = []
    for text, style, _ in strip:
        fore = colour_of(style.color if style else None)
        back = colour_of(style.bgcolor if style else None)
        found += [(letter, fore, back) for letter in text]
    return found


def save(path: Path, pixels: Pixels, form: str = "PNG") -> Path:
    Image.fromarray(pixels).save(path, format=form)
    return path
