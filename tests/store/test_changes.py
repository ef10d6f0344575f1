"""The feed of changes, and what is forgotten of them: with two connections, as two windows have."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conftest import insert_upload
from tests.store.test_uploads import complete
from vuemantics_tui.store import changes as changes_module
from vuemantics_tui.store import uploads as uploads_module
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.history import EVENTS_KEPT, HistoryStore
from vuemantics_tui.store.queue import QueueStore
from vuemantics_tui.store.uploads import UploadStore


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


async def test_who_waits_is_woken_by_this_process_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_module, "LOOK_SECONDS", 3600.0)
    feed = ChangeFeed(database)
    await feed.skip_to_now()
    waiting = asyncio.create_task(feed.wait())
    await asyncio.sleep(0)
    await QueueStore(database).set_paused(True)
    changes = await asyncio.wait_for(waiting, 10)
    assert changes is not None
    assert (changes.changed, changes.deleted, changes.is_reset) == ((), (), False)
    assert await feed.wait(at_most=0) is None


async def test_who_waits_is_woken_by_another_process(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes_module, "ASK_SECONDS", 3600.0)
    feed = ChangeFeed(database)
    await feed.skip_to_now()
    waiting = asyncio.create_task(feed.wait())
    other = await Database.open(tmp_path / "library.db")
    await insert_upload(UploadStore(other))
    changes = await asyncio.wait_for(waiting, 10)
    await other.close()
    assert changes is not None
    assert changes.changed == (1,)


async def test_who_was_away_for_too_many_deletions_is_told_to_read_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads_module, "TOMBSTONES_KEPT", 2)
    store = UploadStore(database)
    ids = [await insert_upload(store) for _ in range(8)]
    feed, follower = ChangeFeed(database), ChangeFeed(database)
    await feed.skip_to_now()
    await follower.skip_to_now()
    for upload_id in ids[:2]:
        await store.delete([upload_id])
    changes = await follower.poll()
    assert changes is not None
    assert (changes.deleted, changes.is_reset) == ((1, 2), False)
    for upload_id in ids[2:4]:
        await store.delete([upload_id])
    assert len(await database.fetch("SELECT 1 FROM tombstones")) == 2
    changes = await follower.poll()
    assert changes is not None
    assert (changes.deleted, changes.is_reset) == ((3, 4), False)
    changes = await feed.poll()
    assert changes is not None
    assert changes.is_reset


async def test_a_long_history_keeps_its_beginning_and_its_end(database: Database) -> None:
    store, queue = UploadStore(database), QueueStore(database)
    upload_id = await insert_upload(store)
    await insert_upload(store, "other.jpg")
    for _ in range(EVENTS_KEPT):
        await queue.cancel([upload_id])
        await queue.requeue([upload_id])
    events = await HistoryStore(database).of(1)
    assert len(events) == EVENTS_KEPT + 1
    assert (events[0].kind, events[1].kind, events[-1].kind) == ("added", "cancelled", "retried")
    assert len(await HistoryStore(database).of(2)) == 1


async def test_the_latest_times_are_found_without_reading_the_whole_history(database: Database) -> None:
    await complete(database, await insert_upload(UploadStore(database)))
    assert await HistoryStore(database).embedding_median() == 0.1
    plan = await database.fetch(
        "EXPLAIN QUERY PLAN SELECT seconds FROM events WHERE kind = 'completed' AND seconds IS NOT NULL"
        " ORDER BY number DESC LIMIT 100"
    )
    assert [row["detail"] for row in plan] == ["SEARCH events USING COVERING INDEX events_by_kind (kind=?)"]
