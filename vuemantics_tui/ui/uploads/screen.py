"""UploadsScreen, the main screen: search bar, browser, pane and queue bar, and their actions."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Input, Static

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.sources import Placement
from vuemantics_tui.domain.text import counted
from vuemantics_tui.domain.upload import QueueCounts
from vuemantics_tui.domain.view import SortKey, View
from vuemantics_tui.ui.actions import ACT, FIND, MARK, PROGRAM, QUEUE, VIEW, action, hidden, key_of, lasting
from vuemantics_tui.ui.choices import SettingChosen
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader, TimePassed, WorkProgressed
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import Drawn, PictureLoader, mode_of
from vuemantics_tui.ui.textual_private import SteadyScreen, write_to_terminal
from vuemantics_tui.ui.typed_paths import typed_path
from vuemantics_tui.ui.uploads.browse import Browse, BrowseLeft
from vuemantics_tui.ui.uploads.browser import Browser
from vuemantics_tui.ui.uploads.columns import Layout, TableColumns
from vuemantics_tui.ui.uploads.commands import UploadCommands
from vuemantics_tui.ui.uploads.days import day_words
from vuemantics_tui.ui.uploads.gallery import Gallery, TileOpened
from vuemantics_tui.ui.uploads.intake import FilesNamed, Intake, PathField, PathFieldLeft, PathInput
from vuemantics_tui.ui.uploads.lines import LINGER_SECONDS
from vuemantics_tui.ui.uploads.next_keys import next_keys
from vuemantics_tui.ui.uploads.pane import UploadPane
from vuemantics_tui.ui.uploads.queue_bar import QueueBar, RunNotice
from vuemantics_tui.ui.uploads.results import Results
from vuemantics_tui.ui.uploads.search_bar import (
    FruitlessFound,
    PathTyped,
    SearchBar,
    SearchClosed,
)
from vuemantics_tui.ui.uploads.search_line import SearchInput, SearchLeft
from vuemantics_tui.ui.uploads.servers import HeaderLine, OutageLine
from vuemantics_tui.ui.uploads.table import HeadingClicked, RowOpened, TagClicked, UploadTable
from vuemantics_tui.ui.uploads.upload_list import Change, UploadList
from vuemantics_tui.ui.widgets import WIDTHS, too_small_words
from vuemantics_tui.ui.widgets.keys_line import KeysLine

if TYPE_CHECKING:
    from vuemantics_tui.library import Candidate, Library
    from vuemantics_tui.ui.picker.marks import Marks

# No more often than the eye can follow: over SSH each repaint costs bytes.
CATCH_UP_SECONDS = 0.1
# A sorted or filtered view, and what a search finds, is read again as a whole.
READ_AGAIN_SECONDS = 1.0
# Below the first, the side list to narrow by takes the place of the list; from the second on, the pane stays beside it.
BESIDE_BROWSE, ALL_BESIDE = 70, 140
# What needs an upload under the cursor.
ON_UPLOADS = frozenset({"open_upload", "toggle_mark", "mark_range", "mark_all"})
EMPTY = """\
[b $foreground]This library is empty[/]

Press [b $accent]$key[/] to add photos and videos, or run
[$accent]vuemantics-tui add --in-place ~/Pictures[/]"""


async def _existing_folder(text: str) -> str:
    """Return the absolute path of a folder that was typed. Raises UsageError if there is none."""
    if not text.strip():
        raise UsageError("Type the path of a folder", "Escape leaves.")
    path = await asyncio.to_thread(typed_path, text)
    if not await asyncio.to_thread(path.is_dir):
        raise UsageError(f"{path} is not a folder", "Check the spelling.")
    return str(path)


class UploadsScreen(SteadyScreen[None]):
    """Lists the uploads of a library, keeps the list up to date, and hands actions on."""

    HELP_TITLE = "The list of uploads"
    HELP_SIGNS = True
    AROUND = (UploadCommands,)
    PARTS = (UploadTable, Gallery, Browse, PathInput, SearchInput)
    BINDINGS: ClassVar[list[BindingType]] = [
        # What follows at once, as a dropped path does in some terminals, must find the field and never the hot keys:
        # only a key with priority acts before the next one is handed out.
        action("add-paths", "a", "add_paths", "add", "Pick files and folders to add", ACT, priority=True),
        hidden("type-paths", "A", "type_paths", "add by path", "Type or paste a path to add", ACT, priority=True),
        action("open-search", "/", "open_search", "search", "Search by words or by meaning", FIND, priority=True),
        hidden("toggle-browse", "b", "toggle_browse", "browse", "Narrow by place, date, tag, camera, type, …", FIND),
        hidden("show-below", "m", "show_below", "more results", "Also show the results below the cut-off", FIND),
        hidden("save-search", "S", "save_search", "save search", "Save the search under a name", FIND),
        hidden(
            "fruitless-to-words",
            "backspace",
            "fruitless_to_words",
            "as words",
            "Turn a filter of the search line that finds nothing into words",
            FIND,
        ),
        hidden("show-saved", "B", "show_saved", "saved searches", "Show saved searches and albums", FIND),
        hidden("past-search", "n", "past_search", "past search", "Previous search", FIND),
        hidden("open-upload", "enter", "open_upload", "view", "View in full screen", ACT),
        hidden("import-from", "~", "import_from", "import", "Import tags, albums, … from another program", ACT),
        hidden("show-trash", "T", "show_trash", "trash", "Show the trash, and restore from it", ACT),
        hidden("show-duplicates", "W", "show_duplicates", "duplicates", "Find duplicates, and keep one of each", ACT),
        hidden("show-sources", "Q", "show_sources", "sources", "Show the folders used in place", PROGRAM),
        hidden("show-stats", "#", "show_stats", "statistics", "Show statistics of the library", PROGRAM),
        hidden("show-failures", "F", "show_failures", "failures", "Show failures by cause, and how to fix them", QUEUE),
        hidden("show-models", "&", "show_models", "models", "Models that see what pictures show", PROGRAM),
        hidden("show-cluster", "%", "show_cluster", "cluster", "Show the workers of the cluster", QUEUE),
        hidden("look-now", "w", "look_now", "check server", "Check now whether the server is back", QUEUE),
        action("sort-by", "o", "sort_by", "sort", "Sort by date, name, size, rating, …", VIEW),
        hidden("reverse-sort", "O", "reverse_sort", "reverse", "Reverse the sort order", VIEW),
        action("filter-by", "f", "filter_by", "filter", "Show photos, videos, failed uploads, … only", VIEW),
        hidden("choose-columns", "|", "choose_columns", "columns", "Choose and order the columns of the table", VIEW),
        action("jump-to-date", "J", "jump_to_date", "jump to date", "Jump to a date", FIND),
        hidden(
            "on-this-day", "^", "on_this_day", "on this day", "Show what was taken on this day in other years", FIND
        ),
        hidden("go-to", "G", "go_to", "go to", "Go to the top, a date, the trash, statistics, …", VIEW),
        hidden("clear-view", "c", "clear_view", "clear", "Clear search, filter, order and marks", VIEW),
        action("toggle-gallery", "g", "toggle_gallery", "gallery", "Switch between gallery and table", VIEW),
        hidden(
            "toggle-pane",
            "v",
            "toggle_pane",
            "pane",
            "Show or hide the pane; in a narrow window, show the details",
            VIEW,
        ),
        hidden("toggle-mark", "space", "toggle_mark", "mark", "Mark; actions apply to all marked uploads", MARK),
        hidden("mark-range", "V", "mark_range", "range", "Start or end a range of marks", MARK),
        hidden("step-back", "escape", "step_back", "back", "Back: from results, then a filter, then marks", MARK),
        hidden("mark-all", "*", "mark_all", "mark all", "Mark everything in the list", MARK),
        hidden(
            "use-better-analyzer",
            "I",
            "use_better_analyzer",
            "use better analyzer",
            "Switch to a better analyzer",
            PROGRAM,
        ),
    ]
    AUTO_FOCUS = "#uploads"
    HORIZONTAL_BREAKPOINTS = WIDTHS

    def __init__(
        self,
        library: Library,
        notices: Notices,
        clock: Callable[[], datetime],
        view: View | None = None,
        *,
        pictures: PictureLoader | None = None,
    ) -> None:
        super().__init__()
        self.library = library
        self.uploads = UploadList(library, view or View())
        self.columns = TableColumns(library.settings.columns.split(","))
        self.intake = Intake(library, notices)
        self._notices = notices
        self._run_notice = RunNotice(os.environ, library.settings.notify)
        self._clock = clock
        self._pictures = pictures or PictureLoader()
        self._explained: Results | None = None
        # Where files were added from last, in this session or before; and where the picker was left in this one.
        self._picked_in: Path | None = None
        self._left_in: Path | None = None
        # What is marked there and was not added.
        self.picked: Marks | None = None
        self._catch_up = Reader(self, self._take_in, rest=CATCH_UP_SECONDS)
        # It may take as long as a search does, so nothing waits for it.
        self._read_again = Reader(self, self.uploads.refresh, rest=READ_AGAIN_SECONDS)

    def compose(self) -> ComposeResult:
        """Yield the parts from top to bottom."""
        with UploadCommands(self.library, self.uploads, self._clock):
            yield HeaderLine(self.library, id="header")
            yield SearchBar(self.library, self.uploads, id="search")
            with Horizontal(id="middle"):
                yield Browse(self.library, self.uploads, id="browse")
                yield Browser(self.library, self.uploads, self._clock, self._pictures, self.columns, id="browser")
                yield UploadPane(self.library, self._clock, loader=self._pictures, why=self.uploads.why, id="pane")
            with Vertical(id="empty"):
                yield Static(id="empty-text")
            yield PathField(self.library, id="path-field")
            yield OutageLine(self.library, id="outage")
            yield QueueBar(self.library, self.intake, self._clock, id="queue")
            yield KeysLine(id="keys")
            yield Static(id="too-small", markup=False)

    async def on_mount(self) -> None:
        """Read the list before the first paint, and begin to follow the library."""
        self._commands = self.query_one(UploadCommands)
        self._browse = self.query_one(Browse)
        self._browser = self.query_one(Browser)
        self.set_class(self.library.settings.gallery_pane, "-pane-beside")
        self._pane = self.query_one(UploadPane)
        self._search_bar = self.query_one(SearchBar)
        self.uploads.listeners.append(self._list_changed)
        feed = Feed.of(self)
        feed.follow(self)
        if feed.counts is not None:
            self._pane.paused = feed.counts.paused
        with self._notices.errors_told():
            await self._take_in()
        # A store that refused is asked again.
        self._catch_up.want()
        # The app takes the keys of the settings over only after its first screen is there.
        self.call_after_refresh(self._invite)

    def _invite(self) -> None:
        key = key_of(self, "add-paths")
        self.query_one("#empty-text", Static).update(Content.from_markup(EMPTY, key=key))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable what needs an upload without one, and in a field the keys that are letters there."""
        if action == "open_search" and self.has_class("-empty"):
            return False
        if action in ("add_paths", "type_paths", "open_search"):
            return not isinstance(self.focused, Input)
        if action in ("toggle_browse", "jump_to_date", "on_this_day"):
            return not self.has_class("-empty")
        return action not in ON_UPLOADS or (len(self.uploads) > 0 and self.focused is not self._browse)

    def on_resize(self, event: events.Resize) -> None:
        """Say so where the window is too small for anything else."""
        width, _ = event.size
        too_small = too_small_words(event.size)
        self.set_class(bool(too_small), "-too-small")
        self.set_class(width < BESIDE_BROWSE, "-slim")
        self.set_class(width >= ALL_BESIDE, "-roomy")
        self.query_one("#too-small", Static).update(too_small)

    # Following the library

    @on(LibraryChanged)
    def _library_changed(self, message: LibraryChanged) -> None:
        self.uploads.note(message.changed, message.deleted)
        self._catch_up.want()
        self._pane.paused = message.counts.paused
        self._pane.refresh_if(message.moved)
        if message.is_reset:
            self._read_again.want()
            self._pane.explain_again()

    async def _take_in(self) -> None:
        await self.uploads.catch_up()
        if not self.is_attached:
            return
        if self.uploads.pins_linger:
            self.set_timer(LINGER_SECONDS, self._catch_up.want)
        self._show_counts()
        sources = await self.library.sources.store.all()
        if self.is_attached:
            self.query_one(HeaderLine).source_count = len(sources)

    def _show_keys(self) -> None:
        """Begin the line of keys with what the next step may be."""
        keys, is_empty = self.query_one(KeysLine), self.has_class("-empty")
        # Uploads that did not fail would be described again, which is seldom the next step.
        keys.rename("retry-upload", "")
        browses, is_fruitless = self.focused is self._browse, self._search_bar.line.fruitless is not None
        found = next_keys(self.uploads, is_empty=is_empty, browses=browses, is_fruitless=is_fruitless)
        keys.prefer(found, alone=is_empty)

    def on_unmount(self) -> None:
        """Take the progress away from the terminal's tab."""
        if said := self._run_notice.clear():
            write_to_terminal(self.app, said)

    def _show_counts(self) -> None:
        counts = Feed.of(self).counts
        if counts is None:
            return
        if said := self._run_notice.take(counts, time.monotonic()):
            write_to_terminal(self.app, said)
        self.query_one(HeaderLine).upload_count = counts.total
        self.query_one(QueueBar).show(counts)
        # There is nothing to pause in an empty queue.
        pause = "pause" if counts.running or counts.waiting else ""
        self.query_one(KeysLine).rename("toggle-pause", "resume" if counts.paused else pause)
        if (counts.total == 0) != self.has_class("-empty"):
            self.toggle_class("-empty")
            self._show_keys()
            self.refresh_bindings()
            if not self.has_class("-field-open"):
                # Hidden widgets cannot be focused, so focus the table now.
                self.call_after_refresh(self._focus_unless_busy)

    def _focus_unless_busy(self) -> None:
        # The search line may have been opened in the meantime.
        if not isinstance(self.focused, Input):
            self._commands.can_focus = self.has_class("-empty")
            (self._commands if self.has_class("-empty") else self._browser.in_front).focus()

    @on(WorkProgressed)
    @on(TimePassed)
    def _repaint_outdated(self) -> None:
        self._pane.repaint_outdated()

    def _list_changed(self, change: Change) -> None:
        if not self.is_attached:
            return  # the program ends: the widgets may be gone already
        if change is Change.OUTDATED:
            self._read_again.want()
        self._pane.show(self.uploads.cursor_number)
        self._show_keys()
        if change in (Change.REPLACED, Change.SHIFTED):
            # What is done to an upload works from the first that is there.
            self.query_one(KeysLine).refresh()
        if self.uploads.results is not self._explained:
            self._explained = self.uploads.results
            self._pane.explain_again()

    # Adding

    @work(group="asking", exit_on_error=False)
    async def action_add_paths(self) -> None:
        """Pick files and folders, and add them."""
        from vuemantics_tui.ui.picker.folder import working_folder
        from vuemantics_tui.ui.picker.marks import Marks
        from vuemantics_tui.ui.picker.screen import PickerScreen

        with self._notices.errors_told():
            self._picked_in = self._picked_in or await self._added_from()
        start = self._left_in or working_folder()
        self.picked = marks = self.picked or Marks()
        picker = PickerScreen(start=start, last=self._picked_in, preview=self._preview, marks=marks, clock=self._clock)
        paths = await self.app.push_screen_wait(picker)
        if paths and await self._placement_chosen(paths):
            self._picked_in = self._left_in = picker.folder
            self.picked = None
            self.add_paths(paths)
        elif marks:
            self._left_in = picker.folder
            self._notices.tell(f"{marks.words()}, not added. {key_of(self, 'add-paths')} shows them again.")

    async def _placement_chosen(self, paths: Sequence[Path]) -> bool:
        """Ask, for the first folder that is added, whether files are copied; return whether they are to be added."""
        if self.intake.is_placed or not await asyncio.to_thread(lambda: any(path.is_dir() for path in paths)):
            return True
        from vuemantics_tui.ui.screens.sources import PlacementScreen

        placement = await self.app.push_screen_wait(PlacementScreen())
        if placement is None:
            return False
        self.intake.place(placement)
        self.post_message(SettingChosen("placement", "in-place" if placement is Placement.IN_PLACE else "copy"))
        return True

    @work(group="asking", exit_on_error=False)
    async def action_import_from(self) -> None:
        """Ask for another photo program and its folder, and attach what it knows to the uploads."""
        from vuemantics_tui.ui.picker.folder import completed_lines
        from vuemantics_tui.ui.screens.ask import AskScreen
        from vuemantics_tui.ui.screens.menu import PROGRAMS, ImportMenu

        program = await self.app.push_screen_wait(ImportMenu())
        if program is None:
            return

        _, name, folder = PROGRAMS[program]
        explanation = f"{folder}. Files are only read. Add your photos first."
        question = AskScreen(
            f"Import from {name}",
            explanation,
            _existing_folder,
            placeholder="a folder",
            complete=completed_lines,
            is_list=False,
        )
        if (path := await self.app.push_screen_wait(question)) is not None:
            self._import(program, Path(path))

    @lasting
    async def _import(self, program: str, folder: Path) -> None:
        from vuemantics_tui.library import Origin

        with self._notices.errors_told():
            self._notices.tell(f"Importing from {folder}.")
            report = await self.library.imports.run(Origin(program), folder)
            given = f": {report.given_words}" if report.given_words else ""
            undoes = f" {key_of(self, 'undo')} undoes." if report.changed else ""
            told = [f"Read {counted(report.read, 'file')}, changed {counted(report.changed, 'upload')}{given}.{undoes}"]
            skipped = len(report.unknown) + len(report.unsure) + len(report.problems)
            if skipped:
                told.append(
                    f"{counted(skipped, 'file')} skipped. To see why:"
                    f" vuemantics-tui import {program} --dry-run {shlex.quote(str(folder))}"
                )
            self._notices.tell(*told)

    async def _added_from(self) -> Path | None:
        newest = await self.library.uploads.newest(limit=1, show_hidden=True)
        return Path(newest[0].source_path).parent if newest and newest[0].source_path else None

    async def _preview(self, path: Path, size: Size) -> Drawn | None:
        mode = mode_of(self.app, self._pictures.graphics)
        return await self._pictures.preview(path, size.width, size.height, mode, self.library.preview)

    def action_type_paths(self) -> None:
        """Type or paste a path to add."""
        self._open_path_field("")

    def on_paste(self, event: events.Paste) -> None:
        """Offer to add what is dropped on the terminal: it arrives as a pasted path."""
        self._open_path_field(" ".join(event.text.split("\n")).strip())

    @on(PathTyped)
    def _path_typed(self, message: PathTyped) -> None:
        self._open_path_field(message.path)

    def _open_path_field(self, text: str) -> None:
        # Notices stand where the field is going to be.
        self.app.clear_notifications()
        self.add_class("-field-open")
        self.query_one(PathField).open(text)

    @on(PathFieldLeft)
    def _close_path_field(self) -> None:
        self.remove_class("-field-open")
        self.query_one(PathField).close()
        self._browser.in_front.focus()

    @on(FilesNamed)
    def _files_named(self, message: FilesNamed) -> None:
        self._close_path_field()
        self.add_paths(message.paths, message.candidates)

    @work(group="adding", exit_on_error=False)
    async def add_paths(self, paths: Sequence[Path], candidates: list[Candidate] | None = None) -> None:
        """Add files, and folders with everything in them, in the background; `candidates` are what is in them."""
        with self._notices.errors_told():
            await self.intake.take(paths, candidates)

    # Searching

    def action_open_search(self) -> None:
        """Open the search line."""
        self._uncover()
        self._search_bar.open()

    def _run_search(self, line: str) -> None:
        self._uncover()
        self._search_bar.run(line)

    def action_fruitless_to_words(self) -> None:
        """Turn the filter that finds nothing into words."""
        self._search_bar.fruitless_to_words()

    def action_show_below(self) -> None:
        """Show the results below the cut-off, too."""
        self._search_bar.show_below()

    def action_past_search(self) -> None:
        """Show the previous search."""
        self._search_bar.recall()

    def action_save_search(self) -> None:
        """Save the search under a name."""
        self._search_bar.save()

    @work(group="asking", exit_on_error=False)
    async def action_show_saved(self) -> None:
        """Show the saved searches and the albums, and run the one chosen."""
        from vuemantics_tui.ui.screens.saved import SavedScreen

        saved = SavedScreen(self.library, save_key=key_of(self, "save-search"), album_key=key_of(self, "add-to-album"))
        query = await self.app.push_screen_wait(saved)
        if query is not None:
            self._run_search(query)

    def action_toggle_browse(self) -> None:
        """Show the side list to narrow by, or close it."""
        self.toggle_class("-browse")
        if self.has_class("-browse"):
            self._browse.begin()
            self._focus_once_shown(self._browse)
        else:
            self.set_focus(self._browser.in_front)

    def _focus_once_shown(self, widget: Widget) -> None:
        # Hidden widgets cannot be focused, so it happens later; the search line may have been opened in the meantime.
        self.call_after_refresh(lambda: None if isinstance(self.focused, Input) else widget.focus())

    def _uncover(self) -> None:
        """Show the list where the side list stands in its place."""
        if self.has_class("-slim"):
            self.remove_class("-browse")

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    @on(FruitlessFound)
    def _focus_moved(self) -> None:
        self._show_keys()

    @on(BrowseLeft)
    def _browse_left(self) -> None:
        self._uncover()
        self._focus_once_shown(self._browser.in_front)

    @on(SearchClosed)
    @on(SearchLeft)
    def _search_closed(self) -> None:
        self.set_focus(self._browser.in_front)

    def action_step_back(self) -> None:
        """Go back one step: out of a stack or of the results, to all types and states, or take the marks away."""
        uploads = self.uploads
        if uploads.opened:
            self._change_list(uploads.close_stack)
        elif uploads.results is not None:
            self._search_bar.leave()
            self.set_focus(self._browser.in_front)
        elif uploads.view.is_filtered:
            self._change_list(lambda: uploads.change_view(uploads.view.unfiltered()))
        elif count := uploads.clear_marks():
            marks = "mark" if count == 1 else "marks"
            self._notices.tell(f"Cleared {count:,} {marks}. {key_of(self, 'undo')} undoes.")

    # What is listed, and how

    @work(group="listing", exclusive=True, exit_on_error=False)
    async def _change_list(self, change: Callable[[], Awaitable[None]]) -> None:
        with self._notices.errors_told():
            await change()

    @work(group="asking", exit_on_error=False)
    async def action_sort_by(self) -> None:
        """Open the sort menu."""
        from vuemantics_tui.ui.screens.menu import BEST_MATCH, SortMenu

        without = () if self.uploads.has_scores else ("sort-match",)
        chosen = await self.app.push_screen_wait(
            SortMenu(chosen={f"sort-{self.uploads.sorted_by or BEST_MATCH}"}, without=without)
        )
        if chosen == BEST_MATCH:
            self._change_list(self.uploads.sort_by_match)
        elif chosen is not None:
            self._change_list(lambda: self.uploads.sort_by(SortKey(chosen)))

    def action_reverse_sort(self) -> None:
        """Reverse the sort order."""
        self._change_list(self.uploads.reverse)

    @on(HeadingClicked)
    def _sort_by_heading(self, message: HeadingClicked) -> None:
        self._change_list(lambda: self.uploads.sort_by(message.sort))

    @on(TagClicked)
    def _search_tag(self, message: TagClicked) -> None:
        from vuemantics_tui.domain.query import TextField, TextFilter

        self._run_search(str(TextFilter.exactly(TextField.TAG, message.tag)))

    @work(group="asking", exit_on_error=False)
    async def action_filter_by(self) -> None:
        """Open the filter menu."""
        from vuemantics_tui.ui.screens.menu import FilterMenu, facets_of, with_facet

        counts = Feed.of(self).counts or QueueCounts()
        numbers = {
            f"filter-{name}": getattr(counts, name) for name in ("waiting", "running", "completed", "failed", "hidden")
        }
        chosen = await self.app.push_screen_wait(FilterMenu(chosen=facets_of(self.uploads.view), counts=numbers))
        if chosen is not None:
            self._change_list(lambda: self.uploads.change_view(with_facet(self.uploads.view, chosen)))

    def action_choose_columns(self) -> None:
        """Choose the columns of the table."""
        from vuemantics_tui.ui.screens.columns import ColumnsScreen

        self._uncover()
        self.app.push_screen(ColumnsScreen(self.columns, self._table_layout))

    def _table_layout(self) -> Layout:
        table = self.query_one(UploadTable)
        if table.scrollable_content_region.width:
            return table.line_layout()
        # Behind the gallery, and before it is shown again, it has no size.
        total = self._browser.size.width or self.size.width
        return self.columns.layout(total, window=self.app.size.width, scores=self.uploads.has_scores)

    @work(group="asking", exit_on_error=False)
    async def action_go_to(self) -> None:
        """Open the go-to menu, and go there."""
        from vuemantics_tui.ui.palette import reachable
        from vuemantics_tui.ui.screens.menu import WAYS, GoMenu

        offered = {entry.action.id: entry for entry in reachable(self)}
        ways = {name: [offered[id] for id in ids if id in offered] for name, (_, *ids) in WAYS.items()}
        chosen = await self.app.push_screen_wait(GoMenu(without=[f"go-{name}" for name in ways if not ways[name]]))
        if chosen is not None:
            await self.app.run_action(ways[chosen][0].action.action, ways[chosen][0].node)

    @work(group="asking", exit_on_error=False)
    async def action_jump_to_date(self) -> None:
        """Ask for a date, and move the cursor to what was taken then."""
        from vuemantics_tui.ui.screens.jump import JumpScreen

        with self._notices.errors_told():
            goal = await self.app.push_screen_wait(JumpScreen(await self.uploads.days_listed(), self._today))
            if goal is None:
                return
            told = [] if self.uploads.is_by_date or self.uploads.opened else ["Sorted by the date taken."]
            day = await self.uploads.jump_to(goal.first, goal.last)
            if day is None:
                told = ["Nothing in this list has a date."]
            elif not goal.count:
                told.append(f"Nothing from {goal.words}. The nearest is from {day_words(day)}.")
            if told:
                self._notices.tell(" ".join(told))

    @property
    def _today(self) -> date:
        return self._clock().astimezone().date()

    def action_on_this_day(self) -> None:
        """Search for what was taken on this day of the year, in the years before."""
        from vuemantics_tui.domain.query import YearlyFilter

        today = self._today
        self._run_search(f"{YearlyFilter(today.month, today.day)} before:{today.year}")

    def action_clear_view(self) -> None:
        """List everything, newest first, without marks."""
        self._search_bar.clear()
        self._change_list(self.uploads.clear)

    def action_toggle_gallery(self) -> None:
        """Show thumbnails instead of the table, or back."""
        self._browser.switch()
        self.set_class(self._browser.shows_gallery, "-gallery")

    def action_toggle_pane(self) -> None:
        """Show or hide the pane; the gallery has its own choice. In a narrow window, show the details instead."""
        if self.has_class("-narrow"):
            self._commands.action_show_details()
        elif self._browser.shows_gallery:
            self.toggle_class("-pane-beside")
            self.post_message(SettingChosen("gallery_pane", self.has_class("-pane-beside")))
        else:
            self.toggle_class("-no-pane")

    def action_toggle_mark(self) -> None:
        """Mark the upload under the cursor."""
        self.uploads.toggle_mark()

    def action_mark_range(self) -> None:
        """Begin or end a range of marks."""
        self.uploads.toggle_range()

    def action_mark_all(self) -> None:
        """Mark everything that is listed."""
        self.uploads.mark_all()

    # The servers and the analyzer

    def action_look_now(self) -> None:
        """Check now whether the server is back."""
        if self.library.queue.circuit.outage is None:
            self._notices.tell("All servers are online.")
        else:
            self.library.queue.circuit.look_now()
        self.query_one(HeaderLine).look_now()

    @work(group="asking", exit_on_error=False)
    async def action_use_better_analyzer(self) -> None:
        """Switch to a better analyzer, after asking."""
        with self._notices.errors_told():
            if self.intake.is_copying:
                self._notices.tell("Files are being copied.", "Switch when they are done.")
            else:
                await self.query_one(HeaderLine).use_better_analyzer()

    # Other screens

    @on(events.ScreenResume)
    def _came_back(self) -> None:
        """Say which joint model is in use: it is chosen on another screen."""
        self.query_one(HeaderLine).read_joint()

    @on(RowOpened)
    @on(TileOpened)
    def action_open_upload(self) -> None:
        """Look at the upload under the cursor in full screen."""
        from vuemantics_tui.ui.viewer.screen import ViewerScreen

        if self.uploads.cursor_number is not None:
            self.app.push_screen(ViewerScreen(self.library, self.uploads, self._clock, self._pictures))

    def action_show_trash(self) -> None:
        """Show the trash."""
        from vuemantics_tui.ui.screens.trash import TrashScreen

        self.app.push_screen(TrashScreen(self.library, self._clock))

    def action_show_duplicates(self) -> None:
        """Find duplicates."""
        from vuemantics_tui.ui.screens.duplicates import DuplicatesScreen

        self.app.push_screen(DuplicatesScreen(self.library, self._pictures))

    def action_show_models(self) -> None:
        """Show the models that see what pictures show."""
        from vuemantics_tui.ui.screens.models import ModelsScreen

        self.app.push_screen(ModelsScreen(self.library))

    def action_show_cluster(self) -> None:
        """Show the workers of the cluster and what they do."""
        from vuemantics_tui.ui.screens.cluster import ClusterScreen

        self.app.push_screen(ClusterScreen(self.library))

    @work(group="asking", exit_on_error=False)
    async def action_show_sources(self) -> None:
        """Show the folders that are used in place, and list the uploads of the one chosen."""
        from vuemantics_tui.ui.screens.sources import SourcesScreen

        query = await self.app.push_screen_wait(SourcesScreen(self.library, self.intake, self._clock))
        self._catch_up.want()
        if query is not None:
            self._run_search(query)

    def action_show_stats(self) -> None:
        """Show statistics of the library."""
        from vuemantics_tui.ui.screens.stats import StatsScreen

        self.app.push_screen(StatsScreen(self.library))

    @work(group="asking", exit_on_error=False)
    async def action_show_failures(self) -> None:
        """Show failures by cause, and list those of the one chosen."""
        from vuemantics_tui.ui.screens.failures import FailuresScreen

        failures = FailuresScreen(self.library, self.uploads, self._clock)
        query = await self.app.push_screen_wait(failures)
        if query is not None:
            self._run_search(query)
