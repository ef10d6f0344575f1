"""The commands that open the app: app, demo."""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.options import (
    FAILED,
    analyzer_option,
    cluster_option,
    current_settings,
    graphics_option,
    library_option,
)
from vuemantics_tui.cli.output import emit, note, upload_table
from vuemantics_tui.cli.progress import process_command
from vuemantics_tui.cli.session import run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError, VuemanticsError
from vuemantics_tui.domain.text import counted
from vuemantics_tui.domain.upload import ProcessingStatus, Upload
from vuemantics_tui.paths import log_file
from vuemantics_tui.terminal import asked_terminal, current_terminal

if TYPE_CHECKING:
    from vuemantics_tui.domain.findings import Finding

SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """The result of a demo without a screen."""

    uploads: list[Upload]
    as_it_should: bool
    verdict: str


@click.command(hidden=True)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@analyzer_option
@cluster_option
@graphics_option
@library_option
def app(paths: tuple[Path, ...]) -> None:
    """Open the app and add these paths, folders with everything in them."""
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise UsageError(f"There is no file or folder {str(missing[0])!r}", "Check the spelling.")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The app needs a terminal",
            "Without one, use commands such as add, list and search. See: vuemantics-tui --help",
        )
    settings = current_settings(warn=False)
    if left := _run_screen(settings, paths):
        command = process_command(settings.library)
        note(f"{counted(left, 'upload')} still in the queue. To resume, open the app or run: {command}")


@click.command()
@graphics_option
@library_option
def demo() -> None:
    """Try the program on drawn pictures.

    They are in a library of their own that is deleted afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="vuemantics-demo-") as folder:
        settings = _demo_settings(current_settings(), Path(folder) / "library")
        pictures = _draw(Path(folder) / "pictures")
        if sys.stdin.isatty() and sys.stdout.isatty():
            _run_screen(settings, pictures)
            return
        outcome = run(lambda: _run_without_screen(settings, pictures))
        for line in upload_table(outcome.uploads):
            emit(line)
        note(outcome.verdict)
        raise SystemExit(0 if outcome.as_it_should else FAILED)


def _demo_settings(settings: Settings, library: Path) -> Settings:
    """Return the settings of a demo in this folder: always the built-in analyzer."""
    return replace(settings, library=library, keep_free_mib=0, analyzer="builtin", embedder="same")


def _draw(folder: Path) -> list[Path]:
    """Draw the demo's pictures, its clip and its broken file into a new folder; return their paths."""
    from vuemantics_tui.demo_pictures import draw_demo

    folder.mkdir(parents=True)
    return draw_demo(folder)


async def _run_without_screen(settings: Settings, pictures: Sequence[Path]) -> DemoOutcome:
    """Add the demo's pictures and process them. Everything but the broken file should complete."""
    from vuemantics_tui.demo_pictures import BROKEN_NAME
    from vuemantics_tui.library import Library

    library = await Library.open(settings)
    try:
        feed = library.changes()
        await feed.skip_to_now()
        await library.queue.start()
        candidates = await library.gather(pictures, recursive=False)
        added = [result.upload async for result in library.add(candidates) if result.upload is not None]
        mine = {upload.number for upload in added}
        async for _ in library.queue.ended(feed, mine):
            pass
        uploads = await library.uploads.newest()
    finally:
        await library.close()
    broken = [upload for upload in uploads if upload.filename == BROKEN_NAME]
    completed = [upload for upload in uploads if upload.status is ProcessingStatus.COMPLETED]
    as_it_should = (
        len(uploads) == len(pictures)
        and len(completed) == len(uploads) - 1
        and all(upload.status is ProcessingStatus.FAILED and upload.error_message for upload in broken)
    )
    verdict = f"{len(completed)} of {len(uploads)} completed. {BROKEN_NAME!r} failed, as expected."
    return DemoOutcome(
        uploads, as_it_should, verdict if as_it_should else "The demo failed: some uploads did not end as expected."
    )


def _run_screen(settings: Settings, paths: Sequence[Path]) -> int:
    """Run the app until it ends; return how many uploads still wait."""
    # Objects imported before the first paint stay alive; scanning them for garbage would take a tenth of the start-up
    # time.
    gc.disable()
    left: int | None = None
    while left is None:
        left = run(partial(_screen, settings, paths))
        paths = ()
    return left


def _favour_the_keyboard() -> None:
    """Save 5 ms of waiting at each key press."""
    # The threads of SQLite and of the pool hold the interpreter this long when a key comes.
    sys.setswitchinterval(SWITCH_SECONDS)


def _collect_garbage() -> None:
    # Imported objects live until the end; scanning them would make a full collection take 50 ms.
    gc.freeze()
    gc.enable()


async def _screen(settings: Settings, paths: Sequence[Path]) -> int | None:
    """Run the app until it ends; return how many uploads still wait, or None to reopen it."""
    _favour_the_keyboard()
    terminal = current_terminal()
    # The terminal answers while the app is imported and the library opens.
    asked = asyncio.create_task(asyncio.to_thread(asked_terminal, terminal, settings.graphics))
    await asyncio.sleep(0)
    from vuemantics_tui.library import Library
    from vuemantics_tui.ui.app import VuemanticsApp, graphics_of, theme_of

    library = await Library.open(settings)

    async def examined() -> Sequence[Finding]:
        from vuemantics_tui.doctor import examine

        return await examine(settings, library, await asked)

    try:
        answers = await asked
        screen = VuemanticsApp(
            library,
            paths=paths,
            theme=theme_of(settings, terminal),
            true_colour=settings.true_colour,
            graphics=graphics_of(settings, terminal, answers),
            typed=answers.typed,
            keys=settings.keys,
            problems=settings.problems,
            examine=examined,
            painted=_collect_garbage,
        )
        await screen.run_async()
        if screen.return_code:
            raise VuemanticsError(f"The app stopped because of a bug. Details are in the log: {log_file()}")
        return None if screen.reopen else (await library.queue.store.counts()).waiting
    finally:
        await library.close()
