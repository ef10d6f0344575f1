"""The command that writes uploads for other programs: export."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vuemantics_tui.cli.options import (
    FAILED,
    analyzer_option,
    ask,
    current_settings,
    hidden_option,
    library_option,
    yes_option,
)
from vuemantics_tui.cli.output import emit_bytes, note, result_line
from vuemantics_tui.cli.progress import Bar, bars
from vuemantics_tui.cli.query_line import QueryCommand, as_is_option, checked_line, pointing, understood
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, storable, visible

if TYPE_CHECKING:
    from vuemantics_tui.library import FileResult, Library, SearchResults

XMP, CLIPS, ORIGINALS = "xmp", "clips", "originals"
# The formats that are written into a folder, a file for each upload.
INTO_FOLDER = {XMP: "Side-cars", CLIPS: "Clips", ORIGINALS: "Originals"}
STDOUT = Path("-")
# How many files a question names before it only counts.
NAMED = 10


@click.command(
    cls=QueryCommand,
    epilog="Without --format, the name decides: .jsonl or .csv for a file, xmp for a folder. Use - for stdout.",
)
@click.argument("target", required=False, type=click.Path(path_type=Path, allow_dash=True), metavar="FOLDER|FILE")
@click.argument("query", nargs=-1, metavar="[QUERY...]")
@click.option(
    "--format",
    "export_format",
    type=click.Choice(["jsonl", "csv", XMP, CLIPS, ORIGINALS]),
    help="JSON Lines, a table, XMP side-cars, the clips inside motion photos, or copies of the originals.",
)
@as_is_option
@hidden_option
@click.option(
    "--sidecar-style",
    "style",
    type=click.Choice(["digikam", "darktable", "lightroom"]),
    default="digikam",
    show_default=True,
    help="Name side-cars photo.jpg.xmp (digikam, darktable) or photo.xmp (lightroom).",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file, and side-cars as a whole.")
@click.option(
    "--in-place", is_flag=True, help="Write side-cars beside the originals in your sources. Needs --format xmp."
)
@yes_option
@analyzer_option
@library_option
def export(
    target: Path | None,
    query: tuple[str, ...],
    export_format: str | None,
    as_is: bool,
    hidden: bool,
    style: str,
    overwrite: bool,
    in_place: bool,
    yes: bool,
) -> None:
    """Export uploads for other programs.

    Exports all of them, or with a QUERY those it finds. Originals are never changed. The format xmp writes one
    side-car per upload into a folder, with title, description, tags, rating, label and creator in the fields that
    digiKam, Lightroom and darktable read. What another program wrote into a side-car stays. With --in-place they are
    written beside the originals that are used in place, and there is no FOLDER: all arguments are the QUERY. Words and
    like: find by similarity, so the files are listed and you are asked first.
    """
    if in_place:
        words = query if target is None else (str(target), *query)
        raise SystemExit(_export_in_place(words, export_format, as_is, hidden, style, overwrite, yes))
    if yes:
        raise UsageError("--yes needs --in-place", "Nothing else that export does asks a question.")
    if target is None:
        raise UsageError("There is no folder or file to export to", "See: vuemantics-tui export --help")
    chosen = export_format or _format_of(target)
    if chosen in INTO_FOLDER and target == STDOUT:
        raise UsageError(f"{INTO_FOLDER[chosen]} need a folder", "Give an existing folder, or --format jsonl.")
    if chosen not in INTO_FOLDER and target != STDOUT:
        _check_file(target, overwrite)
    text = checked_line(query, as_is=as_is)
    settings = current_settings()
    left_out = run(lambda: _export(settings, target, chosen, text, hidden, overwrite, style))
    raise SystemExit(FAILED if left_out else 0)


def _export_in_place(
    query: tuple[str, ...],
    export_format: str | None,
    as_is: bool,
    hidden: bool,
    style: str,
    overwrite: bool,
    yes: bool,
) -> int:
    """Write side-cars beside originals; returns the exit code. Raises UsageError."""
    if export_format != XMP:
        raise UsageError("--in-place writes side-cars only", "Add --format xmp.")
    if overwrite:
        raise UsageError(
            "--overwrite cannot be used with --in-place",
            "Side-cars beside your originals keep what other programs wrote into them.",
        )
    text = checked_line(query, as_is=as_is)
    settings = current_settings()
    return FAILED if run(lambda: _in_place(settings, text, hidden, style, yes)) else 0


def _check_file(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise UsageError(f"This is a folder: {target}", "Give a file in it, or add --format xmp, clips or originals.")
    if target.exists() and not overwrite:
        raise UsageError(f"The file exists: {target}", "Choose another name, or add --overwrite.")
    if target.exists() and not target.is_file():
        raise UsageError(f"This is not a regular file: {target}", "Choose another name, or - for stdout.")


def _format_of(target: Path) -> str:
    ending = target.suffix.lower().removeprefix(".")
    if target.is_dir():
        return XMP
    if ending not in ("jsonl", "csv"):
        raise UsageError(f"The format of {target} is unknown", "Add --format jsonl, csv or xmp.")
    return ending


async def _export(
    settings: Settings, target: Path, export_format: str, text: str, hidden: bool, overwrite: bool, style: str
) -> int:
    """Write the export; return how many files could not be written."""
    async with open_library(settings) as library:
        numbers = await library.stacks.whole((await _found(library, text, hidden)).numbers) if text else None
        if export_format == XMP:
            return await _sidecars(library, target, numbers, hidden, overwrite, style)
        if export_format == CLIPS:
            return await _tell_copies(
                library.export.clips(target, numbers, include_hidden=hidden), "wrote", "Wrote", "clip", target
            )
        if export_format == ORIGINALS:
            return await _tell_copies(
                library.export.originals(target, numbers, include_hidden=hidden), "copied", "Copied", "original", target
            )
        if target == STDOUT:
            await _lines(library, export_format, numbers, hidden)
        else:
            await _file(library, target, export_format, numbers, hidden, overwrite)
        return 0


async def _in_place(settings: Settings, text: str, hidden: bool, style: str, yes: bool) -> int:
    from vuemantics_tui.library import SidecarStyle

    async with open_library(settings, "write") as library:
        numbers = None
        if text:
            found = await _found(library, text, hidden)
            numbers = await library.stacks.whole(found.numbers)
            # What a filter finds is certain. Words and like: also find what only comes near.
            if found.query.operands and not yes:
                await _confirm(library, numbers)
        results = library.export.sidecars_in_place(numbers, include_hidden=hidden, style=SidecarStyle(style))
        return await _tell_sidecars(results, "beside your originals")


async def _confirm(library: Library, numbers: Sequence[int]) -> None:
    """Name the originals that get a side-car, and ask. Raises UsageError without a terminal, and Abort for a no."""
    originals = [upload.in_place for upload in await library.uploads.by_numbers(numbers) if upload.in_place]
    if not originals:
        return
    for original in originals[:NAMED]:
        note(visible(storable(str(original))))
    if len(originals) > NAMED:
        note(f"and {len(originals) - NAMED:,} more")
    what = f"{counted(len(originals), 'side-car')} beside your originals"
    ask(f"Write {what}?", f"Words find by similarity: writing {what} needs your confirmation")


async def _found(library: Library, text: str, hidden: bool) -> SearchResults:
    """Return everything a search finds above its cut-off."""
    text = (await understood(library, text)).line
    with pointing(text):
        # No limit: an export includes everything that a search would list page by page.
        found = await library.search.run(text, max(1, (await library.queue.store.counts()).total), show_hidden=hidden)
    if found.note:
        note(visible(found.note))
    if found.below:
        note(f"{found.below:,} below the cut-off skipped")
    return found


async def _lines(library: Library, export_format: str, numbers: Sequence[int] | None, hidden: bool) -> None:
    from vuemantics_tui.library import ExportFormat

    async for line in library.export.lines(ExportFormat(export_format), numbers, include_hidden=hidden):
        # UTF-8 as in a file, whatever the terminal's encoding.
        emit_bytes(line.encode("utf-8", "replace"))


async def _file(
    library: Library, target: Path, export_format: str, numbers: Sequence[int] | None, hidden: bool, overwrite: bool
) -> None:
    from vuemantics_tui.library import ExportFormat

    done = 0
    with bars() as progress:
        bar = Bar(progress, "exporting", 0)
        async for at in library.export.to_file(
            target, ExportFormat(export_format), numbers, include_hidden=hidden, overwrite=overwrite
        ):
            done = at.done
            bar.show(at.done, at.of)
            bar.say(f"{at.done:,} of {at.of:,}")
    note(f"Exported {counted(done, 'upload')} to {visible(str(target))}")


async def _tell_copies(results: AsyncIterator[FileResult], each: str, did: str, what: str, folder: Path) -> int:
    """Copy files and name each; return how many could not be copied."""
    copied = failed = 0
    async for result in results:
        copied += result.written
        failed += not result.written
        note(result_line(each if result.written else "failed", result.path.name, result.reason))
    note(f"{did} {counted(copied, what)} to {visible(str(folder))}")
    return failed


async def _sidecars(
    library: Library, folder: Path, numbers: Sequence[int] | None, hidden: bool, overwrite: bool, style: str
) -> int:
    """Write the side-cars into a folder; return how many cannot be written."""
    from vuemantics_tui.library import SidecarStyle

    results = library.export.sidecars(
        folder, numbers, include_hidden=hidden, overwrite=overwrite, style=SidecarStyle(style)
    )
    return await _tell_sidecars(results, f"to {visible(str(folder))}")


async def _tell_sidecars(results: AsyncIterator[FileResult], where: str) -> int:
    """Write side-cars with a bar, and name those that cannot be written; return how many."""
    written = left_out = 0
    with bars() as progress:
        bar = Bar(progress, "exporting", 0)
        async for result in results:
            bar.show(result.done, result.of)
            bar.say(f"{result.done:,} of {result.of:,}")
            written += result.written
            if not result.written:
                left_out += 1
                note(result_line("failed", result.path.name, result.reason))
    note(f"Wrote {counted(written, 'side-car')} {where}")
    if left_out:
        note(f"{counted(left_out, 'side-car')} could not be written")
    return left_out
