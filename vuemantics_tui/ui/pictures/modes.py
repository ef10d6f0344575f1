"""How pictures are drawn on this terminal: in which colours, with which blocks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App


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
