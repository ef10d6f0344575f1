"""FactsPage: all that is known of one upload, with everything that happened to it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from vuemantics_tui.domain.fields import Absolute, Fact, facts
from vuemantics_tui.domain.text import date_words, seconds_words, visible
from vuemantics_tui.domain.upload import Upload, UploadEvent
from vuemantics_tui.ui.uploads.pane_words import lines_of

LABEL_CELLS = 16
MOMENT_CELLS = 21
WIDEST = 120

Section = tuple[str, int, list[Fact]]
"""A heading, how many cells its labels take, and its facts."""


def facts_of(upload: Upload, history: Sequence[UploadEvent], absolute: Absolute) -> list[Section]:
    """Everything that is known, in sections, and what happened. `absolute` says where a file of the library is."""
    return [
        *((heading, LABEL_CELLS, found) for heading, found in facts(upload, absolute)),
        ("History", MOMENT_CELLS, [(date_words(event.at, seconds=True), _event(event)) for event in history]),
    ]


def _event(event: UploadEvent) -> str:
    took = "" if event.seconds is None else f"({seconds_words(event.seconds)})"
    return " ".join(part for part in (event.kind, event.message, took) if part)


class FactsText(Widget):
    """Labels and values in two columns, the values wrapped in theirs."""

    DEFAULT_CSS = """
    FactsText {
        width: 100%;
        max-width: 120;
        height: auto;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._sections: list[Section] = []
        self._laid_out: tuple[int, list[Content]] | None = None

    def show(self, sections: list[Section]) -> None:
        """Show these."""
        if sections != self._sections:
            self._sections = sections
            self._laid_out = None
            self.refresh(layout=True)

    def _lines(self, width: int) -> list[Content]:
        if self._laid_out is None or self._laid_out[0] != width:
            self._laid_out = (width, fact_lines(self._sections, width))
        return self._laid_out[1]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """All the lines."""
        return max(1, len(self._lines(width)))

    def render(self) -> Content:
        """The lines."""
        return Content("\n").join(self._lines(self.content_size.width))


def fact_lines(sections: Sequence[Section], width: int) -> list[Content]:
    """The sections as lines of at most `width` cells; what has no value is left out."""
    lines: list[Content] = []
    for heading, label_cells, found in sections:
        told = [(label, lines_of(value)) for label, value in found if value.strip()]
        if not told:
            continue
        lines += [Content("")] if lines else []
        lines.append(Content.styled(heading, "bold $accent"))
        for label, value in told:
            name = visible(label)
            for line in Content(value).wrap(max(8, width - label_cells)):
                lines.append(Content.assemble((name.ljust(label_cells), "$dim"), line))
                name = ""
    return lines


class FactsPage(VerticalScroll, can_focus=False):
    """A page of facts that scrolls."""

    DEFAULT_CSS = """
    FactsPage {
        background: $surface;
        padding: 0 0 0 1;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        scrollbar-background: $surface;
        scrollbar-background-hover: $surface;
        scrollbar-background-active: $surface;
    }
    """

    def compose(self) -> ComposeResult:
        """The facts."""
        yield FactsText()

    def show(self, sections: list[Section]) -> None:
        """Show these."""
        self.query_one(FactsText).show(sections)
