"""What screens share: Reading moves in a page of text, ListScreen shows a list from the library."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static

from vuemantics_tui.ui.actions import MOVE, action, hidden
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.textual_private import SteadyScreen
from vuemantics_tui.ui.widgets.cursor_list import ChoiceList
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import Words

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

Entry = TypeVar("Entry")

READING = (
    action("scroll-down", "down,j", "scroll_lines(1)", "scroll", "Line down", MOVE, shown_as="j k"),
    hidden("scroll-up", "up,k", "scroll_lines(-1)", "up", "Line up", MOVE),
    hidden("scroll-page-down", "pagedown,space", "scroll_pages(1)", "page down", "Page down", MOVE),
    hidden("scroll-page-up", "pageup", "scroll_pages(-1)", "page up", "Page up", MOVE),
    hidden("scroll-top", "home,g", "scroll_to_top", "top", "First line", MOVE),
    hidden("scroll-bottom", "end,G", "scroll_to_bottom", "bottom", "Last line", MOVE),
)


def is_open(screen: Screen[Any]) -> bool:
    """Tell whether a screen is still there: a worker may come back to one that was left, and has no widgets."""
    return screen.app.is_running and screen in screen.app.screen_stack


class Reading(DOMNode):
    """Moves in the one VerticalScroll of a screen."""

    @property
    def page(self) -> VerticalScroll:
        """What is moved."""
        return self.query_one(VerticalScroll)

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll down by this many lines."""
        self.page.scroll_relative(y=lines, animate=False)

    def action_scroll_pages(self, pages: int) -> None:
        """Scroll down by this many pages, keeping one line."""
        self.page.scroll_relative(y=pages * max(1, self.page.size.height - 1), animate=False)

    def action_scroll_to_top(self) -> None:
        """Go to the first line."""
        self.page.scroll_home(animate=False)

    def action_scroll_to_bottom(self) -> None:
        """Go to the last line."""
        self.page.scroll_end(animate=False)


class ListScreen(SteadyScreen[str | None], Generic[Entry]):
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
