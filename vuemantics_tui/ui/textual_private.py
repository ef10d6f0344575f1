"""The private parts of Textual and Rich that the program uses, each with its reason. They are why pyproject.toml pins
Textual to one minor release. Only what a class of Textual's must override has to stand in the subclass, with the reason
beside each method: SurvivingApp (`ui/resilience.py`), the display of VuemanticsApp, TerminalDriver (`ui/driver.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from rich.cells import get_character_cell_size
from rich.segment import Segment

# What Textual paints, before it is made into bytes: where pixels stand follows from it (`ui/pictures/overlay.py`).
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate

# The screen and widget that a message is handled for: Textual's own handlers expect it to be set.
from textual._context import active_message_pump

# Turns bytes of the terminal into keys. The driver's own input loop needs it: Textual's drops errors in that thread.
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen, ScreenResultType
from textual.strip import Strip

if TYPE_CHECKING:
    from rich.color import ColorSystem
    from rich.console import Console
    from rich.style import Style

__all__ = [
    "CompositorUpdate",
    "SteadyScreen",
    "ThriftyUpdate",
    "XTermParser",
    "active_message_pump",
    "bindings_of",
    "is_enabled",
    "keep_characters_whole",
    "keymap_of",
    "pieces_of",
    "use_colours",
    "write_to_terminal",
]

# In an update with more pieces, most share no style with another one.
MOST_GROUPED = 200


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


def use_colours(console: Console, system: ColorSystem) -> None:
    """Have a console use these colours. Rich decides in its constructor, which Textual calls, and later never again."""
    console._color_system = system


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
                # Textual writes all of a piece up to what changed, which may be a line of pictures.
                first, last = max(x, left), min(end, right)
                if piece is not None and first < last:
                    yield y, first, piece if (first, last) == (x, end) else piece.crop(first - x, last - x)


# Rich's own, whatever stands in its place later.
_split_cells = Segment.split_cells


def _split_whole(segment: Segment, cut: int) -> tuple[Segment, Segment]:
    before, after = _split_cells(segment, cut)
    marks = next((at for at, char in enumerate(after.text) if get_character_cell_size(char)), len(after.text))
    if not marks or not before.text:
        return before, after
    return before._replace(text=before.text + after.text[:marks]), after._replace(text=after.text[marks:])


def keep_characters_whole() -> None:
    """Keep a character and its combining characters together where a text is cut, as beside a dialog.

    Rich cuts between them at some widths: its first guess is rounded, and any place without cells in between will do.
    """
    type.__setattr__(Segment, "split_cells", _split_whole)


class SteadyScreen(Screen[ScreenResultType]):
    """A screen that paints what changes behind a dialog once.

    Textual marks such a screen as a whole for the next time, and then paints the same regions again with every message
    that comes, for as long as the dialog is open.
    """

    def _compositor_refresh(self) -> None:
        super()._compositor_refresh()
        if self.app.screen is not self:
            # The screen in front was told to paint them.
            self._repaint_required = False


class ThriftyUpdate(CompositorUpdate):
    """An update of the screen in fewer bytes: of a small one each style is written once, with all that it has."""

    def __init__(self, update: CompositorUpdate) -> None:
        self._update = update

    def render_segments(self, console: Console) -> str:
        """Return what the terminal gets."""
        pieces = list(pieces_of(self._update))
        if sum(len(strip) for _, _, strip in pieces) > MOST_GROUPED:
            ends = {(y, x + strip.cell_length) for y, x, strip in pieces}
            return "".join(("" if (y, x) in ends else _move_to(y, x)) + strip.render(console) for y, x, strip in pieces)
        runs: dict[Style | None, list[tuple[int, int, Segment]]] = {}
        for y, left, strip in pieces:
            x = left
            for segment in strip:
                style = segment.style
                if style is not None and not style.link:
                    style = style.clear_meta_and_links()  # metadata for clicks, which is not visible
                runs.setdefault(style, []).append((x, y, segment))
                x += segment.cell_length
        return "".join(_written(style, each, console) for style, each in runs.items())


def _written(style: Style | None, runs: list[tuple[int, int, Segment]], console: Console) -> str:
    """Return texts of one style at their columns and rows: column by column, as the sides of a frame stand."""
    texts: list[str] = []
    before = (-1, -1)
    for x, y, segment in sorted(runs, key=itemgetter(0, 1)):
        # One cell down is nearer than any place; beyond the last column the cursor does not move back.
        below = before == (x + 1, y - 1) and x + 1 < console.width
        texts.append(("" if before == (x, y) else "\x1b[B\b" if below else _move_to(y, x)) + segment.text)
        before = x + segment.cell_length, y
    return Strip([Segment("".join(texts), style)]).render(console)


def _move_to(y: int, x: int) -> str:
    return f"\x1b[{y + 1};{x + 1}H"
