"""The index of vectors: exact, kept up with the store, and none the worse for any state of its file."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from tests.search.vector_libraries import MODEL, exact, id_of, index_over, put_vectors, set_vector, unit
from vuemantics_tui.search.vector_file import file_of, open_vectors
from vuemantics_tui.search.vector_table import VectorTable
from vuemantics_tui.search.vectors import VectorIndex
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.embeddings import EmbeddingStore
from vuemantics_tui.store.trash import TrashStore
from vuemantics_tui.store.uploads import UploadStore

QUERY = unit(1, seed=99)[0]


async def found(index: VectorIndex, limit: int = 5, **how: object) -> list[int]:
    """The numbers nearest to the query."""
    return [number for number, _ in await index.nearest(QUERY, limit, **how)]  # type: ignore[arg-type]


async def test_the_file_gives_what_the_plain_product_gives(database: Database, tmp_path: Path) -> None:
    rows = unit(500)
    numbers = await put_vectors(database, rows)
    for index in (index_over(database, tmp_path / "vectors"), index_over(database, None)):
        hits = await index.nearest(QUERY, 20)
        assert [number for number, _ in hits] == exact(rows, numbers, QUERY, 20)
        np.testing.assert_allclose([cosine for _, cosine in hits], np.sort(rows @ QUERY)[::-1][:20], rtol=1e-5)
    assert file_of(tmp_path / "vectors", MODEL).stat().st_size > rows.nbytes


async def test_the_file_is_named_after_its_model_as_file_systems_like_it(tmp_path: Path) -> None:
    assert file_of(tmp_path, "../../etc/passwd").parent == tmp_path
    assert file_of(tmp_path, "vendor/model:latest").name.startswith("vendor-model-latest-")
    names = {file_of(tmp_path, model).name for model in ("a/b", "a:b", "a-b", "", "." * 300, "Ä" * 300)}
    assert len(names) == 6
    assert all(len(name) < 100 for name in names)


async def test_another_window_maps_the_file_and_reads_only_what_is_new(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = unit(400)
    numbers = await put_vectors(database, rows)
    await found(index_over(database, tmp_path / "vectors"))
    later = unit(1, seed=5)
    numbers += await put_vectors(database, later)

    async def refuse(*_: object) -> None:
        raise AssertionError("the whole store was read")

    monkeypatch.setattr("vuemantics_tui.store.embeddings.EmbeddingStore.after", refuse)
    index = index_over(database, tmp_path / "vectors")
    assert await found(index, 20) == exact(np.concatenate([rows, later]), numbers, QUERY, 20)
    assert (await index.state()).vectors == 401


async def test_it_follows_what_changes_goes_and_comes_back(database: Database, tmp_path: Path) -> None:
    rows = unit(300)
    numbers = await put_vectors(database, rows)
    index, store, trash = (
        index_over(database, tmp_path / "v", file_from=250),
        UploadStore(database),
        TrashStore(database),
    )
    uploads = UploadStore(database)
    first, second, third, fourth, *_ = best = await found(index, 10)
    fresh = index_over(database, tmp_path / "v", file_from=250)
    await trash.trash([id_of(first)])
    await store.delete([id_of(second)])
    await uploads.set_hidden([id_of(third)], True)
    await set_vector(database, fourth, -QUERY)
    for one in (index, fresh):
        assert await found(one, 6) == best[4:]
        assert await found(one, 6, include_hidden=True) == [third, *best[4:9]]
        assert first not in await found(one, 1000, include_hidden=True)
        assert (await found(one, 1000))[-1] == fourth
        assert await found(one, 10, allowed={first, second, third, best[5]}) == [best[5]]
        assert await found(one, 10, allowed={third, best[5]}, include_hidden=True) == [third, best[5]]
    await trash.restore([id_of(first)])
    await uploads.set_hidden([id_of(third)], False)
    await set_vector(database, fourth, rows[numbers.index(fourth)])
    for one in (index, fresh, index_over(database, tmp_path / "v", file_from=250)):
        assert await found(one, 9) == [first, *best[2:]]


async def test_what_was_deleted_long_ago_is_not_found(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vuemantics_tui.store.uploads.TOMBSTONES_KEPT", 1)
    rows = unit(300)
    await put_vectors(database, rows)
    index, store = index_over(database, tmp_path / "v"), UploadStore(database)
    best = await found(index, 10)
    for number in best[:3]:
        await store.delete([id_of(number)])
    for one in (index, index_over(database, tmp_path / "v")):
        assert await found(one, 7) == best[3:]


@pytest.mark.parametrize("share", [0.003, 0.1, 0.9])
async def test_only_what_is_allowed_is_ranked(database: Database, tmp_path: Path, share: float) -> None:
    rows = unit(1000)
    numbers = await put_vectors(database, rows)
    index = index_over(database, tmp_path / "vectors")
    chosen = np.sort(np.random.default_rng(3).choice(1000, int(1000 * share), replace=False))
    expected = exact(rows[chosen], [numbers[row] for row in chosen], QUERY, 20)
    for allowed in ({numbers[row] for row in chosen}, array("q", (numbers[row] for row in chosen))):
        assert await found(index, 20, allowed=allowed) == expected
    assert await found(index, 20, allowed=[]) == []
    assert await found(index, 20, allowed=[10**9]) == []


async def test_much_that_is_new_goes_to_the_file_beside_the_search(database: Database, tmp_path: Path) -> None:
    rows = unit(100)
    numbers = await put_vectors(database, rows)
    index = index_over(database, tmp_path / "vectors", file_from=50)
    await found(index)
    more = unit(200, seed=7)
    numbers += await put_vectors(database, more)
    gone = await found(index, 1)
    await UploadStore(database).delete([id_of(number) for number in gone])
    await index.close()
    await found(index)
    await index.close()
    both = np.concatenate([rows, more])
    expected = [number for number in exact(both, numbers, QUERY, 31) if number not in gone]
    assert await found(index, 30) == expected
    header = open_vectors(file_of(tmp_path / "vectors", MODEL)).header
    assert header.rows in (299, 300)
    assert await found(index_over(database, tmp_path / "vectors", file_from=50), 30) == expected


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _turn_bit(place: int) -> object:
    def turn(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        path.write_bytes(data)

    return turn


@pytest.mark.parametrize(
    "damage",
    [_truncate, _grow, _empty, Path.unlink, _turn_bit(0), _turn_bit(40), _turn_bit(64 * 1024 + 5), _turn_bit(-3)],
    ids=["short", "long", "empty", "missing", "magic", "header", "vectors", "numbers"],
)
async def test_a_file_that_is_not_whole_is_made_anew(database: Database, tmp_path: Path, damage: object) -> None:
    rows = unit(300)
    numbers = await put_vectors(database, rows)
    path = file_of(tmp_path / "vectors", MODEL)
    await found(index_over(database, tmp_path / "vectors"))
    whole = path.read_bytes()
    damage(path)  # type: ignore[operator]
    assert await found(index_over(database, tmp_path / "vectors"), 20) == exact(rows, numbers, QUERY, 20)
    assert path.read_bytes() == whole


async def test_the_file_of_another_library_or_an_older_copy_is_made_anew(tmp_path: Path) -> None:
    expected = {}
    for name, seed in (("one", 1), ("two", 2)):
        database = await Database.open(tmp_path / f"{name}.db")
        rows = unit(50, seed=seed)
        numbers = await put_vectors(database, rows)
        expected[name] = exact(rows, numbers, QUERY, 5)
        assert await found(index_over(database, tmp_path / "vectors")) == expected[name]
        await database.close()
    # A backup is put back, in which the same revision stands for other vectors.
    database = await Database.open(tmp_path / "two.db")
    rows = unit(50, seed=3)
    async with database.transaction() as connection:
        await connection.executemany(
            "UPDATE embeddings SET vector = ? WHERE upload = ?",
            [(row.astype("<f4").tobytes(), number) for number, row in enumerate(rows, 1)],
        )
    assert await found(index_over(database, tmp_path / "vectors")) == exact(rows, list(range(1, 51)), QUERY, 5)
    await database.close()


async def test_another_dimension_of_the_same_model_is_another_index(database: Database, tmp_path: Path) -> None:
    await put_vectors(database, unit(40))
    index = index_over(database, tmp_path / "vectors")
    assert len(await found(index, 50)) == 40
    wide = unit(30, dimension=96, seed=4)
    numbers = await put_vectors(database, wide)
    query = unit(1, dimension=96, seed=8)[0]
    assert [number for number, _ in await index.nearest(query, 5)] == exact(wide, numbers, query, 5)
    assert len(await found(index, 50)) == 40


async def test_a_folder_that_cannot_be_written_leaves_the_vectors_in_memory(database: Database, tmp_path: Path) -> None:
    rows = unit(60)
    numbers = await put_vectors(database, rows)
    (tmp_path / "file").write_text("not a folder")
    index = index_over(database, tmp_path / "file")
    assert await found(index, 10) == exact(rows, numbers, QUERY, 10)
    assert (await index.state()).file is None


async def test_a_full_disk_leaves_the_vectors_in_memory(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = unit(60)
    numbers = await put_vectors(database, rows)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vuemantics_tui.search.vector_file.VectorWriter.finish", full)
    index = index_over(database, tmp_path / "vectors")
    assert await found(index, 10) == exact(rows, numbers, QUERY, 10)
    assert [path.name for path in (tmp_path / "vectors").iterdir() if path.suffix != ".lock"] == []


async def test_one_need_not_wait_for_the_window_that_builds_the_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = unit(60)
    numbers = await put_vectors(database, rows)
    folder = tmp_path / "vectors"
    folder.mkdir()
    index, asked, plain = index_over(database, folder), asyncio.Event(), FileLock.acquire
    loop, dropped = asyncio.get_running_loop(), threading.Event()

    def tell(*arguments: Any, **options: Any) -> Any:
        loop.call_soon_threadsafe(asked.set)
        dropped.wait()
        return plain(*arguments, **options)

    with FileLock(file_of(folder, MODEL).with_suffix(".lock")):
        monkeypatch.setattr(FileLock, "acquire", tell)
        search = asyncio.create_task(found(index, 10))
        await asked.wait()
        search.cancel()
        dropped.set()
        ended, _ = await asyncio.wait([search], timeout=5)
        assert ended, "it still waits for the other window"
        assert search.cancelled()
    assert await found(index, 10) == exact(rows, numbers, QUERY, 10)
    assert (await index.state()).file is not None


async def test_the_product_does_not_hold_up_the_loop(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await put_vectors(database, unit(10))
    seen: list[threading.Thread] = []
    plain = VectorTable.nearest

    def watched(*given: object, **named: object) -> object:
        seen.append(threading.current_thread())
        return plain(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(VectorTable, "nearest", watched)
    await found(index_over(database, None))
    assert seen
    assert threading.main_thread() not in seen


async def test_a_search_that_is_dropped_half_way_loses_no_change(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_vectors(database, unit(50))
    index = index_over(database, None)
    first, second, *_ = await found(index)
    await UploadStore(database).delete([id_of(first)])
    reached, plain = asyncio.Event(), EmbeddingStore.newer

    async def held(*given: object) -> object:
        reached.set()
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(EmbeddingStore, "newer", held)
    task = asyncio.create_task(found(index))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.setattr(EmbeddingStore, "newer", plain)
    assert (await found(index))[0] == second


async def test_a_search_that_is_dropped_holds_the_table_until_its_thread_is_done(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_vectors(database, unit(50))
    index = index_over(database, None)
    first, second, *_ = await found(index)
    began, go_on, order, plain = threading.Event(), threading.Event(), list[str](), VectorTable.nearest

    def slow(*given: object, **named: object) -> object:
        began.set()
        assert go_on.wait(60)
        order.append("searched")
        return plain(*given, **named)  # type: ignore[arg-type]

    def drop(self: VectorTable, number: int) -> None:
        order.append("dropped")
        plain_drop(self, number)

    plain_drop = VectorTable.drop
    monkeypatch.setattr(VectorTable, "nearest", slow)
    task = asyncio.create_task(found(index))
    await asyncio.to_thread(began.wait, 60)
    task.cancel()
    monkeypatch.setattr(VectorTable, "drop", drop)
    monkeypatch.setattr(VectorTable, "nearest", plain)
    await UploadStore(database).delete([id_of(first)])
    later = asyncio.create_task(found(index))
    done, _ = await asyncio.wait([task], timeout=0.05)
    assert not done, "it lets go of the table only when its thread has"
    go_on.set()
    assert (await later)[0] == second
    assert order == ["searched", "dropped"]
    assert (await asyncio.gather(task, return_exceptions=True))[0].__class__ is asyncio.CancelledError


async def test_two_processes_share_one_file_while_it_changes(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "library.db")
    rows = unit(200)
    numbers = await put_vectors(database, rows)
    await asyncio.to_thread((tmp_path / "vectors").mkdir)
    command = [sys.executable, "-m", "tests.search.vector_libraries", str(tmp_path), "40"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    index = index_over(database, tmp_path / "vectors")
    for seed in range(30, 45):
        more = unit(40, seed=seed)
        numbers += await put_vectors(database, more)
        rows = np.concatenate([rows, more])
        assert await found(index) == exact(rows, numbers, QUERY, 5)
    for process in processes:
        out, errors = await asyncio.to_thread(process.communicate, None, 60)
        assert (process.returncode, errors) == (0, "")
        assert out.count("\n") == 40
    await index.close()
    assert await found(index_over(database, tmp_path / "vectors")) == exact(rows, numbers, QUERY, 5)
    assert sorted(path.suffix for path in (tmp_path / "vectors").iterdir() if path.suffix != ".lock") == [".f32"]
    await database.close()
