"""Libraries of earlier versions: each row survives, and what the new columns need is there."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from tests.conftest import insert_upload
from tests.store.test_uploads import complete
from vuemantics_tui.domain.upload import ProcessingStatus
from vuemantics_tui.store import database as database_module
from vuemantics_tui.store.copies import APPLICATION_ID
from vuemantics_tui.store.database import Access, Database
from vuemantics_tui.store.descriptions import DescriptionStore
from vuemantics_tui.store.duplicates import BackfillStore
from vuemantics_tui.store.queue import ClaimStore, Fate, QueueStore
from vuemantics_tui.store.uploads import UploadStore

TABLES = ("library", "users", "uploads", "descriptions", "embeddings", "events", "tombstones", "searches")

# As version 0002 wrote it: one upload of each status, the completed one with a warning about its thumbnail.
ROWS = """
INSERT INTO users VALUES ('user', '2026-01-01');
INSERT INTO uploads (id, user_id, filename, file_path, file_type, file_size, mime_type, extension, sha256, warning,
                     processing_status, stage, progress_percent, error_message, error_kind, attempts, claim_token,
                     claim_owner, claim_expires_at, created_at, updated_at, revision)
VALUES
    ('a', 'user', 'a.jpg', 'a', 'image', 1, 'image/jpeg', 'jpg', 'a', 'no thumbnail: odd',
     'completed', 'completed', 100, NULL, NULL, 1, NULL, NULL, NULL, '2026-01-01', '2026-01-01', 1),
    ('b', 'user', 'b.jpg', 'b', 'image', 2, 'image/jpeg', 'jpg', 'b', NULL,
     'failed', 'failed', 60, 'AI processing failed: NaN', 'permanent', 2, NULL, NULL, NULL, '2026-01-02', '', 2),
    ('c', 'user', 'c.mp4', 'c', 'video', 3, 'video/mp4', 'mp4', 'c', NULL,
     'analyzing', 'vision_analysis', 20, NULL, NULL, 1, 'token', 'gone', 0, '2026-01-03', '', 3),
    ('d', 'user', 'd.jpg', 'd', 'image', 4, 'image/jpeg', 'jpg', 'd', NULL,
     'pending', 'queued', 0, NULL, NULL, 0, NULL, NULL, NULL, '2026-01-04', '', 4);
INSERT INTO descriptions (upload, text, tags, audit_score, analyzer, model, created_at, current)
VALUES (1, 'An older text of a tabby.', '["cat"]', 90, 'ollama', 'm', '2026-01-01', 0),
       (1, 'A tabby on a sofa.', '["cat"]', 70, 'ollama', 'm', '2026-01-01', 1);
INSERT INTO embeddings VALUES (1, 'words', 2, x'0000803f00000000');
INSERT INTO events (upload, at, kind) VALUES (1, '2026-01-01', 'added');
INSERT INTO tombstones VALUES (9, 'z', 4);
INSERT INTO searches (text) VALUES ('tabby');
UPDATE library SET revision = 4;
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A library as version 0002 left it."""
    path = tmp_path / "library.db"
    with sqlite3.connect(path) as connection:
        for _, _, script in database_module.known_migrations()[:2]:
            connection.executescript(script)
        connection.executescript(ROWS)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    return path


def everything(path: Path, columns: dict[str, list[str]]) -> dict[str, list[tuple[object, ...]]]:
    """All rows of these columns of each table, in the order of their rowids."""
    connection = sqlite3.connect(path)
    try:
        return {
            table: connection.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY rowid").fetchall()
            for table, names in columns.items()
        }
    finally:
        connection.close()


async def test_every_row_of_an_older_library_survives(old: Path) -> None:
    connection = sqlite3.connect(old)
    columns = {table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] for table in TABLES}
    connection.close()
    before = everything(old, columns)
    assert all(before.values())
    await (await Database.open(old)).close()
    assert everything(old, columns) == before


async def test_guesses_of_an_older_library_have_no_quality(old: Path) -> None:
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE descriptions SET analyzer = 'builtin'")
    connection.close()
    database = await Database.open(old)
    (upload,) = await UploadStore(database).by_numbers([1])
    await database.close()
    assert upload.guessed
    assert upload.description_audit_score is None


async def test_a_copy_of_the_older_library_is_kept(old: Path) -> None:
    tables = {"uploads": ["id", "processing_status"], "descriptions": ["text"]}
    before = everything(old, tables)
    backups = old.parent / "backups"
    backups.mkdir()
    (backups / "before-3.db").touch()
    await (await Database.open(old)).close()
    (copy,) = backups.glob("before-*")
    assert everything(copy, tables) == before
    assert copy.stat().st_mode & 0o777 == 0o600
    connection = sqlite3.connect(copy)
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    connection.close()
    await (await Database.open(old)).close()
    assert list(backups.glob("before-*")) == [copy]


async def test_an_older_library_is_updated_for_a_reader_too(old: Path) -> None:
    reading = await Database.open(old, Access.READ)
    assert [upload.id for upload in await UploadStore(reading).newest(limit=2)] == ["d", "c"]
    await reading.close()


async def test_an_older_library_works_on(old: Path) -> None:
    database = await Database.open(old)
    try:
        store, claims = UploadStore(database), ClaimStore(database, "me")
        assert await claims.take_over(lambda _owner: Fate.DIED) == 1
        claimed = [await claims.claim_next() for _ in range(3)]
        assert [claim and (claim.upload_id, claim.resume_description) for claim in claimed] == [
            ("c", None),
            ("d", None),
            None,
        ]
        assert [found.current for found in await DescriptionStore(database).of(1)] == [True, False]
        assert await QueueStore(database).requeue(["a", "b"]) == ["a", "b"]
        await complete(database, "a", "A zebra stands in high yellow grass under a wide and nearly empty sky.")
        upload = await store.get("a")
        assert upload is not None
        assert (upload.status, upload.warning) == (ProcessingStatus.COMPLETED, "no thumbnail: odd")
        added = await store.get(await insert_upload(store))
        assert added is not None
        assert added.number == 5
    finally:
        await database.close()


async def test_dates_of_clips_become_local_and_every_file_is_to_be_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "library.db"
    with sqlite3.connect(path) as connection:
        for number, _, script in database_module.known_migrations()[:9]:
            connection.executescript(script + (ROWS if number == 2 else ""))
        connection.executescript(
            """
            UPDATE uploads SET traits_read = 1, traits_error = 'too dark', taken_at = '2024-06-30T20:00:00+00:00';
            UPDATE uploads SET taken_at = '2024-06-30T20:00:00' WHERE id = 'd';
            """
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        database = await Database.open(path)
    finally:
        monkeypatch.undo()
        time.tzset()
    try:
        uploads = {upload.id: upload for upload in await UploadStore(database).newest()}
        assert {name: upload.taken_at for name, upload in uploads.items()} == {
            "a": "2024-06-30T20:00:00+00:00",
            "b": "2024-06-30T20:00:00+00:00",
            "c": "2024-07-01T05:00:00",
            "d": "2024-06-30T20:00:00",
        }
        assert await BackfillStore(database).left() == 2
        assert all(upload.taken_from is None for upload in uploads.values())
    finally:
        await database.close()
