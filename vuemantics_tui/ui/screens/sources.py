"""SourcesScreen: the folders whose files are used in place, and the files in them whose uploads were deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import OptionList

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.query import TextField, TextFilter
from vuemantics_tui.domain.sources import Placement, RemovedFile, Source, WatchState, stored_path
from vuemantics_tui.domain.text import ago_words, counted, visible
from vuemantics_tui.ui.actions import ACT, ANSWER, FIND, MOVE, QUIET_HELP, action, lasting
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader, TimePassed
from vuemantics_tui.ui.picker.folder import completed_lines
from vuemantics_tui.ui.screens.ask import AskScreen, QuestionScreen, ask
from vuemantics_tui.ui.screens.page import ListScreen, is_open
from vuemantics_tui.ui.typed_paths import typed_path
from vuemantics_tui.ui.uploads.intake import Intake, progress_words
from vuemantics_tui.ui.widgets.cursor_list import ChoiceList
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import fit_path

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

# How often a running scan is drawn, and how soon the counts are read again.
DRAW_SECONDS = 0.25
READ_REST_SECONDS = 1.0
INDENT = "    "
# The list's padding, and its scrollbar.
AROUND_LIST = 3
NEED_ONE = frozenset({"scan_source", "toggle_watch", "remove_source"})


class SourceList(ChoiceList):
    """The sources, by their paths."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action("list-source", "enter", "select", "list", "List the uploads of the source", FIND),
    ]


class SourcesScreen(ListScreen[Source]):
    """Lists the sources, follows their scans, and sets them up. Dismisses with a search to run, or None."""

    HELP_TITLE = "Sources"
    PARTS = (SourceList,)
    BINDINGS: ClassVar[list[BindingType]] = [
        action("add-source", "a", "add_source", "add", "Add a folder whose files are used in place", ACT),
        action("scan-source", "s", "scan_source", "scan", "Scan for new, changed, moved and missing files", ACT),
        action("toggle-watch", "w", "toggle_watch", "watch", "Turn watching the source on or off", ACT),
        action("remove-source", "x,d,delete", "remove_source", "remove", "Stop using the folder, after asking", ACT),
        action("show-removed", "r", "show_removed", "deleted", "Show files whose uploads you deleted", ACT),
        action("sources-back", "escape,q,Q", "go_back", "back", "Back to the list", MOVE),
    ]
    AUTO_FOCUS = "SourceList"
    NOTHING = (
        "You have no sources.\n\nA source is a folder whose files are used where they are: nothing is copied."
        "\nPress a to add one."
    )

    def __init__(self, library: Library, intake: Intake, clock: Callable[[], datetime]) -> None:
        super().__init__(library)
        self._intake = intake
        self._clock = clock
        self._drawn: object = None

    def on_mount(self) -> None:
        """Begin to follow what scans find."""
        self._reader = Reader(self, self.show_read, rest=READ_REST_SECONDS)
        Feed.of(self).follow(self)
        self.set_interval(DRAW_SECONDS, self._draw_moved)

    def on_resize(self) -> None:
        """Cut the lines to the new width."""
        self.show_entries()

    @on(LibraryChanged)
    @on(TimePassed)
    def _library_changed(self) -> None:
        self._reader.want()

    def _draw_moved(self) -> None:
        """Redraw what a scan has found and how sources are watched, if that has changed."""
        watch = self.library.watch
        scans = {number: progress_words(each) for number, each in watch.scanning.items()}
        now = (scans, dict(watch.reports))
        if now != self._drawn:
            self._drawn = now
            self.show_entries()
            self._reader.want()

    # What is listed

    def make_list(self) -> ChoiceList:
        """Return the list."""
        return SourceList(id="list")

    async def read(self) -> list[Source]:
        """Return the sources, with a look at whether each is there."""
        has_removed = bool(await self.library.sources.removed())
        if is_open(self):
            # The key works all the same: it may be pressed before this is read.
            self.query_one(KeysLine).rename("show-removed", "deleted" if has_removed else "")
        return await self.library.sources.all()

    def title_words(self) -> str:
        """Return how many there are, and how many files."""
        files = sum(entry.files for entry in self.entries)
        return f"{counted(len(self.entries), 'source')}, {counted(files, 'file')}" if self.entries else "Sources"

    def entry_key(self, entry: Source) -> Hashable:
        """Return its number."""
        return entry.number

    def entry_words(self, entry: Source) -> Content:
        """Return its folder; counts, last scan and how it is watched; why it is away or not watched, and what helps."""
        room = max(10, self.size.width - AROUND_LIST)
        lines = [Content.styled(fit_path(entry.path, room), "bold")]
        scan = self.library.watch.scanning.get(entry.number)
        if scan is not None:
            lines.append(Content.styled(f"Scanning: {progress_words(scan)}", "$running"))
        else:
            facts = [counted(entry.files, "file")]
            facts += [f"{entry.missing:,} missing"] if entry.missing else []
            facts.append(f"scanned {ago_words(entry.scanned_at, self._clock())}" if entry.scanned_at else "not scanned")
            facts.append(self._watch_words(entry))
            lines.append(Content.styled(" · ".join(facts), "$dim"))
        if entry.is_away:
            lines.append(
                Content.styled("! Away: connect or mount its disk. Nothing in it counts as missing.", "$warning")
            )
        elif (report := self.library.watch.reports.get(entry.number)) is not None and report.reason and entry.watched:
            lines.append(Content.styled(visible(f"{report.reason}."), "$dim"))
        told = [lines[0]]
        for line in lines[1:]:
            told += [Content.assemble(INDENT, part) for part in line.wrap(room - len(INDENT))]
        return Content("\n").join(told)

    def _watch_words(self, source: Source) -> str:
        if not source.watched:
            return "not watched"
        if source.chosen_only:
            return "chosen files only"
        report = self.library.watch.reports.get(source.number)
        if source.is_away or (report is not None and report.state is WatchState.AWAY):
            return "watched when it is back"
        if report is None or report.state is WatchState.STARTING:
            return "to be watched"
        if report.state is WatchState.BY_SCANS:
            return f"scanned every {self.library.settings.source_scan_minutes:g} min"
        return report.state.value

    # What can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable most actions without a source."""
        return action not in NEED_ONE or bool(self.entries)

    @property
    def _chosen(self) -> Source | None:
        return self.chosen if self.is_mounted and self.entries else None

    @on(OptionList.OptionHighlighted)
    def _rename_keys(self) -> None:
        if (source := self._chosen) is not None:
            self.query_one(KeysLine).rename("toggle-watch", "do not watch" if source.watched else "watch")

    @on(OptionList.OptionSelected)
    def _list_uploads(self) -> None:
        if (source := self._chosen) is not None:
            self.dismiss(str(TextFilter.exactly(TextField.SOURCE, stored_path(str(source.path)))))

    @work(group="asking", exit_on_error=False)
    async def action_add_source(self) -> None:
        """Ask for a folder, add it and scan it."""

        async def add(text: str) -> str:
            if not text.strip():
                raise UsageError("Type the path of a folder", "Escape leaves.")
            source = await self.library.sources.add(await asyncio.to_thread(typed_path, text))
            self._scan(source)
            return f"Added {fit_path(source.path, 40)}."

        explanation = "The folder to use in place. Its files are only read, and everything below it is included."
        question = AskScreen(
            "Add a source", explanation, add, placeholder="~/Pictures", complete=completed_lines, is_list=False
        )
        if await ask(self, question):
            self._reader.want()

    def action_scan_source(self) -> None:
        """Scan the source under the cursor."""
        if (source := self._chosen) is None:
            return
        if source.number in self.library.watch.scanning:
            self.notices.tell("It is already being scanned.")
        else:
            self._scan(source)

    def _scan(self, source: Source) -> None:
        # In the app, so that it goes on when this screen is left.
        self.app.run_worker(self._intake.scan(source), group="scanning", exit_on_error=False)

    @lasting
    async def action_toggle_watch(self) -> None:
        """Turn watching the source under the cursor on or off."""
        with self.notices.errors_told():
            if (source := self._chosen) is None:
                return
            await self.library.sources.store.add(
                source.path, excludes=source.excludes, watched=not source.watched, chosen_only=source.chosen_only
            )
            self.library.watch.look()
            await self.show_read()
            if is_open(self):
                self._rename_keys()

    @lasting
    async def action_remove_source(self) -> None:
        """Stop using the folder under the cursor, after asking what becomes of its uploads."""
        with self.notices.errors_told():
            if (source := self._chosen) is None:
                return
            keep = await self.app.push_screen_wait(RemoveSourceScreen(source))
            if keep is None:
                return
            trashed = await self.library.sources.remove(source, keep=keep)
            self.library.watch.look()
            what = f"Moved {counted(trashed, 'upload')} to the trash." if trashed else ""
            self.notices.tell(f"Removed {fit_path(source.path, 40)}. {what}".strip(), "Its files are untouched.")
            await self.show_read()

    @work(group="asking", exit_on_error=False)
    async def action_show_removed(self) -> None:
        """Show the files whose uploads were deleted."""
        await self.app.push_screen_wait(RemovedScreen(self.library, self._clock))
        self._reader.want()


class RemoveSourceScreen(QuestionScreen[bool | None]):
    """Dismisses with whether the uploads of a source are kept; None is to keep the source."""

    HELP_TITLE = "The question about removing a source"
    BINDINGS: ClassVar[list[BindingType]] = [
        action(
            "trash-uploads", "y", "answer('trash')", "remove", "Remove it, and move its uploads to the trash", ANSWER
        ),
        action("keep-uploads", "k", "answer('keep')", "keep uploads", "Remove it, and keep its uploads", ANSWER),
        action("keep-source", "enter,escape,n", "answer('')", "cancel", "Remove nothing", ANSWER),
        QUIET_HELP,
    ]

    def __init__(self, source: Source) -> None:
        known = source.files + source.missing
        super().__init__(
            f"Remove {fit_path(source.path, 48)}?",
            f"The folder and its files are untouched. Uploads of its {counted(known, 'file')} move to the trash;"
            " adding the folder again brings them back. k keeps them listed instead, and the folder is not scanned.",
        )

    def action_answer(self, answer: str) -> None:
        """Remove it with its uploads or without, or leave it."""
        self.dismiss({"trash": False, "keep": True}.get(answer))


class PlacementScreen(QuestionScreen[Placement | None]):
    """Asks once what adding a folder does. Dismisses with None if left without an answer."""

    HELP_TITLE = "The question about copying"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("place-here", "i,enter", "use_in_place", "use in place", "Use the files where they are", ANSWER),
        action("place-copies", "c", "copy", "copy", "Copy the files into the library", ANSWER),
        action("place-nothing", "escape", "place_nothing", "cancel", "Add nothing, and keep the marks", ANSWER),
        QUIET_HELP,
    ]

    def __init__(self) -> None:
        super().__init__(
            "Use the files in place, or copy them?",
            "In place, nothing is copied: your files stay where they are and are only read, and the app watches the"
            " folder. Copies take as much space again, and need nothing but the library.\n\nThe answer is remembered"
            " as the setting placement.",
        )

    def action_use_in_place(self) -> None:
        """Use the files where they are."""
        self.dismiss(Placement.IN_PLACE)

    def action_copy(self) -> None:
        """Copy them."""
        self.dismiss(Placement.COPIED)

    def action_place_nothing(self) -> None:
        """Add nothing."""
        self.dismiss(None)


class RemovedList(ChoiceList):
    """The files whose uploads were deleted, the latest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action("restore-removed", "enter,r", "select", "restore", "Restore the upload of the file", ACT),
    ]


class RemovedScreen(ListScreen[RemovedFile]):
    """Lists files in sources whose uploads were deleted, and brings them back."""

    HELP_TITLE = "Deleted files in sources"
    PARTS = (RemovedList,)
    BINDINGS: ClassVar[list[BindingType]] = [
        action("removed-back", "escape,q", "go_back", "back", "Back to the sources", MOVE),
    ]
    AUTO_FOCUS = "RemovedList"
    NOTHING = (
        "Nothing here.\n\nFiles in sources whose uploads you delete are listed here."
        "\nNo scan brings them back, but you can."
    )

    def __init__(self, library: Library, clock: Callable[[], datetime]) -> None:
        super().__init__(library)
        self._clock = clock

    def make_list(self) -> ChoiceList:
        """Return the list."""
        return RemovedList(id="list")

    async def read(self) -> list[RemovedFile]:
        """Return the files."""
        return await self.library.sources.removed()

    def title_words(self) -> str:
        """Return how many there are."""
        return f"Deleted in sources  {counted(len(self.entries), 'file')}" if self.entries else "Deleted in sources"

    def entry_key(self, entry: RemovedFile) -> Hashable:
        """Return its path."""
        return entry.path

    def entry_words(self, entry: RemovedFile) -> Content:
        """Return its path, and since when."""
        where = "in the trash" if entry.upload_id else "no longer in the trash"
        facts = f"deleted {ago_words(entry.removed_at, self._clock())} · {where}"
        return Content.assemble(
            fit_path(entry.path, max(10, self.size.width - AROUND_LIST)), f"\n{INDENT}", (facts, "$dim")
        )

    @on(OptionList.OptionSelected)
    def _restore_chosen(self) -> None:
        self._restore()

    @lasting
    async def _restore(self) -> None:
        with self.notices.errors_told():
            if not self.entries or (entry := self.chosen) is None:
                return
            restored, forgiven = await self.library.sources.restore([entry.path])
            name = visible(entry.path.name)
            if restored:
                self.notices.tell(f"Restored {name}.")
            elif forgiven:
                self.notices.tell(f"{name} comes back with the next scan.")
            if is_open(self):
                await self.show_read()
