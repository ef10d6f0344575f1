"""BrowsingScreen: the half of the picker that shows folders and goes about in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Static

from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.ui.picker import messages
from vuemantics_tui.ui.picker.counting import Tallies
from vuemantics_tui.ui.picker.fields import FilterLine, GoField
from vuemantics_tui.ui.picker.file_list import FileHeading, FileList
from vuemantics_tui.ui.picker.lines import PickerHeader, TotalsLine, fit_path
from vuemantics_tui.ui.picker.listing import Listing, Order, View, arrange, read_folder
from vuemantics_tui.ui.picker.marks import Marks
from vuemantics_tui.ui.picker.place_list import PlaceList
from vuemantics_tui.ui.picker.preview_pane import PreviewOf, PreviewPane
from vuemantics_tui.ui.widgets.keys_line import KeysLine

# Below this many columns, the places and the preview give way to the list.
WIDE_ENOUGH = 100
SMALLEST_WIDTH, SMALLEST_HEIGHT = 40, 8
# Reading is told only where it takes long, as it does from a drive that has gone to sleep.
SLOW_SECONDS = 0.3
# In a sentence that must fit into the narrowest line.
LONGEST_PATH = 24


class BrowsingScreen(Screen[list[Path] | None]):
    """Shows a folder, leads into others, and knows how they are shown. What is chosen is another's matter."""

    AUTO_FOCUS = "#files"

    def __init__(
        self,
        *,
        start: Path | None,
        preview: PreviewOf | None,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._preview = preview
        self._clock = clock
        self._marks = Marks()
        self._tallies = Tallies()
        self._view = View()
        self._listing = Listing(start or Path.home())
        self._cursors: dict[Path, Path] = {}

    def compose(self) -> ComposeResult:
        """From top to bottom."""
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

    def on_mount(self) -> None:
        """Read the first folder."""
        self._go(self._listing.folder)

    @property
    def folder(self) -> Path:
        """The folder that is shown."""
        return self._listing.folder

    @property
    def _files(self) -> FileList:
        return self.query_one(FileList)

    def on_resize(self, event: events.Resize) -> None:
        """Show what there is room for; where there is too little, say so."""
        width, height = event.size
        self.set_class(width < WIDE_ENOUGH, "-narrow")
        self.set_class(width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT, "-too-small")
        self.query_one("#too-small", Static).update(
            f"The window is too small: {width}×{height}.\n{SMALLEST_WIDTH}×{SMALLEST_HEIGHT} will do."
        )
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
        nothing.update(listing.problem or _nothing_words(listing, view))
        nothing.set_class(bool(listing.problem), "error")
        self.set_class(not entries, "-nothing")
        self.query_one(FilterLine).say_view(view.words())
        self.query_one(KeysLine).rename("picker-everything", "media only" if view.everything else "all files")
        self._files.show(entries, cursor_on)
        header.refresh()
        totals.refresh()

    def action_enter_folder(self) -> None:
        """Enter the folder under the cursor."""
        entry = self._files.cursor_entry
        if entry is not None and entry.is_folder:
            self._go(entry.path)

    def action_leave_folder(self) -> None:
        """To the folder that this one is in, with the cursor on this one."""
        if self.folder.parent != self.folder:
            self._go(self.folder.parent, self.folder)

    def action_read_again(self) -> None:
        """Read the folder anew."""
        self._go(self.folder, self._cursors.get(self.folder))

    @on(messages.EntryHighlighted)
    def _entry_highlighted(self, message: messages.EntryHighlighted) -> None:
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
        """Sort by the next thing."""
        orders = list(Order)
        following = orders[(orders.index(self._view.order) + 1) % len(orders)]
        self._change_view(replace(self._view, order=following))

    def action_toggle_everything(self) -> None:
        """Show other files than pictures and videos, too, or no longer."""
        self._change_view(replace(self._view, everything=not self._view.everything))

    def action_toggle_hidden(self) -> None:
        """Show hidden files, too, or no longer."""
        self._change_view(replace(self._view, hidden=not self._view.hidden))

    def action_open_filter(self) -> None:
        """Type what names must have in them."""
        self.query_one(FilterLine).begin()

    @on(messages.FilterChanged)
    def _filter_changed(self, message: messages.FilterChanged) -> None:
        if message.text != self._view.text:
            self._change_view(replace(self._view, text=message.text))
        if message.closed:
            self.set_focus(self._files)

    @on(messages.CursorWanted)
    def _cursor_wanted(self, message: messages.CursorWanted) -> None:
        self._files.move_by(message.by)


def _nothing_words(listing: Listing, view: View) -> str:
    """Why there is nothing to see in a folder, and what would change that."""
    if not listing.entries:
        return "This folder is empty."
    if view.text:
        return f"Nothing here has “{visible(view.text)}” in its name.\nEsc shows all."
    keys = [*([] if view.everything else ["m shows all files"]), *([] if view.hidden else [". shows hidden ones"])]
    return f"No pictures or videos here, {counted(len(listing.entries), 'other thing')}.\n{', '.join(keys)}"
