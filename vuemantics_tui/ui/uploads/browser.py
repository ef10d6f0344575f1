"""Browser: the uploads of a list, as a table or as a gallery, or in words why there are none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical

from vuemantics_tui.domain.fields import dimension_words
from vuemantics_tui.domain.text import date_words, visible
from vuemantics_tui.domain.upload import reason_of
from vuemantics_tui.ui.actions import key_of
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import PictureLoader
from vuemantics_tui.ui.uploads.columns import TableColumns, shown_words
from vuemantics_tui.ui.uploads.days import month_words
from vuemantics_tui.ui.uploads.gallery import CaptionsSwitched, Gallery, TileRead
from vuemantics_tui.ui.uploads.table import TableHeading, UploadTable
from vuemantics_tui.ui.uploads.tiles import state_badge
from vuemantics_tui.ui.uploads.upload_list import Change, UploadList
from vuemantics_tui.ui.widgets.one_line import Part, TwoSidedLine, Words, fit

if TYPE_CHECKING:
    from vuemantics_tui.library import Library


# Of a description, as far as one line goes.
LONGEST_GIST = 60


class CursorLine(TwoSidedLine):
    """What the tile under the cursor shows, in words; and how many uploads are marked."""

    DEFAULT_CSS = """
    CursorLine {
        height: 1;
        padding: 0 1;
        background: $panel;
    }
    """

    def __init__(self, uploads: UploadList, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._uploads = uploads
        self._said: list[Part] = []

    def update(self) -> None:
        """Update whatever changed."""
        if self._said != (said := self.left_part()):
            self._said = said
            # Without the blanks beside it, which never change.
            self.refresh(*([self.content_size.region] if self.content_size else []))

    def left_part(self) -> list[Part]:
        """Return the marks, and what the upload is: 2 marked  chelsea.png · a cat · 300 × 451 · 2 Jun 2024 09:12."""
        parts: list[Part] = []
        if marked := len(self._uploads.marks):
            parts.append((f"{marked:,} marked  ", "bold $warning"))
        row = self._uploads.cursor_row
        if row is not None:
            parts.append((visible(row.filename), "$foreground"))
            told = [word.removeprefix("· ")] if (word := state_badge(row, self._uploads.word_of(row))) else []
            told += [visible(reason_of(row))] if reason_of(row) else []
            gist = shown_words(row.description or "").partition(". ")[0].removesuffix(".")
            told += [fit(gist, LONGEST_GIST).rstrip(), dimension_words(row), date_words(row.taken_at, own_clock=True)]
            parts.append(("".join(f" · {each}" for each in told if each), "$dim"))
        return parts


class Browser(Vertical):
    """Shows one of two views of an UploadList."""

    def __init__(
        self,
        library: Library,
        uploads: UploadList,
        clock: Callable[[], datetime],
        pictures: PictureLoader,
        columns: TableColumns,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._uploads = uploads
        self._columns = columns
        self._table = UploadTable(uploads, columns, clock, id="uploads")
        self._gallery = Gallery(library, uploads, pictures, id="gallery")
        self._cursor_line = CursorLine(uploads, id="cursor-line")

    def compose(self) -> ComposeResult:
        """Yield the table with its heading, the gallery, and the message of an empty list."""
        yield TableHeading(self._uploads, self._columns, id="heading")
        yield self._table
        yield self._gallery
        yield Words(id="nothing")
        yield self._cursor_line
        yield Words(id="bubble")

    def on_mount(self) -> None:
        """Follow the list."""
        self._captions_switched()
        for view in (self._table, self._gallery):
            self.watch(view.vertical_scrollbar, "grabbed", self._show_date, init=False)
            self.watch(view, "scroll_y", self._show_date, init=False)
        self._uploads.listeners.append(self._list_changed)

    @property
    def shows_gallery(self) -> bool:
        """Whether the gallery is in front."""
        return self.has_class("-gallery")

    @property
    def in_front(self) -> UploadTable | Gallery:
        """Return the view in front, which takes the keys."""
        return self._gallery if self.shows_gallery else self._table

    def switch(self) -> None:
        """Show the gallery in place of the table, or back."""
        self.toggle_class("-gallery")
        # Hidden widgets cannot be focused, and a gallery that was hidden knows nothing of the list.
        self.call_after_refresh(self.in_front.focus)
        self.call_after_refresh(self._gallery.sync)

    def _show_date(self) -> None:
        """Show the date of the uploads there beside the scrollbar while it is dragged."""
        view, bubble = self.in_front, self.query_one("#bubble", Words)
        first = self._gallery.first_in_view if self.shows_gallery else round(view.scroll_y)
        dragged = view.vertical_scrollbar.grabbed is not None and self._uploads.is_by_date
        if not dragged or first >= len(self._uploads):
            bubble.display = False
            return
        if not self._uploads.days.is_current:
            self._read_days()
            return
        words = month_words(self._uploads.days.of(self._uploads[first]))
        bubble.say(f" {words} ")
        thumb = view.scroll_y * view.size.height / max(1, view.virtual_size.height)
        x = self.size.width - 2 - len(words) - 2
        bubble.styles.offset = (max(0, x), view.region.y - self.region.y + round(thumb))
        bubble.display = True

    @work(group="days", exclusive=True, exit_on_error=False)
    async def _read_days(self) -> None:
        with Notices.of(self).errors_told():
            await self._uploads.days.read()
            self._show_date()

    @on(TileRead)
    def _tile_read(self) -> None:
        self._cursor_line.update()

    @on(CaptionsSwitched)
    def _captions_switched(self) -> None:
        self.set_class(self._gallery.captions, "-captions")

    def _list_changed(self, change: Change) -> None:
        if self.is_attached and self.shows_gallery:
            self._cursor_line.update()
        if self.is_attached and change not in (Change.CURSOR, Change.ROWS):
            nothing = len(self._uploads) == 0
            self.query_one("#nothing", Words).say(self._why_nothing() if nothing else "")
            self.set_class(nothing, "-nothing")

    def _why_nothing(self) -> str:
        if self._uploads.results is not None and self._uploads.view.narrows and self._uploads.results.count:
            return f"{self._uploads.words()}. {key_of(self, 'filter-by')}, then a shows them all."
        if self._uploads.results is not None:
            return f"{self._uploads.words(below_key=key_of(self, 'show-below'))}."
        if self._uploads.view.is_default:
            return f"All uploads are hidden. {key_of(self, 'filter-by')}, then h includes them."
        return f"No uploads: {self._uploads.words(clear_key=key_of(self, 'clear-view'))}"
