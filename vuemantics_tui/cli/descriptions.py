"""The commands about descriptions and their vectors: describe, edit, reembed."""

from __future__ import annotations

import textwrap
from functools import partial
from typing import TYPE_CHECKING, Any

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
from vuemantics_tui.cli.output import emit, emit_json, note, tell_upload, upload_document
from vuemantics_tui.cli.progress import follow, queued_words, resumable
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.fields import taken_words
from vuemantics_tui.domain.moment import DateEdit
from vuemantics_tui.domain.text import counted, date_words, visible
from vuemantics_tui.domain.upload import SHORT_ID, ProcessingStatus, Upload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from vuemantics_tui.library import Library, StoredDescription

_TEXT_WIDTH = 96


@click.command()
@click.argument("upload_id", metavar="ID")
@click.option("--use", type=int, metavar="N", help="Use description number N.")
@no_wait_option
@patience_option
@json_option
@analyzer_option
@cluster_option
@library_option
def describe(upload_id: str, use: int | None, no_wait: bool, patience: float | None, as_json: bool) -> None:
    """List the descriptions of an upload, or use an earlier one."""
    settings = current_settings()
    if use is None:
        run(lambda: _describe(settings, upload_id, as_json))
        return

    async def choose(library: Library, upload: Upload) -> bool:
        return await library.descriptions.choose(upload.id, use)

    failed = run(lambda: _change(settings, upload_id, choose, no_wait, patience_of(patience), as_json))
    raise SystemExit(FAILED if failed else 0)


@click.command()
@click.argument("upload_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--text", help="The new description. Without any option, your editor opens.")
@click.option("--tags", help="The new tags; separate with commas. Without it, tags stay.")
@click.option("--taken", metavar="WHEN", help="When it was taken, of one upload or many: see below.")
@click.option("--place", metavar="PLACE", help="Where it was taken, of one upload or many: see below.")
@click.option("--name", help="Another file name to show it under. The file itself keeps its own.")
@no_wait_option
@patience_option
@json_option
@analyzer_option
@cluster_option
@library_option
def edit(
    upload_ids: tuple[str, ...],
    text: str | None,
    tags: str | None,
    taken: str | None,
    place: str | None,
    name: str | None,
    no_wait: bool,
    patience: float | None,
    as_json: bool,
) -> None:
    """Edit the description of an upload, or the date or place of one or many.

    Opens $VISUAL or $EDITOR, unless you give an option. Earlier descriptions stay in the history.

    WHEN is a date (2024-03-05), a date and time ("2024-03-05 14:30"), a shift (+1h30m or -2d, for a camera whose clock
    was wrong), or "file" to go back to the date in the file.

    PLACE is "Rome", "Rome, Italy" or "Rome, Lazio, Italy", "none" for no place, or "file" to go back to the place in
    the file.
    """
    settings = current_settings()
    if len(upload_ids) > 1 and (taken is place is None or name is not None or text is not None or tags is not None):
        raise UsageError(
            "Only dates and places can be edited for several uploads at once",
            "Give one ID, or --taken and --place alone.",
        )
    if taken is not None:
        change_of_date = DateEdit.of(taken)
        run(lambda: _edit_dates(settings, upload_ids, change_of_date, as_json))
    if place is not None:
        run(lambda: _edit_places(settings, upload_ids, place, as_json))
    if name is not None:
        run(lambda: _rename(settings, upload_ids[0], name, as_json))
    if not (taken is place is name is None) and text is None and tags is None:
        return
    upload_id = upload_ids[0]
    if text is None:
        before = run(lambda: _text_of(settings, upload_id))
        # Keep no library open while the editor runs: that may take an hour.
        text = before if tags is not None else click.edit(before + "\n", extension=".txt")
        if text is None:
            note("No changes.")
            return
    chosen, words = text, None if tags is None else [tag.strip().lower() for tag in tags.split(",") if tag.strip()]

    async def change(library: Library, upload: Upload) -> bool:
        return await library.descriptions.edit(upload.id, chosen, words)

    failed = run(lambda: _change(settings, upload_id, change, no_wait, patience_of(patience), as_json))
    raise SystemExit(FAILED if failed else 0)


@click.command()
@no_wait_option
@patience_option
@json_option
@analyzer_option
@cluster_option
@library_option
def reembed(no_wait: bool, patience: float | None, as_json: bool) -> None:
    """Embed again after changing the embedding model.

    Descriptions stay as they are. Until then, only keywords find those uploads. You can stop and resume at any time.
    """
    settings = current_settings()
    failed = run(lambda: _reembed(settings, no_wait, patience_of(patience), as_json))
    raise SystemExit(FAILED if failed else 0)


def reembedding_words(stale: int, total: int) -> str:
    """Return "412 of 5,000 need re-embedding"."""
    return f"{stale:,} of {total:,} need re-embedding"


async def _describe(settings: Settings, prefix: str, as_json: bool) -> None:
    async with open_library(settings) as library:
        upload = await library.uploads.find(prefix)
        descriptions = await library.descriptions.of(upload.number)
    if not descriptions:
        note(f"{visible(upload.filename)} is not described yet.")
    for description in descriptions:
        if as_json:
            emit_json(_document(upload, description))
        else:
            for line in _page(description):
                emit(line)


def _document(upload: Upload, description: StoredDescription) -> dict[str, Any]:
    return {
        "upload_id": upload.id,
        "number": description.number,
        "current": description.current,
        "edited": description.edited,
        "guessed": description.guessed,
        "text": description.text,
        "read_text": description.read_text,
        "tags": list(description.tags),
        "analyzer": description.analyzer,
        "model": description.model,
        "audit_score": description.audit_score,
        "audit_findings": list(description.audit_findings),
        "seconds": description.seconds,
        "created_at": description.created_at,
    }


def _page(description: StoredDescription) -> list[str]:
    """Return one description as lines; a star marks the current one."""
    by = "edited by hand" if description.edited else f"{description.analyzer} {description.model}"
    quality = "a guess" if description.guessed else f"quality {description.audit_score}"
    facts = [by, *([] if description.edited else [quality]), date_words(description.created_at)]
    if description.seconds is not None:
        facts.append(f"{description.seconds:.1f} s")
    lines = [f"{'*' if description.current else ' '} {description.number}  {visible(', '.join(facts))}"]
    parts = [
        visible(description.text),
        f"Text in the picture: {visible(description.read_text)}" if description.read_text else "",
        f"Tags: {visible(', '.join(description.tags))}" if description.tags else "",
        "; ".join(description.audit_findings),
    ]
    for part in parts:
        lines += textwrap.wrap(part, _TEXT_WIDTH, initial_indent="    ", subsequent_indent="    ")
    return [*lines, ""]


async def _edit_dates(settings: Settings, prefixes: Sequence[str], change: DateEdit, as_json: bool) -> None:
    async with open_library(settings, "write") as library:
        uploads = await library.named(prefixes)
        changed = await library.dates.edit([upload.id for upload in uploads], change)
        note(f"Changed the date of {counted(len(changed), 'upload')}." if changed else "No changes.")
        for upload in await library.uploads.by_numbers([upload.number for upload in uploads]):
            if as_json:
                emit_json(upload_document(library, upload))
            else:
                emit(f"{upload.id[:SHORT_ID]}  {visible(upload.filename)}  {visible(taken_words(upload))}")


async def _rename(settings: Settings, prefix: str, name: str, as_json: bool) -> None:
    async with open_library(settings, "write") as library:
        upload = await library.uploads.find(prefix)
        before = await library.rename(upload.id, name)
        renamed = await library.uploads.find(upload.id)
        if as_json:
            emit_json(upload_document(library, renamed))
    note("No changes." if before is None else f"Renamed {visible(before)} to {visible(renamed.filename)}.")


async def _edit_places(settings: Settings, prefixes: Sequence[str], text: str, as_json: bool) -> None:
    async with open_library(settings, "write") as library:
        uploads = await library.named(prefixes)
        changed = await library.set_place([upload.id for upload in uploads], text)
        note(f"Changed the place of {counted(len(changed), 'upload')}." if changed else "No changes.")
        for upload in await library.uploads.by_numbers([upload.number for upload in uploads]):
            if as_json:
                emit_json(upload_document(library, upload))
            else:
                emit(f"{upload.id[:SHORT_ID]}  {visible(upload.filename)}  {visible(upload.place_words or 'no place')}")


async def _text_of(settings: Settings, prefix: str) -> str:
    async with open_library(settings) as library:
        upload = await library.uploads.find(prefix)
    if upload.description is None and upload.status is not ProcessingStatus.FAILED:
        raise UsageError(f"{upload.filename} is not described yet", "Wait until it is, or set the text with --text.")
    return upload.description or ""


async def _change(
    settings: Settings,
    prefix: str,
    change: Callable[[Library, Upload], Awaitable[bool]],
    no_wait: bool,
    patience: float,
    as_json: bool,
) -> int:
    """Change the current description, and wait until it is embedded; return how many failed."""
    async with open_library(settings, "write") as library:
        upload = await library.uploads.find(prefix)
        feed = library.changes()
        await feed.skip_to_now()
        if not await change(library, upload):
            note("No changes.")
            return 0
        if no_wait:
            note(queued_words(1, library))
            return 0
        with resumable(library):
            await library.queue.start()
            tell = partial(tell_upload, library, as_json)
            return await follow(library, feed, {upload.number}, tell, patience=patience)


async def _reembed(settings: Settings, no_wait: bool, patience: float, as_json: bool) -> int:
    """Make the missing vectors; return how many failed."""
    async with open_library(settings, "write") as library:
        with resumable(library):
            feed = library.changes()
            await feed.skip_to_now()
            stale, total = await library.queue.stale_embeddings()
            model = (await library.analyzer.get()).embedding_model
            note(f"{reembedding_words(stale, total)} with {model}")
            await library.queue.reembed()
            if no_wait:
                if stale:
                    note(queued_words(stale, library))
                return 0
            # Uploads queued by an earlier, interrupted run wait too.
            mine = await library.queue.store.unfinished() if stale else set()

            def tell(upload: Upload) -> None:
                if as_json:
                    emit_json(upload_document(library, upload))
                elif upload.status is ProcessingStatus.FAILED:
                    tell_upload(library, False, upload)

            await library.queue.start()
            failed = await follow(library, feed, mine, tell, patience=patience, summary=False)
            left, total = await library.queue.stale_embeddings()
    note(f"{total - left:,} of {counted(total, 'upload')} have a vector of {model}")
    return failed
