"""UploadTable: as many uploads as there are, of which only the lines on the screen are ever loaded."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import ClassVar, get_args

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from vuemantics_tui.domain.upload import UploadRow
from vuemantics_tui.ui import bindings
from vuemantics_tui.ui.messages import LoadFailed
from vuemantics_tui.ui.widgets.columns import WIDE_ENOUGH, Columns
from vuemantics_tui.ui.widgets.upload_line import LineStyle, line_pieces
from vuemantics_tui.ui.wording import age_words

LoadRows = Callable[[Sequence[int]], Awaitable[list[UploadRow]]]
WordOf = Callable[[UploadRow], str]

# Some screens' worth: scrolling back and forth costs no reading, a huge library no memory.
MOST_KEPT_ROWS = 1000


class UploadTable(ScrollView, can_focus=True):
    """The uploads, newest first, one a line. Rows come from `load`, the word for a state from `word_of`."""

    BINDINGS = bindings.UPLOAD_TABLE
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"upload-table--{name}" for name in (*get_args(LineStyle), "cursor")}

    def __init__(
        self, load: LoadRows, word_of: WordOf, clock: Callable[[], datetime], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._load = load
        self._word_of = word_of
        self._clock = clock
        self._numbers: array[int] = array("q")
        self._rows: dict[int, UploadRow] = {}
        self._stale: set[int] = set()
        self._painted: dict[int, tuple[str, str]] = {}
        self._cursor = 0
        self._loading = False
        self._styles_of: dict[LineStyle, Style] = {}
        self._cursor_style = Style()

    # What the screen tells it

    def show(self, numbers: array[int]) -> None:
        """Show these uploads, newest first, with the cursor on the first."""
        self._numbers = numbers
        self._rows.clear()
        self._stale.clear()
        self._cursor = 0
        self._resized_list()
        self.scroll_to(y=0, animate=False)

    def complete(self, numbers: array[int]) -> None:
        """Show these uploads instead, of which the ones shown before were the newest."""
        under_cursor = self.cursor_number
        self._numbers = numbers
        if under_cursor is not None:
            self._cursor = self._index_of(under_cursor) or 0
        self._resized_list()

    def apply(self, changed: Iterable[int], deleted: Iterable[int]) -> None:
        """Take in what moved in the store: new ones come in front, the cursor stays on its upload."""
        gone = set(deleted)
        under_cursor = self.cursor_number
        height, top = self._height, round(self.scroll_y)
        line_on_screen = self._cursor - top
        moved = self._insert([number for number in changed if number not in gone])
        moved = self._remove(gone) or moved
        if not moved:
            self._reload()
            return
        if under_cursor is not None:
            index = self._index_of(under_cursor)
            self._cursor = self._cursor if index is None else index
        self._cursor = max(0, min(self._cursor, len(self._numbers) - 1))
        self._resized_list()
        # At the very top, new ones show above the cursor; further down, nothing moves under the eye.
        if top == 0 and self._cursor < height:
            return
        wanted = self._cursor - line_on_screen if top else self._cursor - height + 1
        self.scroll_to(y=max(0, wanted), animate=False)

    def repaint_outdated(self) -> None:
        """Repaint the lines whose words have changed by themselves: frames of a video, ages. Costs microseconds."""
        now = self._clock()
        for index in self._visible():
            number = self._numbers[index]
            row = self._rows.get(number)
            if row is None:
                self._reload()
            elif self._painted.get(number) != (self._word_of(row), age_words(row.created_at, now)):
                self.refresh_line(index)

    @property
    def cursor_number(self) -> int | None:
        """The number of the upload under the cursor."""
        return self._numbers[self._cursor] if self._numbers else None

    @property
    def cursor_row(self) -> UploadRow | None:
        """The upload under the cursor, once it is loaded."""
        return self._rows.get(self._numbers[self._cursor]) if self._numbers else None

    @property
    def row_count(self) -> int:
        """How many uploads it shows."""
        return len(self._numbers)

    # The list

    def _index_of(self, number: int) -> int | None:
        index = bisect_left(self._numbers, -number, key=lambda each: -each)
        found = index < len(self._numbers) and self._numbers[index] == number
        return index if found else None

    def _insert(self, changed: list[int]) -> bool:
        newest = self._numbers[0] if self._numbers else -1
        fresh = sorted((number for number in changed if number > newest), reverse=True)
        for number in changed:
            if number <= newest and number in self._rows:
                self._stale.add(number)
        self._numbers = array("q", fresh) + self._numbers if fresh else self._numbers
        return bool(fresh)

    def _remove(self, gone: set[int]) -> bool:
        indexes = [index for number in gone if (index := self._index_of(number)) is not None]
        for index in sorted(indexes, reverse=True):
            self._rows.pop(self._numbers[index], None)
            del self._numbers[index]
        return bool(indexes)

    def _resized_list(self) -> None:
        self.virtual_size = Size(0, len(self._numbers))
        self.refresh()
        self._reload()

    # Loading

    @property
    def _height(self) -> int:
        return max(1, self.scrollable_content_region.height)

    def _visible(self, margin: int = 0) -> range:
        top = round(self.scroll_y)
        return range(max(0, top - margin), min(len(self._numbers), top + self._height + margin))

    def _wanted(self) -> list[int]:
        """What must be read: lines on the screen first; when some are missing, a screen above and below with them."""
        numbers = [self._numbers[index] for index in self._visible()]
        if all(number in self._rows and number not in self._stale for number in numbers):
            return []
        around = [self._numbers[index] for index in self._visible(self._height)]
        return [number for number in around if number not in self._rows or number in self._stale]

    def _reload(self) -> None:
        if not self._loading and self.is_mounted and self._wanted():
            self._loading = True
            self.run_worker(self._load_wanted(), group="rows", exit_on_error=False)

    async def _load_wanted(self) -> None:
        try:
            while wanted := self._wanted():
                self._stale.difference_update(wanted)
                found = {row.number: row for row in await self._load(wanted)}
                for number, row in found.items():
                    if self._rows.get(number) != row:
                        self._rows[number] = row
                        self._repaint(number)
                self._forget_far_rows()
                if len(found) < len(wanted):
                    break  # some were deleted a moment ago: the feed will say so
        except Exception as error:  # noqa: BLE001 - told on the screen; the next tick tries again
            self.post_message(LoadFailed(error))
        finally:
            self._loading = False

    def _repaint(self, number: int) -> None:
        index = self._index_of(number)
        if index is not None and index in self._visible():
            self.refresh_line(index)

    def _forget_far_rows(self) -> None:
        if len(self._rows) > MOST_KEPT_ROWS:
            near = {self._numbers[index] for index in self._visible(2 * self._height)}
            self._rows = {number: row for number, row in self._rows.items() if number in near}
            self._painted = {number: words for number, words in self._painted.items() if number in near}
            self._stale &= near

    # Painting

    def notify_style_update(self) -> None:
        """Forget the styles of the theme before."""
        super().notify_style_update()
        self._styles_of = {}

    def _style(self, name: LineStyle) -> Style:
        if not self._styles_of:
            self._cursor_style = self.get_component_rich_style("upload-table--cursor", partial=True)
        if name not in self._styles_of:
            self._styles_of[name] = self.get_component_rich_style(f"upload-table--{name}")
        return self._styles_of[name]

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.scrollable_content_region.width
        index = round(self.scroll_y) + y
        if index >= len(self._numbers):
            return Strip.blank(width, self.rich_style)
        row = self._rows.get(self._numbers[index])
        under_cursor = index == self._cursor
        blank = self._style("dim")
        if row is None:
            return Strip.blank(width, blank + self._cursor_style if under_cursor else blank)
        now, word = self._clock(), self._word_of(row)
        self._painted[row.number] = (word, age_words(row.created_at, now))
        columns = Columns.of(width, wide=self.app.size.width >= WIDE_ENOUGH)
        segments = []
        for text, name in line_pieces(row, word, columns, now):
            style = self._style(name)
            if under_cursor:
                style += self._cursor_style
                if name == "name":
                    style += Style(bold=True)
            segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, blank).simplify()

    def refresh_line(self, y: int) -> None:
        """Repaint one line, without the scrollbar beside it."""
        self.refresh(Region(0, y - round(self.scroll_y), self.scrollable_content_region.width, 1))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Load what came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._reload()

    def on_resize(self) -> None:
        """Load what a larger window shows more; keep the cursor in sight in a smaller one."""
        self._reload()
        if self._cursor not in self._visible():
            self.scroll_to(y=max(0, self._cursor - self._height // 2), animate=False)

    # The cursor

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a line, counted from 0, and scroll as little as it takes to see it."""
        if not self._numbers:
            return
        old, self._cursor = self._cursor, max(0, min(index, len(self._numbers) - 1))
        top = round(self.scroll_y)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + self._height:
            self.scroll_to(y=self._cursor - self._height + 1, animate=False)
        if old != self._cursor:
            self.refresh_line(old)
            self.refresh_line(self._cursor)

    def action_cursor_up(self) -> None:
        """One up."""
        self.move_cursor(self._cursor - 1)

    def action_cursor_down(self) -> None:
        """One down."""
        self.move_cursor(self._cursor + 1)

    def action_page_up(self) -> None:
        """A screen up."""
        self.move_cursor(self._cursor - max(1, self._height - 1))

    def action_page_down(self) -> None:
        """A screen down."""
        self.move_cursor(self._cursor + max(1, self._height - 1))

    def action_cursor_first(self) -> None:
        """To the newest."""
        self.move_cursor(0)

    def action_cursor_last(self) -> None:
        """To the oldest."""
        self.move_cursor(len(self._numbers) - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is."""
        index = round(self.scroll_y) + event.y
        if index < len(self._numbers):
            self.move_cursor(index)
