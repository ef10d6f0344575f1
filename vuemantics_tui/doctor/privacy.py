"""Who else can reach the library: the owner and the mode of each of its files."""

from __future__ import annotations

import asyncio
import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from vuemantics_tui import paths
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.finding import Finding, Verdict

PRIVACY = "privacy"
"""The subject of these findings."""

_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


async def examine_privacy(settings: Settings) -> list[Finding]:
    """Find what is not yours, or not yours alone, in the library and the log."""
    # Windows has lists of rights instead, and a user's folder is closed to others.
    if os.name == "nt":
        return []
    return await asyncio.to_thread(_examine, settings)


def _examine(settings: Settings) -> list[Finding]:
    places = [place for place in (settings.library, paths.log_file()) if place.exists()]
    findings = [finding for place in places for finding in _examine_place(place)]
    if places and not findings:
        findings = [Finding(Verdict.GOOD, PRIVACY, "only you can read the library and the log")]
    return findings


def _examine_place(place: Path) -> list[Finding]:
    """Find what is wrong with a file, or with a folder and everything in it."""
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
