"""HelpScreen: what the keys of the focused part do, and what the signs mean."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from vuemantics_tui.domain.upload import RUNNING, STAGE_STATUS, status_word
from vuemantics_tui.ui.actions import MOVE, action, help_title
from vuemantics_tui.ui.palette import Reachable, most_wanted_first
from vuemantics_tui.ui.screens.page import READING, Reading
from vuemantics_tui.ui.widgets.keys_line import KeysLine

_RUNNING_WORDS = ", ".join(status_word(stage) for stage, status in STAGE_STATUS.items() if status in RUNNING)
SIGNS = (
    ("·", "waiting"),
    ("◐", f"running: {_RUNNING_WORDS}"),
    ("✓", "completed; the table leaves it out"),
    ("!", "completed with a warning, for example without a thumbnail"),
    ("✗", "failed or cancelled; the row says why"),
    ("▌", "marked; actions apply to all marked uploads"),
    ("▶ 0:12", "a clip, with its length"),
    ("❐ 3", "a stack, with the number of its uploads"),
    ("LIVE", "a Live Photo or motion photo"),
    ("TEXT", "text was read in it"),
)
MOST_KEY_CELLS = 17
# The title, the keys, and the blank lines about them.
AROUND_PAGE = 5

Line = tuple[str, str]
"""A key or sign, and what it means; without the first, a title."""


FAMILIES = {"rate": "Rate 5 to 1 stars, or remove the rating"}
"""By the name of an action, what its keys do in one line, each with another argument."""


def help_lines(offered: Sequence[Reachable]) -> list[Line]:
    """Return the keys in groups, then the signs; an empty pair parts two groups."""
    groups: dict[str, dict[str, Line]] = {}
    for entry in most_wanted_first(offered):
        if entry.keys:
            members = groups.setdefault(entry.action.help_group, {})
            family = entry.action.action.partition("(")[0]
            name = family if family in FAMILIES else entry.action.action
            keys, words = members.get(name, ("", FAMILIES.get(name, entry.action.tooltip)))
            members[name] = (f"{keys} {entry.key_words}".strip(), words)
    if any(getattr(entry.node, "HELP_SIGNS", False) for entry in offered):
        groups["Signs"] = {sign: (sign, words) for sign, words in SIGNS}
    lines: list[Line] = []
    for title, members in groups.items():
        lines += [("", ""), ("", title), *members.values()]
    return lines[1:]


def help_title_of(screen: Screen[Any]) -> str:
    """Return what the help is about: the innermost part around the focus that has a title."""
    nodes = (screen.focused or screen).ancestors_with_self
    return next((title for node in nodes if (title := help_title(type(node)))), "Keys")


class HelpText(Widget):
    """Keys to the left, words to the right, which wrap in their own column."""

    def __init__(self, lines: Sequence[Line], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines = lines
        self._key_cells = min(MOST_KEY_CELLS, 2 + max((len(left) for left, _ in lines), default=0))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines the words need."""
        return len(self._wrapped(width))

    def render(self) -> Content:
        """Return the text for this width."""
        parts: list[Line] = []
        for left, right in self._wrapped(self.content_size.width):
            title = not left and right and not right.startswith(" ")
            parts.append((left.ljust(self._key_cells) if left else "", "bold $accent"))
            parts.append((f"{right}\n", "bold" if title else ""))
        return Content.assemble(*parts)

    def _wrapped(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for left, right in self._lines:
            first, *rest = textwrap.wrap(right, max(8, width - self._key_cells)) or [""]
            lines.append((left, first))
            lines += [("", " " * self._key_cells + more) for more in rest]
        return lines


class HelpScreen(Reading, ModalScreen[None]):
    """Explains what a screen offered when help was asked for. Scrolls where the window is too small for it."""

    HELP_TITLE = "Help"
    BINDINGS: ClassVar[list[BindingType]] = [
        *READING,
        action("help-back", "escape,q,?,enter", "go_back", "back", "Back", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")

    def __init__(self, title: str, offered: Sequence[Reachable]) -> None:
        super().__init__()
        self._title = title
        self._offered = offered

    def compose(self) -> ComposeResult:
        """Yield the title, the text and the keys."""
        with Vertical(id="help"):
            yield Static(self._title, id="help-title", markup=False)
            with VerticalScroll(id="help-page", can_focus=False):
                yield HelpText(help_lines(self._offered), id="help-text")
            yield KeysLine(id="help-keys")

    def on_resize(self, event: events.Resize) -> None:
        """Leave room for the title and the keys."""
        self.page.styles.max_height = max(1, event.size.height - AROUND_PAGE)

    def action_go_back(self) -> None:
        """Go back to the previous screen."""
        self.dismiss(None)
