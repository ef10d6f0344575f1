"""TableHeading: the names of the columns, above the table."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from vuemantics_tui.ui.uploads.columns import GAP, LEAD, Columns


class TableHeading(Widget):
    """One line over the table, in the same columns."""

    scores: reactive[bool] = reactive(False)

    # The table keeps this many cells for its scrollbar.
    SCROLLBAR = 1

    def render(self) -> Content:
        """The names."""
        columns = Columns.of(self.size.width - self.SCROLLBAR, window=self.app.size.width, scores=self.scores)
        line = " " * LEAD + "Name".ljust(columns.name)
        line += GAP + "Size".rjust(columns.size) if columns.size else ""
        line += GAP + "Status".ljust(columns.status)
        line += GAP + ("Score" if self.scores else "Added").rjust(columns.age) if columns.age else ""
        return Content(line)
