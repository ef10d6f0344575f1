"""What the screens that only show text share: moving in it."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.dom import DOMNode


class Reading(DOMNode):
    """Moves in the one VerticalScroll of a screen."""

    @property
    def page(self) -> VerticalScroll:
        """What is moved."""
        return self.query_one(VerticalScroll)

    def action_scroll_lines(self, lines: int) -> None:
        """So many lines down."""
        self.page.scroll_relative(y=lines, animate=False)

    def action_scroll_pages(self, pages: int) -> None:
        """So many pages down, with a line of the one before."""
        self.page.scroll_relative(y=pages * max(1, self.page.size.height - 1), animate=False)

    def action_scroll_to_top(self) -> None:
        """To the first line."""
        self.page.scroll_home(animate=False)

    def action_scroll_to_bottom(self) -> None:
        """To the last line."""
        self.page.scroll_end(animate=False)
