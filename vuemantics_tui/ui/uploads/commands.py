"""UploadCommands: the actions on uploads in the list, the viewer and the details."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, TypeVar

from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.worker import Worker

from vuemantics_tui.desktop import open_in_viewer, play
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.fields import rating_words, taken_words
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.moment import DateEdit
from vuemantics_tui.domain.text import counted, date_words, folded, visible
from vuemantics_tui.domain.upload import RUNNING, TERMINAL, ProcessingStatus, Upload, UploadRow
from vuemantics_tui.ui.actions import ACT, FIND, QUEUE, action, hidden, key_of, lasting
from vuemantics_tui.ui.clipboard import copy
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.typed_paths import typed_path
from vuemantics_tui.ui.uploads.browse import Browse
from vuemantics_tui.ui.uploads.upload_list import UploadList

if TYPE_CHECKING:
    from vuemantics_tui.library import Library
    from vuemantics_tui.ui.screens.ask import DeleteScreen

ALBUM = "album:"
# In the place of a file name: one XMP side-car for each upload.
SIDECARS = "*.xmp"
# As many as fit on the line below the field.
MOST_COMPLETIONS = 3
NO_TAGS_YET = "name or +name adds a tag, -name removes it. Separate with commas."

Arguments = ParamSpec("Arguments")
Commands = TypeVar("Commands", bound="UploadCommands")
Command = Callable[Concatenate[Commands, Arguments], Coroutine[Any, Any, None]]
OnMany = Callable[Concatenate[Commands, Sequence[int], Arguments], Coroutine[Any, Any, None]]
OnOne = Callable[Concatenate[Commands, int, Arguments], Coroutine[Any, Any, None]]
Action = Callable[Concatenate[Commands, Arguments], Worker[None]]


def _command(command: Command[Commands, Arguments]) -> Action[Commands, Arguments]:
    """Make an action of a command: run it in a worker, because it may wait for an answer, and show its errors."""

    @lasting
    @functools.wraps(command)
    async def run(commands: Commands, /, *arguments: Arguments.args, **options: Arguments.kwargs) -> None:
        with commands.notices.errors_told():
            await command(commands, *arguments, **options)

    return run


def _on_chosen(*, whole: bool = True) -> Callable[[OnMany[Commands, Arguments]], Action[Commands, Arguments]]:
    """Make an action of a command on what is chosen: stacks as a `whole`. The marks stay."""

    def make(command: OnMany[Commands, Arguments]) -> Action[Commands, Arguments]:
        @functools.wraps(command)
        async def act(commands: Commands, /, *arguments: Arguments.args, **options: Arguments.kwargs) -> None:
            chosen = commands.chosen
            numbers = await commands.uploads.whole(chosen) if whole and commands.takes_stacks else chosen
            await command(commands, numbers, *arguments, **options)

        return _command(act)

    return make


def _on_one(command: OnOne[Commands, Arguments]) -> Action[Commands, Arguments]:
    """Make an action of a command on the upload under the cursor."""

    @functools.wraps(command)
    async def act(commands: Commands, /, *arguments: Arguments.args, **options: Arguments.kwargs) -> None:
        if (number := commands.current) is not None:
            await command(commands, number, *arguments, **options)

    return _command(act)


@dataclass
class ListWanted(Message):
    """Something to list was chosen, so the list should come to the front."""


# Actions that need no upload.
ON_LIBRARY = frozenset({"toggle_pause", "reembed"})


UNDO = (
    hidden("undo", "u", "app.undo", "undo", "Undo the last change, even from an earlier session", ACT),
    hidden("redo", "U", "app.redo", "redo", "Redo what you undid last", ACT),
)
"""What every screen has, beside questions and fields."""


class UploadCommands(Vertical):
    """The part of a screen in which keys act on uploads: on the marked ones of a list, or on the one under the cursor.

    With `only`, they act on the upload of that number, or, with `group` too, on all of these and no others of their
    stacks. Every command asks first where needed, calls the library once,
    and says what came of it.
    """

    FOCUS_ON_CLICK = False
    BINDINGS: ClassVar[list[BindingType]] = [
        action("find-similar", "s", "find_similar", "similar", "Find similar uploads", FIND),
        hidden("show-details", "i", "show_details", "details", "Show all details", ACT),
        action("retry-upload", "r", "retry_upload", "retry", "Retry, or describe a completed upload again", ACT),
        action("toggle-pause", "p", "toggle_pause", "pause", "Pause or resume for everyone using this library", QUEUE),
        action("delete-upload", "d,delete", "delete_upload", "delete", "Move to the trash", ACT),
        hidden("rate-5", "5", "rate(5)", "rate 5", "Rate 5 stars", ACT),
        hidden("rate-4", "4", "rate(4)", "rate 4", "Rate 4 stars", ACT),
        hidden("rate-3", "3", "rate(3)", "rate 3", "Rate 3 stars", ACT),
        hidden("rate-2", "2", "rate(2)", "rate 2", "Rate 2 stars", ACT),
        hidden("rate-1", "1", "rate(1)", "rate 1", "Rate 1 star", ACT),
        hidden("rate-0", "0", "rate(0)", "no rating", "Remove the rating", ACT),
        hidden("edit-tags", "t", "edit_tags", "tags", "Add or remove tags", ACT),
        hidden("add-to-album", "@", "add_to_album", "album", "Add to an album, or make a new one", ACT),
        hidden("edit-date", "C", "edit_date", "date", "Set when it was taken", ACT),
        hidden("edit-place", "P", "edit_place", "place", "Set where it was taken", ACT),
        hidden("toggle-hidden", "H", "toggle_hidden", "hide", "Hide from lists and search, or show again", ACT),
        hidden(
            "open-original",
            "e",
            "open_original",
            "open original",
            "Open the original in the system viewer; play a video",
            ACT,
        ),
        hidden("open-stack", "L", "open_stack", "stack", "Open the stack, or go back", ACT),
        hidden("make-stack", "M", "make_stack", "make stack", "Stack the marked uploads", ACT),
        hidden("break-stack", "X", "break_stack", "unstack", "Take the stack apart; in an open one, take out", ACT),
        hidden("choose-cover", "N", "choose_cover", "cover", "Make this upload the cover of its stack", ACT),
        hidden("play-clip", ".", "play_clip", "play clip", "Play the clip of a Live Photo or motion photo", ACT),
        hidden("rename-upload", "f2", "rename_upload", "rename", "Show it under another file name", ACT),
        hidden("copy-to", "K", "copy_to", "copy to", "Copy originals to a folder, or export their data", ACT),
        hidden("copy-path", "y", "copy_path", "copy path", "Copy the path, also over SSH", ACT),
        hidden("copy-description", "Y", "copy_description", "copy description", "Copy the description", ACT),
        hidden(
            "show-descriptions", "D", "show_descriptions", "descriptions", "Compare all descriptions of the upload", ACT
        ),
        hidden("edit-description", "E", "edit_description", "edit description", "Write your own description", ACT),
        hidden("cancel-upload", "x", "cancel_upload", "cancel", "Cancel if waiting or running", QUEUE),
        hidden("run-next", ">", "run_next", "process next", "Move to the front of the queue", QUEUE),
        hidden("reembed", "R", "reembed", "re-embed", "Re-embed uploads of another model, after asking", QUEUE),
    ]

    def __init__(
        self,
        library: Library,
        uploads: UploadList,
        clock: Callable[[], datetime],
        *,
        only: Callable[[], int | None] | None = None,
        group: Callable[[], Sequence[int]] | None = None,
        id: str = "acting",
    ) -> None:
        super().__init__(id=id)
        self.uploads = uploads
        self._library = library
        self._clock = clock
        self._only = only
        self._group = group

    def on_mount(self) -> None:
        """Show a notice."""
        self.notices = Notices.of(self)

    # What is acted on

    @property
    def current(self) -> int | None:
        """The number of the upload under the cursor."""
        return self.uploads.cursor_number if self._only is None else self._only()

    @property
    def chosen(self) -> list[int]:
        """The numbers of the uploads to act on: those marked, where marks are shown, else the one under the cursor."""
        if self._group is not None:
            return list(self._group())
        if self._only is None:
            return self.uploads.targets
        number = self._only()
        return [] if number is None else [number]

    @property
    def takes_stacks(self) -> bool:
        """Whether a cover stands for its whole stack."""
        return self._group is None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable actions on uploads without an upload, or while its list lacks the focus."""
        if action in ON_LIBRARY or not hasattr(UploadCommands, f"action_{action}"):
            return True
        return self.current is not None and not isinstance(self.screen.focused, Browse)

    # The trash

    @_on_chosen()
    async def action_delete_upload(self, numbers: Sequence[int]) -> None:
        """Move uploads to the trash, after asking about files that are used in place."""
        uploads = await self._library.uploads.by_numbers(numbers)
        rows = [upload.row() for upload in uploads]
        in_place = [upload for upload in uploads if upload.source]
        files_too: bool | None = False
        if in_place:
            files_too = await self.app.push_screen_wait(self._delete_files_question(rows, len(in_place)))
        if files_too is None:
            return
        count = await self._library.trash.put([row.id for row in rows]) if rows else 0
        if files_too:
            await self._discard(in_place)
        if count:
            self._tell_undoable(f"Moved {named(rows, count)} to the trash.")

    def _tell_undoable(self, words: str) -> None:
        """Show a notice of what was done, with the key that undoes it."""
        self.notices.tell(f"{words} {self._undoes}")

    @property
    def _undoes(self) -> str:
        return f"{key_of(self.app, 'undo')} undoes."

    async def _discard(self, uploads: Sequence[Upload]) -> None:
        """Move the files of uploads in place to the system's trash, and say which could not be."""
        failed = [reason async for _, reason in self._library.sources.discard(uploads) if reason]
        if failed:
            more = f" And {counted(len(failed) - 1, 'other file')}." if len(failed) > 1 else ""
            self.notices.tell(f"{failed[0]}.{more}", severity="warning")

    def _delete_files_question(self, rows: Sequence[UploadRow], files: int) -> DeleteScreen:
        from vuemantics_tui.ui.screens.ask import DeleteScreen

        one, days = len(rows) == 1, self._library.trash.days
        kept = f"for {days:g} days" if days else "until you empty it"
        words = f"{'It goes' if one else 'They go'} to the trash and {'is' if one else 'are'} kept {kept}."
        return DeleteScreen(f"Delete {named(rows)}?", words, files)

    # Dates

    @_on_chosen()
    async def action_edit_date(self, numbers: Sequence[int]) -> None:
        """Ask when uploads were taken."""
        from vuemantics_tui.ui.screens.ask import AskScreen, ask

        uploads = await self._library.uploads.by_numbers(numbers)
        ids = [upload.id for upload in uploads]

        async def change(text: str) -> str:
            edit = DateEdit.of(text)
            before = await self._library.dates.edit(ids, edit)
            if not before:
                return "No dates changed."
            words = named([upload for upload in uploads if upload.id in before])
            return f"Changed the date of {words}. {self._undoes}"

        if not uploads:
            return
        question = AskScreen(
            f"Date of {named(uploads)}", _dates_words(uploads), change, placeholder="2024-03-05 14:30, +1h, -2d or file"
        )
        await ask(self, question)

    # Ratings

    @_on_chosen()
    async def action_rate(self, numbers: Sequence[int], stars: int) -> None:
        """Rate uploads with so many stars; 0 removes the rating."""
        rows = await self._library.uploads.rows(numbers)
        before = await self._library.ratings.rate([row.id for row in rows], stars or None)
        changed = [row for row in rows if row.id in before]
        if changed:
            what = f"Rated {named(changed)} {rating_words(stars)}."
            if not stars:
                what = f"Removed the rating of {named(changed)}."
            self._tell_undoable(what)
        elif rows:
            self.notices.tell("Nothing changed: that is the rating already." if stars else "No rating to remove.")

    # The queue

    @_on_chosen()
    async def action_retry_upload(self, numbers: Sequence[int]) -> None:
        """Retry failed uploads and describe completed ones again; ask where your own words would be replaced."""
        rows = await self._library.uploads.rows(numbers)
        completed = [row.id for row in rows if row.status is ProcessingStatus.COMPLETED]
        ids = set(await self._library.descriptions.edited(completed))
        overwrite = await self._may_overwrite([row for row in rows if row.id in ids], rows)
        if not rows or overwrite is None:
            return
        moved = set(await self._library.queue.retry([row.id for row in rows], overwrite_edited=overwrite))
        self.notices.tell(_retry_words([row for row in rows if row.id in moved], rows))

    async def _may_overwrite(self, edited: Sequence[UploadRow], rows: Sequence[UploadRow]) -> bool | None:
        """Ask whether edited descriptions may be replaced; None is to leave everything as it is."""
        from vuemantics_tui.ui.screens.ask import ConfirmScreen, OverwriteScreen

        ended = sum(row.status in TERMINAL for row in rows)
        if not edited:
            return False
        if len(edited) < ended:
            return await self.app.push_screen_wait(OverwriteScreen(len(edited), ended))
        was = "was" if len(edited) == 1 else "were"
        question = ConfirmScreen(
            f"{named(edited)} {was} edited by hand. Describe again?",
            "Your text stays in the history.",
            agree="describe again",
            decline="keep",
        )
        return True if await self.app.push_screen_wait(question) else None

    @_on_chosen()
    async def action_cancel_upload(self, numbers: Sequence[int]) -> None:
        """Cancel waiting and running uploads."""
        rows = await self._library.uploads.rows(numbers)
        moved = set(await self._library.queue.cancel([row.id for row in rows]))
        cancelled = [row for row in rows if row.id in moved]
        if cancelled:
            self.notices.tell(f"Cancelled {named(cancelled)}. {key_of(self.app, 'retry-upload')} retries.")
        elif rows:
            self.notices.tell("Only waiting or running uploads can be cancelled.")

    @_on_chosen()
    async def action_run_next(self, numbers: Sequence[int]) -> None:
        """Move waiting uploads to the front of the queue."""
        rows = await self._library.uploads.rows(numbers)
        count = await self._library.queue.run_next([row.id for row in rows])
        if count:
            self.notices.tell(f"{named(rows, count)} moved to the front of the queue.")
        elif rows:
            self.notices.tell("Only waiting uploads can be moved to the front of the queue.")

    @_command
    async def action_toggle_pause(self) -> None:
        """Pause the queue, or resume it."""
        pause = not (await self._library.queue.store.counts()).paused
        await self._library.queue.set_paused(pause)
        if pause:
            self.notices.tell("Queue paused for everyone using this library.", "Running uploads finish first.")
        else:
            self.notices.tell("Queue resumed for everyone using this library.")

    @_command
    async def action_reembed(self) -> None:
        """Embed again what another model embedded, after asking."""
        from vuemantics_tui.ui.screens.ask import ConfirmScreen

        stale, described = await self._library.queue.stale_embeddings()
        model = visible((await self._library.analyzer.get()).embedding_model)
        if not stale:
            self.notices.tell("Nothing needs re-embedding.")
            return
        question = ConfirmScreen(
            f"Re-embed {stale:,} of {described:,}?",
            f"{model} embeds their descriptions after everything else in the queue. Nothing is described again."
            " Until then those uploads are found by keyword only.",
            agree="re-embed",
            decline="not now",
        )
        if not await self.app.push_screen_wait(question):
            return
        self.notices.tell(f"Re-embedding {counted(await self._library.queue.reembed(), 'upload')}.")

    # Looking

    @_on_one
    async def action_find_similar(self, number: int) -> None:
        """List uploads similar to this one."""
        await self.uploads.similar(number)
        self.post_message(ListWanted())

    @_on_one
    async def action_show_details(self, number: int) -> None:
        """Show all details of an upload, or go back from them."""
        from vuemantics_tui.ui.screens.detail import DetailScreen

        screen = self.screen
        if isinstance(screen, DetailScreen):
            screen.dismiss(False)
        elif await self.app.push_screen_wait(DetailScreen(self._library, number, self.uploads, self._clock)):
            self.post_message(ListWanted())

    @_on_one
    async def action_show_descriptions(self, number: int) -> None:
        """Compare all descriptions of an upload."""
        from vuemantics_tui.ui.screens.descriptions import DescriptionsScreen

        self.app.push_screen(DescriptionsScreen(self._library, number, self._clock))

    # Stacks

    @_command
    async def action_open_stack(self) -> None:
        """List what is in the stack under the cursor, or go back."""
        if self.uploads.opened:
            await self.uploads.close_stack()
        elif not await self.uploads.open_stack():
            self.notices.tell("This upload is not in a stack.")

    @_on_chosen(whole=False)
    async def action_make_stack(self, numbers: Sequence[int]) -> None:
        """Make one stack of uploads."""
        change = await self._library.stacks.make(numbers)
        if not change.count:
            key = key_of(self.app, "toggle-mark")
            self.notices.tell("Mark the uploads that belong together first.", f"{key} marks.")
            return
        rows = await self._library.uploads.rows(change.numbers)
        self.uploads.unmark(row.number for row in rows if row.is_inside)
        self._tell_undoable(f"Stacked {counted(change.count, 'upload')}.")

    @_on_chosen(whole=False)
    async def action_break_stack(self, numbers: Sequence[int]) -> None:
        """Take stacks apart, or what is chosen out of an opened one."""
        change = await self._library.stacks.break_up(numbers, alone=bool(self.uploads.opened))
        if not change.count:
            self.notices.tell("There is no stack to take apart.")
            return
        rows = await self._library.uploads.rows(change.numbers)
        self._tell_undoable(f"Took {named(rows, change.count)} out of {'its' if change.count == 1 else 'their'} stack.")

    @_on_one
    async def action_choose_cover(self, number: int) -> None:
        """Make an upload the cover of its stack."""
        rows = await self._library.uploads.rows([number])
        change = await self._library.stacks.choose(number)
        if not change.count:
            self.notices.tell("This upload is not in a stack.")
            return
        self._tell_undoable(f"{named(rows)} is the cover of its stack.")

    @_on_one
    async def action_play_clip(self, number: int) -> None:
        """Play the clip of a Live Photo or a motion photo."""
        upload = await self._library.uploads.by_number(number)
        path = None if upload is None else await self._library.clip(upload)
        if upload is None or path is None:
            self.notices.tell("This upload has no clip.")
            return
        player = await asyncio.to_thread(play, path, self._library.settings.play_command)
        self.notices.tell(f"Playing the clip of {upload.filename} in {player}.")

    # Tags and visibility

    @_on_chosen()
    async def action_toggle_hidden(self, numbers: Sequence[int]) -> None:
        """Hide uploads from lists and search, or, where all are hidden, show them again."""
        rows = await self._library.uploads.rows(numbers)
        hide = not all(row.hidden for row in rows)
        await self._library.uploads.set_hidden([row.id for row in rows], hide)
        if rows and hide:
            filters = f"{key_of(self.app, 'filter-by')}, then h includes hidden."
            self.notices.tell(f"Hid {named(rows)} from lists and search. {self._undoes}", filters)
            if not self.uploads.view.show_hidden:
                self.uploads.unmark(numbers)
        elif rows:
            self._tell_undoable(f"Unhid {named(rows)}.")

    @_on_chosen()
    async def action_edit_tags(self, numbers: Sequence[int]) -> None:
        """Ask for tags to add and to remove."""
        from vuemantics_tui.ui.screens.ask import AskScreen, ask

        rows = await self._library.uploads.rows(numbers)
        ids = [row.id for row in rows]

        async def change(text: str) -> str:
            changes = TagChanges.of(text)
            plain = [name for name in changes.added if name not in changes.albums]
            changed = await self._library.tags.change(ids, add=plain, albums=changes.albums, remove=changes.removed)
            if not changed:
                return "No tags changed."
            done = "Tagged" if changes.added else "Removed tags from"
            return f"{done} {named(rows, changed)}. {self._undoes}"

        if not rows:
            return
        question = AskScreen(
            f"Tag {named(rows)}",
            await self._own_tags(ids),
            change,
            placeholder="rome, +holiday, -blue, album:Rome 2024",
            complete=self._complete_tag,
        )
        await ask(self, question)

    @_on_chosen()
    async def action_add_to_album(self, numbers: Sequence[int]) -> None:
        """Ask for an album, and add uploads to it; a new one is created."""
        from vuemantics_tui.ui.screens.ask import AskScreen, ask

        rows = await self._library.uploads.rows(numbers)
        albums = [tag.name for tag in await self._library.tags.own() if tag.album]

        async def add(text: str) -> str:
            added = await self._library.tags.change([row.id for row in rows], albums=[text])
            name = " ".join(text.split())
            known = next((album for album in albums if folded(album) == folded(name)), None)
            if not added and known is not None:
                return f"Already in {known}."
            words = named(rows, added or len(rows))
            done = f"Added {words} to {known}." if known else f"Made the album {name} with {words}."
            return f"{done} {self._undoes}"

        async def complete(text: str) -> list[str]:
            begun = folded(text)
            return [album for album in albums if begun and folded(album).startswith(begun)][:MOST_COMPLETIONS]

        if not rows:
            return
        known = f"Your albums: {', '.join(albums)}" if albums else "A new name makes an album."
        question = AskScreen(
            f"Add {named(rows)} to an album", known, add, placeholder="Rome 2024", complete=complete, is_list=False
        )
        await ask(self, question)

    async def _own_tags(self, ids: Sequence[str]) -> str:
        upload = await self._library.uploads.get(ids[0]) if len(ids) == 1 else None
        if upload is None:
            return NO_TAGS_YET
        kinds = (("Your tags", upload.own_tags), ("Keywords", upload.keywords))
        return ". ".join(f"{kind}: {', '.join(tags)}" for kind, tags in kinds if tags) or NO_TAGS_YET

    async def _complete_tag(self, text: str) -> list[str]:
        before, sign, begun = tag_begun(text)
        if not begun:
            return []
        return [f"{before}{sign}{tag.name}" for tag in await self._library.tags.beginning(begun)]

    @_on_chosen()
    async def action_edit_place(self, numbers: Sequence[int]) -> None:
        """Ask where uploads were taken."""
        from vuemantics_tui.ui.screens.ask import AskScreen, ask

        uploads = await self._library.uploads.by_numbers(numbers)
        ids = [upload.id for upload in uploads]

        async def change(text: str) -> str:
            before = await self._library.set_place(ids, text)
            if not before:
                return "No places changed."
            words = named([upload for upload in uploads if upload.id in before])
            return f"Changed the place of {words}. {self._undoes}"

        if not uploads:
            return
        question = AskScreen(
            f"Place of {named(uploads)}",
            _places_words(uploads),
            change,
            placeholder="Rome, Italy, none or file",
            complete=self._complete_place,
            is_list=False,
        )
        await ask(self, question)

    @_on_one
    async def action_rename_upload(self, number: int) -> None:
        """Ask for the file name to show an upload under."""
        from vuemantics_tui.ui.screens.ask import AskScreen, ask

        upload = await self._library.uploads.by_number(number)
        if upload is None:
            return

        async def rename(text: str) -> str:
            before = await self._library.rename(upload.id, text)
            return "The name is the same." if before is None else f"Renamed {visible(before)}. {self._undoes}"

        question = AskScreen(
            f"Rename {upload.filename}",
            "This is the name in the library. The file itself keeps its own.",
            rename,
            value=upload.filename,
            is_list=False,
        )
        await ask(self, question)

    @_on_chosen()
    async def action_copy_to(self, numbers: Sequence[int]) -> None:
        """Ask for a folder, and copy originals or write side-cars there; or for a file, and export data to it."""
        from vuemantics_tui.ui.picker.folder import completed_lines
        from vuemantics_tui.ui.screens.ask import AskScreen, ask

        uploads = await self._library.uploads.by_numbers(numbers)
        if not uploads:
            return
        question = AskScreen(
            f"Copy {named(uploads)}",
            "A folder gets copies of the originals, a folder with /*.xmp their side-cars, and a file in .csv or .jsonl"
            " their data.",
            functools.partial(self._copy_to, numbers),
            placeholder="~/Pictures/chosen or ~/chosen.csv",
            complete=completed_lines,
            is_list=False,
        )
        await ask(self, question)

    async def _copy_to(self, numbers: Sequence[int], text: str) -> str:
        from vuemantics_tui.library import ExportFormat

        if not text.strip():
            raise UsageError("Name a folder or a file", "For example ~/Pictures/chosen or ~/chosen.csv")
        target = await asyncio.to_thread(typed_path, text)
        ending = target.suffix.lower().removeprefix(".")
        if ending in set(ExportFormat):
            done = 0
            async for progress in self._library.export.to_file(target, ExportFormat(ending), numbers):
                done = progress.done
            return f"Exported {counted(done, 'upload')} to {target}."
        sidecars = target.name == SIDECARS
        folder = target.parent if sidecars else target
        await asyncio.to_thread(_made_folder, folder)
        export = self._library.export
        done, failed, reason = 0, 0, ""
        async for result in export.sidecars(folder, numbers) if sidecars else export.originals(folder, numbers):
            done += not result.reason
            if result.reason:
                failed += 1
                reason = f"{result.upload.filename}: {result.reason}"
        words = f"Wrote {counted(done, 'side-car')}" if sidecars else f"Copied {counted(done, 'file')}"
        return f"{words} to {folder}." + (f" {failed:,} skipped. {reason}" if failed else "")

    async def _complete_place(self, text: str) -> list[str]:
        return await self._library.places.lines(text, MOST_COMPLETIONS) if text.strip() else []

    # Descriptions and originals

    @_on_one
    async def action_edit_description(self, number: int) -> None:
        """Ask for a description in your own words."""
        from vuemantics_tui.ui.screens.edit import EditScreen

        upload = await self._library.uploads.by_number(number)
        if upload is None:
            return

        async def save(text: str) -> bool:
            return await self._library.descriptions.edit(upload.id, text)

        saved = await self.app.push_screen_wait(EditScreen(upload.filename, upload.description or "", save))
        if saved:
            self._tell_undoable("Saved. Search finds it as soon as it is embedded.")
        elif saved is not None:
            self.notices.tell("Nothing changed.")

    @_on_one
    async def action_open_original(self, number: int) -> None:
        """Open an original in the system viewer, or play it if it is a clip."""
        upload = await self._library.uploads.by_number(number)
        if upload is None:
            return
        original = await self._library.sources.reach(upload)
        if upload.file_type is FileType.VIDEO:
            player = await asyncio.to_thread(play, original, self._library.settings.play_command)
            self.notices.tell(f"Playing {upload.filename} in {player}.")
        else:
            await asyncio.to_thread(open_in_viewer, original)
            self.notices.tell(f"Opened {upload.filename} in the system viewer.")

    @_on_chosen(whole=False)
    async def action_copy_path(self, numbers: Sequence[int]) -> None:
        """Copy the paths of originals to the clipboard."""
        await self._copy("path", numbers, lambda each: str(self._library.original(each)))

    @_on_chosen(whole=False)
    async def action_copy_description(self, numbers: Sequence[int]) -> None:
        """Copy descriptions to the clipboard."""
        await self._copy("description", numbers, lambda each: each.description or "")

    async def _copy(self, what: str, numbers: Sequence[int], text_of: Callable[[Upload], str]) -> None:
        texts = [text for each in await self._library.uploads.by_numbers(numbers) if (text := text_of(each))]
        if not texts:
            self.notices.tell("There is no description yet.")
            return
        await copy(self.app, "\n".join(texts))
        self.notices.tell(f"Copied the {what}." if len(texts) == 1 else f"Copied {counted(len(texts), what)}.")


@dataclass(frozen=True, slots=True)
class TagChanges:
    """The tags to add, those of them that are albums, and those to remove."""

    added: tuple[str, ...]
    albums: tuple[str, ...]
    removed: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> TagChanges:
        """Read a line: names separated by commas, each with + or - before it or nothing, which is +.

        A sign begins another name also without a comma; `album:` before a name makes it an album.
        """
        added: dict[str, None] = {}
        albums: dict[str, None] = {}
        removed: dict[str, None] = {}
        for piece in re.split(r",|\s(?=[+-]\S)", text):
            name = piece.strip()
            if not name:
                continue
            into = removed if name.startswith("-") else added
            name = name.removeprefix("-").removeprefix("+").strip()
            if name.lower().startswith(ALBUM):
                name = name[len(ALBUM) :].strip()
                if into is added:
                    albums[name] = None
            into[name] = None
        return cls(tuple(added), tuple(albums), tuple(removed))


def tag_begun(text: str) -> tuple[str, str, str]:
    """Return the line before the tag that is being typed, the sign before that tag, and its beginning."""
    start = max((match.end() for match in re.finditer(r",\s*|\s(?=[+-]\S)", text)), default=0)
    begun = text[start:]
    sign = re.match(rf"[+-]?(?:{ALBUM})?", begun, re.IGNORECASE)
    length = sign.end() if sign else 0
    return text[:start], begun[:length], begun[length:].lstrip()


def named(rows: Sequence[UploadRow], count: int | None = None) -> str:
    """Return one upload by its name, several by their number: all of them, or `count`."""
    count = len(rows) if count is None else count
    return rows[0].filename if len(rows) == count == 1 else counted(count, "upload")


def _dates_words(uploads: Sequence[Upload]) -> str:
    """Return when uploads were taken, from the first to the last, or that no date is known."""
    dated = sorted((upload for upload in uploads if upload.taken_at), key=lambda upload: upload.taken_at or "")
    if not dated:
        return "No date is known. Type one."
    if len(uploads) == 1:
        return f"Taken {taken_words(dated[0])}."
    first, last = (date_words(upload.taken_at, own_clock=True) for upload in (dated[0], dated[-1]))
    return f"Taken {first}." if first == last else f"Taken from {first} to {last}."


def _places_words(uploads: Sequence[Upload]) -> str:
    """Return where uploads were taken if it is one place, and how many places it is otherwise."""
    places = {upload.place_words for upload in uploads}
    if len(places) > 1:
        return f"Taken in {counted(len(places), 'place')}, known or not."
    return f"Taken in {places.pop()}." if places != {""} else "No place is known. Type one."


def _retry_words(moved: Sequence[UploadRow], rows: Sequence[UploadRow]) -> str:
    if moved:
        again = all(row.status is ProcessingStatus.COMPLETED for row in moved)
        return f"Describing {named(moved)} again." if again else f"Retrying {named(moved)}."
    if all(row.status is ProcessingStatus.PENDING for row in rows):
        return f"{named(rows)} is already waiting." if len(rows) == 1 else f"All {len(rows):,} are already waiting."
    if len(rows) == 1 and rows[0].status in RUNNING:
        return f"{named(rows)} is already being processed."
    if any(row.status in TERMINAL for row in rows):
        return f"{named(rows)} changed in the meantime."
    return f"All {len(rows):,} are already waiting or being processed."


def _made_folder(folder: Path) -> None:
    """Make a folder where there is none. Raises UsageError if it cannot be made."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"This folder cannot be created: {error.strerror or error}", "Choose a folder that exists."
        ) from error
