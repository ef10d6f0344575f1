"""What someone typed, pasted or dropped, read as paths."""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import unquote, urlsplit


def typed_paths(text: str) -> list[Path]:
    """The paths that a line stands for: the whole line if that exists, else its words as a shell would take them.

    `~` is the home folder and `file://` an address of a file. Nothing is checked but for the whole line.
    """
    text = text.strip()
    if not text:
        return []
    whole = _path(text)
    if _exists(whole):
        return [whole]
    try:
        words = shlex.split(text)
    except ValueError:
        # A quote without its partner is part of a name: Anna's photos.
        return [whole]
    return [_path(word) for word in words] or [whole]


def _path(word: str) -> Path:
    if word.startswith("file://"):
        word = unquote(urlsplit(word).path)
    try:
        return Path(word).expanduser()
    except RuntimeError:
        return Path(word)  # ~somebody whom this machine does not know


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False  # too long to be a name, or with a NUL in it
