"""A library whose database is lost or damaged comes back, from its backups and from its folders."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import DamagedLibraryError, LibraryError
from vuemantics_tui.domain.findings import Verdict
from vuemantics_tui.library import Access, Library
from vuemantics_tui.library.check import check
from vuemantics_tui.library.recovery import Recovery
from vuemantics_tui.store.copies import OwnCopy, state_of

KILLS = 8


def settings_of(root: Path) -> Settings:
    """Return the settings of a library that is not open."""
    return Settings(library=root, keep_free_mib=0)


async def problems(root: Path, *, repair: bool = False) -> list[str]:
    """Check a library; return the subjects of what is wrong."""
    findings, _ = await check(settings_of(root), repair=repair)
    return [finding.subject for finding in findings if finding.verdict is Verdict.BAD]


async def filled(open_library: OpenLibrary, draw_picture: DrawPicture, count: int = 3) -> Library:
    """Return a library with completed uploads, and what a person made of them."""
    library = await open_library()
    await add_all(library, *(draw_picture(f"picture {number}.png", number) for number in range(count)))
    await library.queue.start()
    await settled(library)
    first, second, third = sorted(await library.uploads.newest(), key=lambda upload: upload.filename)[:3]
    await library.tags.add([first.id], ["pet"])
    await library.tags.add([second.id], ["holiday"], album=True)
    await library.search.save("cats", "cat type:image")
    await library.rename(second.id, "renamed.png")
    await library.trash.put([third.id])
    return library


def truncate(database: Path) -> None:
    os.truncate(database, database.stat().st_size // 3 + 100)


def zero_pages(database: Path) -> None:
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(database.stat().st_size // 2))


def write_text(database: Path) -> None:
    database.write_text("This was a database once.\n" * 500)


def empty(database: Path) -> None:
    database.write_bytes(b"")


def lose(database: Path) -> None:
    database.unlink()


def give_foreign_log(database: Path) -> None:
    """Put the log of another database beside it, as after copying files while a program was writing."""
    other = database.with_name("other.db")
    connection = sqlite3.connect(other)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (a)")
    connection.executemany("INSERT INTO t VALUES (?)", [(os.urandom(3000),) for _ in range(200)])
    connection.commit()
    shutil.copy(f"{other}-wal", f"{database}-wal")
    connection.close()
    other.unlink()


def zero_pages_beside_a_foreign_log(database: Path) -> None:
    give_foreign_log(database)
    zero_pages(database)


@pytest.mark.parametrize(
    "damage", [truncate, zero_pages, write_text, empty, lose, give_foreign_log, zero_pages_beside_a_foreign_log]
)
async def test_a_damaged_database_is_named_and_repaired(
    open_library: OpenLibrary, draw_picture: DrawPicture, damage: Callable[[Path], None]
) -> None:
    library = await filled(open_library, draw_picture)
    assert await library.backups.make_own() is not None
    later = await add_all(library, draw_picture("later.png"))
    assert later[0].upload is not None
    root = library.root
    await library.close()
    damage(root / "library.db")
    with pytest.raises(DamagedLibraryError) as caught:
        await read_all(root)
    assert "check --repair" in caught.value.hint
    assert await problems(root) == ["database"]
    assert await problems(root, repair=True) == []
    repaired = await open_library()
    names = {upload.filename for upload in await repaired.uploads.newest()}
    assert names == {"picture 0.png", "renamed.png", "later.png"}
    assert [one.upload.filename for one in await repaired.trash.store.contents()] == ["picture 2.png"]
    assert [hit.upload.filename for hit in (await repaired.search.run("tag:pet")).hits] == ["picture 0.png"]
    assert [saved.name for saved in await repaired.search.saved.all()] == ["cats"]
    assert "holiday" in {tag.name for tag in await repaired.tags.own() if tag.album}
    undone = await repaired.undo.undo()
    assert undone is not None
    assert undone.words == "Restored picture 2.png."
    # What was replaced is kept, except where there was nothing.
    assert bool(list(root.glob("replaced-*"))) == (damage not in (empty, lose))


async def test_beside_the_log_of_another_database_nothing_is_lost(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await filled(open_library, draw_picture)
    assert await library.backups.make_own() is not None
    newest = await library.uploads.newest()
    await library.tags.add([newest[0].id], ["late"])
    root = library.root
    await library.close()
    give_foreign_log(root / "library.db")
    assert await problems(root, repair=True) == []
    repaired = await open_library()
    # What was in place is newer than the backup.
    assert "late" in {tag.name for tag in await repaired.tags.own()}
    (kept,) = root.glob("replaced-*")
    assert {path.name for path in kept.iterdir()} == {"library.db", "library.db-wal"}


async def read_all(root: Path) -> None:
    """Open a library and read it to its end; damage may be anywhere."""
    library = await Library.open(settings_of(root), Access.WRITE)
    try:
        if found := await library.problems():
            raise DamagedLibraryError(found[0], "check --repair")
        await library.uploads.newest()
    finally:
        await library.close()


async def test_without_any_backup_every_original_is_back_under_its_own_name(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await filled(open_library, draw_picture)
    before = {upload.id: upload for upload in await library.uploads.newest()}
    owner = await library.uploads.owner_id()
    unnamed = next(upload for upload in before.values() if upload.filename == "picture 0.png")
    (library.root / unnamed.file_path).with_name("upload.json").unlink()
    root = library.root
    await library.close()
    for path in root.glob("library.db*"):
        path.unlink()
    recovered = await Recovery(settings_of(root)).repair()
    assert (recovered.backup, recovered.uploads, recovered.found, recovered.unnamed) == (None, 3, 3, 1)
    again = await open_library()
    assert await again.uploads.owner_id() == owner
    # That the third one was in the trash only the database knew.
    after = {upload.id: upload for upload in await again.uploads.newest()}
    for upload in before.values():
        found = after[upload.id]
        assert (found.sha256, found.file_path) == (upload.sha256, upload.file_path)
        if upload is unnamed:
            assert found.filename == f"{upload.id[:8]}.png"
        else:
            assert (found.filename, found.source_path, found.created_at) == (
                upload.filename,
                upload.source_path,
                upload.created_at,
            )
    await again.queue.start()
    await settled(again)
    assert await again.sweep() == 0
    assert await problems(root) == []


async def test_the_record_of_an_upload_follows_its_name(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library()
    (added,) = await add_all(library, draw_picture("before.png"))
    assert added.upload is not None
    record = (library.root / added.upload.file_path).with_name("upload.json")

    def name() -> object:
        return json.loads(record.read_text("utf-8"))["filename"]

    await library.rename(added.upload.id, "Größe.png")
    assert name() == "Größe.png"
    await library.undo.undo()
    assert name() == "before.png"
    await library.undo.redo()
    assert name() == "Größe.png"
    # As in a library of an older version, and after a power cut.
    record.unlink()
    assert await library.records.complete() == 1
    record.write_bytes(b"")
    assert await library.records.complete() == 1
    assert name() == "Größe.png"


async def test_a_backup_that_is_damaged_itself_is_passed_over(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await filled(open_library, draw_picture)
    older = await library.backups.make_own()
    assert older is not None
    newer = older.path.with_name("daily-2999-01-01-000000.db")
    newer.write_bytes(older.path.read_bytes()[:-5000])
    root = library.root
    await library.close()
    lose(root / "library.db")
    recovered = await Recovery(settings_of(root)).repair()
    assert (recovered.backup, recovered.uploads, recovered.found) == (older.path, 3, 0)
    # It stays, and the check tells of it.
    assert await problems(root) == ["backups"]


async def test_a_library_that_another_program_has_open_is_left_alone(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await filled(open_library, draw_picture)
    copy = tmp_path / "copy.db"
    await library.backups.write(copy)
    await library.close()
    program = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(library.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with program:
        assert program.stdout is not None
        program.stdout.readline()
        before = (library.root / "library.db").read_bytes()
        for attempt in (
            Recovery(settings_of(library.root)).repair(),
            Recovery(settings_of(library.root)).restore(copy),
        ):
            with pytest.raises(LibraryError, match="open in another program"):
                await attempt
        assert (library.root / "library.db").read_bytes() == before
        program.communicate()
    assert (await Recovery(settings_of(library.root)).restore(copy)).uploads == 3


HOLDER = """
import asyncio, sys
from pathlib import Path
from vuemantics_tui.config import Settings
from vuemantics_tui.library import Access, Library

async def main():
    library = await Library.open(Settings(library=Path(sys.argv[1])), Access.READ)
    print("open", flush=True)
    sys.stdin.read()
    await library.close()

asyncio.run(main())
"""


async def test_a_restored_library_makes_its_thumbnails_again(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await filled(open_library, draw_picture)
    await library.backups.write(tmp_path / "copy.tar", with_originals=True)
    other = tmp_path / "other"
    recovered = await Recovery(settings_of(other)).restore(tmp_path / "copy.tar")
    assert (recovered.uploads, recovered.missing, recovered.kept) == (3, 0, None)
    assert not list(other.rglob("thumb_256.jpg"))
    assert await problems(other) == []
    assert "thumbnails" in [f.subject for f in (await check(settings_of(other)))[0] if f.verdict is Verdict.NEUTRAL]


async def test_a_damaged_backup_takes_no_original_away(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await filled(open_library, draw_picture)
    backup = tmp_path / "copy.tar"
    await library.backups.write(backup, with_originals=True)
    await library.close()
    original = next(library.root.rglob("original.png"))
    whole = original.read_bytes()
    edited = whole + b"edited"
    original.write_bytes(edited)
    # One bit of that original is another one in the backup.
    archive = bytearray(backup.read_bytes())
    archive[archive.index(whole) + len(whole) // 2] ^= 1
    backup.write_bytes(archive)
    with pytest.raises(LibraryError, match="The backup is damaged"):
        await Recovery(settings_of(library.root)).restore(backup)
    assert original.read_bytes() == edited


async def test_only_damaged_indexes_and_texts_are_repaired_in_place(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await filled(open_library, draw_picture)
    root = library.root
    await library.close()
    connection = sqlite3.connect(root / "library.db")
    with connection:
        connection.execute("DELETE FROM fulltext_content WHERE id = 1")
        connection.execute("DELETE FROM fulltext_data WHERE id > 10")
        connection.execute("INSERT INTO colours VALUES ('red', 4711, 0.5)")
        connection.execute("UPDATE embeddings SET vector = x'00' WHERE upload = 2")
    connection.close()
    assert await problems(root) == ["references", "full text", "vectors"]
    assert await problems(root, repair=True) == []
    assert not list(root.glob("replaced-*"))
    again = await open_library()
    assert {hit.upload.filename for hit in (await again.search.run("name:picture")).hits} == {"picture 0.png"}


@pytest.mark.parametrize("work", ["backup", "restore", "check"])
async def test_killed_at_any_moment_nothing_is_lost(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path, work: str
) -> None:
    library = await filled(open_library, draw_picture)
    copy = tmp_path / "copy.tar"
    await library.backups.write(copy, with_originals=True)
    await library.backups.make_own()
    root = library.root
    await library.close()
    words = {
        "backup": ["backup", str(copy), "--with-originals", "--replace"],
        "restore": ["restore", str(copy), "--replace", "--yes"],
        "check": ["check", "--repair"],
    }[work]
    for seed in range(KILLS):
        if work == "check" and (root / "library.db").exists():
            lose(root / "library.db")
        program = subprocess.Popen(
            [sys.executable, "-m", "vuemantics_tui", "--library", str(root), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            program.wait(0.25 + random.Random(seed).uniform(0.0, 0.6))
        except subprocess.TimeoutExpired:
            program.send_signal(signal.SIGKILL)
            program.wait()
        # The backup is whole at every moment, and so is what is in place, or else it says how to repair it.
        other = tmp_path / f"other {seed}"
        assert (await Recovery(settings_of(other)).restore(copy)).uploads == 3
        wrong = await problems(root)
        assert wrong == [] or work == "check"
    assert await problems(root, repair=True) == []
    again = await open_library()
    assert len(await again.uploads.newest()) == 2
    assert not list((root / "backups").glob(".*")), "what a killed process left is removed by the next"


async def test_three_daily_copies_are_kept_and_one_a_day_is_made(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await filled(open_library, draw_picture)
    made: list[OwnCopy] = []
    left = library.root / "backups" / ".daily-2020-01-01-120000.db.0123456789abcdef.part"
    left.parent.mkdir()
    left.write_bytes(b"what a killed process left")
    os.utime(left, (0.0, 0.0))
    for day in range(5):
        copy = await library.backups.daily(now=made[-1].made_at + 86400 if made else None)
        assert copy is not None
        assert await library.backups.daily(now=copy.made_at + 3600) is None
        # Each from another day, as their names are.
        older = copy.path.with_name(f"daily-2020-01-0{day + 1}-120000.db")
        copy.path.rename(older)
        os.utime(older, (day * 86400.0, day * 86400.0))
        made.append(next(each for each in await library.backups.own() if each.path == older))
    assert sorted(copy.path.name for copy in await library.backups.own()) == [
        "daily-2020-01-03-120000.db",
        "daily-2020-01-04-120000.db",
        "daily-2020-01-05-120000.db",
    ]
    assert not left.exists()
    # A damaged database takes the place of no sound copy.
    (page,) = await library.database.fetch("SELECT rootpage FROM sqlite_schema WHERE name = 'uploads_by_revision'")
    await library.close()
    with (library.root / "library.db").open("r+b") as file:
        file.seek((page[0] - 1) * 4096)
        file.write(b"\xff" * 4096)
    damaged = await open_library()
    with pytest.raises(DamagedLibraryError, match="not copied"):
        await damaged.backups.make_own()
    found = await damaged.backups.own()
    assert [state_of(copy.path).problem for copy in found] == ["", "", ""]
