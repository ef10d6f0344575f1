"""KeysLine: the keys that work at the moment, from the bindings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class FooterKey:
    """What the footer says of an action, by its ID: `shown` in place of its key, `words` in place of its own.

    The IDs of the first and the last of several, as in `rate-0 rate-5`, stand for all of them: 0-5.
    """

    id: str
    words: str = ""
    shown: str = ""


def fitting(entries: list[Entry], width: int) -> list[Entry]:
    """Return as many entries as fit: the first, help, Escape and the last; where not even one fits, its key alone."""
    kept = list(entries)
    while len(kept) > 1 and sum(_cells(shown, words) + 2 for *_, shown, words in kept) - 2 > width:
        helpless = [entry for entry in kept[:-1] if entry[0] != HELP]
        first_out = [entry for entry in helpless if entry[1] != "escape"] or helpless or kept[:-1]
        kept.remove(first_out[-1])
    if kept and _cells(*kept[0][2:]) > width:
        name, key, shown, _ = kept[0]
        return [(name, key, shown, "")] if len(shown) <= width else []
    return kept


def _cells(shown: str, words: str) -> int:
    return cell_len(shown) + (1 + cell_len(words) if words else 0)


class KeysLine(Widget):
    """The last line of a screen. A key may be clicked, too.

    A screen that has a `footer`, a sequence of FooterKey, chooses what stands there; else it is what bindings show.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._renamed: dict[str, str] = {}
        self._preferred: tuple[FooterKey, ...] = ()
        self._alone = False
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

    def prefer(self, keys: Sequence[FooterKey], *, alone: bool = False) -> None:
        """Begin with these, as far as they work here; with `alone` only help and what leads out follow."""
        if (tuple(keys), alone) != (self._preferred, self._alone):
            self._preferred, self._alone = tuple(keys), alone
            self.refresh()

    def _entries(self) -> list[Entry]:
        chosen: Sequence[FooterKey] | None = getattr(self.screen, "footer", None)
        if chosen is not None:
            return self._chosen(chosen)
        usual = self._usual()
        if not self._preferred:
            return usual
        named = {id for each in self._preferred for id in each.id.split()}
        usual = [entry for entry in usual if entry[0] not in named]
        # In a field, its own keys come first.
        first = usual if self._in_field else []
        rest = [entry for entry in usual if entry not in first and (not self._alone or entry[0] in LAST)]
        return [*first, *self._chosen(self._preferred), *rest]

    @property
    def _in_field(self) -> bool:
        return self.screen.focused is not None and is_field(type(self.screen.focused))

    def _chosen(self, chosen: Sequence[FooterKey]) -> list[Entry]:
        """Return the entries of these, as far as they do something."""
        bound: dict[str | None, Binding] = {}
        for active in self.screen.active_bindings.values():
            # In a field a character is text.
            if active.enabled and not (self._in_field and len(self.app.get_key_display(active.binding)) == 1):
                bound.setdefault(active.binding.id, active.binding)
        entries = []
        for each in chosen:
            bindings = [bound[id] for id in each.id.split() if id in bound]
            if len(bindings) == len(each.id.split()):
                first = bindings[0]
                shown = each.shown or "-".join(visible(self.app.get_key_display(binding)) for binding in bindings)
                words = each.words or self._renamed.get(first.id or "", first.description)
                # Of several none is meant by a click.
                entries.append((first.id or "", first.key if len(bindings) == 1 else "", shown, words))
        return entries

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
        """Return the keys that fit, whole entries only; help and what leads out stay longest."""
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
        return None if offset is None else next((key for spot, key in self._spots if offset.x in spot and key), None)

    def on_click(self, event: events.Click) -> None:
        """Act as if the key had been pressed."""
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
