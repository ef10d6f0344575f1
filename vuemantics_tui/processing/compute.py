"""Where CPU-heavy calls run: a pool of processes that give way to the screen."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

from vuemantics_tui.domain.errors import WorkerDiedError

Result = TypeVar("Result")

NICENESS = 10
# A worker that loaded models is kept; this bounds what a leak in a decoder can gather.
CALLS_PER_WORKER = 2000
# No decoder, however slow the file, takes this long: it hangs.
CALL_TIMEOUT_SECONDS = 600


class ProcessCompute:
    """A pool of processes. One that dies fails its own call only; a cancelled call ends its process.

    Inside a running Textual app, the processes' server must have been started before it: `start_process_server`.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ProcessPool(
            max_workers=workers, max_tasks=CALLS_PER_WORKER, initializer=_begin_worker, context=_context()
        )

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Await `function(*arguments)` in a process of the pool. Raises what it raises, and WorkerDiedError."""
        future = self._pool.schedule(function, args=arguments, timeout=CALL_TIMEOUT_SECONDS)
        try:
            result: Result = await asyncio.wrap_future(future)
        except ProcessExpired as error:
            raise WorkerDiedError(
                f"the process that worked on it died (exit code {error.exitcode})",
                "The file may be damaged, or memory ran out. Look at the log file, then retry it.",
            ) from error
        except TimeoutError as error:
            raise WorkerDiedError(
                f"no result after {CALL_TIMEOUT_SECONDS // 60} minutes",
                "The file may be damaged. Retry it by itself.",
            ) from error
        return result

    async def close(self) -> None:
        """End all processes of the pool, whatever they do."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


def _context() -> multiprocessing.context.BaseContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    return multiprocessing.get_context("forkserver")


def _begin_worker() -> None:
    """Make a fresh process of the pool a good neighbour: low priority, deaf to Ctrl-C, gone with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        os.nice(NICENESS)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow_parent, name="follow-parent", daemon=True).start()
