"""VuemanticsApp: owns the processing, shows the screens, and shuts down cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.color import ColorSystem
from rich.console import RenderableType
from textual import on, work
from textual.binding import Binding, BindingType
from textual.command import Command, CommandPalette
from textual.driver import Driver
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import Screen
from textual.worker import Worker, WorkerCancelled

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.text import counted, size_words
from vuemantics_tui.domain.view import View
from vuemantics_tui.terminal import Answers, Terminal, chosen_protocol
from vuemantics_tui.ui.actions import PROGRAM, SHOW_HELP, action, hidden, key_of, key_words
from vuemantics_tui.ui.choices import Choices, SettingChosen
from vuemantics_tui.ui.feed import Feed
from vuemantics_tui.ui.pictures.loader import USUAL_CELL, USUAL_GEOMETRY, USUAL_REGISTERS, Graphics, Grey, PictureLoader
from vuemantics_tui.ui.resilience import SurvivingApp
from vuemantics_tui.ui.textual_private import CompositorUpdate, ThriftyUpdate, use_colours, write_to_terminal
from vuemantics_tui.ui.themes import DARK, THEMES, own_variables
from vuemantics_tui.ui.uploads.commands import UNDO
from vuemantics_tui.ui.uploads.queue_bar import work_to_leave
from vuemantics_tui.ui.uploads.screen import UploadsScreen
from vuemantics_tui.ui.uploads.servers import ReopenWanted

if TYPE_CHECKING:
    from textual.command import Provider

    from vuemantics_tui.config import Settings
    from vuemantics_tui.library import Library
    from vuemantics_tui.ui.screens.doctor import Examine

log = logging.getLogger(__name__)

SWEEP_AFTER_SECONDS = 3.0
# The start is over by then, and what was imported before is in the copy.
BACKUP_AFTER_SECONDS = 60.0
# How often it is looked whether a day is over.
BACKUP_LOOK_SECONDS = 1800.0
LEAVING_SIGNALS = ("SIGTERM", "SIGHUP")
MOST_PROBLEMS_TOLD = 4
SIXTEEN = 16
# The theme of the terminal's own colours.
OWN_COLOURS = "ansi"
# One of each, since Textual keeps what they made of a line with them.
GREY, NO_COLOUR = Grey(), NoColor()


class RunningWorker:
    """An upload that is being processed by a Textual worker."""

    def __init__(self, worker: Worker[None]) -> None:
        self._worker = worker

    def cancel(self) -> object:
        """Ask it to end."""
        self._worker.cancel()
        return None

    async def wait(self) -> object:
        """Wait for its end. Raises WorkerFailed."""
        with contextlib.suppress(WorkerCancelled):
            await self._worker.wait()
        return None


def _terminal_driver() -> type[Driver] | None:
    """Return the driver that survives the loss of the terminal, or None for Textual's own."""
    if sys.platform == "win32" or not (sys.__stdin__ and sys.__stdin__.isatty()):
        return None
    from vuemantics_tui.ui.driver import TerminalDriver

    return TerminalDriver


def graphics_of(settings: Settings, terminal: Terminal, answers: Answers) -> Graphics:
    """Return how to show pictures on this terminal, by the settings and by what it answered."""
    return Graphics(
        protocol=chosen_protocol(settings.graphics, answers),
        blocks=terminal.blocks(settings.blocks, answers),
        cell=answers.cell or USUAL_CELL,
        in_tmux=terminal.in_tmux,
        narrow=answers.narrow,
        remote=terminal.over_ssh,
        registers=answers.registers or USUAL_REGISTERS,
        most_pixels=answers.geometry or USUAL_GEOMETRY,
    )


def theme_of(settings: Settings, terminal: Terminal) -> str:
    """Return the theme to begin with: the terminal's own colours where it has only 16, unless the settings name one."""
    few = terminal.colours <= SIXTEEN and settings.true_colour != "yes"
    return settings.theme if "theme" in settings.sources or not few else OWN_COLOURS


def _palette() -> type[Provider]:
    from vuemantics_tui.ui.palette import ActionsProvider

    return ActionsProvider


def _checked_keymap(keys: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    if not keys:
        return {}, []
    # It imports every screen.
    from vuemantics_tui.ui.keymap import checked_keymap

    return checked_keymap(keys)


class VuemanticsApp(SurvivingApp):
    """The app. Its caller opens the library first, in the same event loop, and closes it afterwards. `paths` are added
    once the screen is up. Without `process` the queue is only shown, not worked on. `graphics` says how pictures are
    shown. `typed` are keys that were pressed before the app read any. `keys` are chosen keys by the actions' ids;
    `problems` are shown at the start, with those of the keys and the theme. `examine` runs the doctor's checks; without
    it there is no doctor screen. `painted` is called after the first paint.

    After it ends, `reopen` says whether to open it again, with another analyzer.
    """

    # The screen to begin with is not pushed, so its own style sheet has to be named here.
    CSS_PATH: ClassVar = [Path(__file__).with_name("app.tcss"), Path(__file__).parent / "uploads" / "screen.tcss"]
    TITLE = "vuemantics"
    HELP_TITLE = "Everywhere"
    BINDINGS: ClassVar[list[BindingType]] = [
        *UNDO,
        hidden("show-log", "f12", "show_log", "log", "Show the log of this session", PROGRAM),
        hidden("show-doctor", "!", "show_doctor", "doctor", "Check analyzers, terminal and library", PROGRAM),
        hidden("show-palette", "ctrl+p", "command_palette", "palette", "Find any action by name; themes", PROGRAM),
        SHOW_HELP,
        hidden("suspend", "ctrl+z", "suspend_process", "suspend", "Go back to the shell; `fg` returns", PROGRAM),
        # These two must work from inside a field and on top of a question, too.
        hidden("help-anywhere", "f1", "app.show_help", "help", "Help, even in a field", PROGRAM, priority=True),
        action("quit", "q", "quit", "quit", "Quit; asks while work is running", PROGRAM),
        hidden("quit-anywhere", "ctrl+q,ctrl+c", "quit", "quit", "Quit, even in a field", PROGRAM, priority=True),
    ]
    COMMANDS: ClassVar = {_palette}

    def __init__(
        self,
        library: Library,
        *,
        paths: Sequence[Path] = (),
        process: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        theme: str = DARK.name,
        true_colour: str = "auto",
        graphics: Graphics | None = None,
        typed: str = "",
        keys: Mapping[str, str] | None = None,
        problems: Sequence[str] = (),
        examine: Examine | None = None,
        painted: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(driver_class=_terminal_driver())
        self.library = library
        self._paths = paths
        self._process = process
        self._clock = clock
        self.typed = typed
        self._pictures = PictureLoader(graphics, partial(write_to_terminal, self))
        self.set_class(self._pictures.graphics.in_pixels, "-pixels")
        self._examine = examine
        self._painted = painted
        self.reopen = False
        # The theme to go back to while another one is previewed.
        self._theme_before: str | None = None
        self._leaving = False
        self._asking = False
        self.animation_level = "none"
        for own in THEMES:
            self.register_theme(own)
        self._own_keymap, wrong_keys = _checked_keymap(keys or {})
        self._problems = [*problems, *wrong_keys, *self._choose_theme(theme)]
        self._choose_colours(true_colour)

    def get_default_screen(self) -> Screen[None]:
        """Return the screen to begin with."""
        view = View(show_hidden=self.library.settings.show_hidden)
        return UploadsScreen(self.library, self.notices, self._clock, view, pictures=self._pictures)

    async def on_load(self) -> None:
        """Create the feed that the screens follow, and the store of their remembered choices."""
        self._choices = Choices(self.library.settings, self.notices)
        self.feed = Feed(self.library, self.notices)
        try:
            await self.feed.begin()
        except VuemanticsError:
            log.warning("the library does not answer yet; the feed asks again, and tells", exc_info=True)

    def on_mount(self) -> None:
        """Start working."""
        self._handle_signals()
        self._watch_library()
        self.set_keymap(self._own_keymap)
        self.app_resume_signal.subscribe(self, self._come_back)
        self._tell_problems()
        self._sweep()
        self._keep_backups()
        if self._paths:
            self._uploads_screen.add_paths(self._paths)

    def on_ready(self) -> None:
        """Start processing after the first paint: its imports take longer than everything else together."""
        self.call_after_refresh(self._begin_to_process)

    def _begin_to_process(self) -> None:
        self._painted()
        if self._process:
            self._start_queue()

    async def on_unmount(self) -> None:
        """Put running uploads back into the queue however the app ends: Textual cancels workers without waiting for
        them.
        """
        self._forget_signals()
        self._pictures.forget_all()
        await self.library.watch.stop()
        try:
            await self.library.queue.stop()
        except VuemanticsError:
            log.exception("the queue could not be stopped in order; its claims will run out")

    @work(group="feed", exit_on_error=False)
    async def _watch_library(self) -> None:
        await self.feed.run()

    def launch_worker(self, name: str, work: Callable[[], Awaitable[None]]) -> RunningWorker:
        """Begin to process an upload in a worker of the app, not of a screen: it outlives them."""

        # A function, not a coroutine: one that is cancelled before its first step complains that nobody awaited it.
        async def run() -> None:
            await work()

        return RunningWorker(self.run_worker(run, name=name, group="processing", exit_on_error=False))

    @work(group="starting", exit_on_error=False)
    async def _start_queue(self) -> None:
        # Make the analyzer after the first paint; settings that allow none are reported, and the rest of the app works.
        with self.notices.errors_told():
            await self.library.queue.start(self.launch_worker)
        self.library.watch.start()

    @work(group="sweeping", exit_on_error=False)
    async def _sweep(self) -> None:
        # Sweeping reads every ID: let the screen read the library first.
        await asyncio.sleep(SWEEP_AFTER_SECONDS)
        with self.notices.errors_told():
            await self.library.sweep()
            if self.library.trash.postponed:
                self.notices.tell(self.library.trash.postponed)

    @work(group="backing up", exit_on_error=False)
    async def _keep_backups(self) -> None:
        await asyncio.sleep(BACKUP_AFTER_SECONDS)
        while True:
            with self.notices.errors_told():
                await self.library.backups.daily()
            await asyncio.sleep(BACKUP_LOOK_SECONDS)

    @work(group="acting", exit_on_error=False)
    async def action_back_up(self) -> None:
        """Copy the database now, beside the daily copies."""
        with self.notices.errors_told():
            made = await self.library.backups.make_own()
            if made is None:
                self.notices.tell("Another program is backing up this library.")
            else:
                self.notices.tell(f"Backed up the library ({size_words(made.size)}).", str(made.path))

    # Undoing

    @work(group="acting", exit_on_error=False)
    async def action_undo(self) -> None:
        """Undo the latest change to the library, from this window or another, or the clearing of the marks."""
        with self.notices.errors_told():
            since = await self.library.undo.store.latest()
            if marked := self._uploads_screen.uploads.mark_again(since):
                self.notices.tell(f"Marked {counted(marked, 'upload')} again. {key_of(self, 'redo')} redoes.")
            elif (outcome := await self.library.undo.undo()) is None:
                self.notices.tell("Nothing to undo.")
            else:
                self.notices.tell(f"{outcome.words} {key_of(self, 'redo')} redoes." if outcome.count else outcome.words)

    @work(group="acting", exit_on_error=False)
    async def action_redo(self) -> None:
        """Redo what was undone last."""
        with self.notices.errors_told():
            since = await self.library.undo.store.latest()
            if self._uploads_screen.uploads.unmark_again(since):
                self.notices.tell(f"Cleared the marks. {key_of(self, 'undo')} undoes.")
            elif (outcome := await self.library.undo.redo()) is None:
                self.notices.tell("Nothing to redo.")
            else:
                self.notices.tell(f"{outcome.words} {key_of(self, 'undo')} undoes." if outcome.count else outcome.words)

    # What it looks like

    def _choose_theme(self, name: str) -> list[str]:
        self.theme = DARK.name
        if name in self.available_themes:
            self.theme = name
            return []
        from difflib import get_close_matches

        nearest = get_close_matches(name, self.available_themes, 1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(sorted(self.available_themes))}"
        return [f"theme: there is no theme {name}; {hint}"]

    def search_themes(self) -> None:
        """Choose a theme; the one under the cursor is shown meanwhile."""
        from vuemantics_tui.ui.palette import ThemesProvider

        self.push_screen(CommandPalette(providers=[ThemesProvider], placeholder="Theme", classes="themes"))

    @on(CommandPalette.OptionHighlighted)
    def _preview_theme(self, message: CommandPalette.OptionHighlighted) -> None:
        from vuemantics_tui.ui.palette import ThemeChoice

        option = message.highlighted_event.option
        chosen = option.hit.command if isinstance(option, Command) else None
        if isinstance(chosen, ThemeChoice) and isinstance(self.screen, CommandPalette):
            self._theme_before = self._theme_before or self.theme
            self.theme = chosen.theme
            # Textual gives the new colours to what lies under the palette only.
            self.call_after_refresh(self.stylesheet.update, self.screen)
        else:
            self._show_theme_before()

    @on(CommandPalette.Closed)
    def _palette_closed(self, message: CommandPalette.Closed) -> None:
        if message.option_selected:
            self._theme_before = None
        else:
            self._show_theme_before()

    def _show_theme_before(self) -> None:
        if self._theme_before is not None:
            self.theme, self._theme_before = self._theme_before, None

    @on(SettingChosen)
    @work(group="remembering", exit_on_error=False)
    async def _remember(self, message: SettingChosen) -> None:
        with self.notices.errors_told():
            await self._choices.keep(message.name, message.value)

    def _choose_colours(self, true_colour: str) -> None:
        if true_colour == "yes":
            use_colours(self.console, ColorSystem.TRUECOLOR)
        elif true_colour == "no" and self.console.color_system == "truecolor":
            use_colours(self.console, ColorSystem.EIGHT_BIT)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Take colours away for NO_COLOR as the theme of now needs it: Textual looks at the theme of the start."""
        filters = super().get_line_filters()
        if not self.no_color:
            return filters
        own = NO_COLOUR if self.native_ansi_color else GREY
        return [*(each for each in filters if not isinstance(each, Monochrome | NoColor)), own]

    # Textual has no public hook between painting and the terminal.
    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        overlay = self._pictures.overlay
        if isinstance(renderable, CompositorUpdate):
            renderable = ThriftyUpdate(renderable) if overlay is None else overlay.over(renderable, self.size)
        super()._display(screen, renderable)

    def clear_pixels(self) -> str:
        """Return what the driver writes before it leaves the screen."""
        return self._pictures.overlay.clearing() if self._pictures.overlay else ""

    def on_resize(self) -> None:
        """Draw pixels again: a terminal may have moved or dropped them."""
        if self._pictures.overlay:
            self._pictures.overlay.reset()
            self.screen.refresh()

    def on_app_focus(self) -> None:
        """Draw pixels again: on return from another tmux window they may be gone."""
        if self._pictures.overlay:
            self._pictures.overlay.lose_pixels()

    def _come_back(self, _: object) -> None:
        if self._pictures.overlay:
            self._pictures.overlay.reset()
        self.refresh(layout=True)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our variables, for the themes that do not know them."""
        return own_variables(self.current_theme)

    def get_key_display(self, binding: Binding) -> str:
        """Return a key as people call it."""
        return binding.key_display or key_words(binding.key)

    def _tell_problems(self) -> None:
        for problem in self._problems:
            log.warning("%s", problem)
        told, more = self._problems[:MOST_PROBLEMS_TOLD], len(self._problems) - MOST_PROBLEMS_TOLD
        if more > 0:
            told.append(f"{more} more in the log: press {self.notices.log_key}.")
        if told:
            self.notices.tell(*told, severity="warning")

    # Help, doctor and log

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the doctor only if there are checks to run."""
        return action != "show_doctor" or self._examine is not None

    def action_show_doctor(self) -> None:
        """Check analyzers, terminal and library."""
        from vuemantics_tui.ui.screens.doctor import DoctorScreen

        if self._examine is not None and not isinstance(self.screen, DoctorScreen):
            self.push_screen(DoctorScreen(self._examine))

    def action_show_help(self) -> None:
        """Explain the focused part, or close the help."""
        from vuemantics_tui.ui.palette import reachable
        from vuemantics_tui.ui.screens.help import HelpScreen, help_title_of

        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss(None)
        else:
            self.push_screen(HelpScreen(help_title_of(self.screen), reachable(self.screen)))

    def action_show_log(self) -> None:
        """Show the log of this session."""
        from vuemantics_tui.ui.screens.log import LogScreen

        if not isinstance(self.screen, LogScreen):
            self.push_screen(LogScreen(self.recent_log))

    # Leaving

    async def action_quit(self) -> None:
        """Quit; ask first if that interrupts work."""
        if self._asking:
            self.leave()
        else:
            self._quit()

    @work(group="leaving", exit_on_error=False)
    async def _quit(self) -> None:
        interrupted, resumes = "", False
        with self.notices.errors_told():
            counts = await self.library.queue.store.counts()
            copying = self._uploads_screen.intake.is_copying
            if self._process or copying:
                running = self.library.queue.running_here
                interrupted = work_to_leave(counts, running, copying)
                # What is not copied yet does not resume.
                resumes = bool(work_to_leave(counts, running, False))
        from vuemantics_tui.ui.screens.ask import ConfirmScreen
        from vuemantics_tui.ui.screens.edit import EditScreen

        if any(isinstance(screen, EditScreen) and screen.changed for screen in self.screen_stack):
            interrupted = f"The description you are editing is not saved. {interrupted}".strip()
        if picked := self._uploads_screen.picked:
            interrupted = f"{picked.words()}, not added yet. {interrupted}".strip()
        if pulling := self.library.models.pulling:
            verb = "is" if len(pulling) == 1 else "are"
            interrupted = (
                f"{', '.join(pulling)} {verb} still downloading. What you have so far is kept. {interrupted}".strip()
            )
            resumes = True
        if interrupted:
            self._asking = True
            try:
                agreed = await self.push_screen_wait(
                    ConfirmScreen(
                        "Quit?", interrupted, agree="quit, resume next time" if resumes else "quit", decline="stay"
                    )
                )
            finally:
                self._asking = False
            if not agreed:
                return
        self.leave()

    @on(ReopenWanted)
    def _reopen(self) -> None:
        self.reopen = True
        self.leave()

    def leave(self) -> None:
        """Quit without asking, once running uploads are back in the queue."""
        if not self._leaving:
            self._leaving = True
            self._leave()

    @work(group="leaving", exit_on_error=False)
    async def _leave(self) -> None:
        self.workers.cancel_group(self._uploads_screen, "adding")
        try:
            await self.library.queue.stop()
        except VuemanticsError:
            log.exception("the queue could not be stopped in order; its claims will run out")
        finally:
            self.exit()

    @property
    def _uploads_screen(self) -> UploadsScreen:
        screen = self.screen_stack[0]
        assert isinstance(screen, UploadsScreen)
        return screen

    def _handle_signals(self) -> None:
        for name in LEAVING_SIGNALS:
            # Not on Windows, and not where the loop runs beside the main thread.
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError, AttributeError):
                asyncio.get_running_loop().add_signal_handler(getattr(signal, name), self.leave)

    def _forget_signals(self) -> None:
        for name in LEAVING_SIGNALS:
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError, AttributeError):
                asyncio.get_running_loop().remove_signal_handler(getattr(signal, name))
