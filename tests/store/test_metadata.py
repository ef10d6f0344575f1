"""The dates that follow from what files say, and those that a person sets."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import insert_upload
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.domain.moment import DateEdit, DateSource
from vuemantics_tui.library.undo import FACETS
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.metadata import DateStore, save_metadata
from vuemantics_tui.store.statistics import Month, StatisticsStore
from vuemantics_tui.store.undo import UndoStore
from vuemantics_tui.store.uploads import UploadStore

CAMERA = {"camera_make": "Acme", "camera_model": "One"}
SetZone = Callable[[str], None]


@pytest.fixture
def set_zone(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets the zone of this machine."""

    def change(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield change
    monkeypatch.undo()
    time.tzset()


class Shelf:
    """Uploads by name, with what their files say."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.uploads = UploadStore(database)
        self.dates = DateStore(database)

    async def add(self, name: str, metadata: MediaMetadata | None = None, **changes: object) -> str:
        upload_id = await insert_upload(self.uploads, name, **changes)
        if metadata is not None:
            await self.read(upload_id, metadata)
        return upload_id

    async def read(self, upload_id: str, metadata: MediaMetadata) -> None:
        upload = await self.uploads.get(upload_id)
        assert upload is not None
        async with self.database.transaction() as connection:
            await save_metadata(connection, upload.number, metadata)

    async def taken(self, upload_id: str) -> tuple[str | None, DateSource | None]:
        upload = await self.uploads.get(upload_id)
        assert upload is not None
        return upload.taken_at, upload.taken_from


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


def clip(moment: str, **extra: str | int | float) -> MediaMetadata:
    return MediaMetadata(taken_at=moment, taken_from=DateSource.CONTAINER, extra=extra)


def photo(moment: str, offset: int | None, **extra: str | int | float) -> MediaMetadata:
    return MediaMetadata(taken_at=moment, taken_from=DateSource.EXIF, taken_offset=offset, extra=extra)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("Asia/Tokyo", "2024-07-02T05:00:00.5+09:00"), ("America/New_York", "2024-07-01T16:00:00.5-04:00"),
     ("UTC", "2024-07-01T20:00:00.5+00:00")],
)  # fmt: skip
async def test_a_clip_in_utc_has_the_clock_of_this_machine(
    shelf: Shelf, set_zone: SetZone, zone: str, expected: str
) -> None:
    set_zone(zone)
    upload = await shelf.add("clip.mp4", clip("2024-07-01T20:00:00.5Z"), file_type=FileType.VIDEO)
    assert await shelf.taken(upload) == (expected, DateSource.CONTAINER)


async def test_the_place_of_a_clip_goes_before_this_machine(shelf: Shelf, set_zone: SetZone) -> None:
    set_zone("Asia/Tokyo")
    upload = await shelf.add("clip.mp4", clip("2024-07-01T20:00:00Z", time_zone="Europe/Rome"))
    assert (await shelf.taken(upload))[0] == "2024-07-01T22:00:00+02:00"
    unknown = await shelf.add("other.mp4", clip("2024-07-01T20:00:00Z", time_zone="Mars/Olympus"))
    assert (await shelf.taken(unknown))[0] == "2024-07-02T05:00:00+09:00"


@pytest.mark.parametrize("photo_first", [True, False])
async def test_pictures_of_the_same_camera_go_before_the_place(
    shelf: Shelf, set_zone: SetZone, photo_first: bool
) -> None:
    set_zone("Asia/Tokyo")
    told = clip("2024-07-01T23:30:00Z", time_zone="Europe/Rome", **CAMERA)
    neighbour = photo("2024-07-01T20:10:00-03:00", -180, **CAMERA)
    if photo_first:
        await shelf.add("a.jpg", neighbour)
    upload = await shelf.add("clip.mp4", told)
    if not photo_first:
        await shelf.add("a.jpg", neighbour)
    assert await shelf.taken(upload) == ("2024-07-01T20:30:00-03:00", DateSource.CONTAINER)


async def test_only_neighbours_by_the_same_camera_and_near_in_time_count(shelf: Shelf) -> None:
    await shelf.add("other.jpg", photo("2024-07-01T20:10:00-03:00", -180, camera_model="Two"))
    await shelf.add("none.jpg", photo("2024-07-01T20:10:00-03:00", -180))
    await shelf.add("old.jpg", photo("2024-06-29T20:10:00-03:00", -180, **CAMERA))
    await shelf.add("silent.jpg", photo("2024-07-01T20:10:00", None, **CAMERA))
    upload = await shelf.add("clip.mp4", clip("2024-07-01T23:30:00Z", **CAMERA))
    assert (await shelf.taken(upload))[0] == "2024-07-01T23:30:00+00:00"
    await shelf.add("near.jpg", photo("2024-07-01T01:10:00", 60, **CAMERA))
    assert (await shelf.taken(upload))[0] == "2024-07-02T00:30:00+01:00"
    await shelf.add("located.jpg", photo("2024-07-01T19:00:00", None, time_zone="Europe/Rome", **CAMERA))
    assert (await shelf.taken(upload))[0] == "2024-07-02T01:30:00+02:00"
    await shelf.add("nearer.jpg", photo("2024-07-01T20:10:00-03:00", -180, **CAMERA))
    assert (await shelf.taken(upload))[0] == "2024-07-01T20:30:00-03:00"


async def test_a_name_goes_before_the_own_time_of_a_file(shelf: Shelf, set_zone: SetZone) -> None:
    set_zone("Asia/Tokyo")
    named = await shelf.add("IMG_20200101_123456.jpg", MediaMetadata(), modified_at="2022-02-02T20:00:00Z")
    plain = await shelf.add("cat.jpg", MediaMetadata(), modified_at="2022-02-02T20:00:00Z")
    waiting = await shelf.add("dog.jpg", modified_at="2022-02-02T20:00:00Z")
    unknown = await shelf.add("old.jpg", MediaMetadata())
    assert await shelf.taken(named) == ("2020-01-01T12:34:56", DateSource.NAME)
    assert await shelf.taken(plain) == ("2022-02-03T05:00:00+09:00", DateSource.FILE)
    assert await shelf.taken(waiting) == ("2022-02-03T05:00:00+09:00", DateSource.FILE)
    assert await shelf.taken(unknown) == (None, None)


async def test_the_own_time_of_a_file_is_that_of_this_machine_whatever_the_camera_says(shelf: Shelf) -> None:
    await shelf.add("a.jpg", photo("2024-07-01T20:10:00-03:00", -180, **CAMERA))
    upload = await shelf.add("b.jpg", MediaMetadata(extra=dict(CAMERA)), modified_at="2024-07-01T23:30:00Z")
    assert await shelf.taken(upload) == ("2024-07-01T23:30:00+00:00", DateSource.FILE)


async def test_a_date_set_by_hand_stays_until_it_is_taken_back(shelf: Shelf) -> None:
    upload = await shelf.add("a.jpg", photo("2024-07-01T20:10:00", None))
    other = await shelf.add("b.jpg", photo("2024-07-01T20:11:00", None))
    assert await shelf.dates.edit([upload, "unknown"], DateEdit.of("1985/6/15")) == {upload: None}
    assert await shelf.dates.edit([other], DateEdit.of("1985-06-15 10:00")) == {other: None}
    assert await shelf.dates.edit([upload], DateEdit.of("1985-06-15")) == {}
    await shelf.read(upload, photo("2024-08-01T20:10:00", None))
    assert await shelf.taken(upload) == ("1985-06-15", DateSource.HAND)
    assert await shelf.taken(other) == ("1985-06-15T10:00:00", DateSource.HAND)
    assert await shelf.dates.edit([upload, other], DateEdit.of("file")) == {
        upload: "1985-06-15",
        other: "1985-06-15T10:00:00",
    }
    assert await shelf.taken(upload) == ("2024-08-01T20:10:00", DateSource.EXIF)
    assert await shelf.dates.edit([upload], DateEdit.of("file")) == {}


async def test_a_change_of_dates_can_be_undone(shelf: Shelf) -> None:
    one, other = [await shelf.add(name, photo("2024-07-01T23:30:00.5+02:00", 120)) for name in ("a.jpg", "b.jpg")]
    await shelf.dates.edit([other], DateEdit.of("1985-06-15"))
    await shelf.dates.edit([one, other], DateEdit.of("+1d2h30m"))
    assert await shelf.taken(one) == ("2024-07-03T02:00:00.5+02:00", DateSource.HAND)
    assert await shelf.taken(other) == ("1985-06-16T02:30:00", DateSource.HAND)
    assert await UndoStore(shelf.database, FACETS).undo()
    assert await shelf.taken(one) == ("2024-07-01T23:30:00.5+02:00", DateSource.EXIF)
    assert await shelf.taken(other) == ("1985-06-15", DateSource.HAND)


async def test_a_shift_moves_all_or_none(shelf: Shelf) -> None:
    dated = await shelf.add("a.jpg", photo("2024-07-01T23:30:00", None))
    undated = await shelf.add("b.jpg", MediaMetadata())
    with pytest.raises(UsageError, match="without a date"):
        await shelf.dates.edit([dated, undated], DateEdit.of("-1h"))
    assert (await shelf.taken(dated))[0] == "2024-07-01T23:30:00"


async def test_a_clip_with_a_date_by_hand_is_left_alone_by_its_neighbours(shelf: Shelf) -> None:
    upload = await shelf.add("clip.mp4", clip("2024-07-01T23:30:00Z", **CAMERA))
    await shelf.dates.edit([upload], DateEdit.of("1985-06-15"))
    await shelf.add("near.jpg", photo("2024-07-01T01:10:00", 60, **CAMERA))
    assert (await shelf.taken(upload))[0] == "1985-06-15"
    await shelf.dates.edit([upload], DateEdit.of("file"))
    assert (await shelf.taken(upload))[0] == "2024-07-02T00:30:00+01:00"


async def test_months_are_counted_by_the_local_clock(shelf: Shelf, set_zone: SetZone) -> None:
    set_zone("Asia/Tokyo")
    await shelf.add("clip.mp4", clip("2024-06-30T20:00:00Z"))
    await shelf.add("a.jpg", photo("2024-06-30T23:59:00-10:00", -600))
    added = await shelf.add("old.jpg", MediaMetadata())
    async with shelf.database.transaction() as connection:
        await connection.execute(
            "UPDATE uploads SET created_at = '2023-12-31T20:00:00.000000+00:00' WHERE id = ?", (added,)
        )
    statistics = await StatisticsStore(shelf.database).read()
    assert statistics.months == (Month("2024-01", 1), Month("2024-06", 1), Month("2024-07", 1))
