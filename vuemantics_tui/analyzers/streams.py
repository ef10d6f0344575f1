"""Bytes to lines, and lines to events, wherever the network splits them."""

from __future__ import annotations

import re

MOST_BYTES_A_LINE = 4 * 1024**2

# A return at the very end may be the first half of a line break.
_LINE_BREAK = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)
_FIELD = re.compile(r"(data|event|id|retry|error)?:")


class LineSplitter:
    """Splits bytes into lines that end in LF, CRLF or CR, and nothing else.

    `str.splitlines` and httpx also split at U+2028 and others, which may occur inside a JSON string.
    """

    def __init__(self) -> None:
        self._open: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that `chunk` completes. Raises ValueError for a line of more than 4 MiB."""
        self._open.append(chunk)
        self._size += len(chunk)
        if self._size > MOST_BYTES_A_LINE:
            raise ValueError("a line without an end")
        if b"\n" not in chunk and b"\r" not in chunk and not self._ends_in_return():
            return []
        *lines, rest = _LINE_BREAK.split(b"".join(self._open))
        self._open = [rest]
        self._size = len(rest)
        return [_text(line) for line in lines]

    def end(self) -> list[str]:
        """Return the rest without a line break."""
        rest = b"".join(self._open).removesuffix(b"\r")
        self._open = []
        self._size = 0
        return [_text(rest)] if rest else []

    def _ends_in_return(self) -> bool:
        return len(self._open) > 1 and self._open[-2].endswith(b"\r")


class EventReader:
    """Takes the lines of a stream of server-sent events (HTML standard, 9.2.6) and gives the data of each event.

    The lines of an event's data are joined by LF; comments, names and ids are left out. A field named `error`, which
    older llama.cpp sends, is taken as data. Where the first line is that of no event, all lines are one text: so
    answer servers that were asked to stream and do not.
    """

    def __init__(self) -> None:
        self._data: list[str] = []
        self._size = 0
        self._is_stream: bool | None = None

    @property
    def is_stream(self) -> bool:
        """Whether the lines so far are events."""
        return bool(self._is_stream)

    def feed(self, line: str) -> list[str]:
        """Return the data that `line` completes: of no event or of one.

        Raises ValueError for an event, or a text that is no stream, of more than 4 MiB.
        """
        if self._is_stream is None and line.strip():
            self._is_stream = _FIELD.match(line) is not None
        if not self._is_stream:
            self._keep(line)
            return []
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        if name in ("data", "error"):
            self._keep(value.removeprefix(" "))
        return []

    def end(self) -> list[str]:
        """Return the rest: an event without its empty line, or a text that is no stream."""
        return self._complete()

    def _keep(self, line: str) -> None:
        self._data.append(line)
        # An empty line takes room, too.
        self._size += len(line) + 64
        if self._size > MOST_BYTES_A_LINE:
            raise ValueError("an event without an end")

    def _complete(self) -> list[str]:
        self._size = 0
        data, self._data = "\n".join(self._data).strip("\n"), []
        return [data] if data else []


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").removeprefix("\ufeff")
