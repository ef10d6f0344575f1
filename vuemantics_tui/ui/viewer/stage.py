"""Stage: one upload as large as the window: its picture from the original, its film, its other halves, its details."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message

from vuemantics_tui.domain.media import Crop
from vuemantics_tui.domain.stacks import ROLE_WORDS
from vuemantics_tui.domain.upload import ProcessingStatus, Upload
from vuemantics_tui.ui.actions import MOVE, VIEW, action, hidden
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.pictures.loader import Drawn, PictureLoader, mode_of
from vuemantics_tui.ui.uploads.pane import UploadPane
from vuemantics_tui.ui.uploads.results import Why
from vuemantics_tui.ui.viewer.film import TILE_COLUMNS, Film, FilmStrip, FrameChosen
from vuemantics_tui.ui.viewer.view import View
from vuemantics_tui.ui.widgets.thumbnail import Thumbnail

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

NOT_SHOWN = "no picture"
MISSING = "original missing"
UNREADABLE = "original unreadable"
# Decoded pictures, as JPEG of half a megabyte each: the shown one, those beside it, and some of the way back.
MOST_READY = 12
# What is being decoded: what is wanted now, and what was wanted before and is nearly there.
MOST_DECODING = 3

_Key = tuple[Path, float | None, int, Crop]


@dataclass(frozen=True, slots=True)
class Half:
    """Something of an upload, or of its stack, that can be looked at: a file with its film. `words` tell it apart."""

    upload: Upload
    path: Path
    film: Film
    words: str = ""


class StageChanged(Message):
    """Something else is shown, or otherwise."""


class StageLeft(Message):
    """The next upload is wanted, or the previous one."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps


class Stage(Horizontal, can_focus=True):
    """Shows what it is given; moves in it, and asks for another upload where it ends."""

    BINDINGS: ClassVar[list[BindingType]] = [
        hidden("view-next", "right", "step(1)", "next", "Next; the next frame; to the right while zoomed", MOVE),
        hidden("view-previous", "left", "step(-1)", "previous", "Previous; the frame before; to the left", MOVE),
        hidden("zoom-in", "plus", "zoom(1)", "zoom", "Zoom in", VIEW),
        hidden("zoom-out", "minus", "zoom(-1)", "zoom out", "Zoom out", VIEW),
        hidden("life-size", "equals_sign", "toggle_life_size", "1:1", "Show each pixel, or the whole picture", VIEW),
        hidden("pan-left", "h", "pan(-1,0)", "pan left", "Move left while zoomed", VIEW),
        hidden("pan-down", "j,down", "pan(0,1)", "pan down", "Move down while zoomed", VIEW),
        hidden("pan-up", "k,up", "pan(0,-1)", "pan up", "Move up while zoomed", VIEW),
        hidden("pan-right", "l", "pan(1,0)", "pan right", "Move right while zoomed", VIEW),
        hidden("view-half", "tab", "next_half", "other half", "Show the RAW, the clip or another of the stack", VIEW),
        action("view-details", "i", "toggle_details", "details", "Show or hide the details", VIEW),
    ]

    def __init__(
        self,
        library: Library,
        clock: Callable[[], datetime],
        loader: PictureLoader,
        why: Callable[[Upload], Why | None],
    ) -> None:
        super().__init__(id="view-stage")
        self._library = library
        self._loader = loader
        self._picture = Thumbnail(loader, id="view-picture")
        self._strip = FilmStrip(id="view-strip")
        self.pane = UploadPane(library, clock, loader=loader, why=why, id="view-pane")
        self._halves: list[Half] = []
        self._half = 0
        self._frame = 0
        self.view: View | None = None
        # What is wrong with the shown original; empty if nothing is.
        self.wrong = ""
        self._ready: OrderedDict[_Key, bytes | None] = OrderedDict()
        self._decoding: OrderedDict[_Key, asyncio.Task[bytes | None]] = OrderedDict()
        self._dragged_from: tuple[int, int] | None = None

    def compose(self) -> ComposeResult:
        """Yield the picture above its film, and the details beside them."""
        with Vertical(id="view-frame"):
            yield self._picture
            yield self._strip
        yield self.pane

    def on_unmount(self) -> None:
        """Decode nothing more."""
        for task in self._decoding.values():
            task.cancel()

    # What is shown

    @property
    def shown(self) -> Half | None:
        """Return what is shown."""
        return self._halves[self._half] if self._half < len(self._halves) else None

    @property
    def words(self) -> list[str]:
        """Which half and which frame is shown, where there are several."""
        shown = self.shown
        if shown is None:
            return []
        found = []
        if len(self._halves) > 1:
            found.append(f"{shown.words or 'part'} {self._half + 1} of {len(self._halves)}")
        if len(shown.film):
            of = "" if shown.film.is_clip else f" of {int(shown.upload.metadata.get('frames', 1)):,}"
            found.append(f"{'at ' if shown.film.is_clip else 'frame '}{shown.film.label(self._frame)}{of}")
        return found

    @property
    def has_picture(self) -> bool:
        """Whether there is anything to see, not only to read."""
        return self.shown is not None and not self.screen.has_class("-words")

    @property
    def has_film(self) -> bool:
        """Whether there are frames to step through."""
        return self.shown is not None and len(self.shown.film) > 1

    @property
    def has_halves(self) -> bool:
        """Whether something belongs to what is shown."""
        return len(self._halves) > 1

    async def show(self, upload: Upload) -> None:
        """Show an upload in its current state. Raises VuemanticsError."""
        before = self.shown
        is_other = not any(half.upload.number == upload.number for half in self._halves)
        halves = await self._halves_of(upload)
        if not self.is_attached:
            return  # the viewer was left meanwhile
        same = [] if is_other or before is None else [n for n, half in enumerate(halves) if half.path == before.path]
        self._halves = halves
        self._half = same[0] if same else 0
        if not same:
            self._frame, self.view = 0, None
        self.pane.show(halves[self._half].upload.number)
        await self._make_room()
        if not same:
            await self._show_thumbnail(halves[self._half])
        await self._sharpen()

    async def _halves_of(self, upload: Upload) -> list[Half]:
        halves = [self._half_of(upload)]
        for member in upload.stack_members:
            other = None if member.id == upload.id else await self._library.uploads.get(member.id)
            if other is not None:
                halves.append(self._half_of(other))
        if upload.motion_bytes:
            path = await self._library.clip(upload)
            if path is not None:
                film = Film.of_clip(await self._library.seconds_of(path))
                halves.append(Half(upload, path, film, "clip"))
        return halves

    def _half_of(self, upload: Upload) -> Half:
        words = ROLE_WORDS[upload.stack_role] if upload.stack_role is not None else upload.extension.lstrip(".")
        return Half(upload, self._library.original(upload), Film.of(upload), words)

    async def _make_room(self) -> None:
        """Lay out what is shown: its film below it, or words in place of a picture that there is none of."""
        half = self.shown
        if half is None:
            return
        words = half.upload.thumbnail_path is None and half.upload.status is ProcessingStatus.FAILED
        self._strip.show(half.film, self._frame)
        if (self.has_film, words) != (self.screen.has_class("-film"), self.screen.has_class("-words")):
            self.screen.set_class(self.has_film, "-film")
            self.screen.set_class(words, "-words")
            laid_out = asyncio.Event()
            self.call_after_refresh(laid_out.set)
            await laid_out.wait()

    async def _show_thumbnail(self, half: Half) -> None:
        """Show the thumbnail until the original is decoded."""
        self.wrong = ""
        key = self._key(half, self._frame, self._fitted(half))
        if key is None or key in self._ready:
            return  # the picture itself is there at once
        self._picture.put(
            await self._picture.draw(self._library.absolute(half.upload.thumbnail_path)), otherwise=NOT_SHOWN
        )

    async def _sharpen(self) -> None:
        """Show it from its original, at the size of the window."""
        half, frame = self.shown, self._frame
        if half is None:
            return
        self._strip.show(half.film, frame)
        self.view = view = self._fitted(half)
        self.post_message(StageChanged())
        if view is None:
            return
        strips = await self._draw(half, frame, view)
        if self.shown != half or (self._frame, self.view) != (frame, view):
            return  # something else is wanted by now
        self.wrong = ""
        if strips is None:
            exists = await asyncio.to_thread(half.path.exists)
            self.wrong = UNREADABLE if exists else MISSING
        else:
            self._picture.put((self._library.absolute(half.upload.thumbnail_path), strips))
        # What has no picture, as a failed one, is shown in words.
        self.screen.set_class(strips is None and half.upload.thumbnail_path is None, "-words")
        self.post_message(StageChanged())
        self._fill_strip()

    async def _draw(self, half: Half, frame: int, view: View) -> Drawn | None:
        columns, rows = self._picture.content_size
        if not view.is_whole and not view.is_zoomed:
            # Smaller than the window.
            width, height = self._loader.graphics.cell
            columns = min(columns, math.ceil(view.shown[0] / width))
            rows = min(rows, math.ceil(view.shown[1] / height))
        key = self._key(half, frame, view)
        if key is None:
            return None

        async def decoded(_: Path) -> bytes | None:
            return await self._decoded(key)

        mode = mode_of(self.app, self._loader.graphics)
        return await self._loader.preview(half.path, columns, rows, mode, decoded, f"{key[1]} {view.side} {view.crop}")

    def _key(self, half: Half, frame: int, view: View | None) -> _Key | None:
        if view is None:
            return None
        # The first moment of a clip is black more often than not: what shows it best stands for it.
        at = half.film.places[frame] if frame and frame < len(half.film) else None
        return half.path, at, view.side, view.crop

    def _fitted(self, half: Half) -> View | None:
        """Return its view in this window: the earlier one if it was shown before."""
        columns, rows = self._picture.content_size
        if not columns or not rows:
            return None  # before the first layout
        width, height = self._loader.graphics.cell
        box = columns * width, rows * height
        size = (half.upload.width or box[0], half.upload.height or box[1])
        before = self.view if half == self.shown else None
        return View(size, box) if before is None else replace(before, size=size, box=box)

    async def _decoded(self, key: _Key) -> bytes | None:
        """Return a decoded picture. What is begun is not given up at the next key: it may be wanted again."""
        if key not in self._ready:
            task = self._decoding.get(key)
            if task is None:
                while len(self._decoding) >= MOST_DECODING:
                    _, oldest = self._decoding.popitem(last=False)
                    oldest.cancel()
                path, at, side, crop = key
                task = asyncio.create_task(self._library.preview(path, side, crop, at))
                self._decoding[key] = task
                task.add_done_callback(lambda done: self._take(key, done))
            return await asyncio.shield(task)
        self._ready.move_to_end(key)
        return self._ready[key]

    def _take(self, key: _Key, done: asyncio.Task[bytes | None]) -> None:
        if self._decoding.get(key) is done:
            del self._decoding[key]
        if done.cancelled() or done.exception() is not None or done.result() is None:
            return
        self._ready[key] = done.result()
        while len(self._ready) > MOST_READY:
            self._ready.popitem(last=False)

    async def prepare(self, neighbours: Iterable[Upload]) -> None:
        """Decode and draw what comes next, so that it is there at the key. Raises VuemanticsError."""
        half = self.shown
        if half is None or self.view is None or not self.view.is_whole:
            return
        wanted = [(half, frame) for frame in (self._frame + 1, self._frame - 1) if 0 <= frame < len(half.film)]
        wanted += [(self._half_of(upload), 0) for upload in neighbours]
        for other, frame in wanted:
            view = View(
                (other.upload.width or self.view.box[0], other.upload.height or self.view.box[1]), self.view.box
            )
            if self._loader.graphics.remote:
                # What is drawn is sent, and may never be looked at.
                await self._decoded((other.path, None, view.side, view.crop))
            else:
                await self._draw(other, frame, view)

    # The film

    @work(group="strip", exclusive=True, exit_on_error=False)
    async def _fill_strip(self) -> None:
        with Notices.of(self).errors_told():
            half = self.shown
            rows = self._strip.rows
            if half is None or rows < 1 or not self.has_film:
                return
            width, height = self._loader.graphics.cell
            side = max(TILE_COLUMNS * width, rows * height)
            mode = mode_of(self.app, self._loader.graphics)
            for index in self._strip.missing():
                at = half.film.places[index]

                async def decoded(path: Path, at: float = at) -> bytes | None:
                    return await self._library.preview(path, side, at=at)

                drawn = await self._loader.preview(half.path, TILE_COLUMNS, rows, mode, decoded, f"strip {at} {side}")
                if self.shown != half:
                    return
                if drawn is not None:
                    self._strip.put(index, drawn)

    @on(FrameChosen)
    def _show_frame(self, message: FrameChosen) -> None:
        message.stop()
        self._to_frame(message.index)

    def _to_frame(self, frame: int) -> None:
        self._frame = frame
        self.sharpen_later()

    # Moving

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable zooming without a picture, panning unless zoomed, and halves for an upload without a stack."""
        if action == "pan":
            return self.view is not None and self.view.is_zoomed
        if action in ("zoom", "toggle_life_size"):
            return self.has_picture
        return action != "next_half" or self.has_halves

    @work(group="viewing", exclusive=True, exit_on_error=False)
    async def sharpen_later(self) -> None:
        """Show whatever is wanted at this point."""
        with Notices.of(self).errors_told():
            await self._sharpen()
            await self.prepare(())

    def on_resize(self) -> None:
        """Show it for the new size."""
        if self._halves:
            self.call_after_refresh(self.sharpen_later)

    def action_step(self, steps: int) -> None:
        """Go on by so many frames or uploads, or pan while zoomed."""
        if self.view is not None and self.view.is_zoomed:
            self.action_pan(steps, 0)
        elif self.shown is not None and self.has_film and 0 <= self._frame + steps < len(self.shown.film):
            self._to_frame(self._frame + steps)
        else:
            self.post_message(StageLeft(steps))

    def action_zoom(self, steps: int) -> None:
        """Zoom in or out by so many steps."""
        self._look(lambda view: view.zoomed(steps))

    def action_toggle_life_size(self) -> None:
        """Show each pixel as one, or the whole picture."""
        self._look(View.toggled)

    def action_pan(self, across: int, down: int) -> None:
        """Move the window on the picture."""
        self._look(lambda view: view.panned(across, down))

    def unzoom(self) -> bool:
        """Show the whole picture; returns whether it was zoomed."""
        was = self.view is not None and not self.view.is_whole
        self._look(View.whole)
        return was

    def _look(self, change: Callable[[View], View]) -> None:
        if self.view is not None and self.has_picture and (changed := change(self.view)) != self.view:
            self.view = changed
            self.post_message(StageChanged())
            self.sharpen_later()

    def action_next_half(self) -> None:
        """Show what else belongs to the upload."""
        self._half = (self._half + 1) % max(1, len(self._halves))
        self._frame, self.view = 0, None
        if self.shown is not None:
            self.pane.show(self.shown.upload.number)
        self._show_half()

    @work(group="viewing", exclusive=True, exit_on_error=False)
    async def _show_half(self) -> None:
        with Notices.of(self).errors_told():
            await self._make_room()
            if self.shown is not None:
                await self._show_thumbnail(self.shown)
            await self._sharpen()

    def action_toggle_details(self) -> None:
        """Show the details beside the picture, or hide them."""
        self.screen.toggle_class("-details")
        self.call_after_refresh(self.sharpen_later)

    # The mouse

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in where the mouse is, or step back in the film."""
        self._turned(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out, or step on in the film."""
        self._turned(event, -1)

    def _turned(self, event: events.MouseEvent, steps: int) -> None:
        region = self._picture.region
        if self._strip.region.contains(event.screen_x, event.screen_y):
            if self.shown is not None and 0 <= self._frame - steps < len(self.shown.film):
                self._to_frame(self._frame - steps)
        elif region.contains(event.screen_x, event.screen_y):
            place = (
                (event.screen_x - region.x + 0.5) / region.width,
                (event.screen_y - region.y + 0.5) / region.height,
            )
            self._look(lambda view: view.zoomed(steps, place))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Grab a zoomed picture."""
        in_picture = self._picture.region.contains(event.screen_x, event.screen_y)
        if in_picture and self.view is not None and self.view.is_zoomed:
            self._dragged_from = (event.screen_x, event.screen_y)
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Pan the picture with the mouse."""
        if self._dragged_from is not None:
            width, height = self._loader.graphics.cell
            across, down = event.screen_x - self._dragged_from[0], event.screen_y - self._dragged_from[1]
            self._dragged_from = (event.screen_x, event.screen_y)
            self._look(lambda view: view.dragged(across * width, down * height))

    def on_mouse_up(self) -> None:
        """Release the picture."""
        if self._dragged_from is not None:
            self._dragged_from = None
            self.release_mouse()
