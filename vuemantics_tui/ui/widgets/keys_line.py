"""KeysLine: the keys that work here and now, made from the bindings."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widget import Widget

from vuemantics_tui.domain.text import visible


class KeysLine(Widget):
    """The last line of a screen. A key may be clicked, too."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._renamed: dict[str, str] = {}
        self._spots: list[tuple[range, str]] = []

    def on_mount(self) -> None:
        """Follow the focus: what is focused decides which keys work."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self._update())

    def _update(self) -> None:
        self.refresh()

    def rename(self, binding_id: str, description: str) -> None:
        """Call what a key does otherwise from now on: pause, resume."""
        if self._renamed.get(binding_id) != description:
            self._renamed[binding_id] = description
            self.refresh()

    def _entries(self) -> list[tuple[str, str, str]]:
        """Key as pressed, key as shown, what it does."""
        entries: dict[str, tuple[str, str, str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            name = binding.id or binding.action
            if binding.show and binding.description and active.enabled and name not in entries:
                shown = visible(self.app.get_key_display(binding))
                entries[name] = (binding.key, shown, self._renamed.get(name, binding.description))
        return list(entries.values())

    def render(self) -> Content:
        """The keys that fit, whole entries only; the last one, which leads out, stays."""
        entries = self._entries()
        width = self.content_size.width

        def needed() -> int:
            return sum(len(shown) + len(words) + 3 for _, shown, words in entries) - 2

        while len(entries) > 1 and needed() > width:
            del entries[-2]
        self._spots = []
        parts: list[tuple[str, str]] = []
        at = 0
        for key, shown, words in entries:
            length = len(shown) + 1 + len(words)
            self._spots.append((range(at, at + length), key))
            parts += [(shown, "bold $accent"), (f" {words}  ", "$dim")]
            at += length + 2
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Do as if the key had been pressed."""
        offset = event.get_content_offset(self)
        for spot, key in self._spots:
            if offset is not None and offset.x in spot:
                self.app.simulate_key(key)
