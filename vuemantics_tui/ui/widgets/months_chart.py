"""MonthsChart: how many uploads are of each month, as bars over a line of time."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import RenderResult
from textual.color import Color
from textual.geometry import Size
from textual_plotext import PlotextPlot

from vuemantics_tui.domain.text import visible

ROWS = 8
"""The cells of the highest bar."""

# Of a wide window and few months: a bar that is wider says nothing more.
WIDEST_BAR = 8
# Four digits, a month's number, and what parts one label from the next.
LABEL_CELLS = 9
# Of the terminal's sixteen colours, where the theme has no others.
_ANSI_COLOUR = "cyan"

Months = Sequence[tuple[str, int]]
"""Months as 2024-06, rising, each with how many."""


class MonthsChart(PlotextPlot):
    """As wide as its bars; the latest months, as many as fit."""

    DEFAULT_CSS = """
    MonthsChart {
        width: auto;
        height: auto;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        # Its own colours are the terminal's; that of the bars is given with them.
        self.theme = "textual-clear"
        self._months: Months = ()

    def show(self, months: Months) -> None:
        """Show these."""
        self._months = months
        self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """A whole number of cells for each bar, and the numbers beside them."""
        shown, cells = self._fitting(container.width)
        return self._scale_cells + len(shown) * cells

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The bars and the months below them; nothing where there are none."""
        return ROWS + 1 if self._months else 0

    @property
    def _most(self) -> int:
        return max((count for _, count in self._months), default=0)

    @property
    def _scale_cells(self) -> int:
        return len(f"{self._most:,}")

    def _fitting(self, width: int) -> tuple[Months, int]:
        """The months that fit into so many cells, and the cells of a bar."""
        room = max(0, width - self._scale_cells)
        shown = latest(self._months, room)
        return shown, min(WIDEST_BAR, room // len(shown)) if shown else 0

    def render(self) -> RenderResult:
        """The bars, the highest number beside them, the months below."""
        shown, cells = self._fitting(self.size.width)
        if not cells:
            return ""
        plot = self.plt
        plot.clear_figure()
        plot.frame(False)
        places = range(len(shown))
        # Where there is room, a blank cell parts the bars. A cell has two places of this marker each way: a bar goes
        # from the middle of its first one to the middle of its last.
        filled = cells - 1 if cells > 2 else cells
        middles = [place - 0.5 + filled / (2 * cells) for place in places]
        counts = [count for _, count in shown]
        plot.bar(middles, counts, color=self._colour(), width=(filled - 0.5) / cells, marker="hd")
        plot.xlim(0.25 / cells - 0.5, len(places) - 0.5 - 0.25 / cells)
        plot.ylim(0, self._most)
        labelled = places[:: -(-LABEL_CELLS // cells)]
        plot.xticks([middles[place] for place in labelled], [visible(shown[place][0]) for place in labelled])
        plot.yticks([0, self._most], ["0", f"{self._most:,}"])
        return super().render()

    def _colour(self) -> str | tuple[int, int, int]:
        if self.app.current_theme.ansi:
            return _ANSI_COLOUR
        return Color.parse(self.app.theme_variables["running"]).rgb


def latest(months: Months, most: int) -> list[tuple[str, int]]:
    """At most so many months, the latest; those between them that have nothing are there, too, where all fit."""
    if not months:
        return []
    first, last = (_since_zero(months[place][0]) for place in (0, -1))
    if last - first < most:
        counts = dict(months)
        names = [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(first, last + 1)]
        return [(name, counts.get(name, 0)) for name in names]
    return list(months[-most:]) if most > 0 else []


def _since_zero(month: str) -> int:
    """The months since the year 0."""
    year, _, number = month.partition("-")
    return int(year) * 12 + int(number) - 1
