"""The commands that show uploads: list, show, open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.options import current_settings, hidden_option, json_option, library_option
from vuemantics_tui.cli.output import emit, emit_json, note, upload_document, upload_page, upload_table
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.desktop import open_in_viewer
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.upload import ProcessingStatus

if TYPE_CHECKING:
    from pathlib import Path


@click.command("list")
@click.option("--status", type=click.Choice([status.value for status in ProcessingStatus]), help="Only this status.")
@click.option("--type", "file_type", type=click.Choice([kind.value for kind in FileType]), help="Only this type.")
@hidden_option
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Show at most N uploads.")
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
            note("No uploads match.")
        elif (await library.queue.store.counts()).total:
            note("All uploads are hidden. To list them: vuemantics-tui list --hidden")
        else:
            note("The library is empty. To add pictures: vuemantics-tui add ~/Pictures --recursive")


@click.command()
@click.argument("upload_id", metavar="ID")
@json_option
@library_option
def show(upload_id: str, as_json: bool) -> None:
    """Show all details of one upload, with its history."""
    settings = current_settings()
    run(lambda: _show(settings, upload_id, as_json))


async def _show(settings: Settings, prefix: str, as_json: bool) -> None:
    async with open_library(settings) as library:
        upload = await library.uploads.find(prefix)
        history = await library.history.of(upload.number)
        if as_json:
            events = [
                {"at": event.at, "kind": event.kind, "message": event.message, "seconds": event.seconds}
                for event in history
            ]
            emit_json({**upload_document(library, upload), "history": events})
        else:
            for line in upload_page(library, upload, history):
                emit(line)


@click.command("open")
@click.argument("upload_id", metavar="ID")
@library_option
def open_original(upload_id: str) -> None:
    """Open the original in your system's viewer."""
    settings = current_settings()
    path = run(lambda: _original(settings, upload_id))
    open_in_viewer(path)


async def _original(settings: Settings, prefix: str) -> Path:
    async with open_library(settings) as library:
        return library.original(await library.uploads.find(prefix))
