"""LineInput: the field that all lines to type in are made of."""

from __future__ import annotations

from rich.cells import cell_len
from textual.geometry import Region
from textual.widgets import Input


class LineInput(Input):
    """An Input of one line whose cursor is in view also after what was typed before it had a size."""

    def on_resize(self) -> None:
        """Scroll to the cursor: Textual does so when it moves, which may be before there is anything to scroll."""
        before = cell_len(self.value[: self.cursor_position])
        self.scroll_to_region(Region(before, 0, 1, 1), force=True, animate=False)
