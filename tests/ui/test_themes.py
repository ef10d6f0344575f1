"""Every theme shows every screen, and the terminal's colours are as wished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from tests.ui.conftest import Made, Window, make_library, window_on
from tests.ui.screen_text import screen_strips
from tests.ui.test_actions import window_with
from vuemantics_tui.ui.screens.help import HelpScreen
from vuemantics_tui.ui.themes import LEAST_CONTRAST, THEMES, contrast, own_variables


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


def in_256_colours(colour: Color) -> Color:
    """Return what a terminal with 256 colours shows instead."""
    return Color(*RichColor.from_rgb(*colour.rgb).downgrade(ColorSystem.EIGHT_BIT).get_truecolor())


@pytest.mark.parametrize("shown", [lambda colour: colour, in_256_colours], ids=["true colour", "256 colours"])
@pytest.mark.parametrize("theme", [theme for theme in THEMES if not theme.ansi], ids=lambda theme: theme.name)
def test_all_text_can_be_read_on_all_regions_rows_under_the_cursor_and_the_mouse(
    theme: Theme, shown: Callable[[Color], Color]
) -> None:
    colours = theme.to_color_system().generate() | own_variables(theme) | theme.variables
    words = ("foreground", "dim", "accent", "success", "warning", "error", "running")
    # A row under the mouse has the colour of a panel.
    regions = ("background", "surface", "panel", "cursor-line")
    ratios = {
        (word, region): contrast(shown(Color.parse(colours[word])), shown(Color.parse(colours[region])))
        for word in words
        for region in regions
    }
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < LEAST_CONTRAST} == {}


def test_the_contrast_of_black_and_white_is_the_greatest() -> None:
    assert contrast(Color.parse("black"), Color.parse("white")) == pytest.approx(21)
    assert contrast(Color.parse("#777777"), Color.parse("white")) == pytest.approx(4.48, abs=0.005)


async def test_dim_text_can_be_read_in_the_themes_of_textual(root: Path) -> None:
    async with window_on(root) as window:
        for theme in window.app.available_themes.values():
            if not theme.ansi:
                colours = theme.to_color_system().generate()
                dim = Color.parse(own_variables(theme)["dim"])
                assert contrast(dim, Color.parse(colours["background"])) >= LEAST_CONTRAST, theme.name


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
        assert window.app.console.color_system == names[shown]


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


async def test_in_sixteen_colours_the_cursor_can_be_seen_and_what_is_under_it_read(root: Path) -> None:
    await make_library(root, [Made("x.png")])
    async with window_with(root, theme="ansi") as window:
        await window.shows("x.png")
        await window.press("t")
        await window.shows("Tag x.png")
        [caret] = [style for text, style in pieces(window) if style.reverse]
        assert caret.color == caret.bgcolor == RichColor.default()
        await window.press("escape", "|")
        await window.shows("always shown")
        [colour] = {style.color for text, style in pieces(window) if "always shown" in text}
        assert colour == RichColor.parse("bright_white")


def pieces(window: Window) -> list[tuple[str, Style]]:
    """What is on the screen, with its styles."""
    return [(each.text, each.style or Style()) for strip in screen_strips(window.app) for each in strip]
