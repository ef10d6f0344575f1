"""DetailScreen: one upload on the whole screen, and all that is known of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen

from vuemantics_tui.library import Library
from vuemantics_tui.ui.actions import MOVE, VIEW, action
from vuemantics_tui.ui.feed import Feed, LibraryChanged, TimePassed, WorkProgressed
from vuemantics_tui.ui.messages import LoadFailed
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import PictureLoader
from vuemantics_tui.ui.screens.reading import READING
from vuemantics_tui.ui.uploads.facts import FactsPage, facts_of
from vuemantics_tui.ui.uploads.pane import PageShown, UploadPane
from vuemantics_tui.ui.uploads.pane_why import Explainer
from vuemantics_tui.ui.widgets.keys_line import KeysLine


class DetailScreen(Screen[None]):
    """Shows the upload of a number, following it; with `metadata`, all that is known of it.

    `explainer` tells why a search found it.
    """

    HELP_TITLE = "One upload in full screen"
    HELP_SIGNS = True
    BINDINGS: ClassVar[list[BindingType]] = [
        action("toggle-metadata", "i", "toggle_metadata", "all facts", "Show all details, or fewer", VIEW),
        *READING,
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
        explainer: Explainer | None = None,
    ) -> None:
        super().__init__(classes="-metadata" if metadata else "")
        self._library = library
        self._number = number
        self._clock = clock
        self._metadata_first = metadata
        self._loader = loader
        self._explainer = explainer
        self._deleted = False

    def compose(self) -> ComposeResult:
        """The pane, the page of facts in its place, the keys."""
        yield UploadPane(self._library, self._clock, loader=self._loader, explainer=self._explainer, while_hidden=True)
        yield FactsPage()
        yield KeysLine(id="detail-keys")

    def on_mount(self) -> None:
        """Begin to follow the upload."""
        self._notices = Notices.of(self)
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

    @on(LoadFailed)
    def _load_failed(self, message: LoadFailed) -> None:
        message.stop()
        self._notices.tell_error(message.error)

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
