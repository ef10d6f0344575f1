"""The queue, with the clock under control: claims and leases, what failed, what a person decides."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conftest import insert_upload
from tests.store.test_uploads import complete
from vuemantics_tui.domain.description import Description, audit_description
from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.domain.upload import ProcessingStage, ProcessingStatus, Upload
from vuemantics_tui.store.changes import ChangeFeed
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.history import HistoryStore
from vuemantics_tui.store.queue import (
    ALONE_AGAIN_SECONDS,
    GUILTY_AFTER,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    SUSPECT_AFTER,
    ClaimStore,
    Fate,
    QueueStore,
)
from vuemantics_tui.store.runs import Claim, ClaimLostError, Failure, RunStore
from vuemantics_tui.store.uploads import UploadStore

FAILURE = Failure("Processing failed: on purpose", ErrorKind.PERMANENT, ProcessingStage.THUMBNAIL, "Do this.")
BUSY = Failure("AI processing failed: 503", ErrorKind.TRANSIENT, ProcessingStage.VISION_ANALYSIS, "Wait.")
MISSING = Failure(
    "AI processing failed: model 'eyes:3b' not found",
    ErrorKind.PERMANENT,
    ProcessingStage.VISION_ANALYSIS,
    "Run: ollama pull eyes:3b",
    "eyes:3b",
)


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def nobody(_owner: str) -> Fate:
    """Nobody is dead."""
    return Fate.ALIVE


def the_dead(owner: str) -> Fate:
    """Only the one who is called so is dead."""
    return Fate.DIED if owner == "dead" else Fate.ALIVE


async def taken(claims: ClaimStore) -> Claim:
    """Claim the next one, which must be there."""
    claim = await claims.claim_next()
    assert claim is not None
    return claim


async def the(store: UploadStore, upload_id: str) -> Upload:
    """Get an upload, which must be there."""
    upload = await store.get(upload_id)
    assert upload is not None
    return upload


async def test_by_priority_then_age(database: Database) -> None:
    store = UploadStore(database)
    first, second, urgent = [await insert_upload(store) for _ in range(3)]
    async with database.transaction() as connection:
        await connection.execute("UPDATE uploads SET priority = 1 WHERE id = ?", (urgent,))
    claims = ClaimStore(database, "me")
    assert [(await taken(claims)).upload_id for _ in range(3)] == [urgent, first, second]
    assert await claims.claim_next() is None


async def test_no_upload_is_claimed_twice(database: Database, tmp_path: Path) -> None:
    store = UploadStore(database)
    for _ in range(20):
        await insert_upload(store)
    other = await Database.open(tmp_path / "library.db")
    mine, theirs = ClaimStore(database, "me"), ClaimStore(other, "they")
    claims = await asyncio.gather(*(who.claim_next() for _ in range(15) for who in (mine, theirs)))
    await other.close()
    got = [claim.upload_id for claim in claims if claim]
    assert len(got) == len(set(got)) == 20


async def test_a_paused_queue_gives_nothing_but_what_is_asked_for_by_name(database: Database) -> None:
    store, claims = UploadStore(database), ClaimStore(database, "me")
    upload_id = await insert_upload(store)
    await QueueStore(database).set_paused(True)
    assert await claims.claim_next() is None
    assert await claims.claim(upload_id) is not None
    assert await claims.claim(upload_id) is None


async def test_a_claimed_upload_still_waits_until_its_first_stage(database: Database) -> None:
    runs = RunStore(database)
    store, claims = UploadStore(database), ClaimStore(database, "me")
    upload_id = await insert_upload(store)
    claim = await taken(claims)
    assert (await the(store, upload_id)).word == "waiting"
    await runs.advance(claim, ProcessingStage.THUMBNAIL)
    upload = await the(store, upload_id)
    assert (upload.status, upload.stage, upload.progress_percent) == ("analyzing", "thumbnail", 5)


async def test_a_lease_that_ends_is_taken_over_and_the_late_writer_writes_nothing(database: Database) -> None:
    runs = RunStore(database)
    store, clock = UploadStore(database), Clock()
    upload_id = await insert_upload(store)
    late, other = ClaimStore(database, "late", clock), ClaimStore(database, "other", clock)
    claim = await taken(late)
    await runs.advance(claim, ProcessingStage.THUMBNAIL)
    clock.now += LEASE_SECONDS - 1
    assert await other.take_over(nobody) == 0
    clock.now += 2
    assert await other.take_over(nobody) == 1
    assert (await the(store, upload_id)).status is ProcessingStatus.PENDING
    again = await taken(other)
    with pytest.raises(ClaimLostError):
        await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)
    with pytest.raises(ClaimLostError):
        await runs.fail(claim, FAILURE)
    await runs.advance(again, ProcessingStage.THUMBNAIL)


async def test_a_renewed_lease_holds(database: Database) -> None:
    clock = Clock()
    await insert_upload(UploadStore(database))
    mine, other = ClaimStore(database, "me", clock), ClaimStore(database, "other", clock)
    claim = await taken(mine)
    for _ in range(5):
        clock.now += LEASE_SECONDS - 1
        await mine.renew([claim.token])
    assert await other.take_over(nobody) == 0


async def test_the_dead_are_taken_over_at_once_and_the_living_never(database: Database) -> None:
    store = UploadStore(database)
    left, held = await insert_upload(store), await insert_upload(store)
    await taken(ClaimStore(database, "dead"))
    await taken(ClaimStore(database, "alive"))
    assert await ClaimStore(database, "me").take_over(the_dead) == 1
    assert (await taken(ClaimStore(database, "me"))).upload_id == left
    assert await ClaimStore(database, "me").claim(held) is None


async def test_whatever_becomes_of_the_owner_costs_no_attempt(database: Database) -> None:
    store, clock = UploadStore(database), Clock()
    upload_id = await insert_upload(store)
    other, me = ClaimStore(database, "other", clock), ClaimStore(database, "me", clock)
    for fate in (Fate.ALIVE, Fate.RESTARTED) * MAX_ATTEMPTS:
        claim = await taken(other)
        await RunStore(database).advance(claim, ProcessingStage.VISION_ANALYSIS)
        clock.now += LEASE_SECONDS + 1
        assert await me.take_over({"other": fate}.__getitem__) == 1
    upload = await the(store, upload_id)
    assert (upload.status, upload.attempts) == ("pending", 0)
    assert not (await taken(me)).is_suspect


async def test_the_own_claims_are_never_taken_over(database: Database) -> None:
    clock = Clock()
    await insert_upload(UploadStore(database))
    me = ClaimStore(database, "me", clock)
    claim = await taken(me)
    clock.now += 1000 * LEASE_SECONDS
    assert await me.take_over(nobody) == 0
    await RunStore(database).advance(claim, ProcessingStage.THUMBNAIL)


async def dies_at(database: Database, stage: ProcessingStage, clock: Clock, *, is_alone: bool = False) -> str | None:
    """Claim the next one, and die while it is in a stage; returns its ID."""
    dead = ClaimStore(database, "dead", clock)
    claim = await dead.claim_next() or (await dead.claim_suspect() if is_alone else None)
    if claim is None:
        return None
    if stage is not ProcessingStage.QUEUED:
        await RunStore(database).advance(claim, stage)
    await ClaimStore(database, "me", clock).take_over(the_dead)
    return claim.upload_id


async def test_who_was_at_work_each_time_the_program_died_runs_alone_and_last(database: Database) -> None:
    store, clock = UploadStore(database), Clock()
    suspect = await insert_upload(store)
    for _ in range(SUSPECT_AFTER):
        assert await dies_at(database, ProcessingStage.VISION_ANALYSIS, clock) == suspect
    assert await dies_at(database, ProcessingStage.VISION_ANALYSIS, clock) is None
    other = await insert_upload(store)
    me = ClaimStore(database, "me", clock)
    claim = await me.claim_next()
    assert claim is not None
    assert (claim.upload_id, claim.is_suspect) == (other, False)
    assert await me.claim_next() is None
    claim = await me.claim_suspect()
    assert claim is not None
    assert (claim.upload_id, claim.is_suspect, claim.attempts) == (suspect, True, 1)


async def test_who_only_waited_for_its_turn_is_no_suspect(database: Database) -> None:
    clock = Clock()
    upload_id = await insert_upload(UploadStore(database))
    for _ in range(5):
        assert await dies_at(database, ProcessingStage.QUEUED, clock) == upload_id


async def test_an_upload_that_kills_the_program_alone_each_time_fails(database: Database) -> None:
    store, clock = UploadStore(database), Clock()
    upload_id = await insert_upload(store)
    deaths = 0
    while (await the(store, upload_id)).status is not ProcessingStatus.FAILED:
        deaths += await dies_at(database, ProcessingStage.VISION_ANALYSIS, clock, is_alone=True) is not None
        clock.now += 3600
        assert deaths < 50
    assert deaths == SUSPECT_AFTER + GUILTY_AFTER
    upload = await the(store, upload_id)
    assert f"{GUILTY_AFTER} times" in (upload.error_message or "")
    assert upload.hint
    await QueueStore(database).requeue([upload_id])
    claim = await ClaimStore(database, "me", clock).claim_suspect()
    assert claim is not None
    assert claim.is_suspect, "a retry runs alone, too"


async def test_a_suspect_leaves_time_to_use_the_program_and_is_cleared_when_it_completes(database: Database) -> None:
    store, clock = UploadStore(database), Clock()
    upload_id = await insert_upload(store)
    for _ in range(SUSPECT_AFTER + 1):
        assert await dies_at(database, ProcessingStage.THUMBNAIL, clock, is_alone=True) == upload_id
    assert await dies_at(database, ProcessingStage.THUMBNAIL, clock, is_alone=True) is None
    clock.now += ALONE_AGAIN_SECONDS + 1
    await complete(database, upload_id)
    await QueueStore(database).requeue([upload_id])
    assert not (await taken(ClaimStore(database, "me", clock))).is_suspect


async def test_what_is_stopped_waits_again_as_if_it_had_never_begun(database: Database) -> None:
    runs = RunStore(database)
    store, claims = UploadStore(database), ClaimStore(database, "me")
    upload_id = await insert_upload(store)
    await runs.advance(await taken(claims), ProcessingStage.THUMBNAIL)
    await claims.release_all()
    upload = await the(store, upload_id)
    assert (upload.status, upload.stage, upload.progress_percent, upload.attempts) == ("pending", "queued", 0, 0)
    assert await claims.claim(upload_id) is not None


async def test_an_end_is_never_overwritten(database: Database) -> None:
    runs = RunStore(database)
    store, claims = UploadStore(database), ClaimStore(database, "me")
    upload_id = await insert_upload(store)
    claim = await taken(claims)
    await runs.fail(claim, FAILURE)
    for write in (
        runs.advance(claim, ProcessingStage.THUMBNAIL),
        runs.fail(claim, Failure("other", ErrorKind.TRANSIENT, ProcessingStage.INDEXING)),
        runs.complete(claim, 1, "model", b"", 0, 0.0),
    ):
        with pytest.raises(ClaimLostError):
            await write
    upload = await the(store, upload_id)
    assert (upload.error_message, upload.error_stage, upload.hint) == (FAILURE.message, "thumbnail", "Do this.")


async def test_a_failure_keeps_the_percentage_that_was_reached(database: Database) -> None:
    runs = RunStore(database)
    store, claims = UploadStore(database), ClaimStore(database, "me")
    upload_id = await insert_upload(store)
    claim = await taken(claims)
    await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)
    await runs.fail(claim, FAILURE)
    assert (await the(store, upload_id)).progress_percent == 20


async def test_a_write_for_a_deleted_upload_leaves_nothing(database: Database) -> None:
    runs = RunStore(database)
    store, claims = UploadStore(database), ClaimStore(database, "me")
    upload_id = await insert_upload(store)
    claim = await taken(claims)
    await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)
    await store.delete([upload_id])
    description = Description("text", "a", "m")
    with pytest.raises(ClaimLostError):
        await runs.finish_description(claim, description, audit_description("text"), 0.0)
    with pytest.raises(ClaimLostError):
        await runs.finish_thumbnail(
            claim,
            ProcessingStage.VISION_ANALYSIS,
            thumbnail_path="t",
            warning=None,
            metadata=MediaMetadata(),
            seconds=0.0,
        )
    assert await database.fetch("SELECT 1 FROM descriptions UNION ALL SELECT 1 FROM events") == []


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
        ended = await QueueStore(database).cancel([done, running, waiting, waiting, "gone"])
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
    assert (await HistoryStore(database).of(upload.number))[-1].kind == "cancelled"
    assert await QueueStore(database).requeue([running]) == [running]


async def test_cancelling_against_completing_only_one_wins(database: Database, tmp_path: Path) -> None:
    store = UploadStore(database)
    ids = [await insert_upload(store) for _ in range(10)]
    elsewhere = await Database.open(tmp_path / "library.db")
    try:
        outcomes = await asyncio.gather(
            *(complete(elsewhere, upload_id) for upload_id in ids),
            *(QueueStore(database).cancel([upload_id]) for upload_id in ids),
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
    store, decisions = UploadStore(database), QueueStore(database)
    ids = [await insert_upload(store) for _ in range(5)]
    done = await insert_upload(store)
    await complete(database, done)
    assert await decisions.run_next([ids[4], ids[2], done]) == 2
    assert await decisions.run_next([ids[3]]) == 1
    claims = ClaimStore(database, "me")
    order = [await claims.claim_next() for _ in range(5)]
    assert [claim and claim.number for claim in order] == [4, 3, 5, 1, 2]


async def test_one_reason_one_group_the_largest_first(database: Database) -> None:
    store, claims, runs = UploadStore(database), ClaimStore(database, "me"), RunStore(database)
    failures = QueueStore(database)
    assert await failures.failure_groups() == []
    ids = [await insert_upload(store) for _ in range(5)]
    for failure in (BUSY, MISSING, MISSING):
        await runs.fail(await taken(claims), failure)
    await QueueStore(database).cancel([ids[3]])
    missing, busy = await failures.failure_groups()
    assert (missing.message, missing.hint, missing.kind) == (MISSING.message, MISSING.hint, ErrorKind.PERMANENT)
    assert (missing.missing_model, missing.numbers) == ("eyes:3b", (3, 2))
    assert [each.id for each in missing.uploads] == [ids[2], ids[1]]
    assert (busy.message, busy.kind, busy.missing_model, busy.count) == (BUSY.message, ErrorKind.TRANSIENT, "", 1)
    assert [each.id for each in await failures.failed_for(missing.cause)] == ids[1:3]
    assert await failures.failed_for("Cancelled") == []
    await QueueStore(database).requeue(ids[1:3])
    assert [group.message for group in await failures.failure_groups()] == [BUSY.message]
    upload = await store.get(ids[1])
    assert upload is not None
    assert upload.missing_model == ""
