"""The analyzer of a library: which one describes and which one embeds, and how they are made from the settings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from vuemantics_tui import paths
from vuemantics_tui.analyzers import registry
from vuemantics_tui.analyzers.base import PairedAnalyzer
from vuemantics_tui.analyzers.registry import BUILTIN, OLLAMA, OPENAI, AnalyzerContext
from vuemantics_tui.config import AUTO, SAME, Settings
from vuemantics_tui.domain.errors import UsageError

if TYPE_CHECKING:
    from vuemantics_tui.analyzers.base import Analyzer, Compute, Describer, Embedder, OnPulled, ServerState
    from vuemantics_tui.analyzers.hosts import Address
    from vuemantics_tui.processing.pipeline import StageLimits
    from vuemantics_tui.store.identity import LibraryStore

log = logging.getLogger(__name__)


# How long a new library looks for Ollama. Someone waits, and on this machine it answers at once.
GLANCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The names of the analyzer that describes and of the one that embeds, and why these."""

    describer: str
    embedder: str
    why: str


@runtime_checkable
class Pulling(Protocol):
    """An analyzer that can download models."""

    async def pull(self, model: str, on_pulled: OnPulled) -> None:
        """Download a model. Raises AnalyzerError."""
        ...


class LibraryAnalyzer:
    """The analyzer of a library, chosen and made when it is first needed: most commands do without.

    `choice` says how it was chosen: None until then, and where it was handed in.
    """

    def __init__(
        self, settings: Settings, store: LibraryStore, compute: Callable[[], Compute], made: Analyzer | None = None
    ) -> None:
        self.choice: Choice | None = None
        self._settings = settings
        self._store = store
        self._compute = compute
        self._made = made
        self._making = asyncio.Lock()

    async def get(self) -> Analyzer:
        """Return the analyzer. Raises UsageError for settings with which there is none, and LibraryError.

        Chosen is what the settings name, else what the library keeps, else, once, Ollama if it is ready.
        """
        async with self._making:
            if self._made is None:
                self.choice = await self._choose()
                self._made = await make(self._settings, self.choice, self._compute())
        return self._made

    async def chosen(self) -> Choice | None:
        """Return the choice without making anything; None for an analyzer that was handed in.

        What a new library begins with is kept in it, so that its vectors do not mix. Raises as `get`.
        """
        async with self._making:
            if self._made is None:
                self.choice = await self._choose()
        return self.choice

    async def _choose(self) -> Choice:
        if self.choice is not None:
            return self.choice
        kept = await self._store.kept()
        if kept is None:
            first = await resolve(self._settings, self._compute())
            if self._store.is_read_only:
                return first
            kept = await self._store.keep_first(first.describer, first.embedder)
            if kept == (first.describer, first.embedder):
                return first
        return _of_kept(self._settings, kept)

    @property
    def made(self) -> Analyzer | None:
        """The analyzer, if it was needed before."""
        return self._made

    @property
    def models(self) -> tuple[str, ...]:
        """What describes and what embeds, once it is made; nothing of the built-in one, which nobody composed."""
        if self._made is None or self._made.name == BUILTIN:
            return ()
        return self._made.model, self._made.embedding_model

    async def limits(self, at_once: Callable[[], int]) -> Callable[[], StageLimits]:
        """Return what says how many uploads each stage may have at a time with this analyzer. Raises as `get`.

        `at_once` says how many calls keep busy what runs them.
        """
        choice = await self.chosen()
        names = (choice.describer, choice.embedder) if choice else ("", "")
        return lambda: stage_limits(self._settings, *names, at_once())

    async def states(self) -> list[ServerState]:
        """Look at what the analyzer depends on, now. Raises as `get`."""
        return await (await self.get()).states()

    async def better(self) -> str | None:
        """Return "ollama" if it is ready and only the library's age keeps the built-in analyzer; else None.

        Looks at the server for a second or two at most.
        """
        choice = await self.chosen()
        if choice is None or self._settings.analyzer != AUTO or choice.describer != BUILTIN:
            return None
        try:
            ready = await ollama_is_ready(self._settings, self._compute())
        except UsageError as error:
            log.warning("Ollama cannot be checked: %s %s", error, error.hint)
            return None
        return OLLAMA if ready else None

    async def keep(self, name: str, embedder: str = SAME) -> None:
        """Have the library keep another analyzer, in use when it is opened next. Raises UsageError and LibraryError.

        Where `embedder` is the same, that of the settings counts.
        """
        chosen = self._settings.embedder if embedder == SAME else embedder
        embeds = checked_name(name if chosen == SAME else chosen)
        await self._store.keep(checked_name(name), embeds)

    @property
    def can_pull(self) -> bool:
        """Whether the analyzer can download models; no before it is made."""
        return self._made is not None and puller_of(self._made) is not None

    async def pull(self, model: str, on_pulled: OnPulled) -> None:
        """Have the analyzer's servers download a model; what they have when cancelled is kept for the next time.

        Raises UsageError where the analyzer cannot, and AnalyzerError.
        """
        analyzer = await self.get()
        puller = puller_of(analyzer)
        if puller is None:
            raise UsageError(
                f"The analyzer {analyzer.name} downloads no models",
                "To download with Ollama: vuemantics-tui pull MODEL --analyzer ollama",
            )
        await puller.pull(model, on_pulled)

    async def close(self) -> None:
        """Let go of connections, if the analyzer was made."""
        if self._made is not None:
            await self._made.close()


async def resolve(settings: Settings, compute: Compute) -> Choice:
    """Choose for a library that keeps nothing: what the settings name, else Ollama if it is ready, else builtin."""
    if settings.analyzer != AUTO:
        describer, why = settings.analyzer, _where(settings, "analyzer")
    elif await ollama_is_ready(settings, compute):
        describer, why = OLLAMA, "it was ready when this library was created"
    else:
        describer, why = BUILTIN, "Ollama was not ready when this library was created"
    return Choice(describer, describer if settings.embedder == SAME else settings.embedder, why)


def _of_kept(settings: Settings, kept: tuple[str, str]) -> Choice:
    describer, embedder = kept
    why = "chosen for this library"
    if settings.analyzer != AUTO:
        describer = embedder = settings.analyzer
        why = _where(settings, "analyzer")
    if settings.embedder != SAME:
        embedder = settings.embedder
    return Choice(describer, embedder, why)


def _where(settings: Settings, name: str) -> str:
    return settings.sources.get(name, "the settings")


async def ollama_is_ready(settings: Settings, compute: Compute) -> bool:
    """Return whether Ollama is online and has the models that are wanted, on one host or spread over several.

    Takes as long as the slowest host, but no more than GLANCE_SECONDS. Raises UsageError for hosts that make no sense.
    """
    states = await glance(settings, compute, GLANCE_SECONDS, embeds=settings.embedder in (SAME, OLLAMA))
    answering = [set(state.missing) for state in states if state.answers]
    return bool(answering) and not set.intersection(*answering)


async def glance(settings: Settings, compute: Compute, seconds: float, *, embeds: bool = True) -> list[ServerState]:
    """Return the state of each Ollama host, without those that take longer than so many seconds."""
    from vuemantics_tui.analyzers import ollama
    from vuemantics_tui.analyzers.hosts import parse_hosts

    context = AnalyzerContext(settings, compute, paths.cache_dir(), embeds=embeds)
    analyzers = [ollama.make(context, str(host)) for host in parse_hosts(settings.ollama_host)]
    looks = [asyncio.ensure_future(analyzer.states()) for analyzer in analyzers]
    try:
        done, _ = await asyncio.wait(looks, timeout=seconds)
        return [state for look in looks if look in done for state in look.result()]
    finally:
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
        for analyzer in analyzers:
            await analyzer.close()


async def make(settings: Settings, choice: Choice, compute: Compute) -> Analyzer:
    """Make the analyzer of a choice. Raises UsageError for settings with which it cannot be made."""
    if choice.describer == choice.embedder:
        return await _make_one(settings, choice.describer, compute)
    return PairedAnalyzer(
        await _make_one(settings, choice.describer, compute, embeds=False),
        await _make_one(settings, choice.embedder, compute, describes=False),
    )


async def _make_one(
    settings: Settings, name: str, compute: Compute, *, describes: bool = True, embeds: bool = True
) -> Analyzer:
    """Make one analyzer, without the model it does not need, so that nobody misses that."""
    context = AnalyzerContext(settings, compute, paths.cache_dir(), describes, embeds)
    # In a thread: it may import much, and read a key file.
    return await asyncio.to_thread(registry.make, name, context)


def stage_limits(settings: Settings, describer: str, embedder: str, workers: int) -> StageLimits:
    """Return how many uploads each stage may have at a time, by the settings or as suits the analyzers.

    `workers` is how many calls run at a time, here or on a cluster. Raises UsageError for addresses of servers that
    make no sense.
    """
    from vuemantics_tui.analyzers.hosts import SERVER_DESCRIBES, SERVER_EMBEDS
    from vuemantics_tui.processing.pipeline import StageLimits

    return StageLimits(
        thumbnail=settings.thumbnail_limit or workers,
        describe=settings.describe_limit or _at_once(settings, describer, SERVER_DESCRIBES, workers),
        embed=settings.embed_limit or _at_once(settings, embedder, SERVER_EMBEDS, workers),
    )


def _at_once(settings: Settings, name: str, usual: int, workers: int) -> int:
    """Return how many uploads suit an analyzer at a time: as many as there are workers, or as its hosts take.

    With several hosts some more are prepared meanwhile, so that the one that becomes free first never waits.
    """
    from vuemantics_tui.analyzers.hosts import slots

    if _is_local(name):
        return workers
    addresses = addresses_of(settings, name)
    return slots(addresses, usual) + workers if len(addresses) > 1 else slots(addresses, usual) or usual


def addresses_of(settings: Settings, name: str) -> tuple[Address, ...]:
    """Return the hosts of an analyzer in the settings; none for one that has none. Raises UsageError."""
    if name == OLLAMA:
        from vuemantics_tui.analyzers.hosts import parse_hosts

        return parse_hosts(settings.ollama_host)
    if name == OPENAI and settings.openai_base_url:
        from vuemantics_tui.analyzers.openai import parse_base_urls

        return parse_base_urls(settings.openai_base_url)
    return ()


def _is_local(name: str) -> bool:
    """Return whether an analyzer uses this machine's processors, as one that was handed in (without a name) does."""
    return not name or registry.kind_of(name).is_local


def puller_of(analyzer: Analyzer) -> Pulling | None:
    """Return the part of an analyzer that can download models, if there is one."""
    parts = (analyzer.describer, analyzer.embedder) if isinstance(analyzer, PairedAnalyzer) else (analyzer,)
    return next((part for part in parts if isinstance(part, Pulling)), None)


def part_of(analyzer: Analyzer, *, describes: bool) -> Describer | Embedder:
    """Return the describer or the embedder of a pair, and any other analyzer as it is."""
    if not isinstance(analyzer, PairedAnalyzer):
        return analyzer
    return analyzer.describer if describes else analyzer.embedder


def checked_name(name: str) -> str:
    """Return the name of an analyzer. Raises UsageError if there is none with that name."""
    return registry.kind_of(name).name
