"""Thumbnail: a picture as large as its place allows."""

from __future__ import annotations

from pathlib import Path

from rich.segment import Segment
from textual import work
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from vuemantics_tui.ui.pictures.loader import Drawn, PictureLoader, mode_of, on_background
from vuemantics_tui.ui.widgets.one_line import fit

PLACEHOLDER = "no thumbnail yet"
# Where there is no picture, a region this high says so.
PLACEHOLDER_ROWS = 5


class Thumbnail(Widget):
    """Shows one picture in the middle of its place (or at its left, if so aligned), or says that there is none.

    With `most_rows` set and a height of `auto` it is as high as its picture, up to that; else it fills its height.
    """

    DEFAULT_CSS = """
    Thumbnail {
        width: 100%;
        height: auto;
        color: $dim;
        content-align: center middle;

        &.-none {
            background: $panel;
        }
    }
    """

    def __init__(
        self,
        loader: PictureLoader,
        *,
        most_rows: int = 0,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.most_rows = most_rows
        self._loader = loader
        self._path: Path | None = None
        self._otherwise = PLACEHOLDER
        self._drawn: Drawn | None = None
        self._drawn_for: tuple[object, ...] | None = None
        self._said = PLACEHOLDER
        self._lines: dict[int, Strip] = {}
        self.add_class("-none")

    def show(self, path: Path | None, otherwise: str = PLACEHOLDER) -> None:
        """Show this picture as soon as it is drawn; `otherwise` stands where there is none."""
        self._path, self._otherwise = path, otherwise
        self._draw_later()

    async def draw(self, path: Path | None) -> tuple[Path | None, Drawn | None]:
        """Draw this picture for this place, and return what `put` shows.

        Callers that change text at the same moment draw first, so that both appear together.
        """
        columns, rows = self._box()
        if path is None or not columns or not rows:
            return path, None
        return path, await self._loader.load(path, columns, rows, mode_of(self.app, self._loader.graphics))

    def put(self, drawn: tuple[Path | None, Drawn | None], otherwise: str = PLACEHOLDER) -> None:
        """Show now what `draw` returned."""
        path, strips = drawn
        rows_before = self._rows()
        unchanged = strips is self._drawn and (strips is not None or otherwise == self._said)
        self._path, self._drawn = path, strips
        self._otherwise = self._said = otherwise
        self._drawn_for = self._wanted_for()
        self.set_class(strips is None, "-none")
        if not unchanged:
            self._lines.clear()
            self.refresh(layout=self._rows() != rows_before)

    def _draw_later(self) -> None:
        if self.is_mounted and self._drawn_for != self._wanted_for():
            self._draw_wanted()

    @work(group="thumbnail", exclusive=True, exit_on_error=False)
    async def _draw_wanted(self) -> None:
        drawn = await self.draw(self._path)
        self.put(drawn, self._otherwise)

    def _wanted_for(self) -> tuple[object, ...]:
        return (self._path, self._otherwise, *self._box())

    def _box(self) -> tuple[int, int]:
        width = self.content_size.width
        if not width and isinstance(self.parent, Widget):
            # Before its layout it is as wide as its parent.
            width = self.parent.scrollable_content_region.width
        return width, self.most_rows or self.content_size.height

    def _rows(self) -> int:
        return len(self._drawn) if self._drawn else min(PLACEHOLDER_ROWS, self.most_rows or PLACEHOLDER_ROWS)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the height of the picture."""
        return self._rows()

    def on_mount(self) -> None:
        """Draw what was asked for before."""
        self._draw_later()

    def on_resize(self) -> None:
        """Draw it for the new size."""
        self._lines.clear()
        self._draw_later()

    def notify_style_update(self) -> None:
        """Forget what was painted in the theme before."""
        super().notify_style_update()
        self._lines.clear()

    def get_line_filters(self) -> list[LineFilter]:
        """Leave out the search for the terminal's own colours: pictures have none, and it costs more than the rest."""
        filters = super().get_line_filters()
        return [each for each in filters if not (self._drawn and isinstance(each, ANSIToTruecolor))]

    def render_line(self, y: int) -> Strip:
        """Return one line, the same object each time: painting keeps what it worked out with it."""
        if y not in self._lines:
            self._lines[y] = self._line(y)
        return self._lines[y]

    def _line(self, y: int) -> Strip:
        width, height = self.content_size
        style = self.rich_style
        if self._drawn is None:
            text = fit(self._said.center(width), width) if y == (height - 1) // 2 else " " * width
            return Strip([Segment(text, style)], width)
        row = y - max(0, (height - len(self._drawn)) // 2)
        if not 0 <= row < len(self._drawn):
            return Strip.blank(width, style)
        # One drawn for a larger place is clipped until it is drawn again.
        strip = self._drawn[row].crop(0, width)
        room = max(0, width - strip.cell_length)
        before = room // 2 if self.styles.content_align_horizontal == "center" else 0
        left, right = Segment(" " * before, style), Segment(" " * (room - before), style)
        segments = [left, *on_background(strip, style), right]
        return Strip([each for each in segments if each.text], width).adjust_cell_length(width, style)
