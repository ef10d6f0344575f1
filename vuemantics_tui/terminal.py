"""What this terminal can show, judged by its environment alone, before Textual starts."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Protocol(StrEnum):
    """How a terminal shows a picture."""

    KITTY = "Kitty protocol"
    SIXEL = "Sixel"
    BLOCKS = "blocks"


# What each terminal has, by what it calls itself in TERM_PROGRAM or TERM, after their own documentation.
_PROTOCOLS = {
    "xterm-kitty": Protocol.KITTY,
    "xterm-ghostty": Protocol.KITTY,
    "ghostty": Protocol.KITTY,
    "WezTerm": Protocol.SIXEL,
    "iTerm.app": Protocol.SIXEL,
    "foot": Protocol.SIXEL,
    "foot-extra": Protocol.SIXEL,
    "mlterm": Protocol.SIXEL,
}
# Those that set a variable of their own, and not TERM_PROGRAM.
_VARIABLES = {
    "KITTY_WINDOW_ID": Protocol.KITTY,
    "GHOSTTY_RESOURCES_DIR": Protocol.KITTY,
    "WT_SESSION": Protocol.SIXEL,
    "KONSOLE_VERSION": Protocol.SIXEL,
}


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal. `kind` is what TERM says; `colours` is how many it says it can show; `size` in (columns, rows).

    `protocol` is the best that it has for pictures, as far as its environment tells.
    """

    name: str
    kind: str
    colours: int
    size: tuple[int, int]
    interactive: bool
    in_tmux: bool
    over_ssh: bool
    utf8: bool
    no_color: bool
    protocol: Protocol = Protocol.BLOCKS

    @property
    def quadrants(self) -> bool:
        """Return whether its font is likely to have quarter blocks: that of the Linux console has only half blocks."""
        return self.utf8 and self.kind not in ("linux", "dumb")


def current_terminal(environment: Mapping[str, str] = os.environ) -> Terminal:
    """Return the terminal of this process."""
    # While the app runs, standard output is caught by Textual; this one stays what it was.
    output = sys.__stdout__ or sys.stdout
    columns, rows = shutil.get_terminal_size()
    return Terminal(
        name=environment.get("TERM_PROGRAM") or environment.get("TERM", "unknown"),
        kind=environment.get("TERM", ""),
        colours=_colours(environment),
        size=(columns, rows),
        interactive=sys.stdin.isatty() and output.isatty(),
        in_tmux="TMUX" in environment,
        over_ssh="SSH_CONNECTION" in environment or "SSH_TTY" in environment,
        utf8="utf" in (getattr(output, "encoding", None) or "").lower(),
        no_color=bool(environment.get("NO_COLOR")),
        protocol=_protocol(environment),
    )


def _protocol(environment: Mapping[str, str]) -> Protocol:
    for name in (environment.get("TERM_PROGRAM", ""), environment.get("TERM", "")):
        if name in _PROTOCOLS:
            return _PROTOCOLS[name]
    found = [protocol for variable, protocol in _VARIABLES.items() if environment.get(variable)]
    return found[0] if found else Protocol.BLOCKS


def _colours(environment: Mapping[str, str]) -> int:
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return 1 << 24
    name = environment.get("TERM", "")
    if "direct" in name:
        return 1 << 24
    return 256 if "256" in name else 16 if name and name != "dumb" else 2
