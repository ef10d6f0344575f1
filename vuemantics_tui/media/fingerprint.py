"""SHA-256 of files, alone or while they are copied."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

_BLOCK_BYTES = 1024 * 1024


def copy_and_hash(source: Path, target: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """Copy a file and return the SHA-256 of what was copied, in hexadecimal.

    Reads and writes blocks of 1 MiB; `on_bytes` is called after each with its size in bytes, so that one
    callback can add up many files. The copy is flushed to the disk before the return. Raises OSError, among
    it FileExistsError if `target` is there already, which is then left alone; after any other error or
    interruption no target remains.
    """
    with source.open("rb") as reading, target.open("xb") as writing:
        try:
            digest = hashlib.sha256()
            while block := reading.read(_BLOCK_BYTES):
                digest.update(block)
                writing.write(block)
                if on_bytes is not None:
                    on_bytes(len(block))
            writing.flush()
            os.fsync(writing.fileno())
        except BaseException:
            # Closed first: Windows removes no open file, and unwritten bytes on a full disk fail again here.
            try:
                writing.close()
            finally:
                target.unlink(missing_ok=True)
            raise
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal, read in blocks. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
