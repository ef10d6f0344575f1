"""StatsScreen: the library in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from vuemantics_tui.domain.text import counted, seconds_words, size_words, visible
from vuemantics_tui.domain.upload import STATUS_WORDS
from vuemantics_tui.ui.actions import MOVE, VIEW, action
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.screens.page import READING, Reading, is_open
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.months_chart import MonthsChart
from vuemantics_tui.ui.widgets.one_line import Words, fit

if TYPE_CHECKING:
    from vuemantics_tui.library import Library, Statistics

COUNTING = "Counting…"
NOTHING = "Nothing to count yet."
MONTHS = "Months, taken or added"
NAME_CELLS = 16
LONGEST_BAR = 60
_EIGHTHS = " ▏▎▍▌▋▊▉"

Line = tuple[str, float, str]
"""A name, how much, and that in words."""


class StatsScreen(Reading, Screen[None]):
    """Shows the numbers as bars; they are read when it opens, and when asked for."""

    HELP_TITLE = "Statistics"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("count-again", "r", "count_again", "refresh", "Count everything again", VIEW),
        *READING,
        action("stats-back", "escape,q,#", "go_back", "back", "Back to the list", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._library = library
        self._statistics: Statistics | None = None

    def compose(self) -> ComposeResult:
        """A title, the numbers, the keys."""
        yield Words(id="stats-title")
        with VerticalScroll(id="stats-page", can_focus=False):
            yield Static(COUNTING, id="stats-first", classes="stats-text", markup=False)
            yield MonthsChart(id="stats-months")
            yield Static(id="stats-rest", classes="stats-text", markup=False)
        yield KeysLine(id="stats-keys")

    def on_mount(self) -> None:
        """Begin to count."""
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
        """The bars follow the width."""
        self._show()

    def _show(self) -> None:
        if self._statistics is not None:
            width = max(40, self.size.width - 4)
            first, rest = stats_words(self._statistics, width)
            self.query_one("#stats-first", Static).update(first)
            self.query_one(MonthsChart).show([(each.month, each.uploads) for each in self._statistics.counts.months])
            self.query_one("#stats-rest", Static).update(rest)

    def action_go_back(self) -> None:
        """Back to the screen before."""
        self.dismiss(None)


def stats_words(statistics: Statistics, width: int) -> tuple[Content, Content]:
    """All numbers in sections, for so many cells: what stands above the months, with their title, and below them."""
    counts, space, index = statistics.counts, statistics.space, statistics.index
    if not sum(counts.by_status.values()) + counts.trashed:
        return Content(NOTHING), Content()
    told = [(STATUS_WORDS[status], count) for status, count in counts.by_status.items()]
    told += [("hidden", counts.hidden), ("duplicates", counts.duplicates), ("in the trash", counts.trashed)]
    sizes = [
        ("originals", space.originals),
        ("thumbnails", space.thumbnails),
        ("database", space.database),
        ("vectors", space.vectors),
        ("trash", space.trash),
    ]
    file = index.file.name if index.file is not None else "in memory"
    above = [
        ("Uploads", _bars(_counted(told), width)),
        ("Types", _bars(_counted((kind.value, count) for kind, count in counts.by_type.items()), width)),
        (MONTHS if counts.months else "", Content()),
    ]
    below = [
        (f"Space, {size_words(space.total)}", _bars([(name, size, size_words(size)) for name, size in sizes], width)),
        ("Tags", _bars(_counted(counts.tags), width)),
        (
            "Time by stage, median and 90th percentile",
            _bars(
                [
                    (
                        stage.stage,
                        stage.median,
                        f"{seconds_words(stage.median)}, {seconds_words(stage.p90)} ({counted(stage.runs, 'run')})",
                    )
                    for stage in counts.stages
                ],
                width,
            ),
        ),
        (
            "Index",
            Content.assemble(
                f"{statistics.embedded:,} of {statistics.described:,} described have a vector of"
                f" {visible(statistics.embedding_model)}\n",
                (f"{index.vectors:,} loaded, {visible(file)}, {size_words(index.file_bytes)}", "$dim"),
            ),
        ),
    ]
    return _told(above), _told(below)


def _told(sections: Iterable[tuple[str, Content]]) -> Content:
    """The sections that say anything, each under its title."""
    return Content("\n\n").join(
        Content.assemble((title, "bold $accent"), "\n" if content.plain else "", content)
        for title, content in sections
        if content.plain or title == MONTHS
    )


def _counted(counts: Iterable[tuple[str, int]]) -> list[Line]:
    return [(name, count, f"{count:,}") for name, count in counts if count]


def _bars(lines: Sequence[Line], width: int) -> Content:
    """A bar for each line, the longest for the most."""
    most = max((amount for _, amount, _ in lines), default=0)
    words_cells = max((cell_len(words) for *_, words in lines), default=0)
    room = max(4, min(LONGEST_BAR, width - NAME_CELLS - words_cells - 3))
    parts: list[tuple[str, str]] = []
    for name, amount, words in lines:
        parts.append(("\n" if parts else "", ""))
        parts.append((f"{fit(visible(name), NAME_CELLS)} ", ""))
        parts.append((f"{bar(amount / most if most else 0, room)} ", "$running"))
        parts.append((words, "$dim"))
    return Content.assemble(*parts)


def bar(share: float, cells: int) -> str:
    """A bar of a share (0..1) of so many cells, to an eighth of a cell; what is there at all can be seen."""
    eighths = round(share * cells * 8)
    eighths = max(eighths, 1) if share > 0 else 0
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
