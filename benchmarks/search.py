"""Measure how long a search takes: ours, sqlite-vec, faiss and plain NumPy, on the same vectors, in one run.

    python -m benchmarks.search [SIZE ...] [--dimension 384] [--rounds 40] [--noise]

The vectors are drawn around centres, like those of texts; with --noise they have no structure at all. A stand-in
embedder costs nothing, so only the search is measured. The threads of faiss sleep when they are done
(OMP_WAIT_POLICY=PASSIVE); otherwise they would hold the processors while the next one is measured. Peers that are not
installed are named and skipped. To install them: pip install -e '.[benchmarks]'
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

# Read when faiss is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from numpy.typing import NDArray

from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import OnFrame, OnText, Picture, ServerState, Vector, ignore_text
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.description import Description
from vuemantics_tui.library import Library
from vuemantics_tui.processing.compute import ProcessCompute
from vuemantics_tui.search.vectors import VectorIndex
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.embeddings import EmbeddingStore

Rows = NDArray[np.float32]
Search = Callable[[Vector], Awaitable[list[int]]]

MODEL = "benchmark"
LIMIT = 20
WORDS = 20_000
CENTRES = 5_000
SPREAD = 0.8
CHUNK = 20_000
# Twenty words a description, as long as those of the built-in analyzer.
_SENTENCE = 20


class StandIn:
    """An analyzer that knows the vectors of the queries in advance."""

    name = model = "stand-in"
    embedding_model = MODEL
    deterministic = True
    look_size = None

    def __init__(self, known: Mapping[str, Vector]) -> None:
        self._known = known

    async def embed_query(self, text: str) -> Vector:
        """Return the vector of this query."""
        return self._known[text]

    async def embed_document(self, text: str, labels: Mapping[str, float]) -> Vector:
        """Raise: a search needs no more than the vector of its query."""
        raise AssertionError("a search asks for the vector of the query only")

    async def describe_image(self, picture: Picture, on_text: OnText = ignore_text) -> Description:
        """Raise: a search needs no more than the vector of its query."""
        raise AssertionError("a search asks for the vector of the query only")

    async def describe_video(
        self, frames: Sequence[Picture], on_frame: OnFrame, on_text: OnText = ignore_text
    ) -> Description:
        """Raise: a search needs no more than the vector of its query."""
        raise AssertionError("a search asks for the vector of the query only")

    async def states(self) -> list[ServerState]:
        """Return that it answers."""
        return [ServerState(self.name, True)]

    async def close(self) -> None:
        """Do nothing."""


def draw(count: int, dimension: int, seed: int, *, noise: bool) -> Rows:
    """Draw unit vectors, shape (count, dimension), around centres that lean to one side, or as pure noise."""
    generator = np.random.default_rng(seed)
    centres = _unit(np.random.default_rng(1).standard_normal((CENTRES, dimension), dtype=np.float32))
    lean = _unit(np.random.default_rng(2).standard_normal((1, dimension), dtype=np.float32))
    rows = np.empty((count, dimension), np.float32)
    for start in range(0, count, CHUNK):
        some = _unit(generator.standard_normal((min(CHUNK, count - start), dimension), dtype=np.float32))
        if not noise:
            some = centres[generator.integers(0, CENTRES, len(some))] + SPREAD * some + 0.5 * lean
        rows[start : start + len(some)] = _unit(some)
    return rows


def _unit(rows: Rows) -> Rows:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def sentences(count: int, seed: int, length: int = _SENTENCE) -> list[str]:
    """Return texts whose words are as frequent as in a natural language (Zipf's law)."""
    generator = np.random.default_rng(seed)
    shares = 1 / np.arange(1, WORDS + 1)
    syllables = ["ba", "co", "di", "fu", "ga", "he", "ki", "lo", "mu", "ne", "po", "ra", "si", "tu", "va", "we"]
    names = ["".join(syllables[number >> shift & 15] for shift in (0, 4, 8, 12)) for number in range(WORDS)]
    chosen = generator.choice(WORDS, (count, length), p=shares / shares.sum())
    return [" ".join(names[number] for number in row) for row in chosen]


def make_library(root: Path, rows: Rows) -> None:
    """Fill a new library with completed uploads: descriptions, tags, a full text index, and these vectors."""
    connection = sqlite3.connect(paths.database_file(root))
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    ((user,),) = connection.execute("SELECT id FROM users")
    moment = "2026-01-01T00:00:00.000000+00:00"
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        numbers = range(start + 1, start + 1 + len(some))
        texts = sentences(len(some), seed=start)
        connection.executemany(
            """
            INSERT INTO uploads (number, id, user_id, filename, file_path, file_type, file_size, mime_type, extension,
                                 sha256, width, height, processing_status, stage, progress_percent, traits_read,
                                 created_at, updated_at, completed_at, revision)
            VALUES (?1, ?1, ?2, 'IMG_' || ?1 || '.jpg', ?1, 'image', 1000 + ?1, 'image/jpeg', 'jpg', ?1, 4000, 3000,
                    'completed', 'completed', 100, 1, ?3, ?3, ?3, ?1)
            """,
            ((number, user, moment) for number in numbers),
        )
        connection.executemany(
            """
            INSERT INTO descriptions (upload, text, tags, audit_score, analyzer, model, created_at, current)
            VALUES (?, ?, ?, 100, 'stand-in', 'stand-in', ?, 1)
            """,
            ((number, text, json.dumps(text.split()[:5]), moment) for number, text in zip(numbers, texts, strict=True)),
        )
        connection.executemany(
            "INSERT INTO embeddings (upload, model, dimension, vector, revision) VALUES (?, ?, ?, ?, ?)",
            ((number, MODEL, rows.shape[1], row.tobytes(), number) for number, row in zip(numbers, some, strict=True)),
        )
        connection.execute("UPDATE library SET revision = ?", (numbers[-1],))
        connection.commit()
        say(f"  {numbers[-1]:,} uploads")
    connection.close()


async def time_of(search: Search, queries: Sequence[Vector]) -> list[float]:
    """Return the milliseconds that each query took."""
    taken = []
    for query in queries:
        began = time.perf_counter()
        await search(query)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def plain_numpy(rows: Rows) -> Search:
    """Return a search by one matrix product and a partial sort: what anybody would write."""

    async def search(query: Vector) -> list[int]:
        scores = rows @ query
        best = np.argpartition(-scores, LIMIT)[:LIMIT]
        return (best[np.argsort(-scores[best])] + 1).tolist()  # type: ignore[no-any-return]

    return search


def faiss_flat(rows: Rows, faiss: ModuleType) -> Search:
    """Return a search with faiss: exact, inner product."""
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)

    async def search(query: Vector) -> list[int]:
        return (index.search(query[None], LIMIT)[1][0] + 1).tolist()  # type: ignore[no-any-return]

    return search


def sqlite_vec(rows: Rows, folder: Path, apsw: ModuleType, extension: ModuleType) -> Search:
    """Return a search with sqlite-vec: exact, through apsw, since Python's own SQLite rarely loads extensions."""
    connection = apsw.Connection(str(folder / f"vec-{len(rows)}.db"))
    connection.enable_load_extension(True)
    connection.load_extension(extension.loadable_path())
    connection.execute(f"CREATE VIRTUAL TABLE v USING vec0(vector float[{rows.shape[1]}] distance_metric=cosine)")
    with connection:
        connection.executemany(
            "INSERT INTO v (rowid, vector) VALUES (?, ?)", ((n, row.tobytes()) for n, row in enumerate(rows, 1))
        )

    async def search(query: Vector) -> list[int]:
        found = connection.execute(
            "SELECT rowid FROM v WHERE vector MATCH ? AND k = ? ORDER BY distance", (query.tobytes(), LIMIT)
        )
        return [row[0] for row in found]

    return search


def peers(rows: Rows, folder: Path) -> dict[str, Search]:
    """Return the peers that are installed; name the others."""
    found: dict[str, Search] = {}
    try:
        import faiss

        found["faiss flat"] = faiss_flat(rows, faiss)
    except ImportError as error:
        say(f"  without faiss: {error}")
    try:
        import apsw
        import sqlite_vec as extension

        found["sqlite-vec"] = sqlite_vec(rows, folder, apsw, extension)
    except ImportError as error:
        say(f"  without sqlite-vec: {error}")
    return found


async def measure(size: int, dimension: int, rounds: int, *, noise: bool) -> None:
    """Make a library of one size, time each search, and print a table."""
    rows = draw(size, dimension, 0, noise=noise)
    generator = np.random.default_rng(5)
    queries = [_unit((rows[row] + 0.5 * draw(1, dimension, row, noise=True)[0])[None])[0]
               for row in generator.integers(0, size, rounds).tolist()]  # fmt: skip
    texts = sentences(rounds, seed=77, length=2)
    with tempfile.TemporaryDirectory(prefix="vuemantics-benchmark-") as name:
        folder = Path(name)
        root = folder / "library"
        say(f"\n{size:,} uploads, {dimension} dimensions, {'noise' if noise else 'clustered'}")
        await asyncio.to_thread(root.mkdir)
        await (await Database.open(paths.database_file(root))).close()
        await asyncio.to_thread(make_library, root, rows)
        # Make the file of vectors, as the app does at its first search.
        database = await Database.open(paths.database_file(root))
        index = VectorIndex(EmbeddingStore(database), ChangeFeed(database), MODEL, root / paths.VECTORS_NAME)
        began = time.perf_counter()
        await index.nearest(queries[0], LIMIT)
        say(f"  the file of vectors was made in {time.perf_counter() - began:.1f} s")

        async def ours(query: Vector) -> list[int]:
            return [number for number, _ in await index.nearest(query, LIMIT)]

        async def product(query: Vector) -> list[int]:
            rows @ query
            return []

        searches: dict[str, Search] = {
            "plain NumPy": plain_numpy(rows), "the product alone": product, "ours, vectors": ours,
            **peers(rows, folder),
        }  # fmt: skip
        times: dict[str, list[float]] = {label: [] for label in searches}
        for search in searches.values():
            await time_of(search, queries[:3])
        # In turn, so that other work of the machine affects all of them alike.
        for query in queries:
            for label, search in searches.items():
                times[label] += await time_of(search, [query])
        exact = [set(await searches["plain NumPy"](query)) for query in queries]
        recalls = {
            label: float(np.mean([len(best & set(await search(query))) / LIMIT
                                  for query, best in zip(queries, exact, strict=True)]))
            for label, search in searches.items() if label != "the product alone"
        }  # fmt: skip
        await database.close()
        await _hybrid(root, queries, texts, times)
    _table(times, recalls)


async def _hybrid(root: Path, queries: Sequence[Vector], texts: Sequence[str], times: dict[str, list[float]]) -> None:
    """Time words and vectors together, through the library, with everything a screen shows of the results."""
    settings = Settings(library=root, workers=1)
    analyzer = StandIn(dict(zip(texts, queries, strict=True)))
    began = time.perf_counter()
    library = await Library.open(settings, analyzer=analyzer, compute=ProcessCompute(1))
    try:
        await library.search.run(texts[0], LIMIT)
        say(f"  opened, and the first search answered, in {time.perf_counter() - began:.2f} s")
        times["ours, hybrid"] = []
        for text in texts:
            began = time.perf_counter()
            await library.search.run(text, LIMIT)
            times["ours, hybrid"].append((time.perf_counter() - began) * 1000)
    finally:
        await library.close()


def _table(times: Mapping[str, Sequence[float]], recalls: Mapping[str, float]) -> None:
    plain = float(np.median(times["plain NumPy"]))
    say("  | | p50 ms | p95 ms | x plain NumPy | recall@20 |\n  |---|---|---|---|---|")
    for label, taken in times.items():
        p50, p95 = np.percentile(taken, (50, 95))
        recall = f"{recalls[label]:.4f}" if label in recalls else ""
        say(f"  | {label} | {p50:.2f} | {p95:.2f} | {p50 / plain:.2f} | {recall} |")


def say(text: str) -> None:
    """Print a line and flush it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure the sizes given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=[10_000, 100_000], metavar="SIZE")
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--noise", action="store_true")
    arguments = parser.parse_args()
    say(f"{os.cpu_count()} processors, NumPy {np.__version__}, SQLite {sqlite3.sqlite_version}, {LIMIT} best")
    for size in arguments.sizes:
        asyncio.run(measure(size, arguments.dimension, arguments.rounds, noise=arguments.noise))


if __name__ == "__main__":
    main()
