"""The themes: every colour that the program shows comes from the variables defined here."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="vuemantics-dark",
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
        "cursor-line": "#2a3140",
        "running": "#56b6c2",
        "input-cursor-background": "#d7dae0",
        "input-cursor-foreground": "#14161b",
        "input-selection-background": "#2a3140",
        "scrollbar": "#39414f",
        "scrollbar-hover": "#7d8590",
        "scrollbar-active": "#7aa2f7",
        "scrollbar-background": "#14161b",
        "scrollbar-background-hover": "#14161b",
        "scrollbar-background-active": "#14161b",
        "scrollbar-corner-color": "#14161b",
    },
)
