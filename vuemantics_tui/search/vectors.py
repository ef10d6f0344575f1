"""The vector index of one model: the store's vectors in memory, mapped from a file that all windows share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vuemantics_tui.analyzers.base import Vector
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.files import PRIVATE_FILE, make_folder, sweep_parts
from vuemantics_tui.search.cutoff import Chance
from vuemantics_tui.search.vector_file import (
    BITS_FROM,
    TornFileError,
    VectorFile,
    VectorWriter,
    file_of,
    open_vectors,
    read_header,
    write_vectors,
)
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import uninterrupted
from vuemantics_tui.store.embeddings import EmbeddingStore, StoredVector

if TYPE_CHECKING:
    # Loaded at the first search, in a thread: nothing before it needs vectors.
    import numpy as np
    from filelock import FileLock

    from vuemantics_tui.search.vector_table import Snapshot, VectorTable

log = logging.getLogger(__name__)

# Fewer vectors are not worth a file.
FILE_FROM = 1_000
# The file is rewritten once this fraction of it has changed, so each vector is written about 20 times in total.
_REWRITE_PART = 20
_READ_ROWS = 4_096
# How long the pages of the file stay mapped after a search. In a large library they are hundreds of megabytes, which
# the system keeps cached anyway. To map them again takes 10 ms or so: not at every key of somebody who types.
REST_SECONDS = 0.25
# Longer than another window needs to build the file of a million vectors.
_LOCK_SECONDS = 60.0
_LOCK_LOOK_SECONDS = 0.1
# Rows of a file compared with the store when it is opened: enough to notice a library restored from a backup.
_COMPARED = 16


_Loaded: TypeAlias = "tuple[VectorTable, int]"
_Block: TypeAlias = (
    "tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int, int], np.dtype[np.float32]]]"
)


@dataclass(frozen=True, slots=True)
class IndexState:
    """How many vectors are loaded, and the file they are mapped from, if any, with its size in bytes."""

    vectors: int
    file: Path | None
    file_bytes: int


class VectorIndex:
    """Finds the nearest uploads by one model's vectors: exactly up to 200,000, then with sign bits and rescoring.

    Loads at the first search, then only changes. With a `folder` the vectors live in a file there, mapped and shared by
    all windows; it is rebuilt if it is missing, damaged, or of another library, model or dimension, and skipped if the
    folder is read-only. Uploads in the trash are not found.
    """

    def __init__(
        self,
        embeddings: EmbeddingStore,
        feed: ChangeFeed,
        model: str,
        folder: Path | None = None,
        *,
        file_from: int = FILE_FROM,
        bits_from: int = BITS_FROM,
    ) -> None:
        self._embeddings = embeddings
        self._feed = feed
        self._model = model
        self._path = None if folder is None else file_of(folder, model)
        self._file_from = file_from
        self._bits_from = bits_from
        self._lock = asyncio.Lock()
        self._table: VectorTable | None = None
        self._revision = 0
        self._is_outdated = False
        self._rewriting: asyncio.Task[None] | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._giving_back: asyncio.Future[None] | None = None

    async def nearest(
        self, vector: Vector, limit: int, allowed: Collection[int] | None = None, include_hidden: bool = False
    ) -> list[tuple[int, float]]:
        """Return the uploads nearest to a vector as (number, cosine in -1..1), best first.

        With `allowed`, only those. Fewer than `limit` come back only if there are no more.
        """
        async with self._lock:
            table = await self._current(vector.shape[0])
            if table is None:
                return []
            # A thread cannot be stopped: nothing may change the table under it, also when nobody waits any more.
            work = asyncio.to_thread(table.nearest, vector, limit, allowed, include_hidden)
            found = await uninterrupted(work)
            self.rest()
            return found

    async def synced(self, dimension: int) -> None:
        """Bring the table in step with the store, for a caller that searches several tables at once."""
        async with self._lock:
            await self._current(dimension)

    @property
    def table(self) -> VectorTable | None:
        """The table as it is; None before it is loaded."""
        return self._table

    def rest(self) -> None:
        """Give the memory of the file back to the system soon, unless there is another search before."""
        if self._resting is not None:
            self._resting.cancel()
        self._resting = asyncio.get_running_loop().call_later(REST_SECONDS, self._give_back)

    def _give_back(self) -> None:
        if self._table is not None:
            self._giving_back = asyncio.ensure_future(asyncio.to_thread(self._table.give_back_memory))

    async def cosines(self, vector: Vector, numbers: Sequence[int]) -> dict[int, float]:
        """Return the cosine of each of these uploads with a vector, hidden or not; those without one are left out."""
        found = await self.nearest(vector, len(numbers), numbers, include_hidden=True) if numbers else []
        return dict(found)

    async def chance(self, vector: Vector) -> Chance:
        """Return what the cosines with this vector look like by chance, over a sample of the library."""
        async with self._lock:
            table = await self._current(vector.shape[0])
            return Chance() if table is None else await uninterrupted(asyncio.to_thread(table.chance, vector))

    async def state(self) -> IndexState:
        """Return how much is in memory and on disk. Loads nothing."""
        size = await asyncio.to_thread(_size_of, self._path)
        return IndexState(len(self._table) if self._table else 0, self._path if size else None, size)

    async def close(self) -> None:
        """Wait for a write in progress."""
        if self._resting is not None:
            self._resting.cancel()
        if self._rewriting is not None:
            await asyncio.wait([self._rewriting])

    async def _current(self, dimension: int) -> VectorTable | None:
        """Return the table in step with the store, or None if it has no vector of this dimension."""
        if (
            self._table is None
            or self._table.dimension != dimension
            or self._revision < await self._embeddings.forgotten()
        ):
            await self._feed.skip_to_now()
            self._table, self._revision = await self._load(dimension)
            self._is_outdated = True
        elif await self._feed.poll() is not None:
            self._is_outdated = True
        table = self._table
        if self._is_outdated:
            self._revision = await self._catch_up(table, self._revision)
            self._is_outdated = False
        if self._path is not None and table.moved > max(self._file_from, len(table) // _REWRITE_PART):
            await self._rewrite(self._path, table)
        return table if len(table) else None

    async def _catch_up(self, table: VectorTable, revision: int) -> int:
        """Apply the changes after a revision and return the current one. An interrupted call can be repeated."""
        # Read first: whatever is committed meanwhile is applied twice, but never missed.
        goal = await self._embeddings.revision()
        if goal != revision:
            gone = await self._embeddings.gone(self._model, revision)
            came = await self._embeddings.newer(self._model, revision)
            await uninterrupted(asyncio.to_thread(_take_in, table, gone, came))
        table.set_hidden(await self._embeddings.hidden())
        return goal

    # From the file

    async def _load(self, dimension: int) -> _Loaded:
        """Return a table and its revision."""
        if self._path is not None and await self._embeddings.count(self._model) >= self._file_from:
            if (loaded := await self._from_file(self._path, dimension)) is not None:
                return loaded
            try:
                return await self._build(self._path, dimension)
            except (OSError, TornFileError) as error:  # a lock that stays taken is an OSError, too
                log.warning("the vectors stay in memory, %s cannot be written: %s", self._path, error)
        return await self._from_store(dimension)

    async def _from_file(self, path: Path, dimension: int) -> _Loaded | None:
        try:
            file = await asyncio.to_thread(open_vectors, path)
        except FileNotFoundError:
            return None
        except (OSError, TornFileError, ValueError, TypeError, KeyError) as error:
            log.warning("the file of vectors %s is rebuilt: %s", path, error)
            return None
        header = file.header
        whose = (header.library, header.model, header.dimension)
        if whose != (await self._embeddings.library_id(), self._model, dimension):
            return None
        if not await self._embeddings.forgotten() <= header.revision <= await self._embeddings.revision():
            return None
        # Rebuilding it is faster than applying so many changes one by one.
        if await self._embeddings.count_newer(self._model, header.revision) > max(self._file_from, header.rows // 2):
            return None
        table = await asyncio.to_thread(_table_of, file)
        if not await self._agrees(file.numbers, table, header.revision):
            log.warning("the file of vectors %s is rebuilt: it belongs to another library", path)
            return None
        return table, header.revision

    async def _agrees(
        self, numbers: np.ndarray[tuple[int], np.dtype[np.int64]], table: VectorTable, since: int
    ) -> bool:
        """Return whether a sample of the file agrees with the store, apart from later changes."""
        if not len(numbers):
            return True
        import numpy as np

        some = numbers[np.linspace(0, len(numbers) - 1, _COMPARED).astype(int)].tolist()
        stored = await self._embeddings.of_before(self._model, some, since)
        rows = {number: table.vector(number) for number in stored}
        return all(row is not None and row.astype("<f4").tobytes() == stored[number] for number, row in rows.items())

    async def _build(self, path: Path, dimension: int) -> _Loaded:
        """Write the file from the store, unless another window did. Raises OSError and TornFileError."""
        await asyncio.to_thread(make_folder, path.parent, parents=False)
        lock = await asyncio.to_thread(_lock_of, path)
        try:
            await _take(lock)
            if (loaded := await self._from_file(path, dimension)) is not None:
                return loaded
            await asyncio.to_thread(sweep_parts, path)
            revision = await self._embeddings.revision()
            writer = VectorWriter(
                path,
                library=await self._embeddings.library_id(),
                model=self._model,
                revision=revision,
                dimension=dimension,
            )
            try:
                last = 0
                while stored := await self._embeddings.after(self._model, last, _READ_ROWS):
                    last = stored[-1].number
                    await asyncio.to_thread(_add, writer, stored, dimension)
                await uninterrupted(asyncio.to_thread(writer.finish, self._bits_from))
            except BaseException:
                await uninterrupted(asyncio.to_thread(writer.abandon))
                raise
            file = await asyncio.to_thread(open_vectors, path)
        finally:
            await uninterrupted(asyncio.to_thread(lock.release))
        return await asyncio.to_thread(_table_of, file), revision

    async def _from_store(self, dimension: int) -> _Loaded:
        revision = await self._embeddings.revision()
        blocks, last = [], 0
        while stored := await self._embeddings.after(self._model, last, _READ_ROWS):
            last = stored[-1].number
            blocks.append(await asyncio.to_thread(_arrays, stored, dimension))
        return await asyncio.to_thread(_joined, blocks, dimension), revision

    # Back to the file

    async def _rewrite(self, path: Path, table: VectorTable) -> None:
        if self._rewriting is None or self._rewriting.done():
            snapshot = await uninterrupted(asyncio.to_thread(table.snapshot))
            self._rewriting = asyncio.create_task(self._write_snapshot(path, snapshot, self._revision), name="vectors")

    async def _write_snapshot(self, path: Path, snapshot: Snapshot, revision: int) -> None:
        """Write the table to the file, and continue from that."""
        dimension = snapshot.base.matrix.shape[1]
        try:
            library = await self._embeddings.library_id()
            await uninterrupted(asyncio.to_thread(self._write_if_newer, path, library, dimension, revision, snapshot))
            async with self._lock:
                if self._table is None or self._table.dimension != dimension:
                    return
                loaded = await self._from_file(path, dimension)
                if loaded is not None:
                    table, revision = loaded
                    revision = await self._catch_up(table, revision)
                    self._table, self._revision = table, revision
        except TimeoutError:
            return  # another window is at it
        except OSError as error:
            log.warning("the vectors stay in memory, %s cannot be written: %s", path, error)
            self._path = None
        except LibraryError as error:
            log.warning("the file of vectors is not updated, the store reports: %s", error)

    def _write_if_newer(self, path: Path, library: str, dimension: int, revision: int, snapshot: Snapshot) -> None:
        make_folder(path.parent, parents=False)
        with _lock_of(path).acquire(timeout=0):
            try:
                header = read_header(path)
                if (header.library, header.dimension) == (library, dimension) and header.revision >= revision:
                    return
            except (FileNotFoundError, TornFileError, ValueError, TypeError, KeyError):
                pass  # it is about to be replaced
            sweep_parts(path)
            write_vectors(
                path,
                library=library,
                model=self._model,
                revision=revision,
                dimension=dimension,
                blocks=snapshot.blocks(),
                bits_from=self._bits_from,
            )


def vector_of(data: bytes) -> Vector:
    """Return a stored vector. Imports NumPy, so call it in a thread the first time."""
    import numpy as np

    return np.frombuffer(data, "<f4")


def _take_in(table: VectorTable, gone: Iterable[int], came: Iterable[StoredVector]) -> None:
    for number in gone:
        table.drop(number)
    for stored in came:
        if stored.dimension == table.dimension:
            table.put(stored.number, vector_of(stored.data))
        else:
            table.drop(stored.number)


def _arrays(stored: Sequence[StoredVector], dimension: int) -> _Block:
    import numpy as np

    some = [vector for vector in stored if vector.dimension == dimension]
    matrix = np.frombuffer(b"".join(vector.data for vector in some), "<f4").reshape(-1, dimension)
    return np.array([vector.number for vector in some], np.int64), matrix


def _add(writer: VectorWriter, stored: Sequence[StoredVector], dimension: int) -> None:
    writer.add(*_arrays(stored, dimension))


def _joined(blocks: Sequence[_Block], dimension: int) -> VectorTable:
    import numpy as np

    from vuemantics_tui.search.vector_table import Base, VectorTable

    none: _Block = np.zeros(0, np.int64), np.zeros((0, dimension), np.float32)
    numbers, rows = zip(none, *blocks, strict=True)
    return VectorTable(Base(np.concatenate(numbers), np.concatenate(rows)))


def _table_of(file: VectorFile) -> VectorTable:
    from vuemantics_tui.search.vector_table import Base, VectorTable

    return VectorTable(Base(file.numbers, file.matrix, file.bits, file.mapped))


async def _take(lock: FileLock) -> None:
    """Take a lock, polling because a waiting thread cannot be cancelled. Raises TimeoutError."""
    clock = asyncio.get_running_loop().time
    until = clock() + _LOCK_SECONDS
    while True:
        try:
            await uninterrupted(asyncio.to_thread(lock.acquire, timeout=0))
            return
        except TimeoutError:
            if clock() > until:
                raise
        await asyncio.sleep(_LOCK_LOOK_SECONDS)


def _lock_of(path: Path) -> FileLock:
    from filelock import FileLock

    # It is taken in one thread of the pool and given back in another.
    return FileLock(path.with_suffix(".lock"), mode=PRIVATE_FILE, thread_local=False)


def _size_of(path: Path | None) -> int:
    try:
        return path.stat().st_size if path else 0
    except OSError:
        return 0
