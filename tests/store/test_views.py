"""The order and the choice of what a list shows."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Sequence

import pytest

from tests.conftest import insert_upload
from tests.store.test_uploads import complete
from vuemantics_tui.domain.media import FileType
from vuemantics_tui.domain.upload import ProcessingStage
from vuemantics_tui.domain.view import SortKey, StatusFilter, View
from vuemantics_tui.store.claims import ClaimStore
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.decisions import DecisionStore
from vuemantics_tui.store.runs import RunStore
from vuemantics_tui.store.uploads import UploadStore
from vuemantics_tui.store.views import ViewStore

SHORT_TEXT = "A cat."


async def change(database: Database, number: int, column: str, value: object) -> None:
    """Give one upload another value, as a file's metadata would."""
    async with database.transaction() as connection:
        await connection.execute(f"UPDATE uploads SET {column} = ? WHERE number = ?", (value, number))


async def numbers(database: Database, view: View) -> list[int]:
    """The numbers that a view shows."""
    return list(await ViewStore(database).numbers(view))


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
    await store.requeue([good, bad])
    await complete(database, good, SHORT_TEXT)
    await complete(database, bad)
    assert await numbers(database, View(SortKey.QUALITY)) == [2, 1, 3]


async def test_statuses_sorted_and_filtered(database: Database) -> None:
    store = UploadStore(database)
    waiting, running, failed, fine, warned = [await insert_upload(store) for _ in range(5)]
    await complete(database, fine)
    await complete(database, warned)
    await change(database, 5, "warning", "no thumbnail")
    await DecisionStore(database).cancel([failed])
    claims = ClaimStore(database, "me")
    claim = await claims.claim(running)
    assert claim is not None
    await RunStore(database).advance(claim, ProcessingStage.THUMBNAIL)
    assert await numbers(database, View(SortKey.STATUS, descending=False)) == [2, 1, 3, 5, 4]
    assert await numbers(database, View(SortKey.STATUS)) == [5, 4, 3, 1, 2]
    shown = {status: await numbers(database, View(status=status)) for status in StatusFilter}
    assert shown == {"waiting": [1], "running": [2], "completed": [5, 4], "failed": [3], "warning": [5]}
    assert waiting


async def test_hidden_and_type_hold_in_every_order(database: Database) -> None:
    store = UploadStore(database)
    ids = [await insert_upload(store, file_type=kind) for kind in (FileType.IMAGE, FileType.VIDEO) * 2]
    await DecisionStore(database).set_hidden(ids[:1], True)
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
    await DecisionStore(database).cancel([ids[1]])
    assert list(await ViewStore(database).running()) == [3, 1]
