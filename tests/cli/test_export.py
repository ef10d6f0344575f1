"""Getting data out from a shell."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_json_lines_and_csv(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    written = run("export", target)
    assert (written.returncode, written.stdout) == (0, "")
    assert "Exported 4 uploads to" in written.stderr
    assert {json.loads(line)["id"] for line in target.read_text("utf-8").splitlines()} == set(ids.values())
    again = run("export", target)
    assert (again.returncode, "add --overwrite" in again.stderr) == (2, True)
    assert run("export", target, "--overwrite", "--", "type:image", "-cat").returncode == 0
    assert len(target.read_text("utf-8").splitlines()) == 2
    piped = run("export", "-", "name:coffee", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(piped.stdout))
    assert row["filename"] == "coffee.png"


def test_originals_are_copied_into_a_folder(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "chosen"
    folder.mkdir()
    copied = run("export", folder, "name:coffee", "--format", "originals")
    assert (copied.returncode, [path.name for path in folder.iterdir()]) == (0, ["coffee.png"])
    assert "Copied 1 original to" in copied.stderr
    to_stdout = run("export", "-", "--format", "originals")
    assert (to_stdout.returncode, "Originals need a folder" in to_stdout.stderr) == (2, True)


def test_a_search_is_exported_above_its_cut_off(run: Run, ids: dict[str, str]) -> None:
    exported = run("export", "-", "kitten", "--format", "jsonl")
    names = {json.loads(line)["filename"] for line in exported.stdout.splitlines()}
    assert "chelsea.png" in names
    assert len(names) < 4
    assert f"{4 - len(names)} below the cut-off skipped" in exported.stderr
    assert run("export", "-", "name:nothing-is-called-so", "--format", "jsonl").stdout == ""


def test_side_cars_keep_what_others_wrote_and_one_that_fails_is_named(
    run: Run, ids: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "xmp"
    folder.mkdir()
    foreign = folder / "coffee.png.xmp"
    foreign.write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='other'/>")
    (folder / "chelsea.png.xmp").mkdir()
    written = run("export", folder, "--format", "xmp")
    assert written.returncode == 1
    assert "failed     chelsea.png.xmp" in written.stderr
    assert "Wrote 3 side-cars" in written.stderr
    assert ids["coffee.png"] in foreign.read_text("utf-8") and "other" in foreign.read_text("utf-8")
    assert len(list(folder.iterdir())) == 4
    assert run("export", folder, "name:coffee", "--overwrite", "--sidecar-style", "lightroom").returncode == 0
    assert ids["coffee.png"] in (folder / "coffee.xmp").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["export", "/nowhere/x.csv"], "cannot be written"),
        (["export", "/", "--format", "csv"], "This is a folder"),
        (["export", "/nowhere", "--format", "xmp"], "There is no folder"),
        (["export", "out.txt"], "Add --format"),
        (["export", "-", "--format", "xmp"], "need a folder"),
        (["export", "-", "--format", "csv", "typ:video"], "no filter typ:"),
        (["export", "-", "--format", "csv", "a", "-b"], "-- kitten -b"),
    ],
)
@pytest.mark.usefixtures("empty")
def test_a_wrong_call_says_what_to_do(run: Run, words: list[str], says: str) -> None:
    result = run(*words)
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr
    assert "Traceback" not in result.stderr
