"""Files that appear whole or not at all: written beside their name, flushed to the disk, then renamed."""

from __future__ import annotations

import glob
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

PRIVATE_FILE = 0o600
PART_SUFFIX = ".part"


class WholeFile:
    """Writes a file beside its target and renames it when it is finished. Raises OSError.

    `file` is open for writing until then. With `private` only its owner can read the file; without, the umask decides.
    As a context manager it is finished at the end, and after an error nothing of it remains.
    """

    def __init__(self, target: Path, *, private: bool = True) -> None:
        self._target = target
        self._part = target.with_name(f"{_part_prefix(target)}{secrets.token_hex(8)}{PART_SUFFIX}")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self.file: BinaryIO = os.fdopen(os.open(self._part, flags, PRIVATE_FILE if private else 0o666), "wb")

    def write(self, data: bytes | memoryview) -> None:
        """Add to the end."""
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.abandon()
            return
        try:
            self.finish()
        except BaseException:
            self.abandon()
            raise


def write_whole(target: Path, data: bytes | memoryview, *, private: bool = True) -> None:
    """Write a whole file, or leave what was there. Raises OSError."""
    with WholeFile(target, private=private) as whole:
        whole.write(data)


def sweep_parts(target: Path) -> None:
    """Remove what killed writers of this file left beside it. Make sure that none is writing."""
    for part in target.parent.glob(f"{glob.escape(_part_prefix(target))}*{PART_SUFFIX}"):
        part.unlink(missing_ok=True)


def _part_prefix(target: Path) -> str:
    # A name has room for 255 bytes, and a character takes up to four.
    return f".{os.fsdecode(os.fsencode(target.name)[:200])}."
