"""The library in numbers, and what in it looks the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run, objects


def test_stats_count_what_is_there(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    run("delete", ids["rocket.jpg"], "--yes")
    run("tag", ids["coffee.png"], "+breakfast")
    (numbers,) = objects(run("stats", "--json"))
    assert (numbers["uploads"], numbers["by_status"]["completed"], numbers["trashed"]) == (3, 3, 1)
    assert numbers["by_type"] == {"image": 3, "video": 0}
    assert sum(numbers["months"].values()) == 3
    assert numbers["tags"]["breakfast"] == 1
    originals = sum(path.stat().st_size for path in (tmp_path / "library").rglob("original.*"))
    assert numbers["bytes"]["originals"] + numbers["bytes"]["trash"] == originals
    assert {stage["stage"] for stage in numbers["stages"]} == {"thumbnail", "describing", "embedding"}
    assert (numbers["index"]["embedded"], numbers["index"]["stale"]) == (3, 0)
    page = run("stats").stdout.splitlines()
    assert page[0].split() == ["uploads", "3:", "3", "completed"]
    assert any(line.startswith("describing") for line in page)
    assert any(line.endswith("#" * 40) for line in page)


@pytest.mark.usefixtures("empty")
def test_stats_of_an_empty_library(run: Run) -> None:
    result = run("stats")
    assert (result.returncode, result.stdout.splitlines()[0].split()) == (0, ["uploads", "0"])
    (numbers,) = objects(run("stats", "--json"))
    assert (numbers["uploads"], numbers["months"], numbers["stages"]) == (0, {}, [])


def test_the_one_with_most_pixels_is_kept_and_the_other_goes_to_the_trash(run: Run, ids: dict[str, str]) -> None:
    (group,) = objects(run("duplicates", "--json"))
    assert group["keep"]["id"] == ids["chelsea.png"]
    (other,) = group["others"]
    assert other["id"] == ids["small cat.png"]
    assert group["spare_bytes"] == other["file_size"]
    assert (group["reason"], other["likeness"]) == ("most pixels", "same")
    listed = run("duplicates")
    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]] == [["1", "keep:"], ["1", "same"]]
    assert "duplicates --trash" in listed.stderr
    assert run("duplicates", "--similar", "--trash", "--yes").returncode == 2
    assert "No similar uploads found" in run("duplicates", "--similar").stderr
    refused = run("duplicates", "--trash")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert run("duplicates", "--yes").returncode == 2
    moved = run("duplicates", "--trash", "--yes")
    assert (moved.returncode, "Moved 1 upload to the trash" in moved.stderr) == (0, True)
    assert [document["id"] for document in objects(run("trash", "--json"))] == [ids["small cat.png"]]
    none = run("duplicates", "--trash")
    assert (none.returncode, "No duplicates found" in none.stderr) == (0, True)
