"""The pool of processes: what it returns, how it survives, how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import psutil
import pytest

from tests.conftest import until
from vuemantics_tui.domain.errors import AnalyzerError, ErrorKind, WorkerDiedError
from vuemantics_tui.domain.media import SmallPicture
from vuemantics_tui.processing.compute import ProcessCompute
from vuemantics_tui.processing.worker import CALLS_BETWEEN_TRIMS, NICENESS


@pytest.fixture
async def compute() -> AsyncIterator[ProcessCompute]:
    """A pool of two processes."""
    pool = ProcessCompute(2)
    yield pool
    await pool.close()


def raise_analyzer_error() -> None:
    raise AnalyzerError("message", "hint", ErrorKind.TRANSIENT)


def halves(number: int) -> tuple[int, int]:
    return number // 2, number % 2


def itself(number: int) -> int:
    return number


def kill_yourself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_ever(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    signal.pause()


def turned(pictures: Sequence[SmallPicture], after: bytes) -> tuple[list[SmallPicture], bytes]:
    return [SmallPicture(each.height, each.width, each.rgb[::-1]) for each in pictures], after


def niceness() -> int:
    return os.nice(0)


async def test_results_and_errors_come_back_whole(compute: ProcessCompute) -> None:
    assert await compute.run(halves, 7) == (3, 1)
    with pytest.raises(AnalyzerError) as caught:
        await compute.run(raise_analyzer_error)
    assert (caught.value.message, caught.value.hint, caught.value.kind) == ("message", "hint", ErrorKind.TRANSIENT)


async def test_pictures_arrive_whole_whatever_their_size(compute: ProcessCompute) -> None:
    sizes = [(1, 1), (750, 500), (2000, 1500), (3, 2)]
    pictures = [SmallPicture(width, height, os.urandom(width * height * 3)) for width, height in sizes]
    found, after = await compute.run(turned, pictures, b"after")
    assert found == [SmallPicture(each.height, each.width, each.rgb[::-1]) for each in pictures]
    assert after == b"after"


async def test_it_gives_way_to_the_screen(compute: ProcessCompute) -> None:
    assert await compute.run(niceness) == min(os.nice(0) + NICENESS, 19)


def take_and_give_back(size: int, count: int) -> None:
    """Take so many blocks of so many bytes, with something small after each, and give the blocks back."""
    blocks = []
    for _ in range(count):
        block = bytearray(size)
        block[::4096] = b"x" * len(block[::4096])
        blocks.append(block)
        _small.append(bytes(2_000))


def resident() -> int:
    """How many MiB a process has."""
    return psutil.Process().memory_info().rss // 1024**2


_small: list[bytes] = []


@pytest.mark.parametrize("size", [100_000, 3 * 1024**2, 12 * 1024**2])
async def test_a_process_gives_back_what_pictures_took(size: int) -> None:
    pool = ProcessCompute(1)
    try:
        before = await pool.run(resident)
        for _ in range(2):
            await pool.run(take_and_give_back, size, 200 * 1024**2 // size)
        for _ in range(CALLS_BETWEEN_TRIMS - 3):
            await pool.run(resident)
        # Given back after the answer was sent, so not later than before the next call.
        assert await pool.run(resident) - before < 60
    finally:
        await pool.close()


async def test_a_process_that_dies_fails_its_own_call_only(compute: ProcessCompute) -> None:
    results = await asyncio.gather(
        compute.run(kill_yourself), *(compute.run(itself, number) for number in range(20)), return_exceptions=True
    )
    assert isinstance(results[0], WorkerDiedError)
    assert results[1:] == list(range(20))


async def test_a_cancelled_call_ends_its_process(compute: ProcessCompute, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    task = asyncio.create_task(compute.run(wait_for_ever, str(mark)))

    async def begun() -> bool:
        return mark.exists() and bool(mark.read_text())

    await until(begun)
    pid = int(mark.read_text())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async def gone() -> bool:
        return not psutil.pid_exists(pid)

    await until(gone)
    assert await compute.run(itself, 1) == 1


async def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    script = f"""
import asyncio
from tests.processing.test_compute import wait_for_ever
from vuemantics_tui.domain.media import SmallPicture
from vuemantics_tui.processing.compute import ProcessCompute

async def main():
    await ProcessCompute(1).run(wait_for_ever, {str(mark)!r})

if __name__ == "__main__":
    asyncio.run(main())
"""
    program = tmp_path / "program.py"
    program.write_text(script)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, str(program)], env={**os.environ, "PYTHONPATH": str(root)})
    try:

        async def begun() -> bool:
            return mark.exists() and bool(mark.read_text())

        await until(begun)
        family = psutil.Process(parent.pid).children(recursive=True)
        assert int(mark.read_text()) in {process.pid for process in family}
    finally:
        parent.kill()
        parent.wait()

    async def all_gone() -> bool:
        return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)

    await until(all_gone)


async def test_a_call_cancelled_while_its_process_fails_to_start_is_cancelled(
    compute: ProcessCompute, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, refused = threading.Event(), threading.Event()

    def refuse(*_arguments: object, **_more: object) -> None:
        asked.set()
        refused.wait()
        raise OSError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    task = asyncio.create_task(compute.run(halves, 7))
    await asyncio.to_thread(asked.wait)
    task.cancel()
    refused.set()
    with pytest.raises(asyncio.CancelledError):
        await task
