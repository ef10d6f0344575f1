"""The command about what failed, in groups of one reason."""

from __future__ import annotations

from functools import partial

import click

from vuemantics_tui.cli.following import follow, saying_how_to_go_on
from vuemantics_tui.cli.group import (
    analyzer_option,
    current_settings,
    json_option,
    library_option,
    patience_of,
    patience_option,
)
from vuemantics_tui.cli.output import emit, emit_json, note, tell_upload
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.text import visible
from vuemantics_tui.domain.upload import FailureGroup

FAILED = 1


@click.command()
@click.option("--retry", "again", is_flag=True, help="Retry them all; what was cancelled stays so.")
@patience_option
@json_option
@analyzer_option
@library_option
def failures(again: bool, patience: float | None, as_json: bool) -> None:
    """List what failed in groups of one reason, each with what to do, or retry it."""
    settings = current_settings()
    waits = patience_of(patience)
    failed = run(lambda: _retry(settings, waits, as_json) if again else _list(settings, as_json))
    raise SystemExit(FAILED if failed else 0)


def group_words(group: FailureGroup) -> str:
    """ "37 x model 'qwen2.5vl:3b' not found"."""
    return f"{group.count:,} x {visible(group.message)}"


async def _list(settings: Settings, as_json: bool) -> int:
    async with open_library(settings) as library:
        groups = await library.queue.store.failure_groups()
    if not groups:
        note("Nothing has failed.")
    for group in groups:
        if as_json:
            emit_json(
                {
                    "count": group.count,
                    "message": group.message,
                    "hint": group.hint,
                    "kind": group.kind.value,
                    "missing_model": group.missing_model or None,
                }
            )
        else:
            emit(group_words(group))
            if group.missing_model:
                emit(f"    Run: vuemantics-tui pull {visible(group.missing_model)}")
            elif group.hint:
                emit(f"    {visible(group.hint)}")
    return 0


async def _retry(settings: Settings, patience: float, as_json: bool) -> int:
    """Retry every group; returns how many uploads failed again."""
    async with open_library(settings) as library:
        feed = library.changes()
        await feed.skip_to_now()
        with saying_how_to_go_on(library):
            groups = await library.queue.store.failure_groups()
            if not groups:
                note("Nothing has failed.")
            moved = [upload_id for group in groups for upload_id in await library.queue.retry_group(group.message)]
            await library.queue.start()
            uploads = [await library.uploads.get(upload_id) for upload_id in moved]
            mine = {upload.number for upload in uploads if upload}
            tell = partial(tell_upload, library, as_json)
            return await follow(library, feed, mine, tell, patience=patience, summary=not as_json)
