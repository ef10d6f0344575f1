"""ColumnsScreen: which columns the table shows, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from vuemantics_tui.domain.fields import COLUMNS, USUAL_COLUMNS
from vuemantics_tui.ui.actions import MOVE, QUIET_HELP, VIEW, action
from vuemantics_tui.ui.choices import SettingChosen
from vuemantics_tui.ui.uploads.columns import BY_LABEL, NAME, Layout, TableColumns
from vuemantics_tui.ui.widgets.cursor_list import ChoiceList
from vuemantics_tui.ui.widgets.keys_line import KeysLine


class ColumnList(ChoiceList):
    """The columns, those shown with a tick."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action("tick-column", "space,enter", "select", "tick", "Show the column, or hide it", VIEW),
    ]


class ColumnsScreen(ModalScreen[None]):
    """A small panel over the table, which changes at once; the settings remember the choice."""

    HELP_TITLE = "The columns of the table"
    PARTS = (ColumnList,)
    BINDINGS: ClassVar[list[BindingType]] = [
        action("column-down", "J,shift+down", "move_column(1)", "right", "Move the column to the right", VIEW),
        action("column-up", "K,shift+up", "move_column(-1)", "left", "Move the column to the left", VIEW),
        action("reset-columns", "r", "reset_columns", "reset", "Show the usual columns", VIEW),
        action("leave-columns", "escape,q,|", "leave_columns", "back", "Back to the list", MOVE),
        QUIET_HELP,
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = "ColumnList"

    def __init__(self, columns: TableColumns, layout: Callable[[], Layout]) -> None:
        """Take what returns the layout of the lines: a column that was chosen may have no room on them."""
        super().__init__()
        self._columns = columns
        self._layout_of_lines = layout
        shown = [column.label for column in columns.chosen]
        self._order = _with_the_rest(shown)
        self._shown = set(shown)

    def compose(self) -> ComposeResult:
        """Yield a title, the list and the keys."""
        with Vertical(id="columns"):
            yield Static("Columns, from left to right", id="columns-title", markup=False)
            yield ColumnList(id="columns-list")
            yield KeysLine(id="columns-keys")

    def on_mount(self) -> None:
        """Show the columns."""
        self._show()

    def _show(self) -> None:
        self.query_one(ColumnList).show({label: self._words(label) for label in self._order})

    def _words(self, label: str) -> Content:
        tick = "✓" if label in self._shown else " "
        note = "  always shown" if label == NAME else ""
        if label in self._shown and not self._layout_of_lines().shows(label):
            note = "  no room in this window"
        return Content.assemble((f"{tick} ", "$success"), BY_LABEL[label].heading, (note, "$dim"))

    def _choose(self) -> None:
        labels = [label for label in self._order if label in self._shown]
        self._columns.choose(labels)
        self.post_message(SettingChosen("columns", ",".join(labels)))
        self._show()

    @on(OptionList.OptionSelected)
    def _tick(self) -> None:
        place = self.query_one(ColumnList).place
        if place is not None and self._order[place] != NAME:
            self._shown ^= {self._order[place]}
            self._choose()

    def action_move_column(self, step: int) -> None:
        """Move the column under the cursor by one place; the cursor goes with it."""
        place = self.query_one(ColumnList).place
        if place is not None and 0 <= place + step < len(self._order):
            label = self._order.pop(place)
            self._order.insert(place + step, label)
            self._choose()

    def action_reset_columns(self) -> None:
        """Show the usual columns, in their usual order."""
        self._order = _with_the_rest(USUAL_COLUMNS)
        self._shown = set(USUAL_COLUMNS)
        self._choose()

    def action_leave_columns(self) -> None:
        """Go back."""
        self.dismiss(None)


def _with_the_rest(labels: Sequence[str]) -> list[str]:
    """Return these columns, and behind them all others."""
    return [*labels, *(label for label in COLUMNS if label not in labels)]
