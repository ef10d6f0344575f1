"""Stacks from a shell: listed, searched, made, taken apart, deleted and exported."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ONE_WORKER, PICTURES, Run, objects
from tests.media.test_companions import clip, google

LIVE = {"IMG_0001.JPG", "IMG_0001.MOV"}


@pytest.fixture(scope="session")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library with a Live Photo of a cat, a motion photo and a cup of coffee. For reading only."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("stacked")
    pictures = folder / "pictures"
    pictures.mkdir()
    with Image.open(PICTURES / "chelsea.png") as cat:
        cat.save(pictures / "IMG_0001.JPG", quality=90)
    (pictures / "IMG_0001.MOV").write_bytes(clip(2.0))
    (pictures / "PXL_20230101_101112345.MP.jpg").write_bytes(google(clip(1.0)))
    shutil.copy(PICTURES / "coffee.png", pictures / "coffee.png")
    subprocess.run(
        [sys.executable, "-m", "vuemantics_tui", "--library", folder / "library", "add", pictures, "--recursive"],
        env={**os.environ, **ONE_WORKER},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=True,
    )
    return folder / "library"


@pytest.fixture
def ids(stacked: Path, tmp_path: Path, run: Run) -> dict[str, str]:
    """Give the program a copy of that library; return its IDs by file name."""
    shutil.copytree(stacked, tmp_path / "library")
    return {document["filename"]: document["id"] for document in objects(run("list", "--members", "--json"))}


def names(result: subprocess.CompletedProcess[str]) -> set[str]:
    return {document["filename"] for document in objects(result)}


def test_a_stack_is_one_entry(run: Run, ids: dict[str, str]) -> None:
    assert len(ids) == 4
    assert names(run("list", "--json")) == {"IMG_0001.JPG", "PXL_20230101_101112345.MP.jpg", "coffee.png"}
    table = run("list").stdout
    assert "IMG_0001.JPG  ❐ 2" in table
    assert "PXL_20230101_101112345.MP.jpg  ▷" in table
    (shown,) = objects(run("show", ids["IMG_0001.MOV"], "--json"))
    assert (shown["stack"], shown["stack_role"]) == (ids["IMG_0001.JPG"], "clip")
    assert [(member["filename"], member["role"]) for member in shown["stack_members"]] == [
        ("IMG_0001.JPG", "still"),
        ("IMG_0001.MOV", "clip"),
    ]
    assert "IMG_0001.JPG (still), IMG_0001.MOV (clip)" in run("show", ids["IMG_0001.JPG"]).stdout
    (alone,) = objects(run("show", ids["coffee.png"], "--json"))
    assert (alone["stack"], alone["stack_role"], alone["stack_members"]) == (None, None, [])


def test_a_search_finds_the_whole(run: Run, ids: dict[str, str]) -> None:
    for query in ("is:live", "is:stack", "name:IMG_0001.MOV"):
        (hit,) = objects(run("search", query, "--json"))
        assert hit["id"] == ids["IMG_0001.JPG"], query
    assert names(run("search", "is:live", "--members", "--json")) == LIVE
    (inner,) = objects(run("search", "name:IMG_0001.MOV", "--members", "--json"))
    assert inner["id"] == ids["IMG_0001.MOV"]
    assert names(run("search", "--json", "--", "-is:stack")) == set(ids) - LIVE
    run("tag", "--alone", ids["IMG_0001.MOV"], "+zanzibar")
    (hit,) = objects(run("search", "zanzibar", "--json"))
    assert (hit["id"], hit["found_in"]) == (ids["IMG_0001.JPG"], ids["IMG_0001.MOV"])
    assert hit["matched"] == ["zanzibar"]


def test_tags_and_the_trash_take_all_of_a_stack(run: Run, ids: dict[str, str]) -> None:
    still, clip_id = ids["IMG_0001.JPG"], ids["IMG_0001.MOV"]
    assert "Tagged 2 uploads" in run("tag", still, "+beach").stderr
    assert "Tagged 1 upload" in run("tag", clip_id, "+sea").stderr
    assert "Rated 2 uploads" in run("rate", still, "4").stderr
    assert "Moved 2 uploads" in run("delete", still, "--yes").stderr
    assert names(run("trash", "--json")) == LIVE
    assert "Restored 2 uploads" in run("trash", "restore", still).stderr
    assert "Moved 1 upload" in run("delete", still, "--alone", "--yes").stderr
    assert names(run("list", "--json")) == set(ids) - {"IMG_0001.JPG"}
    run("trash", "restore", still)
    assert "❐ 2" in run("list").stdout


def test_made_and_taken_apart_by_hand(run: Run, ids: dict[str, str]) -> None:
    still, coffee = ids["IMG_0001.JPG"], ids["coffee.png"]
    (listed,) = objects(run("stack", "list", "--json"))
    assert (listed["stack"], listed["count"], listed["kinds"]) == (still, 2, ["Live Photo"])
    assert "Live Photo" in run("stack").stdout
    made = run("stack", "make", still, coffee)
    assert "Stacked 3 uploads" in made.stderr
    assert "Took 3 uploads out of their stack" in run("stack", "break", coffee).stderr
    assert names(run("list", "--json")) == set(ids)
    # Nothing but a person stacks them again.
    run("retry", still, ids["IMG_0001.MOV"])
    assert names(run("list", "--json")) == set(ids)
    run("stack", "make", coffee, still)
    assert "coffee.png is the cover of its stack of 2." in run("stack", "cover", coffee).stderr
    assert "coffee.png  ❐ 2" in run("list").stdout
    single = run("stack", "make", coffee)
    assert (single.returncode, "at least two" in single.stderr) == (2, True)
    again = run("stack", "make", coffee, still)
    assert (again.returncode, "in one stack already" in again.stderr) == (2, True)
    none = run("stack", "break", ids["IMG_0001.MOV"])
    assert (none.returncode, "IMG_0001.MOV is not in a stack" in none.stderr) == (2, True)


def test_exports_hold_everything(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    assert names(run("export", "-", "--format", "jsonl")) == set(ids)
    assert names(run("export", "-", "is:live", "--format", "jsonl")) == LIVE
    rows = list(
        csv.DictReader(io.StringIO(run("export", "-", "is:live", "--format", "csv").stdout.removeprefix("\ufeff")))
    )
    assert {(row["filename"], row["stack"], row["stack_role"]) for row in rows} == {
        ("IMG_0001.JPG", ids["IMG_0001.JPG"], "still"),
        ("IMG_0001.MOV", ids["IMG_0001.JPG"], "clip"),
    }
    folder = tmp_path / "out"
    folder.mkdir()
    assert "Wrote 1 clip" in run("export", folder, "--format", "clips").stderr
    assert (folder / "PXL_20230101_101112345.MP.mp4").read_bytes() == clip(1.0)
    assert "Wrote 1 clip" in run("export", folder, "is:motion", "--format", "clips").stderr
    assert len(list(folder.iterdir())) == 2
    (original,) = (tmp_path / "library").rglob(f"{ids['PXL_20230101_101112345.MP.jpg']}/original.*")
    original.unlink()
    missing = run("export", folder, "--format", "clips")
    assert (missing.returncode, "Its original is missing" in missing.stderr) == (1, True)
    assert "Wrote 0 clips" in missing.stderr


def test_clips_are_played(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    viewer, seen = tmp_path / "xdg-open", tmp_path / "seen"
    viewer.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> "{seen}"\n')
    viewer.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    for name in ("PXL_20230101_101112345.MP.jpg", "IMG_0001.JPG"):
        opened = run("open", "--clip", ids[name], PATH=path, DISPLAY=":0")
        assert opened.returncode == 0, opened.stderr
    taken_out, live = (Path(line) for line in seen.read_text().splitlines())
    assert taken_out.read_bytes() == clip(1.0)
    assert live.read_bytes() == clip(2.0)
    nothing = run("open", "--clip", ids["coffee.png"])
    assert (nothing.returncode, "coffee.png has no clip" in nothing.stderr) == (2, True)
