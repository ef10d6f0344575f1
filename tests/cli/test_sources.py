"""Sources from a shell, and scans that are killed."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Run, objects

COUNT = 400


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder with small pictures in folders of 20."""
    folder = tmp_path / "photos"
    generator = np.random.default_rng(1)
    for number in range(COUNT):
        path = folder / f"day {number // 20}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 255, (8, 8, 3), np.uint8)).save(path)
    return folder


def hashes(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_used_in_place(run: Run, photos: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    shutil.copytree(photos / "day 0", few / "a")
    (few / "notes.txt").write_text("no picture")
    before = hashes(few)
    added = run("add", "--in-place", str(few), "--json")
    assert added.returncode == 0, added.stderr
    scan, *uploads = objects(added)
    assert (scan["new"], scan["refused"], scan["state"]) == (20, 1, "here")
    assert {(one["placement"], one["source"], one["missing_since"]) for one in uploads} == {
        ("in-place", str(few), None)
    }
    assert {one["file_path"] for one in uploads} == {str(path) for path in before if path.suffix == ".png"}
    (listed,) = objects(run("source", "list", "--json"))
    assert (listed["files"], listed["missing"], listed["state"], listed["watch"]) == (20, 0, "here", True)
    (few / "a").rename(few / "b")
    (few / "b/3.png").unlink()
    copies = [few / "c.png", few / "d.png"]
    for copy in copies:
        shutil.copyfile(few / "b/5.png", copy)
    (again,) = objects(run("source", "scan", str(few), "--json"))
    assert (again["moved"], again["missing"], again["new"], again["copies"]) == (19, 1, 0, 2)
    (copied,) = [one["id"] for one in objects(run("list", "--json")) if one["filename"] == "5.png"]
    assert [line.split()[-1] for line in run("show", copied).stdout.splitlines() if "few" in line][-4:-1] == [
        str(few),
        *map(str, copies),
    ]
    for copy in copies:
        copy.unlink()
    missing = [one for one in objects(run("list", "--json")) if one["missing_since"]]
    assert [one["filename"] for one in missing] == ["3.png"]
    assert "⊘ missing" in run("list").stdout
    opened = run("open", missing[0]["id"])
    assert (opened.returncode, "3.png is missing since" in opened.stderr) == (1, True)
    assert "No uploads have been missing" in run("source", "clean", "--yes").stderr
    assert "Moved 1 upload" in run("source", "clean", "--missing-for", "0d", "--yes").stderr
    shutil.move(few, tmp_path / "disk/few")
    assert "away" in run("source", "scan").stdout
    assert run("source", "scan", str(few)).returncode == 1
    assert run("source", "move", str(few), str(tmp_path / "disk/few")).returncode == 0
    assert "no changes" in run("source", "scan").stdout
    assert run("source", "remove", str(tmp_path / "disk/few"), "--yes").returncode == 0
    assert objects(run("list", "--json")) == []
    assert len(hashes(tmp_path / "disk/few")) == 20


def test_files_are_deleted_only_when_you_say_so(run: Run, photos: Path, tmp_path: Path) -> None:
    day = photos / "day 0"
    run("source", "add", str(day))
    ids = {one["filename"]: one["id"] for one in objects(run("list", "--json"))}
    assert run("delete", ids["1.png"], "--yes").returncode == 0
    assert (day / "1.png").exists()
    home = tmp_path / "home"
    home.mkdir()
    deleted = run("delete", ids["2.png"], "--files-too", "--yes", HOME=str(home), XDG_DATA_HOME=str(home / "data"))
    assert deleted.returncode == 0, deleted.stderr
    assert not (day / "2.png").exists()
    assert [path.name for path in home.rglob("Trash/files/*")] == ["2.png"]
    assert run("trash", "restore", ids["2.png"]).returncode == 0
    found = objects(run("search", "is:missing", "--json"))
    assert ([one["filename"] for one in found], objects(run("source", "list", "--json"))[0]["missing"]) == (
        ["2.png"],
        1,
    )
    assert run("delete", ids["2.png"], "--yes").returncode == 0
    assert objects(run("source", "list", "--json"))[0]["missing"] == 0
    assert run("trash", "empty", "--yes").returncode == 0
    assert (day / "1.png").exists()
    (scan,) = objects(run("source", "scan", "--json"))
    assert (scan["new"], scan["missing"]) == (0, 0)
    (removed,) = objects(run("source", "list", "--removed", "--json"))
    assert (removed["path"], removed["id"]) == (str(day / "1.png"), None)
    assert run("source", "restore", str(day / "1.png")).returncode == 0
    (scan,) = objects(run("source", "scan", "--json"))
    assert scan["new"] == 1


def test_side_cars_in_place_are_asked_for_by_name(run: Run, photos: Path, tmp_path: Path) -> None:
    day = photos / "day 0"
    run("source", "add", str(day))
    before = hashes(day)
    assert run("export", "--in-place").returncode == 2
    assert run("export", "--in-place", "--format", "xmp", "--overwrite").returncode == 2
    assert hashes(day) == before
    # What words find is not certain, so without a terminal to ask on nothing is written.
    asked = run("export", "--in-place", "--format", "xmp", "1.png", "type:image")
    assert (asked.returncode, str(day / "1.png") in asked.stderr) == (2, True)
    assert "beside your originals needs your confirmation" in asked.stderr and "add --yes" in asked.stderr
    assert hashes(day) == before
    assert "Wrote 1 side-car " in run("export", "--in-place", "--format", "xmp", "name:11.png").stderr
    assert run("export", "--in-place", "--format", "xmp", "--yes", "12.png").returncode == 0
    assert {"11.png.xmp", "12.png.xmp"} <= {path.name for path in day.iterdir()}
    assert "Wrote 20 side-cars" in run("export", "--in-place", "--format", "xmp").stderr
    after = hashes(day)
    assert {path: after[path] for path in before} == before
    assert len(after) == 40


def test_a_process_that_runs_on_watches_and_says_what_it_cannot(run: Run, tmp_path: Path, photos: Path) -> None:
    run("source", "add", str(photos / "day 1"))
    run("source", "add", str(photos / "day 2"))
    shutil.rmtree(photos / "day 1")
    process = subprocess.Popen(
        [sys.executable, "-m", "vuemantics_tui", "process", "--forever"],
        env={**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / "library")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    try:
        for line in process.stderr:
            if f"{photos / 'day 1'}: away. " in line:
                break
        shutil.copyfile(photos / "day 3/60.png", photos / "day 2/new.png")
        assert any("new.png" in line for line in process.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130


def has_source(library: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{library}/library.db?mode=ro", uri=True)) as database:
            return bool(database.execute("SELECT 1 FROM sources").fetchall())
    except sqlite3.Error:
        return False


def test_a_killed_scan_loses_and_doubles_nothing(run: Run, photos: Path, tmp_path: Path) -> None:
    before = hashes(photos)
    environment = {**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / "library")}
    moments = random.Random(7)
    for _ in range(6):
        command = [sys.executable, "-m", "vuemantics_tui", "source", "add", str(photos)]
        scan = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # However slow the machine is, the first one gets as far as the source.
        while scan.poll() is None and not has_source(tmp_path / "library"):
            os.sched_yield()
        began = time.monotonic()
        length = moments.uniform(0.2, 0.9)
        while scan.poll() is None and time.monotonic() - began < length:
            os.sched_yield()
        scan.kill()
        scan.wait()
    (photos / "day 1").rename(photos / "day one")
    assert run("source", "scan").returncode == 0
    uploads = objects(run("list", "--json", "--members"))
    assert len({one["sha256"] for one in uploads}) == len(uploads) == COUNT
    assert {one["file_path"] for one in uploads} == {str(path) for path in photos.rglob("*.png")}
    assert sorted(hashes(photos).values()) == sorted(before.values())


def test_the_doctor_tells_of_sources_that_are_away(run: Run, photos: Path, tmp_path: Path) -> None:
    run("source", "add", str(photos))
    assert f"{photos}: {COUNT} files" in run("doctor").stdout
    shutil.move(photos, tmp_path / "disk/photos")
    told = run("doctor").stdout
    assert f"{photos} is not there" in told
    assert "source move" in told
