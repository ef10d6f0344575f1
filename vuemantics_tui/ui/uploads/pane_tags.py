"""TagChips: tags side by side, each on a small field of its own, none broken in two."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from vuemantics_tui.domain.text import visible
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.ui.fitting import fit

ALBUM_SIGN = "▤"


class TagChips(Widget):
    """As many lines of tags as it takes."""

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
        """As many lines as the tags need in this width."""
        return max(1, len(chip_lines(self._tags, width)))

    def render(self) -> Content:
        """The chips."""
        parts: list[str | tuple[str, str]] = []
        for number, line in enumerate(chip_lines(self._tags, self.content_size.width)):
            parts.append("\n" if number else "")
            for place, chip in enumerate(line):
                parts.append(" " if place else "")
                parts.append((chip, self._chip_style))
        return Content.assemble(*parts)


def own_tags(upload: Upload, albums: Collection[str]) -> tuple[str, ...]:
    """The tags that a person gave, albums first and with a sign."""
    named = [f"{ALBUM_SIGN} {tag}" for tag in upload.own_tags if tag in albums]
    return (*named, *(tag for tag in upload.own_tags if tag not in albums))


def chip_lines(tags: Sequence[str], width: int) -> list[list[str]]:
    """The tags as chips, in lines of at most `width` cells; one that is longer is cut short."""
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
