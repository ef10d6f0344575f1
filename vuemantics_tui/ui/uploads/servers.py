"""The servers that the analyzer depends on: a sign in the header, a line while one is offline, and better analyzers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rich.cells import cell_len
from textual import on, work
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.ui.actions import key_of
from vuemantics_tui.ui.feed import Feed, WorkProgressed
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.widgets.one_line import Part, TwoSidedLine, fit

if TYPE_CHECKING:
    from vuemantics_tui.library import Analyzer, HostLoad, Library, Outage

LOOK_SECONDS = 30.0
# A server that is back by the first look after it went away is not worth a line that comes and goes.
SECONDS_BEFORE_TOLD = 1.5
# The first look into the library and the first uploads go before.
OFFER_AFTER_SECONDS = 4.0


@dataclass
class ReopenWanted(Message):
    """Asks the app to restart with a changed setting."""


class Server(Protocol):
    """What is read here of a ServerState."""

    @property
    def answers(self) -> bool:
        """Whether it is there."""
        ...

    @property
    def missing(self) -> tuple[str, ...]:
        """The models that are wanted and not there."""
        ...

    @property
    def load(self) -> HostLoad | None:
        """What it does, if it is one of several."""
        ...


class HeaderLine(TwoSidedLine):
    """The first line of the screen: how much there is, which analyzer works, and whether its servers are online."""

    upload_count: reactive[int | None] = reactive(None)
    source_count: reactive[int] = reactive(0)
    # None until it is made, and until they were looked at.
    analyzer: reactive[Analyzer | None] = reactive(None)
    servers: reactive[Sequence[Server] | None] = reactive(None)
    # The joint model that searches use.
    joint: reactive[str] = reactive("")

    def __init__(self, library: Library, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._library = library
        self.set_reactive(HeaderLine.analyzer, library.analyzer.made)
        self._look_sooner = asyncio.Event()
        self._was_out = False

    def on_mount(self) -> None:
        """Begin to look at the servers, and to follow what is worked on."""
        Feed.of(self).follow(self)
        # After the first paint: what asks servers takes longer to import than all that is painted.
        self.call_after_refresh(self._look_at_servers)
        self.call_after_refresh(self.read_joint)
        self._tell_offers()

    @work(group="joint", exclusive=True, exit_on_error=False)
    async def read_joint(self) -> None:
        """Read which joint model searches use."""
        with Notices.of(self).errors_told():
            self.joint = (await self._library.models.store.in_use() or "").partition("@")[0]

    @work(group="looking", exit_on_error=False)
    async def _look_at_servers(self) -> None:
        while True:
            with Notices.of(self).errors_told():
                try:
                    self.analyzer = await self._library.analyzer.get()
                except UsageError as error:
                    # Settings stay as they are until the app opens again: once is enough.
                    Notices.of(self).tell_error(error)
                    return
                self.servers = await self._library.analyzer.states()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_sooner.wait(), LOOK_SECONDS)
            self._look_sooner.clear()

    def look_now(self) -> None:
        """Look at the servers at once."""
        self._look_sooner.set()

    @on(WorkProgressed)
    def _look_if_one_came_or_went(self) -> None:
        if (self._library.queue.circuit.outage is not None) != self._was_out:
            self._was_out = not self._was_out
            self.look_now()

    @work(group="offering", exit_on_error=False)
    async def _tell_offers(self) -> None:
        await asyncio.sleep(OFFER_AFTER_SECONDS)
        with Notices.of(self).errors_told():
            told: list[str] = []
            stale, described = await self._library.queue.stale_embeddings()
            if stale:
                key = key_of(self, "reembed")
                told.append(
                    f"{stale:,} of {described:,} uploads need re-embedding. Press {key}, or run vuemantics-tui reembed."
                    " Until then they are found by keyword only."
                )
            better = await self._library.analyzer.better()
            if better is not None:
                name = visible(better[:1].upper() + better[1:])
                told.append(f"{name} is ready, with its models. Press {key_of(self, 'use-better-analyzer')} to use it.")
            if told:
                Notices.of(self).tell(*told)

    async def use_better_analyzer(self) -> None:
        """Switch the library to a better analyzer, after asking; the app is then opened again with it."""
        from vuemantics_tui.ui.screens.ask import ConfirmScreen

        better = await self._library.analyzer.better()
        if better is None:
            Notices.of(self).tell("No better analyzer is available.")
            return
        _, described = await self._library.queue.stale_embeddings()
        question = ConfirmScreen(
            f"Use {visible(better)} from now on?",
            f"{counted(described, 'upload')} will need re-embedding. Until then they are found by keyword only."
            " Descriptions stay. The app reopens, and what is in progress resumes.",
            agree=f"use {visible(better)}",
            decline="keep",
        )
        if not await self.app.push_screen_wait(question):
            return
        await self._library.analyzer.keep(better)
        self.app.post_message(ReopenWanted())

    def left_part(self) -> list[Part]:
        """Return the program's name and the number of uploads and of sources."""
        count = "" if self.upload_count is None else f"  {counted(self.upload_count, 'upload')}"
        count += f" · {counted(self.source_count, 'source')}" if self.source_count else ""
        return [("vuemantics", "bold $accent"), (count, "$dim")]

    def right_parts(self) -> list[list[Part]]:
        """Return the analyzer and what is wrong with it, with its models where there is room."""
        glyph, style, wrong = serving_words(self.servers)
        name: list[Part] = [(f"{glyph} ", style), (self.analyzer.name if self.analyzer else "", "$dim")]
        if wrong:
            name.append((f", {wrong}", style))
        models = (*self._library.analyzer.models, self.joint)
        words = " + ".join(visible(model) for model in models if model)
        return [[*name, (f"  {words}" if words else "", "$dim")], name]


class OutageLine(Widget):
    """The one line that says which server everything waits for. Takes no room while there is none."""

    DEFAULT_CSS = """
    OutageLine {
        display: none;
        height: 1;
        padding: 0 1;
        background: $panel;
        color: $warning;

        &.-away {
            display: block;
        }
    }
    """

    def __init__(self, library: Library, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._library = library
        self._words: tuple[list[str], str] = ([], "")

    def on_mount(self) -> None:
        """Follow what is worked on."""
        Feed.of(self).follow(self)

    @on(WorkProgressed)
    def _work_progressed(self) -> None:
        outage = self._library.queue.circuit.outage
        words = outage_words(outage, key_of(self, "look-now") if outage else "")
        if words != self._words:
            self._words = words
            self.set_class(bool(words[0]), "-away")
            self.refresh()

    def render(self) -> Content:
        """Return why, cut short where the window is narrow, and when."""
        whys, look = self._words
        room = max(1, self.content_size.width - len(look) - 2)
        why = next((each for each in whys if cell_len(each) <= room), whys[-1] if whys else "")
        return Content.assemble(fit(why, room), "  ", (look, "bold $foreground"))


def serving_words(servers: Sequence[Server] | None) -> tuple[str, str, str]:
    """Return a glyph, its style, and what goes after the analyzer's name; None is before the first look."""
    if not servers:
        return "·", "$dim", ""
    answering = [server for server in servers if server.answers]
    if not answering:
        return "○", "$error", "offline"
    # Of several hosts, one that has a model is enough.
    missing = set.intersection(*(set(server.missing) for server in answering))
    if missing:
        word = f"{visible(min(missing))} missing" if len(missing) == 1 else f"{counted(len(missing), 'model')} missing"
        return "!", "$warning", word
    left_out = [server for server in answering if server.load is not None and server.load.left_out]
    if left_out:
        return "!", "$warning", f"{len(left_out)} of {len(servers)} left out"
    if len(answering) < len(servers):
        return "○", "$warning", f"{len(servers) - len(answering)} of {len(servers)} offline"
    return "●", "$success", ""


def outage_words(outage: Outage | None, key: str) -> tuple[list[str], str]:
    """Return what the queue waits for, the longest words first, and the seconds to the next look (`key` looks now).

    Empty if the queue waits for nothing, and at first: see SECONDS_BEFORE_TOLD.
    """
    if outage is None or outage.lasted < SECONDS_BEFORE_TOLD:
        return [], ""
    server, message = visible(outage.server), visible(outage.message)
    which = message.removeprefix(f"{server} ")
    why = f"Waiting for {server}, which {which}" if which != message else f"Waiting for {server}: {message}"
    seconds = math.ceil(outage.next_look_in)
    look = f"Next check in {seconds} s." if seconds else "Checking now."
    whys = [f"{why.rstrip('.')}. Nothing is lost.", f"{why.rstrip('.')}.", f"Waiting for {server}."]
    return whys, f"{look} {key} checks now"
