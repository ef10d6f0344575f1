"""Odd files, duplicates, limits, full disks: what becomes an upload and what does not."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
import time
from collections import namedtuple
from pathlib import Path

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled
from tests.doubles import ScriptedAnalyzer
from vuemantics_tui.domain.errors import LibraryError, UsageError
from vuemantics_tui.files import copy_and_hash
from vuemantics_tui.library import IntakeOutcome, IntakeResult, Library
from vuemantics_tui.processing import intake
from vuemantics_tui.store.uploads import UploadStore


def files_of(library: Library) -> list[str]:
    """The names of all files below the library's uploads."""
    return sorted(path.name for path in (library.root / "uploads").rglob("*") if path.is_file())


async def one(library: Library, path: Path, *, recursive: bool = False) -> IntakeResult:
    """Add one path; returns what became of it."""
    (result,) = await add_all(library, path, recursive=recursive)
    return result


async def test_a_copy_is_kept_under_the_format_that_it_really_has(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library()
    source = draw_picture("really a png.png").rename(draw_picture("x.png").parent / "pretends.jpg")
    upload = (await one(library, source)).upload
    assert upload is not None
    assert (upload.filename, upload.mime_type, upload.extension) == ("pretends.jpg", "image/png", "png")
    assert upload.file_path == f"uploads/{upload.user_id}/{upload.id}/original.png"
    assert (library.root / upload.file_path).read_bytes() == source.read_bytes()
    assert (upload.status, upload.width, upload.height) == ("pending", 64, 48)
    assert stat.S_IMODE((library.root / upload.file_path).parent.stat().st_mode) == 0o700


async def test_the_same_content_is_there_once(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library()
    first = await one(library, draw_picture("a.png", seed=1))
    again = await one(library, draw_picture("b.png", seed=1))
    assert first.upload is not None
    assert again.upload is not None
    assert (again.outcome, again.upload.id) == (IntakeOutcome.DUPLICATE, first.upload.id)
    assert files_of(library) == ["original.png", "upload.json"]


async def test_two_windows_that_add_the_same_at_once_get_one_upload(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    here, there = await open_library(), await open_library()
    path = draw_picture()
    results = await asyncio.gather(one(here, path), one(there, path))
    assert {result.outcome for result in results} == {IntakeOutcome.ADDED, IntakeOutcome.DUPLICATE}
    assert files_of(here) == ["original.png", "upload.json"]


async def test_a_file_whose_upload_failed_is_retried(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    analyzer = ScriptedAnalyzer(describe_error=RuntimeError("on purpose"))
    library = await open_library(analyzer)
    await add_all(library, draw_picture())
    await library.queue.start()
    await settled(library)
    analyzer.describe_error = None
    result = await one(library, draw_picture())
    assert result.outcome is IntakeOutcome.RETRIED
    await settled(library)
    (upload,) = await library.uploads.newest()
    assert (upload.status, upload.error_message, upload.hint) == ("completed", None, None)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty"), (b"just some words\n", "text"), (b"%PDF-1.7\n" + b"x" * 99, "PDF")]
)
async def test_what_is_no_picture_is_skipped_with_its_reason(
    open_library: OpenLibrary, tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "odd.jpg"
    path.write_bytes(content)
    library = await open_library()
    result = await one(library, path)
    assert result.outcome is IntakeOutcome.SKIPPED
    assert reason.lower() in result.reason.lower()
    assert files_of(library) == []
    assert list((library.root).glob("uploads/*/*")) == []


async def test_limits_are_settings(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library(max_megapixels=1, max_image_mib=4)
    assert "pixel" in (await one(library, draw_picture("wide.png", size=(2000, 600)))).reason
    heavy = draw_picture("heavy.png", size=(900, 1000))
    with heavy.open("ab") as file:
        file.write(b"\0" * 4 * 1024**2)
    assert "more than the limit of 4.2 MB" in (await one(library, heavy)).reason


async def test_folders_need_to_be_asked_for(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library()
    result = await one(library, draw_picture().parent)
    assert (result.outcome, result.reason) == (IntakeOutcome.SKIPPED, "This is a folder")
    assert result.is_unread
    assert "--recursive" in result.hint


async def test_a_folder_is_walked_without_what_is_hidden_linked_out_or_ours(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    folder = draw_picture("here.png", seed=1).parent
    library = await open_library(folder="pictures/library")
    for number, name in enumerate(("deep", ".hidden folder"), 2):
        (folder / name).mkdir()
        draw_picture("moved.png", seed=number).rename(folder / name / f"{name.strip('.')}.png")
    draw_picture(".hidden.png", seed=4)
    outside = tmp_path / "outside"
    outside.mkdir()
    draw_picture("out.png", seed=5).rename(outside / "out.png")
    (folder / "link out.png").symlink_to(outside / "out.png")
    (folder / "link to folder").symlink_to(outside)
    (folder / "circle").symlink_to(folder)
    (folder / "deep" / "up").symlink_to(folder)
    (folder / "itself.png").symlink_to("itself.png")
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "link in.png").symlink_to(folder / "here.png")
    os.mkfifo(folder / "pipe.png")
    await one(library, outside / "out.png")
    results = await add_all(library, folder, recursive=True)
    by_name = {result.path.name: result for result in results}
    assert {name for name, result in by_name.items() if result.is_new} == {"here.png", "deep.png"}
    assert "out of the folder" in by_name["link out.png"].reason
    assert "regular" in by_name["pipe.png"].reason
    assert "link to a folder" in by_name["link to folder"].reason
    for name in ("circle", "up", "itself.png"):
        assert "back to itself" in by_name[name].reason, name
    assert "missing" in by_name["dangling.png"].reason
    links = {"link out.png", "link to folder", "circle", "up", "itself.png", "dangling.png"}
    assert set(by_name) == {"here.png", "deep.png", "pipe.png", *links}
    assert not any(result.is_unread for result in results), "all of that was left out by choice"


async def test_a_path_that_is_not_there_stops_everything_before_it_begins(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await open_library()
    with pytest.raises(UsageError, match="no file or folder"):
        await add_all(library, draw_picture(), tmp_path / "missing.png")
    assert await library.uploads.newest() == []


async def test_an_unreadable_or_vanished_file_is_skipped(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await open_library()
    path = draw_picture()
    candidates = await library.gather([path], recursive=False)
    path.unlink()
    (result,) = [result async for result in library.add(candidates)]
    assert (result.outcome, result.is_unread) == (IntakeOutcome.SKIPPED, True)
    assert "It is gone" in result.reason
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    dangling = await one(library, tmp_path / "dangling.png")
    assert ("a file that is missing" in dangling.reason, dangling.is_unread) == (True, True)
    (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
    circle = await one(library, tmp_path / "circle.png")
    assert ("back to itself" in circle.reason, circle.is_unread) == (True, True)


async def test_names_of_every_kind_are_added(
    open_library: OpenLibrary, draw_picture: DrawPicture, tmp_path: Path
) -> None:
    library = await open_library()
    folder = draw_picture("plain.png").parent
    names = ["n" * 251 + ".png", "two\nlines.png", "\x1b[31mred.png", "-r.png", "é" * 125 + ".png"]
    for number, name in enumerate(names):
        draw_picture("next.png", seed=number).rename(folder / name)
    os.rename(draw_picture("next.png", seed=9), os.fsencode(folder) + b"/na\xefve.png")  # noqa: PTH104
    results = await add_all(library, folder, recursive=True)
    assert [result.outcome for result in results] == [IntakeOutcome.ADDED] * 7
    assert {upload.filename for upload in await library.uploads.newest()} == {"plain.png", "na\ufffdve.png", *names}


async def test_space_is_checked_before_anything_is_copied(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 500, 500))
    library = await open_library()
    with pytest.raises(LibraryError, match="Not enough space") as caught:
        await add_all(library, draw_picture(size=(200, 200)))
    assert "Nothing was added" in caught.value.hint


async def test_a_disk_that_fills_up_while_copying_leaves_nothing_half_written(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = await open_library()
    whole = copy_and_hash

    def fill_up(source: Path, target: Path, on_bytes: object) -> str:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(intake, "copy_and_hash", fill_up)
    with pytest.raises(LibraryError, match="No space left"):
        await one(library, draw_picture())
    assert files_of(library) == []
    monkeypatch.setattr(intake, "copy_and_hash", whole)
    assert (await one(library, draw_picture())).is_new


async def test_a_store_that_refuses_the_row_leaves_no_file(
    open_library: OpenLibrary, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = await open_library()

    async def refuse(*_: object) -> None:
        raise LibraryError("locked")

    monkeypatch.setattr(UploadStore, "insert", refuse)
    with pytest.raises(LibraryError, match="locked"):
        await one(library, draw_picture())
    assert files_of(library) == []


async def test_the_sweep_removes_what_a_crash_left_and_nothing_else(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library()
    upload = (await one(library, draw_picture())).upload
    assert upload is not None
    root = library.root / "uploads" / upload.user_id
    for name, age in (("old orphan", 2 * 3600), ("young orphan", 60), (upload.id, 2 * 3600)):
        (root / name).mkdir(exist_ok=True)
        for path in (root / name / "original.jpg.part", root / name):
            if path.suffix:
                path.write_bytes(b"half")
            os.utime(path, (time.time() - age, time.time() - age))
        for path in (root / name).iterdir():
            os.utime(path, (time.time() - age, time.time() - age))
    (root / ".DS_Store").write_bytes(b"of a file manager")
    assert await library.sweep() == 1
    assert sorted(path.name for path in root.iterdir()) == sorted([".DS_Store", "young orphan", upload.id])


async def test_the_sweep_keeps_originals_that_an_older_database_does_not_know(
    open_library: OpenLibrary, draw_picture: DrawPicture
) -> None:
    library = await open_library()
    upload = (await one(library, draw_picture())).upload
    assert upload is not None
    folder = library.root / "uploads" / upload.user_id / upload.id
    async with library.database.transaction() as connection:
        await connection.execute("DELETE FROM uploads")
    for path in (*folder.iterdir(), folder):
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    before = files_of(library)
    assert before
    assert await library.sweep() == 0
    assert files_of(library) == before


async def test_a_name_that_is_no_utf8_is_kept_readable(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library()
    odd = os.fsencode(draw_picture().parent) + b"/caf\xe9 \x1b[2J.png"
    draw_picture().rename(os.fsdecode(odd))
    upload = (await one(library, Path(os.fsdecode(odd)))).upload
    assert upload is not None
    assert upload.filename == "caf\ufffd \x1b[2J.png"
