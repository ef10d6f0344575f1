"""Searching from a shell: arguments, outputs, the cut-off, wrong queries, saved searches."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import Run, objects
from vuemantics_tui.cli.query_line import query_line
from vuemantics_tui.domain.query import parse_query
from vuemantics_tui.domain.query.values import FILTER_NAMES


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["a", "kitten"], "a kitten"),
        (["a cat on a sofa"], "a cat on a sofa"),
        (["golden retriever", "pool"], '"golden retriever" pool'),
        (["-word"], "-word"),
        (["-two words"], '-"two words"'),
        (["tag:golden gate", "-tag:by night"], 'tag:"golden gate" -tag:"by night"'),
        (["2:golden retriever", "+", "./pool.jpg", "-", "fruit"], '2:"golden retriever" + ./pool.jpg - fruit'),
        (['2:"golden retriever" + ./pool.jpg - fruit'], '2:"golden retriever" + ./pool.jpg - fruit'),
        (["dog + pool"], "dog + pool"),
        (["kitten type:image"], "kitten type:image"),
        (["kitten -dog"], "kitten -dog"),
        (["type:image kitten"], "type:image kitten"),
        (["./my pool.jpg"], 'like:"./my pool.jpg"'),
        (["2:like:./my pool.jpg"], '2:like:"./my pool.jpg"'),
        (["c: drive", "x"], '"c: drive" x'),
        (["c: drive"], "c: drive"),
        (["  ", " cat "], "cat"),
        (["near:52.5, 13.4, 5"], 'near:"52.5, 13.4, 5"'),
        (["say - \t no"], "say - \t no"),
    ],
)
def test_arguments_make_the_line_that_a_shell_user_meant(arguments: list[str], line: str) -> None:
    assert query_line(arguments) == line
    assert str(parse_query(line)) or not arguments


@given(st.lists(st.text(alphabet=st.one_of(st.sampled_from(' "+-:.~/2taglikenear'), st.characters()))))
def test_any_arguments_make_a_line(arguments: list[str]) -> None:
    line = query_line(arguments)
    assert not line or line.split()
    # What holds no quote of its own gets two or none.
    if not any('"' in argument for argument in arguments):
        assert line.count('"') % 2 == 0


def test_every_example_on_the_page_about_search_makes_sense() -> None:
    page = (Path(__file__).parents[2] / "docs" / "SEARCH.md").read_text("utf-8")
    section = page.partition("## The search language")[2].partition("\n## ")[0]
    cells = [line.split("|")[3] for line in section.splitlines() if line.startswith("| ") and line.count("|") == 4]
    examples = [example for cell in cells for example in re.findall(r"`([^`]+)`", cell)]
    assert len(examples) >= 20
    for example in examples:
        assert str(parse_query(example)), example
    told = {name for line in section.splitlines() for name in re.findall(r"`(\w+):`", line)}
    assert told == set(FILTER_NAMES)


def test_json_says_why_it_matched_and_where_it_is(run: Run, ids: dict[str, str]) -> None:
    found = objects(run("search", "cat", "--json"))
    first = found[0]
    assert {document["filename"] for document in found} == {"chelsea.png", "small cat.png"}
    assert first["matched"] == ["cat"]
    assert "cat" in first["sentence"]
    assert first["words_share"] + first["meaning_share"] == pytest.approx(1)
    assert -1 <= first["cosine"] <= 1
    assert first["above_cutoff"]
    assert Path(first["path"]).is_file()
    assert objects(run("search", "--json", "--", "-cat", "type:image"))
    without = objects(run("search", "--json", "--", "type:image", "-cat"))
    assert {document["filename"] for document in without} == {"coffee.png", "rocket.jpg"}


@pytest.mark.parametrize(
    ("environment", "lit"),
    [({}, "\x1b[1;33mcat\x1b[0m"), ({"NO_COLOR": "1"}, "\x1b[1mcat\x1b[0m"), ({"TERM": "dumb"}, " cat")],
)
def test_the_matched_words_are_lit_on_a_terminal(
    environment: dict[str, str], lit: str, run: Run, ids: dict[str, str], tmp_path: Path
) -> None:
    told = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLORTERM")}
    told |= {"VUEMANTICS_LIBRARY": str(tmp_path / "library"), "TERM": "xterm", **environment}
    program = pexpect.spawn(
        sys.executable, ["-m", "vuemantics_tui", "search", "cat"], env=told, timeout=120, encoding="utf-8"
    )
    program.expect(pexpect.EOF)
    program.close()
    output = program.before
    heading, *lines = str(output).splitlines()
    assert program.exitstatus == 0
    assert "\x1b" not in heading
    assert any(lit in line for line in lines), output
    assert ("\x1b" in output) == (environment.get("TERM") != "dumb")
    assert "\x1b" not in run("search", "cat").stdout


def test_what_is_below_the_cut_off_is_counted_and_shown_on_demand(run: Run, ids: dict[str, str]) -> None:
    short = run("search", "kitten")
    assert "more below the cut-off. To include them: --all" in short.stderr
    assert "below" not in short.stdout
    assert short.stdout.splitlines()[0].split() == ["Score", "Cosine", "ID", "Name", "Description"]
    everything = objects(run("search", "kitten", "--all", "--json"))
    assert [document["above_cutoff"] for document in everything] == sorted(
        (document["above_cutoff"] for document in everything), reverse=True
    )
    assert len(everything) == 4 > len(short.stdout.splitlines()) - 1
    one = run("search", "--limit", "1", "type:image")
    assert (len(one.stdout.splitlines()), "3 more results. To see more: --limit N" in one.stderr) == (2, True)


def test_paths_go_down_a_pipe(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    lines = run("search", "cat", "--paths").stdout.splitlines()
    assert len(lines) == 2
    assert all(Path(line).is_file() for line in lines)
    assert run("search", "cat", "-0").stdout == "".join(f"{line}\0" for line in lines)
    both = run("search", "cat", "-0", "--json")
    assert (both.returncode, "one output" in both.stderr) == (2, True)


def test_open_hands_the_first_to_the_viewer(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    opened, programs = tmp_path / "opened", tmp_path / "bin"
    programs.mkdir()
    os.mkfifo(opened)
    pipe = os.open(opened, os.O_RDONLY | os.O_NONBLOCK)
    for name in ("xdg-open", "open"):
        viewer = programs / name
        viewer.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n')
        viewer.chmod(0o755)
    result = run("search", "cat", "--paths", "--open", PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert result.returncode == 0
    readable, _, _ = select.select([pipe], [], [], 20)
    assert readable
    assert os.read(pipe, 4096).decode() == result.stdout.splitlines()[0]
    os.close(pipe)
    nothing = run("search", "name:nothing-is-called-so", "--open")
    assert (nothing.returncode, nothing.stdout, "No results" in nothing.stderr) == (1, "", True)


def test_a_wrong_query_shows_its_place_and_makes_no_library(run: Run, tmp_path: Path) -> None:
    result = run("search", "kitten", "typ:video")
    assert (result.returncode, result.stdout) == (2, "")
    line, caret, error, hint = result.stderr.splitlines()
    assert (line, caret) == ("kitten typ:video", "       ^")
    assert error == "Error: There is no filter typ:"
    assert "Did you mean type:" in hint
    assert not (tmp_path / "library").exists()


def test_a_minus_without_two_says_how_it_is_written(run: Run) -> None:
    for words, option in ((("kitten", "-dog"), "-dog"), (("kitten", "-tag:x"), "-tag:x")):
        result = run("search", *words)
        assert result.returncode == 2
        assert f"search -- kitten {option}" in result.stderr
    assert "No such option" in run("search", "kitten", "--jsn").stderr


@pytest.mark.usefixtures("empty")
def test_an_empty_library_says_so(run: Run) -> None:
    assert "Nothing in this library is described yet" in run("search", "kitten").stderr


def test_hidden_uploads_come_on_demand(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    hide = (
        "import asyncio, sys\nfrom vuemantics_tui.config import Settings\nfrom vuemantics_tui.library import Library\n"
    )
    hide += "async def main():\n    library = await Library.open(Settings.load())\n"
    hide += (
        "    await library.uploads.set_hidden([sys.argv[1]], True)\n    await library.close()\nasyncio.run(main())\n"
    )
    environment = {**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / "library")}
    subprocess.run([sys.executable, "-c", hide, ids["chelsea.png"]], env=environment, check=True, timeout=120)
    assert [document["filename"] for document in objects(run("search", "cat", "--json"))] == ["small cat.png"]
    assert len(objects(run("search", "cat", "--json", "--hidden"))) == 2
    assert [document["filename"] for document in objects(run("search", "is:hidden", "--json"))] == ["chelsea.png"]


def test_saved_searches(run: Run, ids: dict[str, str]) -> None:
    assert "No saved searches" in run("saved").stderr
    assert run("saved", "add", "Cats at home", "name:small cat", "type:image").returncode == 0
    assert run("saved", "add", "all", "--", "type:image", "-coffee").returncode == 0
    listed = objects(run("saved", "--json"))
    assert listed == [
        {"name": "all", "query": "-coffee type:image", "count": 3},
        {"name": "Cats at home", "query": 'name:"small cat" type:image', "count": 1},
    ]
    assert "Cats at home" in run("saved").stdout
    (found,) = objects(run("saved", "run", "cats  AT home", "--json"))
    assert found["filename"] == "small cat.png"
    wrong = run("saved", "add", "x", "after:soon")
    assert (wrong.returncode, "      ^" in wrong.stderr) == (2, True)
    assert run("saved", "forget", "all").returncode == 0
    again = run("saved", "forget", "all")
    assert (again.returncode, "vuemantics-tui saved" in again.stderr) == (2, True)
    assert run("saved", "run", "all").returncode == 2


def test_a_sentence_is_understood_and_says_how(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    run("tag", ids["small cat.png"], "+Ana")
    found = run("search", "photos of ana this year", "--json")
    assert 'Understood as type:image tag:Ana taken:"this year"  (--as-is keeps the words)' in found.stderr
    (document,) = objects(found)
    assert document["filename"] == "small cat.png"
    assert document["understood"] == [
        {"words": "photos", "filters": "type:image"},
        {"words": "of ana", "filters": "tag:Ana"},
        {"words": "this year", "filters": 'taken:"this year"'},
    ]

    as_is = run("search", "--as-is", "cat this year", "--json")
    assert "Understood" not in as_is.stderr
    assert {document["filename"] for document in objects(as_is)} >= {"chelsea.png", "small cat.png"}
    assert all(document["understood"] == [] for document in objects(as_is))

    nothing = run("search", "cats in 2001")
    assert "Nothing matches taken:2001. To search for the words: --as-is" in nothing.stderr

    assert "Understood as" in run("saved", "add", "recent", "photos of Ana this year").stderr
    run("saved", "add", "words", "photos of Ana this year", "--as-is")
    assert {each["name"]: each["query"] for each in objects(run("saved", "--json"))} == {
        "recent": 'type:image tag:Ana taken:"this year"',
        "words": "photos of Ana this year",
    }
    again = run("saved", "run", "words", "--json")
    assert all(document["understood"] == [] for document in objects(again))
    assert run("export", tmp_path / "ana.jsonl", "photos of Ana").returncode == 0
    assert len((tmp_path / "ana.jsonl").read_text().splitlines()) == 1
