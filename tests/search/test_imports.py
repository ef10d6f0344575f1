"""What a process that searches nothing yet must not wait for."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "PIL", "onnxruntime", "httpx", "av", "filelock")


@pytest.mark.parametrize(
    "module",
    [
        "vuemantics_tui.analyzers.base",
        "vuemantics_tui.analyzers.registry",
        "vuemantics_tui.config",
        "vuemantics_tui.domain.fields",
        "vuemantics_tui.domain.query",
        "vuemantics_tui.library.search",
        "vuemantics_tui.search.duplicates",
    ],
)
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "[]\n"
