"""RecentLog: what the program noted in this session, kept in memory for the log screen."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass

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
        """What is kept of this level and above, the newest last."""
        self.acquire()
        try:
            return [entry for entry in self._entries if entry.level >= level]
        finally:
            self.release()
