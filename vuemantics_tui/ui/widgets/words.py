"""Words: a text that is told again and again, and laid out anew only when it is another one."""

from __future__ import annotations

from textual.widgets import Static


class Words(Static):
    """Plain text. `Static.update` lays the whole screen out anew, whatever it is given."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._said = ""

    def say(self, text: str) -> None:
        """Show this text."""
        if text != self._said:
            self._said = text
            self.update(text)
