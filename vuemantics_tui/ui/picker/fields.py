"""The lines around the picker's list: where you are, the totals, and the fields for a filter and a path."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static

from vuemantics_tui.domain.text import counted, size_words, visible
from vuemantics_tui.ui.actions import ANSWER, MOVE, action, hidden, key_of
from vuemantics_tui.ui.picker.folder import Completion, complete
from vuemantics_tui.ui.picker.marks import Marks, Tallies
from vuemantics_tui.ui.widgets.one_line import LineInput, Part, TwoSidedLine, fit_path


@dataclass
class FilterChanged(Message):
    """Only names with this in them are wanted; `closed` when the line was left."""

    text: str
    closed: bool = False


@dataclass
class CursorWanted(Message):
    """The list's cursor moves by this many lines while you type in another field."""

    by: int


@dataclass
class PathTyped(Message):
    """Someone typed a path and pressed Enter."""

    text: str


@dataclass
class FieldClosed(Message):
    """Someone left the field for a path, or the list of places."""


MOST_NAMES = 40


class FilterInput(LineInput):
    """The field for what names must have in them."""

    HELP_TITLE = "The picker's filter"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("picker-filter-done", "enter", "submit", "to the list", "Go to the list", ANSWER),
        hidden("picker-filter-up", "up", "move(-1)", "up", "Up in the list", MOVE),
        hidden("picker-filter-down", "down", "move(1)", "down", "Down in the list", MOVE),
        action("picker-filter-clear", "escape", "close_field", "show all", "Show all files again", ANSWER),
    ]

    def action_move(self, lines: int) -> None:
        """Move the list's cursor without leaving the field."""
        self.post_message(CursorWanted(lines))

    def action_close_field(self) -> None:
        """Show all again."""
        self.clear()
        self.post_message(FilterChanged("", closed=True))


class FilterLine(Horizontal):
    """One line: what the list is narrowed by, and beside it how it is shown. Posts FilterChanged and PathTyped."""

    def compose(self) -> ComposeResult:
        """Yield the field and the words for the view."""
        yield Label("/", id="filter-slash")
        yield FilterInput(id="filter-input", compact=True, placeholder="filter by name", select_on_focus=False)
        yield Static(id="view-words", markup=False)

    def begin(self) -> None:
        """Focus the field at once: `focus()` takes effect later, and keys pressed until then would go to the list."""
        self.screen.set_focus(self.query_one(FilterInput))

    def reset(self) -> None:
        """Clear the filter without posting a message."""
        field = self.query_one(FilterInput)
        with field.prevent(Input.Changed):
            field.clear()

    def say_view(self, words: str) -> None:
        """Say how the list is shown."""
        self.query_one("#view-words", Static).update(words)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        # No name has a slash in it: where dropping a file types its path, the first one opened this field.
        self.post_message(FilterChanged("" if "/" in event.value else event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if "/" in event.value:
            self.query_one(FilterInput).action_close_field()
            self.post_message(PathTyped("/" + event.value))
        else:
            self.post_message(FilterChanged(event.value, closed=True))


class GoInput(LineInput):
    """The field for a path."""

    HELP_TITLE = "The picker's path"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("picker-path-go", "enter", "submit", "go", "Go to this path", ANSWER),
        action("picker-path-complete", "tab", "complete", "complete", "Complete the path", ANSWER),
        action("picker-path-close", "escape", "close_field", "close", "Back to the list", ANSWER),
    ]

    def action_close_field(self) -> None:
        """Leave without going anywhere."""
        self.post_message(FieldClosed())

    def action_complete(self) -> None:
        """Complete the path."""
        parent = self.query_ancestor(GoField)
        parent.complete_typed()


class GoField(Vertical):
    """A field for a path, with completions below it. Posts PathTyped and FieldClosed."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._base = Path()

    def compose(self) -> ComposeResult:
        """Yield the field and the line below it."""
        with Horizontal():
            yield Label("go to", id="go-label")
            yield GoInput(id="go-input", compact=True, select_on_focus=False)
        yield Static(id="go-names", markup=False)

    def open(self, text: str, base: Path, *, wrong: str = "", replace: bool = False) -> None:
        """Show the field with this text in it and what is wrong with it; paths begin at `base`.

        With `replace` the text is selected, so that typing replaces it.
        """
        self._base = base
        field = self.query_one(GoInput)
        with field.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        if replace:
            field.action_select_all()
        if wrong:
            self.complain(wrong)
        else:
            self._look(take=False)
        self.display = True
        self.screen.set_focus(field)

    def close(self) -> None:
        """Hide the field."""
        self.display = False

    def complain(self, words: str) -> None:
        """Show what is wrong with the typed text, which stays."""
        names = self.query_one("#go-names", Static)
        names.add_class("error")
        names.update(f"✗ {words}")

    def complete_typed(self) -> None:
        """Complete the typed path as far as it is unambiguous."""
        self._look(take=True)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._look(take=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(PathTyped(event.value) if event.value.strip() else FieldClosed())

    @work(group="completing", exclusive=True, exit_on_error=False)
    async def _look(self, *, take: bool) -> None:
        field = self.query_one(GoInput)
        typed = field.value
        found = await asyncio.to_thread(complete, typed, self._base)
        if field.value != typed:
            return  # newer input has its own lookup
        if take and found.text != typed:
            field.value = found.text
            field.cursor_position = len(found.text)
        else:
            self._show(found)

    def _show(self, found: Completion) -> None:
        names = self.query_one("#go-names", Static)
        names.remove_class("error")
        shown = "  ".join(visible(name) for name in found.names[:MOST_NAMES])
        names.update(shown or "No match.")


class PickerHeader(TwoSidedLine):
    """The first line: the current folder, and how much is marked."""

    TITLE = "add files"

    def __init__(self, marks: Marks, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marks = marks
        self.folder = Path()

    def left_part(self) -> list[Part]:
        """Return the folder; of a long one, its end."""
        room = self.content_size.width - len(self.TITLE) - 2
        if self._marks:
            room -= len(self._marks.words()) + 2
        return [(self.TITLE, "bold $accent"), ("  " + fit_path(self.folder, room), "$foreground")]

    def right_parts(self) -> list[list[Part]]:
        """Return what is marked."""
        return [[(self._marks.words(), "bold $accent" if self._marks else "$dim")]]


class TotalsLine(TwoSidedLine):
    """The line above the keys: what would be added, or a note."""

    def __init__(self, marks: Marks, tallies: Tallies, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marks = marks
        self._tallies = tallies
        self.note = ""
        self.shown = self.left_out = 0

    def left_part(self) -> list[Part]:
        """Return a note, if there is one; else the total of the marks."""
        if self.note:
            return [(self.note, "$warning")]
        if not self._marks:
            add, mark = key_of(self, "picker-open"), key_of(self, "picker-mark")
            return [(f"{add} adds the file under the cursor, {mark} marks several.", "$dim")]
        files, size, done = self._marks.total(self._tallies)
        total = f"{counted(files, 'file')}, {size_words(size)}"
        if not done:
            return [("counting… ", "$running"), (f"{total} so far", "$foreground")]
        return [(total, "bold $success" if files else "bold $warning"), (" will be added", "$foreground")]

    def right_parts(self) -> list[list[Part]]:
        """Return how much of the folder is shown."""
        shown = f"{self.shown:,} entry" if self.shown == 1 else f"{self.shown:,} entries"
        if not self.left_out:
            return [[(shown, "$dim")], []]
        return [[(f"{shown}, {self.left_out:,} not shown", "$dim")], [(shown, "$dim")], []]

    def render(self) -> Content:
        """Return the line; a note that is too long is cut off."""
        content = super().render()
        return content.truncate(max(1, self.content_size.width), ellipsis=True)
