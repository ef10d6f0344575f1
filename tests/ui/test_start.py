"""The start: until the first paint, nothing is imported that it does not need."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pexpect
import pytest

from tests.ui.conftest import Made, make_library, open_library_at

# Written when the first bytes that show an upload leave for the terminal.
WATCHED = """
import sys
from pathlib import Path
import vuemantics_tui.cli
from textual.drivers._writer_thread import WriterThread
write, found = WriterThread.write, Path(sys.argv.pop())
def first(writer, text):
    if "beach.jpg" in text and not found.exists():
        found.write_text("\\n".join(sys.modules), "utf-8")
    return write(writer, text)
WriterThread.write = first
vuemantics_tui.cli.main()
"""
HEAVY = ["numpy", "psutil", "plotext", "PIL", "av", "onnxruntime", "httpx", "pebble"]
NOT_YET = ["vuemantics_tui.doctor", "vuemantics_tui.domain.query", "vuemantics_tui.processing.pipeline"]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_before_the_first_paint_nothing_heavy_and_no_screen_that_is_not_open_is_imported(tmp_path: Path) -> None:
    asyncio.run(make_library(tmp_path / "library", [Made("beach.jpg")]))
    folders = {name: str(tmp_path / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    environment = {**os.environ, **folders, "TERM": "xterm-256color", "VUEMANTICS_LIBRARY": str(tmp_path / "library")}
    found = tmp_path / "modules"
    process = pexpect.spawn(sys.executable, ["-c", WATCHED, str(found)], env=environment, timeout=60)
    process.expect("beach.jpg")
    process.send("\x11")
    process.expect(pexpect.EOF)
    process.close()
    imported = found.read_text("utf-8").splitlines()
    assert "vuemantics_tui.ui.uploads.screen" in imported
    assert [name for name in (*HEAVY, *NOT_YET) if name in imported] == []
    later = ("vuemantics_tui.ui.screens.", "vuemantics_tui.ui.picker.")
    assert [name for name in imported if name.startswith(later)] == []
    assert "vuemantics_tui.ui.keymap" not in imported, "it imports every screen"


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_at_the_end_it_says_how_to_process_what_is_left_of_this_library(tmp_path: Path) -> None:
    root = tmp_path / "my library"

    async def make() -> None:
        await make_library(root, [Made("beach.jpg", "pending", "queued")])
        library = await open_library_at(root)
        await library.queue.set_paused(True)
        await library.close()

    asyncio.run(make())
    folders = {name: str(tmp_path / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    environment = {**os.environ, **folders, "TERM": "xterm-256color", "VUEMANTICS_LIBRARY": str(root)}
    code = "import vuemantics_tui.cli; vuemantics_tui.cli.main()"
    process = pexpect.spawn(sys.executable, ["-c", code], env=environment, timeout=60, dimensions=(24, 200))
    process.expect("beach.jpg")
    process.send("\x11")
    process.expect("1 upload still in the queue. To resume, open the app or run: vuemantics-tui --library ([^\r]*)\r")
    assert isinstance(process.match, re.Match)
    assert process.match.group(1).decode() == f"'{root}' process"
    process.expect(pexpect.EOF)
    process.close()
