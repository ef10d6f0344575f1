"""The command line, as a user runs it: real processes, real libraries, the real analyzer."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import skimage

from tests.cli.conftest import Run, RunEach
from tests.conftest import DrawPicture
from tests.servers import FakeOllama, Threaded, threaded

PICTURES = Path(skimage.__file__).parent / "data"
CAT = PICTURES / "chelsea.png"
COFFEE = PICTURES / "coffee.png"


def objects(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The JSON objects of a run's output, of which every line must be one."""
    return [json.loads(line) for line in result.stdout.splitlines()]


FIELDS = """id filename file_type mime_type file_size width height status stage progress_percent description
description_audit_score tags error_message hint thumbnail_path created_at updated_at""".split()


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A JPEG that ends after its header."""
    from PIL import Image

    whole = tmp_path / "whole.jpg"
    Image.effect_noise((600, 400), 60).save(whole)
    path = tmp_path / "broken.jpg"
    path.write_bytes(whole.read_bytes()[:700])
    whole.unlink()
    return path


def test_from_photos_to_a_find(run: Run, broken: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no picture\n")
    added = run("add", CAT, COFFEE, broken, notes, "--json")
    assert added.returncode == 1, "the broken one failed"
    by_name = {document["filename"]: document for document in objects(added)}
    assert {name: document["status"] for name, document in by_name.items()} == {
        "chelsea.png": "completed",
        "coffee.png": "completed",
        "broken.jpg": "failed",
        "notes.txt": "skipped",
    }
    cat = by_name["chelsea.png"]
    assert set(FIELDS) <= set(cat)
    assert Path(cat["thumbnail_path"]).is_absolute()
    assert Path(cat["thumbnail_path"]).exists()
    assert (cat["width"], cat["height"], cat["stage"], cat["progress_percent"]) == (451, 300, "completed", 100)
    assert cat["description"]
    assert cat["tags"]
    assert by_name["broken.jpg"]["error_message"].startswith("Processing failed: ")
    assert by_name["broken.jpg"]["hint"]
    assert "text" in by_name["notes.txt"]["reason"]

    again = run("add", CAT, "--json")
    assert again.returncode == 0
    assert [(document["status"], document["id"]) for document in objects(again)] == [("duplicate", cat["id"])]

    found = objects(run("search", "a", "kitten", "--json"))
    assert found[0]["id"] == cat["id"]
    assert found[0]["score"] > 0
    assert len(objects(run("search", "kitten", "--limit", "1", "--json"))) == 1

    listed = objects(run("list", "--json"))
    assert [document["filename"] for document in listed] == ["broken.jpg", "coffee.png", "chelsea.png"]
    failed = objects(run("list", "--status", "failed", "--type", "image", "--limit", "5", "--json"))
    assert [document["filename"] for document in failed] == ["broken.jpg"]
    assert objects(run("list", "--type", "video", "--json")) == []

    (shown,) = objects(run("show", cat["id"][:9], "--json"))
    assert [event["kind"] for event in shown["history"]] == ["added", "thumbnail", "described", "completed"]
    page = run("show", cat["id"]).stdout
    assert cat["description"].split(".")[0] in " ".join(page.split())

    retried = run("retry", "--failed", "--json")
    assert retried.returncode == 1
    assert [document["status"] for document in objects(retried)] == ["failed"]

    refused = run("delete", cat["id"])
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert run("delete", cat["id"], "--yes", "--forever").returncode == 0
    assert not Path(cat["thumbnail_path"]).parent.exists()
    assert CAT.exists()
    assert all(document["id"] != cat["id"] for document in objects(run("search", "kitten", "--json")))


def test_added_now_processed_later_and_a_file_that_failed_is_retried(run: Run, broken: Path) -> None:
    added = run("add", broken, "--no-wait", "--json")
    assert (added.returncode, [document["status"] for document in objects(added)]) == (0, ["pending"])
    assert "process" in added.stderr
    assert run("process").returncode == 1
    assert run("process").returncode == 0, "nothing is left"
    again = run("add", broken, "--json")
    assert [document["status"] for document in objects(again)] == ["failed"]
    (shown,) = objects(run("show", objects(again)[0]["id"], "--json"))
    assert [event["kind"] for event in shown["history"]].count("failed") == 2


def test_the_library_may_be_named_before_or_after_the_command(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert run("--library", other, "add", CAT, "--no-wait").returncode == 0
    assert len(objects(run("list", "--library", other, "--json"))) == 1
    assert objects(run("list", "--json")) == []


def test_a_wrong_call_says_what_to_do_on_stderr(run_each: RunEach) -> None:
    expected: list[tuple[list[str], int, str]] = [
        (["show", "ffffffff"], 1, "There is no library"),
        (["serach", "cat"], 2, "Did you mean 'search'"),
        (["add", "/nowhere/at/all.jpg"], 2, "no file or folder"),
        (["add"], 2, "Missing argument"),
        (["retry"], 2, "--failed"),
        (["search", "  "], 2, "empty"),
        (["list", "--status", "done"], 2, "is not one of"),
        (["--library", "/dev/null/x", "add", __file__], 1, "cannot be created"),
        ([], 2, "needs a terminal"),
    ]
    for result, (words, code, says) in zip(run_each([words for words, *_ in expected]), expected, strict=True):
        assert (result.returncode, result.stdout) == (code, ""), words
        assert says in result.stderr, words
        assert "Traceback" not in result.stderr, words


def test_an_ambiguous_id_asks_for_more(run: Run, tmp_path: Path) -> None:
    from PIL import Image

    for number in range(17):  # so that two of them begin with the same of 16 characters
        Image.new("RGB", (9, 9), (number, 0, 0)).save(tmp_path / f"{number}.png")
    ids = [document["id"] for document in objects(run("add", *tmp_path.glob("*.png"), "--no-wait", "--json"))]
    first = next(one[0] for one in ids if sum(other[0] == one[0] for other in ids) > 1)
    result = run("show", first)
    assert result.returncode == 2
    assert "Type more of the ID" in result.stderr


def test_a_wrong_setting_is_named(run: Run, tmp_path: Path) -> None:
    refused = run("list", VUEMANTICS_WORKERS="many")
    assert (refused.returncode, "VUEMANTICS_WORKERS" in refused.stderr) == (2, True)
    folder = tmp_path / "config" / "vuemantics-tui"
    folder.mkdir(parents=True)
    (folder / "settings.toml").write_text("wrokers = 3\n")
    result = run("process", XDG_CONFIG_HOME=str(tmp_path / "config"))
    assert (result.returncode, result.stdout) == (0, "")
    (warning,) = [line for line in result.stderr.splitlines() if "Warning" in line]
    assert "settings.toml, line 1: there is no setting wrokers. Did you mean workers?" in warning
    examined = run("doctor", XDG_CONFIG_HOME=str(tmp_path / "config"))
    assert any(line.startswith("✗ settings") and "wrokers" in line for line in examined.stdout.splitlines())


def test_a_name_that_would_move_the_cursor_is_shown_escaped(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "red\x1b[31m.png"
    path.write_bytes(CAT.read_bytes())
    assert "red\\x1b[31m.png" in run("add", path, "--no-wait").stdout
    assert "\x1b" not in run("list").stdout


def test_the_doctor_tells_a_dozen_honest_lines(run: Run, tmp_path: Path) -> None:
    examined = run("doctor")
    lines = examined.stdout.splitlines()
    assert examined.returncode == 0
    assert 12 <= len(lines) <= 20
    assert any(line.startswith("✓ analyzer") and "builtin" in line and "efficientnet" in line for line in lines)
    assert any("not created yet" in line for line in lines)
    assert not (tmp_path / "library").exists()


def test_the_page_of_commands_has_every_command_and_no_other() -> None:
    from vuemantics_tui.cli import cli

    page = (Path(__file__).parents[2] / "docs" / "COMMANDS.md").read_text("utf-8")
    told = {heading.split()[0] for heading in re.findall(r"^### (.+)$", page, re.MULTILINE)}
    assert told == {name for name, command in cli.commands.items() if not command.hidden}


def test_help_and_version_load_nothing_heavy() -> None:
    script = """
import sys
sys.argv = ["vuemantics-tui", "WORD"]
from vuemantics_tui.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0, end.code
heavy = {"PIL", "httpx", "onnxruntime", "onnx", "textual", "av", "numpy", "aiosqlite"} & set(sys.modules)
assert not heavy, heavy
"""
    for word in ("--help", "--version"):
        result = subprocess.run(
            [sys.executable, "-c", script.replace("WORD", word)], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr


def test_nothing_below_the_screens_loads_textual() -> None:
    script = """
import sys
import vuemantics_tui.cli, vuemantics_tui.doctor, vuemantics_tui.library
assert "textual" not in sys.modules
assert "httpx" not in sys.modules, "only servers need it"
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_open_hands_the_original_to_the_systems_viewer(run: Run, tmp_path: Path) -> None:
    (document,) = objects(run("add", CAT, "--no-wait", "--json"))
    tools = tmp_path / "tools"
    tools.mkdir()
    viewer = tools / ("open" if sys.platform == "darwin" else "xdg-open")
    viewer.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    viewer.chmod(0o700)
    result = run("open", document["id"][:8], PATH=f"{tools}:{os.environ['PATH']}")
    assert result.returncode == 0, result.stderr
    opened = (tmp_path / "opened").read_text().strip()
    assert opened == document["file_path"]
    assert Path(opened).read_bytes() == CAT.read_bytes()
    if sys.platform.startswith("linux"):
        lacking = run("open", document["id"], PATH=str(tmp_path))
        assert (lacking.returncode, "xdg-utils" in lacking.stderr) == (1, True)


@contextmanager
def ollama_that_stops_after(count: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Threaded[FakeOllama]]:
    """Serve an Ollama that describes so many pictures, and goes silent in the middle of the next one."""
    server = FakeOllama()
    text, asked = str(server.text), itertools.count(1)

    def describe(_: object) -> str:
        server.stepwise = next(asked) > count
        return text

    server.text = describe
    with threaded(server) as running:
        monkeypatch.setenv("OLLAMA_HOST", running.url)
        monkeypatch.setenv("VUEMANTICS_ANALYZER", "ollama")
        yield running


def in_background(library: Path, *words: str | Path) -> subprocess.Popen[str]:
    """Start the program, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "vuemantics_tui", *map(str, words)],
        env={**os.environ, "VUEMANTICS_LIBRARY": str(library)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )


def test_a_polite_signal_puts_back_what_runs_and_says_how_to_resume(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw_picture: DrawPicture
) -> None:
    pictures = [draw_picture(f"{number}.png", number) for number in range(5)]
    for signal_number, words in ((signal.SIGINT, ["add", *pictures]), (signal.SIGTERM, ["process"])):
        with ollama_that_stops_after(1, monkeypatch):
            program = in_background(tmp_path / "library", *words)
            assert program.stdout is not None
            assert program.stdout.readline().startswith("completed")
            program.send_signal(signal_number)
            _, errors = program.communicate(timeout=120)
        assert program.returncode == 130
        assert "To resume: " in errors
        assert "Traceback" not in errors
        statuses = {document["status"] for document in objects(run("list", "--json"))}
        assert statuses == {"completed", "pending"}
    with ollama_that_stops_after(5, monkeypatch):
        assert run("process").returncode == 0
    assert [document["status"] for document in objects(run("list", "--json"))] == ["completed"] * 5


def test_killed_in_the_middle_all_end_none_twice(
    run: Run, run_each: RunEach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw_picture: DrawPicture
) -> None:
    pictures = [draw_picture(f"{number}.png", number) for number in range(10)]
    with ollama_that_stops_after(5, monkeypatch) as ollama:
        program = in_background(tmp_path / "library", "add", *pictures)
        assert program.stdout is not None
        for _ in range(5):
            assert program.stdout.readline().startswith("completed")
        os.killpg(program.pid, signal.SIGKILL)
        program.communicate()
        ollama.server.stepwise = False
        ollama.server.text = "A dog runs over a meadow, and the sky above it is wide and blue.\nTags: dog"
        assert run("process").returncode == 0
    documents = objects(run("list", "--json"))
    assert [document["status"] for document in documents] == ["completed"] * 10
    for result in run_each([["show", document["id"], "--json"] for document in documents]):
        (shown,) = objects(result)
        assert [event["kind"] for event in shown["history"]].count("completed") == 1


LISTS = [["list"], ["list", "--json"], ["search", "type:image", "-0"], ["export", "-", "--format", "csv"]]


def run_into(stdout: int, library: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the program with this for its output."""
    return subprocess.run(
        [sys.executable, "-m", "vuemantics_tui", *words],
        env={**os.environ, "VUEMANTICS_LIBRARY": str(library)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("words", LISTS)
def test_a_reader_that_has_enough_is_no_failure(processed: Path, words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    result = run_into(writer, processed, words)
    os.close(writer)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("words", LISTS)
def test_output_that_cannot_be_written_is_told(processed: Path, words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        result = run_into(full.fileno(), processed, words)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: The output cannot be written: No space left on device\nHint: ")
    assert len(result.stderr.splitlines()) == 2


def test_the_demo_without_a_terminal_and_without_a_server(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with threaded(FakeOllama()) as ollama:
        monkeypatch.setenv("OLLAMA_HOST", ollama.url)
        result = run("demo")
        assert ollama.server.requests == []
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) >= 14
    (failed,) = [line for line in lines if " failed " in line]
    assert "Processing failed: " in failed


def test_the_page_of_an_upload_keeps_paths_whole_beside_their_labels(run: Run) -> None:
    (cat,) = objects(run("add", CAT, "--no-wait", "--json"))
    lines = run("show", cat["id"]).stdout.splitlines()
    assert f"  {'original':<16}{cat['file_path']}" in lines
    assert lines[0] == "File"
    assert "History" in lines


def test_the_command_that_processes_later_can_be_pasted(run: Run, tmp_path: Path) -> None:
    queued = run("--library", tmp_path / "my library", "add", CAT, "--no-wait")
    command = queued.stderr.partition("To process: ")[2]
    assert shlex.split(command)[1:] == ["--library", str(tmp_path / "my library"), "process"]
