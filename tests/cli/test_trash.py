"""Deleting from a shell: to the trash and back, and for good."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Run, objects


def test_to_the_trash_and_back(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    assert "The trash is empty" in run("trash").stderr
    cat = ids["chelsea.png"]
    original = Path(objects(run("show", cat, "--json"))[0]["file_path"])
    deleted = run("delete", cat[:12], "--yes")
    assert deleted.returncode == 0
    assert "Moved 1 upload to the trash for 30 days" in deleted.stderr
    assert f"To undo: vuemantics-tui trash restore {cat[:8]}" in deleted.stderr
    assert original.exists()
    assert run("show", cat).returncode == 2
    assert cat not in {document["id"] for document in objects(run("search", "cat", "--json"))}
    (trashed,) = objects(run("trash", "--json"))
    assert (trashed["id"], trashed["deleted_at"][:2]) == (cat, "20")
    assert cat[:8] in run("trash").stdout
    assert run("trash", "restore", cat[:12]).returncode == 0
    assert objects(run("trash", "--json")) == []
    assert cat in {document["id"] for document in objects(run("search", "cat", "--json"))}
    unknown = run("trash", "restore", cat)
    assert (unknown.returncode, "To see them: vuemantics-tui trash" in unknown.stderr) == (2, True)


def test_emptied_for_good(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    cat, coffee = ids["chelsea.png"], ids["coffee.png"]
    folders = [Path(objects(run("show", one, "--json"))[0]["file_path"]).parent for one in (cat, coffee)]
    run("delete", cat, coffee, "--yes")
    refused = run("trash", "empty")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert "Deleted 0 uploads" in run("trash", "empty", "--older-than", "1", "--yes").stderr
    assert run("trash", "empty", "--older-than", "99999999999", "--yes").returncode == 2
    assert "Deleted 1 upload for good" in run("delete", cat, "--forever", "--yes").stderr
    assert [folder.exists() for folder in folders] == [False, True]
    assert "Deleted 1 upload for good" in run("trash", "empty", "--yes").stderr
    assert [folder.exists() for folder in folders] == [False, False]


def test_what_is_in_the_trash_for_too_long_goes_when_the_library_is_processed(
    run: Run, ids: dict[str, str], tmp_path: Path
) -> None:
    cat, coffee = ids["chelsea.png"], ids["coffee.png"]
    run("delete", cat, coffee, "--yes")
    database = sqlite3.connect(tmp_path / "library" / "library.db")
    with database:
        database.execute("UPDATE uploads SET deleted_at = '2020-01-01T00:00:00.000000+00:00' WHERE id = ?", (cat,))
    database.close()
    assert run("process", VUEMANTICS_TRASH_DAYS="0").returncode == 0
    assert len(objects(run("trash", "--json"))) == 2
    assert run("process").returncode == 0
    assert [document["id"] for document in objects(run("trash", "--json"))] == [coffee]


def test_a_trash_without_an_end_names_no_days(run: Run, ids: dict[str, str]) -> None:
    said = run("delete", ids["coffee.png"], "--yes", VUEMANTICS_TRASH_DAYS="0").stderr
    assert "Moved 1 upload to the trash. To undo:" in said


def test_a_change_is_undone_and_redone_by_another_command(run: Run, ids: dict[str, str]) -> None:
    cat = ids["chelsea.png"]
    assert (run("undo").returncode, run("redo").returncode) == (1, 1)
    run("delete", cat, "--yes")
    (document,) = objects(run("undo", "--json"))
    assert document == {
        "kind": "trash",
        "uploads": [cat],
        "changed": 1,
        "left": 0,
        "message": "Restored chelsea.png.",
    }
    assert run("redo").stderr.strip() == "Moved chelsea.png to the trash."
    assert [found["id"] for found in objects(run("trash", "--json"))] == [cat]


@pytest.mark.parametrize("words", [["trash", "--json", "empty"], ["saved", "--json", "forget", "cats"]])
def test_json_that_would_be_ignored_is_refused(run: Run, words: list[str]) -> None:
    result = run(*words)
    assert (result.returncode, "--json goes with the list" in result.stderr) == (2, True)


def test_a_clock_that_jumped_ahead_empties_nothing_and_is_reported(
    run: Run, ids: dict[str, str], tmp_path: Path
) -> None:
    cat = ids["chelsea.png"]
    run("delete", cat, "--yes")
    with sqlite3.connect(tmp_path / "library" / "library.db") as connection:
        # As if all that had been a year ago by the clock.
        connection.execute("UPDATE library SET seen_at = strftime('%s', 'now') - 365 * 86400")
        connection.execute("UPDATE uploads SET deleted_at = datetime('now', '-365 days') WHERE deleted_at NOT NULL")
    connection.close()
    processed = run("process")
    assert processed.returncode == 0
    assert "365 days ago" in processed.stderr
    assert "1 upload in the trash will be deleted later" in processed.stderr
    assert "365 days ago" not in run("process").stderr
    assert run("trash", "restore", cat).returncode == 0


def test_an_upload_whose_id_leads_out_of_the_library_is_left_alone_and_reported(
    run: Run, ids: dict[str, str], tmp_path: Path
) -> None:
    cat, rocket = ids["chelsea.png"], ids["rocket.jpg"]
    run("delete", cat, "--yes")
    with sqlite3.connect(tmp_path / "library" / "library.db") as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("UPDATE uploads SET user_id = '../..', id = 'Documents' WHERE id = ?", (cat,))
        connection.execute("UPDATE uploads SET file_path = '../../secret.jpg' WHERE id = ?", (rocket,))
    connection.close()
    emptied = run("trash", "empty", "--yes")
    assert (emptied.returncode, "Deleted 0 uploads" in emptied.stderr) == (0, True)
    assert "Left alone: 1 upload with an invalid ID" in emptied.stderr
    exported = {document["id"]: document["file"] for document in objects(run("export", "-", "--format", "jsonl"))}
    assert exported[rocket] is None
