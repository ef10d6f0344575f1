"""What this terminal can show, told from its environment alone; asked before Textual starts."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal. `kind` is what TERM says; `colours` is how many it says it can show; `size` in (columns, rows)."""

    name: str
    kind: str
    colours: int
    size: tuple[int, int]
    interactive: bool
    in_tmux: bool
    over_ssh: bool
    utf8: bool
    no_color: bool

    @property
    def quadrants(self) -> bool:
        """Whether its font can be expected to have quarter blocks: the Linux console's has only half ones."""
        return self.utf8 and self.kind not in ("linux", "dumb")


def current_terminal(environment: Mapping[str, str] = os.environ) -> Terminal:
    """The terminal that this process talks to."""
    columns, rows = shutil.get_terminal_size()
    return Terminal(
        name=environment.get("TERM_PROGRAM") or environment.get("TERM", "unknown"),
        kind=environment.get("TERM", ""),
        colours=_colours(environment),
        size=(columns, rows),
        interactive=sys.stdin.isatty() and sys.stdout.isatty(),
        in_tmux="TMUX" in environment,
        over_ssh="SSH_CONNECTION" in environment or "SSH_TTY" in environment,
        utf8="utf" in (sys.stdout.encoding or "").lower(),
        no_color=bool(environment.get("NO_COLOR")),
    )


def _colours(environment: Mapping[str, str]) -> int:
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return 1 << 24
    name = environment.get("TERM", "")
    if "direct" in name:
        return 1 << 24
    return 256 if "256" in name else 16 if name and name != "dumb" else 2
