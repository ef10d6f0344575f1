"""The commands that keep a library safe, and the program well: backup, restore, check, doctor."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import (
    FAILED,
    analyzer_option,
    ask,
    current_settings,
    json_option,
    library_option,
    yes_option,
)
from vuemantics_tui.cli.output import emit, emit_json, note, table
from vuemantics_tui.cli.progress import Bar, bars
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, date_words, size_words, visible
from vuemantics_tui.domain.upload import SHORT_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vuemantics_tui.domain.findings import Finding
    from vuemantics_tui.library.backups import OnProgress
    from vuemantics_tui.library.recovery import Recovered

# More than these of what is wrong would push the rest off the screen.
MOST_AFFECTED = 10


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--with-originals", is_flag=True, help="Write a tar file that has the originals of copied files, too.")
@click.option("--replace", is_flag=True, help="Replace the file if there is one.")
@click.option("--list", "as_list", is_flag=True, help="List the copies that the library keeps of itself.")
@json_option
@library_option
def backup(file: Path | None, with_originals: bool, replace: bool, as_list: bool, as_json: bool) -> None:
    """Write the library's database into one file, while work goes on.

    Files in sources are not copied: back them up where they are.

    The app also keeps three daily copies in the library's folder; --list shows them.
    """
    settings = current_settings()
    if as_list:
        run(lambda: _list(settings, as_json))
    elif file is None:
        raise UsageError("Name the file to write", "For example: vuemantics-tui backup ~/library.db")
    else:
        run(lambda: _backup(settings, file, with_originals, replace, as_json))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Replace what is in the library. It is kept in a folder beside it.")
@yes_option
@json_option
@library_option
def restore(file: Path, replace: bool, yes: bool, as_json: bool) -> None:
    """Restore a library from a backup, with the originals in it.

    Uploads whose originals are in the library's folder and not in the backup are added again. Quit the app first.
    """
    settings = current_settings()
    run(lambda: _restore(settings, file, replace, yes, as_json))


async def _restore(settings: Settings, file: Path, replace: bool, yes: bool, as_json: bool) -> None:
    from vuemantics_tui.library.recovery import Recovery

    with progress_bars() as tell:
        recovery = Recovery(settings, tell)
        if there := await recovery.replaces():
            if not replace:
                raise UsageError(
                    f"The library is not empty: {settings.library} has {there}",
                    "To replace its database, add --replace. To look at the backup, restore it to another folder "
                    "with --library.",
                )
            if not yes:
                ask(f"Replace the library's database? It has {there}.", "Replacing a library needs your confirmation")
        recovered = await recovery.restore(file)
    if as_json:
        emit_json(_recovered_document(recovered))
    else:
        _tell_recovered(recovered)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--repair", is_flag=True, help="Repair what can be repaired. Nothing that it replaces is lost.")
@click.option("--hashes", is_flag=True, help="Read every original and compare it with its hash.")
@json_option
@library_option
def check(file: Path | None, repair: bool, hashes: bool, as_json: bool) -> None:
    """Check the database, and the files that belong to it. With FILE, check that backup instead.

    Exits with 1 if anything is wrong. With --repair a damaged database is replaced by its newest sound backup, and what
    was added later is read from the library's folder. For that, quit the app first.
    """
    if file is not None and repair:
        raise UsageError("A backup cannot be repaired", "Leave out --repair, or leave out the file.")
    settings = current_settings()
    raise SystemExit(run(lambda: _check(settings, file, repair, hashes, as_json)))


async def _check(settings: Settings, file: Path | None, repair: bool, hashes: bool, as_json: bool) -> int:
    from vuemantics_tui.library.check import check as check_library
    from vuemantics_tui.library.check import check_backup

    recovered = None
    with progress_bars() as tell:
        if file is not None:
            findings = await check_backup(settings, file, tell)
        else:
            findings, recovered = await check_library(settings, tell, hashes=hashes, repair=repair)
    if recovered is not None and not as_json:
        _tell_recovered(recovered)
    if recovered is not None and as_json:
        emit_json({"recovered": _recovered_document(recovered)})
    for finding in findings:
        if as_json:
            emit_json(finding_document(finding))
        else:
            for line in [*finding_lines(finding), *_affected_lines(finding)]:
                emit(line)
    return FAILED if any(finding.is_problem for finding in findings) else 0


def _affected_lines(finding: Finding) -> list[str]:
    """Return a line for each of the first that a finding is about."""
    affected = finding.data.get("affected")
    if not isinstance(affected, list):
        return []
    lines = [
        f"{each['id'][:SHORT_ID]}  {each['filename']}" if isinstance(each, dict) else str(each)
        for each in affected[:MOST_AFFECTED]
    ]
    if len(affected) > MOST_AFFECTED:
        lines.append(f"and {len(affected) - MOST_AFFECTED:,} more; --json lists all")
    return [f"{' ' * 15}{visible(line)}" for line in lines]


def _recovered_document(recovered: Recovered) -> dict[str, object]:
    return {
        "backup": str(recovered.backup) if recovered.backup else None,
        "made_at": recovered.made_at,
        "uploads": recovered.uploads,
        "found": recovered.found,
        "unnamed": recovered.unnamed,
        "missing": recovered.missing,
        "refused": [str(path) for path in recovered.refused],
        "kept": str(recovered.kept) if recovered.kept else None,
    }


def _tell_recovered(recovered: Recovered) -> None:
    """Print what was put in place."""
    if recovered.backup is None:
        note(f"There was no sound backup. Made a new database with {counted(recovered.uploads, 'upload')}.")
    else:
        made = date_words(recovered.made_at) if recovered.made_at else ""
        note(f"Restored {counted(recovered.uploads, 'upload')} from {recovered.backup}, made {made}.")
    if recovered.found:
        unnamed = f", {recovered.unnamed:,} of them without their names" if recovered.unnamed else ""
        note(
            f"{counted(recovered.found, 'upload')} came from their folders{unnamed}. To process them: "
            "vuemantics-tui process"
        )
    if recovered.missing:
        note(f"{counted(recovered.missing, 'original')} missing. To see which: vuemantics-tui check")
    for path in recovered.refused:
        note(f"Left out: {visible(str(path))} cannot be read.")
    if recovered.kept:
        note(f"What was replaced is in {recovered.kept}. Delete it when you no longer need it.")


async def _backup(settings: Settings, file: Path, with_originals: bool, replace: bool, as_json: bool) -> None:
    async with open_library(settings) as library:
        with progress_bars() as tell:
            made = await library.backups.write(file, with_originals=with_originals, replace=replace, on_progress=tell)
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
        originals = f" and {counted(made.originals, 'original')}" if with_originals else ""
        note(f"Backed up {counted(made.uploads, 'upload')}{originals} to {made.path} ({size_words(made.size)}).")
        if made.missing:
            note(f"{counted(made.missing, 'original')} missing. To see which: vuemantics-tui check")


async def _list(settings: Settings, as_json: bool) -> None:
    async with open_library(settings) as library:
        copies = await library.backups.own()
        if as_json:
            for copy in copies:
                emit_json({"path": str(copy.path), "kind": copy.kind.value, "made_at": copy.moment, "bytes": copy.size})
            return
        rows = [(date_words(copy.moment), size_words(copy.size), str(copy.path)) for copy in copies]
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


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all findings.")
@analyzer_option
@library_option
def doctor(as_json: bool) -> None:
    """Check the analyzers, the library, the disk and the terminal.

    Exits with 1 if the analyzer in use or the library has a problem.
    """
    from vuemantics_tui.doctor import examine, is_ok

    settings = current_settings(warn=False)
    findings = run(lambda: examine(settings))
    if as_json:
        emit_json({"ok": is_ok(findings), "findings": [finding_document(finding) for finding in findings]})
    else:
        for finding in findings:
            for line in finding_lines(finding):
                emit(line)
    raise SystemExit(0 if is_ok(findings) else FAILED)


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding as a JSON object."""
    return {
        "verdict": finding.verdict.value,
        "subject": finding.subject,
        "text": finding.text,
        "hint": finding.hint,
        "lines": list(finding.lines),
        "data": dict(finding.data),
    }


def finding_lines(finding: Finding) -> list[str]:
    """Return a finding as lines: what it is, what to do, and what can be copied."""
    indent = " " * 13
    lines = [f"{finding.glyph} {finding.subject:<10} {visible(finding.text)}"]
    if finding.hint:
        lines.append(f"{indent}{visible(finding.hint)}")
    return lines + [f"{indent}    {visible(line)}" for line in finding.lines]
