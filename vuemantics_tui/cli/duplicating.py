"""The command about uploads that look the same: duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.group import current_settings, json_option, library_option
from vuemantics_tui.cli.output import SHORT_ID, emit, emit_json, local_time, note, table
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.cli.trashing import ask, yes_option
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, size_words

if TYPE_CHECKING:
    from vuemantics_tui.library import DuplicateGroup, Library, LookAlike


@click.command()
@click.option("--trash", "to_trash", is_flag=True, help="Move all but the one to keep of each group to the trash.")
@yes_option
@json_option
@library_option
def duplicates(to_trash: bool, yes: bool, as_json: bool) -> None:
    """List groups of uploads that look the same, each with the one that is best kept.

    That is the one with the most pixels, then the sharpest, the largest file, the oldest. Hidden uploads are left out.
    """
    if yes and not to_trash:
        raise UsageError("--yes answers a question that only --trash asks", "Give both.")
    settings = current_settings()
    run(lambda: _duplicates(settings, to_trash, yes, as_json))


async def _duplicates(settings: Settings, to_trash: bool, yes: bool, as_json: bool) -> None:
    async with open_library(settings) as library:
        groups = await library.duplicates.groups()
        if as_json:
            for group in groups:
                emit_json(_group_document(library, group))
        else:
            for line in _group_lines(groups):
                emit(line)
        if not groups:
            note("No two uploads look the same.")
            return
        others = [other.id for group in groups for other in group.others]
        space = size_words(sum(group.spare_bytes for group in groups))
        if to_trash:
            await _move(library, others, space, yes)
        else:
            note(
                f"{counted(len(groups), 'group')}, {space} in all but the ones to keep; move those others to the trash"
                " with: vuemantics-tui duplicates --trash"
            )


async def _move(library: Library, others: list[str], space: str, yes: bool) -> None:
    words = counted(len(others), "upload")
    if not yes:
        ask(f"Move {words} ({space}) to the trash?", f"Not moved to the trash without being asked: {words}")
    note(f"{await library.trash.put(others)} moved to the trash; bring back with: vuemantics-tui trash restore ID")


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
            alike.taken_at[:16].replace("T", " ") if alike.taken_at else local_time(alike.created_at),
            alike.filename,
        )
        for number, group in enumerate(groups, 1)
        for alike in group.members
    ]
    headings = ("Group", "Like it", "ID", "Pixels", "Size", "Sharpness", "Taken or added", "Name")
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
