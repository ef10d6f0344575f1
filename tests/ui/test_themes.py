"""Every theme shows every screen, and the terminal's colours are as wished."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from tests.ui.conftest import Made, make_library, window_on
from tests.ui.test_actions import window_with
from vuemantics_tui.ui.screens.help import HelpScreen
from vuemantics_tui.ui.themes import THEMES, own_variables


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
async def test_our_themes_show_the_first_screen(root: Path, theme: str) -> None:
    await make_library(root, [Made("bad.png", "failed", "failed", error="it is torn"), Made("x.png")])
    async with window_with(root, theme=theme) as window:
        await window.shows("x.png", "✗ bad.png", "1 failed", "a add")
        assert window.app.theme == theme
        background = window.app.screen.styles.background
        assert (background.ansi is not None) == (theme == "ansi"), "only ansi leaves the terminal its background"


async def test_every_theme_knows_every_colour_that_is_used(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_on(root) as window:
        await window.shows("x.png")
        for name, theme in window.app.available_themes.items():
            window.app.theme = name
            await window.press("?")
            assert isinstance(window.app.screen, HelpScreen), f"{name}\n{window.text()}"
            await window.press("escape")
            assert set(own_variables(theme)) <= set(window.app.theme_variables)
            assert "went wrong" not in window.text(), name


@pytest.mark.parametrize(
    ("wanted", "had", "shown"),
    [
        ("yes", ColorSystem.STANDARD, ColorSystem.TRUECOLOR),
        ("no", ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT),
        ("no", ColorSystem.STANDARD, ColorSystem.STANDARD),
        ("auto", ColorSystem.EIGHT_BIT, ColorSystem.EIGHT_BIT),
    ],
)
async def test_true_colour_can_be_had_or_not(
    root: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, had: ColorSystem, shown: ColorSystem
) -> None:
    names = {ColorSystem.STANDARD: "standard", ColorSystem.EIGHT_BIT: "256", ColorSystem.TRUECOLOR: "truecolor"}
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", names[had])
    async with window_with(root, true_colour=wanted) as window:
        assert window.app.console._color_system is shown


async def test_without_colour_each_theme_gets_what_it_needs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Greys in a theme of its own colours; none at all where the colours are the terminal's, which nobody knows."""
    monkeypatch.setenv("NO_COLOR", "1")
    red = [Segment("x", Style.parse("#ff0000 on #000000"))]
    async with window_with(root, theme="ansi") as window:
        for theme, colour in (("ansi", "default"), ("vuemantics", "#363636"), ("ansi", "default")):
            window.app.theme = theme
            shown = red
            for each in window.app.get_line_filters():
                shown = each.apply(shown, Color(0, 0, 0))
            style = shown[0].style
            assert style is not None and style.color is not None
            assert style.color.name == colour
