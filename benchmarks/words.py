"""Measure how long keywords take while you type: ours against a plain query of SQLite's full text, in one run.

    python -m benchmarks.words [SIZE ...] [--rounds 3]

The library is the one of benchmarks.search. The peer asks the same index for row numbers only, best first. Ours
combines rankings and returns everything the table shows of the first results. Each filter is used once, since the
search remembers which uploads a filter leaves.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.search import StandIn, draw, make_library, say
from vuemantics_tui import paths
from vuemantics_tui.config import Settings
from vuemantics_tui.library import Library
from vuemantics_tui.processing.compute import ProcessCompute
from vuemantics_tui.store.database import Database

# As many as the table asks for while a query is typed.
LIMIT = 60
_DIMENSION = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """One query: as it is typed, as FTS5 takes it, and the SQL condition of its filter."""

    line: str
    match: str
    condition: str = "1"


def kinds(connection: sqlite3.Connection, rounds: int) -> Iterator[tuple[str, list[Asked]]]:
    """Yield kinds of queries by name: common to rare words, complete and half typed."""
    connection.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'fulltext', 'row')")
    found = connection.execute("SELECT term FROM words WHERE term NOT LIKE 'img%' AND term GLOB '[a-z]*' "
                               "ORDER BY doc DESC LIMIT 2540")  # fmt: skip
    words = [word for (word,) in found]
    top, middle, rare = words[:10] * rounds, words[100:120] * rounds, words[-20:] * rounds
    widths = itertools.count(100)
    yield "a word of all", [Asked("img", '"img"*')] * 10 * rounds
    yield "a common word", [Asked(word, f'"{word}"*') for word in top]
    yield "a middling word", [Asked(word, f'"{word}"*') for word in middle]
    yield "a rare word", [Asked(word, f'"{word}"*') for word in rare]
    yield "two letters", [Asked(word[:2], f'"{word[:2]}"*') for word in middle]
    yield "two common words", [Asked(f"{a} {b}", f'"{a}" OR "{b}"*') for a, b in itertools.pairwise(top)]
    halves = [(word, other[:3]) for word, other in zip(middle, rare, strict=True)]
    yield "a word and a half", [Asked(f"{a} {b}", f'"{a}" OR "{b}"*') for a, b in halves]
    yield "a common phrase", [Asked(f'"{a} {b}"', f'"{a} {b}"') for a, b in itertools.pairwise(top)]
    yield "without a word", [Asked(f"{a} -{b}", f'"{a}" NOT "{b}"') for a, b in zip(middle, itertools.cycle(top))]
    for label, some in (("filter, common word", top), ("filter, rare word", rare)):
        yield (
            label,
            [Asked(f"width:>{n} {word}", f'"{word}"*', f"width > {n}") for word, n in zip(some, widths, strict=False)],
        )


async def measure(size: int, rounds: int) -> None:
    """Make a library of one size, ask everything in turn, and print a table."""
    with tempfile.TemporaryDirectory(prefix="vuemantics-benchmark-") as name:
        root = Path(name) / "library"
        say(f"\n{size:,} uploads")
        await asyncio.to_thread(root.mkdir)
        await (await Database.open(paths.database_file(root))).close()
        await asyncio.to_thread(make_library, root, draw(size, _DIMENSION, 0, noise=False))
        connection = sqlite3.connect(paths.database_file(root))
        settings = Settings(library=root, workers=1)
        library = await Library.open(settings, analyzer=StandIn({}), compute=ProcessCompute(1))
        say("  | | p50 ms | p95 ms | FTS5 alone, p50 ms | x FTS5 alone |\n  |---|---|---|---|---|")
        try:
            for label, queries in kinds(connection, rounds):
                ours, plain = [], []
                await library.search.words(queries[0].line, LIMIT)
                for asked in queries:
                    began = time.perf_counter()
                    await library.search.words(asked.line, LIMIT)
                    ours.append((time.perf_counter() - began) * 1000)
                    plain.append(_plain(connection, asked))
                p50, p95 = np.percentile(ours, (50, 95))
                peer = float(np.median(plain))
                say(f"  | {label} | {p50:.1f} | {p95:.1f} | {peer:.1f} | {p50 / peer:.2f} |")
        finally:
            await library.close()
            connection.close()


def _plain(connection: sqlite3.Connection, asked: Asked) -> float:
    """Return the milliseconds that SQLite takes for the row numbers, best first."""
    began = time.perf_counter()
    connection.execute(
        f"SELECT uploads.number FROM fulltext JOIN uploads ON uploads.number = fulltext.rowid "
        f"WHERE fulltext MATCH ? AND deleted_at IS NULL AND {asked.condition} ORDER BY rank LIMIT ?",
        (asked.match, LIMIT),
    ).fetchall()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Measure the sizes given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=[10_000, 100_000], metavar="SIZE")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    say(f"{os.cpu_count()} processors, SQLite {sqlite3.sqlite_version}, {LIMIT} best")
    for size in arguments.sizes:
        asyncio.run(measure(size, arguments.rounds))


if __name__ == "__main__":
    main()
