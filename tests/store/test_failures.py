"""What failed, in groups of one reason."""

from __future__ import annotations

from tests.conftest import insert_upload
from tests.store.test_claims import taken
from tests.store.test_runs import BUSY
from vuemantics_tui.domain.errors import ErrorKind
from vuemantics_tui.domain.upload import FailureGroup, ProcessingStage
from vuemantics_tui.store.claims import ClaimStore
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.decisions import DecisionStore
from vuemantics_tui.store.failures import FailureStore
from vuemantics_tui.store.runs import Failure, RunStore
from vuemantics_tui.store.uploads import UploadStore

MISSING = Failure(
    "AI processing failed: model 'eyes:3b' not found",
    ErrorKind.PERMANENT,
    ProcessingStage.VISION_ANALYSIS,
    "Run: ollama pull eyes:3b",
    "eyes:3b",
)


async def test_one_reason_one_group_the_largest_first(database: Database) -> None:
    store, claims, runs = UploadStore(database), ClaimStore(database, "me"), RunStore(database)
    failures = FailureStore(database)
    assert await failures.groups() == []
    ids = [await insert_upload(store) for _ in range(5)]
    for failure in (BUSY, MISSING, MISSING):
        await runs.fail(await taken(claims), failure)
    await DecisionStore(database).cancel([ids[3]])
    assert await failures.groups() == [
        FailureGroup(MISSING.message, MISSING.hint, ErrorKind.PERMANENT, "eyes:3b", 2, 3),
        FailureGroup(BUSY.message, BUSY.hint, ErrorKind.TRANSIENT, "", 1, 1),
    ]
    assert await failures.ids(MISSING.message) == ids[1:3]
    assert await failures.ids("Cancelled") == []
    await store.requeue(ids[1:3])
    assert [group.message for group in await failures.groups()] == [BUSY.message]
    upload = await store.get(ids[1])
    assert upload is not None
    assert upload.missing_model == ""
