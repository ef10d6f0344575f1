"""What someone sees who waits: bars, and how to go on after an interruption."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from vuemantics_tui.cli.output import note
from vuemantics_tui.cli.session import Interrupted
from vuemantics_tui.domain.text import visible
from vuemantics_tui.domain.upload import ProcessingStatus, Upload

if TYPE_CHECKING:
    from rich.progress import Progress

    from vuemantics_tui.library import ChangeFeed, Library

OUTAGE_LOOK_SECONDS = 0.2

Tell = Callable[[Upload], None]
"""Tells of an upload that came to its end."""


@contextmanager
def bars() -> Iterator[Progress]:
    """Progress bars on stderr, where that is a terminal; elsewhere they cost and print nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(complete_style="cyan", finished_style="green"),
        TextColumn("{task.fields[amount]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        # With stdout in a pipe, its lines must go down the pipe and not onto the bar's console.
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        yield progress


class Bar:
    """One bar of a progress display. `advance` may be called from any thread."""

    def __init__(self, progress: Progress, title: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=total, amount="")
        self.done = 0

    def advance(self, amount: int) -> None:
        """So much more is done."""
        self.done += amount
        self._progress.advance(self._task, amount)

    def show(self, done: int, total: int) -> None:
        """So much of so much is done."""
        self.done = done
        self._progress.update(self._task, completed=done, total=total)

    def say(self, amount: str) -> None:
        """The words beside the bar."""
        self._progress.update(self._task, amount=amount)


async def follow(
    library: Library,
    feed: ChangeFeed,
    mine: set[int],
    tell: Tell,
    *,
    patience: float | None,
    through_pauses: bool = False,
    summary: bool = True,
) -> int:
    """Tell of each of these uploads as it comes to its end; returns how many failed.

    Raises LibraryError where the queue is paused, unless told to wait `through_pauses`, and where a server stays away
    for `patience` seconds (None: waits for ever).
    """
    total, failed = len(mine), 0
    with bars() as progress:
        bar = Bar(progress, "processing", total)
        bar.say(f"0 of {total}")
        async with _naming_outages(library):
            async for upload in library.queue.ended(feed, mine, through_pauses=through_pauses, patience=patience):
                if upload is not None:
                    failed += upload.status is ProcessingStatus.FAILED
                    tell(upload)
                bar.advance(1)
                bar.say(f"{bar.done} of {total}" + (f", {failed} failed" if failed else ""))
    if total > 1 and summary:
        note(f"{total - failed} of {total} completed" + (f", {failed} failed" if failed else ""))
    return failed


@asynccontextmanager
async def _naming_outages(library: Library) -> AsyncIterator[None]:
    """Says once of each outage which server everything waits for, and when it is over."""

    async def watch() -> None:
        server = ""
        while True:
            outage = library.queue.circuit.outage
            if outage is not None and not server:
                server = outage.server
                note(f"Waiting for {visible(server)}: {visible(outage.message)}. {visible(outage.hint)}".strip())
            elif outage is None and server and not library.queue.circuit.is_trying:
                note(f"{visible(server)} answers again.")
                server = ""
            await asyncio.sleep(OUTAGE_LOOK_SECONDS)

    watching = asyncio.ensure_future(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


@contextmanager
def saying_how_to_go_on(library: Library) -> Iterator[None]:
    """Turns an interruption into one that says how to go on."""
    try:
        yield
    except asyncio.CancelledError:
        raise Interrupted(
            f"Stopped. What was running waits again; go on with: vuemantics-tui --library {library.root} process"
        ) from None
