"""What the parts of the uploads screen share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from textual import work
from textual.screen import Screen

from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.domain.view import View
from vuemantics_tui.library import Library
from vuemantics_tui.ui.actions import key_of
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import PictureLoader
from vuemantics_tui.ui.uploads.gallery import Gallery
from vuemantics_tui.ui.uploads.intake import Adding
from vuemantics_tui.ui.uploads.pane import UploadPane
from vuemantics_tui.ui.uploads.pane_why import Why
from vuemantics_tui.ui.uploads.results import Results
from vuemantics_tui.ui.uploads.search_bar import SearchLine
from vuemantics_tui.ui.uploads.search_hint import SearchHint
from vuemantics_tui.ui.uploads.table import UploadTable
from vuemantics_tui.ui.uploads.upload_list import UploadList
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
        self.uploads = UploadList(library, view or View())
        self.table = UploadTable(self.uploads, clock, id="uploads")
        self.adder = Adding(library, notices)
        self._explained: Results | None = None
        self.pictures = PictureLoader(quadrants=quadrants)
        self.gallery = Gallery(
            library, self.uploads, PictureLoader(quadrants=quadrants, most_kept=MOST_TILES), id="gallery"
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
        hit = self.uploads.results.hit(upload.number) if self.uploads.results is not None else None
        return None if hit is None else Why(hit, hit.sentence, self.uploads.text)

    async def nearest_sentence(self, upload: Upload, text: str) -> str:
        """The sentence of it that is nearest to a search line."""
        return await self.library.search.sentence(text, upload)

    @work(group="showing", exclusive=True, exit_on_error=False)
    async def change_table(self, change: Callable[[], Awaitable[None]]) -> None:
        with self.notices.errors_told():
            await change()
            self.say()

    def say(self) -> None:
        """Say in words what the table shows, and where it shows nothing, why."""
        uploads = self.uploads
        found = uploads.results.of_line if uploads.results is not None else None
        line = self.query_one(SearchLine)
        clear_key = key_of(self, "clear-view")
        line.say(uploads.words(below_key=key_of(self, "show-below"), clear_key=clear_key))
        line.show_scores(found)
        self.query_one(SearchHint).note(found.note if found is not None else "")
        if uploads.results is not self._explained:
            self._explained = uploads.results
            self.query_one(UploadPane).explain_anew()
        nothing = len(uploads) == 0 and not self.has_class("-empty")
        told = uploads.words(clear_key=clear_key) if nothing else ""
        self.query_one("#nothing", Words).say(f"Nothing here: {told}" if nothing else "")
        self.set_class(nothing, "-nothing")
