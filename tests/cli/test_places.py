"""Places from a shell."""

from __future__ import annotations

from tests.cli.conftest import Run, objects


def test_the_place_of_several_uploads_is_set_found_and_taken_back(run: Run, ids: dict[str, str]) -> None:
    cat, coffee = ids["chelsea.png"], ids["coffee.png"]
    done = run("edit", cat, coffee, "--place", "Roma, Italia")
    assert done.returncode == 0
    assert "Changed the place of 2 uploads." in done.stderr
    assert "Rome, Lazio, Italy" in done.stdout
    for query in ("place:rome", "country:it", "country:italy"):
        assert {document["filename"] for document in objects(run("search", query, "--json"))} == {
            "chelsea.png",
            "coffee.png",
        }
    (shown,) = objects(run("edit", cat, "--place", "none", "--json"))
    names = ("place", "region", "country", "country_code", "place_edited")
    assert [shown[name] for name in names] == [None, None, None, None, True]
    (shown,) = objects(run("show", coffee, "--json"))
    assert [shown[name] for name in names] == ["Rome", "Lazio", "Italy", "IT", True]
    assert "Rome, Lazio, Italy, set by hand" in run("show", coffee).stdout
    assert "No changes." in run("edit", cat, "--place", "none").stderr
    assert "Changed the place of 2 uploads." in run("edit", cat, coffee, "--place", "file").stderr
    assert run("search", "place:rome", "--json").stdout == ""


def test_a_place_without_a_name_and_texts_of_several_are_refused(run: Run, ids: dict[str, str]) -> None:
    wrong = run("edit", ids["chelsea.png"], "--place", " , ")
    assert (wrong.returncode, "needs a name" in wrong.stderr) == (2, True)
    several = run("edit", *ids.values(), "--place", "Rome", "--text", "All of them.")
    assert (several.returncode, "Give one ID" in several.stderr) == (2, True)
