"""Which commands create, which need an analyzer, and what a library that may not be written is still good for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import NOBODY, PICTURES, Run, RunEach, objects

# Root may write anywhere. Without these two capabilities it obeys the permissions, as anybody else.
AS_ANYBODY = """
import ctypes, os, sys
DROP, DAC_OVERRIDE, DAC_READ_SEARCH = 24, 1, 2
if os.geteuid() == 0:
    for capability in (DAC_OVERRIDE, DAC_READ_SEARCH):
        assert ctypes.CDLL(None).prctl(DROP, capability, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-m", "vuemantics_tui", *sys.argv[1:]])
"""


def test_only_what_adds_creates_a_library(run_each: RunEach, tmp_path: Path) -> None:
    commands = [
        "list", "show 3f2a", "open 3f2a", "search cat", "search tag:cat", "saved", "saved add cats cat", "tag --list",
        "tag 3f2a +beach", "trash", "trash empty --yes", "delete 3f2a --yes", "duplicates", "duplicates --trash --yes",
        "stats", "export - --format jsonl", "failures", "failures --retry", "retry --failed", "describe 3f2a",
        "edit 3f2a --text x", "reembed", "analyzer", "analyzer ollama", "pull",
    ]  # fmt: skip
    for result in run_each([words.split() for words in commands]):
        assert (result.returncode, result.stdout) == (1, ""), result.args
        assert f"There is no library in {tmp_path / 'library'}" in result.stderr, result.args
        assert "vuemantics-tui add" in result.stderr, result.args
    assert not (tmp_path / "library").exists()


WRONG = {"VUEMANTICS_ANALYZER": "openai"}


def test_a_wrong_analyzer_stops_only_what_uses_it(run: Run, run_each: RunEach, ids: dict[str, str]) -> None:
    cat = ids["chelsea.png"]
    fine = [
        ["list"], ["show", cat], ["tag", cat, "+pet"], ["tag", "--list"], ["delete", ids["rocket.jpg"], "--yes"],
        ["trash"], ["duplicates"], ["stats"], ["failures"], ["describe", cat], ["export", "-", "--format", "csv"],
        ["search", "tag:pet"],
    ]  # fmt: skip
    for result in run_each(fine, **WRONG):
        assert (result.returncode, "openai" in result.stderr) == (0, False), (result.args, result.stderr)
    (examined,) = objects(run("doctor", "--json", **WRONG))
    verdicts = {finding["verdict"] for finding in examined["findings"] if finding["subject"] == "library"}
    assert (examined["ok"], verdicts) == (False, {"good"})
    for refused in run_each([["analyzer"], ["reembed"], ["retry", cat], ["process"], ["add", __file__]], **WRONG):
        assert refused.returncode == 2, refused.args
        assert "The analyzer openai needs" in refused.stderr, refused.args
    assert {document["status"] for document in objects(run("list", "--json"))} == {"completed"}, "nothing was queued"


def test_with_a_wrong_analyzer_keywords_still_find(run: Run, ids: dict[str, str]) -> None:
    found = run("search", "cat", "--json", **WRONG)
    assert found.returncode == 0
    assert ids["chelsea.png"] in {document["id"] for document in objects(found)}
    assert "The analyzer openai needs" in found.stderr


@pytest.fixture
def guarded(ids: dict[str, str], tmp_path: Path) -> Run:
    """Runs the program on a copy of the processed library that it may read and not write."""
    library = tmp_path / "library"
    for path in [library, *library.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)

    def run_program(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", AS_ANYBODY, *map(str, words)],
            env={**os.environ, "VUEMANTICS_LIBRARY": str(library), "OLLAMA_HOST": NOBODY, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run_program


def test_a_read_only_library_is_listed_shown_searched_and_exported(
    guarded: Run, ids: dict[str, str], tmp_path: Path
) -> None:
    cat = ids["chelsea.png"]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "library").rglob("*")}
    assert {document["id"] for document in objects(guarded("list", "--json"))} == set(ids.values())
    assert objects(guarded("show", cat, "--json"))[0]["id"] == cat
    found = guarded("search", "kitten", "--json")
    assert objects(found)[0]["id"] in (cat, ids["small cat.png"])
    assert "Error" not in found.stderr
    assert objects(guarded("search", "type:image", "--json"))
    exported = guarded("export", tmp_path / "out.jsonl")
    assert (exported.returncode, len((tmp_path / "out.jsonl").read_text().splitlines())) == (0, 4)
    assert len(objects(guarded("duplicates", "--json"))) == 1
    assert guarded("stats").returncode == guarded("trash").returncode == guarded("failures").returncode == 0
    assert "the database is intact" in guarded("doctor").stdout
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "library").rglob("*")} == before


def test_a_read_only_library_refuses_changes_with_the_reason(guarded: Run, ids: dict[str, str]) -> None:
    for words in (["tag", ids["chelsea.png"], "+pet"], ["delete", ids["chelsea.png"], "--yes"], ["process"]):
        refused = guarded(*words)
        assert refused.returncode == 1, words
        assert "cannot be written" in refused.stderr, words
        assert "Traceback" not in refused.stderr


def test_what_cannot_be_read_is_named_and_everything_else_is_added(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    closed, mute = folder / "closed", folder / "mute"
    for each in (closed, mute):
        each.mkdir(parents=True)
    for name, path in (("chelsea.png", folder), ("coffee.png", closed), ("rocket.jpg", mute), ("coins.png", folder)):
        shutil.copy(PICTURES / name, path)
    (folder / "coins.png").chmod(0)
    (folder / "notes.txt").write_text("Not a picture.")
    (folder / "round").symlink_to(folder)
    closed.chmod(0o600)
    mute.chmod(0o300)

    def add(*words: str | Path, code: int) -> dict[str, dict[str, str]]:
        result = subprocess.run(
            [sys.executable, "-c", AS_ANYBODY, "add", "--no-wait", "--json", *map(str, words)],
            env={**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / "library"), "OLLAMA_HOST": NOBODY},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (result.returncode, "Traceback" in result.stderr) == (code, False), result.stderr
        return {document["filename"]: document for document in objects(result)}

    try:
        told = add("-r", folder, code=1)
        assert told["chelsea.png"]["status"] == "pending"
        for name in ("coffee.png", "mute", "coins.png"):
            assert "permission denied" in told[name]["reason"], name
            assert told[name]["hint"]
        assert "leads back to itself" in told["round"]["reason"]
        assert "rocket.jpg" not in told
        # One file in a closed folder: it is there, and the others are added.
        told = add(closed / "coffee.png", PICTURES / "cell.png", code=1)
        assert ("permission denied" in told["coffee.png"]["reason"], told["cell.png"]["status"]) == (True, "pending")
        told = add(folder, code=1)
        assert "--recursive" in told["photos"]["hint"]
        add(folder / "notes.txt", code=0)
    finally:
        for each in (closed, mute):
            each.chmod(0o700)
