"""Files that appear whole or not at all: written beside their name, flushed to the disk, then renamed."""

from __future__ import annotations

import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# Most file systems take names of 255 bytes, and the part's name needs room for its own end.
_MOST_BYTES = 200
PRIVATE = 0o600
"""The mode of a file that only its owner may read."""


class WholeFile:
    """A file that takes its name only when it is finished: until then whatever was there stays. Raises OSError.

    Either `finish` or `abandon` ends it. `mode` is narrowed by the umask, as always.
    """

    def __init__(self, target: Path, mode: int = 0o666) -> None:
        self._target = target
        self._part = target.with_name(f"{_prefix(target)}{secrets.token_hex(8)}.part")
        self.file: IO[bytes] = open(self._part, "xb", opener=lambda path, flags: os.open(path, flags, mode))  # noqa: SIM115

    def write(self, data: bytes | memoryview) -> None:
        """Add some bytes."""
        self.file.write(data)

    def finish(self) -> None:
        """Flush to the disk and replace what was there."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self._part.replace(self._target)

    def abandon(self) -> None:
        """Leave nothing behind."""
        # Closed first: Windows removes no open file, and unwritten bytes on a full disk fail again here.
        try:
            self.file.close()
        finally:
            self._part.unlink(missing_ok=True)


@contextmanager
def whole_file(target: Path, mode: int = 0o666) -> Iterator[WholeFile]:
    """Write a whole file, or leave what was there. Raises OSError."""
    file = WholeFile(target, mode)
    try:
        yield file
        file.finish()
    except BaseException:
        file.abandon()
        raise


def write_whole(target: Path, data: bytes | memoryview, mode: int = 0o666) -> None:
    """Write these bytes as a whole file, or leave what was there. Raises OSError."""
    with whole_file(target, mode) as file:
        file.write(data)


def sweep_parts(target: Path) -> None:
    """Remove what writers of a file that were killed left behind. Call it while nobody else writes that file."""
    for part in target.parent.glob(f"{glob.escape(_prefix(target))}*.part"):
        part.unlink(missing_ok=True)


def _prefix(target: Path) -> str:
    name = target.name if len(os.fsencode(target.name)) <= _MOST_BYTES else target.name[: _MOST_BYTES // 4]
    return f".{name}."
