"""The commands that keep a library safe: backup."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.options import current_settings, json_option, library_option
from vuemantics_tui.cli.output import emit, emit_json, note, table
from vuemantics_tui.cli.progress import Bar, bars
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, date_words, size_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vuemantics_tui.library.backups import OnProgress


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Replace the file if there is one.")
@click.option("--list", "as_list", is_flag=True, help="List the copies that the library keeps of itself.")
@json_option
@library_option
def backup(file: Path | None, replace: bool, as_list: bool, as_json: bool) -> None:
    """Write the library's database into one file, while work goes on.

    The app also keeps three daily copies in the library's folder; --list shows them.
    """
    settings = current_settings()
    if as_list:
        run(lambda: _list(settings, as_json))
    elif file is None:
        raise UsageError("Name the file to write", "For example: vuemantics-tui backup ~/library.db")
    else:
        run(lambda: _backup(settings, file, replace, as_json))


async def _backup(settings: Settings, file: Path, replace: bool, as_json: bool) -> None:
    async with open_library(settings) as library:
        with progress_bars() as tell:
            made = await library.backups.write(file, replace=replace, on_progress=tell)
        if as_json:
            emit_json(
                {
                    "path": str(made.path),
                    "bytes": made.size,
                    "uploads": made.uploads,
                    "originals": made.originals,
                    "missing": made.missing,
                    "seconds": round(made.seconds, 3),
                }
            )
            return
        note(f"Backed up {counted(made.uploads, 'upload')} to {made.path} ({size_words(made.size)}).")


async def _list(settings: Settings, as_json: bool) -> None:
    async with open_library(settings) as library:
        copies = await library.backups.own()
        made = [datetime.fromtimestamp(copy.made_at, UTC).isoformat(timespec="seconds") for copy in copies]
        if as_json:
            for copy, at in zip(copies, made, strict=True):
                emit_json({"path": str(copy.path), "kind": copy.kind.value, "made_at": at, "bytes": copy.size})
            return
        rows = [(date_words(at), size_words(copy.size), str(copy.path)) for copy, at in zip(copies, made, strict=True)]
        for line in table(("Made", "Size", "File"), rows, frozenset({1})) if rows else ():
            emit(line)
        if not rows:
            note("No copies yet. The app makes one a day; backup FILE makes one now.")


@contextmanager
def progress_bars() -> Iterator[OnProgress]:
    """Show a bar for each part of the work; yields what is told how far it is."""
    with bars() as progress:
        shown: dict[str, Bar] = {}

        def tell(what: str, done: int, of: int) -> None:
            if what not in shown:
                shown[what] = Bar(progress, what, of)
            shown[what].show(done, of)

        yield tell
