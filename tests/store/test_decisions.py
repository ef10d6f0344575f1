"""Cancelling, hiding, putting first: seen by all, and never in a running upload's way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conftest import insert_upload
from tests.store.test_uploads import complete
from vuemantics_tui.domain.upload import ProcessingStage
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.claims import ClaimStore
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.decisions import DecisionStore
from vuemantics_tui.store.events import EventStore
from vuemantics_tui.store.runs import ClaimLostError, RunStore
from vuemantics_tui.store.uploads import UploadStore


async def test_what_waits_or_runs_ends_as_cancelled_and_can_be_retried(database: Database, tmp_path: Path) -> None:
    store = UploadStore(database)
    done, running, waiting = [await insert_upload(store) for _ in range(3)]
    await complete(database, done)
    elsewhere = await Database.open(tmp_path / "library.db")
    try:
        theirs = ClaimStore(elsewhere, "they")
        claim = await theirs.claim(running)
        assert claim is not None
        await RunStore(elsewhere).advance(claim, ProcessingStage.VISION_ANALYSIS)
        feed = ChangeFeed(elsewhere)
        await feed.skip_to_now()
        ended = await DecisionStore(database).cancel([done, running, waiting, waiting, "gone"])
        assert {run.upload_id: run.token for run in ended} == {running: claim.token, waiting: None}
        changes = await feed.poll()
        assert changes is not None
        assert set(changes.changed) == {2, 3}
        with pytest.raises(ClaimLostError):
            await RunStore(elsewhere).advance(claim, ProcessingStage.DESCRIPTION_AUDIT)
        assert await theirs.claim_next() is None
    finally:
        await elsewhere.close()
    upload = await store.get(running)
    assert upload is not None
    assert (upload.status, upload.word, upload.error_message, upload.hint) == (
        "failed",
        "cancelled",
        "Cancelled",
        None,
    )
    assert upload.error_stage is ProcessingStage.VISION_ANALYSIS
    assert (await EventStore(database).of(upload.number))[-1].kind == "cancelled"
    assert await store.requeue([running]) == [running]


async def test_cancelling_against_completing_only_one_wins(database: Database, tmp_path: Path) -> None:
    store = UploadStore(database)
    ids = [await insert_upload(store) for _ in range(10)]
    elsewhere = await Database.open(tmp_path / "library.db")
    try:
        outcomes = await asyncio.gather(
            *(complete(elsewhere, upload_id) for upload_id in ids),
            *(DecisionStore(database).cancel([upload_id]) for upload_id in ids),
            return_exceptions=True,
        )
    finally:
        await elsewhere.close()
    for index, upload_id in enumerate(ids):
        upload = await store.get(upload_id)
        assert upload is not None
        assert bool(outcomes[10 + index]) == (upload.status == "failed")
        assert (upload.description is not None) or upload.status == "failed"


async def test_these_next_and_the_last_asked_for_first(database: Database) -> None:
    store, decisions = UploadStore(database), DecisionStore(database)
    ids = [await insert_upload(store) for _ in range(5)]
    done = await insert_upload(store)
    await complete(database, done)
    assert await decisions.run_next([ids[4], ids[2], done]) == 2
    assert await decisions.run_next([ids[3]]) == 1
    claims = ClaimStore(database, "me")
    order = [await claims.claim_next() for _ in range(5)]
    assert [claim and claim.number for claim in order] == [4, 3, 5, 1, 2]


async def test_hiding_counts_what_changed_and_is_seen_elsewhere(database: Database, tmp_path: Path) -> None:
    store, decisions = UploadStore(database), DecisionStore(database)
    ids = [await insert_upload(store) for _ in range(3)]
    elsewhere = await Database.open(tmp_path / "library.db")
    feed = ChangeFeed(elsewhere)
    await feed.skip_to_now()
    assert await decisions.set_hidden(ids[:2], True) == 2
    assert await decisions.set_hidden(ids, True) == 1
    assert await decisions.set_hidden([ids[0]], False) == 1
    changes = await feed.poll()
    await elsewhere.close()
    assert changes is not None
    assert set(changes.changed) == {1, 2, 3}
    counts = await store.counts()
    assert (counts.hidden, counts.total) == (2, 3)


async def test_more_than_one_statement_takes_are_hidden_at_once(database: Database) -> None:
    ids = [await insert_upload(UploadStore(database)) for _ in range(501)]
    assert await DecisionStore(database).set_hidden(ids, True) == 501
