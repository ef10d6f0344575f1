"""Errors shown to people: each says what is wrong and, in its hint, what to do next."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Self


class ErrorKind(StrEnum):
    """Whether a retry may help."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    CANCELLED = "cancelled"


class VuemanticsError(Exception):
    """A problem that a person can understand and often fix.

    `message` says what is wrong, `hint` what to do about it, or is empty.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(VuemanticsError):
    """The request is invalid: an unknown ID, a bad setting, a missing path."""

    exit_code = 2


class LibraryError(VuemanticsError):
    """The library cannot be used: locked, read-only, full, or made by a newer program."""


class DamagedLibraryError(LibraryError):
    """The library's database is damaged or gone: it can be repaired from a backup and from the folders."""


class OriginalGoneError(LibraryError):
    """The original of an upload in place is not where it was: it is missing, or its disk `is_away`."""

    def __init__(self, message: str, hint: str = "", *, is_away: bool = False) -> None:
        super().__init__(message, hint)
        self.is_away = is_away


class DefectError(VuemanticsError):
    """A bug of this program: neither the file nor a server nor the disk is to blame."""

    @classmethod
    def of(cls, error: BaseException, log_file: Path) -> Self:
        """Return the defect behind an exception that no part of the program expects."""
        reason = " ".join(str(error).split())
        name = type(error).__name__
        return cls(
            f"This is a bug: {name}: {reason}" if reason else f"This is a bug: {name}",
            defect_hint(log_file),
        )


def defect_hint(log_file: Path) -> str:
    """Return what to do about a defect of this program."""
    return f"This is a bug in vuemantics-tui. Your files are fine. Report it with the log ({log_file}), then retry."


class MediaError(VuemanticsError):
    """The file cannot be decoded: truncated, damaged, or over a limit."""


class UnreadableError(MediaError):
    """The file is not there, or may not be opened or read."""


class WorkerDiedError(VuemanticsError):
    """A worker process died during a call."""


class AnalyzerError(VuemanticsError):
    """An analyzer could not describe or embed; `kind` says whether a retry may help.

    `retry_after` is how many seconds a server asks to wait; `missing_model` names a model to pull first.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        kind: ErrorKind = ErrorKind.PERMANENT,
        retry_after: float | None = None,
        missing_model: str = "",
    ) -> None:
        super().__init__(message, hint)
        self.kind = kind
        self.retry_after = retry_after
        self.missing_model = missing_model
        # Exceptions travel between processes by their `args`, so these must rebuild the whole error.
        self.args = (message, hint, kind, retry_after, missing_model)


class ServerDownError(AnalyzerError):
    """A server refuses or drops connections, or cannot be found: not the upload's fault.

    `server` is its name as people know it.
    """

    def __init__(self, server: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint, ErrorKind.TRANSIENT)
        self.server = server
        self.args = (server, message, hint)
