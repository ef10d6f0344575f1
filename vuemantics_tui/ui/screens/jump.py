"""JumpScreen: a date to jump to, typed or chosen from the years and months that have uploads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static

from vuemantics_tui.domain.days import DAY_EXAMPLES, MONTH_NAMES, Span, read_day
from vuemantics_tui.domain.text import counted, date_words, visible
from vuemantics_tui.ui.actions import ANSWER, MOVE, action, hidden
from vuemantics_tui.ui.uploads.days import count_between
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import LineInput, Words, fit

MOST = 9
"""How many suggestions there are: as many as one digit tells apart."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Days to jump to, from `first` to `last`, what they are called, and how many uploads they have."""

    words: str
    first: date
    last: date
    count: int


def span_words(first: date, last: date) -> str:
    """Return the days from one to another in words: 3 Jun 2024, June 2024, 2024, 1 Jun 2024 to 31 Aug 2024."""
    after = last + timedelta(days=1) if last < date.max else last
    if first == last:
        return date_words(first.isoformat())
    if (first.month, first.day, after.month, after.day) == (1, 1, 1, 1) and after.year == first.year + 1:
        return str(first.year)
    if first.day == after.day == 1 and (after.year - first.year) * 12 + after.month - first.month == 1:
        return f"{MONTH_NAMES[first.month - 1]} {first.year}"
    return f"{date_words(first.isoformat())} to {date_words(last.isoformat())}"


def goals(text: str, days: Mapping[int, int], today: date) -> list[Goal]:
    """Return what a text may mean, what it says itself first; without a text, the years and months with most to offer.

    `days` has the number of uploads of each day (20240603), the latest first.
    """
    typed = " ".join(text.casefold().split())
    found: dict[tuple[date, date], Goal] = {}

    def put(span: Span) -> None:
        first, last = span[0], span[1] - timedelta(days=1) if span[1] else date.max
        if (first, last) not in found:
            found[first, last] = Goal(span_words(first, last), first, last, count_between(days, first, last))

    years = list(dict.fromkeys(day // 10_000 for day in days))
    months = list(dict.fromkeys(day // 100 for day in days))
    try:
        if (meant := read_day(text)) is not None:
            put(meant.bounds(today))
    except ValueError:
        return []
    for year in years:
        if str(year).startswith(typed):
            put(_year(year))
    for month in months:
        year, number = divmod(month, 100)
        name = f"{MONTH_NAMES[number - 1]} {year}".casefold()
        if name.startswith(typed) or typed == str(year) or f"{year}-{number:02}".startswith(typed):
            put(_month(year, number))
    if not typed:
        # The years, and as many of the latest months as there is room for.
        kept = list(found.values())
        return kept[: max(len(years), MOST)][:MOST]
    return list(found.values())[:MOST]


def _year(year: int) -> Span:
    return date(year, 1, 1), date(year + 1, 1, 1) if year < date.max.year else None


def _month(year: int, month: int) -> Span:
    following = year * 12 + month
    return date(year, month, 1), date(following // 12, following % 12 + 1, 1) if following < 9999 * 12 else None


class JumpInput(LineInput):
    """The field itself. Up and Down choose a suggestion, and so does a digit alone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action("jump-done", "enter", "submit", "jump", "Jump there", ANSWER),
        hidden("jump-down", "down", "screen.choose(1)", "next", "Next suggestion", MOVE),
        hidden("jump-up", "up", "screen.choose(-1)", "previous", "Previous suggestion", MOVE),
        action("leave-jump", "escape", "screen.leave", "cancel", "Stay where you are", ANSWER),
    ]


class Goals(Widget):
    """The suggestions, each with a digit and its number of uploads. A click takes one."""

    def __init__(self) -> None:
        super().__init__(id="jump-goals")
        self.goals: Sequence[Goal] = ()
        self.chosen = -1

    def show(self, goals: Sequence[Goal], chosen: int) -> None:
        """Show these suggestions, one of them chosen, or none."""
        is_taller = len(goals) != len(self.goals)
        self.goals, self.chosen = goals, chosen
        self.refresh(layout=is_taller)

    def render(self) -> Content:
        """Return a line for each suggestion."""
        width = self.content_size.width
        return Content("\n").join(Content.assemble(*self._line(place, width)) for place in range(len(self.goals)))

    def _line(self, place: int, width: int) -> Iterator[tuple[str, str]]:
        goal, is_chosen = self.goals[place], place == self.chosen
        count = counted(goal.count, "upload") if goal.count else "nothing"
        here = "reverse" if is_chosen and self.app.no_color else ""
        line = " on $cursor-line" if is_chosen else ""
        room = max(1, width - 3 - cell_len(count) - 2)
        yield f"{place + 1}  ", here or f"bold $accent{line}"
        yield fit(goal.words, room), here or f"$foreground{line}"
        yield f"  {count}", here or f"$dim{line}"

    def on_click(self, event: events.Click) -> None:
        """Choose the suggestion under the mouse."""
        offset = event.get_content_offset(self)
        if offset is not None and 0 <= offset.y < len(self.goals) and isinstance(self.screen, JumpScreen):
            self.screen.dismiss(self.goals[offset.y])


class JumpScreen(ModalScreen[Goal | None]):
    """Dismisses with the days to jump to, or None. `days` has the number of uploads of each day in the list."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = "JumpInput"
    HELP_TITLE = "The jump to a date"
    PARTS = (JumpInput,)

    def __init__(self, days: Mapping[int, int], today: date) -> None:
        super().__init__()
        self._days = days
        self._today = today

    def compose(self) -> ComposeResult:
        """Yield the field, the suggestions, an error and the keys."""
        with Vertical(id="jump"):
            yield Static("Jump to a date", id="jump-title", markup=False)
            yield JumpInput(
                id="jump-input", compact=True, placeholder="2019, June 2019, last summer", select_on_focus=False
            )
            yield Goals()
            yield Words(id="jump-message")
            yield KeysLine(id="jump-keys")

    def on_mount(self) -> None:
        """Show suggestions before anything is typed."""
        self._suggest("")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._suggest(event.value)

    def _suggest(self, text: str) -> None:
        typed = text.strip()
        # A digit alone is no date: it chooses from what is there before anything is typed.
        is_digit = len(typed) == 1 and typed.isdecimal() and typed.isascii()
        found = goals("" if is_digit else typed, self._days, self._today)
        chosen = -1 if not typed else 0
        if is_digit:
            chosen = int(typed) - 1 if 1 <= int(typed) <= len(found) else -1
        self.query_one(Goals).show(found, chosen if found else -1)
        self.query_one(Words).say(_no_date(typed) if typed and not found else "")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        shown = self.query_one(Goals)
        if shown.chosen >= 0:
            self.dismiss(shown.goals[shown.chosen])
        elif not event.value.strip():
            self.query_one(Words).say("Type a date, or choose one with ↓ or its digit.")

    def action_choose(self, step: int) -> None:
        """Choose the next suggestion, or the one before."""
        shown = self.query_one(Goals)
        if shown.goals:
            shown.show(shown.goals, max(0, min(shown.chosen + step, len(shown.goals) - 1)))

    def action_leave(self) -> None:
        """Close without jumping."""
        self.dismiss(None)


def _no_date(typed: str) -> str:
    return f"{visible(typed)!r} is not a date. Try {DAY_EXAMPLES}."
