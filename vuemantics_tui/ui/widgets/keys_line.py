"""KeysLine: the keys that work here and now, made from the bindings."""

from __future__ import annotations

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

from vuemantics_tui.domain.text import visible

HELP = "show-help"

Entry = tuple[str, str, str, str]
"""The binding's ID, the key as pressed, the key as shown, what it does."""


def fitting(entries: list[Entry], width: int) -> list[Entry]:
    """As many entries as fit, the first ones and the last; where not even one fits, its key alone."""
    kept = list(entries)
    while len(kept) > 1 and sum(_cells(shown, words) + 2 for *_, shown, words in kept) - 2 > width:
        first_out = [entry for entry in kept[:-1] if entry[0] != HELP] or kept[:-1]
        kept.remove(first_out[-1])
    if kept and _cells(*kept[0][2:]) > width:
        name, key, shown, _ = kept[0]
        return [(name, key, shown, "")] if len(shown) <= width else []
    return kept


def _cells(shown: str, words: str) -> int:
    return cell_len(shown) + (1 + cell_len(words) if words else 0)


class KeysLine(Widget):
    """The last line of a screen. A key may be clicked, too."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._renamed: dict[str, str] = {}
        self._spots: list[tuple[range, str]] = []
        # The key under the mouse, where it can be clicked.
        self._hovered: str | None = None

    def on_mount(self) -> None:
        """Follow the focus: what is focused decides which keys work."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self._update())

    def _update(self) -> None:
        self.refresh()

    def rename(self, binding_id: str, description: str) -> None:
        """Call what a key does otherwise from now on: pause, resume; nothing to leave it out."""
        if self._renamed.get(binding_id) != description:
            self._renamed[binding_id] = description
            self.refresh()

    def _entries(self) -> list[Entry]:
        entries: dict[str, Entry] = {}
        # What acts before the focused part does, as adding and searching, is what everything begins with.
        for active in sorted(self.screen.active_bindings.values(), key=lambda active: not active.binding.priority):
            binding = active.binding
            name = binding.id or binding.action
            words = self._renamed.get(name, binding.description)
            if binding.show and words and active.enabled and name not in entries:
                entries[name] = (name, binding.key, visible(self.app.get_key_display(binding)), words)
        return list(entries.values())

    def render(self) -> Content:
        """The keys that fit, whole entries only; help and the last one, which leads out, stay longest."""
        entries = fitting(self._entries(), self.content_size.width)
        self._spots = []
        parts: list[tuple[str, str]] = []
        at = 0
        for _, key, shown, words in entries:
            length = _cells(shown, words)
            self._spots.append((range(at, at + length), key))
            if key == self._hovered:
                parts += [(shown, "bold $accent underline"), (f" {words}" if words else "", "$foreground underline")]
                parts.append(("  ", ""))
            else:
                parts += [(shown, "bold $accent"), (f" {words}  " if words else "  ", "$dim")]
            at += length + 2
        return Content.assemble(*parts)

    def _key_at(self, event: events.MouseEvent) -> str | None:
        offset = event.get_content_offset(self)
        return None if offset is None else next((key for spot, key in self._spots if offset.x in spot), None)

    def on_click(self, event: events.Click) -> None:
        """Do as if the key had been pressed."""
        if (key := self._key_at(event)) is not None:
            self.app.simulate_key(key)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show which key a click would press."""
        self._hover(self._key_at(event))

    def on_leave(self) -> None:
        """Show none as being under the mouse."""
        self._hover(None)

    def _hover(self, key: str | None) -> None:
        if key != self._hovered:
            self._hovered = key
            self.refresh()
