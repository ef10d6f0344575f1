"""Which upload runs when: claims the next ones, launches them, renews leases, takes over from the dead."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import platform
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import psutil

from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.processing.circuit import STORE_SECONDS, Circuit
from vuemantics_tui.processing.pipeline import Pipeline, StageLimits
from vuemantics_tui.store.changes import Stir
from vuemantics_tui.store.queue import LEASE_SECONDS, ClaimStore, Fate
from vuemantics_tui.store.runs import Claim

log = logging.getLogger(__name__)

# How often the dead are looked for.
TAKE_OVER_SECONDS = 5.0
RENEW_SECONDS = LEASE_SECONDS / 3
# How often it is noted that the library is in use.
SEE_SECONDS = 3600.0
# How soon what another process added, or whose next attempt is due, is noticed.
LOOK_SECONDS = 0.5
# A pass of the loop that came so late means that the machine slept, or this process was stopped.
SLEPT_SECONDS = LEASE_SECONDS / 2
# The start time is derived from the boot time, which moves by as much when the clock is set.
START_TOLERANCE_SECONDS = 5.0


class Running(Protocol):
    """Something that was launched."""

    def cancel(self) -> object:
        """Ask it to end."""
        ...

    async def wait(self) -> object:
        """Wait for its end. May raise whatever it ended with."""
        ...


Launch = Callable[[str, Callable[[], Awaitable[None]]], Running]
"""Given a name and what to await: begins it in the background."""


class TaskRunning:
    """A launched asyncio task."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task

    def cancel(self) -> object:
        """Cancel the task."""
        return self._task.cancel()

    async def wait(self) -> object:
        """Wait for the task. Raises what it raised, unless it was cancelled."""
        await asyncio.wait([self._task])
        return None if self._task.cancelled() else self._task.result()


def launch_task(name: str, work: Callable[[], Awaitable[None]]) -> Running:
    """Launch as a plain asyncio task, for commands."""

    async def run() -> None:
        await work()

    return TaskRunning(asyncio.create_task(run(), name=name))


@dataclass(slots=True)
class _Slot:
    claim: Claim
    running: Running | None = None


class Scheduler:
    """Keeps as many uploads running as `limits` allow now, as long as any wait and the circuit is closed."""

    def __init__(
        self,
        *,
        claims: ClaimStore,
        pipeline: Pipeline,
        circuit: Circuit,
        owner: Owner,
        launch: Launch,
        limits: Callable[[], StageLimits],
        stir: Stir,
        see: Callable[[], Awaitable[object]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take `see`, which notes that the library is in use, and `clock`, which gives seconds since the epoch."""
        self._see = see
        self._next_sight = time.monotonic() + SEE_SECONDS
        self._stir = stir
        self._clock = clock
        self._claims = claims
        self._pipeline = pipeline
        self._owner = owner
        self._launch = launch
        self._circuit = circuit
        self._limits_now = limits
        self._limits = limits()
        # By the claim's token: one that is cancelled and retried at once has two slots while its first run ends.
        self._slots: dict[str, _Slot] = {}
        self._wake = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None
        self._watch_task: asyncio.Task[None] | None = None
        self._stopping = False
        self._next_take_over = float("-inf")
        self._next_renewal = time.monotonic() + RENEW_SECONDS
        self._last_pass = clock()

    @property
    def running_here(self) -> int:
        """Return how many uploads this process is working on, without those that wait for a slot."""
        return self._pipeline.running

    @property
    def in_flight(self) -> int:
        """Return how many uploads this process has claimed, whether it works on them or not."""
        return len(self._slots)

    def start(self) -> None:
        """Start, in the running event loop."""
        if self._loop_task is None:
            self._stopping = False
            self._loop_task = asyncio.create_task(self._run(), name="scheduler")

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def cancel(self, upload_id: str) -> None:
        """Stop working on an upload that was deleted."""
        for slot in self._slots.values():
            if slot.claim.upload_id == upload_id and slot.running:
                slot.running.cancel()

    def cancel_run(self, token: str) -> None:
        """Stop the run whose claim was taken away in the store, if it is one of this process."""
        slot = self._slots.get(token)
        if slot and slot.running:
            slot.running.cancel()

    async def stop(self) -> None:
        """Stop everything; what ran is waiting again when this returns."""
        # The loop is asked, not cancelled: cut off in the middle of a claim it would leave the upload held by nobody.
        self._stopping = True
        self._wake.set()
        if self._loop_task is not None:
            await asyncio.wait([self._loop_task])
            self._loop_task = None
        if self._watch_task is not None:
            self._watch_task.cancel()
            await asyncio.wait([self._watch_task])
            self._watch_task = None
        slots = list(self._slots.values())
        for slot in slots:
            if slot.running:
                slot.running.cancel()
        for slot in slots:
            if slot.running:
                try:
                    await slot.running.wait()
                except Exception:
                    log.exception("the run of %s ended with a bug", slot.claim.upload_id)
        # One that was cancelled before its first step never got to give back its claim.
        await self._claims.release_all()
        self._slots.clear()

    async def _run(self) -> None:
        while not self._stopping:
            was_woken = self._wake.is_set()
            self._wake.clear()
            pause = LOOK_SECONDS
            try:
                await self._look_after_claims()
                self._watch_circuit()
                if self._circuit.store_is_away:
                    await self._claims.check()
                    self._circuit.store_answered()
                    was_woken = True
                if self._have_limits() or self._stir.happened() or was_woken:
                    await self._fill_slots()
            except LibraryError as error:
                self._circuit.store_refused(error)
                pause = STORE_SECONDS
            except Exception:
                log.exception("a pass of the scheduler failed")
                pause = STORE_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _look_after_claims(self) -> None:
        """Renew the own leases, then take over from the dead.

        After the machine slept all leases are over: the others get as long to renew theirs.
        """
        now, clock = time.monotonic(), self._clock()
        if clock - self._last_pass > SLEPT_SECONDS:
            self._next_renewal = now
            self._next_take_over = now + SLEPT_SECONDS
        self._last_pass = clock
        if now >= self._next_renewal:
            await self._claims.renew([slot.claim.token for slot in self._slots.values()])
            self._next_renewal = now + RENEW_SECONDS
        if now >= self._next_sight:
            await self._see()
            self._next_sight = now + SEE_SECONDS
        if now >= self._next_take_over:
            self._next_take_over = now + TAKE_OVER_SECONDS
            taken = await self._claims.take_over(lambda encoded: fate_of(encoded, self._owner), clock)
            if taken:
                log.info("%d uploads were taken over from a process that ended", taken)

    def _watch_circuit(self) -> None:
        """Have the server looked at while the circuit is open, beside the loop: a look may take seconds."""
        if self._circuit.is_open and (self._watch_task is None or self._watch_task.done()):
            self._watch_task = asyncio.create_task(self._watch(), name="circuit")

    async def _watch(self) -> None:
        try:
            await self._circuit.watch()
        except Exception:
            log.exception("watching the server failed and starts again")
        finally:
            self._wake.set()

    def _have_limits(self) -> bool:
        """Take over the limits of this moment; returns whether they are others."""
        before, self._limits = self._limits, self._limits_now()
        if before == self._limits:
            return False
        self._pipeline.resize(self._limits)
        return True

    @property
    def _room(self) -> int:
        if self._circuit.is_open:
            return 0
        return 1 if self._circuit.is_trying else self._limits.in_flight

    async def _fill_slots(self) -> None:
        while len(self._slots) < self._room and not self._stopping:
            if any(slot.claim.is_suspect for slot in self._slots.values()):
                return
            claim = await self._claims.claim_next()
            if claim is None and not self._slots:
                claim = await self._claims.claim_suspect()
            if claim is None:
                return
            slot = _Slot(claim)
            self._slots[claim.token] = slot
            slot.running = self._launch(claim.upload_id, partial(self._work, slot))

    async def _work(self, slot: _Slot) -> None:
        claim = slot.claim
        try:
            await self._pipeline.process_upload_background(
                claim.upload_id, claim.user_id, claim.file_type, claim.extension, claim=claim
            )
        finally:
            self._slots.pop(claim.token, None)
            self._wake.set()


# Who has claims


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of claims. `start` in seconds since the epoch; with `pid` and `boot` it names one process only."""

    host: str
    boot: str
    pid: int
    start: float

    def encode(self) -> str:
        """Return the owner as text, for the store."""
        return json.dumps(asdict(self), sort_keys=True)


def _host() -> str:
    # Containers may share a hostname but not their process ids; then only the lease can tell.
    namespace = Path("/proc/self/ns/pid")
    return f"{platform.node()} {namespace.readlink()}" if namespace.is_symlink() else platform.node()


def _boot() -> str:
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    if boot_id.exists():
        return boot_id.read_text("ascii").strip()
    return str(round(psutil.boot_time() / 60))


def this_process() -> Owner:
    """Return the owner that stands for this process."""
    process = psutil.Process()
    return Owner(_host(), _boot(), process.pid, process.create_time())


def fate_of(encoded: str, here: Owner) -> Fate:
    """Return the fate of an owner. One on another host cannot be seen from here and counts as alive."""
    try:
        owner = Owner(**json.loads(encoded))
    except (ValueError, TypeError):
        return Fate.ALIVE  # of another version of this program: its lease decides
    if owner.host != here.host:
        return Fate.ALIVE
    if owner.boot != here.boot:
        return Fate.RESTARTED
    try:
        process = psutil.Process(owner.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return Fate.DIED
        if abs(process.create_time() - owner.start) > START_TOLERANCE_SECONDS:
            return Fate.DIED
    except psutil.NoSuchProcess:
        return Fate.DIED
    except psutil.AccessDenied:
        return Fate.ALIVE
    return Fate.ALIVE
