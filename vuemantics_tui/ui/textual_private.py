"""The private parts of Textual that the program reads, each with its reason. Nothing else in the program reads one.

They are why pyproject.toml pins Textual to one minor release. What SurvivingApp overrides (`_dispatch_message`,
`_register_child`, `_start_widget`) has to stand in that class, with the reason beside each method.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# What Textual paints, before it is made into bytes: where pixels stand follows from it (`ui/pictures/overlay.py`).
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate

# The screen and widget that a message is handled for: Textual's own handlers expect it to be set.
from textual._context import active_message_pump

# Turns bytes of the terminal into keys. The driver's own input loop needs it: Textual's drops errors in that thread.
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.strip import Strip

__all__ = [
    "CompositorUpdate",
    "XTermParser",
    "active_message_pump",
    "bindings_of",
    "is_enabled",
    "keymap_of",
    "pieces_of",
    "write_to_terminal",
]


def keymap_of(app: App[Any]) -> Mapping[str, str]:
    """Return the keys that the settings give to actions, by the actions' ids.

    Textual takes a key map, and hands none out.
    """
    return app._keymap


def bindings_of(node: DOMNode) -> Iterable[tuple[str, Binding]]:
    """Return the bindings of one node alone, by key. Textual's `active_bindings` merges those of all ancestors."""
    return iter(node._bindings)


def is_enabled(app: App[Any], action: str, node: DOMNode) -> bool:
    """Tell whether `check_action` of the node lets an action run now. Textual asks it for its own footer alone."""
    return bool(app._check_action_state(action, node))


def write_to_terminal(app: App[Any], text: str) -> None:
    """Write a sequence to the terminal, in order with what Textual paints; nothing before the app runs.

    Textual offers no way to send what is not a cell, as the pixels of a picture are.
    """
    if app._driver is not None:
        app._driver.write(text)


def pieces_of(update: CompositorUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Yield the pieces of lines that an update of the screen writes: row, column and text.

    Textual tells nobody where on the screen a widget can be seen, apart from what it paints.
    """
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in line:
                yield y, x, strip
                x += strip.cell_length
    elif isinstance(update, ChopsUpdate):
        for y, left, right in update.spans:
            for end, (x, piece) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if piece is not None and x <= right and end > left:
                    whole = left <= x < right and end <= right
                    yield y, x, piece if whole else piece.crop(0, min(end, right) - x)
