"""The commands about single uploads: list, show, open, tag, rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.options import (
    alone_option,
    current_settings,
    hidden_option,
    json_option,
    library_option,
    members_option,
)
from vuemantics_tui.cli.output import emit, emit_json, note, table, upload_document, upload_page, upload_table
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.desktop import open_in_viewer, play
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.fields import rating_words
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MOST_STARS, REJECTED
from vuemantics_tui.domain.text import counted, storable, visible
from vuemantics_tui.domain.upload import ProcessingStatus

if TYPE_CHECKING:
    from pathlib import Path


@click.command("list")
@click.option("--status", type=click.Choice([status.value for status in ProcessingStatus]), help="Only this status.")
@click.option("--type", "file_type", type=click.Choice([kind.value for kind in FileType]), help="Only this type.")
@hidden_option
@members_option
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Show at most N uploads.")
@json_option
@library_option
def list_uploads(
    status: str | None, file_type: str | None, hidden: bool, members: bool, limit: int | None, as_json: bool
) -> None:
    """List uploads, newest first, and of each stack the one that stands for it."""
    settings = current_settings()
    run(
        lambda: _list(
            settings,
            ProcessingStatus(status) if status else None,
            FileType(file_type) if file_type else None,
            hidden,
            members,
            limit,
            as_json,
        )
    )


async def _list(
    settings: Settings,
    status: ProcessingStatus | None,
    file_type: FileType | None,
    hidden: bool,
    members: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    async with open_library(settings) as library:
        uploads = await library.uploads.newest(
            status=status, file_type=file_type, limit=limit, show_hidden=hidden, covers_only=not members
        )
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
        copies = await library.sources.copies(upload)
        if as_json:
            events = [
                {"at": event.at, "kind": event.kind, "message": event.message, "seconds": event.seconds}
                for event in history
            ]
            files = [storable(str(path)) for path in copies]
            emit_json({**upload_document(library, upload), "copies": files, "history": events})
        else:
            for line in upload_page(library, upload, history, copies):
                emit(line)


@click.command("open")
@click.argument("upload_id", metavar="ID")
@click.option("--clip", is_flag=True, help="Play the clip of a Live Photo or a motion photo.")
@library_option
def open_original(upload_id: str, clip: bool) -> None:
    """Open the original in your system's viewer; play a video."""
    settings = current_settings()
    path, is_film = run(lambda: _clip(settings, upload_id) if clip else _original(settings, upload_id))
    if is_film:
        play(path, settings.play_command)
    else:
        open_in_viewer(path)


async def _clip(settings: Settings, prefix: str) -> tuple[Path, bool]:
    async with open_library(settings) as library:
        upload = await library.uploads.find(prefix)
        path = await library.clip(upload)
        if path is None:
            raise UsageError(f"{upload.filename} has no clip", "To see what has one: vuemantics-tui search is:motion")
        return path, True


async def _original(settings: Settings, prefix: str) -> tuple[Path, bool]:
    """Return where an original is, and whether it is a video."""
    async with open_library(settings) as library:
        upload = await library.uploads.find(prefix)
        return await library.sources.reach(upload), upload.file_type is FileType.VIDEO


@click.command(
    # No short options, so that -hat is a tag.
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    epilog="Quote a tag with spaces: vuemantics-tui tag 3f2a '+golden gate'",
)
@click.argument("words", nargs=-1, metavar="ID... +TAG... -TAG...")
@click.option("--list", "listed", is_flag=True, help="List tags and albums.")
@click.option("--album/--no-album", default=None, help="Make the +TAGs albums, or plain tags again. Needs no IDs.")
@alone_option
@json_option
@library_option
def tag(words: tuple[str, ...], listed: bool, album: bool | None, alone: bool, as_json: bool) -> None:
    """Add tags of your own to uploads, or remove them.

    They stay when an upload is described again. Tagging the cover of a stack tags all of it.
    """
    wrong = next((word for word in words if word.startswith("--")), None)
    if wrong is not None:
        raise click.NoSuchOption(wrong)
    ids = tuple(dict.fromkeys(word for word in words if word[:1] not in ("+", "-")))
    added = [word[1:] for word in words if word.startswith("+")]
    removed = [word[1:] for word in words if word.startswith("-")]
    if listed and words:
        raise UsageError("--list takes no IDs and no tags", "See: vuemantics-tui tag --help")
    if as_json and not listed:
        raise UsageError("--json needs --list", "To list the uploads with a tag: vuemantics-tui search tag:NAME --json")
    if not listed:
        if not (added or removed):
            raise UsageError("No tag given", "Start each tag with a sign: vuemantics-tui tag 3f2a +beach -cat")
        if not ids and (album is None or removed):
            raise UsageError("No upload given", "Give IDs; to see them: vuemantics-tui list")
    settings = current_settings()
    if listed:
        run(lambda: _tags_listed(settings, as_json))
    else:
        run(lambda: _change(settings, ids, added, removed, album, alone))


async def _tags_listed(settings: Settings, as_json: bool) -> None:
    async with open_library(settings) as library:
        tags = await library.tags.own()
    if as_json:
        for one in tags:
            emit_json({"name": one.name, "count": one.count, "album": one.album})
    elif tags:
        rows = [(f"{one.count:,}", "album" if one.album else "tag", one.name) for one in tags]
        for line in table(("Uploads", "Kind", "Name"), rows, frozenset({0})):
            emit(line)
    else:
        note("You have no tags yet. To add one: vuemantics-tui tag ID +beach")


async def _change(
    settings: Settings, ids: tuple[str, ...], added: list[str], removed: list[str], album: bool | None, alone: bool
) -> None:
    async with open_library(settings, "write") as library:
        named = [upload.id for upload in await library.named(ids, alone=alone)]
        given = taken = 0
        if named:
            plain, albums = ([], added) if album else (added, [])
            _, given, taken = await library.tags.retag(named, add=plain, albums=albums, remove=removed)
        if album is not None and (not named or not album):
            for name in added:
                if not await library.tags.set_album(name, album):
                    raise UsageError(f"There is no album {name!r}", "To see them all: vuemantics-tui tag --list")
    if ids and added:
        note(f"Tagged {counted(given, 'upload')}: {_names(added)}")
    if ids and removed:
        note(f"Removed from {counted(taken, 'upload')}: {_names(removed)}")
    if not ids:
        kind = ("albums" if album else "plain tags") if len(added) > 1 else ("an album" if album else "a plain tag")
        note(f"{_names(added)}: now {kind}")


def _names(names: list[str]) -> str:
    return ", ".join(visible(name) for name in names)


@click.command(
    # So that -1 is a rating.
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    epilog="For example: vuemantics-tui rate 3f2a 4",
)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.argument("stars", metavar="STARS")
@alone_option
@json_option
@library_option
def rate(ids: tuple[str, ...], stars: str, alone: bool, as_json: bool) -> None:
    """Rate uploads with 1 to 5 stars.

    0 removes the rating, rejected marks what you would throw away. Your rating stays when an upload is described or
    read again; the file is not changed. Rating the cover of a stack rates all of it.
    """
    rating = REJECTED if stars.lower() in ("rejected", "reject", str(REJECTED)) else None
    if rating is None:
        if stars not in map(str, range(MOST_STARS + 1)):
            raise UsageError(f"{stars!r} is no rating", "Give 0 to 5, or rejected, after the IDs.")
        rating = int(stars) or None
    settings = current_settings()
    run(lambda: _rate(settings, ids, rating, alone, as_json))


async def _rate(settings: Settings, prefixes: tuple[str, ...], rating: int | None, alone: bool, as_json: bool) -> None:
    async with open_library(settings, "write") as library:
        numbers = {upload.id: upload.number for upload in await library.named(prefixes, alone=alone)}
        changed = await library.ratings.rate(numbers, rating)
        if as_json:
            for upload in await library.uploads.by_numbers(list(numbers.values())):
                emit_json(upload_document(library, upload))
    if not changed:
        note("No changes.")
    elif rating is None:
        note(f"Removed the rating of {counted(len(changed), 'upload')}")
    else:
        note(f"Rated {counted(len(changed), 'upload')}: {rating_words(rating)}")
