"""Feed: watches the library for the whole app, whichever process writes to it, and tells the screens that follow it.

Nothing else in the app looks at the store on a timer. Who follows has a handler for one or more of the messages below.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

from textual.dom import DOMNode
from textual.message import Message
from textual.message_pump import MessagePump
from textual.worker import Worker

from vuemantics_tui.domain.upload import QueueCounts
from vuemantics_tui.ui.notices import Notices

if TYPE_CHECKING:
    from vuemantics_tui.library import ChangeFeed, Library

# No more often than the eye can follow: over SSH each repaint costs bytes.
LOOK_SECONDS = 0.1
# How soon it is noticed that work has begun that nothing was written for.
REST_SECONDS = 1.0
# After the store has refused.
RETRY_SECONDS = 1.0
# What is said of a moment ("2 min ago") reads otherwise after so long.
AGE_SECONDS = 20.0


@dataclass
class LibraryChanged(Message, bubble=False):
    """Something was written: uploads of these numbers were added or changed, those are gone.

    Both are empty where no upload moved, as when a search was saved. With `is_reset` so much was missed that whatever
    is known of the library must be read again.
    """

    changed: frozenset[int]
    deleted: frozenset[int]
    counts: QueueCounts
    is_reset: bool = False

    @property
    def moved(self) -> frozenset[int]:
        """The numbers of all uploads that moved."""
        return self.changed | self.deleted


@dataclass
class WorkProgressed(Message, bubble=False):
    """What this process works on may have got on: a frame, words as they arrive, a server that everything waits for.

    Posted once more when the work has ended.
    """


@dataclass
class TimePassed(Message, bubble=False):
    """What is said of how long ago something was may read otherwise."""


class Reader:
    """Reads something for a screen or widget whenever it is wanted: never twice at a time, and with a rest after each.

    If reading fails, a notice says so, and it is read again after RETRY_SECONDS, or the rest if that is longer.
    """

    def __init__(self, owner: DOMNode, read: Callable[[], Awaitable[None]], *, rest: float) -> None:
        self._owner = owner
        self._read = read
        self._rest = rest
        self._wanted = False
        # What reads all that is wanted by itself need not be asked for meanwhile.
        self.is_reading = False

    def want(self) -> None:
        """Read, now or after what is being read."""
        self._wanted = True
        if not self.is_reading:
            self.is_reading = True
            self._worker: Worker[None] = self._owner.run_worker(self._go_on, group="reading", exit_on_error=False)

    async def _go_on(self) -> None:
        notices = Notices.of(self._owner)
        try:
            while self._wanted and self._owner.is_attached:
                self._wanted = False
                failed = True
                with notices.errors_told():
                    await self._read()
                    failed = False
                self._wanted = self._wanted or failed
                if self._wanted:
                    await asyncio.sleep(max(self._rest, RETRY_SECONDS) if failed else self._rest)
        finally:
            self.is_reading = False


class Feed:
    """Posts its messages to those that follow, at most about ten times a second."""

    def __init__(self, library: Library, notices: Notices) -> None:
        self._library = library
        self._notices = notices
        self._changes: ChangeFeed | None = None
        self._followers: WeakSet[MessagePump] = WeakSet()
        self._aged_at = time.monotonic()
        self._working = False
        self.counts: QueueCounts | None = None

    @classmethod
    def of(cls, pump: MessagePump) -> Feed:
        """Return the feed of the app that a screen or widget is in."""
        return cast("Feed", cast(Any, pump.app).feed)

    def follow(self, follower: MessagePump) -> None:
        """Post what happens from now on to a screen or widget, for as long as it is there."""
        self._followers.add(follower)

    async def begin(self) -> None:
        """Take note of this moment, before the first paint. Raises LibraryError."""
        changes = self._library.changes()
        await changes.skip_to_now()
        self._changes, self.counts = changes, await self._library.queue.store.counts()

    async def run(self) -> None:
        """Watch until cancelled. If the store refuses, show why and ask again."""
        while True:
            pause = RETRY_SECONDS
            with self._notices.errors_told():
                await self._look()
                pause = LOOK_SECONDS
            self._tell_of_work()
            self._tell_of_time()
            await asyncio.sleep(pause)

    async def _look(self) -> None:
        if self._changes is None or self.counts is None:
            await self.begin()
            assert self.counts is not None
            self._post(LibraryChanged(frozenset(), frozenset(), self.counts))
            return
        # While this process works, its frames and words move without anything being written.
        moved = await self._changes.wait(0 if self._working else REST_SECONDS)
        if moved is not None:
            self.counts = await self._library.queue.store.counts()
            self._post(LibraryChanged(frozenset(moved.changed), frozenset(moved.deleted), self.counts, moved.is_reset))

    def _tell_of_work(self) -> None:
        queue = self._library.queue
        looking = queue.backfill is not None or queue.pictures is not None
        working = queue.in_flight > 0 or queue.circuit.outage is not None or looking
        if working or self._working:
            self._post(WorkProgressed())
        self._working = working

    def _tell_of_time(self) -> None:
        now = time.monotonic()
        if now - self._aged_at >= AGE_SECONDS:
            self._aged_at = now
            self._post(TimePassed())

    def _post(self, message: LibraryChanged | WorkProgressed | TimePassed) -> None:
        for follower in tuple(self._followers):
            # One for each: Textual keeps in a message how far it has come.
            follower.post_message(replace(message))
