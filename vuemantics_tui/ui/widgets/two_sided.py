"""TwoSidedLine: one line with something on the left and something on the right."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

Part = tuple[str, str]
"""Text and its style, in the theme's variables: `("3 running", "$running")`."""


class TwoSidedLine(Widget):
    """One line. What stands left goes first; of the right, the first of `right_parts` that fits is shown."""

    def left_part(self) -> list[Part]:
        """What stands on the left."""
        return []

    def right_parts(self) -> list[list[Part]]:
        """What may stand on the right, the longest first."""
        return []

    def render(self) -> Content:
        """The line."""
        left = Content.assemble(*self.left_part())
        width = self.content_size.width
        for part in self.right_parts():
            right = Content.assemble(*part)
            room = width - left.cell_length - right.cell_length
            if room >= 2 or (room >= 0 and not left):
                return Content.assemble(left, " " * room, right)
        return left.truncate(width, ellipsis=True) if left.cell_length > width else left
