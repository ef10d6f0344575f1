"""The library: what is in it, how large it is, whether it is sound."""

from __future__ import annotations

import asyncio

from vuemantics_tui.domain.errors import UsageError, VuemanticsError
from vuemantics_tui.domain.finding import Finding, Verdict
from vuemantics_tui.domain.text import size_words
from vuemantics_tui.library import Library

LIBRARY = "library"

# A database of 1 GB takes some ten seconds.
CHECK_SECONDS = 60.0


def unusable(error: VuemanticsError) -> Finding:
    """A library that cannot be opened."""
    return Finding(Verdict.BAD, LIBRARY, error.message, error.hint)


async def examine_library(library: Library) -> list[Finding]:
    """Counts and size, the integrity of the database, and the vectors that are lacking."""
    return [await _counts(library), await _integrity(library), *await _embeddings(library)]


async def _counts(library: Library) -> Finding:
    counts, size = await library.queue.store.counts(), await library.statistics.store.size()
    numbers = f"{counts.completed:,} completed, {counts.waiting:,} waiting, {counts.failed:,} failed"
    return Finding(
        Verdict.GOOD,
        LIBRARY,
        f"{library.root}: {numbers}{', paused' if counts.paused else ''}; {size_words(size.originals)} of originals, "
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
        text = f"the database is too large to be checked within {CHECK_SECONDS:.0f} seconds"
        return Finding(Verdict.NEUTRAL, LIBRARY, text, data={"sound": None})
    except VuemanticsError as error:
        return unusable(error)
    if not problems:
        return Finding(Verdict.GOOD, LIBRARY, "the database is sound", data={"sound": True})
    return Finding(
        Verdict.BAD,
        LIBRARY,
        f"the database is damaged: {'; '.join(problems)}",
        "Bring it back from a backup. The originals are in the library's folder 'uploads' and can be added anew.",
        data={"sound": False, "problems": problems},
    )


async def _embeddings(library: Library) -> list[Finding]:
    try:
        model = (await library.analyzer.get()).embedding_model
    except UsageError:
        return []  # told where the analyzer is examined
    stale, total = await library.queue.stale_embeddings()
    data = {"stale": stale, "described": total, "model": model}
    if not stale:
        text = f"all {total:,} that are described have a vector of {model}"
        return [Finding(Verdict.GOOD, "vectors", text, data=data)]
    text = f"{stale:,} of {total:,} need re-embedding with {model}; until then, only keywords find them"
    return [Finding(Verdict.NEUTRAL, "vectors", text, "Run: vuemantics-tui reembed", data=data)]
