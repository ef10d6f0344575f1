"""The state of the queue: QueueBar, a line with the time left, and RunNotice, what the terminal says of a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on
from textual.reactive import reactive

from vuemantics_tui.domain.text import clock_words, counted
from vuemantics_tui.domain.upload import QueueCounts
from vuemantics_tui.terminal import wrapped
from vuemantics_tui.ui.actions import key_of
from vuemantics_tui.ui.feed import Feed, Reader, TimePassed, WorkProgressed
from vuemantics_tui.ui.notices import Notices
from vuemantics_tui.ui.uploads.intake import Intake
from vuemantics_tui.ui.widgets.one_line import Part, TwoSidedLine

if TYPE_CHECKING:
    from vuemantics_tui.library import ClusterState, Library

# Long enough to be calm, short enough to notice that a video takes its time.
WINDOW_SECONDS = 15.0
SHORTEST_SPAN_SECONDS = 1.0
ESTIMATE_SECONDS = 1.0
BAR_CELLS = 18
# From so many older uploads on, how far their reading is stands in percent.
MANY_TO_READ = 1000


def reading_words(done: int, of: int) -> str:
    """Return how far the reading of older uploads is.

    It goes on for hours in a large library, and each repaint is bytes: there, a percent at a time is enough.
    """
    return f"reading {done / of:.0%} of {of:,}" if of >= MANY_TO_READ else f"reading {done:,} of {of:,}"


def cluster_words(cluster: ClusterState | None) -> tuple[str, bool]:
    """Return how the cluster is in a few words, and whether it is offline; nothing without one."""
    if cluster is None:
        return "", False
    if not cluster.tried:
        return "connecting to the cluster", False
    if not cluster.connected:
        return ("waiting for the cluster" if cluster.waits else "cluster offline, working here"), True
    at_work = sum(not member.trouble for member in cluster.members)
    left_out = len(cluster.members) - at_work
    return counted(at_work, "worker") + (f", {left_out} left out" if left_out else ""), not at_work


class Pace:
    """Uploads finished per second, over a moving window, since the queue was last empty."""

    def __init__(self) -> None:
        self.ended = 0
        self._before: QueueCounts | None = None
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, counts: QueueCounts, now: datetime) -> None:
        """Take in the counts of this moment."""
        before, self._before = self._before, counts
        moment = now.timestamp()
        if not counts.running + counts.waiting:
            self.ended = 0
            self._seen.clear()
            return
        if before is not None:
            # A deleted or retried upload makes the sum smaller, but did not finish.
            self.ended += max(0, counts.completed + counts.failed - before.completed - before.failed)
        self._seen.append((moment, self.ended))
        while len(self._seen) > 2 and moment - self._seen[1][0] >= WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def per_second(self) -> float:
        """Uploads a second, or 0 where that cannot be told yet."""
        if len(self._seen) < 2:
            return 0.0
        (first, ended_first), (last, ended_last) = self._seen[0], self._seen[-1]
        return (ended_last - ended_first) / (last - first) if last - first >= SHORTEST_SPAN_SECONDS else 0.0


class QueueBar(TwoSidedLine):
    """One line: how many uploads are in each state, how fast they are processed, what is being copied."""

    counts: reactive[QueueCounts | None] = reactive(None)
    per_second: reactive[float] = reactive(0.0)
    ended: reactive[int] = reactive(0)
    copying: reactive[tuple[int, int]] = reactive((0, 0))
    # What older uploads lack is read from their files: how many were, and of how many.
    reading: reactive[str] = reactive("")
    # How many pictures the joint model in use has seen.
    seeing: reactive[str] = reactive("")
    # The workers of the cluster, or that it is offline; empty without one.
    cluster: reactive[str] = reactive("")
    cluster_offline: reactive[bool] = reactive(False)
    seconds_left: reactive[float | None] = reactive(None)

    def __init__(
        self,
        library: Library,
        intake: Intake,
        clock: Callable[[], datetime],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._library = library
        self._intake = intake
        self._clock = clock
        self._pace = Pace()
        self._has_told_fault = False
        # A search of the store each time, and nothing that is followed closely.
        self._estimate = Reader(self, self._read_seconds_left, rest=ESTIMATE_SECONDS)

    def on_mount(self) -> None:
        """Follow what moves by itself."""
        Feed.of(self).follow(self)
        self._intake.listeners.append(self._take_time)

    def show(self, counts: QueueCounts) -> None:
        """Show these counts."""
        self.counts = counts
        self._take_time()
        if self._left:
            self._estimate.want()

    @property
    def _left(self) -> int:
        return self.counts.running + self.counts.waiting if self.counts is not None else 0

    async def _read_seconds_left(self) -> None:
        self.seconds_left = await self._library.queue.seconds_left()

    @on(WorkProgressed)
    @on(TimePassed)
    def _take_time(self) -> None:
        """Take in what moves by itself: the pace, what is copied, what is read. Costs microseconds."""
        self.copying = (self._intake.copied, self._intake.to_copy)
        backfill = self._library.queue.backfill
        self.reading = "" if backfill is None or not backfill.of else reading_words(backfill.done, backfill.of)
        seen = self._library.queue.pictures
        self.seeing = "" if seen is None or not seen.of else f"{seen.done:,} of {seen.of:,} pictures seen"
        self.cluster, self.cluster_offline = cluster_words(self._library.cluster)
        fault = self._library.queue.provider_fault
        if fault and not self._has_told_fault:
            self._has_told_fault = True
            Notices.of(self).tell(fault)
        if self.counts is not None:
            self._pace.note(self.counts, self._clock())
            # Two digits, or the line would be repainted at every tick.
            self.per_second, self.ended = round(self._pace.per_second, 1), self._pace.ended
        self.set_class(self.is_idle, "-idle")

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to say but how many uploads are completed."""
        counts = self.counts or QueueCounts()
        is_busy = counts.paused or self._left or self.copying[1] or self.reading or self.seeing
        return not (is_busy or counts.failed or self.cluster_offline)

    def left_part(self) -> list[Part]:
        """Return how many uploads are in each state; states without any are left out."""
        counts = self.counts or QueueCounts()
        told: list[Part] = []
        if counts.paused:
            told.append(("paused", "$warning"))
        if counts.running:
            told.append((f"{counts.running:,} running", "$running"))
        if counts.waiting:
            told.append((f"{counts.waiting:,} waiting", "$dim"))
        if counts.failed:
            key = key_of(self, "show-failures")
            told.append((f"{counts.failed:,} failed ({key})", "$error"))
        if self.cluster and (self.cluster_offline or self._left):
            told.append(
                (f"{self.cluster} ({key_of(self, 'show-cluster')})", "$warning" if self.cluster_offline else "$dim")
            )
        if counts.completed:
            told.append((f"{counts.completed:,} completed", "$dim"))
        if self.copying[1]:
            told.insert(0, (f"copying {self.copying[0]:,} of {self.copying[1]:,}", "$foreground"))
        if self.reading:
            told.append((self.reading, "$dim"))
        if self.seeing:
            told.append((self.seeing, "$dim"))
        parts: list[Part] = []
        for part in told:
            parts.extend([("  ", ""), part] if parts else [part])
        return parts

    def right_parts(self) -> list[list[Part]]:
        """Return the pace, a progress bar, and the time left; a narrow window drops the bar first."""
        counts = self.counts or QueueCounts()
        left = self._left
        if not left or not self.per_second or counts.paused:
            return []
        filled = min(BAR_CELLS - 1, round(BAR_CELLS * self.ended / (self.ended + left)))
        bar: list[Part] = [("━" * filled, "$running"), ("━" * (BAR_CELLS - filled) + "  ", "$line")]
        pace: Part = (f"{self.per_second:.1f}/s  ", "$dim")
        seconds = left / self.per_second if self.seconds_left is None else self.seconds_left
        time_left: list[Part] = [(f"{clock_words(seconds)} left", "$dim")]
        return [[pace, *bar, *time_left], [pace, *time_left], time_left]


def work_to_leave(counts: QueueCounts, running_here: int, adding: bool) -> str:
    """Return what you should know before you leave, or nothing."""
    told = []
    if adding:
        told.append("Files are still being copied. Add those that are missing again next time.")
    if running_here:
        go = "goes" if running_here == 1 else "go"
        told.append(f"{running_here:,} in progress {go} back to the queue. Finished descriptions are kept.")
    if counts.waiting and not counts.paused:
        told.append(f"{counted(counts.waiting, 'upload')} in the queue will be processed next time.")
    return " ".join(told)


# The tab of the terminal, and its desktop

# A shorter run was most likely watched.
LONG_SECONDS = 30.0
# Terminals forget progress that is not repeated: Ghostty after 15 s.
REPEAT_SECONDS = 10.0
# Terminals that show OSC 777; the others that show anything know OSC 9.
_KNOW_777 = ("ghostty", "foot", "rxvt", "wezterm")


class RunNotice:
    """Makes of the counts of the queue what to send to the terminal. `notify` is the setting: auto, always or never.

    The sequences are those of ConEmu (OSC 9;4, progress), iTerm2 (OSC 9) and rxvt-unicode (OSC 777, notify). Terminals
    that know none of them ignore them, except for the Linux console, which prints them.
    """

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
