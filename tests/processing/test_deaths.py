"""What dies, sleeps or is locked in the middle: the machine's fault and the store's cost an upload nothing."""

from __future__ import annotations

import asyncio
import errno
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, being_described, insert_upload, settled, until
from tests.doubles import ScriptedAnalyzer
from vuemantics_tui.domain.errors import LibraryError, WorkerDiedError
from vuemantics_tui.files import write_whole
from vuemantics_tui.library import Library
from vuemantics_tui.processing import circuit, pipeline, scheduler
from vuemantics_tui.processing.circuit import Circuit
from vuemantics_tui.processing.pipeline import StageLimits
from vuemantics_tui.processing.scheduler import Scheduler, launch_task, this_process
from vuemantics_tui.store import database as database_module
from vuemantics_tui.store.changes import Stir
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.identity import LibraryStore
from vuemantics_tui.store.queue import LEASE_SECONDS, ClaimStore, Fate
from vuemantics_tui.store.uploads import UploadStore

KILLS = 12

# Describes each picture in some tenths of a second; one whose name holds "deadly" kills the program.
PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.doubles import ScriptedAnalyzer, ThreadCompute
from vuemantics_tui.config import Settings
from vuemantics_tui.library import Library
from vuemantics_tui.store import queue

class Slow(ScriptedAnalyzer):
    async def describe_image(self, picture, on_text=lambda _: None):
        await asyncio.sleep(0.05)
        if deadly and deadly in str(picture):
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().describe_image(picture, on_text)

async def main():
    settings = Settings(library=Path(sys.argv[1]), workers=2)
    library = await Library.open(settings, analyzer=Slow(), compute=ThreadCompute())
    await library.queue.start()
    print("started", flush=True)
    while True:
        counts = await library.queue.store.counts()
        if not counts.waiting and not counts.running:
            break
        await asyncio.sleep(0.02)
    await library.close()

deadly = sys.argv[2]
queue.ALONE_AGAIN_SECONDS = float(sys.argv[3])
asyncio.run(main())
"""


def run_program(root: Path, deadly: str = "", alone_again: float = 0.2) -> subprocess.Popen[str]:
    """Process what waits in a library, in a program of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(root), deadly, str(alone_again)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_at_random(root: Path, seed: int) -> None:
    """Start the program and kill it at some moment, from its first step on."""
    program = run_program(root)
    assert program.stdout is not None
    program.stdout.readline()
    try:
        program.wait(random.Random(seed).uniform(0.0, 0.25))
    except subprocess.TimeoutExpired:
        program.send_signal(signal.SIGKILL)
        program.wait()
    program.stdout.close()


async def check_whole(library: Library, count: int) -> None:
    """Every upload is completed, once, with one current description and one vector."""
    uploads = await library.uploads.newest()
    assert [upload.status for upload in uploads] == ["completed"] * count
    assert len({upload.sha256 for upload in uploads}) == count
    for upload in uploads:
        kinds = [event.kind for event in await library.history.of(upload.number)]
        assert kinds.count("completed") == 1, kinds
    database = await Database.open(library.root / "library.db")
    try:
        for sql in ("SELECT upload FROM embeddings", "SELECT upload FROM descriptions WHERE current = 1"):
            found = [row[0] for row in await database.fetch(sql)]
            assert (len(found), len(set(found))) == (count, count), sql
    finally:
        await database.close()


async def test_kills_at_random_lose_double_and_fail_nothing(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library()
    await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(40)))
    for seed in range(KILLS):
        await asyncio.to_thread(kill_at_random, library.root, seed)
    counts = await library.queue.store.counts()
    assert counts.failed == 0
    await library.queue.start()
    await settled(library)
    await check_whole(library, 40)


async def test_an_upload_that_kills_the_program_fails_alone_and_the_others_complete(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library()
    results = await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(6)))
    deadly = results[2].upload
    assert deadly is not None
    codes: list[int] = []
    while not codes or codes[-1] != 0:
        program = run_program(library.root, deadly.id, 0.0)
        codes.append(await asyncio.to_thread(program.wait))
        assert program.stdout is not None
        program.stdout.close()
        assert len(codes) < 10
    counts = await library.queue.store.counts()
    assert (counts.completed, counts.failed) == (5, 1)
    upload = await library.uploads.get(deadly.id)
    assert upload is not None
    assert "the program died" in (upload.error_message or "")


async def test_a_file_that_kills_its_worker_is_tried_again_and_fails_by_itself(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "retry_delay", lambda _attempts, _retry_after: 0.0)
    died = WorkerDiedError("the process that worked on it died (exit code -11)", "The file may be damaged.")

    once = await open_library(ScriptedAnalyzer(describe_errors={1: died}), folder="once")
    await add_all(once, draw_picture())
    await once.queue.start()
    await settled(once)
    assert (await once.queue.store.counts()).completed == 1

    analyzer = ScriptedAnalyzer(describe_error=died)
    always = await open_library(analyzer, folder="always")
    await add_all(always, draw_picture())
    await always.queue.start()
    await settled(always)
    (upload,) = await always.uploads.newest()
    assert (upload.status, len(analyzer.described), upload.hint) == ("failed", 3, "The file may be damaged.")
    assert upload.error_message == "Processing failed: the process that worked on it died (exit code -11)"


async def test_after_a_sleep_the_own_claims_go_on(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "TAKE_OVER_SECONDS", 0.0)
    monkeypatch.setattr(scheduler, "RENEW_SECONDS", 0.0)
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await open_library(analyzer, workers=1)
    await add_all(library, draw_picture())
    await library.queue.start()
    await being_described(library, analyzer)
    database = await Database.open(library.root / "library.db")

    async def lease() -> float:
        rows = await database.fetch("SELECT claim_expires_at FROM uploads")
        return float(rows[0][0] or 0)

    try:
        for _ in range(3):
            async with database.transaction() as connection:
                await connection.execute("UPDATE uploads SET claim_expires_at = 1")

            async def renewed() -> bool:
                return await lease() != 1

            await until(renewed)
            assert await lease() > 1, "it was not taken over but renewed"
    finally:
        await database.close()
    assert analyzer.gate is not None
    analyzer.gate.set()
    await settled(library)
    (upload,) = await library.uploads.newest()
    assert (upload.status, upload.attempts, len(analyzer.described)) == ("completed", 1, 1)


async def test_after_a_sleep_other_windows_get_the_time_to_renew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "TAKE_OVER_SECONDS", 0.0)
    monkeypatch.setattr(scheduler, "LOOK_SECONDS", 0.001)
    passed = [1_000_000.0]

    def clock() -> float:
        return passed[0]

    await insert_upload(UploadStore(database))
    theirs = ClaimStore(database, "another window", clock)
    claim = await theirs.claim_next()
    assert claim is not None
    looks = []

    class Watched(ClaimStore):
        async def claim_next(self) -> None:
            looks.append(1)

        async def take_over(self, fate_of: Callable[[str], Fate], now: float | None = None) -> int:
            looks.append(2)
            return await super().take_over(fate_of, now)

    owner = this_process()
    mine = Scheduler(
        claims=Watched(database, owner.encode(), clock),
        pipeline=None,  # type: ignore[arg-type]  # nothing is processed
        circuit=Circuit(ScriptedAnalyzer().states),
        owner=owner,
        launch=launch_task,
        limits=lambda: StageLimits(1, 1, 1),
        stir=Stir(database),
        see=LibraryStore(database).see,
        clock=clock,
    )

    async def looked() -> None:
        looks.clear()

        async def twice() -> bool:
            mine.wake()
            return looks.count(1) > 2

        await until(twice)

    mine.start()
    try:
        await looked()
        passed[0] += 10 * LEASE_SECONDS
        await looked()
        assert 2 not in looks[-2:]
        await theirs.renew([claim.token])
        rows = await database.fetch("SELECT claim_token FROM uploads")
        assert rows[0][0] == claim.token
    finally:
        await mine.stop()


def lock(path: Path) -> sqlite3.Connection:
    """Lock a library for writing, as another program may, until the connection is closed."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


async def test_a_locked_library_pauses_the_queue_which_goes_on_by_itself(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(circuit, "STORE_SECONDS", 0.05)
    monkeypatch.setattr(scheduler, "STORE_SECONDS", 0.05)
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library = await open_library(analyzer, workers=2)
    await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(4)))
    await library.queue.start()
    await being_described(library, analyzer)
    other = await asyncio.to_thread(lock, library.root / "library.db")
    try:
        assert analyzer.gate is not None
        analyzer.gate.set()

        async def waits_for_the_library() -> bool:
            return library.queue.circuit.outage is not None

        await until(waits_for_the_library)
        outage = library.queue.circuit.outage
        assert outage is not None
        assert outage.server == "the library"
        assert "locked" in outage.message
        assert outage.hint
        counts = await library.queue.store.counts()
        assert (counts.failed, counts.completed) == (0, 0)
    finally:
        other.close()
    await settled(library)

    async def goes_on() -> bool:
        return library.queue.circuit.outage is None

    await until(goes_on)
    uploads = await library.uploads.newest()
    assert {(upload.status, upload.attempts) for upload in uploads} == {("completed", 1)}
    assert len(analyzer.described) == 4, "what was worked out was not lost"


async def test_a_queue_that_is_idle_notices_that_the_library_is_back(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(scheduler, "STORE_SECONDS", 0.05)
    library = await open_library()
    await add_all(library, draw_picture())
    other = await asyncio.to_thread(lock, library.root / "library.db")
    try:
        await library.queue.start()

        async def waits_for_the_library() -> bool:
            return library.queue.circuit.outage is not None

        await until(waits_for_the_library)
        with pytest.raises(LibraryError, match="The library could not be written for 0 s: The library is locked"):
            async for _ in library.queue.ended(library.changes(), {1}, patience=0.0):
                pass
    finally:
        other.close()
    await settled(library)
    assert (await library.queue.store.counts()).completed == 1

    async def goes_on() -> bool:
        return library.queue.circuit.outage is None

    await until(goes_on)


async def test_a_full_disk_costs_no_upload_its_thumbnail(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit, "STORE_SECONDS", 0.05)
    full = True

    def on_a_full_disk(target: Path, data: bytes) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(target, data)

    monkeypatch.setattr(pipeline, "write_whole", on_a_full_disk)
    library = await open_library()
    await add_all(library, draw_picture())
    await library.queue.start()

    async def waits_for_the_disk() -> bool:
        outage = library.queue.circuit.outage
        return outage is not None and "No space left" in outage.message

    await until(waits_for_the_disk)
    full = False
    await settled(library)
    (upload,) = await library.uploads.newest()
    assert (upload.status, upload.warning, upload.thumbnail_path is not None) == ("completed", None, True)
