"""Library: the one door to uploads, the queue and the search."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import Analyzer, Compute, OnPulled, ServerState
from vuemantics_tui.config import AUTO, MIB, SAME, Settings
from vuemantics_tui.domain.duplicates import DuplicateGroup, LookAlike
from vuemantics_tui.domain.errors import LibraryError, UsageError, VuemanticsError
from vuemantics_tui.domain.text import counted
from vuemantics_tui.files import make_folder
from vuemantics_tui.library import choosing
from vuemantics_tui.library.choosing import Choice
from vuemantics_tui.library.descriptions import Descriptions
from vuemantics_tui.library.duplicates import Duplicates
from vuemantics_tui.library.export import Export, ExportFormat, ExportProgress, SidecarResult
from vuemantics_tui.library.queue import Queue
from vuemantics_tui.library.search import Search, SearchHit, SearchResults
from vuemantics_tui.library.statistics import ReadStatistics, Space, Statistics
from vuemantics_tui.library.tags import Tags
from vuemantics_tui.library.trash import Trash
from vuemantics_tui.library.uploads import Uploads
from vuemantics_tui.media.jobs import small_jpeg
from vuemantics_tui.processing.backfill import Backfill, BackfillProgress
from vuemantics_tui.processing.circuit import Circuit, Outage
from vuemantics_tui.processing.compute import ProcessCompute
from vuemantics_tui.processing.intake import Candidate, Intake, IntakeOutcome, IntakeResult, sweep_orphans
from vuemantics_tui.processing.owner import this_process
from vuemantics_tui.processing.pipeline import Frames, Pipeline, Texts
from vuemantics_tui.processing.scheduler import Launch, Running, Scheduler
from vuemantics_tui.processing.slots import StageLimits
from vuemantics_tui.search.meaning import Meanings
from vuemantics_tui.search.ranking import Ranking
from vuemantics_tui.search.suggestions import Suggester, Suggestion, SuggestionKind
from vuemantics_tui.search.vectors import VectorIndex
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.descriptions import EDITED_BY_HAND, DescriptionStore, StoredDescription
from vuemantics_tui.store.duplicates import BackfillStore, FingerprintStore
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.filters import FilterStore
from vuemantics_tui.store.history import HistoryStore
from vuemantics_tui.store.identity import LibraryStore
from vuemantics_tui.store.queue import ClaimStore, QueueStore
from vuemantics_tui.store.runs import RunStore
from vuemantics_tui.store.search import FullText, SavedSearch, SavedSearches, SearchHistory
from vuemantics_tui.store.statistics import LibrarySize, StatisticsStore
from vuemantics_tui.store.tags import Tag, TagStore
from vuemantics_tui.store.trash import TrashedUpload, TrashStore
from vuemantics_tui.store.uploads import UploadStore

__all__ = [
    "EDITED_BY_HAND",
    "BackfillProgress",
    "Candidate",
    "ChangeFeed",
    "Choice",
    "Compute",
    "Descriptions",
    "DuplicateGroup",
    "Duplicates",
    "Export",
    "ExportFormat",
    "ExportProgress",
    "IntakeOutcome",
    "IntakeResult",
    "Launch",
    "Library",
    "LibrarySize",
    "LookAlike",
    "OnPulled",
    "Outage",
    "Queue",
    "Running",
    "SavedSearch",
    "Search",
    "SearchHit",
    "SearchResults",
    "ServerState",
    "SidecarResult",
    "Space",
    "StageLimits",
    "Statistics",
    "StoredDescription",
    "Suggestion",
    "SuggestionKind",
    "Tag",
    "Tags",
    "Trash",
    "TrashedUpload",
    "Uploads",
    "warm_compute",
]


log = logging.getLogger(__name__)

# In pixels: with half blocks, two of them a cell of height, more than a pane has.
PREVIEW_SIDE = 256


class Library:
    """An open library. Everything that a screen or a command does goes through one of its rooms.

    `analyzer` is the one in use, `choice` how it was chosen: None where it was handed in.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        compute: Compute,
        analyzer: Analyzer,
        limits: StageLimits,
        choice: Choice | None = None,
    ) -> None:
        self.settings = settings
        self.root = settings.library
        self.analyzer = analyzer
        self.choice = choice
        self.compute = compute
        self._database = database
        self._itself = LibraryStore(database)
        store, queued = UploadStore(database), QueueStore(database)
        owner = this_process()
        claims = ClaimStore(database, owner.encode())
        circuit = Circuit(analyzer.states)
        frames: Frames = {}
        texts: Texts = {}
        pipeline = Pipeline(
            library=self.root,
            claims=claims,
            runs=RunStore(database),
            analyzer=analyzer,
            compute=compute,
            circuit=circuit,
            limits=limits,
            video_frames=settings.video_frames,
            max_pixels=settings.limits.max_pixels,
            frames=frames,
            texts=texts,
        )
        embeddings = EmbeddingStore(database)
        self.queue = Queue(
            store=queued,
            history=HistoryStore(database),
            embeddings=embeddings,
            embedder=analyzer,
            circuit=circuit,
            frames=frames,
            texts=texts,
            make_scheduler=lambda launch: Scheduler(
                claims=claims, pipeline=pipeline, circuit=circuit, owner=owner, launch=launch, limits=limits
            ),
            workers=settings.workers,
            make_backfill=lambda is_idle: Backfill(
                self.root, BackfillStore(database), compute, settings.limits.max_pixels, is_idle
            ),
        )
        trash = TrashStore(database)
        intake = Intake(self.root, store, queued, trash, settings.limits, settings.keep_free_mib * MIB)
        self.trash = Trash(self.root, trash, self.queue, settings.trash_days)
        self.uploads = Uploads(self.root, database, intake, self.queue, self.trash)
        self.duplicates = Duplicates(FingerprintStore(database))
        self.export = Export(self.root, store, TagStore(database))
        self.descriptions = Descriptions(DescriptionStore(database), self.queue)
        vectors = VectorIndex(
            embeddings, ChangeFeed(database), analyzer.embedding_model, self.root / paths.VECTORS_NAME
        )
        self.statistics = ReadStatistics(
            self.root, database.path, StatisticsStore(database), embeddings, vectors, analyzer.embedding_model
        )
        self._vectors = vectors
        tags, filters, history = TagStore(database), FilterStore(database), SearchHistory(database)
        meanings = Meanings(analyzer, store, embeddings, compute, settings.video_frames)
        ranking = Ranking(FullText(database), vectors, filters, meanings, model=analyzer.embedding_model)
        suggester = Suggester(tags, filters, history)
        saved = SavedSearches(database)
        self.search = Search(store, ranking, history, settings.remember_searches, saved, suggester, analyzer)
        self.tags = Tags(tags)
        self.process_upload_background = pipeline.process_upload_background
        self._store = store

    @classmethod
    async def open(
        cls,
        settings: Settings,
        *,
        compute: Compute | None = None,
        analyzer: Analyzer | None = None,
        limits: StageLimits | None = None,
    ) -> Self:
        """Open the library that the settings name, making it where there is none.

        Without `analyzer` it is chosen: what the settings name, else what the library keeps, else, once, Ollama if it
        is ready. Without `limits` they are those of the settings. Raises LibraryError, and UsageError for settings with
        which there is no analyzer; `compute` is then left to who handed it in.
        """
        root = settings.library
        await asyncio.to_thread(_make_folder, root)
        database = await Database.open(paths.database_file(root))
        is_own = compute is None
        compute = compute or ProcessCompute(settings.workers)
        try:
            choice = None
            if analyzer is None:
                choice = await choosing.settle(settings, LibraryStore(database), compute)
                analyzer = await choosing.make(settings, choice, compute)
            names = (choice.describer, choice.embedder) if choice else ("", "")
            return cls(settings, database, compute, analyzer, limits or choosing.stage_limits(settings, *names), choice)
        except BaseException:
            if is_own:
                await compute.close()
            await database.close()
            raise

    async def close(self) -> None:
        """Stop processing and let go of everything, each thing whatever becomes of the others. Raises LibraryError."""
        # A connection that stays open keeps its thread, and so the end of the process, waiting for ever.
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._database.close)
            closing.push_async_callback(self._vectors.close)
            closing.push_async_callback(self.compute.close)
            closing.push_async_callback(self.analyzer.close)
            closing.push_async_callback(self.queue.stop)

    async def states(self) -> list[ServerState]:
        """Look at what the analyzer in use depends on, now."""
        return await self.analyzer.states()

    async def better_analyzer(self) -> str | None:
        """ "ollama" where nothing but the library's age speaks for the built-in analyzer: it is ready now. Else None.

        Looks at the server for a second or two at most.
        """
        automatic = self.choice is not None and self.settings.analyzer == AUTO
        if not automatic or self.analyzer.name != choosing.BUILTIN:
            return None
        try:
            ready = await choosing.ollama_is_ready(self.settings, self.compute)
        except UsageError as error:
            log.warning("Ollama cannot be looked at: %s %s", error, error.hint)
            return None
        return choosing.OLLAMA if ready else None

    async def keep_analyzer(self, name: str, embedder: str = SAME) -> None:
        """Have the library keep another analyzer, in use when it is opened next. Raises UsageError and LibraryError.

        Where `embedder` is the same, that of the settings counts.
        """
        chosen = self.settings.embedder if embedder == SAME else embedder
        embeds = choosing.checked_name(name if chosen == SAME else chosen)
        await self._itself.keep(choosing.checked_name(name), embeds)

    @property
    def can_pull(self) -> bool:
        """Whether the analyzer in use can fetch models."""
        return choosing.puller_of(self.analyzer) is not None

    async def pull(self, model: str, on_pulled: OnPulled) -> None:
        """Have the analyzer's servers fetch a model; cancelled, what they have is kept for the next time.

        Raises UsageError where the analyzer cannot, and AnalyzerError.
        """
        puller = choosing.puller_of(self.analyzer)
        if puller is None:
            raise UsageError(
                f"The analyzer {self.analyzer.name} fetches no models",
                "Ollama does: vuemantics-tui --analyzer ollama pull",
            )
        await puller.pull(model, on_pulled)

    async def size(self) -> LibrarySize:
        """How large the library is on disk."""
        return await StatisticsStore(self._database).size()

    async def problems(self) -> list[str]:
        """What is wrong with the database, a few lines at most; empty where all is well. Raises LibraryError."""
        problems = await self._database.problems()
        if not problems and (misplaced := await self._store.misplaced()):
            problems.append(f"{counted(misplaced, 'upload')} with an ID that is none, whose files are left alone")
        return problems

    async def preview(self, path: Path) -> bytes | None:
        """A small JPEG of any file on the disk, in the library or not; None where it shows no picture."""
        try:
            return await self.compute.run(small_jpeg, path, PREVIEW_SIDE, self.settings.limits.max_pixels)
        except (VuemanticsError, OSError):
            # What is wrong with a file is told when it is added.
            log.debug("no preview of %s", path, exc_info=True)
            return None

    async def tidy(self) -> int:
        """Delete what is in the trash for longer than the settings keep it; returns how many uploads."""
        return await self.trash.expire()

    async def sweep(self) -> int:
        """Tidy, and remove what a crash left behind on disk; returns how many folders the crash left."""
        await self.tidy()
        if misplaced := await self._store.misplaced():
            log.error("%s with an ID that is none are left alone: see the doctor", counted(misplaced, "upload"))
        ids, user_id = await self._store.existing_ids(), await self._store.owner_id()
        return await asyncio.to_thread(sweep_orphans, self.root, user_id, ids)


def warm_compute(settings: Settings) -> Compute:
    """The pool of processes, begun: for an app that opens its library from inside a screen."""
    return ProcessCompute(settings.workers).warm()


def _make_folder(root: Path) -> None:
    try:
        make_folder(root)
    except OSError as error:
        raise LibraryError(
            f"The library's folder cannot be made: {root} ({error.strerror})",
            "Name another folder with --library or VUEMANTICS_LIBRARY.",
        ) from error
