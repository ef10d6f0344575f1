"""An analyzer that a package outside of this repository brings, from the command line."""

from __future__ import annotations

from pathlib import Path

from tests.analyzers.foreign_package import WORKING, installed
from tests.cli.conftest import PICTURES, Run, objects


def test_it_describes_embeds_and_is_shown(run: Run, tmp_path: Path) -> None:
    site = str(installed(tmp_path, WORKING))
    (added,) = objects(run("add", PICTURES / "chelsea.png", "--analyzer", "flags", "--json", PYTHONPATH=site))
    assert (added["status"], added["analyzer"], added["model"]) == ("completed", "flags", "flags-1")
    assert added["description"] == "A flag, 451 pixels wide and 300 pixels high, waves over the town hall."
    assert added["tags"] == ["flag", "heraldry"]

    (found,) = objects(run("search", "town hall", "--analyzer", "flags", "--json", PYTHONPATH=site))
    assert found["id"] == added["id"]
    assert found["cosine"] > 0.3

    told = objects(run("analyzer", "flags", "--json", PYTHONPATH=site))
    assert (told[0]["analyzer"], told[0]["embedder"]) == ("flags", "flags")
    doctor = run("doctor", PYTHONPATH=site)
    assert "flags: flies" in doctor.stdout

    # Without the package whatever needs no analyzer still works, and the rest says what is missing.
    assert [one["id"] for one in objects(run("list", "--json"))] == [added["id"]]
    refused = run("retry", added["id"])
    assert refused.returncode == 2
    assert "There is no analyzer 'flags'" in refused.stderr
    assert "builtin, ollama, openai" in refused.stderr


def test_a_broken_one_is_named_by_what_needs_it_alone(run: Run, tmp_path: Path) -> None:
    site = str(installed(tmp_path, "import nowhere_to_be_found\n", name="vuemantics-torn"))
    refused = run("add", PICTURES / "chelsea.png", "--analyzer", "flags", PYTHONPATH=site)
    assert refused.returncode == 2
    assert "The analyzer flags of the package vuemantics-torn 1.2 does not work" in refused.stderr
    assert "nowhere_to_be_found" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert run("add", PICTURES / "chelsea.png", "--analyzer", "builtin", "--no-wait", PYTHONPATH=site).returncode == 0
    assert run("list", PYTHONPATH=site, VUEMANTICS_ANALYZER="flags").returncode == 0
    assert "vuemantics-torn 1.2" in run("doctor", PYTHONPATH=site).stdout


def test_a_name_that_nobody_brings_is_refused_with_those_there_are(run: Run, tmp_path: Path) -> None:
    refused = run("search", "cat", "--analyzer", "flags")
    assert refused.returncode == 2
    assert "'flags' is not one of" in refused.stderr
    site = str(installed(tmp_path, WORKING))
    refused = run("search", "cat", "--analyzer", "nobody", PYTHONPATH=site)
    assert "'flags'" in refused.stderr
