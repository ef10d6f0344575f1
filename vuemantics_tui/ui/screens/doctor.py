"""DoctorScreen: what an examination of the program and its surroundings finds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from vuemantics_tui.domain.findings import Finding, Verdict
from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.ui.actions import ACT, MOVE, action
from vuemantics_tui.ui.clipboard import copy
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.screens.page import READING, Reading, is_open
from vuemantics_tui.ui.textual_private import SteadyScreen
from vuemantics_tui.ui.widgets.keys_line import KeysLine

Examine = Callable[[], Awaitable[Sequence[Finding]]]

MOST_SUBJECT_CELLS = 24
_STYLES = {Verdict.GOOD: "$success", Verdict.BAD: "bold $error", Verdict.NEUTRAL: "$dim"}


def finding_lines(findings: Sequence[Finding], width: int) -> Content:
    """Return each finding: its glyph, subject and text; below it what to do, and the lines to copy."""
    cells = min(MOST_SUBJECT_CELLS, max((len(visible(finding.subject)) for finding in findings), default=0)) + 2
    indent = " " * (cells + 2)
    lines: list[Content] = []

    def told(text: str, style: str) -> None:
        for line in Content(visible(text)).wrap(max(8, width - len(indent))):
            lines.append(Content.assemble(indent, line.stylize(style)))

    for finding in findings:
        first = len(lines)
        told(finding.text, "")
        subject = visible(finding.subject).ljust(cells)
        head = Content.assemble((f"{finding.glyph} ", _STYLES[finding.verdict]), (subject, "bold"))
        if len(lines) == first:
            lines.append(head)
        else:
            lines[first] = Content.assemble(head, lines[first][len(indent) :])
        if finding.hint:
            told(finding.hint, "$warning")
        lines += [Content.assemble(indent, (f"  {visible(line)}", "$accent")) for line in finding.lines]
    return Content("\n").join(lines)


class DoctorScreen(Reading, SteadyScreen[None]):
    """Examines when it opens, and again when it is asked to."""

    HELP_TITLE = "Doctor"
    BINDINGS: ClassVar[list[BindingType]] = [
        action("doctor-copy", "y", "copy_lines", "copy lines", "Copy the suggested lines", ACT),
        action("doctor-again", "r", "look_again", "check again", "Run all checks again", ACT),
        *READING,
        action("doctor-back", "escape,q,!", "go_back", "back", "Back", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")

    def __init__(self, examine: Examine) -> None:
        super().__init__()
        self._examine = examine
        self._findings: Sequence[Finding] = ()

    def compose(self) -> ComposeResult:
        """Yield a title, the findings, the keys."""
        yield Static("Doctor", id="doctor-title", markup=False)
        with VerticalScroll(id="doctor-page", can_focus=False):
            yield Static(id="doctor-text", markup=False)
        yield KeysLine(id="doctor-keys")

    def on_mount(self) -> None:
        """Begin to examine."""
        self._notices = Notices.of(self)
        self._look()

    def on_resize(self) -> None:
        """Wrap the lines to the new width, once the page has it."""
        self.call_after_refresh(self._show)

    @work(group="examining", exclusive=True, exit_on_error=False)
    async def _look(self) -> None:
        self._findings = ()
        self._say("Checking…")
        with self._notices.errors_told():
            self._findings = await self._examine()
        if is_open(self):
            wrong = sum(finding.is_problem for finding in self._findings)
            self._say(f"{counted(wrong, 'problem')}" if wrong else "No problems" if self._findings else "")
            # From Python 3.12 on Textual starts workers at once: the page may have no width yet.
            self.call_after_refresh(self._show)

    def _say(self, what: str) -> None:
        self.query_one("#doctor-title", Static).update(f"Doctor  {what}")

    def _show(self) -> None:
        if self.is_mounted and self._findings:
            text = finding_lines(self._findings, self.page.scrollable_content_region.width)
            self.query_one("#doctor-text", Static).update(text)

    def action_look_again(self) -> None:
        """Examine everything again."""
        self._look()

    @work(group="copying", exit_on_error=False)
    async def action_copy_lines(self) -> None:
        """Copy the lines that are to be added to files."""
        with self._notices.errors_told():
            lines = [line for finding in self._findings for line in finding.lines]
            if not lines:
                self._notices.tell("Nothing to copy.")
                return
            await copy(self.app, "\n".join(lines))
            self._notices.tell(f"Copied {counted(len(lines), 'line')}.")

    def action_go_back(self) -> None:
        """Go back to the previous screen."""
        self.dismiss(None)
