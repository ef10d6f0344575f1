"""The command that imports from other photo programs: import."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import FAILED, current_settings, json_option, library_option
from vuemantics_tui.cli.output import emit, emit_json, note
from vuemantics_tui.cli.progress import bars
from vuemantics_tui.cli.session import Interrupted, open_library, run
from vuemantics_tui.cli.sources import MOST_PROBLEMS, scan_and_tell
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.text import counted, storable, visible

if TYPE_CHECKING:
    from vuemantics_tui.library import ImportReport

_MOST_FOLDERS = 5

_path = click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
_dry_run = click.option("--dry-run", is_flag=True, help="Show what would be imported, without changing anything.")


@click.group("import")
def import_from() -> None:
    """Import what another photo program knows about your uploads.

    Captions, titles, tags, people, albums, favorites, dates and places are attached to uploads that are in the library:
    add the files first. What you changed here stays. Running it again changes nothing more, and undo takes it back.
    """


@import_from.command("takeout")
@_path
@_dry_run
@json_option
@library_option
def takeout(path: Path, dry_run: bool, as_json: bool) -> None:
    """Read the unpacked folders of a Google Photos Takeout.

    Albums become albums, people become tags, and favorites get the tag favorite. What is in Google's trash is left out.
    """
    _import("takeout", path, dry_run, as_json)


@import_from.command("immich")
@_path
@_dry_run
@json_option
@library_option
def immich(path: Path, dry_run: bool, as_json: bool) -> None:
    """Read the XMP side-cars of an Immich server's library folder, or an archive that immich-go wrote.

    The server's database is not read: export albums and favorites with immich-go first.
    """
    _import("immich", path, dry_run, as_json)


@import_from.command("photoprism")
@_path
@_dry_run
@json_option
@library_option
def photoprism(path: Path, dry_run: bool, as_json: bool) -> None:
    """Read the YAML files in PhotoPrism's storage folder.

    What PhotoPrism made up itself, such as titles from places, is left out.
    """
    _import("photoprism", path, dry_run, as_json)


@import_from.command("apple-export")
@_path
@click.option(
    "--folder-albums", is_flag=True, help="Make an album of each folder, for exports with a folder per album."
)
@_dry_run
@json_option
@library_option
def apple_export(path: Path, folder_albums: bool, dry_run: bool, as_json: bool) -> None:
    """Read an export of Apple's Photos: XMP side-cars, or the JSON of osxphotos."""
    _import("apple-export", path, dry_run, as_json, folder_albums)


@import_from.command("rclip")
@click.argument("path", type=click.Path(path_type=Path), metavar="[PATH]", required=False)
@click.option("--add", is_flag=True, help="Use the folders in place, as sources.")
@_dry_run
@json_option
@library_option
def rclip(path: Path | None, add: bool, dry_run: bool, as_json: bool) -> None:
    """List the folders that rclip indexed, and use them as sources.

    PATH is its database, ~/.local/share/rclip/db.sqlite3 if you name none. rclip knows paths and vectors only: there
    are no tags or captions to import.
    """
    settings = current_settings()
    raise SystemExit(run(lambda: _rclip(settings, path, add and not dry_run, as_json)))


def _import(origin: str, path: Path, dry_run: bool, as_json: bool, folder_albums: bool = False) -> None:
    settings = current_settings()
    raise SystemExit(run(lambda: _run(settings, origin, path, dry_run, as_json, folder_albums)))


async def _run(settings: Settings, origin: str, path: Path, dry_run: bool, as_json: bool, folder_albums: bool) -> int:
    from vuemantics_tui.library import Origin

    async with open_library(settings, "write") as library:
        try:
            with bars() as progress_bars:
                task = progress_bars.add_task(f"reading {visible(storable(path.name))}", total=None, amount="")
                report = await library.imports.run(
                    Origin(origin),
                    path,
                    dry_run=dry_run,
                    folder_albums=folder_albums,
                    on_progress=lambda report: progress_bars.update(task, amount=f"{report.read:,} read"),
                )
        except BaseException as error:
            if isinstance(error, Exception):
                raise
            raise Interrupted(
                "Stopped. What was imported so far is kept; run the command again for the rest."
            ) from None
    if as_json:
        emit_json(import_document(report))
    else:
        _tell(report)
    return FAILED if report.problems else 0


def import_document(report: ImportReport) -> dict[str, Any]:
    """Return what an import did as a JSON object."""
    from vuemantics_tui.library.imports import GIVEN

    return {
        "origin": report.origin,
        "path": storable(str(report.path)),
        "dry_run": report.dry_run,
        "read": report.read,
        "matched": report.matched,
        "changed": report.changed,
        **{name: report.given[what] for what, name in GIVEN.items()},
        "in_trash": report.trashed,
        "unknown": [storable(str(path)) for path in report.unknown],
        "ambiguous": [storable(str(path)) for path in report.unsure],
        "problems": [{"path": storable(str(path)), "reason": reason} for path, reason in report.problems],
    }


def _tell(report: ImportReport) -> None:
    from vuemantics_tui.library.imports import grouped

    if not report.read and not report.problems:
        note(f"{visible(storable(str(report.path)))} contains nothing that an import from {report.origin} can read.")
        return
    matched = f"{counted(report.read, 'file')} with metadata, for {counted(report.matched, 'upload')}"
    would = "Would change" if report.dry_run else "Changed"
    given = f": {report.given_words}" if report.given_words else ""
    emit(f"{matched}. {would} {counted(report.changed, 'upload')}{given}.")
    if report.trashed:
        note(f"{counted(report.trashed, 'file')} skipped: the uploads are in the trash.")
    for path in report.unsure[:MOST_PROBLEMS]:
        note(f"  {visible(storable(str(path)))}: matches several uploads")
    for path, reason in report.problems[:MOST_PROBLEMS]:
        note(f"  {visible(storable(str(path)))}: {visible(reason)}")
    for paths in (report.unsure, report.problems):
        if (more := len(paths) - MOST_PROBLEMS) > 0:
            note(f"  and {more:,} more")
    if report.unknown:
        folders = grouped(report.unknown)
        note(f"{counted(len(report.unknown), 'file')} not in the library:")
        for folder, count in folders[:_MOST_FOLDERS]:
            note(f"  {count:,} in {visible(storable(str(folder)))}")
        if (more := len(folders) - _MOST_FOLDERS) > 0:
            note(f"  and {counted(more, 'other folder')}")
        where = visible(shlex.quote(storable(str(report.path))))
        note(f"If their pictures are there, add them first: vuemantics-tui add --recursive {where}")
        note("If the export lacks them, add them from where they are, then import again.")
    if report.changed and not report.dry_run:
        note("To undo: vuemantics-tui undo")


async def _rclip(settings: Settings, path: Path | None, add: bool, as_json: bool) -> int:
    async with open_library(settings, "create" if add else "read") as library:
        folders = await library.imports.folders_of_rclip(path)
        if as_json:
            for folder, count in folders:
                emit_json({"path": storable(str(folder)), "files": count, "here": folder.is_dir()})
        else:
            for folder, count in folders:
                gone = "" if folder.is_dir() else ", which is not there"
                emit(f"{visible(storable(str(folder)))}: {counted(count, 'file')}{gone}")
            note("rclip knows paths and vectors only: there are no tags or captions to import.")
        if not add:
            note("To use these folders in place, add --add.")
            return 0
        sources = [await library.sources.add(folder) for folder, _ in folders if folder.is_dir()]
        return await scan_and_tell(library, sources, as_json=as_json)
