"""Menus: small panels at the bottom right that show their keys: how to sort, what to show, where to go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Region, Size
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.text import visible
from vuemantics_tui.domain.view import SortKey, StatusFilter, View
from vuemantics_tui.ui.actions import (
    ACT,
    ANSWER,
    FIND,
    MOVE,
    PROGRAM,
    QUIET_HELP,
    VIEW,
    Action,
    action,
    actions_of,
    hidden,
    key_words,
    keys_of,
)
from vuemantics_tui.ui.app import VuemanticsApp
from vuemantics_tui.ui.uploads.gallery import Gallery
from vuemantics_tui.ui.uploads.screen import UploadsScreen
from vuemantics_tui.ui.uploads.table import UploadTable

MOST_COLUMNS = 2
_CHOSEN = "●"


class MenuEntries(Widget, can_focus=True):
    """The entries of a menu with their keys, side by side where there is room, with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        hidden("menu-up", "up", "move(-1, 0)", "up", "Up", MOVE),
        hidden("menu-down", "down", "move(1, 0)", "down", "Down", MOVE),
        hidden("menu-left", "left", "move(0, -1)", "left", "Left", MOVE),
        hidden("menu-right", "right", "move(0, 1)", "right", "Right", MOVE),
        hidden("menu-take", "enter", "take", "choose", "Choose", MOVE),
    ]

    def __init__(self, sections: list[list[Action]], chosen: Collection[str], counts: Mapping[str, int]) -> None:
        super().__init__()
        self._sections = sections
        self._chosen = chosen
        self._counts = counts
        entries = [entry for section in sections for entry in section]
        self._at = next((entry for entry in entries if entry.id in chosen), entries[0] if entries else None)

    def _rows(self) -> list[list[Action]]:
        """Return the entries in rows, an empty one between two sections."""
        columns = MOST_COLUMNS if self.content_size.width >= MOST_COLUMNS * self._entry_cells() else 1
        rows: list[list[Action]] = []
        for section in self._sections:
            if rows:
                rows.append([])
            rows += [section[start : start + columns] for start in range(0, len(section), columns)]
        return rows

    def _entry_cells(self) -> int:
        return max((cell_len(self._words(entry)) for section in self._sections for entry in section), default=0) + 2

    def _words(self, entry: Action) -> str:
        count = self._counts.get(entry.id or "")
        words = f"{visible(key_words(keys_of(entry, self.app)[0]))} {_CHOSEN} {entry.description}"
        return words if count is None else f"{words} {count:,}"

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many rows there are in this width."""
        columns = MOST_COLUMNS if width >= MOST_COLUMNS * self._entry_cells() else 1
        return sum(-(-len(section) // columns) for section in self._sections) + max(0, len(self._sections) - 1)

    def render(self) -> Content:
        """Return the rows: key, a dot where it holds already, words, number."""
        rows = self._rows()
        width = self.content_size.width // (1 if all(len(row) < MOST_COLUMNS for row in rows) else MOST_COLUMNS)
        lines = []
        for row in rows:
            parts: list[tuple[str, str]] = []
            for entry in row:
                count = self._counts.get(entry.id or "")
                number = "" if count is None else f"{count:,}"
                key = visible(key_words(keys_of(entry, self.app)[0]))
                chosen = _CHOSEN if entry.id in self._chosen else " "
                # In 16 colours the accent is the colour of the cursor.
                here = (
                    "" if entry is not self._at else "reverse" if self.app.no_color else "$foreground on $cursor-line"
                )
                blanks = width - 2 - cell_len(f"{key} {chosen} {entry.description}{number}")
                parts += [
                    (key, f"bold {here or '$accent'}"),
                    (f" {chosen} ", here or "$accent"),
                    (entry.description, here or "$foreground"),
                    (" " * blanks + number, here or "$dim"),
                    ("  ", ""),
                ]
            lines.append(Content.assemble(*parts))
        return Content("\n").join(lines)

    # Choosing

    def _place(self) -> tuple[int, int]:
        places = ((y, x) for y, row in enumerate(self._rows()) for x, entry in enumerate(row) if entry is self._at)
        return next(places, (0, 0))

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor, over the gaps between sections."""
        rows = self._rows()
        y, x = self._place()
        if right:
            x = max(0, min(x + right, len(rows[y]) - 1))
        y += down
        while down and 0 <= y < len(rows) and not rows[y]:
            y += down
        if 0 <= y < len(rows) and rows[y]:
            self._put(rows[y][min(x, len(rows[y]) - 1)])

    def _put(self, entry: Action) -> None:
        if entry is not self._at:
            self._at = entry
            self.refresh()
            y, _ = self._place()
            self.scroll_visible(animate=False)
            if isinstance(self.parent, VerticalScroll):
                self.parent.scroll_to_region(Region(0, y, 1, 1), animate=False)

    async def action_take(self) -> None:
        """Choose the entry under the cursor."""
        if self._at is not None:
            await self.run_action(f"screen.{self._at.action}")

    def _entry_at(self, event: events.MouseEvent) -> Action | None:
        offset = event.get_content_offset(self)
        rows = self._rows()
        if offset is None or not 0 <= offset.y < len(rows):
            return None
        row = rows[offset.y]
        columns = max(len(each) for each in rows)
        x = offset.x * columns // max(1, self.content_size.width)
        return row[x] if x < len(row) else None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Put the cursor on the entry under the mouse."""
        if (entry := self._entry_at(event)) is not None:
            self._put(entry)

    async def on_click(self, event: events.Click) -> None:
        """Choose the entry under the mouse."""
        event.stop()
        if (entry := self._entry_at(event)) is not None:
            self._put(entry)
            await self.action_take()


class MenuScreen(ModalScreen[str | None]):
    """A panel of entries. Dismisses with what the entry chosen stands for, or None.

    The entries are the actions of the class, apart from the way out and the help; `BREAKS` are the ids before which a
    section begins. `chosen` are the ids of those that hold already, `counts` numbers by id, `without` the ids left out.
    """

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    HELP_TITLE = "Menus"
    PARTS = (MenuEntries,)
    BINDINGS: ClassVar[list[BindingType]] = [
        action("leave-menu", "escape", "leave", "cancel", "Change nothing", ANSWER),
        QUIET_HELP,
    ]
    AUTO_FOCUS = "MenuEntries"
    NAME = ""
    NOTE = ""
    BREAKS: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        *,
        chosen: Collection[str] = (),
        counts: Mapping[str, int] | None = None,
        without: Collection[str] = (),
    ) -> None:
        super().__init__()
        self._chosen = chosen
        self._counts = counts or {}
        self._without = without

    def compose(self) -> ComposeResult:
        """Yield a title, the entries, a note and how to leave."""
        sections: list[list[Action]] = [[]]
        for entry in actions_of(type(self)):
            if entry.help_group in (ANSWER, PROGRAM) or entry.id in self._without:
                continue
            if entry.id in self.BREAKS and sections[-1]:
                sections.append([])
            sections[-1].append(entry)
        with VerticalScroll(id="menu", can_focus=False):
            yield Static(self.NAME, id="menu-name", markup=False)
            yield MenuEntries(sections, self._chosen, self._counts)
            leave = next(each for each in actions_of(type(self)) if each.id == "leave-menu")
            way_out = f"{key_words(keys_of(leave, self.app)[0])} {leave.description}"
            yield Static("\n".join(filter(None, (self.NOTE, way_out))), id="menu-note", markup=False)

    def action_choose(self, value: str) -> None:
        """Take an entry."""
        self.dismiss(value)

    def action_leave(self) -> None:
        """Close without a change."""
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        """Close the menu on a click beside the panel."""
        if event.widget is self:
            self.dismiss(None)


# Sort

BEST_MATCH = "match"
_SORTS = (
    (SortKey.TAKEN, "t", "taken", "When it was taken"),
    (SortKey.ADDED, "a", "added", "When it was added"),
    (SortKey.NAME, "n", "name", "By name"),
    (SortKey.SIZE, "s", "size", "Largest first"),
    (SortKey.RATING, "r", "rating", "Most stars first"),
    (SortKey.QUALITY, "q", "quality", "Best described first"),
    (SortKey.DURATION, "d", "duration", "Longest clips first"),
    (SortKey.STATUS, "u", "status", "Completed last"),
)


class SortMenu(MenuScreen):
    """The sort menu. Dismisses with a SortKey's value, or BEST_MATCH."""

    HELP_TITLE = "The sort menu"
    NAME = "Sort by"
    NOTE = "the same key again reverses the order"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            hidden(f"sort-{key}", letter, f"choose('{key}')", label, words, VIEW)
            for key, letter, label, words in _SORTS
        ),
        hidden("sort-match", "m", f"choose('{BEST_MATCH}')", "match", "Results in order of how well they match", VIEW),
    ]


# Filter

EVERYTHING = "everything"
_Facet = tuple[str, Any]
# By the last part of the action's id: the key, the label, the words, and which attribute of a view it sets to what.
_FACETS: dict[str, tuple[str, str, str, _Facet]] = {
    "photos": ("p", "photos", "Photos only", ("file_type", FileType.IMAGE)),
    "videos": ("v", "videos", "Videos only", ("file_type", FileType.VIDEO)),
    "waiting": ("w", "waiting", "Waiting uploads only", ("status", StatusFilter.WAITING)),
    "running": ("r", "running", "Running uploads only", ("status", StatusFilter.RUNNING)),
    "completed": ("c", "completed", "Completed uploads only", ("status", StatusFilter.COMPLETED)),
    "failed": ("f", "failed", "Failed uploads only", ("status", StatusFilter.FAILED)),
    "warning": ("!", "with a warning", "Uploads with a warning only", ("status", StatusFilter.WARNING)),
    "rated": ("s", "with stars", "Rated uploads only", ("rated", True)),
    "untagged": ("u", "without tags", "Only uploads without your tags", ("untagged", True)),
    "text": ("t", "with text", "Only pictures with text in them", ("with_text", True)),
    "hidden": ("h", "hidden too", "Include hidden uploads", ("show_hidden", True)),
}


def facets_of(view: View) -> set[str]:
    """Return the ids of the entries that hold in a view."""
    found = {f"filter-{name}" for name, (*_, (field, value)) in _FACETS.items() if getattr(view, field) == value}
    return found or {f"filter-{EVERYTHING}"}


def with_facet(view: View, name: str) -> View:
    """Return the view with an entry of the menu; one that holds already is taken back."""
    if name == EVERYTHING:
        return view.everything()
    *_, (field, value) = _FACETS[name]
    change: dict[str, Any] = {field: getattr(View(), field) if getattr(view, field) == value else value}
    return replace(view, **change)


class FilterMenu(MenuScreen):
    """The filter menu. Dismisses with the name of a facet."""

    HELP_TITLE = "The filter menu"
    NAME = "Show"
    NOTE = "the same key again shows the others too"
    BREAKS = frozenset({"filter-waiting", "filter-rated"})
    BINDINGS: ClassVar[list[BindingType]] = [
        hidden("filter-everything", "a", f"choose('{EVERYTHING}')", "everything", "Everything", VIEW),
        *(
            hidden(f"filter-{name}", key, f"choose('{name}')", label, words, VIEW)
            for name, (key, label, words, _) in _FACETS.items()
        ),
    ]


# Import

PROGRAMS = {
    "takeout": ("t", "Google Photos", "A Google Photos Takeout: its unpacked folders"),
    "immich": ("i", "Immich", "An Immich server's library folder, or an archive of immich-go"),
    "photoprism": ("p", "PhotoPrism", "PhotoPrism's storage folder"),
    "apple-export": ("a", "Apple Photos", "An export of Apple's Photos: XMP side-cars, or the JSON of osxphotos"),
}
"""By the program as the command `import` calls it: its key, its name, and which folder of it is read."""


class ImportMenu(MenuScreen):
    """The import menu. Dismisses with a key of PROGRAMS."""

    HELP_TITLE = "The import menu"
    NAME = "Import from"
    BINDINGS: ClassVar[list[BindingType]] = [
        hidden(f"import-{program}", key, f"choose('{program}')", name, words, ACT)
        for program, (key, name, words) in PROGRAMS.items()
    ]


# Go to

# The actions that lead somewhere, whose words the entries have: in the table or gallery, on the screen, in the app.
_PLACES = (UploadTable, Gallery, UploadsScreen, VuemanticsApp)
_TARGETS = {each.id: each for place in _PLACES for each in actions_of(place)}
WAYS = {
    "top": ("t", "cursor-first", "gallery-first"),
    "bottom": ("b", "cursor-last", "gallery-last"),
    "date": ("d", "jump-to-date"),
    "this-day": ("y", "on-this-day"),
    "saved": ("S", "show-saved"),
    "trash": ("T", "show-trash"),
    "duplicates": ("D", "show-duplicates"),
    "failures": ("f", "show-failures"),
    "sources": ("Q", "show-sources"),
    "statistics": ("s", "show-stats"),
    "models": ("m", "show-models"),
    "cluster": ("c", "show-cluster"),
    "log": ("l", "show-log"),
    "doctor": ("!", "show-doctor"),
}
"""By the last part of an entry's id: its key, and the actions that it stands for, of which one can be done here."""


class GoMenu(MenuScreen):
    """The go-to menu. Dismisses with the name of an entry of WAYS."""

    HELP_TITLE = "The go-to menu"
    NAME = "Go to"
    BREAKS = frozenset({"go-saved"})
    BINDINGS: ClassVar[list[BindingType]] = [
        hidden(
            *(f"go-{name}", key, f"choose('{name}')"),
            *(_TARGETS[ids[0]].description, _TARGETS[ids[0]].tooltip, FIND),
        )
        for name, (key, *ids) in WAYS.items()
        if ids[0] in _TARGETS
    ]
