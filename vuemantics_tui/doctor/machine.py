"""The program, its packages, its files and the disk."""

from __future__ import annotations

import asyncio
import platform
import shutil
from dataclasses import asdict
from importlib import metadata
from importlib.util import find_spec

import vuemantics_tui
from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import Compute
from vuemantics_tui.analyzers.builtin.analyzer import try_vision
from vuemantics_tui.analyzers.builtin.vision import install_command
from vuemantics_tui.config import MIB, Settings
from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.findings import Finding, Verdict
from vuemantics_tui.domain.formats import FORMATS
from vuemantics_tui.domain.text import counted, size_words
from vuemantics_tui.processing.shield import raised_shield
from vuemantics_tui.store.database import sqlite_facts

_PACKAGES = ("textual", "pillow", "pi-heif", "av", "onnxruntime", "numpy", "aiosqlite", "httpx")
# Loading the models of the extra takes a second or two, longer on a busy machine.
VISION_SECONDS = 60.0


async def examine_program() -> list[Finding]:
    """Return the versions of the program, Python, SQLite and the packages that matter."""
    versions = {name: metadata.version(name) for name in _PACKAGES}
    version = vuemantics_tui.__version__
    return [
        Finding(Verdict.GOOD, "program", f"vuemantics-tui {version}", data={"version": version}),
        Finding(
            *(Verdict.GOOD, "python", f"{platform.python_version()} on {platform.platform(terse=True)}"),
            data={"version": platform.python_version()},
        ),
        await asyncio.to_thread(_sqlite),
        Finding(
            *(Verdict.GOOD, "packages", ", ".join(f"{name} {number}" for name, number in versions.items())),
            data=versions,
        ),
        *_missing_readers(),
    ]


def _missing_readers() -> list[Finding]:
    """Name the formats that cannot be read because the package for them is not installed."""
    needing: dict[str, list[str]] = {}
    for each in FORMATS:
        if each.decoder.package and find_spec(each.decoder.package) is None:
            needing.setdefault(each.decoder.package, []).append(each.name)
    return [
        Finding(
            *(Verdict.NEUTRAL, "formats", f"{package}, which reads {', '.join(names)}, is not installed"),
            f"Run: python -m pip install {package}",
            data={"package": package, "formats": names},
        )
        for package, names in needing.items()
    ]


def _sqlite() -> Finding:
    version, has_full_text = sqlite_facts()
    data = {"version": version}
    if has_full_text:
        return Finding(Verdict.GOOD, "sqlite", f"{version} with full-text search", data=data)
    text = f"{version} has no full-text search (FTS5)"
    return Finding(Verdict.BAD, "sqlite", text, "Install a Python that has SQLite with FTS5.", data=data)


async def examine_vision(compute: Compute, settings: Settings) -> list[Finding]:
    """Load each part that the extra `vision` adds to the built-in analyzer."""
    try:
        async with asyncio.timeout(VISION_SECONDS):
            parts = await compute.run(try_vision)
    except TimeoutError:
        return [Finding(Verdict.NEUTRAL, "vision", f"unknown: all {settings.workers} workers are busy")]
    except VuemanticsError as error:
        return [Finding(Verdict.BAD, "vision", error.message, error.hint)]
    findings = []
    for part in parts:
        data = {"name": part.name, "package": part.package, "installed": part.installed, "version": part.version}
        if part.installed:
            findings.append(Finding(Verdict.GOOD, "vision", f"{part.name}: {part.package} {part.version}", data=data))
        else:
            verdict = Verdict.BAD if part.broken else Verdict.NEUTRAL
            text = f"{part.name}: {part.package} {part.version}".rstrip() + f": {part.reason}"
            findings.append(Finding(verdict, "vision", text, f"Run: {install_command()}", data=data))
    return findings


async def examine_workers(compute: Compute, settings: Settings) -> list[Finding]:
    """Report how the processes that read files are restricted."""
    try:
        async with asyncio.timeout(VISION_SECONDS):
            shield = await compute.run(raised_shield)
    except TimeoutError:
        return [Finding(Verdict.NEUTRAL, "workers", f"unknown: all {settings.workers} workers are busy")]
    parts = [
        f"{size_words(shield.memory_bytes)} of memory each" if shield.memory_bytes else "no memory limit",
        "no network" if shield.no_network else "network access",
        "no new privileges" if shield.no_new_rights else "may gain privileges",
    ]
    return [Finding(Verdict.GOOD, "workers", f"{settings.workers}: {', '.join(parts)}", data=asdict(shield))]


async def examine_cluster(settings: Settings) -> list[Finding]:
    """Report the workers of the cluster that the settings name, and why some get no work. Raises UsageError."""
    if not settings.cluster:
        return []
    from vuemantics_tui.library.cluster import look_at

    state = (await look_at(settings)).state
    data = {"scheduler": state.address, "connected": state.connected, "workers": len(state.members)}
    if not state.connected:
        return [Finding(Verdict.BAD, "cluster", f"{state.address}: {state.trouble}", state.hint, data=data)]
    at_work = [member for member in state.members if not member.trouble]
    text = f"{state.address}: {counted(len(at_work), 'worker')}, {counted(sum(m.threads for m in at_work), 'thread')}"
    hint = "" if at_work else f"On each machine: vuemantics-tui worker {state.address}"
    findings = [Finding(Verdict.GOOD if at_work else Verdict.BAD, "cluster", text, hint, data=data)]
    for member in state.members:
        if member.trouble:
            findings.append(Finding(Verdict.BAD, "cluster", f"{member.name} is left out: {member.trouble}"))
    return findings


async def examine_disk(settings: Settings) -> list[Finding]:
    """Check free space, and the files outside the library."""
    return await asyncio.to_thread(lambda: [_space(settings), *_files()])


def _space(settings: Settings) -> Finding:
    folder = settings.library
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    enough = free > settings.keep_free_mib * MIB
    return Finding(
        Verdict.GOOD if enough else Verdict.BAD,
        "space",
        f"{size_words(free)} free on the library's disk",
        ""
        if enough
        else f"Free some space: the setting keep_free_mib keeps {size_words(settings.keep_free_mib * MIB)} free.",
        data={"free_bytes": free},
    )


def _files() -> list[Finding]:
    log, file, cache = paths.log_file(), paths.settings_file(), paths.cache_dir()
    written = log.exists()
    text = f"{log} ({size_words(log.stat().st_size)})" if written else f"{log}: cannot be written"
    hint = "" if written else "Check the permissions of its folder."
    there = file.exists()
    return [
        Finding(Verdict.GOOD if written else Verdict.BAD, "log", text, hint, data={"path": str(log)}),
        Finding(
            *(Verdict.NEUTRAL, "settings", f"{file}" + ("" if there else ": no such file, defaults are used")),
            data={"path": str(file), "exists": there},
        ),
        Finding(Verdict.NEUTRAL, "cache", f"{cache}", data={"path": str(cache)}),
    ]
