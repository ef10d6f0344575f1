"""The program as it runs in a terminal that a test plays."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pexpect
import pyte
from numpy.typing import NDArray
from PIL import Image

from tests.conftest import DEADLINE_SECONDS
from tests.kitty_terminal import RefusedError

QUIT, SUSPEND = "\x11", "\x1a"


class Model(Protocol):
    """A terminal: takes what the program writes, and knows what a person would see."""

    columns: int
    rows: int
    screen: pyte.Screen
    answers: str

    def feed(self, text: str) -> None:
        """Take what was written."""

    def shown(self) -> NDArray[np.uint8]:
        """Return the pixels of the screen where pictures stand; the rest is black. Raises RefusedError."""


def picture(path: Path, width: int = 240, height: int = 160) -> Path:
    """Save a picture on which no two parts look alike."""
    down, across = np.mgrid[0:height, 0:width]
    pixels = np.stack([across * 255 // width, down * 255 // height, (across + down) % 256], axis=-1)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def likeness(shown: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], original: Path) -> float:
    """Return the mean difference of what is shown and the picture, of 0..255."""
    there = shown.any(axis=(1, 2)), shown.any(axis=(0, 2))
    cropped = shown[there[0]][:, there[1]]
    with Image.open(original) as image:
        wanted = image.convert("RGB").resize((cropped.shape[1], cropped.shape[0]))
    return float(np.abs(cropped.astype(int) - np.asarray(wanted).astype(int)).mean())


def is_like(terminal: Model, original: Path) -> bool:
    """Tell whether the picture is shown, whole; in the middle of a repaint it is not."""
    try:
        shown = terminal.shown()
        return bool(shown.any()) and likeness(shown, original) < 12
    except RefusedError:
        return False


@dataclass
class Program:
    """The program, its terminal, and the one who sits there."""

    process: Any
    terminal: Model

    def press(self, keys: str, until: Callable[[], bool]) -> None:
        """Press keys, and go on when what is shown is right, or when the program has ended."""
        self.process.send(keys)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not until():
            if time.monotonic() > deadline:
                raise AssertionError("\n".join(self.terminal.screen.display))
            if select.select([self.process.child_fd], [], [], 0.2)[0]:
                try:
                    self.terminal.feed(self.process.read_nonblocking(65536, 0))
                except pexpect.EOF:
                    return
            if self.terminal.answers:
                self.process.send(self.terminal.answers)
                self.terminal.answers = ""

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        self.terminal.columns, self.terminal.rows = columns, rows
        self.terminal.screen.resize(rows, columns)
        self.process.setwinsize(rows, columns)

    def is_stopped(self) -> bool:
        """Tell whether the program has just stopped, and the shell has the terminal. Says so once."""
        pid, status = os.waitpid(self.process.pid, os.WNOHANG | os.WUNTRACED)
        return pid != 0 and os.WIFSTOPPED(status)

    def go_on(self) -> None:
        """Do what the shell does for `fg`."""
        os.kill(self.process.pid, signal.SIGCONT)


def make_library(folder: Path) -> Path:
    """Make a library with one picture in it, described; the picture is beach.png beside it."""
    picture(folder / "beach.png")
    environment = {**os.environ, "VUEMANTICS_LIBRARY": str(folder / "library"), "XDG_STATE_HOME": str(folder)}
    words = [sys.executable, "-m", "vuemantics_tui", "add", str(folder / "beach.png")]
    subprocess.run(words, env=environment, check=True, capture_output=True, timeout=DEADLINE_SECONDS)
    return folder / "library"


@contextmanager
def running(library: Path, terminal: Model, *words: str) -> Iterator[Program]:
    """Run the program in a pseudo-terminal, and quit it at the end."""
    environment = {
        **os.environ,
        **{name: str(library.parent / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")},
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "VUEMANTICS_LIBRARY": str(library),
    }
    for name in ("TMUX", "SSH_TTY", "SSH_CONNECTION"):
        environment.pop(name, None)
    process = pexpect.spawn(
        sys.executable,
        ["-m", "vuemantics_tui", *words],
        env=environment,
        dimensions=(terminal.rows, terminal.columns),
        encoding="utf-8",
    )
    program = Program(process, terminal)
    try:
        yield program
        program.press(QUIT, lambda: False)
    finally:
        process.close(force=True)
