"""RunNotice: what the terminal's tab and desktop say of a run: its progress, and that a long one ended.

The sequences are those of ConEmu (OSC 9;4, progress), iTerm2 (OSC 9) and rxvt-unicode (OSC 777, notify). Terminals that
know none of them ignore them, except for the Linux console, which prints them.
"""

from __future__ import annotations

from collections.abc import Mapping

from vuemantics_tui.domain.text import counted
from vuemantics_tui.domain.upload import QueueCounts
from vuemantics_tui.terminal import wrapped

# A shorter run was most likely watched.
LONG_SECONDS = 30.0
# Terminals forget progress that is not repeated: Ghostty after 15 s.
REPEAT_SECONDS = 10.0
# Terminals that show OSC 777; the others that show anything know OSC 9.
_KNOW_777 = ("ghostty", "foot", "rxvt", "wezterm")


class RunNotice:
    """Makes of the counts of the queue what to send to the terminal. `notify` is the setting: auto, always or never."""

    def __init__(self, environment: Mapping[str, str], notify: str) -> None:
        term = environment.get("TERM", "")
        self._enabled = notify != "never" and term not in ("", "dumb", "linux")
        self._least = 0.0 if notify == "always" else LONG_SECONDS
        self._in_tmux = "TMUX" in environment
        names = f"{term} {environment.get('TERM_PROGRAM', '')}".lower()
        self._knows_777 = any(name in names for name in _KNOW_777)
        self._began: float | None = None
        self._before = QueueCounts()
        self._sent: tuple[int, float] | None = None

    def take(self, counts: QueueCounts, now: float) -> str:
        """Return what to send for these counts at this moment, in seconds; often nothing."""
        left = counts.running + counts.waiting
        if not self._enabled or (self._began is None and (not left or counts.paused)):
            self._before = counts if self._began is None else self._before
            return ""
        if self._began is None:
            self._began = now
        done = counts.completed + counts.failed - self._before.completed - self._before.failed
        if left:
            percent = 100 * max(0, done) // max(1, done + left)
            if self._sent is not None and self._sent[0] == percent and now - self._sent[1] < REPEAT_SECONDS:
                return ""
            self._sent = percent, now
            return self._passed(f"\x1b]9;4;1;{percent}\x1b\\")
        completed = counts.completed - self._before.completed
        failed = counts.failed - self._before.failed
        seconds = now - self._began
        said = self.clear()
        self._began, self._before = None, counts
        if seconds < self._least or completed + failed <= 0:
            return said
        words = f"{counted(max(0, completed), 'upload')} completed"
        if failed > 0:
            words += f", {failed:,} failed"
        notice = f"777;notify;vuemantics;{words}" if self._knows_777 else f"9;vuemantics: {words}"
        return said + self._passed(f"\x1b]{notice}\x1b\\")

    def clear(self) -> str:
        """Return what takes the progress away, if any was sent."""
        if self._sent is None:
            return ""
        self._sent = None
        return self._passed("\x1b]9;4;0\x1b\\")

    def _passed(self, sequence: str) -> str:
        return wrapped(sequence) if self._in_tmux else sequence
