"""SurvivingApp: a defect in a part of the app becomes a notice and a line in the log, and the rest goes on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any

from textual.app import App
from textual.dom import DOMNode
from textual.driver import Driver
from textual.geometry import Region
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.worker import Worker, WorkerFailed, WorkerState

from vuemantics_tui.ui.notices import Notices, RecentLog
from vuemantics_tui.ui.textual_private import active_message_pump

log = logging.getLogger(__name__)

# An app that does nothing any more but fail must end; one defect in what is drawn ten times a second is no such app.
TOO_MANY_ERRORS, TOO_MANY_SECONDS = 100, 5.0


def end_over(app: App[Any], error: BaseException) -> None:
    """End an app in order over an error that it cannot go on after; its return code says so."""
    log.critical("the app ended because of an error", exc_info=error)
    app.exit(return_code=1)


class SurvivingApp(App[None]):
    """Ends over an error only before it is up, or when it does nothing but fail; then without a traceback."""

    def __init__(self, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class=driver_class)
        self.notices = Notices(self)
        self.recent_log = RecentLog()
        self._up = False
        self._error_times: deque[float] = deque(maxlen=TOO_MANY_ERRORS)

    async def on_load(self) -> None:
        """Begin to keep what is logged."""
        logging.getLogger().addHandler(self.recent_log)

    def on_mount(self) -> None:
        """Take errors before the first message for errors of the start."""
        self.call_next(self._be_up)
        asyncio.get_running_loop().set_exception_handler(self._task_failed)

    async def on_unmount(self) -> None:
        """Leave the log and the loop as they were."""
        logging.getLogger().removeHandler(self.recent_log)
        asyncio.get_running_loop().set_exception_handler(None)

    def _be_up(self) -> None:
        self._up = True

    def survive(self, error: BaseException | None) -> None:
        """Tell of an error that ended one action, and go on."""
        if isinstance(error, WorkerFailed):
            error = error.error
        if not isinstance(error, Exception):
            return
        try:
            self.notices.tell_error(error)
        except Exception:
            log.exception("an error could not be shown: %r", error)

    # Where Textual would end the app

    # What it ends an app with, and so what ends this one where it must: an exit code, its error, the messages closed.
    def _handle_exception(self, error: Exception) -> None:
        now = time.monotonic()
        self._error_times.append(now)
        too_many = len(self._error_times) == TOO_MANY_ERRORS and now - self._error_times[0] < TOO_MANY_SECONDS
        pump = active_message_pump.get(None)
        # A screen that could not be composed: there is nothing on it, and no notice could be.
        broken = pump if isinstance(pump, Screen) and not pump.children else None
        first = broken is not None and broken not in self._screen_stack[1:]
        if self._up and self._running and not too_many and not first:
            self.survive(error)
            if broken is not None:
                self.call_next(self._leave_screen, broken)
            return
        log.critical("the app ended because of an error", exc_info=error)
        self._return_code = 1
        # For tests that use a pilot: it is raised there.
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    def _leave_screen(self, screen: Screen[Any]) -> None:
        if screen is self.screen:
            screen.dismiss(None)

    # Textual ends an app with the first error of a handler, and calls nothing public before.
    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
            self._tell_of_worker(message)
        except Exception as error:
            if not self._up:
                raise
            self.survive(error)

    # Where Textual takes in widgets: scrollbars in a way of their own

    def _register_child(self, parent: DOMNode, child: Widget, before: int | None, after: int | None) -> None:
        self._guard(child)
        super()._register_child(parent, child, before, after)

    def _start_widget(self, parent: Widget, widget: Widget) -> None:
        self._guard(widget)
        super()._start_widget(parent, widget)

    def _guard(self, widget: Widget) -> None:
        """Let a widget of any class outlive its errors: Textual ends its loop of messages with the first."""
        if "render_lines" in vars(widget):
            return
        dispatch, render_lines = widget._dispatch_message, widget.render_lines

        async def guarded_dispatch(message: Message) -> None:
            try:
                await dispatch(message)
                self._tell_of_worker(message)
            except Exception as error:  # noqa: BLE001 - whatever it is
                self.survive(error)

        def guarded_render_lines(crop: Region) -> list[Strip]:
            try:
                return render_lines(crop)
            except Exception as error:  # noqa: BLE001 - whatever it is; without its lines nothing could be drawn at all
                self.survive(error)
                return [Strip.blank(crop.width)] * crop.height

        # On the instance: widgets of Textual's own classes are guarded, too.
        widget._dispatch_message = guarded_dispatch  # type: ignore[method-assign]
        widget.render_lines = guarded_render_lines  # type: ignore[method-assign]

    def _tell_of_worker(self, message: Message) -> None:
        if isinstance(message, Worker.StateChanged) and message.state is WorkerState.ERROR:
            self.survive(message.worker.error)

    def _task_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(context.get("exception"), Exception):
            self.survive(context["exception"])
        else:
            loop.default_exception_handler(context)
