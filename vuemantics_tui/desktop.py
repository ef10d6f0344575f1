"""The desktop around the terminal: the system's viewer for pictures and videos."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from vuemantics_tui.domain.errors import VuemanticsError


def open_in_viewer(path: Path) -> None:
    """Hand a file to the system's viewer, without waiting for it. Raises VuemanticsError if there is none."""
    if not path.exists():
        raise VuemanticsError(f"The original is missing: {path}", "Add the file again.")
    if sys.platform == "win32":
        import os

        os.startfile(path)
        return
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    program = shutil.which(opener)
    if program is None:
        raise VuemanticsError(f"There is no viewer for {path}", f"Install xdg-utils, which has {opener}.")
    _run_silently(program, path)


def _run_silently(program: str, path: Path) -> None:
    """Start a program in a session of its own: what it prints would land in the middle of the screen."""
    try:
        subprocess.Popen(
            [program, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise VuemanticsError(
            f"{program} cannot be started: {error.strerror}", f"Open the file yourself: {path}"
        ) from error
