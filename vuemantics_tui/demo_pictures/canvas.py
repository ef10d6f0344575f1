"""What the scenes are painted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

WIDTH, HEIGHT = 1280, 853
# What every random number of the demo begins with, so that the drawing is the same every time.
SEED = 20240229

Colour = tuple[int, int, int]
Plane = npt.NDArray[np.float32]


class Canvas:
    """A picture in floats: shapes are laid over it by masks, so that every edge is smooth."""

    def __init__(self, size: tuple[int, int], stops: Sequence[tuple[float, Colour]]) -> None:
        """Begin with a vertical gradient: `stops` are heights (0 the top, 1 the bottom) with their colours."""
        self.width, self.height = size
        self.y, self.x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        heights, colours = [stop[0] for stop in stops], np.array([stop[1] for stop in stops], np.float32)
        rows = np.linspace(0, 1, self.height)
        column = np.stack([np.interp(rows, heights, colours[:, band]) for band in range(3)], axis=1)
        self.pixels = np.repeat(column[:, None, :], self.width, axis=1).astype(np.float32)

    def cover(self, colour: Colour | Plane, mask: Plane) -> None:
        """Lay a colour, or a whole picture, over the canvas where `mask` (0..1) says."""
        self.pixels += (np.asarray(colour, np.float32) - self.pixels) * mask[..., None]

    def disc(self, x: float, y: float, radius: float, colour: Colour, soft: float = 1.0) -> None:
        """A disc whose edge fades over `soft` pixels."""
        reach = radius + soft
        rows = slice(max(0, int(y - reach)), max(0, int(y + reach) + 1))
        columns = slice(max(0, int(x - reach)), max(0, int(x + reach) + 1))
        distance = np.hypot(self.x[rows, columns] - x, self.y[rows, columns] - y)
        mask = np.clip((radius - distance) / soft + 0.5, 0, 1)
        # Smoothstep: a straight fade would show where it begins and ends.
        mask = mask * mask * (3 - 2 * mask)
        part = self.pixels[rows, columns]
        part += (np.array(colour, np.float32) - part) * mask[..., None]

    def ridge(self, heights: npt.NDArray[Any], colour: Colour | Plane) -> None:
        """Everything below a line: `heights` is the y of its edge for each column."""
        top = max(0, int(heights.min()) - 1)
        mask = np.clip(self.y[top:] - heights[None, :].astype(np.float32) + 0.5, 0, 1)
        paint = np.asarray(colour, np.float32)
        part = self.pixels[top:]
        part += ((paint[top:] if paint.ndim == 3 else paint) - part) * mask[..., None]

    def waves(self, seed: int, roughness: float, steps: int = 7) -> npt.NDArray[np.float64]:
        """A line of hills in -1..1 or so: sine waves, each twice as fast and `roughness` times as high."""
        random = np.random.default_rng(SEED + seed)
        along = np.linspace(0, 2 * np.pi, self.width)
        line = np.zeros(self.width)
        for step in range(steps):
            phase, pace = random.uniform(0, 2 * np.pi), random.uniform(0.7, 1.3)
            line += roughness**step * np.sin(along * pace * 2**step + phase)
        return line

    def image(self) -> Image.Image:
        return Image.fromarray(np.clip(self.pixels, 0, 255).astype(np.uint8), "RGB")


def begin_scene(*stops: tuple[float, Colour]) -> Canvas:
    """A canvas of WIDTH x HEIGHT pixels with a gradient of these stops."""
    return Canvas((WIDTH, HEIGHT), stops)
