"""What a command loads before it prints: a list must not wait for packages that only searching and drawing need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("numpy", "PIL", "av", "psutil", "httpx", "onnxruntime", "tokenizers", "textual", "rich", "filelock")


def loaded_by(library: Path, words: list[str]) -> set[str]:
    """Return the heavy packages in memory when a command has printed."""
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr))\n"
        f"sys.argv[1:] = {words!r}\n"
        "from vuemantics_tui.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "VUEMANTICS_LIBRARY": str(library)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def test_one_command_imports_the_modules_of_no_other() -> None:
    code = "import sys; from vuemantics_tui.cli import cli; cli.commands['app']; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.rsplit(".", 1)[1] for name in done.stdout.split() if name.startswith("vuemantics_tui.cli.")}
    assert "app" in loaded
    assert not loaded & {"add", "search", "uploads", "tags", "trash", "export", "queue", "doctor"}


@pytest.mark.parametrize(
    "words", ["--help", "list", "list --json", "show ID --json", "tag --list", "trash", "failures"]
)
def test_what_only_reads_rows_loads_nothing_heavy(ids: dict[str, str], tmp_path: Path, words: str) -> None:
    loaded = loaded_by(tmp_path / "library", words.replace("ID", ids["chelsea.png"]).split())
    # rich measures how wide the cells of a table are.
    assert loaded <= {"rich"}
