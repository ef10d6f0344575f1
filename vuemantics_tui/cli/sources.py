"""The command about folders whose files are used in place: source."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import (
    FAILED,
    ask,
    current_settings,
    json_option,
    library_option,
    lists,
    yes_option,
)
from vuemantics_tui.cli.output import emit, emit_json, note, table
from vuemantics_tui.cli.progress import bars, queued_words
from vuemantics_tui.cli.session import Interrupted, open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import LibraryError, UsageError
from vuemantics_tui.domain.text import counted, date_words, storable, visible

if TYPE_CHECKING:
    from vuemantics_tui.domain.sources import ScanProgress, Source
    from vuemantics_tui.library import Library

_UNITS = {"h": 1 / 24, "d": 1.0, "w": 7.0, "m": 30.0, "y": 365.0}
# More of them would hide what else a scan says.
MOST_PROBLEMS = 20


class Span(click.ParamType[float]):
    """A length of time such as 30d, in days: hours, days, weeks, months of 30 days, or years."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the days."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d{1,5})([hdwmy]?)", str(value).strip().lower())
        if match is None:
            self.fail(f"{value!r} is not a length of time. For example: 12h, 30d, 2w, 6m or 1y", param, ctx)
        return int(match[1]) * _UNITS[match[2] or "d"]


@click.group(invoke_without_command=True)
@json_option
@library_option
@click.pass_context
def source(context: click.Context, as_json: bool) -> None:
    """Use folders where they are, without copying their files.

    Files in a source are only read. A scan finds what is new, changed, moved or gone.
    """
    if lists(context, as_json):
        settings = current_settings()
        run(lambda: _list(settings, False, as_json))


@source.command("list")
@click.option("--removed", is_flag=True, help="List only the files whose uploads you deleted.")
@json_option
@library_option
def list_sources(removed: bool, as_json: bool) -> None:
    """List sources, with how many files each has, and whether it is there."""
    settings = current_settings()
    run(lambda: _list(settings, removed, as_json))


@source.command("add")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--exclude",
    "excludes",
    multiple=True,
    metavar="GLOB",
    help="Leave out files and folders, such as '*.gif' or 'exports/*'. Give it several times for several patterns.",
)
@click.option("--no-watch", is_flag=True, help="Do not watch the folder while the app runs.")
@json_option
@library_option
def add_source(folder: Path, excludes: tuple[str, ...], no_watch: bool, as_json: bool) -> None:
    """Add a folder and scan it. Creates the library if there is none.

    What is found is queued; the app and the command process describe it. To change patterns or watching, add the folder
    again: patterns keep out new files, and do not remove uploads.
    """
    settings = current_settings()
    raise SystemExit(run(lambda: _add(settings, folder, excludes, not no_watch, as_json)))


@source.command("scan")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--as-is", is_flag=True, help="Accept DIR even if it contains none of the known files.")
@json_option
@library_option
def scan_sources(folder: Path | None, as_is: bool, as_json: bool) -> None:
    """Look for files that are new, changed, moved or gone, in one source or in all."""
    if as_is and folder is None:
        raise UsageError("--as-is needs a folder", "Name the source to accept as it is.")
    settings = current_settings()
    raise SystemExit(run(lambda: _scan(settings, folder, as_is, as_json)))


@source.command("move")
@click.argument("old", type=click.Path(path_type=Path), metavar="OLD")
@click.argument("new", type=click.Path(path_type=Path), metavar="NEW")
@json_option
@library_option
def move_source(old: Path, new: Path, as_json: bool) -> None:
    """Say where a source is now, for example after mounting its disk elsewhere.

    Sources below OLD move along. Nothing is read or described again.
    """
    settings = current_settings()
    run(lambda: _move(settings, old, new, as_json))


@source.command("remove")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--keep", is_flag=True, help="Keep its uploads in the library.")
@yes_option
@json_option
@library_option
def remove_source(folder: Path, keep: bool, yes: bool, as_json: bool) -> None:
    """Stop using a folder. Its files are untouched.

    Its uploads move to the trash. To bring them back, add the folder again.
    """
    settings = current_settings()
    run(lambda: _remove(settings, folder, keep, yes, as_json))


@source.command("clean")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option(
    "--missing-for",
    type=Span(),
    default="30d",
    metavar="SPAN",
    help="Only uploads that have been missing at least this long. [default: 30d]",
)
@yes_option
@json_option
@library_option
def clean_sources(folder: Path | None, missing_for: float, yes: bool, as_json: bool) -> None:
    """Move uploads whose files are missing to the trash."""
    settings = current_settings()
    run(lambda: _clean(settings, folder, missing_for, yes, as_json))


@source.command("restore")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@library_option
def restore_files(files: tuple[Path, ...]) -> None:
    """Restore uploads that you deleted, by their files: see source list --removed."""
    settings = current_settings()
    run(lambda: _restore(settings, files))


async def _list(settings: Settings, removed: bool, as_json: bool) -> None:
    async with open_library(settings) as library:
        if removed:
            await _list_removed(library, as_json)
            return
        sources = await library.sources.all()
        if as_json:
            for one in sources:
                emit_json(source_document(one))
        elif sources:
            rows = [
                (
                    f"{one.files:,}",
                    f"{one.missing:,}" if one.missing else "",
                    date_words(one.scanned_at) or "never",
                    ", ".join(_states(one)),
                    storable(str(one.path)),
                )
                for one in sources
            ]
            for line in table(("Files", "Missing", "Scanned", "State", "Folder"), rows, frozenset({0, 1})):
                emit(line)
        else:
            note("You have no sources. To use a folder where it is: vuemantics-tui source add ~/Pictures")


def _states(one: Source) -> list[str]:
    states = ["away" if one.is_away else "", "chosen files only" if one.chosen_only else ""]
    states.append("" if one.watched or one.chosen_only else "not watched")
    return [state for state in states if state]


async def _list_removed(library: Library, as_json: bool) -> None:
    files = await library.sources.removed()
    if as_json:
        for one in files:
            emit_json({"path": storable(str(one.path)), "removed_at": one.removed_at, "id": one.upload_id})
    elif files:
        rows = [
            (date_words(one.removed_at), "in the trash" if one.upload_id else "deleted", storable(str(one.path)))
            for one in files
        ]
        for line in table(("Removed", "Upload", "File"), rows, frozenset()):
            emit(line)
        note("To restore: vuemantics-tui source restore FILE...")
    else:
        note("No removed files.")


def source_document(one: Source) -> dict[str, Any]:
    """Return a source as a JSON object."""
    return {
        "path": storable(str(one.path)),
        "state": "away" if one.is_away else "here",
        "away_since": one.away_since,
        "files": one.files,
        "missing": one.missing,
        "refused": one.refused,
        "chosen_only": one.chosen_only,
        "exclude": list(one.excludes),
        "watch": one.watched,
        "added_at": one.added_at,
        "scanned_at": one.scanned_at,
    }


def scan_document(progress: ScanProgress) -> dict[str, Any]:
    """Return what a scan found as a JSON object."""
    return {
        "path": storable(str(progress.source.path)),
        "state": "away" if progress.is_away else "here",
        "reason": progress.away_reason,
        "renamed_from": storable(str(progress.renamed_from)) if progress.renamed_from else None,
        "seen": progress.seen,
        "new": progress.new,
        "changed": progress.changed,
        "moved": progress.moved,
        "copies": progress.copies,
        "missing": progress.missing,
        "back": progress.back,
        "refused": progress.refused,
        "linked": [storable(str(link)) for link in progress.linked],
        "problems": [{"path": storable(str(path)), "reason": reason} for path, reason in progress.problems],
    }


async def _add(settings: Settings, folder: Path, excludes: tuple[str, ...], watched: bool, as_json: bool) -> int:
    async with open_library(settings, "create") as library:
        added = await library.sources.add(folder, excludes=excludes, watched=watched)
        return await scan_and_tell(library, [added], as_json=as_json)


async def _scan(settings: Settings, folder: Path | None, as_is: bool, as_json: bool) -> int:
    async with open_library(settings, "write") as library:
        if folder is not None:
            return await scan_and_tell(
                library, [await library.sources.find(folder)], as_json=as_json, as_is=as_is, is_named=True
            )
        sources = await library.sources.store.all()
        if not sources:
            note("You have no sources. To use a folder where it is: vuemantics-tui source add ~/Pictures")
        return await scan_and_tell(library, sources, as_json=as_json)


async def scan_and_tell(
    library: Library,
    sources: list[Source],
    *,
    as_json: bool,
    as_is: bool = False,
    is_named: bool = False,
    to_process: Callable[[list[int]], None] | None = None,
) -> int:
    """Scan sources, with a bar, and print what each scan found; returns the exit code.

    `to_process` is given the numbers of the uploads that are new or changed; without it, what is queued is said. A
    source that is away is a failure only if a person named it.
    """
    queued: list[int] = []
    failed = False
    for one in sources:
        try:
            with bars() as progress_bars:
                task = progress_bars.add_task(f"scanning {visible(storable(one.path.name))}", total=None, amount="")

                def show(progress: ScanProgress, bars: Any = progress_bars, task: Any = task) -> None:
                    bars.update(task, amount=_amount(progress))

                progress = await library.sources.scan(one, show, as_is=as_is)
        except LibraryError as error:
            if is_named or len(sources) == 1:
                raise
            note(f"{visible(error.message)}. {visible(error.hint)}")
            failed = True
            continue
        except BaseException as error:
            if isinstance(error, Exception):
                raise
            raise Interrupted("Stopped. What was found is kept; the next scan finds the rest.") from None
        queued += progress.uploads
        failed = failed or bool(progress.problems) or (progress.is_away and is_named)
        if as_json:
            emit_json(scan_document(progress))
        else:
            _tell(progress)
    if to_process is not None:
        to_process(queued)
    elif queued and not as_json:
        note(queued_words(len(queued), library))
    return FAILED if failed else 0


def _amount(progress: ScanProgress) -> str:
    reading = f", {progress.reading:,} to read" if progress.reading else ""
    return f"{progress.seen:,} seen{reading}"


def _tell(progress: ScanProgress) -> None:
    path = visible(storable(str(progress.source.path)))
    if progress.renamed_from is not None:
        emit(f"{path}: renamed from {visible(storable(str(progress.renamed_from)))}")
    if progress.is_away:
        emit(f"{path}: away. {visible(progress.away_reason)}.")
        note(
            "Nothing in it counts as missing. Connect or mount its disk; if it is elsewhere now: "
            f"vuemantics-tui source move {path} NEW"
        )
        return
    emit(f"{path}: {counted(progress.seen, 'file')}, {progress.found_words or 'no changes'}")
    for link in progress.linked[:MOST_PROBLEMS]:
        note(f"  {visible(storable(str(link)))}: a link to a folder is not followed. To use it, add it as a source")
    for problem, reason in progress.problems[:MOST_PROBLEMS]:
        note(f"  {visible(storable(str(problem)))}: {visible(reason)}")
    if (more := len(progress.problems) - MOST_PROBLEMS) > 0:
        note(f"  and {counted(more, 'other problem')}")


async def _move(settings: Settings, old: Path, new: Path, as_json: bool) -> None:
    async with open_library(settings, "write") as library:
        for move in await library.sources.move(old, new):
            before, after = storable(str(move.source.path)), storable(str(move.path))
            if as_json:
                emit_json({"from": before, "path": after})
            else:
                note(f"{visible(before)} is {visible(after)}.")


async def _remove(settings: Settings, folder: Path, keep: bool, yes: bool, as_json: bool) -> None:
    async with open_library(settings, "write") as library:
        one = await library.sources.find(folder)
        path = storable(str(one.path))
        if not (yes or keep):
            ask(
                f"Stop using {visible(path)}, and move its uploads to the trash? Its files are untouched.",
                "Removing a source needs your confirmation",
            )
        outer = await library.sources.outer(one)
        trashed = await library.sources.remove(one, keep=keep)
    if as_json:
        emit_json({"path": path, "trashed": trashed})
    elif keep:
        note(f"Stopped using {visible(path)}. Its uploads stay in the library.")
    elif outer is not None:
        note(f"Removed {visible(path)}. Its files belong to {visible(storable(str(outer.path)))}.")
    else:
        note(
            f"Removed {visible(path)} and moved {counted(trashed, 'upload')} to the trash. "
            f"To undo: vuemantics-tui source add {visible(path)}"
        )


async def _clean(settings: Settings, folder: Path | None, days: float, yes: bool, as_json: bool) -> None:
    async with open_library(settings, "write") as library:
        one = await library.sources.find(folder) if folder is not None else None
        missing = await library.sources.long_missing(days, one)
        if missing and not yes:
            ask(
                f"Move {counted(len(missing), 'upload')} whose files are missing to the trash?",
                "Cleaning needs your confirmation",
            )
        count = await library.trash.put(missing)
    if as_json:
        emit_json({"trashed": count})
    elif count:
        note(f"Moved {counted(count, 'upload')} to the trash. To undo: vuemantics-tui trash restore ID...")
    else:
        note("No uploads have been missing that long.")


async def _restore(settings: Settings, files: tuple[Path, ...]) -> None:
    async with open_library(settings, "write") as library:
        restored, forgiven = await library.sources.restore(files)
    if restored:
        note(f"Restored {counted(restored, 'upload')}.")
    if forgiven:
        note(f"{counted(forgiven, 'file')} will be added again. Run: vuemantics-tui source scan")
