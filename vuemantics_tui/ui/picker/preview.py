"""PreviewPane: the entry under the cursor, as a picture and in words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from rich.segment import Segment
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Size
from textual.strip import Strip
from textual.visual import VisualType
from textual.widget import Widget
from textual.widgets import Static

from vuemantics_tui.domain.text import ago_words, size_words, visible
from vuemantics_tui.ui.picker.file_list import age_cell
from vuemantics_tui.ui.picker.folder import Entry
from vuemantics_tui.ui.picker.marks import Tally

Preview: TypeAlias = "VisualType | list[Strip] | tuple[Strip, ...] | None"
PreviewOf = Callable[[Path, Size], Awaitable["Preview"]]
"""Makes a picture of a file that fits into so many cells: something that Textual can show, or lines drawn already."""

# While a key is held down, no pictures are started.
DEBOUNCE_SECONDS = 0.08
# Of the height, in percent; the rest is for words.
PICTURE_SHARE = 60


class PreviewPicture(Widget):
    """Shows what the preview made, in the middle of its place."""

    def __init__(self) -> None:
        super().__init__()
        self._visual: VisualType = ""
        self._strips: Sequence[Strip] = ()

    def show(self, preview: Preview) -> None:
        """Show this, or nothing."""
        self._strips = preview if isinstance(preview, (list, tuple)) else ()
        self._visual = "" if preview is None or isinstance(preview, (list, tuple)) else preview
        # A drawn picture has its own height; another one may fill the place.
        self.styles.height = len(self._strips) or None
        self.display = preview is not None
        self.refresh()

    def render(self) -> VisualType:
        """Return what is not drawn already."""
        return self._visual

    def get_line_filters(self) -> list[LineFilter]:
        """Leave out the search for the terminal's own colours: pictures have none, and it costs more than the rest."""
        filters = super().get_line_filters()
        return [each for each in filters if not (self._strips and isinstance(each, ANSIToTruecolor))]

    def render_line(self, y: int) -> Strip:
        """Return one line of what is drawn already."""
        if not self._strips:
            return super().render_line(y)
        width, height = self.content_size
        row = y - max(0, (height - len(self._strips)) // 2)
        if not 0 <= row < len(self._strips):
            return Strip.blank(width, self.rich_style)
        strip = self._strips[row]
        before = max(0, width - strip.cell_length) // 2
        return Strip([Segment(" " * before, self.rich_style), *strip]).adjust_cell_length(width, self.rich_style)


class PreviewPane(Vertical):
    """The preview picture of an entry, if there is one, above its facts."""

    def __init__(self, preview: PreviewOf | None, clock: Callable[[], datetime], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._preview = preview
        self._clock = clock
        self._entry: Entry | None = None
        self._tally: Tally | None = None

    def compose(self) -> ComposeResult:
        """Yield the picture and the words."""
        picture = PreviewPicture()
        picture.display = False
        yield picture
        yield Static(id="preview-words", markup=False)

    def show(self, entry: Entry | None, tally: Tally | None = None) -> None:
        """Show this entry: its words at once, its picture once the cursor rests."""
        changed = entry != self._entry
        self._entry, self._tally = entry, tally
        if self.display:
            self._say()
            if changed:
                self._draw_later(entry)

    def draw_again(self) -> None:
        """Draw the picture for another size."""
        if self.display:
            self._say()
            self._draw_later(self._entry)

    def _say(self) -> None:
        words = self._words(self._entry, self._tally) if self._entry else ""
        # Its place is as high as it is: without a new layout, a move of the cursor stays cheap.
        self.query_one("#preview-words", Static).update(words, layout=False)

    @work(group="preview", exclusive=True, exit_on_error=False)
    async def _draw_later(self, entry: Entry | None) -> None:
        picture = self.query_one(PreviewPicture)
        drawn: Preview = None
        if self._preview is not None and entry is not None and entry.is_media:
            await asyncio.sleep(DEBOUNCE_SECONDS)
            room = Size(self.content_size.width, self.content_size.height * PICTURE_SHARE // 100)
            if not room:
                return  # the pane is hidden
            try:
                drawn = await self._preview(entry.path, room)
            except Exception as error:  # noqa: BLE001 - a file that cannot be shown must not end the picker
                self.log.warning(f"no preview of {entry.name!r}: {error!r}")
        picture.show(drawn)

    def _words(self, entry: Entry, tally: Tally | None) -> Content:
        lines = [entry.type_words]
        if entry.is_folder:
            lines.append(_tally_words(tally))
        else:
            lines.append(size_words(entry.size))
        if age_cell(entry, self._clock()):
            changed = datetime.fromtimestamp(entry.modified, UTC)
            lines.append(f"changed {ago_words(changed.isoformat(), self._clock())}")
        if entry.target is not None:
            lines.append(f"a link to {visible(entry.target)}")
        return Content.assemble((visible(entry.name), "bold"), *((f"\n{line}", "$dim") for line in lines))


def _tally_words(tally: Tally | None) -> str:
    if tally is None:
        return "c counts its files"
    return f"{tally.words()} in it" if tally.done else f"counting… {tally.words()} so far"
