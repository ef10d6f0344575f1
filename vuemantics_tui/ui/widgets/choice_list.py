"""ChoiceList: what the lists with a cursor on short screens are made of."""

from __future__ import annotations

from textual.widgets import OptionList


class ChoiceList(OptionList, inherit_bindings=False):
    """An OptionList with the names that the registry of actions has for moving."""

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

    def action_cursor_first(self) -> None:
        """To the first."""
        self.action_first()

    def action_cursor_last(self) -> None:
        """To the last."""
        self.action_last()
