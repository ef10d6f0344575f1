"""The room of the queue."""

from __future__ import annotations

from collections.abc import Callable

from vuemantics_tui.analyzers.base import Embedder
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.domain.text import counted
from vuemantics_tui.domain.upload import QueueCounts
from vuemantics_tui.processing.backfill import Backfill, BackfillProgress
from vuemantics_tui.processing.circuit import Circuit, Outage
from vuemantics_tui.processing.pipeline import Frames, Texts
from vuemantics_tui.processing.scheduler import Launch, Scheduler, launch_task
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.history import HistoryStore
from vuemantics_tui.store.queue import QueueStore


class Queue:
    """The room of the queue: start, stop, pause, count, re-embed."""

    def __init__(
        self,
        *,
        store: QueueStore,
        history: HistoryStore,
        embeddings: EmbeddingStore,
        embedder: Embedder,
        circuit: Circuit,
        frames: Frames,
        texts: Texts,
        make_scheduler: Callable[[Launch], Scheduler],
        workers: int,
        make_backfill: Callable[[Callable[[], bool]], Backfill],
    ) -> None:
        self._store = store
        self._history = history
        self._embeddings = embeddings
        self._embedder = embedder
        self._circuit = circuit
        self._frames = frames
        self._texts = texts
        self._make_scheduler = make_scheduler
        self._workers = workers
        self._scheduler: Scheduler | None = None
        self._backfill = make_backfill(lambda: self.in_flight == 0)

    def start(self, launch: Launch = launch_task) -> None:
        """Begin to process what waits, each upload launched by `launch`."""
        if self._scheduler is None:
            self._scheduler = self._make_scheduler(launch)
            self._scheduler.start()
            self._backfill.start()

    async def stop(self) -> None:
        """Stop processing; what ran is waiting again when this returns."""
        await self._backfill.stop()
        if self._scheduler is not None:
            await self._scheduler.stop()
            self._scheduler = None

    def wake(self) -> None:
        """Look for work now."""
        if self._scheduler is not None:
            self._scheduler.wake()

    def cancel(self, upload_id: str) -> None:
        """Stop working on an upload that is gone from the store."""
        if self._scheduler is not None:
            self._scheduler.cancel(upload_id)

    def cancel_run(self, token: str) -> None:
        """Stop the run that has this claim, if it is one of this process."""
        if self._scheduler is not None:
            self._scheduler.cancel_run(token)

    async def set_paused(self, paused: bool) -> None:
        """Pause or resume the queue for all who share the library; what runs is finished."""
        await self._store.set_paused(paused)
        self.wake()

    async def check_moving(self) -> None:
        """Raise LibraryError if the queue is paused and what waits will therefore not be processed."""
        counts = await self.counts()
        # What waits for a slot in this process counts as waiting, but goes on.
        if counts.paused and counts.waiting and not counts.running and not self.in_flight:
            raise LibraryError(
                f"The queue of this library is paused, with {counted(counts.waiting, 'upload')} to process",
                "Open the app with vuemantics-tui and press p to resume.",
            )

    @property
    def backfill(self) -> BackfillProgress | None:
        """How far the look at what older uploads lack is, in this process; None while there is nothing to do."""
        return self._backfill.progress

    @property
    def outage(self) -> Outage | None:
        """The server that everything in this process waits for; None when all is well."""
        return self._circuit.outage

    @property
    def is_trying(self) -> bool:
        """Whether a server seems to be back, and a single upload is tried to make sure."""
        return self._circuit.is_trying

    def look_now(self) -> None:
        """Look at once whether the server is back, if one is away."""
        self._circuit.look_now()

    def check_patience(self, patience: float | None) -> None:
        """Raise LibraryError if a server has been away for so many seconds; None is for ever."""
        outage = self.outage
        if patience is not None and outage is not None and outage.lasted >= patience:
            hint = "Everything that waits is kept, and goes on with the next: vuemantics-tui process"
            raise LibraryError(
                f"{outage.server} has been away for {outage.lasted:.0f} s: {outage.message}",
                f"{outage.hint} {hint}".strip(),
            )

    async def stale_embeddings(self) -> tuple[int, int]:
        """How many described uploads lack a vector of the embedding model in use, and of how many."""
        return await self._embeddings.stale(self._embedder.embedding_model)

    async def reembed(self) -> int:
        """Queue what lacks a vector of the embedding model in use, behind all else; returns how many.

        Nothing is described again, and words find it meanwhile.
        """
        moved = await self._embeddings.queue_stale(self._embedder.embedding_model)
        self.wake()
        return moved

    async def counts(self) -> QueueCounts:
        """How many uploads are in each state."""
        return await self._store.counts()

    async def seconds_left(self) -> float | None:
        """How long what waits will take this process, from how long the like took before; None where that is unknown.

        None too when nothing waits. A type that was never processed here counts as the other one.
        """
        seconds = 0.0
        if waiting := await self._store.waiting():
            known = await self._history.medians()
            if not known:
                return None
            anything = max(known.values())
            seconds += sum(count * known.get(file_type, anything) for file_type, count in waiting.items())
        if to_embed := await self._store.waiting_to_embed():
            one = await self._history.embedding_median()
            if one is None:
                return None
            seconds += to_embed * one
        return seconds / self._workers if waiting or to_embed else None

    @property
    def running_here(self) -> int:
        """How many uploads this very process is working on; those that wait for a slot of their next stage are not."""
        return self._scheduler.running_here if self._scheduler else 0

    @property
    def in_flight(self) -> int:
        """How many uploads this very process has claimed, whether it works on them just now or not."""
        return self._scheduler.in_flight if self._scheduler else 0

    def frame(self, upload_id: str) -> tuple[int, int] | None:
        """Which frame of how many of a video this process is looking at."""
        return self._frames.get(upload_id)

    def text_of(self, upload_id: str) -> str | None:
        """The description that this process is getting for an upload, as far as it is written."""
        return self._texts.get(upload_id)
