"""What the tests of the commands share: the program on a library of its own, and no server but their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# Nothing listens there: port 9 is that of the discard service, which nobody runs.
NOBODY = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """An Ollama on this machine, or a key in its environment, is none of a test's business."""
    monkeypatch.setenv("OLLAMA_HOST", NOBODY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the program on a library of its own."""

    def run_program(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "vuemantics_tui", *map(str, words)],
            env={**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / "library"), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run_program
