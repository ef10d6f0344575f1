"""The file of vectors, mapped into memory: written whole and checked when it is opened."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui.files import WholeFile, make_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vuemantics_tui.search.vector_table import Bits

SUFFIX = ".f32"
# From this many rows on the signs are stored, too.
BITS_FROM = 200_000
_MAGIC = b"VUEVECT1"
# The header's room, enough for the checksums of 80 GB.
_HEADER_BYTES = 64 * 1024
_BLOCK_BYTES = 16 * 1024**2
# Bytes of the matrix that are checked when a file is opened: all of a small one, blocks across a large one.
_CHECKED_BYTES = 128 * 1024**2
_LEAD = struct.Struct("<8sII")


def words_for(dimension: int) -> int:
    """Return how many 64-bit words the signs of a vector take."""
    return -(-dimension // 64)


class TornFileError(Exception):
    """The file is damaged or no file of vectors."""


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file of vectors: library, model, and the library's revision."""

    library: str
    model: str
    revision: int
    dimension: int
    rows: int
    has_bits: bool
    checksums: tuple[int, ...]
    """CRC-32 of each block of the matrix, then of the numbers, then of the bits."""

    @property
    def matrix_bytes(self) -> int:
        """Return the size of the matrix in bytes."""
        return self.rows * self.dimension * 4

    @property
    def size(self) -> int:
        """Return the size of the whole file in bytes."""
        bits = self.rows * words_for(self.dimension) * 8 if self.has_bits else 0
        return self.numbers_at + self.rows * 8 + bits

    @property
    def numbers_at(self) -> int:
        """Return the offset of the numbers: after the matrix, at a multiple of eight."""
        return _HEADER_BYTES + -(-self.matrix_bytes // 8) * 8


@dataclass(frozen=True, slots=True)
class VectorFile:
    """An open file: `numbers` (rows,) ascending and `matrix` (rows, dimension), both mapped read-only."""

    header: Header
    numbers: NDArray[np.int64]
    matrix: NDArray[np.float32]
    bits: Bits | None
    mapped: mmap.mmap | None = None


def give_back(mapped: mmap.mmap) -> None:
    """Give the memory of a mapped file back to the system, which still has it cached: the next use maps it again.

    Does nothing where the system cannot. In steps: the others of this process wait during each.
    """
    if hasattr(mmap, "MADV_DONTNEED"):
        for start in range(0, len(mapped), _BLOCK_BYTES):
            mapped.madvise(mmap.MADV_DONTNEED, start, min(_BLOCK_BYTES, len(mapped) - start))


def file_of(folder: Path, model: str) -> Path:
    """Return the path for a model's vectors: its name made safe for file systems, and a hash."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-.")[:60] or "model"
    return folder / f"{plain}-{hashlib.sha256(model.encode()).hexdigest()[:8]}{SUFFIX}"


def read_header(path: Path) -> Header:
    """Read the header of a file. Raises OSError, and TornFileError if it is damaged."""
    with path.open("rb") as file:
        lead = file.read(_LEAD.size)
        if len(lead) < _LEAD.size:
            raise TornFileError("it is too short")
        magic, length, checksum = _LEAD.unpack(lead)
        text = file.read(min(length, _HEADER_BYTES))
        size = os.fstat(file.fileno()).st_size
    if magic != _MAGIC or zlib.crc32(text) != checksum:
        raise TornFileError("its header is damaged")
    fields = json.loads(text)
    header = Header(**{**fields, "checksums": tuple(fields["checksums"])})
    if size != header.size:
        raise TornFileError(f"it has {size} bytes instead of {header.size}")
    return header


def open_vectors(path: Path) -> VectorFile:
    """Map a file of vectors. Raises OSError, and TornFileError if it is damaged."""
    import numpy as np

    header = read_header(path)
    shape = (header.rows, header.dimension)
    if not header.rows:
        return VectorFile(header, np.zeros(0, np.int64), np.zeros(shape, np.float32), None)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    # Plain arrays over the mapped memory: NumPy's own kind of array for files is slower in every small step.
    matrix = np.frombuffer(mapped, "<f4", header.rows * header.dimension, _HEADER_BYTES).reshape(shape)
    numbers = np.frombuffer(mapped, "<i8", header.rows, header.numbers_at)
    bits = None
    if header.has_bits:
        words = words_for(header.dimension)
        first = header.numbers_at + header.rows * 8
        bits = np.frombuffer(mapped, "<u8", words * header.rows, first).reshape(words, header.rows)
    _check(header, matrix, numbers, bits)
    return VectorFile(header, numbers, matrix, bits, mapped)


def write_vectors(
    path: Path,
    *,
    library: str,
    model: str,
    revision: int,
    dimension: int,
    blocks: Iterable[tuple[NDArray[np.int64], NDArray[np.float32]]],
    bits_from: int = BITS_FROM,
) -> None:
    """Write vectors block by block, numbers ascending, replacing an older file.

    Raises OSError; then the older file is untouched.
    """
    writer = VectorWriter(path, library=library, model=model, revision=revision, dimension=dimension)
    try:
        for numbers, rows in blocks:
            writer.add(numbers, rows)
        writer.finish(bits_from)
    except BaseException:
        writer.abandon()
        raise


class VectorWriter:
    """Writes a file of vectors. End it with `finish` or `abandon`. Raises OSError."""

    def __init__(self, path: Path, *, library: str, model: str, revision: int, dimension: int) -> None:
        self._fields = (library, model, revision, dimension)
        self._dimension = dimension
        self._numbers: list[NDArray[np.int64]] = []
        self._bits: list[Bits] = []
        self._checksums = _Checksums()
        make_folder(path.parent, parents=False)
        self._whole = WholeFile(path)
        self._whole.write(bytes(_HEADER_BYTES))

    def add(self, numbers: NDArray[np.int64], rows: NDArray[np.float32]) -> None:
        """Write rows (count, dimension) with numbers above all earlier ones."""
        import numpy as np

        from vuemantics_tui.search.vector_table import sign_bits

        data = np.ascontiguousarray(rows, "<f4")
        self._numbers.append(np.asarray(numbers, np.int64))
        self._bits.append(sign_bits(data))
        if data.size:
            self._checksums.add(data.data.cast("B"))
        self._whole.write(data.data)

    def finish(self, bits_from: int = BITS_FROM) -> None:
        """Flush to disk and replace the older file."""
        import numpy as np

        numbers = np.concatenate(self._numbers) if self._numbers else np.zeros(0, np.int64)
        library, model, revision, dimension = self._fields
        has_bits = 0 < bits_from <= len(numbers)
        self._whole.write(bytes(-len(numbers) * dimension * 4 % 8))
        checksums = [*self._checksums.all(), zlib.crc32(numbers.astype("<i8").data)]
        self._whole.write(numbers.astype("<i8").data)
        if has_bits:
            bits = np.concatenate(self._bits, axis=1).astype("<u8")
            checksums.append(zlib.crc32(bits.data))
            self._whole.write(bits.data)
        header = Header(library, model, revision, dimension, len(numbers), has_bits, tuple(checksums))
        text = json.dumps(asdict(header)).encode()
        self._whole.file.seek(0)
        self._whole.write(_LEAD.pack(_MAGIC, len(text), zlib.crc32(text)) + text)
        self._whole.finish()

    def abandon(self) -> None:
        """Remove the unfinished file; the old one stays."""
        self._whole.abandon()


class _Checksums:
    """CRC-32 of a stream in blocks of one size."""

    def __init__(self) -> None:
        self._done: list[int] = []
        self._current, self._room = 0, _BLOCK_BYTES

    def add(self, data: memoryview) -> None:
        """Take the next bytes of the stream."""
        while len(data):
            some, data = data[: self._room], data[self._room :]
            self._current = zlib.crc32(some, self._current)
            self._room -= len(some)
            if not self._room:
                self._done.append(self._current)
                self._current, self._room = 0, _BLOCK_BYTES

    def all(self) -> list[int]:
        """Return the checksum of each block so far; the last block may be shorter."""
        return [*self._done, self._current] if self._room < _BLOCK_BYTES else self._done


def _check(
    header: Header, matrix: NDArray[np.float32], numbers: NDArray[np.int64], bits: NDArray[np.uint64] | None
) -> None:
    import numpy as np

    data = matrix.data.cast("B")
    count = -(-len(data) // _BLOCK_BYTES)
    tail = 2 if bits is not None else 1
    if len(header.checksums) != count + tail:
        raise TornFileError("its checksums are incomplete")
    step = max(1, count * _BLOCK_BYTES // _CHECKED_BYTES)
    for block in sorted({*range(0, count, step), count - 1}):
        start = block * _BLOCK_BYTES
        if zlib.crc32(data[start : start + _BLOCK_BYTES]) != header.checksums[block]:
            raise TornFileError("its vectors are damaged")
    if zlib.crc32(np.ascontiguousarray(numbers).data) != header.checksums[count]:
        raise TornFileError("its numbers are damaged")
    if bits is not None and zlib.crc32(np.ascontiguousarray(bits).data) != header.checksums[-1]:
        raise TornFileError("its bits are damaged")
