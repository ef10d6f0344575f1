"""Tags and albums from a shell."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run, objects


def test_tags_are_given_taken_and_found(run: Run, ids: dict[str, str]) -> None:
    cat, coffee = ids["chelsea.png"], ids["coffee.png"]
    assert "You have no tags yet" in run("tag", "--list").stderr
    given = run("tag", cat, "+Golden Gate", "-hat", "+x", coffee[:12])
    assert given.returncode == 0, given.stderr
    assert "Tagged 2 uploads: Golden Gate, x" in given.stderr
    assert "Removed from 0 uploads: hat" in given.stderr
    assert objects(run("tag", "--list", "--json")) == [
        {"name": "Golden Gate", "count": 2, "album": False},
        {"name": "x", "count": 2, "album": False},
    ]
    found = objects(run("search", "tag:golden gate", "--json"))
    assert {document["id"] for document in found} == {cat, coffee}
    assert found[0]["own_tags"] == ["Golden Gate", "x"]
    assert "Removed from 1 upload: golden gate" in run("tag", cat, "-golden gate").stderr
    assert [document["id"] for document in objects(run("search", "tag:golden gate", "--json"))] == [coffee]


def test_an_album_is_a_tag_that_is_shown_as_one(run: Run, ids: dict[str, str]) -> None:
    cat = ids["chelsea.png"]
    assert run("tag", "--album", "+Empty").returncode == 0
    assert run("tag", cat, "+Rome", "--album").returncode == 0
    assert objects(run("tag", "--list", "--json")) == [
        {"name": "Empty", "count": 0, "album": True},
        {"name": "Rome", "count": 1, "album": True},
    ]
    assert run("tag", "--no-album", "+rome").returncode == 0
    assert run("tag", "--no-album", "+Empty").returncode == 0
    assert objects(run("tag", "--list", "--json")) == [{"name": "Rome", "count": 1, "album": False}]
    assert run("tag", "--list").stdout.splitlines()[1].split() == ["1", "tag", "Rome"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["tag"], "No tag given"),
        (["tag", "3f2a"], "No tag given"),
        (["tag", "+beach"], "No upload given"),
        (["tag", "ffffffff", "+beach"], "No upload has an ID"),
        (["tag", "--list", "+beach"], "--list takes no"),
        (["tag", "3f2a", "+beach", "--json"], "--json needs --list"),
        (["tag", "3f2a", "--lst"], "No such option"),
    ],
)
@pytest.mark.usefixtures("empty")
def test_a_wrong_call_says_what_to_do(run: Run, words: list[str], says: str) -> None:
    result = run(*words)
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr


def test_what_is_no_album_cannot_end_as_one(run: Run, ids: dict[str, str]) -> None:
    result = run("tag", "--no-album", "+nosuch")
    assert (result.returncode, "no album 'nosuch'" in result.stderr) == (2, True)


def test_a_tag_needs_a_name(run: Run, ids: dict[str, str]) -> None:
    result = run("tag", ids["coffee.png"], "+")
    assert (result.returncode, "needs a name" in result.stderr) == (2, True)


def test_uploads_are_rated_and_found_by_stars(run: Run, ids: dict[str, str]) -> None:
    cat, coffee, rocket = ids["chelsea.png"], ids["coffee.png"], ids["rocket.jpg"]
    rated = run("rate", cat, coffee[:13], "4")
    assert (rated.returncode, rated.stderr) == (0, "Rated 2 uploads: ★★★★☆\n")
    assert run("rate", cat, "4").stderr == "No changes.\n"
    (document,) = objects(run("rate", rocket, "rejected", "--json"))
    assert (document["id"], document["rating"], document["rated_by_hand"]) == (rocket, -1, True)

    def found(query: str) -> set[str]:
        return {document["id"] for document in objects(run("search", query, "--json"))}

    assert found("rating:>=4") == {cat, coffee}
    assert found("rating:-1") == {rocket}
    assert found("rating:0") == {ids["small cat.png"]}
    assert "★★★★☆; set by you" in run("show", cat).stdout
    assert run("rate", cat, "0").stderr == "Removed the rating of 1 upload\n"
    assert found("rating:>=4") == {coffee}


@pytest.mark.parametrize("words", [("6",), ("five",), ("-2",), ()])
def test_what_is_no_rating_is_refused(run: Run, ids: dict[str, str], words: tuple[str, ...]) -> None:
    refused = run("rate", ids["chelsea.png"], *words)
    assert refused.returncode == 2
    assert run("search", "rating:>0", "--json").stdout == ""
