"""EditScreen: a description in a person's own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.actions import ANSWER, action
from vuemantics_tui.ui.editor import edited_text, editor_command
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
        """What it is about, the text, what is wrong with it, the keys."""
        with Vertical(id="edit"):
            yield Static(f"Description of {self._title}", id="edit-title", markup=False)
            yield TextArea(self._before, id="edit-text", highlight_cursor_line=False)
            yield Words(id="edit-message")
            yield KeysLine(id="edit-keys")

    def on_mount(self) -> None:
        """A cursor that blinks is bytes over SSH, all the time."""
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
