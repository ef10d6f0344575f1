"""OverwriteScreen: asks what becomes of descriptions that were edited by hand, when others are described again."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from vuemantics_tui.domain.text import counted
from vuemantics_tui.ui.actions import ANSWER, action
from vuemantics_tui.ui.widgets.keys_line import KeysLine


class OverwriteScreen(ModalScreen[bool | None]):
    """Dismisses with whether the edited ones are described again, too; None is to leave everything as it is.

    `edited` of `total` were edited by hand.
    """

    HELP_TITLE = "The question about descriptions edited by hand"
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        action("overwrite-all", "y", "overwrite_all", "all", "Describe all of them again", ANSWER),
        action("overwrite-others", "o", "overwrite_others", "only the others", "Skip those edited by hand", ANSWER),
        action("overwrite-none", "enter,escape,n", "overwrite_none", "none", "Describe none of them again", ANSWER),
    ]

    def __init__(self, edited: int, total: int) -> None:
        super().__init__()
        self._edited = edited
        self._total = total

    def compose(self) -> ComposeResult:
        """The question, what it means, the answers."""
        were = "1 was" if self._edited == 1 else f"{self._edited:,} were"
        them = "it" if self._edited == 1 else "them"
        with Vertical(classes="question"):
            yield Static(f"{were} edited by hand. Describe {them} again?", classes="question-title", markup=False)
            yield Static(
                f"{counted(self._total, 'upload')} will be retried or described again. Your text stays in the history,"
                " but is no longer the current description.",
                classes="question-text",
                markup=False,
            )
            yield KeysLine(id="overwrite-keys")

    def action_overwrite_all(self) -> None:
        """All of them."""
        self.dismiss(True)

    def action_overwrite_others(self) -> None:
        """Only those that nobody edited."""
        self.dismiss(False)

    def action_overwrite_none(self) -> None:
        """None at all."""
        self.dismiss(None)
