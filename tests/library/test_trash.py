"""The trash: what is deleted is nowhere, and comes back as it was."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import skimage
from PIL import Image

from tests.conftest import DrawPicture, OpenLibrary, add_all, being_described, settled, until
from tests.doubles import GOOD_TEXT, ScriptedAnalyzer
from vuemantics_tui.domain.errors import AnalyzerError, UsageError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.upload import ProcessingStatus, Upload
from vuemantics_tui.domain.view import SortKey, StatusFilter, View
from vuemantics_tui.library import ExportFormat, IntakeOutcome, Library

PICTURES = Path(skimage.__file__).parent / "data"


async def completed(library: Library, *files: Path) -> list[Upload]:
    """Add files and wait for their end; the uploads in that order."""
    results = await add_all(library, *files)
    await library.queue.start()
    await settled(library)
    uploads = [await library.uploads.get(result.upload.id) for result in results if result.upload]
    return [upload for upload in uploads if upload]


def files_of(library: Library, upload: Upload) -> list[Path]:
    """What is on the disk of an upload."""
    return list((library.root / "uploads" / upload.user_id / upload.id).glob("*"))


async def answers(library: Library) -> dict[str, object]:
    """What every room says, of two uploads of one look and text, with ID and number replaced by their name."""
    uploads = {upload.number: upload.filename for upload in await library.uploads.newest(show_hidden=True)}
    ids = {upload.id: upload.filename for upload in await library.uploads.newest(show_hidden=True)}

    def names(numbers: object) -> list[str]:
        return sorted(uploads.get(number, "gone") for number in numbers)  # type: ignore[attr-defined]

    found: dict[str, object] = {"newest": sorted(uploads.values())}
    for sort in SortKey:
        for status in (None, *StatusFilter):
            view = View(sort=sort, status=status, show_hidden=True)
            found[f"view {sort} {status}"] = names(await library.uploads.in_view(view))
    found["rows"] = sorted(row.filename for row in await library.uploads.rows([1, 2]))
    found["numbers"] = [bool(await library.uploads.by_number(number)) for number in (1, 2)]
    found["counts"] = await library.queue.store.counts()
    found["unfinished"] = names(await library.queue.store.unfinished())
    found["failures"] = [(group.count, group.uploads[0].number) for group in await library.queue.store.failure_groups()]
    found["edited"] = sorted(ids[one] for one in await library.descriptions.edited(list(ids)))
    found["stale"] = await library.queue.stale_embeddings()
    found["seconds left"] = await library.queue.seconds_left()
    texts = ("tabby", "sofa", "type:image", "tag:cat", "is:hidden", "status:completed", "name:doomed", "sort:newest")
    for text in texts:
        found[f"search {text}"] = sorted(hit.upload.filename for hit in await library.search.run(text, all=True))
    for number in (1, 2):
        try:
            hits = await library.search.run(await library.search.like(number), all=True)
            found[f"similar to {number}"] = [hit.upload.filename for hit in hits]
        except UsageError as error:
            found[f"similar to {number}"] = error.message
    found["duplicates"] = [names([one.number for one in group.members]) for group in await library.duplicates.groups()]
    found["is:duplicate"] = sorted(hit.upload.filename for hit in await library.search.run("is:duplicate", all=True))
    found["tags"] = [(tag.name, tag.count) for tag in await library.tags.own()]
    found["beginning"] = [(tag.name, tag.count) for tag in await library.tags.beginning("c")]
    found["saved"] = await library.search.counts()
    found["export"] = len([line async for line in library.export.lines(ExportFormat.JSON_LINES)])
    numbers = (await library.statistics.read()).counts
    found["statistics"] = (numbers.by_status, numbers.by_type, numbers.months, numbers.originals_bytes, numbers.tags)
    return found


async def test_no_room_tells_of_what_is_in_the_trash(open_library: OpenLibrary, tmp_path: Path) -> None:
    library = await open_library()
    with Image.open(PICTURES / "chelsea.png") as cat:
        cat.save(tmp_path / "a.png")
        cat.reduce(2).save(tmp_path / "doomed.png")
    _, doomed = await completed(library, tmp_path / "a.png", tmp_path / "doomed.png")
    assert doomed.number == 2
    await library.tags.add([doomed.id], ["cellar"])
    await library.search.save("cats", "tag:cat")
    with_both = await answers(library)
    assert with_both["duplicates"] == [["a.png", "doomed.png"]]
    assert await library.trash.put([doomed.id, doomed.id, "unknown"]) == 1
    without = await answers(library)
    assert await library.trash.erase([doomed.id]) == 1
    expected = await answers(library)
    assert with_both != expected
    for room, answer in expected.items():
        assert without[room] == answer, room
    told = {room for room in expected if with_both[room] == expected[room]}
    assert told <= {
        *(room for room in expected if room.startswith("view") and not room.endswith(("None", "completed"))),
        *("unfinished", "failures", "edited", "seconds left", "search is:hidden", "search sort:newest"),
    }, f"these rooms would not notice: {told}"


@pytest.mark.parametrize("status", ["waiting", "failed"])
async def test_what_waits_or_failed_is_not_counted_claimed_or_retried(
    open_library: OpenLibrary, draw_picture: DrawPicture, status: str
) -> None:
    analyzer = ScriptedAnalyzer(describe_error=AnalyzerError("It is too dark"))
    library = await open_library(analyzer=analyzer)
    if status == "failed":
        (upload,) = await completed(library, draw_picture())
        await library.queue.stop()
    else:
        (result,) = await add_all(library, draw_picture())
        assert result.upload
        upload = result.upload
    await library.trash.put([upload.id])
    counts = await library.queue.store.counts()
    assert (counts.total, counts.waiting, counts.failed) == (0, 0, 0)
    assert await library.queue.store.failure_groups() == []
    assert await library.queue.retry_failed() == await library.queue.retry([upload.id]) == []
    assert await library.queue.cancel([upload.id]) == []
    assert await library.queue.run_next([upload.id]) == await library.uploads.set_hidden([upload.id], True) == 0
    assert await library.queue.store.unfinished() == set()
    with pytest.raises(UsageError):
        await library.uploads.find(upload.id[:6])
    with pytest.raises(UsageError):
        await library.descriptions.edit(upload.id, "A text of a person.")
    await library.process_upload_background(upload.id, upload.user_id, upload.file_type, upload.extension)
    await library.queue.start()
    analyzer.describe_error = None
    assert await library.trash.restore([upload.id]) == 1
    if status == "failed":
        restored = await library.uploads.get(upload.id)
        assert restored
        assert (restored.status, restored.error_message) == ("failed", "AI processing failed: It is too dark")
    else:
        await settled(library)
        assert (await library.queue.store.counts()).completed == 1
        assert len(analyzer.described) == 1


async def test_it_comes_back_as_it_was_and_other_windows_see_it(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library, window = await open_library(), await open_library()
    (upload,) = await completed(library, draw_picture())
    await library.tags.add([upload.id], ["cellar"])
    upload = (await library.uploads.newest())[0]
    feed = window.changes()
    await feed.skip_to_now()
    found = [hit.upload.id for hit in await window.search.run("cellar")]
    assert found == [upload.id]
    await library.trash.put([upload.id])
    changes = await feed.poll()
    assert changes
    assert (changes.changed, changes.deleted) == ((), (upload.number,))
    assert await window.search.run("cellar") == []
    ((trashed,), (count, size)) = await window.trash.store.contents(), await window.trash.store.count()
    assert (trashed.upload.id, trashed.upload.description, count) == (upload.id, GOOD_TEXT, 1)
    assert size == upload.file_size
    assert await window.trash.restore([upload.id, "unknown"]) == 1
    assert await window.trash.restore([upload.id]) == 0
    changes = await feed.poll()
    assert changes
    assert (changes.changed, changes.deleted) == ((upload.number,), ())
    back = await library.uploads.get(upload.id)
    assert back
    changed = {"revision", "updated_at"}
    assert {name: value for name in Upload.__dataclass_fields__ if (value := getattr(back, name)) or name not in changed
            if name not in changed} == {name: getattr(upload, name) for name in Upload.__dataclass_fields__
                                        if name not in changed}  # fmt: skip
    for one in (library, window):
        assert [hit.upload.id for hit in await one.search.run("cellar tabby sofa")] == [upload.id]
    kinds = [event.kind for event in await library.history.of(back.number)]
    assert kinds[-2:] == ["trashed", "restored"]


async def test_a_run_is_cancelled_and_goes_on_after_the_restore(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(gate=asyncio.Event())
    library, elsewhere = await open_library(analyzer=analyzer), await open_library()
    (result,) = await add_all(library, draw_picture())
    assert result.upload
    await library.queue.start()
    for delete in (library.trash.put, elsewhere.trash.put):
        await being_described(library, analyzer)
        await delete([result.upload.id])
        if delete == library.trash.put:

            async def ended() -> bool:
                return library.queue.in_flight == 0

            await until(ended)
        (trashed,) = await library.trash.store.contents()
        assert (trashed.upload.status, trashed.upload.attempts) == (ProcessingStatus.PENDING, 0)
        analyzer.reached.clear()
        await library.trash.restore([result.upload.id])
    assert analyzer.gate
    analyzer.gate.set()
    await settled(library)
    assert (await library.queue.store.counts()).completed == 1


async def test_emptying_takes_the_files_and_what_is_younger_stays(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library()
    old, young, kept = await completed(library, *(draw_picture(f"{name}.png") for name in ("old", "young", "kept")))
    await library.trash.put([old.id, young.id])
    async with library.database.transaction() as connection:
        await connection.execute("UPDATE uploads SET deleted_at = '2020-01-01' WHERE id = ?", (old.id,))
    assert files_of(library, old)
    assert await library.trash.expire() == 1
    assert (files_of(library, old), len(files_of(library, young)) > 0) == ([], True)
    assert [trashed.upload.id for trashed in await library.trash.store.contents()] == [young.id]
    assert await library.sweep() == 0
    assert files_of(library, young)
    assert await library.trash.empty(older_than_days=1) == 0
    assert await library.trash.empty() == 1
    assert (files_of(library, young), await library.trash.store.contents()) == ([], [])
    assert files_of(library, kept)
    assert await library.trash.restore([young.id]) == 0


async def test_only_what_is_named_and_still_in_the_trash_is_deleted_for_ever(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library()
    gone, back, other = await completed(library, *(draw_picture(f"{name}.png") for name in ("gone", "back", "other")))
    await library.trash.put([gone.id, back.id, other.id])
    await library.trash.restore([back.id])
    assert await library.trash.delete([gone.id, back.id]) == 1
    assert (files_of(library, gone), len(files_of(library, back)) > 0) == ([], True)
    assert [entry.upload.id for entry in await library.trash.store.contents()] == [other.id]


async def test_much_is_emptied_in_short_transactions(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library()
    results = await add_all(library, *(draw_picture(f"{number}.png", size=(8, 8)) for number in range(230)))
    await library.trash.put([result.upload.id for result in results if result.upload])
    assert await library.trash.empty() == 230
    assert list((library.root / "uploads").glob("*/*")) == []


async def test_adding_what_is_in_the_trash_brings_it_back(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library()
    picture = draw_picture()
    (upload,) = await completed(library, picture)
    await library.trash.put([upload.id])
    (result,) = await add_all(library, picture)
    assert (result.outcome, result.is_new) == (IntakeOutcome.RESTORED, False)
    assert result.upload
    assert (result.upload.id, result.upload.description) == (upload.id, GOOD_TEXT)
    (again,) = await add_all(library, picture)
    assert again.outcome is IntakeOutcome.DUPLICATE


async def test_adding_what_failed_and_is_in_the_trash_tries_it_again(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    analyzer = ScriptedAnalyzer(describe_error=AnalyzerError("It is too dark"))
    library = await open_library(analyzer=analyzer)
    picture = draw_picture()
    (upload,) = await completed(library, picture)
    await library.trash.put([upload.id])
    analyzer.describe_error = None
    (result,) = await add_all(library, picture)
    assert (result.outcome, result.is_new) == (IntakeOutcome.RESTORED, True)
    await settled(library)
    assert (await library.queue.store.counts()).completed == 1


async def test_the_type_of_what_is_restored_is_counted_again(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library()
    (upload,) = await completed(library, draw_picture())
    await library.trash.put([upload.id])
    before = (await library.statistics.read()).counts
    assert (before.trashed, before.trashed_bytes, before.by_type[FileType.IMAGE]) == (1, upload.file_size, 0)
    await library.trash.restore([upload.id])
    after = (await library.statistics.read()).counts
    assert (after.trashed, after.trashed_bytes, after.by_type[FileType.IMAGE]) == (0, 0, 1)


DAY = 86400.0


async def test_a_clock_that_jumps_ahead_deletes_nothing_and_says_so(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library(trash_days=30)
    (upload,) = await completed(library, draw_picture())
    await library.trash.put([upload.id])
    now = time.time()
    assert await library.trash.expire(now) == 0
    assert library.trash.postponed == ""
    assert await library.trash.expire(now + 365 * DAY) == 0
    assert "365 days ago" in library.trash.postponed
    assert "1 upload in the trash will be deleted later" in library.trash.postponed
    assert await library.trash.expire(now + 366 * DAY) == 0
    assert files_of(library, upload)
    assert await library.trash.expire(now + 1 * DAY) == 0, "and back again"
    deleted = [await library.trash.expire(now + day * DAY) for day in range(1, 35)]
    assert deleted.index(1) in range(15, 32), "the days that were seen still count"


async def test_what_is_deleted_while_the_clock_is_ahead_is_kept_as_long_as_anything(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library(trash_days=8)
    (upload,) = await completed(library, draw_picture())
    now = time.time()
    await library.trash.expire(now - 365 * DAY)
    await library.trash.expire(now)
    await library.trash.put([upload.id])
    deleted = [await library.trash.expire(now + day * DAY) for day in range(1, 12)]
    assert deleted.index(1) == 7


async def test_a_short_trash_is_not_emptied_by_a_week_away(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library(trash_days=2)
    (upload,) = await completed(library, draw_picture())
    await library.trash.put([upload.id])
    now = time.time()
    await library.trash.expire(now)
    assert await library.trash.expire(now + 7 * DAY) == 0
    assert library.trash.postponed


async def test_one_upload_is_restored_without_reading_the_whole_trash(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library()
    first, second, third = await completed(library, *(draw_picture(f"{name}.png") for name in ("1", "2", "3")))
    await library.trash.put([first.id])
    await library.trash.put([second.id, third.id])
    (found,) = await library.trash.store.by_prefix(first.id[:8].upper())
    assert found.upload.id == first.id
    assert await library.trash.store.by_prefix("%") == []
    assert [entry.upload.id for entry in await library.trash.store.latest()] == [third.id, second.id]
    plan = await library.database.fetch(
        "EXPLAIN QUERY PLAN SELECT max(deleted_at) FROM uploads WHERE deleted_at NOT NULL"
    )
    assert "uploads_trashed" in plan[0]["detail"]
