"""TrashScreen: deleted uploads, as long as they can be restored."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import OptionList

from vuemantics_tui.domain.text import ago_words, counted, size_words, visible
from vuemantics_tui.library import Library, TrashedUpload
from vuemantics_tui.ui.actions import ACT, MOVE, action, lasting
from vuemantics_tui.ui.screens.ask import ConfirmScreen
from vuemantics_tui.ui.screens.page import ListScreen
from vuemantics_tui.ui.widgets.cursor_list import ChoiceList

NOT_THERE = "{name} is no longer in the trash."


class TrashList(ChoiceList):
    """What is in the trash, the latest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action("restore-upload", "enter,r", "select", "restore", "Restore", ACT),
    ]


class TrashScreen(ListScreen[TrashedUpload]):
    """Lists deleted uploads, and restores them or deletes them permanently."""

    HELP_TITLE = "The trash"
    PARTS = (TrashList,)
    BINDINGS: ClassVar[list[BindingType]] = [
        action(
            "delete-forever",
            "x,d,delete",
            "delete_forever",
            "delete permanently",
            "Delete permanently, after asking",
            ACT,
        ),
        action("empty-trash", "X", "empty_trash", "empty", "Delete everything permanently, after asking", ACT),
        action("trash-back", "escape,q,T", "go_back", "back", "Back to the list", MOVE),
    ]
    AUTO_FOCUS = "TrashList"
    NOTHING = "The trash is empty.\n\nDeleted uploads stay here for a while.\nYou can restore them."

    def __init__(self, library: Library, clock: Callable[[], datetime]) -> None:
        super().__init__(library)
        self._clock = clock

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable deleting while nothing is listed."""
        return action not in ("delete_forever", "empty_trash") or bool(self.entries)

    def make_list(self) -> ChoiceList:
        """Return the list."""
        return TrashList(id="list")

    async def read(self) -> list[TrashedUpload]:
        """Return the uploads in the trash."""
        return await self.library.trash.store.contents()

    def title_words(self) -> str:
        """Return how much is in the trash."""
        size = size_words(sum(entry.upload.file_size for entry in self.entries))
        return f"Trash  {counted(len(self.entries), 'upload')}, {size}" if self.entries else "Trash"

    def entry_key(self, entry: TrashedUpload) -> str:
        """Return its ID."""
        return entry.upload.id

    def entry_words(self, entry: TrashedUpload) -> Content:
        """Return the name, the size, when it was deleted, and how long it will be kept."""
        facts = [size_words(entry.upload.file_size), f"deleted {ago_words(entry.deleted_at, self._clock())}"]
        facts.append(left_words(entry.deleted_at, self.library.trash.days, self._clock()))
        return Content.assemble(visible(entry.upload.filename), "\n    ", (" · ".join(facts), "$dim"))

    @on(OptionList.OptionSelected)
    def _restore_chosen(self) -> None:
        self._restore()

    @lasting
    async def _restore(self) -> None:
        with self.notices.errors_told():
            if (entry := self.chosen) is not None:
                # A stack that was deleted as a whole comes back as a whole.
                wanted = await self.library.trash.store.together([entry.upload.id])
                if count := await self.library.trash.restore(wanted):
                    what = entry.upload.filename if count == 1 else counted(count, "upload")
                    self.notices.tell(f"Restored {what}.")
                else:
                    self.notices.tell(NOT_THERE.format(name=entry.upload.filename))
                await self.show_read()

    @lasting
    async def action_delete_forever(self) -> None:
        """Delete the one under the cursor permanently, after asking."""
        with self.notices.errors_told():
            if (entry := self.chosen) is None:
                return
            name = entry.upload.filename
            if await self._agreed(f"Delete {name} permanently?"):
                count = await self.library.trash.delete([entry.upload.id])
                self.notices.tell(f"Deleted {name}." if count else NOT_THERE.format(name=name))
                await self.show_read()

    @lasting
    async def action_empty_trash(self) -> None:
        """Delete all of it permanently, after asking."""
        with self.notices.errors_told():
            # Only the uploads in the question: others may be deleted or restored in the meantime.
            ids = [entry.upload.id for entry in self.entries]
            if ids and await self._agreed(f"Delete {counted(len(ids), 'upload')} permanently?"):
                count = await self.library.trash.delete(ids)
                self.notices.tell(f"Deleted {counted(count, 'upload')}.")
                await self.show_read()

    async def _agreed(self, question: str) -> bool:
        explanation = "This cannot be undone. Your source files are untouched."
        screen = ConfirmScreen(question, explanation, agree="delete", decline="keep")
        return await self.app.push_screen_wait(screen)


def left_words(deleted_at: str, days: float, now: datetime) -> str:
    """Return how long it will be kept."""
    if not days:
        return "kept until you empty the trash"
    left = datetime.fromisoformat(deleted_at) + timedelta(days=days) - now
    count = max(0, math.ceil(left / timedelta(days=1)))
    return f"{counted(count, 'day')} left" if count else "removed at the next start"
