"""Files that can be made again: sealed with their own hash, so that a torn one is seen and not used."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import suppress
from pathlib import Path

_SEAL_LENGTH = hashlib.sha256().digest_size


def read_sealed(path: Path) -> bytes | None:
    """The payload of a sealed file, or None where it is missing, unreadable, torn or altered."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    seal, payload = content[:_SEAL_LENGTH], content[_SEAL_LENGTH:]
    return payload if hashlib.sha256(payload).digest() == seal else None


def write_sealed(path: Path, payload: bytes) -> bool:
    """Write SHA-256 (32 bytes) and payload in one step; False, and nothing left behind, where that cannot be.

    Each writer has its own temporary file, so two processes may write the same path: the last one stays.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(hashlib.sha256(payload).digest())
            file.write(payload)
        temporary.replace(path)
    except OSError:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        return False
    return True
