"""What someone sees who waits: bars, and how to go on after an interruption."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vuemantics_tui.cli.session import Interrupted

if TYPE_CHECKING:
    from rich.progress import Progress

    from vuemantics_tui.library import Library


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

    def say(self, amount: str) -> None:
        """The words beside the bar."""
        self._progress.update(self._task, amount=amount)


@contextmanager
def saying_how_to_go_on(library: Library) -> Iterator[None]:
    """Turns an interruption into one that says how to go on."""
    try:
        yield
    except asyncio.CancelledError:
        raise Interrupted(
            f"Stopped. What was running waits again; go on with: vuemantics-tui --library {library.root} process"
        ) from None
