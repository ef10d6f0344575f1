"""The command that takes files into the library: add."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.options import (
    FAILED,
    analyzer_option,
    cluster_option,
    current_settings,
    json_option,
    library_option,
    no_wait_option,
    patience_of,
    patience_option,
)
from vuemantics_tui.cli.output import emit, emit_json, intake_document, note, result_line, tell_upload
from vuemantics_tui.cli.progress import Bar, bars, follow, keep_backup, queued_words, resumable, sweep
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.cli.sources import scan_and_tell
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.sources import Placement
from vuemantics_tui.domain.text import size_words
from vuemantics_tui.domain.upload import Upload

if TYPE_CHECKING:
    from vuemantics_tui.library import Candidate, IntakeResult, Library


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--recursive", "-r", is_flag=True, help="Add folders with everything below them.")
@click.option(
    "--in-place/--copy",
    "in_place",
    default=None,
    help="Use files where they are, folders as sources, or copy them. [default: the setting placement]",
)
@no_wait_option
@patience_option
@json_option
@analyzer_option
@cluster_option
@library_option
def add(
    paths: tuple[Path, ...],
    recursive: bool,
    in_place: bool | None,
    no_wait: bool,
    patience: float | None,
    as_json: bool,
) -> None:
    """Add pictures and videos, and wait until they are processed.

    Your files are copied and stay untouched. With --in-place nothing is copied: files are used where they are, and a
    folder becomes a source with everything below it. Creates the library if there is none.
    """
    settings = current_settings()
    used = settings.placement == Placement.IN_PLACE if in_place is None else in_place
    failed = run(lambda: _add(settings, paths, recursive, used, no_wait, patience_of(patience), as_json))
    raise SystemExit(FAILED if failed else 0)


async def _add(
    settings: Settings,
    paths: tuple[Path, ...],
    recursive: bool,
    in_place: bool,
    no_wait: bool,
    patience: float,
    as_json: bool,
) -> int:
    """Add and process; return how many failed, or could not be read."""
    async with open_library(settings, "create") as library:
        feed = library.changes()
        await feed.skip_to_now()
        folders = [path for path in paths if path.is_dir()] if in_place else []
        files = [path for path in paths if path not in folders]
        # Before anything is written, since a path may be missing.
        candidates = await (
            library.intake.gather(files, recursive=False) if in_place else library.gather(paths, recursive=recursive)
        )
        with resumable(library):
            if not no_wait:
                await sweep(library)
                await library.queue.start()
            mine: set[int] = set()
            found, unread = await _use_folders(library, folders, as_json) if folders else ([], 0)
            results = library.sources.use(candidates) if in_place else None
            added, unread_files = await _take(library, candidates, as_json, results)
            unread += unread_files
            mine = {*found, *(upload.number for upload in added)}
            if not no_wait:
                tell = partial(tell_upload, library, as_json)
                failed = await follow(library, feed, mine, tell, patience=patience, summary=not as_json)
                await keep_backup(library)
                return unread + failed
            for upload in await library.uploads.by_numbers(sorted(mine)) if as_json else added:
                tell_upload(library, as_json, upload)
            if mine:
                note(queued_words(len(mine), library))
            return unread


async def _use_folders(library: Library, folders: list[Path], as_json: bool) -> tuple[list[int], int]:
    """Make folders sources and scan them; returns the numbers of the uploads that wait now, and how many failed."""
    found: list[int] = []
    sources = [await library.sources.add_if_new(folder) for folder in folders]
    failed = await scan_and_tell(library, sources, as_json=as_json, to_process=found.extend)
    return found, failed


async def _take(
    library: Library, candidates: list[Candidate], as_json: bool, results: AsyncIterator[IntakeResult] | None
) -> tuple[list[Upload], int]:
    """Take files in, by copying unless there are `results` already; print at once what becomes no new upload.

    Returns the new uploads, and how many files or folders that were asked for cannot be read.
    """
    total = sum(candidate.size for candidate in candidates if not candidate.reason)
    added: list[Upload] = []
    unread = 0
    with bars() as progress:
        bar = Bar(progress, "reading" if results else "copying", total)
        async for result in results or library.add(candidates, bar.advance):
            bar.say(f"{size_words(bar.done)} of {size_words(total)}")
            if result.is_new and result.upload is not None:
                added.append(result.upload)
                if result.reason:
                    note(result_line("warning", result.path.name, result.reason))
            else:
                unread += result.is_unread
                _tell_left_out(library, result, as_json)
    return added, unread


def _tell_left_out(library: Library, result: IntakeResult, as_json: bool) -> None:
    if as_json:
        emit_json(intake_document(library, result))
    elif result.upload is not None:
        words = f"already in the library as {result.upload.id}"
        more = ". Its side-car was read again" if result.reread else f". {result.reason}" if result.reason else ""
        emit(result_line(result.outcome.value, result.path.name, words + more))
    else:
        emit(result_line(result.outcome.value, result.path.name, f"{result.reason}. {result.hint}".strip()))
