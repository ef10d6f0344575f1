"""DetailScreen: one upload on the whole screen, and all that is known of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen

from vuemantics_tui.library import Library
from vuemantics_tui.ui import bindings
from vuemantics_tui.ui.messages import LoadFailed
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import PictureLoader
from vuemantics_tui.ui.screens.reading import is_open
from vuemantics_tui.ui.uploads.facts import FactsPage, facts_of
from vuemantics_tui.ui.uploads.pane import UploadPane
from vuemantics_tui.ui.uploads.pane_why import Explainer
from vuemantics_tui.ui.widgets.keys_line import KeysLine

TICK_SECONDS = 0.1


class DetailScreen(Screen[None]):
    """Shows the upload of a number, following it; with `metadata`, all that is known of it.

    `explainer` tells why a search found it.
    """

    BINDINGS = bindings.DETAIL_SCREEN
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
        self._notices = Notices(self.app)
        self.query_one(UploadPane).show(self._number)
        self._rename_keys()
        self._follow()

    # Following the library

    @work(group="following", exit_on_error=False)
    async def _follow(self) -> None:
        feed = self._library.changes()
        pane = self.query_one(UploadPane)
        begun = False
        while True:
            # A store that refuses for a while must not end the screen's following it.
            with self._notices.errors_told():
                if not begun:
                    await feed.skip_to_now()
                    begun = True
                    await self._take_in_queue()
                    # What changed between the first look and the feed's beginning would not be told.
                    pane.refresh_if([self._number])
                elif (changes := await feed.poll()) is not None:
                    pane.refresh_if(changes.changed)
                    self._deleted = self._deleted or self._number in changes.deleted
                    await self._take_in_queue()
                if is_open(self):
                    self._tick(pane)
            await asyncio.sleep(TICK_SECONDS)

    async def _take_in_queue(self) -> None:
        paused = (await self._library.queue.store.counts()).paused
        if is_open(self):
            self.query_one(UploadPane).paused = paused

    def _tick(self, pane: UploadPane) -> None:
        if self._deleted and self.is_current:
            self._notices.tell("This upload was deleted.")
            self.dismiss()
            return
        pane.repaint_outdated()
        if pane.upload is not None:
            self.query_one(FactsPage).show(facts_of(pane.upload, pane.history, self._library.absolute))

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
