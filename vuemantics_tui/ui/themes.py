"""The themes: every colour that the program shows comes from the variables defined here."""

from __future__ import annotations

from collections.abc import Sequence

from textual.color import Color
from textual.theme import Theme

DARK = Theme(
    name="vuemantics",
    dark=True,
    primary="#7aa2f7",
    secondary="#56b6c2",
    accent="#7aa2f7",
    success="#73c991",
    warning="#e2b86b",
    error="#f07178",
    foreground="#d7dae0",
    # Three tones that lie close together part the regions of the screen, where others draw boxes.
    background="#14161b",
    surface="#1b1e25",
    panel="#262a33",
    variables={
        "dim": "#9098a3",
        "line": "#39414f",
        "cursor-line": "#2a2f40",
        "running": "#56b6c2",
        "input-cursor-background": "#d7dae0",
        "input-cursor-foreground": "#14161b",
        "input-selection-background": "#2a2f40",
        "scrollbar": "#39414f",
        "scrollbar-hover": "#9098a3",
        "scrollbar-active": "#7aa2f7",
        "scrollbar-background": "#14161b",
        "scrollbar-background-hover": "#14161b",
        "scrollbar-background-active": "#14161b",
        "scrollbar-corner-color": "#14161b",
    },
)

LIGHT = Theme(
    name="vuemantics-light",
    dark=False,
    primary="#1f4db2",
    secondary="#0b5c67",
    accent="#1f4db2",
    success="#11602f",
    warning="#704700",
    error="#ab222b",
    foreground="#23262d",
    background="#fbfbfa",
    surface="#f1f1ef",
    panel="#e4e5e6",
    variables={
        "dim": "#565d67",
        "line": "#c4c8ce",
        "cursor-line": "#d5e0f7",
        "running": "#0b5c67",
        "input-cursor-background": "#23262d",
        "input-cursor-foreground": "#fbfbfa",
        "input-selection-background": "#d5e0f7",
        "scrollbar": "#c4c8ce",
        "scrollbar-hover": "#565d67",
        "scrollbar-active": "#1f4db2",
        "scrollbar-background": "#fbfbfa",
        "scrollbar-background-hover": "#fbfbfa",
        "scrollbar-background-active": "#fbfbfa",
        "scrollbar-corner-color": "#fbfbfa",
    },
)

# The terminal's own sixteen colours on its own background, which may be transparent.
ANSI = Theme(
    name="ansi",
    ansi=True,
    dark=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    accent="ansi_blue",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "border-blurred": "ansi_bright_black",
        "block-cursor-foreground": "ansi_bright_white",
        "block-cursor-background": "ansi_blue",
        "input-cursor-background": "ansi_default",
        "input-cursor-foreground": "ansi_default",
        "input-cursor-text-style": "reverse",
        "input-selection-background": "ansi_blue",
        "input-selection-foreground": "ansi_bright_white",
        "scrollbar": "ansi_bright_black",
        "scrollbar-background": "ansi_default",
        "scrollbar-background-hover": "ansi_default",
        "scrollbar-background-active": "ansi_default",
    },
)

THEMES = (DARK, LIGHT, ANSI)


LEAST_CONTRAST = 4.5
"""What small text needs against its background (WCAG 2.2, success criterion 1.4.3, level AA)."""


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    """Return the relative luminance of an sRGB colour (WCAG 2.2)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _dim(foreground: Color, backgrounds: Sequence[Color]) -> Color:
    """Return the quietest colour towards the foreground that can be read on all of the backgrounds."""
    for tenths in range(6, 10):
        dim = backgrounds[0].blend(foreground, tenths / 10)
        if all(contrast(dim, background) >= LEAST_CONTRAST for background in backgrounds):
            return dim
    return foreground


def own_variables(theme: Theme) -> dict[str, str]:
    """Return the variables of our style sheets beyond Textual's, for a theme that does not know them."""
    if theme.ansi:
        names = {"dim": "ansi_bright_black", "line": "ansi_bright_black"}
        return names | {"cursor-line": "ansi_blue", "running": "ansi_cyan"}
    colours = theme.to_color_system().generate()
    background, foreground = Color.parse(colours["background"]), Color.parse(colours["foreground"])
    cursor_line = background.blend(Color.parse(colours["primary"]), 0.25)
    regions = [background, *(Color.parse(colours[name]) for name in ("surface", "panel")), cursor_line]
    return {
        "dim": _dim(foreground, regions).hex6,
        "line": background.blend(foreground, 0.25).hex6,
        "cursor-line": cursor_line.hex6,
        "running": Color.parse(colours["secondary"]).hex6,
    }
