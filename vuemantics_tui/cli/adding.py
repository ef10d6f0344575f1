"""The commands that put uploads on their way: add, process, retry."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.following import Bar, bars, follow, saying_how_to_go_on
from vuemantics_tui.cli.group import (
    analyzer_option,
    current_settings,
    json_option,
    library_option,
    patience_of,
    patience_option,
)
from vuemantics_tui.cli.output import emit, emit_json, intake_document, note, result_line, tell_upload
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, size_words, visible
from vuemantics_tui.domain.upload import Upload

if TYPE_CHECKING:
    from vuemantics_tui.library import Candidate, IntakeResult, Library

FAILED = 1
IDLE_SECONDS = 0.2


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--recursive", "-r", is_flag=True, help="Add what is in folders, however deep.")
@click.option("--no-wait", is_flag=True, help="Only add; process later.")
@patience_option
@json_option
@analyzer_option
@library_option
def add(paths: tuple[Path, ...], recursive: bool, no_wait: bool, patience: float | None, as_json: bool) -> None:
    """Add pictures and videos, and process them until each is completed or failed."""
    settings = current_settings()
    failed = run(lambda: _add(settings, paths, recursive, no_wait, patience_of(patience), as_json))
    raise SystemExit(FAILED if failed else 0)


@click.command()
@click.option("--forever", is_flag=True, help="Go on waiting for new uploads until stopped.")
@patience_option
@analyzer_option
@library_option
def process(forever: bool, patience: float | None) -> None:
    """Process what waits, without a screen, until nothing is left.

    With --forever it also waits for ever for a server that is away, unless --patience says otherwise.
    """
    settings = current_settings()
    waits = patience if forever else patience_of(patience)
    failed = run(lambda: _process(settings, forever, waits))
    raise SystemExit(FAILED if failed else 0)


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--failed", is_flag=True, help="Retry every upload that failed.")
@click.option("--overwrite-edited", is_flag=True, help="Describe anew also what a person has described.")
@patience_option
@json_option
@analyzer_option
@library_option
def retry(ids: tuple[str, ...], failed: bool, overwrite_edited: bool, patience: float | None, as_json: bool) -> None:
    """Process failed uploads again, or describe completed ones anew."""
    if bool(ids) == failed:
        raise UsageError("Nothing to retry was named", "Give IDs, or --failed for all that failed.")
    settings = current_settings()
    still_failed = run(lambda: _retry(settings, ids, overwrite_edited, patience_of(patience), as_json))
    raise SystemExit(FAILED if still_failed else 0)


async def _add(
    settings: Settings, paths: tuple[Path, ...], recursive: bool, no_wait: bool, patience: float, as_json: bool
) -> int:
    """Add and process; returns how many failed."""
    async with open_library(settings) as library:
        feed = library.changes()
        await feed.skip_to_now()
        candidates = await library.gather(paths, recursive=recursive)
        with saying_how_to_go_on(library):
            if not no_wait:
                await _sweep(library)
                await library.queue.start()
            added = await _copy(library, candidates, as_json)
            if not no_wait:
                mine = {upload.number for upload in added}
                tell = partial(tell_upload, library, as_json)
                return await follow(library, feed, mine, tell, patience=patience, summary=not as_json)
            for upload in added:
                tell_upload(library, as_json, upload)
            if added:
                note(
                    f"{counted(len(added), 'upload')} to process with: vuemantics-tui --library {library.root} process"
                )
            return 0


async def _sweep(library: Library) -> None:
    """Tidy up before the work, and say what was left for later."""
    await library.sweep()
    if library.trash.postponed:
        note(library.trash.postponed)


async def _copy(library: Library, candidates: list[Candidate], as_json: bool) -> list[Upload]:
    """Copy files into the library; what becomes no new upload is told at once."""
    total = sum(candidate.size for candidate in candidates if not candidate.reason)
    added: list[Upload] = []
    with bars() as progress:
        bar = Bar(progress, "copying", total)
        async for result in library.add(candidates, bar.advance):
            bar.say(f"{size_words(bar.done)} of {size_words(total)}")
            if result.is_new and result.upload is not None:
                added.append(result.upload)
            else:
                _tell_left_out(library, result, as_json)
    return added


async def _process(settings: Settings, forever: bool, patience: float | None) -> int:
    """Process until nothing waits; returns how many failed."""
    async with open_library(settings) as library:
        with saying_how_to_go_on(library):
            await _sweep(library)
            feed = library.changes()
            await feed.skip_to_now()
            await library.queue.start()
            failed = 0
            while True:
                waiting = await library.queue.store.unfinished()
                if waiting:
                    tell = partial(tell_upload, library, False)
                    failed += await follow(library, feed, waiting, tell, patience=patience, through_pauses=forever)
                elif not forever:
                    return failed
                else:
                    await asyncio.sleep(IDLE_SECONDS)


async def _retry(
    settings: Settings, ids: tuple[str, ...], overwrite_edited: bool, patience: float, as_json: bool
) -> int:
    """Retry these uploads, or all failed ones where none is named; returns how many failed again."""
    async with open_library(settings) as library:
        feed = library.changes()
        await feed.skip_to_now()
        with saying_how_to_go_on(library):
            if ids:
                moved = await _retry_named(library, ids, overwrite_edited)
            else:
                moved = await library.queue.retry_failed()
                if not moved:
                    note("Nothing has failed.")
            await library.queue.start()
            uploads = [await library.uploads.get(upload_id) for upload_id in moved]
            mine = {upload.number for upload in uploads if upload}
            tell = partial(tell_upload, library, as_json)
            return await follow(library, feed, mine, tell, patience=patience, summary=not as_json)


async def _retry_named(library: Library, ids: tuple[str, ...], overwrite_edited: bool) -> list[str]:
    """Retry these; says of each that is passed over why. Returns the IDs that moved."""
    named = [await library.uploads.find(prefix) for prefix in ids]
    moved = await library.queue.retry([upload.id for upload in named], overwrite_edited)
    left = [upload for upload in named if upload.id not in moved]
    edited = await library.descriptions.store.edited([upload.id for upload in left])
    for upload in left:
        if upload.id in edited and not overwrite_edited:
            note(f"{visible(upload.filename)} was described by hand; to describe it anew, give --overwrite-edited")
        else:
            note(f"{visible(upload.filename)} is {upload.word} already")
    return moved


def _tell_left_out(library: Library, result: IntakeResult, as_json: bool) -> None:
    if as_json:
        emit_json(intake_document(library, result))
    elif result.upload is not None:
        emit(result_line(result.outcome.value, result.path.name, f"is there as {result.upload.id}"))
    else:
        emit(result_line(result.outcome.value, result.path.name, f"{result.reason}. {result.hint}".strip()))
