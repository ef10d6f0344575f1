"""OutageLine: the one line that says which server everything waits for."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from vuemantics_tui.library import Outage
from vuemantics_tui.ui.fitting import fit
from vuemantics_tui.ui.uploads.servers import outage_words


class OutageLine(Widget):
    """Takes no room while nothing is waited for."""

    DEFAULT_CSS = """
    OutageLine {
        display: none;
        height: 1;
        padding: 0 1;
        background: $panel;
        color: $warning;

        &.-away {
            display: block;
        }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._words: tuple[list[str], str] = ([], "")

    def show(self, outage: Outage | None, key: str) -> None:
        """Say what is waited for, and which key looks at once."""
        words = outage_words(outage, key)
        if words != self._words:
            self._words = words
            self.set_class(bool(words[0]), "-away")
            self.refresh()

    def render(self) -> Content:
        """Why, cut short where the window is narrow, and when."""
        whys, look = self._words
        room = max(1, self.content_size.width - len(look) - 2)
        why = next((each for each in whys if cell_len(each) <= room), whys[-1] if whys else "")
        return Content.assemble(fit(why, room), "  ", (look, "bold $foreground"))
