"""StatsScreen: the library in numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events, work
from textual.app import ComposeResult, RenderResult
from textual.binding import BindingType
from textual.color import Color
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static
from textual_plotext import PlotextPlot

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.text import month_words, seconds_words, size_words, visible
from vuemantics_tui.domain.upload import STATUS_WORDS
from vuemantics_tui.ui.actions import MOVE, VIEW, action
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.screens.page import READING, Reading, is_open
from vuemantics_tui.ui.textual_private import SteadyScreen
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import Words, fit

if TYPE_CHECKING:
    from vuemantics_tui.library import Library, Statistics


# From this many columns on, there are two columns of numbers.
WIDE_ENOUGH = 110
WIDTHS = [(0, "-narrow"), (WIDE_ENOUGH, "-wide")]
ROWS = 8
"""The cells of the highest bar."""

# A wider bar says nothing more; a narrower one has no room for the blank cell beside it.
WIDEST_BAR, NARROWEST_BAR = 8, 2
# A month, its year, and what parts one label from the next.
LABEL_CELLS = 10
# Of the terminal's sixteen colours, where the theme has no others.
_ANSI_COLOUR = "cyan"

Months = Sequence[tuple[str, int]]
"""Months as 2024-06, rising, each with how many."""


class MonthsChart(PlotextPlot):
    """A bar chart of as many of the latest months as fit."""

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
        """Give each bar a whole number of cells, beside their numbers."""
        shown, cells = self._fitting(container.width)
        return self._scale_cells + len(shown) * cells

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the bars and the months below them; nothing where there are none."""
        return ROWS + 1 if self._months else 0

    @property
    def _most(self) -> int:
        return max((count for _, count in self._months), default=0)

    @property
    def _scale_cells(self) -> int:
        return len(f"{self._most:,}")

    def _fitting(self, width: int) -> tuple[Months, int]:
        """Return the months that fit into this many cells, and the width of a bar."""
        room = max(0, width - self._scale_cells)
        shown = latest(self._months, room // NARROWEST_BAR)
        return shown, min(WIDEST_BAR, room // len(shown)) if shown else 0

    def render(self) -> RenderResult:
        """Return the bars, the highest number beside them, and the months below."""
        shown, cells = self._fitting(self.size.width)
        if not cells:
            return ""
        plot = self.plt
        plot.clear_figure()
        plot.frame(False)
        places = range(len(shown))
        # A blank cell parts the bars. A cell has two places of this marker each way: a bar goes
        # from the middle of its first one to the middle of its last.
        filled = cells - 1
        middles = [place - 0.5 + filled / (2 * cells) for place in places]
        counts = [count for _, count in shown]
        plot.bar(middles, counts, color=self._colour(), width=(filled - 0.5) / cells, marker="hd")
        plot.xlim(0.25 / cells - 0.5, len(places) - 0.5 - 0.25 / cells)
        plot.ylim(0, self._most)
        # A label is centred below its bar, and the first one must not begin left of the chart.
        first = max(0, math.ceil((LABEL_CELLS // 2 - self._scale_cells) / cells))
        labelled = places[first :: -(-LABEL_CELLS // cells)] or places[:1]
        plot.xticks([middles[place] for place in labelled], [month_words(shown[place][0]) for place in labelled])
        plot.yticks([0, self._most], ["0", f"{self._most:,}"])
        return super().render()

    def _colour(self) -> str | tuple[int, int, int]:
        if self.app.current_theme.ansi:
            return _ANSI_COLOUR
        return Color.parse(self.app.theme_variables["running"]).rgb


def latest(months: Months, most: int) -> list[tuple[str, int]]:
    """Return at most so many months, the latest, with those between them that have nothing, where all fit."""
    if not months:
        return []
    first, last = (_since_zero(months[place][0]) for place in (0, -1))
    if last - first < most:
        counts = dict(months)
        names = [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(first, last + 1)]
        return [(name, counts.get(name, 0)) for name in names]
    return list(months[-most:]) if most > 0 else []


def _since_zero(month: str) -> int:
    """Return the months since the year 0."""
    year, _, number = month.partition("-")
    return int(year) * 12 + int(number) - 1


_KINDS = {FileType.IMAGE: "photos", FileType.VIDEO: "videos"}
COUNTING = "Counting…"
NOTHING = "Nothing to count yet."
MONTHS = "Months, taken or added"
MOST_NAME_CELLS = 20
LONGEST_BAR = 60
# The space around the page's text: padding and the scrollbar.
AROUND_TEXT = 4
BETWEEN_COLUMNS = 4

Line = tuple[str, float, tuple[str, ...]]
"""A name, how much, and that in words: a column each."""


class StatsScreen(Reading, SteadyScreen[None]):
    """Shows the numbers as bars; they are read when it opens, and when asked for."""

    HELP_TITLE = "Statistics"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("count-again", "r", "count_again", "refresh", "Count everything again", VIEW),
        *READING,
        action("stats-back", "escape,q,#", "go_back", "back", "Back to the list", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    HORIZONTAL_BREAKPOINTS = WIDTHS

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._library = library
        self._statistics: Statistics | None = None

    def compose(self) -> ComposeResult:
        """Yield a title, the numbers and the keys."""
        yield Words(id="stats-title")
        with VerticalScroll(id="stats-page", can_focus=False):
            with Vertical(id="stats-left"):
                yield Static(COUNTING, id="stats-first", classes="stats-text", markup=False)
                yield MonthsChart(id="stats-months")
                yield Static(id="stats-rest", classes="stats-text", markup=False)
            yield Static(id="stats-tags", classes="stats-text", markup=False)
        yield KeysLine(id="stats-keys")

    def on_mount(self) -> None:
        """Start counting."""
        self._notices = Notices.of(self)
        self.query_one("#stats-title", Words).say("Statistics")
        self.action_count_again()

    @work(group="counting", exclusive=True, exit_on_error=False)
    async def action_count_again(self) -> None:
        """Count everything again."""
        with self._notices.errors_told():
            self._statistics = await self._library.statistics.read()
            if is_open(self):
                self._show()

    def on_resize(self, event: events.Resize) -> None:
        """Fit the bars to the new width."""
        self._show()

    def _show(self) -> None:
        if self._statistics is not None:
            width = self.size.width - AROUND_TEXT
            if self.size.width >= WIDE_ENOUGH:
                width = (width - BETWEEN_COLUMNS) // 2
            first, rest, tags = stats_words(self._statistics, max(30, width))
            self.query_one("#stats-first", Static).update(first)
            self.query_one(MonthsChart).show([(each.month, each.uploads) for each in self._statistics.counts.months])
            self.query_one("#stats-rest", Static).update(rest)
            self.query_one("#stats-tags", Static).update(tags)

    def action_go_back(self) -> None:
        """Go back to the previous screen."""
        self.dismiss(None)


def stats_words(statistics: Statistics, width: int) -> tuple[Content, Content, Content]:
    """Return all numbers in sections, for so many cells: what stands above the months, below, and beside."""
    counts, space, index = statistics.counts, statistics.space, statistics.index
    if not sum(counts.by_status.values()) + counts.trashed:
        return Content(NOTHING), Content(), Content()
    told = [(STATUS_WORDS[status], count) for status, count in counts.by_status.items()]
    told += [("hidden", counts.hidden), ("duplicates", counts.duplicates), ("in the trash", counts.trashed)]
    sizes = [
        ("originals", space.originals),
        ("thumbnails", space.thumbnails),
        ("database", space.database),
        ("vectors", space.vectors),
        ("trash", space.trash),
    ]
    stages: list[Line] = [
        (stage.stage, stage.median, (seconds_words(stage.median), seconds_words(stage.p90), f"{stage.runs:,}"))
        for stage in counts.stages
    ]
    file = index.file.name if index.file is not None else "in memory"
    above = [
        ("Uploads", _bars(_counted(told), width)),
        ("Types", _bars(_counted((_KINDS[kind], count) for kind, count in counts.by_type.items()), width)),
        (MONTHS if counts.months else "", Content()),
    ]
    below = [
        (
            f"Space, {size_words(space.total)}",
            _bars([(name, size, (size_words(size),)) for name, size in sizes if size], width),
        ),
        ("Time by stage: median, 90th percentile, runs", _bars(stages, width)),
        (
            "Index",
            Content.assemble(
                f"{statistics.embedded:,} of {statistics.described:,} described have a vector of"
                f" {visible(statistics.embedding_model)}\n",
                (f"{index.vectors:,} loaded, {visible(file)}, {size_words(index.file_bytes)}", "$dim"),
            ),
        ),
    ]
    beside = [("Tags", _bars(_counted(counts.tags), width)), ("Main colours", _bars(_counted(counts.colours), width))]
    return _told(above), _told(below), _told(beside)


def _told(sections: Iterable[tuple[str, Content]]) -> Content:
    """Return the sections that say anything, each under its title."""
    return Content("\n\n").join(
        Content.assemble((title, "bold $accent"), "\n" if content.plain else "", content)
        for title, content in sections
        if content.plain or title == MONTHS
    )


def _counted(counts: Iterable[tuple[str, int]]) -> list[Line]:
    return [(name, count, (f"{count:,}",)) for name, count in counts if count]


def _bars(lines: Sequence[Line], width: int) -> Content:
    """Return a line for each: its name, its numbers in columns, and a bar, the longest for the most."""
    if not lines:
        return Content()
    most = max(amount for _, amount, _ in lines)
    name_cells = min(MOST_NAME_CELLS, max(cell_len(visible(name)) for name, *_ in lines))
    columns = [max(map(cell_len, column)) for column in zip(*(words for *_, words in lines), strict=True)]
    room = max(4, min(LONGEST_BAR, width - name_cells - sum(columns) - 2 * len(columns) - 2))
    parts: list[tuple[str, str]] = []
    for name, amount, words in lines:
        numbers = "".join(f"  {word:>{cells}}" for word, cells in zip(words, columns, strict=True))
        parts += [
            (f"{fit(visible(name), name_cells)}{numbers}  ", ""),
            (bar(amount / most if most else 0, room), "$running"),
            ("\n", ""),
        ]
    return Content.assemble(*parts[:-1])


def bar(share: float, cells: int) -> str:
    """Return the bar of a share (0..1) of so many cells, to half a cell; what is there at all can be seen.

    It is a thin line, so that there is air between two of them.
    """
    halves = max(round(share * cells * 2), 1 if share > 0 else 0)
    return "━" * (halves // 2) + "╸" * (halves % 2)
