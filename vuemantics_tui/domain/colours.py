"""The named colours, which describe pictures and can be searched with `color:`."""

from __future__ import annotations

from collections.abc import Mapping

NAMED_COLOURS: Mapping[str, tuple[int, int, int]] = {
    "black": (12, 12, 14),
    "dark grey": (66, 66, 68),
    "grey": (128, 128, 128),
    "light grey": (196, 196, 196),
    "white": (250, 250, 250),
    "red": (215, 25, 30),
    "dark red": (125, 15, 20),
    "pink": (245, 150, 180),
    "magenta": (215, 30, 150),
    "orange": (245, 130, 25),
    "peach": (250, 200, 160),
    "brown": (110, 65, 30),
    "dark brown": (60, 38, 24),
    "tan": (195, 160, 115),
    "cream": (245, 235, 205),
    "yellow": (250, 225, 40),
    "gold": (210, 165, 35),
    "olive green": (110, 115, 45),
    "green": (45, 145, 55),
    "light green": (150, 215, 130),
    "dark green": (25, 65, 35),
    "teal": (15, 125, 125),
    "turquoise": (70, 205, 205),
    "light blue": (145, 190, 230),
    "blue": (30, 80, 210),
    "dark blue": (20, 30, 90),
    "purple": (115, 50, 150),
}
"""Each name with its sRGB values, of 0..255."""
COLOUR_NAMES = tuple(NAMED_COLOURS)
GREYS = frozenset({"black", "dark grey", "grey", "light grey", "white"})
"""The names without a hue."""
SEARCHED_NAMES = tuple(name for name in COLOUR_NAMES if " " not in name)
"""The names to suggest for a search: `color:blue` also finds light and dark blue."""
