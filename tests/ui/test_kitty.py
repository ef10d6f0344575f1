"""Pictures by Kitty graphics: on a model of such a terminal, and in the program as it runs in one."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from tests.conftest import DEADLINE_SECONDS
from tests.kitty_terminal import CELL, KittyTerminal, RefusedError
from tests.ui.terminal_program import is_like, likeness, make_library, picture, running
from vuemantics_tui.terminal import Protocol
from vuemantics_tui.ui.pictures.kitty import NUMBERS
from vuemantics_tui.ui.pictures.loader import PLACEHOLDER, Depth, Drawn, Graphics, Grey, PictureLoader, PictureMode

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
KITTY = Graphics(Protocol.KITTY, cell=CELL)


def paint(terminal: KittyTerminal, drawn: Drawn | None) -> None:
    """Write the cells as the app does."""
    assert drawn
    for row, strip in enumerate(drawn):
        for segment in strip:
            assert segment.style is not None and segment.style.color is not None
            red, green, blue = segment.style.color.get_truecolor()
            terminal.feed(f"\x1b[{row + 1};1H\x1b[38;2;{red};{green};{blue}m{segment.text}")


def test_the_numbers_of_rows_and_columns_are_those_of_the_protocol() -> None:
    assert len(NUMBERS) == len(set(NUMBERS)) == 297
    assert [ord(each) for each in (*NUMBERS[:4], NUMBERS[-1])] == [0x305, 0x30D, 0x30E, 0x310, 0x1D244]


async def test_a_picture_is_sent_once_and_shown_where_its_cells_stand(tmp_path: Path) -> None:
    terminal = KittyTerminal()
    loader = PictureLoader(KITTY, terminal.feed)
    path = picture(tmp_path / "a.png")
    drawn = await loader.load(path, 40, 20, PictureMode())
    paint(terminal, drawn)
    assert likeness(terminal.shown(), path) < 4
    sent = terminal.sent
    assert await loader.load(path, 40, 20, PictureMode()) is drawn
    assert terminal.sent == sent


async def test_what_leaves_the_cache_leaves_the_terminal(tmp_path: Path) -> None:
    terminal = KittyTerminal()
    loader = PictureLoader(KITTY, terminal.feed, most=2)
    for number in range(5):
        await loader.load(picture(tmp_path / f"{number}.png"), 10, 5, PictureMode())
    assert len(terminal.pictures) == 2
    loader.forget_all()
    assert terminal.pictures == {}


async def test_no_cell_of_a_picture_is_torn_where_a_dialog_cuts_it(tmp_path: Path) -> None:
    loader = PictureLoader(KITTY, KittyTerminal().feed)
    drawn = await loader.load(picture(tmp_path / "a.png", 1200, 20), 121, 4, PictureMode())
    assert drawn is not None and drawn[0].cell_length == 121
    for cut in range(1, 121):
        for part in drawn[0].divide([cut, 121]):
            assert part.text.startswith(PLACEHOLDER)
            assert len(part.text) == 3 * part.cell_length, "each cell has its row and its column"


async def test_colours_of_eight_bits_carry_numbers_of_eight_bits(tmp_path: Path) -> None:
    terminal = KittyTerminal()
    narrow = Graphics(Protocol.KITTY, cell=CELL, narrow=True)
    loader = PictureLoader(narrow, terminal.feed)
    path = picture(tmp_path / "a.png", 30, 20)
    for columns in range(1, 280):
        drawn = await loader.load(path, columns, 4, PictureMode(Depth.PALETTE))
        assert drawn is not None
    assert all(number < 256 for number in terminal.pictures)
    assert drawn is not None
    (style,) = {segment.style for strip in drawn for segment in strip}
    assert style is not None and style.color is not None and style.color.number in terminal.pictures


async def test_without_colours_pictures_are_drawn_in_shades(tmp_path: Path) -> None:
    terminal = KittyTerminal()
    drawn = await PictureLoader(KITTY, terminal.feed).load(
        picture(tmp_path / "a.png"), 10, 5, PictureMode(Depth.SHADES)
    )
    assert drawn is not None and "█" in "".join(strip.text for strip in drawn)
    assert terminal.pictures == {}


def test_greys_leave_the_numbers_of_pictures() -> None:
    number = Style.parse("#123456")
    shown = Grey().apply([Segment(PLACEHOLDER, number), Segment("text", number)], Color(0, 0, 0))
    assert shown[0].style == number
    assert shown[1].style != number


async def test_over_ssh_a_picture_takes_a_fraction_of_the_bytes(tmp_path: Path) -> None:
    here, there = KittyTerminal(), KittyTerminal()
    noise = np.random.default_rng(1).normal(0, 12, (200, 300, 3))
    smooth = np.mgrid[0:200, 0:300][0][..., None] * 0.8 + np.array([20, 40, 60])
    path = tmp_path / "a.png"
    Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8)).save(path)
    await PictureLoader(KITTY, here.feed).load(path, 30, 20, PictureMode())
    remote = Graphics(Protocol.KITTY, cell=CELL, remote=True)
    drawn = await PictureLoader(remote, there.feed).load(path, 30, 20, PictureMode())
    assert there.sent < here.sent / 2
    paint(there, drawn)
    assert likeness(there.shown(), path) < 20


async def test_over_ssh_the_full_picture_follows_when_no_other_is_wanted(tmp_path: Path) -> None:
    terminal = KittyTerminal()
    better = asyncio.Event()

    def repaint() -> None:
        paint(terminal, drawn)
        better.set()

    loader = PictureLoader(Graphics(Protocol.KITTY, cell=CELL, remote=True), terminal.feed, repaint=repaint)
    paths = [picture(tmp_path / f"{number}.png", 600, 400) for number in range(2)]
    await loader.load(paths[0], 40, 20, PictureMode())
    drawn = await loader.load(paths[1], 40, 20, PictureMode())
    paint(terminal, drawn)
    few = likeness(terminal.shown(), paths[1])
    await asyncio.wait_for(better.wait(), DEADLINE_SECONDS)
    assert likeness(terminal.shown(), paths[1]) < few / 2
    assert len(terminal.pictures) == 2
    loader.forget_all()
    assert terminal.pictures == {}


async def test_inside_tmux_every_command_is_passed_through(tmp_path: Path) -> None:
    written: list[str] = []
    loader = PictureLoader(Graphics(Protocol.KITTY, cell=CELL, in_tmux=True), written.append)
    await loader.load(picture(tmp_path / "a.png"), 40, 20, PictureMode())
    loader.forget_all()
    terminal = KittyTerminal()
    for text in written:
        for wrapped in text.split("\x1bPtmux;")[1:]:
            assert wrapped.endswith("\x1b\\")
            terminal.feed(wrapped[:-2].replace("\x1b\x1b", "\x1b"))
    assert terminal.sent
    assert terminal.pictures == {}


def test_the_model_refuses_what_a_terminal_refuses() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, "JPEG")
    terminal = KittyTerminal()
    with pytest.raises(RefusedError):
        terminal.feed("\x1b_Ga=T,U=1,f=100,i=5,c=1,r=1;AAAA\x1b\\")
    with pytest.raises(RefusedError):
        terminal.feed("\x1b_Ga=d,d=I,i=5,q=2\x1b\\")
    terminal.feed("\x1b[1;1H\x1b[38;2;0;0;7m\U0010eeee\u0305\u0305")
    with pytest.raises(RefusedError):
        terminal.shown()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library with one picture in it, described."""
    return make_library(tmp_path)


def test_the_program_asks_shows_pixels_and_leaves_none(library: Path) -> None:
    terminal = KittyTerminal(120, 36)
    with running(library, terminal) as program:
        press = program.press
        press("", lambda: bool(terminal.numbers()) and is_like(terminal, library.parent / "beach.png"))
        in_pane = terminal.numbers()
        press("g", lambda: bool(terminal.numbers()) and not terminal.numbers() & in_pane)
        press("", lambda: is_like(terminal, library.parent / "beach.png"))
        press("?", lambda: "scroll" in terminal.screen.display[-1])
        press("\x1b", lambda: "scroll" not in terminal.screen.display[-1] and bool(terminal.numbers()))
        terminal.shown()
    assert terminal.pictures == {}


def test_where_blocks_are_wanted_nothing_is_asked(library: Path) -> None:
    terminal = KittyTerminal(120, 36)
    with running(library, terminal, "--graphics", "blocks") as program:
        program.press("", lambda: any("▀" in line or "▌" in line or "▄" in line for line in terminal.screen.display))
        assert terminal.pictures == {} and terminal.answers == ""
