"""HeaderLine: what this is, how much it holds, and which analyzer works."""

from __future__ import annotations

from textual.reactive import reactive

from vuemantics_tui.domain.text import counted
from vuemantics_tui.ui.widgets.two_sided import Part, TwoSidedLine


class HeaderLine(TwoSidedLine):
    """The first line of the screen."""

    upload_count: reactive[int | None] = reactive(None)

    def __init__(self, analyzer: str, models: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._analyzer = analyzer
        self._models = models

    def left_part(self) -> list[Part]:
        """The program's name and the number of uploads."""
        count = "" if self.upload_count is None else f"  {counted(self.upload_count, 'upload')}"
        return [("vuemantics", "bold $accent"), (count, "$dim")]

    def right_parts(self) -> list[list[Part]]:
        """The analyzer, with its models where there is room."""
        analyzer: list[Part] = [("● ", "$success"), (self._analyzer, "$dim")]
        return [[*analyzer, (f"  {self._models}", "$dim")], analyzer]
