"""The commands about the queue: process, retry, failures."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.options import (
    FAILED,
    analyzer_option,
    cluster_option,
    current_settings,
    json_option,
    library_option,
    patience_of,
    patience_option,
)
from vuemantics_tui.cli.output import emit, emit_json, note, tell_upload
from vuemantics_tui.cli.progress import follow, keep_backup, resumable, see_pictures, sweep, tag_pictures
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, storable, visible
from vuemantics_tui.domain.upload import FailureGroup, ProcessingStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vuemantics_tui.library import Library

    Requeue = Callable[[Library], Awaitable[list[str]]]

IDLE_SECONDS = 0.2
# How often it is looked whether a daily copy is due.
BACKUP_LOOK_SECONDS = 1800.0


@click.command()
@click.option("--forever", is_flag=True, help="Keep waiting for new uploads until stopped.")
@patience_option
@analyzer_option
@cluster_option
@library_option
def process(forever: bool, patience: float | None) -> None:
    """Process the queue until it is empty.

    With --forever, also watches your sources, and waits for servers without a limit, unless you give --patience.
    """
    settings = current_settings()
    waits = patience if forever else patience_of(patience)
    failed = run(lambda: _process(settings, forever, waits))
    raise SystemExit(FAILED if failed else 0)


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--failed", is_flag=True, help="Retry every failed upload.")
@click.option("--overwrite-edited", is_flag=True, help="Also replace descriptions that were edited by hand.")
@patience_option
@json_option
@analyzer_option
@cluster_option
@library_option
def retry(ids: tuple[str, ...], failed: bool, overwrite_edited: bool, patience: float | None, as_json: bool) -> None:
    """Retry failed uploads, or describe completed ones again."""
    if bool(ids) == failed:
        raise UsageError("There is nothing to retry", "Give IDs, or --failed for every failed upload.")
    settings = current_settings()

    async def requeue(library: Library) -> list[str]:
        if ids:
            return await _requeue_named(library, ids, overwrite_edited)
        moved = await library.queue.retry_failed()
        if not moved:
            note("No failures.")
        return moved

    still_failed = run(lambda: _retry(settings, requeue, patience_of(patience), as_json))
    raise SystemExit(FAILED if still_failed else 0)


@click.command()
@click.option("--retry", "again", is_flag=True, help="Retry every failure except cancelled uploads.")
@patience_option
@json_option
@analyzer_option
@cluster_option
@library_option
def failures(again: bool, patience: float | None, as_json: bool) -> None:
    """List failures by reason, or retry them."""
    settings = current_settings()
    if not again:
        run(lambda: _list_failures(settings, as_json))
        return

    async def requeue(library: Library) -> list[str]:
        groups = await library.queue.store.failure_groups()
        if not groups:
            note("No failures.")
        return [upload_id for group in groups for upload_id in await library.queue.retry_group(group.cause)]

    failed = run(lambda: _retry(settings, requeue, patience_of(patience), as_json))
    raise SystemExit(FAILED if failed else 0)


async def _process(settings: Settings, forever: bool, patience: float | None) -> int:
    """Process until nothing waits; return how many failed."""
    async with open_library(settings, "create") as library:
        with resumable(library):
            await sweep(library)
            feed = library.changes()
            await feed.skip_to_now()
            event = await library.history.newest()
            await library.queue.start()
            if forever:
                library.watch.start()
            tell = partial(tell_upload, library, False)
            failed, next_backup, told = 0, 0.0, set[tuple[int, str]]()
            while True:
                waiting = await library.queue.store.unfinished()
                followed = frozenset(waiting)
                if waiting:
                    failed += await follow(library, feed, waiting, tell, patience=patience, through_pauses=forever)
                # An upload may come and end between two looks.
                ended, event = await library.history.ended_after(event)
                for upload in await library.uploads.by_numbers(sorted(ended - followed)):
                    failed += upload.status is ProcessingStatus.FAILED
                    tell(upload)
                if followed:
                    continue
                if not forever:
                    if await see_pictures(library):
                        await tag_pictures(library)
                    await keep_backup(library)
                    return failed
                if time.monotonic() >= next_backup:
                    await keep_backup(library)
                    next_backup = time.monotonic() + BACKUP_LOOK_SECONDS
                await _tell_unwatched(library, told)
                await asyncio.sleep(IDLE_SECONDS)


async def _tell_unwatched(library: Library, told: set[tuple[int, str]]) -> None:
    """Say once of each source why its changes are not noticed at once."""
    for number, report in tuple(library.watch.reports.items()):
        source = (
            await library.sources.store.get(number) if report.reason and (number, report.reason) not in told else None
        )
        if source is not None:
            told.add((number, report.reason))
            note(f"{visible(storable(str(source.path)))}: {report.state.value}. {visible(report.reason)}.")


async def _retry(settings: Settings, requeue: Requeue, patience: float, as_json: bool) -> int:
    """Put uploads back into the queue and wait for them; return how many failed again."""
    async with open_library(settings, "write") as library:
        feed = library.changes()
        await feed.skip_to_now()
        with resumable(library):
            # First, so that nothing is queued if no analyzer can be made.
            await library.queue.start()
            uploads = [await library.uploads.get(upload_id) for upload_id in await requeue(library)]
            mine = {upload.number for upload in uploads if upload}
            tell = partial(tell_upload, library, as_json)
            return await follow(library, feed, mine, tell, patience=patience, summary=not as_json)


async def _requeue_named(library: Library, ids: tuple[str, ...], overwrite_edited: bool) -> list[str]:
    """Retry these and say why others are passed over. Returns the IDs that moved."""
    named = await library.named(ids)
    moved = await library.queue.retry([upload.id for upload in named], overwrite_edited)
    left = [upload for upload in named if upload.id not in moved]
    edited = await library.descriptions.edited([upload.id for upload in left])
    for upload in left:
        if upload.id in edited and not overwrite_edited:
            note(f"{visible(upload.filename)}: edited by hand, skipped. To replace your text: --overwrite-edited")
        else:
            note(f"{visible(upload.filename)}: already {upload.word}")
    return moved


def group_words(group: FailureGroup) -> str:
    """Return a group as in "37 x model 'qwen2.5vl:3b' not found"."""
    return f"{group.count:,} x {visible(group.words)}"


async def _list_failures(settings: Settings, as_json: bool) -> None:
    async with open_library(settings) as library:
        groups = await library.queue.store.failure_groups()
    for group in groups:
        if as_json:
            emit_json(
                {
                    "count": group.count,
                    "message": group.message,
                    "hint": group.hint,
                    "kind": group.kind.value,
                    "missing_model": group.missing_model or None,
                }
            )
        else:
            emit(group_words(group))
            if group.missing_model:
                emit(f"    Run: vuemantics-tui pull {visible(group.missing_model)}")
            elif group.hint:
                emit(f"    {visible(group.hint)}")
    if not groups:
        note("No failures.")
    elif not as_json:
        count = sum(group.count for group in groups)
        note(f"{counted(count, 'failure')}. To retry: vuemantics-tui failures --retry")
