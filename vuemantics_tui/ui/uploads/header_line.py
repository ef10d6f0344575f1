"""HeaderLine: what this is, how much it holds, which analyzer works, and whether it answers."""

from __future__ import annotations

from collections.abc import Sequence

from textual.reactive import reactive

from vuemantics_tui.domain.text import counted
from vuemantics_tui.ui.uploads.servers import Server, serving_words
from vuemantics_tui.ui.widgets.two_sided import Part, TwoSidedLine


class HeaderLine(TwoSidedLine):
    """The first line of the screen. `servers` is None until they were looked at."""

    upload_count: reactive[int | None] = reactive(None)
    servers: reactive[Sequence[Server] | None] = reactive(None)

    def __init__(self, analyzer: str, models: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._analyzer = analyzer
        self._models = models

    def left_part(self) -> list[Part]:
        """The program's name and the number of uploads."""
        count = "" if self.upload_count is None else f"  {counted(self.upload_count, 'upload')}"
        return [("vuemantics", "bold $accent"), (count, "$dim")]

    def right_parts(self) -> list[list[Part]]:
        """The analyzer and what is wrong with it, with its models where there is room."""
        glyph, style, wrong = serving_words(self.servers)
        analyzer: list[Part] = [(f"{glyph} ", style), (self._analyzer, "$dim")]
        if wrong:
            analyzer.append((f", {wrong}", style))
        return [[*analyzer, (f"  {self._models}", "$dim")], analyzer]
