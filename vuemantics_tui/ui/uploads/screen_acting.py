"""The part of the uploads screen that acts on uploads and on the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from textual import work

from vuemantics_tui.desktop import open_in_viewer
from vuemantics_tui.domain.upload import Upload, UploadRow
from vuemantics_tui.ui.actions import key_of
from vuemantics_tui.ui.clipboard import copy
from vuemantics_tui.ui.screens.confirm import ConfirmScreen
from vuemantics_tui.ui.screens.detail import DetailScreen
from vuemantics_tui.ui.uploads.commands import Acting, named
from vuemantics_tui.ui.uploads.screen_base import UploadsBase

Act = Callable[[Sequence[UploadRow]], Awaitable[str]]


class ActingPart(UploadsBase):
    """Acts on the marks, or on the upload under the cursor."""

    @work(group="acting", exit_on_error=False)
    async def _act(self, act: Act, question: Callable[[Sequence[UploadRow]], ConfirmScreen] | None = None) -> None:
        with self.notices.errors_told():
            rows = await self.library.uploads.rows(self.uploads.targets)
            if not rows:
                return
            if question is not None and not await self.app.push_screen_wait(question(rows)):
                return
            self.notices.tell(await act(rows))
            self.uploads.clear_marks()

    def action_cancel_upload(self) -> None:
        """Cancel these."""
        self._act(Acting(self.library).cancel)

    def action_run_next(self) -> None:
        """Bring these to the front of the queue."""
        self._act(Acting(self.library).run_next)

    def action_toggle_hidden(self) -> None:
        """Hide these, or show them again."""
        self._act(Acting(self.library).hide)

    def action_delete_upload(self) -> None:
        """Delete these, after asking."""
        words = Acting(self.library, trash_key=key_of(self, "show-trash"))
        self._act(words.delete, lambda rows: _delete_question(rows, self.library.trash.days))

    def action_open_upload(self) -> None:
        """The upload under the cursor, as a screen."""
        self._open_detail(metadata=False)

    def action_show_details(self) -> None:
        """All that is known of the upload under the cursor."""
        self._open_detail(metadata=True)

    def _open_detail(self, *, metadata: bool) -> None:
        number = self.uploads.cursor_number
        if number is not None:
            self.app.push_screen(
                DetailScreen(self.library, number, self.clock, metadata=metadata, loader=self.pictures, explainer=self)
            )

    @work(group="acting", exit_on_error=False)
    async def action_open_original(self) -> None:
        """The original, in the system's viewer."""
        with self.notices.errors_told():
            number = self.uploads.cursor_number
            upload = None if number is None else await self.library.uploads.by_number(number)
            if upload is not None:
                path = self.library.absolute(upload.file_path)
                assert path is not None, "every upload has its original"
                await asyncio.to_thread(open_in_viewer, path)
                self.notices.tell(f"{upload.filename} is opened in the system's viewer.")

    @work(group="acting", exit_on_error=False)
    async def action_copy_path(self) -> None:
        """The path of the original, into the clipboard."""
        with self.notices.errors_told():
            await self._copy("path", lambda upload: str(self.library.absolute(upload.file_path)))

    @work(group="acting", exit_on_error=False)
    async def action_copy_description(self) -> None:
        """The description, into the clipboard."""
        with self.notices.errors_told():
            await self._copy("description", lambda upload: upload.description or "")

    async def _copy(self, what: str, text_of: Callable[[Upload], str]) -> None:
        uploads = [await self.library.uploads.by_number(number) for number in self.uploads.targets]
        texts = [text for upload in uploads if upload is not None and (text := text_of(upload))]
        if not texts:
            self.notices.tell("There is no description yet.")
            return
        await copy(self.app, "\n".join(texts))
        self.notices.tell(f"The {what} was copied." if len(texts) == 1 else f"{len(texts)} {what}s were copied.")

    @work(group="acting", exit_on_error=False)
    async def action_toggle_pause(self) -> None:
        """Pause the queue, or let it go on."""
        with self.notices.errors_told():
            pause = not (await self.library.queue.store.counts()).paused
            await self.library.queue.set_paused(pause)
            if pause:
                self.notices.tell("Paused, for all who share this library.", "What runs is finished.")
            else:
                self.notices.tell("The queue goes on, for all who share this library.")


def _delete_question(rows: Sequence[UploadRow], days: float) -> ConfirmScreen:
    one = len(rows) == 1
    kept = f"for {days:g} days" if days else "until it is emptied"
    return ConfirmScreen(
        f"Delete {named(rows)}?",
        f"{'It goes' if one else 'They go'} to the trash, where {'it is' if one else 'they are'} kept {kept}. "
        f"The original{'' if one else 's'} {'it was' if one else 'they were'} copied from stay{'s' if one else ''}.",
        agree="delete",
        decline="keep",
    )
