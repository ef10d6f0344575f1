"""Rows, tombstones, the change feed and the full text; the order and the choice of what a list shows."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import insert_upload
from tests.doubles import GOOD_TEXT, vector_of
from vuemantics_tui.domain.description import Description, audit_description
from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.formats import FileType
from vuemantics_tui.domain.upload import ProcessingStage, ProcessingStatus
from vuemantics_tui.domain.view import SortKey, StatusFilter, View
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.queue import ClaimStore, QueueStore
from vuemantics_tui.store.runs import Failure, RunStore
from vuemantics_tui.store.search import FullText
from vuemantics_tui.store.tags import TagStore
from vuemantics_tui.store.uploads import UploadStore


async def complete(
    database: Database, upload_id: str, text: str = GOOD_TEXT, tags: tuple[str, ...] = ("cat",), read_text: str = ""
) -> None:
    """Take an upload through all stages, as the pipeline does."""
    claims, runs = ClaimStore(database, "someone"), RunStore(database)
    claim = await claims.claim(upload_id)
    assert claim is not None
    await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)
    description = Description(text, "scripted", "model", tags, read_text)
    number = await runs.finish_description(claim, description, audit_description(text), 0.1)
    vector = vector_of(text)
    await runs.complete(claim, number, "embedder", vector.tobytes(), 8, 0.1)


async def test_the_same_content_is_inserted_once(database: Database) -> None:
    store = UploadStore(database)
    await insert_upload(store, sha256="same")
    with pytest.raises(AssertionError):
        await insert_upload(store, "other name.jpg", sha256="same")
    assert len(await store.newest()) == 1


async def test_lists_are_newest_first_and_filtered(database: Database) -> None:
    store = UploadStore(database)
    for name in ("a", "b", "c"):
        await insert_upload(store, name)
    await insert_upload(store, "clip", file_type=FileType.VIDEO)
    assert [upload.filename for upload in await store.newest()] == ["clip", "c", "b", "a"]
    assert [upload.filename for upload in await store.newest(file_type=FileType.IMAGE, limit=2)] == ["c", "b"]
    assert await store.newest(status=ProcessingStatus.FAILED) == []


async def test_an_id_prefix_is_no_pattern(database: Database) -> None:
    store = UploadStore(database)
    await insert_upload(store, id="abcd-1")
    assert [upload.id for upload in await store.by_prefix("ABCD")] == ["abcd-1"]
    assert await store.by_prefix("%") == []
    assert await store.by_prefix("a_cd") == []


async def test_a_completed_upload_has_all_that_was_found(database: Database) -> None:
    store = UploadStore(database)
    upload_id = await insert_upload(store)
    await complete(database, upload_id)
    upload = await store.get(upload_id)
    assert upload is not None
    assert (upload.status, upload.stage, upload.progress_percent) == ("completed", "completed", 100)
    assert (upload.description, upload.tags, upload.description_audit_score) == (GOOD_TEXT, ("cat",), 100)
    assert upload.completed_at is not None
    assert await EmbeddingStore(database).count("embedder") == 1


async def test_what_is_deleted_leaves_a_tombstone_and_no_ghost(database: Database) -> None:
    store = UploadStore(database)
    upload_id = await insert_upload(store)
    await complete(database, upload_id)
    feed = ChangeFeed(database)
    await feed.skip_to_now()
    (deleted,) = await store.delete([upload_id, "not there"])
    changes = await feed.poll()
    assert changes is not None
    assert changes.deleted == (deleted.number,)
    for table in ("uploads", "descriptions", "embeddings", "events", "fulltext"):
        assert await database.fetch(f"SELECT 1 FROM {table}") == [], table
    await insert_upload(store)
    assert (await store.newest())[0].number > deleted.number


async def test_words_find_current_descriptions_and_names(database: Database) -> None:
    store, fulltext = UploadStore(database), FullText(database)
    first = await insert_upload(store, "holiday.jpg")
    await insert_upload(store, "tabby waiting.jpg")
    await complete(database, first, tags=("café",))
    waiting, number = [upload.number for upload in await store.newest()]
    assert set(await fulltext.search(["tabby"], every=True, limit=5)) == {number, waiting}
    assert await fulltext.search(["waiting"], every=True, limit=5) == [waiting]
    for word in ("rest", "holiday", "cafe", "SOFA"):
        assert await fulltext.search([word], every=True, limit=5) == [number], word
    assert await fulltext.search(["tabby", "zebra"], every=True, limit=5) == []
    assert await fulltext.search(["sofa", "zebra"], every=False, limit=5) == [number]
    for odd in ('"', "NEAR(", "*", "a OR b", "-x", "filename:"):
        await fulltext.search([odd], every=True, limit=5)


async def test_a_regenerate_keeps_the_old_description_findable_until_the_new_one_is_whole(database: Database) -> None:
    store, fulltext = UploadStore(database), FullText(database)
    upload_id = await insert_upload(store)
    await complete(database, upload_id)
    assert await QueueStore(database).requeue([upload_id]) == [upload_id]
    claims, runs = ClaimStore(database, "someone"), RunStore(database)
    claim = await claims.claim(upload_id)
    assert claim is not None
    await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)
    text = "A zebra stands in high yellow grass under a wide and nearly empty sky."
    await runs.finish_description(claim, Description(text, "s", "m"), audit_description(text), 0.1)
    await runs.fail(claim, Failure("AI processing failed: on purpose", ErrorKind.PERMANENT, ProcessingStage.INDEXING))
    upload = await store.get(upload_id)
    assert upload is not None
    assert (upload.status, upload.description, upload.regeneration_count) == ("failed", GOOD_TEXT, 1)
    assert await fulltext.search(["tabby"], every=True, limit=5) == [upload.number]
    assert await fulltext.search(["zebra"], every=True, limit=5) == []
    await QueueStore(database).requeue([upload_id])
    await complete(database, upload_id, text)
    assert await fulltext.search(["zebra"], every=True, limit=5) == [upload.number]
    assert await fulltext.search(["tabby"], every=True, limit=5) == []


async def test_only_what_has_ended_is_put_back(database: Database) -> None:
    store = UploadStore(database)
    assert await QueueStore(database).requeue([await insert_upload(store), "not there"]) == []


async def test_counts_and_pause(database: Database) -> None:
    store = UploadStore(database)
    await complete(database, await insert_upload(store))
    await insert_upload(store)
    await QueueStore(database).set_paused(True)
    counts = await QueueStore(database).counts()
    assert (counts.completed, counts.waiting, counts.running, counts.failed, counts.paused) == (1, 1, 0, 0, True)
    assert counts.total == 2


SHORT_TEXT = "A cat."


async def change(database: Database, number: int, column: str, value: object) -> None:
    """Give one upload another value, as a file's metadata would."""
    async with database.transaction() as connection:
        await connection.execute(f"UPDATE uploads SET {column} = ? WHERE number = ?", (value, number))


async def numbers(database: Database, view: View) -> list[int]:
    """The numbers that a view shows."""
    return list(await UploadStore(database).in_view(view))


async def test_names_regardless_of_case_and_equal_ones_newest_first(database: Database) -> None:
    store = UploadStore(database)
    for name in ("beach", "Apple", "apple", "Cat"):
        await insert_upload(store, name)
    assert await numbers(database, View(SortKey.NAME, descending=False)) == [3, 2, 1, 4]
    assert await numbers(database, View(SortKey.NAME)) == [4, 1, 3, 2]


async def test_sizes_both_ways(database: Database) -> None:
    store = UploadStore(database)
    for size in (20, 10, 30, 20):
        await insert_upload(store, file_size=size)
    assert await numbers(database, View(SortKey.SIZE)) == [3, 4, 1, 2]
    assert await numbers(database, View(SortKey.SIZE, descending=False)) == [2, 4, 1, 3]


async def test_without_a_date_last_both_ways(database: Database) -> None:
    store = UploadStore(database)
    for _ in range(4):
        await insert_upload(store)
    await change(database, 1, "taken_at", "2024-01-01T00:00:00")
    await change(database, 3, "taken_at", "2020-01-01T00:00:00")
    assert await numbers(database, View(SortKey.TAKEN)) == [1, 3, 4, 2]
    assert await numbers(database, View(SortKey.TAKEN, descending=False)) == [3, 1, 4, 2]


async def test_quality_is_that_of_the_current_description(database: Database) -> None:
    store = UploadStore(database)
    good, bad = await insert_upload(store), await insert_upload(store)
    await insert_upload(store)
    await complete(database, good)
    await complete(database, bad, SHORT_TEXT)
    assert await numbers(database, View(SortKey.QUALITY)) == [1, 2, 3]
    assert await numbers(database, View(SortKey.QUALITY, descending=False)) == [2, 1, 3]
    await QueueStore(database).requeue([good, bad])
    await complete(database, good, SHORT_TEXT)
    await complete(database, bad)
    assert await numbers(database, View(SortKey.QUALITY)) == [2, 1, 3]


async def test_statuses_sorted_and_filtered(database: Database) -> None:
    store = UploadStore(database)
    waiting, running, failed, fine, warned = [await insert_upload(store) for _ in range(5)]
    await complete(database, fine)
    await complete(database, warned)
    await change(database, 5, "warning", "no thumbnail")
    await QueueStore(database).cancel([failed])
    claims = ClaimStore(database, "me")
    claim = await claims.claim(running)
    assert claim is not None
    await RunStore(database).advance(claim, ProcessingStage.THUMBNAIL)
    assert await numbers(database, View(SortKey.STATUS, descending=False)) == [2, 1, 3, 5, 4]
    assert await numbers(database, View(SortKey.STATUS)) == [5, 4, 3, 1, 2]
    shown = {status: await numbers(database, View(status=status)) for status in StatusFilter}
    assert shown == {"waiting": [1], "running": [2], "completed": [5, 4], "failed": [3], "warning": [5]}
    assert waiting


async def test_conditions_hold_together_and_among_what_a_search_found(database: Database) -> None:
    store = UploadStore(database)
    ids = [await insert_upload(store) for _ in range(4)]
    for number, rating in ((1, 2), (2, 5), (3, -1)):
        await change(database, number, "rating", rating)
    await change(database, 4, "duration", 3.5)
    await TagStore(database).add(ids[:1], ["beach"])
    assert await numbers(database, View(SortKey.RATING)) == [2, 1, 3, 4]
    assert await numbers(database, View(SortKey.DURATION)) == [4, 3, 2, 1]
    assert await numbers(database, View(SortKey.RATING, rated=True)) == [2, 1]
    assert await numbers(database, View(untagged=True)) == [4, 3, 2]
    assert await numbers(database, View(rated=True, untagged=True)) == [2]
    assert await numbers(database, View(with_text=True)) == []
    await store.set_hidden(ids[1:2], True)
    assert list(await store.in_view(View(SortKey.RATING, rated=True), among=[3, 2, 1])) == [2, 1]


async def test_hidden_and_type_hold_in_every_order(database: Database) -> None:
    store = UploadStore(database)
    ids = [await insert_upload(store, file_type=kind) for kind in (FileType.IMAGE, FileType.VIDEO) * 2]
    await UploadStore(database).set_hidden(ids[:1], True)
    for sort, descending in itertools.product(SortKey, (True, False)):
        assert set(await numbers(database, View(sort, descending))) == {2, 3, 4}
        assert set(await numbers(database, View(sort, descending, show_hidden=True))) == {1, 2, 3, 4}
        assert set(await numbers(database, View(sort, descending, file_type=FileType.IMAGE))) == {3}
    assert [upload.number for upload in await store.newest()] == [4, 3, 2]
    assert [upload.number for upload in await store.newest(show_hidden=True)] == [4, 3, 2, 1]


async def test_no_order_reads_the_rows_or_sorts_them_all(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps 100,000 uploads within a blink, told by SQLite's own plan instead of by a clock."""
    plans: list[str] = []

    async def explain(sql: str, parameters: Sequence[object] = ()) -> array[int]:
        rows = await database.fetch(f"EXPLAIN QUERY PLAN {sql}", parameters)
        plans.append("; ".join(row["detail"] for row in rows))
        return array("q")

    monkeypatch.setattr(database, "fetch_integers", explain)
    for sort, descending in itertools.product(SortKey, (True, False)):
        await numbers(database, View(sort, descending))
    assert all("USING COVERING INDEX" in plan for plan in plans)
    # The few statuses are sorted as integers, all the rest comes in the order of its index.
    assert sum("TEMP B-TREE FOR ORDER BY" in plan for plan in plans) == 2


async def test_what_runs_newest_first_and_nothing_else(database: Database) -> None:
    store, claims = UploadStore(database), ClaimStore(database, "me")
    ids = [await insert_upload(store, f"{number}.jpg") for number in range(4)]
    for upload_id in ids[:3]:
        claim = await claims.claim(upload_id)
        assert claim is not None
        await RunStore(database).advance(claim, ProcessingStage.THUMBNAIL)
    await QueueStore(database).cancel([ids[1]])
    assert list(await UploadStore(database).running()) == [3, 1]


async def test_hiding_counts_what_changed_and_is_seen_elsewhere(database: Database, tmp_path: Path) -> None:
    store = UploadStore(database)
    ids = [await insert_upload(store) for _ in range(3)]
    elsewhere = await Database.open(tmp_path / "library.db")
    feed = ChangeFeed(elsewhere)
    await feed.skip_to_now()
    assert await store.set_hidden(ids[:2], True) == 2
    assert await store.set_hidden(ids, True) == 1
    assert await store.set_hidden([ids[0]], False) == 1
    changes = await feed.poll()
    await elsewhere.close()
    assert changes is not None
    assert set(changes.changed) == {1, 2, 3}
    counts = await QueueStore(database).counts()
    assert (counts.hidden, counts.total) == (2, 3)


async def test_more_than_one_statement_takes_are_hidden_at_once(database: Database) -> None:
    ids = [await insert_upload(UploadStore(database)) for _ in range(501)]
    assert await UploadStore(database).set_hidden(ids, True) == 501
