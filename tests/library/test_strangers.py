"""A library from somebody else, or a damaged one: nothing outside of its folder is read, written or removed."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled, until
from vuemantics_tui import doctor
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.domain.findings import Verdict
from vuemantics_tui.domain.upload import ProcessingStatus, Upload
from vuemantics_tui.library import Library


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A folder beside the library, which nobody may touch."""
    folder = tmp_path / "victim"
    (folder / "Documents").mkdir(parents=True)
    (folder / "Documents" / "original.png").write_bytes(b"mine")
    (folder / "Documents" / "letter.txt").write_text("mine")
    old = time.time() - 1_000_000
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (old, old))
    yield folder
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    assert found == ["Documents", "Documents/letter.txt", "Documents/original.png"]
    assert (folder / "Documents" / "original.png").read_bytes() == b"mine"


def change(library: Library, *statements: str) -> None:
    """What somebody with another program writes into the database."""
    with closing(sqlite3.connect(library.root / "library.db")) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


async def one_upload(library: Library, picture: Path) -> Upload:
    """The upload of a picture, completed."""
    (result,) = await add_all(library, picture)
    await library.queue.start()
    await settled(library)
    await library.queue.stop()
    assert result.upload is not None
    upload = await library.uploads.get(result.upload.id)
    assert upload is not None
    return upload


MOVED = (
    "UPDATE uploads SET user_id = '../../victim', id = 'Documents'",
    "UPDATE uploads SET user_id = '../../victim', id = upper('Documents')",
    "UPDATE uploads SET user_id = '..', id = '../victim/Documents'",
)


@pytest.mark.parametrize("statement", MOVED)
async def test_the_trash_that_expires_removes_nothing_outside(
    open_library: OpenLibrary, draw_picture: DrawPicture, victim: Path, statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    library = await open_library(trash_days=1)
    await one_upload(library, draw_picture())
    change(library, "UPDATE uploads SET deleted_at = '2001-01-01T00:00:00.000000+00:00'", statement)
    with caplog.at_level(logging.ERROR):
        await library.sweep()
    assert "1 upload with an invalid ID" in caplog.text
    assert await library.trash.empty() == 0
    assert await library.trash.store.count() == (1, (await library.trash.store.contents())[0].upload.file_size), (
        "the row is left alone"
    )
    findings = await doctor.examine(library.settings, library)
    assert any(finding.verdict is Verdict.BAD and "1 upload with an invalid ID" in finding.text for finding in findings)


async def test_deleting_forever_removes_nothing_outside(
    open_library: OpenLibrary, draw_picture: DrawPicture, victim: Path
) -> None:
    library = await open_library()
    await one_upload(library, draw_picture())
    change(library, MOVED[0])
    assert await library.trash.erase(["Documents"]) == 0
    assert await library.uploads.get("Documents") is not None


async def test_links_are_not_followed_by_the_trash(
    open_library: OpenLibrary, draw_picture: DrawPicture, victim: Path
) -> None:
    library = await open_library()
    upload = await one_upload(library, draw_picture())
    await library.trash.put([upload.id])
    owner = library.root / "uploads" / upload.user_id
    owner.rename(library.root / "uploads" / "away")
    (victim / "Documents").rename(victim / upload.id)
    owner.symlink_to(victim, target_is_directory=True)
    await library.trash.empty()
    (victim / upload.id).rename(victim / "Documents")


async def test_links_and_strange_owners_are_not_followed_by_the_sweep(
    open_library: OpenLibrary, draw_picture: DrawPicture, victim: Path, tmp_path: Path
) -> None:
    library = await open_library()
    upload = await one_upload(library, draw_picture())
    link = library.root / "uploads" / upload.user_id / "00000000-0000-0000-0000-000000000000"
    link.symlink_to(victim / "Documents", target_is_directory=True)
    assert await library.sweep() == 0
    change(library, "UPDATE users SET id = '../../victim'")
    assert await library.sweep() == 0
    owner = library.root / "uploads" / upload.user_id
    owner.rename(tmp_path / "away")
    owner.symlink_to(victim, target_is_directory=True)
    change(library, f"UPDATE users SET id = '{upload.user_id}'")
    assert await library.sweep() == 0


@pytest.mark.parametrize("owner", ["../../victim", "{tmp_path}/victim", ".."])
async def test_nothing_is_added_outside(
    open_library: OpenLibrary, draw_picture: DrawPicture, victim: Path, owner: str, tmp_path: Path
) -> None:
    library = await open_library()
    change(library, f"UPDATE users SET id = '{owner.format(tmp_path=tmp_path)}'")
    with pytest.raises(LibraryError, match="damaged or malicious"):
        await add_all(library, draw_picture())


async def test_nothing_is_added_through_a_link(
    open_library: OpenLibrary, draw_picture: DrawPicture, victim: Path
) -> None:
    library = await open_library()
    (library.root / "uploads").symlink_to(victim, target_is_directory=True)
    with pytest.raises(LibraryError, match="outside of its folder"):
        await add_all(library, draw_picture())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE uploads SET user_id = '../../victim', id = 'Documents'",
        "UPDATE uploads SET extension = 'png/../../../../../victim/Documents/original.png'",
    ],
)
async def test_nothing_outside_is_processed(
    open_library: OpenLibrary, draw_picture: DrawPicture, victim: Path, statement: str
) -> None:
    library = await open_library()
    await add_all(library, draw_picture())
    change(library, statement)
    await library.queue.start()

    async def failed() -> bool:
        return (await library.queue.store.counts()).failed == 1

    await until(failed)
    (upload,) = await library.uploads.newest()
    assert upload.status is ProcessingStatus.FAILED
    assert "damaged or malicious" in (upload.error_message or "")
    assert upload.description is None


async def test_a_file_outside_has_no_place_in_the_library(
    open_library: OpenLibrary, draw_picture: DrawPicture, victim: Path
) -> None:
    library = await open_library()
    upload = await one_upload(library, draw_picture())
    assert library.absolute(upload.file_path) == library.root / upload.file_path
    for outside in ("../victim/Documents/letter.txt", str(victim / "Documents/letter.txt"), "uploads/../../victim"):
        assert library.absolute(outside) is None
        change(library, f"UPDATE uploads SET file_path = '{outside}'")
        with pytest.raises(LibraryError, match="outside of the library"):
            library.original((await library.uploads.newest())[0])
