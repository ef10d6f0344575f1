"""A fake server in a thread with its own loop, for tests of other processes and of plain functions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from tests.servers.base import FakeServer

Server = TypeVar("Server", bound=FakeServer)

DEADLINE_SECONDS = 60.0


class Threaded(Generic[Server]):
    """A server in a thread. Read `server` and script its faults from any thread; everything else goes through here."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self._loop = loop

    @property
    def url(self) -> str:
        """Return its URL."""
        return self.server.url

    def start(self) -> None:
        """Start it: see FakeServer.start."""
        self._run(self.server.start())

    def stop(self) -> None:
        """Stop it: see FakeServer.stop."""
        self._run(self.server.stop())

    def release(self, pieces: int = 1) -> None:
        """Send pieces: see FakeServer.release."""
        self._loop.call_soon_threadsafe(self.server.release, pieces)

    def _run(self, coroutine: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE_SECONDS)


@contextmanager
def threaded(server: Server) -> Iterator[Threaded[Server]]:
    """Run a server in a thread; stop it at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fake-server", daemon=True)
    thread.start()
    run = Threaded(server, loop)
    try:
        run.start()
        yield run
    finally:
        run.stop()
        server.leave()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE_SECONDS)
        loop.close()
