"""Statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from tests.ui.conftest import Window, add, make_library, window_on
from vuemantics_tui.ui.screens.stats import ROWS, MonthsChart, StatsScreen, bar, latest
from vuemantics_tui.ui.themes import ANSI, DARK, own_variables


async def take_in(window: Window, month: str) -> None:
    """Say that everything was taken in this month."""
    async with window.library.database.transaction() as connection:
        await connection.execute("UPDATE uploads SET taken_at = ?", (f"{month}-05T10:00:00",))


async def test_the_library_in_numbers(root: Path, draw: Callable[..., Path]) -> None:
    await make_library(root)
    async with window_on(root, size=(80, 16), process=True) as window:
        await add(window.library, *(draw(f"{number}.png") for number in range(6)))
        await window.shows("6 completed")
        await window.library.tags.add([(await window.library.uploads.newest())[0].id], ["rome", "dark blue"])
        await take_in(window, "2019-07")
        await window.press("#")
        await window.shows("Uploads", "completed  6  ━", "Types", "photos  6  ━", "Months")
        await window.press("end")
        # The squares are blue: a colour is no tag.
        await window.shows("Tags", "rome  1  ━", "Main colours", "dark blue  6  ━")
        assert window.text().count("dark blue") == 1
        before = window.app.screen.query_one("#stats-rest").region.y
        await window.press("home")
        await window.until(lambda: window.app.screen.query_one("#stats-rest").region.y > before)
        await window.press("j", "j", "j", "j", "j", "j", "j")
        await window.shows("Jul 2019", "Space")
        await window.pilot.resize_terminal(120, 50)
        # Tags stand beside the rest.
        await window.shows(
            "Time by stage", "Index", "6 of 6 described have a vector of words-1", "rome", "Main colours"
        )
        assert "Tags" in next(line for line in window.text().splitlines() if "Uploads" in line)
        await window.press("k", "space", "pageup", "g", "G")
        await window.library.trash.put([(await window.library.uploads.newest())[0].id])
        await window.press("r", "g")
        await window.shows("in the trash")
        await window.press("escape")
        await window.until(lambda: not isinstance(window.app.screen, StatsScreen))


async def test_an_empty_library_has_no_numbers(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("#")
        await window.shows("Nothing to count yet.")


@pytest.mark.parametrize(("share", "drawn"), [(1.0, "━━━━"), (0.5, "━━"), (0.4, "━╸"), (0.001, "╸"), (0.0, "")])
def test_a_bar(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


def test_months_without_any_are_there_where_all_fit_and_else_the_latest() -> None:
    months = [("2024-11", 3), ("2025-02", 1), ("2026-01", 9)]
    assert latest(months, 15)[:4] == [("2024-11", 3), ("2024-12", 0), ("2025-01", 0), ("2025-02", 1)]
    assert len(latest(months, 15)) == 15
    assert latest(months, 14) == months
    assert latest(months, 2) == months[1:]
    assert latest(months, 0) == latest([], 9) == []


class ChartApp(App[None]):
    """A chart and nothing else."""

    def __init__(self, months: Sequence[tuple[str, int]], theme: str) -> None:
        super().__init__()
        self.months = months
        for each in (DARK, ANSI):
            self.register_theme(each)
        self.theme = theme

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return own_variables(self.current_theme)

    def compose(self) -> ComposeResult:
        yield MonthsChart()

    def on_mount(self) -> None:
        self.query_one(MonthsChart).show(self.months)

    @property
    def lines(self) -> list[str]:
        """What the chart shows, line by line."""
        chart = self.query_one(MonthsChart)
        return [chart.render_line(y).text for y in range(chart.size.height)]


@pytest.mark.parametrize("theme", [DARK.name, ANSI.name])
async def test_the_bars_stand_over_their_months_as_high_as_they_count(theme: str) -> None:
    app = ChartApp([("2025-01", 1000), ("2025-02", 450), ("2025-03", 0), ("2025-04", 1)], theme)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.pause()
        *bars, months = app.lines
        assert len(bars) == ROWS and bars[0].startswith("1,000") and bars[-1].lstrip().startswith("0")
        heights = [sum(line[place] != " " for line in bars) for place in (5, 13, 21, 29)]
        assert heights == [ROWS, ROWS // 2, 0, 1]
        # A blank cell parts them, at every height.
        assert all(line[12] == line[20] == " " for line in bars)
        assert months.split() == ["Jan", "2025", "Mar", "2025"]


async def test_a_window_that_is_too_narrow_for_a_chart_and_a_library_without_months_have_none() -> None:
    app = ChartApp([("2025-01", 10_000_000)], DARK.name)
    async with app.run_test(size=(8, 12)) as pilot:
        await pilot.pause()
        assert not "".join(app.lines).strip()
        app.query_one(MonthsChart).show([])
        await pilot.pause()
        assert app.lines == []
