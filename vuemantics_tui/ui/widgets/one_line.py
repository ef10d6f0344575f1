"""What takes one line: text in exactly so many cells, a line that is told again, one with two sides, a field."""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Input, Static

from vuemantics_tui.domain.text import visible

# A file's ending is what tells it from its neighbours, so it outlives the middle of a long name.
LONGEST_ENDING = 6


def fit(text: str, width: int) -> str:
    """Return text (already visible) in exactly `width` cells: with blanks, or cut short with an ellipsis."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…"


def fit_name(name: str, width: int) -> str:
    """Fit the name of a file: what is cut from a long one is its middle, not its ending."""
    dot = name.rfind(".")
    ending = name[dot:] if dot > 0 else ""
    ending_width = cell_len(ending)
    if cell_len(name) <= width or not ending or ending_width > LONGEST_ENDING or ending_width * 2 > width:
        return fit(name, width)
    return set_cell_size(name[:dot], width - ending_width - 1) + "…" + ending


def fit_path(path: Path, width: int) -> str:
    """Return a path in at most so many cells: the home folder as ~, and of a long one its end."""
    try:
        shown = "~/" + path.relative_to(Path.home()).as_posix() if path != Path.home() else "~"
    except (ValueError, RuntimeError):
        shown = str(path)
    shown = visible(shown)
    if cell_len(shown) <= width:
        return shown
    parts = shown.split("/")
    while len(parts) > 1 and cell_len("…/" + "/".join(parts)) > width:
        del parts[0]
    return fit("…/" + "/".join(parts), width).rstrip()


class Words(Static):
    """Plain text. `Static.update` lays out the whole screen again, whatever it is given."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._said = ""

    def say(self, text: str) -> None:
        """Show this text."""
        if text != self._said:
            self._said = text
            self.update(text)


Part = tuple[str, str]
"""Text and its style, in the theme's variables: `("3 running", "$running")`."""


class TwoSidedLine(Widget):
    """One line. What stands left goes first; of the right, the first of `right_parts` that fits is shown."""

    def left_part(self) -> list[Part]:
        """Return what stands on the left."""
        return []

    def right_parts(self) -> list[list[Part]]:
        """Return what may stand on the right, the longest first."""
        return []

    def render(self) -> Content:
        """Return the line."""
        left = Content.assemble(*self.left_part())
        width = self.content_size.width
        for part in self.right_parts():
            right = Content.assemble(*part)
            room = width - left.cell_length - right.cell_length
            if room >= 2 or (room >= 0 and not left):
                return Content.assemble(left, " " * room, right)
        return left.truncate(width, ellipsis=True) if left.cell_length > width else left


class LineInput(Input):
    """An Input of one line whose cursor is in view also after what was typed before it had a size."""

    def on_mount(self) -> None:
        """Keep the cursor still: one that blinks is bytes over SSH, all the time."""
        self.cursor_blink = False

    def on_resize(self) -> None:
        """Scroll to the cursor: Textual does so when it moves, which may be before there is anything to scroll."""
        before = cell_len(self.value[: self.cursor_position])
        self.scroll_to_region(Region(before, 0, 1, 1), force=True, animate=False)
