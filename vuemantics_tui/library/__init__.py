"""Library: the only way to uploads, the queue and the search."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vuemantics_tui import paths
from vuemantics_tui.analyzers.joint.served import ServedCompute, ServedModels
from vuemantics_tui.config import MIB, Settings
from vuemantics_tui.domain.errors import LibraryError, UsageError, VuemanticsError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import WHOLE, Crop
from vuemantics_tui.domain.stacks import StackRole
from vuemantics_tui.domain.text import counted
from vuemantics_tui.files import copy_part, inside, make_folder
from vuemantics_tui.library.analyzer import LibraryAnalyzer
from vuemantics_tui.library.queue import Queue
from vuemantics_tui.library.sources import Sources
from vuemantics_tui.library.trash import Trash
from vuemantics_tui.library.undo import Outcome, Undo
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Access, Database
from vuemantics_tui.store.descriptions import DescriptionStore
from vuemantics_tui.store.history import HistoryStore
from vuemantics_tui.store.identity import LibraryStore
from vuemantics_tui.store.metadata import DateStore
from vuemantics_tui.store.picture_tags import PictureTagStore
from vuemantics_tui.store.pictures import PictureStore
from vuemantics_tui.store.places import PlaceStore, Placing
from vuemantics_tui.store.queue import QueueStore
from vuemantics_tui.store.sources import SourceStore
from vuemantics_tui.store.stacks import StackChange, StackStore
from vuemantics_tui.store.tags import RatingStore, TagStore
from vuemantics_tui.store.trash import TrashStore
from vuemantics_tui.store.uploads import UploadStore

if TYPE_CHECKING:
    from vuemantics_tui.analyzers.base import Analyzer, Compute, HostLoad, OnPulled, ServerState
    from vuemantics_tui.domain.duplicates import DuplicateGroup, DuplicatesFound, Likeness, LookAlike
    from vuemantics_tui.domain.upload import Upload
    from vuemantics_tui.library.analyzer import Choice
    from vuemantics_tui.library.backups import Backups
    from vuemantics_tui.library.cluster import ClusterCompute, ClusterState, MemberState
    from vuemantics_tui.library.duplicates import Duplicates
    from vuemantics_tui.library.export import Export, ExportFormat, ExportProgress, FileResult
    from vuemantics_tui.library.facets import Facet, Facets, FacetSection
    from vuemantics_tui.library.imports import ImportReport, Imports, Origin
    from vuemantics_tui.library.models import Models
    from vuemantics_tui.library.search import Search, SearchHit, SearchResults
    from vuemantics_tui.library.statistics import LibraryStatistics, Space, Statistics
    from vuemantics_tui.library.xmp import SidecarStyle
    from vuemantics_tui.processing.backfill import BackfillProgress
    from vuemantics_tui.processing.circuit import Outage
    from vuemantics_tui.processing.compute import ProcessCompute
    from vuemantics_tui.processing.intake import Candidate, Intake, IntakeOutcome, IntakeResult, OnBytes
    from vuemantics_tui.processing.pipeline import StageLimits
    from vuemantics_tui.processing.records import Records
    from vuemantics_tui.processing.scheduler import Launch, Running
    from vuemantics_tui.processing.watch import Watch, WatchReport
    from vuemantics_tui.search.suggestions import Suggestion, SuggestionKind
    from vuemantics_tui.store.descriptions import EDITED_BY_HAND, StoredDescription
    from vuemantics_tui.store.search import SavedSearch
    from vuemantics_tui.store.statistics import LibrarySize
    from vuemantics_tui.store.tags import Rating, Tag
    from vuemantics_tui.store.trash import TrashedUpload

__all__ = [
    "EDITED_BY_HAND",
    "Access",
    "Analyzer",
    "BackfillProgress",
    "Candidate",
    "ChangeFeed",
    "Choice",
    "ClusterState",
    "Compute",
    "DescriptionStore",
    "DuplicateGroup",
    "Duplicates",
    "DuplicatesFound",
    "Export",
    "ExportFormat",
    "ExportProgress",
    "Facet",
    "FacetSection",
    "Facets",
    "FileResult",
    "HostLoad",
    "ImportReport",
    "IntakeOutcome",
    "IntakeResult",
    "Launch",
    "Library",
    "LibrarySize",
    "LibraryStatistics",
    "Likeness",
    "LookAlike",
    "MemberState",
    "OnPulled",
    "Origin",
    "Outage",
    "Outcome",
    "Placing",
    "Queue",
    "Rating",
    "Running",
    "SavedSearch",
    "Search",
    "SearchHit",
    "SearchResults",
    "ServerState",
    "SidecarStyle",
    "Sources",
    "Space",
    "StackChange",
    "StageLimits",
    "Statistics",
    "StoredDescription",
    "Suggestion",
    "SuggestionKind",
    "Tag",
    "Trash",
    "TrashedUpload",
    "Undo",
    "UploadStore",
    "Watch",
    "WatchReport",
]

# Names imported only on demand, and their modules: some load NumPy or Pillow, which most commands do not need.
_LATE = {
    "analyzers.base": ("Analyzer", "Compute", "HostLoad", "OnPulled", "ServerState"),
    "domain.duplicates": ("DuplicateGroup", "DuplicatesFound", "Likeness", "LookAlike"),
    "library.analyzer": ("Choice",),
    "library.cluster": ("ClusterState", "MemberState"),
    "library.duplicates": ("Duplicates",),
    "library.export": ("Export", "ExportFormat", "ExportProgress", "FileResult"),
    "library.facets": ("Facet", "FacetSection", "Facets"),
    "library.imports": ("ImportReport", "Origin"),
    "library.search": ("Search", "SearchHit", "SearchResults"),
    "library.xmp": ("SidecarStyle",),
    "library.statistics": ("LibraryStatistics", "Space", "Statistics"),
    "processing.backfill": ("BackfillProgress",),
    "processing.circuit": ("Outage",),
    "processing.intake": ("Candidate", "IntakeOutcome", "IntakeResult"),
    "processing.scheduler": ("Launch", "Running"),
    "processing.pipeline": ("StageLimits",),
    "processing.watch": ("Watch", "WatchReport"),
    "search.suggestions": ("Suggestion", "SuggestionKind"),
    "store.descriptions": ("EDITED_BY_HAND", "StoredDescription"),
    "store.search": ("SavedSearch",),
    "store.statistics": ("LibrarySize",),
    "store.tags": ("Rating", "Tag"),
    "store.trash": ("TrashedUpload",),
}
_MODULE_OF = {name: module for module, names in _LATE.items() for name in names}

log = logging.getLogger(__name__)

# In pixels: with half blocks, two of them a cell of height, more than a pane has.
PREVIEW_SIDE = 256


def __getattr__(name: str) -> object:
    """Import one of the names above that somebody asks for."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"vuemantics_tui.{_MODULE_OF[name]}"), name)


class Library:
    """An open library: its parts, and the few operations that join several of them.

    A part that loads heavy packages is made when it is first asked for.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        compute: Compute | None = None,
        analyzer: Analyzer | None = None,
        limits: StageLimits | None = None,
    ) -> None:
        self.settings = settings
        self.root = settings.library
        self.database = database
        self.served = ServedModels(settings)
        """The joint models that are on servers."""
        self._compute = None if compute is None else ServedCompute(compute, self.served)
        self._cluster: ClusterCompute | None = None
        self.analyzer = LibraryAnalyzer(settings, LibraryStore(database), lambda: self.compute, analyzer)
        self.uploads = UploadStore(database)
        self.history = HistoryStore(database)
        self.tags = TagStore(database)
        self.ratings = RatingStore(database)
        self.places = PlaceStore(database)
        self.dates = DateStore(database)
        self.queue = Queue(
            settings, database, self.analyzer, self._compute_at_work, limits, self.served, lambda: self.cluster
        )
        self.stacks = StackStore(database)
        self.descriptions = DescriptionStore(database)
        self.undo = Undo(database, self.queue, lambda: self.records)
        self.trash = Trash(
            self.root, TrashStore(database), self.uploads, LibraryStore(database), self.queue, settings.trash_days
        )
        self.sources = Sources(
            settings, SourceStore(database), self.uploads, self.queue, self.trash, lambda: self.intake
        )

    @classmethod
    async def open(
        cls,
        settings: Settings,
        access: Access = Access.CREATE,
        *,
        compute: Compute | None = None,
        analyzer: Analyzer | None = None,
        limits: StageLimits | None = None,
    ) -> Self:
        """Open the library that the settings name. Raises LibraryError.

        Only `Access.CREATE` makes one where there is none. Without `analyzer` it is chosen and made at its first use,
        without `compute` the pool of processes; without `limits` they are those of the settings.
        """
        if access is Access.CREATE:
            await asyncio.to_thread(_make_folder, settings.library)
        database = await Database.open(paths.database_file(settings.library), access)
        return cls(settings, database, compute=compute, analyzer=analyzer, limits=limits)

    async def close(self) -> None:
        """Stop processing and close everything; a failure of one part does not keep the others open. Raises
        LibraryError.
        """
        # The thread of a connection that stays open would keep the process from exiting.
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self.database.close)
            closing.push_async_callback(self.served.close)
            if "search" in vars(self):
                closing.push_async_callback(self.search.close)
            if self._compute is not None:
                closing.push_async_callback(self._compute.close)
            closing.push_async_callback(self.analyzer.close)
            closing.push_async_callback(self.queue.stop)
            if "watch" in vars(self):
                closing.push_async_callback(self.watch.stop)

    @property
    def compute(self) -> Compute:
        """What does heavy work: the pool of processes, or the cluster that the settings name."""
        if self._compute is None:
            from vuemantics_tui.analyzers.joint.providers import lifts_memory_limit
            from vuemantics_tui.processing.compute import ProcessCompute

            provider = self.settings.provider
            memory = 0 if lifts_memory_limit(provider) else self.settings.worker_memory_mib * MIB
            local = ProcessCompute(self.settings.workers, memory, provider=provider)
            compute = self._cluster_compute(local) if self.settings.cluster else local
            self._compute = ServedCompute(compute, self.served)
        return self._compute

    def _cluster_compute(self, local: ProcessCompute) -> Compute:
        """Return what runs heavy work on the cluster of the settings. Raises UsageError."""
        from vuemantics_tui.library.cluster import cluster_compute

        self._cluster = cluster_compute(self.settings, local)
        return self._cluster

    def _compute_at_work(self) -> Compute:
        """Return what does heavy work, on its way to the cluster: uploads are about to come."""
        compute = self.compute
        if self._cluster is not None:
            self._cluster.connection.start()
        return compute

    @property
    def cluster(self) -> ClusterState | None:
        """The cluster as it is now; None where none is used."""
        return None if self._cluster is None else self._cluster.connection.state

    @cached_property
    def intake(self) -> Intake:
        """What copies files into the library."""
        from vuemantics_tui.processing.intake import Intake

        free = self.settings.keep_free_mib * MIB
        queued = QueueStore(self.database)
        return Intake(self.root, self.uploads, queued, self.trash.store, self.settings.limits, free)

    @cached_property
    def backups(self) -> Backups:
        """What copies the library while work goes on."""
        from vuemantics_tui.library.backups import Backups

        return Backups(self.root, self.database, self.settings.keep_free_mib * MIB, lambda: self.records)

    @cached_property
    def records(self) -> Records:
        """What the folders of copied uploads say of them."""
        from vuemantics_tui.processing.records import Records
        from vuemantics_tui.store.folders import FolderStore

        return Records(self.root, FolderStore(self.database))

    @cached_property
    def watch(self) -> Watch:
        """What keeps sources up to date while the program runs."""
        from vuemantics_tui.processing.watch import Watch

        patterns = [each.strip() for each in self.settings.source_excludes.split(",")]
        return Watch(
            self.root,
            self.sources.store.all,
            lambda source, only, told: self.sources.scan(source, told, only=only),
            patterns,
            scan_seconds=60 * self.settings.source_scan_minutes,
        )

    @cached_property
    def search(self) -> Search:
        """What finds uploads."""
        from vuemantics_tui.library.search import Search

        return Search(self.settings, self.database, self.analyzer, lambda: self.compute, self.models)

    @cached_property
    def models(self) -> Models:
        """The joint image-text models of this machine, and the one that this library uses."""
        from vuemantics_tui.library.models import Models
        from vuemantics_tui.processing.compute import ProcessCompute

        memory = self.settings.worker_memory_mib * MIB

        # Who searches waits for it, so it goes before what runs in the background.
        def queries() -> Compute:
            return ServedCompute(ProcessCompute(1, memory, niceness=0), self.served)

        return Models(
            paths.models_dir(),
            PictureStore(self.database),
            PictureTagStore(self.database),
            lambda: self.compute,
            queries,
            self.served,
        )

    @cached_property
    def duplicates(self) -> Duplicates:
        """What finds uploads that look the same."""
        from vuemantics_tui.library.duplicates import Duplicates

        return Duplicates(self.database, self.root, lambda: self.compute, self.settings.limits.max_pixels)

    @cached_property
    def export(self) -> Export:
        """What writes uploads for other programs."""
        from vuemantics_tui.library.export import Export

        return Export(self.root, self.uploads, self.tags, self.sources.store, self.absolute)

    @cached_property
    def imports(self) -> Imports:
        """What takes over what other programs know."""
        from vuemantics_tui.library.imports import Imports

        return Imports(self.database)

    @cached_property
    def statistics(self) -> LibraryStatistics:
        """The library in numbers."""
        from vuemantics_tui.library.statistics import LibraryStatistics

        return LibraryStatistics(self.root, self.database, self.analyzer, self.search.vectors)

    async def problems(self) -> list[str]:
        """Return what is wrong with the database, a few lines at most; nothing if all is well. Raises LibraryError."""
        problems = await self.database.problems()
        if not problems and (misplaced := await self.uploads.misplaced()):
            problems.append(f"{counted(misplaced, 'upload')} with an invalid ID, whose files are left alone")
        return problems

    def changes(self) -> ChangeFeed:
        """Return a new listener to changes by this and all other processes."""
        return ChangeFeed(self.database)

    async def named(self, prefixes: Iterable[str], *, alone: bool = False) -> list[Upload]:
        """Return the uploads whose IDs begin so, and with the cover of a stack, unless `alone`, all of that stack.

        Raises UsageError where a prefix means none, or several.
        """
        found = [await self.uploads.find(prefix) for prefix in prefixes]
        numbers = [upload.number for upload in found]
        return await self.uploads.by_numbers(
            list(dict.fromkeys(numbers)) if alone else await self.stacks.whole(numbers)
        )

    def absolute(self, relative: str | None) -> Path | None:
        """Return where a file of the library is on this machine; None for none, and for one outside of the library."""
        if not relative or not (self.root / relative).is_relative_to(self.root) or ".." in Path(relative).parts:
            return None
        return self.root / relative

    def original(self, upload: Upload) -> Path:
        """Return where an upload's original should be; `sources.reach` looks whether it is there.

        Raises LibraryError if the database says: outside of the library, or of its source.
        """
        path = upload.in_place if upload.source is not None else self.absolute(upload.file_path)
        if path is None:
            raise LibraryError(
                f"The database says that {upload.filename!r} is outside of the library: {upload.file_path!r}",
                "The library is damaged or malicious. Restore it from a backup, or use another one.",
            )
        return path

    async def clip(self, upload: Upload) -> Path | None:
        """Return a file with the clip of a video, a motion photo or a Live Photo; None where there is none.

        That of a motion photo is taken out of it once, and goes with the upload. Raises LibraryError if it cannot be.
        """
        if upload.file_type is FileType.VIDEO:
            return await self.sources.reach(upload)
        if upload.motion_bytes:
            original = await self.sources.reach(upload)
            folder = paths.upload_folder(upload.user_id, upload.id)
            target = await asyncio.to_thread(inside, self.root, folder / paths.CLIP_NAME)
            try:
                await asyncio.to_thread(make_folder, target.parent)
                await asyncio.to_thread(_take_out, original, target, upload.motion_start, upload.motion_bytes)
            except OSError as error:
                raise LibraryError(
                    f"The clip in {upload.filename} cannot be extracted: {error.strerror or error}",
                    f"Check the free space and the permissions of {self.root}.",
                ) from error
            return target
        for member in upload.stack_members:
            if member.role == StackRole.CLIP and (found := await self.uploads.get(member.id)):
                return await self.sources.reach(found)
        return None

    async def gather(self, named: Iterable[Path], *, recursive: bool) -> list[Candidate]:
        """Return all files that the paths stand for, checked for space. Raises UsageError and LibraryError."""
        candidates = await self.intake.gather(named, recursive=recursive)
        await self.intake.check_space(candidates)
        return candidates

    async def add(
        self, candidates: Iterable[Candidate], on_bytes: OnBytes | None = None
    ) -> AsyncIterator[IntakeResult]:
        """Add files one by one; each is queued by the time its result is yielded. Raises LibraryError."""
        async for result in self.intake.add(candidates, on_bytes):
            if result.is_new:
                self.queue.wake()
            if result.reread and result.upload is not None:
                await self.queue.read_again(result.upload.number)
                reread = await self.uploads.by_number(result.upload.number)
                yield replace(result, upload=reread or result.upload)
            else:
                yield result

    async def rename(self, upload_id: str, name: str) -> str | None:
        """Show an upload under another file name; see `UploadStore.rename`. Raises UsageError."""
        before = await self.uploads.rename(upload_id, name)
        if before is not None:
            await self.records.write([upload_id])
        return before

    async def process_upload_background(self, upload_id: str, user_id: str, file_type: str, extension: str) -> None:
        """Process one upload, however that ends. Raises UsageError for settings with which there is no analyzer."""
        pipeline = await self.queue.pipeline()
        await pipeline.process_upload_background(upload_id, user_id, file_type, extension)

    async def set_place(self, upload_ids: Sequence[str], text: str) -> Placing:
        """Set the place of uploads as a person writes it: `Rome, Italy`, `none` for no place, `file` for the one in the
        file. Return what those had that changed. Raises UsageError for no text.
        """
        from vuemantics_tui.media.places import read_place

        word = text.strip().lower()
        if not word.strip(" ,"):
            raise UsageError("A place needs a name", 'For example "Rome, Italy", "none" for no place, or "file".')
        if word == "file":
            return await self.places.use_file(upload_ids)
        return await self.places.set(upload_ids, None if word == "none" else await asyncio.to_thread(read_place, text))

    async def preview(
        self, path: Path, side: int = PREVIEW_SIDE, crop: Crop = WHOLE, at: float | None = None
    ) -> bytes | None:
        """Return a JPEG of any file on the disk, in the library or not; None if it has no picture to show.

        The whole picture is fitted into `side` x `side` pixels, and `crop` is cut out of that. `at` asks for the frame
        after so many seconds of a video, or for the frame of that number, from 0, of an animation.
        """
        from vuemantics_tui.media.jobs import small_jpeg

        try:
            return await self.compute.run(small_jpeg, path, side, self.settings.limits.max_pixels, crop, at)
        except (VuemanticsError, OSError):
            # Adding the file reports what is wrong with it.
            log.debug("no preview of %s", path, exc_info=True)
            return None

    async def seconds_of(self, clip: Path) -> float | None:
        """Return how long a clip on the disk is, or None if nobody knows."""
        from vuemantics_tui.media.jobs import read_metadata

        try:
            return (
                await self.compute.run(read_metadata, clip, FileType.VIDEO, self.settings.limits.max_pixels)
            ).duration
        except (VuemanticsError, OSError):
            log.debug("no length of %s", clip, exc_info=True)
            return None

    async def sweep(self) -> int:
        """Empty what has expired from the trash, and remove what a crash left on disk; return how many folders."""
        from vuemantics_tui.processing.intake import sweep_orphans

        await self.trash.expire()
        if misplaced := await self.uploads.misplaced():
            log.error("%s with an invalid ID are left alone: see the doctor", counted(misplaced, "upload"))
        ids, user_id = await self.uploads.existing_ids(), await self.uploads.owner_id()
        return await asyncio.to_thread(sweep_orphans, self.root, user_id, ids)


def _take_out(source: Path, target: Path, start: int, size: int) -> None:
    if not target.is_file() or target.stat().st_size != size:
        copy_part(source, target, start, size)


def _make_folder(root: Path) -> None:
    try:
        make_folder(root)
    except OSError as error:
        raise LibraryError(
            f"The library's folder cannot be created: {root} ({error.strerror})",
            "Choose another folder with --library or VUEMANTICS_LIBRARY.",
        ) from error
