"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import IO


class WholeFile:
    """A text file in UTF-8 that takes its name only when it is finished. Raises OSError."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._part = target.with_name(f".{secrets.token_hex(8)}.part")
        self._file: IO[bytes] = self._part.open("xb")

    def write(self, text: str) -> None:
        """Add some text; half of a surrogate pair becomes a question mark."""
        self._file.write(text.encode("utf-8", "replace"))

    def finish(self) -> None:
        """Flush to the disk and put it in the place of what was there."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._target)

    def abandon(self) -> None:
        """Leave nothing behind."""
        try:
            self._file.close()
        finally:
            self._part.unlink(missing_ok=True)


def write_whole(target: Path, text: str) -> None:
    """Write a whole file, or leave what was there. Raises OSError."""
    file = WholeFile(target)
    try:
        file.write(text)
        file.finish()
    except BaseException:
        file.abandon()
        raise
