"""KeysLine: the keys that work here and now, made from the bindings."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget

from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.actions import is_field

HELP = "show-help"
LAST = (HELP, "quit")

Entry = tuple[str, str, str, str]
"""The binding's ID, the key as pressed, the key as shown, what it does."""
Wanted = tuple[str, str]
"""An action's id and what to call it, its own word if empty. `rate-0 rate-5` stands for several: 0-5."""


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
        self._wanted: tuple[Wanted, ...] = ()
        self._alone = False
        self._spots: list[tuple[range, str]] = []

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

    def prefer(self, wanted: Sequence[Wanted], *, alone: bool = False) -> None:
        """Begin with these, as far as they work here; with `alone` only help and what leads out follow."""
        if (tuple(wanted), alone) != (self._wanted, self._alone):
            self._wanted, self._alone = tuple(wanted), alone
            self.refresh()

    def _entries(self) -> list[Entry]:
        if not self._wanted:
            return self._usual()
        in_field = self.screen.focused is not None and is_field(type(self.screen.focused))
        works: dict[str | None, Binding] = {}
        for active in self.screen.active_bindings.values():
            # In a field a character is text.
            if active.enabled and not (in_field and len(self.app.get_key_display(active.binding)) == 1):
                works.setdefault(active.binding.id, active.binding)
        wanted: list[Entry] = []
        for ids, words in self._wanted:
            bindings = [works[id] for id in ids.split() if id in works]
            if len(bindings) == len(ids.split()):
                first = bindings[0]
                shown = "-".join(visible(self.app.get_key_display(binding)) for binding in bindings)
                own = self._renamed.get(first.id or "", first.description)
                wanted.append((first.id or "", first.key, shown, words or own))
        named = {id for ids, _ in self._wanted for id in ids.split()}
        usual = [entry for entry in self._usual() if entry[0] not in named]
        # In a field its own keys go first.
        own_first = usual if in_field else []
        rest = [entry for entry in usual if entry not in own_first and (not self._alone or entry[0] in LAST)]
        return [*own_first, *wanted, *rest]

    def _usual(self) -> list[Entry]:
        """Return what is declared for the footer and works here."""
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
            parts += [(shown, "bold $accent"), (f" {words}  " if words else "  ", "$dim")]
            at += length + 2
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Do as if the key had been pressed."""
        offset = event.get_content_offset(self)
        for spot, key in self._spots:
            if offset is not None and offset.x in spot:
                self.app.simulate_key(key)
