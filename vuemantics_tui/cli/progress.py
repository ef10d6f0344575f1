"""What commands show while they wait: progress bars, servers that are offline, and how to resume."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vuemantics_tui.cli.output import note
from vuemantics_tui.cli.session import Interrupted
from vuemantics_tui.domain.errors import AnalyzerError, LibraryError, UsageError
from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.domain.upload import ProcessingStatus, Upload

if TYPE_CHECKING:
    from rich.progress import Progress

    from vuemantics_tui.library import ChangeFeed, ClusterState, Library

OUTAGE_LOOK_SECONDS = 0.2

Tell = Callable[[Upload], None]
"""Prints an upload that ended."""


@contextmanager
def bars() -> Iterator[Progress]:
    """Show progress bars on stderr if that is a terminal; elsewhere they cost and print nothing."""
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
        """Count more as done."""
        self.done += amount
        self._progress.advance(self._task, amount)

    def show(self, done: int, total: int) -> None:
        """Set how much of how much is done."""
        self.done = done
        self._progress.update(self._task, completed=done, total=total)

    def say(self, amount: str) -> None:
        """Set the words beside the bar."""
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
    """Print each of these uploads as it ends; return how many failed.

    Raises LibraryError when the queue is paused, unless told to wait `through_pauses`, and when a server, or a cluster
    to wait for, is offline for `patience` seconds (None: waits without end).
    """
    total, failed = len(mine), 0
    with bars() as progress:
        bar = Bar(progress, "processing", total)
        bar.say(f"0 of {total:,}")
        async with _naming_outages(library):
            async for upload in library.queue.ended(feed, mine, through_pauses=through_pauses, patience=patience):
                if upload is not None:
                    failed += upload.status is ProcessingStatus.FAILED
                    tell(upload)
                bar.advance(1)
                bar.say(f"{bar.done:,} of {total:,}" + (f", {failed:,} failed" if failed else ""))
    if total > 1 and summary:
        note(f"{total - failed:,} of {total:,} completed" + (f", {failed:,} failed" if failed else ""))
    return failed


@asynccontextmanager
async def _naming_outages(library: Library) -> AsyncIterator[None]:
    """Say once which server the queue waits for, or that the cluster is offline, and when it is back."""

    news = _ClusterNews()

    async def watch() -> None:
        server, back = "", ""
        while True:
            news.tell(library.cluster)
            outage = library.queue.circuit.outage
            if outage is not None and not server:
                server = outage.server
                back = "can be written again" if outage.is_of_store else "is back online"
                note(f"Waiting for {visible(server)}: {visible(outage.message)}. {visible(outage.hint)}".strip())
            elif outage is None and server and not library.queue.circuit.is_trying:
                note(f"{visible(server[:1].upper() + server[1:])} {back}.")
                server = ""
            await asyncio.sleep(OUTAGE_LOOK_SECONDS)

    watching = asyncio.ensure_future(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        # What ended the wait may have been known to it first.
        news.tell(library.cluster)


class _ClusterNews:
    """Says what a person should know of a cluster, each thing once."""

    def __init__(self) -> None:
        self._trouble = ""
        self._left_out = set[tuple[str, str]]()

    def tell(self, cluster: ClusterState | None) -> None:
        """Say what is new: that it has no workers, or has some again, and which are left out."""
        if cluster is None or not cluster.tried:
            return
        if not cluster.members:
            if not self._trouble:
                then = "Waiting for it" if cluster.waits else "Working on this machine until it is back"
                self._trouble = cluster.trouble
                note(f"{cluster.address}: {visible(self._trouble)}. {then}.")
        elif self._trouble:
            note(f"{cluster.address} is back, with {counted(len(cluster.members), 'worker')}.")
            self._trouble = ""
        for member in cluster.members:
            if member.trouble and (member.address, member.trouble) not in self._left_out:
                self._left_out.add((member.address, member.trouble))
                note(f"The worker {visible(member.name)} is left out: {visible(member.trouble)}.")


async def sweep(library: Library) -> None:
    """Clean up first, and report what is left for later."""
    await library.sweep()
    if library.trash.postponed:
        note(library.trash.postponed)


async def keep_backup(library: Library) -> None:
    """Make the daily copy if it is due; the work before it is done even where that fails."""
    try:
        await library.backups.daily()
    except LibraryError as error:
        note(f"Warning: {visible(error.message)}. {visible(error.hint)}")


def process_command(root: Path) -> str:
    """Return the command that processes the queue of a library in this folder, as a shell takes it."""
    return f"vuemantics-tui --library {shlex.quote(str(root))} process"


def queued_words(count: int, library: Library) -> str:
    """Return what was queued, and how to process it."""
    return f"Queued {counted(count, 'upload')}. To process: {process_command(library.root)}"


@contextmanager
def resumable(library: Library) -> Iterator[None]:
    """Turn an interruption into one that says how to resume."""
    try:
        yield
    except asyncio.CancelledError:
        raise Interrupted(
            f"Stopped. Uploads in progress went back to the queue. To resume: {process_command(library.root)}"
        ) from None


async def see_pictures(library: Library) -> int:
    """Show the joint model in use every picture it has not seen, with a bar; return how many it saw.

    Returns at once without a model, while the queue is paused, or if another program of this library does it.
    """
    store = library.models.store
    model = await store.in_use()
    left = 0 if model is None else await store.left(model)
    if model is None or not left or await asyncio.to_thread(library.models.folder_of, model) is None:
        return 0
    with bars() as progress:
        bar = Bar(progress, "pictures", left)
        library.queue.look_at_pictures()
        remaining = left
        async for remaining in library.queue.pictures_left(model):
            bar.advance(left - remaining - bar.done)
    if library.queue.provider_fault:
        note(library.queue.provider_fault)
    return left - remaining


async def tag_pictures(library: Library) -> None:
    """Give uploads the words that the joint model in use sees in them. What keeps it from that is only a note."""
    try:
        await library.queue.tag_pictures()
    except (UsageError, AnalyzerError) as error:
        note(f"No tags from pictures: {visible(error.message)}. {visible(error.hint)}".strip())
