"""The app's questions: a line to type, a confirmation, and what to do with edited descriptions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.ui.actions import ANSWER, QUIET_HELP, action, hidden
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import LineInput, Words

Do = Callable[[str], Awaitable[str]]
"""Does what was asked for; returns the words that say so. Raises VuemanticsError, and the field stays."""
Answer = TypeVar("Answer")
Complete = Callable[[str], Awaitable[Sequence[str]]]
"""The whole lines that a line may become, the best first."""


class AskInput(LineInput):
    """The field itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action("ask-done", "enter", "submit", "apply", "Apply", ANSWER),
        action("complete-ask", "tab", "complete_ask", "complete", "Accept the first suggestion", ANSWER),
        action("leave-ask", "escape", "leave_ask", "cancel", "Change nothing", ANSWER),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer completion only where something is completed."""
        return action != "complete_ask" or (isinstance(self.screen, AskScreen) and self.screen.completes)

    def action_leave_ask(self) -> None:
        """Close without a change."""
        self.screen.dismiss(None)

    def action_complete_ask(self) -> None:
        """Take the first completion."""
        if isinstance(self.screen, AskScreen):
            self.screen.take_completion()


class AskScreen(ModalScreen[str | None]):
    """Dismisses with what `do` returned, or None if cancelled."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = "AskInput"
    HELP_TITLE = "A line to type"
    PARTS = (AskInput,)

    def __init__(
        self,
        title: str,
        explanation: str,
        do: Do,
        *,
        placeholder: str = "",
        value: str = "",
        complete: Complete | None = None,
        is_list: bool = True,
    ) -> None:
        """Take the completer of a line, and the `value` that it begins with.

        Of a line that is a list, only the last part is shown as completed.
        """
        super().__init__()
        self._title = visible(title)
        self._explanation = visible(explanation)
        self._placeholder = placeholder
        self._value = value
        self._do = do
        self._complete = complete
        self._is_list = is_list
        self._completions: Sequence[str] = ()
        self._doing = False

    def compose(self) -> ComposeResult:
        """Yield the title, the field, suggestions or an error, and the keys."""
        with Vertical(id="ask"):
            yield Static(self._title, id="ask-title", markup=False)
            yield Static(self._explanation, id="ask-explanation", markup=False)
            yield AskInput(
                self._value, id="ask-input", compact=True, placeholder=self._placeholder, select_on_focus=False
            )
            yield Words(id="ask-message")
            yield KeysLine(id="ask-keys")

    @property
    def completes(self) -> bool:
        """Whether lines can be completed here."""
        return self._complete is not None

    def take_completion(self) -> None:
        """Go on with the first completion."""
        if self._completions:
            field = self.query_one(AskInput)
            field.value = self._completions[0]
            field.cursor_position = len(field.value)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._say("")
        # What was offered is a whole line, made from the one before this key.
        self._completions = ()
        self._look_up(event.value)

    @work(group="completing", exclusive=True, exit_on_error=False)
    async def _look_up(self, text: str) -> None:
        if self._complete is None:
            return
        try:
            self._completions = await self._complete(text)
        except VuemanticsError as error:
            self._complain(error)
        else:
            ends = (line.rpartition(",")[2] if self._is_list else line for line in self._completions)
            self._say("  ".join(visible(end.strip()) for end in ends))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        # A second Enter must neither repeat it nor interrupt it.
        if not self._doing:
            self._doing = True
            # Suggestions that come late must not replace what is wrong with the line.
            self.workers.cancel_group(self, "completing")
            self._do_it(event.value)

    @work(group="doing", exit_on_error=False)
    async def _do_it(self, text: str) -> None:
        try:
            words = await self._do(text)
        except VuemanticsError as error:
            self._complain(error)
        else:
            self.dismiss(words)
        finally:
            self._doing = False

    def _say(self, words: str) -> None:
        self.query_one(Words).set_class(False, "-error")
        self.query_one(Words).say(words)

    def _complain(self, error: VuemanticsError) -> None:
        self.query_one(Words).set_class(True, "-error")
        self.query_one(Words).say(visible(f"✗ {error.message}. {error.hint}".strip()))


async def ask(owner: DOMNode, question: AskScreen) -> bool:
    """Ask for a line and show what came of it; return whether anything was done. Needs a worker."""
    told = await owner.app.push_screen_wait(question)
    if told is not None:
        Notices.of(owner).tell(told)
    return told is not None


class ConfirmScreen(ModalScreen[bool]):
    """A question with two answers. Enter, Escape and n choose the safe one."""

    HELP_TITLE = "A question"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("agree", "y", "agree", "yes", "Yes", ANSWER),
        action("decline", "enter,escape,n", "decline", "no", "No, change nothing", ANSWER),
        # A question hides the app's keys; pressing one of these again confirms.
        hidden("quit-question", "ctrl+q,ctrl+c", "app.quit", "quit", "Quit anyway", ANSWER),
        QUIET_HELP,
    ]

    def __init__(self, question: str, explanation: str, *, agree: str, decline: str) -> None:
        super().__init__()
        self._question = visible(question)
        self._explanation = visible(explanation)
        self._answers = {"agree": agree, "decline": decline}

    def compose(self) -> ComposeResult:
        """Yield the question, what it means, and the answers."""
        with Vertical(id="confirm"):
            yield Static(self._question, id="confirm-question", markup=False)
            yield Static(self._explanation, id="confirm-explanation", markup=False)
            yield KeysLine(id="confirm-keys")

    def on_mount(self) -> None:
        """Give the answers their words."""
        for binding_id, words in self._answers.items():
            self.query_one(KeysLine).rename(binding_id, words)

    def action_agree(self) -> None:
        """Confirm."""
        self.dismiss(True)

    def action_decline(self) -> None:
        """Decline."""
        self.dismiss(False)


class QuestionScreen(ModalScreen[Answer]):
    """A question and what it means. The answers are the keys of the class that asks it."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")

    def __init__(self, question: str, explanation: str) -> None:
        super().__init__()
        self._question = visible(question)
        self._explanation = explanation

    def compose(self) -> ComposeResult:
        """Yield the question, what it means, and the answers."""
        with Vertical(classes="question"):
            yield Static(self._question, classes="question-title", markup=False)
            yield Static(self._explanation, classes="question-text", markup=False)
            yield KeysLine()


class DeleteScreen(QuestionScreen[bool | None]):
    """Dismisses with whether the files of uploads in place are deleted, too; None is to delete nothing.

    `explanation` says what becomes of the uploads, `files` how many of them have files in place.
    """

    HELP_TITLE = "The question about deleting"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("delete-uploads", "y", "delete_uploads", "delete", "Delete, and leave the files alone", ANSWER),
        action("delete-files", "f", "delete_files", "delete the files too", "Also delete the files", ANSWER),
        action("delete-nothing", "enter,escape,n", "delete_nothing", "keep", "Delete nothing", ANSWER),
        QUIET_HELP,
    ]

    def __init__(self, question: str, explanation: str, files: int) -> None:
        one = files == 1
        super().__init__(
            question,
            f"{explanation} {'1 file is' if one else f'{files:,} files are'} used in place:"
            f" f also moves {'it' if one else 'them'} to the system trash.",
        )
        self._one = one

    def on_mount(self) -> None:
        """Speak of one file as of one."""
        if self._one:
            self.query_one(KeysLine).rename("delete-files", "delete the file too")

    def action_delete_uploads(self) -> None:
        """Delete the uploads only."""
        self.dismiss(False)

    def action_delete_files(self) -> None:
        """Delete the files, too."""
        self.dismiss(True)

    def action_delete_nothing(self) -> None:
        """Delete nothing."""
        self.dismiss(None)


class OverwriteScreen(QuestionScreen[bool | None]):
    """Dismisses with whether the edited ones are described again, too; None is to leave everything as it is.

    `edited` of `total` were edited by hand.
    """

    HELP_TITLE = "The question about descriptions edited by hand"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("overwrite-all", "y", "overwrite_all", "all", "Describe all of them again", ANSWER),
        action("overwrite-others", "o", "overwrite_others", "only the others", "Skip those edited by hand", ANSWER),
        action("overwrite-none", "enter,escape,n", "overwrite_none", "none", "Describe none of them again", ANSWER),
        QUIET_HELP,
    ]

    def __init__(self, edited: int, total: int) -> None:
        were, them = ("1 was", "it") if edited == 1 else (f"{edited:,} were", "them")
        super().__init__(
            f"{were} edited by hand. Describe {them} again?",
            f"{counted(total, 'upload')} will be retried or described again. Your text stays in the history.",
        )

    def action_overwrite_all(self) -> None:
        """Describe all of them again."""
        self.dismiss(True)

    def action_overwrite_others(self) -> None:
        """Describe only those that nobody edited."""
        self.dismiss(False)

    def action_overwrite_none(self) -> None:
        """Describe none of them again."""
        self.dismiss(None)
