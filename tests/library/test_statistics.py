"""The numbers of a library are those of its rows and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled
from tests.doubles import ScriptedAnalyzer
from vuemantics_tui.domain.errors import AnalyzerError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.upload import ProcessingStatus
from vuemantics_tui.store.statistics import Month


async def test_an_empty_library_is_all_zeros(open_library: OpenLibrary) -> None:
    library = await open_library()
    statistics = await library.statistics.read()
    assert set(statistics.counts.by_status.values()) == set(statistics.counts.by_type.values()) == {0}
    assert (statistics.counts.months, statistics.counts.tags, statistics.counts.stages) == ((), (), ())
    assert (statistics.described, statistics.stale, statistics.index.vectors) == (0, 0, 0)
    assert (statistics.space.originals, statistics.space.trash, statistics.space.vectors) == (0, 0, 0)


async def test_everything_is_counted(
    open_library: OpenLibrary, draw_picture: DrawPicture, draw_clip: Callable[[], Path]
) -> None:
    analyzer = ScriptedAnalyzer(describe_errors={2: AnalyzerError("It is too dark")})
    library = await open_library(analyzer=analyzer)
    pictures = [draw_picture(f"{number}.png") for number in range(4)]
    results = await add_all(library, *pictures, draw_clip())
    await library.queue.start()
    await settled(library)
    await library.queue.stop()
    uploads = await library.uploads.newest()
    failed = next(upload for upload in uploads if upload.status is ProcessingStatus.FAILED)
    described = [upload for upload in uploads if upload.status is ProcessingStatus.COMPLETED]
    await library.tags.add([described[0].id], ["Rome", "cat"])
    async with library.database.transaction() as connection:
        await connection.execute("UPDATE uploads SET taken_at = '2019-07-04T10:00:00' WHERE id = ?", (failed.id,))
        await connection.execute(
            "UPDATE uploads SET taken_at = NULL, created_at = '2024-02-01' WHERE id <> ?", (failed.id,)
        )
        await connection.execute("DELETE FROM events WHERE kind = 'described'")
        await connection.executemany(
            "INSERT INTO events (upload, at, kind, seconds) VALUES (?, '', 'described', ?)",
            [(described[0].number, seconds) for seconds in (1.0, 2.0, 3.0, 4.0, 100.0)],
        )
    doomed = described[-1]
    await library.trash.put([doomed.id])
    statistics = await library.statistics.read()
    counts = statistics.counts
    assert counts.by_status == dict.fromkeys(ProcessingStatus, 0) | {
        ProcessingStatus.COMPLETED: 3,
        ProcessingStatus.FAILED: 1,
    }
    videos = sum(upload.file_type is FileType.VIDEO for upload in uploads if upload.id != doomed.id)
    assert counts.by_type == {FileType.IMAGE: 4 - videos, FileType.VIDEO: videos}
    assert counts.months == (Month("2019-07", 1), Month("2024-02", 3))
    assert counts.tags == (("cat", 3), ("sofa", 3), ("Rome", 1))
    here = [upload for upload in uploads if upload.id != doomed.id]
    assert counts.originals_bytes == statistics.space.originals == sum(upload.file_size for upload in here)
    assert (counts.trashed, statistics.space.trash) == (1, doomed.file_size)
    stages = {stage.stage: stage for stage in counts.stages}
    assert (stages["describing"].median, stages["describing"].runs) == (3.0, 5)
    assert stages["describing"].p90 == pytest.approx(61.6)
    assert set(stages) == {"thumbnail", "describing", "embedding"}
    assert (statistics.described, statistics.stale, statistics.embedded) == (3, 0, 3)
    thumbnails = [library.absolute(upload.thumbnail_path) for upload in uploads]
    assert statistics.space.thumbnails == sum(path.stat().st_size for path in thumbnails if path)
    assert statistics.space.database >= (library.root / "library.db").stat().st_size
    assert statistics.space.total > statistics.space.originals
    assert len(results) == 5


async def test_the_state_of_the_index_is_that_of_its_file(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library()
    await add_all(library, draw_picture())
    await library.queue.start()
    await settled(library)
    assert (await library.statistics.read()).index.vectors == 0, "nobody searched yet"
    await library.search.run("tabby")
    statistics = await library.statistics.read()
    assert (statistics.index.vectors, statistics.index.file) == (1, None)
