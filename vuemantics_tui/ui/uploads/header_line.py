"""HeaderLine: what this is, how much it holds, which analyzer works, and whether it answers."""

from __future__ import annotations

from collections.abc import Sequence

from textual.reactive import reactive

from vuemantics_tui.domain.text import counted
from vuemantics_tui.library import Analyzer
from vuemantics_tui.ui.uploads.servers import Server, serving_words
from vuemantics_tui.ui.widgets.two_sided import Part, TwoSidedLine


class HeaderLine(TwoSidedLine):
    """The first line of the screen. `analyzer` is None until it is made, `servers` until they were looked at."""

    upload_count: reactive[int | None] = reactive(None)
    servers: reactive[Sequence[Server] | None] = reactive(None)
    analyzer: reactive[Analyzer | None] = reactive(None)

    def left_part(self) -> list[Part]:
        """The program's name and the number of uploads."""
        count = "" if self.upload_count is None else f"  {counted(self.upload_count, 'upload')}"
        return [("vuemantics", "bold $accent"), (count, "$dim")]

    def right_parts(self) -> list[list[Part]]:
        """The analyzer and what is wrong with it, with its models where there is room."""
        glyph, style, wrong = serving_words(self.servers)
        name = self.analyzer.name if self.analyzer else ""
        models = f"{self.analyzer.model} + {self.analyzer.embedding_model}" if self.analyzer else ""
        analyzer: list[Part] = [(f"{glyph} ", style), (name, "$dim")]
        if wrong:
            analyzer.append((f", {wrong}", style))
        return [[*analyzer, (f"  {models}", "$dim")], analyzer]
