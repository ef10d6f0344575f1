"""Lists with a cursor: CursorList draws only the lines on the screen, ChoiceList serves short screens."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.color import Color
from textual.content import Content
from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from vuemantics_tui.ui.actions import MOVE, hidden

CURSOR = (
    hidden("cursor-up", "up,k", "cursor_up", "up", "Up", MOVE),
    hidden("cursor-down", "down,j", "cursor_down", "down", "Down", MOVE),
    hidden("cursor-page-up", "pageup", "page_up", "page up", "Page up", MOVE),
    hidden("cursor-page-down", "pagedown", "page_down", "page down", "Page down", MOVE),
    hidden("cursor-first", "home", "cursor_first", "top", "First line", MOVE),
    hidden("cursor-last", "end", "cursor_last", "bottom", "Last line", MOVE),
)
LAST_BY_LETTER = hidden("cursor-last-by-letter", "G", "cursor_last", "bottom", "Last line", MOVE)
"""For lists where the letter does not open the go-to menu."""
StyleName = TypeVar("StyleName", bound=str)


class CursorList(ScrollView, Generic[StyleName], can_focus=True, inherit_bindings=False):
    """Keeps the cursor and the scroll position. Subclasses say how many lines there are, and draw them.

    `STYLES` is the prefix of its component classes, of which two more are called `cursor` and `hover`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*CURSOR]
    STYLES: ClassVar[str] = ""
    # Not `layout=True` as in Textual: its own size does not depend on it, and a layout of the whole screen for each
    # line that is added takes 14 ms.
    virtual_size = Reactive(Size(0, 0))

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._cursor = 0
        self._styles_of: dict[StyleName, Style] = {}
        self._cursor_style = Style()
        self._hover_style = Style()
        # The line under the mouse.
        self._hovered: int | None = None

    @property
    def line_count(self) -> int:
        """Return how many lines there are."""
        raise NotImplementedError

    @property
    def cursor_line(self) -> int:
        """Return the line of the cursor, from 0."""
        return self._cursor

    def cursor_moved(self, old: int) -> None:
        """Act on the cursor being on another line than `old`; both are going to be painted."""

    # What is in view

    @property
    def _height(self) -> int:
        return max(1, self.scrollable_content_region.height)

    def _visible(self, margin: int = 0) -> range:
        top = round(self.scroll_y)
        return range(max(0, top - margin), min(self.line_count, top + self._height + margin))

    def watch_virtual_size(self, size: Size) -> None:
        """Fit the scrollbar."""
        self._scroll_update(size)

    def on_resize(self) -> None:
        """Keep the cursor in sight in a smaller window."""
        if self.cursor_line not in self._visible():
            self.scroll_to(y=max(0, self.cursor_line - self._height // 2), animate=False)

    # Painting

    def notify_style_update(self) -> None:
        """Forget the styles of the theme before."""
        super().notify_style_update()
        self._styles_of = {}

    def _style(self, name: StyleName) -> Style:
        if not self._styles_of:
            self._cursor_style = self.get_component_rich_style(f"{self.STYLES}--cursor", partial=True)
            self._hover_style = self.get_component_rich_style(f"{self.STYLES}--hover", partial=True)
        if name not in self._styles_of:
            self._styles_of[name] = self.get_component_rich_style(f"{self.STYLES}--{name}")
        return self._styles_of[name]

    def _style_on(self, index: int, name: StyleName) -> Style:
        """Return a style on a line, which may be that of the cursor, or under the mouse."""
        style = self._style(name)
        if index == self.cursor_line:
            return style + self._cursor_style
        return style + self._hover_style if index == self._hovered else style

    def refresh_line(self, y: int) -> None:
        """Repaint one line, without the scrollbar beside it."""
        self.refresh(Region(0, y - round(self.scroll_y), self.scrollable_content_region.width, 1))

    # The cursor

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a line, counted from 0, and scroll as little as it takes to see it."""
        if not self.line_count:
            return
        old, self._cursor = self._cursor, max(0, min(index, self.line_count - 1))
        self.reveal_cursor()
        if old != self._cursor:
            self.refresh_line(old)
            self.refresh_line(self._cursor)
            self.cursor_moved(old)

    def reveal_cursor(self) -> None:
        """Scroll as little as it takes to see the cursor."""
        top, line = round(self.scroll_y), self.cursor_line
        if line < top:
            self.scroll_to(y=line, animate=False)
        elif line >= top + self._height:
            self.scroll_to(y=line - self._height + 1, animate=False)

    def move_by(self, lines: int) -> None:
        """Move the cursor by so many lines."""
        self.move_cursor(self.cursor_line + lines)

    def action_cursor_up(self) -> None:
        """Move up by one line."""
        self.move_by(-1)

    def action_cursor_down(self) -> None:
        """Move down by one line."""
        self.move_by(1)

    def action_page_up(self) -> None:
        """Move up by one screen."""
        self.move_by(-max(1, self._height - 1))

    def action_page_down(self) -> None:
        """Move down by one screen."""
        self.move_by(max(1, self._height - 1))

    def action_cursor_first(self) -> None:
        """Go to the first line."""
        self.move_cursor(0)

    def action_cursor_last(self) -> None:
        """Go to the last line."""
        self.move_cursor(self.line_count - 1)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show which line a click would choose."""
        index = round(self.scroll_y) + event.y
        self._hover(index if index < self.line_count else None)

    def on_leave(self) -> None:
        """Show none as being under the mouse."""
        self._hover(None)

    def _hover(self, index: int | None) -> None:
        before, self._hovered = self._hovered, index
        if before != index:
            for line in (before, index):
                if line is not None:
                    self.refresh_line(line)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is."""
        index = round(self.scroll_y) + event.y
        if index < self.line_count:
            self.move_cursor(index)
            self.line_clicked(event)

    def line_clicked(self, event: events.Click) -> None:
        """Act on a click on a line; the cursor is there already."""


_CURSOR_BACKGROUND = Color.parse("ansi_blue").rich_color
_ON_CURSOR = Style(color="bright_white")


def _white_on_blue(segment: Segment) -> Segment:
    text, style, control = segment
    on_cursor = style is not None and style.bgcolor == _CURSOR_BACKGROUND
    return Segment(text, (style or Style()) + _ON_CURSOR, control) if on_cursor else segment


class ChoiceList(OptionList, inherit_bindings=False):
    """An OptionList that moves by the same actions as a CursorList."""

    BINDINGS: ClassVar[list[BindingType]] = [*CURSOR, LAST_BY_LETTER]
    DEFAULT_CSS = """
    ChoiceList {
        background: $background;
        color: $foreground;
        scrollbar-size-vertical: 1;

        &:focus {
            background-tint: $background 0%;
        }

        &:focus .option-list--option-highlighted, .option-list--option-highlighted {
            background: $cursor-line;
            color: $foreground;
            text-style: none;
        }

        .option-list--option-hover {
            background: $panel;
        }

        &:ansi .option-list--option-hover {
            text-style: underline;
        }

        &:focus:ansi .option-list--option-highlighted {
            background: ansi_blue;
            color: ansi_bright_white;
        }

        &:focus:nocolor .option-list--option-highlighted {
            text-style: reverse;
        }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, markup=False)
        self._keys: list[Hashable] = []

    @property
    def place(self) -> int | None:
        """Where the cursor is among what was shown last; None where nothing is."""
        return self.highlighted if self.highlighted is not None and self.highlighted < len(self._keys) else None

    def show(self, choices: Mapping[Hashable, Content]) -> None:
        """Show these, each known by its key: the cursor stays on its choice, or where that is gone in its place."""
        before = self.place
        chosen = None if before is None else self._keys[before]
        self._keys = list(choices)
        # What is hidden has no keys.
        self.disabled = not choices
        self.set_options(Option(words) for words in choices.values())
        if not choices:
            self.highlighted = None
        elif before is not None and chosen in choices:
            self.highlighted = self._keys.index(chosen)
        else:
            self.highlighted = min(before or 0, len(choices) - 1)

    def render_line(self, y: int) -> Strip:
        """Return one line; in the terminal's own colours the cursor's is white, since dim words could not be read."""
        strip = super().render_line(y)
        if not self.app.current_theme.ansi:
            return strip
        return Strip([_white_on_blue(segment) for segment in strip], strip.cell_length)

    def action_cursor_first(self) -> None:
        """Go to the first line."""
        self.action_first()

    def action_cursor_last(self) -> None:
        """Go to the last line."""
        self.action_last()
