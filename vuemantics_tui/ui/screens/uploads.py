"""UploadsScreen: the table of all uploads, the queue below it, and what can be done with them."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Static

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.upload import RUNNING, ProcessingStatus, QueueCounts, UploadRow, status_word
from vuemantics_tui.library import Candidate, IntakeResult, Library
from vuemantics_tui.ui import bindings
from vuemantics_tui.ui.intake_words import added_words
from vuemantics_tui.ui.messages import LoadFailed, PathFieldClosed, PathsEntered
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.screens.confirm import ConfirmScreen
from vuemantics_tui.ui.typed_paths import typed_paths
from vuemantics_tui.ui.widgets.header_line import HeaderLine
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.path_field import PathField
from vuemantics_tui.ui.widgets.queue_bar import Pace, QueueBar
from vuemantics_tui.ui.widgets.table_heading import TableHeading
from vuemantics_tui.ui.widgets.upload_table import UploadTable

# As often as an eye can follow, and no more: over SSH each repaint is bytes.
TICK_SECONDS = 0.1
FIRST_LOOK = 100
ACTIONS_ON_UPLOADS = ("retry_upload", "delete_upload")
SMALLEST_WIDTH, SMALLEST_HEIGHT = 40, 8
EMPTY = """\
[b $foreground]This library is empty[/]

Press [b $accent]a[/] to add photos and videos, or run
[$accent]vuemantics-tui add ~/Pictures[/]"""


class UploadsScreen(Screen[None]):
    """Shows what is in the library, follows what changes in it, and hands over what a person wants."""

    BINDINGS = bindings.UPLOADS_SCREEN
    AUTO_FOCUS = "#uploads"

    def __init__(self, library: Library, notices: Notices, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._library = library
        self._notices = notices
        self._clock = clock
        self._pace = Pace()
        self._copied = self._to_copy = 0

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        analyzer = self._library.analyzer
        yield HeaderLine(analyzer.name, f"{analyzer.model} + {analyzer.embedding_model}", id="header")
        yield TableHeading(id="heading")
        yield UploadTable(self._library.uploads.rows, self._word_of, self._clock, id="uploads")
        with Vertical(id="empty"):
            yield Static(EMPTY, id="empty-text")
        yield PathField(id="path-field")
        yield QueueBar(id="queue")
        yield KeysLine(id="keys")
        yield Static(id="too-small", markup=False)

    def on_mount(self) -> None:
        """Begin to follow the library."""
        self._follow()

    @property
    def adding(self) -> bool:
        """Whether files are being copied just now."""
        return self._to_copy > 0

    def _word_of(self, row: UploadRow) -> str:
        return status_word(row.stage, error_kind=row.error_kind, frame=self._library.queue.frame(row.id))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is done to an upload needs one; in the field for paths, the key that opens it is a letter."""
        if action == "add_paths":
            return not self.has_class("-field-open")
        return action not in ACTIONS_ON_UPLOADS or not self.has_class("-empty")

    # Following the library

    @work(group="following", exit_on_error=False)
    async def _follow(self) -> None:
        feed = self._library.uploads.changes()
        table = self.query_one(UploadTable)
        begun = False
        while True:
            # A store that refuses for a while (locked, full) must not end the screen's following it.
            with self._notices.errors_told():
                if not begun:
                    await feed.skip_to_now()
                    # The first lines before the long list behind them: a large library opens as fast as a small one.
                    newest = await self._library.uploads.newest(limit=FIRST_LOOK)
                    table.show(array("q", (upload.number for upload in newest)))
                    await self._show_counts()
                    if len(newest) == FIRST_LOOK:
                        table.complete(await self._library.uploads.numbers())
                    begun = True
                elif (changes := await feed.poll()) is not None:
                    table.apply(changes.changed, changes.deleted)
                    await self._show_counts()
                self._tick(table)
            await asyncio.sleep(TICK_SECONDS)

    def _tick(self, table: UploadTable) -> None:
        table.repaint_outdated()
        bar = self.query_one(QueueBar)
        bar.copying = (self._copied, self._to_copy) if self.adding else None
        if bar.counts is not None:
            self._pace.note(bar.counts, self._clock())
            # Two digits, or the line would be repainted at every tick.
            bar.per_second, bar.ended = round(self._pace.per_second, 1), self._pace.ended

    async def _show_counts(self) -> None:
        counts = await self._library.queue.counts()
        self.query_one(QueueBar).counts = counts
        self.query_one(HeaderLine).upload_count = counts.total
        self.query_one(KeysLine).rename("toggle-pause", "resume" if counts.paused else "pause")
        if (counts.total == 0) != self.has_class("-empty"):
            self.toggle_class("-empty")
            self.refresh_bindings()
            if not self.has_class("-field-open"):
                # What is hidden cannot be focused, so the table could not be until now.
                self.call_after_refresh(self.query_one(UploadTable).focus)

    @on(LoadFailed)
    def _load_failed(self, message: LoadFailed) -> None:
        self._notices.tell_error(message.error)

    def on_resize(self, event: events.Resize) -> None:
        """Say so where the window is too small for anything else."""
        width, height = event.size
        self.set_class(width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT, "-too-small")
        self.query_one("#too-small", Static).update(
            f"The window is too small: {width}×{height}.\n{SMALLEST_WIDTH}×{SMALLEST_HEIGHT} will do."
        )

    # Adding

    def action_add_paths(self) -> None:
        """Open the field for paths."""
        self._open_field()

    def _open_field(self, text: str = "") -> None:
        # Notices stand where the field is going to be.
        self.app.clear_notifications()
        self.add_class("-field-open")
        self.query_one(PathField).open(text)

    def on_paste(self, event: events.Paste) -> None:
        """What is dropped on the terminal arrives as a pasted path."""
        self._open_field(" ".join(event.text.split("\n")).strip())

    @on(PathFieldClosed)
    def _close_field(self) -> None:
        self.remove_class("-field-open")
        self.query_one(PathField).close()
        self.query_one(UploadTable).focus()

    @on(PathsEntered)
    def _paths_entered(self, message: PathsEntered) -> None:
        self.query_one(PathField).say("Looking…")
        self._add_typed(typed_paths(message.text))

    @work(group="adding", exit_on_error=False)
    async def _add_typed(self, paths: Sequence[Path]) -> None:
        with self._notices.errors_told():
            try:
                candidates = await self._library.uploads.gather(paths, recursive=True)
            except VuemanticsError as error:
                self.query_one(PathField).show_error(error)
                return
            self._close_field()
            await self._add(candidates)

    @work(group="adding", exit_on_error=False)
    async def add_paths(self, paths: Sequence[Path]) -> None:
        """Add files, and folders with all that is in them, in the background."""
        with self._notices.errors_told():
            await self._add(await self._library.uploads.gather(paths, recursive=True))

    async def _add(self, candidates: list[Candidate]) -> None:
        results: list[IntakeResult] = []
        self._to_copy += len(candidates)
        try:
            async for result in self._library.uploads.add(candidates):
                results.append(result)
                self._copied += 1
        finally:
            self._copied -= len(results)
            self._to_copy -= len(candidates)
        self._notices.tell(*added_words(results))

    # What can be done with the upload under the cursor, and with the queue

    def action_retry_upload(self) -> None:
        """Put the upload under the cursor back into the queue."""
        row = self.query_one(UploadTable).cursor_row
        if row is not None:
            self._retry(row)

    @work(group="acting", exit_on_error=False)
    async def _retry(self, row: UploadRow) -> None:
        with self._notices.errors_told():
            self._notices.tell(await self._retried(row))

    async def _retried(self, row: UploadRow) -> str:
        if row.status is ProcessingStatus.PENDING:
            return f"{row.filename} is waiting already."
        if row.status in RUNNING:
            return f"{row.filename} is being worked on already."
        if not await self._library.uploads.retry([row.id]):
            return f"{row.filename} has changed meanwhile."
        again = "is described anew" if row.status is ProcessingStatus.COMPLETED else "is tried again"
        return f"{row.filename} {again}."

    def action_toggle_pause(self) -> None:
        """Pause the queue, or let it go on."""
        self._toggle_pause()

    @work(group="acting", exit_on_error=False)
    async def _toggle_pause(self) -> None:
        with self._notices.errors_told():
            pause = not (await self._library.queue.counts()).paused
            await self._library.queue.set_paused(pause)
            if pause:
                self._notices.tell("Paused, for all who share this library.", "What runs is finished.")
            else:
                self._notices.tell("The queue goes on, for all who share this library.")

    def action_delete_upload(self) -> None:
        """Delete the upload under the cursor, after asking."""
        row = self.query_one(UploadTable).cursor_row
        if row is not None:
            self._delete(row)

    @work(group="acting", exit_on_error=False)
    async def _delete(self, row: UploadRow) -> None:
        question = ConfirmScreen(
            f"Delete {row.filename}?",
            "It goes from this library with its description. The original it was copied from stays where it is.",
            agree="delete",
            decline="keep",
        )
        with self._notices.errors_told():
            if await self.app.push_screen_wait(question) and await self._library.uploads.delete([row.id]):
                self._notices.tell(f"{row.filename} was deleted.")


def work_to_leave(counts: QueueCounts, running_here: int, adding: bool) -> str:
    """What a person should know before leaving, or nothing."""
    told = []
    if adding:
        told.append("Files are being copied; those not yet copied would have to be added again.")
    if running_here:
        told.append(f"{running_here:,} running here would wait again, from the beginning.")
    if counts.waiting and not counts.paused:
        told.append(f"{counts.waiting:,} waiting would go on next time.")
    return " ".join(told)
