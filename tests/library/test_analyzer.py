"""Which analyzer a library gets, that it keeps it, and what each setting changes."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DrawPicture, OpenLibrary, add_all, settled
from tests.doubles import ScriptedAnalyzer, ThreadCompute
from tests.library.conftest import OpenChosen
from tests.servers import FakeOllama, FakeOpenAI, Stall
from vuemantics_tui.analyzers import ollama, openai
from vuemantics_tui.analyzers.failures import Secret, read_key
from vuemantics_tui.analyzers.ollama import OllamaOptions
from vuemantics_tui.analyzers.openai import OpenAIOptions
from vuemantics_tui.analyzers.registry import AnalyzerContext
from vuemantics_tui.config import Settings
from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.prompts import Prompts
from vuemantics_tui.library import Library, StageLimits
from vuemantics_tui.library import analyzer as choices
from vuemantics_tui.store.copies import APPLICATION_ID
from vuemantics_tui.store.database import known_migrations

KEY = "sk-proj-0123456789abcdef"
NOBODY = "127.0.0.1:9"


def chosen(library: Library) -> tuple[str, str]:
    """What describes and what embeds."""
    assert library.analyzer.choice is not None
    return library.analyzer.choice.describer, library.analyzer.choice.embedder


async def test_auto_takes_an_ollama_that_answers_and_has_both_models(open_chosen: OpenChosen) -> None:
    async with FakeOllama() as server:
        library = await open_chosen(server.url)
        assert chosen(library) == ("ollama", "ollama")
        analyzer = await library.analyzer.get()
        assert (analyzer.name, analyzer.embedding_model) == ("ollama", "bge-m3")
        assert library.analyzer.can_pull
        (state,) = await library.analyzer.states()
        assert (state.answers, state.missing) == (True, ())


@pytest.mark.parametrize("models", [[], ["bge-m3"], ["qwen2.5vl:3b"]])
async def test_auto_takes_the_built_in_one_where_a_model_is_missing(open_chosen: OpenChosen, models: list[str]) -> None:
    async with FakeOllama(models=models) as server:
        assert chosen(await open_chosen(server.url)) == ("builtin", "builtin")


async def test_models_may_be_spread_over_hosts_and_one_host_may_be_away(open_chosen: OpenChosen) -> None:
    async with FakeOllama(models=["bge-m3"]) as one, FakeOllama(models=["qwen2.5vl:3b"]) as other:
        assert chosen(await open_chosen(f"{NOBODY},{one.url},{other.url}")) == ("ollama", "ollama")


async def test_an_embedding_model_that_is_not_wanted_is_not_missed(open_chosen: OpenChosen) -> None:
    async with FakeOllama(models=["qwen2.5vl:3b"]) as server:
        library = await open_chosen(server.url, embedder="builtin")
        assert chosen(library) == ("ollama", "builtin")
        assert [state.missing for state in await library.analyzer.states()] == [(), ()]


async def test_a_refused_connection_is_told_at_once_and_silence_within_the_glance(
    open_chosen: OpenChosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    assert chosen(await open_chosen(NOBODY)) == ("builtin", "builtin")
    assert time.monotonic() - began < choices.GLANCE_SECONDS
    monkeypatch.setattr(choices, "GLANCE_SECONDS", 0.2)
    async with FakeOllama() as server:
        server.fail_next(Stall())
        assert not await choices.ollama_is_ready(Settings(ollama_host=server.url), ThreadCompute())
        await server.wait_for(lambda fake: fake.left == 1)


async def test_what_was_chosen_is_kept_when_the_server_is_away_or_comes_later(
    open_chosen: OpenChosen, tmp_path: Path
) -> None:
    async with FakeOllama() as server:
        url = server.url
        first = await open_chosen(url)
        assert chosen(first) == ("ollama", "ollama")
        late = await open_chosen(NOBODY, library=tmp_path / "late")
        assert chosen(late) == ("builtin", "builtin")
        again = await open_chosen(url, library=tmp_path / "late")
        assert chosen(again) == ("builtin", "builtin")
        assert await again.analyzer.better() == "ollama"
        assert await late.analyzer.better() is None
        explicit = await open_chosen(url, library=tmp_path / "late", analyzer="builtin")
        assert await explicit.analyzer.better() is None
        await again.analyzer.keep("ollama")
        assert chosen(await open_chosen(url, library=tmp_path / "late")) == ("ollama", "ollama")
        with pytest.raises(UsageError, match="no analyzer 'olama'"):
            await again.analyzer.keep("olama")
    away = await open_chosen(url)
    assert chosen(away) == ("ollama", "ollama")
    assert [state.answers for state in await away.analyzer.states()] == [False]


async def test_what_the_settings_name_wins_for_the_run_and_changes_nothing_that_is_kept(
    open_chosen: OpenChosen,
) -> None:
    async with FakeOllama() as server:
        assert chosen(await open_chosen(server.url)) == ("ollama", "ollama")
        assert chosen(await open_chosen(server.url, analyzer="builtin")) == ("builtin", "builtin")
        assert chosen(await open_chosen(server.url, embedder="builtin")) == ("ollama", "builtin")
        assert chosen(await open_chosen(server.url)) == ("ollama", "ollama")


async def test_a_library_of_an_earlier_version_counts_as_built_in(open_chosen: OpenChosen, tmp_path: Path) -> None:
    folder = tmp_path / "library"
    folder.mkdir()
    with sqlite3.connect(folder / "library.db") as connection:
        for _, _, script in known_migrations()[:3]:
            connection.executescript(script)
        connection.execute("UPDATE library SET revision = 4")
        connection.execute("INSERT INTO users VALUES ('user', '2026-01-01')")
        connection.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT, applied_at TEXT)")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    async with FakeOllama() as server:
        library = await open_chosen(server.url)
        assert chosen(library) == ("builtin", "builtin")
        assert server.requests == []
        assert await library.analyzer.better() == "ollama"


async def test_an_analyzer_that_is_handed_in_looks_at_nothing_and_keeps_nothing(
    open_library: OpenLibrary, open_chosen: OpenChosen
) -> None:
    async with FakeOllama() as server:
        library = await open_library(ScriptedAnalyzer(), ollama_host=server.url)
        assert (library.analyzer.choice, library.analyzer.can_pull, await library.analyzer.better()) == (
            None,
            False,
            None,
        )
        assert server.requests == []
        with pytest.raises(UsageError, match="downloads no models"):
            await library.analyzer.pull("bge-m3", lambda *_: None)
        assert chosen(await open_chosen(server.url)) == ("ollama", "ollama")


async def test_described_by_ollama_and_embedded_by_the_built_in_one(
    open_chosen: OpenChosen, draw_picture: DrawPicture
) -> None:
    async with FakeOllama(models=["qwen2.5vl:3b"]) as server:
        library = await open_chosen(server.url, embedder="builtin")
        await add_all(library, draw_picture())
        await library.queue.start()
        await settled(library)
        (upload,) = await library.uploads.newest()
        assert (upload.status, upload.analyzer, upload.model) == ("completed", "ollama", "qwen2.5vl:3b")
        assert await library.queue.stale_embeddings() == (0, 1)
        assert (await library.analyzer.get()).embedding_model.startswith("all-MiniLM")
        assert (server.count("/api/chat"), server.count("/api/embed")) == (1, 0)
        (hit,) = await library.search.run("a cat on a couch")
        assert hit.upload.id == upload.id


async def test_pulling_tells_how_far_it_is(open_chosen: OpenChosen) -> None:
    async with FakeOllama(models=["bge-m3:latest"]) as server:
        library = await open_chosen(server.url, analyzer="ollama")
        assert [state.missing for state in await library.analyzer.states()] == [("qwen2.5vl:3b",)]
        told: list[tuple[str, int, int]] = []
        await library.analyzer.pull("qwen2.5vl:3b", lambda *how_far: told.append(how_far))
        assert told[-1][0] == "success"
        assert max(done for _, done, total in told if total) == 3000
        assert [state.missing for state in await library.analyzer.states()] == [()]


def test_the_settings_have_the_defaults_of_the_analyzers() -> None:
    settings = Settings(openai_base_url="http://127.0.0.1:8080/v1")
    context = AnalyzerContext(settings, ThreadCompute(), Path())
    assert ollama.make(context)._options == OllamaOptions()
    assert openai.make(context)._options == OpenAIOptions(
        base_url=settings.openai_base_url, vision_model="", embedding_model=""
    )


def test_every_setting_reaches_the_analyzer() -> None:
    settings = Settings(
        ollama_host="gpu:1",
        ollama_vision_model="llava",
        ollama_embedding_model="nomic",
        keep_alive="5m",
        temperature=0.7,
        num_ctx=4096,
        num_predict=100,
        summary_num_predict=200,
        image_long_side=560,
        image_multiple=14,
        image_prompt="What is it?",
        frame_prompt="And here?",
        summary_prompt="All in all: {frames}",
        language="German",
        connect_seconds=1.5,
        answer_seconds=30.0,
        describe_limit=2,
    )
    assert ollama.make(AnalyzerContext(settings, ThreadCompute(), Path()))._options == OllamaOptions(
        hosts="gpu:1",
        vision_model="llava",
        embedding_model="nomic",
        keep_alive="5m",
        temperature=0.7,
        num_ctx=4096,
        num_predict=100,
        summary_num_predict=200,
        long_side=560,
        multiple=14,
        connect_seconds=1.5,
        piece_seconds=30.0,
        describe_limit=2,
        prompts=Prompts("What is it?", "And here?", "All in all: {frames}", "German"),
    )


@pytest.mark.parametrize(
    ("settings", "names", "limits", "at_once"),
    [
        ({}, ("builtin", "builtin"), (3, 3, 3), 3),
        ({}, ("ollama", "ollama"), (3, 1, 3), 3),
        ({}, ("openai", "builtin"), (2, 1, 2), 2),
        ({"ollama_host": "a limit=2"}, ("ollama", "ollama"), (2, 2, 2), 2),
        # With several hosts as many more as are prepared at a time.
        ({"ollama_host": "a limit=4, b, c weight=0"}, ("ollama", "builtin"), (2, 7, 2), 2),
        ({"openai_base_url": "http://a, http://b limit=2"}, ("builtin", "openai"), (3, 3, 8), 3),
        ({}, ("builtin", "ollama"), (2, 2, 3), 2),
        ({"thumbnail_limit": 5, "describe_limit": 4, "embed_limit": 6}, ("ollama", "ollama"), (5, 4, 6), 3),
    ],
)
def test_the_limits_of_the_stages(
    settings: dict[str, Any], names: tuple[str, str], limits: tuple[int, int, int], at_once: int
) -> None:
    assert choices.stage_limits(Settings(**settings), *names, at_once) == StageLimits(*limits)


async def test_two_hosts_share_the_work_by_their_speed_until_one_is_gone(
    open_chosen: OpenChosen, draw_picture: DrawPicture
) -> None:
    said = "A tabby cat on a red sofa, in the warm light of an afternoon.".replace(" ", "\u00a0")
    async with FakeOllama(pace=0.08, text=said) as fast, FakeOllama(pace=0.24, text=said) as slow:
        library = await open_chosen(f"{slow.url}, {fast.url}")
        await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(24)))
        await library.queue.start()
        await settled(library)
        assert (fast.most_running, slow.most_running) == (1, 1)
        assert fast.count("/api/chat") / 24 == pytest.approx(0.75, rel=0.15)
        await add_all(library, *(draw_picture(f"{number}.png", number) for number in range(24, 30)))
        await fast.wait_for(lambda server: server.running == 1)
        await fast.stop()
        await settled(library)
        counts = await library.queue.store.counts()
        assert (counts.completed, counts.failed) == (30, 0)
        assert [state.answers for state in await library.analyzer.states()] == [True, False]


async def test_openai_with_its_key_from_a_file(
    open_chosen: OpenChosen, draw_picture: DrawPicture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)
    async with FakeOpenAI(key=KEY) as server:
        library = await open_chosen(
            NOBODY,
            analyzer="openai",
            openai_base_url=server.url,
            openai_vision_model="qwen2.5-vl",
            openai_embedding_model="bge-m3",
            openai_key_file=str(file),
        )
        await add_all(library, draw_picture())
        await library.queue.start()
        await settled(library)
        assert (await library.queue.store.counts()).completed == 1
    await library.close()
    for stored in tmp_path.glob("library/library.db*"):
        assert KEY.encode() not in await asyncio.to_thread(stored.read_bytes)


def test_the_key_of_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    settings = Settings(openai_key_file=str(tmp_path / "none"))
    assert read_key(settings.openai_key_file, {"OPENAI_API_KEY": KEY}) == Secret(KEY)
    assert read_key("", {}) == Secret()
    with pytest.raises(UsageError, match="cannot be read"):
        read_key(settings.openai_key_file, {})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(mode)
    with pytest.raises(UsageError) as caught:
        read_key(str(file), {})
    assert f"chmod 600 {file}" in caught.value.hint
    assert KEY not in f"{caught.value.message}{caught.value.hint}"
    file.chmod(0o600)
    assert read_key(str(file), {}).reveal() == KEY


@pytest.mark.parametrize("text", ["", "  \n", "x" * 5000])
def test_a_file_without_a_key_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(UsageError, match="contains no key"):
        read_key(str(file), {})


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"analyzer": "openai"}, "needs to know where its server is"),
        ({"analyzer": "ollama", "ollama_host": "ftp://gpu"}, "begins with neither"),
        ({"analyzer": "ollama", "image_prompt": "What is {this}?"}, "unknown placeholder"),
    ],
)
async def test_settings_that_make_no_analyzer_leave_nothing_open(
    open_chosen: OpenChosen, settings: dict[str, str], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        await open_chosen(settings.pop("ollama_host", NOBODY), **settings)
    assert chosen(await open_chosen(NOBODY, analyzer="builtin"))[0] == "builtin"
