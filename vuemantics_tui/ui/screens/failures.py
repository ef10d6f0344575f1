"""FailuresScreen: what failed, by its reason, and what helps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.worker import Worker

from vuemantics_tui.domain.text import counted, size_words, visible
from vuemantics_tui.domain.upload import FailureGroup
from vuemantics_tui.ui.actions import ACT, MOVE, action, key_of
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.phrases import without_prefix
from vuemantics_tui.ui.screens.page import is_open
from vuemantics_tui.ui.widgets.cursor_list import ChoiceList
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import Words

if TYPE_CHECKING:
    from vuemantics_tui.library import Library


BAR_CELLS = 24


class PullLine(Widget):
    """Two lines, or none while nothing is pulled."""

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
        """A model is going to be pulled."""
        self._model = visible(model)
        self.add_class("-pulling")
        self.progressed("", 0, 0)

    def progressed(self, status: str, bytes_so_far: int, bytes_in_all: int) -> None:
        """So far it is; both numbers are 0 where that is not known."""
        self._status, self._done, self._all = visible(status), bytes_so_far, bytes_in_all
        self.refresh()

    def end(self) -> None:
        """Nothing is pulled any more."""
        self.remove_class("-pulling")

    def render(self) -> Content:
        """The model and what is done to it; a bar, percent and bytes where they are known."""
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
NOTHING = "No failures.\n\nCancelled uploads are not listed here."


class FailureList(ChoiceList):
    """The groups; the one under the cursor is retried."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action(
            "retry-failures",
            "enter,r",
            "select",
            "retry",
            "Retry the whole group; downloads a missing model first",
            ACT,
        ),
    ]


class FailuresScreen(Screen[None]):
    """Lists the groups, follows them, and applies what helps."""

    HELP_TITLE = "Failures"
    PARTS = (FailureList,)
    BINDINGS: ClassVar[list[BindingType]] = [
        action("failures-back", "escape,q,F", "go_back", "back", "Cancel the download; back to the list", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = "FailureList"

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._library = library
        self._groups: list[FailureGroup] = []
        self._pulling: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        """A title, the groups, the pull, the keys."""
        yield Words(id="failures-title")
        yield FailureList(id="failures")
        yield Static(NOTHING, id="failures-nothing", markup=False)
        yield PullLine(id="failures-pull")
        yield KeysLine(id="failures-keys")

    def on_mount(self) -> None:
        """Begin to follow what fails."""
        self._notices = Notices.of(self)
        self._reader = Reader(self, self._read, rest=READ_REST_SECONDS)
        self._reader.want()
        Feed.of(self).follow(self)

    # Following the library

    @on(LibraryChanged)
    def _library_changed(self, message: LibraryChanged) -> None:
        if message.moved:
            self._reader.want()

    async def _read(self) -> None:
        self._show(await self._library.queue.store.failure_groups())

    def _show(self, groups: list[FailureGroup]) -> None:
        if not is_open(self):
            return
        failed = sum(group.count for group in groups)
        told = f"{counted(failed, 'failure')}, {counted(len(groups), 'reason')}" if groups else "Failures"
        self.query_one("#failures-title", Words).say(told)
        if bool(groups) == self.has_class("-nothing"):
            self.set_class(not groups, "-nothing")
            # What is hidden has no keys; what was hidden could not be focused until now.
            self.query_one(FailureList).disabled = not groups
            self.call_after_refresh(self.query_one(FailureList).focus)
        if groups == self._groups:
            return
        self._groups = groups
        self.query_one(FailureList).show({group.message: group_words(group) for group in groups})
        self._rename_keys()

    @property
    def _chosen(self) -> FailureGroup | None:
        place = self.query_one(FailureList).place
        return None if place is None else self._groups[place]

    @on(OptionList.OptionHighlighted)
    def _rename_keys(self) -> None:
        keys = self.query_one(KeysLine)
        group = self._chosen
        keys.rename("retry-failures", "download and retry" if group and self._pulls(group) else "retry")
        keys.rename("failures-back", "cancel the download" if self._pulling else "back")

    def _pulls(self, group: FailureGroup) -> bool:
        return bool(group.missing_model) and self._library.analyzer.can_pull

    # The remedy

    @on(OptionList.OptionSelected)
    def _apply_remedy(self) -> None:
        group = self._chosen
        if group is None:
            return
        if not self._pulls(group):
            self._retry(group)
        elif self._pulling is None:
            self._pulling = self._pull(group)
            self._rename_keys()
        else:
            self._notices.tell("A model is already being downloaded.", f"{key_of(self, 'failures-back')} cancels it.")

    @work(group="acting", exit_on_error=False)
    async def _retry(self, group: FailureGroup) -> None:
        with self._notices.errors_told():
            await self._retry_now(group)

    async def _retry_now(self, group: FailureGroup) -> None:
        groups = await self._library.queue.store.failure_groups()
        # The pulled model may be what others waited for, too.
        same = [each for each in groups if group.missing_model and each.missing_model == group.missing_model]
        moved: list[str] = []
        for message in {group.message, *(each.message for each in same)}:
            moved += await self._library.queue.retry_group(message)
        if moved:
            self._notices.tell(f"Retrying {counted(len(moved), 'upload')}.")
        else:
            self._notices.tell("These have changed in the meantime.")
        self._show(await self._library.queue.store.failure_groups())

    @work(group="pulling", exit_on_error=False)
    async def _pull(self, group: FailureGroup) -> None:
        line = self.query_one(PullLine)
        line.begin(group.missing_model)
        try:
            with self._notices.errors_told():
                await self._library.analyzer.pull(group.missing_model, line.progressed)
                await self._retry_now(group)
        finally:
            self._pulling = None
            if is_open(self):
                line.end()
                self._rename_keys()

    def action_go_back(self) -> None:
        """Cancel the pull, or back to the screen before."""
        if self._pulling is None:
            self.dismiss(None)
        else:
            self._pulling.cancel()
            self._notices.tell("Cancelled the download.", "The server keeps what it has so far.")


def group_words(group: FailureGroup) -> Content:
    """How many, why, and what to do about it."""
    lines: Sequence[tuple[str, str]] = [(visible(group.hint), "$warning")] if group.hint else []
    reason = visible(without_prefix(group.message)) or "no reason given"
    return Content.assemble(
        (f"{group.count:,} × ", "bold $error"), (reason, ""), *((f"\n    {text}", style) for text, style in lines)
    )
