"""The library: its contents and size, whether it is intact, and who can read it."""

from __future__ import annotations

import asyncio
import os
import shlex
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from vuemantics_tui import paths
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError, VuemanticsError
from vuemantics_tui.domain.findings import Finding, Verdict
from vuemantics_tui.domain.sources import Source
from vuemantics_tui.domain.text import ago_words, counted, size_words, storable
from vuemantics_tui.library import Library

LIBRARY, PRIVACY = "library", "privacy"
"""The subjects of these findings."""

# A database of 1 GB takes some ten seconds.
CHECK_SECONDS = 60.0

# The app makes one a day while it is open.
OLD_BACKUP_SECONDS = 3 * 86400.0

_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def unusable(error: VuemanticsError) -> Finding:
    """Return the finding about a library that cannot be opened."""
    return Finding(Verdict.BAD, LIBRARY, error.message, error.hint)


async def examine_library(library: Library) -> list[Finding]:
    """Check counts and size, the integrity of the database, the sources, and the vectors."""
    return [
        await _counts(library),
        await _integrity(library),
        *[_source_finding(source) for source in await library.sources.all()],
        *await _embeddings(library),
        await _backup(library),
    ]


def _source_finding(source: Source) -> Finding:
    path = storable(str(source.path))
    data = {"path": path, "away": source.is_away, "files": source.files, "missing": source.missing}
    if source.is_away:
        hint = f"Connect or mount its disk. If it is elsewhere now: vuemantics-tui source move {path} NEW"
        return Finding(Verdict.NEUTRAL, "source", f"{path} is not there", hint, data=data)
    missing = f", {source.missing:,} missing" if source.missing else ""
    hint = "To see them: vuemantics-tui search is:missing" if source.missing else ""
    return Finding(
        Verdict.NEUTRAL if source.missing else Verdict.GOOD,
        "source",
        f"{path}: {counted(source.files, 'file')}{missing}",
        hint,
        data=data,
    )


async def _counts(library: Library) -> Finding:
    counts, size = await library.queue.store.counts(), await library.statistics.store.size()
    numbers = f"{counts.completed:,} completed, {counts.waiting:,} waiting, {counts.failed:,} failed"
    return Finding(
        Verdict.GOOD,
        LIBRARY,
        f"{library.root}: {numbers}{', paused' if counts.paused else ''}; originals {size_words(size.originals)}, "
        f"database {size_words(size.database)}",
        data={
            "path": str(library.root),
            "completed": counts.completed,
            "waiting": counts.waiting,
            "running": counts.running,
            "failed": counts.failed,
            "hidden": counts.hidden,
            "paused": counts.paused,
            "originals_bytes": size.originals,
            "database_bytes": size.database,
        },
    )


async def _integrity(library: Library) -> Finding:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            problems = await library.problems()
    except TimeoutError:
        text = f"the database is too large to check within {CHECK_SECONDS:.0f} seconds"
        return Finding(Verdict.NEUTRAL, LIBRARY, text, data={"sound": None})
    except VuemanticsError as error:
        return unusable(error)
    if not problems:
        return Finding(Verdict.GOOD, LIBRARY, "the database is intact", data={"sound": True})
    return Finding(
        Verdict.BAD,
        LIBRARY,
        f"the database is damaged: {'; '.join(problems)}",
        "To repair it from its newest backup and its folders: vuemantics-tui check --repair",
        data={"sound": False, "problems": problems},
    )


async def _backup(library: Library) -> Finding:
    copies = await library.backups.own()
    if not copies:
        hint = "The app makes one a day. To make one now: vuemantics-tui backup FILE"
        return Finding(Verdict.NEUTRAL, "backup", "no backup yet", hint)
    latest, now = copies[0], datetime.now(UTC)
    data = {"path": str(latest.path), "made_at": latest.moment, "copies": len(copies)}
    return Finding(
        Verdict.GOOD if now.timestamp() - latest.made_at < OLD_BACKUP_SECONDS else Verdict.NEUTRAL,
        "backup",
        f"the latest of {counted(len(copies), 'backup')}: {ago_words(latest.moment, now)}, {latest.path}",
        data=data,
    )


async def _embeddings(library: Library) -> list[Finding]:
    try:
        model = (await library.analyzer.get()).embedding_model
    except UsageError:
        return []  # the analyzer's own finding reports it
    stale, total = await library.queue.stale_embeddings()
    data = {"stale": stale, "described": total, "model": model}
    if not stale:
        text = f"all {total:,} described uploads have a vector of {model}"
        return [Finding(Verdict.GOOD, "vectors", text, data=data)]
    text = f"{stale:,} of {total:,} need re-embedding with {model}; until then, only keywords find them"
    return [Finding(Verdict.NEUTRAL, "vectors", text, "Run: vuemantics-tui reembed", data=data)]


async def examine_privacy(settings: Settings) -> list[Finding]:
    """Find files of other users, or open to them, in the library and the log."""
    # Windows has lists of rights instead, and a user's folder is closed to others.
    if os.name == "nt":
        return []
    return await asyncio.to_thread(_privacy, settings)


def _privacy(settings: Settings) -> list[Finding]:
    places = [place for place in (settings.library, paths.log_file()) if place.exists()]
    findings = [finding for place in places for finding in _privacy_of(place)]
    if places and not findings:
        findings = [Finding(Verdict.GOOD, PRIVACY, "only you can read the library and the log")]
    return findings


def _privacy_of(place: Path) -> list[Finding]:
    """Check the owner and mode of a file, or of a folder and everything in it."""
    foreign, shared = 0, 0
    for status in _statuses(place):
        if status.st_uid != os.geteuid():
            foreign += 1
        elif status.st_mode & _FOR_OTHERS and not stat.S_ISLNK(status.st_mode):
            shared += 1
    name = shlex.quote(str(place))
    findings = []
    if foreign:
        words = f"{place}: {_files(foreign)} belong to another user"
        hint = f'Run: sudo chown -R "$USER" {name}'
        findings.append(Finding(Verdict.BAD, PRIVACY, words, hint, data={"path": str(place), "foreign": foreign}))
    if shared:
        words = f"{place}: others can read {_files(shared)}"
        hint = f"Run: chmod -R go= {name}"
        findings.append(Finding(Verdict.BAD, PRIVACY, words, hint, data={"path": str(place), "shared": shared}))
    return findings


def _files(count: int) -> str:
    return f"{count:,} of its files and folders"


def _statuses(path: Path) -> Iterator[os.stat_result]:
    """Yield the status of a path and of everything below it, links not followed; what cannot be read is left out."""
    try:
        status = path.lstat()
        # The library may be reached through a link; links in it lead out of it.
        yield path.stat() if stat.S_ISLNK(status.st_mode) else status
    except OSError:
        return
    folders = [str(path)] if path.is_dir() else []
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    yield entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue
