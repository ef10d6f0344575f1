"""ListScreen: the base of screens that show one list from the library."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.screens.page import is_open
from vuemantics_tui.ui.widgets.cursor_list import ChoiceList
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import Words

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

Entry = TypeVar("Entry")


class ListScreen(Screen[str | None], Generic[Entry]):
    """A title, a list and the keys, or why the list is empty. Some dismiss with a search to run."""

    NOTHING = ""
    DEFAULT_CSS = """
    ListScreen {
        layout: vertical;

        #list-title, #list-keys {
            height: 1;
            padding: 0 1;
            background: $surface;
        }

        #list-title {
            color: $accent;
            text-style: bold;
        }

        #list {
            height: 1fr;
            max-height: 100%;
            padding: 0 1;
        }

        #list-nothing {
            display: none;
            height: 1fr;
            content-align: center middle;
            text-align: center;
            color: $dim;
        }

        &.-nothing #list {
            display: none;
        }

        &.-nothing #list-nothing {
            display: block;
        }
    }
    """

    def __init__(self, library: Library) -> None:
        super().__init__()
        self.library = library
        self.entries: list[Entry] = []

    @abstractmethod
    def make_list(self) -> ChoiceList:
        """Yield the list, with keys of its own."""

    @abstractmethod
    async def read(self) -> list[Entry]:
        """Return the entries to show. Raises VuemanticsError."""

    @abstractmethod
    def title_words(self) -> str:
        """Return the title, once the entries are read."""

    @abstractmethod
    def entry_key(self, entry: Entry) -> Hashable:
        """Return what identifies an entry."""

    @abstractmethod
    def entry_words(self, entry: Entry) -> Content:
        """Return an entry as one or more lines."""

    def compose(self) -> ComposeResult:
        """Yield the parts from top to bottom."""
        yield Words(id="list-title")
        yield self.make_list()
        yield Static(self.NOTHING, id="list-nothing", markup=False)
        yield KeysLine(id="list-keys")

    def on_mount(self) -> None:
        """Start reading."""
        self.notices = Notices.of(self)
        self.read_again()

    @work(group="reading", exclusive=True, exit_on_error=False)
    async def read_again(self) -> None:
        """Read and show the entries."""
        with self.notices.errors_told():
            await self.show_read()

    async def show_read(self) -> None:
        """Read and show the entries; the cursor stays on its entry. Raises VuemanticsError."""
        entries = await self.read()
        if not is_open(self):
            return
        list_ = self.query_one(ChoiceList)
        self.entries = entries
        self.set_class(not entries, "-nothing")
        self.show_entries()
        self.query_one("#list-title", Words).say(self.title_words())
        self.call_after_refresh(list_.focus)

    def show_entries(self) -> None:
        """Draw the entries again; the cursor stays on its entry."""
        self.query_one(ChoiceList).show({self.entry_key(entry): self.entry_words(entry) for entry in self.entries})
        self.refresh_bindings()

    @property
    def chosen(self) -> Entry | None:
        """Return the entry under the cursor."""
        place = self.query_one(ChoiceList).place
        return None if place is None else self.entries[place]

    def action_go_back(self) -> None:
        """Go back to the previous screen."""
        self.dismiss(None)
