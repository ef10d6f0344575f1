"""The part of the uploads screen that minds the analyzer: whether it answers, what failed, what would be better."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual import work

from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.ui.actions import key_of
from vuemantics_tui.ui.messages import ReopenWanted
from vuemantics_tui.ui.screens.confirm import ConfirmScreen
from vuemantics_tui.ui.screens.failures import FailuresScreen
from vuemantics_tui.ui.uploads.header_line import HeaderLine
from vuemantics_tui.ui.uploads.outage_line import OutageLine
from vuemantics_tui.ui.uploads.screen_base import UploadsBase

LOOK_SECONDS = 30.0
# The first look into the library and the first uploads go before.
OFFER_AFTER_SECONDS = 4.0


class ServingPart(UploadsBase):
    """Looks at the servers, says what is away, offers what is better."""

    _was_away = False

    def mind_servers(self) -> None:
        """Begin to look, and to offer."""
        # Made here, since it belongs to the loop that runs.
        self._look_sooner = asyncio.Event()
        self._look_at_servers()
        self._offer()

    @work(group="looking", exit_on_error=False)
    async def _look_at_servers(self) -> None:
        while True:
            with self.notices.errors_told():
                header = self.query_one(HeaderLine)
                header.analyzer = await self.library.analyzer.get()
                header.servers = await self.library.analyzer.states()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_sooner.wait(), LOOK_SECONDS)
            self._look_sooner.clear()

    def show_outage(self) -> None:
        """Say what is waited for. Costs microseconds where nothing is."""
        outage = self.library.queue.circuit.outage
        self.query_one(OutageLine).show(outage, key_of(self, "look-now") if outage else "")
        if (outage is not None) != self._was_away:
            self._was_away = outage is not None
            self._look_sooner.set()

    def action_look_now(self) -> None:
        """Look at once whether the server is back."""
        if self.library.queue.circuit.outage is None:
            self.notices.tell("No server is waited for.")
        else:
            self.library.queue.circuit.look_now()
        self._look_sooner.set()

    def action_show_failures(self) -> None:
        """What failed, by its reason."""
        self.app.push_screen(FailuresScreen(self.library))

    # Offers

    @work(group="offering", exit_on_error=False)
    async def _offer(self) -> None:
        await asyncio.sleep(OFFER_AFTER_SECONDS)
        with self.notices.errors_told():
            told: list[str] = []
            stale, described = await self.library.queue.stale_embeddings()
            if stale:
                key = key_of(self, "reembed")
                told.append(
                    f"{stale:,} of {described:,} need re-embedding: press {key}, or run vuemantics-tui reembed."
                    " Words find them meanwhile."
                )
            better = await self.library.analyzer.better()
            if better is not None:
                key = key_of(self, "use-better-analyzer")
                told.append(f"{_capital(better)} answers and has its models: press {key} to change to it.")
            if told:
                self.notices.tell(*told)

    @work(group="asking", exit_on_error=False)
    async def action_reembed(self) -> None:
        """Embed again what another model embedded, after asking."""
        with self.notices.errors_told():
            stale, described = await self.library.queue.stale_embeddings()
            model = visible((await self.library.analyzer.get()).embedding_model)
            if not stale:
                self.notices.tell(f"Nothing needs re-embedding: all {described:,} are embedded by {model}.")
                return
            question = ConfirmScreen(
                f"Re-embed {stale:,} of {described:,}?",
                f"Their descriptions are embedded by {model}, behind all else that waits. Nothing is described anew,"
                " and words find them meanwhile.",
                agree="re-embed",
                decline="not now",
            )
            if await self.app.push_screen_wait(question):
                moved = await self.library.queue.reembed()
                self.notices.tell(f"{counted(moved, 'upload')} will be re-embedded.")

    @work(group="asking", exit_on_error=False)
    async def action_use_better_analyzer(self) -> None:
        """Change to a better analyzer, after asking; the app is opened again with it."""
        with self.notices.errors_told():
            if self.adding:
                self.notices.tell("Files are being copied.", "Change the analyzer when they are all there.")
                return
            better = await self.library.analyzer.better()
            if better is None:
                self.notices.tell("No better analyzer is available.")
                return
            _, described = await self.library.queue.stale_embeddings()
            question = ConfirmScreen(
                f"Use {visible(better)} from now on?",
                f"{counted(described, 'upload')} will need re-embedding: until then words find them, but not their"
                " meaning. Descriptions stay. The app opens again; what runs goes on then.",
                agree=f"use {visible(better)}",
                decline="leave it",
            )
            if await self.app.push_screen_wait(question):
                await self.library.analyzer.keep(better)
                self.post_message(ReopenWanted())


def _capital(name: str) -> str:
    return visible(name[:1].upper() + name[1:])
