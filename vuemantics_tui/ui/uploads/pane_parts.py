"""TagChips and WritingText: parts of the pane that are laid out in a way of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from vuemantics_tui.domain.text import visible
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.ui.phrases import lines_of
from vuemantics_tui.ui.widgets.one_line import fit

ALBUM_SIGN = "▤"
SIGN = "◐ being written"
PEN = "▌"
# A layout of the whole screen takes 14 ms and is needed whenever this grows: it grows by so many lines at once.
LINES_AT_ONCE = 4


class TagChips(Widget):
    """Tags side by side, each on a small field of its own, none broken in two."""

    DEFAULT_CSS = """
    TagChips {
        width: 100%;
        height: auto;
    }
    """

    def __init__(self, *, style: str = "$foreground on $line", id: str | None = None) -> None:
        super().__init__(id=id)
        self._chip_style = style
        self._tags: tuple[str, ...] = ()

    def show(self, tags: Sequence[str]) -> None:
        """Show these tags."""
        shown = tuple(visible(tag) for tag in tags)
        if shown != self._tags:
            self._tags = shown
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines the tags need in this width."""
        return max(1, len(chip_lines(self._tags, width)))

    def render(self) -> Content:
        """Return the chips."""
        parts: list[str | tuple[str, str]] = []
        for number, line in enumerate(chip_lines(self._tags, self.content_size.width)):
            parts.append("\n" if number else "")
            for place, chip in enumerate(line):
                parts.append(" " if place else "")
                parts.append((chip, self._chip_style))
        return Content.assemble(*parts)


def own_tags(upload: Upload, albums: Collection[str]) -> tuple[str, ...]:
    """Return the tags you added, albums first and with a sign."""
    named = [f"{ALBUM_SIGN} {tag}" for tag in upload.own_tags if tag in albums]
    return (*named, *(tag for tag in upload.own_tags if tag not in albums))


def chip_lines(tags: Sequence[str], width: int) -> list[list[str]]:
    """Return the tags as chips, in lines of at most `width` cells; a longer one is cut short."""
    lines: list[list[str]] = []
    room = 0
    for tag in tags:
        chip = f" {tag} " if cell_len(tag) + 2 <= width else f" {fit(tag, max(1, width - 2))} "
        needed = cell_len(chip)
        if not lines or needed + 1 > room:
            lines.append([chip])
            room = width - needed
        else:
            lines[-1].append(chip)
            room -= needed + 1
    return lines


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
        """Return room for the text and some lines to come. It does not shrink while the text is being written."""
        lines = len(self._lines(width)) + 1
        self._height = max(self._height, -(-lines // LINES_AT_ONCE) * LINES_AT_ONCE)
        return self._height

    def render(self) -> Content:
        """Return the sign that it is being written, and the text so far."""
        return Content("\n").join([Content.styled(SIGN, "$running"), *self._lines(self.content_size.width)])
