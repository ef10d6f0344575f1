"""What several screens share: widgets, which show and hold no truth of their own, and how large a window is."""

from __future__ import annotations

from textual.geometry import Size

SMALLEST = Size(40, 8)
WIDTHS = [(0, "-narrow"), (100, "-wide")]
"""The classes of a screen by how many columns its window has at least."""


def too_small_words(size: Size) -> str:
    """Say that a window is too small for anything else; nothing where it is not."""
    width, height = size
    if width >= SMALLEST.width and height >= SMALLEST.height:
        return ""
    return f"The window is too small: {width}×{height}.\nIt needs {SMALLEST.width}×{SMALLEST.height}."
