"""What the parts of the uploads screen share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from textual import work
from textual.screen import Screen

from vuemantics_tui.domain.upload import Upload, UploadRow, status_word
from vuemantics_tui.domain.view import View
from vuemantics_tui.library import Library, SearchResults
from vuemantics_tui.ui.keymap import first_key
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import PictureLoader
from vuemantics_tui.ui.uploads.gallery import Gallery
from vuemantics_tui.ui.uploads.intake import Adding
from vuemantics_tui.ui.uploads.pane import UploadPane
from vuemantics_tui.ui.uploads.pane_why import Why
from vuemantics_tui.ui.uploads.search_bar import SearchLine
from vuemantics_tui.ui.uploads.search_hint import SearchHint
from vuemantics_tui.ui.uploads.table import UploadTable
from vuemantics_tui.ui.uploads.table_heading import TableHeading
from vuemantics_tui.ui.uploads.upload_list import Showing
from vuemantics_tui.ui.widgets.words import Words

# Drawn tiles; one takes some 80 kB.
MOST_TILES = 300


class UploadsBase(Screen[None]):
    """Holds the library, the table, and what the table shows."""

    def __init__(
        self,
        library: Library,
        notices: Notices,
        clock: Callable[[], datetime],
        view: View | None = None,
        *,
        quadrants: bool = False,
    ) -> None:
        super().__init__()
        self.library = library
        self.notices = notices
        self.clock = clock
        self.table = UploadTable(library.uploads.rows, self._word_of, clock, id="uploads")
        self.showing = Showing(library, self.table, view or View())
        self.adder = Adding(library, notices)
        self._explained: SearchResults | None = None
        self.pictures = PictureLoader(quadrants=quadrants)
        self.gallery = Gallery(
            library, self.table, PictureLoader(quadrants=quadrants, most_kept=MOST_TILES), id="gallery"
        )

    @property
    def in_front(self) -> UploadTable | Gallery:
        """What lists the uploads just now: the table, or the gallery."""
        return self.gallery if self.has_class("-gallery") else self.table

    @property
    def adding(self) -> bool:
        """Whether files are being copied just now."""
        return self.adder.progress is not None

    def why(self, upload: Upload) -> Why | None:
        """Why the search found an upload, where one did."""
        hit = self.showing.hit(upload.number)
        return None if hit is None else Why(hit, hit.sentence, self.showing.text)

    async def nearest_sentence(self, upload: Upload, text: str) -> str:
        """The sentence of it that is nearest to a search line."""
        return await self.library.search.sentence(text, upload)

    def _word_of(self, row: UploadRow) -> str:
        return status_word(row.stage, error_kind=row.error_kind, frame=self.library.queue.frames.get(row.id))

    @work(group="showing", exclusive=True, exit_on_error=False)
    async def change_table(self, change: Callable[[], Awaitable[None]]) -> None:
        with self.notices.errors_told():
            await change()
            self.say()

    def say(self) -> None:
        """Say in words what the table shows, and where it shows nothing, why."""
        found = self.showing.found
        line = self.query_one(SearchLine)
        line.say(self.showing.words(first_key("show-below", self.app._keymap)))
        line.show_scores(found)
        self.query_one(SearchHint).note(found.note if found is not None else "")
        if found is not self._explained:
            self._explained = found
            self.query_one(UploadPane).explain_anew()
        self.query_one(TableHeading).scores = self.table.shows_scores
        nothing = self.table.line_count == 0 and not self.has_class("-empty")
        self.query_one("#nothing", Words).say(f"Nothing here: {self.showing.words()}" if nothing else "")
        self.set_class(nothing, "-nothing")
