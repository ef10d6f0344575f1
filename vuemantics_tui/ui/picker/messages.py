"""What the parts of the picker tell its screen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from vuemantics_tui.ui.picker.listing import Entry


@dataclass
class EntryHighlighted(Message):
    """Another entry is under the cursor, or none; `moved` if the cursor came to it, not it to the cursor."""

    entry: Entry | None
    moved: bool


@dataclass
class EntryOpened(Message):
    """Someone clicked an entry twice."""


@dataclass
class MarkClicked(Message):
    """Someone clicked where the mark of the entry under the cursor stands."""


@dataclass
class FilterChanged(Message):
    """Only names with this in them are wanted; `closed` when the line was left."""

    text: str
    closed: bool = False


@dataclass
class CursorWanted(Message):
    """The cursor of the list shall move by so many lines, while one types elsewhere."""

    by: int


@dataclass
class PathTyped(Message):
    """Someone typed a path and pressed Enter."""

    text: str


@dataclass
class FieldClosed(Message):
    """Someone left the field for a path, or the list of places."""


@dataclass
class PlaceChosen(Message):
    """Someone wants to go to a place."""

    path: Path
