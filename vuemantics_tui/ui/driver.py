"""The terminal driver: Textual's own, changed to survive the loss of its terminal."""

from __future__ import annotations

import math
import os
import selectors
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO, cast

from textual.drivers.linux_driver import LinuxDriver

from vuemantics_tui.terminal import without_answers
from vuemantics_tui.ui.resilience import end_over
from vuemantics_tui.ui.textual_private import XTermParser

if TYPE_CHECKING:
    from textual.app import App

MOST_BYTES = 4096
# How often the thread polls while keys arrive, for how long after the last one, and how often otherwise.
TICK_SECONDS, LIVELY_SECONDS, SLEEP_SECONDS = 0.1, 1.0, 10.0


class OutlivedTerminal:
    """Writes to the terminal as long as there is one; `on_gone` is called once when it is gone.

    A closed window or a lost SSH connection makes every write fail. Textual's writer would end at the first failure,
    the app would then wait forever to write the rest, and its uploads would stay claimed.
    """

    def __init__(self, file: TextIO, on_gone: Callable[[], object]) -> None:
        self._file = file
        self._on_gone = on_gone
        self._gone = False

    def write(self, text: str) -> None:
        """Write, or do nothing if the terminal is gone."""
        self._attempt(lambda: self._file.write(text))

    def flush(self) -> None:
        """Flush, or do nothing if the terminal is gone."""
        self._attempt(self._file.flush)

    def fileno(self) -> int:
        """Return the terminal's file descriptor."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._file.isatty()

    def _attempt(self, step: Callable[[], object]) -> None:
        if self._gone:
            return
        try:
            step()
        except (OSError, ValueError):
            self._gone = True
            self._on_gone()


class TerminalDriver(LinuxDriver):
    """Textual's driver for POSIX terminals.

    If the terminal is gone, it shuts the app down cleanly. While nobody types, the thread that reads sleeps: Textual's
    own wakes up ten times a second, which is a third of all that an idle app does.
    """

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        # Keys that were pressed while the terminal was asked what it can show.
        self._typed: str = getattr(app, "typed", "")
        self._clear_pixels: Callable[[], str] | None = getattr(app, "clear_pixels", None)
        # Typed as a file, used to write, to flush and for its number.
        self._file = cast(Any, OutlivedTerminal(cast(TextIO, self._file), self._leave))
        # What is written into the one wakes the thread that reads from the other.
        self._woken, self._waker = -1, -1

    def start_application_mode(self) -> None:
        """Begin, also after the app was suspended, for which everything was closed."""
        if self._woken < 0:
            self._woken, self._waker = os.pipe()
        # Textual's has no annotations.
        start: Callable[[], None] = super().start_application_mode
        start()

    def stop_application_mode(self) -> None:
        """Leave no pixel on the screen, even if the app only pauses."""
        if self._clear_pixels is not None:
            self.write(self._clear_pixels())
        super().stop_application_mode()

    def disable_input(self) -> None:
        """Stop reading, and wait for the thread."""
        with suppress(OSError):
            os.write(self._waker, b"!")
        super().disable_input()

    def close(self) -> None:
        """Close the pipe, too."""
        super().close()
        for end in (self._woken, self._waker):
            with suppress(OSError):
                os.close(end)
        self._woken, self._waker = -1, -1

    def run_input_thread(self) -> None:
        """Read keys, and hand them out as events, until told to stop."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")().decode
        lively_until = time.monotonic() + LIVELY_SECONDS
        # Others cannot read from terminals on every system.
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            typed, self._typed = self._typed, ""
            for event in parser.feed(typed) if typed else ():
                self.process_message(event)
            while True:
                leaving = self.exit_event.is_set()
                # The parser waits for the rest of an escape sequence for a tenth of a second.
                lively = leaving or time.monotonic() < lively_until
                ready = {key.fd for key, _ in selector.select(TICK_SECONDS if lively else SLEEP_SECONDS)}
                if ready:
                    lively_until = time.monotonic() + LIVELY_SECONDS
                if self._woken in ready:
                    os.read(self._woken, MOST_BYTES)
                    # The event to leave is set a moment later: no more sleep.
                    lively_until = math.inf
                if self.fileno in ready:
                    sent = os.read(self.fileno, MOST_BYTES)
                    if not sent:
                        self._leave()
                        return
                    text = without_answers(decode(sent, final=leaving))
                    for event in parser.feed(text) if text else ():
                        self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)
                if leaving:
                    return

    def _leave(self) -> None:
        self._in_app(self._app.exit)

    def _in_app(self, step: Callable[[], object]) -> None:
        # From the thread that reads or the one that writes, perhaps after the loop has ended.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(step)

    def _run_input_thread(self) -> None:
        # Textual would answer an error with `panic`, which prints a traceback over the screen.
        try:
            self.run_input_thread()
        except OSError:
            # The end of the terminal: reading fails.
            self._leave()
        except BaseException as error:  # noqa: BLE001 - whatever it is: without this thread the keyboard is dead
            self._in_app(partial(end_over, self._app, error))
