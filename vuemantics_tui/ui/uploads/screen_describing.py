"""The part of the uploads screen that describes: anew, or in a person's own words."""

from __future__ import annotations

from textual import work

from vuemantics_tui.domain.upload import TERMINAL
from vuemantics_tui.ui.screens.confirm import ConfirmScreen
from vuemantics_tui.ui.screens.descriptions import DescriptionsScreen
from vuemantics_tui.ui.screens.edit import EditScreen
from vuemantics_tui.ui.screens.overwrite import OverwriteScreen
from vuemantics_tui.ui.uploads.commands import Acting, named
from vuemantics_tui.ui.uploads.screen_base import UploadsBase


class DescribingPart(UploadsBase):
    """What a person decides about descriptions."""

    @work(group="acting", exit_on_error=False)
    async def action_retry_upload(self) -> None:
        """Put these back into the queue; ask where a person's own words would be replaced."""
        with self.notices.errors_told():
            rows = await self.library.uploads.rows(self.uploads.targets)
            if not rows:
                return
            acting = Acting(self.library)
            edited = await acting.edited(rows)
            ended = sum(row.status in TERMINAL for row in rows)
            overwrite: bool | None = False
            if edited and len(edited) == ended:
                were = "was" if len(edited) == 1 else "were"
                question = ConfirmScreen(
                    f"{named(edited)} {were} edited by hand. Describe anew?",
                    "What a person wrote is kept among the descriptions, but would no longer be the current one.",
                    agree="describe anew",
                    decline="leave as is",
                )
                overwrite = True if await self.app.push_screen_wait(question) else None
            elif edited:
                overwrite = await self.app.push_screen_wait(OverwriteScreen(len(edited), ended))
            if overwrite is not None:
                self.notices.tell(await acting.retry(rows, overwrite_edited=overwrite))
                self.uploads.clear_marks()

    def action_show_descriptions(self) -> None:
        """All descriptions of the upload under the cursor."""
        number = self.uploads.cursor_number
        if number is not None:
            self.app.push_screen(DescriptionsScreen(self.library, number, self.clock))

    @work(group="acting", exit_on_error=False)
    async def action_edit_description(self) -> None:
        """Describe the upload under the cursor in one's own words."""
        with self.notices.errors_told():
            number = self.uploads.cursor_number
            upload = None if number is None else await self.library.uploads.by_number(number)
            if upload is None:
                return

            async def save(text: str) -> bool:
                return await self.library.descriptions.edit(upload.id, text)

            saved = await self.app.push_screen_wait(EditScreen(upload.filename, upload.description or "", save))
            if saved:
                self.notices.tell("Saved. It is found by these words as soon as they are embedded.")
            elif saved is not None:
                self.notices.tell("Nothing was changed.")
