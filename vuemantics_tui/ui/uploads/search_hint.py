"""SearchHint: the line under the search line: what is wrong with it, how it may go on, what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from vuemantics_tui.domain.text import visible
from vuemantics_tui.library import Suggestion
from vuemantics_tui.ui.fitting import fit

CARET = "^"


class SearchHint(Widget):
    """One line, hidden where there is nothing to say.

    What is wrong goes before what may be meant, and that before a note.
    """

    DEFAULT_CSS = """
    SearchHint {
        height: 1;
        padding: 0 1;
        background: $panel;

        &.-blank {
            display: none;
        }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="-blank")
        self._error = ""
        self._cell: int | None = None
        self._suggestions: tuple[Suggestion, ...] = ()
        self._note = ""
        self._open = False

    def complain(self, message: str, cell: int | None = None) -> None:
        """Say what is wrong, with a caret in a cell of the line above, where the place is known; or no more."""
        self._change(_error=visible(message), _cell=cell)

    def suggest(self, suggestions: Sequence[Suggestion], *, typing: bool) -> None:
        """Show ways to go on; while someone is `typing` the line stays, so that nothing below it jumps."""
        self._change(_suggestions=tuple(suggestions), _open=typing)

    def note(self, note: str) -> None:
        """Say this where there is nothing else to say."""
        self._change(_note=visible(note))

    @property
    def complains(self) -> bool:
        """Whether it says what is wrong."""
        return bool(self._error)

    def _change(self, **values: object) -> None:
        if any(getattr(self, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(self, name, value)
            self.set_class(not (self._error or self._suggestions or self._note or self._open), "-blank")
            self.refresh()

    def render(self) -> Content:
        """The line."""
        width = self.content_size.width
        if self._error:
            return Content.assemble(*error_parts(self._error, self._cell, width))
        if self._suggestions:
            return Content.assemble(*_suggestion_parts(self._suggestions, width))
        return Content.styled(fit(self._note, width).rstrip(), "$warning")


def error_parts(message: str, cell: int | None, width: int) -> list[tuple[str, str]]:
    """The caret in its cell, and the message behind it, or where it fits only there, before it."""
    if cell is None:
        return [(fit(f"✗ {message}", width).rstrip(), "$error")]
    cell = min(cell, width - 1)
    room_behind, room_before = width - cell - 2, cell - 1
    if cell_len(message) > room_behind and room_before > room_behind:
        told = fit(message, room_before).rstrip()
        return [(" " * (room_before - cell_len(told)) + told + " ", "$error"), (CARET, "bold $error")]
    told = fit(message, room_behind).rstrip() if room_behind > 0 else ""
    return [(" " * cell, ""), (CARET, "bold $error"), (f" {told}", "$error")]


def _suggestion_parts(suggestions: Sequence[Suggestion], width: int) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = [("Tab ", "bold $accent")]
    room = width - 4
    for place, suggestion in enumerate(suggestions):
        count = "" if suggestion.count is None else f" {suggestion.count:,}"
        label = visible(suggestion.label)
        needed = cell_len(label) + cell_len(count) + 2
        if needed > room:
            break
        parts += [(label, "$foreground" if place == 0 else "$dim"), (f"{count}  ", "$dim")]
        room -= needed
    return parts if len(parts) > 1 else []
