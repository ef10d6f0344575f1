"""ViewerScreen: the upload under the cursor of a list, as large as the window, and the way to the next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from vuemantics_tui.domain.fields import rating_words
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import Crop
from vuemantics_tui.domain.text import clock_words, date_words, visible
from vuemantics_tui.domain.upload import Upload, stack_sign
from vuemantics_tui.ui.actions import MOVE, VIEW, action, hidden
from vuemantics_tui.ui.feed import Feed, LibraryChanged, TimePassed, WorkProgressed
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import PictureLoader, mode_of
from vuemantics_tui.ui.uploads.commands import ListWanted, UploadCommands
from vuemantics_tui.ui.uploads.pane import UploadPane
from vuemantics_tui.ui.uploads.table import TagClicked
from vuemantics_tui.ui.uploads.upload_list import Change, UploadList
from vuemantics_tui.ui.viewer.view import View
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import Part, TwoSidedLine
from vuemantics_tui.ui.widgets.thumbnail import Thumbnail

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

NOT_SHOWN = "no picture"
# Decoded pictures, as JPEG of half a megabyte each: the shown one, those beside it, and some of the way back.
MOST_READY = 8


class ViewHeader(TwoSidedLine):
    """What is shown, and how."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._said = ("", "")

    def say(self, left: str, right: str) -> None:
        """Show these."""
        if (left, right) != self._said:
            self._said = (left, right)
            self.refresh()

    def left_part(self) -> list[Part]:
        """What is shown."""
        return [(self._said[0], "")]

    def right_parts(self) -> list[list[Part]]:
        """How it is shown."""
        return [[(self._said[1], "$dim")]]


class DetailsToggled(Message):
    """The details came or went, so that the picture has another size."""


class Stage(Horizontal, can_focus=True):
    """The picture, and the details beside it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action("view-details", "i", "toggle_details", "details", "Show or hide the details", VIEW),
    ]

    def action_toggle_details(self) -> None:
        """Show the details beside the picture, or hide them."""
        self.screen.toggle_class("-details")
        self.post_message(DetailsToggled())


class ViewerScreen(Screen[None]):
    """Shows the upload under the cursor of `uploads` and moves that cursor."""

    HELP_TITLE = "The viewer"
    HELP_SIGNS = True
    AROUND = (UploadCommands,)
    PARTS = (Stage,)
    AUTO_FOCUS = "#view-stage"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("view-next", "right", "step(1)", "next", "Next; to the right while zoomed", MOVE, shown_as="← →"),
        hidden("view-previous", "left", "step(-1)", "previous", "Previous; to the left while zoomed", MOVE),
        hidden("view-go-on", "space", "go(1)", "next", "Next, also while zoomed", MOVE),
        hidden("view-go-back", "backspace", "go(-1)", "previous", "Previous, also while zoomed", MOVE),
        hidden("view-first", "home", "go_to_end(False)", "first", "First upload", MOVE),
        hidden("view-last", "end,G", "go_to_end(True)", "last", "Last upload", MOVE),
        action("zoom-in", "plus", "zoom(1)", "zoom", "Zoom in", VIEW, shown_as="+ -"),
        hidden("zoom-out", "minus", "zoom(-1)", "zoom out", "Zoom out", VIEW),
        action(
            "life-size",
            "equals_sign",
            "toggle_life_size",
            "1:1",
            "Show each pixel, or the whole picture",
            VIEW,
            shown_as="=",
        ),
        hidden("pan-left", "h", "pan(-1,0)", "pan left", "Move left while zoomed", VIEW),
        hidden("pan-down", "j,down", "pan(0,1)", "pan down", "Move down while zoomed", VIEW),
        hidden("pan-up", "k,up", "pan(0,-1)", "pan up", "Move up while zoomed", VIEW),
        hidden("pan-right", "l", "pan(1,0)", "pan right", "Move right while zoomed", VIEW),
        # Before what a narrow footer leaves out.
        action("leave-viewer", "escape,q,enter", "go_back", "back", "Stop zooming, or back to the list", MOVE),
        hidden("view-facts", "I", "show_facts", "all facts", "Show all details", VIEW),
        action("slide-show", "S", "toggle_slide_show", "slide show", "Start or stop the slide show", VIEW),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it

    def __init__(
        self,
        library: Library,
        uploads: UploadList,
        clock: Callable[[], datetime],
        loader: PictureLoader,
    ) -> None:
        super().__init__()
        self._library = library
        self._uploads = uploads
        self._clock = clock
        self._loader = loader
        self._picture = Thumbnail(loader, id="view-picture")
        self._pane = UploadPane(library, clock, loader=loader, why=uploads.why, id="view-pane")
        self._upload: Upload | None = None
        self._view: View | None = None
        self._ready: OrderedDict[tuple[str, int, Crop], bytes] = OrderedDict()
        self._slides: Timer | None = None

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with UploadCommands(self._library, self._uploads, self._clock, only=lambda: self._uploads.cursor_number):
            yield ViewHeader(id="view-header")
            with Stage(id="view-stage"):
                yield self._picture
                yield self._pane
            yield KeysLine(id="view-keys")

    def on_mount(self) -> None:
        """Follow the list and the library."""
        self._notices = Notices.of(self)
        self._uploads.listeners.append(self._list_changed)
        Feed.of(self).follow(self)
        self._show_cursor()

    def on_unmount(self) -> None:
        """Leave the list alone."""
        self._uploads.listeners.remove(self._list_changed)

    # Following

    def _list_changed(self, change: Change) -> None:
        if self.is_attached and change is not Change.MARKS:
            self._show_cursor()

    @on(LibraryChanged)
    def _library_changed(self, message: LibraryChanged) -> None:
        self._pane.paused = message.counts.paused
        self._pane.refresh_if(message.changed)
        if self._upload is not None and self._upload.number in message.changed:
            self._show_cursor(again=True)

    @on(WorkProgressed)
    @on(TimePassed)
    def _repaint_outdated(self) -> None:
        self._pane.repaint_outdated()

    @on(events.ScreenResume)
    def _leave_if_empty(self) -> None:
        if self._uploads.cursor_number is None:
            self.dismiss(None)

    # Showing

    def _show_cursor(self, *, again: bool = False) -> None:
        number = self._uploads.cursor_number
        if number is None:
            if self.is_current:
                self.dismiss(None)
        elif again or self._upload is None or self._upload.number != number:
            self._show(number)
        else:
            self._tell()

    @work(group="viewing", exclusive=True, exit_on_error=False)
    async def _show(self, number: int) -> None:
        with self._notices.errors_told():
            upload = await self._library.uploads.by_number(number)
            if upload is None:
                return
            is_other = self._upload is None or self._upload.number != number
            self._upload = upload
            # What has no picture, as a failed one, is shown in words.
            self.set_class(upload.thumbnail_path is None, "-words")
            if is_other:
                self._view = None
                self._picture.put(
                    await self._picture.draw(self._library.absolute(upload.thumbnail_path)), otherwise=NOT_SHOWN
                )
            self._pane.show(number)
            await self._sharpen()
            await self._prepare()

    @work(group="viewing", exclusive=True, exit_on_error=False)
    async def _sharpen_later(self) -> None:
        with self._notices.errors_told():
            await self._sharpen()
            await self._prepare()

    async def _sharpen(self) -> None:
        """Show the upload from its original, at the size of the window."""
        upload = self._upload
        columns, rows = self._picture.content_size
        if upload is None or not columns or not rows:
            return
        self._view = view = self._fitted(upload, columns, rows)
        self._tell()
        path = self._library.original(upload)

        async def decoded(_: Path) -> bytes | None:
            return await self._decoded(upload, view)

        mode = mode_of(self.app, self._loader.graphics)
        variant = f"{view.side} {view.crop}"
        strips = await self._loader.preview(path, columns, rows, mode, decoded, variant)
        if strips is not None and self._upload is upload and self._view == view:
            self._picture.put((self._library.absolute(upload.thumbnail_path), strips))

    def _fitted(self, upload: Upload, columns: int, rows: int) -> View:
        """Return the view of an upload in a window of so many cells: as it was, if it is the one that was shown."""
        width, height = self._loader.graphics.cell
        # Before the first layout it has no size.
        box = max(1, columns * width), max(1, rows * height)
        size = (upload.width or box[0], upload.height or box[1])
        if self._view is None:
            return View(size, box)
        return replace(self._view, size=size, box=box)

    async def _decoded(self, upload: Upload, view: View) -> bytes | None:
        key = (upload.id, view.side, view.crop)
        if key not in self._ready:
            found = await self._library.preview(self._library.original(upload), view.side, view.crop)
            if found is None:
                return None
            self._ready[key] = found
            while len(self._ready) > MOST_READY:
                self._ready.popitem(last=False)
        self._ready.move_to_end(key)
        return self._ready[key]

    async def _prepare(self) -> None:
        """Decode what comes next and before, so that it is there at the key."""
        columns, rows = self._picture.content_size
        if self._view is None or self._view.is_zoomed or not columns or not rows:
            return
        line = self._uploads.cursor_line
        for upload in await self._library.uploads.by_numbers(self._uploads.numbers((line + 1, line - 1))):
            width, height = self._loader.graphics.cell
            box = columns * width, rows * height
            await self._decoded(upload, View((upload.width or box[0], upload.height or box[1]), box))

    def _tell(self) -> None:
        upload = self._upload
        if upload is None:
            return
        parts = [
            visible(upload.filename),
            f"{self._uploads.cursor_line + 1:,} of {len(self._uploads):,}",
            date_words(upload.taken_at, own_clock=True),
            visible(upload.place_words),
            clock_words(upload.duration) if upload.duration else "",
            stack_sign(upload),
            rating_words(upload.rating),
        ]
        left = " · ".join(part for part in parts if part)
        playing = "slide show" if self._slides is not None else ""
        right = "  ".join(part for part in (playing, self._nearness()) if part)
        self.query_one(ViewHeader).say(left, right)

    def _nearness(self) -> str:
        """Return how near the picture is, in words; nothing for the whole of it."""
        if self._view is None or self.has_class("-words"):
            return ""
        if self._view.is_life_size:
            return "1:1"
        return f"{self._view.zoom:.1f}×" if self._view.is_zoomed else ""

    def on_resize(self) -> None:
        """Show it for the new size."""
        if self._upload is not None:
            self.call_after_refresh(self._sharpen_later)

    # Moving

    def action_step(self, steps: int) -> None:
        """Go on by so many uploads, or pan while zoomed."""
        if self._view is not None and self._view.is_zoomed:
            self.action_pan(steps, 0)
        else:
            self.action_go(steps)

    def action_go(self, steps: int) -> None:
        """Go on by so many uploads."""
        self._uploads.move_to(self._uploads.cursor_line + steps)

    def action_go_to_end(self, last: bool) -> None:
        """Go to the first or the last upload."""
        self._uploads.move_to(len(self._uploads) - 1 if last else 0)

    def action_zoom(self, steps: int) -> None:
        """Zoom in or out by so many steps."""
        self._look(lambda view: view.zoomed(steps))

    def action_toggle_life_size(self) -> None:
        """Show each pixel as one, or the whole picture."""
        self._look(View.toggled)

    def action_pan(self, across: int, down: int) -> None:
        """Move the window on the picture."""
        self._look(lambda view: view.panned(across, down))

    def _look(self, change: Callable[[View], View]) -> None:
        if self._view is None or self._upload is None or self._upload.file_type is FileType.VIDEO:
            return
        changed = change(self._view)
        if changed != self._view:
            self._view = changed
            self._sharpen_later()

    def action_toggle_slide_show(self) -> None:
        """Go on by itself, or stop that."""
        if self._slides is not None:
            self._stop_slides()
        else:
            self._slides = self.set_interval(self._library.settings.slide_seconds, self._next_slide)
        self._tell()

    def _next_slide(self) -> None:
        if not self.is_current:
            return
        if self._uploads.cursor_line + 1 < len(self._uploads):
            self._uploads.move_to(self._uploads.cursor_line + 1)
        else:
            self._stop_slides()
            self._tell()

    def _stop_slides(self) -> None:
        if self._slides is not None:
            self._slides.stop()
            self._slides = None

    def action_go_back(self) -> None:
        """Stop the slide show, stop zooming or go back, one step at a time."""
        if self._slides is not None:
            self._stop_slides()
            self._tell()
        elif self._view is not None and self._view.is_zoomed:
            self._look(lambda view: replace(view, zoom=1.0, centre=(0.5, 0.5)))
        else:
            self.dismiss(None)

    @on(DetailsToggled)
    def _fit_picture(self) -> None:
        self.call_after_refresh(self._sharpen_later)

    @on(ListWanted)
    def _show_list(self) -> None:
        self.dismiss(None)

    @on(TagClicked)
    def _search_tag(self, message: TagClicked) -> None:
        # The list, which is below, searches.
        self.app.screen_stack[0].post_message(message)
        self.dismiss(None)

    def action_show_facts(self) -> None:
        """Show all details."""
        self.query_one(UploadCommands).action_show_details()
