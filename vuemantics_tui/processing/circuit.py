"""A server or a store that is away is not the uploads' fault: the queue waits for it, and resumes when it is back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from vuemantics_tui.analyzers.base import ServerState
from vuemantics_tui.domain.errors import LibraryError, ServerDownError

log = logging.getLogger(__name__)

# So many refusals in a row open the circuit.
REFUSALS_TO_OPEN = 3
# An upload that is refused more often than this while the server answers others takes the server down itself, as far
# as anybody can tell: from then on a refusal costs it an attempt, or it would hold up the queue without end.
FREE_REFUSALS = 3
# Looks come after 1, 2, 4 ... seconds. A server that only restarts is seen within seconds.
MOST_SECONDS_AT_FIRST = 5.0
AT_FIRST_SECONDS = 60.0
MOST_SECONDS = 30.0
# So long after the store refused (locked, full) it is tried again.
STORE_SECONDS = 2.0
# What an outage of the store is called.
STORE = "the library"
# Several windows on one server do not all look at the same moment.
JITTER = (0.8, 1.0)

Result = TypeVar("Result")

Look = Callable[[], Awaitable[Sequence[ServerState]]]
Wait = Callable[[asyncio.Event, float], Awaitable[None]]
"""Waits for an event, but no longer than so many seconds."""


class Part(StrEnum):
    """The two parts of an analyzer, which may be on different servers."""

    DESCRIBER = "describer"
    EMBEDDER = "embedder"


@dataclass(frozen=True, slots=True)
class Outage:
    """A server that does not answer, or a library that cannot be written, while everything waits.

    `since` in seconds of a monotonic clock; `lasted` and `next_look_in` in seconds from now.
    """

    server: str
    message: str
    hint: str
    since: float
    lasted: float
    next_look_in: float

    @property
    def is_of_store(self) -> bool:
        """Whether it is the library that cannot be written."""
        return self.server == STORE


class _State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"


@dataclass(slots=True)
class _Refusals:
    """How often a server refused in a row, and as which part of the analyzer."""

    count: int = 0
    parts: set[Part] = field(default_factory=set)


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but no longer than so many seconds."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


class Circuit:
    """Opens after a few refusals in a row from one server, or one of the store; nothing is begun while it is open.

    `watch` then looks at the analyzer's servers by `look`. Once the server answers, one upload at a time is tried: the
    next success closes the circuit, the next refusal opens it again. `clock` gives seconds, monotonic.
    """

    def __init__(
        self,
        look: Look,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Wait = wait_at_most,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._look = look
        self._clock = clock
        self._wait = wait
        self._jitter = jitter
        self._state = _State.CLOSED
        self._error = ServerDownError("", "")
        self._since = 0.0
        self._looks = 0
        self._next_look = 0.0
        self._stirred = asyncio.Event()
        self._refusals: dict[str, _Refusals] = {}
        # For telling whose fault it is: how often each part answered anybody, and for an upload how often that was
        # when it was refused last, and how many of its refusals came after an answer to somebody.
        self._answers: Counter[Part] = Counter()
        self._refused_uploads: dict[tuple[str, Part], tuple[int, int]] = {}
        self._store_error: LibraryError | None = None
        self._refused_writes = 0
        self._store_since = 0.0
        self._store_next = 0.0

    @property
    def is_open(self) -> bool:
        """Tell whether nothing should be started."""
        return self._state is _State.OPEN or self.store_is_away

    @property
    def store_is_away(self) -> bool:
        """Tell whether the last write to the library was refused."""
        return self._store_error is not None

    @property
    def is_trying(self) -> bool:
        """Tell whether a single upload should be tried, to see whether the server works again."""
        return self._state is _State.TRYING

    @property
    def outage(self) -> Outage | None:
        """Return what a person should know while it is open, else None."""
        now = self._clock()
        if self._store_error is not None:
            return Outage(
                server=STORE,
                message=self._store_error.message,
                hint=self._store_error.hint,
                since=self._store_since,
                lasted=now - self._store_since,
                next_look_in=max(0.0, self._store_next - now),
            )
        if self._state is not _State.OPEN:
            return None
        error = self._error
        return Outage(
            server=error.server,
            message=error.message,
            hint=error.hint,
            since=self._since,
            lasted=now - self._since,
            next_look_in=max(0.0, self._next_look - now),
        )

    def answered(self, part: Part, upload_id: str) -> None:
        """Note that a server answered, well or not; closes the circuit if this part had opened it."""
        self._answers[part] += 1
        self._refused_uploads.pop((upload_id, part), None)
        if self._state is not _State.CLOSED and part in self._parts_of(self._error.server):
            log.info("%s answers again", self._error.server)
            self._state = _State.CLOSED
            self._stirred.set()
        self._refusals = {server: found for server, found in self._refusals.items() if part not in found.parts}

    def refused(self, part: Part, upload_id: str, error: ServerDownError) -> bool:
        """Note that a server refused an upload. Returns whether the upload itself is to blame."""
        refusals = self._refusals.setdefault(error.server, _Refusals())
        refusals.count += 1
        refusals.parts.add(part)
        if self._state is _State.TRYING or (self._state is _State.CLOSED and refusals.count >= REFUSALS_TO_OPEN):
            self._open(error)
        return self._is_to_blame(part, upload_id)

    def look_now(self) -> None:
        """Look at the server at once, if the circuit is open."""
        self._stirred.set()

    def store_refused(self, error: LibraryError) -> None:
        """Note that the library could not be written; the circuit is open until it can be."""
        now = self._clock()
        if self._store_error is None:
            self._store_since = now
            log.warning("the queue waits for the library: %s", error)
        self._store_error = error
        self._store_next = now + STORE_SECONDS

    def store_answered(self) -> None:
        """Note that the library could be written; closes the circuit unless another write is still refused."""
        if self._store_error is not None and not self._refused_writes:
            log.info("the library can be written again")
            self._store_error = None

    async def insist(self, write: Callable[[], Awaitable[Result]]) -> Result:
        """Do a write, and again for as long as the store refuses it: nothing that was worked out is lost."""
        try:
            result = await write()
        except LibraryError as error:
            self.store_refused(error)
            self._refused_writes += 1
            try:
                result = await self._again(write)
            finally:
                self._refused_writes -= 1
        self.store_answered()
        return result

    async def _again(self, write: Callable[[], Awaitable[Result]]) -> Result:
        while True:
            await self._wait(asyncio.Event(), STORE_SECONDS)
            try:
                return await write()
            except LibraryError as error:
                self.store_refused(error)

    async def watch(self) -> None:
        """Look at the server again and again, until it answers or the circuit was closed otherwise."""
        self._stirred.clear()
        while self._state is _State.OPEN:
            delay = self._delay()
            self._next_look = self._clock() + delay
            await self._wait(self._stirred, delay)
            self._stirred.clear()
            if self._state is _State.OPEN and await self._answers_now() and self._state is _State.OPEN:
                log.info("%s seems to be back", self._error.server)
                self._answers.update(self._parts_of(self._error.server))
                self._state = _State.TRYING
            self._looks += 1

    def _open(self, error: ServerDownError) -> None:
        if self._state is _State.CLOSED:
            self._since = self._clock()
            self._looks = 0
        log.warning("the queue waits for %s: %s", error.server, error.message)
        self._error = error
        self._next_look = self._clock()
        self._state = _State.OPEN

    def _delay(self) -> float:
        at_first = self._clock() - self._since < AT_FIRST_SECONDS
        most = MOST_SECONDS_AT_FIRST if at_first else MOST_SECONDS
        return min(most, 2.0 ** min(self._looks, 10)) * self._jitter(*JITTER)

    async def _answers_now(self) -> bool:
        """Tell whether the server answers: one of several named with commas, or any if none has that name."""
        try:
            states = await self._look()
        except Exception:
            log.exception("%s could not be looked at", self._error.server)
            return False
        names = self._error.server.split(", ")
        named = [state for state in states if state.server in names]
        return any(state.answers for state in named or states)

    def _parts_of(self, server: str) -> set[Part]:
        return self._refusals[server].parts if server in self._refusals else set(Part)

    def _is_to_blame(self, part: Part, upload_id: str) -> bool:
        answers = self._answers[part]
        seen, own = self._refused_uploads.get((upload_id, part), (-1, 0))
        if answers > seen:
            own += 1
        self._refused_uploads[upload_id, part] = (answers, own)
        return own > FREE_REFUSALS
