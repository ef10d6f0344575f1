"""Intake: adding files to the library: a field for paths, the progress, and the outcome."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label, Static

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.sources import Placement
from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.files import is_missing
from vuemantics_tui.ui.actions import ANSWER, action
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.typed_paths import explain_missing, typed_paths
from vuemantics_tui.ui.widgets.one_line import LineInput

if TYPE_CHECKING:
    from vuemantics_tui.domain.sources import ScanProgress, Source
    from vuemantics_tui.library import Candidate, IntakeResult, Library

HELP = "A file, or a folder with everything in it."
# How many reasons fit into a notice; the rest is counted.
MOST_REASONS = 3
# If more paths are pasted, only their number is shown.
MOST_PATHS = 5


class Intake:
    """Adds files to the library; several batches may be under way at once."""

    def __init__(self, library: Library, notices: Notices) -> None:
        self._library = library
        self._notices = notices
        # How many files are copied, and of how many; both 0 while nothing is being added.
        self.copied = self.to_copy = 0
        # Called whenever that has moved.
        self.listeners: list[Callable[[], None]] = []
        # Whether somebody said if files are copied or used in place; until then the first folder asks.
        self._in_place = library.settings.placement == Placement.IN_PLACE
        self.is_placed = self._in_place or "placement" in library.settings.sources

    @property
    def is_copying(self) -> bool:
        """Whether files are being copied just now."""
        return self.to_copy > 0

    def place(self, placement: Placement) -> None:
        """Copy files from now on, or use them in place."""
        self.is_placed = True
        self._in_place = placement is Placement.IN_PLACE

    async def take(self, paths: Sequence[Path], candidates: list[Candidate] | None = None) -> None:
        """Copy files, and folders with everything in them, or use them in place; `candidates` are what is in them.

        Raises UsageError and LibraryError.
        """
        if self._in_place:
            await self.use(paths)
        else:
            await self.add(await self._library.gather(paths, recursive=True) if candidates is None else candidates)

    async def add(self, candidates: list[Candidate], *, in_place: bool = False) -> None:
        """Copy these files, or use them where they are, and tell the outcome at the end. Raises LibraryError."""
        results: list[IntakeResult] = []
        self.to_copy += len(candidates)
        try:
            taken = self._library.sources.use(candidates) if in_place else self._library.add(candidates)
            async for result in taken:
                results.append(result)
                self.copied += 1
                self._tell()
        finally:
            self.copied -= len(results)
            self.to_copy -= len(candidates)
            self._tell()
        self._notices.tell(*added_words(results))

    async def use(self, paths: Sequence[Path]) -> None:
        """Use files where they are, and folders as sources. Raises UsageError and LibraryError."""
        folders = await asyncio.to_thread(lambda: [path for path in paths if path.is_dir()])
        if files := [path for path in paths if path not in folders]:
            await self.add(await self._library.intake.gather(files, recursive=False), in_place=True)
        for folder in folders:
            await self.scan(await self._library.sources.add_if_new(folder))

    async def scan(self, source: Source) -> None:
        """Scan a source, and tell what was found."""
        with self._notices.errors_told():
            progress = await self._library.watch.ask_for_scan(source)
            self._library.watch.look()
            if progress.is_away:
                self._notices.tell(
                    f"{visible(progress.away_reason)}.", "Connect or mount its disk.", severity="warning"
                )
                return
            told = [f"{visible(progress.source.path.name)}: {progress_words(progress)}."]
            told += [f"{visible(str(path))}: {visible(reason)}" for path, reason in progress.problems[:MOST_REASONS]]
            if (more := len(progress.problems) - MOST_REASONS) > 0:
                told.append(f"and {more:,} more")
            self._notices.tell(*told)

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()


@dataclass
class FilesNamed(Message):
    """Paths were typed or pasted, and these files are behind them."""

    paths: list[Path]
    candidates: list[Candidate]


@dataclass
class PathFieldLeft(Message):
    """The field was left without adding."""


class PathInput(LineInput):
    """The field itself."""

    HELP_TITLE = "The field for paths"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("submit-paths", "enter", "submit", "add", "Add what you typed", ANSWER),
        action("complete-path", "tab", "complete_path", "complete", "Complete the path", ANSWER),
        action("close-field", "escape", "close_field", "cancel", "Leave without adding", ANSWER),
    ]

    def action_complete_path(self) -> None:
        """Complete the path as far as that is clear."""
        self.query_ancestor(PathField).complete_typed()

    def action_close_field(self) -> None:
        """Leave without adding."""
        self.post_message(PathFieldLeft())


class PathField(Vertical):
    """Hidden until it is opened. Posts FilesNamed and PathFieldLeft."""

    def __init__(self, library: Library, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._library = library
        # What was pasted, and the words that stand for it where it is too much for one line.
        self._pasted = self._pasted_words = ""

    def compose(self) -> ComposeResult:
        """Yield the field and the line below it."""
        with Horizontal():
            yield Label("add", id="path-label")
            yield PathInput(id="path-input", compact=True, placeholder="~/Pictures", select_on_focus=False)
        yield Static(HELP, id="path-message", markup=False)

    def open(self, text: str = "") -> None:
        """Show the field, with this text in it, ready to type."""
        field = self.query_one(Input)
        if text:
            self._pasted, self._pasted_words = text, pasted_words(text)
            field.value = self._pasted_words or text
            field.cursor_position = len(field.value)
        self._say(HELP)
        self.display = True
        # At once: `focus()` comes later, and keys pressed meanwhile would go to the table.
        self.screen.set_focus(field)

    def close(self) -> None:
        """Hide the field and forget what was in it."""
        self.query_one(Input).value = ""
        self.display = False

    @work(group="completing", exclusive=True, exit_on_error=False)
    async def complete_typed(self) -> None:
        """Complete the path as far as that is clear, and name the files that begin so; not what stands for many."""
        from vuemantics_tui.ui.picker.folder import MOST_LINES, complete

        field = self.query_one(Input)
        typed = field.value
        if not typed or self._pasted_words:
            return
        found = await asyncio.to_thread(complete, typed, Path(os.curdir))
        if field.value == typed:
            field.value = found.text
            field.cursor_position = len(found.text)
            self._say("  ".join(map(visible, found.names[:MOST_LINES])) if len(found.names) > 1 else HELP)

    def _say(self, text: str) -> None:
        message = self.query_one("#path-message", Static)
        message.remove_class("error")
        message.update(text)

    def _complain(self, words: str) -> None:
        """Show what is wrong and what to do; the typed text stays."""
        message = self.query_one("#path-message", Static)
        message.add_class("error")
        message.update(f"✗ {words}")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self._say("Looking…")
            self._look_up(self._pasted if event.value == self._pasted_words else event.value)
        else:
            self.post_message(PathFieldLeft())

    @on(Input.Changed)
    def _changed(self) -> None:
        if self.query_one("#path-message").has_class("error"):
            self._say(HELP)

    @work(group="looking", exclusive=True, exit_on_error=False)
    async def _look_up(self, text: str) -> None:
        with Notices.of(self).errors_told():
            paths, wrong = await asyncio.to_thread(_paths_in, text)
            if wrong:
                self._complain(wrong)
                return
            try:
                candidates = await self._library.gather(paths, recursive=True)
            except VuemanticsError as error:
                self._complain(visible(f"{error.message}. {error.hint}"))
            else:
                self.post_message(FilesNamed(paths, candidates))


def pasted_words(text: str) -> str:
    """Return how many files many pasted paths are, and in which folder; nothing for a few, which fit on the line."""
    try:
        paths = [Path(word) for word in shlex.split(text)]
    except ValueError:
        return ""
    if len(paths) <= MOST_PATHS or not all(path.is_absolute() for path in paths):
        return ""
    return f"{len(paths):,} files in {visible(os.path.commonpath([path.parent for path in paths]))}"


def _paths_in(text: str) -> tuple[list[Path], str]:
    """Return the paths that were typed, and why the first that is missing may not be there. Looks at the disk."""
    paths = typed_paths(text)
    missing = next((path for path in paths if is_missing(path)), None)
    return paths, "" if missing is None else explain_missing(missing, os.environ)


def progress_words(progress: ScanProgress) -> str:
    """Return what a scan has found so far: 1,204 files seen, 3 new, 1 moved."""
    reading = f"{progress.reading:,} to read" if progress.reading else ""
    return ", ".join(filter(None, (f"{counted(progress.seen, 'file')} seen", progress.found_words, reading)))


def added_words(results: Sequence[IntakeResult]) -> list[str]:
    """Return one sentence for all files, then a line for each of the first few that were skipped."""
    from vuemantics_tui.library import IntakeOutcome

    if not results:
        return ["No pictures or videos found."]
    count = Counter(result.outcome for result in results)
    parts = []
    if added := count[IntakeOutcome.ADDED]:
        parts.append(f"{added:,} added")
    if duplicates := count[IntakeOutcome.DUPLICATE]:
        parts.append(f"{duplicates:,} already in the library")
    if restored := count[IntakeOutcome.RESTORED]:
        parts.append(f"{restored:,} restored from the trash")
    if retried := count[IntakeOutcome.RETRIED]:
        parts.append(f"{retried:,} failed before and {'is' if retried == 1 else 'are'} retried")
    skipped = [result for result in results if result.outcome is IntakeOutcome.SKIPPED]
    if not skipped:
        return [", ".join(parts)]
    reasons = [f"{result.path.name} ({result.reason})" for result in skipped]
    if len(skipped) == 1:
        return [", ".join([*parts, f"1 skipped: {reasons[0]}"]), skipped[0].hint]
    lines = [", ".join([*parts, f"{len(skipped):,} skipped:"]), *reasons[:MOST_REASONS]]
    if len(reasons) > MOST_REASONS:
        lines.append(f"and {len(reasons) - MOST_REASONS:,} more")
    return lines
