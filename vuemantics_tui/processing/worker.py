"""A process of the pool, seen from inside: it takes calls, and answers with plain data.

Its stdin brings the calls, which come from the program itself: `<Q` in how many parts, `<Q` the length of each, then
the parts, a pickle of (function, arguments) and what it leaves out (PEP 574).
What was its stdout takes the answers, each `<Q` a length and plain data (see `plain`). The library's own messages, and
those of the C libraries in it, go to its stderr, which the program writes to its log.
"""

from __future__ import annotations

import builtins
import itertools
import os
import pickle
import queue
import signal
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from vuemantics_tui import plain
from vuemantics_tui.domain import errors
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, ServerDownError, VuemanticsError
from vuemantics_tui.processing.shield import memory_trimmer, raise_shield

NICENESS = 10
# Five or so are made for each upload.
CALLS_BETWEEN_TRIMS = 16
LENGTH = struct.Struct("<Q")
_MOST_TRACEBACK = 20_000

Call = tuple[Callable[..., Any], tuple[Any, ...]]


class RemoteTraceback(Exception):  # noqa: N818 - it is the cause of an error, and only shown
    """Where in a process of the pool an error was raised."""

    def __str__(self) -> str:
        return f"in a process of the pool:\n{self.args[0]}"


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception as plain data: its class, what it was made with, and where it was raised.

    `name` is of a class of this program or of Python; for any other it is RuntimeError, and `said` has all of it.
    """

    name: str
    said: tuple[str | int | float | None, ...]
    trace: str

    @classmethod
    def of(cls, error: BaseException) -> Raised:
        """Return an exception as plain data."""
        trace = "".join(traceback.format_exception(error))[-_MOST_TRACEBACK:]
        for kind in type(error).__mro__:
            if getattr(errors, kind.__name__, None) is kind:
                return cls(kind.__name__, _plain_arguments(error), trace)
            if getattr(builtins, kind.__name__, None) is kind and kind not in (Exception, BaseException, object):
                return cls(kind.__name__, _plain_arguments(error), trace)
        return cls(RuntimeError.__name__, (f"{type(error).__name__}: {error}",), trace)

    def rebuilt(self) -> Exception:
        """Return the exception, its traceback as its cause. Of what makes no sense it is a RuntimeError."""
        error = self._rebuilt()
        error.__cause__ = RemoteTraceback(self.trace)
        return error

    def _rebuilt(self) -> Exception:
        kind = getattr(errors, self.name, None) or getattr(builtins, self.name, None)
        if not isinstance(kind, type) or not issubclass(kind, Exception):
            return RuntimeError(f"{self.name}: {self.said}")
        if issubclass(kind, VuemanticsError):
            return _of_ours(kind, self.said)
        try:
            return kind(*self.said)
        except TypeError:
            # As UnicodeDecodeError, which wants bytes.
            return RuntimeError(f"{self.name}: {self.said}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call: the packed value that it returned, or what it raised."""

    value: memoryview | bytes | plain.Pieces | None
    raised: Raised | None


def main() -> None:
    """Serve calls until stdin ends, as it does when the program does."""
    calls, answers = _take_streams()
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        os.nice(int(sys.argv[3]))
    raise_shield(int(sys.argv[2]))
    give_back_memory = memory_trimmer()
    waiting: queue.SimpleQueue[list[bytes]] = queue.SimpleQueue()
    threading.Thread(target=_read_calls, args=(calls, waiting), name="calls", daemon=True).start()
    for number in itertools.count(1):
        answer = plain.pieces(_answer(*waiting.get()))
        answers.write(LENGTH.pack(answer.size))
        for piece in answer:
            answers.write(piece)
        answers.flush()
        # What is given back must be taken again: after each call, that would cost a fiftieth of all work.
        if number % CALLS_BETWEEN_TRIMS == 0:
            give_back_memory()


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep stdin and stdout for the program alone: whatever else is read is empty, or written goes to stderr."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return calls, answers


def _read_calls(calls: BinaryIO, waiting: queue.SimpleQueue[list[bytes]]) -> None:
    """Read in a thread of its own, to learn of the program's end in the middle of a call."""
    while True:
        try:
            lengths = [_length(calls) for _ in range(_length(calls))]
            parts = [_read(calls, length) for length in lengths]
        except EOFError:
            os._exit(1)
        waiting.put(parts)


def _length(calls: BinaryIO) -> int:
    length: int = LENGTH.unpack(_read(calls, LENGTH.size))[0]
    return length


def _read(calls: BinaryIO, length: int) -> bytes:
    data = calls.read(length)
    if len(data) < length:
        raise EOFError
    return data


def _answer(call: bytes, *left_out: bytes) -> Answer:
    try:
        function, arguments = pickle.loads(call, buffers=left_out)
        return Answer(plain.pieces(function(*arguments)), None)
    except Exception as error:  # noqa: BLE001 - every error goes to the caller
        return Answer(None, Raised.of(error))


def _plain_arguments(error: BaseException) -> tuple[str | int | float | None, ...]:
    arguments = error.args
    if isinstance(error, OSError) and error.errno is not None:
        arguments = (error.errno, error.strerror, error.filename) if error.filename else (error.errno, error.strerror)
    return tuple(
        argument.value if isinstance(argument, ErrorKind)
        else argument if argument is None or isinstance(argument, str | int | float)
        else str(argument)
        for argument in arguments
    )  # fmt: skip


def _of_ours(kind: type[VuemanticsError], said: tuple[str | int | float | None, ...]) -> VuemanticsError:
    texts = [str(part) for part in said[:3]] + [""] * 3
    if issubclass(kind, ServerDownError):
        return kind(texts[0], texts[1], texts[2])
    if issubclass(kind, AnalyzerError):
        known = ErrorKind._value2member_map_
        given = texts[2]
        error_kind = ErrorKind(given) if given in known else ErrorKind.PERMANENT
        wait = float(said[3]) if len(said) > 3 and isinstance(said[3], int | float) else None
        missing = said[4] if len(said) > 4 and isinstance(said[4], str) else ""
        return kind(texts[0], texts[1], error_kind, wait, missing)
    return kind(texts[0], texts[1])
