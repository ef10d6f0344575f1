"""SavedScreen: the saved searches with what each of them finds just now."""

from __future__ import annotations

from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from vuemantics_tui.domain.text import visible
from vuemantics_tui.library import Library, SavedSearch
from vuemantics_tui.ui import bindings
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.screens.reading import is_open
from vuemantics_tui.ui.widgets.choice_list import ChoiceList
from vuemantics_tui.ui.widgets.keys_line import KeysLine

COUNT_SECONDS = 2.0
NOTHING = "No search is saved yet.\n\nSearch for something, then press {key}."


class SavedList(ChoiceList):
    """The saved searches by name."""

    BINDINGS = bindings.SAVED_LIST


class SavedScreen(ModalScreen[str | None]):
    """A list at the side, in a narrow window all over it. Dismisses with the search to run, or None."""

    BINDINGS = bindings.SAVED_SCREEN
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = "SavedList"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, library: Library, save_key: str) -> None:
        super().__init__()
        self._library = library
        self._save_key = save_key
        self._saved: list[SavedSearch] = []
        self._counts: dict[str, int | None] = {}

    def compose(self) -> ComposeResult:
        """A title, the list, the keys."""
        with Vertical(id="saved"):
            yield Static("Saved searches", id="saved-title", markup=False)
            yield SavedList(id="saved-list")
            yield Static(NOTHING.format(key=self._save_key), id="saved-nothing", markup=False)
            yield KeysLine(id="saved-keys")

    def on_mount(self) -> None:
        """Show the names, then count, again and again."""
        self._notices = Notices(self.app)
        self._count()
        self.set_interval(COUNT_SECONDS, self._count)

    @work(group="counting", exclusive=True, exit_on_error=False)
    async def _count(self) -> None:
        with self._notices.errors_told():
            # The names at once: to count takes a search for each.
            self._show(await self._library.search.saved(), self._counts)
            counts = await self._library.search.counts()
            self._show(await self._library.search.saved(), counts)

    def _show(self, saved: list[SavedSearch], counts: dict[str, int | None]) -> None:
        if not is_open(self) or (saved == self._saved and counts == self._counts and saved):
            return
        list_ = self.query_one(SavedList)
        place = list_.highlighted or 0
        self._saved, self._counts = saved, counts
        self.set_class(not saved, "-nothing")
        self.refresh_bindings()
        list_.disabled = not saved
        list_.set_options(Option(self._words(one)) for one in saved)
        list_.highlighted = min(place, len(saved) - 1) if saved else None
        self.call_after_refresh(list_.focus)

    def _words(self, saved: SavedSearch) -> Content:
        count = self._counts.get(saved.name)
        told = "" if saved.name not in self._counts else "  ?" if count is None else f"  {count:,}"
        return Content.assemble(visible(saved.name), (told, "bold $accent"), "\n  ", (visible(saved.query), "$dim"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is forgotten must be there."""
        return action != "forget_search" or bool(self._saved)

    @property
    def _chosen(self) -> SavedSearch | None:
        place = self.query_one(SavedList).highlighted
        return self._saved[place] if place is not None and place < len(self._saved) else None

    @on(OptionList.OptionSelected)
    def _run_chosen(self) -> None:
        if (saved := self._chosen) is not None:
            self.dismiss(saved.query)

    @work(group="acting", exit_on_error=False)
    async def action_forget_search(self) -> None:
        """Forget the search under the cursor; what it finds stays."""
        with self._notices.errors_told():
            if (saved := self._chosen) is not None:
                await self._library.search.forget(saved.name)
                self._notices.tell(f"{saved.name} is forgotten.")
                self._show(await self._library.search.saved(), dict(self._counts))

    def action_leave_saved(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)
