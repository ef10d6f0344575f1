"""ModelsScreen: the models that see what pictures show: those that are here, those to download, the one in use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import OptionList

from vuemantics_tui.domain.text import size_words, visible
from vuemantics_tui.ui.actions import ACT, MOVE, action, key_of, lasting
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader, WorkProgressed
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.screens.ask import AskScreen, ConfirmScreen, ask
from vuemantics_tui.ui.screens.page import ListScreen, is_open
from vuemantics_tui.ui.widgets.cursor_list import ChoiceList
from vuemantics_tui.ui.widgets.keys_line import KeysLine

if TYPE_CHECKING:
    from textual.app import App

    from vuemantics_tui.domain.errors import UsageError
    from vuemantics_tui.library import Library
    from vuemantics_tui.library.models import ModelState, Offer

PULLING = "pulling models"
READ_REST_SECONDS = 1.0
LOOK_SECONDS = 0.5
# The blank cells around the facts of a model.
AROUND_FACTS = 8
_FOLDER_HELP = (
    "The path of a folder in the layout of Immich, transformers.js or rclip, which is copied; or a model on a server of"
    " Immich, which is sent your pictures: immich:http://gpu:3003#ViT-B-32__openai"
)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that is here, that was used here, or that can be downloaded."""

    name: str
    state: ModelState | None = None
    offer: Offer | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        return self.state is not None and self.state.model is not None

    @property
    def in_use(self) -> bool:
        """Whether searches use it."""
        return self.state is not None and self.state.is_in_use


class ModelList(ChoiceList):
    """Those that are here, then those that can be downloaded."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action("choose-model", "enter", "select", "use", "Use the model, or download it after asking", ACT),
    ]


class ModelsScreen(ListScreen[ModelEntry]):
    """Lists models; uses, downloads, adds and removes them. A download goes on when the screen is left."""

    HELP_TITLE = "Models"
    PARTS = (ModelList,)
    BINDINGS: ClassVar[list[BindingType]] = [
        action("cancel-pull", "x", "cancel_pull", "cancel", "Cancel the download; it resumes later", ACT),
        action("use-no-model", "n", "use_no_model", "use none", "Search without a model; what it saw is kept", ACT),
        action("add-model", "a", "add_model", "add a folder", "Add a model from a folder", ACT),
        action("remove-model", "d", "remove_model", "remove", "Remove the model from this machine, after asking", ACT),
        action("models-back", "escape,q,&", "go_back", "back", "Back to the list", MOVE),
    ]
    AUTO_FOCUS = "ModelList"

    def __init__(self, library: Library) -> None:
        super().__init__(library)
        self._reader = Reader(self, self.show_read, rest=READ_REST_SECONDS)
        self._pulled: tuple[str, ...] = ()
        self._words_problem: UsageError | None = None

    def on_mount(self) -> None:
        """Follow what the models see, and the downloads."""
        Feed.of(self).follow(self)
        self.set_interval(LOOK_SECONDS, self._look_at_pulls)

    @on(LibraryChanged)
    @on(WorkProgressed)
    def _library_changed(self) -> None:
        self._reader.want()

    def _look_at_pulls(self) -> None:
        pulled = tuple(self.library.models.pulling)
        if pulled != self._pulled:
            self._pulled = pulled
            self._reader.want()
        elif pulled and is_open(self):
            self.show_entries()

    def on_resize(self) -> None:
        """Break the lines for this width."""
        self.show_entries()

    def make_list(self) -> ChoiceList:
        """Return the list."""
        return ModelList(id="list")

    async def read(self) -> list[ModelEntry]:
        """Return the one in use, the others on this machine, those that were used here, the offers."""
        states, offers = await self.library.models.states(), await self.library.models.offers()
        self._words_problem = await self.library.queue.words_problem()
        # A model that was used and removed may be offered again.
        gone = {state.name for state in states if state.model is None}
        entries = [ModelEntry(state.name, state) for state in states if state.model is not None]
        entries.sort(key=lambda entry: (not entry.in_use, entry.name))
        offered = {offer.model.name for offer in offers}
        entries += [ModelEntry(state.name, state) for state in states if state.name in gone - offered]
        by_name = {state.name: state for state in states}
        return entries + [ModelEntry(offer.model.name, by_name.get(offer.model.name), offer) for offer in offers]

    def title_words(self) -> str:
        """Return the title, with the model in use."""
        used = next((entry.name for entry in self.entries if entry.in_use), "")
        return f"Models  {visible(used)} is in use" if used else "Models  none in use: searches compare texts only"

    def entry_key(self, entry: ModelEntry) -> str:
        """Return the key of its weights, or else its name."""
        model = entry.state.model if entry.state is not None else None
        return entry.name if model is None else model.key

    def entry_words(self, entry: ModelEntry) -> Content:
        """Return the name and the state, what it is good for, then size, licence, languages and origin."""
        state = Content.styled(self._state_words(entry), "bold $accent" if entry.in_use else "$dim")
        name = Content.styled(visible(entry.name), "bold")
        model = entry.state.model if entry.state is not None else None
        offered = entry.offer.model if entry.offer is not None else entry.state.offered if entry.state else None
        size = model.bytes if model is not None else offered.bytes if offered is not None else 0
        licence = model.licence if model is not None else offered.licence if offered is not None else ""
        languages = offered.languages if offered is not None else ""
        facts = " · ".join(filter(None, (size_words(size) if size else "", visible(licence), languages)))
        origin = visible(model.origin.partition("@")[0]) if model is not None else offered.repository if offered else ""
        whole = " · ".join(filter(None, (facts, origin)))
        lines = [Content.assemble(name, "  ", state)]
        if offered is not None:
            lines += self._indented(Content(offered.good_for))
        parts = [whole] if cell_len(whole) + AROUND_FACTS <= self.size.width else [facts, origin]
        lines += [line for part in parts if part for line in self._indented(Content.styled(part, "$dim"))]
        if entry.in_use and (wrong := self._words_problem) is not None:
            lines += self._indented(Content.styled(f"! no tags from pictures: {visible(wrong.message)}", "$warning"))
            lines += self._indented(Content.styled(visible(wrong.hint), "$dim"))
        return Content("\n").join(lines)

    def _indented(self, text: Content) -> list[Content]:
        lines = text.wrap(max(1, self.size.width - AROUND_FACTS))
        return [Content.assemble("    ", line) for line in lines]

    def _state_words(self, entry: ModelEntry) -> str:
        pulling, state = self.library.models.pulling.get(entry.name), entry.state
        if pulling is not None:
            done, total = pulling
            return f"downloading {share_words(done, total)}" if total else "downloading"
        if entry.offer is not None:
            fetched = entry.offer.fetched
            return f"{share_words(fetched, entry.offer.model.bytes)} downloaded" if fetched else "not downloaded"
        if state is None or state.model is None:
            return "not on this machine"
        if not state.is_in_use:
            place = "on a server" if state.model.served else "on this machine"
            return f"{place}, has seen {state.seen:,}" if state.seen else place
        left = f"{state.seen:,} of {state.seen + state.unseen:,} seen"
        return f"in use, {left}" if state.unseen else f"in use, all {state.seen:,} seen"

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what the entry under the cursor allows."""
        if action == "use_no_model":
            return any(entry.in_use for entry in self.entries)
        if action not in ("cancel_pull", "remove_model"):
            return True
        entry = self.chosen if self.is_mounted and self.entries else None
        pulling = entry is not None and entry.name in self.library.models.pulling
        if action == "cancel_pull":
            return pulling
        return entry is not None and not pulling and (entry.is_here or bool(entry.offer and entry.offer.fetched))

    @on(OptionList.OptionHighlighted)
    def _rename_keys(self) -> None:
        entry = self.chosen
        begun = entry is not None and entry.offer is not None and entry.offer.fetched > 0
        download = "resume the download" if begun else "download"
        words = download if entry is not None and not entry.is_here else "use"
        self.query_one(KeysLine).rename("choose-model", words)
        self.refresh_bindings()

    @on(OptionList.OptionSelected)
    @lasting
    async def _choose(self) -> None:
        with self.notices.errors_told():
            entry = self.chosen
            if entry is None:
                return
            if entry.is_here:
                model = await self.library.models.use(entry.name)
                self.library.queue.look_at_pictures()
                self.notices.tell(f"{model.name} is in use. It sees your pictures while nothing else is processed.")
                await self.show_read()
            elif entry.name in self.library.models.pulling:
                self.notices.tell(f"{entry.name} is being downloaded.", f"{key_of(self, 'cancel-pull')} cancels it.")
            elif entry.offer is not None:
                await self._pull(entry.offer)
            else:
                self.notices.tell(f"{entry.name} is not on this machine.", "Add its folder again.")

    async def _pull(self, offer: Offer) -> None:
        left = max(0, offer.model.bytes - offer.fetched)
        explanation = (
            f"About {size_words(left)} come from {self.library.models.hub_host()} ({offer.model.repository}). Licence: "
            f"{offer.model.licence}. You can leave this screen meanwhile, and resume after any interruption."
        )
        question = ConfirmScreen(f"Download {offer.model.name}?", explanation, agree="download", decline="do not")
        if await self.app.push_screen_wait(question):
            # The app's, not the screen's: it goes on when the screen is left.
            work: partial[Any] = partial(pull_model, self.app, self.library, offer.model.name)
            self.app.run_worker(work, name=offer.model.name, group=PULLING, exit_on_error=False)

    def action_cancel_pull(self) -> None:
        """Cancel the download, and keep what is here."""
        if (entry := self.chosen) is not None:
            for worker in self.app.workers:
                if worker.group == PULLING and worker.name == entry.name:
                    worker.cancel()
                    self.notices.tell(
                        f"Cancelled the download of {entry.name}. What you have so far is kept.",
                        f"{key_of(self, 'choose-model')} resumes it.",
                    )

    @lasting
    async def action_use_no_model(self) -> None:
        """Search without a model."""
        with self.notices.errors_told():
            await self.library.models.use_none()
            self.notices.tell("No model is in use. What the models have seen so far is kept.")
            await self.show_read()

    @lasting
    async def action_add_model(self) -> None:
        """Ask for a folder, and copy the model in it."""

        async def add(path: str) -> str:
            model = await self.library.models.add(path.strip())
            return f"Added {model.name}. {key_of(self, 'choose-model')} uses it."

        with self.notices.errors_told():
            question = AskScreen("Add a model from a folder", _FOLDER_HELP, add, placeholder="a path", is_list=False)
            if await ask(self, question):
                await self.show_read()

    @lasting
    async def action_remove_model(self) -> None:
        """Remove the model under the cursor, or what is here of it, after asking."""
        with self.notices.errors_told():
            if (entry := self.chosen) is None:
                return
            explanation = "Its files are deleted"
            if entry.state is not None and entry.state.seen:
                explanation += ", and what it saw of this library"
            explanation += ". Your uploads are untouched."
            question = ConfirmScreen(f"Remove {entry.name}?", explanation, agree="remove", decline="keep")
            if await self.app.push_screen_wait(question):
                freed = await self.library.models.remove(entry.name)
                self.notices.tell(f"Removed {entry.name}, which frees {size_words(freed)}.")
                await self.show_read()


async def pull_model(app: App[Any], library: Library, name: str) -> None:
    """Download a model, and say what became of it on whatever screen there is then."""
    notices = Notices.of(app)
    with notices.errors_told():
        try:
            await library.models.pull(name, lambda done, total: None)
        finally:
            if isinstance(app.screen, ModelsScreen):
                app.screen.read_again()
        how = f"{key_of(app, 'show-models')}, then {key_of(app, 'choose-model')}, uses it."
        notices.tell(f"Downloaded {name}.", how)


def share_words(done: int, total: int) -> str:
    """Return how much of something is done, in percent; never all of it before the end."""
    return f"{min(99, 100 * done // total)} %" if total else "0 %"
