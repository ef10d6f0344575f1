"""A pool of low-priority, untrusted processes for CPU-heavy calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import IO, Any, TypeVar, cast

from vuemantics_tui import plain
from vuemantics_tui.analyzers.joint.providers import CPU, PROVIDER_VARIABLE
from vuemantics_tui.domain.errors import WorkerDiedError
from vuemantics_tui.domain.text import visible
from vuemantics_tui.processing.shield import close_memory, safe_environment
from vuemantics_tui.processing.worker import LENGTH, NICENESS, Answer
from vuemantics_tui.store.database import uninterrupted

log = logging.getLogger(__name__)

Result = TypeVar("Result")

# A worker that loaded models is kept; this bounds what a leak in a decoder can gather.
CALLS_PER_WORKER = 2000
# A decoder that takes this long hangs, however slow the file is.
CALL_TIMEOUT_SECONDS = 600
MEMORY_BYTES = 4 * 1024**3
# The frames of a video are some megabytes.
MOST_ANSWER_BYTES = 256 * 1024**2
# How much output of a media library goes to the log: a malicious file could produce output without end and fill the
# disk.
_MOST_LINES, _MOST_LINE_BYTES = 1000, 1000

_BLOCK_BYTES = 1024 * 1024
_MOST_AT_ONCE_BYTES = 4 * 1024 * 1024
# The most that Linux lets everybody have: /proc/sys/fs/pipe-max-size.
_PIPE_BYTES = 1024 * 1024
# The worker has the program's own search path, without the current folder.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from vuemantics_tui.processing.worker import main; main()"
)


class ProcessCompute:
    """A pool of processes. One that dies fails its own call only; a cancelled call ends its process.

    A process may use `memory` bytes (0: as many as there are), has no network where the system can keep it off, and
    knows no key. It steps back before other programs by `niceness`, and runs joint models on `provider`. What it
    answers is checked, and never runs. Call functions whose result is annotated and has a plain form: see `plain`.
    """

    def __init__(self, workers: int, memory: int = MEMORY_BYTES, niceness: int = NICENESS, provider: str = CPU) -> None:
        self.workers = workers
        self._memory = memory
        self._niceness = niceness
        self._provider = provider
        self._free = asyncio.Semaphore(workers)
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._is_closed = False

    @property
    def at_once(self) -> int:
        """How many calls it runs side by side."""
        return self.workers

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Await `function(*arguments)` in a process of the pool. Raises what it raises, and WorkerDiedError."""
        kind = plain.returned_by(function)
        left_out: list[pickle.PickleBuffer] = []
        call = pickle.dumps((function, arguments), protocol=5, buffer_callback=left_out.append)
        async with self._free:
            worker = await self._take()
            try:
                answer = await self._ask(worker, [memoryview(call), *(part.raw() for part in left_out)])
                result: Result | None = None if answer.raised else _checked(kind, answer.value)
            except BaseException:
                await self._end(worker)
                raise
            if worker.calls < CALLS_PER_WORKER and not self._is_closed:
                self._idle.append(worker)
            else:
                await self._end(worker)
        if answer.raised is not None:
            raise answer.raised.rebuilt()
        return cast(Result, result)

    async def close(self) -> None:
        """End all processes of the pool, even busy ones."""
        self._is_closed = True
        self._idle.clear()
        for worker in list(self._all):
            await self._end(worker)

    async def _take(self) -> _Worker:
        """Return a worker that is free, started now if there is none."""
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            await self._end(worker)
        if self._is_closed:
            raise RuntimeError("the pool is closed")
        starting = asyncio.ensure_future(asyncio.to_thread(_Worker, self._memory, self._niceness, self._provider))
        try:
            worker = await uninterrupted(starting)
        except asyncio.CancelledError:
            if starting.exception() is None:
                self._all.add(starting.result())
                self._idle.append(starting.result())
            raise
        self._all.add(worker)
        return worker

    async def _ask(self, worker: _Worker, call: list[memoryview]) -> Answer:
        """Await what a worker answers. Raises WorkerDiedError; the worker is then of no use any more."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT_SECONDS):
                data = await worker.ask(call)
        except TimeoutError as error:
            raise WorkerDiedError(
                f"no result after {CALL_TIMEOUT_SECONDS // 60} minutes",
                "The file may be damaged. Retry it alone.",
            ) from error
        except EOFError as error:
            code = await asyncio.to_thread(worker.end)
            raise WorkerDiedError(
                f"the process that worked on it died (exit code {code})",
                "The file may be damaged, or memory ran out. Check the log, then retry it.",
            ) from error
        except plain.PlainDataError as error:
            raise _senseless(error) from error
        answer: Answer = _checked(Answer, data)
        return answer

    async def _end(self, worker: _Worker) -> None:
        self._all.discard(worker)
        await uninterrupted(asyncio.to_thread(worker.end))


class _Worker:
    """One process of the pool, from outside."""

    def __init__(self, memory: int, niceness: int, provider: str) -> None:
        self.calls = 0
        close_memory()
        # In a session of its own it has no terminal, and no Ctrl-C from there.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path), str(memory), str(niceness)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**safe_environment(), PROVIDER_VARIABLE: provider},
            bufsize=0,
            start_new_session=True,
        )
        _widen(self._process.stdin, self._process.stdout)
        assert self._process.stderr is not None
        threading.Thread(
            target=_log_lines, args=(self._process.pid, self._process.stderr), name="compute-log", daemon=True
        ).start()
        self._asked: SimpleQueue[tuple[list[memoryview], asyncio.Future[memoryview]] | None] = SimpleQueue()
        threading.Thread(target=self._talk, name="compute", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def ask(self, call: list[memoryview]) -> asyncio.Future[memoryview]:
        """Send a call, and get its answer, EOFError or PlainDataError."""
        self.calls += 1
        answering: asyncio.Future[memoryview] = asyncio.get_running_loop().create_future()
        self._asked.put((call, answering))
        return answering

    def _talk(self) -> None:
        """Send calls and wait for their answers, in a thread, until there are no more."""
        assert self._process.stdin is not None and self._process.stdout is not None
        while (asked := self._asked.get()) is not None:
            call, answering = asked
            outcome: memoryview | Exception
            try:
                _write(self._process.stdin, LENGTH.pack(len(call)) + b"".join(LENGTH.pack(len(part)) for part in call))
                for part in call:
                    _write(self._process.stdin, part)
                outcome = _read_answer(self._process.stdout)
            except plain.PlainDataError as error:
                outcome = error
            except (OSError, ValueError, EOFError) as error:
                # A pipe that broke, or was closed here.
                outcome = EOFError(str(error))
            # The loop may be closed: the program ends.
            with contextlib.suppress(RuntimeError):
                answering.get_loop().call_soon_threadsafe(_settle, answering, outcome)
            # What waits for the next call holds no picture.
            del asked, call, answering, outcome

    def end(self) -> int:
        """Kill the process, and those that it started; returns its exit code, with which it may have ended itself."""
        if self._process.poll() is None:
            if sys.platform == "win32":
                self._process.kill()
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        self._asked.put(None)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()
        return code


def _widen(*pipes: IO[bytes] | None) -> None:
    """Have pipes that hold the pixels of a small picture at once, on Linux: else each 64 KiB wake the other side."""
    if sys.platform == "linux":
        import fcntl

        for pipe in pipes:
            # A user may have so many wide pipes.
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe or -1, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _settle(answering: asyncio.Future[memoryview], outcome: memoryview | Exception) -> None:
    if answering.done():
        return
    if isinstance(outcome, Exception):
        answering.set_exception(outcome)
    else:
        answering.set_result(outcome)


def _write(stream: IO[bytes], data: bytes | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[stream.write(left) :]


def _read_answer(stream: IO[bytes]) -> memoryview:
    """Raises EOFError where it ends too early, PlainDataError where it would be too long."""
    (length,) = LENGTH.unpack(_read(stream, LENGTH.size))
    if length > MOST_ANSWER_BYTES:
        raise plain.PlainDataError(f"{length} bytes are too many")
    return _read(stream, length)


def _read(stream: IO[bytes], length: int) -> memoryview:
    blocks = []
    while length:
        # Block by block, of which a picture fills one: the announced length may be false.
        block = left = memoryview(bytearray(min(length, _MOST_AT_ONCE_BYTES)))
        while left:
            count = stream.readinto(left)  # type: ignore[attr-defined]  # unbuffered, it is a RawIOBase
            if not count:
                raise EOFError("the process ended")
            left = left[count:]
        blocks.append(block)
        length -= len(block)
    return blocks[0] if len(blocks) == 1 else memoryview(b"".join(blocks))


def _log_lines(pid: int, stream: IO[bytes]) -> None:
    """Write what a worker says to the log, to the end of it, in a thread."""
    count = 0
    rest = b""
    while data := stream.read(_BLOCK_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > _MOST_LINE_BYTES:
            lines, rest = [*lines, rest], b""
        for line in lines:
            count += 1
            if count <= _MOST_LINES:
                log.warning(
                    "process %d of the pool: %s", pid, visible(line[:_MOST_LINE_BYTES].decode("utf-8", "replace"))
                )
            elif count == _MOST_LINES + 1:
                log.warning("process %d of the pool says more, which is left out", pid)
    stream.close()


def _checked(kind: Any, data: bytes | memoryview | plain.Pieces | None) -> Any:
    """Return the value of this type that a worker sent. Raises WorkerDiedError if it sent something else."""
    try:
        return plain.unpack(kind, data or b"")
    except plain.PlainDataError as error:
        raise _senseless(error) from error


def _senseless(error: Exception) -> WorkerDiedError:
    return WorkerDiedError(
        f"the process that worked on it returned an invalid answer: {error}",
        "The file may be malicious. Delete it unless you trust its source.",
    )
