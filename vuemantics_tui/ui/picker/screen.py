"""PickerScreen: choose files and folders to add."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.files import is_missing
from vuemantics_tui.ui.actions import ANSWER, FOLDERS, MARK, VIEW, Action, action, hidden, key_of
from vuemantics_tui.ui.picker.fields import (
    CursorWanted,
    FieldClosed,
    FilterChanged,
    FilterInput,
    FilterLine,
    GoField,
    GoInput,
    PathTyped,
    PickerHeader,
    TotalsLine,
)
from vuemantics_tui.ui.picker.file_list import EntryHighlighted, EntryOpened, FileHeading, FileList, MarkClicked
from vuemantics_tui.ui.picker.folder import Entry, Kind, Listing, Order, View, arrange, entry_at, read_folder
from vuemantics_tui.ui.picker.marks import Marks, Tallies
from vuemantics_tui.ui.picker.places import Place, PlaceChosen, PlaceList, find_places
from vuemantics_tui.ui.picker.preview import PreviewOf, PreviewPane
from vuemantics_tui.ui.textual_private import SteadyScreen
from vuemantics_tui.ui.typed_paths import explain_missing, typed_paths
from vuemantics_tui.ui.widgets import too_small_words
from vuemantics_tui.ui.widgets.keys_line import FooterKey, KeysLine
from vuemantics_tui.ui.widgets.one_line import fit_path

# Below this many columns, the places and the preview give way to the list.
WIDE_ENOUGH = 100
# A message appears only if reading takes long, for example from a sleeping drive.
SLOW_SECONDS = 0.3
# In a sentence that must fit into the narrowest line.
LONGEST_PATH = 24
COUNTS_SECONDS = 0.2


class PickerScreen(SteadyScreen[list[Path] | None]):
    """Shows folders and what is in them; ends with the chosen files and folders, or with None.

    It begins at `start`, a folder or a file in one. `last`, the folder used last, is among the places, which are found
    by itself if none are given. `preview` makes a picture of a file for a given size in cells; without it, files are
    shown in words. `marks` are those of an earlier look.
    """

    HELP_TITLE = "The picker"
    PARTS = (FileList, FilterInput, GoInput, PlaceList)
    BINDINGS: ClassVar[list[BindingType]] = [
        # In this order they stand in the line of keys, and the end of it goes first where that is short.
        action("picker-open", "enter", "open_entry", "open", "Open the folder, or add the file", FOLDERS),
        action("picker-mark", "space", "toggle_mark", "mark", "Mark, and go to the next", MARK),
        action("picker-add", "A", "add_marked", "add", "Add the marked files, or the one under the cursor", MARK),
        action(
            "picker-leave", "escape,q", "leave", "leave", "Show all files again, then leave; the marks stay", ANSWER
        ),
        # Input right after these must reach the field, never the hot keys, as with add-paths.
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
    AUTO_FOCUS = "#files"

    def __init__(
        self,
        *,
        start: Path | None = None,
        last: Path | None = None,
        places: Sequence[Place] | None = None,
        preview: PreviewOf | None = None,
        marks: Marks | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._preview = preview
        self._clock = clock
        self._marks = Marks() if marks is None else marks
        self._tallies = Tallies()
        self._view = View()
        self._listing = Listing(start or Path.home())
        # Where the cursor was in each folder.
        self._cursors: dict[Path, Path] = {}
        self._last = last
        self._places = places
        self._counting = self._warned = False

    def compose(self) -> ComposeResult:
        """Yield the parts from top to bottom."""
        yield PickerHeader(self._marks, id="header")
        yield FilterLine(id="filter")
        yield GoField(id="go")
        with Horizontal(id="middle"):
            yield PlaceList(id="places")
            with Vertical(id="list"):
                yield FileHeading(id="heading")
                yield FileList(self._marks, self._tallies, self._clock, id="files")
                yield Static(id="nothing", markup=False)
            yield PreviewPane(self._preview, self._clock, id="preview")
        yield TotalsLine(self._marks, self._tallies, id="totals")
        yield KeysLine(id="keys")
        yield Static(id="too-small", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable the list's keys while you type or browse the places."""
        return action not in self.LIST_ACTIONS or self.focused is None or isinstance(self.focused, FileList)

    def on_mount(self) -> None:
        """Read the first folder, and find the places."""
        self._go(self._listing.folder)
        self._find_places()
        self._show_keys()
        if self._marks:
            self._marks_changed()

    @work(group="places", exit_on_error=False)
    async def _find_places(self) -> None:
        places = self._places
        if places is None:
            places = await asyncio.to_thread(find_places, self._last)
        self.query_one(PlaceList).show(places)

    def on_unmount(self) -> None:
        """Stop counting."""
        self._tallies.stop()

    @property
    def folder(self) -> Path:
        """The folder that is shown."""
        return self._listing.folder

    @property
    def _files(self) -> FileList:
        return self.query_one(FileList)

    def on_resize(self, event: events.Resize) -> None:
        """Show what there is room for, or say that the window is too small."""
        too_small = too_small_words(event.size)
        self.set_class(event.size.width < WIDE_ENOUGH, "-narrow")
        self.set_class(bool(too_small), "-too-small")
        self.query_one("#too-small", Static).update(too_small)
        # Only then is it known whether the preview is shown, and how large.
        self.call_after_refresh(self.query_one(PreviewPane).draw_again)

    def _say(self, words: str) -> None:
        """Say something in the line above the keys, until the next thing happens."""
        totals = self.query_one(TotalsLine)
        if totals.note != words:
            totals.note = visible(words)
            totals.refresh()

    # Going about

    @work(group="reading", exclusive=True, exit_on_error=False)
    async def _go(self, wanted: Path, cursor_on: Path | None = None) -> None:
        slow = self.set_timer(SLOW_SECONDS, lambda: self._say(f"Reading {fit_path(wanted, LONGEST_PATH)}…"))
        try:
            listing = await asyncio.to_thread(read_folder, wanted)
        finally:
            slow.stop()
        self._say("")
        self._marks.end_range()
        if listing.asked is not None:
            if listing.asked.parent == listing.folder and any(
                each.name == listing.asked.name for each in listing.entries
            ):
                cursor_on = listing.asked
            else:
                self._say(f"{fit_path(listing.asked, LONGEST_PATH)} is not there; this is the nearest folder.")
        self._listing = listing
        self._view = replace(self._view, text="")
        self.query_one(FilterLine).reset()
        self._arrange(cursor_on or self._cursors.get(listing.folder))

    @work(group="arranging", exclusive=True, exit_on_error=False)
    async def _arrange(self, cursor_on: Path | None) -> None:
        listing, view = self._listing, self._view
        entries = await asyncio.to_thread(arrange, listing.entries, view)
        header, totals = self.query_one(PickerHeader), self.query_one(TotalsLine)
        header.folder = listing.folder
        totals.shown, totals.left_out = len(entries), len(listing.entries) - len(entries)
        nothing = self.query_one("#nothing", Static)
        nothing.update(listing.problem or self._nothing_words(listing, view))
        nothing.set_class(bool(listing.problem), "error")
        self.set_class(not entries, "-nothing")
        self.query_one(FilterLine).say_view(view.words())
        self.query_one(KeysLine).rename("picker-everything", "media only" if view.everything else "all files")
        self._files.show(entries, cursor_on)
        header.refresh()
        totals.refresh()

    def _nothing_words(self, listing: Listing, view: View) -> str:
        """Say why a folder shows nothing, and what would change that."""
        if not listing.entries:
            return "This folder is empty."
        if view.text:
            return f"No name contains “{visible(view.text)}”.\n{key_of(self, 'picker-filter-clear')} shows all files."
        keys = [] if view.everything else [f"{key_of(self, 'picker-everything')} shows all files"]
        keys += [] if view.hidden else [f"{key_of(self, 'picker-hidden')} shows hidden files"]
        others = counted(len(listing.entries), "other file")
        return f"No pictures or videos here, {others}.\n{', '.join(keys)}"

    def action_enter_folder(self) -> None:
        """Enter the folder under the cursor."""
        entry = self._files.cursor_entry
        if entry is not None and entry.is_folder:
            self._go(entry.path)

    def action_leave_folder(self) -> None:
        """Go to the parent folder, with the cursor on this one."""
        if self.folder.parent != self.folder:
            self._go(self.folder.parent, self.folder)

    def action_read_again(self) -> None:
        """Read the folder again."""
        self._go(self.folder, self._cursors.get(self.folder))

    @on(EntryHighlighted)
    def _entry_highlighted(self, message: EntryHighlighted) -> None:
        entry = message.entry
        if entry is not None:
            self._cursors[self.folder] = entry.path
        self.query_one(KeysLine).rename("picker-open", "add" if entry and not entry.is_folder else "open")
        if message.moved:
            self._say("")
        self._show_entry()

    def _show_entry(self) -> None:
        entry = self._files.cursor_entry
        self.query_one(PreviewPane).show(entry, self._tallies[entry.path] if entry else None)

    # How it is shown

    def _change_view(self, view: View) -> None:
        self._view = view
        entry = self._files.cursor_entry
        self._arrange(entry.path if entry else self._cursors.get(self.folder))

    def action_next_order(self) -> None:
        """Use the next sort order."""
        orders = list(Order)
        following = orders[(orders.index(self._view.order) + 1) % len(orders)]
        self._change_view(replace(self._view, order=following))

    def action_toggle_everything(self) -> None:
        """Show all files, or only pictures and videos."""
        self._change_view(replace(self._view, everything=not self._view.everything))

    def action_toggle_hidden(self) -> None:
        """Show hidden files, or hide them."""
        self._change_view(replace(self._view, hidden=not self._view.hidden))

    def action_open_filter(self) -> None:
        """Open the filter for names."""
        self.query_one(FilterLine).begin()

    @on(FilterChanged)
    def _filter_changed(self, message: FilterChanged) -> None:
        if message.text != self._view.text:
            self._change_view(replace(self._view, text=message.text))
        if message.closed:
            self.set_focus(self._files)

    @on(CursorWanted)
    def _cursor_wanted(self, message: CursorWanted) -> None:
        self._files.move_by(message.by)

    # Marks

    def action_toggle_mark(self) -> None:
        """Mark the entry under the cursor or take its mark away, and go on to the next."""
        entry = self._files.cursor_entry
        if entry is not None:
            self._toggle(entry)
            self._files.move_by(1)

    @on(MarkClicked)
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
        """Mark everything shown, or clear the marks if all of it is marked."""
        self._marks.toggle_all(self._files.entries)
        self._marks_changed()

    @on(EntryHighlighted)
    def _range_changed(self) -> None:
        if self._marks.anchor is not None:
            self._marks_changed()

    def _show_keys(self) -> None:
        """Begin with the next step: marking, and once something is marked, adding that."""
        begin = ["picker-open", "picker-mark", "picker-add"]
        if self._marks:
            begin.reverse()
        self.query_one(KeysLine).prefer([FooterKey(each) for each in (*begin, "picker-leave")])

    def _marks_changed(self) -> None:
        self._warned = False
        self._say("")
        self.query_one(KeysLine).rename("picker-add", "add marked" if self._marks else "add")
        self._show_keys()
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
        """Enter the folder under the cursor; for a file, finish with the marked files, or with this one."""
        entry = self._files.cursor_entry
        if entry is not None and entry.is_folder:
            self._go(entry.path)
        elif entry is not None:
            self._finish(entry)

    @on(EntryOpened)
    def _entry_opened(self) -> None:
        self.action_open_entry()

    def action_add_marked(self) -> None:
        """Finish with the marked files, or with the entry under the cursor; for a folder, first show its contents."""
        entry = self._files.cursor_entry
        if not self._marks and entry is not None and entry.is_folder:
            self._toggle(entry)
        elif entry is not None or self._marks:
            self._finish(entry)

    def _finish(self, entry: Entry | None) -> None:
        if not self._marks:
            if entry is not None and entry.kind is Kind.BROKEN:
                self._say("This link is broken.")
            elif entry is not None:
                self.dismiss([entry.path])
        elif not self._marks.total(self._tallies)[2] and not self._warned:
            self._warned = True
            self._say("Still counting. Press the same key again to add without waiting.")
        else:
            self.dismiss([each.path for each in self._marks.entries])

    def action_leave(self) -> None:
        """Show all files again, or leave without adding; the marks stay for next time."""
        if self._view.text:
            self.query_one(FilterLine).reset()
            self._change_view(replace(self._view, text=""))
        else:
            self.dismiss(None)

    # Places and paths

    def action_show_places(self) -> None:
        """Go to the places; in a narrow window they replace the list."""
        self.add_class("-places")
        self.set_focus(self.query_one(PlaceList))

    def action_type_path(self, text: str = "") -> None:
        """Type a path to go to."""
        folder = str(self.folder)
        here = folder if folder.endswith(os.sep) else folder + os.sep
        self.query_one(GoField).open(text or here, self.folder, replace=not text)

    @on(FieldClosed)
    def _back_to_list(self) -> None:
        self.query_one(GoField).close()
        self.remove_class("-places")
        self.set_focus(self._files)

    @on(PlaceChosen)
    def _place_chosen(self, message: PlaceChosen) -> None:
        self._back_to_list()
        self._go(message.path)

    @on(PathTyped)
    def _path_typed(self, message: PathTyped) -> None:
        self._take(message.text, enter=True)

    def on_paste(self, event: events.Paste) -> None:
        """Mark a file dropped on the terminal: it arrives as a pasted path."""
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
    """Return the entries of typed paths, and the paths that do not exist. Looks at the disk."""
    # A path below the folder may have blanks in it, as several paths have between them.
    whole = base / text.strip()
    typed = [whole] if text.strip() and not is_missing(whole) else typed_paths(text)
    paths = [Path(os.path.normpath(base / path)) for path in typed]
    found = {path: entry_at(path) for path in paths}
    return [entry for entry in found.values() if entry], [path for path, entry in found.items() if entry is None]
