"""Notices: how a screen says what was done or went wrong; RecentLog: what the program noted in this session."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.text import visible
from vuemantics_tui.ui.actions import key_of

if TYPE_CHECKING:
    from textual.app import App
    from textual.message_pump import MessagePump
    from textual.notifications import SeverityLevel


log = logging.getLogger(__name__)

# A store that refuses is asked again ten times a second; one notice is enough for the while that a person needs.
REPEAT_SECONDS = 30.0
SECONDS_TO_READ = 6.0
SECONDS_TO_READ_ERROR = 12.0
LONGEST_ERROR = 200


class Notices:
    """Shows notices on whatever screen is on top, each text once in a while. The app has one, for all its screens."""

    def __init__(self, app: App[Any], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._monotonic = monotonic
        self._last: dict[str, float] = {}
        self._unread_until = float("-inf")
        self._shown_text = ""

    @classmethod
    def of(cls, pump: MessagePump) -> Notices:
        """Return the notices of the app that a screen or widget is in."""
        return cast("Notices", cast(Any, pump.app).notices)

    @property
    def log_key(self) -> str:
        """The key of the log, as a person calls it."""
        return key_of(self._app, "show-log")

    def tell(self, *sentences: str, severity: SeverityLevel = "information") -> None:
        """Show these sentences, one a line; text from outside in them is made safe here."""
        # One thing at a time: what was said before makes room, unless it is grave and may not have been read yet.
        now = self._monotonic()
        if now >= self._unread_until:
            self._app.clear_notifications()
        grave = severity != "information"
        text = "\n".join(visible(sentence) for sentence in sentences if sentence)
        # A key that is pressed again says the same again, but not twice at a time.
        if text == self._shown_text and now < self._unread_until:
            return
        self._shown_text = text
        if grave:
            self._unread_until = now + SECONDS_TO_READ_ERROR
        self._app.notify(
            text,
            severity=severity,
            markup=False,
            timeout=SECONDS_TO_READ_ERROR if grave else SECONDS_TO_READ,
        )

    def tell_error(self, error: Exception) -> None:
        """Show an error with its hint, unless the same was shown just now."""
        known = isinstance(error, VuemanticsError)
        message = error.message if isinstance(error, VuemanticsError) else f"Something went wrong: {_shortened(error)}"
        hint = error.hint if isinstance(error, VuemanticsError) else f"Press {self.log_key} for the log."
        now = self._monotonic()
        if now - self._last.get(message, float("-inf")) < REPEAT_SECONDS:
            return
        self._last[message] = now
        if not known:
            log.error("an error became a notice", exc_info=error)
        self.tell(message, hint, severity="error")

    @contextmanager
    def errors_told(self) -> Iterator[None]:
        """Turn whatever goes wrong inside into a notice; the program goes on behind it."""
        try:
            yield
        except VuemanticsError as error:
            self.tell_error(error)
        except Exception as error:  # noqa: BLE001 - a defect in one action must not take the queue down with the screen
            self.tell_error(error)


def _shortened(error: Exception) -> str:
    words = repr(error)
    return words if len(words) <= LONGEST_ERROR else f"{words[:LONGEST_ERROR]}…"


MOST_RECORDS = 1000


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One record: when (seconds since 1970), how grave, who said it, what, and where an error came from."""

    created: float
    level: int
    name: str
    message: str
    trace: str


class RecentLog(logging.Handler):
    """Keeps the last records. Records may come from any thread."""

    def __init__(self, most: int = MOST_RECORDS) -> None:
        super().__init__(logging.INFO)
        self._entries: deque[LogEntry] = deque(maxlen=most)
        self._formatter = logging.Formatter()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        try:
            trace = record.exc_text or (self._formatter.formatException(record.exc_info) if record.exc_info else "")
            self._entries.append(LogEntry(record.created, record.levelno, record.name, record.getMessage(), trace))
            self.count += 1
        except Exception:  # noqa: BLE001 - as every handler: a record that cannot be formatted must not raise
            self.handleError(record)

    def entries(self, level: int = logging.NOTSET) -> list[LogEntry]:
        """Return what is kept of this level and above, the newest last."""
        self.acquire()
        try:
            return [entry for entry in self._entries if entry.level >= level]
        finally:
            self.release()
