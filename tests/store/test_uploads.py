"""Rows, tombstones, the change feed and the full text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import insert_upload
from tests.doubles import GOOD_TEXT, vector_of
from vuemantics_tui.domain.description import Description, audit_description
from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.media import FileType
from vuemantics_tui.domain.upload import ProcessingStage, ProcessingStatus
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.claims import ClaimStore
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.fulltext import FullText
from vuemantics_tui.store.runs import Failure, RunStore
from vuemantics_tui.store.uploads import UploadStore


async def complete(database: Database, upload_id: str, text: str = GOOD_TEXT, tags: tuple[str, ...] = ("cat",)) -> None:
    """Take an upload through all stages, as the pipeline does."""
    claims, runs = ClaimStore(database, "someone"), RunStore(database)
    claim = await claims.claim(upload_id)
    assert claim is not None
    await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)
    description = Description(text, "scripted", "model", tags)
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


async def test_the_feed_tells_each_change_once_whoever_made_it(database: Database, tmp_path: Path) -> None:
    feed = ChangeFeed(database)
    await feed.skip_to_now()
    assert await feed.poll() is None
    other = await Database.open(tmp_path / "library.db")
    upload_id = await insert_upload(UploadStore(other))
    await other.close()
    changes = await feed.poll()
    upload = await UploadStore(database).get(upload_id)
    assert changes is not None
    assert upload is not None
    assert changes.changed == (upload.number,)
    assert await feed.poll() is None


async def test_words_find_what_has_a_current_description(database: Database) -> None:
    store, fulltext = UploadStore(database), FullText(database)
    first = await insert_upload(store, "holiday.jpg")
    await insert_upload(store, "tabby waiting.jpg")
    await complete(database, first, tags=("café",))
    number = (await store.newest())[1].number
    for word in ("tabby", "rest", "holiday", "cafe", "SOFA"):
        assert await fulltext.search([word], every=True, limit=5) == [number], word
    assert await fulltext.search(["tabby", "zebra"], every=True, limit=5) == []
    assert await fulltext.search(["tabby", "zebra"], every=False, limit=5) == [number]
    for odd in ('"', "NEAR(", "*", "a OR b", "-x", "filename:"):
        await fulltext.search([odd], every=True, limit=5)


async def test_a_regenerate_keeps_the_old_description_findable_until_the_new_one_is_whole(database: Database) -> None:
    store, fulltext = UploadStore(database), FullText(database)
    upload_id = await insert_upload(store)
    await complete(database, upload_id)
    assert await store.requeue([upload_id]) == [upload_id]
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
    await store.requeue([upload_id])
    await complete(database, upload_id, text)
    assert await fulltext.search(["zebra"], every=True, limit=5) == [upload.number]
    assert await fulltext.search(["tabby"], every=True, limit=5) == []


async def test_only_what_has_ended_is_put_back(database: Database) -> None:
    store = UploadStore(database)
    assert await store.requeue([await insert_upload(store), "not there"]) == []


async def test_counts_and_pause(database: Database) -> None:
    store = UploadStore(database)
    await complete(database, await insert_upload(store))
    await insert_upload(store)
    await store.set_paused(True)
    counts = await store.counts()
    assert (counts.completed, counts.waiting, counts.running, counts.failed, counts.paused) == (1, 1, 0, 0, True)
    assert counts.total == 2
