"""Stacks in the store: how they form, who stands for them, and what a person decides about them."""

from datetime import datetime

import pytest

from tests.conftest import insert_upload
from tests.store.test_uploads import complete
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.domain.moment import DateSource
from vuemantics_tui.domain.query import parse_query
from vuemantics_tui.domain.upload import ProcessingStage, Upload
from vuemantics_tui.domain.view import SortKey, View
from vuemantics_tui.library.undo import FACETS
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.duplicates import BackfillStore
from vuemantics_tui.store.filters import FilterStore
from vuemantics_tui.store.queue import ClaimStore
from vuemantics_tui.store.runs import RunStore
from vuemantics_tui.store.stacks import StackStore
from vuemantics_tui.store.trash import TrashStore
from vuemantics_tui.store.undo import UndoStore
from vuemantics_tui.store.uploads import UploadStore

NOON = "2024-06-01T12:00:00"


async def take(
    database: Database, name: str, taken_at: str | None = None, duration: float | None = None, **extra: str | int
) -> int:
    """Add a file of this name and read its facts; return its number."""
    store = UploadStore(database)
    is_clip = name.lower().endswith((".mov", ".mp4"))
    upload_id = await insert_upload(store, name, file_type=FileType.VIDEO if is_clip else FileType.IMAGE)
    return await read(database, upload_id, taken_at, duration, **extra)


async def read(
    database: Database, upload_id: str, taken_at: str | None = None, duration: float | None = None, **extra: str | int
) -> int:
    """Read the facts of an upload, as its run does."""
    claims, runs = ClaimStore(database, "owner"), RunStore(database)
    claim = await claims.claim(upload_id)
    assert claim is not None
    await runs.advance(claim, ProcessingStage.THUMBNAIL)
    metadata = MediaMetadata(
        40, 30, taken_at=taken_at, taken_from=DateSource.EXIF, duration=duration, extra=dict(extra) or None
    )
    await runs.finish_thumbnail(
        claim, ProcessingStage.QUEUED, thumbnail_path=None, warning=None, metadata=metadata, seconds=0.0
    )
    await claims.release(claim.token)
    return claim.number


async def listed(database: Database) -> list[str]:
    """Return what the list shows, by name, with the count of a stack."""
    store = UploadStore(database)
    rows = await store.by_numbers(await store.in_view(View(sort=SortKey.NAME, descending=False)))
    return [f"{row.filename} {row.stack_count}" if row.stack_count else row.filename for row in rows]


async def upload(database: Database, number: int) -> Upload:
    found = await UploadStore(database).by_number(number)
    assert found is not None
    return found


async def inside(database: Database, number: int) -> list[str]:
    return [member.filename for member in (await upload(database, number)).stack_members]


async def test_a_live_photo_is_one_entry(database: Database) -> None:
    clip = await take(database, "IMG_0102.MOV", duration=2.0)
    still = await take(database, "IMG_0102.JPG")
    await take(database, "IMG_0103.JPG")
    assert await listed(database) == ["IMG_0102.JPG 2", "IMG_0103.JPG"]
    shown = await upload(database, clip)
    assert shown.stack_cover == (await upload(database, still)).id
    assert (shown.stack_role, (await upload(database, still)).stack_role) == ("clip", "still")
    assert [(one.filename, one.role) for one in shown.stack_members] == [
        ("IMG_0102.JPG", "still"),
        ("IMG_0102.MOV", "clip"),
    ]


async def test_a_content_identifier_counts_more_than_names(database: Database) -> None:
    await take(database, "holiday.HEIC", content_identifier="C0FFEE")
    await take(database, "IMG_9.MOV", content_identifier="C0FFEE")
    await take(database, "copy.HEIC", content_identifier="BEEF")
    await take(database, "copy 2.HEIC", content_identifier="BEEF")
    assert await listed(database) == ["copy 2.HEIC", "copy.HEIC", "holiday.HEIC 2"]


SHOTS: list[tuple[str, str | None, dict[str, str | int]]] = [
    ("IMG_0001.HEIC", f"{NOON}+02:00", {"content_identifier": "A", "camera_model": "iPhone 12"}),
    ("IMG_0001.MOV", f"{NOON}+02:00", {"content_identifier": "A", "camera_model": "iPhone 12"}),
    ("IMG_E0001.JPG", f"{NOON}+02:00", {"camera_model": "iPhone 12"}),
    ("IMG_0001.DNG", f"{NOON}+02:00", {"camera_model": "iPhone 12"}),
    ("IMG_0002.JPG", None, {"burst_id": "B"}),
    ("IMG_0003.JPG", None, {"burst_id": "B"}),
    ("IMG_0004.JPG", None, {"burst_id": "B"}),
    ("DSC_0007.JPG", f"{NOON}.10", {"camera_model": "D850"}),
    ("DSC_0008.JPG", f"{NOON}.20", {"camera_model": "D850"}),
    ("DSC_0008.NEF", f"{NOON}.20", {"camera_model": "D850"}),
    ("DSC_0009.JPG", f"{NOON}.30", {"camera_model": "D850"}),
    ("IMG_0001(1).JPG", f"{NOON}+02:00", {"camera_model": "iPhone 12"}),
]


@pytest.mark.parametrize("turn", range(6))
async def test_the_order_of_arrival_does_not_matter(database: Database, turn: int) -> None:
    order = SHOTS if turn == 0 else SHOTS[::-1] if turn == 1 else SHOTS[turn * 2 :] + SHOTS[: turn * 2][::-1]
    # Added together, so that all are there before the first is read, or one by one.
    if turn % 2:
        ids = {name: await insert_upload(UploadStore(database), name, file_type=_type(name)) for name, _, _ in order}
        for name, taken_at, extra in SHOTS:
            await read(database, ids[name], taken_at, None, **extra)
    else:
        for name, taken_at, extra in order:
            await take(database, name, taken_at, None, **extra)
    assert await listed(database) == ["DSC_0007.JPG 4", "IMG_0001(1).JPG", "IMG_0002.JPG 3", "IMG_E0001.JPG 4"]
    numbers = await StackStore(database).all()
    assert sorted([sorted(await inside(database, number)) for number in numbers]) == [
        ["DSC_0007.JPG", "DSC_0008.JPG", "DSC_0008.NEF", "DSC_0009.JPG"],
        ["IMG_0001.DNG", "IMG_0001.HEIC", "IMG_0001.MOV", "IMG_E0001.JPG"],
        ["IMG_0002.JPG", "IMG_0003.JPG", "IMG_0004.JPG"],
    ]


def _type(name: str) -> FileType:
    return FileType.VIDEO if name.endswith(".MOV") else FileType.IMAGE


async def test_facts_that_are_read_again_may_take_a_stack_apart(database: Database) -> None:
    await take(database, "DSC_1.NEF", NOON)
    jpeg = await take(database, "DSC_1.JPG", NOON)
    assert await listed(database) == ["DSC_1.JPG 2"]
    store = UploadStore(database)
    await read(database, (await upload(database, jpeg)).id, "2020-01-01T00:00:00")
    assert await listed(database) == ["DSC_1.JPG", "DSC_1.NEF"]
    assert all(row.stack is None for row in await store.rows(await store.all_numbers(include_hidden=True)))


async def test_the_trash_takes_one_or_all_and_gives_them_back(database: Database) -> None:
    still, clip = await take(database, "IMG_1.JPG"), await take(database, "IMG_1.MOV")
    edited = await take(database, "IMG_1-edited.JPG")
    stacks, trash = StackStore(database), TrashStore(database)
    ids = {number: (await upload(database, number)).id for number in (still, clip, edited)}
    assert set(await stacks.whole([edited])) == {edited, still, clip}
    assert await stacks.whole([clip]) == [clip]
    await trash.trash([ids[edited]])
    assert await listed(database) == ["IMG_1.JPG 2"]
    await trash.trash([ids[clip]])
    assert await listed(database) == ["IMG_1.JPG"]
    assert (await upload(database, still)).stack_cover is None
    await trash.trash([ids[still]])
    assert await listed(database) == []
    await trash.restore([ids[clip]])
    assert await listed(database) == ["IMG_1.MOV"]
    await trash.restore(list(ids.values()))
    assert await listed(database) == ["IMG_1-edited.JPG 3"]
    await UploadStore(database).delete([ids[edited]])
    assert await listed(database) == ["IMG_1.JPG 2"]


async def test_hiding_the_cover_shows_another(database: Database) -> None:
    await take(database, "IMG_1.NEF")
    jpeg = await take(database, "IMG_1.JPG")
    await UploadStore(database).set_hidden([(await upload(database, jpeg)).id], True)
    assert await listed(database) == ["IMG_1.NEF 2"]


async def test_stacks_made_by_hand(database: Database) -> None:
    stacks = StackStore(database)
    cat, dog = await take(database, "cat.jpg"), await take(database, "dog.jpg")
    clip = await take(database, "cat.mov")
    assert (await stacks.make([cat, dog])).count == 3
    assert await listed(database) == ["cat.jpg 3"]
    # What comes later joins it, as it would join the single upload.
    await take(database, "dog-edited.jpg")
    assert await listed(database) == ["dog-edited.jpg 4"]
    assert (await stacks.make([clip])).count == 0
    await UndoStore(database, FACETS).undo()
    assert await listed(database) == ["cat.jpg 2", "dog-edited.jpg 2"]


async def test_a_stack_broken_by_hand_stays_so(database: Database) -> None:
    stacks = StackStore(database)
    frames = [await take(database, f"IMG_{number}.JPG", burst_id="B") for number in range(3)]
    assert (await stacks.break_up([frames[1]])).count == 3
    assert await listed(database) == ["IMG_0.JPG", "IMG_1.JPG", "IMG_2.JPG"]
    await read(database, (await upload(database, frames[0])).id, burst_id="B")
    await take(database, "IMG_3.JPG", burst_id="B")
    await take(database, "IMG_4.JPG", burst_id="B")
    assert await listed(database) == ["IMG_0.JPG", "IMG_1.JPG", "IMG_2.JPG", "IMG_3.JPG 2"]
    await UndoStore(database, FACETS).undo()
    assert await listed(database) == ["IMG_0.JPG 5"]


async def test_one_may_be_taken_out_or_chosen(database: Database) -> None:
    stacks = StackStore(database)
    frames = [await take(database, f"IMG_{number}.JPG", burst_id="B") for number in range(3)]
    await stacks.choose(frames[2])
    assert await listed(database) == ["IMG_2.JPG 3"]
    await stacks.break_up([frames[2]], alone=True)
    assert await listed(database) == ["IMG_0.JPG 2", "IMG_2.JPG"]
    undo = UndoStore(database, FACETS)
    await undo.undo()
    assert await listed(database) == ["IMG_2.JPG 3"]
    await undo.undo()
    assert await listed(database) == ["IMG_0.JPG 3"]
    assert (await stacks.choose(await take(database, "alone.jpg"))).count == 0


async def test_the_feed_tells_of_what_goes_into_a_stack(database: Database) -> None:
    feed = ChangeFeed(database)
    still = await take(database, "IMG_1.JPG")
    await feed.skip_to_now()
    clip = await take(database, "IMG_1.MOV")
    changes = await feed.poll()
    assert changes is not None
    assert {still, clip} <= set(changes.changed)


async def test_the_background_pass_stacks_an_older_library(database: Database) -> None:
    store, backfill = UploadStore(database), BackfillStore(database)
    for name in ("IMG_1.JPG", "IMG_1.MOV", "IMG_2.JPG"):
        await complete(database, await insert_upload(store, name, file_type=_type(name)))
    assert await listed(database) == ["IMG_1.JPG", "IMG_1.MOV", "IMG_2.JPG"]
    while lacking := await backfill.next():
        # One that cannot be read has at least its name.
        metadata = None if lacking.number == 1 else MediaMetadata(40, 30)
        await backfill.save(lacking.number, None, metadata, None if metadata else "damaged")
    assert await listed(database) == ["IMG_1.JPG 2", "IMG_2.JPG"]


async def test_filters_find_kinds_of_stacks_once_each(database: Database) -> None:
    live = [await take(database, name) for name in ("IMG_1.JPG", "IMG_1.MOV")]
    burst = [await take(database, f"IMG_{number}.JPG", burst_id="B") for number in (5, 6)]
    motion = await take(database, "PXL_1.JPG", motion_photo_bytes=9)
    store, filters, now = UploadStore(database), FilterStore(database), datetime.now()
    raw_id = await insert_upload(store, "DSC_1.NEF", mime_type="image/x-nikon-nef")
    raw, jpeg = await read(database, raw_id), await take(database, "DSC_1.JPG")
    for text, covers, everything in (
        ("is:live", {live[0]}, set(live)),
        ("is:burst", {burst[0]}, set(burst)),
        ("is:motion", {motion}, {motion}),
        ("is:raw", {jpeg}, {raw}),
        ("is:stack", {live[0], burst[0], jpeg}, {*live, *burst, raw, jpeg}),
        ("-is:stack", {motion}, {motion}),
    ):
        query = parse_query(text)
        assert set(await filters.listed(query, now)) == covers, text
        assert set(await filters.listed(query, now, covers_only=False)) == everything, text
