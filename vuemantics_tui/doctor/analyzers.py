"""The analyzers: which are online, with which models, and how fast the one in use is."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from vuemantics_tui.analyzers import registry
from vuemantics_tui.analyzers.base import Analyzer, Compute, ServerState
from vuemantics_tui.config import AUTO, SAME, Settings
from vuemantics_tui.domain.errors import AnalyzerError, VuemanticsError
from vuemantics_tui.domain.findings import Finding, Verdict
from vuemantics_tui.library import Choice, Library
from vuemantics_tui.library import analyzer as choices

if TYPE_CHECKING:
    # It loads the HTTP client, which no command but the doctor's own needs.
    from vuemantics_tui.analyzers.hosts import Address
    from vuemantics_tui.library.models import ModelState

Result = TypeVar("Result")

# A model that is not in memory is loaded first; a look at a server is a single small request.
CALL_SECONDS = 50.0
LOOK_SECONDS = 5.0
MODEL = "model"
"""The subject of the finding about the joint model."""

# The words do not matter, only that there are some.
FEW_TOKENS = 24
_SIDE = 56
_WORDS = "A plain blue picture."


def blue_picture() -> bytes:
    """Return a small blue picture: a BMP, whose layout (BITMAPINFOHEADER) needs no encoder."""
    size = _SIDE * _SIDE * 3
    header = struct.pack("<2sIHHI", b"BM", 54 + size, 0, 0, 54)
    return (
        header
        + struct.pack("<IiiHHIIiiII", 40, _SIDE, _SIDE, 1, 24, 0, size, 2835, 2835, 0, 0)
        + b"\xff\0\0" * _SIDE**2
    )


async def examine_analyzers(
    settings: Settings, library: Library | None, compute: Compute, subject: str
) -> list[Finding]:
    """Check the one in use under this `subject`, with a tiny real call, then each of the others."""
    few = replace(settings, num_predict=FEW_TOKENS)
    try:
        choice = await library.analyzer.chosen() if library else None
        if library and choice is None:
            # It was handed in: there is nothing to choose from.
            return [await _call(await library.analyzer.get(), "handed in", subject)]
        choice = choice or await choices.resolve(settings, compute)
        analyzer = await choices.make(few, choice, compute)
    except VuemanticsError as error:
        return [Finding(Verdict.BAD, subject, error.message, error.hint)]
    try:
        looks = asyncio.gather(*(_each(few, name, choice, compute) for name in registry.names()))
        in_use, others = await asyncio.gather(_call(analyzer, choice.why, subject, choice), looks)
    finally:
        await analyzer.close()
    return [in_use, *(finding for found in others for finding in found)]


async def examine_model(settings: Settings, library: Library | None, compute: Compute) -> list[Finding]:
    """Check the joint model that the library uses: what it has seen, on what it runs, how fast, and for which words."""
    states = await library.models.states() if library else []
    used = next((state for state in states if state.is_in_use), None)
    if library is None or used is None:
        text = "no joint model is in use: searches compare texts only"
        return [Finding(Verdict.NEUTRAL, MODEL, text, "To see what there is: vuemantics-tui model list")]
    wrong = await library.queue.words_problem()
    about_words = [Finding(Verdict.BAD, "tags", f"none from pictures: {wrong.message}", wrong.hint)] if wrong else []
    return [*await _model(settings, library, used, compute), *about_words]


async def _model(settings: Settings, library: Library, used: ModelState, compute: Compute) -> list[Finding]:
    from vuemantics_tui.analyzers.joint.towers import measure

    data: dict[str, object] = {
        "model": used.name,
        "seen": used.seen,
        "unseen": used.unseen,
        "wanted": settings.provider,
    }
    words = f"{used.name}: {used.seen:,} of {used.seen + used.unseen:,} pictures seen"
    if used.model is None:
        hint = "Get it again, or search without it: vuemantics-tui model use none"
        return [Finding(Verdict.NEUTRAL, MODEL, f"{words}; it is not on this machine", hint, data=data)]
    if used.model.served:
        return await _model_servers(library, words, data)
    async with asyncio.timeout(CALL_SECONDS):
        speed = await compute.run(measure, used.model.folder)
    data |= {"provider": speed.provider, "pictures_per_second": speed.pictures_per_second, "providers": speed.reported}
    workers = f" in each of {settings.workers} workers" if settings.workers > 1 else ""
    words += f"; on {speed.provider}, {speed.pictures_per_second:g} pictures/s{workers}"
    words += f"; onnxruntime has {', '.join(speed.reported)}"
    if speed.fault:
        return [
            Finding(Verdict.BAD, MODEL, f"{words}. {speed.fault}", 'To try no more: set provider to "cpu".', data=data)
        ]
    return [Finding(Verdict.GOOD, MODEL, words, data=data)]


async def _model_servers(library: Library, words: str, data: dict[str, object]) -> list[Finding]:
    """Try the joint model in use on each of its servers."""
    async with asyncio.timeout(CALL_SECONDS):
        states = await library.models.server_states()
    found = []
    for state in states:
        data = {**data, "server": state.server, "answers": state.answers, "detail": state.detail}
        if state.answers:
            found.append(Finding(Verdict.GOOD, MODEL, f"{words}; {state.server}: {state.detail}", data=data))
        else:
            # Of several hosts, one that answers is enough.
            verdict = Verdict.NEUTRAL if any(other.answers for other in states) else Verdict.BAD
            found.append(Finding(verdict, MODEL, f"{words}; {state.detail}", state.hint, data=data))
    return found


async def _call(analyzer: Analyzer, why: str, subject: str, choice: Choice | None = None) -> Finding:
    """Have the analyzer describe a tiny picture and embed a few words, as for an upload."""
    name = analyzer.name
    if choice is not None and choice.describer != choice.embedder:
        name = f"{choice.describer} + {choice.embedder}"
    data: dict[str, object] = {
        "analyzer": choice.describer if choice else analyzer.name,
        "embedder": choice.embedder if choice else analyzer.name,
        "why": why,
        "model": analyzer.model,
        "embedding_model": analyzer.embedding_model,
    }
    words = f"{name} ({why}): {analyzer.model} + {analyzer.embedding_model}"
    try:
        description, described = await _timed(analyzer.describe_image(blue_picture()))
        data["describe_seconds"] = described
        _, embedded = await _timed(analyzer.embed_document(_WORDS, description.labels))
        data["embed_seconds"] = embedded
    except TimeoutError:
        hint = "It may be loading a model or be short of memory. Try again in a minute, and check its log."
        text = f"{words}: no answer within {CALL_SECONDS:.0f} seconds"
        return Finding(Verdict.BAD, subject, text, hint, data=data)
    except VuemanticsError as error:
        if isinstance(error, AnalyzerError) and error.missing_model:
            data["missing_model"] = error.missing_model
        return Finding(Verdict.BAD, subject, f"{words}: {error.message}", error.hint, data=data)
    return Finding(
        Verdict.GOOD, subject, f"{words}; described in {described:.1f} s, embedded in {embedded:.1f} s", data=data
    )


async def _timed(answer: Awaitable[Result]) -> tuple[Result, float]:
    began = time.perf_counter()
    async with asyncio.timeout(CALL_SECONDS):
        result = await answer
    return result, round(time.perf_counter() - began, 3)


async def _each(settings: Settings, name: str, choice: Choice, compute: Compute) -> list[Finding]:
    """Check one analyzer, in use or not; OpenAI only if it is set up."""
    describes, embeds = name == choice.describer, name == choice.embedder
    in_use = describes or embeds
    if name == registry.OPENAI and not in_use and not settings.openai_base_url:
        return []
    if in_use and not (describes and embeds):
        # Only the model that is wanted of it is missed where it is not there.
        other = next(each for each in (choice.describer, choice.embedder) if each != name)
        asked = Choice(name, other, "") if describes else Choice(other, name, "")
    else:
        asked = Choice(name, name, "")
    try:
        analyzer = await choices.make(settings, asked, compute)
    except VuemanticsError as error:
        verdict = Verdict.BAD if in_use else Verdict.NEUTRAL
        return [Finding(verdict, name, error.message, error.hint, data={"in_use": in_use, "answers": False})]
    part = choices.part_of(analyzer, describes=describes)
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            states = await part.states()
    except TimeoutError:
        states = [ServerState(name, False, f"{name}: no answer within {LOOK_SECONDS:.0f} seconds")]
    finally:
        await analyzer.close()
    hosts = choices.addresses_of(settings, name) if in_use else ()
    if len(hosts) == len(states) > 1:
        called = zip(states, hosts, strict=True)
        speeds = await asyncio.gather(*(_speed(settings, name, asked, host, state, compute) for state, host in called))
        return [_state(name, state, True, False, states, speed) for state, speed in zip(states, speeds, strict=True)]
    may_switch = name == registry.OLLAMA and not in_use and settings.analyzer == AUTO and settings.embedder == SAME
    return [_state(name, state, in_use, may_switch, states) for state in states]


@dataclass(frozen=True, slots=True)
class _Speed:
    """How fast one of several hosts did a tiny real call, or why it did not."""

    host: Address
    describe_seconds: float | None = None
    embed_seconds: float | None = None
    wrong: str = ""
    hint: str = ""

    @property
    def words(self) -> str:
        """Return it in words."""
        words = [f"described in {self.describe_seconds:.1f} s"] if self.describe_seconds is not None else []
        words += [f"embedded in {self.embed_seconds:.1f} s"] if self.embed_seconds is not None else []
        words += [f"at most {self.host.limit} at a time"] if self.host.limit else []
        words += [f"weight {self.host.weight:g}"] if self.host.weight != 1 else []
        return ", ".join([*words, self.wrong] if self.wrong else words)


async def _speed(
    settings: Settings, name: str, asked: Choice, host: Address, state: ServerState, compute: Compute
) -> _Speed:
    """Have one of several hosts do what it is used for."""
    if not state.answers or state.missing:
        return _Speed(host)
    is_ollama = name == registry.OLLAMA
    alone = replace(settings, ollama_host=host.url) if is_ollama else replace(settings, openai_base_url=host.url)
    describes, embeds = name == asked.describer, name == asked.embedder
    described = embedded = None
    try:
        analyzer = await choices.make(alone, Choice(name, name, ""), compute)
        try:
            if describes:
                _, described = await _timed(analyzer.describe_image(blue_picture()))
            if embeds:
                _, embedded = await _timed(analyzer.embed_document(_WORDS, {}))
        finally:
            await analyzer.close()
    except TimeoutError:
        return _Speed(host, described, embedded, f"no answer within {CALL_SECONDS:.0f} seconds", "Check its log.")
    except VuemanticsError as error:
        return _Speed(host, described, embedded, error.message, error.hint)
    return _Speed(host, described, embedded)


def _state(
    name: str,
    state: ServerState,
    in_use: bool,
    may_switch: bool,
    states: Sequence[ServerState],
    speed: _Speed | None = None,
) -> Finding:
    data: dict[str, object] = {
        "in_use": in_use,
        "server": state.server,
        "answers": state.answers,
        "detail": state.detail,
        "models": list(state.models),
        "loaded": list(state.loaded),
        "missing": list(state.missing),
        "seconds": round(state.seconds, 3),
    }
    if speed is not None:
        data["describe_seconds"], data["embed_seconds"] = speed.describe_seconds, speed.embed_seconds
        data["limit"], data["weight"] = speed.host.limit or None, speed.host.weight
    use = "" if in_use else "not in use; "
    bad = Verdict.BAD if in_use else Verdict.NEUTRAL
    if not state.answers:
        # Of several hosts, one that answers is enough.
        verdict = Verdict.NEUTRAL if any(other.answers for other in states) else bad
        return Finding(verdict, name, f"{use}{state.detail}", state.hint if in_use else "", data=data)
    words = f"{use}{state.server}: {state.detail or 'online'}"
    if state.models:
        words += f", {len(state.models)} models, in memory: {', '.join(state.loaded) or 'none'}"
    if state.missing:
        hint = f"Run: vuemantics-tui pull {state.missing[0]}" if name == registry.OLLAMA and in_use else ""
        # Of several hosts, one that has it is enough.
        missing = set.intersection(*(set(other.missing) for other in states if other.answers))
        verdict = bad if missing else Verdict.NEUTRAL
        return Finding(verdict, name, f"{words}; missing: {', '.join(state.missing)}", hint, data=data)
    if speed is not None and speed.words:
        words += f"; {speed.words}"
        if speed.wrong:
            return Finding(bad, name, words, speed.hint, data=data)
    hint = "To use it: vuemantics-tui analyzer ollama" if may_switch else ""
    return Finding(Verdict.GOOD if in_use else Verdict.NEUTRAL, name, words, hint, data=data)
