"""All descriptions of an upload; choosing one, and writing one by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conftest import insert_upload
from tests.doubles import GOOD_TEXT
from tests.store.test_queue import BUSY, taken, the
from tests.store.test_runs import NAN, ZEBRA, describe, embed
from tests.store.test_uploads import complete
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.upload import ProcessingStage, ProcessingStatus
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.descriptions import EDITED_BY_HAND, DescriptionStore
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.queue import ClaimStore, QueueStore
from vuemantics_tui.store.runs import RunStore
from vuemantics_tui.store.search import FullText
from vuemantics_tui.store.uploads import UploadStore


async def finish(database: Database) -> None:
    """Embed the upload that waits with its description."""
    claim = await taken(ClaimStore(database, "me"))
    assert claim.resume_description is not None
    await embed(database, claim, claim.resume_description, "embedder")


async def found(database: Database, word: str) -> bool:
    """Whether a word finds anything."""
    return bool(await FullText(database).search([word], every=True, limit=5))


@pytest.fixture
async def twice(database: Database) -> str:
    """A completed upload with two descriptions, the tabby's and then the zebra's."""
    store = UploadStore(database)
    upload_id = await insert_upload(store)
    await complete(database, upload_id)
    await QueueStore(database).requeue([upload_id])
    await complete(database, upload_id, ZEBRA)
    return upload_id


async def test_all_of_them_newest_first(database: Database, twice: str) -> None:
    newest, oldest = await DescriptionStore(database).of(1)
    assert (newest.text, newest.current, newest.edited) == (ZEBRA, True, False)
    assert (oldest.text, oldest.current, oldest.tags, oldest.audit_score) == (GOOD_TEXT, False, ("cat",), 100)
    assert (oldest.analyzer, oldest.model, oldest.seconds) == ("scripted", "model", 0.1)
    assert oldest.created_at < newest.created_at
    assert await DescriptionStore(database).of(2) == []


async def test_a_chosen_one_becomes_current_with_its_vector_and_the_other_is_found_until_then(
    database: Database, twice: str
) -> None:
    store, descriptions = UploadStore(database), DescriptionStore(database)
    oldest = (await descriptions.of(1))[-1]
    assert await descriptions.choose(twice, oldest.number)
    assert (await the(store, twice)).description == ZEBRA
    assert await found(database, "zebra")
    assert not await found(database, "tabby")
    await finish(database)
    upload = await the(store, twice)
    assert (upload.status, upload.description, upload.regeneration_count) == ("completed", GOOD_TEXT, 1)
    assert await found(database, "tabby")
    assert not await found(database, "zebra")
    assert not await descriptions.choose(twice, oldest.number), "it is current"
    assert (await the(store, twice)).status is ProcessingStatus.COMPLETED


async def test_only_a_description_of_this_very_upload_can_be_chosen(database: Database, twice: str) -> None:
    other = await insert_upload(UploadStore(database))
    await complete(database, other)
    descriptions = DescriptionStore(database)
    with pytest.raises(UsageError, match="no description 3"):
        await descriptions.choose(twice, 3)
    with pytest.raises(UsageError, match="No upload has the ID gone"):
        await descriptions.choose("gone", 1)


async def test_an_edit_is_a_description_of_its_own(database: Database, twice: str) -> None:
    store, descriptions = UploadStore(database), DescriptionStore(database)
    assert await descriptions.edit(twice, "  Zazu the zebra in Tarangire, at noon.\n")
    assert (await the(store, twice)).description == ZEBRA, "until it is embedded"
    await finish(database)
    upload = await the(store, twice)
    assert (upload.description, upload.tags, upload.analyzer) == (
        "Zazu the zebra in Tarangire, at noon.",
        ("cat",),
        EDITED_BY_HAND,
    )
    assert upload.edited
    assert upload.description_audit_score is None, "it is for texts of a language model"
    assert await found(database, "Tarangire")
    assert len(await descriptions.of(1)) == 3
    assert await descriptions.edit(twice, upload.description or "", ["zebra", "noon"])
    await finish(database)
    assert (await the(store, twice)).tags == ("zebra", "noon")


@pytest.mark.parametrize("text", ["", " \n\t"])
async def test_an_empty_edit_is_refused(database: Database, twice: str, text: str) -> None:
    with pytest.raises(UsageError, match="at least a word"):
        await DescriptionStore(database).edit(twice, text)
    assert len(await DescriptionStore(database).of(1)) == 2


async def test_an_edit_that_changes_nothing_protects_nothing(database: Database, twice: str) -> None:
    descriptions = DescriptionStore(database)
    assert not await descriptions.edit(twice, f"{ZEBRA}\n", ["cat"])
    assert len(await descriptions.of(1)) == 2
    assert await descriptions.edited([twice]) == []


async def test_no_edit_and_no_choice_while_it_runs_or_waits_to_be_described(database: Database, twice: str) -> None:
    descriptions = DescriptionStore(database)
    claims, runs = ClaimStore(database, "me"), RunStore(database)
    await QueueStore(database).requeue([twice])
    for state in ("waits", "claimed", "runs"):
        for decide in (descriptions.edit(twice, "Other words"), descriptions.choose(twice, 1)):
            with pytest.raises(UsageError, match="is being processed") as caught:
                await decide
            assert "cancel" in caught.value.hint
        assert len(await descriptions.of(1)) == 2, state
        if state == "waits":
            claim = await taken(claims)
        elif state == "claimed":
            await runs.advance(claim, ProcessingStage.VISION_ANALYSIS)


async def test_what_waits_only_to_be_embedded_can_be_edited_again(database: Database, twice: str) -> None:
    descriptions = DescriptionStore(database)
    await descriptions.edit(twice, "First words")
    await descriptions.edit(twice, "Second words")
    await finish(database)
    assert (await the(UploadStore(database), twice)).description == "Second words"


async def test_what_no_analyzer_could_describe_a_person_can(database: Database) -> None:
    store, claims = UploadStore(database), ClaimStore(database, "me")
    upload_id = await insert_upload(store)
    await RunStore(database).fail(await taken(claims), BUSY)
    assert await DescriptionStore(database).edit(upload_id, "Grandma and her tabby", ["family"])
    assert await found(database, "tabby"), "there was nothing better"
    await finish(database)
    upload = await the(store, upload_id)
    assert (upload.status, upload.tags, upload.error_message) == ("completed", ("family",), None)


async def test_an_edited_description_is_overwritten_only_on_demand(database: Database, twice: str) -> None:
    store, descriptions = UploadStore(database), DescriptionStore(database)
    other = await insert_upload(store)
    await complete(database, other)
    await descriptions.edit(twice, "My own words")
    await finish(database)
    assert await descriptions.edited([other, twice, "gone"]) == [twice]
    assert await QueueStore(database).requeue([twice, other]) == [other]
    assert await QueueStore(database).requeue([twice], overwrite_edited=True) == [twice]
    await complete(database, twice, ZEBRA)
    assert await descriptions.edited([twice]) == []
    (mine,) = [found for found in await descriptions.of(1) if found.edited]
    await descriptions.choose(twice, mine.number)
    await ClaimStore(database, "me").claim(other)
    await finish(database)
    assert await descriptions.edited([twice]) == [twice], "chosen again, protected again"


async def test_an_edit_whose_embedding_fails_is_retried_not_lost(database: Database, twice: str) -> None:
    store, descriptions = UploadStore(database), DescriptionStore(database)
    await descriptions.edit(twice, "My own words")
    claim = await taken(ClaimStore(database, "me"))
    runs = RunStore(database)
    await runs.advance(claim, ProcessingStage.EMBEDDING_GENERATION)
    await runs.fail(claim, NAN)
    assert await found(database, "zebra"), "a failure takes nothing away"
    assert await QueueStore(database).requeue([twice]) == [twice]
    await finish(database)
    assert (await the(store, twice)).description == "My own words"


async def test_two_windows_that_edit_at_once_leave_one_current_description(
    database: Database, twice: str, tmp_path: Path
) -> None:
    elsewhere = await Database.open(tmp_path / "library.db")
    try:
        await asyncio.gather(
            *(DescriptionStore(where).edit(twice, f"Words {n}") for n in range(5) for where in (database, elsewhere))
        )
    finally:
        await elsewhere.close()
    await finish(database)
    all_of_them = await DescriptionStore(database).of(1)
    assert len(all_of_them) == 12
    assert [found.text for found in all_of_them if found.current] == [all_of_them[0].text]


async def test_what_lacks_a_vector_is_counted_and_queued_behind_all_else(database: Database) -> None:
    store, claims, embeddings = UploadStore(database), ClaimStore(database, "me"), EmbeddingStore(database)
    done = [await insert_upload(store) for _ in range(3)]
    for upload_id in done:
        await complete(database, upload_id)
    failed = await taken_and_failed(database)
    waiting = await insert_upload(store)
    assert await embeddings.stale("embedder") == (1, 4)
    assert await embeddings.stale("other") == (4, 4)
    assert await embeddings.queue_stale("other") == 4
    assert await embeddings.queue_stale("other") == 0
    claimed = [await taken(claims) for _ in range(5)]
    assert [claim.upload_id for claim in claimed] == [waiting, *done, failed]
    assert claimed[0].resume_description is None
    for claim in claimed[1:]:
        assert await found(database, "tabby")
        assert claim.resume_description is not None
        await embed(database, claim, claim.resume_description, "other")
    assert await embeddings.stale("other") == (0, 4)
    upload = await the(store, done[0])
    assert (upload.status, upload.regeneration_count, upload.description) == ("completed", 0, GOOD_TEXT)


async def taken_and_failed(database: Database) -> str:
    """An upload that was described, and whose embedding failed."""
    upload_id = await insert_upload(UploadStore(database))
    claim = await taken(ClaimStore(database, "me"))
    await describe(database, claim)
    await RunStore(database).fail(claim, NAN)
    return upload_id


async def test_more_than_one_statement_takes_are_queued_in_several_transactions(database: Database) -> None:
    store = UploadStore(database)
    for _ in range(501):
        await insert_upload(store)
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO descriptions (upload, text, audit_score, analyzer, model, created_at, current)"
            " SELECT number, 'x', 100, 'a', 'm', '2026', 1 FROM uploads"
        )
        await connection.execute("UPDATE uploads SET processing_status = 'completed', stage = 'completed'")
        rows = list(await connection.execute_fetchall("SELECT revision FROM library"))
    assert await EmbeddingStore(database).queue_stale("words") == 501
    assert (await database.fetch("SELECT revision FROM library"))[0][0] == rows[0][0] + 2
