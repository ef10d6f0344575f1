"""SavedScreen: the saved searches with what each of them finds just now, and the albums."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from vuemantics_tui.domain.query import TextField, TextFilter
from vuemantics_tui.domain.text import visible
from vuemantics_tui.library import Library, SavedSearch, Tag
from vuemantics_tui.ui.actions import FIND, MOVE, QUIET_HELP, action, hidden, key_of, lasting
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.screens.page import is_open
from vuemantics_tui.ui.uploads.commands import UNDO
from vuemantics_tui.ui.uploads.pane import ALBUM_SIGN
from vuemantics_tui.ui.widgets import WIDTHS
from vuemantics_tui.ui.widgets.cursor_list import ChoiceList
from vuemantics_tui.ui.widgets.keys_line import KeysLine

# Each upload that is processed may change what the searches find.
COUNT_REST_SECONDS = 2.0
NOTHING = (
    "No saved searches or albums yet.\n\n"
    "To save a search, run it and press {save_key}.\n"
    "To make an album, mark and press {album_key}."
)


class SavedList(ChoiceList):
    """The saved searches by name, then the albums."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action("run-saved", "enter", "select", "search", "Run the search", FIND),
    ]


class SavedScreen(ModalScreen[str | None]):
    """A list at the side, in a narrow window all over it. Dismisses with the search to run, or None."""

    HELP_TITLE = "Saved searches and albums"
    PARTS = (SavedList,)
    BINDINGS: ClassVar[list[BindingType]] = [
        action(
            "forget-search",
            "x,d,delete",
            "forget_search",
            "remove",
            "Remove the saved search, or turn the album into a tag",
            FIND,
        ),
        hidden("rename-search", "f2", "rename_search", "rename", "Give the saved search another name", FIND),
        *UNDO,
        action("leave-saved", "escape,q,B", "leave_saved", "back", "Back to the list", MOVE),
        QUIET_HELP,
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = "SavedList"
    HORIZONTAL_BREAKPOINTS = WIDTHS

    def __init__(self, library: Library, *, save_key: str, album_key: str) -> None:
        super().__init__()
        self._library = library
        self._nothing = NOTHING.format(save_key=save_key, album_key=album_key)
        self._entries: list[SavedSearch | Tag] = []
        self._counts: dict[str, int | None] = {}

    def compose(self) -> ComposeResult:
        """Yield a title, the list and the keys."""
        with Vertical(id="saved"):
            yield Static("Saved searches and albums", id="saved-title", markup=False)
            yield SavedList(id="saved-list")
            yield Static(self._nothing, id="saved-nothing", markup=False)
            yield KeysLine(id="saved-keys")

    def on_mount(self) -> None:
        """Show the names, then count."""
        self._notices = Notices.of(self)
        self._reader = Reader(self, self._count, rest=COUNT_REST_SECONDS)
        self._reader.want()
        Feed.of(self).follow(self)

    @on(LibraryChanged)
    def _library_changed(self) -> None:
        self._reader.want()

    async def _count(self) -> None:
        # Show the names at once: counting needs a search for each, and a slow server takes seconds.
        await self._read(self._counts)
        await self._read(await self._library.search.counts())

    async def _read(self, counts: dict[str, int | None]) -> None:
        """Read the names; `counts` is what each search finds."""
        albums = [tag for tag in await self._library.tags.own() if tag.album]
        entries: list[SavedSearch | Tag] = [*await self._library.search.saved.all(), *albums]
        if not is_open(self) or (entries == self._entries and counts == self._counts and entries):
            return
        list_ = self.query_one(SavedList)
        self._entries, self._counts = entries, counts
        self.set_class(not entries, "-nothing")
        self.refresh_bindings()
        list_.show({(type(one), one.name): self._words(one) for one in entries})
        self.call_after_refresh(list_.focus)
        self._rename_keys()

    def _words(self, entry: SavedSearch | Tag) -> Content:
        if isinstance(entry, Tag):
            name = f"{ALBUM_SIGN} {visible(entry.name)}"
            return Content.assemble(name, (f"  {entry.count:,}", "bold $accent"), "\n  ", ("album", "$dim"))
        count = self._counts.get(entry.name)
        told = "" if entry.name not in self._counts else "  ?" if count is None else f"  {count:,}"
        return Content.assemble(visible(entry.name), (told, "bold $accent"), "\n  ", (visible(entry.query), "$dim"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable removing while nothing is listed, and renaming unless it is a search."""
        if action == "rename_search":
            return isinstance(self._chosen, SavedSearch)
        return action != "forget_search" or bool(self._entries)

    @property
    def _chosen(self) -> SavedSearch | Tag | None:
        place = self.query_one(SavedList).place
        return None if place is None else self._entries[place]

    @on(OptionList.OptionHighlighted)
    def _rename_keys(self) -> None:
        is_album = isinstance(self._chosen, Tag)
        self.query_one(KeysLine).rename("forget-search", "end album" if is_album else "remove")

    @on(OptionList.OptionSelected)
    def _run_chosen(self) -> None:
        chosen = self._chosen
        if isinstance(chosen, Tag):
            self.dismiss(str(TextFilter.exactly(TextField.TAG, chosen.name)))
        elif chosen is not None:
            self.dismiss(chosen.query)

    @lasting
    async def action_forget_search(self) -> None:
        """Remove the search under the cursor, or turn the album into a plain tag; its uploads keep the tag."""
        with self._notices.errors_told():
            chosen = self._chosen
            if isinstance(chosen, Tag):
                await self._library.tags.set_album(chosen.name, False)
                undoes = f"{key_of(self, 'undo')} undoes."
                self._notices.tell(f"{chosen.name} is a plain tag. Its uploads keep it. {undoes}")
            elif chosen is not None:
                await self._library.search.saved.forget(chosen.name)
                self._notices.tell(f"Removed {chosen.name}. {key_of(self, 'undo')} undoes.")
            await self._read(dict(self._counts))

    @lasting
    async def action_rename_search(self) -> None:
        """Ask for another name."""
        from vuemantics_tui.ui.screens.ask import AskScreen, ask

        chosen = self._chosen
        if not isinstance(chosen, SavedSearch):
            return

        async def rename(name: str) -> str:
            await self._library.search.rename(chosen.name, name)
            return f"Renamed {chosen.name} to {' '.join(name.split())}. {key_of(self, 'undo')} undoes."

        with self._notices.errors_told():
            question = AskScreen(f"Rename {chosen.name}", chosen.query, rename, placeholder=chosen.name, is_list=False)
            if await ask(self, question):
                await self._read(dict(self._counts))

    def action_leave_saved(self) -> None:
        """Close without a change."""
        self.dismiss(None)
