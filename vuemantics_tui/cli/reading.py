"""The commands that look at the library or change single uploads: list, show, search, open, delete."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.group import analyzer_option, current_settings, json_option, library_option
from vuemantics_tui.cli.output import (
    SHORT_ID,
    emit,
    emit_json,
    note,
    table,
    upload_document,
    upload_page,
    upload_table,
)
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.media import FileType
from vuemantics_tui.domain.text import visible
from vuemantics_tui.domain.upload import ProcessingStatus
from vuemantics_tui.viewer import open_in_viewer

if TYPE_CHECKING:
    from pathlib import Path

limit_option = click.option("--limit", type=click.IntRange(min=1), help="At most so many.")


@click.command("list")
@click.option("--status", type=click.Choice([status.value for status in ProcessingStatus]), help="Only these.")
@click.option("--type", "file_type", type=click.Choice([kind.value for kind in FileType]), help="Only these.")
@click.option("--hidden", is_flag=True, help="The hidden ones too.")
@limit_option
@json_option
@library_option
def list_uploads(status: str | None, file_type: str | None, hidden: bool, limit: int | None, as_json: bool) -> None:
    """List uploads, newest first."""
    settings = current_settings()
    run(
        lambda: _list(
            settings,
            ProcessingStatus(status) if status else None,
            FileType(file_type) if file_type else None,
            hidden,
            limit,
            as_json,
        )
    )


async def _list(
    settings: Settings,
    status: ProcessingStatus | None,
    file_type: FileType | None,
    hidden: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    async with open_library(settings) as library:
        uploads = await library.uploads.newest(status=status, file_type=file_type, limit=limit, show_hidden=hidden)
        if as_json:
            for upload in uploads:
                emit_json(upload_document(library, upload))
        elif uploads:
            for line in upload_table(uploads):
                emit(line)
        elif status or file_type:
            note("No upload is like that.")
        elif (await library.queue.counts()).total:
            note("All uploads are hidden. Show them with: vuemantics-tui list --hidden")
        else:
            note("The library is empty. Begin with: vuemantics-tui add ~/Pictures --recursive")


@click.command()
@click.argument("upload_id", metavar="ID")
@json_option
@library_option
def show(upload_id: str, as_json: bool) -> None:
    """Show everything about one upload, with its history."""
    settings = current_settings()
    run(lambda: _show(settings, upload_id, as_json))


async def _show(settings: Settings, prefix: str, as_json: bool) -> None:
    async with open_library(settings) as library:
        upload = await library.uploads.find(prefix)
        history = await library.uploads.history(upload)
        if as_json:
            events = [
                {"at": event.at, "kind": event.kind, "message": event.message, "seconds": event.seconds}
                for event in history
            ]
            emit_json({**upload_document(library, upload), "history": events})
        else:
            for line in upload_page(library, upload, history):
                emit(line)


@click.command()
@click.argument("query", nargs=-1, required=True, metavar="QUERY...")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@json_option
@analyzer_option
@library_option
def search(query: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find uploads by words and by meaning, best first."""
    text = " ".join(query).strip()
    if not text:
        raise UsageError("The query is empty", "Say what the picture shows: vuemantics-tui search a cat on a sofa")
    settings = current_settings()
    run(lambda: _search(settings, text, limit, as_json))


async def _search(settings: Settings, text: str, limit: int, as_json: bool) -> None:
    async with open_library(settings) as library:
        hits = await library.search.run(text, limit)
        if hits.note:
            note(visible(hits.note))
        if as_json:
            for hit in hits:
                emit_json({**upload_document(library, hit.upload), "score": hit.score})
        elif hits:
            rows = [
                (
                    f"{hit.score:.2f}",
                    hit.upload.id[:SHORT_ID],
                    hit.upload.filename,
                    hit.upload.description or "",
                )
                for hit in hits
            ]
            for line in table(("Score", "ID", "Name", "Description"), rows, frozenset({0})):
                emit(line)
        else:
            note("Nothing was found" + ("." if hits.note else ": nothing in this library is described yet."))


@click.command("open")
@click.argument("upload_id", metavar="ID")
@library_option
def open_original(upload_id: str) -> None:
    """Open the original in the system's viewer."""
    settings = current_settings()
    path = run(lambda: _original(settings, upload_id))
    open_in_viewer(path)


async def _original(settings: Settings, prefix: str) -> Path:
    async with open_library(settings) as library:
        upload = await library.uploads.find(prefix)
        path = library.uploads.absolute(upload.file_path)
        assert path is not None, "every upload has its original"
        return path


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@library_option
def delete(ids: tuple[str, ...], yes: bool) -> None:
    """Delete uploads from the library; the files they were copied from stay where they are."""
    settings = current_settings()
    run(lambda: _delete(settings, ids, yes))


async def _delete(settings: Settings, ids: tuple[str, ...], yes: bool) -> None:
    async with open_library(settings) as library:
        named = {upload.id: upload for upload in [await library.uploads.find(prefix) for prefix in ids]}
        if not yes:
            names = ", ".join(visible(upload.filename) for upload in named.values())
            if not sys.stdin.isatty():
                raise UsageError(f"Not deleted without being asked: {names}", "Give --yes.")
            # The prompt may block the event loop: nothing else runs in it.
            click.confirm(f"Delete {names} from the library?", abort=True, err=True)
        count = await library.uploads.delete(named)
        note(f"{count} deleted")
