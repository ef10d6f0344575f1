"""What a terminal's tab and desktop are told of a run."""

from __future__ import annotations

import sys
from pathlib import Path

import pexpect
import pytest

from tests.ui.conftest import Made, make_library
from vuemantics_tui.domain.upload import QueueCounts
from vuemantics_tui.ui.uploads.queue_bar import RunNotice

KITTY = {"TERM": "xterm-kitty"}
RUN = [
    (QueueCounts(completed=5), 0.0),
    (QueueCounts(running=2, waiting=2, completed=5), 1.0),
    (QueueCounts(running=2, completed=7), 20.0),
    (QueueCounts(completed=8, failed=1), 40.0),
    (QueueCounts(completed=8, failed=1), 41.0),
]


def told(environment: dict[str, str], notify: str = "auto", run: list[tuple[QueueCounts, float]] = RUN) -> list[str]:
    notice = RunNotice(environment, notify)
    return [notice.take(counts, now) for counts, now in run]


def test_a_long_run_shows_its_progress_and_is_told_once_at_its_end() -> None:
    none, begun, half, ended, after = told(KITTY)
    assert (none, after) == ("", "")
    assert begun == "\x1b]9;4;1;0\x1b\\"
    assert half == "\x1b]9;4;1;50\x1b\\"
    assert ended == "\x1b]9;4;0\x1b\\\x1b]9;vuemantics: 3 uploads completed, 1 failed\x1b\\"


def test_terminals_that_show_osc_777_get_that_and_tmux_passes_it_on() -> None:
    assert "\x1b]777;notify;vuemantics;3 uploads" in told({"TERM": "foot"})[3]
    assert told({**KITTY, "TMUX": "/tmp/tmux-0/default,1,0"})[1] == "\x1bPtmux;\x1b\x1b]9;4;1;0\x1b\x1b\\\x1b\\"


@pytest.mark.parametrize("environment", [{"TERM": "linux"}, {"TERM": "dumb"}, {}])
def test_a_console_that_would_print_it_gets_nothing(environment: dict[str, str]) -> None:
    assert told(environment) == [""] * len(RUN)


def test_short_runs_are_told_only_where_that_is_wanted() -> None:
    short = [(counts, now / 10) for counts, now in RUN]
    assert "completed" not in "".join(told(KITTY, run=short))
    assert "completed" in "".join(told(KITTY, "always", short))
    assert told(KITTY, "never") == [""] * len(RUN)


def test_progress_is_repeated_and_taken_away() -> None:
    notice = RunNotice(KITTY, "auto")
    counts = QueueCounts(running=1)
    assert notice.take(counts, 0)
    assert notice.take(counts, 5) == ""
    assert notice.take(counts, 12)
    assert notice.clear() == "\x1b]9;4;0\x1b\\"
    assert notice.clear() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
async def test_the_app_tells_its_terminal(tmp_path: Path) -> None:
    await make_library(tmp_path / "library", [Made("beach.jpg", "pending", "queued", 0)])
    environment = {
        "TERM": "xterm-256color",
        "HOME": str(tmp_path),
        "VUEMANTICS_LIBRARY": str(tmp_path / "library"),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }
    program = "from vuemantics_tui.cli import main; main()"
    process = pexpect.spawn(sys.executable, ["-c", program], env=environment, timeout=60, dimensions=(24, 80))
    process.expect_exact("\x1b]9;4;1;0\x1b\\")
    process.expect_exact("\x1b]9;4;0\x1b\\")
    process.send("\x11")
    process.expect(pexpect.EOF)
    process.close()
