"""DetailScreen: everything known about one upload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from vuemantics_tui.domain.fields import Absolute, Fact, facts
from vuemantics_tui.domain.text import date_words, lines_of, seconds_words, visible
from vuemantics_tui.domain.upload import ProcessingStatus, Upload, UploadEvent
from vuemantics_tui.ui.actions import MOVE, action
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.screens.page import READING, Reading
from vuemantics_tui.ui.textual_private import SteadyScreen
from vuemantics_tui.ui.uploads.commands import ListWanted, UploadCommands
from vuemantics_tui.ui.uploads.upload_list import UploadList
from vuemantics_tui.ui.widgets.keys_line import FooterKey, KeysLine
from vuemantics_tui.ui.widgets.one_line import Words

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

READ_AGAIN_SECONDS = 0.5
LABEL_CELLS = 16
MOMENT_CELLS = 21

Section = tuple[str, int, list[Fact]]
"""A heading, how many cells its labels take, and its facts."""


_NEXT = (
    FooterKey("edit-tags", "tag"),
    FooterKey("rate-0 rate-5", "rate"),
    FooterKey("find-similar"),
    FooterKey("delete-upload"),
    FooterKey("scroll-down"),
    FooterKey("show-help"),
    FooterKey("detail-back"),
)


class DetailScreen(Reading, SteadyScreen[bool]):
    """Shows everything known about an upload and keeps it up to date. Dismisses with whether to go back to the list."""

    HELP_TITLE = "All details of an upload"
    HELP_SIGNS = True
    AROUND = (UploadCommands,)
    BINDINGS: ClassVar[list[BindingType]] = [
        *READING,
        action("detail-back", "escape,q,enter", "go_back", "back", "Back", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")

    def __init__(self, library: Library, number: int, uploads: UploadList, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._library = library
        self._number = number
        self._uploads = uploads
        self._clock = clock
        self._deleted = False
        self._failed = False
        self._reader = Reader(self, self._read, rest=READ_AGAIN_SECONDS)

    def compose(self) -> ComposeResult:
        """Yield a title, the page of facts and the keys."""
        with UploadCommands(self._library, self._uploads, self._clock, only=lambda: self._number):
            yield Words(id="detail-title")
            yield FactsPage()
            yield KeysLine(id="detail-keys")

    @property
    def footer(self) -> tuple[FooterKey, ...]:
        """The keys for this upload: what failed is retried first, the rest is seldom described again."""
        return (FooterKey("retry-upload", "retry"), *_NEXT) if self._failed else _NEXT

    def on_mount(self) -> None:
        """Start to follow the upload."""
        commands = self.query_one(UploadCommands)
        commands.can_focus = True
        commands.focus()
        Feed.of(self).follow(self)
        self._reader.want()

    # Following the library

    async def _read(self) -> None:
        upload = await self._library.uploads.by_number(self._number)
        if upload is not None:
            history = await self._library.history.of(self._number)
            copies = await self._library.sources.copies(upload)
            if self.is_attached:
                self.query_one("#detail-title", Words).say(f"{visible(upload.filename)}  details")
                self._failed = upload.status is ProcessingStatus.FAILED
                self.query_one(KeysLine).refresh()
                self.query_one(FactsPage).show(facts_of(upload, history, self._library.absolute, copies))

    @on(LibraryChanged)
    def _library_changed(self, message: LibraryChanged) -> None:
        if message.is_reset or self._number in message.changed:
            self._reader.want()
        self._deleted = self._deleted or self._number in message.deleted
        self._leave_if_deleted()

    @on(events.ScreenResume)
    def _leave_if_deleted(self) -> None:
        # Not from under a question that is asked on top of it.
        if self._deleted and self.is_current:
            Notices.of(self).tell("This upload was moved to the trash.")
            self.dismiss(False)

    @on(ListWanted)
    def _show_list(self) -> None:
        self.dismiss(True)

    def action_go_back(self) -> None:
        """Go back to the previous screen."""
        self.dismiss(False)


def facts_of(
    upload: Upload, history: Sequence[UploadEvent], absolute: Absolute, copies: Sequence[Path]
) -> list[Section]:
    """Return all that is known, in sections, and what happened.

    `absolute` says where a file of the library is; `copies` are other files with the same bytes.
    """
    return [
        *((heading, LABEL_CELLS, found) for heading, found in facts(upload, absolute, copies)),
        ("History", MOMENT_CELLS, [(date_words(event.at, seconds=True), _event(event)) for event in history]),
    ]


def _event(event: UploadEvent) -> str:
    took = "" if event.seconds is None else f"({seconds_words(event.seconds)})"
    return " ".join(part for part in (event.kind, event.message, took) if part)


class FactsText(Widget):
    """Labels and values in two columns, the values wrapped in theirs."""

    DEFAULT_CSS = """
    FactsText {
        width: 100%;
        max-width: 120;
        height: auto;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._sections: list[Section] = []
        self._laid_out: tuple[int, list[Content]] | None = None

    def show(self, sections: list[Section]) -> None:
        """Show these."""
        if sections != self._sections:
            self._sections = sections
            self._laid_out = None
            self.refresh(layout=True)

    def _lines(self, width: int) -> list[Content]:
        if self._laid_out is None or self._laid_out[0] != width:
            self._laid_out = (width, fact_lines(self._sections, width))
        return self._laid_out[1]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return all lines."""
        return max(1, len(self._lines(width)))

    def render(self) -> Content:
        """Return the lines."""
        return Content("\n").join(self._lines(self.content_size.width))


def fact_lines(sections: Sequence[Section], width: int) -> list[Content]:
    """Return the sections as lines of at most `width` cells; what has no value is left out."""
    lines: list[Content] = []
    for heading, label_cells, found in sections:
        told = [(label, lines_of(value)) for label, value in found if value.strip()]
        if not told:
            continue
        lines += [Content("")] if lines else []
        lines.append(Content.styled(heading, "bold $accent"))
        for label, value in told:
            name = visible(label)
            for line in Content(value).wrap(max(8, width - label_cells)):
                lines.append(Content.assemble((name.ljust(label_cells), "$dim"), line))
                name = ""
    return lines


class FactsPage(VerticalScroll, can_focus=False):
    """A page of facts that scrolls."""

    DEFAULT_CSS = """
    FactsPage {
        background: $surface;
        padding: 0 0 0 1;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        scrollbar-background: $surface;
        scrollbar-background-hover: $surface;
        scrollbar-background-active: $surface;
    }
    """

    def compose(self) -> ComposeResult:
        """Yield the facts."""
        yield FactsText()

    def show(self, sections: list[Section]) -> None:
        """Show these."""
        self.query_one(FactsText).show(sections)
