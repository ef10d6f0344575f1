"""The part of the uploads screen that adds files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual import events, on, work

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.ui.messages import PathFieldClosed, PathsEntered
from vuemantics_tui.ui.screens.picker import PickerScreen
from vuemantics_tui.ui.screens.uploads_base import UploadsBase
from vuemantics_tui.ui.typed_paths import typed_paths
from vuemantics_tui.ui.widgets.path_field import PathField


class AddingPart(UploadsBase):
    """Takes files from the picker, the path field, and what is pasted or dropped."""

    _picked_in: Path | None = None

    @work(group="asking", exit_on_error=False)
    async def action_add_paths(self) -> None:
        """Pick files and folders, and add them."""
        paths = await self.app.push_screen_wait(PickerScreen(start=self._picked_in or Path.cwd(), clock=self.clock))
        if paths:
            self._picked_in = paths[0].parent
            self.add_paths(paths)

    def action_type_paths(self) -> None:
        """Open the field for paths."""
        self.open_field()

    def open_field(self, text: str = "") -> None:
        """Open the field for paths, with this in it."""
        # Notices stand where the field is going to be.
        self.app.clear_notifications()
        self.add_class("-field-open")
        self.query_one(PathField).open(text)

    def on_paste(self, event: events.Paste) -> None:
        """What is dropped on the terminal arrives as a pasted path."""
        self.open_field(" ".join(event.text.split("\n")).strip())

    @on(PathFieldClosed)
    def _close_field(self) -> None:
        self.remove_class("-field-open")
        self.query_one(PathField).close()
        self.table.focus()

    @on(PathsEntered)
    def _paths_entered(self, message: PathsEntered) -> None:
        self.query_one(PathField).say("Looking…")
        self._add_typed(typed_paths(message.text))

    @work(group="adding", exit_on_error=False)
    async def _add_typed(self, paths: Sequence[Path]) -> None:
        with self.notices.errors_told():
            try:
                candidates = await self.adder.look(paths)
            except VuemanticsError as error:
                self.query_one(PathField).show_error(error)
                return
            self._close_field()
            await self.adder.add(candidates)

    @work(group="adding", exit_on_error=False)
    async def add_paths(self, paths: Sequence[Path]) -> None:
        """Add files, and folders with all that is in them, in the background."""
        with self.notices.errors_told():
            await self.adder.add(await self.adder.look(paths))
