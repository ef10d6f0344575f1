"""One call of a command: its event loop, its signals, its log, its open library."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import queue
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeVar

from vuemantics_tui import paths
from vuemantics_tui.cli.options import INTERRUPTED
from vuemantics_tui.config import Settings
from vuemantics_tui.files import make_file, make_folder

if TYPE_CHECKING:
    from vuemantics_tui.library import Library

Result = TypeVar("Result")

LOG_BYTES = 5 * 1024**2
# They write a line for every request.
_TALKATIVE = ("httpx", "httpcore")


class Interrupted(Exception):  # noqa: N818 - not an error
    """Ctrl-C or a polite signal ended the work; `message` says how to resume."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


def run(main: Callable[[], Coroutine[object, object, Result]]) -> Result:
    """Run a command's coroutine; Ctrl-C, SIGTERM and SIGHUP cancel it once, a second one ends the process at once."""
    with logging_to_file():
        return asyncio.run(_with_signals(main))


async def _with_signals(main: Callable[[], Coroutine[object, object, Result]]) -> Result:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main())
    signalled = False

    def stop() -> None:
        nonlocal signalled
        if signalled:
            os._exit(INTERRUPTED)
        signalled = True
        task.cancel()

    signals = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    for number in signals:
        with suppress(NotImplementedError):  # Windows: asyncio has no handlers there, KeyboardInterrupt comes instead
            loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if signalled:
            raise Interrupted from None
        raise
    finally:
        for number in signals:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)


@contextmanager
def logging_to_file() -> Iterator[None]:
    """Log to the log file from a thread of its own, so that no event loop waits for the disk."""
    file = paths.log_file()
    try:
        make_folder(file.parent)
        if file.exists() and file.stat().st_size > LOG_BYTES:
            file.replace(file.with_suffix(".old.log"))
        make_file(file)
        handler: logging.Handler = logging.FileHandler(file, encoding="utf-8")
    except OSError:
        handler = logging.NullHandler()  # a log that cannot be written must not stop the work; the doctor tells
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(records, handler)
    to_queue = logging.handlers.QueueHandler(records)
    root = logging.getLogger()
    root.addHandler(to_queue)
    root.setLevel(logging.INFO)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    listener.start()
    # Warnings of libraries would be written over the screen.
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(to_queue)
        listener.stop()
        handler.close()


@asynccontextmanager
async def open_library(settings: Settings, to: Literal["read", "write", "create"] = "read") -> AsyncIterator[Library]:
    """Open the library, and close it to the end even when the command is interrupted. Raises LibraryError.

    Only to `create` it is made where there is none; to `read` it works in a folder that may not be written.
    """
    from vuemantics_tui.library import Access, Library

    library = await Library.open(settings, Access(to))
    try:
        yield library
    finally:
        await library.close()
