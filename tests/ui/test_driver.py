"""The driver of the terminal: what goes wrong in its threads ends the program in order, never the keyboard alone."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pexpect
import pytest

FAILING_INPUT = """
import vuemantics_tui.cli
from textual._xterm_parser import XTermParser
feed = XTermParser.feed
def failing_feed(parser, data):
    if "%" in data:
        raise RuntimeError("a defect in the thread that reads")
    return feed(parser, data)
XTermParser.feed = failing_feed
vuemantics_tui.cli.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_defect_in_the_thread_that_reads_keys_ends_the_program_and_is_told(tmp_path: Path) -> None:
    folders = {name: str(tmp_path / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    environment = {**os.environ, **folders, "TERM": "xterm-256color", "VUEMANTICS_LIBRARY": str(tmp_path / "library")}
    process = pexpect.spawn(sys.executable, ["-c", FAILING_INPUT], env=environment, timeout=60, dimensions=(24, 200))
    process.expect("This library is empty")
    process.send("%")
    sent = process.read().decode()
    process.close()
    assert process.exitstatus == 1
    _, left, rest = sent.rpartition("\x1b[?1049l")
    assert left, "the other screen of the terminal was left"
    assert "Traceback" not in sent
    words = re.sub(r"\x1b[\[\]>=()][0-9;?<>u]*[a-zA-Z]?", "", rest).strip()
    assert words.startswith("Error: The app stopped because of a bug.")
    assert "a defect in the thread that reads" in Path(words.rpartition(" ")[2]).read_text("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_key_is_read_at_once_however_long_nobody_typed_and_the_program_ends_at_once(tmp_path: Path) -> None:
    folders = {name: str(tmp_path / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    environment = {**os.environ, **folders, "TERM": "xterm-256color", "VUEMANTICS_LIBRARY": str(tmp_path / "library")}
    waiting = "import vuemantics_tui.ui.driver as driver; driver.LIVELY_SECONDS, driver.SLEEP_SECONDS = 0.0, 1000.0"
    code = f"{waiting}\nimport vuemantics_tui.cli\nvuemantics_tui.cli.main()"
    process = pexpect.spawn(sys.executable, ["-c", code], env=environment, timeout=60, dimensions=(24, 200))
    process.expect("This library is empty")
    process.send("?")
    process.expect("The list of uploads")
    process.send("\x1b[27u")
    process.send("q")
    process.send("\x11")
    process.expect(pexpect.EOF)
    process.close()
    assert process.exitstatus == 0
