"""What the screens that only show text share: moving in it."""

from __future__ import annotations

from typing import Any

from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.screen import Screen

from vuemantics_tui.ui.actions import MOVE, action, hidden

READING = (
    action("scroll-down", "down,j", "scroll_lines(1)", "scroll", "Line down", MOVE, shown_as="j k"),
    hidden("scroll-up", "up,k", "scroll_lines(-1)", "up", "Line up", MOVE),
    hidden("scroll-page-down", "pagedown,space", "scroll_pages(1)", "page down", "Page down", MOVE),
    hidden("scroll-page-up", "pageup", "scroll_pages(-1)", "page up", "Page up", MOVE),
    hidden("scroll-top", "home,g", "scroll_to_top", "top", "First line", MOVE),
    hidden("scroll-bottom", "end,G", "scroll_to_bottom", "bottom", "Last line", MOVE),
)


def is_open(screen: Screen[Any]) -> bool:
    """Whether a screen is still there: a worker may come back to one that was left meanwhile, and has no widgets."""
    return screen.app.is_running and screen in screen.app.screen_stack


class Reading(DOMNode):
    """Moves in the one VerticalScroll of a screen."""

    @property
    def page(self) -> VerticalScroll:
        """What is moved."""
        return self.query_one(VerticalScroll)

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll down by this many lines."""
        self.page.scroll_relative(y=lines, animate=False)

    def action_scroll_pages(self, pages: int) -> None:
        """Scroll down by this many pages, keeping one line."""
        self.page.scroll_relative(y=pages * max(1, self.page.size.height - 1), animate=False)

    def action_scroll_to_top(self) -> None:
        """Go to the first line."""
        self.page.scroll_home(animate=False)

    def action_scroll_to_bottom(self) -> None:
        """Go to the last line."""
        self.page.scroll_end(animate=False)
