"""What widgets tell the screen that they are on."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass
class PathsEntered(Message):
    """Someone typed or pasted paths and pressed Enter."""

    text: str


@dataclass
class PathFieldClosed(Message):
    """Someone left the path field."""


@dataclass
class LoadFailed(Message):
    """Rows could not be loaded."""

    error: Exception
