"""The servers that the analyzer depends on, in words: for the header, and for the line that says what is waited for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from vuemantics_tui.domain.text import counted, visible
from vuemantics_tui.library import Outage

# A server that is back by the first look after it went away is not worth a line that comes and goes.
SECONDS_BEFORE_TOLD = 1.5


class Server(Protocol):
    """What is read here of a ServerState."""

    @property
    def answers(self) -> bool:
        """Whether it is there."""
        ...

    @property
    def missing(self) -> tuple[str, ...]:
        """The models that are wanted and not there."""
        ...


def serving_words(servers: Sequence[Server] | None) -> tuple[str, str, str]:
    """A glyph, its style, and what goes after the analyzer's name; None is before the first look."""
    if not servers:
        return "·", "$dim", ""
    answering = [server for server in servers if server.answers]
    if not answering:
        return "○", "$error", "away"
    missing = {model for server in answering for model in server.missing}
    if missing:
        word = f"no {visible(min(missing))}" if len(missing) == 1 else f"{counted(len(missing), 'model')} missing"
        return "!", "$warning", word
    if len(answering) < len(servers):
        return "○", "$warning", f"{len(servers) - len(answering)} of {len(servers)} away"
    return "●", "$success", ""


def outage_words(outage: Outage | None, key: str) -> tuple[list[str], str]:
    """What is waited for, the longest words first, and the seconds to the next look with the `key` that looks at once.

    Empty where nothing is waited for, and at first: see SECONDS_BEFORE_TOLD.
    """
    if outage is None or outage.lasted < SECONDS_BEFORE_TOLD:
        return [], ""
    server, message = visible(outage.server), visible(outage.message)
    which = message.removeprefix(f"{server} ")
    why = f"Waiting for {server}, which {which}" if which != message else f"Waiting for {server}: {message}"
    seconds = math.ceil(outage.next_look_in)
    look = f"Next look in {seconds} s." if seconds else "Looking now."
    whys = [f"{why.rstrip('.')}. Nothing is lost.", f"{why.rstrip('.')}.", f"Waiting for {server}."]
    return whys, f"{look} {key} looks now"
