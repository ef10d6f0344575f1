"""The commands about analyzers, models, descriptions and failures, against a server that speaks Ollama's protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.conftest import NOBODY, Run
from tests.conftest import DrawPicture
from tests.servers import FakeImmich, FakeOllama, FakeOpenAI, Status, Threaded, threaded

KEY = "sk-proj-0123456789abcdef"


def objects(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The JSON objects of a run's output."""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[Threaded[FakeOllama]]:
    """An Ollama with both models, which the program finds."""
    with threaded(FakeOllama()) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


def draw(draw_picture: DrawPicture, count: int) -> list[Path]:
    return [draw_picture(f"{number}.png", number) for number in range(count)]


def test_ollama_is_found_used_shown_and_kept(run: Run, ollama: Threaded[FakeOllama], draw_picture: DrawPicture) -> None:
    (added,) = objects(run("add", draw_picture(), "--json"))
    assert (added["status"], added["analyzer"], added["model"]) == ("completed", "ollama", "qwen2.5vl:3b")
    assert added["tags"] == ["cat", "sofa", "window"]
    (shown,) = objects(run("analyzer", "--json"))
    assert (shown["analyzer"], shown["embedder"], shown["need_reembedding"], shown["described"]) == (
        *("ollama", "ollama"),
        *(0, 1),
    )
    assert shown["servers"][0]["answers"]
    ollama.stop()
    away = run("analyzer")
    assert away.stdout.startswith("ollama: chosen for this library")
    assert "cannot be reached" in away.stdout
    found = run("search", "tabby", "--json")
    assert [document["id"] for document in objects(found)] == [added["id"]]
    assert "Found by keyword only" in found.stderr


def test_a_flag_wins_for_its_run_before_or_after_the_command(run: Run, ollama: Threaded[FakeOllama]) -> None:
    for words in (("--analyzer", "builtin", "doctor", "--json"), ("doctor", "--analyzer", "builtin", "--json")):
        (document,) = objects(run(*words))
        in_use = next(finding for finding in document["findings"] if finding["subject"] == "analyzer")
        assert (in_use["data"]["analyzer"], in_use["data"]["why"]) == ("builtin", "flag, --analyzer")
    wrong = run("add", "x.png", "--analyzer", "olama")
    assert (wrong.returncode, "olama" in wrong.stderr) == (2, True)


def test_another_analyzer_is_kept_and_what_that_costs_is_said(
    run: Run, ollama: Threaded[FakeOllama], draw_picture: DrawPicture
) -> None:
    assert run("add", *draw(draw_picture, 3), VUEMANTICS_ANALYZER="builtin").returncode == 0
    offered = run("analyzer")
    assert offered.stdout.startswith("builtin: ")
    assert "To use it: vuemantics-tui analyzer ollama" in offered.stderr
    changed = run("analyzer", "ollama")
    assert changed.returncode == 0, changed.stderr
    assert "3 of 3 need re-embedding: vuemantics-tui reembed" in changed.stdout
    queued = run("reembed", "--no-wait")
    assert "3 of 3 need re-embedding with bge-m3" in queued.stderr
    done = run("reembed")
    assert done.returncode == 0, done.stderr
    assert "3 of 3 uploads have a vector of bge-m3" in done.stderr
    assert (ollama.server.count("/api/chat"), ollama.server.count("/api/embed")) == (0, 3)
    assert "0 of 3 need" in run("reembed").stderr
    noted = run("analyzer", "builtin", VUEMANTICS_ANALYZER="ollama")
    assert "Not in use while analyzer is ollama (environment, VUEMANTICS_ANALYZER)" in noted.stderr


def test_who_waits_gives_up_after_the_patience_and_all_is_kept(run: Run, draw_picture: DrawPicture) -> None:
    result = run("add", *draw(draw_picture, 3), "--patience", "0.5", "--analyzer", "ollama")
    assert result.returncode == 1
    assert result.stderr.count(f"Waiting for Ollama at http://{NOBODY}") == 1
    assert f"Error: Ollama at http://{NOBODY} has been offline" in result.stderr
    assert "Start it with: ollama serve" in result.stderr
    assert {document["status"] for document in objects(run("list", "--json"))} == {"pending"}
    again = run("process", "--patience", "0")
    assert (again.returncode, "has been offline" in again.stderr) == (1, True)


def test_a_server_killed_in_the_middle_of_thirty_and_started_again_costs_none(
    run: Run, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with threaded(FakeOllama(pace=0.005)) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        reached = threading.Event()

        def text(_: object) -> str:
            if server.server.count("/api/chat") == 10:
                reached.set()
            return "A tabby cat rests on a red sofa beside a window, and the light is warm.\nTags: cat"

        server.server.text = text
        program = subprocess.Popen(
            [sys.executable, "-m", "vuemantics_tui", "add", "--json", *map(str, draw(draw_picture, 30))],
            env={**os.environ, "VUEMANTICS_LIBRARY": str(draw_picture().parent.parent / "library")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert reached.wait(120)
        server.stop()
        assert program.stderr is not None
        assert "Waiting for Ollama" in program.stderr.readline()
        server.start()
        said, errors = program.communicate(timeout=120)
    documents = [json.loads(line) for line in said.splitlines()]
    assert program.returncode == 0, errors
    assert len(documents) == 30
    assert {(document["status"], document["attempts"]) for document in documents} == {("completed", 1)}
    assert "is back online" in errors


def test_a_missing_model_is_a_group_that_pull_and_retry_mend(
    run: Run, monkeypatch: pytest.MonkeyPatch, draw_picture: DrawPicture
) -> None:
    with threaded(FakeOllama(models=["bge-m3:latest"])) as server:
        monkeypatch.setenv("VUEMANTICS_ANALYZER", "ollama")
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert run("add", *draw(draw_picture, 3)).returncode == 1
        listed = run("failures").stdout
        assert listed.startswith("3 x ")
        assert "model 'qwen2.5vl:3b' not found" in listed
        assert "Run: vuemantics-tui pull qwen2.5vl:3b" in listed
        (group,) = objects(run("failures", "--json"))
        assert (group["count"], group["kind"], group["missing_model"]) == (3, "permanent", "qwen2.5vl:3b")
        (shown,) = objects(run("show", objects(run("list", "--json"))[0]["id"], "--json"))
        assert shown["missing_model"] == "qwen2.5vl:3b"
        pulled = run("pull")
        assert (pulled.returncode, pulled.stdout) == (0, "qwen2.5vl:3b: downloaded\n")
        assert "success" in pulled.stderr
        assert run("pull").stderr == "No models are missing.\n"
        retried = run("failures", "--retry", "--json")
        assert retried.returncode == 0, retried.stderr
        assert [document["status"] for document in objects(retried)] == ["completed"] * 3
        assert run("failures").stderr == "No failures.\n"
        unknown = run("pull", "no-such-model")
        assert (unknown.returncode, "ollama.com/library" in unknown.stderr) == (1, True)
        server.stop()
        assert run("pull").returncode == 1
    refused = run("pull", VUEMANTICS_ANALYZER="builtin")
    assert (refused.returncode, "vuemantics-tui pull MODEL --analyzer ollama" in refused.stderr) == (2, True)


def test_descriptions_are_kept_chosen_and_written_by_hand(
    run: Run, ollama: Threaded[FakeOllama], draw_picture: DrawPicture, tmp_path: Path
) -> None:
    (added,) = objects(run("add", draw_picture(), "--json"))
    ollama.server.text = "A dog runs over a meadow, and the sky above it is wide and blue.\nTags: dog"
    assert run("retry", added["id"]).returncode == 0
    second, first = objects(run("describe", added["id"][:8], "--json"))
    assert (second["current"], first["current"]) == (True, False)
    assert first["text"] == added["description"]
    page = run("describe", added["id"]).stdout.splitlines()
    assert page[0].startswith(f"* {second['number']}  ollama qwen2.5vl:3b, quality ")

    (back,) = objects(run("describe", added["id"], "--use", str(first["number"]), "--json"))
    assert (back["status"], back["description"]) == ("completed", first["text"])
    assert run("describe", added["id"], "--use", str(first["number"])).stderr == "No changes.\n"
    assert run("describe", added["id"], "--use", "999").returncode == 2

    (edited,) = objects(run("edit", added["id"], "--text", "Our cat Mina.", "--tags", "Mina, cat", "--json"))
    assert (edited["description"], edited["tags"], edited["edited"]) == ("Our cat Mina.", ["mina", "cat"], True)
    assert "a person" in run("show", added["id"]).stdout
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/Mina/Minna/ "$1"\n')
    editor.chmod(0o700)
    (written,) = objects(run("edit", added["id"], "--json", VISUAL=str(editor)))
    assert written["description"] == "Our cat Minna."
    assert run("edit", added["id"], VISUAL="true").stderr == "No changes.\n"
    assert run("edit", added["id"], "--text", "  ").returncode == 2

    kept = run("retry", added["id"], "--json")
    assert (kept.returncode, kept.stdout) == (0, "")
    assert "edited by hand, skipped. To replace your text: --overwrite-edited" in kept.stderr
    (anew,) = objects(run("retry", added["id"], "--overwrite-edited", "--json"))
    assert (anew["edited"], anew["regeneration_count"]) == (False, 2)
    assert len(objects(run("describe", added["id"], "--json"))) == 5


def test_what_waits_for_its_next_attempt_says_when(
    run: Run, ollama: Threaded[FakeOllama], draw_picture: DrawPicture
) -> None:
    ollama.server.fail_next(Status(503, {"error": "busy"}, (("Retry-After", "3600"),)), path="/api/chat")
    program = subprocess.Popen(
        [sys.executable, "-m", "vuemantics_tui", "add", str(draw_picture())],
        env={**os.environ, "VUEMANTICS_LIBRARY": str(draw_picture().parent.parent / "library")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (documents := objects(run("list", "--json"))) or documents[0]["retry_at"] is None:
            assert program.poll() is None
    finally:
        program.terminate()
        program.wait(120)
    assert documents[0]["status"] == "pending"
    assert "next attempt" in run("show", documents[0]["id"]).stdout


def test_the_key_is_seen_by_its_server_and_nowhere_else(
    run: Run, draw_picture: DrawPicture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with threaded(FakeOpenAI(key=KEY)) as server:
        for name, value in {
            "VUEMANTICS_ANALYZER": "openai",
            "VUEMANTICS_OPENAI_BASE_URL": server.url,
            "VUEMANTICS_OPENAI_VISION_MODEL": "qwen2.5-vl",
            "VUEMANTICS_OPENAI_EMBEDDING_MODEL": "bge-m3",
            "OPENAI_API_KEY": KEY,
            "XDG_STATE_HOME": str(state),
        }.items():
            monkeypatch.setenv(name, value)
        # Some servers send the key back in their errors.
        refusal = Status(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}})
        server.server.fail_next(refusal, path="/chat/completions")
        runs = [
            run("add", draw_picture("a.png", 1), draw_picture("b.png", 2), "--json"),
            run("list", "--json"),
            run("failures"),
            run("config", "show"),
            run("analyzer", "--json"),
            run("doctor"),
            run("doctor", "--json"),
        ]
        assert all(dict(request.headers)["authorization"] == f"Bearer {KEY}" for request in server.server.requests)
    statuses = sorted(document["status"] for document in objects(runs[0]))
    assert statuses == ["completed", "failed"]
    for result in runs:
        assert KEY not in result.stdout + result.stderr
    written = [path for path in [*state.rglob("*"), *(tmp_path / "library").rglob("*")] if path.is_file()]
    assert any(path.suffix == ".log" for path in written)
    assert not [path for path in written if KEY.encode() in path.read_bytes()]


def test_a_key_file_that_others_may_read_is_refused_with_the_command_that_mends_it(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o644)
    environment = {
        "VUEMANTICS_ANALYZER": "openai",
        "VUEMANTICS_OPENAI_BASE_URL": f"http://{NOBODY}",
        "VUEMANTICS_OPENAI_KEY_FILE": str(file),
    }
    run("process")
    refused = run("analyzer", **environment)
    assert (refused.returncode, f"chmod 600 {file}" in refused.stderr) == (2, True)
    assert run("list", **environment).returncode == 0, "who lists needs no key"
    file.chmod(0o600)
    assert run("analyzer", **environment).returncode == 0


def test_the_log_holds_no_line_for_every_request(
    run: Run, ollama: Threaded[FakeOllama], draw_picture: DrawPicture, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    assert run("add", draw_picture(), XDG_STATE_HOME=str(state)).returncode == 0
    (log,) = state.rglob("*.log")
    assert "processing of" in log.read_text()
    assert "httpx" not in log.read_text()


def test_a_model_on_a_server_of_immich_from_a_shell(
    run: Run, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    words = tmp_path / "words.txt"
    # Long enough to be judged by itself: beside a shorter one the program's own words are embedded, too.
    words.write_text("a wide picture = wide\n" + "\n".join(f"thing {number}" for number in range(200)))
    monkeypatch.setenv("VUEMANTICS_TAG_LIST", str(words))

    def of_picture(image: Image.Image) -> list[float]:
        return [2.0, 0.5] if image.width > image.height else [0.5, 2.0]

    with threaded(FakeImmich(of_picture=of_picture, of_text=lambda text: [1.0, 0.0])) as immich:
        monkeypatch.setenv("VUEMANTICS_IMMICH_HOST", immich.url)
        added = run("model", "add", "immich:ViT-B-32__openai")
        assert added.stdout == "Added vit-b-32__openai: 2 dimensions, pictures are sent to the server.\n"
        used = run("model", "use", "vit-b-32__openai")
        assert used.stdout == f"vit-b-32__openai is in use. {len(ids)} pictures seen.\n"
        assert "on immich_host" in run("model").stdout
        broken = run("model", "use", "vit-b-32__openai", VUEMANTICS_TAG_LIST=str(tmp_path / "nowhere.txt"))
        assert (broken.returncode, broken.stdout) == (0, "vit-b-32__openai is in use. 0 pictures seen.\n")
        assert "No tags from pictures: The list of tags in" in broken.stderr
        (document,) = [each for each in objects(run("model", "--json")) if each["installed"]]
        assert (document["served"], document["seen"]) == ("ViT-B-32__openai", len(ids))
        checks = objects(run("doctor", "--json"))
        assert any(f"Immich at {immich.url}" in str(check) for check in checks)
        run("model", "add", "immich:ViT-B-32__openai", "--name", "other")
        run("model", "use", "other")
        assert run("model", "remove", "other").stderr == "vit-b-32__openai is in use again.\n"
        assert run("model", "remove", "vit-b-32__openai").stderr == "No model is in use.\n"
        immich.stop()
        wrong = run("model", "add", "immich:http://127.0.0.1:9#other")
        assert (wrong.returncode, "machine-learning container" in wrong.stderr) == (1, True)
