"""ConfirmScreen: asks before something that cannot be taken back."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.actions import ANSWER, action, hidden
from vuemantics_tui.ui.widgets.keys_line import KeysLine


class ConfirmScreen(ModalScreen[bool]):
    """A question with two answers. Enter, Escape and n are the safe one."""

    HELP_TITLE = "A question"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("agree", "y", "agree", "yes", "Yes", ANSWER),
        action("decline", "enter,escape,n", "decline", "no", "No, change nothing", ANSWER),
        # A question hides the keys of the app; pressed once more, these mean it.
        hidden("quit-question", "ctrl+q,ctrl+c", "app.quit", "quit", "Quit all the same", ANSWER),
    ]

    def __init__(self, question: str, explanation: str, *, agree: str, decline: str) -> None:
        super().__init__()
        self._question = visible(question)
        self._explanation = visible(explanation)
        self._answers = {"agree": agree, "decline": decline}

    def compose(self) -> ComposeResult:
        """The question, what it means, the answers."""
        with Vertical(id="confirm"):
            yield Static(self._question, id="confirm-question", markup=False)
            yield Static(self._explanation, id="confirm-explanation", markup=False)
            yield KeysLine(id="confirm-keys")

    def on_mount(self) -> None:
        """Give the answers their words."""
        for binding_id, words in self._answers.items():
            self.query_one(KeysLine).rename(binding_id, words)

    def action_agree(self) -> None:
        """Yes."""
        self.dismiss(True)

    def action_decline(self) -> None:
        """No."""
        self.dismiss(False)
