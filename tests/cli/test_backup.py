"""Backups, restoring them, and the check, as a person runs them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Run, objects
from tests.conftest import DrawPicture

PICTURES = 30


def test_a_backup_taken_during_an_import_is_sound_and_has_what_was_added_before(
    run: Run, tmp_path: Path, draw_picture: DrawPicture
) -> None:
    pictures = [draw_picture(f"{number}.png", seed=number) for number in range(PICTURES)]
    adding = subprocess.Popen(
        [sys.executable, "-m", "vuemantics_tui", "add", "--json", *map(str, pictures)],
        env={**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / "library")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with adding:
        assert adding.stdout is not None
        # What is printed is completed, so it was added before.
        reported = [json.loads(adding.stdout.readline())["id"] for _ in range(3)]
        made = run("backup", tmp_path / "copy.tar", "--with-originals", "--json")
        assert adding.poll() is None, "the import ended before the backup: nothing was tested"
        adding.stdout.read()
    assert made.returncode == 0, made.stderr
    assert run("check", tmp_path / "copy.tar").returncode == 0
    elsewhere = {"VUEMANTICS_LIBRARY": str(tmp_path / "elsewhere")}
    assert run("restore", tmp_path / "copy.tar", **elsewhere).returncode == 0
    checked = run("check", "--hashes", **elsewhere)
    assert checked.returncode == 0, checked.stdout
    restored = {document["id"] for document in objects(run("list", "--json", **elsewhere))}
    assert set(reported) <= restored
    assert objects(made)[0]["uploads"] == objects(made)[0]["originals"] == len(restored)


def test_a_file_that_is_there_is_replaced_only_on_request(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("somebody's")
    refused = run("backup", copy)
    assert (refused.returncode, "--replace" in refused.stderr, copy.read_text()) == (2, True, "somebody's")
    assert run("backup", copy, "--replace").returncode == 0
    assert copy.stat().st_mode & 0o777 == 0o600
    assert run("backup", tmp_path).returncode == 2
    assert run("backup", tmp_path / "no" / "folder.db").returncode == 2


@pytest.mark.parametrize("options", [[], ["--with-originals"]])
def test_a_disk_that_takes_no_more_leaves_nothing_half_written(
    run: Run, ids: dict[str, str], tmp_path: Path, options: list[str]
) -> None:
    target = tmp_path / "disk" / "copy"
    target.parent.mkdir()
    # No file may have more than 100 KiB, so writing fails in the middle.
    command = 'ulimit -f 200; exec "$0" -m vuemantics_tui backup "$@"'
    failed = subprocess.run(
        ["sh", "-c", command, sys.executable, str(target), *options],
        env={**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / "library")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode == 1
    assert "Error: " in failed.stderr
    assert "Traceback" not in failed.stderr
    assert list(target.parent.iterdir()) == []
    assert run("backup", target, *options).returncode == 0


def test_a_library_that_is_not_empty_is_replaced_only_on_request(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    cat, library = ids["chelsea.png"], tmp_path / "library"
    run("tag", cat, "+pet")
    run("backup", tmp_path / "copy.db")
    run("tag", cat, "-pet")
    refused = run("restore", tmp_path / "copy.db")
    assert (refused.returncode, "has 4 uploads" in refused.stderr, "--replace" in refused.stderr) == (2, True, True)
    unconfirmed = run("restore", tmp_path / "copy.db", "--replace")
    assert (unconfirmed.returncode, "--yes" in unconfirmed.stderr) == (2, True)
    assert not list(library.glob("replaced-*"))
    (restored,) = objects(run("restore", tmp_path / "copy.db", "--replace", "--yes", "--json"))
    assert (restored["uploads"], restored["found"], restored["missing"]) == (4, 0, 0)
    assert "pet" in objects(run("show", cat, "--json"))[0]["own_tags"]
    # What was replaced is a library of its own.
    shutil.copy(Path(restored["kept"]) / "library.db", tmp_path / "kept.db")
    run("restore", tmp_path / "kept.db", "--replace", "--yes")
    assert "pet" not in objects(run("show", cat, "--json"))[0]["own_tags"]


def test_a_copy_opens_for_reading_alone(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    look = tmp_path / "look"
    look.mkdir()
    run("backup", look / "library.db")
    (look / "library.db").chmod(0o400)
    look.chmod(0o500)
    try:
        found = objects(run("search", "cat", "--json", VUEMANTICS_LIBRARY=str(look)))
        assert ids["chelsea.png"] in {document["id"] for document in found}
        assert [path.name for path in look.iterdir()] == ["library.db"]
    finally:
        look.chmod(0o700)


@pytest.mark.parametrize("content", ["text", "tar", "database"])
def test_what_is_no_backup_is_refused(run: Run, ids: dict[str, str], tmp_path: Path, content: str) -> None:
    file = tmp_path / "no backup"
    if content == "tar":
        (tmp_path / "library.txt").write_text("hello")
        with tarfile.open(file, "w") as tar:
            tar.add(tmp_path / "library.txt", "../../library.db")
    elif content == "database":
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE moz_places (id)")
        connection.close()
    else:
        file.write_text("hello" * 2000)
    before = (tmp_path / "library" / "library.db").read_bytes()
    refused = run("restore", file, "--replace", "--yes")
    assert (refused.returncode, "backup" in refused.stderr) == (2, True), refused.stderr
    assert (tmp_path / "library" / "library.db").read_bytes() == before
    assert not list((tmp_path / "library").glob("backups/.*"))


def test_the_check_tells_what_is_wrong_and_repairs_it(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    library = tmp_path / "library"
    assert run("check").returncode == 0
    cat, coffee, rocket, small = (
        Path(objects(run("show", ids[name], "--json"))[0]["file_path"])
        for name in ("chelsea.png", "coffee.png", "rocket.jpg", "small cat.png")
    )
    cat.unlink()
    whole = rocket.read_bytes()
    rocket.write_bytes(damaged := whole[:-1])
    small.write_bytes(small.read_bytes()[:-1])
    with closing(sqlite3.connect(library / "library.db")) as database, database:
        database.execute("UPDATE uploads SET source_path = '/gone/small cat.png' WHERE id = ?", [ids["small cat.png"]])
    (coffee.parent / "thumb_256.jpg").unlink()
    (coffee.parent / "upload.json").write_text("{}")
    shutil.copytree(coffee.parent, coffee.parent.with_name(f"{ids['coffee.png'][:-4]}0000"))
    (coffee.parent.with_name(f"{ids['coffee.png'][:-4]}0000") / "original.png").write_bytes(cat_like(coffee))
    checked = run("check", "--json")
    assert checked.returncode == 1
    wrong = {finding["subject"]: finding for finding in objects(checked) if finding["verdict"] == "bad"}
    assert set(wrong) == {"originals", "thumbnails", "records", "folders"}
    assert "chelsea.png" in run("check").stdout
    repaired = run("check", "--repair", "--json")
    left = {
        (finding["subject"], affected["filename"])
        for finding in objects(repaired)
        if finding["verdict"] == "bad"
        for affected in finding["data"]["affected"]
    }
    # The cat and the rocket are copied again from where they came from; nothing has the whole small cat.
    assert left == {("originals", "small cat.png")}
    assert cat.is_file() and rocket.read_bytes() == whole
    (kept,) = library.glob("replaced-*/uploads/*/*/original.jpg")
    assert kept.read_bytes() == damaged
    rocket.write_bytes(bytes([*whole[:-1], whole[-1] ^ 255]))
    assert run("check", "--hashes", "--repair").returncode == 1
    assert rocket.read_bytes() == whole
    assert len(objects(run("list", "--json"))) == 5
    assert run("process").returncode == 0
    assert library.is_dir()


def cat_like(picture: Path) -> bytes:
    """Return the bytes of another picture than this one."""
    from io import BytesIO

    from PIL import Image

    with Image.open(picture) as image:
        buffer = BytesIO()
        image.rotate(180).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_folder_in_place_of_the_database_is_named(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "library" / "library.db"
    folder.mkdir(parents=True)
    (tmp_path / "copy.db").touch()
    for words in (["check"], ["check", "--repair"], ["add", tmp_path], ["restore", tmp_path / "copy.db"]):
        result = run(*words)
        assert (result.returncode, "Move it away" in result.stderr) == (1, True), (words, result.stderr)
    assert list((tmp_path / "library").iterdir()) == [folder]


def test_a_backup_is_checked_without_being_restored(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    copy, archive = tmp_path / "copy.db", tmp_path / "copy.tar"
    assert run("backup", copy).returncode == run("backup", archive, "--with-originals").returncode == 0
    checked = run("check", copy, "--json")
    assert checked.returncode == 0, checked.stdout
    assert {each["subject"]: each["verdict"] for each in objects(checked)}["originals"] == "neutral"
    assert f"{len(ids)} originals read and unchanged" in run("check", archive).stdout
    assert run("check", tmp_path / "nothing.db").returncode == run("check", copy, "--repair").returncode == 2

    whole = archive.read_bytes()
    original = next((tmp_path / "library" / "uploads").rglob("original.*")).read_bytes()
    at = whole.index(original) + len(original) // 2
    archive.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    spoilt = run("check", archive)
    assert (spoilt.returncode, "1 not what was added" in spoilt.stdout) == (1, True)
    archive.write_bytes(whole[:at])
    cut = run("check", archive)
    assert (cut.returncode, "cannot be read to its end" in cut.stdout) == (1, True)
    copy.write_bytes(b"no database")
    assert run("check", copy).returncode == 1
