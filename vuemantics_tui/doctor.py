"""What is installed, reachable and possible, in about a dozen honest lines."""

from __future__ import annotations

import asyncio
import platform
import shutil
import sqlite3
import struct
import time
from dataclasses import dataclass
from importlib import metadata

import vuemantics_tui
from vuemantics_tui import paths
from vuemantics_tui.analyzers.builtin.analyzer import BuiltinAnalyzer
from vuemantics_tui.config import MIB, Settings
from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.text import size_words
from vuemantics_tui.library import Library
from vuemantics_tui.processing.compute import ProcessCompute
from vuemantics_tui.terminal import current_terminal

GOOD, BAD, NEUTRAL = "✓", "✗", "·"
_PACKAGES = ("textual", "pillow", "pi-heif", "av", "onnxruntime", "numpy", "aiosqlite", "httpx")
# The smallest picture there is: a BMP of one blue pixel, after the layout of BITMAPINFOHEADER.
_BLUE_PIXEL = (
    struct.pack("<2sIHHI", b"BM", 58, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 24, 0, 4, 2835, 2835, 0, 0)
    + b"\xff\x00\x00\x00"
)
# Fewer columns or rows than these leave no room for the table.
_SMALLEST_SCREEN = (40, 8)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination."""

    glyph: str
    subject: str
    finding: str


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything that the program needs. Makes no library where there is none."""
    findings = [
        Finding(GOOD, "program", f"vuemantics-tui {vuemantics_tui.__version__}"),
        Finding(GOOD, "python", f"{platform.python_version()} on {platform.platform(terse=True)}"),
        _sqlite(),
        Finding(GOOD, "packages", ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)),
    ]
    findings.append(await _analyzer(settings))
    findings.append(await _library(settings))
    findings.append(await asyncio.to_thread(_space, settings))
    findings += await asyncio.to_thread(_files)
    findings.append(_terminal())
    return findings


def _sqlite() -> Finding:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE probe USING fts5 (text)")
    except sqlite3.OperationalError:
        return Finding(
            BAD, "sqlite", f"{sqlite3.sqlite_version} has no FTS5: install a Python built with a full SQLite"
        )
    finally:
        connection.close()
    return Finding(GOOD, "sqlite", f"{sqlite3.sqlite_version} with full-text search")


async def _library(settings: Settings) -> Finding:
    root = settings.library
    if not await asyncio.to_thread(paths.database_file(root).exists):
        return Finding(NEUTRAL, "library", f"{root}: not made yet; the first add makes it")
    try:
        library = await Library.open(settings)
    except VuemanticsError as error:
        return Finding(BAD, "library", f"{error.message}. {error.hint}")
    try:
        counts = await library.queue.counts()
    finally:
        await library.close()
    numbers = f"{counts.completed:,} completed, {counts.waiting:,} waiting, {counts.failed:,} failed"
    return Finding(GOOD, "library", f"{root}: {numbers}{', paused' if counts.paused else ''}")


async def _analyzer(settings: Settings) -> Finding:
    """Has the analyzer describe and embed something, as an upload would."""
    compute = ProcessCompute(settings.workers)
    analyzer = BuiltinAnalyzer(compute, paths.cache_dir())
    names = f"{analyzer.name}: {analyzer.model} + {analyzer.embedding_model}"
    began = time.perf_counter()
    try:
        description = await analyzer.describe_image(_BLUE_PIXEL)
        await analyzer.embed_document(description.text, description.labels)
    except VuemanticsError as error:
        return Finding(BAD, "analyzer", f"{names}: {error.message}. {error.hint}")
    finally:
        await compute.close()
    return Finding(GOOD, "analyzer", f"{names}, first answer after {time.perf_counter() - began:.1f} s")


def _space(settings: Settings) -> Finding:
    folder = settings.library
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    enough = free > settings.keep_free_mib * MIB
    return Finding(GOOD if enough else BAD, "space", f"{size_words(free)} free where the library is")


def _files() -> list[Finding]:
    log, file = paths.log_file(), paths.settings_file()
    log_words = f"{log} ({size_words(log.stat().st_size)})" if log.exists() else f"{log}: cannot be written"
    return [
        Finding(GOOD if log.exists() else BAD, "log", log_words),
        Finding(NEUTRAL, "settings", f"{file}" + ("" if file.exists() else ": not there, defaults are used")),
        Finding(NEUTRAL, "cache", f"{paths.cache_dir()}"),
    ]


def _terminal() -> Finding:
    terminal = current_terminal()
    if not terminal.interactive:
        return Finding(NEUTRAL, "terminal", "none: standard input or output is no terminal, so no app, only commands")
    columns, rows = terminal.size
    places = [word for word, here in (("in tmux", terminal.in_tmux), ("over SSH", terminal.over_ssh)) if here]
    words = [terminal.name, f"{columns} x {rows}", f"{terminal.colours:,} colours", *places]
    if terminal.no_color:
        words.append("NO_COLOR")
    if not terminal.utf8:
        return Finding(BAD, "terminal", ", ".join(words) + ": not UTF-8; set LANG to a UTF-8 locale, as C.UTF-8")
    large = columns >= _SMALLEST_SCREEN[0] and rows >= _SMALLEST_SCREEN[1]
    return Finding(GOOD if large else BAD, "terminal", ", ".join(words) + ("" if large else ": too small for the app"))
