"""What older uploads lack is filled in, whatever happens to the process that does it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled, until
from tests.doubles import ThreadCompute
from vuemantics_tui.library import Library
from vuemantics_tui.processing.backfill import Backfill
from vuemantics_tui.processing.presence import Presence
from vuemantics_tui.store.duplicates import BackfillStore
from vuemantics_tui.store.sources import SourceStore

# Opens a library, dies as hard as can be when the third file is about to be read.
KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.doubles import ThreadCompute
from vuemantics_tui.processing.backfill import Backfill
from vuemantics_tui.processing.presence import Presence
from vuemantics_tui.store.duplicates import BackfillStore
from vuemantics_tui.store.sources import SourceStore
from vuemantics_tui.store.database import Database

class Dying(ThreadCompute):
    calls = 0
    async def run(self, function, *arguments):
        self.calls += function.__name__ == "read_traits"
        if self.calls == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().run(function, *arguments)

async def main():
    root = Path(sys.argv[1])
    database = await Database.open(root / "library.db")
    Backfill(
        root, BackfillStore(database), Dying(), Presence(SourceStore(database)), 10**8, lambda: True, idle_seconds=0
    ).start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def older(library: Library, draw_picture: DrawPicture, count: int) -> list[str]:
    """A library of completed uploads as an earlier version left them; returns their IDs."""
    results = await add_all(library, *(draw_picture(f"{number}.png") for number in range(count)))
    await library.queue.start()
    await settled(library)
    await library.queue.stop()
    async with library.database.transaction() as connection:
        await connection.execute(
            "UPDATE uploads SET phash = NULL, sharpness = NULL, traits_read = 0, width = NULL, taken_at = '2020-01-01'"
        )
        await connection.execute("DELETE FROM colours")
    return [result.upload.id for result in results if result.upload]


async def lacking(library: Library) -> int:
    """How many uploads lack something still."""
    return await BackfillStore(library.database).left()


async def known(library: Library) -> list[tuple[bool, bool, bool, int | None, str, str | None]]:
    """Of each upload: whether it has hash, sharpness and colours, then its width, date and error."""
    return [
        (row[0] is not None, row[1] is not None, bool(row[2]), row[3], row[4], row[5])
        for row in await library.database.fetch(
            "SELECT phash, sharpness, EXISTS (SELECT 1 FROM colours WHERE upload = number), width, taken_at,"
            " traits_error FROM uploads ORDER BY number"
        )
    ]


@pytest.fixture
async def fill(open_library: OpenLibrary) -> AsyncIterator[Library]:
    """A library."""
    yield await open_library()


def backfill_of(library: Library, compute: ThreadCompute | None = None, **how: object) -> Backfill:
    """A pass over a library that does not wait for the screen."""
    parts: dict[str, object] = {"is_idle": lambda: True, "idle_seconds": 0.0, "look_seconds": 0.01, **how}
    return Backfill(
        library.root,
        BackfillStore(library.database),
        compute or ThreadCompute(),
        Presence(SourceStore(library.database)),
        10**8,
        **parts,  # type: ignore[arg-type]
    )


async def finished(library: Library) -> None:
    """Wait until nothing lacks anything."""

    async def none_left() -> bool:
        return await lacking(library) == 0

    await until(none_left)


async def test_a_new_upload_lacks_nothing(fill: Library, draw_picture: DrawPicture) -> None:
    await add_all(fill, draw_picture())
    await fill.queue.start()
    await settled(fill)
    assert await lacking(fill) == 0
    assert (await known(fill))[0][:4] == (True, True, True, 64)


async def test_what_the_file_says_is_read_again_and_a_date_set_by_hand_stays(
    fill: Library, draw_picture: DrawPicture
) -> None:
    await older(fill, draw_picture, 3)
    async with fill.database.transaction() as connection:
        await connection.execute("UPDATE uploads SET width = 7, height = 7, taken_from = 'hand'")
    backfill = backfill_of(fill)
    backfill.start()
    await finished(fill)
    await backfill.stop()
    assert await known(fill) == [(True, True, True, 64, "2020-01-01", None)] * 3


async def test_the_queue_tells_how_far_it_is(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    gate, reached = asyncio.Event(), asyncio.Event()

    class Gated(ThreadCompute):
        async def run(self, function, *arguments):  # type: ignore[no-untyped-def]
            if gate_is_on and function.__name__ == "read_traits":
                reached.set()
                await gate.wait()
            return await super().run(function, *arguments)

    gate_is_on = False
    library = await open_library(compute=Gated())
    await older(library, draw_picture, 4)
    gate_is_on = True
    assert library.queue.backfill is None
    await library.queue.start()
    await reached.wait()
    progress = library.queue.backfill
    assert progress
    assert (progress.done, progress.of) == (0, 4)
    gate.set()
    await finished(library)

    async def gone() -> bool:
        return library.queue.backfill is None

    await until(gone)


async def test_a_file_that_cannot_be_read_is_marked_and_left(fill: Library, draw_picture: DrawPicture) -> None:
    missing, torn, odd, _ = await older(fill, draw_picture, 4)
    for upload_id, data in ((missing, None), (torn, b"\x89PNG")):
        upload = await fill.uploads.get(upload_id)
        assert upload
        original, thumbnail = fill.absolute(upload.file_path), fill.absolute(upload.thumbnail_path)
        assert original
        assert thumbnail
        thumbnail.unlink()
        original.unlink()
        if data:
            original.write_bytes(data)
    tried: list[str] = []

    class Odd(ThreadCompute):
        async def run(self, function, *arguments):  # type: ignore[no-untyped-def]
            tried.append(str(arguments))
            if odd in str(arguments):
                raise MemoryError
            return await super().run(function, *arguments)

    backfill = backfill_of(fill, Odd())
    backfill.start()
    await finished(fill)
    await backfill.stop()
    errors = [row[-1] for row in await known(fill)]
    assert [bool(error) for error in errors] == [True, True, True, False]
    assert errors[2] == "MemoryError"
    assert await BackfillStore(fill.database).next() is None, "nothing is tried again"
    assert len(tried) == 4 * 3


async def test_files_that_are_away_for_now_are_read_when_they_are_back(
    fill: Library, draw_picture: DrawPicture, caplog: pytest.LogCaptureFixture
) -> None:
    await older(fill, draw_picture, 2)
    files = fill.root / "uploads"
    away = files.rename(fill.root / "away")
    backfill = backfill_of(fill)
    backfill.start()

    async def told() -> bool:
        return "older uploads wait" in caplog.text

    await until(told)
    assert await lacking(fill) == 2
    away.rename(files)
    await finished(fill)
    await backfill.stop()
    assert [row[-1] for row in await known(fill)] == [None, None]


async def test_it_rests_while_the_queue_works_or_is_paused(fill: Library, draw_picture: DrawPicture) -> None:
    await older(fill, draw_picture, 2)
    asked = asyncio.Event()
    idle = False

    def is_idle() -> bool:
        asked.set()
        return idle

    backfill = backfill_of(fill, is_idle=is_idle)
    backfill.start()
    for _ in range(3):
        await asked.wait()
        asked.clear()
    assert await lacking(fill) == 2
    await fill.queue.set_paused(True)
    idle = True
    for _ in range(3):
        asked.clear()
        await asked.wait()
    assert await lacking(fill) == 2
    await fill.queue.set_paused(False)
    await finished(fill)
    await backfill.stop()


async def test_it_stops_in_the_middle_of_a_file_and_goes_on_later(fill: Library, draw_picture: DrawPicture) -> None:
    await older(fill, draw_picture, 3)
    reached = asyncio.Event()

    class Held(ThreadCompute):
        async def run(self, function, *arguments):  # type: ignore[no-untyped-def]
            reached.set()
            await asyncio.Event().wait()

    backfill = backfill_of(fill, Held())
    backfill.start()
    await reached.wait()
    await backfill.stop()
    assert (backfill.progress, await lacking(fill)) == (None, 3)
    backfill = backfill_of(fill)
    backfill.start()
    await finished(fill)
    await backfill.stop()


async def test_a_kill_loses_nothing_that_was_done(fill: Library, draw_picture: DrawPicture) -> None:
    await older(fill, draw_picture, 5)
    process = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED, str(fill.root)], cwd=Path.cwd(), timeout=120, env=os.environ
    )
    assert process.returncode == -signal.SIGKILL
    assert await lacking(fill) == 3
    backfill = backfill_of(fill)
    backfill.start()
    await finished(fill)
    await backfill.stop()
    assert [row[:3] for row in await known(fill)] == [(True, True, True)] * 5


async def test_two_windows_read_each_file_once(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library, window = await open_library(), await open_library()
    await older(library, draw_picture, 12)
    read: list[str] = []

    class Counting(ThreadCompute):
        async def run(self, function, *arguments):  # type: ignore[no-untyped-def]
            if function.__name__ == "read_traits":
                read.append(str(arguments[1]))
            return await super().run(function, *arguments)

    passes = [backfill_of(one, Counting()) for one in (library, window)]
    for one in passes:
        one.start()
    await finished(library)
    for one in passes:
        await one.stop()
    assert len(read) == len(set(read)) == 12


async def test_where_nothing_is_found_no_window_reads_its_list_anew(fill: Library, draw_picture: DrawPicture) -> None:
    (missing,) = await older(fill, draw_picture, 1)
    upload = await fill.uploads.get(missing)
    assert upload
    for path in (fill.absolute(upload.file_path), fill.absolute(upload.thumbnail_path)):
        assert path
        path.unlink()
    feed = fill.changes()
    await feed.skip_to_now()
    backfill = backfill_of(fill)
    backfill.start()
    await finished(fill)
    await backfill.stop()
    changes = await feed.poll()
    assert changes is None or not changes.changed


async def test_a_thumbnail_is_made_again_and_the_own_time_of_the_file_is_kept(
    fill: Library, draw_picture: DrawPicture
) -> None:
    upload_id, other_id = await older(fill, draw_picture, 2)
    upload, other = await fill.uploads.get(upload_id), await fill.uploads.get(other_id)
    assert upload
    assert other
    thumbnail = fill.absolute(upload.thumbnail_path)
    assert thumbnail
    before = thumbnail.read_bytes()
    thumbnail.write_bytes(b"as an earlier version made it")
    os.utime(str(upload.source_path), (1_500_000_000, 1_500_000_000))
    Path(str(other.source_path)).write_bytes(b"another file by now")
    async with fill.database.transaction() as connection:
        await connection.execute("UPDATE uploads SET modified_at = NULL, taken_at = NULL, taken_from = NULL")
    backfill = backfill_of(fill)
    backfill.start()
    await finished(fill)
    await backfill.stop()
    assert thumbnail.read_bytes() == before
    upload, other = await fill.uploads.get(upload_id), await fill.uploads.get(other_id)
    assert upload
    assert other
    assert (upload.taken_at, upload.taken_from) == ("2017-07-14T02:40:00+00:00", "file")
    assert (other.taken_at, other.taken_from) == (None, None)
