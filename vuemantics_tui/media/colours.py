"""The colours and the light of a picture, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui.domain.colours import COLOUR_NAMES, GREYS, NAMED_COLOURS

Pixels = NDArray[np.uint8]
"""A picture: shape (height, width, 3), sRGB."""

_PATCHES = 64
_NAMED_SHARE, _MOST_NAMES = 0.12, 3
_PLAIN_SHARE, _PLAIN_DEVIATION = 0.9, 4.0
_COLOURLESS_CHROMA = 2.0
_DARK, _LOW, _BRIGHT = 22.0, 38.0, 72.0


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a picture: the share (0..1) of each name, mean lightness (0..100), chroma, in CIE Lab.

    `deviation` is the spread of the picture's own pixels in that space, in units of colour difference.
    """

    shares: Mapping[str, float]
    lightness: float
    chroma: float
    deviation: float

    @property
    def main(self) -> tuple[str, ...]:
        """The names of the colours that cover much of the picture, largest first, at least one."""
        ranked = sorted(self.shares, key=lambda name: -self.shares[name])
        named = [name for name in ranked[:_MOST_NAMES] if self.shares[name] >= _NAMED_SHARE]
        return tuple(named or ranked[:1])

    @property
    def plain(self) -> bool:
        """Whether the picture is one flat colour and nothing else."""
        return self.deviation < _PLAIN_DEVIATION and max(self.shares.values()) >= _PLAIN_SHARE

    @property
    def colourless(self) -> bool:
        """Whether the picture holds shades of grey alone."""
        return self.chroma < _COLOURLESS_CHROMA and GREYS.issuperset(self.main)

    @property
    def light(self) -> str:
        """One of "very dark", "dim", "bright", or nothing where the light is neither."""
        if self.lightness < _DARK:
            return "very dark"
        if self.lightness < _LOW:
            return "dim"
        return "bright" if self.lightness > _BRIGHT else ""


def read_palette(pixels: Pixels) -> Palette:
    """Name the colour of up to 64x64 pixels by the nearest of 27 in CIE L*a*b* (CIE76 difference)."""
    sampled = _sample(pixels)
    lab = to_lab(sampled.reshape(-1, 3))
    # The square of the distance, but for what is the same for all names.
    distances = (_NAMED_LAB**2).sum(axis=1) - 2 * lab @ _NAMED_LAB.T
    counts = np.bincount(distances.argmin(axis=1), minlength=len(COLOUR_NAMES))
    shares = {name: float(count) / len(lab) for name, count in zip(COLOUR_NAMES, counts, strict=True) if count}
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    # The pixels themselves, not averages of patches: a fine pattern is not plain.
    deviation = float(np.sqrt(lab.var(axis=0).sum()))
    return Palette(shares, float(lab[:, 0].mean()), float(chroma.mean()), deviation)


def blend_palettes(palettes: list[Palette]) -> Palette:
    """The palette of several pictures seen as one, each with the same weight; at least one is needed."""
    count = len(palettes)
    shares = {
        name: sum(palette.shares.get(name, 0.0) for palette in palettes) / count
        for name in COLOUR_NAMES
        if any(name in palette.shares for palette in palettes)
    }
    return Palette(
        shares,
        sum(palette.lightness for palette in palettes) / count,
        sum(palette.chroma for palette in palettes) / count,
        max(palette.deviation for palette in palettes),
    )


def to_lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """sRGB (..., 3) of 0..255 as CIE L*a*b* under D65: IEC 61966-2-1 for the curve, CIE 15 for the rest."""
    xyz = _LINEAR[rgb.reshape(-1, 3)] @ _RGB_TO_XYZ_OF_WHITE
    dark = xyz <= (6 / 29) ** 3
    root = np.cbrt(xyz)
    root[dark] = xyz[dark] / (3 * (6 / 29) ** 2) + 4 / 29
    return (root @ _ROOTS_TO_LAB + _LAB_OF_BLACK).reshape(rgb.shape)


def _sample(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    rows = np.linspace(0, height - 1, min(height, _PATCHES)).round().astype(int)
    columns = np.linspace(0, width - 1, min(width, _PATCHES)).round().astype(int)
    sampled: Pixels = pixels[rows][:, columns]
    return sampled


_RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    np.float32,
)
_D65 = np.array([0.95047, 1.0, 1.08883], np.float32)
_RGB_TO_XYZ_OF_WHITE = (_RGB_TO_XYZ / _D65[:, None]).T
_ROOTS_TO_LAB = np.array([[0, 500, 0], [116, -500, 200], [0, 0, -200]], np.float32)
_LAB_OF_BLACK = np.array([-16, 0, 0], np.float32)
_LEVELS = np.arange(256) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_NAMED_LAB = to_lab(np.array(list(NAMED_COLOURS.values()), np.uint8))
