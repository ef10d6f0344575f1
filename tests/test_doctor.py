"""The doctor: what it finds of analyzers, library and terminal, in words and as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, insert_upload, settled
from tests.doubles import ScriptedAnalyzer, ThreadCompute
from tests.servers import FakeOllama, FakeOpenAI, Status, threaded
from vuemantics_tui import doctor
from vuemantics_tui.config import Settings
from vuemantics_tui.doctor import terminal as terminals
from vuemantics_tui.domain.findings import Finding, Verdict
from vuemantics_tui.library import Library
from vuemantics_tui.store.database import Database
from vuemantics_tui.store.uploads import UploadStore

NOBODY = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def outside_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever these tests are run in."""
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def found(findings: list[Finding], subject: str) -> Finding:
    """The first finding about a subject."""
    return next(finding for finding in findings if finding.subject == subject)


async def test_ollama_in_use_is_really_asked(tmp_path: Path) -> None:
    async with FakeOllama() as server:
        settings = Settings(library=tmp_path / "library", keep_free_mib=0, ollama_host=server.url)
        findings = await doctor.examine(settings)
        assert not (tmp_path / "library").exists()
        in_use = found(findings, "analyzer")
        assert (in_use.verdict, in_use.data["analyzer"]) == (Verdict.GOOD, "ollama")
        assert "qwen2.5vl:3b + bge-m3; described in " in in_use.text
        (asked,) = server.bodies("/api/chat")
        assert asked["options"]["num_predict"] < 100, "a few words are enough"
        state = found(findings, "ollama")
        assert (state.verdict, state.data["missing"], state.data["detail"]) == (Verdict.GOOD, [], "version 0.12.6")
        assert found(findings, "builtin").text.startswith("not in use; ")
        assert "openai" not in {finding.subject for finding in findings}
        assert doctor.is_ok(findings)


async def test_formats_without_their_reader_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(library=tmp_path / "library", keep_free_mib=0)
    assert "formats" not in {finding.subject for finding in await doctor.examine(settings)}
    # What Python makes of a module that is not there.
    monkeypatch.setitem(sys.modules, "pylibjxl", None)
    missing = found(await doctor.examine(settings), "formats")
    assert (missing.verdict, missing.text) == (Verdict.NEUTRAL, "pylibjxl, which reads JXL, is not installed")
    assert missing.hint == "Run: python -m pip install pylibjxl"


async def test_a_missing_model_names_the_command_that_gets_it(tmp_path: Path) -> None:
    async with FakeOllama(models=["bge-m3:latest"]) as server:
        settings = Settings(library=tmp_path / "library", keep_free_mib=0, analyzer="ollama", ollama_host=server.url)
        findings = await doctor.examine(settings)
        assert (found(findings, "analyzer").verdict, doctor.is_ok(findings)) == (Verdict.BAD, False)
        assert found(findings, "analyzer").data["missing_model"] == "qwen2.5vl:3b"
        state = found(findings, "ollama")
        assert state.verdict is Verdict.BAD
        assert "missing: qwen2.5vl:3b" in state.text
        assert state.hint == "Run: vuemantics-tui pull qwen2.5vl:3b"


async def test_each_of_several_hosts_is_shown_with_its_speed(tmp_path: Path) -> None:
    lacking, broken = FakeOllama(models=["bge-m3"]), FakeOllama()
    broken.fail_next(Status(500, {"error": "out of memory"}), times=9, path="/api/chat")
    async with FakeOllama() as good, lacking, broken:
        hosts = f"{good.url} limit=2 weight=0.5, {lacking.url}, {NOBODY}, {broken.url}"
        settings = Settings(library=tmp_path / "library", keep_free_mib=0, analyzer="ollama", ollama_host=hosts)
        findings = await doctor.examine(settings)
    assert found(findings, "analyzer").verdict is Verdict.GOOD
    first, second, third, fourth = (finding for finding in findings if finding.subject == "ollama")
    assert (first.verdict, first.data["limit"], first.data["weight"]) == (Verdict.GOOD, 2, 0.5)
    assert f"{good.url}: version 0.12.6" in first.text
    assert first.text.endswith(" s, at most 2 at a time, weight 0.5")
    assert "described in " in first.text
    assert (second.verdict, second.data["missing"]) == (Verdict.NEUTRAL, ["qwen2.5vl:3b"])
    assert (third.verdict, third.data["answers"]) == (Verdict.NEUTRAL, False)
    assert (fourth.verdict, "out of memory" in fourth.text) == (Verdict.BAD, True)


async def test_ollama_away_is_bad_only_where_it_is_in_use(tmp_path: Path) -> None:
    settings = Settings(library=tmp_path / "library", keep_free_mib=0, ollama_host=NOBODY)
    findings = await doctor.examine(settings)
    assert found(findings, "analyzer").data["analyzer"] == "builtin"
    assert (found(findings, "ollama").verdict, doctor.is_ok(findings)) == (Verdict.NEUTRAL, True)
    findings = await doctor.examine(
        Settings(library=tmp_path / "library", keep_free_mib=0, ollama_host=NOBODY, analyzer="ollama")
    )
    assert (found(findings, "ollama").verdict, doctor.is_ok(findings)) == (Verdict.BAD, False)
    assert "ollama serve" in found(findings, "analyzer").hint


async def test_describing_with_one_and_embedding_with_another(tmp_path: Path) -> None:
    async with FakeOllama(models=["qwen2.5vl:3b"]) as server, FakeOpenAI() as other:
        findings = await doctor.examine(
            Settings(
                library=tmp_path / "library",
                keep_free_mib=0,
                analyzer="ollama",
                embedder="openai",
                ollama_host=server.url,
                openai_base_url=other.url,
                openai_embedding_model="bge-m3",
            )
        )
        assert found(findings, "analyzer").text.startswith("ollama + openai (the settings): qwen2.5vl:3b + bge-m3;")
        for subject in ("ollama", "openai"):
            assert (found(findings, subject).verdict, found(findings, subject).data["missing"]) == (Verdict.GOOD, [])


async def test_settings_with_which_there_is_no_analyzer_are_a_finding(tmp_path: Path) -> None:
    findings = await doctor.examine(Settings(library=tmp_path / "library", keep_free_mib=0, analyzer="openai"))
    assert "openai_base_url" in found(findings, "analyzer").hint
    assert not doctor.is_ok(findings)
    findings = await doctor.examine(
        Settings(library=tmp_path / "library", keep_free_mib=0, ollama_host="ftp://gpu", analyzer="builtin")
    )
    assert "begins with neither" in found(findings, "ollama").text
    assert doctor.is_ok(findings)


async def test_an_open_library_is_looked_at_as_it_is(open_library: OpenLibrary, draw_picture: DrawPicture) -> None:
    library = await open_library()
    await add_all(library, draw_picture("a.png", 1), draw_picture("b.png", 2))
    await library.queue.start()
    await settled(library)
    findings = await doctor.examine(library.settings, library)
    assert found(findings, "analyzer").data["analyzer"] == "scripted"
    counts, integrity = (finding for finding in findings if finding.subject == "library")
    assert (counts.data["completed"], integrity.data["sound"]) == (2, True)
    size = counts.data["originals_bytes"]
    assert size == sum(path.stat().st_size for path in library.root.rglob("original.png"))
    vectors = found(findings, "vectors")
    assert (vectors.verdict, vectors.data["stale"], vectors.data["described"]) == (Verdict.GOOD, 0, 2)
    assert (await library.queue.store.counts()).completed == 2, "it is still open"


async def test_vectors_of_another_model_are_counted(tmp_path: Path, draw_picture: DrawPicture) -> None:
    settings = Settings(library=tmp_path / "library", keep_free_mib=0, workers=1)
    library = await Library.open(settings, analyzer=ScriptedAnalyzer(), compute=ThreadCompute())
    await add_all(library, draw_picture())
    await library.queue.start()
    await settled(library)
    await library.close()
    library = await Library.open(
        settings, analyzer=ScriptedAnalyzer(embedding_model="another"), compute=ThreadCompute()
    )
    vectors = found(await doctor.examine(settings, library), "vectors")
    await library.close()
    assert vectors.text.startswith("1 of 1 need re-embedding with another")
    assert "reembed" in vectors.hint


async def test_a_damaged_database_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    folder.mkdir()
    database = await Database.open(folder / "library.db")
    store = UploadStore(database)
    for number in range(200):
        await insert_upload(store, f"{number}.jpg")
    query = "SELECT rootpage FROM sqlite_schema WHERE name = 'uploads_by_revision'"
    row = await database.fetch_one(query)
    assert row is not None
    page = row[0]
    await database.close()
    # A page of an index is lost, as on a disk that is failing.
    data = bytearray((folder / "library.db").read_bytes())
    size = int.from_bytes(data[16:18], "big")
    data[(page - 1) * size : page * size] = b"\xff" * size
    (folder / "library.db").write_bytes(data)
    findings = await doctor.examine(Settings(library=folder, keep_free_mib=0, analyzer="builtin", ollama_host=NOBODY))
    bad = [finding for finding in findings if finding.subject == "library" and finding.verdict is Verdict.BAD]
    assert bad
    assert not doctor.is_ok(findings)


@pytest.fixture
def server() -> Iterator[str]:
    """The address of an Ollama with both models."""
    with threaded(FakeOllama()) as run:
        yield run.url


def program(tmp_path: Path, *words: str, **environment: str) -> tuple[int, str]:
    """Run the doctor; its exit code and what it prints."""
    result = subprocess.run(
        [sys.executable, "-m", "vuemantics_tui", "doctor", *words],
        env={**os.environ, "VUEMANTICS_LIBRARY": str(tmp_path / "library"), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.stderr == ""
    return result.returncode, result.stdout


def test_as_json_against_a_server_and_against_none(tmp_path: Path, server: str) -> None:
    code, said = program(tmp_path, "--json", OLLAMA_HOST=server)
    document: dict[str, Any] = json.loads(said)
    assert (code, document["ok"]) == (0, True)
    by_subject = {finding["subject"]: finding for finding in document["findings"]}
    assert by_subject["analyzer"]["data"]["analyzer"] == "ollama"
    assert by_subject["analyzer"]["data"]["describe_seconds"] > 0
    assert set(by_subject["ollama"]) == {"verdict", "subject", "text", "hint", "lines", "data"}
    code, said = program(tmp_path, "--json", OLLAMA_HOST=NOBODY, VUEMANTICS_ANALYZER="ollama")
    document = json.loads(said)
    assert (code, document["ok"]) == (1, False)
    code, said = program(tmp_path, OLLAMA_HOST=NOBODY, VUEMANTICS_ANALYZER="ollama")
    assert code == 1
    assert "✗ analyzer" in said
    assert "Start it with: ollama serve" in said


@pytest.mark.parametrize(
    ("options", "features", "lines"),
    [
        (
            "allow-passthrough off\nterminal-features[0] xterm*:clipboard:ccolour\nfocus-events off\nescape-time 500",
            "256,title",
            [
                "set -g allow-passthrough on",
                "set -as terminal-features ',*:RGB'",
                "set -s focus-events on",
                "set -s escape-time 10",
            ],
        ),
        ("allow-passthrough all\nterminal-features[0] xterm*:x\nterminal-features[1] *:RGB\nescape-time 10", "", []),
        ('allow-passthrough on\nterminal-overrides[0] "*:Tc"\nfocus-events on\nescape-time 0', "", []),
        ("allow-passthrough on\nterminal-features[0] xterm*:title", "256,RGB,title", []),
    ],
)
def test_the_lines_that_tmux_lacks(options: str, features: str, lines: list[str]) -> None:
    assert terminals.tmux_lines(terminals.tmux_options(options), features) == lines


# What tmux 3.3a says when it is started without a configuration.
TMUX = """#!/bin/sh
case "$*" in
"show -g") echo 'default-command ""'; echo "status on" ;;
"show -gw") echo "allow-passthrough off"; echo "mode-keys emacs" ;;
"show -s")
    echo "default-terminal screen"; echo "escape-time 500"; echo "focus-events off"
    echo "terminal-features[0] xterm*:clipboard:ccolour:cstyle:focus:title"; echo "terminal-features[1] screen*:title"
    echo "terminal-overrides" ;;
"display-message -p #{client_termfeatures}") echo "256,title" ;;
*) exit 1 ;;
esac
"""


async def test_inside_tmux_the_exact_lines_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    tmux = tmp_path / "tmux"
    tmux.write_text(TMUX)
    tmux.chmod(0o700)
    finding = found(await terminals.examine_terminal(Settings()), "tmux")
    assert finding.lines == (
        "set -g allow-passthrough on",
        "set -as terminal-features ',*:RGB'",
        "set -s focus-events on",
        "set -s escape-time 10",
    )
    assert finding.data["default-terminal"] == "screen"
    tmux.write_text("#!/bin/sh\nexit 1\n")
    finding = found(await terminals.examine_terminal(Settings()), "tmux")
    assert finding.text == "its settings cannot be read"
    monkeypatch.setattr(terminals, "TMUX_SECONDS", 0.1)
    tmux.write_text("#!/bin/sh\nexec sleep 60\n")
    finding = found(await terminals.examine_terminal(Settings()), "tmux")
    assert finding.text == "its settings cannot be read"
