"""The system's viewer for pictures and videos."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from vuemantics_tui.domain.errors import VuemanticsError


def open_in_viewer(path: Path) -> None:
    """Hand a file to the system's viewer, without waiting for it. Raises VuemanticsError where there is none."""
    if not path.exists():
        raise VuemanticsError(f"The original is not where it should be: {path}", "Add the file again.")
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    program = shutil.which(opener)
    if program is None:
        raise VuemanticsError("This machine has no viewer to open it with", f"Install xdg-utils, or copy it: {path}")
    # In a session of its own, and silent: what a viewer prints would land in the middle of the screen.
    subprocess.Popen(
        [program, str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
