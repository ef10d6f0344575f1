"""The queue: what waits and runs, and the scheduler that works on it in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from vuemantics_tui.config import MIB
from vuemantics_tui.domain.errors import LibraryError, UsageError
from vuemantics_tui.domain.text import counted
from vuemantics_tui.domain.upload import TERMINAL, ProcessingStatus, Upload
from vuemantics_tui.processing.circuit import Circuit
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.history import HistoryStore
from vuemantics_tui.store.queue import QueueStore
from vuemantics_tui.store.uploads import UploadStore

if TYPE_CHECKING:
    from pathlib import Path

    from vuemantics_tui.analyzers.base import Compute
    from vuemantics_tui.analyzers.joint.served import ServedModels
    from vuemantics_tui.analyzers.joint.vocabulary import WordList
    from vuemantics_tui.config import Settings
    from vuemantics_tui.library.analyzer import LibraryAnalyzer
    from vuemantics_tui.library.cluster import ClusterState
    from vuemantics_tui.processing.backfill import Backfill, BackfillProgress
    from vuemantics_tui.processing.picture_tags import PictureTags
    from vuemantics_tui.processing.picture_vectors import PicturePass, PictureProgress
    from vuemantics_tui.processing.pipeline import Frames, Pipeline, StageLimits, Texts
    from vuemantics_tui.processing.scheduler import Launch, Scheduler
    from vuemantics_tui.store.changes import ChangeFeed
    from vuemantics_tui.store.database import Database

# How often someone who waits for uploads checks whether the queue moves at all.
FOLLOW_SECONDS = 0.5
# At the end of a batch fast hosts wait for slow ones.
_BATCH = 8
_BETWEEN_LOOKS = 0.05


class Queue:
    """What waits and runs. `circuit` knows of servers that are offline; `frames` and `texts` are of this process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        analyzer: LibraryAnalyzer,
        compute: Callable[[], Compute],
        limits: StageLimits | None,
        served: ServedModels,
        cluster: Callable[[], ClusterState | None],
    ) -> None:
        self.store = QueueStore(database)
        self._served = served
        self.circuit = Circuit(analyzer.states)
        self.frames: Frames = {}
        self.texts: Texts = {}
        self._settings = settings
        self._database = database
        self._uploads = UploadStore(database)
        self._history = HistoryStore(database)
        self._embeddings = EmbeddingStore(database)
        self._analyzer = analyzer
        self._compute = compute
        self._cluster = cluster
        self._limits = limits
        self._making = asyncio.Lock()
        self._pipeline: Pipeline | None = None
        self._scheduler: Scheduler | None = None
        self._backfill: Backfill | None = None
        self._pictures: PicturePass | None = None
        self._tags: PictureTags | None = None

    async def start(self, launch: Launch | None = None) -> None:
        """Start to process waiting uploads, each launched by `launch`, else as a task.

        Raises UsageError for settings with which there is no analyzer, and LibraryError.
        """
        from vuemantics_tui.processing.scheduler import Scheduler, launch_task, this_process
        from vuemantics_tui.store.changes import Stir
        from vuemantics_tui.store.identity import LibraryStore, most_at_once
        from vuemantics_tui.store.queue import ClaimStore

        pipeline = await self.pipeline()
        if self._scheduler is not None:
            return
        owner = this_process()
        self._scheduler = Scheduler(
            claims=ClaimStore(self._database, owner.encode()),
            pipeline=pipeline,
            circuit=self.circuit,
            owner=owner,
            launch=launch or launch_task,
            limits=await self.limits(),
            stir=Stir(self._database),
            see=partial(LibraryStore(self._database).see, at_most=most_at_once(self._settings.trash_days)),
        )
        self._scheduler.start()
        self._background().start()
        self._looking().start()

    async def read_again(self, number: int) -> None:
        """Read the file and the side-cars of an upload now, unless its run is going to. Raises LibraryError."""
        await self._background().read_again(number)

    def _background(self) -> Backfill:
        from vuemantics_tui.processing.backfill import Backfill
        from vuemantics_tui.processing.presence import Presence
        from vuemantics_tui.store.duplicates import BackfillStore
        from vuemantics_tui.store.sources import SourceStore

        if self._backfill is None:
            self._backfill = Backfill(
                self._settings.library,
                BackfillStore(self._database),
                self._compute(),
                Presence(SourceStore(self._database)),
                self._settings.limits.max_pixels,
                lambda: self.in_flight == 0,
            )
        return self._backfill

    def _looking(self) -> PicturePass:
        from vuemantics_tui import paths
        from vuemantics_tui.library.models import installed_folder
        from vuemantics_tui.processing.picture_vectors import PicturePass
        from vuemantics_tui.store.pictures import PictureStore

        if self._pictures is None:
            self._pictures = PicturePass(
                self._settings.library,
                PictureStore(self._database),
                self._compute(),
                partial(installed_folder, paths.models_dir()),
                self._settings.video_frames,
                lambda: self.in_flight == 0,
                self._tagging(),
                at_once=self._pictures_at_once,
            )
        return self._pictures

    @property
    def pictures_problem(self) -> str:
        """What the joint model in use failed with at last, while its pictures wait for it; else empty."""
        return self._pictures.problem if self._pictures is not None else ""

    async def words_problem(self) -> UsageError | None:
        """Return why the words that a joint model looks for cannot be read, so that it gives no tags; else None."""
        if not (self._settings.tag_list or self._settings.tag_words):
            return None
        try:
            await asyncio.to_thread(_read_words, self._settings)
        except UsageError as error:
            return error
        return None

    async def _pictures_at_once(self, folder: Path) -> int:
        """Return how many pictures are worth showing to a model at a time: a batch for each host of a served one."""
        model = await self._served.of(folder)
        local = self._compute().at_once
        return local if model is None else _BATCH * model.at_once + local

    def _tagging(self) -> PictureTags:
        from vuemantics_tui import paths
        from vuemantics_tui.analyzers.joint.served import ServedCompute
        from vuemantics_tui.library.models import installed_folder
        from vuemantics_tui.processing.compute import ProcessCompute
        from vuemantics_tui.processing.picture_tags import PictureTags
        from vuemantics_tui.store.picture_tags import PictureTagStore
        from vuemantics_tui.store.pictures import PictureStore

        settings = self._settings
        if self._tags is None:
            self._tags = PictureTags(
                PictureTagStore(self._database),
                PictureStore(self._database),
                self._compute(),
                lambda: ServedCompute(ProcessCompute(1, settings.worker_memory_mib * MIB), self._served),
                partial(installed_folder, paths.models_dir()),
                lambda: _read_words(settings),
                paths.cache_dir() / "words",
            )
        return self._tags

    async def stop(self) -> None:
        """Stop processing; running uploads are back in the queue when this returns."""
        if self._pictures is not None:
            await self._pictures.stop()
        if self._backfill is not None:
            await self._backfill.stop()
        if self._scheduler is not None:
            await self._scheduler.stop()
            self._scheduler = None

    async def pipeline(self) -> Pipeline:
        """Return what processes one upload, made at the first call. Raises as `start`."""
        from vuemantics_tui import paths
        from vuemantics_tui.library.models import installed_look
        from vuemantics_tui.processing.picture_vectors import PictureModel
        from vuemantics_tui.processing.pipeline import Pipeline
        from vuemantics_tui.processing.presence import Presence
        from vuemantics_tui.processing.scheduler import this_process
        from vuemantics_tui.store.pictures import PictureStore
        from vuemantics_tui.store.queue import ClaimStore
        from vuemantics_tui.store.runs import RunStore
        from vuemantics_tui.store.sources import SourceStore

        async with self._making:
            if self._pipeline is None:
                analyzer = await self._analyzer.get()
                self._pipeline = Pipeline(
                    library=self._settings.library,
                    claims=ClaimStore(self._database, this_process().encode()),
                    runs=RunStore(self._database),
                    analyzer=analyzer,
                    compute=self._compute(),
                    circuit=self.circuit,
                    limits=(await self.limits())(),
                    video_frames=self._settings.video_frames,
                    max_pixels=self._settings.limits.max_pixels,
                    frames=self.frames,
                    texts=self.texts,
                    presence=Presence(SourceStore(self._database)),
                    pictures=PictureModel(
                        PictureStore(self._database), self._compute(), partial(installed_look, paths.models_dir())
                    ),
                )
        return self._pipeline

    async def limits(self) -> Callable[[], StageLimits]:
        """Return what says how many uploads may be in each stage at a time, which a cluster changes."""
        given = self._limits
        if given is not None:
            return lambda: given
        compute = self._compute()
        return await self._analyzer.limits(lambda: compute.at_once)

    def wake(self) -> None:
        """Look for work now."""
        if self._scheduler is not None:
            self._scheduler.wake()

    def drop(self, upload_id: str) -> None:
        """Stop working on an upload that is gone from the store."""
        if self._scheduler is not None:
            self._scheduler.cancel(upload_id)

    def drop_run(self, token: str) -> None:
        """Stop the run with this claim, if this process has it."""
        if self._scheduler is not None:
            self._scheduler.cancel_run(token)

    @property
    def running_here(self) -> int:
        """How many uploads this process works on, without those that wait for a slot of their next stage."""
        return self._scheduler.running_here if self._scheduler else 0

    @property
    def in_flight(self) -> int:
        """How many uploads this process has claimed, whether it works on them just now or not."""
        return self._scheduler.in_flight if self._scheduler else 0

    @property
    def backfill(self) -> BackfillProgress | None:
        """How far this process is with what older uploads lack; None while there is nothing to do."""
        return self._backfill.progress if self._backfill else None

    def look_at_pictures(self) -> None:
        """Show the joint model what it has not seen, without waiting for the next look."""
        self._looking().wake()

    async def pictures_left(self, model: str) -> AsyncIterator[int]:
        """Yield how many pictures a model has not seen whenever that changes, until none is left or nobody looks."""
        from vuemantics_tui.store.pictures import PictureStore

        store, looking = PictureStore(self._database), self._looking()
        goes_on = True
        while goes_on:
            # To count takes long in a large library, so the count of the pass is taken where there is one.
            seen = looking.progress
            left = (seen.of - seen.done if seen is not None else 0) or await store.left(model)
            yield left
            goes_on = bool(left) and await looking.moved()
        yield await store.left(model)

    async def tag_pictures(self) -> None:
        """Give uploads the words that the joint model in use sees in them, now.

        Raises UsageError for a list of words that cannot be read, AnalyzerError for the model, and LibraryError.
        """
        await self._tagging().update()

    @property
    def pictures(self) -> PictureProgress | None:
        """Return how many pictures the joint model has seen, while this process shows it some."""
        return None if self._pictures is None else self._pictures.progress

    @property
    def provider_fault(self) -> str:
        """Return why the joint model does not run on the provider that is set, as a sentence, or nothing."""
        return "" if self._pictures is None else self._pictures.fault

    async def retry(self, upload_ids: Iterable[str], overwrite_edited: bool = False) -> list[str]:
        """Put failed and completed uploads back into the queue; return the IDs that moved.

        Completed ones whose description was edited by hand are passed over, unless told to `overwrite_edited`.
        """
        moved = await self.store.requeue(upload_ids, overwrite_edited=overwrite_edited)
        self.wake()
        return moved

    async def retry_failed(self) -> list[str]:
        """Put every failed upload back into the queue; return their IDs."""
        return await self.retry(await self._uploads.ids_with_status(ProcessingStatus.FAILED))

    async def retry_group(self, cause: str) -> list[str]:
        """Put every upload that failed for this cause back into the queue; return their IDs."""
        return await self.retry([each.id for each in await self.store.failed_for(cause)])

    async def cancel(self, upload_ids: Iterable[str]) -> list[str]:
        """End what waits or runs as failed, kind cancelled, in any process; return the IDs that were ended.

        A run in this process stops at once, one in another process at its next write.
        """
        ended = await self.store.cancel(list(upload_ids))
        for run in ended:
            if run.token is not None:
                self.drop_run(run.token)
        return [run.upload_id for run in ended]

    async def run_next(self, upload_ids: Iterable[str]) -> int:
        """Move these to the front of the queue, the oldest first; return how many of them wait."""
        moved = await self.store.run_next(list(upload_ids))
        self.wake()
        return moved

    async def set_paused(self, paused: bool) -> None:
        """Pause or resume the queue for everyone using the library. Running uploads finish first."""
        await self.store.set_paused(paused)
        self.wake()

    async def stale_embeddings(self) -> tuple[int, int]:
        """Return how many described uploads lack a vector of the embedding model in use, and of how many."""
        return await self._embeddings.stale((await self._analyzer.get()).embedding_model)

    async def reembed(self) -> int:
        """Queue what lacks a vector of the embedding model in use, behind all else; return how many.

        Nothing is described again, and keywords find it meanwhile.
        """
        moved = await self._embeddings.queue_stale((await self._analyzer.get()).embedding_model)
        self.wake()
        return moved

    async def ended(
        self,
        feed: ChangeFeed,
        mine: set[int],
        *,
        through_pauses: bool = False,
        patience: float | None = None,
    ) -> AsyncIterator[Upload | None]:
        """Yield each of these uploads as it ends, in any process; None for one that was deleted.

        `feed` must have skipped to a moment before they were added. `mine`, their numbers, is emptied. Raises
        LibraryError when the queue is paused and nothing runs any more, unless told to wait `through_pauses`, and when
        a server, or a cluster to wait for, has been offline for `patience` seconds (None: waits without end).
        """
        while mine:
            self._check_patience(patience)
            changes = await feed.wait(FOLLOW_SECONDS)
            looked = time.monotonic()
            if changes is None:
                # What waits for a file that is gone ends when that is back.
                for upload in await self._uploads.by_numbers(sorted(await self.store.out_of_reach(mine))):
                    mine.discard(upload.number)
                    yield upload
                if not through_pauses:
                    await self._check_moving()
                continue
            for number in mine.intersection(changes.deleted):
                mine.discard(number)
                yield None
            moved = await self._uploads.by_numbers(sorted(mine.intersection(changes.changed)))
            for upload in moved:
                if upload.status in TERMINAL:
                    mine.discard(upload.number)
                    yield upload
            if mine:
                # Each upload changes some ten times: to look at every change would take as long as to make it.
                await asyncio.sleep(max(0.0, looked + _BETWEEN_LOOKS - time.monotonic()))

    async def _check_moving(self) -> None:
        counts = await self.store.counts()
        # An upload that waits for a slot in this process counts as waiting, but will run.
        if counts.paused and counts.waiting and not counts.running and not self.in_flight:
            raise LibraryError(
                f"The queue of this library is paused, with {counted(counts.waiting, 'upload')} to process",
                "Open the app with vuemantics-tui and press p to resume.",
            )

    def _check_patience(self, patience: float | None) -> None:
        if patience is None:
            return
        outage, cluster = self.circuit.outage, self._cluster()
        hint = "Nothing is lost: the queue resumes with the next vuemantics-tui process."
        if cluster is not None and cluster.tried and cluster.waits and cluster.idle_seconds > patience:
            raise LibraryError(
                f"{cluster.address} has done nothing for {cluster.idle_seconds:.0f} s: {cluster.trouble}",
                f'{hint} To work on this machine meanwhile, set cluster_away = "local".',
            )
        if outage is not None and outage.lasted >= patience:
            what = "The library could not be written" if outage.is_of_store else f"{outage.server} has been offline"
            raise LibraryError(
                f"{what} for {outage.lasted:.0f} s: {outage.message}",
                f"{hint} {outage.hint}".strip(),
            )

    async def seconds_left(self) -> float | None:
        """Return how many seconds what waits will take this process, judging by earlier uploads; None if unknown.

        Each stage counts by how many uploads it may have at a time: one where a single server describes, and as many as
        a cluster has workers. None too when nothing waits. A type that was never processed here counts as the other
        one.
        """
        waiting, to_embed = await self.store.waiting(), await self.store.waiting_to_embed()
        if not waiting and not to_embed:
            return None
        try:
            limits = (await self.limits())()
        except UsageError:
            # The settings name no analyzer that can be used, which the queue says itself.
            return None
        at_once = {"thumbnail": limits.thumbnail, "described": limits.describe, "completed": limits.embed}
        seconds = 0.0
        if waiting:
            took = {
                file_type: sum(each / at_once[stage] for stage, each in stages.items())
                for file_type, stages in (await self._history.medians()).items()
            }
            if not took:
                return None
            anything = max(took.values())
            seconds += sum(count * took.get(file_type, anything) for file_type, count in waiting.items())
        if to_embed:
            one = await self._history.embedding_median()
            if one is None:
                return None
            seconds += to_embed * one / limits.embed
        return seconds


def _read_words(settings: Settings) -> WordList:
    from vuemantics_tui.analyzers.joint.vocabulary import word_list

    return word_list(settings.tag_list, settings.tag_words)
