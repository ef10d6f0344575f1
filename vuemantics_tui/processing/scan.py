"""The scan of a source: what is new, changed, moved or gone in a folder whose files are used in place."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from vuemantics_tui.domain.errors import LibraryError, MediaError, UnreadableError
from vuemantics_tui.domain.formats import FORMATS
from vuemantics_tui.domain.media import MediaLimits
from vuemantics_tui.domain.moment import instant
from vuemantics_tui.domain.sources import (
    Excludes,
    LocationState,
    ScanPart,
    ScanProgress,
    Source,
    real_path,
    stored_path,
)
from vuemantics_tui.domain.text import storable
from vuemantics_tui.files import PRIVATE_FILE, read_fault
from vuemantics_tui.media.packets import sidecars_of
from vuemantics_tui.media.probe import probe
from vuemantics_tui.processing.presence import absence, has_lasting_inodes, identity, renamed, signed
from vuemantics_tui.processing.walk import FILES_AT_ONCE, Listing, Walk, around, is_in, is_left_out
from vuemantics_tui.store.database import Row, uninterrupted
from vuemantics_tui.store.locations import ROWS_AT_ONCE, FoundFile, Seen, Taken
from vuemantics_tui.store.originals import Known
from vuemantics_tui.store.sources import SourceState, SourceStore

log = logging.getLogger(__name__)

OnProgress = Callable[[ScanProgress], None]

# For how long files are read before the event loop is told.
_SECONDS_AT_ONCE = 0.3
# What was read is written so often, although a transaction could take more: the first pictures can be processed then.
_WRITE_SECONDS = 3.0
_BLOCK_BYTES = 1024 * 1024
_NANOSECONDS = 10**9


class _Comparison:
    """What a walk found, compared with what is known."""

    def __init__(self, refused_again: bool) -> None:
        self.new: list[Seen] = []
        self.differing: list[tuple[Known, Seen]] = []
        self.touched: list[tuple[Known, Seen]] = []
        self.unseen: list[Known] = []
        self.moved: list[tuple[Known, Seen]] = []
        # Moves to and from paths that were taken, which must be written together, and who had such a path.
        self.swapped: list[tuple[Known, Seen]] = []
        self.displaced: list[Known] = []
        self._refused_again = refused_again

    def add(self, listings: Sequence[Listing], known: dict[str, dict[str, Row]]) -> int:
        """Compare some folders; returns how many files they hold. Uses up what is known."""
        refused_again = self._refused_again
        count = 0
        for listing in listings:
            folder, rows = listing.folder, known[listing.folder]
            count += len(listing.files)
            for name, now in listing.files.items():
                row = rows.pop(name, None)
                if row is None:
                    self.new.append(Seen(folder, name, *now))
                    continue
                state = row[7]
                if (
                    row[4] == now[1]
                    and row[3] == now[0]
                    and (row[5] == now[2] or not row[5] or not now[2])
                    and not (refused_again and state == LocationState.REFUSED)
                ):
                    if state == LocationState.MISSING or row[6] != now[3] or row[5] != now[2]:
                        self.touched.append((Known._make(row), Seen(folder, name, *now)))
                else:
                    self.differing.append((Known._make(row), Seen(folder, name, *now)))
            self.unseen += map(Known._make, rows.values())
        return count

    def find_moved(self) -> None:
        """Recognise files that were moved by what the disk knows them as: inode, size and time.

        A time in whole seconds was set by a program, as when an archive is unpacked, and says less: then the name must
        be the same, too.
        """
        lost: dict[tuple[int, int, int], list[Known]] = defaultdict(list)
        for known in (*self.unseen, *(known for known, _ in self.differing)):
            if known.inode:
                lost[known.inode, known.size, known.changed].append(known)
        if not lost:
            return
        found: dict[int, _Match] = {}
        candidates: list[tuple[Known | None, Seen]] = [*self.differing, *((None, seen) for seen in self.new)]
        for own, seen in candidates:
            for known in lost.get((seen.inode, seen.size, seen.changed), ()) if seen.inode else ():
                is_sure = seen.changed % _NANOSECONDS or known.name == seen.name
                if known.number not in found and known is not own and is_sure:
                    found[known.number] = _Match(known, seen, own)
                    break
        # A file that kept its path is not gone: of two files, that one is the upload. Those that this leaves at their
        # path may in turn be the ones that others were taken for.
        still = {known.number for known, _ in self.differing} - {each.own.number for each in found.values() if each.own}
        while wrong := [number for number in found if number in still]:
            for number in wrong:
                own = found.pop(number).own
                if own is not None:
                    still.add(own.number)
        matched = {each.seen for each in found.values()}
        displaced = {each.own.number: each.own for each in found.values() if each.own}
        for each in found.values():
            pair = (each.known, each.seen)
            (self.swapped if each.own or each.known.number in displaced else self.moved).append(pair)
        self.displaced = [known for number, known in displaced.items() if number not in found]
        self.differing = [(known, seen) for known, seen in self.differing if known.number in still]
        self.new = [seen for seen in self.new if seen not in matched]
        self.unseen = [known for known in self.unseen if known.number not in found]


@dataclass(frozen=True, slots=True)
class _Match:
    """A known file that is elsewhere, and what is known of the place where it is."""

    known: Known
    seen: Seen
    own: Known | None


class Scan:
    """Scans the sources of one library. Files are only read."""

    def __init__(
        self, library: Path, store: SourceStore, user_id: str, limits: MediaLimits, patterns: Sequence[str]
    ) -> None:
        self._library = library
        self._store = store
        self._user_id = user_id
        self._limits = limits
        self._patterns = tuple(patterns)

    async def run(
        self,
        source: Source,
        on_progress: OnProgress | None = None,
        *,
        only: Collection[ScanPart] | None = None,
        as_is: bool = False,
    ) -> ScanProgress:
        """Scan a source, or `only` parts of it; returns what was found.

        What is found is written in parts: a scan that ends early is finished by the next one. A source that is away is
        noted as such, and nothing in it as missing; with `as_is` its folder is taken for the right one whatever is in
        it. Raises LibraryError if another program is scanning it.
        """
        async with self.locked(source):
            return await _Pass(self, source, on_progress or (lambda _: None)).run(only, as_is)

    @asynccontextmanager
    async def locked(self, source: Source) -> AsyncIterator[None]:
        """Keep other programs from scanning or changing a source meanwhile. Raises LibraryError if one does already."""
        path = self._library / f"source-{source.number}.lock"
        lock = FileLock(path, mode=PRIVATE_FILE, thread_local=False)
        try:
            await asyncio.to_thread(lock.acquire, timeout=0)
        except Timeout:
            raise LibraryError(
                f"Another program is scanning {storable(str(source.path))}", "Wait until it is done, then try again."
            ) from None
        try:
            yield
        finally:
            await uninterrupted(asyncio.to_thread(lock.release))

    async def take_file(self, source: Source, file: Path) -> tuple[Taken, int | None]:
        """Take a file of a source that a person named, also one that they had removed before.

        Returns what became of it, and the number of its upload, None if it is away by now. Raises MediaError if it is
        refused, UnreadableError if it cannot be read.
        """
        found = await asyncio.to_thread(self._read_named, source.path, file)
        taken = await self._store.files.take(source.number, self._user_id, [found], set(), again=True)
        return taken, await self._store.files.upload_at(source.number, found.seen)

    def _read_named(self, root: Path, file: Path) -> FoundFile:
        relative = file.relative_to(root)
        try:
            status = file.stat()
        except OSError as error:
            raise UnreadableError(*read_fault(file, error)) from error
        inode = signed(status.st_ino) if has_lasting_inodes(root) else 0
        folder, name = stored_path("/".join(relative.parts[:-1])), stored_path(file.name)
        beside = max((sidecar.stat().st_mtime_ns for sidecar in sidecars_of(file)), default=0)
        one = self.read(root, Seen(folder, name, status.st_size, status.st_mtime_ns, inode, beside), threading.Event())
        if isinstance(one, str):
            raise UnreadableError(one)
        if one.reason:
            raise MediaError(one.reason, one.hint)
        return one

    def others(self, source: Source, sources: Sequence[Source]) -> set[tuple[int, int]]:
        """Return the folders in a source that are not its own, by device and inode: the library, and inner sources."""
        inner = [one.path for one in sources if one.number != source.number and not one.chosen_only]
        within = [path for path in inner if path.is_relative_to(source.path)]
        return {found for path in (self._library, *within) if (found := identity(path))}

    @property
    def patterns(self) -> tuple[str, ...]:
        """What is left out in every source."""
        return self._patterns

    @property
    def store(self) -> SourceStore:
        """Where sources are kept."""
        return self._store

    @property
    def user_id(self) -> str:
        """Whose uploads are made."""
        return self._user_id

    @property
    def rules(self) -> str:
        """By what files are refused: those that were refused are read again when this changes."""
        limits = (
            self._limits.max_pixels,
            *(self._limits.max_bytes(kind) for kind in {each.file_type for each in FORMATS}),
        )
        text = repr((sorted(each.name for each in FORMATS), sorted(limits)))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def read(self, root: Path, seen: Seen, stop: threading.Event) -> FoundFile | str:
        """Read a file: what it is, with the reason if it is refused; or in words why it cannot be read now."""
        path = Path(root, real_path(seen.folder), real_path(seen.name))
        try:
            found = probe(path, self._limits)
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    if stop.is_set():
                        return ""
                    digest.update(block)
                status = os.fstat(file.fileno())
        except UnreadableError as error:
            return error.message
        except MediaError as error:
            return FoundFile(seen, error.message, error.hint)
        except OSError as error:
            return read_fault(path, error)[0]
        except Exception:
            # A bug with one file must not keep the others out.
            log.exception("reading %s failed by a bug", path)
            return "This is a bug: see the log"
        if (status.st_size, status.st_mtime_ns) != (seen.size, seen.changed):
            return "It is being written. The next scan adds it"
        return FoundFile(
            seen,
            sha256=digest.hexdigest(),
            file_type=found.format.file_type,
            mime_type=found.format.mime_type,
            extension=found.format.extension,
            width=found.width,
            height=found.height,
            modified_at=instant(status.st_mtime),
        )


class _Pass:
    """One scan of one source."""

    def __init__(self, scan: Scan, source: Source, on_progress: OnProgress) -> None:
        self._scan = scan
        self._store = scan.store
        self._source = source
        self._on_progress = on_progress
        self._progress = ScanProgress(source)

    async def run(self, only: Collection[ScanPart] | None, as_is: bool) -> ScanProgress:
        progress, number = self._progress, self._source.number
        state, sample = await self._store.state(number), await self._store.files.sample(number)
        if not as_is and not await self._is_there(state, sample):
            return progress
        root = self._source.path
        before = identity(root)
        as_begun = SourceState(before[0] if before else None, before[1] if before else None, state.mounts, "")
        walk = await self._walk(state, only)
        comparison = _Comparison(state.refusing != self._scan.rules)
        while listings := await asyncio.to_thread(walk.next):
            known = await self._store.files.known(number, [listing.folder for listing in listings])
            progress.seen += await asyncio.to_thread(comparison.add, listings, known)
            self._on_progress(progress)
        await self._add_lost_folders(walk, comparison, only)
        await asyncio.to_thread(comparison.find_moved)
        gone = await asyncio.to_thread(self._really_gone, comparison.unseen)
        progress.problems += walk.problems
        progress.linked += walk.linked
        # Everything seems to be gone if the disk was removed during the scan.
        here = identity(root)
        if gone and here != before:
            reason = await asyncio.to_thread(absence, root, as_begun, sample)
            if reason or here is None:
                await self._set_away(reason or "It disappeared during the scan")
                return progress
        await self._write(comparison)
        await self._read_all(comparison, gone)
        await self._write_gone([known for known in comparison.unseen if known.number in gone])
        if only is None and here is not None:
            fresh = SourceState(*here, tuple(sorted(walk.mounts)), self._scan.rules)
            await self._store.set_state(number, fresh, scanned=True)
        self._on_progress(progress)
        return progress

    async def _is_there(self, state: SourceState, sample: Sequence[Known]) -> bool:
        source, progress = self._source, self._progress
        reason = await asyncio.to_thread(absence, source.path, state, sample)
        if reason and (new := await asyncio.to_thread(renamed, source.path, state, sample)):
            await self._store.relocate({source.number: new})
            found = await self._store.get(source.number)
            assert found is not None
            progress.renamed_from, self._source, progress.source = source.path, found, found
            return True
        if reason:
            await self._set_away(reason)
        else:
            await self._store.set_away(source.number, False)
        return not reason

    async def _set_away(self, reason: str) -> None:
        self._progress.is_away, self._progress.away_reason = True, reason
        await self._store.set_away(self._source.number, True)
        self._on_progress(self._progress)

    async def _walk(self, state: SourceState, only: Collection[ScanPart] | None) -> Walk:
        source = self._source
        excludes = Excludes((*self._scan.patterns, *source.excludes))
        others = await asyncio.to_thread(self._scan.others, source, await self._store.all())
        begin, alone = [""], list[str]()
        if source.chosen_only:
            begin, alone = [], await self._store.files.folders(source.number)
        elif only is not None:
            wanted = {folder: part.is_deep for part in only if not is_left_out(folder := self._stored(part), excludes)}
            begin = [folder for folder, is_deep in wanted.items() if is_deep]
            alone = [folder for folder, is_deep in wanted.items() if not is_deep]
        return await asyncio.to_thread(
            lambda: Walk(source.path, excludes, others, state.mounts, begin=begin, alone=alone)
        )

    def _stored(self, part: ScanPart) -> str:
        return stored_path("/".join(part.folder.relative_to(self._source.path).parts))

    async def _add_lost_folders(self, walk: Walk, comparison: _Comparison, only: Collection[ScanPart] | None) -> None:
        """Add the files of folders that were not met: they are gone, or cannot be read."""
        folders = await self._store.files.folders(self._source.number)
        if only is not None:
            deep = {self._stored(part) for part in only if part.is_deep}
            alone = {self._stored(part) for part in only if not part.is_deep}
            folders = [each for each in folders if each in alone or not deep.isdisjoint(around(each))]
        lost = [folder for folder in folders if folder not in walk.visited]
        for start in range(0, len(lost), FILES_AT_ONCE):
            known = await self._store.files.known(self._source.number, lost[start : start + FILES_AT_ONCE])
            for rows in known.values():
                comparison.unseen += map(Known._make, rows.values())
        comparison.unseen = [
            known for known in comparison.unseen if not any(is_in(known.folder, each) for each in walk.closed)
        ]

    def _really_gone(self, unseen: Sequence[Known]) -> set[int]:
        """Return which of these files are not there. The others are left out, or cannot be looked at."""
        gone = set()
        for known in unseen:
            path = Path(self._source.path, real_path(known.folder), real_path(known.name))
            try:
                path.stat()
            except (FileNotFoundError, NotADirectoryError):
                gone.add(known.number)
            except (OSError, ValueError):
                continue
        return gone

    async def _write(self, comparison: _Comparison) -> None:
        """Write what needs no reading."""
        progress = self._progress
        if comparison.swapped:
            await self._store.files.note(moved=comparison.swapped, displaced=comparison.displaced)
            progress.moved += len(comparison.swapped)
        for start in range(0, len(comparison.moved), ROWS_AT_ONCE):
            part = comparison.moved[start : start + ROWS_AT_ONCE]
            await self._store.files.note(moved=part)
            progress.moved += len(part)
            self._on_progress(progress)
        for start in range(0, len(comparison.touched), ROWS_AT_ONCE):
            part = comparison.touched[start : start + ROWS_AT_ONCE]
            await self._store.files.note(seen=part)
            progress.back += sum(known.state == LocationState.MISSING for known, _ in part)
            self._on_progress(progress)

    async def _read_all(self, comparison: _Comparison, gone: set[int]) -> None:
        """Read what is changed and what is new, and write it."""
        progress = self._progress
        new = comparison.new
        if self._source.chosen_only:
            # Nothing is taken that was not named, but what was may be called otherwise now.
            sizes = {known.size for known in comparison.unseen if known.number in gone}
            new = [seen for seen in new if seen.size in sizes]
        # In the order of their paths: of several files with the same bytes, the first one names the upload.
        pending = [*(seen for _, seen in comparison.differing), *sorted(new)]
        progress.reading = len(pending)
        found: list[FoundFile] = []
        written = time.monotonic()
        place = 0
        stop = threading.Event()
        try:
            while place < len(pending):
                some, place = await asyncio.to_thread(self._read_some, pending, place, stop)
                found += some
                progress.reading = len(pending) - place
                if len(found) >= ROWS_AT_ONCE or time.monotonic() - written > _WRITE_SECONDS:
                    await self._take(found, gone)
                    found, written = [], time.monotonic()
                self._on_progress(progress)
        finally:
            stop.set()
        await self._take(found, gone)

    def _read_some(self, pending: Sequence[Seen], place: int, stop: threading.Event) -> tuple[list[FoundFile], int]:
        found = []
        until = time.monotonic() + _SECONDS_AT_ONCE
        while place < len(pending) and time.monotonic() < until and not stop.is_set():
            seen = pending[place]
            one = self._scan.read(self._source.path, seen, stop)
            if isinstance(one, FoundFile):
                found.append(one)
            elif one:
                path = Path(self._source.path, real_path(seen.folder), real_path(seen.name))
                self._progress.problems.append((path, one))
            place += 1
        return found, place

    async def _take(self, found: Sequence[FoundFile], gone: set[int]) -> None:
        if not found:
            return
        progress = self._progress
        taken = await self._store.files.take(self._source.number, self._scan.user_id, found, gone)
        progress.new += len(taken.added)
        progress.changed += len(taken.changed)
        progress.moved += len(taken.moved)
        progress.copies += taken.copies
        progress.refused += taken.refused
        progress.back += taken.back
        progress.uploads += (*taken.added, *taken.changed, *taken.moved)

    async def _write_gone(self, gone: Sequence[Known]) -> None:
        for start in range(0, len(gone), ROWS_AT_ONCE):
            part = gone[start : start + ROWS_AT_ONCE]
            self._progress.missing += await self._store.files.note(gone=part)
            self._on_progress(self._progress)
