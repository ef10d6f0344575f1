"""Importing from a shell: what is told, and the exit codes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

from tests.cli.conftest import PICTURES, Run, objects
from tests.media.test_takeout import record


def test_a_takeout_from_a_shell(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    takeout = tmp_path / "Take out"
    record(takeout, "chelsea.png.supplemental-metadata.json", "chelsea.png", description="Chelsea", favorited=True)
    record(takeout, "missing.jpg.json", "missing.jpg")
    shutil.copy(PICTURES / "chelsea.png", takeout)
    trial = run("import", "takeout", takeout, "--dry-run")
    assert trial.returncode == 0, trial.stderr
    assert "Would change 1 upload: captions for 1, tags for 1, dates for 1." in trial.stdout
    assert "If their pictures are there, add them first: vuemantics-tui add --recursive" in trial.stderr
    assert "If the export lacks them, add them from where they are" in trial.stderr
    (report,) = objects(run("import", "takeout", takeout, "--json"))
    assert (report["changed"], report["captions"], len(report["unknown"])) == (1, 1, 1)
    (found,) = objects(run("show", ids["chelsea.png"], "--json"))
    assert (found["caption"], found["own_tags"], found["taken_from"]) == ("Chelsea", ["favorite"], "import")
    assert [one["filename"] for one in objects(run("search", "dated:import", "--json"))] == ["chelsea.png"]
    (takeout / "x.json").write_text("{")
    again = run("import", "takeout", takeout)
    assert again.returncode == 1
    assert "Changed 0 uploads." in again.stdout
    assert "x.json: is no whole JSON" in again.stderr
    assert "Undid the import for chelsea.png." in run("undo").stderr
    assert objects(run("show", ids["chelsea.png"], "--json"))[0]["caption"] is None
    assert "There is no folder" in run("import", "immich", tmp_path / "nothing").stderr


def test_the_folders_of_rclip_become_sources(run: Run, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(PICTURES / "rocket.jpg", photos)
    database = tmp_path / "db.sqlite3"
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE images (id INTEGER PRIMARY KEY, deleted BOOLEAN, filepath TEXT NOT NULL UNIQUE)")
    connection.execute("INSERT INTO images (filepath) VALUES (?)", (str(photos / "rocket.jpg"),))
    connection.commit()
    connection.close()
    added = run("import", "rclip", database, "--add", "--json")
    assert added.returncode == 0, added.stderr
    told, scan = (json.loads(line) for line in added.stdout.splitlines())
    assert told == {"path": str(photos), "files": 1, "here": True}
    assert (scan["path"], scan["new"]) == (str(photos), 1)
