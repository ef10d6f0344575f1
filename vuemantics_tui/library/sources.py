"""Sources: folders whose files are used in place."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui.domain.errors import MediaError, UnreadableError, UsageError
from vuemantics_tui.domain.text import date_words, storable
from vuemantics_tui.files import original_at

if TYPE_CHECKING:
    from vuemantics_tui.config import Settings
    from vuemantics_tui.domain.sources import RemovedFile, ScanPart, ScanProgress, Source
    from vuemantics_tui.domain.upload import Upload
    from vuemantics_tui.library.queue import Queue
    from vuemantics_tui.library.trash import Trash
    from vuemantics_tui.processing.intake import Candidate, Intake, IntakeResult
    from vuemantics_tui.processing.scan import OnProgress, Scan
    from vuemantics_tui.store.sources import SourceStore
    from vuemantics_tui.store.uploads import UploadStore

TO_SEE = "To see your sources: vuemantics-tui source list"


@dataclass(frozen=True, slots=True)
class SourceMove:
    """A source and the path that it was given."""

    source: Source
    path: Path


class Sources:
    """The folders whose files are used in place. Nothing is ever written into them."""

    def __init__(
        self,
        settings: Settings,
        store: SourceStore,
        uploads: UploadStore,
        queue: Queue,
        trash: Trash,
        intake: Callable[[], Intake],
    ) -> None:
        self.store = store
        self._intake = intake
        self._root = settings.library
        self._settings = settings
        self._uploads = uploads
        self._queue = queue
        self._trash = trash

    async def add(
        self, folder: Path, *, excludes: Sequence[str] = (), watched: bool = True, chosen_only: bool = False
    ) -> Source:
        """Add a folder, or change one that is already a source; nothing is scanned yet.

        A source that is away and turns out to be this folder, renamed, keeps its uploads. Raises UsageError if it is no
        folder, or belongs to the library.
        """
        path = await asyncio.to_thread(self._checked, folder)
        await self._follow_renamed(path)
        return await self.store.add(path, excludes=excludes, watched=watched, chosen_only=chosen_only)

    async def add_if_new(self, folder: Path) -> Source:
        """Return the source that a folder is or is in, or add it."""
        path = await asyncio.to_thread(_real, folder)
        for source in await self.store.all():
            if source.path == path and not source.chosen_only:
                return source
        return await self.add(folder)

    async def all(self) -> list[Source]:
        """Return all sources with their counts, after a look at whether each is there."""
        from vuemantics_tui.processing.presence import Presence

        presence, now = Presence(self.store), datetime.now(UTC).isoformat(timespec="microseconds")
        return [
            replace(source, away_since=(source.away_since or now) if await presence.look(source) else None)
            for source in await self.store.counted()
        ]

    async def use(self, candidates: Iterable[Candidate]) -> AsyncIterator[IntakeResult]:
        """Use single files where they are, one by one, each in the source that it is in.

        One that is in none makes its folder a source of which only what was named is used. Raises LibraryError.
        """
        from vuemantics_tui.processing.intake import IntakeOutcome, IntakeResult

        scan = await self._scan()
        for candidate in candidates:
            path = candidate.path
            if candidate.reason:
                yield IntakeResult(
                    path,
                    IntakeOutcome.SKIPPED,
                    reason=candidate.reason,
                    hint=candidate.hint,
                    is_unread=candidate.is_unread,
                )
                continue
            real = await asyncio.to_thread(_real_parent, path)
            try:
                taken, number = await scan.take_file(await self._holding(real.parent), real)
            except MediaError as error:
                is_unread = isinstance(error, UnreadableError)
                yield IntakeResult(
                    path, IntakeOutcome.SKIPPED, reason=error.message, hint=error.hint, is_unread=is_unread
                )
                continue
            upload = await self._uploads.even_trashed(number) if number is not None else None
            if upload is None:
                yield IntakeResult(path, IntakeOutcome.SKIPPED, reason="It is gone", is_unread=True)
            elif number in (*taken.added, *taken.changed):
                self._queue.wake()
                yield IntakeResult(path, IntakeOutcome.ADDED, upload)
            else:
                yield await self._intake().take_back(path, upload)

    async def _holding(self, folder: Path) -> Source:
        """Return the innermost source that a folder is in; a new one of chosen files if there is none."""
        around = [one for one in await self.store.all() if folder.is_relative_to(one.path)]
        if around:
            return max(around, key=lambda one: len(one.path.parts))
        return await self.add(folder, chosen_only=True)

    async def find(self, folder: Path) -> Source:
        """Return the source that is this folder, there or not. Raises UsageError if it is none."""
        sources = await self.store.all()
        wanted = {_absolute(folder), await asyncio.to_thread(_real, folder)}
        for source in sources:
            if source.path in wanted:
                return source
        for source in sources:
            if await asyncio.to_thread(_is_same, source.path, folder):
                return source
        raise UsageError(
            f"{storable(str(folder))} is not a source", f"{TO_SEE}. To add it: vuemantics-tui source add DIR"
        )

    async def scan(
        self,
        source: Source,
        on_progress: OnProgress | None = None,
        *,
        only: Collection[ScanPart] | None = None,
        as_is: bool = False,
    ) -> ScanProgress:
        """Scan a source: see `Scan.run`. What is new or changed is queued as it is found. Raises LibraryError."""

        def told(progress: ScanProgress) -> None:
            self._queue.wake()
            if on_progress is not None:
                on_progress(progress)

        progress = await (await self._scan()).run(source, told, only=only, as_is=as_is)
        self._queue.wake()
        return progress

    async def move(self, old: Path, new: Path) -> list[SourceMove]:
        """Give the source `old`, and all that are below that path, the path `new`. Returns what was moved.

        Raises UsageError if there is none, if `new` is no folder, or holds none of the files that are known.
        """
        from vuemantics_tui.processing.presence import has_any, identity

        before = _absolute(old)
        target = await asyncio.to_thread(self._checked, new)
        chosen = [one for one in await self.store.all() if one.path.is_relative_to(before)]
        if not chosen:
            raise UsageError(f"There is no source at or below {storable(str(old))}", TO_SEE)
        moves = [SourceMove(source, target / source.path.relative_to(before)) for source in chosen]
        for move in moves:
            sample = await self.store.files.sample(move.source.number)
            if sample and not await asyncio.to_thread(has_any, move.path, sample):
                raise UsageError(
                    f"{storable(str(move.path))} contains no known file of {storable(str(move.source.path))}",
                    "Nothing was changed. Name the folder that its files are in now.",
                )
        async with AsyncExitStack() as locks:
            scan = await self._scan()
            for move in moves:
                await locks.enter_async_context(scan.locked(move.source))
            for move in moves:
                here = await asyncio.to_thread(identity, move.path)
                state = await self.store.state(move.source.number)
                copied = here is None or here[0] != state.device
                await self.store.relocate({move.source.number: move.path}, copied=copied)
        self._queue.wake()
        return moves

    async def remove(self, source: Source, *, keep: bool) -> int:
        """Stop using a source; its files stay. Its uploads go to the trash, unless you `keep` them. Returns how many.

        Those that are kept stay listed, and are opened where they are, but the folder is not scanned any more. What is
        in an outer source as well becomes that one's, and stays.
        """
        async with (await self._scan()).locked(source):
            trashed = await self.store.remove(source.number, keep=keep)
        for upload_id in trashed:
            self._queue.drop(upload_id)
        return len(trashed)

    async def outer(self, source: Source) -> Source | None:
        """Return the source that another one is in, if there is one."""
        around = [one for one in await self.store.all() if one.path in source.path.parents and not one.chosen_only]
        return max(around, key=lambda one: len(one.path.parts), default=None)

    async def long_missing(self, days: float, source: Source | None = None) -> list[str]:
        """Return the IDs of the uploads whose files have been missing for so many days."""
        before = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="microseconds")
        return await self.store.files.missing_since(before, source.number if source else None)

    async def removed(self) -> list[RemovedFile]:
        """Return the files whose uploads you deleted, which no scan brings back."""
        return await self.store.files.removed()

    async def restore(self, files: Iterable[Path]) -> tuple[int, int]:
        """Bring removed files back: out of the trash, or else with the next scan. Returns how many of each.

        Raises UsageError if one was not removed.
        """
        known = {one.path: one for one in await self.store.files.removed()}
        chosen = []
        for file in files:
            path = _absolute(file)
            found = known.get(path) or known.get(await asyncio.to_thread(_real, file))
            if found is None:
                raise UsageError(
                    f"{storable(str(file))} was not removed", "To see what was: vuemantics-tui source list --removed"
                )
            chosen.append(found)
        restored = await self._trash.restore([one.upload_id for one in chosen if one.upload_id])
        forgiven = await self.store.files.forgive(one.path for one in chosen if not one.upload_id)
        return restored, forgiven

    async def reach(self, upload: Upload) -> Path:
        """Return where an upload's original is, having looked. Raises OriginalGoneError if it is not there."""
        path = original_at(self._root, upload.file_path, upload.source)
        if upload.source is None or (upload.missing_since is None and await asyncio.to_thread(path.exists)):
            return path
        from vuemantics_tui.processing.presence import Presence, gone

        root = Path(upload.source)
        error = await Presence(self.store).look_for(upload.number, root, path)
        raise gone(path, root, is_away=error.is_away, since=date_words(upload.missing_since))

    async def copies(self, upload: Upload) -> list[Path]:
        """Return the other files in sources that have the bytes of an upload, as far as is known."""
        original = original_at(self._root, upload.file_path, upload.source)
        return [path for path in await self.store.files.of(upload.number) if path != original]

    async def discard(self, uploads: Iterable[Upload]) -> AsyncIterator[tuple[Upload, str]]:
        """Move the files of uploads in place to the system's own trash, all places of each.

        Yields each upload with the reason if its file is still there. Copied uploads are passed over.
        """
        for upload in uploads:
            if upload.source is None:
                continue
            reason = ""
            for path in await self.store.files.of(upload.number):
                reason = reason or await asyncio.to_thread(_discard, path)
            if not reason:
                await self.store.files.forget(upload.number)
            yield upload, reason

    async def _scan(self) -> Scan:
        from vuemantics_tui.processing.scan import Scan

        settings = self._settings
        patterns = [each.strip() for each in settings.source_excludes.split(",")]
        return Scan(self._root, self.store, await self._uploads.owner_id(), settings.limits, patterns)

    def _checked(self, folder: Path) -> Path:
        """Return the real path of a folder that may be a source. Raises UsageError."""
        path = _real(folder)
        if not path.is_dir():
            what = "is not a folder" if path.exists() else "is not there"
            raise UsageError(
                f"{storable(str(folder))} {what}", "Check the spelling, and whether its disk is connected."
            )
        if path.is_relative_to(_real(self._root)):
            raise UsageError(f"{storable(str(folder))} belongs to the library itself", "Choose a folder outside of it.")
        return path

    async def _follow_renamed(self, path: Path) -> None:
        """Recognise a source that is away in a folder that has its files."""
        from vuemantics_tui.processing.presence import has_any, identity

        here = await asyncio.to_thread(identity, path)
        for source in await self.store.all():
            state = await self.store.state(source.number)
            if source.path == path or here != (state.device, state.inode):
                continue
            sample = await self.store.files.sample(source.number)
            is_gone = not await asyncio.to_thread(source.path.exists)
            if is_gone and await asyncio.to_thread(has_any, path, sample):
                await self.store.relocate({source.number: path})
                return


def _absolute(path: Path) -> Path:
    """Return an absolute path without dots, its links as they are: what they lead to may be gone."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute() keeps dots


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _real_parent(path: Path) -> Path:
    """Return a path without links on the way; one that is a link itself stays one."""
    return Path(os.path.realpath(path.parent), path.name)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _discard(path: Path) -> str:
    """Move a file to the system's trash; returns why it could not be, or nothing. One that is gone already is fine."""
    from send2trash import TrashPermissionError, send2trash

    try:
        send2trash(path)
    except FileNotFoundError:
        return ""
    except TrashPermissionError:
        return f"There is no trash on the disk of {storable(str(path))}"
    except OSError as error:
        return f"{storable(str(path))} cannot be moved to the trash: {error.strerror or error}"
    return ""
