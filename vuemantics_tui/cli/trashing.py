"""The commands that take uploads away and bring them back: delete, trash."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.group import current_settings, json_option, library_option, lists
from vuemantics_tui.cli.output import SHORT_ID, emit, emit_json, local_time, note, table, upload_document
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import MOST_TRASH_DAYS, Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, size_words, visible

if TYPE_CHECKING:
    from vuemantics_tui.domain.upload import Upload
    from vuemantics_tui.library import Library, Trash

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def ask(question: str, refusal: str) -> None:
    """Ask on the terminal. Raises UsageError with the refusal where there is none, and Abort for a no."""
    if not sys.stdin.isatty():
        raise UsageError(refusal, "Give --yes.")
    # The prompt may block the event loop: nothing else runs in it.
    click.confirm(question, abort=True, err=True)


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--forever", is_flag=True, help="Do not keep them in the trash; there is no way back.")
@yes_option
@library_option
def delete(ids: tuple[str, ...], forever: bool, yes: bool) -> None:
    """Move uploads to the trash; the files they were copied from stay where they are."""
    settings = current_settings()
    run(lambda: _delete(settings, ids, forever, yes))


async def _delete(settings: Settings, ids: tuple[str, ...], forever: bool, yes: bool) -> None:
    async with open_library(settings) as library:
        named = {upload.id: upload for upload in [await _named(library, prefix, forever) for prefix in ids]}
        if not yes:
            names = ", ".join(visible(upload.filename) for upload in named.values())
            question = f"Delete {names} for ever?" if forever else f"Move {names} to the trash?"
            ask(question, f"Not deleted without being asked: {names}")
        count = await (library.trash.erase(named) if forever else library.trash.put(named))
        if forever:
            note(f"{count} deleted for ever")
        else:
            note(f"{count} moved to the trash{_until(library.trash)}; bring back with: vuemantics-tui trash restore ID")


async def _named(library: Library, prefix: str, forever: bool) -> Upload:
    """The upload that is meant, where it is to be deleted for ever also one in the trash. Raises UsageError."""
    try:
        return await library.uploads.find(prefix)
    except UsageError:
        if forever and len(found := await _in_trash(library.trash, prefix)) == 1:
            return found[0]
        raise


def _until(trash: Trash) -> str:
    return f" for {counted(trash.days, 'day')}" if trash.days else ""


@click.group(invoke_without_command=True)
@json_option
@library_option
@click.pass_context
def trash(context: click.Context, as_json: bool) -> None:
    """List what was deleted, the latest first, or bring it back or delete it for ever."""
    if lists(context, as_json):
        settings = current_settings()
        run(lambda: _list(settings, as_json))


@trash.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@library_option
def restore(ids: tuple[str, ...]) -> None:
    """Bring uploads back as they were; what was not done goes on when the library is next processed."""
    settings = current_settings()
    run(lambda: _restore(settings, ids))


@trash.command()
@click.option(
    "--older-than", type=click.IntRange(0, MOST_TRASH_DAYS), metavar="DAYS", help="Only what is there for longer."
)
@yes_option
@library_option
def empty(older_than: int | None, yes: bool) -> None:
    """Delete what is in the trash with its files. There is no way back."""
    settings = current_settings()
    run(lambda: _empty(settings, older_than, yes))


async def _list(settings: Settings, as_json: bool) -> None:
    async with open_library(settings) as library:
        trashed = await library.trash.store.contents()
        if as_json:
            for one in trashed:
                emit_json({**upload_document(library, one.upload), "deleted_at": one.deleted_at})
        elif trashed:
            rows = [
                (
                    one.upload.id[:SHORT_ID],
                    size_words(one.upload.file_size),
                    local_time(one.deleted_at),
                    one.upload.filename,
                )
                for one in trashed
            ]
            for line in table(("ID", "Size", "Deleted", "Name"), rows, frozenset({1})):
                emit(line)
            if library.trash.days:
                note(f"What is in the trash for {counted(library.trash.days, 'day')} is deleted for ever.")
        else:
            note("The trash is empty.")


async def _restore(settings: Settings, ids: tuple[str, ...]) -> None:
    async with open_library(settings) as library:
        named: dict[str, Upload] = {}
        for prefix in ids:
            found = await _in_trash(library.trash, prefix)
            if len(found) != 1:
                many = f"{len(found)} uploads in the trash have" if found else "No upload in the trash has"
                hint = "Give more of it." if found else "See: vuemantics-tui trash"
                raise UsageError(f"{many} an ID that begins with {prefix!r}", hint)
            named[found[0].id] = found[0]
        note(f"{await library.trash.restore(named)} brought back")


async def _empty(settings: Settings, older_than: int | None, yes: bool) -> None:
    async with open_library(settings) as library:
        count, size = await library.trash.store.count()
        if not count:
            note("The trash is empty.")
            return
        if not yes:
            what = counted(count, "upload") + f" ({size_words(size)})"
            if older_than is not None:
                what = f"what is in the trash for more than {counted(older_than, 'day')}"
            ask(f"Delete {what} for ever?", "Not emptied without being asked")
        note(f"{await library.trash.empty(older_than)} deleted for ever")


async def _in_trash(trash: Trash, prefix: str) -> list[Upload]:
    """What is in the trash and has an ID that begins so."""
    return [one.upload for one in await trash.store.by_prefix(prefix)] if prefix else []
