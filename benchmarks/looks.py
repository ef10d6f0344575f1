"""Measure searches by three rankings (words, meaning of texts, looks of pictures), and what the app takes for them.

    python -m benchmarks.looks [SIZE] [--rounds 60]

The vectors are made up as those of `benchmarks.search`: 384 numbers a text, 512 a picture, ten frames for one upload
in fifty. Queries are embedded by a small network in a process of its own, as in the program; only its size is none of
a real model's. The app runs in a process of its own, on a screen in memory, and searches for everything that was typed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

# As the program does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.search import CHUNK, StandIn, draw, make_library, say, sentences
from vuemantics_tui import paths
from vuemantics_tui.analyzers.base import Vector
from vuemantics_tui.config import Settings
from vuemantics_tui.library import Library
from vuemantics_tui.processing.compute import ProcessCompute
from vuemantics_tui.store.database import Database

TEXT_DIMENSION, DIMENSION, SIDE, CONTEXT = 384, 512, 32, 16
CLIP_EVERY, FRAMES = 50, 10
MOST_P50_MS, MOST_P95_MS, MOST_MIB = 35.0, 60.0, 200.0


class Embedder(StandIn):
    """Gives any text a vector of its own, at once."""

    def __init__(self) -> None:
        super().__init__({})
        self._centres = draw(100, TEXT_DIMENSION, 0, noise=False)

    async def embed_query(self, text: str) -> Vector:
        """Return the vector that belongs to this text."""
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
        vector = self._centres[seed % len(self._centres)] + np.random.default_rng(seed).normal(size=TEXT_DIMENSION) / 30
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def write_model(folder: Path) -> None:
    """Write a joint model that says something about anything."""
    random = np.random.default_rng(3)
    words = ["<pad>", "<unk>", *sorted({word for text in sentences(2000, 0) for word in text.split()})]
    _network(
        folder / "visual",
        ("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE]),
        [helper.make_node("Flatten", ["image"], ["x"]), helper.make_node("MatMul", ["x", "w"], ["embedding"])],
        {"w": random.normal(size=(3 * SIDE * SIDE, DIMENSION)).astype(np.float32)},
    )
    _network(
        folder / "textual",
        ("text", TensorProto.INT32, [1, CONTEXT]),
        [
            helper.make_node("Gather", ["w", "text"], ["x"]),
            helper.make_node("ReduceSum", ["x", "axis"], ["embedding"], keepdims=0),
        ],
        {
            "w": draw(len(words), DIMENSION, 4, noise=False),
            "axis": np.array([1], np.int64),
        },
    )
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    }
    (folder / "textual" / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "textual" / "tokenizer_config.json").write_text('{"pad_token": "<pad>"}')


def _network(
    folder: Path,
    taken: tuple[str, int, list[int]],
    nodes: list[onnx.NodeProto],
    weights: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]],
) -> None:
    folder.mkdir(parents=True)
    given = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, DIMENSION])
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "benchmark", [helper.make_tensor_value_info(*taken)], [given], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 8
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def add_pictures(root: Path, size: int, model: str) -> None:
    """Add the vectors of pictures, and of the frames of clips."""
    connection = sqlite3.connect(paths.database_file(root))
    connection.execute("PRAGMA synchronous = OFF")
    insert = (
        "INSERT INTO picture_vectors (upload, model, dimension, vector, revision, second) VALUES (?, ?, ?, ?, ?, ?)"
    )
    for start in range(0, size, CHUNK):
        rows = draw(min(CHUNK, size - start), DIMENSION, 1000 + start, noise=False)
        connection.executemany(
            insert, ((start + n, model, DIMENSION, row.tobytes(), start + n, None) for n, row in enumerate(rows, 1))
        )
        connection.commit()
    clips = range(CLIP_EVERY, size + 1, CLIP_EVERY)
    for frame in range(1, FRAMES):
        rows = draw(len(clips), DIMENSION, 2000 + frame, noise=False)
        connection.executemany(
            insert,
            (
                (clip, f"{model}#{frame}", DIMENSION, row.tobytes(), clip, float(frame))
                for clip, row in zip(clips, rows, strict=True)
            ),
        )
    connection.commit()
    connection.close()


async def make(root: Path, model: Path, size: int) -> None:
    """Make a library of so many uploads, all seen by a model."""
    await asyncio.to_thread(root.mkdir)
    await (await Database.open(paths.database_file(root))).close()
    await asyncio.to_thread(make_library, root, draw(size, TEXT_DIMENSION, 0, noise=False))
    async with _opened(root) as library:
        added = await library.models.add(model, "benchmark")
        await library.models.use(added.name)
    await asyncio.to_thread(add_pictures, root, size, added.key)


@asynccontextmanager
async def _opened(root: Path) -> AsyncIterator[Library]:
    settings = Settings(library=root, workers=1)
    library = await Library.open(settings, analyzer=Embedder(), compute=ProcessCompute(1))
    try:
        yield library
    finally:
        await library.close()


async def times(root: Path, rounds: int) -> dict[str, list[float]]:
    """Return how many milliseconds searches of several kinds take."""
    kinds: dict[str, Callable[[Library, str], Awaitable[object]]] = {
        "two words": lambda library, text: library.search.run(" ".join(text.split()[:2])),
        "five words": lambda library, text: library.search.run(text),
        "while typing": lambda library, text: library.search.run(text[:-2], final=False),
        "with a filter": lambda library, text: library.search.run(f"{text} type:image"),
    }
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    async with _opened(root) as library:
        began = time.perf_counter()
        await library.search.prepare()
        say(f"  the text network was loaded in {time.perf_counter() - began:.2f} s")
        began = time.perf_counter()
        results = await library.search.run("bababa cobaba")
        say(f"  the first search answered in {time.perf_counter() - began:.2f} s; looks: {results[0].looks_share:.2f}")
        for text in sentences(rounds, seed=77, length=5):
            for kind, search in kinds.items():
                began = time.perf_counter()
                await search(library, text)
                found[kind].append((time.perf_counter() - began) * 1000)
    return found


async def app_memory(root: Path) -> None:
    """Search in the app, and print what its process takes after each search, in MiB."""
    from vuemantics_tui.ui.app import VuemanticsApp
    from vuemantics_tui.ui.uploads.search_line import SearchInput

    async with _opened(root) as library:
        app = VuemanticsApp(library, process=False)
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot.pause(1)
            parts = [_memory()]
            for text in sentences(12, seed=99, length=3):
                await pilot.press("slash")
                field = app.screen.query_one(SearchInput)
                for end in range(4, len(text) + 1, 4):
                    field.value = text[:end]
                    await pilot.pause(0.1)
                await pilot.press("enter")
                await pilot.pause(0.2)
                parts.append(_memory())
            await pilot.pause(1)
            parts.append(_memory())
            say(json.dumps(parts))


def _memory() -> dict[str, float]:
    status = Path("/proc/self/status").read_text()
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {name: int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon", "RssFile")}


def main() -> None:
    """Make a library, time its searches, and print what the app takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", type=int, nargs="?", default=100_000, metavar="SIZE")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--keep", type=Path, help="Keep the library in this folder, for the next run.")
    parser.add_argument("--app", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.app:
        asyncio.run(app_memory(arguments.app))
        return
    with tempfile.TemporaryDirectory(prefix="vuemantics-benchmark-") as name:
        folder = arguments.keep or Path(name)
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        root = folder / "library"
        if not root.exists():
            folder.mkdir(exist_ok=True)
            write_model(folder / "model")
            asyncio.run(make(root, folder / "model", arguments.size))
        say(f"{arguments.size:,} uploads, {os.cpu_count()} processors")
        is_slow = False
        for kind, taken in asyncio.run(times(root, arguments.rounds)).items():
            p50, p95 = np.percentile(taken, (50, 95))
            say(f"  {kind:14} p50 {p50:5.1f} ms  p95 {p95:5.1f} ms")
            is_slow |= bool(p50 > MOST_P50_MS or p95 > MOST_P95_MS)
        command = [sys.executable, "-m", "benchmarks.looks", "--app", str(root)]
        parts = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        for words, part in (("open", parts[0]), ("searching", parts[-2]), ("at rest", parts[-1])):
            say(f"  app, {words:9} " + "  ".join(f"{name} {mib:.0f} MiB" for name, mib in part.items()))
    raise SystemExit(is_slow or parts[-1]["VmRSS"] > MOST_MIB)


if __name__ == "__main__":
    main()
