"""What the commands print: uploads as JSON objects, as lines, as a page."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from vuemantics_tui.domain.errors import VuemanticsError
from vuemantics_tui.domain.fields import document, facts
from vuemantics_tui.domain.text import date_words, lines_of, seconds_words, size_words, visible, word_places
from vuemantics_tui.domain.upload import SHORT_ID, ProcessingStatus, Upload, UploadEvent, stack_sign

if TYPE_CHECKING:
    from vuemantics_tui.library import IntakeResult, Library

_TEXT_WIDTH = 100
_LABEL_CELLS = 18
_LIT = "bold yellow"


class ReaderGoneError(Exception):
    """The reader of stdout has closed it, as `head` does."""


@contextmanager
def stdout_written() -> Iterator[None]:
    """Flush stdout at the end. Raises ReaderGoneError if the reader has closed it, and VuemanticsError if it cannot be
    written, as on a full disk. Not left as OSError, since click would end the program at a closed pipe as if something
    had failed.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # Python flushes stdout once more on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise ReaderGoneError from error
        raise VuemanticsError(
            f"The output cannot be written: {error.strerror or error}",
            "Free some space or write elsewhere, then try again.",
        ) from error


def emit(line: str) -> None:
    """Print one line on stdout, with escapes for what the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    with stdout_written():
        sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def emit_lit(line: str, words: Iterable[str], begin: int) -> None:
    """Print one line on stdout, on a terminal with these words in it lit, from the character `begin` on."""
    if not sys.stdout.isatty():
        emit(line)
        return
    from rich.console import Console
    from rich.text import Text

    encoding = sys.stdout.encoding or "utf-8"
    text = Text(line.encode(encoding, "backslashreplace").decode(encoding))
    for start, stop in word_places(text.plain[begin:], words):
        text.stylize(_LIT, begin + start, begin + stop)
    with stdout_written():
        Console(soft_wrap=True).print(text)


def emit_json(document: dict[str, Any]) -> None:
    """Print one JSON object as a line."""
    with stdout_written():
        sys.stdout.write(json.dumps(document) + "\n")


def emit_path(path: Path, end: bytes) -> None:
    """Print a path on stdout with the bytes that it has on the disk, whatever the terminal's encoding."""
    emit_bytes(os.fsencode(path) + end)


def emit_bytes(data: bytes) -> None:
    """Write bytes to stdout as they are."""
    with stdout_written():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)


def note(line: str) -> None:
    """Print one line on stderr: for people, not for pipes."""
    with suppress(OSError):  # the terminal is gone, and nobody can read this
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def warn_of(problems: Iterable[str]) -> None:
    """Print the problems of the settings file on stderr."""
    for problem in problems:
        note(f"Warning: {visible(problem)}")


def upload_document(library: Library, upload: Upload) -> dict[str, Any]:
    """Return an upload as a JSON object; paths are absolute."""
    return document(upload, library.absolute)


def intake_document(library: Library, result: IntakeResult) -> dict[str, Any]:
    """Return why a path did not become a new upload, as a JSON object."""
    path = str(result.path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    document: dict[str, Any] = {"path": path, "filename": Path(path).name, "status": result.outcome.value}
    if result.upload is not None:
        document["id"] = result.upload.id
        document["upload"] = upload_document(library, result.upload)
        document["reason"] = result.reason
        document["reread"] = result.reread
    else:
        document |= {"reason": result.reason, "hint": result.hint}
    return document


def result_line(word: str, name: str, more: str = "") -> str:
    """Return one line for one file of a batch."""
    return f"{word:<10} {visible(name)}" + (f"  {visible(more)}" if more else "")


def tell_upload(library: Library, as_json: bool, upload: Upload) -> None:
    """Print an upload that ended."""
    if as_json:
        emit_json(upload_document(library, upload))
    else:
        emit(upload_line(upload))


def upload_line(upload: Upload) -> str:
    """Return one line for an upload that ended."""
    return result_line(upload.word, upload.filename, _ending(upload))


def _ending(upload: Upload) -> str:
    if upload.error_message:
        return upload.error_message + (f" ({upload.hint})" if upload.hint else "")
    return upload.warning or ""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Return rows as lines in columns; the columns in `right` are aligned right, the last one is never cut."""
    cells = [list(headings), *([visible(cell) for cell in row] for row in rows)]
    widths = [max(cell_len(row[column]) for row in cells) for column in range(len(headings))]
    lines = []
    for row in cells:
        padded = []
        for column, cell in enumerate(row):
            gap = " " * (widths[column] - cell_len(cell))
            last = column == len(row) - 1
            padded.append(gap + cell if column in right else cell if last else cell + gap)
        lines.append("  ".join(padded).rstrip())
    return lines


def upload_table(uploads: Iterable[Upload]) -> list[str]:
    """Return uploads as a table. Completed is the normal case and not repeated; failures have their message."""
    rows = [
        (
            upload.id[:SHORT_ID],
            _status(upload),
            size_words(upload.file_size),
            date_words(upload.created_at),
            "  ".join(part for part in (upload.filename, stack_sign(upload), upload.error_message or "") if part),
        )
        for upload in uploads
    ]
    return table(("ID", "Status", "Size", "Added", "Name"), rows, frozenset({2})) if rows else []


def _status(upload: Upload) -> str:
    if upload.status is ProcessingStatus.COMPLETED:
        return "! warning" if upload.warning else ""
    return upload.word


def upload_page(
    library: Library, upload: Upload, history: Iterable[UploadEvent], copies: Iterable[Path] = ()
) -> list[str]:
    """Return all details of one upload, as lines in sections. `copies` are other files with its bytes."""
    lines: list[str] = []
    for heading, found in facts(upload, library.absolute, copies):
        told = [(label, value) for label, value in found if value.strip()]
        if not told:
            continue
        lines += ["", heading] if lines else [heading]
        for label, value in told:
            name = f"  {visible(label)}"
            # A path is not broken: it can be selected and copied.
            for line in lines_of(value).splitlines():
                for part in textwrap.wrap(
                    line, _TEXT_WIDTH - _LABEL_CELLS, break_long_words=False, break_on_hyphens=False
                ):
                    lines.append(f"{name:<{_LABEL_CELLS}}{part}")
                    name = ""
    lines += ["", "History"]
    for event in history:
        took = f"  {seconds_words(event.seconds)}" if event.seconds is not None else ""
        lines.append(f"  {date_words(event.at, seconds=True)}  {event.kind:<12}{visible(event.message)}{took}".rstrip())
    return lines
