"""The command that counts: stats."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.options import analyzer_option, current_settings, json_option, library_option
from vuemantics_tui.cli.output import emit, emit_json
from vuemantics_tui.cli.session import open_library, run
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.text import counted, size_words, visible
from vuemantics_tui.domain.upload import STATUS_WORDS

if TYPE_CHECKING:
    from vuemantics_tui.library import Statistics

BAR_CELLS = 40
_INDENT = 14
_TEXT_WIDTH = 100


@click.command()
@json_option
@analyzer_option
@library_option
def stats(as_json: bool) -> None:
    """Show the library in numbers.

    Uploads by status, type and month, disk space, tags, processing times and vectors.
    """
    settings = current_settings()
    run(lambda: _stats(settings, as_json))


async def _stats(settings: Settings, as_json: bool) -> None:
    async with open_library(settings) as library:
        statistics = await library.statistics.read()
    if as_json:
        emit_json(statistics_document(statistics))
    else:
        for line in statistics_page(statistics):
            emit(line)


def statistics_document(statistics: Statistics) -> dict[str, Any]:
    """Return the numbers as a JSON object, in bytes and seconds."""
    counts, space = statistics.counts, statistics.space
    return {
        "uploads": sum(counts.by_status.values()),
        "by_status": {status.value: count for status, count in counts.by_status.items()},
        "by_type": {file_type.value: count for file_type, count in counts.by_type.items()},
        "hidden": counts.hidden,
        "duplicates": counts.duplicates,
        "trashed": counts.trashed,
        "months": {month.month: month.uploads for month in counts.months},
        "tags": dict(counts.tags),
        "colours": dict(counts.colours),
        "bytes": {
            "originals": space.originals,
            "thumbnails": space.thumbnails,
            "database": space.database,
            "vectors": space.vectors,
            "trash": space.trash,
            "total": space.total,
        },
        "stages": [
            {"stage": time.stage, "median_seconds": time.median, "p90_seconds": time.p90, "runs": time.runs}
            for time in counts.stages
        ],
        "index": {
            "embedding_model": statistics.embedding_model,
            "described": statistics.described,
            "embedded": statistics.embedded,
            "stale": statistics.stale,
            "vectors_loaded": statistics.index.vectors,
            "file": str(statistics.index.file) if statistics.index.file else None,
        },
    }


def statistics_page(statistics: Statistics) -> list[str]:
    """Return the numbers as lines, the months as bars."""
    counts, space = statistics.counts, statistics.space
    uploads = sum(counts.by_status.values())
    statuses = [f"{count:,} {STATUS_WORDS[status]}" for status, count in counts.by_status.items() if count]
    types = [counted(count, file_type.value) for file_type, count in counts.by_type.items() if count]
    kinds = [
        ("originals", space.originals), ("thumbnails", space.thumbnails), ("database", space.database),
        ("vectors", space.vectors), ("trash", space.trash),
    ]  # fmt: skip
    facts = [
        ("uploads", f"{uploads:,}" + (f": {', '.join(statuses)}" if statuses else "")),
        ("types", ", ".join(types)),
        ("hidden", f"{counts.hidden:,}" if counts.hidden else ""),
        ("duplicates", f"{counts.duplicates:,}. To list them: vuemantics-tui duplicates" if counts.duplicates else ""),
        ("trash", f"{counts.trashed:,}" if counts.trashed else ""),
        (
            "space",
            f"{size_words(space.total)}: " + ", ".join(f"{name} {size_words(size)}" for name, size in kinds if size),
        ),
        ("vectors", _vectors(statistics)),
        ("tags", ", ".join(f"{visible(name)} {count:,}" for name, count in counts.tags)),
        ("colours", ", ".join(f"{name} {count:,}" for name, count in counts.colours)),
    ]
    lines = []
    for name, value in facts:
        if value:
            lines += textwrap.wrap(f"{name:<{_INDENT}}{value}", _TEXT_WIDTH, subsequent_indent=" " * _INDENT)
    if counts.stages:
        lines += ["", f"{'stage':<{_INDENT}}{'median':>10}{'p90':>10}{'runs':>8}"]
        for time in counts.stages:
            lines.append(f"{time.stage:<{_INDENT}}{time.median:>8.2f} s{time.p90:>8.2f} s{time.runs:>8,}")
    if counts.months:
        lines += ["", "month"]
        most = max(month.uploads for month in counts.months)
        for month in counts.months:
            bar = "#" * max(1, round(BAR_CELLS * month.uploads / most))
            lines.append(f"{visible(month.month):<{_INDENT}}{month.uploads:>8,} {bar}")
    return lines


def _vectors(statistics: Statistics) -> str:
    """How many uploads have a vector; nothing where no analyzer can be made, and so no model is in use."""
    if not statistics.embedding_model:
        return ""
    words = f"{statistics.embedded:,} of {statistics.described:,} uploads have a vector of "
    words += visible(statistics.embedding_model)
    return words + (". To make the rest: vuemantics-tui reembed" if statistics.stale else "")
