"""Asking a terminal what it can show, at the other end of a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import sys
import threading
import tty
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from vuemantics_tui.config import Settings
from vuemantics_tui.terminal import (
    Answers,
    Blocks,
    Protocol,
    ask_terminal,
    chosen_protocol,
    current_terminal,
    through_tmux,
    without_answers,
    wrapped,
)
from vuemantics_tui.ui.app import theme_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
VERSION, KITTY, CELL, ATTRIBUTES = "\x1b[>q", "\x1b_Gi=31", "\x1b[16t", "\x1b[c"


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """The terminal's end and the program's."""
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def answering(ours: int, answers: Mapping[str, str]) -> threading.Thread:
    """Answer each question once, in the order in which the terminal knows them."""

    def run() -> None:
        said, left = "", dict(answers)
        while left and select.select([ours], [], [], 20)[0]:
            said += os.read(ours, 4096).decode()
            for question in [each for each in left if each in said]:
                os.write(ours, left.pop(question).encode())

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_kitty(ends: tuple[int, int]) -> None:
    ours, theirs = ends
    thread = answering(
        ours,
        {
            VERSION: "\x1bP>|kitty(0.41.1)\x1b\\",
            KITTY: "\x1b_Gi=31;OK\x1b\\",
            CELL: "\x1b[6;18;9t",
            ATTRIBUTES: "\x1b[?62;c",
        },
    )
    found = ask_terminal(theirs, theirs, 20)
    thread.join()
    assert (found.version, found.cell, found.protocol, found.typed) == ("kitty(0.41.1)", (9, 18), Protocol.KITTY, "")


@pytest.mark.parametrize(
    ("version", "kitty", "attributes", "protocol"),
    [
        pytest.param("XTerm(390)", "", "64;1;4;22", Protocol.SIXEL, id="sixel"),
        pytest.param("XTerm(390)", "", "64;1;14;22", Protocol.BLOCKS, id="no-sixel"),
        pytest.param("Konsole 24", "OK", "62;4", Protocol.KITTY_PLACED, id="kitty-without-placeholders"),
        pytest.param("kitty(0.20)", "EINVAL:no", "62", Protocol.BLOCKS, id="refused"),
        pytest.param("WezTerm 20240203", "OK", "65;4;6", Protocol.ITERM2, id="iterm2"),
        pytest.param("xterm.js(6.0)", "", "62;4;9;22", Protocol.ITERM2, id="iterm2-switched-on"),
        pytest.param("xterm.js(6.0)", "", "62;9;22", Protocol.BLOCKS, id="iterm2-switched-off"),
    ],
)
def test_only_what_is_proved_is_used(
    ends: tuple[int, int], version: str, kitty: str, attributes: str, protocol: Protocol
) -> None:
    ours, theirs = ends
    answers = {VERSION: f"\x1bP>|{version}\x1b\\"}
    if kitty:
        answers[KITTY] = f"\x1b_Gi=31;{kitty}\x1b\\"
    answers[ATTRIBUTES] = f"\x1b[?{attributes}c"
    thread = answering(ours, answers)
    found = ask_terminal(theirs, theirs, 20)
    thread.join()
    assert found.protocol is chosen_protocol("auto", found) is protocol
    assert chosen_protocol("blocks", found) is Protocol.BLOCKS
    assert chosen_protocol("sixel", found) is Protocol.SIXEL
    placed = version.startswith(("Konsole", "WezTerm"))
    assert chosen_protocol("kitty", found) is (Protocol.KITTY_PLACED if placed else Protocol.KITTY)


def test_the_environment_tells_of_iterm2_where_the_terminal_does_not() -> None:
    assert Answers(program="iTerm.app").protocol is Protocol.ITERM2
    assert Answers(program="iTerm2", attributes=("62",), inner="tmux 3.5a").protocol is Protocol.BLOCKS
    assert Answers(program="vscode", attributes=("62", "4")).protocol is Protocol.ITERM2
    assert Answers(program="vscode", attributes=("62",)).protocol is Protocol.BLOCKS


def test_xterm_says_how_many_colours_and_pixels_its_sixels_have(ends: tuple[int, int]) -> None:
    ours, theirs = ends
    answers = {
        "\x1b[?1;1;0S": "\x1b[?1;0;1024S",
        "\x1b[?2;4;0S": "\x1b[?2;0;2000;1500S",
        ATTRIBUTES: "\x1b[?63;4c",
    }
    thread = answering(ours, answers)
    found = ask_terminal(theirs, theirs, 20)
    thread.join()
    assert (found.registers, found.geometry, found.typed) == (1024, (2000, 1500), "")
    thread = answering(ours, answers | {"\x1b[?2;4;0S": "\x1b[?2;3;0S"})
    found = ask_terminal(theirs, theirs, 20)
    thread.join()
    assert (found.geometry, found.typed) == (None, "")


def test_keys_typed_meanwhile_are_kept(ends: tuple[int, int]) -> None:
    ours, theirs = ends
    thread = answering(ours, {VERSION: "jj\x1bP>|foot(1)\x1b\\g", ATTRIBUTES: "\x1b[?62c"})
    found = ask_terminal(theirs, theirs, 20)
    thread.join()
    assert found.typed == "jjg"


def test_a_terminal_that_says_nothing_costs_the_time_that_it_is_given(ends: tuple[int, int]) -> None:
    _, theirs = ends
    found = ask_terminal(theirs, theirs, 60, 0.05)
    assert (found.attributes, found.protocol) == ((), Protocol.BLOCKS)


@pytest.mark.parametrize(
    ("environment", "sure"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm", "XTERM_VERSION": "XTerm(390)"}, True),
        ({"TERM": "xterm-256color"}, False),
        # tmux passes no questions on, unless it is told to.
        ({"TERM": "tmux-256color", "TMUX": "/tmp/tmux", "KITTY_WINDOW_ID": "1"}, False),
    ],
)
def test_a_terminal_that_is_known_to_answer_is_waited_for(environment: Mapping[str, str], sure: bool) -> None:
    # On a busy machine a window that was just opened took more than a second, and its pictures became blocks.
    seconds, silence = current_terminal(environment).patience
    assert (seconds > 3, silence > 2) == (sure, sure)


def test_what_is_no_terminal_cannot_be_asked() -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(OSError):
            ask_terminal(reading, writing)
    finally:
        os.close(reading)
        os.close(writing)


def test_answers_that_come_too_late_are_no_keys() -> None:
    late = "\x1bP>|kitty(0.41.1)\x1b\\\x1b_Gi=31;OK\x1b\\\x1b[6;18;9t\x1b[?62;c"
    assert without_answers(f"j{late}k") == "jk"
    keys = "\x1b[A\x1bOP\x1b[1;5C\x1b[<0;3;4M\x1b[?2026;2$y"
    assert without_answers(keys) == keys


@pytest.mark.parametrize(
    ("version", "features", "protocol"),
    [
        ("", "256,RGB,sixel,title passthrough-off", Protocol.SIXEL),
        ("", "256,RGB,title passthrough-off", Protocol.BLOCKS),
        # Nobody knows, as where tmux runs on another machine and passes on no questions.
        ("", "", Protocol.BLOCKS),
        ("XTerm(390)", "", Protocol.SIXEL),
    ],
)
def test_tmux_shows_sixel_pictures_only_where_its_terminal_does(
    version: str, features: str, protocol: Protocol
) -> None:
    # tmux 3.5 says 4 for itself, and draws a box of plus signs or the sixels as text in a Kitty.
    answers = Answers(inner="tmux 3.5a", version=version, attributes=("1", "2", "4"))
    assert through_tmux(answers, features).protocol is protocol


@pytest.mark.parametrize(("attributes", "protocol"), [("64;1;4", Protocol.SIXEL), ("62", Protocol.BLOCKS)])
def test_inside_tmux_its_terminal_may_deny_sixel_pictures(
    ends: tuple[int, int], attributes: str, protocol: Protocol
) -> None:
    ours, theirs = ends
    thread = answering(
        ours,
        {
            VERSION: "\x1bP>|tmux 3.5a\x1b\\",
            ATTRIBUTES: "\x1b[?1;2;4c",
            wrapped("\x1b[>q")[:10]: f"\x1bP>|XTerm(390)\x1b\\\x1b[?{attributes}c",
        },
    )
    found = ask_terminal(theirs, theirs, 20)
    thread.join()
    for features in ("256,RGB,sixel passthrough-on", ""):
        assert through_tmux(found, features).protocol is protocol


def test_inside_tmux_its_terminal_is_asked_too(ends: tuple[int, int]) -> None:
    ours, theirs = ends
    thread = answering(
        ours,
        {
            VERSION: "\x1bP>|tmux 3.5a\x1b\\",
            CELL: "\x1b[6;18;9t",
            ATTRIBUTES: "\x1b[?1;2;4c",
            wrapped("\x1b[>q")[:10]: "\x1bP>|kitty(0.41.1)\x1b\\\x1b_Gi=31;OK\x1b\\\x1b[?62;c",
        },
    )
    found = ask_terminal(theirs, theirs, 20)
    thread.join()
    assert (found.inner, found.version, found.protocol, found.cell) == (
        *("tmux 3.5a", "kitty(0.41.1)", Protocol.KITTY),
        (9, 18),
    )


@pytest.mark.parametrize(
    ("environment", "version", "blocks"),
    [
        pytest.param({"TERM": "linux"}, "", Blocks.HALVES, id="console"),
        pytest.param({"TERM": "xterm-256color"}, "XTerm(390)", Blocks.QUARTERS, id="xterm"),
        pytest.param({"TERM": "tmux-256color"}, "foot(1.16.2)", Blocks.SEXTANTS, id="asked-through-tmux"),
        pytest.param({"TERM": "xterm-kitty"}, "", Blocks.SEXTANTS, id="kitty"),
        pytest.param({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "", Blocks.SEXTANTS, id="gnome-terminal"),
        pytest.param({"TERM": "xterm-256color", "VTE_VERSION": "?"}, "", Blocks.QUARTERS, id="no-version"),
    ],
)
def test_blocks_are_those_that_the_font_is_likely_to_have(
    environment: dict[str, str], version: str, blocks: Blocks
) -> None:
    terminal = replace(current_terminal(environment), utf8=True)
    assert terminal.blocks("auto", Answers(version=version)) is blocks
    assert terminal.blocks("sextants", Answers()) is Blocks.SEXTANTS
    assert replace(terminal, utf8=False).blocks("auto", Answers(version=version)) is Blocks.HALVES


def test_a_terminal_of_16_colours_begins_with_its_own() -> None:
    few, many = (current_terminal({"TERM": term}) for term in ("xterm", "xterm-256color"))
    assert theme_of(Settings(), few) == "ansi"
    assert theme_of(Settings(), many) == Settings().theme
    named = Settings.load({"theme": "nord"}, {}, Path(os.devnull))
    assert theme_of(named, few) == "nord"
    assert theme_of(Settings(true_colour="yes"), few) == Settings().theme
