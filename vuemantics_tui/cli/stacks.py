"""The command about what belongs together: stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import alone_option, current_settings, json_option, library_option, lists
from vuemantics_tui.cli.output import emit, emit_json, note, table
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.fields import member_words
from vuemantics_tui.domain.stacks import KIND_WORDS, kind_words
from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.domain.upload import SHORT_ID

if TYPE_CHECKING:
    from vuemantics_tui.domain.upload import Upload


@click.group(invoke_without_command=True)
@json_option
@library_option
@click.pass_context
def stack(context: click.Context, as_json: bool) -> None:
    """List stacks, stack uploads, or take stacks apart.

    A stack holds what belongs together: the still and the clip of a Live Photo, a RAW photo and its JPEG, a burst, an
    edited copy and its original. Lists show its cover. What you stack or take apart stays that way.
    """
    if lists(context, as_json):
        settings = current_settings()
        run(lambda: _list(settings, as_json))


@stack.command("list")
@json_option
@library_option
def list_stacks(as_json: bool) -> None:
    """List all stacks, newest first."""
    settings = current_settings()
    run(lambda: _list(settings, as_json))


@stack.command("make")
@click.argument("ids", nargs=-1, required=True, metavar="ID ID...")
@library_option
def make_stack(ids: tuple[str, ...]) -> None:
    """Stack uploads. Stacks among them become part of the new one."""
    settings = current_settings()
    run(lambda: _make(settings, ids))


@stack.command("break")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@alone_option
@library_option
def break_stack(ids: tuple[str, ...], alone: bool) -> None:
    """Take stacks apart. Their uploads stay apart until you stack them again."""
    settings = current_settings()
    run(lambda: _break(settings, ids, alone))


@stack.command("cover")
@click.argument("upload_id", metavar="ID")
@library_option
def choose_cover(upload_id: str) -> None:
    """Choose which upload of a stack lists show."""
    settings = current_settings()
    run(lambda: _choose(settings, upload_id))


async def _list(settings: Settings, as_json: bool) -> None:
    async with open_library(settings) as library:
        covers = await library.uploads.by_numbers(await library.stacks.all())
    if as_json:
        for cover in covers:
            emit_json(_document(cover))
    elif covers:
        rows = [
            (
                cover.id[:SHORT_ID],
                f"{cover.stack_count:,}",
                kind_words(member.role for member in cover.stack_members),
                ", ".join(member_words(member) for member in cover.stack_members),
            )
            for cover in covers
        ]
        for line in table(("ID", "Uploads", "Kind", "Names"), rows, frozenset({1})):
            emit(line)
    else:
        note("No stacks. To stack uploads: vuemantics-tui stack make ID ID...")


def _document(cover: Upload) -> dict[str, Any]:
    roles = {member.role for member in cover.stack_members}
    return {
        "stack": cover.id,
        "count": cover.stack_count,
        "kinds": [word for role, word in KIND_WORDS.items() if role in roles],
        "members": [
            {"id": member.id, "filename": member.filename, "role": member.role or None}
            for member in cover.stack_members
        ],
    }


async def _make(settings: Settings, ids: tuple[str, ...]) -> None:
    async with open_library(settings, "write") as library:
        uploads = [await library.uploads.find(prefix) for prefix in ids]
        if len({upload.id for upload in uploads}) < 2:
            raise UsageError("A stack needs at least two uploads", "To see them: vuemantics-tui list --members")
        change = await library.stacks.make([upload.number for upload in uploads])
        if not change.count:
            raise UsageError("These uploads are in one stack already", "To see all stacks: vuemantics-tui stack list")
        note(
            f"Stacked {counted(change.count, 'upload')}. To undo: vuemantics-tui stack break {uploads[0].id[:SHORT_ID]}"
        )


async def _break(settings: Settings, ids: tuple[str, ...], alone: bool) -> None:
    async with open_library(settings, "write") as library:
        uploads = [await library.uploads.find(prefix) for prefix in ids]
        for upload in uploads:
            if not upload.stack_members:
                raise _in_no_stack(upload)
        change = await library.stacks.break_up([upload.number for upload in uploads], alone=alone)
        note(f"Took {counted(change.count, 'upload')} out of {'their' if change.count > 1 else 'its'} stack.")


async def _choose(settings: Settings, prefix: str) -> None:
    async with open_library(settings, "write") as library:
        upload = await library.uploads.find(prefix)
        change = await library.stacks.choose(upload.number)
        if not change.count:
            raise _in_no_stack(upload)
        note(f"{visible(upload.filename)} is the cover of its stack of {change.count:,}.")


def _in_no_stack(upload: Upload) -> UsageError:
    return UsageError(f"{upload.filename} is not in a stack", "To see all stacks: vuemantics-tui stack list")
