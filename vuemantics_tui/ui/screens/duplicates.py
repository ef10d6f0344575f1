"""DuplicatesScreen: duplicates side by side with the one to keep, and similar uploads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, ScrollableContainer
from textual.content import Content
from textual.widgets import Static

from vuemantics_tui.domain.duplicates import Likeness
from vuemantics_tui.domain.text import counted, date_words, size_words, visible
from vuemantics_tui.ui.actions import ACT, MOVE, action, hidden, key_of, lasting
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import PictureLoader
from vuemantics_tui.ui.screens.page import is_open
from vuemantics_tui.ui.textual_private import SteadyScreen
from vuemantics_tui.ui.widgets import WIDTHS
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import Words
from vuemantics_tui.ui.widgets.thumbnail import Thumbnail

if TYPE_CHECKING:
    from vuemantics_tui.library import DuplicateGroup, DuplicatesFound, Library, LookAlike

LOOKING = "Looking for duplicates…"
NOTHING = "No duplicates found.\n\nHidden and unprocessed uploads are skipped."
NOTHING_SIMILAR = "No similar uploads found.\n\nHidden and unprocessed uploads are skipped."


class LookAlikeCard(Container):
    """An upload of a group: its picture and the facts that decide."""

    def __init__(
        self, one: LookAlike, picture: Path | None, loader: PictureLoader, what: str, *, similar: bool
    ) -> None:
        super().__init__()
        self._one = one
        self._picture = picture
        self._what = what
        self._similar = similar
        self._thumbnail = Thumbnail(loader)
        self._words = Static(classes="card-words")

    def compose(self) -> ComposeResult:
        """Yield the picture and the words."""
        yield self._thumbnail
        yield self._words

    def on_mount(self) -> None:
        """Draw the picture."""
        self._thumbnail.show(self._picture, "no thumbnail")

    def choose(self, chosen: bool) -> None:
        """Show whether it is to be kept."""
        self.set_class(chosen, "-chosen")
        self._words.update(card_words(self._one, self._what, chosen=chosen, similar=self._similar))


class DuplicatesScreen(SteadyScreen[None]):
    """Shows one group at a time."""

    HELP_TITLE = "Duplicates"
    BINDINGS: ClassVar[list[BindingType]] = [
        action(
            "keep-chosen", "enter", "keep_chosen", "keep this one", "Keep this one, move the others to the trash", ACT
        ),
        action("trash-chosen", "d", "trash_chosen", "delete", "Move this one to the trash", ACT),
        action("toggle-similar", "s", "toggle_similar", "similar", "Show similar uploads, or duplicates", ACT),
        action("next-choice", "right,l,down,j", "move_choice(1)", "choose", "Choose the next one", MOVE),
        hidden("previous-choice", "left,h,up,k", "move_choice(-1)", "choose", "Choose the previous one", MOVE),
        action("next-group", "n", "move_group(1)", "next group", "Next group", MOVE),
        hidden("previous-group", "p", "move_group(-1)", "previous group", "Previous group", MOVE),
        action("duplicates-back", "escape,q,W", "go_back", "back", "Back to the list", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    HORIZONTAL_BREAKPOINTS = WIDTHS

    def __init__(self, library: Library, loader: PictureLoader) -> None:
        super().__init__()
        self._library = library
        self._loader = loader
        self._groups: list[DuplicateGroup] = []
        self._found: DuplicatesFound | None = None
        # The ids of what was moved to the trash from here, which was found before.
        self._gone: set[str] = set()
        self._is_complete = False
        self._similar = False
        self._group = 0
        self._chosen = 0

    def compose(self) -> ComposeResult:
        """Yield a title, the group and the keys."""
        yield Words(id="duplicates-title")
        yield ScrollableContainer(id="duplicates-cards", can_focus=False)
        yield Static(LOOKING, id="duplicates-nothing", markup=False)
        yield KeysLine(id="duplicates-keys")

    def on_mount(self) -> None:
        """Start looking for duplicates."""
        self._notices = Notices.of(self)
        self.query_one("#duplicates-title", Words).say("Duplicates")
        self.add_class("-nothing")
        self._look()

    @work(group="looking", exclusive=True, exit_on_error=False)
    async def _look(self) -> None:
        with self._notices.errors_told():
            await self._library.duplicates.find(self._take)
            self._is_complete = True
            if is_open(self):
                self._say_nothing()
                self._say_title()

    def _take(self, found: DuplicatesFound) -> None:
        """Show what was found so far. The group on the screen stays as long as it exists."""
        if not is_open(self):
            return
        shown = self._groups[self._group] if self._groups else None
        self._found = found
        self._list_groups()
        if shown is not None and shown in self._groups:
            self._group = self._groups.index(shown)
            self._say_title()
        else:
            self._go_to(0)

    def _list_groups(self) -> None:
        assert self._found is not None
        found = self._found.similar if self._similar else self._found.groups
        self._groups = [left for group in found if (left := self._left_of(group)) is not None]

    def _left_of(self, group: DuplicateGroup) -> DuplicateGroup | None:
        """Return a group without what was moved to the trash; None where nothing is left to compare.

        The others were compared with the one to keep, not among themselves.
        """
        if self._gone.isdisjoint(one.id for one in group.members):
            return group
        left = tuple(one for one in group.others if one.id not in self._gone)
        return replace(group, others=left) if left and group.keep.id not in self._gone else None

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
            self._say_nothing()
            self._say_title()
            if not self._groups:
                return
            group = self._groups[self._group]
            absolute = self._library.absolute
            await cards.mount_all(
                LookAlikeCard(
                    one,
                    absolute(one.thumbnail_path),
                    self._loader,
                    _role_words(one, group, similar=self._similar),
                    similar=self._similar,
                )
                for one in group.members
            )
            self._mark_chosen()

    def _say_nothing(self) -> None:
        nothing = NOTHING_SIMILAR if self._similar else NOTHING
        self.query_one("#duplicates-nothing", Static).update(nothing if self._is_complete else LOOKING)

    def _say_title(self) -> None:
        title = "Similar" if self._similar else "Duplicates"
        if self._groups:
            members = counted(len(self._groups[self._group].members), "upload")
            title += f"  group {self._group + 1:,} of {len(self._groups):,}, {members}"
            if not self._similar:
                spare = sum(each.spare_bytes for each in self._groups)
                removing = "" if self.has_class("-narrow") else "removing duplicates "
                title += f"; {removing}frees {size_words(spare)}"
        if self._found is not None and not self._is_complete:
            title += f"; comparing {self._found.compared:,} of {counted(self._found.pairs, 'pair')}"
        self.query_one("#duplicates-title", Words).say(title)

    def _mark_chosen(self) -> None:
        for place, card in enumerate(self.query(LookAlikeCard)):
            card.choose(place == self._chosen)
            if place == self._chosen:
                card.scroll_visible(animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable choosing without a group, and keeping one among similar uploads."""
        if action == "keep_chosen" and self._similar:
            return False
        if action == "move_group":
            return len(self._groups) > 1
        return bool(self._groups) or action not in ("keep_chosen", "trash_chosen", "move_choice")

    def action_toggle_similar(self) -> None:
        """Show similar uploads instead of duplicates, or the other way round."""
        if self._found is not None:
            self._similar = not self._similar
            self.query_one(KeysLine).rename("toggle-similar", "duplicates" if self._similar else "similar")
            self._list_groups()
            self._go_to(0)

    def action_move_choice(self, step: int) -> None:
        """Choose another upload of the group to keep."""
        members = self._groups[self._group].members
        self._chosen = max(0, min(len(members) - 1, self._chosen + step))
        self._mark_chosen()

    def action_move_group(self, step: int) -> None:
        """Show the next or the previous group."""
        if 0 <= self._group + step < len(self._groups):
            self._go_to(self._group + step)

    def action_keep_chosen(self) -> None:
        """Keep the chosen upload, and move the others of the group to the trash."""
        group = self._groups[self._group]
        kept = group.members[self._chosen]
        self._trash([one for one in group.members if one is not kept], f", kept {kept.filename}")

    def action_trash_chosen(self) -> None:
        """Move the chosen one to the trash."""
        group = self._groups[self._group]
        self._trash([group.members[self._chosen]])

    @lasting
    async def _trash(self, gone: Sequence[LookAlike], kept: str = "") -> None:
        with self._notices.errors_told():
            count = await self._library.trash.put([one.id for one in gone])
            if count:
                what = gone[0].filename if not kept else counted(count, "upload")
                self._notices.tell(f"Moved {what} to the trash{kept}. {key_of(self.app, 'undo')} undoes.")
            self._gone.update(one.id for one in gone)
            if is_open(self):
                shown = self._groups[self._group] if self._groups else None
                self._list_groups()
                self._go_to(self._groups.index(shown) if shown in self._groups else self._group)

    def action_go_back(self) -> None:
        """Go back to the previous screen."""
        self.dismiss(None)


def card_words(one: LookAlike, what: str, *, chosen: bool, similar: bool) -> Content:
    """Return what speaks for an upload: dimensions, size, date, sharpness, and `what` it is to the one proposed."""
    if similar:
        sign = Content.styled("▸ chosen" if chosen else "", "bold $accent")
    else:
        sign = Content.styled("✓ keep" if chosen else "  to the trash", "bold $success" if chosen else "$dim")
    taken = visible(date_words(one.taken_at, own_clock=True))
    date = f"taken {taken}" if taken else f"added {date_words(one.created_at)}"
    lines = [
        f"{one.width} × {one.height}" if one.width and one.height else "",
        size_words(one.file_size),
        date,
        "" if one.sharpness is None else f"sharpness {one.sharpness:,.0f}",
        what,
    ]
    return Content.assemble(
        sign, "\n", (visible(one.filename), "bold"), "\n", ("\n".join(line for line in lines if line), "$dim")
    )


def _role_words(one: LookAlike, group: DuplicateGroup, *, similar: bool) -> str:
    if similar:
        return ""
    if one is group.keep:
        return f"proposed: {group.reason}" if group.reason else "proposed"
    if one.likeness is Likeness.INSIDE:
        return "cropped copy"
    return "same picture" if one.file_type == "image" else "same clip"
