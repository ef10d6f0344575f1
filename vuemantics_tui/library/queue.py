"""The room of the queue."""

from __future__ import annotations

from collections.abc import Callable

from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.domain.text import counted
from vuemantics_tui.domain.upload import QueueCounts
from vuemantics_tui.processing.pipeline import Frames
from vuemantics_tui.processing.scheduler import Launch, Scheduler, launch_task
from vuemantics_tui.store.durations import DurationStore
from vuemantics_tui.store.uploads import UploadStore


class Queue:
    """The room of the queue: start, stop, pause, count."""

    def __init__(
        self,
        store: UploadStore,
        durations: DurationStore,
        frames: Frames,
        make_scheduler: Callable[[Launch], Scheduler],
        workers: int,
    ) -> None:
        self._store = store
        self._durations = durations
        self._frames = frames
        self._make_scheduler = make_scheduler
        self._workers = workers
        self._scheduler: Scheduler | None = None

    def start(self, launch: Launch = launch_task) -> None:
        """Begin to process what waits, each upload launched by `launch`."""
        if self._scheduler is None:
            self._scheduler = self._make_scheduler(launch)
            self._scheduler.start()

    async def stop(self) -> None:
        """Stop processing; what ran is waiting again when this returns."""
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
        if counts.paused and counts.waiting and not counts.running:
            raise LibraryError(
                f"The queue of this library is paused, with {counted(counts.waiting, 'upload')} to process",
                "Open the app with vuemantics-tui and press p to resume.",
            )

    async def counts(self) -> QueueCounts:
        """How many uploads are in each state."""
        return await self._store.counts()

    async def seconds_left(self) -> float | None:
        """How long what waits will take this process, from how long the like took before; None where that is unknown.

        None too when nothing waits. A type that was never processed here counts as the other one.
        """
        waiting = await self._durations.waiting()
        if not waiting:
            return None
        known = await self._durations.medians()
        if not known:
            return None
        anything = max(known.values())
        return sum(count * known.get(file_type, anything) for file_type, count in waiting.items()) / self._workers

    @property
    def running_here(self) -> int:
        """How many uploads this very process is working on."""
        return self._scheduler.running_here if self._scheduler else 0

    def frame(self, upload_id: str) -> tuple[int, int] | None:
        """Which frame of how many of a video this process is looking at."""
        return self._frames.get(upload_id)
