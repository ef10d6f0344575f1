"""The commands that delete and restore uploads, and that undo and redo any change: delete, trash, undo, redo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.options import (
    FAILED,
    alone_option,
    ask,
    current_settings,
    json_option,
    library_option,
    lists,
    yes_option,
)
from vuemantics_tui.cli.output import emit, emit_json, note, table, upload_document
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import MOST_TRASH_DAYS, Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, date_words, size_words, visible
from vuemantics_tui.domain.upload import SHORT_ID

if TYPE_CHECKING:
    from vuemantics_tui.domain.upload import Upload
    from vuemantics_tui.library import Library, Trash

# With more IDs than these, a hint would be longer than a line.
MOST_NAMED = 3


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--forever", is_flag=True, help="Delete at once, without the trash. This cannot be undone.")
@click.option("--files-too", is_flag=True, help="Also move files used in place to the system trash.")
@alone_option
@yes_option
@library_option
def delete(ids: tuple[str, ...], forever: bool, files_too: bool, alone: bool, yes: bool) -> None:
    """Move uploads to the trash. Your source files are untouched.

    Deleting the cover of a stack deletes all of it. What is deleted does not come back with the next scan of a source.
    """
    settings = current_settings()
    failed = run(lambda: _delete(settings, ids, forever, files_too, alone, yes))
    raise SystemExit(FAILED if failed else 0)


async def _delete(
    settings: Settings, ids: tuple[str, ...], forever: bool, files_too: bool, alone: bool, yes: bool
) -> int:
    """Delete; returns how many files could not be."""
    async with open_library(settings, "write") as library:
        named = {upload.id: upload for prefix in ids for upload in await _named(library, prefix, forever, alone)}
        if not yes:
            names = ", ".join(visible(upload.filename) for upload in named.values())
            question = f"Delete {names} for good?" if forever else f"Move {names} to the trash?"
            if files_too:
                question += " And their files to the system trash?"
            ask(question, f"Deleting needs your confirmation: {names}")
        failed = [reason async for _, reason in library.sources.discard(named.values()) if reason] if files_too else []
        for reason in failed:
            note(visible(reason))
        if forever:
            note(f"Deleted {counted(await library.trash.erase(named), 'upload')} for good.")
            await _tell_left_alone(library)
        else:
            note(moved_words(await library.trash.put(named), list(named), library.trash))
        return len(failed)


def moved_words(count: int, ids: Sequence[str], trash: Trash) -> str:
    """Return what was done, and how to undo it."""
    days = f" for {counted(trash.days, 'day')}" if trash.days else ""
    named = " ".join(one[:SHORT_ID] for one in ids) if len(ids) <= MOST_NAMED else "ID..."
    return f"Moved {counted(count, 'upload')} to the trash{days}. To undo: vuemantics-tui trash restore {named}"


async def _named(library: Library, prefix: str, forever: bool, alone: bool) -> list[Upload]:
    """Return the uploads that are meant; to be deleted for good, one may be in the trash. Raises UsageError."""
    try:
        return await library.named([prefix], alone=alone)
    except UsageError:
        if forever and len(found := await _in_trash(library.trash, prefix)) == 1:
            return found
        raise


@click.group(invoke_without_command=True)
@json_option
@library_option
@click.pass_context
def trash(context: click.Context, as_json: bool) -> None:
    """List, restore or empty the trash."""
    if lists(context, as_json):
        settings = current_settings()
        run(lambda: _list(settings, as_json))


@trash.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@alone_option
@library_option
def restore(ids: tuple[str, ...], alone: bool) -> None:
    """Restore uploads. Those that were not finished go back to the queue.

    A stack that was deleted as a whole comes back as a whole.
    """
    settings = current_settings()
    run(lambda: _restore(settings, ids, alone))


@trash.command()
@click.option(
    "--older-than", type=click.IntRange(0, MOST_TRASH_DAYS), metavar="DAYS", help="Only uploads deleted longer ago."
)
@yes_option
@library_option
def empty(older_than: int | None, yes: bool) -> None:
    """Delete everything in the trash for good. This cannot be undone."""
    settings = current_settings()
    run(lambda: _empty(settings, older_than, yes))


@click.command()
@json_option
@library_option
def undo(as_json: bool) -> None:
    """Undo the latest change that you made, in the app or by a command.

    That is a deletion, or a change of tags, albums, ratings, dates, places, stacks, descriptions, saved searches or
    hidden uploads. Only what is still as you left it is undone. What was deleted permanently is gone.
    """
    settings = current_settings()
    run(lambda: _step(settings, as_json, back=True))


@click.command()
@json_option
@library_option
def redo(as_json: bool) -> None:
    """Redo the change that you undid last, unless you changed something else since."""
    settings = current_settings()
    run(lambda: _step(settings, as_json, back=False))


async def _step(settings: Settings, as_json: bool, *, back: bool) -> None:
    async with open_library(settings, "write") as library:
        outcome = await (library.undo.undo() if back else library.undo.redo())
        if outcome is None:
            note(f"There is nothing to {'undo' if back else 'redo'}.")
            raise SystemExit(FAILED)
        if as_json:
            emit_json(
                {
                    "kind": outcome.kind,
                    "uploads": list(outcome.uploads),
                    "changed": outcome.count,
                    "left": outcome.left,
                    "message": outcome.words,
                }
            )
        else:
            note(outcome.words)
        if not outcome.count:
            raise SystemExit(FAILED)


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
                    date_words(one.deleted_at),
                    one.upload.filename,
                )
                for one in trashed
            ]
            for line in table(("ID", "Size", "Deleted", "Name"), rows, frozenset({1})):
                emit(line)
            if library.trash.days:
                note(f"Deleted for good after {counted(library.trash.days, 'day')}.")
        else:
            note("The trash is empty.")


async def _restore(settings: Settings, ids: tuple[str, ...], alone: bool) -> None:
    async with open_library(settings, "write") as library:
        named: dict[str, Upload] = {}
        for prefix in ids:
            found = await _in_trash(library.trash, prefix)
            if len(found) != 1:
                many = f"{len(found)} uploads in the trash have" if found else "No upload in the trash has"
                hint = "Type more of the ID." if found else "To see them: vuemantics-tui trash"
                raise UsageError(f"{many} an ID that begins with {prefix!r}", hint)
            named[found[0].id] = found[0]
        wanted = list(named) if alone else await library.trash.store.together(list(named))
        note(f"Restored {counted(await library.trash.restore(wanted), 'upload')}.")


async def _empty(settings: Settings, older_than: int | None, yes: bool) -> None:
    async with open_library(settings, "write") as library:
        count, size = await library.trash.store.count()
        if not count:
            note("The trash is empty.")
            return
        if not yes:
            what = counted(count, "upload") + f" ({size_words(size)})"
            if older_than is not None:
                what = f"what was deleted more than {counted(older_than, 'day')} ago"
            ask(f"Delete {what} for good?", "Emptying the trash needs your confirmation")
        note(f"Deleted {counted(await library.trash.empty(older_than), 'upload')} for good.")
        await _tell_left_alone(library)


async def _tell_left_alone(library: Library) -> None:
    """Report the uploads that are never deleted, because their IDs could lead out of the library."""
    if misplaced := await library.uploads.misplaced():
        what = counted(misplaced, "upload")
        note(f"Left alone: {what} with an invalid ID. To check the library: vuemantics-tui doctor")


async def _in_trash(trash: Trash, prefix: str) -> list[Upload]:
    """Return the uploads in the trash whose ID begins with this prefix."""
    return [one.upload for one in await trash.store.by_prefix(prefix)] if prefix else []
