"""Watch: what happens in sources while the program runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import OpenLibrary, until
from tests.library.test_sources import draw
from vuemantics_tui.domain.sources import ScanProgress, Source, WatchState
from vuemantics_tui.library import Library, Watch
from vuemantics_tui.processing.watch import fault_words


@pytest.fixture
async def library(open_library: OpenLibrary) -> Library:
    return await open_library()


def watch_of(library: Library, **changes: object) -> Watch:
    chosen = {"scan_seconds": 0.2, "look_seconds": 0.1, **changes}
    return Watch(
        library.root,
        library.sources.store.all,
        lambda source, only, told: library.sources.scan(source, told, only=only),
        [],
        **chosen,  # type: ignore[arg-type]
    )


@pytest.fixture
async def source(library: Library, tmp_path: Path) -> AsyncIterator[Source]:
    draw(tmp_path / "photos" / "one.png", 1)
    yield await library.sources.add(tmp_path / "photos")


async def names(library: Library) -> set[str]:
    return {upload.filename for upload in await library.uploads.newest() if not upload.missing_since}


async def sees(library: Library, *expected: str) -> None:
    async def is_so() -> bool:
        return await names(library) == set(expected)

    await until(is_so)


async def reports(watch: Watch, source: Source, state: WatchState) -> None:
    async def is_so() -> bool:
        report = watch.reports.get(source.number)
        return report is not None and report.state is state

    await until(is_so)


async def test_new_renamed_and_deleted_files_are_noticed(library: Library, source: Source) -> None:
    watch = library.watch
    watch.start()
    await sees(library, "one.png")
    await reports(watch, source, WatchState.BY_EVENTS)
    draw(source.path / "trip/day/two.png", 2)
    await sees(library, "one.png", "two.png")
    before = {upload.filename: upload.id for upload in await library.uploads.newest()}
    (source.path / "trip").rename(source.path / "holiday")
    (source.path / "one.png").rename(source.path / "uno.png")
    await sees(library, "uno.png", "two.png")
    after = {upload.filename: upload.id for upload in await library.uploads.newest()}
    assert after == {"uno.png": before["one.png"], "two.png": before["two.png"]}
    (source.path / "uno.png").unlink()
    await sees(library, "two.png")


async def test_a_file_is_taken_when_it_has_stopped_growing(library: Library, source: Source, tmp_path: Path) -> None:
    watch = library.watch
    watch.start()
    await sees(library, "one.png")
    whole = draw(tmp_path / "aside.png", 3, 200).read_bytes()
    steps = 30
    with (source.path / "slow.png").open("wb") as file:
        for step in range(steps):
            file.write(whole[len(whole) * step // steps : len(whole) * (step + 1) // steps])
            file.flush()
            assert await names(library) == {"one.png"}
            await asyncio.to_thread(os.fsync, file.fileno())
            await asyncio.sleep(0.1)
    await sees(library, "one.png", "slow.png")
    (upload,) = [each for each in await library.uploads.newest() if each.filename == "slow.png"]
    assert upload.file_size == len(whole)


async def test_a_new_file_has_its_own_folder_scanned_and_none_below_it(library: Library, source: Source) -> None:
    scans: list[ScanProgress] = []

    async def counted(source: Source, only, told):  # type: ignore[no-untyped-def]
        scans.append(await library.sources.scan(source, told, only=only))
        return scans[-1]

    for number in range(20):
        draw(source.path / f"old/{number}.png", 10 + number)
    watch = Watch(library.root, library.sources.store.all, counted, [], scan_seconds=60, look_seconds=0.1)
    watch.start()
    await reports(watch, source, WatchState.BY_EVENTS)
    draw(source.path / "two.png", 2)
    await sees(library, "one.png", "two.png", *(f"{number}.png" for number in range(20)))
    (source.path / "two.png").unlink()
    await sees(library, "one.png", *(f"{number}.png" for number in range(20)))
    await watch.stop()
    assert scans[0].seen == 21
    assert max(progress.seen for progress in scans[1:]) == 2


async def test_many_files_at_once_are_one_scan(library: Library, source: Source, tmp_path: Path) -> None:
    scans: list[object] = []
    watch = watch_of(library)

    async def counted(source: Source, only, told):  # type: ignore[no-untyped-def]
        scans.append(only)
        return await library.sources.scan(source, told, only=only)

    watch = Watch(library.root, library.sources.store.all, counted, [], scan_seconds=60, look_seconds=0.1)
    watch.start()
    await sees(library, "one.png")
    one = (source.path / "one.png").read_bytes()
    for number in range(4000):
        folder = source.path / f"unzipped/{number % 20}"
        folder.mkdir(parents=True, exist_ok=True)
        # After the end of a picture may be anything.
        (folder / f"{number}.png").write_bytes(one + str(number).encode())

    async def all_here() -> bool:
        return len(await library.uploads.newest(limit=5000)) == 4001

    await until(all_here)
    await watch.stop()
    assert len(scans) <= 4


async def test_a_source_that_went_away_is_noticed_when_it_is_back(
    library: Library, source: Source, tmp_path: Path
) -> None:
    watch = watch_of(library)
    watch.start()
    await sees(library, "one.png")
    await reports(watch, source, WatchState.BY_EVENTS)
    # Elsewhere on the disk, so that it is no renaming.
    (tmp_path / "disk").mkdir()
    source.path.rename(tmp_path / "disk/photos")
    await reports(watch, source, WatchState.AWAY)
    assert await names(library) == {"one.png"}
    draw(tmp_path / "disk/photos/two.png", 2)
    (tmp_path / "disk/photos").rename(source.path)
    await sees(library, "one.png", "two.png")
    await reports(watch, source, WatchState.BY_EVENTS)
    await watch.stop()


async def test_network_disks_are_scanned_regularly(library: Library, source: Source) -> None:
    watch = watch_of(library, kind_of=lambda _: "nfs4")
    watch.start()
    await sees(library, "one.png")
    assert watch.reports[source.number].state is WatchState.BY_SCANS
    assert "nfs4" in watch.reports[source.number].reason
    draw(source.path / "two.png", 2)
    await sees(library, "one.png", "two.png")
    await watch.stop()


async def test_what_is_not_watched_is_left_alone_until_it_is(library: Library, source: Source) -> None:
    await library.sources.add(source.path, watched=False)
    watch = watch_of(library)
    watch.start()
    await reports(watch, source, WatchState.OFF)
    assert await names(library) == set()
    await library.sources.add(source.path, watched=True)
    await sees(library, "one.png")
    await watch.stop()


async def test_one_program_of_a_library_watches(library: Library, source: Source) -> None:
    first, second = watch_of(library), watch_of(library)
    first.start()
    await reports(first, source, WatchState.BY_EVENTS)
    second.start()
    await reports(second, source, WatchState.ELSEWHERE)
    await first.stop()
    await reports(second, source, WatchState.BY_EVENTS)
    await second.stop()


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("OS file watch limit reached. about [...] (Error { kind: MaxFilesWatch })", "fs.inotify.max_user_watches="),
        ("Error creating recommended watcher: Too many open files (os error 24)", "fs.inotify.max_user_instances="),
    ],
)
def test_the_limits_of_the_system_are_told_with_what_raises_them(message: str, told: str) -> None:
    assert told in fault_words(OSError(message))
