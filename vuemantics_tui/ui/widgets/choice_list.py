"""ChoiceList: what the lists with a cursor on short screens are made of."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from vuemantics_tui.ui.widgets.cursor_list import CURSOR


class ChoiceList(OptionList, inherit_bindings=False):
    """An OptionList that moves by the same actions as a CursorList."""

    BINDINGS: ClassVar[list[BindingType]] = [*CURSOR]
    DEFAULT_CSS = """
    ChoiceList {
        background: $background;
        color: $foreground;
        scrollbar-size-vertical: 1;

        &:focus {
            background-tint: $background 0%;
        }

        &:focus .option-list--option-highlighted, .option-list--option-highlighted {
            background: $cursor-line;
            color: $foreground;
            text-style: none;
        }

        &:focus:ansi .option-list--option-highlighted {
            background: ansi_blue;
            color: ansi_bright_white;
        }

        &:focus:nocolor .option-list--option-highlighted {
            text-style: reverse;
        }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, markup=False)
        self._keys: list[Hashable] = []

    @property
    def place(self) -> int | None:
        """Where the cursor is among what was shown last; None where nothing is."""
        return self.highlighted if self.highlighted is not None and self.highlighted < len(self._keys) else None

    def show(self, choices: Mapping[Hashable, Content]) -> None:
        """Show these, each known by its key: the cursor stays on its choice, or where that is gone in its place."""
        before = self.place
        chosen = None if before is None else self._keys[before]
        self._keys = list(choices)
        # What is hidden has no keys.
        self.disabled = not choices
        self.set_options(Option(words) for words in choices.values())
        if not choices:
            self.highlighted = None
        elif before is not None and chosen in choices:
            self.highlighted = self._keys.index(chosen)
        else:
            self.highlighted = min(before or 0, len(choices) - 1)

    def action_cursor_first(self) -> None:
        """To the first."""
        self.action_first()

    def action_cursor_last(self) -> None:
        """To the last."""
        self.action_last()
