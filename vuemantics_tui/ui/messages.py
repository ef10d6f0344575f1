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


@dataclass
class ReopenWanted(Message):
    """The app should end, and be opened again with what was changed."""


@dataclass
class TileOpened(Message):
    """Someone wants to see the upload under the cursor whole."""


@dataclass
class SearchEntered(Message):
    """Someone typed a search line; `final` when they pressed Enter, else after a pause in typing."""

    text: str
    final: bool


@dataclass
class SearchTyped(Message):
    """The search line has another text, with the cursor at this index of it."""

    text: str
    cursor: int


@dataclass
class SearchLeft(Message):
    """Someone left the search line without a search."""
