"""Whether the analyzer answers: the header, the line of an outage, re-embedding, and a better analyzer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.doubles import ScriptedAnalyzer
from tests.ui.conftest import StillAnalyzer, Window, add, make_library, window_on
from vuemantics_tui.domain.errors import LibraryError
from vuemantics_tui.library import HostLoad, Outage
from vuemantics_tui.library.analyzer import LibraryAnalyzer
from vuemantics_tui.ui.app import VuemanticsApp
from vuemantics_tui.ui.uploads import servers
from vuemantics_tui.ui.uploads.screen import UploadsScreen
from vuemantics_tui.ui.uploads.servers import outage_words, serving_words

Draw = Callable[..., Path]


@dataclass(frozen=True)
class State:
    answers: bool
    missing: tuple[str, ...] = ()
    load: HostLoad | None = None


THERE, AWAY = State(True), State(False)


@pytest.mark.parametrize(
    ("servers", "glyph", "words"),
    [
        (None, "·", ""),
        ([THERE], "●", ""),
        ([AWAY], "○", "offline"),
        ([THERE, AWAY, THERE], "○", "1 of 3 offline"),
        ([State(True, ("qwen2.5vl:3b",))], "!", "qwen2.5vl:3b missing"),
        ([State(True, ("a", "b")), State(True, ("a", "b", "c"))], "!", "2 models missing"),
        ([State(True, ("a", "b")), State(True, ("c",))], "●", ""),
        ([THERE, State(True, load=HostLoad("gpu", 0, 1, 9, 0.5, "out of memory"))], "!", "1 of 2 left out"),
        ([State(False, ("a",))], "○", "offline"),
    ],
)
def test_the_header_says_in_a_word_what_its_dot_means(servers: list[State] | None, glyph: str, words: str) -> None:
    shown, _, told = serving_words(servers)
    assert (shown, told) == (glyph, words)


async def test_the_header_follows_the_server(root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "LOOK_SECONDS", 0.05)
    analyzer = ScriptedAnalyzer()
    async with window_on(root, own_analyzer=analyzer) as window:
        await window.shows("● scripted")
        analyzer.down = True
        await window.shows("○ scripted, offline")
        analyzer.down = False
        await window.shows("● scripted")


async def test_the_header_is_painted_before_the_server_is_looked_at(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    never = asyncio.Event()

    async def states(analyzer: LibraryAnalyzer) -> list[object]:
        await never.wait()
        return []

    monkeypatch.setattr(LibraryAnalyzer, "states", states)
    async with window_on(root) as window:
        await window.shows("· still", "This library is empty")


# Away


def outage(*, lasted: float = 9.0, next_look_in: float = 3.2, message: str = "") -> Outage:
    server = "Ollama at http://gpu:11434"
    return Outage(server, message or f"{server} cannot be reached: connection refused", "", 0.0, lasted, next_look_in)


def test_an_outage_names_the_server_the_reason_and_the_seconds() -> None:
    why, look = outage_words(outage(), "w")
    assert why == [
        "Waiting for Ollama at http://gpu:11434, which cannot be reached: connection refused. Nothing is lost.",
        "Waiting for Ollama at http://gpu:11434, which cannot be reached: connection refused.",
        "Waiting for Ollama at http://gpu:11434.",
    ]
    assert look == "Next check in 4 s. w checks now"
    assert outage_words(outage(next_look_in=0.0), "w")[1] == "Checking now. w checks now"
    assert outage_words(outage(message="a\x1b[31m"), "w")[0][0] == (
        r"Waiting for Ollama at http://gpu:11434: a\x1b[31m. Nothing is lost."
    )


def test_what_is_back_at_the_first_look_is_not_told() -> None:
    assert outage_words(None, "w") == ([], "")
    assert outage_words(outage(lasted=0.9), "w") == ([], "")


@pytest.mark.parametrize("width", [60, 80, 160])
async def test_a_server_that_is_away_is_told_until_it_is_back(
    root: Path, draw: Draw, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "SECONDS_BEFORE_TOLD", 0.0)
    analyzer = ScriptedAnalyzer(down=True)
    async with window_on(root, size=(width, 24), process=True, own_analyzer=analyzer) as window:
        await add(window.library, *(draw(f"{number}.png") for number in range(4)))
        await window.shows("Waiting for scripted", "Next check in", "w checks now", "○ scripted, offline")
        assert "failed" not in window.text()
        looked = analyzer.looked_at
        await window.press("w")
        await window.until(lambda: analyzer.looked_at > looked)
        analyzer.down = False
        await window.press("w")
        await window.shows("4 completed", "● scripted")
        assert "Waiting for" not in window.text()


async def test_look_now_where_nothing_is_waited_for_says_so(root: Path) -> None:
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("w")
        await window.shows("All servers are online.")


# Re-embedding


async def embedded_by_another(root: Path, draw: Draw, count: int) -> None:
    """A library whose vectors are of another model."""
    other = StillAnalyzer()
    other.embedding_model = "words-0"
    async with window_on(root, process=True, own_analyzer=other) as window:
        await add(window.library, *(draw(f"{number}.png") for number in range(count)))
        await window.shows(f"{count} completed")


async def test_what_needs_re_embedding_is_told_at_the_start_and_one_key_does_it(
    root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "OFFER_AFTER_SECONDS", 0.0)
    await embedded_by_another(root, draw, 3)
    async with window_on(root, size=(120, 30), process=True) as window:
        await window.shows("3 of 3 uploads need re-embedding. Press R")
        await window.press("R")
        await window.shows("Re-embed 3 of 3?", "words-1 embeds their descriptions", "Nothing is described again")
        await window.press("enter")
        await window.until(lambda: window.app.screen is window.app.screen_stack[0])
        assert await window.library.queue.stale_embeddings() == (3, 3)
        await window.press("R", "y")
        await window.shows("Re-embedding 3 uploads.", "3 completed")

        async def none_stale() -> bool:
            return await window.library.queue.stale_embeddings() == (0, 3)

        await window.until(none_stale)
        assert window.analyzer.begun == 0
        await window.press("R")
        await window.shows("Nothing needs re-embedding.")


# A better analyzer


def better(monkeypatch: pytest.MonkeyPatch, name: str | None) -> list[str]:
    """Have something better answer; returns what was kept."""
    kept: list[str] = []

    async def better_analyzer(analyzer: LibraryAnalyzer) -> str | None:
        return name

    async def keep_analyzer(analyzer: LibraryAnalyzer, chosen: str) -> None:
        kept.append(chosen)

    monkeypatch.setattr(LibraryAnalyzer, "better", better_analyzer)
    monkeypatch.setattr(LibraryAnalyzer, "keep", keep_analyzer)
    return kept


async def test_a_better_analyzer_is_offered_and_the_app_opens_again_with_it(
    root: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "OFFER_AFTER_SECONDS", 0.0)
    kept = better(monkeypatch, "ollama")
    async with window_on(root, process=True) as window:
        await window.shows("Ollama is ready, with its models. Press I to use it.")
        await add(window.library, draw("x.png"))
        await window.shows("1 completed")
        await window.press("I")
        await window.shows("Use ollama from now on?", "1 upload will need re-embedding")
        await window.press("n")
        await window.until(lambda: window.app.screen is window.app.screen_stack[0])
        assert kept == [] and not reopens(window)
        await window.press("I")
        await window.shows("Use ollama from now on?")
        await window.press("y")
        await window.until(lambda: not window.app.is_running)
        assert kept == ["ollama"] and reopens(window)


def reopens(window: Window) -> bool:
    return window.app.reopen


async def test_the_palette_has_it_too_and_says_where_nothing_is_better(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    better(monkeypatch, None)
    await make_library(root)
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("ctrl+p", *"better")
        await window.shows("Use better analyzer")
        await window.press("enter", "enter")
        await window.shows("No better analyzer is available.")
        assert not reopens(window)


async def test_an_analyzer_that_cannot_be_kept_is_told_and_the_app_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    better(monkeypatch, "ollama")

    async def refuse(analyzer: LibraryAnalyzer, chosen: str) -> None:
        raise LibraryError("The library is read-only", "Make it writable.")

    monkeypatch.setattr(LibraryAnalyzer, "keep", refuse)
    async with window_on(root) as window:
        await window.shows("This library is empty")
        await window.press("I")
        await window.shows("Use ollama from now on?")
        await window.press("y")
        await window.shows("The library is read-only", "Make it writable.")
        assert isinstance(window.app, VuemanticsApp) and window.app.is_running


async def test_the_analyzer_is_not_changed_while_files_are_copied(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = better(monkeypatch, "ollama")
    async with window_on(root) as window:
        await window.shows("This library is empty")
        screen = window.app.screen
        assert isinstance(screen, UploadsScreen)
        screen.intake.to_copy = 3
        await window.press("I")
        await window.shows("Files are being copied.")
        screen.intake.to_copy = 0
        assert kept == []
