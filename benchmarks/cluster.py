"""Measure a cluster on this machine: a local pool of one, a worker, two workers, and two that get previews alone.

    python -m benchmarks.cluster FOLDER

Adds the pictures of FOLDER to a new library each time, with workers of one core each, and prints seconds, the ratios,
and the processor time of the app and of the scheduler for each picture. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: its seconds, and the processor seconds of the app with its pool, and of the scheduler."""

    seconds: float
    app: float
    scheduler: float


@contextmanager
def running(*arguments: str, core: int | None = None) -> Iterator[psutil.Process]:
    """Run a Python module until the end of the block, on one core if that is given."""
    process = psutil.Popen([sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if core is not None and sys.platform == "linux":
        process.cpu_affinity([core % (os.cpu_count() or 1)])
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def measure(folder: Path, workers: int, send_mib: int = 32) -> Measured:
    """Add the pictures of a folder to a new library, with so many workers; none is the pool of one process here."""
    with tempfile.TemporaryDirectory() as library, ExitStack() as programs:
        environment = {**os.environ, "VUEMANTICS_WORKERS": "1", "VUEMANTICS_CLUSTER_SEND_MIB": str(send_mib)}
        command = [sys.executable, "-m", "vuemantics_tui", "--library", library, "--analyzer", "builtin", "add", "-r"]
        scheduler: psutil.Process | None = None
        if workers:
            with socket.socket() as found:
                found.bind(("127.0.0.1", 0))
                port = str(found.getsockname()[1])
            address = f"tcp://127.0.0.1:{port}"
            dask = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
            scheduler = programs.enter_context(running(*dask))
            for core in range(workers):
                programs.enter_context(running("vuemantics_tui", "worker", address, "--threads", "1", core=core))
            wait_for(address, workers)
            command += ["--cluster", address]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        subprocess.run([*command, str(folder)], env=environment, check=True, capture_output=True)
        seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        times = scheduler.cpu_times() if scheduler else None
        return Measured(seconds, used, times.user + times.system if times else 0.0)


def wait_for(address: str, workers: int) -> None:
    """Wait until so many workers are there."""
    command = [sys.executable, "-m", "vuemantics_tui", "cluster", "--json", "--cluster", address]
    until = time.monotonic() + START_SECONDS
    while subprocess.run(command, check=False, capture_output=True, text=True).stdout.count('"threads"') < workers:
        if time.monotonic() > until:
            raise SystemExit("the workers do not start")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    count = sum(path.is_file() for path in folder.rglob("*"))
    runs = {
        "pool of one": measure(folder, 0),
        "1 worker": measure(folder, 1),
        "2 workers": measure(folder, 2),
        "2 workers, previews": measure(folder, 2, 0),
    }
    lines = ["| | seconds | app, ms a picture | scheduler, ms a picture |", "|---|---|---|---|"]
    for name, run in runs.items():
        shares = f"{1000 * run.app / count:.0f} | {1000 * run.scheduler / count:.0f}"
        lines.append(f"| {name} | {run.seconds:.1f} | {shares} |")
    one, two = runs["1 worker"].seconds, runs["2 workers"].seconds
    lines.append(f"1 worker takes {one / runs['pool of one'].seconds:.2f} times as long as the pool of one")
    lines.append(f"2 workers are {one / two:.2f} times as fast as one")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
