"""DetailScreen: one upload on the whole screen, and all that is known of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

from vuemantics_tui.domain.fields import Absolute, Fact, facts
from vuemantics_tui.domain.text import date_words, seconds_words, visible
from vuemantics_tui.domain.upload import Upload, UploadEvent
from vuemantics_tui.ui.actions import MOVE, VIEW, action
from vuemantics_tui.ui.feed import Feed, LibraryChanged, TimePassed, WorkProgressed
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.phrases import lines_of
from vuemantics_tui.ui.pictures.loader import PictureLoader
from vuemantics_tui.ui.screens.page import READING
from vuemantics_tui.ui.uploads.commands import RATING, UploadCommands
from vuemantics_tui.ui.uploads.pane import PageShown, UploadPane
from vuemantics_tui.ui.uploads.results import Why
from vuemantics_tui.ui.widgets.keys_line import KeysLine

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

LABEL_CELLS = 16
MOMENT_CELLS = 21
WIDEST = 120

Section = tuple[str, int, list[Fact]]
"""A heading, how many cells its labels take, and its facts."""


class DetailScreen(Screen[None]):
    """Shows the upload of a number, following it; with `metadata`, all that is known of it.

    `why` tells why a search found it.
    """

    HELP_TITLE = "One upload in full screen"
    HELP_SIGNS = True
    BINDINGS: ClassVar[list[BindingType]] = [
        action("toggle-metadata", "i", "toggle_metadata", "all facts", "Show all details, or fewer", VIEW),
        *READING,
        *RATING,
        action("detail-back", "escape,q,enter", "go_back", "back", "Back", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")

    def __init__(
        self,
        library: Library,
        number: int,
        clock: Callable[[], datetime],
        *,
        metadata: bool = False,
        loader: PictureLoader | None = None,
        why: Callable[[Upload], Why | None] = lambda upload: None,
        commands: UploadCommands | None = None,
    ) -> None:
        super().__init__(classes="-metadata" if metadata else "")
        self._library = library
        self._number = number
        self._clock = clock
        self._metadata_first = metadata
        self._loader = loader
        self._why = why
        self._commands = commands
        self._deleted = False

    def compose(self) -> ComposeResult:
        """The pane, the page of facts in its place, the keys."""
        yield UploadPane(self._library, self._clock, loader=self._loader, why=self._why, while_hidden=True)
        yield FactsPage()
        yield KeysLine(id="detail-keys")

    def on_mount(self) -> None:
        """Begin to follow the upload."""
        self._notices = Notices.of(self)
        self._commands = self._commands or UploadCommands(self.app, self._library)
        self.query_one(UploadPane).show(self._number)
        self._rename_keys()
        feed = Feed.of(self)
        feed.follow(self)
        if feed.counts is not None:
            self.query_one(UploadPane).paused = feed.counts.paused

    # Following the library

    @on(LibraryChanged)
    def _library_changed(self, message: LibraryChanged) -> None:
        pane = self.query_one(UploadPane)
        pane.paused = message.counts.paused
        pane.refresh_if(message.changed)
        self._deleted = self._deleted or self._number in message.deleted
        self._leave_if_deleted()

    @on(events.ScreenResume)
    def _leave_if_deleted(self) -> None:
        # Not from under a question that is asked on top of it.
        if self._deleted and self.is_current:
            self._notices.tell("This upload was moved to the trash.")
            self.dismiss()

    @on(WorkProgressed)
    @on(TimePassed)
    def _repaint_outdated(self) -> None:
        self.query_one(UploadPane).repaint_outdated()

    @on(PageShown)
    def _page_shown(self, message: PageShown) -> None:
        message.stop()
        self.query_one(FactsPage).show(facts_of(message.upload, message.history, self._library.absolute))

    # Moving

    @property
    def _page(self) -> VerticalScroll:
        return self.query_one(FactsPage) if self.has_class("-metadata") else self.query_one(UploadPane)

    def action_scroll_lines(self, lines: int) -> None:
        """So many lines down."""
        self._page.scroll_relative(y=lines, animate=False)

    def action_scroll_pages(self, pages: int) -> None:
        """So many pages down, with a line of the one before."""
        self._page.scroll_relative(y=pages * max(1, self._page.size.height - 1), animate=False)

    def action_scroll_to_top(self) -> None:
        """To the first line."""
        self._page.scroll_home(animate=False)

    def action_scroll_to_bottom(self) -> None:
        """To the last line."""
        self._page.scroll_end(animate=False)

    # Rating

    @work(group="acting", exit_on_error=False)
    async def action_rate(self, stars: int) -> None:
        """Rate with so many stars."""
        if self._commands is not None:
            await self._commands.rate([self._number], stars)

    # Pages

    def action_toggle_metadata(self) -> None:
        """All that is known of it, or back."""
        if self.has_class("-metadata"):
            self.action_go_back()
        else:
            self.add_class("-metadata")
            self._rename_keys()

    def action_go_back(self) -> None:
        """To the page before, or to the screen before."""
        if self.has_class("-metadata") and not self._metadata_first:
            self.remove_class("-metadata")
            self._rename_keys()
        else:
            self.dismiss()

    def _rename_keys(self) -> None:
        leads_to = "picture" if self.has_class("-metadata") and not self._metadata_first else "all facts"
        self.query_one(KeysLine).rename("toggle-metadata", "back" if self._metadata_first else leads_to)


def facts_of(upload: Upload, history: Sequence[UploadEvent], absolute: Absolute) -> list[Section]:
    """Everything that is known, in sections, and what happened. `absolute` says where a file of the library is."""
    return [
        *((heading, LABEL_CELLS, found) for heading, found in facts(upload, absolute)),
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
        """All the lines."""
        return max(1, len(self._lines(width)))

    def render(self) -> Content:
        """The lines."""
        return Content("\n").join(self._lines(self.content_size.width))


def fact_lines(sections: Sequence[Section], width: int) -> list[Content]:
    """The sections as lines of at most `width` cells; what has no value is left out."""
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
        """The facts."""
        yield FactsText()

    def show(self, sections: list[Section]) -> None:
        """Show these."""
        self.query_one(FactsText).show(sections)
