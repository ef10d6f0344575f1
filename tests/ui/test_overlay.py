"""Pictures as pixels on top of text, in the program as it runs in terminals that draw such ones."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.segment import Segment
from textual._compositor import LayoutUpdate
from textual.geometry import Region, Size
from textual.strip import Strip

from tests.conftest import DEADLINE_SECONDS
from tests.kitty_terminal import RefusedError
from tests.pixel_terminals import (
    CELL,
    Iterm2Terminal,
    PixelTerminal,
    PlacedKittyTerminal,
    SixelTerminal,
    decoded,
)
from tests.ui.terminal_program import SUSPEND, is_like, make_library, picture, running
from vuemantics_tui.terminal import Protocol
from vuemantics_tui.ui.pictures.loader import Graphics, PictureMode
from vuemantics_tui.ui.pictures.overlay import Overlay, OverlayRenderer
from vuemantics_tui.ui.pictures.sixel import SixelEncoding, sixels

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with one picture in it, described."""
    return make_library(tmp_path_factory.mktemp("library"))


@pytest.mark.parametrize("make", [SixelTerminal, Iterm2Terminal, PlacedKittyTerminal])
def test_pixels_follow_what_is_shown_and_leave_with_it(
    library: Path, make: Callable[[int, int], PixelTerminal]
) -> None:
    beach = library.parent / "beach.png"
    terminal = make(120, 36)

    def blank() -> bool:
        return not terminal.shown().any()

    def text_at(row: int) -> str:
        """Return what a person reads in a row."""
        line = terminal.screen.display[row]
        return "".join(" " if terminal.has_pixels(row, x) else line[x] for x in range(terminal.columns))

    with running(library, terminal) as program:
        program.press("", lambda: is_like(terminal, beach))
        sent = terminal.sent
        # A dialog takes the pixels where it stands, and the rest of the picture stays.
        program.press("?", lambda: any("scroll" in text_at(row) for row in range(30, 36)))
        program.press(
            "",
            lambda: all(
                "Everywhere" not in line or "Everywhere" in text_at(row)
                for row, line in enumerate(terminal.screen.display)
            ),
        )
        program.press("\x1b", lambda: "scroll" not in text_at(35) and is_like(terminal, beach))
        # A key that changes no picture sends none.
        sent = terminal.sent
        program.press("/x", lambda: any("x" in text_at(row) for row in range(3)))
        assert terminal.sent == sent
        program.press(
            "\x1b\x1b", lambda: any("words or meaning" in text_at(row) for row in range(3)) and is_like(terminal, beach)
        )
        program.resize(100, 30)
        program.press("", lambda: is_like(terminal, beach))
        program.press(SUSPEND, lambda: blank() and program.is_stopped())
        program.go_on()
        program.press("", lambda: is_like(terminal, beach))
        # The viewer's picture is as high as the window.
        program.press("\r", lambda: is_like(terminal, beach) and bool(terminal.shown()[20 * CELL[1] :].any()))
        program.press("\x1b", lambda: is_like(terminal, beach) and not terminal.shown()[20 * CELL[1] :].any())
    assert blank()
    if isinstance(terminal, PlacedKittyTerminal):
        assert terminal.pictures == {}


async def test_tmux_forgets_a_picture_that_other_text_covers(tmp_path: Path) -> None:
    """It looks for pictures under ASCII alone, and draws those that it knows again whenever it likes."""
    graphics = Graphics(Protocol.SIXEL, cell=CELL, in_tmux=True)
    console = Console(color_system="truecolor", force_terminal=True)
    drawn = asyncio.Event()
    written: list[str] = []

    def write(text: str) -> None:
        written.append(text)
        drawn.set()

    overlay = Overlay(SixelEncoding(graphics), write)
    rendered = OverlayRenderer(graphics, overlay).render(picture(tmp_path / "a.png"), 10, 5, PictureMode())
    assert rendered is not None
    shown, size = rendered.strips[1:], Size(20, 10)
    region = Region(0, 0, 20, 10)
    overlay.over(LayoutUpdate([[strip] for strip in shown], region), size).render_segments(console)
    await asyncio.wait_for(drawn.wait(), DEADLINE_SECONDS)
    assert written[0].count("\x1bP") == 1
    other = Strip([Segment("▀" * 10)], 10)
    text = overlay.over(LayoutUpdate([[other]] * len(shown), region), size).render_segments(console)
    # Once, before all else.
    assert text.startswith(f"\x1b[1;1H \x1b[1;1H{other.text}")
    assert text.count(" ") == 1


def test_sixels_are_the_pixels() -> None:
    some = np.random.default_rng(3)
    for height, width, colours in ((1, 1, 1), (6, 5, 2), (13, 40, 7), (51, 64, 256)):
        # Longer and shorter runs, and bands that lack a colour.
        pixels = some.integers(0, colours, (height, -(-width // 3)), dtype=np.uint8).repeat(3, axis=1)[:, :width]
        palette = some.integers(0, 101, (colours, 3), dtype=np.uint8)
        assert (decoded(sixels(pixels, palette, np.unique(pixels))) == palette[pixels].astype(int) * 255 // 100).all()


def test_the_models_refuse_what_a_terminal_refuses() -> None:
    for text in ('\x1bP0;1;0q"1;1;2;1#0~~\x1b\\', '\x1bP0;1;0q"1;1;2;6#0;2;0;0;0~\x1b\\', "\x1bPq#0;2;0;0;0~~\x1b\\"):
        with pytest.raises(RefusedError):
            decoded(text)
    sixel = SixelTerminal(10, 4)
    with pytest.raises(RefusedError):
        sixel.feed('\x1b[4;1H\x1bP0;1;0q"1;1;1;1#0;2;0;0;0@\x1b\\')
    with pytest.raises(RefusedError):
        Iterm2Terminal().feed("\x1b]1337;File=inline=1;size=9;width=1;height=1;preserveAspectRatio=0:AAAA\x07")
    with pytest.raises(RefusedError):
        PlacedKittyTerminal().feed("\x1b_Ga=p,i=1,p=1,x=0,y=0,w=1,h=1,c=1,r=1,C=1,q=2\x1b\\")
