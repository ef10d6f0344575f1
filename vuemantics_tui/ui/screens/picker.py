"""PickerScreen: choose files and folders to add."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.binding import BindingType

from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.actions import ANSWER, FOLDERS, MARK, VIEW, Action, action, hidden
from vuemantics_tui.ui.picker import messages
from vuemantics_tui.ui.picker.browsing import BrowsingScreen
from vuemantics_tui.ui.picker.fields import FilterInput, FilterLine, GoField, GoInput
from vuemantics_tui.ui.picker.file_list import FileList
from vuemantics_tui.ui.picker.lines import PickerHeader, TotalsLine
from vuemantics_tui.ui.picker.listing import Entry, Kind, entry_at
from vuemantics_tui.ui.picker.place_list import PlaceList
from vuemantics_tui.ui.picker.places import Place, find_places
from vuemantics_tui.ui.picker.preview_pane import PreviewOf
from vuemantics_tui.ui.typed_paths import explain_missing, typed_paths
from vuemantics_tui.ui.widgets.keys_line import KeysLine

COUNTS_SECONDS = 0.2


class PickerScreen(BrowsingScreen):
    """Shows folders and what is in them; ends with the chosen files and folders, or with None.

    It begins at `start`, a folder or a file in one. `last`, the folder used last, is among the places, which are found
    by itself if none are given. `preview` makes a picture of a file for a given size in cells; without it, files are
    shown in words.
    """

    HELP_TITLE = "The picker"
    PARTS = (FileList, FilterInput, GoInput, PlaceList)
    BINDINGS: ClassVar[list[BindingType]] = [
        # In this order they stand in the line of keys, and the end of it goes first where that is short.
        action("picker-open", "enter", "open_entry", "open", "Open the folder, or add the file", FOLDERS),
        action("picker-mark", "space", "toggle_mark", "mark", "Mark, and go to the next", MARK),
        action("picker-add", "A", "add_marked", "add", "Add what is marked, or what is under the cursor", MARK),
        action("picker-leave", "escape,q", "leave", "leave", "Leave without adding", ANSWER),
        # What is typed at once after these must find the field and never the hot keys, as with add-paths.
        action("picker-filter", "/", "open_filter", "filter", "Filter by name", VIEW, priority=True),
        action("picker-path", "g", "type_path", "path", "Go to a path, with completion", FOLDERS, priority=True),
        hidden(
            "picker-home", "~", "type_path('~/')", "home", "Go to a path in your home folder", FOLDERS, priority=True
        ),
        action("picker-places", "p", "show_places", "places", "Home, Pictures, last used, mounted drives", FOLDERS),
        action("picker-sort", "o", "next_order", "sort", "Next sort order: name, date, size, type", VIEW),
        action("picker-everything", "m", "toggle_everything", "all files", "Show all files, or media only", VIEW),
        action("picker-hidden", ".", "toggle_hidden", "hidden", "Include hidden files and folders", VIEW),
        action("picker-count", "c", "count_folder", "count", "Count the files in the folder", FOLDERS),
        hidden("picker-range", "V", "mark_range", "range", "Start or end a range of marks", MARK),
        hidden("picker-mark-all", "*", "mark_all", "mark all", "Mark everything in the list, or nothing", MARK),
        hidden("picker-enter", "right,l", "enter_folder", "enter", "Open the folder", FOLDERS),
        hidden("picker-up", "left,h,backspace", "leave_folder", "up", "Go to the parent folder", FOLDERS),
        hidden("picker-read-again", "r,f5", "read_again", "refresh", "Read the folder again", FOLDERS),
    ]
    LIST_ACTIONS = frozenset(each.action.partition("(")[0] for each in BINDINGS if isinstance(each, Action))
    CSS_PATH = Path(__file__).with_suffix(".tcss")

    def __init__(
        self,
        *,
        start: Path | None = None,
        last: Path | None = None,
        places: Sequence[Place] | None = None,
        preview: PreviewOf | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(start=start, preview=preview, clock=clock)
        self._last = last
        self._places = places
        self._counting = self._warned = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What the keys of the list do waits while one types or looks through the places."""
        return action not in self.LIST_ACTIONS or self.focused is None or isinstance(self.focused, FileList)

    def on_mount(self) -> None:
        """Find the places."""
        self._find_places()

    @work(group="places", exit_on_error=False)
    async def _find_places(self) -> None:
        places = self._places
        if places is None:
            places = await asyncio.to_thread(find_places, self._last)
        self.query_one(PlaceList).show(places)

    def on_unmount(self) -> None:
        """Count no more."""
        self._tallies.stop()

    # Marks

    def action_toggle_mark(self) -> None:
        """Mark the entry under the cursor or take its mark away, and go on to the next."""
        entry = self._files.cursor_entry
        if entry is not None:
            self._toggle(entry)
            self._files.move_by(1)

    @on(messages.MarkClicked)
    def _mark_clicked(self) -> None:
        entry = self._files.cursor_entry
        if entry is not None:
            self._toggle(entry)

    def _toggle(self, entry: Entry) -> None:
        in_range = self._marks.anchor is not None
        self._marks.end_range()
        if not in_range:
            self._marks.toggle(entry)
        self._marks_changed()

    def action_mark_range(self) -> None:
        """Mark from here to wherever the cursor goes, until pressed again."""
        entry = self._files.cursor_entry
        if self._marks.anchor is not None:
            self._marks.end_range()
        elif entry is not None:
            self._marks.begin_range(entry)
        self._marks_changed()

    def action_mark_all(self) -> None:
        """Mark all that is shown; if it is marked already, take the marks away."""
        self._marks.toggle_all(self._files.entries)
        self._marks_changed()

    @on(messages.EntryHighlighted)
    def _range_changed(self) -> None:
        if self._marks.anchor is not None:
            self._marks_changed()

    def _marks_changed(self) -> None:
        self._warned = False
        self._say("")
        self.query_one(KeysLine).rename("picker-add", "add marked" if self._marks else "add")
        self.query_one(KeysLine).rename("picker-range", "end of range" if self._marks.anchor else "range")
        self.query_one(PickerHeader).refresh()
        self._files.refresh()
        self._tallies.keep(self._marks.folders)
        self._count()

    # Counting

    def action_count_folder(self) -> None:
        """Count what is in the folder under the cursor."""
        entry = self._files.cursor_entry
        if entry is not None and entry.is_folder:
            self._tallies.want([entry.path])
            self._count()

    def _count(self) -> None:
        self._show_counts()
        if self._tallies.busy and not self._counting:
            self._counting = True
            self._count_all()

    @work(group="counting", exit_on_error=False)
    async def _count_all(self) -> None:
        ticker = self.set_interval(COUNTS_SECONDS, self._show_counts)
        try:
            await self._tallies.count()
        finally:
            ticker.stop()
            self._counting = False
        self._files.refresh()
        self._show_counts()

    def _show_counts(self) -> None:
        self.query_one(TotalsLine).refresh()
        self._show_entry()

    # The end

    def action_open_entry(self) -> None:
        """Enter the folder under the cursor; at a file, end with what is marked, or else with it."""
        entry = self._files.cursor_entry
        if entry is not None and entry.is_folder:
            self._go(entry.path)
        elif entry is not None:
            self._finish(entry)

    @on(messages.EntryOpened)
    def _entry_opened(self) -> None:
        self.action_open_entry()

    def action_add_marked(self) -> None:
        """End with what is marked, or else with what is under the cursor; of a folder, first say what it holds."""
        entry = self._files.cursor_entry
        if not self._marks and entry is not None and entry.is_folder:
            self._toggle(entry)
        elif entry is not None or self._marks:
            self._finish(entry)

    def _finish(self, entry: Entry | None) -> None:
        if not self._marks:
            if entry is not None and entry.kind is Kind.BROKEN:
                self._say("This link leads nowhere.")
            elif entry is not None:
                self.dismiss([entry.path])
        elif not self._marks.total(self._tallies)[2] and not self._warned:
            self._warned = True
            self._say("Still counting what that is. The same key once more adds it without waiting.")
        else:
            self.dismiss([each.path for each in self._marks.entries])

    def action_leave(self) -> None:
        """End with nothing."""
        self.dismiss(None)

    # Places and paths

    def action_show_places(self) -> None:
        """To the places; in a narrow window they stand where the list is."""
        self.add_class("-places")
        self.set_focus(self.query_one(PlaceList))

    def action_type_path(self, text: str = "") -> None:
        """Type a path to go to."""
        folder = str(self.folder)
        self.query_one(GoField).open(text or (folder if folder.endswith(os.sep) else folder + os.sep), self.folder)

    @on(messages.FieldClosed)
    def _back_to_list(self) -> None:
        self.query_one(GoField).close()
        self.remove_class("-places")
        self.set_focus(self._files)

    @on(messages.PlaceChosen)
    def _place_chosen(self, message: messages.PlaceChosen) -> None:
        self._back_to_list()
        self._go(message.path)

    @on(messages.PathTyped)
    def _path_typed(self, message: messages.PathTyped) -> None:
        self._take(message.text, enter=True)

    def on_paste(self, event: events.Paste) -> None:
        """What is dropped on the terminal arrives as a pasted path: it is marked."""
        self._take(event.text, enter=False)

    @work(group="taking", exclusive=True, exit_on_error=False)
    async def _take(self, text: str, *, enter: bool) -> None:
        found, missing = await asyncio.to_thread(_look_up, text, self.folder)
        if missing:
            typed = visible(" ".join(text.split("\n")).strip())
            self.query_one(GoField).open(typed, self.folder, wrong=explain_missing(missing[0], os.environ))
            return
        self._back_to_list()
        if enter and len(found) == 1 and found[0].is_folder:
            self._go(found[0].path)
        elif found:
            self._marks.add(found)
            self._marks_changed()
            self.query_one(FilterLine).reset()
            self._go(found[0].path.parent, found[0].path)


def _look_up(text: str, base: Path) -> tuple[list[Entry], list[Path]]:
    """The entries of typed paths, and the paths that do not exist. Looks at the disk."""
    paths = [Path(os.path.normpath(base / path)) for path in typed_paths(text)]
    found = {path: entry_at(path) for path in paths}
    return [entry for entry in found.values() if entry], [path for path, entry in found.items() if entry is None]
