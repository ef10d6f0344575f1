"""The command that takes files into the library: add."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.options import (
    FAILED,
    analyzer_option,
    current_settings,
    json_option,
    library_option,
    no_wait_option,
    patience_of,
    patience_option,
)
from vuemantics_tui.cli.output import emit, emit_json, intake_document, note, result_line, tell_upload
from vuemantics_tui.cli.progress import Bar, bars, follow, queued_words, resumable, sweep
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.text import size_words
from vuemantics_tui.domain.upload import Upload

if TYPE_CHECKING:
    from vuemantics_tui.library import Candidate, IntakeResult, Library


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--recursive", "-r", is_flag=True, help="Add folders with everything below them.")
@no_wait_option
@patience_option
@json_option
@analyzer_option
@library_option
def add(paths: tuple[Path, ...], recursive: bool, no_wait: bool, patience: float | None, as_json: bool) -> None:
    """Add pictures and videos, and wait until they are processed.

    Your files are copied and stay untouched. Creates the library if there is none.
    """
    settings = current_settings()
    failed = run(lambda: _add(settings, paths, recursive, no_wait, patience_of(patience), as_json))
    raise SystemExit(FAILED if failed else 0)


async def _add(
    settings: Settings, paths: tuple[Path, ...], recursive: bool, no_wait: bool, patience: float, as_json: bool
) -> int:
    """Add and process; return how many failed, or could not be read."""
    async with open_library(settings, "create") as library:
        feed = library.changes()
        await feed.skip_to_now()
        candidates = await library.gather(paths, recursive=recursive)
        with resumable(library):
            if not no_wait:
                await sweep(library)
                await library.queue.start()
            added, unread = await _copy(library, candidates, as_json)
            if not no_wait:
                mine = {upload.number for upload in added}
                tell = partial(tell_upload, library, as_json)
                return unread + await follow(library, feed, mine, tell, patience=patience, summary=not as_json)
            for upload in added:
                tell_upload(library, as_json, upload)
            if added:
                note(queued_words(len(added), library))
            return unread


async def _copy(library: Library, candidates: list[Candidate], as_json: bool) -> tuple[list[Upload], int]:
    """Copy files into the library; print at once what becomes no new upload.

    Returns the new uploads, and how many files or folders that were asked for cannot be read.
    """
    total = sum(candidate.size for candidate in candidates if not candidate.reason)
    added: list[Upload] = []
    unread = 0
    with bars() as progress:
        bar = Bar(progress, "copying", total)
        async for result in library.add(candidates, bar.advance):
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
