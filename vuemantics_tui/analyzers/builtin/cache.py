"""Files that can be made again: sealed with their own hash, so that a torn one is seen and not used."""

from __future__ import annotations

import hashlib
from pathlib import Path

from vuemantics_tui.files import make_folder, write_whole

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
    """Write SHA-256 (32 bytes) and payload in one step; return False, leaving nothing behind, if that fails.

    Two processes may write the same path: the last one stays.
    """
    try:
        make_folder(path.parent)
        write_whole(path, hashlib.sha256(payload).digest() + payload)
    except OSError:
        return False
    return True
