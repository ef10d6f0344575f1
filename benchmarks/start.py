"""Measure the start: the first paint of a library of ten against a static Textual app's, and two commands.

    python -m benchmarks.start [--rounds 9]

Each round runs every program once, as a whole process in a pseudo-terminal, so that other work of the machine affects
all of them alike. It prints the medians and their ratios.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Sequence
from fcntl import ioctl
from pathlib import Path

UPLOADS = 10
ROWS, COLUMNS = 24, 80
PATIENCE_SECONDS = 60.0
# The name of the oldest upload: when it is on the screen, the whole list is.
LAST_PAINTED = b"picture-0.png"
STATIC_WORDS = "a static app"
STATIC_APP = f"""
from textual.app import App
from textual.widgets import Static

class StaticApp(App):
    def compose(self):
        yield Static("{STATIC_WORDS}")

StaticApp().run()
"""
PROGRAM = [sys.executable, "-m", "vuemantics_tui"]
MOST_FIRST_PAINT = 2.0
MOST_LIST = 2.0


def until_painted(command: Sequence[str], environment: dict[str, str], words: bytes) -> float:
    """Return the seconds from the start of a program to the moment that a text of its screen arrives."""
    begun = time.perf_counter()
    pid, terminal = pty.fork()
    if not pid:
        ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.execvpe(command[0], list(command), environment)
    try:
        sent = b""
        while words not in sent:
            if time.perf_counter() - begun > PATIENCE_SECONDS:
                raise SystemExit(f"{command} did not paint {words!r}: {sent[-2000:]!r}")
            if select.select([terminal], [], [], 0.5)[0]:
                sent += os.read(terminal, 65536)
        return time.perf_counter() - begun
    finally:
        os.kill(pid, signal.SIGTERM)
        _drain(terminal)
        os.waitpid(pid, 0)
        os.close(terminal)


def _drain(terminal: int) -> None:
    # A program that still has output does not end before somebody reads it.
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < deadline:
        try:
            if not os.read(terminal, 65536):
                return
        except OSError:
            return


def until_ended(command: Sequence[str], environment: dict[str, str]) -> float:
    """Return the seconds that a command takes."""
    begun = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def make_library(folder: Path, environment: dict[str, str]) -> None:
    """Add ten pictures, and describe them: a library with nothing left to do."""
    from PIL import Image

    folder.mkdir()
    for number in range(UPLOADS):
        Image.new("RGB", (640, 480), (20 * number, 90, 200)).save(folder / f"picture-{number}.png")
    subprocess.run(
        [*PROGRAM, "add", "--recursive", str(folder)], env=environment, check=True, stdout=subprocess.DEVNULL
    )


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Measure, print, and return 1 if it takes too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "library"
        homes = {name: str(Path(folder) / name) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
        environment = {**os.environ, **homes, "VUEMANTICS_LIBRARY": str(root), "TERM": "xterm-256color"}
        # Textual was compiled when it was installed. So is the program, unless it runs from a checkout: the first round
        # compiles that.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        make_library(Path(folder) / "pictures", environment)
        runs: dict[str, Callable[[], float]] = {
            "static app": lambda: until_painted([sys.executable, "-c", STATIC_APP], environment, STATIC_WORDS.encode()),
            "first paint": lambda: until_painted(PROGRAM, environment, LAST_PAINTED),
            "--help": lambda: until_ended([*PROGRAM, "--help"], environment),
            "list": lambda: until_ended([*PROGRAM, "list"], environment),
        }
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for run in range(rounds + 1):
            for name, measure in runs.items():
                seconds = measure()
                if run:  # the first one fills the caches of the disk
                    taken[name].append(seconds)
    middle = {name: statistics.median(seconds) for name, seconds in taken.items()}
    for name, seconds in middle.items():
        fastest, slowest = min(taken[name]), max(taken[name])
        say(f"{name:<12} {seconds * 1000:6.0f} ms  ({fastest * 1000:.0f} to {slowest * 1000:.0f})")
    paint, listing = middle["first paint"] / middle["static app"], middle["list"] / middle["--help"]
    say(f"first paint is {paint:.2f} times the static app (at most {MOST_FIRST_PAINT})")
    say(f"list is {listing:.2f} times --help (at most {MOST_LIST})")
    return int(paint > MOST_FIRST_PAINT or listing > MOST_LIST)


if __name__ == "__main__":
    raise SystemExit(main())
