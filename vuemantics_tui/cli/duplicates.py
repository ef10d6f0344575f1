"""The command about uploads that look the same: duplicates."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import ask, current_settings, json_option, library_option, yes_option
from vuemantics_tui.cli.output import SHORT_ID, emit, emit_json, note, table
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.cli.trash import moved_words
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, date_words, size_words

if TYPE_CHECKING:
    from vuemantics_tui.library import DuplicateGroup, Library, LookAlike


@click.command()
@click.option("--trash", "to_trash", is_flag=True, help="Keep the best of each group and move the rest to the trash.")
@yes_option
@json_option
@library_option
def duplicates(to_trash: bool, yes: bool, as_json: bool) -> None:
    """List groups of uploads that look the same.

    The best of each group is marked "keep": most pixels, then sharpest, largest and oldest. Hidden and unprocessed
    uploads are skipped.
    """
    if yes and not to_trash:
        raise UsageError("--yes needs --trash", "Give both to move duplicates to the trash without a question.")
    settings = current_settings()
    run(lambda: _duplicates(settings, to_trash, yes, as_json))


async def _duplicates(settings: Settings, to_trash: bool, yes: bool, as_json: bool) -> None:
    # The groups are remembered for is:duplicate, where the library may be written.
    writes = to_trash or os.access(settings.library, os.W_OK)
    async with open_library(settings, "write" if writes else "read") as library:
        groups = await library.duplicates.groups()
        if as_json:
            for group in groups:
                emit_json(_group_document(library, group))
        else:
            for line in _group_lines(groups):
                emit(line)
        if not groups:
            note("No duplicates found.")
            return
        others = [other.id for group in groups for other in group.others]
        space = size_words(sum(group.spare_bytes for group in groups))
        if to_trash:
            await _move(library, others, space, yes)
        else:
            words = counted(len(groups), "group")
            note(f"{words}. Removing duplicates frees {space}: vuemantics-tui duplicates --trash")


async def _move(library: Library, others: list[str], space: str, yes: bool) -> None:
    words = counted(len(others), "upload")
    if not yes:
        ask(f"Move {words} ({space}) to the trash?", f"Moving {words} to the trash needs your confirmation")
    note(moved_words(await library.trash.put(others), others, library.trash))


def _group_lines(groups: list[DuplicateGroup]) -> list[str]:
    if not groups:
        return []
    rows = [
        (
            str(number),
            "keep" if alike is group.keep else f"{alike.distance} bits",
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


def _group_document(library: Library, group: DuplicateGroup) -> dict[str, Any]:
    return {
        "keep": _alike_document(library, group.keep),
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
        "distance": alike.distance,
        "thumbnail_path": str(thumbnail) if thumbnail else None,
    }
