"""ViewerScreen: the upload under the list's cursor as large as the window, and stepping to others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.timer import Timer

from vuemantics_tui.domain.fields import GUESS, dimension_words, rating_words
from vuemantics_tui.domain.text import date_words, length_words, visible
from vuemantics_tui.domain.upload import ProcessingStatus, Upload, stack_sign
from vuemantics_tui.ui.actions import MOVE, VIEW, action, hidden
from vuemantics_tui.ui.feed import Feed, LibraryChanged, TimePassed, WorkProgressed
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import PictureLoader
from vuemantics_tui.ui.textual_private import SteadyScreen
from vuemantics_tui.ui.uploads.commands import ListWanted, UploadCommands
from vuemantics_tui.ui.uploads.table import TagClicked
from vuemantics_tui.ui.uploads.upload_list import Change, UploadList
from vuemantics_tui.ui.viewer.stage import Stage, StageChanged, StageLeft
from vuemantics_tui.ui.widgets import WIDTHS
from vuemantics_tui.ui.widgets.keys_line import FooterKey, KeysLine
from vuemantics_tui.ui.widgets.one_line import Part, TwoSidedLine

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

SLIDE_KEY = "slide-show"
HEIGHTS = [(0, "-tiny"), (16, "-low"), (30, "-high")]


class ViewLine(TwoSidedLine):
    """A line above or below the picture."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._left: list[Part] = []
        self._right: list[list[Part]] = []

    def say(self, left: list[Part], right: list[list[Part]]) -> None:
        """Show these: what stands on the left, and what may stand on the right, the longest first."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def left_part(self) -> list[Part]:
        """Return what stands on the left."""
        return self._left

    def right_parts(self) -> list[list[Part]]:
        """Return what may stand on the right."""
        return self._right


class ViewerScreen(SteadyScreen[None]):
    """Shows the upload under the cursor of `uploads` and moves that cursor."""

    HELP_TITLE = "The viewer"
    HELP_SIGNS = True
    AROUND = (UploadCommands,)
    PARTS = (Stage,)
    AUTO_FOCUS = "#view-stage"
    BINDINGS: ClassVar[list[BindingType]] = [
        hidden("view-go-on", "space", "go(1)", "next", "Next upload, whatever is shown", MOVE),
        hidden("view-go-back", "backspace", "go(-1)", "previous", "Previous upload, whatever is shown", MOVE),
        hidden("view-first", "home", "go_to_end(False)", "first", "First upload", MOVE),
        hidden("view-last", "end,G", "go_to_end(True)", "last", "Last upload", MOVE),
        hidden("view-facts", "I", "show_facts", "all facts", "Show all details", VIEW),
        action(SLIDE_KEY, "S", "toggle_slide_show", "slide show", "Start the slide show; any key stops it", VIEW),
        action("leave-viewer", "escape,q,enter", "go_back", "back", "Stop zooming, or back to the list", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(
        self, library: Library, uploads: UploadList, clock: Callable[[], datetime], loader: PictureLoader
    ) -> None:
        super().__init__()
        self._library = library
        self._uploads = uploads
        self._clock = clock
        self._stage = Stage(library, clock, loader, uploads.why)
        self._upload: Upload | None = None
        self._slides = False
        self._next_slide: Timer | None = None

    def compose(self) -> ComposeResult:
        """Yield the parts from top to bottom."""
        with UploadCommands(self._library, self._uploads, self._clock, only=self._shown_number):
            yield ViewLine(id="view-header")
            yield self._stage
            yield ViewLine(id="view-caption")
            yield KeysLine(id="view-keys")

    def on_mount(self) -> None:
        """Follow the list and the library."""
        self._notices = Notices.of(self)
        self._uploads.listeners.append(self._list_changed)
        Feed.of(self).follow(self)
        # Only then the picture has a size.
        self.call_after_refresh(self._show_cursor)

    def on_unmount(self) -> None:
        """Leave the list alone."""
        self._uploads.listeners.remove(self._list_changed)

    def _shown_number(self) -> int | None:
        shown = self._stage.shown
        if shown is not None and self._upload is not None and self._upload.number == self._uploads.cursor_number:
            return shown.upload.number
        return self._uploads.cursor_number

    # Following

    def _list_changed(self, change: Change) -> None:
        if self.is_attached and change is not Change.MARKS:
            self._show_cursor()

    @on(LibraryChanged)
    def _library_changed(self, message: LibraryChanged) -> None:
        self._stage.pane.paused = message.counts.paused
        self._stage.pane.refresh_if(message.changed)
        if self._upload is not None and (
            self._upload.number in message.changed or self._shown_number() in message.deleted | message.changed
        ):
            self._show_cursor(again=True)

    @on(WorkProgressed)
    @on(TimePassed)
    def _repaint_outdated(self) -> None:
        self._stage.pane.repaint_outdated()

    @on(events.ScreenResume)
    def _leave_if_empty(self) -> None:
        if self._uploads.cursor_number is None:
            self.dismiss(None)

    @on(ListWanted)
    def _show_list(self) -> None:
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
            self._upload = upload
            await self._stage.show(upload)
            line = self._uploads.cursor_line
            beside = await self._library.uploads.by_numbers(self._uploads.numbers((line + 1, line - 1)))
            await self._stage.prepare(beside)
        # After it was there to be seen, however long it took.
        self._time_slide()

    @on(StageChanged)
    def _stage_changed(self) -> None:
        self._tell()
        self.refresh_bindings()

    def _tell(self) -> None:
        upload, shown = self._upload, self._stage.shown
        if upload is None:
            return
        # What is said and done is of the half that is shown, which need not be the cover of the stack.
        half = shown.upload if shown is not None else upload
        facts = [
            f"{self._uploads.cursor_line + 1:,} of {len(self._uploads):,}",
            *self._stage.words,
            date_words(half.taken_at, own_clock=True),
            visible(", ".join(dict.fromkeys(filter(None, (half.place, half.country))))),
            length_words(half.duration) if half.duration else "",
            stack_sign(upload),
        ]
        left = [
            (visible(half.filename), "bold"),
            ("".join(f" · {fact}" for fact in facts if fact), "$dim"),
            (f"  {rating_words(half.rating)}" if half.rating is not None else "", "$warning"),
        ]
        self.query_one("#view-header", ViewLine).say(left, self._how_shown(half))
        tags = " · ".join(visible(tag) for tag in (*half.own_tags, *half.tags)[:4])
        words = visible(" ".join((half.caption or half.description or "").split()))
        is_guess = half.guessed and not half.caption and bool(words)
        said: list[Part] = [(GUESS, "italic $dim"), (words, "$dim")] if is_guess else [(words, "")]
        self.query_one("#view-caption", ViewLine).say(said, [[(tags, "$accent")]])

    def _how_shown(self, upload: Upload) -> list[list[Part]]:
        view = self._stage.view
        near = ""
        if view is not None and self._stage.has_picture:
            near = "fit" if view.is_whole else "1:1" if view.is_life_size else f"{view.percent} %"
        size = dimension_words(upload)
        alert = [(f"{self._stage.wrong}  ", "$warning")] if self._stage.wrong else []
        how = list(alert)
        if self._slides:
            alert.append(("slide show  ", "$accent"))
            how.append(("slide show, any key stops  ", "$accent"))
        return [
            [*how, (f"{size}  " if size else "", "$dim"), (near, "$dim")],
            [*how, (near, "$dim")],
            [*alert, (near, "$dim")],
            [(near, "$dim")] if near not in ("", "fit") else alert,
        ]

    @property
    def footer(self) -> Sequence[FooterKey]:
        """What stands in the footer: what leads on comes first, and what leads out last."""
        stage = self._stage
        zoomed = stage.view is not None and stage.view.is_zoomed
        film = stage.shown is not None and stage.has_film
        keys = [FooterKey("view-next", "move" if zoomed else "frames" if film else "next", "← →")]
        if zoomed or film:
            keys.append(FooterKey("view-go-on", "next"))
        if stage.shown is not None and stage.shown.film.is_clip:
            keys.append(FooterKey("open-original", "play"))
        row = self._uploads.cursor_row
        if row is not None and row.status is ProcessingStatus.FAILED:
            keys.append(FooterKey("retry-upload", "retry"))
        return [
            *keys,
            FooterKey("zoom-in", "zoom", "+ -"),
            FooterKey("view-half"),
            FooterKey("view-details"),
            FooterKey("edit-tags", "tag"),
            FooterKey("rate-5", "rate", "0-5"),
            FooterKey("find-similar"),
            FooterKey("delete-upload"),
            FooterKey(SLIDE_KEY),
            FooterKey("life-size", "1:1", "="),
            FooterKey("show-help"),
            FooterKey("leave-viewer", "whole" if zoomed else "back"),
        ]

    # Moving

    @on(StageLeft)
    def _leave_stage(self, message: StageLeft) -> None:
        self.action_go(message.steps)

    def action_go(self, steps: int) -> None:
        """Go on by so many uploads."""
        self._uploads.move_to(self._uploads.cursor_line + steps)

    def action_go_to_end(self, last: bool) -> None:
        """Go to the first or the last upload."""
        self._uploads.move_to(len(self._uploads) - 1 if last else 0)

    def action_go_back(self) -> None:
        """Stop zooming or go back, one step at a time."""
        if not self._stage.unzoom():
            self.dismiss(None)

    @on(TagClicked)
    def _search_tag(self, message: TagClicked) -> None:
        # The list, which is below, searches.
        self.app.screen_stack[0].post_message(message)
        self.dismiss(None)

    def action_show_facts(self) -> None:
        """Show all details."""
        self.query_one(UploadCommands).action_show_details()

    # The slide show

    def action_toggle_slide_show(self) -> None:
        """Start the slide show."""
        self._slides = True
        self._time_slide()
        self._tell()

    def _time_slide(self) -> None:
        if self._next_slide is not None:
            self._next_slide.stop()
            self._next_slide = None
        if self._slides:
            self._next_slide = self.set_timer(self._library.settings.slide_seconds, self._go_on)

    def _go_on(self) -> None:
        if not self._slides or not self.is_current:
            return
        if self._uploads.cursor_line + 1 < len(self._uploads):
            self.action_go(1)
        else:
            self._stop_slides()

    def _stop_slides(self) -> None:
        self._slides = False
        self._time_slide()
        self._tell()

    def on_key(self, event: events.Key) -> None:
        """Stop the slide show at any key; a key that would leave or restart it does nothing else."""
        if self._slides:
            self._stop_slides()
            active = self.active_bindings.get(event.key)
            if active is not None and active.binding.id in ("leave-viewer", SLIDE_KEY):
                event.stop()
                event.prevent_default()
