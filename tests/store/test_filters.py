"""Filters: which uploads they leave, and in what order."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conftest import insert_upload
from tests.store.test_uploads import complete
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.query import TextField, TextFilter, parse_query
from vuemantics_tui.store import filters
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.descriptions import DescriptionStore
from vuemantics_tui.store.filters import FilterStore
from vuemantics_tui.store.search import FullText
from vuemantics_tui.store.tags import TagStore
from vuemantics_tui.store.uploads import UploadStore

NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)

# What each row of the library is, by its number from 1.
ROWS: list[dict[str, object]] = [
    {"filename": "IMG_1.jpg", "file_size": 1_000_000, "width": 4000, "height": 3000, "taken_at": "2024-06-30T23:59:59"},
    {"filename": "100%_Beach.jpg", "file_size": 5_000_000, "width": 800, "height": 1200, "taken_at": "2023-01-02"},
    {
        "filename": "clip.mp4",
        "file_type": "video",
        "mime_type": "video/mp4",
        "file_size": 90_000_000,
        "duration": 61.5,
        "taken_at": None,
    },
    {"filename": "img_4.png", "file_size": 20_000, "width": 500, "height": 500, "hidden": 1, "taken_at": None},
    {"filename": "broken.jpg", "file_size": 5_100_000, "processing_status": "failed", "error_kind": "permanent"},
    {"filename": "gone.jpg", "file_size": 1, "deleted_at": "2024-06-01"},
]
PLACES = {
    1: {"camera_make": "Canon", "camera_model": "Canon EOS 5D", "latitude": 52.52, "longitude": 13.405},
    2: {"camera_make": "Apple", "camera_model": "iPhone 12", "latitude": 48.1371, "longitude": 11.5754},
    3: {"latitude": -17.8, "longitude": 179.95},
}


@pytest.fixture
async def rows(database: Database) -> Database:
    """A library of one upload of each sort, all added on 2024-06-15."""
    for row in ROWS:
        upload_id = await insert_upload(UploadStore(database), str(row["filename"]))
        if row["filename"] != "broken.jpg":
            await complete(database, upload_id, "A dog runs on the beach.", ("dog", "golden retriever"))
    async with database.transaction() as connection:
        for number, row in enumerate(ROWS, 1):
            names = [name for name in row if name != "filename"]
            await connection.execute(
                f"UPDATE uploads SET width = NULL, height = NULL, created_at = '2024-06-15T10:00:00.000000+00:00',"
                f" metadata = ?, {', '.join(f'{name} = ?' for name in names)} WHERE number = ?",
                (json.dumps(PLACES.get(number, {})), *(row[name] for name in names), number),
            )
        await connection.execute("UPDATE uploads SET duplicate_group = 2 WHERE number IN (1, 2)")
        await connection.execute("INSERT INTO colours VALUES ('light blue', 1, 0.4), ('red', 2, 0.9)")
    return database


async def numbers(database: Database, text: str) -> list[int]:
    """Which uploads a line of filters leaves; each way to ask says the same."""
    store, query = FilterStore(database), parse_query(text)
    found = list((await store.matching(query, NOW)).numbers)
    assert sorted(await store.listed(query, NOW)) == found
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type:image", [1, 2, 5]),
        ("-type:image", [3]),
        ("type:mp4", [3]),
        ("type:jpg type:image", [1, 2, 5]),
        ("-type:jpeg", [3]),
        ("type:video is:hidden", []),
        ("is:hidden", [4]),
        ("-is:hidden", [1, 2, 3, 5]),
        ("status:failed", [5]),
        ("status:completed", [1, 2, 3]),
        ("is:failed", [5]),
        ("status:cancelled", []),
        ("status:waiting", []),
        ("is:portrait", [2]),
        ("is:landscape", [1]),
        ("-is:landscape", [2, 3, 5]),
        ("is:duplicate", [1, 2]),
        ("is:edited", []),
        ("tag:DOG", [1, 2, 3]),
        ('tag:"golden retriever"', [1, 2, 3]),
        ("tag:golden", []),
        ("tag:gold*", [1, 2, 3]),
        ("-tag:dog", [5]),
        ("name:IMG", [1]),
        ("name:100%_", [2]),
        ("name:_", [1, 2]),
        ("name:*.jpg -name:img*", [2, 5]),
        ("camera:eos", [1]),
        ('camera:"apple iphone"', [2]),
        ("-camera:canon", [2, 3, 5]),
        ("color:blue", [1]),
        ("color:red", [2]),
        ("size:>5MB", [3, 5]),
        ("size:5MB", [2, 5]),
        ("size:1MB..5MB", [1, 2]),
        ("width:>=800", [1, 2]),
        ("width:500", []),
        ("height:<3000", [2]),
        ("duration:>30s", [3]),
        ("duration:1m", [3]),
        ("duration:<30s", []),
        ("on:2024-06-30", [1]),
        ("on:yesterday", [1]),
        ("on:today", []),
        ("after:2024-06-30", [1]),
        ("after:7d", [1]),
        ("after:1m", [1, 3, 5]),
        ("on:2024-06", [1, 3, 5]),
        ("before:2024", [2]),
        ("-before:2024", [1, 3, 5]),
        ("before:99999y", []),
        ("near:52.5,13.4,10", [1]),
        ("near:52.5,13.4,600", [1, 2]),
        ("near:-17.8,-179.95,20", [3]),
        ("near:90,0,20000", [1, 2, 3]),
        ("-near:52.5,13.4,10", [2, 3, 5]),
        ("type:image name:img after:2024 size:<2MB", [1]),
    ],
)
async def test_filters_leave_what_they_say(rows: Database, text: str, expected: list[int]) -> None:
    assert await numbers(rows, text) == expected


STARRED = ("5* best", "5 of the best", "5\\* best", "5* BEST of all")


@pytest.mark.parametrize("name", STARRED)
async def test_a_name_with_a_star_in_it_is_found_alone(rows: Database, name: str) -> None:
    ids = [row[0] for row in await rows.fetch("SELECT id FROM uploads WHERE deleted_at IS NULL ORDER BY number")]
    tags = TagStore(rows)
    for upload_id, other in zip(ids, STARRED, strict=False):
        await tags.change([upload_id], albums=[other])
    expected = STARRED.index(name) + 1
    written = f"{TextFilter.exactly(TextField.TAG, name)} is:hidden" if expected == 4 else None
    assert await numbers(rows, written or str(TextFilter.exactly(TextField.TAG, name))) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'tag:"5\* best"', [1]),
        (r'tag:"5\**"', [1]),
        ('tag:"5* best"', [1, 2, 3]),
        (r'tag:"5\\\* best"', [3]),
        (r"name:a\*", [1]),
        ("name:a*", [1, 2]),
        (r"name:\*\*", []),
        (r"name:c\d", [3]),
    ],
)
async def test_a_star_can_be_written_as_itself(rows: Database, text: str, expected: list[int]) -> None:
    ids = [row[0] for row in await rows.fetch("SELECT id FROM uploads WHERE deleted_at IS NULL ORDER BY number")]
    for upload_id, tag in zip(ids, STARRED[:3], strict=False):
        await TagStore(rows).change([upload_id], albums=[tag])
    async with rows.transaction() as connection:
        for upload_id, name in zip(ids, ("a*b.jpg", "axb.jpg", "c\\d.jpg"), strict=False):
            await connection.execute("UPDATE uploads SET filename = ? WHERE id = ?", (name, upload_id))
    assert await numbers(rows, text) == expected


async def test_what_is_hidden_is_left_where_it_is_asked_for(rows: Database) -> None:
    found = await FilterStore(rows).matching(parse_query("type:image"), NOW, show_hidden=True)
    assert list(found.numbers) == [1, 2, 4, 5]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("newest", [1, 5, 3, 2]),
        ("oldest", [2, 3, 5, 1]),
        ("largest", [3, 5, 2, 1]),
        ("smallest", [1, 2, 5, 3]),
        ("name", [2, 5, 3, 1]),
        ("score", [1, 5, 3, 2]),
    ],
)
async def test_filters_list_in_an_order(rows: Database, sort: str, expected: list[int]) -> None:
    filters, query = FilterStore(rows), parse_query(f"size:>1 sort:{sort}")
    assert list(await filters.listed(query, NOW)) == expected
    assert query.sort is not None
    assert await filters.ordered(expected[::-1], query.sort) == expected


async def test_phrases_and_what_is_left_out_are_conditions_too(database: Database) -> None:
    for text in ("A red sofa stands here.", "A sofa, and a red cat.", "A blue sofa with cats."):
        await complete(database, await insert_upload(UploadStore(database), "x.jpg"), text, ())
    assert await numbers(database, '"red sofa"') == [1]
    assert await numbers(database, "-cat") == [1]
    assert await numbers(database, 'sofa -"red sofa" type:image') == [2, 3]


async def test_a_day_begins_at_midnight_of_the_clock(database: Database) -> None:
    await insert_upload(UploadStore(database))
    async with database.transaction() as connection:
        await connection.execute("UPDATE uploads SET created_at = '2024-06-30T23:30:00.000000+00:00'")
    filters, query = FilterStore(database), parse_query("on:today")
    for now, expected in (("2024-07-01T09:00+02:00", [1]), ("2024-07-01T09:00+00:00", [])):
        assert list((await filters.matching(query, datetime.fromisoformat(now))).numbers) == expected


async def test_what_is_remembered_of_a_filter_ends_with_a_change(rows: Database) -> None:
    filters, query = FilterStore(rows), parse_query("type:video")
    assert list((await filters.matching(query, NOW)).numbers) == [3]
    assert await filters.matching(query, NOW) is await filters.matching(query, NOW)
    await insert_upload(UploadStore(rows), "new.mp4", file_type=FileType.VIDEO)
    assert list((await filters.matching(query, NOW)).numbers) == [3, 7]


async def test_edited_descriptions_and_warnings_are_found(database: Database) -> None:
    ids = [await insert_upload(UploadStore(database)) for _ in range(2)]
    for upload_id in ids:
        await complete(database, upload_id)
    await DescriptionStore(database).edit(ids[1], "My own words about a dog in the snow.")
    assert await numbers(database, "status:waiting") == [2]
    await complete(database, ids[1])
    async with database.transaction() as connection:
        await connection.execute("UPDATE descriptions SET current = 0 WHERE upload = 2")
        await connection.execute("UPDATE descriptions SET current = 1 WHERE upload = 2 AND edited = 1")
        await connection.execute("UPDATE uploads SET warning = 'odd' WHERE number = 1")
    assert await numbers(database, "is:edited") == [2]
    assert await numbers(database, "status:warning") == [1]


async def test_cameras_are_told_with_their_use(rows: Database) -> None:
    filters = FilterStore(rows)
    assert await filters.cameras("", 8) == [("Apple iPhone 12", 1), ("Canon EOS 5D", 1)]
    assert await filters.cameras("eos", 8) == [("Canon EOS 5D", 1)]


async def test_words_are_looked_for_among_few_some_and_many(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fulltext, filters = FullText(database), FilterStore(database)
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.png"):
        await complete(database, await insert_upload(UploadStore(database), name), "A dog runs.", ())
    matching = await filters.matching(parse_query("name:.jpg"), NOW)
    for looked_up, handed_over in ((300, 20_000), (0, 20_000), (0, 0)):
        monkeypatch.setattr("vuemantics_tui.store.search._LOOKED_UP", looked_up)
        monkeypatch.setattr("vuemantics_tui.store.search._HANDED_OVER", handed_over)
        for word, half_typed in (("dogs", False), ("ru", True)):
            found = await fulltext.search([word], every=True, limit=9, half_typed=half_typed, matching=matching)
            assert sorted(found) == [1, 2, 3]


async def test_phrases_and_what_is_left_out_count_in_the_full_text(database: Database) -> None:
    fulltext = FullText(database)
    for text in ("A red kite flies.", "A kite, red and blue.", "A red kite on a table."):
        await complete(database, await insert_upload(UploadStore(database)), text, ())

    async def found(
        every: bool = True, phrases: Sequence[Sequence[str]] = (), excluded: Sequence[Sequence[str]] = ()
    ) -> list[int]:
        words = ["red", "kite"]
        return sorted(await fulltext.search(words, every=every, limit=9, phrases=phrases, excluded=excluded))

    assert await found() == [1, 2, 3]
    assert await found(phrases=[["red", "kite"]]) == [1, 3]
    assert await found(excluded=[["table"], ["red", "and", "blue"]]) == [1]
    assert await found(every=False, phrases=[["red", "kite"]], excluded=[["flies"]]) == [3]
    assert await found(excluded=[['fl"ies OR']]) == [1, 2, 3]


async def test_a_word_that_is_everywhere_is_ranked_among_the_newest(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vuemantics_tui.store.search.BOUND", 2)
    for _ in range(4):
        await complete(database, await insert_upload(UploadStore(database)), "A dog runs.", ())
    assert await FullText(database).search(["dog"], every=True, limit=9) == [4, 3]


async def test_tags_of_both_origins_are_found(rows: Database) -> None:
    upload = (await UploadStore(rows).by_numbers([5]))[0]
    await TagStore(rows).add([upload.id], ["Dog"])
    assert await numbers(rows, "tag:dog") == [1, 2, 3, 5]


async def test_distances_are_computed_off_the_loop(rows: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, computed = threading.get_ident(), set()
    distance = filters.distance

    def watched(*arguments: Any) -> float:
        computed.add(threading.get_ident())
        return distance(*arguments)

    monkeypatch.setattr(filters, "distance", watched)
    assert await numbers(rows, "near:52.5,13.4,600") == [1, 2]
    assert computed
    assert loop not in computed


async def test_raw_photos_and_animations_are_found(rows: Database) -> None:
    async with rows.transaction() as connection:
        for number, mime_type, metadata in (
            (1, "image/x-nikon-nef", "{}"),
            (2, "image/x-canon-cr3", "{}"),
            (3, "image/gif", '{"frames": 12}'),
            (5, "image/webp", "{}"),
        ):
            await connection.execute(
                "UPDATE uploads SET file_type = 'image', mime_type = ?, metadata = ? WHERE number = ?",
                (mime_type, metadata, number),
            )
    assert await numbers(rows, "type:raw") == [1, 2]
    assert await numbers(rows, "type:nef") == [1]
    assert await numbers(rows, "-type:raw") == [3, 5]
    assert await numbers(rows, "is:animated") == [3]
    assert await numbers(rows, "-is:animated") == [1, 2, 5]
