"""SearchHint: the line below the search line: what is wrong with it, what it means, what it may become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.widgets.one_line import fit

if TYPE_CHECKING:
    from vuemantics_tui.library import Suggestion

CARET = "^"
BACKSPACE = "⌫"


class SearchHint(Widget):
    """One line, hidden if empty. An error takes precedence over suggestions, and those over a note."""

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
        self._chips: tuple[tuple[str, bool], ...] = ()
        self._note = self._offer = ""
        self._open = False

    def complain(self, message: str, cell: int | None = None) -> None:
        """Say what is wrong, with a caret under its place in the line above if that is known; empty ends it."""
        self._change(_error=visible(message), _cell=cell)

    def suggest(self, suggestions: Sequence[Suggestion], *, typing: bool) -> None:
        """Show suggestions; while you are `typing` the line stays, so that nothing below it jumps."""
        self._change(_suggestions=tuple(suggestions), _open=typing)

    def understand(self, chips: Sequence[tuple[str, bool]]) -> None:
        """Say what the chips of the line mean while it is typed, and of which of them Backspace makes words."""
        self._change(_chips=tuple(chips))

    def offer(self, offer: str) -> None:
        """Offer to take a chip as words that finds nothing; it goes before what the chips mean."""
        self._change(_offer=visible(offer))

    def note(self, note: str) -> None:
        """Show a note if there is neither an error nor a suggestion."""
        self._change(_note=visible(note))

    @property
    def complains(self) -> bool:
        """Whether it shows an error."""
        return bool(self._error)

    def _change(self, **values: object) -> None:
        if any(getattr(self, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(self, name, value)
            self.set_class(not (self._error or self._offer or self._suggestions or self._note or self._open), "-blank")
            self.refresh()

    def render(self) -> Content:
        """Return the line."""
        width = self.content_size.width
        if self._error:
            return Content.assemble(*error_parts(self._error, self._cell, width))
        if self._offer:
            return Content.styled(fit(self._offer, width).rstrip(), "$warning")
        if self._open and (self._chips or self._suggestions):
            parts = list(_chip_parts(self._chips, width)) if self._chips else []
            room = width - sum(cell_len(text) for text, _ in parts)
            return Content.assemble(*parts, *_suggestion_parts(self._suggestions, room))
        return Content.styled(fit(self._note, width).rstrip(), "$warning")


def error_parts(message: str, cell: int | None, width: int) -> list[tuple[str, str]]:
    """Return the caret in its cell, with the message behind it, or before it where it fits only there."""
    if cell is None:
        return [(fit(f"✗ {message}", width).rstrip(), "$error")]
    cell = min(cell, width - 1)
    room_behind, room_before = width - cell - 2, cell - 1
    if cell_len(message) > room_behind and room_before > room_behind:
        told = fit(message, room_before).rstrip()
        return [(" " * (room_before - cell_len(told)) + told + " ", "$error"), (CARET, "bold $error")]
    told = fit(message, room_behind).rstrip() if room_behind > 0 else ""
    return [(" " * cell, ""), (CARET, "bold $error"), (f" {told}", "$error")]


def _chip_parts(chips: Sequence[tuple[str, bool]], width: int) -> Iterator[tuple[str, str]]:
    """Yield what the chips mean, the last ones where there is no room for all, and what Backspace does."""
    back = f"  {BACKSPACE} words" if any(behind for _, behind in chips) else ""
    room = width - cell_len(back) - 2
    shown: list[tuple[str, str]] = []
    for line, behind in reversed(chips):
        label = visible(line)
        if cell_len(label) + 2 > room:
            shown.append(("…  ", "$dim"))
            break
        shown.append((f"{label}  ", "bold $foreground" if behind else "$foreground"))
        room -= cell_len(label) + 2
    yield ("= ", "bold $accent")
    yield from reversed(shown)
    if back:
        yield (f"{BACKSPACE} ", "bold $accent")
        yield ("words  ", "$dim")


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
