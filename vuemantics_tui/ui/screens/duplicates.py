"""DuplicatesScreen: uploads that look the same, side by side, and which of them to keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, ScrollableContainer
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from vuemantics_tui.domain.text import counted, date_words, size_words, visible
from vuemantics_tui.ui.actions import ACT, MOVE, action, hidden
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import PictureLoader
from vuemantics_tui.ui.screens.ask import ConfirmScreen
from vuemantics_tui.ui.screens.page import is_open
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import Words
from vuemantics_tui.ui.widgets.thumbnail import Thumbnail

if TYPE_CHECKING:
    from vuemantics_tui.library import DuplicateGroup, Library, LookAlike

LOOKING = "Looking for duplicates…"
NOTHING = "No duplicates found.\n\nHidden and unprocessed uploads are skipped."


class LookAlikeCard(Container):
    """One of a group: its picture and what speaks for it."""

    def __init__(self, one: LookAlike, picture: Path | None, loader: PictureLoader, *, proposed: bool) -> None:
        super().__init__()
        self._one = one
        self._picture = picture
        self._proposed = proposed
        self._thumbnail = Thumbnail(loader)
        self._words = Static(classes="card-words")

    def compose(self) -> ComposeResult:
        """The picture and the words."""
        yield self._thumbnail
        yield self._words

    def on_mount(self) -> None:
        """Draw the picture."""
        self._thumbnail.show(self._picture, "no thumbnail")

    def choose(self, chosen: bool) -> None:
        """Show that it is to be kept, or that it is not."""
        self.set_class(chosen, "-chosen")
        self._words.update(card_words(self._one, chosen=chosen, proposed=self._proposed))


class DuplicatesScreen(Screen[None]):
    """Shows one group at a time."""

    HELP_TITLE = "Duplicates"
    BINDINGS: ClassVar[list[BindingType]] = [
        action(
            "keep-chosen", "enter", "keep_chosen", "keep this one", "Keep this one, move the others to the trash", ACT
        ),
        action("next-choice", "right,l,down,j", "move_choice(1)", "choose", "Choose the next one", MOVE),
        hidden("previous-choice", "left,h,up,k", "move_choice(-1)", "choose", "Choose the previous one", MOVE),
        action("next-group", "n", "move_group(1)", "next group", "Next group", MOVE),
        action("previous-group", "p", "move_group(-1)", "previous group", "Previous group", MOVE),
        action("duplicates-back", "escape,q,W", "go_back", "back", "Back to the list", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, library: Library, loader: PictureLoader) -> None:
        super().__init__()
        self._library = library
        self._loader = loader
        self._groups: list[DuplicateGroup] = []
        self._group = 0
        self._chosen = 0

    def compose(self) -> ComposeResult:
        """A title, the group, the keys."""
        yield Words(id="duplicates-title")
        yield ScrollableContainer(id="duplicates-cards", can_focus=False)
        yield Static(LOOKING, id="duplicates-nothing", markup=False)
        yield KeysLine(id="duplicates-keys")

    def on_mount(self) -> None:
        """Begin to look."""
        self._notices = Notices.of(self)
        self.query_one("#duplicates-title", Words).say("Duplicates")
        self.add_class("-nothing")
        self._look()

    @work(group="looking", exclusive=True, exit_on_error=False)
    async def _look(self) -> None:
        with self._notices.errors_told():
            self._groups = await self._library.duplicates.groups()
            if is_open(self):
                self.query_one("#duplicates-nothing", Static).update(NOTHING)
                self._go_to(0)

    def _go_to(self, group: int) -> None:
        self._group = max(0, min(group, len(self._groups) - 1))
        self._chosen = 0
        self._show_group()

    @work(group="showing", exclusive=True, exit_on_error=False)
    async def _show_group(self) -> None:
        if not is_open(self):
            return
        self.set_class(not self._groups, "-nothing")
        self.refresh_bindings()
        cards = self.query_one("#duplicates-cards", ScrollableContainer)
        with self.app.batch_update():
            await cards.remove_children()
            if not self._groups:
                self.query_one("#duplicates-title", Words).say("Duplicates")
                return
            group = self._groups[self._group]
            absolute = self._library.absolute
            await cards.mount_all(
                LookAlikeCard(one, absolute(one.thumbnail_path), self._loader, proposed=one is group.keep)
                for one in group.members
            )
            self._mark_chosen()
        spare = sum(each.spare_bytes for each in self._groups)
        self.query_one("#duplicates-title", Words).say(
            f"Duplicates  group {self._group + 1:,} of {len(self._groups):,}, {counted(len(group.members), 'upload')}"
            f"; removing duplicates frees {size_words(spare)}"
        )

    def _mark_chosen(self) -> None:
        for place, card in enumerate(self.query(LookAlikeCard)):
            card.choose(place == self._chosen)
            if place == self._chosen:
                card.scroll_visible(animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a group there is only the way back."""
        return bool(self._groups) or action not in ("keep_chosen", "move_group", "move_choice")

    def action_move_choice(self, step: int) -> None:
        """Keep another one of the group."""
        members = self._groups[self._group].members
        self._chosen = max(0, min(len(members) - 1, self._chosen + step))
        self._mark_chosen()

    def action_move_group(self, step: int) -> None:
        """The next group, or the one before."""
        if 0 <= self._group + step < len(self._groups):
            self._go_to(self._group + step)

    @work(group="acting", exclusive=True, exit_on_error=False)
    async def action_keep_chosen(self) -> None:
        """Keep the chosen one, and move the others of the group to the trash, after asking."""
        with self._notices.errors_told():
            group = self._groups[self._group]
            kept = group.members[self._chosen]
            others = [one for one in group.members if one is not kept]
            told = others[0].filename if len(others) == 1 else counted(len(others), "upload")
            question = ConfirmScreen(
                f"Keep {kept.filename}, and move {told} to the trash?",
                "You can restore them from there.",
                agree="keep one",
                decline="keep all",
            )
            if not await self.app.push_screen_wait(question):
                return
            count = await self._library.trash.put([one.id for one in others])
            self._notices.tell(f"Moved {counted(count, 'upload')} to the trash, kept {kept.filename}.")
            shown = self._groups[self._group]
            self._groups.remove(group)
            place = self._group if shown is group else self._groups.index(shown)
            self._go_to(place)

    def action_go_back(self) -> None:
        """Back to the screen before."""
        self.dismiss(None)


def card_words(one: LookAlike, *, chosen: bool, proposed: bool) -> Content:
    """What speaks for an upload: dimensions, size, date, sharpness, and how far it is from the one proposed."""
    sign = Content.styled("✓ keep" if chosen else "  to the trash", "bold $success" if chosen else "$dim")
    taken = visible(date_words(one.taken_at, own_clock=True))
    date = f"taken {taken}" if taken else f"added {date_words(one.created_at)}"
    lines = [
        f"{one.width} × {one.height}" if one.width and one.height else "",
        size_words(one.file_size),
        date,
        "" if one.sharpness is None else f"sharpness {one.sharpness:,.0f}",
        "proposed" if proposed else f"differs in {counted(one.distance, 'bit')} of 64",
    ]
    return Content.assemble(
        sign, "\n", (visible(one.filename), "bold"), "\n", ("\n".join(line for line in lines if line), "$dim")
    )
