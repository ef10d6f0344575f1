"""The errors that a person may see: each says what is wrong and, in its hint, what to do."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Self


class ErrorKind(StrEnum):
    """Whether doing the same again may help."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    CANCELLED = "cancelled"


class VuemanticsError(Exception):
    """Something went wrong that a person can understand and often mend.

    `message` says what is wrong; `hint` says what to do about it, or is empty.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(VuemanticsError):
    """The request itself makes no sense: an unknown ID, a bad setting, a path that is not there."""

    exit_code = 2


class LibraryError(VuemanticsError):
    """The library cannot be used: locked, read-only, full, or made by a newer program."""


class DefectError(VuemanticsError):
    """This program made a mistake: neither the file nor a server nor the disk is to blame."""

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
    """The file's pixels or frames cannot be had: truncated, not decodable, over a limit."""


class WorkerDiedError(VuemanticsError):
    """A process of the pool died in the middle of a call."""


class AnalyzerError(VuemanticsError):
    """An analyzer could not describe or embed; `kind` says whether trying again may help.

    `retry_after` are the seconds that a server asked to be left alone; `missing_model` is the name of a model that
    would have to be pulled first.
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

    `server` as a person knows it.
    """

    def __init__(self, server: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint, ErrorKind.TRANSIENT)
        self.server = server
        self.args = (server, message, hint)
