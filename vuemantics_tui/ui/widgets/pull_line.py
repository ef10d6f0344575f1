"""PullLine: how far the fetching of a model is."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from vuemantics_tui.domain.text import size_words, visible

BAR_CELLS = 24


class PullLine(Widget):
    """Two lines, or none while nothing is pulled."""

    DEFAULT_CSS = """
    PullLine {
        display: none;
        height: 2;
        padding: 0 1;
        background: $panel;

        &.-pulling {
            display: block;
        }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._model = ""
        self._status = ""
        self._done = self._all = 0

    def begin(self, model: str) -> None:
        """A model is going to be pulled."""
        self._model = visible(model)
        self.add_class("-pulling")
        self.progressed("", 0, 0)

    def progressed(self, status: str, bytes_so_far: int, bytes_in_all: int) -> None:
        """So far it is; both numbers are 0 where that is not known."""
        self._status, self._done, self._all = visible(status), bytes_so_far, bytes_in_all
        self.refresh()

    def end(self) -> None:
        """Nothing is pulled any more."""
        self.remove_class("-pulling")

    def render(self) -> Content:
        """The model and what is done to it; a bar, percent and bytes where they are known."""
        head = Content.assemble(("Downloading ", "$dim"), (self._model, "bold"), (f"  {self._status}", "$dim"))
        if not self._all:
            return Content.assemble(head, "\n", ("━" * BAR_CELLS, "$line"))
        share = min(1.0, self._done / self._all)
        filled = round(BAR_CELLS * share)
        return Content.assemble(
            head,
            "\n",
            ("━" * filled, "$running"),
            ("━" * (BAR_CELLS - filled), "$line"),
            f" {100 * share:3.0f} %",
            (f"  {size_words(self._done)} of {size_words(self._all)}", "$dim"),
        )
