"""WritingText: a description while it is being written."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from vuemantics_tui.ui.uploads.pane_words import lines_of

SIGN = "◐ being written"
PEN = "▌"
# A layout of the whole screen takes 14 ms and is needed whenever this grows: it grows by so many lines at once.
LINES_AT_ONCE = 4


class WritingText(Widget):
    """Grows with the text; most pieces of it repaint nothing but this widget. Without a text it takes no room."""

    DEFAULT_CSS = """
    WritingText {
        width: 100%;
        height: auto;
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="-blank")
        self._text = ""
        self._height = 0
        self._wrapped: tuple[int, str, list[Content]] = (0, "", [])

    def show(self, text: str) -> None:
        """Show this much of the text."""
        if text == self._text:
            return
        self._text = text
        if not text:
            self._height = 0
        self.set_class(not text, "-blank")
        width = self.content_size.width
        self.refresh(layout=not width or len(self._lines(width)) + 1 > self._height)

    def _lines(self, width: int) -> list[Content]:
        if self._wrapped[:2] != (width, self._text):
            content = Content.assemble(lines_of(self._text), (PEN, "$running"))
            self._wrapped = (width, self._text, content.wrap(max(1, width)))
        return self._wrapped[2]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Room for the text, and for some lines of what is to come. It does not shrink while it is being written."""
        lines = len(self._lines(width)) + 1
        self._height = max(self._height, -(-lines // LINES_AT_ONCE) * LINES_AT_ONCE)
        return self._height

    def render(self) -> Content:
        """That it is being written, and what is written so far."""
        return Content("\n").join([Content.styled(SIGN, "$running"), *self._lines(self.content_size.width)])
