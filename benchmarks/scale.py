"""Measure what limits one writer, and check a simulation of imports against imports with 1, 2 and 4 local workers.

    python -m benchmarks.scale [--count 60] [--skip-writer]
    python -m benchmarks.scale --predict UPLOADS --hosts N [--seconds 6] [--workers 4] [--cores 4]

The simulation is one of discrete events: uploads go through the writer, the pool of processes and the model servers;
the writer and each worker take a core while they work. What an upload costs is measured in an import with one worker.
Before and after each import the cores are measured, too: on a shared machine they are not all ours.

- CPU-bound: the built-in analyzer, with 1, 2 and 4 workers.
- Waiting: stand-ins for Ollama that take a while for each picture, 1, 2 and 4 of them, with as many workers.

Prints the error of each prediction. The time runs from the first quarter that is complete to the last upload: before it
processes start and load models.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import io
import multiprocessing
import os
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import skimage
from PIL import Image

from benchmarks.search import say
from tests.servers import FakeOllama
from vuemantics_tui.config import Settings
from vuemantics_tui.library import Library

WORKERS = (1, 2, 4)
SERVER_SECONDS = 0.6
SPIN_SECONDS = 1.0
WARM = 4


@dataclass(frozen=True)
class Cost:
    """What an upload costs, in seconds: of the writer's process, of a worker, and of a model server."""

    writer: float
    worker: float
    server: float = 0.0


def simulate(count: int, cost: Cost, workers: int, cores: float, hosts: int = 0, at_once: int = 1) -> float:
    """Return the seconds from the completion of the first quarter of the uploads to that of the last one.

    `cores` is how many of them the imports get; of a fraction, each of the next whole number is that much slower.
    """
    whole = max(1, int(np.ceil(cores - 1e-9)))
    slower = whole / cores
    # What each takes, and for how many seconds: half of the writer's work before the pool and half after everything.
    steps: list[tuple[tuple[str, ...], float]] = [
        (("core", "writer"), cost.writer / 2 * slower),
        (("core", "worker"), cost.worker * slower),
    ]
    if hosts:
        steps.append((("host",), cost.server))
    steps.append((("core", "writer"), cost.writer / 2 * slower))
    free = {"core": whole, "writer": 1, "worker": workers, "host": max(1, hosts * at_once)}
    # Later steps first: what is nearly done is completed before something new begins.
    waiting: list[deque[int]] = [deque() for _ in steps]
    waiting[0].extend(range(count))
    most_begun = workers + hosts * at_once + 4
    events: list[tuple[float, int, int]] = []
    now, begun = 0.0, 0
    done: list[float] = []
    while len(done) < count:
        for step in reversed(range(len(steps))):
            needs, seconds = steps[step]
            while waiting[step] and all(free[name] for name in needs):
                if step == 0 and begun - len(done) >= most_begun:
                    break
                begun += step == 0
                for name in needs:
                    free[name] -= 1
                heapq.heappush(events, (now + seconds, step, waiting[step].popleft()))
        now, step, upload = heapq.heappop(events)
        for name in steps[step][0]:
            free[name] += 1
        if step + 1 < len(steps):
            waiting[step + 1].append(upload)
        else:
            done.append(now)
    return done[-1] - done[count // WARM - 1]


def _spin(seconds: float) -> float:
    until, began = time.monotonic() + seconds, time.process_time()
    while time.monotonic() < until:
        pass
    return (time.process_time() - began) / seconds


def cores_now(busy: int) -> float:
    """Return how many cores so many busy processes get together."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(busy) as pool:
        pool.map(_spin, [0.05] * busy)
        return sum(pool.map(_spin, [SPIN_SECONDS] * busy, chunksize=1))


def make_photos(folder: Path, count: int) -> list[Path]:
    """Write JPEGs of 2 MP with grain, each another one."""
    folder.mkdir()
    with Image.open(Path(skimage.__file__).parent / "data" / "chelsea.png") as picture:
        large = np.asarray(picture.convert("RGB").resize((1600, 1200), Image.Resampling.BICUBIC), np.int16)
    random = np.random.default_rng(1)
    for number in range(count):
        grain = random.normal(0, 3, (1200, 1600, 1)).astype(np.int16)
        Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8)).save(folder / f"{number:03}.jpg", quality=88)
    return sorted(folder.iterdir())


def _times() -> tuple[float, float]:
    """Return the CPU seconds of this process, and of its children that live."""
    own = psutil.Process()
    mine = own.cpu_times()
    children = [child.cpu_times() for child in own.children(recursive=True)]
    return mine.user + mine.system, sum(each.user + each.system for each in children)


@dataclass(frozen=True)
class Imported:
    """What an import took from the first quarter on: seconds, and an upload's CPU seconds here and in the workers."""

    seconds: float
    writer: float
    worker: float


async def imported(photos: Sequence[Path], folder: Path, **settings: Any) -> Imported:
    """Import the photos into an empty library."""
    library = await Library.open(replace(Settings(), library=folder, keep_free_mib=0, **settings))
    try:
        candidates = await library.gather(photos, recursive=False)
        await library.queue.start()

        async def completed(count: int) -> tuple[float, float, float, int]:
            while True:
                counts = await library.queue.store.counts()
                if counts.failed:
                    raise SystemExit("An upload failed: see the log")
                if counts.completed >= count:
                    return time.perf_counter(), *_times(), counts.completed
                await asyncio.sleep(0.02)

        async def add() -> None:
            async for _ in library.add(candidates):
                pass

        adding = asyncio.create_task(add())
        began, own, workers, warm = await completed(len(photos) // WARM)
        ended, own_then, workers_then, count = await completed(len(photos))
        await adding
    finally:
        await library.close()
    left = count - warm
    share = (len(photos) - len(photos) // WARM) / left
    return Imported((ended - began) * share, (own_then - own) / left, (workers_then - workers) / left)


async def check(photos: Sequence[Path], scratch: Path) -> list[float]:
    """Compare predictions with imports; returns the errors, as shares of what was measured."""
    errors = []
    for kind in ("CPU-bound", "waiting"):
        cost: Cost | None = None
        for workers in WORKERS:
            async with AsyncExitStack() as stack:
                servers: list[FakeOllama] = []
                settings: dict[str, Any] = {"analyzer": "builtin", "workers": workers}
                if kind == "waiting":
                    piece = FakeOllama(text="A_cat.", pace=SERVER_SECONDS / 2)
                    servers = [
                        await stack.enter_async_context(replace(piece, port=0, requests=[])) for _ in range(workers)
                    ]
                    hosts = ", ".join(server.url for server in servers)
                    settings |= {"analyzer": "ollama", "embedder": "builtin", "ollama_host": hosts}
                before = cores_now(workers + 1)
                found = await imported(photos, scratch / f"{kind}-{workers}", **settings)
                cores = (before + cores_now(workers + 1)) / 2
                asked = sum(server.count("/api/chat") for server in servers) / len(photos)
            if cost is None:
                # A description that is too short is asked for again.
                cost = Cost(found.writer, found.worker, asked * SERVER_SECONDS)
                say(
                    f"{kind}: an upload costs {1000 * cost.writer:.0f} ms of the writer's process,"
                    f" {1000 * cost.worker:.0f} ms of a worker, {1000 * cost.server:.0f} ms of a server"
                )
            predicted = simulate(len(photos), cost, workers, cores, workers if kind == "waiting" else 0)
            errors.append(predicted / found.seconds - 1)
            say(
                f"  {workers} {'workers and servers' if servers else 'workers'}: measured {found.seconds:.1f} s,"
                f" predicted {predicted:.1f} s, error {100 * errors[-1]:+.0f} %; {cores:.1f} cores were ours",
            )
    return errors


async def writer_limits(scratch: Path) -> None:
    """Measure the commits and the bytes a second that one writer takes, and what vectors take."""
    library = await Library.open(replace(Settings(), library=scratch / "writer", keep_free_mib=0, analyzer="builtin"))
    try:
        stream = io.BytesIO()
        Image.new("RGB", (64, 64)).save(stream, "JPEG")
        folder = scratch / "large"
        folder.mkdir()
        random = np.random.default_rng(2)
        for number in range(20):
            # What follows the end of a JPEG is copied and hashed with it.
            (folder / f"{number}.jpg").write_bytes(stream.getvalue() + random.bytes(8 * 1024**2))
        candidates = await library.gather([folder], recursive=True)
        began = time.perf_counter()
        async for _ in library.add(candidates):
            pass
        seconds = time.perf_counter() - began
        say(f"intake: {20 * 8 / seconds:.0f} MiB/s, {20 / seconds:.0f} files/s of 8 MiB")
        began, count = time.perf_counter(), 1000
        for number in range(count):
            async with library.database.transaction() as connection:
                await connection.execute("UPDATE uploads SET filename = ? WHERE number = 1", (f"{number}.jpg",))
        say(f"commits: {count / (time.perf_counter() - began):.0f} a second, one row each")
    finally:
        await library.close()
    for dimension in (384, 768):
        rows = random.standard_normal((100_000, dimension), dtype=np.float32)
        query = rows[0].copy()
        times = []
        for _ in range(7):
            began = time.perf_counter()
            rows @ query
            times.append(time.perf_counter() - began)
        say(
            f"vectors: 100,000 of {dimension} dimensions take {rows.nbytes / 1024**2:.0f} MiB,"
            f" a search {1000 * statistics.median(times):.1f} ms"
        )


def main() -> None:
    """Measure, or predict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60, help="photos in each import")
    parser.add_argument("--skip-writer", action="store_true", help="check the simulation only")
    parser.add_argument("--predict", type=int, metavar="UPLOADS", help="predict an import instead of measuring")
    parser.add_argument("--hosts", type=int, default=1, help="model servers")
    parser.add_argument("--seconds", type=float, default=6.0, help="what a picture takes a model server")
    parser.add_argument("--workers", type=int, default=4, help="processes of the machine with the library")
    parser.add_argument("--cores", type=float, default=float(os.cpu_count() or 1), help="its cores")
    parser.add_argument("--writer-ms", type=float, default=15.0, help="what an upload costs the writer's process")
    parser.add_argument("--worker-ms", type=float, default=60.0, help="what an upload costs a worker")
    options = parser.parse_args()
    if options.predict:
        cost = Cost(options.writer_ms / 1000, options.worker_ms / 1000, options.seconds)
        seconds = simulate(options.predict, cost, options.workers, options.cores, options.hosts) * WARM / (WARM - 1)
        say(f"{options.predict:,} uploads, {options.hosts} servers: {seconds / 3600:.1f} hours")
        return
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(scratch / "cache")
        if not options.skip_writer:
            asyncio.run(writer_limits(scratch))
        photos = make_photos(scratch / "photos", options.count)
        errors = asyncio.run(check(photos, scratch))
    say(
        f"error of the predictions: median {100 * statistics.median(map(abs, errors)):.0f} %, "
        f"largest {100 * max(map(abs, errors)):.0f} %"
    )


if __name__ == "__main__":
    main()
