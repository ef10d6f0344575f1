"""The commands about analyzers and their models: analyzer, pull."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from vuemantics_tui.cli.descriptions import reembedding_words
from vuemantics_tui.cli.options import (
    FAILED,
    AnalyzerName,
    analyzer_option,
    current_settings,
    json_option,
    library_option,
)
from vuemantics_tui.cli.output import emit, emit_json, note
from vuemantics_tui.cli.progress import Bar, bars
from vuemantics_tui.cli.session import Interrupted, open_library, run
from vuemantics_tui.config import AUTO, SAME, Settings
from vuemantics_tui.domain.text import size_words, visible

if TYPE_CHECKING:
    from vuemantics_tui.library import Library, ServerState


@click.command()
@click.argument("name", required=False, type=AnalyzerName("analyzer", default=False))
@click.option("--embedder", type=AnalyzerName("embedder"), default=SAME, help="Use another analyzer for embedding.")
@json_option
@library_option
def analyzer(name: str | None, embedder: str, as_json: bool) -> None:
    """Show the analyzer in use, or choose another for this library."""
    settings = current_settings()
    if name is None:
        run(lambda: _show(settings, as_json))
    else:
        run(lambda: _keep(settings, name, embedder, as_json))


@click.command()
@click.argument("model", required=False)
@analyzer_option
@library_option
def pull(model: str | None) -> None:
    """Download a model with Ollama, or all missing models."""
    settings = current_settings()
    try:
        done = run(lambda: _pull(settings, model))
    except Interrupted:
        raise Interrupted("Stopped. The next pull resumes the download.") from None
    raise SystemExit(0 if done else FAILED)


async def _show(settings: Settings, as_json: bool) -> None:
    async with open_library(settings) as library:
        states = await library.analyzer.states()
        stale = await library.queue.stale_embeddings()
        better = await library.analyzer.better()
        _tell(library, states, stale, as_json)
    if better is not None and not as_json:
        note(f"{better} is ready now. To use it: vuemantics-tui analyzer {better}")


async def _keep(settings: Settings, name: str, embedder: str, as_json: bool) -> None:
    """Choose another analyzer, and say what that means."""
    chosen = embedder if embedder != SAME else settings.embedder
    # Opened with the new one, which proves that it can be made, and counts the vectors that it lacks.
    async with open_library(replace(settings, analyzer=name, embedder=chosen), "write") as library:
        states = await library.analyzer.states()
        await library.analyzer.keep(name, chosen)
        stale, total = await library.queue.stale_embeddings()
        _tell(library, states, (stale, total), as_json, why="chosen for this library")
        if stale:
            note("Until then, only keywords find them. To describe them again: vuemantics-tui retry ID...")
    for setting, value in (("analyzer", settings.analyzer), ("embedder", settings.embedder)):
        wanted = name if setting == "analyzer" else chosen
        if value not in (AUTO, SAME, wanted):
            where = settings.sources.get(setting, "the settings")
            note(f"Not in use while {setting} is {value} ({visible(where)}).")


def _tell(
    library: Library, states: list[ServerState], stale: tuple[int, int], as_json: bool, why: str | None = None
) -> None:
    """Print the analyzer in use, why it was chosen, and the state of its servers."""
    choice, analyzer = library.analyzer.choice, library.analyzer.made
    assert choice is not None and analyzer is not None, "looking at its servers made it"
    why = why or choice.why
    if as_json:
        document: dict[str, Any] = {
            "analyzer": choice.describer,
            "embedder": choice.embedder,
            "why": why,
            "model": analyzer.model,
            "embedding_model": analyzer.embedding_model,
            "need_reembedding": stale[0],
            "described": stale[1],
            "servers": [_state_document(state) for state in states],
        }
        emit_json(document)
        return
    names = choice.describer if choice.describer == choice.embedder else f"{choice.describer} + {choice.embedder}"
    emit(f"{names}: {visible(why)}")
    emit(f"  describes with {visible(analyzer.model) or 'no model (none is set)'}")
    emit(f"  embeds with {visible(analyzer.embedding_model) or 'no model (none is set)'}")
    for state in states:
        emit(f"  {visible(state_words(state))}")
    if stale[0]:
        emit(f"  {reembedding_words(*stale)}: vuemantics-tui reembed")


def state_words(state: ServerState) -> str:
    """Return the state of a server in a line."""
    if not state.answers:
        return f"{state.detail}. {state.hint}".strip()
    words = f"{state.server}: {state.detail or 'online'}"
    return words + (f"; missing: {', '.join(state.missing)}" if state.missing else "")


def _state_document(state: ServerState) -> dict[str, Any]:
    return {
        "server": state.server,
        "answers": state.answers,
        "detail": state.detail,
        "hint": state.hint,
        "models": list(state.models),
        "loaded": list(state.loaded),
        "missing": list(state.missing),
        "left_out": state.load.left_out if state.load else "",
    }


async def _pull(settings: Settings, model: str | None) -> bool:
    """Download a model or the missing ones; return whether the server was online."""
    async with open_library(settings) as library:
        await library.analyzer.get()
        if model is not None or not library.analyzer.can_pull:
            models = [model or ""]
        else:
            states = await library.analyzer.states()
            if not any(state.answers for state in states):
                for state in states:
                    note(f"Error: {visible(state_words(state))}")
                return False
            models = list(dict.fromkeys(missing for state in states for missing in state.missing))
            if not models:
                note("No models are missing.")
        for each in models:
            await _pull_one(library, each)
    return True


async def _pull_one(library: Library, model: str) -> None:
    told = ""
    with bars() as progress:
        bar = Bar(progress, "pulling", 0)

        def on_pulled(status: str, done: int, total: int) -> None:
            nonlocal told
            if total:
                bar.show(done, total)
                bar.say(f"{visible(model)}  {size_words(done)} of {size_words(total)}")
            else:
                bar.say(f"{visible(model)}  {visible(status)}")
            if progress.disable and status != told:
                note(f"{visible(model)}: {visible(status)}")
                told = status

        try:
            await library.analyzer.pull(model, on_pulled)
        except asyncio.CancelledError:
            note(f"{visible(model)}: incomplete")
            raise
    emit(f"{visible(model)}: downloaded")
