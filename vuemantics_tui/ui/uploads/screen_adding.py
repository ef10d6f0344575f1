"""The part of the uploads screen that adds files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from textual import events, on, work
from textual.geometry import Size

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.messages import PathFieldClosed, PathsEntered
from vuemantics_tui.ui.picker.screen import PickerScreen
from vuemantics_tui.ui.pictures.loader import Drawn
from vuemantics_tui.ui.pictures.modes import mode_of
from vuemantics_tui.ui.typed_paths import explain_missing, typed_paths
from vuemantics_tui.ui.uploads.path_field import PathField
from vuemantics_tui.ui.uploads.screen_base import UploadsBase


class AddingPart(UploadsBase):
    """Takes files from the picker, the path field, and what is pasted or dropped."""

    # Where files were added from last, in this session or before; and where the picker was left in this one.
    _picked_in: Path | None = None
    _left_in: Path | None = None

    @work(group="asking", exit_on_error=False)
    async def action_add_paths(self) -> None:
        """Pick files and folders, and add them."""
        with self.notices.errors_told():
            self._picked_in = self._picked_in or await self._added_from()
        start = self._left_in or Path.cwd()
        picker = PickerScreen(start=start, last=self._picked_in, preview=self._preview, clock=self.clock)
        paths = await self.app.push_screen_wait(picker)
        if paths:
            self._picked_in = self._left_in = picker.folder
            self.add_paths(paths)

    async def _added_from(self) -> Path | None:
        newest = await self.library.uploads.newest(limit=1, show_hidden=True)
        return Path(newest[0].source_path).parent if newest and newest[0].source_path else None

    async def _preview(self, path: Path, size: Size) -> Drawn | None:
        mode = mode_of(self.app, quadrants=self.pictures.quadrants)
        return await self.pictures.preview(path, size.width, size.height, mode, self.library.preview)

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
        self.in_front.focus()

    @on(PathsEntered)
    def _paths_entered(self, message: PathsEntered) -> None:
        self.query_one(PathField).say("Looking…")
        self._add_typed(message.text)

    @work(group="adding", exit_on_error=False)
    async def _add_typed(self, text: str) -> None:
        with self.notices.errors_told():
            paths, wrong = await asyncio.to_thread(_look_up, text)
            if wrong:
                self.query_one(PathField).complain(wrong)
                return
            try:
                candidates = await self.adder.look(paths)
            except VuemanticsError as error:
                self.query_one(PathField).complain(visible(f"{error.message}. {error.hint}"))
                return
            self._close_field()
            await self.adder.add(candidates)

    @work(group="adding", exit_on_error=False)
    async def add_paths(self, paths: Sequence[Path]) -> None:
        """Add files, and folders with all that is in them, in the background."""
        with self.notices.errors_told():
            await self.adder.add(await self.adder.look(paths))


def _look_up(text: str) -> tuple[list[Path], str]:
    """The paths that were typed, and why the first that is missing may not be there. Looks at the disk."""
    paths = typed_paths(text)
    missing = next((path for path in paths if not os.path.lexists(path)), None)
    return paths, "" if missing is None else explain_missing(missing, os.environ)
