"""What a run writes: retries, stepping back, resuming, and whose vectors stay."""

from __future__ import annotations

import pytest

from tests.conftest import insert_upload
from tests.doubles import GOOD_TEXT, vector_of
from tests.store.test_queue import BUSY, Clock, taken, the
from vuemantics_tui.domain.description import Description, audit_description
from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.media import MediaMetadata
from vuemantics_tui.domain.upload import ProcessingStage, ProcessingStatus
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.descriptions import DescriptionStore
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.history import HistoryStore
from vuemantics_tui.store.queue import ClaimStore, Fate, QueueStore
from vuemantics_tui.store.runs import Claim, ClaimLostError, Failure, RunStore
from vuemantics_tui.store.search import FullText
from vuemantics_tui.store.uploads import UploadStore

ZEBRA = "A zebra stands in high yellow grass under a wide and nearly empty sky."
NAN = Failure("AI processing failed: NaN", ErrorKind.PERMANENT, ProcessingStage.EMBEDDING_GENERATION)


async def describe(database: Database, claim: Claim, text: str = GOOD_TEXT) -> int:
    """Take a claimed upload as far as its description; returns the description's number."""
    runs = RunStore(database)
    await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)
    description = Description(text, "scripted", "eyes", ("cat",), labels={"cat": 0.9})
    return await runs.finish_description(claim, description, audit_description(text), 0.1)


async def embed(database: Database, claim: Claim, number: int, model: str = "words") -> None:
    """Take an upload whose description is there to its end."""
    runs = RunStore(database)
    await runs.advance(claim, ProcessingStage.EMBEDDING_GENERATION)
    await runs.complete(claim, number, model, vector_of(str(number)).tobytes(), 8, 0.1)


async def models_of(database: Database) -> list[str]:
    """The models of which upload 1 has a vector."""
    return [row[0] for row in await database.fetch("SELECT model FROM embeddings WHERE upload = 1 ORDER BY model")]


async def test_what_is_to_be_tried_again_waits_until_then_and_does_not_hold_up_others(database: Database) -> None:
    store, clock = UploadStore(database), Clock()
    claims, runs = ClaimStore(database, "me", clock), RunStore(database, clock)
    first, second = await insert_upload(store), await insert_upload(store)
    claim = await taken(claims)
    assert (claim.upload_id, claim.attempts) == (first, 1)
    await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)
    await runs.try_again(claim, BUSY, 4.0)
    upload = await the(store, first)
    assert (upload.word, upload.attempts, upload.retry_at) == ("waiting", 1, clock.now + 4)
    assert (upload.error_message, upload.error_stage, upload.hint) == (BUSY.message, "vision_analysis", "Wait.")
    event = (await HistoryStore(database).of(claim.number))[-1]
    assert (event.kind, event.message) == ("trying again", f"in 4 s: {BUSY.message}")
    assert (await taken(claims)).upload_id == second
    clock.now += 3.9
    assert await claims.claim_next() is None
    clock.now += 0.1
    claim = await taken(claims)
    assert (claim.upload_id, claim.attempts) == (first, 2)
    upload = await the(store, first)
    assert (upload.error_message, upload.hint, upload.retry_at) == (None, None, None)


async def test_a_retry_by_hand_or_this_next_makes_it_due_at_once(database: Database) -> None:
    store, clock = UploadStore(database), Clock()
    claims, runs = ClaimStore(database, "me", clock), RunStore(database, clock)
    upload_id = await insert_upload(store)
    await runs.try_again(await taken(claims), BUSY, 60.0)
    assert await QueueStore(database).requeue([upload_id]) == [upload_id]
    upload = await the(store, upload_id)
    assert (upload.attempts, upload.retry_at, upload.error_message) == (0, None, None)
    claim = await taken(claims)
    assert await QueueStore(database).requeue([upload_id]) == [], "it runs"
    await runs.try_again(claim, BUSY, 60.0)
    assert await claims.claim_next() is None
    assert await QueueStore(database).run_next([upload_id]) == 1
    await taken(claims)


async def test_stepping_back_costs_no_attempt(database: Database) -> None:
    store, claims, runs = UploadStore(database), ClaimStore(database, "me"), RunStore(database)
    upload_id = await insert_upload(store)
    claim = await taken(claims)
    await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)
    await runs.step_back(claim, "the server is away")
    upload = await the(store, upload_id)
    assert (upload.status, upload.stage, upload.attempts, upload.retry_at) == ("pending", "queued", 0, None)
    event = (await HistoryStore(database).of(1))[-1]
    assert (event.kind, event.message) == ("put back", "the server is away")
    assert (await taken(claims)).attempts == 1


async def test_neither_is_written_for_what_was_cancelled_meanwhile(database: Database) -> None:
    store, claims, runs = UploadStore(database), ClaimStore(database, "me"), RunStore(database)
    upload_id = await insert_upload(store)
    claim = await taken(claims)
    await QueueStore(database).cancel([upload_id])
    with pytest.raises(ClaimLostError):
        await runs.try_again(claim, BUSY, 2.0)
    with pytest.raises(ClaimLostError):
        await runs.step_back(claim, "away")
    with pytest.raises(ClaimLostError):
        await runs.describe_again(claim, ProcessingStage.VISION_ANALYSIS, audit_description("cat"))
    assert (await the(store, upload_id)).word == "cancelled"


async def test_a_run_that_waits_for_a_slot_is_told_as_waiting_and_still_held(database: Database) -> None:
    store, claims, runs = UploadStore(database), ClaimStore(database, "me"), RunStore(database)
    upload_id = await insert_upload(store)
    claim = await taken(claims)
    await runs.advance(claim, ProcessingStage.THUMBNAIL)
    await runs.advance(claim, ProcessingStage.QUEUED)
    assert (await the(store, upload_id)).word == "waiting"
    assert await claims.claim_next() is None
    assert await QueueStore(database).run_next([upload_id]) == 0
    await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)
    assert (await the(store, upload_id)).word == "describing"


async def test_after_a_description_any_later_run_resumes_at_its_embedding(database: Database) -> None:
    store, claims, runs = UploadStore(database), ClaimStore(database, "me"), RunStore(database)
    upload_id = await insert_upload(store)
    claim = await taken(claims)
    assert claim.resume_description is None
    number = await describe(database, claim)
    await claims.release_all()
    claim = await taken(claims)
    assert claim.resume_description == number, "after a stop"
    assert await runs.resumed(claim) == Description(GOOD_TEXT, "scripted", "eyes", ("cat",), labels={"cat": 0.9})
    await ClaimStore(database, "other").take_over(lambda _owner: Fate.DIED)
    claim = await taken(claims)
    assert claim.resume_description == number, "after a crash"
    await runs.advance(claim, ProcessingStage.EMBEDDING_GENERATION)
    await runs.fail(claim, NAN)
    assert await QueueStore(database).requeue([upload_id]) == [upload_id]
    claim = await taken(claims)
    assert claim.resume_description == number, "after a failure"
    await embed(database, claim, number)
    assert (await the(store, upload_id)).status is ProcessingStatus.COMPLETED
    await QueueStore(database).requeue([upload_id])
    assert (await taken(claims)).resume_description is None, "a regenerate describes anew"


async def test_nothing_but_its_own_description_is_resumed(database: Database) -> None:
    store, claims, runs = UploadStore(database), ClaimStore(database, "me"), RunStore(database)
    for _ in range(2):
        await insert_upload(store)
    await describe(database, await taken(claims))
    other = await taken(claims)
    stray = Claim(other.token, other.number, other.upload_id, "", other.file_type, "jpg", 1, 1)
    with pytest.raises(LookupError):
        await runs.resumed(stray)


async def test_vectors_of_other_models_stay_only_with_their_description(database: Database) -> None:
    store, claims = UploadStore(database), ClaimStore(database, "me")
    upload_id = await insert_upload(store)
    claim = await taken(claims)
    first = await describe(database, claim)
    await embed(database, claim, first, "words")
    assert await EmbeddingStore(database).queue_stale("other") == 1
    await embed(database, await taken(claims), first, "other")
    assert await models_of(database) == ["other", "words"], "to switch back costs nothing"
    await QueueStore(database).requeue([upload_id])
    claim = await taken(claims)
    second = await describe(database, claim, ZEBRA)
    assert await models_of(database) == ["other", "words"], "the old description is still current"
    assert await FullText(database).search(["tabby"], every=True, limit=5) == [1]
    await embed(database, claim, second, "other")
    assert await models_of(database) == ["other"]
    (vector,) = await EmbeddingStore(database).after("other", 0, 10)
    assert vector.data == vector_of(str(second)).tobytes()
    assert await FullText(database).search(["tabby"], every=True, limit=5) == []


async def test_the_warning_is_of_the_thumbnail_and_of_the_current_description(database: Database) -> None:
    store, claims, runs = UploadStore(database), ClaimStore(database, "me"), RunStore(database)
    upload_id = await insert_upload(store)
    claim = await taken(claims)
    await runs.finish_thumbnail(
        claim,
        ProcessingStage.VISION_ANALYSIS,
        thumbnail_path=None,
        warning="no thumbnail: odd",
        metadata=MediaMetadata(),
        seconds=0.1,
    )
    assert (await the(store, upload_id)).warning == "no thumbnail: odd"
    number = await describe(database, claim, "cat cat cat cat")
    await embed(database, claim, number)
    assert (await the(store, upload_id)).warning == "no thumbnail: odd; quality 35: shorter than 50 characters"
    await DescriptionStore(database).edit(upload_id, "My cat")
    claim = await taken(claims)
    assert claim.resume_description is not None
    await embed(database, claim, claim.resume_description)
    assert (await the(store, upload_id)).warning == "no thumbnail: odd", "nobody's own words are poor"
