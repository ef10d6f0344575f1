"""The directories of a TIFF file, as far as they tell what kind of picture it holds.

Layout: TIFF 6.0, section 2; sub-directories: TIFF Technical Note 1. Whatever makes no sense is left out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

ReadAt = Callable[[int, int], bytes]
"""Reads a piece of a file: where it begins, and how many bytes; fewer at the end of the file."""

# 42 marks TIFF and 43 BigTIFF, in the byte order that the first two letters name.
_CLASSIC, _BIG = (b"II*\x00", b"MM\x00*"), (b"II+\x00", b"MM\x00+")
_SUB_IFDS = 330
# Cameras write a handful; a file made to go round in circles has any number.
_MOST_DIRECTORIES, _MOST_ENTRIES, _MOST_TEXT = 16, 1000, 64
# Bytes of one value by its type: BYTE, ASCII, SHORT, LONG, RATIONAL and so on.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I"}


def is_tiff(head: bytes) -> bool:
    """Return whether these first bytes are those of a TIFF or BigTIFF."""
    return head.startswith(_CLASSIC + _BIG)


class Directory:
    """One directory: its tags, and their values where they are numbers or text."""

    def __init__(self, read_at: ReadAt, order: str, at: int) -> None:
        self._read_at = read_at
        self._order = order
        self._entries: dict[int, tuple[int, int, bytes]] = {}
        self.next = 0
        count = self._unpack("H", read_at(at, 2))
        entries = read_at(at + 2, 12 * min(count, _MOST_ENTRIES))
        for place in range(0, len(entries) - 11, 12):
            tag, kind, length = struct.unpack_from(f"{order}HHI", entries, place)
            self._entries[tag] = (kind, length, entries[place + 8 : place + 12])
        self.next = self._unpack("I", read_at(at + 2 + 12 * count, 4))

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def number(self, tag: int) -> int | None:
        """Return the first value of a tag, or None if there is no such number."""
        return next(self.numbers(tag, 1), None)

    def numbers(self, tag: int, most: int) -> Iterator[int]:
        """Yield the values of a tag, at most so many."""
        kind, length, value = self._entries.get(tag, (0, 0, b""))
        letter = _NUMBERS.get(kind)
        if letter is None:
            return
        data = self._value(kind, min(length, most), length, value)
        for place in range(0, len(data) - _SIZES[kind] + 1, _SIZES[kind]):
            yield self._unpack(letter, data[place : place + _SIZES[kind]])

    def text(self, tag: int) -> bytes:
        """Return the beginning of a text, up to the NUL that ends it, without spaces around it."""
        kind, length, value = self._entries.get(tag, (0, 0, b""))
        if kind != 2:
            return b""
        return self._value(kind, min(length, _MOST_TEXT), length, value).split(b"\x00", 1)[0].strip()

    def _value(self, kind: int, wanted: int, length: int, value: bytes) -> bytes:
        size = _SIZES[kind]
        if length * size <= len(value):
            return value[: wanted * size]
        return self._read_at(self._unpack("I", value), wanted * size)

    def _unpack(self, letter: str, data: bytes) -> int:
        form = struct.Struct(self._order + letter)
        return int(form.unpack(data)[0]) if len(data) == form.size else 0


def directories(read_at: ReadAt) -> list[Directory]:
    """Return the directories of a classic TIFF: the first, those after it, and the sub-directories of each.

    Of anything else, and of a BigTIFF, an empty list.
    """
    head = read_at(0, 8)
    if not head.startswith(_CLASSIC) or len(head) < 8:
        return []
    order = "<" if head.startswith(b"I") else ">"
    waiting = [struct.unpack(f"{order}I", head[4:])[0]]
    seen: set[int] = set()
    found: list[Directory] = []
    while waiting and len(found) < _MOST_DIRECTORIES:
        at = waiting.pop(0)
        if at < 8 or at in seen:
            continue
        seen.add(at)
        directory = Directory(read_at, order, at)
        found.append(directory)
        waiting += [*directory.numbers(_SUB_IFDS, _MOST_DIRECTORIES), directory.next]
    return found
