"""Export: uploads as JSON Lines, as a CSV table, or as XMP side-cars."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any

from vuemantics_tui.domain.errors import UsageError
from vuemantics_tui.domain.fields import CSV_COLUMNS, Absolute, exported
from vuemantics_tui.domain.upload import Upload
from vuemantics_tui.files import WholeFile, copy_part, is_disk_fault
from vuemantics_tui.library.xmp import SidecarStyle, Words, free_place, owner_of, write_sidecar
from vuemantics_tui.media.packets import sidecars_of
from vuemantics_tui.store.database import uninterrupted
from vuemantics_tui.store.sources import SourceStore
from vuemantics_tui.store.tags import TagStore
from vuemantics_tui.store.uploads import UploadStore

# How many uploads are read at a time.
_BATCH = 500
# Characters that make a cell a formula in some spreadsheet (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class ExportFormat(StrEnum):
    """The format of an export file: one JSON object per line, or a table."""

    JSON_LINES = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class ExportProgress:
    """How many uploads are written, out of how many."""

    done: int
    of: int


@dataclass(frozen=True, slots=True)
class FileResult:
    """A file that was written for an upload, its side-car or a copy: where it is, and the reason if it was not written.

    `done` out of `of` uploads are finished.
    """

    upload: Upload
    path: Path
    reason: str
    done: int
    of: int

    @property
    def written(self) -> bool:
        """Whether the file was written."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class ExportedUpload:
    """An upload with all its tags, including your own; `absolute` gives the paths of its files.

    `removed` are the keywords that a person took away from it.
    """

    upload: Upload
    tags: tuple[str, ...]
    absolute: Absolute
    removed: tuple[str, ...] = ()

    def fields(self) -> dict[str, Any]:
        """Return all exported fields as plain JSON data."""
        return exported(replace(self.upload, tags=self.tags), self.absolute)


class Export:
    """Writes uploads for other programs to read. Never changes the library."""

    def __init__(
        self, root: Path, uploads: UploadStore, tags: TagStore, sources: SourceStore, absolute: Absolute
    ) -> None:
        self._root = root
        self._sources = sources
        self._absolute = absolute
        self._uploads = uploads
        self._tags = tags

    async def lines(
        self, export_format: ExportFormat, numbers: Sequence[int] | None = None, *, include_hidden: bool = False
    ) -> AsyncIterator[str]:
        """Yield the text of an export line by line: these uploads, or else all that are not hidden."""
        if export_format is ExportFormat.CSV:
            yield csv_header()
        line = csv_line if export_format is ExportFormat.CSV else json_line
        async for record in self._records(await self._chosen(numbers, include_hidden)):
            yield line(record)

    async def to_file(
        self,
        target: Path,
        export_format: ExportFormat,
        numbers: Sequence[int] | None = None,
        *,
        include_hidden: bool = False,
        overwrite: bool = False,
    ) -> AsyncIterator[ExportProgress]:
        """Write an export into one file, which appears when it is complete.

        Raises UsageError if the file exists and `overwrite` is false, lies in the library, or cannot be written.
        """
        target = await asyncio.to_thread(self._checked_file, target, overwrite)
        chosen = await self._chosen(numbers, include_hidden)
        line = csv_line if export_format is ExportFormat.CSV else json_line
        with _writing(target):
            file = await asyncio.to_thread(WholeFile, target, private=False)
            finished = False
            try:
                done = 0
                text = [csv_header()] if export_format is ExportFormat.CSV else []
                async for record in self._records(chosen):
                    text.append(line(record))
                    done += 1
                    if len(text) >= _BATCH:
                        await asyncio.to_thread(file.write, _encoded(text))
                        text.clear()
                        yield ExportProgress(done, len(chosen))
                await asyncio.to_thread(file.write, _encoded(text))
                await uninterrupted(asyncio.to_thread(file.finish))
                finished = True
            finally:
                if not finished:
                    await uninterrupted(asyncio.to_thread(file.abandon))
        yield ExportProgress(done, done)

    async def sidecars(
        self,
        folder: Path,
        numbers: Sequence[int] | None = None,
        *,
        include_hidden: bool = False,
        overwrite: bool = False,
        style: SidecarStyle = SidecarStyle.DIGIKAM,
    ) -> AsyncIterator[FileResult]:
        """Write an XMP side-car for each upload into a folder, named after the added file as `style` has it.

        What another program wrote into a side-car that is there is kept, unless `overwrite`. Uploads that share a name
        get a number. One that cannot be written stops none of the others. Raises UsageError if the folder does not
        exist, lies in the library, or cannot be written, and if the disk is full.
        """
        await asyncio.to_thread(self._check_outside, folder)
        if not await asyncio.to_thread(folder.is_dir):
            raise UsageError(f"There is no folder {str(folder)!r}", "Create it first, or choose another.")
        if not await asyncio.to_thread(os.access, folder, os.W_OK | os.X_OK):
            raise UsageError(f"{folder} cannot be written", "Check its permissions, or choose another folder.")
        chosen = await self._chosen(numbers, include_hidden)
        taken: set[str] = set()
        done = 0
        with _writing(folder):
            async for record in self._records(chosen):
                path, reason = await uninterrupted(
                    asyncio.to_thread(_write_sidecar, folder, record, taken, overwrite, style)
                )
                done += 1
                yield FileResult(record.upload, path, reason, done, len(chosen))

    async def sidecars_in_place(
        self,
        numbers: Sequence[int] | None = None,
        *,
        include_hidden: bool = False,
        style: SidecarStyle = SidecarStyle.DIGIKAM,
    ) -> AsyncIterator[FileResult]:
        """Write an XMP side-car beside the original of each upload in place, and nothing for copied uploads.

        What another program wrote into a side-car is always kept, and each file is replaced as a whole. One that cannot
        be written stops none of the others. Raises UsageError if a disk is full.
        """
        chosen = await self._chosen(numbers, include_hidden)
        done = 0
        with _writing(self._root):
            async for record in self._records(chosen):
                done += 1
                original = record.upload.in_place
                if original is None:
                    continue
                path = original.with_name(style.name_for(original.name))
                reason, changed = await uninterrupted(asyncio.to_thread(_write_beside, path, original, record))
                if changed:
                    await self._sources.files.sidecar_written(record.upload.number, changed)
                yield FileResult(record.upload, path, reason, done, len(chosen))

    async def clips(
        self, folder: Path, numbers: Sequence[int] | None = None, *, include_hidden: bool = False
    ) -> AsyncIterator[FileResult]:
        """Write the clips inside motion photos into a folder, each named after its photo: `name.mp4`.

        A file that is there already is left alone, and another name is found. One that cannot be read stops none of
        the others. Raises UsageError as `sidecars` does.
        """
        async for result in self._copies(folder, numbers, include_hidden, clips=True):
            yield result

    async def originals(
        self, folder: Path, numbers: Sequence[int] | None = None, *, include_hidden: bool = False
    ) -> AsyncIterator[FileResult]:
        """Copy originals into a folder under their own names, with the times of their files.

        A file that is there already is left alone, and another name is found. One that cannot be read stops none of
        the others. Raises UsageError as `sidecars` does.
        """
        async for result in self._copies(folder, numbers, include_hidden, clips=False):
            yield result

    async def _copies(
        self, folder: Path, numbers: Sequence[int] | None, include_hidden: bool, *, clips: bool
    ) -> AsyncIterator[FileResult]:
        await asyncio.to_thread(self._check_outside, folder)
        if not await asyncio.to_thread(folder.is_dir):
            raise UsageError(f"There is no folder {str(folder)!r}", "Create it first, or choose another.")
        chosen = await self._chosen(numbers, include_hidden)
        done = 0
        with _writing(folder):
            async for record in self._records(chosen):
                upload = record.upload
                done += 1
                if clips and not upload.motion_bytes:
                    continue
                original = upload.in_place if upload.source else self._absolute(upload.file_path)
                part = (upload.motion_start, upload.motion_bytes or 0) if clips else None
                path, reason = await uninterrupted(asyncio.to_thread(_copy, folder, upload.filename, original, part))
                yield FileResult(upload, path, reason, done, len(chosen))

    async def _chosen(self, numbers: Sequence[int] | None, include_hidden: bool) -> Sequence[int]:
        return await self._uploads.all_numbers(include_hidden=include_hidden) if numbers is None else numbers

    async def _records(self, numbers: Sequence[int]) -> AsyncIterator[ExportedUpload]:
        for start in range(0, len(numbers), _BATCH):
            some = numbers[start : start + _BATCH]
            tags = await self._tags.of(some)
            removed = await self._tags.taken_from(some)
            for upload in await self._uploads.by_numbers(some):
                number = upload.number
                yield ExportedUpload(upload, tags.get(number, upload.tags), self._absolute, removed.get(number, ()))

    def _checked_file(self, target: Path, overwrite: bool) -> Path:
        """Return the real path of the file to write, with links resolved. Raises UsageError."""
        # The file is replaced as a whole, which would replace a link or a device instead of writing through it.
        try:
            real = target.resolve()
        except (OSError, RuntimeError) as error:
            raise UsageError(f"This link is broken: {target}", "Choose another file.") from error
        if real.is_symlink():
            # A ring of links: from Python 3.13 on it resolves to itself.
            raise UsageError(f"This link is broken: {target}", "Choose another file.")
        self._check_outside(real.parent)
        if real.is_dir():
            raise UsageError(f"This is a folder: {target}", "Name a file inside it.")
        if real.exists() and not real.is_file():
            raise UsageError(f"This is not a regular file: {target}", "Choose a file, or - for stdout.")
        if real.exists() and not overwrite:
            raise UsageError(
                f"This file already exists: {target}", "Choose another name, or replace it with --overwrite."
            )
        return real

    def _check_outside(self, folder: Path) -> None:
        if folder.resolve().is_relative_to(self._root.resolve()):
            raise UsageError(
                f"This folder belongs to the library itself: {folder}", "Choose a folder outside the library."
            )


def _free_name(folder: Path, filename: str, suffix: str = "") -> Path:
    """Return where a file of this name can be put without replacing another: `name (2).jpg`."""
    name = PurePath(filename.replace("/", "_").replace("\\", "_").replace("\x00", "_"))
    stem, ending = name.stem, suffix or name.suffix
    names = (f"{stem}{ending}" if count == 1 else f"{stem} ({count}){ending}" for count in itertools.count(1))
    return next(path for each in names if not os.path.lexists(path := folder / each))


def _copy(folder: Path, filename: str, original: Path | None, clip: tuple[int, int] | None) -> tuple[Path, str]:
    """Copy one original, or the clip in it, by its start and size; returns where to, and what went wrong with it.

    Raises OSError if the disk is to blame.
    """
    target = _free_name(folder, filename, "" if clip is None else ".mp4")
    if original is None or not original.is_file():
        return target, "Its original is missing."
    try:
        facts = original.stat()
        copy_part(original, target, *(clip or (0, facts.st_size)), private=False)
        if clip is None:
            os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    except OSError as error:
        if is_disk_fault(error):
            raise
        return target, f"It cannot be copied: {error.strerror or error}."
    return target, ""


def _encoded(text: list[str]) -> bytes:
    """Encode text as UTF-8; half of a surrogate pair becomes a question mark."""
    return "".join(text).encode("utf-8", "replace")


def _write_sidecar(
    folder: Path, record: ExportedUpload, taken: set[str], overwrite: bool, style: SidecarStyle
) -> tuple[Path, str]:
    """Write one side-car; returns where it is, and what went wrong with it. Raises OSError if the disk is to blame."""
    words = Words(record.upload, record.tags, record.removed)
    path = free_place(folder, record.upload, taken, style)
    try:
        return path, write_sidecar(path, words, overwrite=overwrite)
    except OSError as error:
        if is_disk_fault(error):
            raise
        return path, f"It cannot be written: {error.strerror or error}."


def _write_beside(path: Path, original: Path, record: ExportedUpload) -> tuple[str, int]:
    """Write a side-car beside an original; returns what went wrong with it, and its time in nanoseconds or 0.

    Raises OSError if the disk is to blame.
    """
    if record.upload.missing_since or not original.is_file():
        return "Its picture is missing.", 0
    if path.is_symlink():
        return "It is a link. Links are left alone.", 0
    if owner_of(path) not in (None, record.upload.id):
        return "It belongs to another picture of that name: use --sidecar-style digikam.", 0
    try:
        reason = write_sidecar(path, Words(record.upload, record.tags, record.removed))
        beside = [sidecar.stat().st_mtime_ns for sidecar in sidecars_of(original)]
    except OSError as error:
        if is_disk_fault(error):
            raise
        return f"It cannot be written: {error.strerror or error}.", 0
    return reason, 0 if reason else max(beside, default=0)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Turn errors of the disk into a UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{target} cannot be written: {error.strerror or error}",
            "Check the folder, its permissions and the free space. An existing file is untouched.",
        ) from error


def json_line(record: ExportedUpload) -> str:
    """Return one object on one line, with its line break."""
    # All of Unicode's line breaks are escaped, so that no reader splits a line.
    text = json.dumps(record.fields(), ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085") + "\n"


def csv_header() -> str:
    """Return the first line, with the byte order mark that makes spreadsheets read UTF-8."""
    return "\ufeff" + _csv(list(CSV_COLUMNS))


def csv_line(record: ExportedUpload) -> str:
    """Return one upload as RFC 4180 has it, lists joined by "; ". Cells that spreadsheets would run are quoted."""
    fields = record.fields()
    return _csv([_cell(fields[name]) for name in CSV_COLUMNS])


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if not isinstance(value, str):
        return "" if value is None else value
    text = value.replace("\x00", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _csv(cells: list[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
