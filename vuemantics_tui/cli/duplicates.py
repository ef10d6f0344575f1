"""The command about uploads that show the same: duplicates."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import ask, current_settings, json_option, library_option, yes_option
from vuemantics_tui.cli.output import emit, emit_json, note, table
from vuemantics_tui.cli.progress import Bar, bars
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.cli.trash import moved_words
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.duplicates import likeness_words
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, date_words, size_words
from vuemantics_tui.domain.upload import SHORT_ID

if TYPE_CHECKING:
    from vuemantics_tui.library import DuplicateGroup, DuplicatesFound, Library, LookAlike


@click.command()
@click.option("--trash", "to_trash", is_flag=True, help="Keep the best of each group and move the rest to the trash.")
@click.option("--similar", is_flag=True, help="List uploads that look alike but are not duplicates.")
@yes_option
@json_option
@library_option
def duplicates(to_trash: bool, similar: bool, yes: bool, as_json: bool) -> None:
    """List groups of uploads that show the same picture or clip.

    Resized, recompressed, converted and slightly cropped copies are duplicates. Each is compared pixel by pixel with
    the one to keep, which has the most pixels, then the most details about when and where it was taken, then the
    largest file, then was added first. Hidden and unprocessed uploads are skipped.

    Photos of a burst, or the same form with other text, are only similar. They are never moved to the trash.
    """
    if yes and not to_trash:
        raise UsageError("--yes needs --trash", "Give both to move duplicates to the trash without a question.")
    if similar and to_trash:
        raise UsageError(
            "--similar does not go with --trash",
            "Similar uploads are not duplicates. Move single ones to the trash with: vuemantics-tui delete ID",
        )
    settings = current_settings()
    run(lambda: _duplicates(settings, to_trash, similar, yes, as_json))


async def _duplicates(settings: Settings, to_trash: bool, similar: bool, yes: bool, as_json: bool) -> None:
    # The groups are remembered for is:duplicate, where the library may be written.
    writes = to_trash or os.access(settings.library, os.W_OK)
    async with open_library(settings, "write" if writes else "read") as library:
        found = await _find(library)
        groups = found.similar if similar else found.groups
        document = _similar_document if similar else _group_document
        if as_json:
            for group in groups:
                emit_json(document(library, group))
        else:
            for line in _group_lines(groups, similar):
                emit(line)
        if found.unread:
            note(f"{counted(found.unread, 'upload')} not processed yet: skipped.")
        if not groups:
            note("No similar uploads found." if similar else "No duplicates found.")
            return
        if similar:
            note(f"{counted(len(groups), 'group')}. Similar uploads are not duplicates.")
            return
        others = [other.id for group in groups for other in group.others]
        space = size_words(sum(group.spare_bytes for group in groups))
        if to_trash:
            await _move(library, others, space, yes)
        else:
            words = counted(len(groups), "group")
            note(f"{words}. Removing duplicates frees {space}: vuemantics-tui duplicates --trash")


async def _find(library: Library) -> DuplicatesFound:
    """Find duplicates; show how many pairs are compared."""
    with bars() as progress:
        bar = Bar(progress, "comparing", 0)

        def show(found: DuplicatesFound) -> None:
            bar.show(found.compared, found.pairs)
            bar.say(f"{found.compared:,} of {counted(found.pairs, 'pair')}")

        return await library.duplicates.find(show)


async def _move(library: Library, others: list[str], space: str, yes: bool) -> None:
    words = counted(len(others), "upload")
    if not yes:
        ask(f"Move {words} ({space}) to the trash?", f"Moving {words} to the trash needs your confirmation")
    note(moved_words(await library.trash.put(others), others, library.trash))


def _group_lines(groups: Sequence[DuplicateGroup], similar: bool) -> list[str]:
    if not groups:
        return []
    rows = [
        (
            str(number),
            _match_words(alike, group, similar),
            alike.id[:SHORT_ID],
            f"{alike.width} x {alike.height}" if alike.pixels else "",
            size_words(alike.file_size),
            f"{alike.sharpness:.0f}" if alike.sharpness is not None else "",
            date_words(alike.taken_at or alike.created_at, own_clock=bool(alike.taken_at)),
            alike.filename,
        )
        for number, group in enumerate(groups, 1)
        for alike in group.members
    ]
    headings = ("Group", "Match", "ID", "Pixels", "Size", "Sharpness", "Taken or added", "Name")
    return table(headings, rows, frozenset({0, 3, 4, 5}))


def _match_words(alike: LookAlike, group: DuplicateGroup, similar: bool) -> str:
    if alike is group.keep:
        return "" if similar else f"keep: {group.reason}"
    return likeness_words(alike.likeness)


def _similar_document(library: Library, group: DuplicateGroup) -> dict[str, Any]:
    return {"similar": [_alike_document(library, one) for one in group.members]}


def _group_document(library: Library, group: DuplicateGroup) -> dict[str, Any]:
    return {
        "keep": _alike_document(library, group.keep),
        "reason": group.reason,
        "others": [_alike_document(library, other) for other in group.others],
        "spare_bytes": group.spare_bytes,
    }


def _alike_document(library: Library, alike: LookAlike) -> dict[str, Any]:
    thumbnail = library.absolute(alike.thumbnail_path)
    return {
        "id": alike.id,
        "filename": alike.filename,
        "file_type": alike.file_type,
        "file_size": alike.file_size,
        "width": alike.width,
        "height": alike.height,
        "taken_at": alike.taken_at,
        "created_at": alike.created_at,
        "sharpness": alike.sharpness,
        "likeness": alike.likeness,
        "thumbnail_path": str(thumbnail) if thumbnail else None,
    }
