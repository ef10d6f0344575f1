"""The environment of every test, the same for everybody on every machine and in every terminal."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import time
from pathlib import Path

# What a test may inherit: where programs and temporary files are, and what pytest and its plugins tell their workers.
# Everything else of whoever runs the tests stays outside: terminal, colours, tmux, language, time zone, settings, keys.
_INHERITED = (
    "PATH", "PATHEXT", "SYSTEMROOT", "COMSPEC", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "TEXTUAL_SNAPSHOT_TEMPDIR",
)  # fmt: skip
_INHERITED_PREFIXES = ("PYTEST_", "COV_", "COVERAGE_", "OPENBLAS_")

_FIXED = {
    "TERM": "xterm-256color",
    "COLORTERM": "truecolor",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    # No server of this machine is anybody's business here: nothing listens on the discard port.
    "OLLAMA_HOST": "127.0.0.1:9",
}
# In the program's order: where data, settings, state and cache are. The tests set the first three for each test.
FOLDERS = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
_UMASK = 0o022


def fix() -> None:
    """Replace this process's environment, and so that of every program that a test starts."""
    home = Path(tempfile.mkdtemp(prefix="vuemantics-tests-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    kept = {name: value for name, value in os.environ.items() if _is_inherited(name)}
    os.environ.clear()
    os.environ.update(kept | _FIXED | {"HOME": str(home)} | {name: str(home / name.lower()) for name in FOLDERS})
    os.umask(_UMASK)
    if hasattr(time, "tzset"):
        time.tzset()


def _is_inherited(name: str) -> bool:
    return name.upper() in _INHERITED or name.startswith(_INHERITED_PREFIXES)
