"""The themes: every colour that the program shows comes from the variables defined here."""

from __future__ import annotations

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
        "dim": "#7d8590",
        "line": "#39414f",
        "cursor-line": "#2a2f40",
        "running": "#56b6c2",
        "input-cursor-background": "#d7dae0",
        "input-cursor-foreground": "#14161b",
        "input-selection-background": "#2a2f40",
        "scrollbar": "#39414f",
        "scrollbar-hover": "#7d8590",
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
    primary="#2457c5",
    secondary="#0f6f7c",
    accent="#2457c5",
    success="#1d7a3e",
    warning="#8a5a00",
    error="#bb2a33",
    foreground="#23262d",
    background="#fbfbfa",
    surface="#f1f1ef",
    panel="#e4e5e6",
    variables={
        "dim": "#626973",
        "line": "#c4c8ce",
        "cursor-line": "#d5e0f7",
        "running": "#0f6f7c",
        "input-cursor-background": "#23262d",
        "input-cursor-foreground": "#fbfbfa",
        "input-selection-background": "#d5e0f7",
        "scrollbar": "#c4c8ce",
        "scrollbar-hover": "#626973",
        "scrollbar-active": "#2457c5",
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


def own_variables(theme: Theme) -> dict[str, str]:
    """The variables that our style sheets use beyond Textual's, for a theme that does not know them."""
    if theme.ansi:
        names = {"dim": "ansi_bright_black", "line": "ansi_bright_black"}
        return names | {"cursor-line": "ansi_blue", "running": "ansi_cyan"}
    colours = theme.to_color_system().generate()
    background, foreground = Color.parse(colours["background"]), Color.parse(colours["foreground"])
    return {
        "dim": background.blend(foreground, 0.6).hex6,
        "line": background.blend(foreground, 0.25).hex6,
        "cursor-line": background.blend(Color.parse(colours["primary"]), 0.25).hex6,
        "running": Color.parse(colours["secondary"]).hex6,
    }
