"""DescriptionsScreen: all descriptions that an upload ever had, the current one beside any other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from vuemantics_tui.domain.description import PASSING_SCORE
from vuemantics_tui.domain.text import ago_words, counted, lines_of, seconds_words, visible
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.library import EDITED_BY_HAND, Library, StoredDescription
from vuemantics_tui.ui.actions import ACT, MOVE, action, hidden, lasting
from vuemantics_tui.ui.feed import Feed, LibraryChanged, Reader
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.screens.page import is_open
from vuemantics_tui.ui.textual_private import SteadyScreen
from vuemantics_tui.ui.widgets import WIDTHS
from vuemantics_tui.ui.widgets.cursor_list import ChoiceList
from vuemantics_tui.ui.widgets.keys_line import KeysLine
from vuemantics_tui.ui.widgets.one_line import Words, fit

READ_REST_SECONDS = 0.1
MOST_WHO_CELLS = 22
NONE_YET = "No description yet."


class DescriptionList(ChoiceList):
    """The descriptions, newest first; Enter makes the one under the cursor current."""

    BINDINGS: ClassVar[list[BindingType]] = [
        action("choose-description", "enter", "select", "use this one", "Use this description", ACT),
    ]


class DescriptionsScreen(SteadyScreen[None]):
    """Lists the descriptions of an upload, and keeps the list up to date."""

    HELP_TITLE = "Descriptions of an upload"
    PARTS = (DescriptionList,)
    BINDINGS: ClassVar[list[BindingType]] = [
        hidden("descriptions-read-on", "space,right,l", "scroll_texts(1)", "page down", "Page down in the texts", MOVE),
        hidden("descriptions-read-back", "left,h", "scroll_texts(-1)", "page up", "Page up in the texts", MOVE),
        action("descriptions-back", "escape,q,D", "go_back", "back", "Back to the list", MOVE),
    ]
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = "DescriptionList"
    HORIZONTAL_BREAKPOINTS = WIDTHS

    def __init__(self, library: Library, number: int, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._library = library
        self._number = number
        self._clock = clock
        self._upload: Upload | None = None
        self._descriptions: list[StoredDescription] = []

    def compose(self) -> ComposeResult:
        """Yield a title, the list, the two texts and the keys."""
        yield Words(id="descriptions-title")
        yield DescriptionList(id="descriptions")
        with Container(id="texts"):
            for part in ("current", "selected"):
                with VerticalScroll(id=f"{part}-page", can_focus=False):
                    yield Static(id=f"{part}-text", markup=False)
        yield KeysLine(id="descriptions-keys")

    def on_mount(self) -> None:
        """Start to follow the upload."""
        self._notices = Notices.of(self)
        self._reader = Reader(self, self._read, rest=READ_REST_SECONDS)
        self._reader.want()
        Feed.of(self).follow(self)

    # Following the library

    @on(LibraryChanged)
    def _library_changed(self, message: LibraryChanged) -> None:
        if self._number in message.deleted and self.is_current:
            self._notices.tell("This upload was moved to the trash.")
            self.dismiss()
        elif self._number in message.changed:
            self._reader.want()

    async def _read(self) -> None:
        upload = await self._library.uploads.by_number(self._number)
        if upload is None:
            return
        found = await self._library.descriptions.of(upload.number)
        if not is_open(self):
            return
        self._upload = upload
        how_many = counted(len(found), "description") if found else "no description"
        self.query_one("#descriptions-title", Words).say(f"{visible(upload.filename)}  {how_many}")
        if found == self._descriptions and found:
            return
        list_ = self.query_one(DescriptionList)
        selected = self._selected
        self._descriptions = found
        # Without one there is none to use.
        list_.disabled = not found
        list_.set_options(Option(line_words(each, self._clock())) for each in found)
        numbers = [each.number for each in found]
        keep = selected is not None and selected.number in numbers
        list_.highlighted = numbers.index(selected.number) if keep and selected else 0 if found else None
        self._show_texts()
        if found and self.focused is None:
            list_.focus()

    # Showing

    @property
    def _selected(self) -> StoredDescription | None:
        place = self.query_one(DescriptionList).highlighted
        return self._descriptions[place] if place is not None and place < len(self._descriptions) else None

    @on(OptionList.OptionHighlighted)
    def _show_texts(self) -> None:
        current = next((each for each in self._descriptions if each.current), None)
        selected = self._selected
        other = selected if selected is not None and not selected.current else None
        self.set_class(current is None or other is None, "-single")
        now = self._clock()
        first = current or other
        text = Content(NONE_YET) if first is None else page_words(first, now)
        self.query_one("#current-text", Static).update(text)
        self.query_one("#selected-text", Static).update(page_words(other, now) if other is not None else "")
        for page in self.query(VerticalScroll):
            page.scroll_home(animate=False)

    # Acting

    @on(OptionList.OptionSelected)
    def _chosen(self) -> None:
        if self._selected is not None and self._upload is not None:
            self._choose(self._upload, self._selected)

    @lasting
    async def _choose(self, upload: Upload, description: StoredDescription) -> None:
        with self._notices.errors_told():
            if await self._library.descriptions.choose(upload.id, description.number):
                self._notices.tell("This description becomes current once it is embedded.")
            else:
                self._notices.tell("This is already the current description.")

    def action_scroll_texts(self, pages: int) -> None:
        """Scroll both texts by this many pages."""
        for page in self.query(VerticalScroll):
            page.scroll_relative(y=pages * max(1, page.size.height - 1), animate=False)

    def action_go_back(self) -> None:
        """Go back to the previous screen."""
        self.dismiss(None)


def who_words(description: StoredDescription) -> str:
    """Return who described it: a person, or an analyzer with its model."""
    if description.edited:
        return EDITED_BY_HAND
    return visible(f"{description.analyzer} {description.model}".strip())


def line_words(description: StoredDescription, now: datetime) -> Content:
    """Return one line: whether it is current, who wrote it, when, the quality, how long it took."""
    took = "" if description.seconds is None else seconds_words(description.seconds)
    score = description.audit_score
    colour = "$dim" if score is None else "$success" if score >= PASSING_SCORE else "$error"
    return Content.assemble(
        ("● " if description.current else "  ", "$accent"),
        fit(who_words(description), MOST_WHO_CELLS),
        (f"  {ago_words(description.created_at, now):<17}", "$dim"),
        ("  quality " if score is not None else "      a guess" if description.guessed else " " * 13, "$dim"),
        ("" if score is None else f"{score:>3}", colour),
        (f"  {took:>7}", "$dim"),
        ("  current" if description.current else "", "$accent"),
    )


def page_words(description: StoredDescription, now: datetime) -> Content:
    """Return one description in full."""
    head = "Current" if description.current else "Selected"
    parts: list[str | tuple[str, str]] = [
        (head, "bold $accent"),
        (f"  {who_words(description)}, {ago_words(description.created_at, now)}\n\n", "$dim"),
        lines_of(description.text),
    ]
    if description.read_text:
        parts.append((f"\n\n{lines_of(description.read_text)}", "$dim"))
    if description.tags:
        parts.append((f"\n\n{visible(', '.join(description.tags))}", "$dim"))
    if description.audit_score is not None:
        parts.append((f"\n\nquality {description.audit_score}", "$dim"))
    elif description.guessed:
        parts.append(("\n\nA guess: it has no quality.", "$dim"))
    parts += [(f"\n! {visible(finding)}", "$warning") for finding in description.audit_findings]
    return Content.assemble(*parts)
