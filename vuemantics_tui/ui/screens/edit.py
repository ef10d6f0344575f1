"""EditScreen: a description in a person's own words, in a field or in the editor that they chose for their terminal."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.app import App, ComposeResult, SuspendNotSupported
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from vuemantics_tui.domain.errors import UsageError, VuemanticsError
from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.actions import ANSWER, action
from vuemantics_tui.ui.screens.ask import ConfirmScreen
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import Words

Save = Callable[[str], Awaitable[bool]]
"""Saves a text; False where nothing changes. Raises VuemanticsError."""


class EditScreen(ModalScreen[bool | None]):
    """Dismisses with what `save` returned, or None where it was left without."""

    HELP_TITLE = "Editing a description"
    PARTS = (TextArea,)
    BINDINGS: ClassVar[list[BindingType]] = [
        # In a plain terminal Ctrl+S stops the output; where something on the way keeps it, there is F2.
        action("save-description", "f2,ctrl+s", "save_description", "save", "Save and embed", ANSWER),
        action("edit-in-editor", "f4", "edit_in_editor", "editor", "Continue in $VISUAL or $EDITOR", ANSWER),
        action("leave-edit", "escape", "leave_edit", "leave", "Leave; asks if you changed anything", ANSWER),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = "TextArea"

    def __init__(self, name: str, text: str, save: Save) -> None:
        super().__init__()
        self._title = visible(name)
        self._before = text
        self._save = save

    def compose(self) -> ComposeResult:
        """Yield what it is about, the text, what is wrong with it, the keys."""
        with Vertical(id="edit"):
            yield Static(f"Description of {self._title}", id="edit-title", markup=False)
            yield TextArea(self._before, id="edit-text", highlight_cursor_line=False)
            yield Words(id="edit-message")
            yield KeysLine(id="edit-keys")

    def on_mount(self) -> None:
        """Stop the cursor from blinking, which is bytes over SSH all the time."""
        self._text.cursor_blink = False

    @property
    def changed(self) -> bool:
        """Whether there is something to lose."""
        return self._text.text.strip() != self._before.strip()

    @property
    def _text(self) -> TextArea:
        return self.query_one(TextArea)

    def _complain(self, error: VuemanticsError) -> None:
        self.query_one(Words).say(visible(f"✗ {error.message}. {error.hint}".strip()))

    @on(TextArea.Changed)
    def _typed(self) -> None:
        self.query_one(Words).say("")

    @work(group="saving", exclusive=True, exit_on_error=False)
    async def action_save_description(self) -> None:
        """Save, or say why not."""
        try:
            saved = await self._save(self._text.text)
        except VuemanticsError as error:
            self._complain(error)
        else:
            self.dismiss(saved)

    @work(group="editing", exclusive=True, exit_on_error=False)
    async def action_edit_in_editor(self) -> None:
        """Go on in the editor of the terminal; what it leaves is in the field then, not yet saved."""
        try:
            self._text.text = await edited_text(self.app, self._text.text, editor_command())
        except VuemanticsError as error:
            self._complain(error)

    @work(group="leaving", exclusive=True, exit_on_error=False)
    async def action_leave_edit(self) -> None:
        """Leave; ask where something would be lost."""
        if self.changed:
            question = ConfirmScreen(
                "Leave without saving?", "Your changes will be lost.", agree="leave", decline="keep editing"
            )
            if not await self.app.push_screen_wait(question):
                return
        self.dismiss(None)


# The editor

_NAMES = ("VISUAL", "EDITOR")


def editor_command(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the words of $VISUAL, else of $EDITOR. Raises UsageError where neither says what to run."""
    for name in _NAMES:
        try:
            command = shlex.split(environment.get(name, ""))
        except ValueError as error:
            raise UsageError(f"${name} cannot be read: {error}", "Correct it, and open the app again.") from error
        if command:
            return command
    raise UsageError("No editor is set", "Set $VISUAL or $EDITOR, for example to nano, and open the app again.")


async def edited_text(app: App[Any], text: str, command: Sequence[str]) -> str:
    """Return what a person makes of the text. Raises UsageError where the editor does not run, or leaves no text.

    The loop goes on meanwhile, so that what is processed is: only the screen is left to the editor.
    """
    with tempfile.TemporaryDirectory(prefix="vuemantics-") as folder:
        path = Path(folder) / "description.txt"
        await asyncio.to_thread(path.write_text, f"{text}\n", "utf-8")
        try:
            # Without a batch the app would go on drawing on the editor.
            with app.suspend(), app.batch_update(), _interrupts_ignored():
                process = await asyncio.create_subprocess_exec(*command, str(path))
                answer = await process.wait()
        except SuspendNotSupported as error:
            raise UsageError("No editor can be opened here", "Edit the text in its field.") from error
        except OSError as error:
            words = f"{command[0]} could not be started: {error.strerror}"
            raise UsageError(words, "Set $VISUAL or $EDITOR.") from error
        if answer:
            raise UsageError(f"{command[0]} ended with exit code {answer}", "The text is unchanged.")
        try:
            return (await asyncio.to_thread(path.read_text, "utf-8")).strip()
        except (OSError, ValueError) as error:
            words = f"The file from {command[0]} could not be read: {error}"
            raise UsageError(words, "The text is unchanged.") from error


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Leave Ctrl+C to the editor, though the terminal sends it to this process, too."""
    # Not SIG_IGN, which the editor would inherit.
    try:
        before: Callable[..., Any] | int | None = signal.signal(signal.SIGINT, lambda *_: None)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
