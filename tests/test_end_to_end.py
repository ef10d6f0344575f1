"""The whole program in a real terminal: start, watch, add from elsewhere, quit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import psutil
import pyte
import pytest
import skimage

PICTURES = Path(skimage.__file__).parent / "data"
COLUMNS, ROWS = 80, 24
DEADLINE_SECONDS = 90.0
PROGRAM = [sys.executable, "-m", "vuemantics_tui"]


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """An Ollama on this machine is none of a test's business: nothing listens at port 9."""
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")


class Terminal:
    """The program in a pseudo-terminal, and what a person sees of it."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self.sent = b""
        self.process = pexpect.spawn(
            PROGRAM[0],
            [*PROGRAM[1:], *words],
            dimensions=(ROWS, COLUMNS),
            env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment},
            timeout=DEADLINE_SECONDS,
        )

    def text(self) -> str:
        """The screen's lines."""
        return "\n".join(self._screen.display)

    def read_until(self, condition: Callable[[str], bool]) -> str:
        """Read what the program sends until the screen is as wished; fails with the screen after the deadline."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition(self.text()):
            assert time.monotonic() < deadline, f"never on the screen:\n{self.text()}"
            try:
                data = self.process.read_nonblocking(65536, timeout=1)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                pytest.fail(f"it ended:\n{self.text()}")
            self.sent += data
            self._stream.feed(data)
        return self.text()

    def end(self) -> int | None:
        """Wait for the end of the program; returns its exit code."""
        self.sent += self.process.read()
        self.process.close()
        code: int | None = self.process.exitstatus
        return code


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts the program in a terminal, on a library of its own."""
    started: list[Terminal] = []

    def start(*words: str) -> Terminal:
        one = Terminal(list(words), {"VUEMANTICS_LIBRARY": str(tmp_path / "library")})
        started.append(one)
        return one

    yield start
    for one in started:
        one.process.close(force=True)


def test_the_demo_before_ones_eyes(terminal: Callable[..., Terminal]) -> None:
    demo = terminal("demo")
    demo.read_until(lambda text: "1 failed" in text and "19 completed" in text)
    assert "broken photo.jpg" in demo.text()
    demo.process.send("q")
    assert demo.end() == 0
    assert b"\x1b[?1049l" in demo.sent, "the terminal is given back as it was"


def test_what_another_terminal_adds_is_seen_at_once(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    app = terminal()
    app.read_until(lambda text: "vuemantics-tui add" in text)
    added = subprocess.run(
        [*PROGRAM, "add", "--no-wait", f"{PICTURES}/coffee.png"],
        env={**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / "library")},
        capture_output=True,
    )
    assert added.returncode == 0
    app.read_until(lambda text: "coffee.png" in text)
    app.read_until(lambda text: "1 completed" in text)
    app.process.send("q")
    assert app.end() == 0


def test_a_path_that_arrives_as_a_burst_of_keys_is_never_taken_for_hot_keys(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    # Wider than the window: the end of what was typed is what one must see.
    folder = tmp_path / ("drop-" * 20)
    folder.mkdir()
    shutil.copy(f"{PICTURES}/brick.png", folder)
    app = terminal(f"{PICTURES}/coffee.png")
    app.read_until(lambda text: "1 completed" in text)
    app.process.send(f"{folder}/brick.png")
    app.read_until(lambda text: "brick.png" in text and "A file, or a folder" in text)
    app.process.send("\r")
    app.read_until(lambda text: "2 completed" in text)
    assert "paused" not in app.text()
    app.process.send("q")
    assert app.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_polite_signal_leaves_a_clean_terminal(
    terminal: Callable[..., Terminal], tmp_path: Path, number: int
) -> None:
    app = terminal(f"{PICTURES}/chelsea.png")
    app.read_until(lambda text: "chelsea.png" in text)
    app.process.kill(number)
    app.end()
    assert b"\x1b[?1049l" in app.sent
    assert b"Traceback" not in app.sent
    listed = subprocess.run(
        [*PROGRAM, "list"], env={**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / "library")}, capture_output=True
    )
    assert b"chelsea.png" in listed.stdout
    assert b"describing" not in listed.stdout


def test_a_terminal_that_is_gone_takes_the_program_with_it_in_order(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    app = terminal(*(str(path) for path in PICTURES.glob("*.png")))
    app.read_until(lambda text: "running" in text)
    children = psutil.Process(app.process.pid).children(recursive=True)
    # The far end of the terminal is closed, as when its window is; the number stays taken, for who clears up.
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), app.process.child_fd)
    app.process.wait()
    _, alive = psutil.wait_procs(children, timeout=DEADLINE_SECONDS)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    listed = subprocess.run(
        [*PROGRAM, "list", "--json"],
        env={**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / "library")},
        capture_output=True,
        text=True,
    )
    stages = {json.loads(line)["stage"] for line in listed.stdout.splitlines()}
    assert stages <= {"queued", "completed", "failed"}, "what ran waits again"
