"""UploadsScreen: the table of all uploads, the search above it, the queue below, and what can be done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from vuemantics_tui.domain.upload import QueueCounts
from vuemantics_tui.domain.view import View
from vuemantics_tui.library import ChangeFeed, Library
from vuemantics_tui.ui.actions import ACT, FIND, MARK, PROGRAM, QUEUE, VIEW, action, hidden, key_of
from vuemantics_tui.ui.messages import LoadFailed, TileOpened
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.screens.reading import is_open
from vuemantics_tui.ui.uploads.gallery import Gallery
from vuemantics_tui.ui.uploads.header_line import HeaderLine
from vuemantics_tui.ui.uploads.outage_line import OutageLine
from vuemantics_tui.ui.uploads.pane import UploadPane
from vuemantics_tui.ui.uploads.path_field import PathField, PathInput
from vuemantics_tui.ui.uploads.queue_bar import Pace, QueueBar, reading_words
from vuemantics_tui.ui.uploads.screen_acting import ActingPart
from vuemantics_tui.ui.uploads.screen_describing import DescribingPart
from vuemantics_tui.ui.uploads.screen_keeping import KeepingPart
from vuemantics_tui.ui.uploads.screen_serving import ServingPart
from vuemantics_tui.ui.uploads.search_bar import SearchInput, SearchLine
from vuemantics_tui.ui.uploads.search_hint import SearchHint
from vuemantics_tui.ui.uploads.table import TableHeading, UploadTable
from vuemantics_tui.ui.uploads.upload_list import Change
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.words import Words

# As often as an eye can follow, and no more: over SSH each repaint is bytes.
TICK_SECONDS = 0.1
ESTIMATE_SECONDS = 1.0
# A sorted or filtered view, and what a search finds, is read again as a whole: no more often than an eye can follow.
READ_AGAIN_SECONDS = 1.0
SMALLEST_WIDTH, SMALLEST_HEIGHT = 40, 8
# What needs an upload under the cursor.
ON_UPLOADS = frozenset(
    """find_similar open_upload show_details retry_upload cancel_upload run_next delete_upload toggle_hidden
    open_original copy_path copy_description show_descriptions edit_description edit_tags toggle_mark mark_range
    mark_all""".split()
)
EMPTY = """\
[b $foreground]This library is empty[/]

Press [b $accent]$key[/] to add photos and videos, or run
[$accent]vuemantics-tui add --recursive ~/Pictures[/]"""


class UploadsScreen(KeepingPart, ActingPart, DescribingPart, ServingPart):
    """Shows what is in the library, follows what changes in it, and hands over what a person wants."""

    HELP_TITLE = "The list of uploads"
    HELP_SIGNS = True
    PARTS = (UploadTable, Gallery, PathInput, SearchInput)
    BINDINGS: ClassVar[list[BindingType]] = [
        # What follows at once, as a dropped path does in some terminals, must find the field and never the hot keys:
        # only a key with priority acts before the next one is handed out.
        action("add-paths", "a", "add_paths", "add", "Pick files and folders to add", ACT, priority=True),
        hidden("type-paths", "A", "type_paths", "add by path", "Type or paste a path to add", ACT, priority=True),
        action("open-search", "/", "open_search", "search", "Search by words or by meaning", FIND, priority=True),
        action("find-similar", "s", "find_similar", "similar", "Find similar uploads", FIND),
        hidden("show-below", "m", "show_below", "more results", "Show the results below the cut-off, too", FIND),
        hidden("save-search", "S", "save_search", "save search", "Save the search under a name", FIND),
        hidden("show-saved", "B", "show_saved", "saved searches", "Show saved searches and albums", FIND),
        hidden("past-search", "n", "past_search", "past search", "Previous search", FIND),
        hidden("open-upload", "enter", "open_upload", "open", "Open in full screen", ACT),
        hidden("show-details", "i", "show_details", "details", "Show all details", ACT),
        action("retry-upload", "r", "retry_upload", "retry", "Retry, or describe a completed upload again", ACT),
        action("toggle-pause", "p", "toggle_pause", "pause", "Pause or resume for everyone using this library", QUEUE),
        action("delete-upload", "d,delete", "delete_upload", "delete", "Move to the trash, after asking", ACT),
        hidden("undo-delete", "u", "undo_delete", "undo delete", "Restore what you deleted last", ACT),
        hidden("show-trash", "T", "show_trash", "trash", "Show the trash, and restore from it", ACT),
        hidden("show-duplicates", "W", "show_duplicates", "duplicates", "Find duplicates, and keep one of each", ACT),
        hidden("show-stats", "#", "show_stats", "statistics", "Show statistics of the library", PROGRAM),
        hidden("edit-tags", "t", "edit_tags", "tags", "Add or remove tags", ACT),
        hidden("toggle-hidden", "h", "toggle_hidden", "hide", "Hide from lists and search, or show again", ACT),
        hidden("open-original", "e", "open_original", "open original", "Open the original in the system viewer", ACT),
        hidden("copy-path", "y", "copy_path", "copy path", "Copy the path, also over SSH", ACT),
        hidden("copy-description", "Y", "copy_description", "copy description", "Copy the description", ACT),
        hidden(
            "show-descriptions", "D", "show_descriptions", "descriptions", "Compare all descriptions of the upload", ACT
        ),
        hidden("edit-description", "E", "edit_description", "edit description", "Write your own description", ACT),
        hidden("cancel-upload", "x", "cancel_upload", "cancel", "Cancel if waiting or running", QUEUE),
        hidden("run-next", "b", "run_next", "process next", "Move to the front of the queue", QUEUE),
        hidden("show-failures", "F", "show_failures", "failures", "Show failures by reason, with what helps", QUEUE),
        hidden("look-now", "w", "look_now", "check server", "Check now whether the server is back", QUEUE),
        hidden("reembed", "R", "reembed", "re-embed", "Re-embed uploads of another model, after asking", QUEUE),
        action("sort-by", "o", "sort_by", "sort", "Next sort order: added, name, size, …", VIEW),
        hidden("reverse-sort", "O", "reverse_sort", "reverse", "Reverse the sort order", VIEW),
        action("filter-by", "f", "filter_by", "filter", "Filter by status or type, include hidden", VIEW),
        hidden("clear-view", "c", "clear_view", "clear", "Clear search, filter, order and marks", VIEW),
        action("toggle-gallery", "g", "toggle_gallery", "gallery", "Switch between gallery and table", VIEW),
        hidden("toggle-pane", "v", "toggle_pane", "pane", "Show or hide the pane", VIEW),
        hidden("toggle-mark", "space", "toggle_mark", "mark", "Mark; actions apply to all marked uploads", MARK),
        hidden("mark-range", "V", "mark_range", "range", "Start or end a range of marks", MARK),
        hidden("mark-all", "*", "mark_all", "mark all", "Mark everything in the list", MARK),
        hidden(
            "use-better-analyzer",
            "U",
            "use_better_analyzer",
            "use better analyzer",
            "Switch to a better analyzer",
            PROGRAM,
        ),
    ]
    AUTO_FOCUS = "#uploads"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it

    def __init__(
        self,
        library: Library,
        notices: Notices,
        clock: Callable[[], datetime],
        view: View | None = None,
        *,
        quadrants: bool = False,
    ) -> None:
        super().__init__(library, notices, clock, view, quadrants=quadrants)
        self._pace = Pace()

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        header = HeaderLine(id="header")
        header.set_reactive(HeaderLine.analyzer, self.library.analyzer.made)
        yield header
        yield SearchLine(id="search")
        yield SearchHint(id="search-hint")
        with Horizontal(id="middle"):
            with Vertical(id="list"):
                yield TableHeading(self.uploads, id="heading")
                yield self.table
                yield Words(id="nothing")
            yield UploadPane(self.library, self.clock, loader=self.pictures, explainer=self, id="pane")
        yield self.gallery
        with Vertical(id="empty"):
            yield Static(id="empty-text")
        yield PathField(id="path-field")
        yield OutageLine(id="outage")
        yield QueueBar(id="queue")
        yield KeysLine(id="keys")
        yield Static(id="too-small", markup=False)

    def on_mount(self) -> None:
        """Begin to follow the library."""
        self.uploads.listeners.append(self._list_changed)
        # The app takes the keys of the settings over only after its first screen is there.
        self.call_after_refresh(self._invite)
        self._follow()
        self._read_again()
        self._estimate()
        self.mind_servers()

    def _invite(self) -> None:
        self.query_one(QueueBar).failures_key = key_of(self, "show-failures")
        key = key_of(self, "add-paths")
        self.query_one("#empty-text", Static).update(Content.from_markup(EMPTY, key=key))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is done to an upload needs one; in a field, the keys that would leave it are letters."""
        if action == "open_search" and self.has_class("-empty"):
            return False
        if action in ("add_paths", "type_paths", "open_search"):
            return self.focused in (self.table, self.gallery, None)
        return action not in ON_UPLOADS or len(self.uploads) > 0

    # Following the library

    @work(group="following", exit_on_error=False)
    async def _follow(self) -> None:
        feed: ChangeFeed | None = None
        while True:
            # A store that refuses for a while (locked, full) must not end the screen's following it.
            with self.notices.errors_told():
                if feed is None:
                    feed = await self._begin()
                elif (changes := await feed.poll()) is not None:
                    await self.uploads.take_in(changes.changed, changes.deleted)
                    await self._show_counts()
                    if is_open(self):
                        self.query_one(UploadPane).refresh_if({*changes.changed, *changes.deleted})
                else:
                    await self.uploads.let_pins_go()
                if not is_open(self):
                    return  # the program ends: the widgets are gone already
                self._tick()
            await asyncio.sleep(TICK_SECONDS)

    async def _begin(self) -> ChangeFeed:
        feed = self.library.changes()
        await feed.skip_to_now()
        await self.uploads.open()
        await self._show_counts()
        return feed

    @work(group="following", exit_on_error=False)
    async def _read_again(self) -> None:
        while True:
            with self.notices.errors_told():
                await self.uploads.refresh_when_outdated()
                if not is_open(self):
                    return
            await asyncio.sleep(READ_AGAIN_SECONDS)

    @work(group="following", exit_on_error=False)
    async def _estimate(self) -> None:
        while True:
            with self.notices.errors_told():
                self.query_one(QueueBar).seconds_left = await self.library.queue.seconds_left()
            await asyncio.sleep(ESTIMATE_SECONDS)

    def _tick(self) -> None:
        self.table.repaint_outdated()
        self.gallery.sync()
        self.query_one(UploadPane).repaint_outdated()
        self.show_outage()
        bar = self.query_one(QueueBar)
        bar.copying = self.adder.progress
        backfill = self.library.queue.backfill
        bar.reading = "" if backfill is None or not backfill.of else reading_words(backfill.done, backfill.of)
        if bar.counts is not None:
            self._pace.note(bar.counts, self.clock())
            # Two digits, or the line would be repainted at every tick.
            bar.per_second, bar.ended = round(self._pace.per_second, 1), self._pace.ended

    async def _show_counts(self) -> None:
        counts = await self.library.queue.store.counts()
        if not is_open(self):
            return
        self.query_one(QueueBar).counts = counts
        self.query_one(UploadPane).paused = counts.paused
        self.query_one(HeaderLine).upload_count = counts.total
        self.query_one(KeysLine).rename("toggle-pause", "resume" if counts.paused else "pause")
        if (counts.total == 0) != self.has_class("-empty"):
            self.toggle_class("-empty")
            self.refresh_bindings()
            if not self.has_class("-field-open"):
                # What is hidden cannot be focused, so the table could not be until now.
                self.call_after_refresh(self._focus_unless_busy)
        self.say()

    def _focus_unless_busy(self) -> None:
        # Somebody may have opened the search line meanwhile.
        if self.focused is None:
            self.in_front.focus()

    @on(LoadFailed)
    def _load_failed(self, message: LoadFailed) -> None:
        self.notices.tell_error(message.error)

    @on(TileOpened)
    def _tile_opened(self) -> None:
        self.action_open_upload()

    def _list_changed(self, change: Change) -> None:
        if is_open(self):
            self.query_one(UploadPane).show(self.uploads.cursor_number)
            if change is not Change.CURSOR:
                self.say()

    def on_resize(self, event: events.Resize) -> None:
        """Say so where the window is too small for anything else."""
        width, height = event.size
        self.set_class(width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT, "-too-small")
        self.query_one("#too-small", Static).update(
            f"The window is too small: {width}×{height}.\n{SMALLEST_WIDTH}×{SMALLEST_HEIGHT} will do."
        )


def work_to_leave(counts: QueueCounts, running_here: int, adding: bool) -> str:
    """What a person should know before leaving, or nothing."""
    told = []
    if adding:
        told.append("Files are being copied; those not yet copied would have to be added again.")
    if running_here:
        told.append(f"{running_here:,} running here would wait again; finished descriptions are kept.")
    if counts.waiting and not counts.paused:
        told.append(f"{counts.waiting:,} waiting would go on next time.")
    return " ".join(told)
