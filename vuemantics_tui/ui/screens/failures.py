"""FailuresScreen: failures by cause, and how to fix them."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList
from textual.worker import Worker

from vuemantics_tui.domain.query import ChoiceField, ChoiceFilter, TextField, TextFilter
from vuemantics_tui.domain.query.line import literal
from vuemantics_tui.domain.text import counted, size_words, visible
from vuemantics_tui.domain.upload import FailedUpload, FailureGroup, without_prefix
from vuemantics_tui.ui.actions import ACT, FIND, MOVE, action, key_of
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader
from vuemantics_tui.ui.screens.page import ListScreen, is_open
from vuemantics_tui.ui.uploads.commands import ListWanted, UploadCommands
from vuemantics_tui.ui.uploads.upload_list import UploadList
from vuemantics_tui.ui.widgets.cursor_list import ChoiceList
from vuemantics_tui.ui.widgets.keys_line import FooterKey, KeysLine
from vuemantics_tui.ui.widgets.one_line import fit, fit_name

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

BAR_CELLS = 24


class PullLine(Widget):
    """The progress of a download: two lines, hidden otherwise."""

    DEFAULT_CSS = """
    PullLine {
        display: none;
        height: 2;
        padding: 0 1;
        background: $panel;

        &.-pulling {
            display: block;
        }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._model = ""
        self._status = ""
        self._done = self._all = 0

    def begin(self, model: str) -> None:
        """Show that the download of a model starts."""
        self._model = visible(model)
        self.add_class("-pulling")
        self.progressed("", 0, 0)

    def progressed(self, status: str, bytes_so_far: int, bytes_in_all: int) -> None:
        """Show how far the download is; both numbers are 0 if that is unknown."""
        self._status, self._done, self._all = visible(status), bytes_so_far, bytes_in_all
        self.refresh()

    def end(self) -> None:
        """Show that the download has ended."""
        self.remove_class("-pulling")

    def render(self) -> Content:
        """Return the model and the status; a bar, percent and bytes if they are known."""
        head = Content.assemble(("Downloading ", "$dim"), (self._model, "bold"), (f"  {self._status}", "$dim"))
        if not self._all:
            return Content.assemble(head, "\n", ("━" * BAR_CELLS, "$line"))
        share = min(1.0, self._done / self._all)
        filled = round(BAR_CELLS * share)
        return Content.assemble(
            head,
            "\n",
            ("━" * filled, "$running"),
            ("━" * (BAR_CELLS - filled), "$line"),
            f" {100 * share:3.0f} %",
            (f"  {size_words(self._done)} of {size_words(self._all)}", "$dim"),
        )


# Each time, all that failed is read.
READ_REST_SECONDS = 0.5
LEAST_NAME_CELLS, MOST_NAME_CELLS = 12, 40
INDENT = "    "
# The list's padding, and its scrollbar.
AROUND_LIST = 3


@dataclass(frozen=True, slots=True)
class FailureEntry:
    """A line of the list: a cause, one of its uploads, or how many `more` of them there are."""

    group: FailureGroup
    upload: FailedUpload | None = None
    more: int = 0

    @property
    def key(self) -> Hashable:
        """Return what identifies it."""
        return self.upload.id if self.upload else (self.group.cause, bool(self.more))

    @property
    def count(self) -> int:
        """How many uploads an action on it is about."""
        return 1 if self.upload else self.group.count


class FailureList(ChoiceList):
    """The causes, each followed by its uploads."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action("open-failure", "enter", "select", "details", "Show the details; on a cause, list its uploads", ACT),
    ]


class FailureCommands(UploadCommands):
    """The actions on failures: those on all uploads, but a retry downloads a missing model first."""

    def action_retry_upload(self) -> Worker[None]:
        """Retry the upload, or all of a cause."""
        screen = self.screen
        pull = screen.pull() if isinstance(screen, FailuresScreen) else None
        return pull or super().action_retry_upload()


class FailuresScreen(ListScreen[FailureEntry]):
    """Lists failures, keeps the list up to date, and applies the fix. Dismisses with a search to run, or None."""

    HELP_TITLE = "Failures"
    PARTS = (FailureList,)
    AROUND = (FailureCommands,)
    DEFAULT_CSS = """
    FailuresScreen UploadCommands {
        height: 100%;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        action("list-failed", "slash", "list_failed", "list all", "Show all of the cause in the list", FIND),
        action("failures-back", "escape,q,F", "go_back", "back", "Cancel the download; back to the list", MOVE),
    ]
    AUTO_FOCUS = "FailureList"
    NOTHING = "No failures.\n\nCancelled uploads are not listed here."

    def __init__(self, library: Library, uploads: UploadList, clock: Callable[[], datetime]) -> None:
        super().__init__(library)
        self._uploads = uploads
        self._clock = clock
        self._pulling: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        """Yield a title, the groups, the download and the keys."""
        with FailureCommands(
            self.library,
            self._uploads,
            self._clock,
            only=lambda: next(iter(self._numbers), None),
            group=lambda: self._numbers,
        ):
            for widget in super().compose():
                if isinstance(widget, KeysLine):
                    yield PullLine(id="failures-pull")
                yield widget

    def on_mount(self) -> None:
        """Start to follow failures."""
        self._reader = Reader(self, self.show_read, rest=READ_REST_SECONDS)
        Feed.of(self).follow(self)

    def on_resize(self) -> None:
        """Cut the lines to the new width."""
        self.show_entries()

    @on(LibraryChanged)
    def _library_changed(self) -> None:
        self._reader.want()

    # What is listed

    def make_list(self) -> ChoiceList:
        """Return the list."""
        return FailureList(id="list")

    async def read(self) -> list[FailureEntry]:
        """Return every cause, with its newest uploads below it."""
        entries: list[FailureEntry] = []
        for group in await self.library.queue.store.failure_groups():
            entries.append(FailureEntry(group))
            entries += [FailureEntry(group, upload) for upload in group.uploads]
            if more := group.count - len(group.uploads):
                entries.append(FailureEntry(group, more=more))
        return entries

    def title_words(self) -> str:
        """Return how many there are."""
        causes = [entry.group.count for entry in self.entries if not (entry.upload or entry.more)]
        return f"{counted(sum(causes), 'failure')}, {counted(len(causes), 'cause')}" if causes else "Failures"

    def entry_key(self, entry: FailureEntry) -> Hashable:
        """Return what identifies it."""
        return entry.key

    def entry_words(self, entry: FailureEntry) -> Content:
        """Return the cause with what to do about it; or a name, with what is special about it."""
        width = self.size.width - AROUND_LIST
        if entry.more:
            return Content.styled(f"{INDENT}and {entry.more:,} more", "$dim")
        return upload_words(entry.upload, entry.group, width) if entry.upload else group_words(entry.group, width)

    # What can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable listing without failures."""
        return action != "list_failed" or self._chosen is not None

    @property
    def _chosen(self) -> FailureEntry | None:
        return self.chosen if self.is_mounted and self.entries else None

    @property
    def _numbers(self) -> Sequence[int]:
        """Those of the uploads that actions are about."""
        entry = self._chosen
        if entry is None:
            return ()
        return (entry.upload.number,) if entry.upload else entry.group.numbers

    def show_entries(self) -> None:
        """Draw the entries again. With none left, the last action can still be undone."""
        super().show_entries()
        commands = self.query_one(UploadCommands)
        commands.can_focus = not self.entries
        if not self.entries:
            commands.focus()

    @property
    def footer(self) -> tuple[FooterKey, ...]:
        """The keys for the line under the cursor."""
        back = FooterKey("failures-back", "cancel the download" if self._pulling else "back")
        last = (back, FooterKey("show-help"))
        entry = self._chosen
        if entry is None:
            return last
        whole = f" all {entry.count:,}" if entry.count > 1 else ""
        retry = FooterKey("retry-upload", "download and retry" if self._pulls(entry.group) else f"retry{whole}")
        delete = FooterKey("delete-upload", f"delete{whole}")
        if entry.upload is None:
            return (FooterKey("open-failure", "list"), retry, delete, *last)
        return (FooterKey("open-failure", "details"), retry, delete, FooterKey("list-failed", "list all"), *last)

    @on(OptionList.OptionHighlighted)
    def _rename_keys(self) -> None:
        self.refresh_bindings()

    def _pulls(self, group: FailureGroup) -> bool:
        return bool(group.missing_model) and self.library.analyzer.can_pull

    @on(OptionList.OptionSelected)
    def _open(self) -> None:
        if self._chosen is not None and self._chosen.upload is not None:
            self.query_one(UploadCommands).action_show_details()
        else:
            self.action_list_failed()

    def action_list_failed(self) -> None:
        """Show the group in the list of uploads."""
        if self._chosen is not None:
            self.dismiss(listing_of(self._chosen.group))

    @on(ListWanted)
    def _show_list(self) -> None:
        self.dismiss(None)

    def pull(self) -> Worker[None] | None:
        """Download the model that the failure under the cursor lacks, then retry what waited for it; None if none."""
        if (entry := self._chosen) is None or not self._pulls(entry.group):
            return None
        if self._pulling is not None:
            self.notices.tell("A model is already being downloaded.", f"{key_of(self, 'failures-back')} cancels it.")
            return self._pulling
        worker: Worker[None] = self._pull(entry.group)
        self._pulling = worker
        self._rename_keys()
        return worker

    @work(group="pulling", exit_on_error=False)
    async def _pull(self, group: FailureGroup) -> None:
        line = self.query_one(PullLine)
        line.begin(group.missing_model)
        try:
            with self.notices.errors_told():
                await self.library.analyzer.pull(group.missing_model, line.progressed)
                await self._retry_all_without(group.missing_model)
        finally:
            self._pulling = None
            if is_open(self):
                line.end()
                self._rename_keys()

    async def _retry_all_without(self, model: str) -> None:
        groups = await self.library.queue.store.failure_groups()
        moved: list[str] = []
        for group in groups:
            if group.missing_model == model:
                moved += await self.library.queue.retry_group(group.cause)
        self.notices.tell(f"Retrying {counted(len(moved), 'upload')}.")
        await self.show_read()

    def action_go_back(self) -> None:
        """Cancel the download, or go back to the previous screen."""
        if self._pulling is None:
            self.dismiss(None)
        else:
            self._pulling.cancel()
            self.notices.tell("Cancelled the download.", "The server keeps what it has so far.")


def group_words(group: FailureGroup, width: int) -> Content:
    """Return how many, why, and what to do about it, in lines of so many cells."""
    room = max(LEAST_NAME_CELLS, width - len(INDENT))
    sign = Content.styled("✗ ", "$error")
    reason = f"{group.count:,} × {visible(group.words) or 'no reason given'}"
    lines = [Content.assemble(INDENT, line) for line in Content.styled(reason, "bold").wrap(room)]
    lines[0] = Content.assemble(sign, lines[0][len(INDENT) :])
    if group.hint:
        hint = Content.styled(visible(group.hint), "$warning").wrap(room)
        lines += [Content.assemble(INDENT, line) for line in hint]
    return Content("\n").join(lines)


def upload_words(upload: FailedUpload, group: FailureGroup, width: int) -> Content:
    """Return the name, and what its message says beyond the cause, on one line of so many cells."""
    room = max(0, width - len(INDENT))
    special = without_prefix(upload.message)
    if special == group.words:
        return Content.assemble(INDENT, fit_name(visible(upload.filename), room).rstrip())
    special = visible(special.removeprefix(f"{group.cause}: "))
    cells = min(room, max(LEAST_NAME_CELLS, min(MOST_NAME_CELLS, room // 2)))
    return Content.assemble(
        INDENT,
        f"{fit_name(visible(upload.filename), cells)}  ",
        (fit(special, max(0, room - cells - 2)).rstrip(), "$dim"),
    )


def listing_of(group: FailureGroup) -> str:
    """Return the search that lists the uploads of a group."""
    # What a quoted value cannot hold, and numbers, which differ from file to file, may be anything.
    pieces = re.split(r'(?:…|"|\s\s)+', group.cause)
    if not any(pieces):
        return str(ChoiceFilter(ChoiceField.STATUS, "failed"))
    text = "*".join(literal(piece) for piece in ("", *pieces, "")) if len(pieces) > 1 else literal(pieces[0])
    return str(TextFilter(TextField.ERROR, text))
