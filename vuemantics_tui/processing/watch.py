"""Watch sources while the program runs, by file system events or else by regular scans."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.domain.sources import Excludes, ScanPart, ScanProgress, Source, WatchState
from vuemantics_tui.domain.text import storable
from vuemantics_tui.files import PRIVATE_FILE
from vuemantics_tui.processing.presence import file_system, identity
from vuemantics_tui.store.database import uninterrupted

log = logging.getLogger(__name__)

ScanSource = Callable[[Source, Collection[ScanPart] | None, Callable[[ScanProgress], None]], Awaitable[ScanProgress]]

# How long the size of a file must stay the same before it is added.
STILL_SECONDS = 2.0
# How soon an added, changed, removed or returned source is noticed.
LOOK_SECONDS = 3.0
# How soon a folder without changes is noticed.
STEP_SECONDS = 0.25
# After so many events at once the system may have dropped others, so all of the source is scanned. The kernel keeps
# 16,384 of them (fs.inotify.max_queued_events), and a new file makes three.
STORM_EVENTS = 3_000
# What the sizes of are compared in each folder: of a folder with more, the events say that it is calm.
MOST_SIZES = 100
# File systems whose changes by other machines cause no events here (mountinfo(5), "filesystem type").
NETWORK = frozenset(
    {
        *(
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "smbfs",
            "9p",
            "afs",
            "ceph",
            "ncpfs",
            "lustre",
            "virtiofs",
            "vboxsf",
            "prl_fs",
        ),
        *("fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.glusterfs", "fuse.davfs", "fuse.gvfsd-fuse", "davfs"),
        *("fuse.vmhgfs-fuse", "fuse.ceph", "fuse.smbnetfs", "fuse.curlftpfs"),
    }
)
_LOCK_NAME = "watch.lock"


@dataclass(frozen=True, slots=True)
class WatchReport:
    """How a source is followed just now. `reason` says why it is not by events, and what helps."""

    state: WatchState
    reason: str = ""


@dataclass(slots=True)
class _Stir:
    """A folder in which something moves: when it did last, and the sizes of what moved.

    It `is_deep` where the folder itself came or went, and with it everything below.
    """

    since: float
    sizes: dict[Path, int] = field(default_factory=dict)
    is_deep: bool = False


class _Listener:
    """Collects the folders of a source in which something happens, from a thread of its own."""

    def __init__(self, source: Source, patterns: Sequence[str], apart: Sequence[Path]) -> None:
        """Take the patterns that leave files out, and the folders in the source that are not its own."""
        self.stirs: dict[Path, _Stir] = {}
        self.is_storm = False
        self.error: Exception | None = None
        self._root = source.path
        self._is_deep = not source.chosen_only
        self._excludes = Excludes((*patterns, *source.excludes))
        self._apart = [path for path in apart if path.is_relative_to(source.path)]
        self._lock = threading.Lock()
        self._stop = threading.Event()
        # A daemon thread, because adding the watches of a large source cannot be interrupted.
        self._thread = threading.Thread(target=self._listen, name=f"watch-{source.number}", daemon=True)

    def start(self) -> None:
        """Start listening."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stop.set()

    def _listen(self) -> None:
        from watchfiles import watch

        step = int(STEP_SECONDS * 1000)
        try:
            for changes in watch(
                self._root,
                watch_filter=None,
                debounce=4 * step,
                step=step,
                stop_event=self._stop,
                rust_timeout=0,
                raise_interrupt=False,
                force_polling=False,
                debug=False,
                recursive=self._is_deep,
                # With it, watchfiles passes over its other errors too, such as a limit that is reached.
                ignore_permission_denied=False,
            ):
                self._note([Path(path) for _, path in changes])
        except Exception as error:  # noqa: BLE001 - watchfiles has a class of errors that is not public
            self.error = error

    def _note(self, paths: Sequence[Path]) -> None:
        paths = [path for path in paths if not self._is_left_out(path)]
        now = time.monotonic()
        if len(paths) >= STORM_EVENTS:
            self.is_storm = True
        with self._lock:
            for path in paths:
                is_folder = path.is_dir() and not path.is_symlink()
                if path == self._root or is_folder:
                    self._stir(path, path, now, is_deep=True)
                    continue
                self._stir(path.parent, path, now)
                if not path.is_symlink() and not path.exists():
                    # It may have been a folder.
                    self._stir(path, path, now, is_deep=True)

    def _stir(self, folder: Path, moved: Path, now: float, *, is_deep: bool = False) -> None:
        stir = self.stirs.setdefault(folder if folder.is_relative_to(self._root) else self._root, _Stir(now))
        stir.since, stir.is_deep = now, stir.is_deep or is_deep
        if len(stir.sizes) < MOST_SIZES:
            stir.sizes[moved] = _size(moved)

    def _is_left_out(self, path: Path) -> bool:
        if any(path.is_relative_to(each) for each in self._apart):
            return True
        parts = path.relative_to(self._root).parts if path.is_relative_to(self._root) else ()
        last = len(parts) - 1
        return any(
            self._excludes.leaves_out("/".join(parts[:place]), name, is_folder=place < last)
            for place, name in enumerate(parts)
        )

    def take_calm(self) -> set[ScanPart]:
        """Return the folders in which everything has stood still, and forget them; in a storm, all of them or none."""
        now = time.monotonic()
        with self._lock:
            calm = {folder for folder, stir in self.stirs.items() if now - stir.since >= STILL_SECONDS}
            for folder in tuple(calm):
                stir = self.stirs[folder]
                sizes = {path: _size(path) for path in stir.sizes}
                if sizes != stir.sizes:
                    stir.sizes, stir.since = sizes, now
                    calm.discard(folder)
            if self.is_storm and len(calm) < len(self.stirs):
                return set()
            return {ScanPart(folder, self.stirs.pop(folder).is_deep) for folder in calm}


class Watch:
    """Keeps sources up to date, and runs the scans that a person asks for.

    Of the programs that use a library, one watches. `scanning` are the scans that run here, by the number of their
    source; `reports` say how each source is followed.
    """

    def __init__(
        self,
        library: Path,
        sources: Callable[[], Awaitable[Sequence[Source]]],
        scan: ScanSource,
        patterns: Sequence[str],
        *,
        scan_seconds: float,
        look_seconds: float = LOOK_SECONDS,
        kind_of: Callable[[Path], str] = file_system,
    ) -> None:
        self.scanning: dict[int, ScanProgress] = {}
        self.reports: dict[int, WatchReport] = {}
        self._library = library
        self._sources = sources
        self._scan = scan
        self._patterns = patterns
        self._scan_seconds = scan_seconds
        self._look_seconds = look_seconds
        self._kind_of = kind_of
        self._task: asyncio.Task[None] | None = None
        self._followers: dict[int, tuple[object, asyncio.Task[None]]] = {}
        self._asked: set[asyncio.Task[ScanProgress]] = set()
        self._look = asyncio.Event()

    def start(self) -> None:
        """Start, in the running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="watch")

    async def stop(self) -> None:
        """Stop watching and scanning; what a scan had not written yet is found by the next one."""
        tasks: list[asyncio.Task[ScanProgress] | asyncio.Task[None]] = [*self._asked]
        if self._task is not None:
            tasks.append(self._task)
            self._task = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def look(self) -> None:
        """Check for sources that were added, changed or removed, without waiting for the next round."""
        self._look.set()

    def ask_for_scan(self, source: Source) -> asyncio.Task[ScanProgress]:
        """Start scanning a source. The scan goes on if its caller stops waiting; only `stop` ends it early.

        The task raises LibraryError.
        """
        task = asyncio.create_task(self.scan(source), name=f"scan-{source.number}")
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        return task

    async def scan(self, source: Source, only: Collection[ScanPart] | None = None) -> ScanProgress:
        """Scan a source, or only parts of it, with the progress in `scanning`. Raises LibraryError."""
        if source.number in self.scanning:
            raise LibraryError(f"{storable(str(source.path))} is being scanned", "Wait until it is done.")
        self.scanning[source.number] = ScanProgress(source)

        def told(progress: ScanProgress) -> None:
            self.scanning[source.number] = progress

        try:
            return await self._scan(source, only, told)
        finally:
            del self.scanning[source.number]

    async def _run(self) -> None:
        lock = FileLock(self._library / _LOCK_NAME, mode=PRIVATE_FILE, thread_local=False)
        while True:
            try:
                await asyncio.to_thread(lock.acquire, timeout=0)
                break
            except Timeout:
                await self._tell_elsewhere()
            await self._rest()
        try:
            while True:
                await self._reconcile()
                await self._rest()
        finally:
            await uninterrupted(self._end_all(lock))

    async def _end_all(self, lock: FileLock) -> None:
        tasks = [task for _, task in self._followers.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._followers.clear()
        await asyncio.to_thread(lock.release)

    async def _tell_elsewhere(self) -> None:
        with suppress(LibraryError):
            elsewhere = WatchReport(WatchState.ELSEWHERE, "Another window or program watches it")
            off = WatchReport(WatchState.OFF)
            self.reports = {one.number: elsewhere if one.watched else off for one in await self._sources()}

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._look.wait(), self._look_seconds)
        self._look.clear()

    async def _reconcile(self) -> None:
        """Follow each source that is to be watched, as it is set up now."""
        try:
            sources = await self._sources()
        except LibraryError as error:
            log.warning("the sources cannot be looked up: %s", error)
            return
        inner = {one.number: [each.path for each in sources if each.number != one.number] for one in sources}
        wanted = {
            one.number: (one.path, one.chosen_only, one.excludes, tuple(inner[one.number]))
            for one in sources
            if one.watched
        }
        for number, (setup, task) in tuple(self._followers.items()):
            if wanted.get(number) != setup or task.done():
                task.cancel()
                await asyncio.wait([task])
                del self._followers[number]
        self.reports = {
            one.number: self.reports.get(one.number, WatchReport(WatchState.STARTING))
            if one.watched
            else WatchReport(WatchState.OFF)
            for one in sources
        }
        for one in sources:
            if one.watched and one.number not in self._followers:
                task = asyncio.create_task(self._follow(one, inner[one.number]), name=f"watch-{one.number}")
                self._followers[one.number] = (wanted[one.number], task)

    async def _follow(self, source: Source, inner: Sequence[Path]) -> None:
        """Follow one source until cancelled, whether it is there or away."""
        within = [path for path in inner if path != source.path and path.is_relative_to(source.path)]
        while True:
            try:
                await self._follow_once(source, [self._library, *within])
            except LibraryError as error:
                log.info("%s is watched later: %s", source.path, error)
            except Exception:
                log.exception("watching %s failed: this is a bug", source.path)
            await asyncio.sleep(self._look_seconds)

    async def _follow_once(self, source: Source, apart: Sequence[Path]) -> None:
        """Scan a source, then follow its changes, until it goes away or a storm requires a full scan."""
        here = await asyncio.to_thread(identity, source.path)
        if here is None:
            if self._report(source, WatchState.AWAY, "Its folder is not there"):
                await self.scan(source)  # which finds it renamed, or notes that it is away
            return
        kind = await asyncio.to_thread(self._kind_of, source.path)
        listener = None
        try:
            if kind in NETWORK:
                self._report(source, WatchState.BY_SCANS, f"It is on a network file system ({kind})")
            else:
                # Before the scan, so that nothing falls between the two.
                listener = _Listener(source, self._patterns, apart)
                listener.start()
            if (await self.scan(source)).is_away:
                self._report(source, WatchState.AWAY, "Its files are not there")
                await self._until_changed(source, here)
                return
            if listener is not None:
                await self._listen(source, listener, here)
            else:
                await self._until_changed(source, here, self._scan_seconds)
        finally:
            if listener is not None:
                listener.stop()

    def _report(self, source: Source, state: WatchState, reason: str = "") -> bool:
        """Note how a source is followed; tells whether that is new."""
        report = WatchReport(state, reason)
        is_new = self.reports.get(source.number) != report
        self.reports[source.number] = report
        return is_new

    async def _until_changed(self, source: Source, here: tuple[int, int], seconds: float | None = None) -> None:
        """Wait until another folder is where the source was, at most for so long."""
        until = None if seconds is None else time.monotonic() + seconds
        while until is None or time.monotonic() < until:
            await asyncio.sleep(min(self._look_seconds, self._scan_seconds))
            if await asyncio.to_thread(identity, source.path) != here:
                return

    async def _listen(self, source: Source, listener: _Listener, here: tuple[int, int]) -> None:
        looked = time.monotonic()
        ready: set[ScanPart] = set()
        if listener.error is None:
            self._report(source, WatchState.BY_EVENTS)
        while True:
            await asyncio.sleep(STEP_SECONDS)
            if listener.error is not None:
                reason = fault_words(listener.error)
                log.warning("%s cannot be watched: %s", source.path, reason)
                self._report(source, WatchState.BY_SCANS, reason)
                await self._until_changed(source, here, self._scan_seconds)
                return
            now = time.monotonic()
            if now - looked >= self._look_seconds:
                looked = now
                if await asyncio.to_thread(identity, source.path) != here:
                    return
            if listener.stirs:
                ready |= await asyncio.to_thread(listener.take_calm)
            if ready and source.number not in self.scanning:
                if listener.is_storm:
                    return
                whole = source.chosen_only or ScanPart(source.path) in ready
                only = None if whole else _outermost(ready)
                try:
                    if (await self.scan(source, only)).is_away:
                        return
                    ready = set()
                except LibraryError as error:
                    # Another program scans it, or the store refuses: retry after a while.
                    log.info("%s is scanned later: %s", source.path, error)
                    await asyncio.sleep(STILL_SECONDS)


def _outermost(parts: Collection[ScanPart]) -> list[ScanPart]:
    """Return the parts that are in none of the others."""
    deep = {part.folder for part in parts if part.is_deep}
    return [
        part
        for part in parts
        if not deep.intersection(part.folder.parents) and (part.is_deep or part.folder not in deep)
    ]


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return -1


def fault_words(error: Exception) -> str:
    """Return why the system gives no events, and what helps. The numbers are ENOSPC and EMFILE of inotify(7)."""
    text = str(error)
    if "limit reached" in text or "os error 28" in text:
        limit, number, what = "max_user_watches", 524_288, "folders that can be watched"
    elif "os error 24" in text:
        limit, number, what = "max_user_instances", 1_024, "programs that watch folders"
    else:
        return f"The system cannot watch it: {storable(text)}"
    return f"The limit of {what} is reached. To raise it: sudo sysctl fs.inotify.{limit}={number}"
